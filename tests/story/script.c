/* What people do: joiners, movers, leavers, those who come back; and the administrator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook/store/store.h"
#include "tests/story/story.h"

/* --- the directory -------------------------------------------------------------------------------------------------------- */

/* p->now is as it will be. */
static void touch(struct world *w, struct model_person *p, const struct facet *before)
{
	p->before = *before;
	p->now.version++;
	p->now.csn_ms = w->shared->true_ms;
	p->now.csn_count++;
	bool in = person_in(&p->now);
	if (!in)
		p->ever_left = true;
	p->in_since_ms = !in ? 0 : p->in_since_ms ? p->in_since_ms : w->shared->true_ms;
	p->out_since_ms = in ? 0 : p->out_since_ms ? p->out_since_ms : w->shared->true_ms;
}

static void join(struct world *w, const char *login)
{
	static const struct facet nobody;
	unsigned char uuid[16];
	struct model_person *p = &w->people[w->count];
	if (w->count == PEOPLE_MAX)
		return;
	w->count++;
	memset(p, 0, sizeof(*p));
	clock_random(&w->random, uuid, sizeof(uuid));
	str_uuid(uuid, p->uuid);
	if (login)
		str_copy(p->now.login, sizeof(p->now.login), login);
	else
		snprintf(p->now.login, sizeof(p->now.login), "user%zu", w->count);
	p->now.there = true;
	p->now.branch = (enum branch)world_dice(w, 2);
	p->now.guarded = world_dice(w, 8) == 0;
	touch(w, p, &nobody);
	world_say(w, p->now.guarded ? "joins, protected" : "joins", p);
}

void script_disable(struct world *w, struct model_person *p)
{
	const struct facet before = p->now;
	if (!person_in(&p->now))
		return;
	p->now.disabled = true;
	touch(w, p, &before);
	world_say(w, "is disabled", p);
}

/* Troubles come together. */
static void disable(struct world *w, struct model_person *p)
{
	uint32_t with = w->faults ? world_dice(w, 12) : 2;
	if (with == 0)
		world_disk_fails(w);
	if (with > 7)
		hands_last_key(w, p);
	script_disable(w, p);
	if (with == 1)
		directory_fall_ill(w);
}

static void delete(struct world *w, struct model_person *p)
{
	const struct facet before = p->now;
	if (!p->now.there)
		return;
	p->now.there = false;
	touch(w, p, &before);
	world_say(w, "is deleted", p);
}

static void come_back(struct world *w, struct model_person *p)
{
	const struct facet before = p->now;
	if (!p->now.there || person_in(&p->now))
		return;
	p->now.disabled = false;
	if (p->now.branch == BRANCH_OUTSIDE)
		p->now.branch = BRANCH_A;
	touch(w, p, &before);
	world_say(w, "is back", p);
}

static void rename_him(struct world *w, struct model_person *p)
{
	const struct facet before = p->now;
	if (!p->now.there)
		return;
	if (world_dice(w, 3) == 0 && w->count > 1)
		str_copy(p->now.login, sizeof(p->now.login), w->people[world_dice(w, (uint32_t)w->count)].now.login);
	else if (!strchr(p->now.login, '.'))
		strncat(p->now.login, ".renamed", sizeof(p->now.login) - strlen(p->now.login) - 1);
	touch(w, p, &before);
	world_say(w, "is renamed", p);
}

static void move(struct world *w, struct model_person *p)
{
	const struct facet before = p->now;
	if (!p->now.there)
		return;
	enum branch to = (enum branch)world_dice(w, world_dice(w, 2) ? 2 : BRANCH_OUTSIDE + 1);
	if (!directory_takes(w, to))
		return;
	p->now.branch = to;
	touch(w, p, &before);
	world_say(w, p->now.branch == BRANCH_OUTSIDE ? "is moved out" : p->now.branch == BRANCH_OURS ? "is moved, and still ours" : "is moved", p);
}

static void back_up(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		w->people[i].old = w->people[i].now;
	world_say(w, "the directory is backed up, and the copy has all of it", NULL);
}

