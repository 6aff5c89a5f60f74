/* The catalogue's grammar: what is read, and what is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/catalogue.h"

#define ENV "level env qcs::tcb:${region}:uin/${uin}:env/${envId}\n"
#define FACTS "fact role a role\nend more more rights\n"

static const struct cam_catalogue *read_catalogue(struct arena *a, const char *text)
{
	struct cam_catalogue *c = NULL;
	struct err e;
	if (cam_catalogue_parse(a, text, strlen(text), &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static void every_word_is_read(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	/* Lines in any order, tabs, several blanks, comments, an empty line, carriage returns, no end of the last line. */
	const struct cam_catalogue *c = read_catalogue(a,
		"action tcb:DestroyEnv env write destroys pays # both\r\n"
		"\n"
		"# level ghost *\n"
		"  action\tcam:MakeRole   account write widens gives role gives more after role,key\n"
		"action tcb:DescribePackages account read public\n"
		"end more  more rights   than he has#, really\n"
		"fact role a role\n"
		"fact key a key\n"
		"level account *\n"
		"level env qcs::tcb:${region}:uin/${uin}:env/${envId}\n"
		"level env qcs::tcb:${region}:uin/${uin}:env/${envId}/*\n"
		"action a:Z env read");
	assert_int_equal(c->level_count, 2);
	assert_int_equal(c->fact_count, 3);
	assert_int_equal(c->action_count, 4);
	for (size_t i = 1; i < c->action_count; i++)
		assert_true(strcmp(c->actions[i - 1].name, c->actions[i].name) < 0);

	const struct cam_action *destroy = cam_catalogue_find(c, "tcb:DestroyEnv"), *make = cam_catalogue_find(c, "cam:MakeRole"),
		*packages = cam_catalogue_find(c, "tcb:DescribePackages");
	assert_non_null(destroy);
	assert_int_equal(destroy->flags, CAM_WRITES | CAM_DESTROYS | CAM_PAYS);
	assert_string_equal(destroy->level->name, "env");
	assert_int_equal(destroy->level->count, 2);
	assert_string_equal(destroy->level->patterns[1], "qcs::tcb:${region}:uin/${uin}:env/${envId}/*");
	assert_int_equal(destroy->step_count, 0);
	assert_int_equal(packages->flags, CAM_PUBLIC);
	assert_string_equal(packages->level->patterns[0], "*");

	assert_int_equal(make->flags, CAM_WRITES | CAM_WIDENS);
	assert_int_equal(make->step_count, 2);
	const struct cam_fact *role = &c->facts[make->steps[0].gives], *more = &c->facts[make->steps[1].gives];
	assert_string_equal(role->name, "role");
	assert_string_equal(role->words, "a role");
	assert_false(role->end);
	assert_int_equal(make->steps[0].after, 0);
	assert_string_equal(more->words, "more rights than he has");
	assert_true(more->end);
	size_t key = role == c->facts ? 1 : 0;
	while (!str_eq(c->facts[key].name, "key"))
		key++;
	assert_int_equal(make->steps[1].after, UINT64_C(1) << make->steps[0].gives | UINT64_C(1) << key);

	assert_null(cam_catalogue_find(c, "tcb:destroyEnv"));
	assert_null(cam_catalogue_find(c, "tcb:*"));
	assert_null(cam_catalogue_find(c, ""));
}

