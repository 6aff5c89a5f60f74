/* What a verdict rests on: no strong sign without a value that is there, and no solid one that something hidden
 * could turn round. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/str.h"
#include "ldap/filter.h"
#include "ldap/person.h"

#define RUNS 40000

/* --- disabled or not: what each kind of filter says of whom -------------------------------------------------- */

static const struct { const char *filter, *value; enum signal signal; bool solid; } disabled[] = {
	/* a value that is there */
	{ "(status=left)", "left", SIGNAL_DISABLED, true },
	{ "(status=le*)", "left", SIGNAL_DISABLED, true },
	{ "(status=*)", "left", SIGNAL_DISABLED, true },
	{ "(status>=3)", "4", SIGNAL_DISABLED, true },
	{ "(status<=20260101000000Z)", "20251231000000Z", SIGNAL_DISABLED, true },
	{ "(status:1.2.840.113556.1.4.803:=2)", "514", SIGNAL_DISABLED, true },
	{ "(&(status=left)(uid=alice))", "left", SIGNAL_DISABLED, true },
	{ "(|(!(uid=alice))(status=left))", "left", SIGNAL_DISABLED, true },
	/* the attribute is not there, or hidden */
	{ "(status=left)", NULL, SIGNAL_ENTITLED, false },
	{ "(status=le*)", NULL, SIGNAL_ENTITLED, false },
	{ "(status=*)", NULL, SIGNAL_ENTITLED, false },
	{ "(status>=3)", NULL, SIGNAL_ENTITLED, false },
	{ "(status<=3)", NULL, SIGNAL_ENTITLED, false },
	{ "(status~=left)", NULL, SIGNAL_ENTITLED, false },
	{ "(status:1.2.840.113556.1.4.804:=2)", NULL, SIGNAL_ENTITLED, false },
	{ "(!(status>=3))", NULL, SIGNAL_ENTITLED, false },
	{ "(!(status=active))", NULL, SIGNAL_ENTITLED, false },
	{ "(&(uid=alice)(!(status=active)))", NULL, SIGNAL_ENTITLED, false },
	{ "(|(status=left)(!(status=active)))", NULL, SIGNAL_ENTITLED, false },
	/* a negation says so: weak, and not even solid when what it negates is not there */
	{ "(!(status=active))", "left", SIGNAL_WITHDRAWN, true },
	{ "(!(status>=3))", "2", SIGNAL_WITHDRAWN, true },
	{ "(!(status=*))", NULL, SIGNAL_WITHDRAWN, false },
	{ "(!(!(status=left)))", "left", SIGNAL_WITHDRAWN, true },
	{ "(&(uid=alice)(!(status=*)))", NULL, SIGNAL_WITHDRAWN, false },
	{ "(!(&(status=*)(uid=*)))", NULL, SIGNAL_WITHDRAWN, false },
	/* nothing at all says so */
	{ "(&)", "left", SIGNAL_WITHDRAWN, true },
	/* a number beside a text: the order of texts is a weak reason */
	{ "(status>=3)", "unknown", SIGNAL_WITHDRAWN, false },
	{ "(status<=unknown)", "3", SIGNAL_WITHDRAWN, false },
	{ "(status<=3)", "unknown", SIGNAL_ENTITLED, false },
	{ "(status:1.2.840.113556.1.4.803:=2)", "unknown", SIGNAL_ENTITLED, false },
	/* a value that is there says no */
	{ "(status=left)", "active", SIGNAL_ENTITLED, true },
	{ "(status>=3)", "2", SIGNAL_ENTITLED, true },
	{ "(!(status=active))", "active", SIGNAL_ENTITLED, true },
};

static struct person judged(struct arena *a, const char *entitled, const char *off, const char *value)
{
	struct value values[] = { { (const unsigned char *)"alice", 5 }, { (const unsigned char *)value, value ? strlen(value) : 0 } };
	struct attribute attributes[] = { { "uid", 1, &values[0] }, { "status", 1, &values[1] } };
	struct entry entry = { .dn = "uid=alice", .count = value ? 2 : 1, .attributes = attributes };
	struct roll_rules rules = { .map = { .login = "uid" } };
	struct person p;
	struct err e = { 0 };

	if ((off && filter_parse(a, off, &rules.disabled, &e)) || (entitled && filter_parse(a, entitled, &rules.entitled, &e)) ||
		person_read(&entry, &rules, 0, a, &p, &e))
		fail_msg("%s", e.text);
	return p;
}

static void disabled_filters(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(disabled); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 16);
		struct person p = judged(a, NULL, disabled[i].filter, disabled[i].value);

		if (p.signal != disabled[i].signal || p.solid != disabled[i].solid)
			fail_msg("%s of %s: %s, solid %d", disabled[i].filter, disabled[i].value ? disabled[i].value : "nothing",
				signal_name(p.signal), p.solid);
	}
}

