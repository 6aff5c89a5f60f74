#include "tests/support/forge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"

#define PICK(d, list) ((list)[dice_below((d), ARRAY_LEN(list))])
enum { LINES = 60, LINES_MAX = 5000 };
#define IDS(uin, app, place, env, topic) { .owner_uin = uin, .app_id = app, .region = place, .env_id = env, .name_space = env, \
	.topic_id = topic, .bucket = "6c65-" env }

const struct cam_identifiers forge_own = IDS(FORGE_OWNER, FORGE_APP, "ap-shanghai", "rc-lena-7k2m",
	"11111111-2222-4333-8444-555555555555");
const struct cam_identifiers forge_others[FORGE_OTHERS] = {
	IDS(FORGE_OWNER, FORGE_APP, "ap-shanghai", "rc-otto-9x4q", "99999999-2222-4333-8444-555555555555"),
	IDS(FORGE_OWNER, FORGE_APP, "ap-beijing", "rc-otto-9x4q", "99999999-2222-4333-8444-555555555555"),
	IDS(FORGE_OWNER, FORGE_APP, "ap-shanghai", "rc-lena-7k2mx", "11111111-2222-4333-8444-5555555555556"),
	IDS(FORGE_OWNER, FORGE_APP, "ap-shanghai", "rc-lena-7k2", "11111111-2222-4333-8444-55555555555"),
	IDS(FORGE_OWNER, FORGE_APP, "ap-shanghai", "xrc-lena-7k2m", "x11111111-2222-4333-8444-555555555555"),
	IDS(FORGE_OWNER, FORGE_APP, "ap-shanghai", "RC-LENA-7K2M", "11111111-2222-4333-8444-555555555555A"),
	IDS(FORGE_OWNER, FORGE_APP, "na-ashburn", "rc-lena-7k2m-2", "11111111-2222-4333-8444-555555555555-2"),
	IDS(UINT64_C(200000000002), UINT64_C(1400000002), "ap-shanghai", "rc-lena-7k2m", "11111111-2222-4333-8444-555555555555"),
};

static _Noreturn void give_up(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	abort();
}

/* --- the catalogue, whole or a part of it ---------------------------------------------------- */

const char *forge_concrete(struct arena *a, const char *pattern, const char *word)
{
	const char *star = strchr(pattern, '*');
	return star ? forge_concrete(a, arena_printf(a, "%.*s%s%s", (int)(star - pattern), pattern, word, star + 1), word) : pattern;
}

static char *filled(struct arena *a, const char *pattern, const struct cam_identifiers *id)
{
	char *out;
	struct err e;
	if (cam_fill(a, pattern, id, &out, &e))
		give_up(pattern, e.text);
	return out;
}

static void make_place(struct arena *a, const struct cam_level *level, struct forge_place *p)
{
	struct str all;
	struct err e;
	str_init(&all, a);
	for (size_t i = 0; i < level->count; i++) {
		const char *mine = filled(a, level->patterns[i], &forge_own);
		p->patterns[p->pattern_count++] = mine;
		if (str_eq(mine, "*"))
			continue;                    /* nothing of it is his own */
		str_addf(&all, "%s\"%s\"", all.len ? "," : "", mine);
		p->owned[p->own_count++] = forge_concrete(a, mine, "ap-shanghai");
		p->owned[p->own_count++] = forge_concrete(a, mine, "ap-beijing");
		for (size_t k = 0; k < ARRAY_LEN(forge_others); k++)
			p->foreign[p->other_count++] = forge_concrete(a, filled(a, level->patterns[i], &forge_others[k]), forge_others[k].region);
	}
	p->mine.count = all.len ? 1 : 0;
	const char *text = arena_printf(a,
		"{\"version\":\"2.0\",\"statement\":{\"effect\":\"allow\",\"action\":\"*\",\"resource\":[%s]}}", all.text);
	if (all.len && both_read(a, text, &p->mine.held[0], &e))
		give_up(all.text, e.text);
}

void forge_make(struct arena *a, const char *text, struct forge *s)
{
	struct err e;
	if (cam_catalogue_parse(a, text, strlen(text), &s->catalogue, &e))
		give_up(e.text, text);
	s->places = arena_alloc(a, s->catalogue->level_count * sizeof(*s->places));
	for (size_t i = 0; i < s->catalogue->level_count; i++)
		make_place(a, &s->catalogue->levels[i], &s->places[i]);
}

const struct forge_place *forge_place_of(const struct forge *f, const struct cam_action *a)
{
	return &f->places[a->level - f->catalogue->levels];
}

char *forge_load(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = arena_alloc(a, 1 << 18);
	if (!f || !fread(text, 1, (1 << 18) - 1, f))
		give_up(path, "cannot be read");
	fclose(f);
	return text;
}

void forge_read(struct arena *a, struct forge_file *f)
{
	struct str head;
	str_init(&head, a);
	f->lines = arena_alloc(a, LINES_MAX * sizeof(*f->lines));
	char *rest = forge_load(a, "policies/templates/actions.txt");
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		if (str_starts(line, "action ") && f->count < LINES_MAX)
			f->lines[f->count++] = line;
		else
			str_addf(&head, "%s\n", line);
	}
	f->head = head.text;
}

