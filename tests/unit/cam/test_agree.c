/* Random policies and requests: both evaluators must give the same verdict.  ROLLCALL_SEED moves all of them; a
 * disagreement is printed with the seed that makes it again as the first one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "tests/support/both.h"

#ifdef __SANITIZE_ADDRESS__
#define SETS 5000u
#else
#define SETS 30000u
#endif
#define REQUESTS 4u
#define OWNER UINT64_C(100000000001)
#define SUB UINT64_C(100000000101)
#define APP UINT64_C(1300000001)

/* Few words, so that they meet. */
static const char *const services[] = { "a", "ab", "b" }, *const names[] = { "Get", "GetX", "Put", "XGet", "G" };
static const char *const regions[] = { "", "r1", "r2", "r", "r*", "*" };
static const char *const accounts[] = { "", "uin/", "uid/", "uin/100000000001", "uid/1300000001", "uin/100000000002",
	"uin/100000000101", "uid/1300000002", "*", "uin/*", "uin/1000000000*", "uid/13*" };
/* The first PLAIN of them stand in requests, all of them in policies. */
enum { PLAIN = 9 };
static const char *const pieces[] = { "env/", "own", "own1", "/", "x", ":", "100000000101", "100000000001", "1300000001", "*",
	"${uin}", "${owner_uin}", "${app_id}", "${no}", "${uin" };
static const char *const operators[] = { "string_equal", "string_not_equal", "string_equal_ignore_case",
	"string_not_equal_ignore_case", "string_like", "string_not_like", "binary_equal", "bool_equal", "numeric_equal",
	"numeric_not_equal", "numeric_less_than", "numeric_less_than_equal", "numeric_greater_than", "numeric_greater_than_equal",
	"date_equal", "date_not_equal", "date_less_than", "date_less_than_equal", "date_greater_than", "date_greater_than_equal",
	"ip_equal", "ip_not_equal", "null_equal" };
static const char *const keys[] = { "k", "m", "qcs:ip" };
static const char *const texts[] = { "a", "A", "ab", "a*", "*", "*b", "", "true", "false", "TRUE", "${uin}", "100000000101", "a${app_id}" };
static const char *const numbers[] = { "5", "5.0", "05", "-5", "4.99", "1e1", "10", "0", "-0", "nan", "5x", "", "${uin}" };
static const char *const dates[] = { "2026-11-24T12:00:00Z", "2026-11-24 12:00:00", "2026-11-24T20:00:00+08:00", "2026-11-24T 11:59:59Z",
	"2026-11-24T12:00:00.25Z", "2026-02-30T00:00:00Z", "2026-11-24", "2026-11-24T24:00:00Z", "2026-11-24T12:00:00+24:00", "2025-01-01T00:00:00-00:30" };
static const char *const addresses[] = { "10.0.0.1", "10.0.0.0/8", "10.1.0.0/15", "10.0.0.1/32", "0.0.0.0/0", "10.0.0.1/", "10.0.0.1/33",
	"10.2.0.9", "192.168.1.1", "2001:db8::1", "2001:db8::/33", "::/0", "10.0.0.300", "10.0.0.1/08" };

#define PICK(d, list) ((list)[dice_below((d), ARRAY_LEN(list))])

static const char *value_for(struct dice *d, const char *operator)
{
	if (dice_chance(d, 5))
		return PICK(d, texts);
	if (str_starts(operator, "numeric"))
		return PICK(d, numbers);
	if (str_starts(operator, "date"))
		return PICK(d, dates);
	return str_starts(operator, "ip") ? PICK(d, addresses) : PICK(d, texts);
}

/* One word of two of a kind, now and then with a star for a part of it. */
static void add_pattern(struct dice *d, struct str *s, const char *word)
{
	size_t n = strlen(word), at = dice_below(d, n + 1);
	if (dice_chance(d, 60))
		str_add(s, word);
	else
		str_addf(s, "%.*s*%s", (int)at, word, word + at + dice_below(d, n - at + 1));
}

static void add_action(struct dice *d, struct str *s)
{
	if (dice_chance(d, 10)) {
		str_add(s, dice_chance(d, 50) ? "*" : "permid/12");
		return;
	}
	str_add(s, dice_chance(d, 10) ? "name/" : "");
	add_pattern(d, s, PICK(d, services));
	str_add(s, ":");
	add_pattern(d, s, PICK(d, names));
}

static void add_last(struct dice *d, struct str *s, bool pattern)
{
	size_t most = 1 + dice_below(d, 4);
	for (size_t i = 0; i < most; i++)
		str_add(s, pieces[dice_below(d, pattern ? ARRAY_LEN(pieces) : PLAIN)]);
}

static void add_resource(struct dice *d, struct str *s, bool pattern)
{
	if (dice_chance(d, 25)) {
		str_add(s, "*");
		return;
	}
	str_add(s, "qcs::");
	if (pattern && !dice_chance(d, 30))
		add_pattern(d, s, PICK(d, services));
	else if (!pattern)
		str_add(s, PICK(d, services));
	str_addf(s, ":%s:%s:", regions[dice_below(d, pattern ? ARRAY_LEN(regions) : 4)],
		accounts[dice_below(d, pattern ? ARRAY_LEN(accounts) : 8)]);
	add_last(d, s, pattern);
}

typedef void (*word_maker)(struct dice *, struct str *);

static void resource_pattern(struct dice *d, struct str *s)
{
	add_resource(d, s, true);
}

