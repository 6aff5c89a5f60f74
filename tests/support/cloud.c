#include "tests/support/cloud.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cloud/tc3.h"
#include "policies/walk.h"

#define ROOT_ID "AKIDtestroot"
#define ROOT_KEY "testrootkey"
#define ROUNDS 400

#define BOUNDARY "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":[\"tcb:*\",\"sts:GetCallerIdentity\"],\"resource\":[\"*\"]}]}"
#define BARRIER "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"deny\",\"action\":[\"*\"],\"resource\":[\"*\"]}]}"

/* --- the wire ------------------------------------------------------------------------ */

static void split(const struct http_request *r, struct arena *a, struct emulator_header *out)
{
	for (size_t i = 0; i < r->header_count; i++) {
		const char *colon = strchr(r->headers[i], ':');
		out[i].name = arena_strndup(a, r->headers[i], (size_t)(colon - r->headers[i]));
		out[i].value = arena_strdup(a, colon + 2);
	}
	out[r->header_count] = (struct emulator_header){ "Host", r->host };
}

/* A secret of ours may leave in a password, in RunCommand's Parameters, and nowhere else. */
static bool leaks(struct cloud *c, const struct http_request *r)
{
	char *body = arena_memdup(c->arena, r->body, r->body_len);
	struct json *o;
	struct err e;
	if (json_parse(c->arena, body, r->body_len, &o, &e))
		return true;
	json_remove(o, "Password");
	json_remove(o, "Parameters");
	const char *rest = json_print(c->arena, o);
	for (size_t i = 0; i < c->journal.secret_count; i++)
		if (strstr(rest, secret_reveal(c->journal.secrets[i].secret, NULL)))
			return true;
	return false;
}

static int exchange(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *out, struct err *e)
{
	struct cloud *c = t->ctx;
	struct emulator_reply reply;
	struct emulator_header *headers = arena_alloc(a, (r->header_count + 1) * sizeof(*headers));
	split(r, a, headers);
	c->secrets_seen |= leaks(c, r);
	c->sent++;
	const struct emulator_request q = { .now_ms = c->v.now_ms, .method = "POST", .path = "/", .query = "",
		.header_count = r->header_count + 1, .headers = headers, .body = r->body, .body_len = r->body_len };
	emulator_handle(c->emulator, &q, a, &reply);
	c->v.now_ms += reply.cut == EMULATOR_HANG ? r->timeout_ms : reply.delay_ms;
	if (reply.cut != EMULATOR_ANSWER || reply.delay_ms >= r->timeout_ms)
		return err_set(e, ERR_UNKNOWN, "no answer");
	*out = (struct http_reply){ .status = reply.status, .body = arena_memdup(a, reply.body, reply.body_len),
		.body_len = reply.body_len, .date_ms = reply.date_ms };
	return 0;
}

/* --- setting up ------------------------------------------------------------------------ */

static void wire_up(struct cloud *c)
{
	double rates[ACT_COUNT];
	for (int i = 0; i < ACT_COUNT; i++)
		rates[i] = 1e12;        /* the limiter has tests of its own */
	c->limit = limit_new(ACT_COUNT, rates, 1, &c->clock);
	c->wire = (struct transport){ .ctx = c, .exchange = exchange };
	c->api = (struct api){ .transport = &c->wire, .limit = c->limit, .clock = &c->clock, .secret_id = ROOT_ID,
		.secret_key = c->root_key, .domain = "tencentcloudapi.com", .region = "ap-guangzhou", .timeout_ms = 60000,
		.revoke_timeout_ms = 5000 };
	c->settings = (struct cloud_settings){ .poll_ms = 5000, .settle_ms = 900000, .policy_cache_ms = 60000, .isolation_ms = -1,
		.openclaw_image = "OpenClaw", .agent_timeout_ms = 900000, .agent_script = "echo {{env_id}} {{tat-hidden:secret_key}}",
		.probe_others = 2, .prove_every_ms = CLOUD_DAY };
	c->snapshot = snapshot_new(&c->clock);
	c->call = (struct call){ .api = &c->api, .arena = c->arena, .clock = &c->clock, .journal = &c->journal.journal,
		.snapshot = c->snapshot, .settings = &c->settings };
}

