/* Does the world equal the directory, when the faults have stopped and everything had its time? */
#include <stdio.h>
#include <string.h>

#include "cloud/emulator/state.h"
#include "hook/evidence.h"
#include "tests/story/story.h"

struct judge { struct world *w; struct arena *a; const struct json *state; };

/* Entitled, and neither held nor somebody who went to where nobody looks before he was ever seen, or came back there after he was
 * retired. */
static bool has_access(const struct model_person *p)
{
	bool unseen = p->now.branch == BRANCH_OURS && (!p->generation || p->stage == STAGE_RETIRED);
	return person_in(&p->now) && !p->held && !unseen;
}

/* Nothing that is weak takes anything from whoever is protected. */
static bool is_spared(const struct world *w, const struct model_person *p)
{
	bool strong = p->now.there && p->now.disabled && w->setup.verdicts == DISABLED_BY_VALUE;
	return p->now.guarded && !strong;
}

static int count_marked(struct judge *j, const char *list, const char *mark_path, const struct model_person *p, unsigned generation,
	const struct json **found)
{
	int n = 0;
	const struct json *all = json_get(j->state, list);
	for (const struct json *v = json_first(all); v; v = json_next(v)) {
		unsigned g;
		if (world_owner(j->w, json_text(v, mark_path), &g) != p || (generation && g != generation))
			continue;
		if (str_eq(json_text(v, "state"), "GONE"))
			continue;
		*found = v;
		n++;
	}
	return n;
}

static const char *const lists[][2] = {
	{ "users", "remark" }, { "environments", "tags.rollcall" }, { "servers", "tags.rollcall" }, { "policies", "description" },
};

static unsigned newest_generation(struct judge *j, const struct model_person *p)
{
	unsigned newest = 0, g;
	const struct json *users = json_get(j->state, "users");
	for (const struct json *v = json_first(users); v; v = json_next(v))
		if (world_owner(j->w, json_text(v, "remark"), &g) == p && g > newest)
			newest = g;
	return newest;
}

static bool attached(const struct json *user, const char *prefix)
{
	const struct json *list = json_get(user, "policies");
	for (const struct json *v = json_first(list); v; v = json_next(v))
		if (str_starts(json_text(v, "name"), prefix))
			return true;
	return false;
}

static int active_keys(const struct json *user)
{
	int n = 0;
	const struct json *keys = json_get(user, "keys");
	for (const struct json *k = json_first(keys); k; k = json_next(k))
		n += str_eq(json_text(k, "status"), "Active");
	return n;
}

static bool shares_login(struct judge *j, const struct model_person *p)
{
	for (size_t i = 0; i < j->w->count; i++)
		if (&j->w->people[i] != p && j->w->people[i].stage == STAGE_ACTIVE && str_ieq(j->w->people[i].now.login, p->now.login))
			return true;
	return false;
}

static const char *shown(const struct json *entry, const char *name)
{
	const char *text = json_text(entry, name);
	return text ? text : "";
}

#define WRONG(...) world_wrong(j->w, OTHERWISE, p, __VA_ARGS__)

static void judge_entry(struct judge *j, const struct model_person *p, const struct json *user, const struct json *env)
{
	const struct json *entry = NULL;
	struct json *parsed;
	struct err e;
	if (p->shown && !json_parse(j->a, p->shown, strlen(p->shown), &parsed, &e))
		entry = parsed;
	if (strcmp(shown(entry, "rollcallStage"), "active") != 0)
		WRONG("the entry says stage \"%s\"", shown(entry, "rollcallStage"));
	if (!str_eq(json_text(entry, "rollcallEnvId"), json_text(env, "env_id")))
		WRONG("the entry names another environment");
	if (strcmp(shown(entry, "rollcallProofResult"), "isolated") != 0)
		WRONG("the proof says \"%s\"", shown(entry, "rollcallProofResult"));
	if (!json_has(entry, "rollcallSealedKey"))
		WRONG("no sealed key in the entry");
	const struct json *keys = json_get(user, "keys");
	bool named = false;
	for (const struct json *k = json_first(keys); k; k = json_next(k))
		named |= str_eq(json_text(k, "id"), json_text(entry, "rollcallKeyId")) && str_eq(json_text(k, "status"), "Active");
	if (!named)
		WRONG("the entry names no key that is there and active");
}

static void judge_entitled(struct judge *j, struct model_person *p)
{
	const struct json *user = NULL, *env = NULL, *server = NULL, *policy = NULL;
	unsigned g = newest_generation(j, p);
	if (p->stage != STAGE_ACTIVE && shares_login(j, p))
		return;                 /* waits for the name, and bought nothing */
	if (p->stage != STAGE_ACTIVE)
		world_wrong(j->w, WRONGLY_SUSPENDED, p, "entitled, and %s", stage_name(p->stage));
	if (!g) {
		WRONG("entitled, and has no sub-account");
		return;
	}
	if (!p->ever_left && g != 1)
		world_wrong(j->w, DUPLICATE, p, "never left, and is in generation %u", g);
	if (count_marked(j, "users", "remark", p, g, &user) != 1 || count_marked(j, "environments", "tags.rollcall", p, g, &env) != 1 ||
		count_marked(j, "servers", "tags.rollcall", p, g, &server) != 1 ||
		count_marked(j, "policies", "description", p, g, &policy) != 1) {
		WRONG("generation %u has not exactly one of each", g);
		return;
	}
	if (!json_bool_or(user, "console_login", false))
		WRONG("entitled, and the console login is off");
	int active = active_keys(user), by_hand = j->w->setup.by_hand_kept ? p->keys_by_hand : 0;
	int most = j->w->setup.key_age_ms ? 2 : 1;
	if (active < 1 || active > most + by_hand || (int)json_count(json_get(user, "keys")) > most + p->keys_by_hand)
		WRONG("entitled, with %d active of %zu keys", active, json_count(json_get(user, "keys")));
	if (!json_has(user, "boundary"))
		WRONG("no permissions boundary");
	if (!attached(user, json_text(policy, "name")))
		WRONG("his policy is not attached");
	if (json_count(json_get(user, "policies")) != 1)
		WRONG("%zu policies attached", json_count(json_get(user, "policies")));
	if (!str_eq(json_text(env, "status"), "NORMAL") || json_has(env, "isolated_time") || !json_has(env, "log_topic"))
		WRONG("the environment is not ready");
	if (!str_eq(json_text(server, "state"), "RUNNING"))
		WRONG("the server is %s", json_text(server, "state"));
	if (!json_count(json_get(server, "agent_runs")))
		WRONG("nothing was installed on the server");
	judge_entry(j, p, user, env);
	watch_ages(j->w, p);
}

