/* Ways to more rights, through entries of a catalogue that no code knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/prove.h"

#define ENV "qcs::zoo:ap-shanghai:uin/100000000001:env/own-1"
#define LEVEL "level env qcs::zoo:${region}:uin/${uin}:env/${envId}\n"
#define FACTS "fact badge a badge\nfact key a key\nfact cage an open cage\nend lion a lion\nend bear a bear\n"

static const struct cam_identifiers own = { .owner_uin = UINT64_C(100000000001), .app_id = 7, .region = "ap-shanghai",
	.env_id = "own-1", .name_space = "own-1", .topic_id = "t", .bucket = "b" };

struct policy { const char *allow, *deny; };

/* Each allow is a list of actions on his own environment; each deny is on everything. */
static struct cam_proof prove(struct arena *a, const char *catalogue, size_t n, const struct policy *texts)
{
	struct cam_catalogue *c = NULL;
	struct cam_proof proof = { 0 };
	const struct cam_policy *all[4];
	struct err e;
	if (cam_catalogue_parse(a, catalogue, strlen(catalogue), &c, &e))
		fail_msg("%s", e.text);
	for (size_t i = 0; i < n; i++) {
		struct cam_policy *p = NULL;
		char *text = arena_printf(a, "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":[%s],\"resource\":\"%s\"},"
			"{\"effect\":\"deny\",\"action\":[%s],\"resource\":\"*\"}]}", texts[i].allow, ENV,
			texts[i].deny ? texts[i].deny : "\"none:None\"");
		if (cam_policy_parse(a, text, strlen(text), &p, &e))
			fail_msg("%s", e.text);
		all[i] = p;
	}
	if (cam_prove(a, c, all, n, &own, &proof, &e))
		fail_msg("%s", e.text);
	return proof;
}

/* The chains, one a line, without their place. */
static char *chains(struct arena *a, const struct cam_proof *p)
{
	struct str s;
	str_init(&s, a);
	for (size_t i = 0; i < p->count && p->findings[i].kind == CAM_CHAIN; i++) {
		const char *place = arena_printf(a, "statement[0] allows %s on \"" ENV "\": ", p->findings[i].action);
		assert_true(str_starts(p->findings[i].sentence, place));
		str_addf(&s, "%s: %s\n", p->findings[i].action, p->findings[i].sentence + strlen(place));
	}
	return s.text;
}

#define ZOO LEVEL FACTS \
	"action zoo:Ask env read gives badge\n" \
	"action zoo:Visit env read gives key after badge\n" \
	"action zoo:Open env write gives cage after key\n" \
	"action zoo:Free env write gives lion after cage\n" \
	"action zoo:Climb env write gives bear after badge,cage\n" \
	"action zoo:Stroll env read gives badge after key gives key after cage\n" \
	"action zoo:Steal env write widens gives key\n" \
	"action zoo:Bribe env write widens gives lion after key gives bear after key,badge\n" \
	"action zoo:Feed env write widens gives lion\n" \
	"action zoo:Copy env write widens gives key after cage\n" \
	"action zoo:Trade env write widens gives badge gives lion after key\n" \
	"action zoo:Sneak env write widens gives bear after badge,cage\n"

