/* What the prover calls isolated is isolated: for random policies, and for mutants of the template that ships, no request
 * that either evaluator allows reaches what is not the employee's own, is unknown, widens, pays or destroys, and no chain
 * of allowed actions reaches an end.  ROLLCALL_SEED moves the seeds; a failure names the one that begins its batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/prove.h"
#include "tests/support/forge.h"

#ifdef __SANITIZE_ADDRESS__
enum { RANDOM = 6000, MUTANTS = 1000 };
#else
enum { RANDOM = 100000, MUTANTS = 20000 };
#endif
enum { BATCH = 500, SOME_ACTIONS = 6 };
#define SUB UINT64_C(100000000101)
static const struct cam_context nothing[1], lena[] = { { "k", "never" }, { "qcs:ip", "10.1.1.1" },
	{ "qcs:current_time", "2026-11-24T12:00:00Z" }, { "qcs:resource_tag", "owner&lena" } },
	otto[] = { { "k", "100000000101" }, { "qcs:ip", "11.1.1.1" }, { "qcs:resource_tag", "owner&otto" } }, bare[] = { { "k", "true" } };
static const struct { const struct cam_context *items; size_t count; } contexts[] = { { nothing, 0 }, { lena, ARRAY_LEN(lena) },
	{ otto, ARRAY_LEN(otto) }, { bare, ARRAY_LEN(bare) } };

#define PICK(d, list) ((list)[dice_below((d), ARRAY_LEN(list))])

/* --- judging ------------------------------------------------------------------------------------- */

struct counts { size_t isolated, refused, unreadable, requests; };
struct trial {
	const struct forge *forge;
	struct dice *dice;
	struct arena *arena;
	struct both both;
	size_t place_count;
	const char *derived[64];          /* resources made of the policies' own patterns */
	uint64_t facts;
	bool *may;                        /* actions of the catalogue for which an allowed request was found */
	struct counts *counts;
	uint64_t batch, seed;
};

static bool allowed(struct trial *t, const struct both *b, const char *action, const char *resource)
{
	size_t i = dice_below(t->dice, ARRAY_LEN(contexts));
	const struct cam_request r = { .action = action, .resource = resource, .owner_uin = FORGE_OWNER, .uin = SUB, .app_id = FORGE_APP,
		.context_count = contexts[i].count, .context = contexts[i].items };
	enum cam_verdict naive, real = both_judge(b, &r, &naive);
	t->counts->requests++;
	return real == CAM_ALLOW || naive == CAM_ALLOW;
}

static void broken(const struct trial *t, const char *action, const char *resource, const char *why)
{
	for (size_t i = 0; i < t->both.count; i++)
		print_message("  %s\n", t->both.held[i].text);
	fail_msg("ROLLCALL_SEED=%llu (seed %llu): called isolated, but %s on %s is allowed: %s", (unsigned long long)t->batch,
		(unsigned long long)t->seed, action, resource, why);
}

static void try_known(struct trial *t, const struct cam_action *a, const char *resource)
{
	const struct forge_place *p = forge_place_of(t->forge, a);
	if (!allowed(t, &t->both, a->name, resource))
		return;
	t->may[a - t->forge->catalogue->actions] = true;
	bool mine = p->mine.count && allowed(t, &p->mine, a->name, resource);
	if (a->flags & CAM_WIDENS)
		broken(t, a->name, resource, "it widens");
	if (a->flags & CAM_PAYS)
		broken(t, a->name, resource, "it pays");
	if (a->flags & CAM_DESTROYS)
		broken(t, a->name, resource, "it destroys");
	if (!(a->flags & CAM_PUBLIC) && !mine)
		broken(t, a->name, resource, "it is not his own");
}

/* Which actions do the allows name?  Nothing can allow the others. */
static bool *named_actions(struct trial *t, const struct draft *x)
{
	const struct cam_catalogue *c = t->forge->catalogue;
	bool *named = arena_alloc(t->arena, c->action_count * sizeof(*named));
	for (size_t i = 0; i < x->count; i++) {
		for (size_t k = 0; x->statements[i].allow && k < x->statements[i].action_count; k++) {
			const char *pattern = x->statements[i].actions[k];
			pattern += str_starts(pattern, "name/") ? 5 : 0;
			const struct cam_action *exact = strchr(pattern, '*') ? NULL : cam_catalogue_find(c, pattern);
			if (exact)
				named[exact - c->actions] = true;
			for (size_t n = 0; strchr(pattern, '*') && n < c->action_count; n++)
				named[n] = named[n] || naive_glob(pattern, c->actions[n].name);
		}
	}
	return named;
}