/* One word, or a list of some. */
static void add_words(struct dice *d, struct str *s, word_maker make)
{
	size_t n = 1 + dice_below(d, 3);
	bool list = n > 1 || dice_chance(d, 50);
	str_add(s, list ? "[" : "");
	for (size_t i = 0; i < n; i++) {
		str_add(s, i ? ",\"" : "\"");
		make(d, s);
		str_add(s, "\"");
	}
	str_add(s, list ? "]" : "");
}

/* Each operator stands once in a statement, so that no name stands twice. */
static void add_conditions(struct dice *d, struct str *s)
{
	static const char *const prefixes[] = { "", "", "for_any_value:", "for_all_value:" };
	size_t n = 1 + dice_below(d, 2), first = dice_below(d, ARRAY_LEN(operators));
	str_add(s, ",\"condition\":{");
	for (size_t i = 0; i < n; i++) {
		const char *op = operators[(first + i) % ARRAY_LEN(operators)];
		bool null = str_eq(op, "null_equal");
		size_t key_count = 1 + dice_below(d, 2), key = dice_below(d, ARRAY_LEN(keys));
		str_addf(s, "%s\"%s%s%s\":{", i ? "," : "", null ? "" : PICK(d, prefixes), op, !null && dice_chance(d, 30) ? "_if_exist" : "");
		for (size_t k = 0; k < key_count; k++) {
			size_t values = 1 + dice_below(d, 2);
			str_addf(s, "%s\"%s\":%s", k ? "," : "", keys[(key + k) % ARRAY_LEN(keys)], values > 1 ? "[" : "");
			for (size_t v = 0; v < values; v++)
				str_addf(s, "%s\"%s\"", v ? "," : "", value_for(d, op));
			str_add(s, values > 1 ? "]" : "");
		}
		str_add(s, "}");
	}
	str_add(s, "}");
}

static const char *make_policy(struct arena *a, struct dice *d)
{
	struct str s;
	size_t n = 1 + dice_below(d, 3);
	bool list = n > 1 || dice_chance(d, 50);
	str_init(&s, a);
	str_addf(&s, "{\"version\":\"2.0\",\"statement\":%s", list ? "[" : "");
	for (size_t i = 0; i < n; i++) {
		str_addf(&s, "%s{\"effect\":\"%s\",\"action\":", i ? "," : "", dice_chance(d, 65) ? "allow" : "deny");
		add_words(d, &s, add_action);
		str_add(&s, ",\"resource\":");
		add_words(d, &s, resource_pattern);
		if (dice_chance(d, 40))
			add_conditions(d, &s);
		str_add(&s, "}");
	}
	str_add(&s, list ? "]}" : "}");
	return s.text;
}

static struct cam_request make_request(struct arena *a, struct dice *d, struct cam_context context[BOTH_CONTEXT])
{
	struct str resource;
	size_t n = dice_below(d, 5);
	str_init(&resource, a);
	add_resource(d, &resource, false);
	for (size_t i = 0; i < n; i++)
		context[i] = (struct cam_context){ PICK(d, keys), value_for(d, PICK(d, operators)) };
	return (struct cam_request){ .action = arena_printf(a, "%s:%s", PICK(d, services), PICK(d, names)), .resource = resource.text,
		.owner_uin = OWNER, .uin = SUB, .app_id = APP, .context_count = n, .context = context };
}

static void show(const struct both *b, const struct cam_request *r)
{
	for (size_t i = 0; i < b->count; i++)
		print_message("  %s\n", b->held[i].text);
	if (b->boundary.real)
		print_message("  within %s\n", b->boundary.text);
	print_message("  %s on %s", r->action, r->resource);
	for (size_t i = 0; i < r->context_count; i++)
		print_message(" %s=%s", r->context[i].key, r->context[i].value);
	print_message("\n");
}

static void one_set(uint64_t seed, size_t counts[3])
{
	AUTO_ARENA struct arena *a = arena_new(4 << 20);
	struct dice d = { seed };
	struct both b = { .count = 1 + dice_below(&d, 3) };
	struct err e;
	for (size_t i = 0; i < b.count; i++)
		if (both_read(a, make_policy(a, &d), &b.held[i], &e))
			fail_msg("seed %llu: %s", (unsigned long long)seed, e.text);
	if (dice_chance(&d, 30) && both_read(a, make_policy(a, &d), &b.boundary, &e))
		fail_msg("seed %llu: %s", (unsigned long long)seed, e.text);
	for (size_t i = 0; i < REQUESTS; i++) {
		struct cam_context context[BOTH_CONTEXT];
		const struct cam_request r = make_request(a, &d, context);
		enum cam_verdict naive, real = both_judge(&b, &r, &naive);
		if (real != naive) {
			show(&b, &r);
			fail_msg("ROLLCALL_SEED=%llu: the evaluator says %s, the second one %s", (unsigned long long)seed, both_name(real),
				both_name(naive));
		}
		counts[real]++;
	}
}

static void both_say_the_same(void **state)
{
	(void)state;
	const char *asked = getenv("ROLLCALL_SEED");
	uint64_t first = asked ? strtoull(asked, NULL, 10) : 1;
	size_t counts[3] = { 0 };
	for (size_t i = 0; i < SETS; i++)
		one_set(first + i, counts);
	print_message("%zu pairs: %zu allowed, %zu denied, %zu refused\n", (size_t)SETS * REQUESTS, counts[CAM_ALLOW],
		counts[CAM_EXPLICIT_DENY], counts[CAM_IMPLICIT_DENY]);
	/* It would say nothing if all came out alike. */
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		assert_true(counts[i] * 20 > (size_t)SETS * REQUESTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(both_say_the_same) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
