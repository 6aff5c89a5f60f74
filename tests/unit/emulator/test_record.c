/* What is kept of a request: names and types, never a value. */
#include "tests/unit/emulator/world.h"

#include "cloud/emulator/record.h"

#define AUTHORIZATION "TC3-HMAC-SHA256 Credential=AKIDvalue/2026-11-26/tcb/tc3_request, SignedHeaders=content-type;host, " \
	"Signature=0000000000000000000000000000000000000000000000000000000000000000"
#define KEPT(parameters) "{\"service\":\"tcb\",\"version\":\"2018-06-08\",\"action\":\"CreateEnv\",\"region\":\"\"," \
	"\"client\":\"c/1\",\"parameters\":" parameters "}"

static const char *record_of(struct world *w, const char *method, const char *body, const char *authorization)
{
	const struct emulator_header headers[] = {
		{ "Host", "tcb.tencentcloudapi.com" }, { "X-TC-Action", "CreateEnv" }, { "X-TC-Version", "2018-06-08" },
		{ "X-TC-RequestClient", "c/1" }, { authorization ? "Authorization" : "X", authorization ? authorization : "" },
	};
	const struct emulator_request r = { .now_ms = START, .method = method, .path = "/", .query = "",
		.header_count = ARRAY_LEN(headers), .headers = headers, .body = body, .body_len = strlen(body) };
	return record_line(&r, w->arena);
}

static void names_and_types(void **state)
{
	struct world *w = *state;
	static const struct { const char *body, *kept; } rows[] = {
		{ "", KEPT("{}") },
		{ "{}", KEPT("{}") },
		{ "{\"A\":\"value\",\"B\":17,\"C\":true,\"D\":null}", KEPT("{\"A\":\"string\",\"B\":\"int\",\"C\":\"bool\",\"D\":\"null\"}") },
		{ "{\"A\":1.5,\"B\":100030000001,\"C\":12345678901234567890,\"D\":1e3}",
			KEPT("{\"A\":\"number\",\"B\":\"int\",\"C\":\"int\",\"D\":\"int\"}") },
		{ "{\"A\":[],\"B\":[\"value\",\"x\"],\"C\":[1,\"x\",2]}", KEPT("{\"A\":[],\"B\":[\"string\"],\"C\":[\"int\",\"string\"]}") },
		{ "{\"A\":{\"B\":{\"C\":\"value\"}}}", KEPT("{\"A\":{\"B\":{\"C\":\"string\"}}}") },
		/* Items of different shapes are all kept, the same ones once. */
		{ "{\"A\":[{\"K\":\"value\"},{\"K\":\"b\"},{\"K\":\"c\",\"V\":1}]}",
			KEPT("{\"A\":[{\"K\":\"string\"},{\"K\":\"string\",\"V\":\"int\"}]}") },
		{ "[\"value\"]", KEPT("null") },
		{ "value", KEPT("null") },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *kept = record_of(w, "POST", rows[i].body, AUTHORIZATION);
		assert_string_equal(kept, rows[i].kept);
		assert_null(strstr(kept, "value"));
		assert_null(strstr(kept, "AKID"));
	}
	assert_string_equal(record_of(w, "GET", "", AUTHORIZATION), KEPT("null"));
}

/* The emulator's own paths, and whatever is not signed, are no requests to a service. */
static void nothing_else(void **state)
{
	struct world *w = *state;
	assert_null(record_of(w, "GET", "", NULL));
	assert_null(record_of(w, "POST", "{}", "Bearer value"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = { TEST(names_and_types), TEST(nothing_else) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
