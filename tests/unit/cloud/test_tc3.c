/* Both vectors that the vendor publishes, and the reading of an Authorization header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cloud/tc3.h"
#include "common/crypt.h"

#define BODY "{\"Limit\": 1, \"Filters\": [{\"Values\": [\"\\u672a\\u547d\\u540d\"], \"Name\": \"instance-name\"}]}"

static struct tc3_request published(const char *signed_headers)
{
	return (struct tc3_request){ .method = "POST", .query = "", .service = "cvm", .signed_headers = signed_headers,
		.content_type = "application/json; charset=utf-8", .host = "cvm.tencentcloudapi.com",
		.action = "DescribeInstances", .body = BODY, .body_len = strlen(BODY), .timestamp = 1551113065 };
}

static const struct vector {
	const char *headers, *key, *canonical, *signature;
} vectors[] = {
	{ "content-type;host", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
		"5ffe6a04c0664d6b969fab9a13bdab201d63ee709638e2749d62a09ca18d7031",
		"72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168" },
	{ "content-type;host;x-tc-action", "********************************",
		"7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84",
		"10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f" },
	{ "content-type;host;x-tc-action", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
		"7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84",
		"644be983de9a8a3f00db8eadaba61467c3b429e2215758ba897b738ca469fd26" },
};

static void published_vectors(void **state)
{
	(void)state;
	char hash[SHA256_HEX];
	crypt_sha256_hex(BODY, strlen(BODY), hash);
	assert_string_equal(hash, "35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064");
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		AUTO_SECRET struct secret *key = secret_text(vectors[i].key);
		struct tc3_request r = published(vectors[i].headers);
		char out[TC3_SIGNATURE];
		tc3_canonical_hash(&r, out);
		assert_string_equal(out, vectors[i].canonical);
		tc3_signature(&r, key, out);
		assert_string_equal(out, vectors[i].signature);
	}
}

static void given_header_lines_are_used_as_they_are(void **state)
{
	(void)state;
	AUTO_SECRET struct secret *key = secret_text(vectors[0].key);
	struct tc3_request r = published(vectors[0].headers);
	r.canonical = "content-type:application/json; charset=utf-8\nhost:cvm.tencentcloudapi.com\n";
	r.content_type = r.host = NULL;
	char out[TC3_SIGNATURE];
	tc3_signature(&r, key, out);
	assert_string_equal(out, vectors[0].signature);
	r.canonical = "content-type:application/json\nhost:cvm.tencentcloudapi.com\n";
	tc3_signature(&r, key, out);
	assert_string_not_equal(out, vectors[0].signature);
}

static void every_part_counts(void **state)
{
	(void)state;
	AUTO_SECRET struct secret *key = secret_text(vectors[1].key);
	struct tc3_request parts[8];
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		parts[i] = published(vectors[1].headers);
	parts[0].method = "GET";
	parts[1].query = "Limit=1";
	parts[2].service = "cam";
	parts[3].signed_headers = "content-type;host";
	parts[4].host = "cvm.tencentcloudapi.com:443";
	parts[5].action = "DescribeZones";
	parts[6].body_len--;
	parts[7].timestamp++;
	char out[TC3_SIGNATURE];
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		tc3_signature(&parts[i], key, out);
		assert_string_not_equal(out, vectors[1].signature);
	}
}

static void authorization_is_read_back(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(65536);
	AUTO_SECRET struct secret *key = secret_text(vectors[0].key);
	struct tc3_request r = published(vectors[0].headers);
	const char *text = tc3_authorization(&r, "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", key, a);
	assert_string_equal(text, "TC3-HMAC-SHA256 "
		"Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, "
		"SignedHeaders=content-type;host, "
		"Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168");
	struct tc3_claim claim;
	struct err e;
	assert_int_equal(tc3_claim_parse(a, text, &claim, &e), 0);
	assert_string_equal(claim.secret_id, "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE");
	assert_string_equal(claim.date, "2019-02-25");
	assert_string_equal(claim.service, "cvm");
	assert_string_equal(claim.signed_headers, "content-type;host");
	assert_string_equal(claim.signature, vectors[0].signature);
}

static void malformed_authorizations(void **state)
{
	(void)state;
#define SIG "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
	static const char *const bad[] = {
		"", "Bearer x", "TC3-HMAC-SHA256", "TC3-HMAC-SHA256 ",
		"TC3-HMAC-SHA256 Credential=a/2019-02-25/cvm/tc3_request, SignedHeaders=host",
		"TC3-HMAC-SHA256 Credential=a/2019-02-25/cvm, SignedHeaders=host, Signature=" SIG,
		"TC3-HMAC-SHA256 Credential=a/2019-02-25/cvm/tc4_request, SignedHeaders=host, Signature=" SIG,
		"TC3-HMAC-SHA256 Credential=/2019-02-25/cvm/tc3_request, SignedHeaders=host, Signature=" SIG,
		"TC3-HMAC-SHA256 Credential=a/2019-2-25/cvm/tc3_request, SignedHeaders=host, Signature=" SIG,
		"TC3-HMAC-SHA256 Credential=a/2019-02-25//tc3_request, SignedHeaders=host, Signature=" SIG,
		"TC3-HMAC-SHA256 Credential=a/2019-02-25/cvm/tc3_request, SignedHeaders=, Signature=" SIG,
		"TC3-HMAC-SHA256 Credential=a/2019-02-25/cvm/tc3_request, SignedHeaders=host, Signature=72e4",
		"TC3-HMAC-SHA256 Credential=a/2019-02-25/cvm/tc3_request, SignedHeaders=host, Signature=Z" SIG,
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_ARENA struct arena *a = arena_new(65536);
		struct tc3_claim claim = { .secret_id = "untouched" };
		struct err e;
		assert_int_equal(tc3_claim_parse(a, bad[i], &claim, &e), ERR_INPUT);
		assert_string_equal(claim.secret_id, "untouched");
	}
	/* Spacing is free: clients differ. */
	AUTO_ARENA struct arena *a = arena_new(65536);
	struct tc3_claim claim;
	struct err e;
	assert_int_equal(tc3_claim_parse(a, "TC3-HMAC-SHA256 Credential=a/2019-02-25/127/tc3_request,SignedHeaders=host,"
		"Signature=" SIG, &claim, &e), 0);
	assert_string_equal(claim.service, "127");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(given_header_lines_are_used_as_they_are),
		cmocka_unit_test(every_part_counts),
		cmocka_unit_test(authorization_is_read_back),
		cmocka_unit_test(malformed_authorizations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
