/* An emulator in virtual time, and calls to it signed as a client signs them. */
#ifndef ROLLCALL_TESTS_UNIT_EMULATOR_WORLD_H
#define ROLLCALL_TESTS_UNIT_EMULATOR_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/emulator.h"
#include "cloud/tc3.h"
#include "common/str.h"

#define START INT64_C(1795500000000)
#define BUILD 10000
#define DAYS INT64_C(86400000)
#define UNUSED __attribute__((unused))
#define SCRIPT(text) world_script(w, text)

struct signer { const char *id; const struct secret *secret; };
struct world {
	struct emulator *em;
	struct arena *arena;
	struct secret *root_secret;
	struct signer root;
	int64_t now;
	struct emulator_reply reply;      /* of the last call */
	const char *code;                 /* "OK", an error code, "HTTP 500", "cut", "hang", "garbage" */
	const struct json *response;      /* Response, NULL when there was none */
	uint64_t owner;
};

static const struct { const char *name, *version; } products[] = {
	{ "cam", "2019-01-16" }, { "tcb", "2018-06-08" }, { "lighthouse", "2020-03-24" }, { "tat", "2020-10-28" },
	{ "sts", "2018-08-13" }, { "tag", "2018-08-13" }, { "billing", "2018-07-09" },
};

static UNUSED const char *version_of(const char *product)
{
	for (size_t i = 0; i < ARRAY_LEN(products); i++)
		if (str_eq(products[i].name, product))
			return products[i].version;
	return "";
}

/* --- one call ---------------------------------------------------------------------------- */

static void world_take(struct world *w)
{
	struct json *whole;
	struct err e;
	w->response = NULL;
	w->code = w->reply.cut == EMULATOR_CUT ? "cut" : w->reply.cut == EMULATOR_HANG ? "hang" : NULL;
	if (!w->code && w->reply.status != 200)
		w->code = arena_printf(w->arena, "HTTP %d", w->reply.status);
	if (w->code)
		return;
	w->code = "garbage";
	if (json_parse(w->arena, w->reply.body, w->reply.body_len, &whole, &e))
		return;
	w->response = json_get(whole, "Response");
	assert_non_null(w->response);
	assert_non_null(json_text(w->response, "RequestId"));
	const char *code = json_text(w->response, "Error.Code");
	w->code = code ? code : "OK";
}

/* Signed by who, in a region ("" sends none), with this body. */
static UNUSED const struct json *say_in(struct world *w, const struct signer *who, const char *region, const char *product,
	const char *action, const char *body)
{
	char stamp[24], host[64];
	snprintf(stamp, sizeof(stamp), "%" PRId64, w->now / 1000);
	snprintf(host, sizeof(host), "%s.tencentcloudapi.com", product);
	struct tc3_request r = { .method = "POST", .query = "", .service = product, .signed_headers = "content-type;host",
		.content_type = "application/json", .host = host, .action = action, .body = body, .body_len = strlen(body),
		.timestamp = w->now / 1000 };
	const struct emulator_header headers[] = {
		{ "Host", host }, { "Content-Type", "application/json" }, { "X-TC-Action", action },
		{ "X-TC-Version", version_of(product) }, { "X-TC-Timestamp", stamp }, { "X-TC-Region", region },
		{ "Authorization", tc3_authorization(&r, who->id, who->secret, w->arena) },
	};
	const struct emulator_request q = { .now_ms = w->now, .method = "POST", .path = "/", .query = "",
		.header_count = ARRAY_LEN(headers), .headers = headers, .body = body, .body_len = strlen(body) };
	emulator_handle(w->em, &q, w->arena, &w->reply);
	world_take(w);
	return w->response;
}

static UNUSED PRINTF(5, 6) const struct json *say(struct world *w, const struct signer *who, const char *product,
	const char *action, const char *fmt, ...)
{
	char body[32768];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(body, sizeof(body), fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < sizeof(body));
	return say_in(w, who, "ap-shanghai", product, action, body);
}

/* By the administrator; the answer must be as expected. */
#define expect(w, wanted, product, action, ...) do { \
	say(w, &(w)->root, product, action, __VA_ARGS__); \
	if (!str_eq((w)->code, wanted)) \
		fail_msg("%s: %s, not %s (%.*s)", action, (w)->code, wanted, (int)(w)->reply.body_len, (w)->reply.body); \
} while (0)
#define expect_by(w, who, wanted, product, action, ...) do { \
	say(w, who, product, action, __VA_ARGS__); \
	if (!str_eq((w)->code, wanted)) \
		fail_msg("%s: %s, not %s (%.*s)", action, (w)->code, wanted, (int)(w)->reply.body_len, (w)->reply.body); \
} while (0)
#define ok(w, product, action, ...) expect(w, "OK", product, action, __VA_ARGS__)