/* In what ships, only what widens is the last step of a chain; here forge_others are too. */
static const char *with_step(struct arena *a, struct dice *d, const char *line)
{
	static const char *const steps[] = { "gives own-role", "gives own-code", "gives strong-role after own-role",
		"gives more-rights after strong-role,own-code", "gives others after own-role", "gives marks after own-code" };
	bool plain = !strstr(line, "gives") && !strstr(line, "pays") && !strchr(line, '#');
	return plain && dice_chance(d, 12) ? arena_printf(a, "%s %s", line, PICK(d, steps)) : line;
}

const char *forge_part(struct arena *a, struct dice *d, const struct forge_file *f)
{
	struct str s;
	size_t at = dice_below(d, f->count), step = 1 + dice_below(d, f->count / LINES);
	str_init(&s, a);
	str_add(&s, f->head);
	for (size_t i = 0; i < LINES; i++)
		str_addf(&s, "%s\n", with_step(a, d, f->lines[(at + i * step) % f->count]));
	for (size_t i = 0; i < f->count; i++)
		if (strstr(f->lines[i], " public") && !strstr(s.text, f->lines[i]) && dice_chance(d, 50))
			str_addf(&s, "%s\n", f->lines[i]);
	return s.text;
}

/* --- making policies up ------------------------------------------------------------------------ */

static const struct cam_action *any_action(struct dice *d, const struct forge *s)
{
	return &s->catalogue->actions[dice_below(d, s->catalogue->action_count)];
}

/* Denies all that must be denied; now and then by its first letters, which may deny more. */
static void add_guard(struct arena *a, struct dice *d, const struct forge *s, struct draft *x)
{
	struct draft_statement *to = draft_add(x, false);
	bool shorten = dice_chance(d, 30);
	for (size_t i = 0; i < s->catalogue->action_count; i++) {
		const struct cam_action *one = &s->catalogue->actions[i];
		if (one->flags & FORGE_DANGEROUS)
			draft_add_action(to, shorten && dice_chance(d, 20) ? arena_printf(a, "%.*s*", (int)strlen(one->name) - 2, one->name) :
				one->name);
	}
	if (!to->action_count)
		draft_add_action(to, "cam:*");
	draft_add_resource(to, "*");
}

/* Some harmless actions of one level, on what is his own there. */
static void add_grant(struct dice *d, const struct forge *s, struct draft *x)
{
	const struct cam_action *first = any_action(d, s);
	struct draft_statement *to = draft_add(x, true);
	const struct forge_place *p = forge_place_of(s, first);
	for (size_t i = 0; i < 60 && to->action_count < 4; i++) {
		const struct cam_action *one = any_action(d, s);
		if (one->level == first->level && !(one->flags & FORGE_DANGEROUS) && (p->own_count || one->flags & CAM_PUBLIC))
			draft_add_action(to, one->name);
	}
	if (!to->action_count) {
		draft_drop(x, x->count - 1);
		return;
	}
	draft_add_resource(to, p->own_count && dice_chance(d, 50) ? p->owned[dice_below(d, p->own_count)] :
		p->patterns[dice_below(d, p->pattern_count)]);
}

static void make_harmless(struct arena *a, struct dice *d, const struct forge *s, struct draft *x)
{
	size_t grants = 1 + dice_below(d, 4);
	*x = (struct draft){ 0 };
	for (size_t i = 0; i < grants; i++)
		add_grant(d, s, x);
	add_guard(a, d, s, x);
}

static const char **pick_action(struct dice *d, struct draft_statement *s)
{
	return &s->actions[dice_below(d, s->action_count)];
}

static const char **pick_resource(struct dice *d, struct draft_statement *s)
{
	return &s->resources[dice_below(d, s->resource_count)];
}

static struct draft_statement *pick(struct dice *d, struct draft *x, bool allow)
{
	for (size_t i = 0; i < 8; i++) {
		struct draft_statement *s = &x->statements[dice_below(d, x->count)];
		if (s->allow == allow)
			return s;
	}
	return NULL;
}

static const char *strange(struct dice *d)
{
	static const char *const names[] = { "tcb:NobodyKnows", "zz:Do", "permid/280655", "cvm:X", "tcb:describeenvs", "*:*", "cam:*", "tcb:*",
		"*", "t*:Describe*", "cos:*", "scf:Describe*", "name/tcb:*" };
	return PICK(d, names);
}

/* One change to what is allowed. */
static void bend_allow(struct arena *a, struct dice *d, const struct forge *s, struct draft_statement *x)
{
	const struct cam_action *one = any_action(d, s);
	const char **resource = pick_resource(d, x), **action = pick_action(d, x);
	const struct cam_identifiers *other = &PICK(d, forge_others);
	switch (dice_below(d, 10)) {
	case 0: draft_add_action(x, one->name); break;
	case 1: *action = one->name; break;
	case 2: *action = draft_bend_word(a, d, *action); break;
	case 3: draft_add_action(x, strange(d)); break;
	case 4: draft_add_resource(x, draft_bend_resource(a, d, *resource, &forge_own, other)); break;
	case 5: draft_add_resource(x, forge_place_of(s, one)->patterns[0]); break;
	case 6: *resource = forge_place_of(s, one)->patterns[0]; break;
	default: *resource = draft_bend_resource(a, d, *resource, &forge_own, other); break;
	}
}

