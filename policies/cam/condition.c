#include "policies/cam/condition.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"

/* --- policy variables ----------------------------------------------------------- */

static const struct { const char *name; size_t at; /* in the request */ } variables[] = {
	{ "uin", offsetof(struct cam_request, uin) },
	{ "owner_uin", offsetof(struct cam_request, owner_uin) },
	{ "app_id", offsetof(struct cam_request, app_id) },
};

bool cam_variable_known(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		if (strlen(variables[i].name) == n && memcmp(variables[i].name, name, n) == 0)
			return true;
	return false;
}

/* At "${": how long the variable is as it is written, and its value; 0: it is none that is declared. */
static size_t read_variable(const char *text, const struct cam_request *r, uint64_t *value)
{
	for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
		size_t n = strlen(variables[i].name);
		if (!str_starts(text + 2, variables[i].name) || text[2 + n] != '}')
			continue;
		memcpy(value, (const char *)r + variables[i].at, sizeof(*value));
		return n + 3;
	}
	return 0;
}

const char *cam_expand(const char *text, const struct cam_request *r, char out[CAM_EXPANDED])
{
	if (!strstr(text, "${"))
		return text;
	size_t n = 0;
	while (*text) {
		uint64_t value;
		size_t length = str_starts(text, "${") ? read_variable(text, r, &value) : 0;
		size_t room = CAM_EXPANDED - n;
		size_t more = length ? (size_t)snprintf(out + n, room, "%" PRIu64, value) : 1;
		if (more >= room)
			return NULL;
		if (!length)
			out[n] = *text;
		n += more;
		text += length ? length : 1;
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

static bool in_order(long double have, long double want, int accepted)
{
	int order = have < want ? LESS : have > want ? GREATER : EQUAL;
	return order & accepted;
}

static const char *skip_digits(const char *text)
{
	return text + strspn(text, "0123456789");
}

/* A decimal number and nothing else: strtold() would also take "nan", "0x10" and white space.  A long double holds every
 * integer of 64 bits. */
static bool read_number(const char *text, long double *out)
{
	const char *p = text + (*text == '-'), *end = skip_digits(p);
	bool sound = end > p;
	if (*end == '.') {
		p = end + 1;
		end = skip_digits(p);
		sound = sound && end > p;
	}
	if (*end == 'e' || *end == 'E') {
		p = end + 1;
		p += *p == '+' || *p == '-';
		end = skip_digits(p);
		sound = sound && end > p;
	}
	if (!sound || *end)
		return false;
	*out = strtold(text, NULL);
	return true;
}

static bool numeric(const char *want, const char *have, int accepted)
{
	long double w = 0, h = 0;
	return read_number(want, &w) && read_number(have, &h) && in_order(h, w, accepted);
}

/* Two digits, the first of them at most `most`; -1: not there. */
static int two_digits(const char *text, char most)
{
	bool digits = text[0] >= '0' && text[0] <= most && text[1] >= '0' && text[1] <= '9';
	return digits ? (text[0] - '0') * 10 + text[1] - '0' : -1;
}

/* "+08:00" at text, in minutes. */
static bool read_offset(const char *text, int *minutes)
{
	int h = *text == '+' || *text == '-' ? two_digits(text + 1, '2') : -1;
	int m = h >= 0 && h < 24 && text[3] == ':' ? two_digits(text + 4, '5') : -1;
	*minutes = *text == '-' ? -(h * 60 + m) : h * 60 + m;
	return m >= 0 && !text[6];
}

/* "2026-11-24T08:00:00Z", or with an offset such as "+08:00".  The vendor's pages also leave out the zone, which is UTC
 * then, and put a blank in place of the T or behind it. */
static bool read_date(const char *text, int64_t *ms)
{
	enum { DAY = 10 };           /* characters of "2026-11-24" */
	char plain[TIME_TEXT];
	int minutes = 0;
	struct err e;
	if (strlen(text) <= DAY || !strchr("Tt ", text[DAY]))
		return false;
	const char *clock = text + DAY + 1;
	clock += text[DAY] != ' ' && *clock == ' ';
	size_t n = strcspn(clock, "Zz+-");
	const char *zone = clock + n;
	if (*zone && strcmp(zone, "Z") != 0 && strcmp(zone, "z") != 0 && !read_offset(zone, &minutes))
		return false;
	if (snprintf(plain, sizeof(plain), "%.*sT%.*sZ", DAY, text, (int)n, clock) >= (int)sizeof(plain) ||
		str_time_parse(plain, ms, &e))
		return false;
	*ms -= minutes * INT64_C(60000);
	return true;
}

static bool date(const char *want, const char *have, int accepted)
{
	int64_t w, h;
	return read_date(want, &w) && read_date(have, &h) && in_order(h, w, accepted);
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
	unsigned long all = family == AF_INET6 ? 128 : 32, bits = all;
	if (slash) {
		size_t n = strspn(slash + 1, "0123456789");
		bits = n && n <= 3 && !slash[n + 1] ? strtoul(slash + 1, NULL, 10) : all + 1;
	}
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
	{ "binary_equal", same_text, 0, false },      /* both sides in base64 */
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
		const char *want = cam_expand(c->values.items[i], r, expanded);
		if (want && op->test(want, have, op->arg))
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

/* A key that the request does not carry: only _if_exist and for_all_value: let it pass.  For null_equal an empty value is
 * as good as none. */
static bool holds(const struct cam_condition *c, const struct cam_request *r)
{
	const struct operator *op = find_operator(c->operator);
	size_t present = 0, filled = 0, fit = 0;
	for (size_t i = 0; i < r->context_count; i++) {
		if (!str_eq(r->context[i].key, c->key))
			continue;
		present++;
		filled += *r->context[i].value != '\0';
		fit += op && value_fits(op, c, r->context[i].value, r);
	}
	if (str_eq(c->operator, "null_equal"))
		return null_fits(c, !filled);
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