static void judge_leaver(struct judge *j, const struct model_person *p)
{
	const struct json *user = NULL, *any;
	unsigned g = newest_generation(j, p);
	if (is_spared(j->w, p))
		return;
	if (g && count_marked(j, "users", "remark", p, g, &user) > 0) {
		if (active_keys(user))
			world_wrong(j->w, WORKING_KEY, p, "left, and has an active key");
		if (json_bool_or(user, "console_login", false))
			WRONG("left, and can log in to the console");
	}
	/* Whoever is held while he is on the roll, or is protected, keeps what he has. */
	bool kept = person_in(&p->now) || p->now.guarded;
	for (size_t i = 0; !kept && i < ARRAY_LEN(lists); i++)
		if (count_marked(j, lists[i][0], lists[i][1], p, 0, &any))
			WRONG("left, grace is over, and something is left in %s", lists[i][0]);
	if (p->now.there && p->shown && !strstr(p->shown, "suspended") && !strstr(p->shown, "retir") && !strstr(p->shown, "held"))
		WRONG("left, and the entry says otherwise");
}

/* Nothing twice, nothing without an owner, nothing of an older generation. */
static void judge_thing(struct judge *j, const char *list, const char *mark_path, const struct json *v)
{
	const struct json *again;
	unsigned g;
	const char *mark = json_text(v, mark_path);
	const struct model_person *p = world_owner(j->w, mark, &g);
	if (str_eq(json_text(v, "state"), "GONE") || json_bool_or(v, "preset", false))
		return;
	if (!p) {
		if (strcmp(list, "policies") != 0)
			world_wrong(j->w, ORPHAN, NULL, "%s: marked \"%s\"", list, mark ? mark : "");
		return;
	}
	if (count_marked(j, list, mark_path, p, g, &again) != 1)
		world_wrong(j->w, DUPLICATE, p, "%s: twice in generation %u", list, g);
	if (g != p->generation)
		world_wrong(j->w, ORPHAN, p, "%s: generation %u is still there, and he is in %u", list, g, p->generation);
}

static void judge_things(struct judge *j)
{
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const struct json *all = json_get(j->state, lists[l][0]);
		for (const struct json *v = json_first(all); v; v = json_next(v))
			judge_thing(j, lists[l][0], lists[l][1], v);
	}
	for (size_t i = 0; i < j->w->paid_count; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(j->w->paid[i].mark, j->w->paid[k].mark) && !strcmp(j->w->paid[i].action, j->w->paid[k].action))
				world_wrong(j->w, DOUBLE_PAYMENT, NULL, "%s paid twice for %s", j->w->paid[i].action, j->w->paid[i].mark);
}

/* Every key ever issued is tried. */
static void judge_keys(struct judge *j)
{
	struct emulator_key *keys;
	size_t n = emulator_keys(j->w->emulator, j->a, &keys);
	for (size_t i = 0; i < n; i++) {
		unsigned g;
		const struct user *u = user_by_uin(j->w->emulator, keys[i].uin);
		const struct model_person *p = u ? world_owner(j->w, u->remark, &g) : NULL;
		if (!keys[i].secret_key || str_eq(keys[i].secret_id, SECRET_ID))
			continue;
		bool works = cloud_key_works(j->w, &keys[i], j->a);
		if (works && (!p || (!has_access(p) && !is_spared(j->w, p))))
			world_wrong(j->w, WORKING_KEY, p, "key %s works", keys[i].secret_id);
		if (!works && p && p->stage == STAGE_ACTIVE && p->shown && strstr(p->shown, keys[i].secret_id))
			WRONG("the key in his entry does not work");
	}
}

static void judge_evidence(struct judge *j)
{
	const struct model_person *p = NULL;
	int64_t lines;
	struct err e;
	if (evidence_verify(arena_printf(j->a, "%s/evidence", j->w->dir), &lines, &e))
		WRONG("the evidence: %s", e.text);
}

void judge_end(struct world *w)
{
	struct judge j = { .w = w, .a = arena_new(64u << 20) };
	j.state = emulator_state(w->emulator, w->shared->true_ms, j.a);
	if (w->verbose)
		fprintf(stderr, "the world at the end: %s\n", json_print_pretty(j.a, j.state));
	for (size_t i = 0; i < w->count; i++) {
		if (has_access(&w->people[i]))
			judge_entitled(&j, &w->people[i]);
		else
			judge_leaver(&j, &w->people[i]);
	}
	judge_things(&j);
	judge_keys(&j);
	judge_evidence(&j);
	arena_free(j.a);
}
