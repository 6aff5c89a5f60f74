#include "policies/cam/condition.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"

/* --- policy variables ----------------------------------------------------------- */

const char *cam_expand(const char *text, const struct cam_request *r, char out[CAM_EXPANDED])
{
	const struct { const char *name; uint64_t value; } variables[] = {
		{ "${uin}", r->uin }, { "${owner_uin}", r->owner_uin }, { "${app_id}", r->app_id },
	};
	if (!strstr(text, "${"))
		return text;
	size_t n = 0;
	while (*text && n + 24 < CAM_EXPANDED) {
		size_t i = 0;
		while (i < ARRAY_LEN(variables) && !str_starts(text, variables[i].name))
			i++;
		if (i < ARRAY_LEN(variables)) {
			n += (size_t)snprintf(out + n, CAM_EXPANDED - n, "%" PRIu64, variables[i].value);
			text += strlen(variables[i].name);
		} else {
			out[n++] = *text++;
		}
	}
	out[n] = '\0';
	return out;
}

/* --- comparing one value with one value -------------------------------------------- */

enum order { LESS = 1, EQUAL = 2, GREATER = 4 };

static bool same_text(const char *want, const char *have, int arg)
{
	(void)arg;
	return str_eq(want, have);
}

static bool same_text_any_case(const char *want, const char *have, int arg)
{
	(void)arg;
	return str_ieq(want, have);
}

static bool like(const char *want, const char *have, int arg)
{
	(void)arg;
	return cam_match(want, have);
}

static bool in_order(double have, double want, int accepted)
{
	int order = have < want ? LESS : have > want ? GREATER : EQUAL;
	return order & accepted;
}

static bool numeric(const char *want, const char *have, int accepted)
{
	char *end_want, *end_have;
	double w = strtod(want, &end_want), h = strtod(have, &end_have);
	return *want && *have && !*end_want && !*end_have && in_order(h, w, accepted);
}

/* "+08:00" at text, in minutes. */
static bool read_offset(const char *text, int *minutes)
{
	static const char shape[] = "+00:00";
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';
		if (i == 0 ? text[i] != '+' && text[i] != '-' : shape[i] == ':' ? text[i] != ':' : !digit)
			return false;
	}
	*minutes = ((text[1] - '0') * 10 + text[2] - '0') * 60 + (text[4] - '0') * 10 + text[5] - '0';
	if (text[0] == '-')
		*minutes = -*minutes;
	return !text[6];
}

/* "2026-11-24T08:00:00Z", or with an offset such as "+08:00". */
static bool read_date(const char *text, int64_t *ms)
{
	char plain[TIME_TEXT];
	int minutes;
	size_t n = strlen(text);
	struct err e;
	if (!str_time_parse(text, ms, &e))
		return true;
	if (n < 7 || n >= sizeof(plain) || !read_offset(text + n - 6, &minutes))
		return false;
	snprintf(plain, sizeof(plain), "%.*sZ", (int)(n - 6), text);
	if (str_time_parse(plain, ms, &e))
		return false;
	*ms -= minutes * INT64_C(60000);
	return true;
}

static bool date(const char *want, const char *have, int accepted)
{
	int64_t w, h;
	return read_date(want, &w) && read_date(have, &h) && in_order((double)h, (double)w, accepted);
}

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	unsigned mask = bits % 8 ? 0xffu << (8 - bits % 8) & 0xffu : 0;
	return !mask || !((a[bits / 8] ^ b[bits / 8]) & mask);
}

/* An address or a network such as "10.0.0.0/8", of either family. */
static bool in_network(const char *want, const char *have, int arg)
{
	(void)arg;
	char network[64];
	unsigned char a[16], b[16];
	if (!str_copy(network, sizeof(network), want))
		return false;
	char *slash = strchr(network, '/');
	if (slash)
		*slash = '\0';
	int family = strchr(network, ':') ? AF_INET6 : AF_INET;
	unsigned long all = family == AF_INET6 ? 128 : 32, bits = slash ? strtoul(slash + 1, NULL, 10) : all;
	return bits <= all && inet_pton(family, network, a) == 1 && inet_pton(family, have, b) == 1 &&
		same_bits(a, b, (unsigned)bits);
}

/* --- operators ----------------------------------------------------------------------- */

static const struct operator {
	const char *name;
	bool (*test)(const char *want, const char *have, int arg);
	int arg;
	bool negated;
} operators[] = {
	{ "string_equal", same_text, 0, false },
	{ "string_not_equal", same_text, 0, true },
	{ "string_equal_ignore_case", same_text_any_case, 0, false },
	{ "string_not_equal_ignore_case", same_text_any_case, 0, true },
	{ "string_like", like, 0, false },
	{ "string_not_like", like, 0, true },
	{ "numeric_equal", numeric, EQUAL, false },
	{ "numeric_not_equal", numeric, EQUAL, true },
	{ "numeric_less_than", numeric, LESS, false },
	{ "numeric_less_than_equal", numeric, LESS | EQUAL, false },
	{ "numeric_greater_than", numeric, GREATER, false },
	{ "numeric_greater_than_equal", numeric, GREATER | EQUAL, false },
	{ "date_equal", date, EQUAL, false },
	{ "date_not_equal", date, EQUAL, true },
	{ "date_less_than", date, LESS, false },
	{ "date_less_than_equal", date, LESS | EQUAL, false },
	{ "date_greater_than", date, GREATER, false },
	{ "date_greater_than_equal", date, GREATER | EQUAL, false },
	{ "bool_equal", same_text_any_case, 0, false },
	{ "ip_equal", in_network, 0, false },
	{ "ip_not_equal", in_network, 0, true },
};

static const struct operator *find_operator(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(operators); i++)
		if (str_eq(name, operators[i].name))
			return &operators[i];
	return NULL;
}

bool cam_operator_known(const char *name)
{
	return str_eq(name, "null_equal") || find_operator(name);
}

/* The values of a policy are alternatives; a negated operator must fit none of them. */
static bool value_fits(const struct operator *op, const struct cam_condition *c, const char *have,
	const struct cam_request *r)
{
	for (size_t i = 0; i < c->values.count; i++) {
		char expanded[CAM_EXPANDED];
		if (op->test(cam_expand(c->values.items[i], r, expanded), have, op->arg))
			return !op->negated;
	}
	return op->negated;
}

static bool null_fits(const struct cam_condition *c, bool absent)
{
	for (size_t i = 0; i < c->values.count; i++)
		if (str_ieq(c->values.items[i], absent ? "true" : "false"))
			return true;
	return false;
}

/* A key that the request does not carry: only _if_exist and for_all_value: let it pass. */
static bool holds(const struct cam_condition *c, const struct cam_request *r)
{
	const struct operator *op = find_operator(c->operator);
	size_t present = 0, fit = 0;
	for (size_t i = 0; i < r->context_count; i++) {
		if (!str_eq(r->context[i].key, c->key))
			continue;
		present++;
		fit += op && value_fits(op, c, r->context[i].value, r);
	}
	if (str_eq(c->operator, "null_equal"))
		return null_fits(c, !present);
	if (!present)
		return c->if_exist || c->for_all;
	/* One key, several values: a plain negated operator is as careful as for_all_value:. */
	bool every = c->for_all || (op && op->negated && !c->for_any);
	return every ? fit == present : fit > 0;
}

bool cam_conditions_hold(const struct cam_statement *s, const struct cam_request *r)
{
	for (size_t i = 0; i < s->condition_count; i++)
		if (!holds(&s->conditions[i], r))
			return false;
	return true;
}