static UNUSED const char *text_at(const struct world *w, const char *path)
{
	const char *text = w->response ? json_text(w->response, path) : NULL;
	if (!text)
		fail_msg("no text at %s in %.*s", path, (int)w->reply.body_len, w->reply.body);
	return text;
}

static UNUSED int64_t number_at(const struct world *w, const char *path)
{
	int64_t n = -1;
	if (!w->response || json_int(w->response, path, &n, NULL))
		fail_msg("no number at %s in %.*s", path, (int)w->reply.body_len, w->reply.body);
	return n;
}

/* --- life ------------------------------------------------------------------------------------ */

static UNUSED void world_new(struct world *w, struct emulator_options o)
{
	struct err e;
	json_start();
	*w = (struct world){ .arena = arena_new(SIZE_MAX), .root_secret = secret_text("rootsecret"), .now = START };
	w->root = (struct signer){ "AKIDroot", w->root_secret };
	o.secret_id = w->root.id;
	o.secret_key = w->root_secret;
	if (emulator_new(&o, &w->em, &e))
		fail_msg("%s", e.text);
	w->owner = (uint64_t)json_int_or(emulator_state(w->em, w->now, w->arena), "owner_uin", 0);
}

static UNUSED int world_begin(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));
	world_new(w, (struct emulator_options){ .limits = EMULATOR_LIMITS_OFF, .build_ms = BUILD, .seed = 7 });
	*state = w;
	return 0;
}

static UNUSED void world_free(struct world *w)
{
	emulator_free(w->em);
	secret_free(w->root_secret);
	arena_free(w->arena);
}

static UNUSED int world_end(void **state)
{
	world_free(*state);
	free(*state);
	return 0;
}

static UNUSED void world_script(struct world *w, const char *script)
{
	struct err e;
	if (emulator_faults(w->em, script, strlen(script), &e))
		fail_msg("%s", e.text);
}

static UNUSED const struct json *state_of(struct world *w)
{
	return emulator_state(w->em, w->now, w->arena);
}

/* --- often needed ------------------------------------------------------------------------------- */

static UNUSED uint64_t new_user(struct world *w, const char *name)
{
	ok(w, "cam", "AddUser", "{\"Name\":\"%s\"}", name);
	return (uint64_t)number_at(w, "Uin");
}

static UNUSED struct signer new_key(struct world *w, uint64_t uin)
{
	ok(w, "cam", "CreateAccessKey", "{\"TargetUin\":%" PRIu64 "}", uin);
	struct secret *secret = secret_to_arena(w->arena, secret_text(text_at(w, "AccessKey.SecretAccessKey")));
	return (struct signer){ arena_strdup(w->arena, text_at(w, "AccessKey.AccessKeyId")), secret };
}

/* document: with single quotes instead of double ones. */
static UNUSED uint64_t new_policy(struct world *w, const char *name, const char *document)
{
	struct json *body = json_object(w->arena);
	char *text = arena_strdup(w->arena, document);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	json_put_text(body, "PolicyName", name);
	json_put_text(body, "PolicyDocument", text);
	ok(w, "cam", "CreatePolicy", "%s", json_print(w->arena, body));
	return (uint64_t)number_at(w, "PolicyId");
}

static UNUSED void attach(struct world *w, uint64_t policy, uint64_t uin)
{
	ok(w, "cam", "AttachUserPolicy", "{\"PolicyId\":%" PRIu64 ",\"AttachUin\":%" PRIu64 "}", policy, uin);
}

static UNUSED const char *order_env(struct world *w, const char *alias)
{
	ok(w, "tcb", "CreateEnv", "{\"Alias\":\"%s\",\"PackageId\":\"baas_personal\",\"Resources\":[\"flexdb\",\"storage\"],"
		"\"Tags\":[{\"Key\":\"owner\",\"Value\":\"%s\"}]}", alias, alias);
	return arena_strdup(w->arena, text_at(w, "EnvId"));
}

static UNUSED const char *new_env(struct world *w, const char *alias)
{
	const char *id = order_env(w, alias);
	w->now += 2 * (int64_t)BUILD;
	return id;
}

static UNUSED const char *order_server(struct world *w, const char *token)
{
	ok(w, "lighthouse", "CreateInstances", "{\"BundleId\":\"bundle_gen_lin_2c4g\",\"BlueprintId\":\"lhbp-0pencla1\","
		"\"InstanceChargePrepaid\":{\"Period\":1,\"RenewFlag\":\"NOTIFY_AND_AUTO_RENEW\"},\"InstanceName\":\"%s\","
		"\"ClientToken\":\"%s\",\"Tags\":[{\"Key\":\"owner\",\"Value\":\"%s\"}]}", token, token, token);
	return arena_strdup(w->arena, text_at(w, "InstanceIdSet[0]"));
}

static UNUSED const char *new_server(struct world *w, const char *token)
{
	const char *id = order_server(w, token);
	w->now += 2 * (int64_t)BUILD;
	return id;
}

#endif
