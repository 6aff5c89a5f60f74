#include "tests/support/naive.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/str.h"

int naive_glob(const char *p, const char *t)
{
	if (*p == '*')
		return naive_glob(p + 1, t) || (*t && naive_glob(p, t + 1));
	return *p == *t && (!*p || naive_glob(p + 1, t + 1));
}

/* --- one value, or a list of some: for (v = first_of(x); v; v = next_of(x, v)) --------------- */

static const struct json *first_of(const struct json *v)
{
	return json_type(v) == JSON_ARRAY ? json_first(v) : v;
}

static const struct json *next_of(const struct json *list, const struct json *v)
{
	return json_type(list) == JSON_ARRAY ? json_next(v) : NULL;
}

/* --- policy variables ------------------------------------------------------------------ */

static const char *with_variables(struct arena *a, const char *text, const struct naive_request *r)
{
	const struct { const char *name; uint64_t number; } all[] = { { "${uin}", r->caller }, { "${owner_uin}", r->owner },
		{ "${app_id}", r->app } };
	struct str s;
	if (!strchr(text, '$'))
		return text;
	str_init(&s, a);
	for (const char *p = text; *p;) {
		int i = 0;
		while (i < 3 && strncmp(p, all[i].name, strlen(all[i].name)) != 0)
			i++;
		if (i < 3)
			str_addf(&s, "%llu", (unsigned long long)all[i].number);
		else
			str_addn(&s, p, 1);
		p += i < 3 ? strlen(all[i].name) : 1;
	}
	return s.text;
}

/* --- values of conditions: -1 less, 0 the same, 1 greater, 2 cannot be compared ------------ */


/* How many digits stand at p. */
static int digits(const char *p)
{
	return (int)strspn(p, "0123456789");
}

static int is_number(const char *p)
{
	p += *p == '-';
	if (!digits(p))
		return 0;
	p += digits(p);
	if (*p == '.' && !digits(p + 1))
		return 0;
	p += *p == '.' ? 1 + digits(p + 1) : 0;
	if (*p != 'e' && *p != 'E')
		return !*p;
	p += p[1] == '+' || p[1] == '-' ? 2 : 1;
	return digits(p) && !p[digits(p)];
}

static int compare_numbers(const char *have, const char *want)
{
	if (!is_number(have) || !is_number(want))
		return 2;
	long double h = strtold(have, NULL), w = strtold(want, NULL);
	return h < w ? -1 : h > w;
}

/* Does the text begin as the shape says, in which '#' is a digit? */
static int shaped(const char *text, const char *shape)
{
	for (; *shape; shape++, text++)
		if (*shape == '#' ? *text < '0' || *text > '9' : *text != *shape)
			return 0;
	return 1;
}

/* "2026-11-24", then "T", "t", " ", "T " or "t ", then "12:00:00", then perhaps ".5", then "Z", "z", "+08:00" or nothing; in
 * milliseconds, what is finer does not count. */