static void refused_with_line_and_reason(void **state)
{
	(void)state;
	static const struct { const char *text, *why; } rows[] = {
		{ "", "no action" },
		{ ENV FACTS, "no action" },
		{ "# nothing\n", "no action" },
		{ ENV "nonsense a b\n", "line 2: unknown word \"nonsense\"" },
		{ ENV "Action a:B env read\n", "line 2: unknown word \"Action\"" },
		{ ENV "action\n", "line 2: action needs a name" },
		{ "level\n", "line 1: level needs a name" },
		{ "level env\n", "line 1: level env: one pattern" },
		{ "level env * *\n", "line 1: level env: one pattern" },
		{ "level a,b *\n", "line 1: level needs a name" },
		{ ENV "\n" ENV, "line 3: level env: \"qcs::tcb:${region}:uin/${uin}:env/${envId}\" is declared twice" },
		{ ENV "level env *\n", "line 2: level env: \"*\" stands beside" },
		{ "level env *\n" ENV, "line 2: level env: \"*\" stands beside" },
		{ "level env qcs::tcb:env/${envId}\n", "line 1: resource: " },
		{ "level env qcs::tcb::uin/${uin}:env/${environment}\n", "line 1: unknown placeholder" },
		{ "level env qcs::tcb::uin/${uin}:env/*\n", "names nothing that belongs to one environment" },
		{ "level env qcs::tcb:${envId}:uin/${uin}:env/*\n", "names nothing that belongs to one environment" },
		{ "level env qcs::tcb::uin/${uin}:user/${uin}\n", "names nothing that belongs to one environment" },
		{ "level env qcs::tcb::uin/${uin}:env/${envId}*\n", "reaches other names" },
		{ "level env qcs::tcb::uin/${uin}:env/*${envId}\n", "reaches other names" },
		{ "fact role\n", "line 1: fact role has no words" },
		{ "end more # words\n", "line 1: end more has no words" },
		{ "fact role a\nfact role b\n", "line 2: \"role\" is declared twice" },
		{ "fact role a\nend role b\n", "line 2: \"role\" is declared twice" },
		{ ENV "action a:B env\n", "line 2: a:B needs a level, and read or write" },
		{ ENV "action a:B env maybe\n", "line 2: \"maybe\" is neither read nor write" },
		{ ENV "action a:B envs read\n", "line 2: level \"envs\" is not declared" },
		{ ENV "action a:B* env read\n", "line 2: \"a:B*\" is not service:Action" },
		{ ENV "action B env read\n", "line 2: \"B\" is not service:Action" },
		{ ENV "action A:B env read\n", "line 2: \"A:B\" is not service:Action" },
		{ ENV "action a: env read\n", "line 2: \"a:\" is not service:Action" },
		{ ENV "action name/a:B env read\n", "is not service:Action" },
		{ ENV "action a:B env read write\n", "line 2: unknown word \"write\"" },
		{ ENV "action a:B env read publc\n", "line 2: unknown word \"publc\"" },
		{ ENV "action a:B env read pays pays\n", "line 2: \"pays\" stands twice" },
		{ ENV "action a:B env read\n\naction a:B env write\n", "line 4: \"a:B\" is declared twice" },
		{ ENV "action a:B env write widens\n", "line 2: a:B widens and gives nothing" },
		{ ENV FACTS "action a:B env write gives more\n", "line 4: a:B gives \"more\" at once and does not widen" },
		{ ENV FACTS "action a:B env write gives role gives more\n", "gives \"more\" at once and does not widen" },
		{ ENV FACTS "action a:B env write gives rule\n", "line 4: fact \"rule\" is not declared" },
		{ ENV FACTS "action a:B env write gives\n", "line 4: \"gives\" names no fact" },
		{ ENV FACTS "action a:B env write gives role after\n", "line 4: \"after\" names no fact" },
		{ ENV FACTS "action a:B env write gives more after role,\n", "line 4: fact \"\" is not declared" },
		{ ENV FACTS "action a:B env write gives more after role, role\n", "fact \"\" is not declared" },
		{ ENV FACTS "action a:B env write gives more after nothing\n", "fact \"nothing\" is not declared" },
		{ ENV FACTS "action a:B env write after role\n", "line 4: unknown word \"after\"" },
		{ ENV "action a:B\x01 env read\n", "line 2: a control character" },
		{ ENV "action a:B\xff env read\n", "not UTF-8" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		struct cam_catalogue *c = NULL;
		struct err e = { 0 };
		if (cam_catalogue_parse(a, rows[i].text, strlen(rows[i].text), &c, &e) != ERR_INPUT || !strstr(e.text, rows[i].why))
			fail_msg("row %zu: \"%s\" instead of \"%s\"", i, e.text, rows[i].why);
		assert_null(c);
	}
}

static void limits(void **state)
{
	(void)state;
	for (int one_more = 0; one_more < 2; one_more++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		struct cam_catalogue *c = NULL;
		struct err e = { 0 };
		struct str facts, levels;
		str_init(&facts, a);
		str_init(&levels, a);
		str_add(&facts, ENV "action a:B env write widens gives f0\n");
		str_add(&levels, "action a:B l0 write\n");
		for (int i = 0; i < CAM_FACTS_MAX + one_more; i++)
			str_addf(&facts, "fact f%d words\n", i);
		for (int i = 0; i < CAM_LEVELS_MAX + one_more; i++)
			str_addf(&levels, "level l%d *\n", i);
		assert_int_equal(cam_catalogue_parse(a, facts.text, facts.len, &c, &e), one_more ? ERR_INPUT : 0);
		assert_int_equal(cam_catalogue_parse(a, levels.text, levels.len, &c, &e), one_more ? ERR_INPUT : 0);
	}
	/* The length counts, not a NUL; what holds one is refused. */
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct cam_catalogue *c = NULL;
	struct err e = { 0 };
	static const char text[] = ENV "action a:B env read\naction a:C env read";
	assert_int_equal(cam_catalogue_parse(a, text, strlen(text) - 20, &c, &e), 0);
	assert_int_equal(c->action_count, 1);
	assert_int_equal(cam_catalogue_parse(a, text, sizeof(text), &c, &e), ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_read),
		cmocka_unit_test(refused_with_line_and_reason),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}
