#include "unit.h"

#include "common/str.h"

static void builds_texts(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct str s;
	str_init(&s, a);
	assert_string_equal(s.text, "");
	str_add(&s, "one");
	str_addn(&s, " two three", 4);
	str_addf(&s, " %03d", 7);
	str_addf(&s, "%s", "");
	assert_string_equal(s.text, "one two 007");
	assert_int_equal(s.len, 11);
	for (int i = 0; i < 10000; i++)
		str_addf(&s, "%d,", i % 10);
	assert_int_equal(s.len, 11 + 20000);
	assert_int_equal(strlen(s.text), s.len);
	assert_string_equal(s.text + s.len - 4, "8,9,");
	str_addn(&s, "\0x", 2);
	assert_int_equal(s.len, 11 + 20002);
}

static void compares(void **state)
{
	(void)state;
	assert_true(str_eq("a", "a"));
	assert_false(str_eq("a", "A"));
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq("", NULL));
	assert_true(str_ieq("ALICE@x", "alice@X"));
	assert_false(str_ieq("alice", "alicia"));
	assert_false(str_ieq("alice", "alice2"));
	assert_false(str_ieq("[", "{"));
	assert_false(str_ieq(NULL, ""));
	assert_true(str_starts("prefix", "pre"));
	assert_true(str_starts("prefix", ""));
	assert_false(str_starts("pre", "prefix"));
	assert_false(str_starts(NULL, "x"));
}

static void copies_whole_characters(void **state)
{
	(void)state;
	char to[5];
	assert_true(str_copy(to, sizeof(to), "abcd"));
	assert_string_equal(to, "abcd");
	assert_false(str_copy(to, sizeof(to), "abcde"));
	assert_string_equal(to, "abcd");
	assert_false(str_copy(to, sizeof(to), "abc\xc3\xa9"));
	assert_string_equal(to, "abc");
	assert_false(str_copy(to, sizeof(to), "ab\xe2\x82\xac"));
	assert_string_equal(to, "ab");
	assert_false(str_copy(to, sizeof(to), "a\xe2\x82\xac!"));
	assert_string_equal(to, "a\xe2\x82\xac");
	assert_false(str_copy(to, sizeof(to), "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"));
	assert_string_equal(to, "\xf0\x9f\x98\x80");
	assert_false(str_copy(to, sizeof(to), "\xff\xff\xff\xff\xff"));     /* no UTF-8 to begin with */
	assert_string_equal(to, "\xff\xff\xff\xff");
	assert_false(str_copy(to, 0, "x"));
}

/* The vectors of RFC 4648 section 10. */
static void base64_and_base32_vectors(void **state)
{
	(void)state;
	static const struct {
		const char *plain, *base64, *base32;
	} rows[] = {
		{ "", "", "" },
		{ "f", "Zg==", "my" },
		{ "fo", "Zm8=", "mzxq" },
		{ "foo", "Zm9v", "mzxw6" },
		{ "foob", "Zm9vYg==", "mzxw6yq" },
		{ "fooba", "Zm9vYmE=", "mzxw6ytb" },
		{ "foobar", "Zm9vYmFy", "mzxw6ytboi" },
	};
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e;
		unsigned char *bytes;
		size_t n = strlen(rows[i].plain), back;
		assert_string_equal(str_base64(a, rows[i].plain, n), rows[i].base64);
		assert_string_equal(str_base32(a, rows[i].plain, n), rows[i].base32);
		assert_int_equal(str_unbase64(a, rows[i].base64, strlen(rows[i].base64), &bytes, &back, &e), 0);
		assert_int_equal(back, n);
		assert_memory_equal(bytes, rows[i].plain, n);
	}
	assert_string_equal(str_hex(a, "\x00\xff\x1a", 3), "00ff1a");
	assert_string_equal(str_base64(a, "\xfb\xff", 2), "+/8=");
	assert_string_equal(str_base32(a, "\xff\xff\xff\xff\xff", 5), "77777777");
}