static void make_account(struct cloud *c)
{
	c->want = (struct account){ .installation = CLOUD_INSTALLATION, .uuid = CLOUD_UUID, .generation = 1, .root = &c->root,
		.root_account = "main", .region = "ap-shanghai", .user_name = "alice-7f3kq2", .env_alias = "rc-7f3kq2abcdefghij",
		.policy_name = "rollcall-alice-7f3kq2", .server_name = "rc-alice-7f3kq2", .package = "baas_personal",
		.bundle = "bundle_gen_lin_2c4g" };
	c->want.mark = mark_make(c->arena, CLOUD_INSTALLATION, CLOUD_UUID, 1);
	c->want.remark = c->want.mark;
}

int cloud_begin(void **state)
{
	struct cloud *c = mem_alloc(sizeof(*c));
	unsigned repaired;
	json_start();
	c->clock = clock_virtual(&c->v, CLOUD_START, 7);
	c->arena = arena_new(SIZE_MAX);
	c->root_key = secret_text(ROOT_KEY);
	const struct emulator_options o = { .secret_id = ROOT_ID, .secret_key = c->root_key, .limits = EMULATOR_LIMITS_OFF,
		.limit_factor = 1, .policy_cache_ms = 60000, .build_ms = 20000, .quota_factor = 1, .seed = 3 };
	assert_int_equal(emulator_new(&o, &c->emulator, &c->e), 0);
	memory_journal_init(&c->journal, &c->clock);
	wire_up(c);
	make_account(c);
	c->sts_actions = "\"sts:GetCallerIdentity\"";
	if (root_ensure(&c->call, CLOUD_INSTALLATION, "ap-shanghai", BOUNDARY, BARRIER, &c->root, &repaired, &c->e))
		fail_msg("%s", c->e.text);
	*state = c;
	return 0;
}

int cloud_end(void **state)
{
	struct cloud *c = *state;
	bool leaked = c->secrets_seen;
	memory_journal_clear(&c->journal);
	snapshot_free(c->snapshot);
	limit_free(c->limit);
	emulator_free(c->emulator);
	secret_free(c->root_key);
	arena_free(c->arena);
	free(c);
	return leaked ? -1 : 0;
}

void cloud_restart(struct cloud *c)
{
	snapshot_free(c->snapshot);
	c->snapshot = c->call.snapshot = snapshot_new(&c->clock);
	c->found = c->journal.found;
	c->api.skew_ms = 0;
	c->call.memo = NULL;
}

void cloud_forget(struct cloud *c)
{
	memory_journal_clear(&c->journal);
	memory_journal_init(&c->journal, &c->clock);
	cloud_restart(c);
}

/* --- walking ------------------------------------------------------------------------------ */

const struct driver *cloud_driver(enum row_id row)
{
	static const struct driver *const drivers[ROW_COUNT] = {
		[ROW_USER] = &user_driver, [ROW_BOUNDARY] = &boundary_driver, [ROW_ENV] = &env_driver,
		[ROW_POLICY] = &policy_driver, [ROW_ACCESS] = &access_driver, [ROW_CONSOLE] = &console_driver,
		[ROW_ENVKEYS] = &envkeys_driver, [ROW_KEY] = &key_driver, [ROW_PROOF] = &proof_driver,
		[ROW_SERVER] = &server_driver, [ROW_AGENT] = &agent_driver,
	};
	return drivers[row];
}

