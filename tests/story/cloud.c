/* The cloud of a story: the emulator's core, how it fails, and calls that land after whoever made them has given up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/api.h"
#include "cloud/emulator/state.h"
#include "cloud/tc3.h"
#include "tests/story/story.h"

/* Less than what any resolver waits before it believes that nothing came of a call. */
#define LATE_MS 30000

/* --- faults ------------------------------------------------------------------------------------------------------------- */

static const char *const kinds[] = { "error", "throttle", "http500", "cut_before", "cut_after", "hang", "stale", "garbage",
	"delay", "skew" };
static const char *const codes[] = { "InternalError", "ResourceUnavailable", "FailedOperation", "AuthFailure.SignatureFailure",
	"RequestLimitExceeded", "SomethingNobodyHeardOf" };

/* Either all calls, now and then; or the n-th call of one action, a few times. */
static struct json *rule(struct world *w, struct arena *a)
{
	struct json *r = json_object(a);
	bool any = world_dice(w, 2);
	const char *kind = kinds[world_dice(w, ARRAY_LEN(kinds))];
	json_put_text(r, "action", any ? "*" : action_table[world_dice(w, ACT_COUNT)].name);
	json_put_text(r, "kind", kind);
	if (!strcmp(kind, "error"))
		json_put_text(r, "code", codes[world_dice(w, world_dice(w, 2) ? 2 : ARRAY_LEN(codes))]);
	if (!strcmp(kind, "delay"))
		json_put_int(r, "delay_ms", world_dice(w, 4000));
	if (!strcmp(kind, "skew"))
		json_put_int(r, "skew_ms", (int64_t)world_dice(w, 1200000) - 600000);
	if (any) {
		json_put_int(r, "every", 5 + world_dice(w, 40));
	} else {
		json_put_int(r, "every", 1 + world_dice(w, 4));
		json_put_int(r, "times", 1 + world_dice(w, 6));
	}
	return r;
}

static void load(struct world *w, const struct json *script, struct arena *a)
{
	struct err e;
	char *text = json_print(a, script);
	if (!emulator_faults(w->emulator, text, strlen(text), &e))
		return;
	fprintf(stderr, "story: fault script refused: %s\n", e.text);
	exit(2);
}

void cloud_misbehave(struct world *w)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct json *script = json_object(a), *rules = json_array(a), *switches = json_object(a);
	size_t n = world_dice(w, 5);
	for (size_t i = 0; i < n; i++)
		json_push(rules, rule(w, a));
	json_put(script, "rules", rules);
	json_put_int(switches, "refund_days", w->refund_days);
	json_put_bool(switches, "isolated_envs_listed", world_dice(w, 2));
	json_put_bool(switches, "delete_active_key_refused", world_dice(w, 2));
	json_put_bool(switches, "delete_attached_policy_refused", world_dice(w, 2));
	json_put_bool(switches, "detach_missing_is_error", world_dice(w, 2));
	json_put_bool(switches, "alias_unique", world_dice(w, 2));
	json_put_bool(switches, "missing_instance_is_error", world_dice(w, 2));
	if (world_dice(w, 2))
		json_put_int(switches, "tags_visible_delay_ms", world_dice(w, 60000));
	if (world_dice(w, 8) == 0)
		json_put_int(switches, "max_delete_monthly", world_dice(w, 2));
	json_put(script, "switches", switches);
	load(w, script, a);
}

void cloud_calm(struct world *w)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 16);
	struct json *script = json_object(a), *switches = json_object(a);
	json_put_int(switches, "refund_days", w->refund_days);
	json_put(script, "switches", switches);
	load(w, script, a);
}

void cloud_open(struct world *w)
{
	static const char *const secret = "root-secret-key-of-the-story";
	struct err e;
	AUTO_SECRET struct secret *key = secret_text(secret);
	const struct emulator_options options = { .secret_id = SECRET_ID,
		.secret_key = key,
		.limits = world_dice(w, 4) ? EMULATOR_LIMITS_OFF : EMULATOR_LIMITS_DOCUMENTED,
		.limit_factor = 1,
		.policy_cache_ms = 60000,
		.build_ms = 10000 + world_dice(w, 60000),
		.quota_factor = 1,
		.seed = w->seed };
	if (emulator_new(&options, &w->emulator, &e)) {
		fprintf(stderr, "story: %s\n", e.text);
		exit(2);
	}
	w->refund_days = world_dice(w, 5) ? 1000 : 5;
	cloud_misbehave(w);
}