/* --- one action ------------------------------------------------------------------------------------------------------------------- */

void script_act(struct world *w)
{
	if (w->script_left <= 0)
		return;
	w->script_left--;
	if (w->count < 3) {
		join(w, NULL);
		return;
	}
	/* The first one stays: a directory that names nobody at all is not believed. */
	struct model_person *p = &w->people[1 + world_dice(w, (uint32_t)w->count - 1)];
	switch (world_dice(w, 18)) {
	case 0: case 1: case 2:
		join(w, NULL);
		break;
	case 3: case 4: case 5:
		disable(w, p);
		break;
	case 6:
		delete(w, p);
		break;
	case 7: case 8:
		come_back(w, p);
		break;
	case 9:
		if (p->now.there && world_dice(w, 2))
			rename_him(w, p);
		else
			join(w, p->now.login);       /* the same name, another person */
		break;
	case 10:
		move(w, p);
		break;
	case 11:
		back_up(w);
		break;
	case 12:
		hands_work(w, p);
		break;
	case 13: case 14: case 15:
		if (w->faults)
			directory_fall_ill(w);
		break;
	case 16:
		if (w->faults)
			cloud_misbehave(w);
		break;
	default:
		w->connected = false;
		world_say(w, "the directory connection breaks", NULL);
		break;
	}
}

/* --- the administrator ---------------------------------------------------------------------------------------------------------------- */

struct frozen_list { int kind, state; long long began; bool holds; };

static struct model_person *named(struct world *w, const char *uuid)
{
	for (size_t i = 0; i < w->count; i++)
		if (!strcmp(w->people[i].uuid, uuid))
			return &w->people[i];
	return NULL;
}

/* What he sees when he asks the people around him: is the list right? */
static size_t read_lists(struct world *w, const char *lines, struct frozen_list *lists, size_t max)
{
	size_t count = 0;
	for (const char *at = lines; at; at = strchr(at, '\n'), at += at != NULL) {
		char uuid[UUID_TEXT];
		struct frozen_list l = { .holds = true };
		size_t i = 0;
		if (sscanf(at, "f %d %lld %d %36s", &l.kind, &l.began, &l.state, uuid) != 4)
			continue;
		while (i < count && (lists[i].kind != l.kind || lists[i].began != l.began || lists[i].state != l.state))
			i++;
		if (i == max)
			continue;
		if (i == count)
			lists[count++] = l;
		const struct model_person *p = named(w, uuid);
		lists[i].holds &= p && person_in(&p->now) == (l.kind == FROZEN_JOIN);
	}
	return count;
}

static void decide(struct world *w, const char *lines, struct str *commands)
{
	struct frozen_list lists[32];
	size_t n = read_lists(w, lines, lists, ARRAY_LEN(lists));
	for (size_t i = 0; i < n; i++) {
		bool acts = !w->faults || world_dice(w, 4) == 0;
		if (lists[i].state != FROZEN_WAITING || !acts || (!w->faults && !lists[i].holds))
			continue;
		world_say(w, lists[i].holds ? "the administrator approves" : "the administrator rejects", NULL);
		str_addf(commands, "decide %d %lld %d\n", lists[i].kind, lists[i].began,
			lists[i].holds ? FROZEN_APPROVED : FROZEN_REJECTED);
	}
}

void script_administrate(struct world *w, const char *lines, struct str *commands)
{
	decide(w, lines, commands);
	if (!w->script_left || !w->count || world_dice(w, 40))
		return;
	struct model_person *p = &w->people[world_dice(w, (uint32_t)w->count)];
	if (p->stage != STAGE_ACTIVE) {
		if (p->held)
			str_addf(commands, "resume %s\n", p->uuid);
		return;
	}
	bool hold = world_dice(w, 3) == 0;
	if (hold)
		p->hold_asked_ms = w->shared->true_ms;
	str_addf(commands, "%s %s\n", hold ? "hold" : "verify", p->uuid);
	world_say(w, hold ? "the administrator holds" : "the administrator asks for a proof of", p);
}
