/* Does the world equal the directory?  Every difference is one printed line. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cloud/tc3.h"
#include "tests/story/story.h"

struct judge { struct world *w; struct arena *a; const struct json *state; int wrong; };

static void wrong(struct judge *j, const struct model_person *p, const char *fmt, ...) PRINTF(3, 4);
static void wrong(struct judge *j, const struct model_person *p, const char *fmt, ...)
{
	va_list ap;
	printf("# seed %llu: %s %s: ", (unsigned long long)j->w->seed, p ? p->login : "-", p ? p->uuid : "");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	j->wrong++;
}

static bool entitled(const struct model_person *p) { return p->there && !p->disabled; }

/* Whose is it, by the mark in a text: fills uuid and generation. */
static bool marked(const char *text, char uuid[UUID_TEXT], unsigned *generation)
{
	const char *at = text ? strstr(text, "rollcall:" INSTALLATION ":") : NULL;
	return at && sscanf(at, "rollcall:" INSTALLATION ":%36[^:]:%u", uuid, generation) == 2;
}

static struct model_person *owner(struct judge *j, const char *mark, unsigned *generation)
{
	char uuid[UUID_TEXT];
	if (!marked(mark, uuid, generation))
		return NULL;
	for (size_t i = 0; i < j->w->count; i++)
		if (!strcmp(j->w->people[i].uuid, uuid))
			return &j->w->people[i];
	return NULL;
}

/* A signed call, as anyone who copied the key would make it. */
static bool key_works(struct judge *j, const struct emulator_key *k)
{
	const char *body = "{}";
	const struct tc3_request sign = { .method = "POST", .query = "", .service = "sts", .signed_headers = "content-type;host",
		.content_type = "application/json", .host = "sts.tencentcloudapi.com", .body = body, .body_len = 2,
		.timestamp = j->w->shared->now_ms / 1000 };
	const char *authorization = tc3_authorization(&sign, k->secret_id, k->secret_key, j->a);
	const struct emulator_header headers[] = { { "Host", "sts.tencentcloudapi.com" }, { "Content-Type", "application/json" },
		{ "X-TC-Action", "GetCallerIdentity" }, { "X-TC-Version", "2018-08-13" }, { "X-TC-Region", REGION },
		{ "X-TC-Timestamp", arena_printf(j->a, "%lld", (long long)sign.timestamp) }, { "Authorization", authorization } };
	const struct emulator_request rq = { .now_ms = j->w->shared->now_ms, .method = "POST", .path = "/", .query = "",
		.header_count = ARRAY_LEN(headers), .headers = headers, .body = body, .body_len = 2 };
	struct emulator_reply reply = { 0 };
	emulator_handle(j->w->emulator, &rq, j->a, &reply);
	return strstr(reply.body, "\"Error\"") == NULL;
}

