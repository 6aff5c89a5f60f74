/* One call: how it is signed and what is made of each answer.  The wire is a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/api.h"
#include "cloud/tc3.h"

#define START 1790000000000

struct answer { int status; const char *body; int64_t date_ms; int rc; };

struct fixture {
	struct transport wire;
	struct api api;
	struct clock_virtual v;
	struct clock clock;
	struct arena *arena;
	struct secret *key;
	const struct answer *answers;
	int calls;
	char headers[1024];
	char body[256];
	bool once, authentic;
	int64_t timeout_ms;
};

static const char *header(const struct http_request *r, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < r->header_count; i++)
		if (!strncmp(r->headers[i], name, n) && !strncmp(r->headers[i] + n, ": ", 2))
			return r->headers[i] + n + 2;
	return "";
}

/* Would a server that knows the key accept it? */
static bool authentic(struct fixture *f, const struct http_request *r, const char *key_text)
{
	struct tc3_claim claim;
	struct err e;
	if (tc3_claim_parse(f->arena, header(r, "Authorization"), &claim, &e))
		return false;
	AUTO_SECRET struct secret *key = secret_text(key_text);
	const struct tc3_request q = { .method = "POST", .query = "", .service = claim.service,
		.signed_headers = claim.signed_headers, .content_type = header(r, "Content-Type"), .host = r->host,
		.action = header(r, "X-TC-Action"), .body = r->body, .body_len = r->body_len,
		.timestamp = strtoll(header(r, "X-TC-Timestamp"), NULL, 10) };
	char signature[TC3_SIGNATURE];
	tc3_signature(&q, key, signature);
	return !strcmp(signature, claim.signature);
}

static int exchange(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *reply, struct err *e)
{
	struct fixture *f = t->ctx;
	const struct answer *answer = &f->answers[f->calls++];
	f->headers[0] = '\0';
	for (size_t i = 0; i < r->header_count; i++) {
		strncat(f->headers, r->headers[i], sizeof(f->headers) - strlen(f->headers) - 2);
		strcat(f->headers, "\n");
	}
	snprintf(f->body, sizeof(f->body), "%.*s", (int)r->body_len, (const char *)r->body);
	f->once = r->once;
	f->timeout_ms = r->timeout_ms;
	f->authentic = authentic(f, r, "rootkey");
	if (answer->rc)
		return err_set(e, answer->rc, "the wire broke");
	*reply = (struct http_reply){ .status = answer->status, .body = arena_strdup(a, answer->body),
		.body_len = strlen(answer->body), .date_ms = answer->date_ms };
	return 0;
}

static int begin(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	double rates[ACT_COUNT];
	for (int i = 0; i < ACT_COUNT; i++)
		rates[i] = 1000;
	f->clock = clock_virtual(&f->v, START, 1);
	f->arena = arena_new(1 << 20);
	f->key = secret_text("rootkey");
	f->wire = (struct transport){ .ctx = f, .exchange = exchange };
	f->api = (struct api){ .transport = &f->wire, .clock = &f->clock, .secret_id = "AKIDroot", .secret_key = f->key,
		.domain = "tencentcloudapi.com", .region = "ap-guangzhou", .timeout_ms = 60000, .revoke_timeout_ms = 5000,
		.limit = limit_new(ACT_COUNT, rates, 1, &f->clock) };
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	limit_free(f->api.limit);
	secret_free(f->key);
	arena_free(f->arena);
	free(f);
	return 0;
}

static int call(struct fixture *f, enum action action, const struct answer *answers, const struct json **answer, struct err *e)
{
	f->answers = answers;
	f->calls = 0;
	f->v.now_ms += 10;      /* the limiter is not what is tested here */
	memset(e, 0, sizeof(*e));
	struct json *p = json_object(f->arena);
	json_put_text(p, "Name", "alice");
	return api_call(&f->api, action, NULL, p, f->arena, answer, e);
}

