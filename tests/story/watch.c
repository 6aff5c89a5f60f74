/* What must never happen, at any moment of a story: somebody loses access, or what is his, although the directory never
 * said so; somebody keeps a working key although it did.
 *
 * Whether a decision was right depends on what could be known when it was made.  Rollcall is asked at each idle moment what
 * it made of everybody; who was entitled from before the last one of these moments on, and was not shown as disabled since,
 * must not have lost anything since.  A call that lands late is judged by the idle moment before it was sent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/state.h"
#include "tests/story/story.h"

#define KEY_BOUND_MS (10 * MINUTE_MS)
#define SLACK_MS (10 * MINUTE_MS)
#define SKEW_MS (5 * MINUTE_MS)
/* A proof, a delivery and a refused call are waited for; the clock that said when it was made was ahead for three hours. */
#define KEY_SLACK_MS (9 * HOUR_MS)

/* Grace begins and ends by the clock of Rollcall's machine. */
static int64_t wall_ms(const struct world *w) { return w->shared->true_ms + w->shared->step_ms; }

/* By that clock as it was when it was decided, which may have been before its last jump. */
static int64_t decided_ms(const struct world *w, int64_t idle_ms)
{
	int64_t before = w->shared->true_ms + w->step_before_ms;
	return w->stepped_ms >= idle_ms && before > wall_ms(w) ? before : wall_ms(w);
}

static bool in_throughout(const struct model_person *p, int64_t idle_ms)
{
	if (p->may_be_out || p->may_be_out_ms > idle_ms)
		return false;
	return p->in_since_ms && p->in_since_ms < idle_ms && p->shown_out_ms < idle_ms && p->hold_asked_ms < idle_ms;
}

/* --- calls ---------------------------------------------------------------------------------------------------------------- */

static const char *mark_of_uin(struct world *w, uint64_t uin)
{
	const struct user *u = user_by_uin(w->emulator, uin);
	return u ? u->remark : NULL;
}

static const char *mark_of_name(struct world *w, const char *name)
{
	const struct user *u = name ? user_by_name(w->emulator, name) : NULL;
	return u ? u->remark : NULL;
}

static const char *mark_of_env(struct world *w, const char *id)
{
	const struct env *env = id ? env_by_id(w->emulator, id) : NULL;
	return env ? tags_find(&env->tags, "rollcall") : NULL;
}

static const char *mark_of_server(struct world *w, const char *id)
{
	const struct server *s = id ? index_find(&w->emulator->servers_by_id, id) : NULL;
	return s ? tags_find(&s->tags, "rollcall") : NULL;
}

static bool is_barrier(struct world *w, uint64_t id)
{
	const struct policy *p = index_find_number(&w->emulator->policies_by_id, id);
	return p && strstr(p->name, "barrier");
}

struct watched watch_look(struct world *w, const char *action, const struct json *in, int64_t idle_ms)
{
	struct watched out = { .takes = action, .idle_ms = idle_ms };
	const char *mark = NULL;
	if (!strcmp(action, "AttachUserPolicy") && is_barrier(w, (uint64_t)json_int_or(in, "PolicyId", 0)))
		mark = mark_of_uin(w, (uint64_t)json_int_or(in, "AttachUin", 0));
	else if (!strcmp(action, "UpdateUser") && json_int_or(in, "ConsoleLogin", 1) == 0)
		mark = mark_of_name(w, json_text(in, "Name"));
	else if (!strcmp(action, "StopInstances"))
		mark = mark_of_server(w, json_text(in, "InstanceIds[0]"));
	else
		out.for_good = true;
	if (!strcmp(action, "DeleteUser"))
		mark = mark_of_name(w, json_text(in, "Name"));
	else if (!strcmp(action, "DestroyEnv"))
		mark = mark_of_env(w, json_text(in, "EnvId"));
	else if (!strcmp(action, "IsolateInstances") || !strcmp(action, "TerminateInstances"))
		mark = mark_of_server(w, json_text(in, "InstanceIds[0]"));
	out.p = world_owner(w, mark, &out.generation);
	return out;
}

static void taken_for_good(struct world *w, const struct model_person *p, const char *what, int64_t idle_ms)
{
	if (p->now.guarded)
		world_wrong(w, WRONGLY_SUSPENDED, p, "%s, and he is protected", what);
	else if (p->stage != STAGE_RETIRED && in_throughout(p, idle_ms))
		world_wrong(w, WRONGLY_SUSPENDED, p, "%s, and he was entitled all the time", what);
	else if (p->stage == STAGE_SUSPENDED && decided_ms(w, idle_ms) < p->suspended_wall_ms + GRACE_MS - SLACK_MS)
		world_wrong(w, WRONGLY_SUSPENDED, p, "%s, and his grace was not over", what);
	else if (llabs(w->shared->step_ms) > SKEW_MS && w->stepped_ms < idle_ms)
		world_wrong(w, WRONGLY_SUSPENDED, p, "%s, and the clock was wrong", what);
}

void watch_done(struct world *w, const struct watched *c)
{
	const struct model_person *p = c->p;
	if (c->generation != p->generation)
		return;
	if (c->for_good)
		taken_for_good(w, p, c->takes, c->idle_ms);
	else if (p->stage == STAGE_ACTIVE && !p->held && in_throughout(p, c->idle_ms))
		world_wrong(w, WRONGLY_SUSPENDED, p, "%s, and he was entitled all the time", c->takes);
}