/* One change to what is denied. */
static void bend_deny(struct arena *a, struct dice *d, const struct forge *s, struct draft_statement *x)
{
	const char **action = pick_action(d, x), **resource = pick_resource(d, x);
	switch (dice_below(d, 6)) {
	case 0: *action = x->actions[--x->action_count]; x->action_count += !x->action_count; break;
	case 1: *action = draft_bend_word(a, d, *action); break;
	case 2: *action = any_action(d, s)->name; break;
	case 3: x->condition = draft_condition(d); break;
	case 4: *resource = PICK(d, s->places->owned); *resource = *resource ? *resource : "qcs:::::*"; break;
	default: *resource = forge_place_of(s, any_action(d, s))->patterns[0]; break;
	}
}

/* Something is allowed that should not be, and a deny covers it, or nearly. */
static void add_duel(struct arena *a, struct dice *d, const struct forge *s, struct draft *x)
{
	const struct cam_action *one = any_action(d, s);
	const struct cam_identifiers *other = &PICK(d, forge_others);
	const char *action = dice_chance(d, 50) ? strange(d) : one->name, *resource = forge_place_of(s, one)->patterns[0];
	struct draft_statement *allow = draft_add(x, true), *deny = draft_add(x, false);
	if (!deny) {
		x->count -= allow != NULL;
		return;
	}
	if (dice_chance(d, 70))
		resource = draft_bend_resource(a, d, resource, &forge_own, other);
	draft_add_action(allow, action);
	draft_add_resource(allow, resource);
	draft_add_action(deny, dice_chance(d, 20) ? draft_bend_word(a, d, action) : action);
	draft_add_resource(deny, dice_chance(d, 70) ? draft_bend_resource(a, d, resource, &forge_own, other) : resource);
	deny->condition = dice_chance(d, 10) ? draft_condition(d) : NULL;
}

static void mutate(struct arena *a, struct dice *d, const struct forge *s, struct draft *x)
{
	struct draft_statement *one = pick(d, x, dice_chance(d, 75));
	if (dice_chance(d, 15))
		add_duel(a, d, s, x);
	else if (dice_chance(d, 4))
		x->statements[dice_below(d, x->count)].allow = dice_chance(d, 50);
	else if (dice_chance(d, 4) && x->count > 1)
		draft_drop(x, dice_below(d, x->count));
	else if (one && one->allow)
		bend_allow(a, d, s, one);
	else if (one)
		bend_deny(a, d, s, one);
}

/* What must change no verdict of the prover for the worse: order, repetition, less of an allow, more of a deny. */
static void shuffle(struct arena *a, struct dice *d, struct draft *x)
{
	size_t i = dice_below(d, x->count), k = dice_below(d, x->count);
	struct draft_statement *one = &x->statements[i], *copy;
	struct draft_statement held = *one;
	switch (dice_below(d, 6)) {
	case 0: *one = x->statements[k]; x->statements[k] = held; break;
	case 1: one->condition = one->allow ? draft_condition(d) : one->condition; break;
	case 2: one->action_count -= one->allow && one->action_count > 1; break;
	case 3:
		if (one->allow && x->count > 1)
			draft_drop(x, i);
		break;
	case 4:
		if (strchr(one->actions[0], ':') && !str_starts(one->actions[0], "name/"))
			one->actions[0] = arena_printf(a, "name/%s", one->actions[0]);
		break;
	default:
		copy = draft_add(x, held.allow);
		if (copy)
			*copy = held;
	}
}

void forge_random(struct arena *a, struct dice *d, const struct forge *s, struct draft *x)
{
	static const size_t changes[] = { 0, 1, 2, 3, 3, 4, 5, 6, 8, 10 };
	size_t n = PICK(d, changes), moves = dice_below(d, 3);
	make_harmless(a, d, s, x);
	for (size_t i = 0; i < n; i++)
		mutate(a, d, s, x);
	for (size_t i = 0; i < moves; i++)
		shuffle(a, d, x);
}

void forge_mutant(struct arena *a, struct dice *d, const struct forge *s, const struct draft *from, struct draft *x)
{
	size_t n = dice_chance(d, 90) ? 1 + dice_below(d, 4) : 0, moves = dice_below(d, 4);
	*x = *from;
	/* A fragment of it: some of its grants, and what it denies. */
	for (size_t i = x->count; dice_chance(d, 60) && i > 0; i--)
		if (x->statements[i - 1].allow && dice_chance(d, 50))
			draft_drop(x, i - 1);
	for (size_t i = 0; i < n; i++)
		mutate(a, d, s, x);
	for (size_t i = 0; i < moves; i++)
		shuffle(a, d, x);
}