static void a_call_that_succeeds(void **state)
{
	struct fixture *f = *state;
	const struct json *answer;
	struct err e;
	const struct answer ok = { 200, "{\"Response\":{\"Uin\":100000000001,\"RequestId\":\"r-1\"}}", START, 0 };
	assert_int_equal(call(f, ACT_GET_USER, &ok, &answer, &e), 0);
	assert_int_equal(json_int_or(answer, "Uin", 0), 100000000001);
	assert_true(f->authentic);
	assert_string_equal(f->body, "{\"Name\":\"alice\"}");
	static const char *const lines[] = { "X-TC-Action: GetUser\n", "X-TC-Version: 2019-01-16\n", "X-TC-Timestamp: 1790000000\n",
		"X-TC-Region: ap-guangzhou\n", "X-TC-Language: en-US\n", "Content-Type: application/json; charset=utf-8\n",
		"Credential=AKIDroot/2026-09-21/cam/tc3_request", "SignedHeaders=content-type;host;x-tc-action" };
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (!strstr(f->headers, lines[i]))
			fail_msg("no \"%s\" in\n%s", lines[i], f->headers);
	assert_null(strstr(f->headers, "rootkey"));
	assert_int_equal(f->timeout_ms, 60000);
	f->api.urgent = true;
	assert_int_equal(call(f, ACT_GET_USER, &ok, &answer, &e), 0);
	assert_int_equal(f->timeout_ms, 5000);
	f->api.urgent = false;
	/* The account's region goes before the default; no parameters are an empty object. */
	f->calls = 0;
	assert_int_equal(api_call(&f->api, ACT_GET_USER, "ap-shanghai", NULL, f->arena, &answer, &e), 0);
	assert_non_null(strstr(f->headers, "X-TC-Region: ap-shanghai\n"));
	assert_string_equal(f->body, "{}");
}

/* Only what is resolved by looking goes out on a connection of its own. */
static void what_must_not_be_sent_twice(void **state)
{
	struct fixture *f = *state;
	const struct json *answer;
	struct err e;
	const struct answer ok = { 200, "{\"Response\":{\"RequestId\":\"r-1\"}}", START, 0 };
	for (int i = 0; i < ACT_COUNT; i++) {
		assert_int_equal(call(f, (enum action)i, &ok, &answer, &e), 0);
		assert_int_equal(f->once, action_table[i].kind == ACTION_RESOLVED);
	}
}

static const struct { struct answer answer; int read, change; const char *text; } failures[] = {
	{ { 500, "x", 0, 0 }, ERR_TEMP, ERR_UNKNOWN, "HTTP status 500" },
	{ { 403, "{\"Response\":{}}", 0, 0 }, ERR_TEMP, ERR_UNKNOWN, "HTTP status 403" },
	{ { 200, "<html>", 0, 0 }, ERR_TEMP, ERR_UNKNOWN, "could not be read" },
	{ { 200, "", 0, 0 }, ERR_TEMP, ERR_UNKNOWN, "could not be read" },
	{ { 200, "{\"Response\":{}} x", 0, 0 }, ERR_TEMP, ERR_UNKNOWN, "could not be read" },
	{ { 200, "{}", 0, 0 }, ERR_TEMP, ERR_UNKNOWN, "no \"Response\"" },
	{ { 200, "{\"Response\":[]}", 0, 0 }, ERR_TEMP, ERR_UNKNOWN, "no \"Response\"" },
	{ { 200, "[]", 0, 0 }, ERR_TEMP, ERR_UNKNOWN, "no \"Response\"" },
	{ { 200, "{\"Response\":{\"Error\":{\"Code\":\"InternalError\",\"Message\":\"m\"}}}", 0, 0 }, ERR_TEMP, ERR_UNKNOWN,
		"InternalError: m" },
	{ { 200, "{\"Response\":{\"Error\":{\"Code\":\"InvalidParameter.ParamError\",\"Message\":\"m\"}}}", 0, 0 }, ERR_PERM, ERR_PERM,
		"InvalidParameter.ParamError: m" },
	{ { 200, "{\"Response\":{\"Error\":{\"Code\":\"New.Code\",\"Message\":\"m\"}}}", 0, 0 }, ERR_PERM, ERR_PERM, "not known" },
	{ { 200, "{\"Response\":{\"Error\":{}}}", 0, 0 }, ERR_PERM, ERR_PERM, "no code: no message" },
	{ { 200, "{\"Response\":{\"Error\":\"x\"}}", 0, 0 }, ERR_PERM, ERR_PERM, "no code" },
	{ { 200, "{\"Response\":{\"Error\":{\"Code\":\"ResourceNotFound.UserNotExist\",\"Message\":\"m\"}}}", 0, 0 }, ERR_ABSENT,
		ERR_ABSENT, "UserNotExist" },
	{ { 200, "{\"Response\":{\"Error\":{\"Code\":\"AuthFailure.SecretIdNotFound\",\"Message\":\"m\"}}}", 0, 0 }, ERR_AUTH, ERR_AUTH,
		"SecretIdNotFound" },
	{ { 0, "", 0, ERR_TEMP }, ERR_TEMP, ERR_TEMP, "the wire broke" },
	{ { 0, "", 0, ERR_UNKNOWN }, ERR_TEMP, ERR_UNKNOWN, "the wire broke" },
	{ { 0, "", 0, ERR_STALE }, ERR_STALE, ERR_STALE, "the wire broke" },
};

