/* Whose key signed a request: the forms that official clients send pass, everything else is refused with the
 * vendor's code. */
#include "tests/unit/emulator/world.h"

struct request {
	const char *method, *query, *body, *product, *signed_headers, *signed_host, *sent_host, *scope, *content_type;
	const char *action, *version, *id, *token;
	const struct secret *secret;
	int64_t offset_ms;            /* of the client's clock */
	const char *date, *authorization;
	bool no_stamp, change_body;
};

static struct request good(const struct world *w)
{
	return (struct request){ .method = "POST", .query = "", .body = "{}", .product = "sts",
		.signed_headers = "content-type;host", .signed_host = "sts.tencentcloudapi.com",
		.sent_host = "sts.tencentcloudapi.com", .scope = "sts", .content_type = "application/json",
		.action = "GetCallerIdentity", .version = "2018-08-13", .id = w->root.id, .secret = w->root.secret };
}

static const char *authorization(struct world *w, const struct request *q, int64_t seconds)
{
	if (q->authorization)
		return q->authorization;
	struct tc3_request r = { .method = q->method, .query = q->query, .service = q->scope,
		.signed_headers = q->signed_headers, .content_type = q->content_type, .host = q->signed_host,
		.action = q->action, .body = q->body, .body_len = strlen(q->body), .timestamp = seconds };
	char *text = tc3_authorization(&r, q->id, q->secret, w->arena);
	if (q->date) {
		char *date = strchr(text, '/') + 1;
		memcpy(date, q->date, strlen(q->date));
	}
	return text;
}

static const char *send_it(struct world *w, const struct request *q)
{
	int64_t seconds = (w->now + q->offset_ms) / 1000;
	char stamp[24];
	snprintf(stamp, sizeof(stamp), "%" PRId64, seconds);
	struct emulator_header headers[8];
	size_t n = 0;
	headers[n++] = (struct emulator_header){ "host", q->sent_host };
	headers[n++] = (struct emulator_header){ "content-type", q->content_type };
	headers[n++] = (struct emulator_header){ "Authorization", authorization(w, q, seconds) };
	if (q->action)
		headers[n++] = (struct emulator_header){ "x-tc-action", q->action };
	if (q->version)
		headers[n++] = (struct emulator_header){ "x-tc-version", q->version };
	if (!q->no_stamp)
		headers[n++] = (struct emulator_header){ "x-tc-timestamp", stamp };
	if (q->token)
		headers[n++] = (struct emulator_header){ "x-tc-token", q->token };
	const char *body = q->change_body ? "{ }" : q->body;
	const struct emulator_request request = { .now_ms = w->now, .method = q->method, .path = "/", .query = q->query,
		.header_count = n, .headers = headers, .body = body, .body_len = strlen(body) };
	emulator_handle(w->em, &request, w->arena, &w->reply);
	world_take(w);
	return w->code;
}

#define answer_is(q, wanted) assert_string_equal(send_it(w, &(q)), wanted)

static void forms_of_official_clients(void **state)
{
	struct world *w = *state;
	struct request q = good(w);
	answer_is(q, "OK");
	/* Signed as today's documents say: the action's value in lower case. */
	q.signed_headers = "content-type;host;x-tc-action";
	answer_is(q, "OK");
	/* A host with its port, signed with and without it; the scope is the text before the first dot. */
	q = good(w);
	q.sent_host = "127.0.0.1:8080";
	q.signed_host = "127.0.0.1";
	q.scope = "127";
	answer_is(q, "OK");
	q.signed_host = "127.0.0.1:8080";
	q.scope = "tcb";
	answer_is(q, "OK");
	q.signed_host = "127.0.0.1:8081";
	answer_is(q, "AuthFailure.SignatureFailure");
	q = good(w);
	q.content_type = "application/json; charset=utf-8";
	answer_is(q, "OK");
	q.token = "";
	answer_is(q, "OK");
	/* No body is as an empty object. */
	q = good(w);
	q.body = "";
	answer_is(q, "OK");
}

static void get_requests(void **state)
{
	struct world *w = *state;
	new_user(w, "alice");
	struct request q = good(w);
	q.method = "GET";
	q.body = "";
	q.content_type = "application/x-www-form-urlencoded";
	q.action = "GetUser";
	q.version = "2019-01-16";
	q.query = "Name=al%69ce";
	answer_is(q, "OK");
	assert_string_equal(text_at(w, "Name"), "alice");
	q.query = "Name=bob+x";
	answer_is(q, "ResourceNotFound.UserNotExist");
	q.query = "Nom=alice";
	answer_is(q, "UnknownParameter");
	q.query = "";
	answer_is(q, "MissingParameter");
	/* Numbers, booleans, lists and objects. */
	q.action = "ListPolicies";
	q.query = "Rp=1&Page=2&Scope=All";
	answer_is(q, "OK");
	assert_int_equal(json_count(json_get(w->response, "List")), 1);
	q.query = "Rp=one";
	answer_is(q, "InvalidParameter");
	q.action = "TagResources";
	q.version = "2018-08-13";
	q.query = "ResourceList.0=qcs%3A%3Atcb%3A%3A%3Aenv%2Fx&Tags.0.TagKey=a&Tags.0.TagValue=b";
	answer_is(q, "OK");
	assert_string_equal(text_at(w, "FailedResources[0].Resource"), "qcs::tcb:::env/x");
	q.query = "ResourceList.0=qcs%3A%3Atcb%3A%3A%3Aenv%2Fx&Tags.0.TagKey=a";
	answer_is(q, "MissingParameter");
}