static void base64_goes_there_and_back(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	unsigned char in[256], *out;
	for (int i = 0; i < 256; i++)
		in[i] = (unsigned char)(i * 37);
	for (size_t n = 0; n <= 256; n++) {
		size_t back;
		struct err e;
		char *text = str_base64(a, in, n);
		assert_int_equal(str_unbase64(a, text, strlen(text), &out, &back, &e), 0);
		assert_int_equal(back, n);
		assert_memory_equal(in, out, n);
	}
}

static void base64_is_strict(void **state)
{
	(void)state;
	static const char *const bad[] = { "Zg", "Zg=", "Zg===", "=g==", "Z===", "====", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zm-v", "Zm_v",
		"Zg==Zg==", "Zm\xc3\xa9" };
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e;
		unsigned char *out = NULL;
		size_t n = 77;
		assert_int_equal(str_unbase64(a, bad[i], strlen(bad[i]), &out, &n, &e), ERR_INPUT);
		assert_null(out);
		assert_int_equal(n, 77);
	}
}

static void utf8_well_formed_only(void **state)
{
	(void)state;
	static const char *const good[] = { "", "plain", "\xc3\xa9", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xe5\xbc\xa0\xe4\xbc\x9f" };
	static const char *const bad[] = { "\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80",
		"\xed\xbf\xbf", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "ab\xe2\x82",
		"\xe2\x82(", "\xf0\x9f\x98" };
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(str_utf8(good[i], strlen(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(str_utf8(bad[i], strlen(bad[i])));
	assert_false(str_utf8("a\0b", 3));
	assert_int_equal(str_utf8_step("\xe2\x82\xac", 3), 3);
	assert_int_equal(str_utf8_step("\xe2\x82\xac", 2), 0);
	assert_int_equal(str_utf8_step("x", 0), 0);
}

static void printable_has_no_controls(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain text", "plain text" },
		{ "a\nb\rc\td\x1b[31m\x7f", "a?b?c?d?[31m?" },
		{ "\xe5\xbc\xa0 \xc3\xa9", "\xe5\xbc\xa0 \xc3\xa9" },
		{ "\xff" "a\xc3", "?a?" },
		{ "x\xc2\x85y\xc2\x9bz\xc2\xa0", "x?y?z\xc2\xa0" },
		{ "\xe2\x80\xae" "evil\xe2\x81\xa9\xe2\x80\xa8\xe2\x80\x94", "?evil??\xe2\x80\x94" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(str_printable(a, rows[i].in, strlen(rows[i].in)), rows[i].out);
	assert_string_equal(str_printable(a, "a\0b", 3), "a?b");
}

static void uuids(void **state)
{
	(void)state;
	static const unsigned char bytes[16] = { 0x89, 0xda, 0x46, 0x9d, 0xe8, 0x13, 0x11, 0xf1, 0x92, 0x71, 0xca, 0x71, 0x0d, 0x08, 0x3b,
		0x6f };
	static const char *const bad[] = { "", "89da469d", "89da469d-e813-11f1-9271-ca710d083b6", "89da469d-e813-11f1-9271-ca710d083b6f0",
		"89da469de81311f19271ca710d083b6f", "89da469d-e813-11f1-9271-ca710d083b6g", "{89da469d-e813-11f1-9271-ca710d083b6f}",
		"89da469d-e813-11f1-9271ca-710d083b6f", "89da469d-e813-11f1-9271-ca710d083b6f\n" };
	char text[UUID_TEXT];
	unsigned char out[16] = { 0 };
	struct err e;
	str_uuid(bytes, text);
	assert_string_equal(text, "89da469d-e813-11f1-9271-ca710d083b6f");
	assert_int_equal(str_uuid_parse("89DA469D-e813-11F1-9271-ca710d083B6F", out, &e), 0);
	assert_memory_equal(out, bytes, 16);
	memset(out, 5, 16);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_err(str_uuid_parse(bad[i], out, &e), &e, ERR_INPUT, "not a UUID");
	for (int i = 0; i < 16; i++)
		assert_int_equal(out[i], 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(builds_texts),
		T(compares),
		T(copies_whole_characters),
		T(base64_and_base32_vectors),
		T(base64_goes_there_and_back),
		T(base64_is_strict),
		T(utf8_well_formed_only),
		T(printable_has_no_controls),
		T(uuids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