static int moment(const char *text, long long *out)
{
	struct tm t = { 0 };
	const char *p = text + 10;
	long long part = 0, east = 0;
	if (!shaped(text, "####-##-##") || (*p != 'T' && *p != 't' && *p != ' '))
		return 0;
	p += *p != ' ' && p[1] == ' ' ? 2 : 1;
	if (!shaped(p, "##:##:##"))
		return 0;
	int year = atoi(text), month = atoi(text + 5), day = atoi(text + 8), hour = atoi(p), minute = atoi(p + 3), second = atoi(p + 6);
	p += 8;
	if (*p == '.') {
		int n = digits(p + 1);
		char milli[4] = "000";
		memcpy(milli, p + 1, n < 3 ? (size_t)n : 3);
		part = atoi(milli);
		p += 1 + n;
		if (n < 1 || n > 10)
			return 0;
	}
	if (shaped(p, "+##:##") || shaped(p, "-##:##")) {
		if (atoi(p + 1) > 23 || atoi(p + 4) > 59)
			return 0;
		east = (*p == '-' ? -1 : 1) * (atoi(p + 1) * 60LL + atoi(p + 4));
		p += 6;
	} else if (*p == 'Z' || *p == 'z') {
		p++;
	}
	if (*p || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
		return 0;
	t.tm_year = year - 1900;
	t.tm_mon = month - 1;
	t.tm_mday = day;
	*out = ((long long)timegm(&t) + hour * 3600LL + (minute - east) * 60LL + second) * 1000 + part;
	return t.tm_mday == day;      /* timegm() makes March of 30 February */
}

static int compare_dates(const char *have, const char *want)
{
	long long h, w;
	if (!moment(have, &h) || !moment(want, &w))
		return 2;
	return h < w ? -1 : h > w;
}

/* An address as a row of '0' and '1'. */
static int bits(const char *address, char out[129])
{
	unsigned char b[16];
	int family = strchr(address, ':') ? AF_INET6 : AF_INET, n = family == AF_INET6 ? 128 : 32;
	if (inet_pton(family, address, b) != 1)
		return 0;
	for (int i = 0; i < n; i++)
		out[i] = b[i / 8] >> (7 - i % 8) & 1 ? '1' : '0';
	out[n] = '\0';
	return n;
}

static int in_network(const char *address, const char *network)
{
	char mine[129], theirs[129], base[64] = "";
	int n = bits(address, mine), prefix = -1;
	sscanf(network, "%63[^/]", base);
	int all = bits(base, theirs);
	const char *slash = strchr(network, '/');
	if (!slash)
		prefix = all;
	else if (digits(slash + 1) >= 1 && digits(slash + 1) <= 3 && !slash[1 + digits(slash + 1)])
		prefix = atoi(slash + 1);
	return n && n == all && prefix >= 0 && prefix <= all && strncmp(mine, theirs, (size_t)prefix) == 0;
}

/* Does one value of the request stand in the relation that the operator names, "not" taken away, to one of the policy? */
static int related(const char *name, const char *have, const char *want)
{
	int order = strncmp(name, "date", 4) == 0 ? compare_dates(have, want) : compare_numbers(have, want);
	if (!strcmp(name, "string_equal") || !strcmp(name, "binary_equal"))
		return strcmp(have, want) == 0;
	if (!strcmp(name, "string_equal_ignore_case") || !strcmp(name, "bool_equal"))
		return strcasecmp(have, want) == 0;
	if (!strcmp(name, "string_like"))
		return naive_glob(want, have);
	if (!strcmp(name, "ip_equal"))
		return in_network(have, want);
	const char *relation = strchr(name, '_') + 1;
	if (!strcmp(relation, "equal"))
		return order == 0;
	if (!strcmp(relation, "less_than"))
		return order == -1;
	if (!strcmp(relation, "less_than_equal"))
		return order == -1 || order == 0;
	if (!strcmp(relation, "greater_than"))
		return order == 1;
	if (!strcmp(relation, "greater_than_equal"))
		return order == 1 || order == 0;
	abort();
}

/* --- conditions ------------------------------------------------------------------------- */

static const char *text_of(struct arena *a, const struct json *v)
{
	return json_string(v) ? json_string(v) : json_print(a, v);
}

/* One value of the request against all values of the policy, which are alternatives. */
static int value_holds(struct arena *a, const char *name, const struct json *wanted, const char *have,
	const struct naive_request *r)
{
	char plain[80];
	const char *not = strstr(name, "not_");
	if (not)
		snprintf(plain, sizeof(plain), "%.*s%s", (int)(not - name), name, not + 4);
	else
		snprintf(plain, sizeof(plain), "%s", name);
	int any = 0;
	for (const struct json *v = first_of(wanted); v; v = next_of(wanted, v))
		any |= related(plain, have, with_variables(a, text_of(a, v), r));
	return not ? !any : any;
}

static int null_holds(struct arena *a, const struct json *wanted, int is_null)
{
	int any = 0;
	for (const struct json *v = first_of(wanted); v; v = next_of(wanted, v))
		any |= strcasecmp(text_of(a, v), is_null ? "true" : "false") == 0;
	return any;
}

static int condition_holds(struct arena *a, const char *written, const char *key, const struct json *wanted,
	const struct naive_request *r)
{
	char name[80];
	int any_value = strncmp(written, "for_any_value:", 14) == 0, all_values = strncmp(written, "for_all_value:", 14) == 0;
	snprintf(name, sizeof(name), "%s", any_value || all_values ? written + 14 : written);
	char *suffix = strstr(name, "_if_exist");
	if (suffix)
		*suffix = '\0';
	int values = 0, filled = 0, good = 0;
	for (size_t i = 0; i < r->count; i++) {
		if (strcmp(r->context[i].key, key))
			continue;
		values++;
		filled += r->context[i].value[0] != '\0';
		if (strcmp(name, "null_equal"))
			good += value_holds(a, name, wanted, r->context[i].value, r);
	}
	if (!strcmp(name, "null_equal"))
		return null_holds(a, wanted, filled == 0);
	if (values == 0)
		return suffix || all_values;
	if (any_value)
		return good > 0;
	if (all_values || strstr(name, "not_"))
		return good == values;
	return good > 0;
}

static int conditions_hold(struct arena *a, const struct json *conditions, const struct naive_request *r)
{
	for (const struct json *op = json_first(conditions); op; op = json_next(op))
		for (const struct json *key = json_first(op); key; key = json_next(key))
			if (!condition_holds(a, json_name(op), json_name(key), key, r))
				return 0;
	return 1;
}

/* --- actions and resources ----------------------------------------------------------------- */

static int action_fits(const char *pattern, const char *action)
{
	if (*pattern == 'n' && !strncmp(pattern, "name/", 5))
		pattern += 5;
	return naive_glob(pattern, action) && strncmp(pattern, "permid/", 7) != 0;
}

/* "a:b:c:d:e:f:g" -> a, b, c, d, e and "f:g". */
static int six(struct arena *a, const char *text, const char *part[6])
{
	for (int i = 0; i < 5; i++) {
		const char *colon = strchr(text, ':');
		if (!colon)
			return 0;
		part[i] = arena_strndup(a, text, (size_t)(colon - text));
		text = colon + 1;
	}
	part[5] = text;
	return strcmp(part[0], "qcs") == 0;
}

/* The owner of the policy has several names; whoever has one of them has them all. */
static int account_fits(struct arena *a, const char *pattern, const char *account, const struct naive_request *r)
{
	const char *names[] = { "", "uin/", "uid/", arena_printf(a, "uin/%llu", (unsigned long long)r->owner),
		arena_printf(a, "uid/%llu", (unsigned long long)r->app) };
	int is_owner = 0, fits = naive_glob(pattern, account);
	for (int i = 0; i < 5; i++)
		is_owner |= strcmp(names[i], account) == 0;
	for (int i = 0; i < 5; i++)
		fits |= is_owner && naive_glob(pattern, names[i]);
	/* And a pattern that is one of the names stands for the owner alone. */
	for (int i = 0; i < 5; i++)
		if (!strcmp(pattern, names[i]))
			return is_owner;
	return fits;
}

static int resource_fits(struct arena *a, const char *pattern, const char *resource, const struct naive_request *r)
{
	const char *want[6], *have[6];
	if (!strcmp(pattern, "*"))
		return 1;
	if (!six(a, pattern, want) || !six(a, resource, have))
		return 0;
	return (!*want[2] || naive_glob(want[2], have[2])) && (!*want[3] || naive_glob(want[3], have[3])) &&
		account_fits(a, want[4], have[4], r) && naive_glob(with_variables(a, want[5], r), have[5]);
}

/* --- the verdict ------------------------------------------------------------------------------ */

static int statement_fits(struct arena *a, const struct json *s, const struct naive_request *r)
{
	const struct json *actions = json_get(s, "action"), *resources = json_get(s, "resource");
	int action = 0, resource = 0;
	for (const struct json *v = first_of(actions); v; v = next_of(actions, v))
		action |= action_fits(json_string(v), r->action);
	for (const struct json *v = action ? first_of(resources) : NULL; v; v = next_of(resources, v))
		resource |= resource_fits(a, json_string(v), r->resource, r);
	return action && resource && (!json_has(s, "condition") || conditions_hold(a, json_get(s, "condition"), r));
}

/* Is there a statement of this effect that fits? */
static int says(struct arena *a, const struct json *policy, const char *effect, const struct naive_request *r)
{
	const struct json *list = json_get(policy, "statement");
	int found = 0;
	for (const struct json *s = first_of(list); s; s = next_of(list, s))
		found |= !strcmp(json_text(s, "effect"), effect) && statement_fits(a, s, r);
	return found;
}

enum naive_verdict naive_judge_parsed(const struct json *const *policies, size_t count, const struct json *boundary,
	const struct naive_request *r)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	int allowed = 0, denied = 0;
	for (size_t i = 0; i < count; i++) {
		denied |= says(a, policies[i], "deny", r);
		allowed |= says(a, policies[i], "allow", r);
	}
	if (boundary) {
		denied |= says(a, boundary, "deny", r);
		allowed = allowed && says(a, boundary, "allow", r);
	}
	return denied ? NAIVE_DENY : allowed ? NAIVE_ALLOW : NAIVE_NOTHING;
}

enum naive_verdict naive_judge(const char *const *policies, size_t count, const char *boundary,
	const struct naive_request *r)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	const struct json **parsed = arena_alloc(a, (count + 1) * sizeof(const struct json *));
	for (size_t i = 0; i <= count; i++) {
		const char *text = i < count ? policies[i] : boundary;
		struct json *document = NULL;
		struct err e;
		if (text && json_parse(a, text, strlen(text), &document, &e)) {
			fprintf(stderr, "%s\n", e.text);
			abort();
		}
		parsed[i] = document;
	}
	return naive_judge_parsed(parsed, count, parsed[count], r);
}