static void each_failure_has_its_kind(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		const struct json *answer = NULL;
		struct err e;
		if (call(f, ACT_GET_USER, &failures[i].answer, &answer, &e) != failures[i].read || e.kind != failures[i].read)
			fail_msg("read %zu: %s", i, e.text);
		if (strncmp(e.text, "GetUser: ", 9) || !strstr(e.text, failures[i].text))
			fail_msg("text of %zu: %s", i, e.text);
		assert_null(answer);
		assert_int_equal(f->calls, 1);
		if (call(f, ACT_CREATE_ENV, &failures[i].answer, &answer, &e) != failures[i].change || e.kind != failures[i].change)
			fail_msg("change %zu: %s", i, e.text);
		assert_int_equal(f->calls, 1);
	}
}

static void code_and_request_id_are_kept(void **state)
{
	struct fixture *f = *state;
	const struct json *answer;
	struct err e;
	const struct answer no = { 200, "{\"Response\":{\"Error\":{\"Code\":\"FailedOperation.PolicyFull\",\"Message\":\"too many\"},"
		"\"RequestId\":\"12345678-1234-1234-1234-123456789012\"}}", 0, 0 };
	assert_int_equal(call(f, ACT_CREATE_POLICY, &no, &answer, &e), ERR_QUOTA);
	assert_string_equal(e.code, "FailedOperation.PolicyFull");
	assert_string_equal(e.request_id, "12345678-1234-1234-1234-123456789012");
	assert_string_equal(e.text, "CreatePolicy: FailedOperation.PolicyFull: too many");
}

static void throttling_is_limit_and_slows_down(void **state)
{
	struct fixture *f = *state;
	const struct json *answer;
	struct err e;
	const struct answer no = { 200, "{\"Response\":{\"Error\":{\"Code\":\"RequestLimitExceeded\",\"Message\":\"m\"}}}", 0, 0 };
	assert_int_equal(call(f, ACT_CREATE_ENV, &no, &answer, &e), ERR_LIMIT);
	assert_int_equal(e.due_ms, f->v.now_ms + 1000);
	/* Our own limiter has learnt it: nothing is sent. */
	f->calls = 0;
	assert_int_equal(api_call(&f->api, ACT_CREATE_ENV, NULL, NULL, f->arena, &answer, &e), ERR_LIMIT);
	assert_int_equal(f->calls, 0);
	assert_non_null(strstr(e.text, "CreateEnv: rate limit"));
}

#define EXPIRED "{\"Response\":{\"Error\":{\"Code\":\"AuthFailure.SignatureExpire\",\"Message\":\"m\"},\"RequestId\":\"r\"}}"
#define FINE "{\"Response\":{\"RequestId\":\"r\"}}"