/* --- one call ------------------------------------------------------------------------------------------------------------ */

#define HEADERS 24
struct request { struct emulator_request rq; struct emulator_header headers[HEADERS]; const char *action; };

/* "name: value" lines, an empty one, the body. */
static void read_request(struct request *r, int64_t now_ms, const char *bytes, size_t n, struct arena *a)
{
	char *text = arena_strndup(a, bytes, n), *end = strstr(text, "\n\n"), *line = text;
	memset(r, 0, sizeof(*r));
	r->rq = (struct emulator_request){ .now_ms = now_ms, .method = "POST", .path = "/", .query = "", .headers = r->headers,
		.body = bytes + (end - text) + 2, .body_len = n - (size_t)(end - text) - 2 };
	r->action = "";
	*end = '\0';
	while (line && *line && r->rq.header_count < HEADERS) {
		char *next = strchr(line, '\n'), *colon = strchr(line, ':');
		if (next)
			*next++ = '\0';
		if (colon) {
			*colon++ = '\0';
			colon += strspn(colon, " ");
			r->headers[r->rq.header_count++] = (struct emulator_header){ line, colon };
			if (str_ieq(line, "x-tc-action"))
				r->action = colon;
		}
		line = next;
	}
}

/* Whose order was it?  The mark is in the request's tags. */
static void remember_order(struct world *w, const struct request *r)
{
	struct paid *p = &w->paid[w->paid_count];
	const char *mark = memmem(r->rq.body, r->rq.body_len, "rollcall:", 9);
	if (w->paid_count == ARRAY_LEN(w->paid) || (strcmp(r->action, "CreateEnv") != 0 && strcmp(r->action, "CreateInstances") != 0))
		return;
	str_copy(p->action, sizeof(p->action), r->action);
	if (mark)
		snprintf(p->mark, sizeof(p->mark), "%.*s", (int)strcspn(mark, "\""), mark);
	w->paid_count++;
}

static void handle(struct world *w, struct request *r, int64_t idle_ms, struct arena *a, struct emulator_reply *reply)
{
	size_t orders = w->emulator->orders.count;
	uint64_t version = w->emulator->version;
	struct json *parameters;
	struct watched watched = { 0 };
	struct err e;
	/* Looked at before: what is deleted has no owner any more. */
	if (!json_parse(a, r->rq.body, r->rq.body_len, &parameters, &e))
		watched = watch_look(w, r->action, parameters, idle_ms);
	emulator_handle(w->emulator, &r->rq, a, reply);
	bool changed = w->emulator->version != version;
	if (changed && w->verbose)
		world_say(w, arena_printf(a, "%s has changed something", r->action), NULL);
	if (watched.p && changed)
		watch_done(w, &watched);
	if (w->emulator->orders.count > orders)
		remember_order(w, r);
}

void cloud_late(struct world *w, bool all)
{
	for (size_t i = 0; i < ARRAY_LEN(w->late); i++) {
		struct late *l = &w->late[i];
		if (!l->request || (!all && l->due_ms > w->shared->true_ms))
			continue;
		AUTO_ARENA struct arena *a = arena_new(16u << 20);
		struct request r;
		struct emulator_reply reply;
		read_request(&r, w->shared->true_ms, l->request, l->n, a);
		world_say(w, arena_printf(a, "a call lands late: %s", r.action), NULL);
		handle(w, &r, l->idle_ms, a, &reply);
		free(l->request);
		l->request = NULL;
	}
}

/* Who gets something by it. */
static struct model_person *given_to(struct world *w, const struct request *r, struct arena *a)
{
	static const char *const gives[] = { "CreateAccessKey", "UpdateAccessKey", "DetachUserPolicy", "UpdateUser" };
	struct json *in;
	struct err e;
	unsigned generation;
	bool one = false;
	for (size_t i = 0; i < ARRAY_LEN(gives); i++)
		one |= !strcmp(r->action, gives[i]);
	if (!one || json_parse(a, r->rq.body, r->rq.body_len, &in, &e) || str_eq(json_text(in, "Status"), "Inactive"))
		return NULL;
	const char *name = json_text(in, "Name");
	int64_t uin = json_int_or(in, "TargetUin", json_int_or(in, "DetachUin", 0));
	const struct user *u = name ? user_by_name(w->emulator, name) : user_by_uin(w->emulator, (uint64_t)uin);
	return u ? world_owner(w, u->remark, &generation) : NULL;
}