static const struct row { const char *allow, *deny, *chains; } rows[] = {
	{ "\"zoo:Feed\"", NULL, "zoo:Feed: with it a lion\n" },
	/* Two steps, told from either end. */
	{ "\"zoo:Steal\",\"zoo:Bribe\"", NULL, "zoo:Steal: with it a key, then zoo:Bribe: a lion\n"
		"zoo:Bribe: first zoo:Steal: a key, then with it a lion\n" },
	/* Three steps that widen nothing: the last one is named, and the others in its sentence. */
	{ "\"zoo:Steal\",\"zoo:Open\",\"zoo:Free\"", NULL,
		"zoo:Steal: with it a key, then zoo:Open: an open cage, then zoo:Free: a lion\n"
		"zoo:Free: first zoo:Steal: a key, then zoo:Open: an open cage, then with it a lion\n" },
	{ "\"zoo:Free\",\"zoo:Open\",\"zoo:Visit\",\"zoo:Ask\"", NULL,
		"zoo:Free: first zoo:Ask: a badge, then zoo:Visit: a key, then zoo:Open: an open cage, then with it a lion\n" },
	/* Any of them missing or denied, and the chain is none. */
	{ "\"zoo:Open\",\"zoo:Visit\",\"zoo:Ask\"", NULL, "" },
	{ "\"zoo:Free\",\"zoo:Visit\",\"zoo:Ask\"", NULL, "" },
	{ "\"zoo:Free\",\"zoo:Open\",\"zoo:Ask\"", NULL, "" },
	{ "\"zoo:Free\",\"zoo:Open\",\"zoo:Visit\"", NULL, "" },
	{ "\"zoo:Free\",\"zoo:Open\",\"zoo:Visit\",\"zoo:Ask\"", "\"zoo:Open\"", "" },
	{ "\"zoo:Free\",\"zoo:Open\",\"zoo:Visit\",\"zoo:Ask\"", "\"zoo:V*\"", "" },
	/* Two facts at once: either alone is not enough. */
	{ "\"zoo:Climb\",\"zoo:Ask\"", NULL, "" },
	{ "\"zoo:Climb\",\"zoo:Open\",\"zoo:Ask\"", NULL, "" },
	{ "\"zoo:Climb\",\"zoo:Open\",\"zoo:Ask\",\"zoo:Visit\"", NULL,
		"zoo:Climb: first zoo:Ask: a badge, then zoo:Visit: a key, then zoo:Open: an open cage, then with it a bear\n" },
	/* Alternatives: the shorter way is told. */
	{ "\"zoo:Steal\",\"zoo:Bribe\",\"zoo:Open\",\"zoo:Free\",\"zoo:Ask\"", NULL,
		"zoo:Steal: with it a key, then zoo:Bribe: a lion\n"
		"zoo:Bribe: first zoo:Steal: a key, then with it a lion\n"
		"zoo:Free: first zoo:Steal: a key, then zoo:Open: an open cage, then with it a lion\n" },
	{ "\"zoo:Steal\",\"zoo:Trade\"", NULL, "zoo:Steal: with it a key, then zoo:Trade: a lion\n"
		"zoo:Trade: first zoo:Steal: a key, then with it a lion\n" },
	/* What is there already is not told twice. */
	{ "\"zoo:Steal\",\"zoo:Open\",\"zoo:Copy\",\"zoo:Free\"", NULL,
		"zoo:Steal: with it a key, then zoo:Open: an open cage, then zoo:Free: a lion\n"
		"zoo:Copy: first zoo:Steal: a key, then zoo:Open: an open cage, then with it a key, then zoo:Free: a lion\n"
		"zoo:Free: first zoo:Steal: a key, then zoo:Open: an open cage, then with it a lion\n" },
	/* What widens is refused also when it leads nowhere yet, and when what comes before it is missing. */
	{ "\"zoo:Steal\"", NULL, "zoo:Steal: with it a key, which may lead on\n" },
	{ "\"zoo:Steal\",\"zoo:Open\",\"zoo:Climb\"", NULL, "zoo:Steal: with it a key, which may lead on\n" },
	{ "\"zoo:Bribe\"", NULL, "zoo:Bribe: given a key, with it a lion\n" },
	{ "\"zoo:Bribe\",\"zoo:Ask\"", NULL, "zoo:Bribe: given a key, with it a lion\n" },
	{ "\"zoo:Sneak\"", NULL, "zoo:Sneak: given a badge and an open cage, with it a bear\n" },
	{ "\"zoo:Sneak\",\"zoo:Ask\"", NULL, "zoo:Sneak: given an open cage, with it a bear\n" },
	{ "\"zoo:Steal\",\"zoo:Bribe\"", "\"zoo:Steal\"",
		"zoo:Steal: what may end in more rights is kept from him by a deny alone\n"
		"zoo:Bribe: given a key, with it a lion\n" },
	/* A circle: nobody is in it, and somebody is. */
	{ "\"zoo:Stroll\",\"zoo:Open\"", NULL, "" },
	{ "\"zoo:Stroll\",\"zoo:Open\",\"zoo:Climb\"", NULL, "" },
	{ "\"zoo:Stroll\",\"zoo:Open\",\"zoo:Climb\",\"zoo:Steal\"", NULL,
		"zoo:Climb: first zoo:Steal: a key, then zoo:Stroll: a badge, then zoo:Open: an open cage, then with it a bear\n"
		"zoo:Steal: with it a key, then zoo:Open: an open cage, then zoo:Stroll: a badge, then zoo:Climb: a bear\n" },
	/* A wildcard takes the known steps along. */
	{ "\"zoo:St*\",\"*:Bribe\"", NULL, "zoo:Steal: with it a key, then zoo:Bribe: a lion\n"
		"zoo:Bribe: first zoo:Steal: a key, then with it a lion\n" },
};