static void a_wrong_clock_is_corrected_once(void **state)
{
	struct fixture *f = *state;
	const struct json *answer;
	struct err e;
	const struct answer learns[] = { { 200, EXPIRED, START + 900000, 0 }, { 200, FINE, START + 900000, 0 } };
	assert_int_equal(call(f, ACT_CREATE_ENV, learns, &answer, &e), 0);
	assert_int_equal(f->calls, 2);
	assert_in_range(f->api.skew_ms, 899000, 900000);
	assert_non_null(strstr(f->headers, "X-TC-Timestamp: 1790000900\n"));
	assert_true(f->authentic);
	/* It stays: the next call needs one attempt. */
	const struct answer fine = { 200, FINE, START + 900000, 0 };
	assert_int_equal(call(f, ACT_CREATE_ENV, &fine, &answer, &e), 0);
	assert_non_null(strstr(f->headers, "X-TC-Timestamp: 1790000900\n"));
	/* Refused with the cloud's own time: no third attempt, and no second when there is nothing to learn. */
	const struct answer stubborn[] = { { 200, EXPIRED, START, 0 }, { 200, EXPIRED, START + 900000, 0 }, { 200, FINE, 0, 0 } };
	assert_int_equal(call(f, ACT_CREATE_ENV, stubborn, &answer, &e), ERR_AUTH);
	assert_int_equal(f->calls, 2);
	const struct answer silent[] = { { 200, EXPIRED, 0, 0 }, { 200, FINE, 0, 0 } };
	assert_int_equal(call(f, ACT_CREATE_ENV, silent, &answer, &e), ERR_AUTH);
	assert_int_equal(f->calls, 1);
}

static void somebody_elses_key(void **state)
{
	struct fixture *f = *state;
	const struct json *answer;
	struct err e = { 0 };
	AUTO_SECRET struct secret *key = secret_text("hiskey");
	const struct answer no = { 200, "{\"Response\":{\"Error\":{\"Code\":\"AuthFailure.SecretIdNotFound\",\"Message\":\"m\"}}}", 0, 0 };
	f->answers = &no;
	assert_int_equal(api_call_as(&f->api, "AKIDhis", key, ACT_DESCRIBE_ENVS, NULL, NULL, f->arena, &answer, &e), ERR_PERM);
	assert_string_equal(e.code, "AuthFailure.SecretIdNotFound");
	assert_non_null(strstr(f->headers, "Credential=AKIDhis/"));
	assert_false(f->authentic);
	/* A setting with our own id in it is our own key. */
	f->calls = 0;
	assert_int_equal(api_call_as(&f->api, "AKIDroot", f->key, ACT_DESCRIBE_ENVS, NULL, NULL, f->arena, &answer, &e), ERR_AUTH);
	assert_true(f->authentic);
}

/* The cloud counts his calls apart from ours: they take nothing from our limit, and what is too much for him is not for us. */
static void his_calls_are_not_ours(void **state)
{
	struct fixture *f = *state;
	const struct json *answer;
	struct err e = { 0 };
	double rates[ACT_COUNT];
	for (int i = 0; i < ACT_COUNT; i++)
		rates[i] = 1;
	limit_free(f->api.limit);
	f->api.limit = limit_new(ACT_COUNT, rates, 1, &f->clock);
	AUTO_SECRET struct secret *key = secret_text("hiskey");
	const struct answer fine = { 200, FINE, 0, 0 };
	for (int i = 0; i < 50; i++) {
		f->answers = &fine;
		f->calls = 0;
		assert_int_equal(api_call_as(&f->api, "AKIDhis", key, ACT_DESCRIBE_ENVS, NULL, NULL, f->arena, &answer, &e), 0);
	}
	const struct answer no = { 200, "{\"Response\":{\"Error\":{\"Code\":\"RequestLimitExceeded\",\"Message\":\"m\"}}}", 0, 0 };
	f->answers = &no;
	f->calls = 0;
	assert_int_equal(api_call_as(&f->api, "AKIDhis", key, ACT_DESCRIBE_ENVS, NULL, NULL, f->arena, &answer, &e), ERR_LIMIT);
	assert_int_equal(e.due_ms, f->v.now_ms + 1000);
	f->answers = &fine;
	f->calls = 0;
	assert_int_equal(api_call(&f->api, ACT_DESCRIBE_ENVS, NULL, NULL, f->arena, &answer, &e), 0);
	assert_int_equal(api_call(&f->api, ACT_DESCRIBE_ENVS, NULL, NULL, f->arena, &answer, &e), ERR_LIMIT);
	assert_int_equal(f->calls, 1);
}

int main(void)
{
	json_start();
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(a_call_that_succeeds),
		T(what_must_not_be_sent_twice),
		T(each_failure_has_its_kind),
		T(code_and_request_id_are_kept),
		T(throttling_is_limit_and_slows_down),
		T(a_wrong_clock_is_corrected_once),
		T(somebody_elses_key),
		T(his_calls_are_not_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