static void try_action(struct trial *t, const struct cam_action *a)
{
	const struct forge_place *p = forge_place_of(t->forge, a);
	try_known(t, a, "*");
	for (size_t i = 0; i < p->own_count; i++)
		try_known(t, a, p->owned[i]);
	for (size_t i = 0; i < p->other_count; i++)
		try_known(t, a, p->foreign[i]);
	for (size_t i = 0; i < t->place_count && i < 5; i++)
		try_known(t, a, t->derived[dice_below(t->dice, t->place_count)]);
}

/* Names that an allow may mean without the catalogue knowing them. */
static void try_unknown(struct trial *t, const char *pattern)
{
	const char *action = forge_concrete(t->arena, str_starts(pattern, "name/") ? pattern + 5 : pattern, "Zz");
	if (str_eq(pattern, "*"))
		action = "zz:Zz";
	if (!strchr(action, ':') || cam_catalogue_find(t->forge->catalogue, action))
		return;
	if (allowed(t, &t->both, action, "*"))
		broken(t, action, "*", "nobody knows it");
	for (size_t i = 0; i < t->place_count && i < 12; i++)
		if (allowed(t, &t->both, action, t->derived[i]))
			broken(t, action, t->derived[i], "nobody knows it");
}

static void derive(struct trial *t, const struct draft *x)
{
	static const char *const words[] = { "rc-otto-9x4q", "ap-shanghai", "", "rc-lena-7k2m", "x", "uin/100000000001", "a/b" };
	for (size_t i = 0; i < x->count; i++)
		for (size_t k = 0; k < x->statements[i].resource_count && t->place_count < ARRAY_LEN(t->derived); k++) {
			const char *text = x->statements[i].resources[k], *variable = strstr(text, "${uin}");
			if (variable)
				text = arena_printf(t->arena, "%.*s%llu%s", (int)(variable - text), text, (unsigned long long)SUB, variable + 6);
			t->derived[t->place_count++] = forge_concrete(t->arena, text, PICK(t->dice, words));
		}
}

/* Whoever may call these, what can he have in the end? */
static void try_chains(struct trial *t)
{
	const struct cam_catalogue *c = t->forge->catalogue;
	for (size_t round = 0; round < CAM_FACTS_MAX; round++)
		for (size_t i = 0; i < c->action_count; i++)
			for (size_t k = 0; t->may[i] && k < c->actions[i].step_count; k++)
				if (!(c->actions[i].steps[k].after & ~t->facts))
					t->facts |= UINT64_C(1) << c->actions[i].steps[k].gives;
	for (size_t i = 0; i < c->fact_count; i++)
		if (c->facts[i].end && t->facts >> i & 1)
			broken(t, "a chain of actions", "what is granted", c->facts[i].words);
}

static void attack(struct trial *t, const struct draft *x)
{
	const struct cam_catalogue *c = t->forge->catalogue;
	const struct cam_action **harmless = arena_alloc(t->arena, (c->action_count + 1) * sizeof(const struct cam_action *));
	const bool *named = named_actions(t, x);
	size_t count = 0;
	t->may = arena_alloc(t->arena, c->action_count * sizeof(*t->may));
	derive(t, x);
	for (size_t i = 0; i < c->action_count; i++) {
		if (named[i] && c->actions[i].flags & FORGE_DANGEROUS)
			try_action(t, &c->actions[i]);
		else if (named[i])
			harmless[count++] = &c->actions[i];
	}
	/* All of a few, some of many. */
	for (size_t i = 0; i < count && i < SOME_ACTIONS; i++)
		try_action(t, harmless[count > SOME_ACTIONS ? dice_below(t->dice, count) : i]);
	for (size_t i = 0; i < x->count; i++) {
		const struct draft_statement *s = &x->statements[i];
		for (size_t k = 0; s->allow && k < s->action_count && k < SOME_ACTIONS; k++)
			try_unknown(t, s->actions[dice_below(t->dice, s->action_count)]);
	}
	try_chains(t);
}