static int count_marked(struct judge *j, const char *list, const char *mark_path, const struct model_person *p, unsigned generation,
	const struct json **found)
{
	int n = 0;
	const struct json *all = json_get(j->state, list);
	for (const struct json *v = json_first(all); v; v = json_next(v)) {
		char uuid[UUID_TEXT];
		unsigned g;
		if (!marked(json_text(v, mark_path), uuid, &g) || strcmp(uuid, p->uuid) != 0 || (generation && g != generation))
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
		if (owner(j, json_text(v, "remark"), &g) == p && g > newest)
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
		if (&j->w->people[i] != p && entitled(&j->w->people[i]) && !strcmp(j->w->people[i].login, p->login))
			return true;
	return false;
}

static void judge_entitled(struct judge *j, const struct model_person *p)
{
	const struct json *user = NULL, *env = NULL, *server = NULL, *policy = NULL, *shown = NULL;
	struct json *parsed;
	struct err e;
	unsigned g = newest_generation(j, p);
	if (!g && shares_login(j, p))
		return;                 /* waits for the name, and bought nothing */
	if (!g) {
		wrong(j, p, "entitled, and has no sub-account");
		return;
	}
	if (!p->ever_left && g != 1)
		wrong(j, p, "never left, and is in generation %u", g);
	if (count_marked(j, "users", "remark", p, g, &user) != 1 || count_marked(j, "environments", "tags.rollcall", p, g, &env) != 1 ||
		count_marked(j, "servers", "tags.rollcall", p, g, &server) != 1 ||
		count_marked(j, "policies", "description", p, g, &policy) != 1) {
		wrong(j, p, "generation %u has not exactly one of each", g);
		return;
	}
	if (!json_bool_or(user, "console_login", false))
		wrong(j, p, "entitled, and the console login is off");
	if (active_keys(user) != 1 || json_count(json_get(user, "keys")) != 1)
		wrong(j, p, "entitled, with %d active of %zu keys", active_keys(user), json_count(json_get(user, "keys")));
	if (!json_has(user, "boundary"))
		wrong(j, p, "no permissions boundary");
	if (!attached(user, json_text(policy, "name")))
		wrong(j, p, "his policy is not attached");
	if (json_count(json_get(user, "policies")) != 1)
		wrong(j, p, "%zu policies attached", json_count(json_get(user, "policies")));
	if (!str_eq(json_text(env, "status"), "NORMAL") || json_has(env, "isolated_time") || !json_has(env, "log_topic"))
		wrong(j, p, "the environment is not ready");
	if (!str_eq(json_text(server, "state"), "RUNNING"))
		wrong(j, p, "the server is %s", json_text(server, "state"));
	if (!json_count(json_get(server, "agent_runs")))
		wrong(j, p, "nothing was installed on the server");
	if (p->shown && !json_parse(j->a, p->shown, strlen(p->shown), &parsed, &e))
		shown = parsed;
	if (!str_eq(json_text(shown, "rollcallStage"), "active"))
		wrong(j, p, "the entry says stage \"%s\"", json_text(shown, "rollcallStage") ? json_text(shown, "rollcallStage") : "");
	if (!str_eq(json_text(shown, "rollcallEnvId"), json_text(env, "env_id")))
		wrong(j, p, "the entry names another environment");
	if (!str_eq(json_text(shown, "rollcallKeyId"), json_text(json_at(json_get(user, "keys"), 0), "id")))
		wrong(j, p, "the entry names another key");
	if (!str_eq(json_text(shown, "rollcallProofResult"), "isolated"))
		wrong(j, p, "the proof says \"%s\"", json_text(shown, "rollcallProofResult") ? json_text(shown, "rollcallProofResult") : "");
	if (!json_has(shown, "rollcallSealedKey"))
		wrong(j, p, "no sealed key in the entry");
}

static void judge_leaver(struct judge *j, const struct model_person *p)
{
	unsigned g = newest_generation(j, p);
	const struct json *user = NULL;
	bool grace_over = j->w->shared->now_ms > p->left_ms + GRACE_MS + 3600000 * 12;
	if (g && count_marked(j, "users", "remark", p, g, &user) > 0) {
		if (active_keys(user))
			wrong(j, p, "left, and has an active key");
		if (json_bool_or(user, "console_login", false))
			wrong(j, p, "left, and can log in to the console");
		if (grace_over)
			wrong(j, p, "left, grace is over, and the sub-account is there");
	}
	const struct json *any;
	for (size_t i = 0; grace_over && i < ARRAY_LEN(lists); i++)
		if (count_marked(j, lists[i][0], lists[i][1], p, 0, &any))
			wrong(j, p, "left, grace is over, and something is left in %s", lists[i][0]);
	if (p->there && p->shown && !strstr(p->shown, "suspended") && !strstr(p->shown, "retir"))
		wrong(j, p, "left, and the entry says otherwise");
}

/* Nothing twice, nothing without an owner, nothing of an older generation. */
static void judge_things(struct judge *j)
{
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const struct json *all = json_get(j->state, lists[l][0]), *again;
		for (const struct json *v = json_first(all); v; v = json_next(v)) {
			unsigned g;
			const char *mark = json_text(v, lists[l][1]);
			const struct model_person *p = owner(j, mark, &g);
			if (str_eq(json_text(v, "state"), "GONE") || (mark && strstr(mark, ":shared")) || json_bool_or(v, "preset", false))
				continue;
			if (!p) {
				if (strcmp(lists[l][0], "policies") != 0)
					wrong(j, NULL, "%s: an orphan, marked \"%s\"", lists[l][0], mark ? mark : "");
				continue;
			}
			if (count_marked(j, lists[l][0], lists[l][1], p, g, &again) != 1)
				wrong(j, p, "%s: twice in generation %u", lists[l][0], g);
			if (entitled(p) && g != newest_generation(j, p))
				wrong(j, p, "%s: generation %u is still there", lists[l][0], g);
		}
	}
	for (size_t i = 0; i < j->w->paid_count; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(j->w->paid[i].mark, j->w->paid[k].mark) && !strcmp(j->w->paid[i].action, j->w->paid[k].action))
				wrong(j, NULL, "%s paid twice for %s", j->w->paid[i].action, j->w->paid[i].mark);
}

/* Every key ever issued is tried. */
static void judge_keys(struct judge *j)
{
	struct emulator_key *keys;
	size_t n = emulator_keys(j->w->emulator, j->a, &keys);
	const struct json *users = json_get(j->state, "users");
	for (size_t i = 0; i < n; i++) {
		const struct model_person *p = NULL;
		unsigned g;
		if (!keys[i].secret_key || str_eq(keys[i].secret_id, "AKIDstoryroot"))
			continue;
		for (const struct json *v = json_first(users); v && !p; v = json_next(v))
			if ((uint64_t)json_int_or(v, "uin", 0) == keys[i].uin)
				p = owner(j, json_text(v, "remark"), &g);
		bool works = key_works(j, &keys[i]);
		if (works && (!p || !entitled(p)))
			wrong(j, p, "a leaver's key works: %s", keys[i].secret_id);
		if (!works && p && entitled(p) && p->shown && strstr(p->shown, keys[i].secret_id))
			wrong(j, p, "the key in his entry does not work");
	}
}

int world_judge(struct world *w)
{
	struct judge j = { .w = w, .a = arena_new(64u << 20) };
	j.state = emulator_state(w->emulator, w->shared->now_ms, j.a);
	if (w->verbose)
		fprintf(stderr, "the calls: %s\nthe world at the end: %s\n", json_print(j.a, emulator_calls(w->emulator, j.a)),
			json_print_pretty(j.a, j.state));
	for (size_t i = 0; i < w->count; i++) {
		if (entitled(&w->people[i]))
			judge_entitled(&j, &w->people[i]);
		else
			judge_leaver(&j, &w->people[i]);
	}
	judge_things(&j);
	judge_keys(&j);
	arena_free(j.a);
	return j.wrong;
}
