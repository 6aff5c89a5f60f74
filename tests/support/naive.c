#include "tests/support/naive.h"

#include <arpa/inet.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

int naive_glob(const char *p, const char *t)
{
	if (*p == '*')
		return naive_glob(p + 1, t) || (*t && naive_glob(p, t + 1));
	return *p == *t && (!*p || naive_glob(p + 1, t + 1));
}

static int looks_like(const char *text, const char *expression)
{
	regex_t r;
	if (regcomp(&r, expression, REG_EXTENDED | REG_NOSUB))
		abort();
	int found = regexec(&r, text, 0, NULL, 0) == 0;
	regfree(&r);
	return found;
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

static const char *put_in(struct arena *a, const char *text, const char *name, uint64_t number)
{
	const char *at = strstr(text, name);
	if (!at)
		return text;
	return put_in(a, arena_printf(a, "%.*s%llu%s", (int)(at - text), text, (unsigned long long)number, at + strlen(name)),
		name, number);
}

static const char *with_variables(struct arena *a, const char *text, const struct naive_request *r)
{
	text = put_in(a, text, "${uin}", r->caller);
	text = put_in(a, text, "${owner_uin}", r->owner);
	return put_in(a, text, "${app_id}", r->app);
}

/* --- values of conditions: -1 less, 0 the same, 1 greater, 2 cannot be compared ------------ */

#define NUMBER "^-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?$"
#define DATE "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt] ?| )[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?([Zz]|[-+]([01][0-9]|2[0-3]):[0-5][0-9])?$"

static int compare_numbers(const char *have, const char *want)
{
	if (!looks_like(have, NUMBER) || !looks_like(want, NUMBER))
		return 2;
	long double h = strtold(have, NULL), w = strtold(want, NULL);
	return h < w ? -1 : h > w;
}

static int seconds(const char *text, double *out)
{
	struct tm t = { 0 };
	double second;
	int hours = 0, minutes = 0, at = 0;
	if (!looks_like(text, DATE))
		return 0;
	char clean[64];
	snprintf(clean, sizeof(clean), "%s", text);
	clean[10] = ' ';
	if (sscanf(clean, "%d-%d-%d %d:%d:%lf%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &second, &at) != 6)
		return 0;
	if (t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59 || second >= 60)
		return 0;
	if (clean[at] == '+' || clean[at] == '-')
		sscanf(clean + at + 1, "%d:%d", &hours, &minutes);
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	int day = t.tm_mday;
	*out = (double)timegm(&t) + second - (clean[at] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return t.tm_mday == day;      /* timegm() makes March of 30 February */
}

static int compare_dates(const char *have, const char *want)
{
	double h, w;
	if (!seconds(have, &h) || !seconds(want, &w))
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
	if (looks_like(network, "^[^/]*$"))
		prefix = all;
	else if (looks_like(network, "^[^/]*/[0-9]{1,3}$"))
		prefix = atoi(strchr(network, '/') + 1);
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