/* The worst moment for a call to be late: he leaves just then. */
static bool is_late(struct world *w, const struct request *r, const char *body, size_t n, struct arena *a)
{
	bool reads = str_starts(r->action, "Describe") || str_starts(r->action, "Get") || str_starts(r->action, "List");
	struct model_person *given = w->faults && !reads ? given_to(w, r, a) : NULL;
	if (!w->faults || reads || world_dice(w, given ? 8 : 40))
		return false;
	if (given && w->script_left && world_dice(w, 2))
		script_disable(w, given);
	for (size_t i = 0; i < ARRAY_LEN(w->late); i++) {
		struct late *l = &w->late[i];
		if (l->request)
			continue;
		*l = (struct late){ .due_ms = w->shared->true_ms + world_dice(w, LATE_MS), .idle_ms = w->idle_ms, .n = n,
			.request = mem_alloc(n + 1) };
		memcpy(l->request, body, n);
		return true;
	}
	return false;
}

void cloud_exchange(struct world *w, int fd, const char *body, size_t n, struct arena *a)
{
	struct request r;
	struct emulator_reply reply = { 0 };
	read_request(&r, w->shared->true_ms, body, n, a);
	w->exchanges++;
	if (is_late(w, &r, body, n, a)) {
		frame_send(fd, FRAME_HANG, NULL, 0);
		return;
	}
	handle(w, &r, w->idle_ms, a, &reply);
	w->shared->true_ms += reply.delay_ms;
	if (reply.cut != EMULATOR_ANSWER) {
		frame_send(fd, reply.cut == EMULATOR_HANG ? FRAME_HANG : FRAME_CUT, NULL, 0);
		return;
	}
	char *out = arena_alloc(a, reply.body_len + 12);
	memcpy(out, &reply.date_ms, 8);
	memcpy(out + 8, &reply.status, 4);
	memcpy(out + 12, reply.body, reply.body_len);
	frame_send(fd, FRAME_ANSWER, out, reply.body_len + 12);
}

/* --- calls of others -------------------------------------------------------------------------------------------------------- */

static const char *call_with(struct world *w, const char *service, const char *version, const char *action, const char *body,
	const char *id, const struct secret *secret, struct arena *a)
{
	const char *host = arena_printf(a, "%s.tencentcloudapi.com", service);
	const struct tc3_request sign = { .method = "POST", .query = "", .service = service, .signed_headers = "content-type;host",
		.content_type = "application/json", .host = host, .body = body, .body_len = strlen(body),
		.timestamp = w->shared->true_ms / 1000 };
	const struct emulator_header headers[] = { { "Host", host }, { "Content-Type", "application/json" },
		{ "X-TC-Action", action }, { "X-TC-Version", version }, { "X-TC-Region", REGION },
		{ "X-TC-Timestamp", arena_printf(a, "%lld", (long long)sign.timestamp) },
		{ "Authorization", tc3_authorization(&sign, id, secret, a) } };
	const struct emulator_request rq = { .now_ms = w->shared->true_ms, .method = "POST", .path = "/", .query = "",
		.header_count = ARRAY_LEN(headers), .headers = headers, .body = body, .body_len = strlen(body) };
	struct emulator_reply reply = { 0 };
	struct faults *faults = w->emulator->faults;     /* they are for Rollcall */
	w->emulator->faults = NULL;
	emulator_handle(w->emulator, &rq, a, &reply);
	w->emulator->faults = faults;
	return reply.body;
}

/* A signed call, as anyone who copied the key would make it. */
bool cloud_key_works(struct world *w, const struct emulator_key *k, struct arena *a)
{
	const char *answer = call_with(w, "sts", "2018-08-13", "GetCallerIdentity", "{}", k->secret_id, k->secret_key, a);
	return strstr(answer, "\"Error\"") == NULL;
}

const struct json *cloud_by_hand(struct world *w, const char *service, const char *version, const char *action,
	const struct json *parameters, struct arena *a)
{
	AUTO_SECRET struct secret *secret = secret_text("root-secret-key-of-the-story");
	const char *text = call_with(w, service, version, action, json_print(a, parameters), SECRET_ID, secret, a);
	struct json *answer;
	struct err e;
	if (json_parse(a, text, strlen(text), &answer, &e) || json_has(answer, "Response.Error"))
		return NULL;
	return json_get(answer, "Response");
}