/* One to three policies of the draft's statements. */
static void judge(struct trial *t, const struct draft *x)
{
	struct cam_policy *policies[3];
	const char *texts[3];
	struct cam_proof proof;
	struct err e;
	size_t n = x->count > 2 && dice_chance(t->dice, 30) ? 2 + dice_below(t->dice, 2) : 1;
	for (size_t i = 0; i < n; i++) {
		texts[i] = draft_print(t->arena, x, i, n);
		if (cam_policy_parse(t->arena, texts[i], strlen(texts[i]), &policies[i], &e)) {
			t->counts->unreadable++;
			return;
		}
	}
	const struct cam_policy *const held[] = { policies[0], policies[n > 1 ? 1 : 0], policies[n - 1] };
	if (cam_prove(t->arena, t->forge->catalogue, held, n, &forge_own, &proof, &e))
		fail_msg("seed %llu: %s", (unsigned long long)t->seed, e.text);
	t->counts->isolated += !proof.count;
	t->counts->refused += proof.count > 0;
	if (proof.count)
		return;
	t->both.count = n;
	for (size_t i = 0; i < n; i++)
		if (both_read(t->arena, texts[i], &t->both.held[i], &e))
			fail_msg("seed %llu: %s", (unsigned long long)t->seed, e.text);
	attack(t, x);
}

/* template: mutated; NULL: a policy made up. */
static void one(const struct forge *f, uint64_t batch, uint64_t seed, const struct draft *template, struct counts *counts)
{
	AUTO_ARENA struct arena *a = arena_new(64 << 20);
	struct dice d = { seed * UINT64_C(0xd1342543de82ef95) };
	struct draft *x = arena_alloc(a, sizeof(*x));
	struct trial *t = arena_alloc(a, sizeof(*t));
	*t = (struct trial){ .forge = f, .dice = &d, .arena = a, .counts = counts, .batch = batch, .seed = seed };
	if (template)
		forge_mutant(a, &d, f, template, x);
	else
		forge_random(a, &d, f, x);
	if (x->count)
		judge(t, x);
}

/* --- the properties --------------------------------------------------------------------------------- */

static uint64_t first_seed(void)
{
	const char *asked = getenv("ROLLCALL_SEED");
	return asked ? strtoull(asked, NULL, 10) : 1;
}

static void conclude(const struct counts *c, size_t wanted, const char *what)
{
	size_t judged = c->isolated + c->refused;
	print_message("%zu %s: %zu isolated, %zu refused; %zu requests tried against the isolated ones; %zu more not in the language\n",
		judged, what, c->isolated, c->refused, c->requests, c->unreadable);
	assert_true(judged >= wanted);
	assert_true(c->isolated * 100 > judged);
	assert_true(c->refused * 100 > judged);
}

static void random_policies(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(16 << 20);
	struct forge_file file = { 0 };
	struct counts counts = { 0 };
	forge_read(a, &file);
	for (uint64_t batch = first_seed(); counts.isolated + counts.refused < RANDOM; batch += BATCH) {
		AUTO_ARENA struct arena *b = arena_new(16 << 20);
		struct dice d = { batch };
		struct forge f;
		forge_make(b, forge_part(b, &d, &file), &f);
		for (size_t i = 0; i < BATCH; i++)
			one(&f, batch, batch + i, NULL, &counts);
	}
	conclude(&counts, RANDOM, "random policies");
}

static void mutants_of_the_template(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(16 << 20);
	struct draft *employee = arena_alloc(a, sizeof(*employee));
	struct forge f;
	struct err e;
	char *text, *template_text = forge_load(a, "policies/templates/employee.json");
	struct counts counts = { 0 };
	if (cam_render(a, template_text, strlen(template_text), &forge_own, &text, &e))
		fail_msg("%s", e.text);
	forge_make(a, forge_load(a, "policies/templates/actions.txt"), &f);
	draft_read(a, text, employee);
	for (uint64_t seed = first_seed(); counts.isolated + counts.refused < MUTANTS; seed++)
		one(&f, seed, seed, employee, &counts);
	conclude(&counts, MUTANTS, "mutants of the template");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_policies),
		cmocka_unit_test(mutants_of_the_template),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