static const struct { const char *filter, *value; enum signal signal; bool solid; } entitled_cases[] = {
	{ NULL, NULL, SIGNAL_ENTITLED, true },
	{ "(status=active)", "active", SIGNAL_ENTITLED, true },
	{ "(status=active)", "left", SIGNAL_WITHDRAWN, true },
	{ "(status=active)", NULL, SIGNAL_WITHDRAWN, false },
	{ "(status=*)", NULL, SIGNAL_WITHDRAWN, false },
	{ "(!(status=left))", NULL, SIGNAL_WITHDRAWN, false },
	{ "(!(status=*))", NULL, SIGNAL_ENTITLED, false },
	{ "(&(uid=alice)(status=active))", NULL, SIGNAL_WITHDRAWN, false },
	{ "(&(uid=bob)(status=active))", NULL, SIGNAL_WITHDRAWN, true },
	{ "(&(status=*)(uid=bob))", NULL, SIGNAL_WITHDRAWN, true },
	{ "(|(uid=bob)(status=active))", NULL, SIGNAL_WITHDRAWN, false },
	{ "(|(status=active)(uid=alice))", NULL, SIGNAL_ENTITLED, true },
	{ "(|)", NULL, SIGNAL_WITHDRAWN, true },
};

static void entitled_filters(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(entitled_cases); i++) {
		struct person p = judged(a, entitled_cases[i].filter, NULL, entitled_cases[i].value);

		if (p.signal != entitled_cases[i].signal || p.solid != entitled_cases[i].solid)
			fail_msg("%s of %s: %s, solid %d", entitled_cases[i].filter ? entitled_cases[i].filter : "no filter",
				entitled_cases[i].value ? entitled_cases[i].value : "nothing", signal_name(p.signal), p.solid);
	}
	/* Both filters count for somebody who has access; only the one that takes it for somebody who has not. */
	assert_true(judged(a, "(uid=alice)", "(status=left)", "active").solid);
	assert_false(judged(a, "(uid=alice)", "(status=left)", NULL).solid);
	assert_true(judged(a, "(uid=bob)", "(status=left)", NULL).solid);
}

/* --- the same for any filter and entry that chance makes ------------------------------------------------------ */

struct dice { struct clock clock; struct clock_virtual state; };

static unsigned roll(struct dice *d, unsigned sides)
{
	uint32_t n;

	clock_random(&d->clock, &n, sizeof(n));
	return n % sides;
}

static void some_filter(struct dice *d, struct str *s, int depth)
{
	static const char *const joints[] = { "&", "|", "!" };
	static const char *const asks[] = { "=1", "=2", "=x", ">=2", "<=1", ">=x", "=*", "=x*", ":1.2.840.113556.1.4.803:=2" };
	unsigned joint = roll(d, 5), children;

	if (!depth || joint > 2) {
		str_addf(s, "(%c%s)", 'a' + (int)roll(d, 4), asks[roll(d, ARRAY_LEN(asks))]);
		return;
	}
	str_addf(s, "(%s", joints[joint]);
	children = joint == 2 ? 1 : roll(d, 4);
	for (unsigned i = 0; i < children; i++)
		some_filter(d, s, depth - 1);
	str_add(s, ")");
}

static struct value one_value(struct dice *d)
{
	static const char *const texts[] = { "1", "2", "3", "x", "xy", "" };
	const char *text = texts[roll(d, ARRAY_LEN(texts))];

	return (struct value){ (const unsigned char *)text, strlen(text) };
}

/* Attributes a, b, c, d, each with one or two values; *shown of them count, the hidden ones stand behind. */
static struct entry some_entry(struct dice *d, struct arena *a, size_t *shown)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct attribute *list = arena_alloc(a, 4 * sizeof(*list));
	size_t first = 0, last = 4;

	for (size_t i = 0; i < 4; i++) {
		struct attribute *to = roll(d, 2) ? &list[first++] : &list[--last];

		*to = (struct attribute){ names[i], 1 + roll(d, 2), arena_alloc(a, 2 * sizeof(struct value)) };
		to->values[0] = one_value(d);
		to->values[1] = one_value(d);
	}
	*shown = first;
	return (struct entry){ .dn = "x", .count = first, .attributes = list };
}

static void whatever_comes(void **state)
{
	static const struct entry bare = { .dn = "x" };
	struct dice d;
	size_t strong = 0, solid = 0;

	(void)state;
	d.clock = clock_virtual(&d.state, 0, 20261128);
	for (int i = 0; i < RUNS; i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		struct str s;
		const struct filter *f;
		struct err e = { 0 };
		size_t shown;

		str_init(&s, a);
		some_filter(&d, &s, 3);
		if (filter_parse(a, s.text, &f, &e))
			fail_msg("%s: %s", s.text, e.text);
		struct entry entry = some_entry(&d, a, &shown), whole = entry;
		struct verdict seen = filter_judge(f, &entry), all;

		whole.count = 4;
		all = filter_judge(f, &whole);
		/* Strong is TRUE, solid, of something that is there, and no other attribute takes it back. */
		if (seen.strong && (seen.truth != TRUTH_TRUE || !seen.solid || !all.strong || filter_judge(f, &bare).strong))
			fail_msg("%s: strong with %zu of 4 attributes", s.text, shown);
		/* Solid is not UNKNOWN, and stays what it is when what was hidden appears. */
		if (seen.solid && (seen.truth == TRUTH_UNKNOWN || all.truth != seen.truth))
			fail_msg("%s: solid %d with %zu of 4 attributes, %d with all", s.text, seen.truth, shown, all.truth);
		strong += seen.strong;
		solid += seen.solid;
	}
	assert_true(strong > RUNS / 20 && solid > RUNS / 4 && solid < RUNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disabled_filters),
		cmocka_unit_test(entitled_filters),
		cmocka_unit_test(whatever_comes),
	};

	return cmocka_run_group_tests_name("ldap/verdict", tests, NULL, NULL);
}