static void ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		const struct policy one = { rows[i].allow, rows[i].deny };
		struct cam_proof p = prove(a, ZOO, 1, &one);
		const char *told = chains(a, &p);
		if (!str_eq(told, rows[i].chains))
			fail_msg("row %zu, %s:\n%sinstead of\n%s", i, rows[i].allow, told, rows[i].chains);
	}
}

static void over_several_policies(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	const struct policy two[] = { { "\"zoo:Ask\",\"zoo:Steal\"", NULL }, { "\"zoo:Open\",\"zoo:Free\",\"zoo:Steal\"", NULL } };
	struct cam_proof p = prove(a, ZOO, 2, two);
	assert_int_equal(p.findings[0].kind, CAM_CHAIN);
	assert_int_equal(p.findings[0].policy, 0);
	assert_string_equal(p.findings[0].action, "zoo:Steal");
	assert_string_equal(p.findings[0].resource, ENV);
	assert_int_equal(p.findings[1].policy, 1);
	assert_string_equal(p.findings[1].sentence, "policy 2, statement[0] allows zoo:Free on \"" ENV
		"\": first zoo:Steal: a key, then zoo:Open: an open cage, then with it a lion");
	/* A deny of one policy breaks a chain through the other. */
	struct policy both[] = { { "\"zoo:Ask\",\"zoo:Visit\"", NULL }, { "\"zoo:Open\",\"zoo:Free\"", NULL } };
	p = prove(a, ZOO, 2, both);
	assert_int_equal(p.findings[0].kind, CAM_CHAIN);
	both[1].deny = "\"zoo:V*\"";
	p = prove(a, ZOO, 2, both);
	assert_string_equal(chains(a, &p), "");
}

/* Whatever line goes, nothing is proved that was not: the action is unknown, and refused as that. */
static void a_line_less_is_no_more_rights(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(4 << 20);
	static const char harmless[] = "\"zoo:Ask\",\"zoo:Visit\",\"zoo:Open\"";
	const struct policy one = { harmless, "\"zoo:Steal\",\"zoo:Bribe\",\"zoo:Feed\",\"zoo:Copy\",\"zoo:Trade\",\"zoo:Sneak\"" };
	size_t lines = 0;
	assert_int_equal(prove(a, ZOO, 1, &one).count, 0);
	for (const char *at = strstr(ZOO, "action "); at; at = strstr(at + 1, "action ")) {
		const char *end = strchr(at, '\n') + 1, *name = arena_strndup(a, at + 7, strcspn(at + 7, " "));
		char *rest = arena_printf(a, "%.*s%s", (int)(at - ZOO), ZOO, end);
		struct cam_proof p = prove(a, rest, 1, &one);
		bool used = strstr(harmless, arena_printf(a, "\"%s\"", name));
		assert_int_equal(p.count, used ? 1 : 0);
		if (used) {
			assert_int_equal(p.findings[0].kind, CAM_UNKNOWN);
			assert_string_equal(p.findings[0].action, name);
		}
		lines++;
	}
	assert_int_equal(lines, 12);
}

/* As many facts as there may be, each after the one before. */
static void a_long_way(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct str catalogue, actions;
	str_init(&catalogue, a);
	str_init(&actions, a);
	str_add(&catalogue, LEVEL "action zoo:A00 env read gives f00\n");
	for (int i = 0; i < CAM_FACTS_MAX; i++) {
		str_addf(&catalogue, "%s f%02d step %d\n", i == CAM_FACTS_MAX - 1 ? "end" : "fact", i, i);
		if (i)
			str_addf(&catalogue, "action zoo:A%02d env read gives f%02d after f%02d\n", i, i, i - 1);
		str_addf(&actions, "%s\"zoo:A%02d\"", i ? "," : "", CAM_FACTS_MAX - 1 - i);
	}
	struct cam_proof p = prove(a, catalogue.text, 1, &(struct policy){ actions.text, NULL });
	assert_int_equal(p.count, 1);
	assert_string_equal(p.findings[0].action, "zoo:A63");
	assert_non_null(strstr(p.findings[0].sentence, ": first zoo:A00: step 0, then zoo:A01: step 1, then"));
	assert_non_null(strstr(p.findings[0].sentence, "then zoo:A62: step 62, then with it step 63"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways),
		cmocka_unit_test(over_several_policies),
		cmocka_unit_test(a_line_less_is_no_more_rights),
		cmocka_unit_test(a_long_way),
	};
	return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