/* --- what Rollcall says ----------------------------------------------------------------------------------------------------- */

static void stage_of(struct world *w, struct model_person *p, unsigned generation, enum stage stage, bool held)
{
	bool newer = generation != p->generation, lost = p->stage == STAGE_ACTIVE && !newer;
	if (lost && stage == STAGE_HELD && p->hold_asked_ms < w->idle_ms)
		world_wrong(w, WRONGLY_SUSPENDED, p, "held, and nobody asked for it");
	if (lost && (stage == STAGE_SUSPENDED || stage == STAGE_RETIRED) && in_throughout(p, w->idle_ms))
		world_wrong(w, WRONGLY_SUSPENDED, p, "%s, and he was entitled all the time", stage_name(stage));
	if (stage == STAGE_RETIRED && !newer && p->stage != STAGE_RETIRED)
		taken_for_good(w, p, "retired", w->idle_ms);
	bool was_out = p->stage == STAGE_SUSPENDED || p->stage == STAGE_RETIRED;
	if (was_out && stage == STAGE_ACTIVE && p->cut_by_value && p->out_since_ms && p->out_since_ms < w->idle_ms)
		world_wrong(w, WORKING_KEY, p, "he is active again, and was disabled all the time");
	/* What he was when he was told to be disabled counts, until a change that is newer is told. */
	p->cut_by_value = p->cut_by_value ? !p->in_since_ms : p->out_known_ms && stage == STAGE_SUSPENDED;
	if (stage == STAGE_SUSPENDED && (newer || p->stage != STAGE_SUSPENDED))
		p->suspended_wall_ms = w->idle_wall_ms < wall_ms(w) ? w->idle_wall_ms : wall_ms(w);
	p->stage = stage;
	p->generation = generation;
	p->held = held;
}

static void try_keys(struct world *w, const struct model_person *p)
{
	AUTO_ARENA struct arena *a = arena_new(4u << 20);
	struct emulator_key *keys;
	size_t n = emulator_keys(w->emulator, a, &keys);
	for (size_t i = 0; i < n; i++) {
		unsigned generation;
		if (world_owner(w, mark_of_uin(w, keys[i].uin), &generation) == p && cloud_key_works(w, &keys[i], a))
			world_wrong(w, WORKING_KEY, p, "key %s works, %lld s after it was known that he is disabled", keys[i].secret_id,
				(long long)(w->shared->true_ms - p->out_known_ms) / 1000);
	}
}

/* Each key is replaced at its age, and works beside the new one for its time only.  Once the faults have stopped, and had
 * their time. */
void watch_ages(struct world *w, struct model_person *p)
{
	const int64_t now = w->shared->true_ms, most = KEY_AGE_MS + KEY_OVERLAP_MS + KEY_SLACK_MS;
	if (!w->setup.key_age_ms || w->faults || now < w->calm_ms + KEY_OVERLAP_MS + KEY_SLACK_MS)
		return;
	if (p->stage != STAGE_ACTIVE || p->held || p->age_told || !person_in(&p->now))
		return;
	for (size_t i = 0; i < w->emulator->keys.count; i++) {
		const struct key *key = w->emulator->keys.items[i];
		unsigned generation;
		if (key->deleted || !key->user || world_owner(w, key->description, &generation) != p || generation != p->generation)
			continue;
		p->age_told |= now - key->created > most;
		if (now - key->created > most)
			world_wrong(w, OTHERWISE, p, "key %s is %lld hours old", key->id, (long long)((now - key->created) / HOUR_MS));
	}
}

void watch_idle(struct world *w, const char *lines)
{
	for (const char *at = lines; at; at = strchr(at, '\n'), at += at != NULL) {
		char uuid[UUID_TEXT];
		unsigned generation;
		int stage, held;
		if (sscanf(at, "a %36s %u %d %d", uuid, &generation, &stage, &held) != 4)
			continue;
		for (size_t i = 0; i < w->count; i++)
			if (!strcmp(w->people[i].uuid, uuid) && generation >= w->people[i].generation)
				stage_of(w, &w->people[i], generation, (enum stage)stage, held);
	}
	for (size_t i = 0; i < w->count; i++) {
		struct model_person *p = &w->people[i];
		watch_ages(w, p);
		/* Whatever the source had to say was heard by now. */
		if (p->told_out_ms && !p->out_known_ms && w->connected) {
			p->out_known_ms = w->shared->true_ms;
			p->keys_tried = false;
		}
		p->out_written |= p->out_known_ms && !w->shared->disk;
		if (!p->told_out_ms && w->connected && w->refreshed && !w->shared->disk && w->refreshed_ms > w->disk_bad_ms) {
			p->may_be_out_ms = p->may_be_out ? w->shared->true_ms : p->may_be_out_ms;
			p->may_be_out = false;
		}
		if (!p->out_known_ms || p->keys_tried || w->shared->true_ms < p->out_known_ms + KEY_BOUND_MS)
			continue;
		p->keys_tried = true;
		try_keys(w, p);
	}
	/* What it heard while it could write nothing down it may not know any more. */
	if (!w->shared->disk)
		w->idle_ms = w->shared->true_ms;
	w->idle_wall_ms = wall_ms(w);
}