static void clocks(void **state)
{
	struct world *w = *state;
	struct request q = good(w);
	q.offset_ms = 299000;
	answer_is(q, "OK");
	q.offset_ms = -299000;
	answer_is(q, "OK");
	q.offset_ms = 302000;
	answer_is(q, "AuthFailure.SignatureExpire");
	q.offset_ms = -302000;
	answer_is(q, "AuthFailure.SignatureExpire");
	/* The date of the scope is that of the time stamp, in UTC. */
	q = good(w);
	q.date = "2026-11-23";
	answer_is(q, "AuthFailure.SignatureFailure");
	q = good(w);
	q.no_stamp = true;
	answer_is(q, "MissingParameter");
	/* Business time moves without the clock of signatures. */
	emulator_clock(w->em, 40 * DAYS);
	q = good(w);
	answer_is(q, "OK");
}

static void what_is_refused(void **state)
{
	struct world *w = *state;
	AUTO_SECRET struct secret *other = secret_text("othersecret");
	struct request q = good(w);
	q.secret = other;
	answer_is(q, "AuthFailure.SignatureFailure");
	q = good(w);
	q.change_body = true;
	answer_is(q, "AuthFailure.SignatureFailure");
	q = good(w);
	q.id = "AKIDnobody";
	answer_is(q, "AuthFailure.SecretIdNotFound");
	q = good(w);
	q.signed_headers = "host";
	answer_is(q, "AuthFailure.SignatureFailure");
	q.signed_headers = "content-type";
	answer_is(q, "AuthFailure.SignatureFailure");
	q = good(w);
	q.token = "token";
	answer_is(q, "AuthFailure.TokenFailure");
	q = good(w);
	q.authorization = "";
	answer_is(q, "AuthFailure.InvalidAuthorization");
	q.authorization = "TC3-HMAC-SHA256 Credential=x";
	answer_is(q, "AuthFailure.InvalidAuthorization");
	q = good(w);
	q.method = "PUT";
	answer_is(q, "UnsupportedProtocol");
}

static void names_that_do_not_exist(void **state)
{
	struct world *w = *state;
	struct request q = good(w);
	q.action = NULL;
	answer_is(q, "MissingParameter");
	q = good(w);
	q.version = NULL;
	answer_is(q, "MissingParameter");
	q = good(w);
	q.version = "2000-01-01";
	answer_is(q, "NoSuchVersion");
	q = good(w);
	q.action = "getCallerIdentity";
	answer_is(q, "InvalidAction");
	/* sts and tag share a version: the action decides. */
	q = good(w);
	q.action = "GetResources";
	answer_is(q, "OK");
	q.version = "2019-01-16";
	answer_is(q, "InvalidAction");
}

static void regions(void **state)
{
	struct world *w = *state;
	say_in(w, &w->root, "", "lighthouse", "DescribeInstances", "{}");
	assert_string_equal(w->code, "MissingParameter");
	say_in(w, &w->root, "ap-atlantis", "tat", "DescribeInvocations", "{}");
	assert_string_equal(w->code, "UnsupportedRegion");
	say_in(w, &w->root, "", "tcb", "DescribeEnvs", "{}");
	assert_string_equal(w->code, "OK");
}

static void keys_count_at_once(void **state)
{
	struct world *w = *state;
	uint64_t uin = new_user(w, "alice");
	struct signer key = new_key(w, uin);
	expect_by(w, &key, "OK", "sts", "GetCallerIdentity", "{}");
	assert_int_equal(strtoull(text_at(w, "UserId"), NULL, 10), uin);
	ok(w, "cam", "UpdateAccessKey", "{\"AccessKeyId\":\"%s\",\"Status\":\"Inactive\",\"TargetUin\":%" PRIu64 "}", key.id, uin);
	expect_by(w, &key, "AuthFailure.SecretIdNotFound", "sts", "GetCallerIdentity", "{}");
	ok(w, "cam", "UpdateAccessKey", "{\"AccessKeyId\":\"%s\",\"Status\":\"Active\",\"TargetUin\":%" PRIu64 "}", key.id, uin);
	expect_by(w, &key, "OK", "sts", "GetCallerIdentity", "{}");
	ok(w, "cam", "DeleteAccessKey", "{\"AccessKeyId\":\"%s\",\"TargetUin\":%" PRIu64 "}", key.id, uin);
	expect_by(w, &key, "AuthFailure.SecretIdNotFound", "sts", "GetCallerIdentity", "{}");
	struct signer second = new_key(w, uin);
	ok(w, "cam", "DeleteUser", "{\"Name\":\"alice\",\"Force\":1}");
	expect_by(w, &second, "AuthFailure.SecretIdNotFound", "sts", "GetCallerIdentity", "{}");
	/* Every key that ever was is kept for tests, and still signs. */
	struct emulator_key *keys;
	assert_int_equal(emulator_keys(w->em, w->arena, &keys), 3);
	assert_string_equal(keys[0].secret_id, w->root.id);
	assert_string_equal(keys[1].secret_id, key.id);
	assert_true(secret_equal(keys[2].secret_key, second.secret));
	assert_int_equal(keys[2].uin, uin);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		TEST(forms_of_official_clients),
		TEST(get_requests),
		TEST(clocks),
		TEST(what_is_refused),
		TEST(names_that_do_not_exist),
		TEST(regions),
		TEST(keys_count_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