/* What policies/grant does: the policy appears when the environment is known. */
static void regrant(struct cloud *c)
{
	c->want.policy_document = NULL;
	if (*c->found.env_id && *c->found.topic && *c->found.bucket)
		c->want.policy_document = arena_printf(c->arena,
			"{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":[\"tcb:*\"],\"resource\":"
			"[\"qcs::tcb:ap-shanghai:uin/%llu:env/%s\"]},{\"effect\":\"allow\",\"action\":[%s],"
			"\"resource\":[\"*\"]}]}", (unsigned long long)c->root.owner_uin, c->found.env_id, c->sts_actions);
}

enum verb { ON, LOCK, OFF };

static bool as_wanted(enum verb verb, enum seen seen)
{
	return verb == ON ? seen == SEEN_OK : verb == LOCK ? seen == SEEN_NONE || seen == SEEN_LOCKED : seen == SEEN_NONE;
}

/* One round as policies/walk does it; 0 when it is as wanted, or when acting says that it is now. */
static int step(struct cloud *c, enum row_id row, enum verb verb)
{
	const struct driver *d = cloud_driver(row);
	enum seen seen = SEEN_NONE;
	c->call.row = row;
	c->call.memo = NULL;          /* each round is a walk of its own */
	memset(&c->e, 0, sizeof(c->e));
	regrant(c);
	int open = d->resolve ? d->resolve(&c->call, &c->want, &c->found, &c->e) : 0;
	if (open && verb == ON)
		return open;
	int rc = d->observe(&c->call, &c->want, &c->found, &seen, &c->e);
	if (rc || as_wanted(verb, seen))
		return rc ? rc : open;
	if (seen == SEEN_FOREIGN)
		return verb == ON ? err_set(&c->e, ERR_FOREIGN, "foreign") : 0;
	rc = (verb == ON ? d->ensure : verb == LOCK ? d->lock : d->remove)(&c->call, &c->want, &c->found, &c->e);
	if (!rc)
		c->found.verified_ms[row] = c->v.now_ms;
	return rc ? rc : open;
}

static int walk(struct cloud *c, enum row_id row, enum verb verb)
{
	int rc = 0;
	for (int i = 0; i < ROUNDS; i++) {
		rc = step(c, row, verb);
		if (!rc || rc == ERR_PERM || rc == ERR_FOREIGN || rc == ERR_BUG || rc == ERR_AUTH || rc == ERR_STALE || rc == ERR_QUOTA)
			return rc;
		if (c->e.due_ms > c->v.now_ms)
			c->v.now_ms = c->e.due_ms;
		else
			c->v.now_ms += 1000;
	}
	return rc;
}

int cloud_on(struct cloud *c, enum row_id row)
{
	return walk(c, row, ON);
}

int cloud_lock(struct cloud *c, enum row_id row)
{
	return walk(c, row, LOCK);
}

int cloud_off(struct cloud *c, enum row_id row)
{
	return walk(c, row, OFF);
}

int cloud_step_on(struct cloud *c, enum row_id row)
{
	return step(c, row, ON);
}

enum seen cloud_look(struct cloud *c, enum row_id row)
{
	enum seen seen = SEEN_NONE;
	c->call.row = row;
	c->call.memo = NULL;
	regrant(c);
	if (cloud_driver(row)->observe(&c->call, &c->want, &c->found, &seen, &c->e))
		fail_msg("%s", c->e.text);
	return seen;
}

void cloud_build(struct cloud *c, enum row_id up_to)
{
	for (int row = 0; row < (int)up_to; row++) {
		if (row == ROW_DELIVERY || row == ROW_ENVKEYS)
			continue;
		if (cloud_on(c, (enum row_id)row))
			fail_msg("row %d: %s", row, c->e.text);
	}
}

static int delivered(struct call *call, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	(void)call, (void)want, (void)found, (void)e;
	*out = SEEN_OK;
	return 0;
}

static int deliver(struct call *call, const struct account *want, struct found *found, struct err *e)
{
	(void)call, (void)want, (void)found, (void)e;
	return 0;
}

static int grant_again(void *ctx, const struct found *found, struct account *want, struct err *e)
{
	(void)found, (void)want, (void)e;
	regrant(ctx);
	return 0;
}

static int save(void *ctx, const struct found *found, struct err *e)
{
	(void)e;
	((struct cloud *)ctx)->journal.found = *found;
	return 0;
}

int cloud_walk(struct cloud *c, enum stage stage)
{
	static const struct driver delivery = { .name = "delivery", .observe = delivered, .ensure = deliver };
	struct lifecycle life;
	struct walk_result result;
	struct walk walk = { .life = &life, .stage = stage, .call = &c->call, .want = &c->want, .found = &c->found,
		.trust_since_ms = INT64_MAX, .ctx = c, .regrant = grant_again, .save = save };
	lifecycle_make(&life, &delivery);
	c->call.memo = NULL;
	walk_run(&walk, &result);
	c->e = result.worst;
	return result.worst.kind;
}

/* --- the emulator from outside --------------------------------------------------------------- */

void cloud_faults(struct cloud *c, const char *script)
{
	if (emulator_faults(c->emulator, script, strlen(script), &c->e))
		fail_msg("%s", c->e.text);
}

static int64_t unbroken(void *ms) { return *(int64_t *)ms; }

void cloud_clock_unbroken(struct cloud *c, int64_t *ms)
{
	c->call.unbroken_ms = unbroken;
	c->call.unbroken_ctx = ms;
}

int64_t cloud_count(struct cloud *c, const char *action)
{
	const struct json *calls = emulator_calls(c->emulator, c->arena);
	return json_int_or(calls, arena_printf(c->arena, "actions.%s.OK", action), 0);
}

const struct json *cloud_state(struct cloud *c, const char *path)
{
	return json_get(emulator_state(c->emulator, c->v.now_ms, c->arena), path);
}

int64_t cloud_money(struct cloud *c)
{
	return json_int_or(emulator_state(c->emulator, c->v.now_ms, c->arena), "money_spent", -1);
}

static struct json *parse(struct cloud *c, const char *text)
{
	struct json *o;
	if (json_parse(c->arena, text, strlen(text), &o, &c->e))
		fail_msg("%s: %s", text, c->e.text);
	return o;
}

const struct json *cloud_admin(struct cloud *c, enum action action, const char *parameters)
{
	const struct json *answer = NULL;
	c->v.now_ms += 1;
	c->call.memo = NULL;
	if (api_call(&c->api, action, "ap-shanghai", parse(c, parameters), c->arena, &answer, &c->e))
		fail_msg("%s", c->e.text);
	return answer;
}

const struct json *cloud_raw(struct cloud *c, const char *service, const char *version, const char *action, const char *parameters)
{
	c->v.now_ms += 1;
	c->call.memo = NULL;
	const char *host = arena_printf(c->arena, "%s.tencentcloudapi.com", service);
	const struct tc3_request r = { .method = "POST", .query = "", .service = service, .signed_headers = "content-type;host",
		.content_type = "application/json", .host = host, .body = parameters, .body_len = strlen(parameters),
		.timestamp = c->v.now_ms / 1000 };
	const struct emulator_header headers[] = {
		{ "Host", host }, { "Content-Type", "application/json" }, { "X-TC-Action", action }, { "X-TC-Version", version },
		{ "X-TC-Timestamp", arena_printf(c->arena, "%lld", (long long)r.timestamp) }, { "X-TC-Region", "ap-shanghai" },
		{ "Authorization", tc3_authorization(&r, ROOT_ID, c->root_key, c->arena) },
	};
	const struct emulator_request q = { .now_ms = c->v.now_ms, .method = "POST", .path = "/", .query = "",
		.header_count = ARRAY_LEN(headers), .headers = headers, .body = parameters, .body_len = strlen(parameters) };
	struct emulator_reply reply;
	emulator_handle(c->emulator, &q, c->arena, &reply);
	const struct json *answer = json_get(parse(c, reply.body), "Response");
	if (!answer || json_has(answer, "Error"))
		fail_msg("%s: %s", action, reply.body);
	return answer;
}

bool cloud_hit(struct cloud *c, const char *fault)
{
	const char *log = json_print(c->arena, json_get(emulator_calls(c->emulator, c->arena), "log"));
	return strstr(log, arena_printf(c->arena, "\"fault\":\"%s\"", fault));
}

int cloud_as_him(struct cloud *c, enum action action, const char *parameters, const struct json **answer)
{
	const struct secret *key = memory_secret(&c->journal, SECRET_KEY, c->found.key_id);
	assert_non_null(key);
	c->v.now_ms += 1;
	return api_call_as(&c->api, c->found.key_id, key, action, "ap-shanghai", parse(c, parameters), c->arena, answer, &c->e);
}

int cloud_active_keys(struct cloud *c)
{
	int n = 0;
	for (const struct json *user = json_first(cloud_state(c, "users")); user; user = json_next(user)) {
		if (!str_eq(json_text(user, "name"), c->want.user_name))
			continue;
		for (const struct json *key = json_first(json_get(user, "keys")); key; key = json_next(key))
			n += str_eq(json_text(key, "status"), "Active");
	}
	return n;
}
