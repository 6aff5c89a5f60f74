#include "policies/cam/chain.h"

#include <string.h>

#include "common/str.h"

static uint64_t bit(size_t fact)
{
	return UINT64_C(1) << fact;
}

static bool can(const struct cam_chains *c, const struct cam_step *s)
{
	return !(s->after & ~c->have);
}

/* One round: what is reached with what the rounds before have reached, so that each fact has its shortest way. */
static bool reach(struct cam_chains *c)
{
	uint64_t now = c->have;
	for (size_t i = 0; i < c->count; i++) {
		const struct cam_action *a = c->actions[i];
		for (size_t k = 0; k < a->step_count; k++) {
			const struct cam_step *s = &a->steps[k];
			if (!can(c, s) || now & bit(s->gives))
				continue;
			now |= bit(s->gives);
			c->giver[s->gives] = (struct cam_link){ a, s };
		}
	}
	bool more = now != c->have;
	c->have = now;
	return more;
}

/* One round backwards, from the ends. */
static bool lead(struct cam_chains *c)
{
	bool more = false;
	for (size_t i = 0; i < c->count; i++) {
		const struct cam_action *a = c->actions[i];
		for (size_t k = 0; k < a->step_count; k++) {
			const struct cam_step *s = &a->steps[k];
			unsigned far = c->far[s->gives];
			if (!can(c, s) || far == CAM_NO_END)
				continue;
			for (size_t f = 0; f < c->catalogue->fact_count; f++) {
				if (!(s->after & bit(f)) || c->far[f] <= far + 1)
					continue;
				c->far[f] = far + 1;
				c->next[f] = (struct cam_link){ a, s };
				more = true;
			}
		}
	}
	return more;
}

void cam_chains_make(struct arena *arena, const struct cam_catalogue *catalogue, const bool *allowed,
	struct cam_chains *out)
{
	*out = (struct cam_chains){ .catalogue = catalogue,
		.actions = arena_alloc(arena, catalogue->action_count * sizeof(*out->actions)) };
	for (size_t i = 0; i < catalogue->action_count; i++)
		if (allowed[i] && catalogue->actions[i].step_count)
			out->actions[out->count++] = &catalogue->actions[i];
	while (reach(out))
		;
	for (size_t f = 0; f < catalogue->fact_count; f++)
		out->far[f] = catalogue->facts[f].end ? 0 : CAM_NO_END;
	while (lead(out))
		;
}

bool cam_chains_ends(const struct cam_chains *c, const struct cam_action *a)
{
	for (size_t k = 0; k < a->step_count; k++)
		if (can(c, &a->steps[k]) && c->catalogue->facts[a->steps[k].gives].end)
			return true;
	return false;
}

/* --- words ----------------------------------------------------------------------- */

struct telling {
	struct str text;
	const struct cam_chains *chains;
	const struct cam_action *it;
	uint64_t told;
};

static void tell(struct telling *t, const struct cam_link *l)
{
	const char *words = t->chains->catalogue->facts[l->step->gives].words;
	bool first = !t->text.len, it = l->action == t->it;
	str_addf(&t->text, "%s%s%s %s", first ? it ? "" : "first " : ", then ", it ? "with it" : l->action->name, it ? "" : ":",
		words);
	t->told |= bit(l->step->gives);
}

/* A step, behind all that must come before it.  A fact's giver needs only what was reached in an earlier round. */
static void tell_from_start(struct telling *t, const struct cam_link *l)
{
	if (t->told & bit(l->step->gives) && l->action != t->it)
		return;
	for (size_t f = 0; f < t->chains->catalogue->fact_count; f++)
		if (l->step->after & ~t->told & bit(f))
			tell_from_start(t, &t->chains->giver[f]);
	tell(t, l);
}

/* The step that can be taken and is nearest to an end; NULL: none can be taken. */
static const struct cam_step *best_step(const struct cam_chains *c, const struct cam_action *a)
{
	const struct cam_step *best = NULL;
	for (size_t k = 0; k < a->step_count; k++) {
		const struct cam_step *s = &a->steps[k];
		if (can(c, s) && (!best || c->far[s->gives] < c->far[best->gives]))
			best = s;
	}
	return best;
}

char *cam_chains_words(struct arena *arena, const struct cam_chains *c, const struct cam_action *a)
{
	const struct cam_fact *facts = c->catalogue->facts;
	const struct cam_step *step = best_step(c, a);
	struct telling t = { .chains = c, .it = a };
	str_init(&t.text, arena);
	if (!step) {
		step = a->steps;
		for (size_t f = 0, n = 0; f < c->catalogue->fact_count; f++)
			if (step->after & ~c->have & bit(f))
				str_addf(&t.text, "%s%s", n++ ? " and " : "given ", facts[f].words);
		str_addf(&t.text, ", with it %s", facts[step->gives].words);
		return t.text.text;
	}
	size_t fact = step->gives;
	tell_from_start(&t, &(struct cam_link){ a, step });
	for (; c->far[fact] && c->far[fact] != CAM_NO_END; fact = c->next[fact].step->gives)
		tell_from_start(&t, &c->next[fact]);
	if (c->far[fact] == CAM_NO_END)
		str_add(&t.text, ", which may lead on");
	return t.text.text;
}
