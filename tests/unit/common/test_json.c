#include "unit.h"

#include <time.h>

#include "common/json.h"
#include "common/str.h"

static struct json *parse(struct arena *a, const char *text)
{
	struct json *v = NULL;
	struct err e = { 0 };
	if (json_parse(a, text, strlen(text), &v, &e) != 0)
		fail_msg("%s: %s", text, e.text);
	return v;
}

static void sound_texts_are_taken(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "{}", "{}" },
		{ " [ ] \r\n", "[]" },
		{ "null", "null" },
		{ "\t-0.5e1 ", "-5" },
		{ "[true,false,null]", "[true,false,null]" },
		{ "{\"a\":{\"b\":[1,2,{\"c\":\"d\"}]}}", "{\"a\":{\"b\":[1,2,{\"c\":\"d\"}]}}" },
		{ "\"\\u00e9\\u4f1f\\ud83d\\ude00\"", "\"\xc3\xa9\xe4\xbc\x9f\xf0\x9f\x98\x80\"" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\"" },
		{ "{\"\":1,\"a\":2,\"A\":3}", "{\"\":1,\"a\":2,\"A\":3}" },
		{ "[{\"a\":1},{\"a\":1}]", "[{\"a\":1},{\"a\":1}]" },
		{ "{\"a\":{\"a\":{\"a\":1}}}", "{\"a\":{\"a\":{\"a\":1}}}" },
		{ "[0.1,1e-7,123456.789]", "[0.1,1e-07,123456.789]" },
		{ "999999999999999", "999999999999999" },
		{ "[18446744073709551615,-9223372036854775808,100000000001]", "[18446744073709551615,-9223372036854775808,100000000001]" },
		{ "{\"x\":[{\"y\":12345678901234567890123}],\"z\":\"1234567890123456\"}",
			"{\"x\":[{\"y\":12345678901234567890123}],\"z\":\"1234567890123456\"}" },
	};
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(json_print(a, parse(a, rows[i].in)), rows[i].out);
}

static void unsound_texts_are_refused_with_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "line 1 column 1: the text ends" },
		{ "  \n ", "line 2 column 2: the text ends" },
		{ "{\"a\":1,\"b\":2,\"a\":3}", "column 14: this name stands twice" },
		{ "{\"a\":1,\"\\u0061\":2}", "column 8: this name stands twice" },
		{ "{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "stands twice" },
		{ "{\"\\\"\\n\":1,\"x\":{},\"\\u0022\\u000A\":2}", "stands twice" },
		{ "{\"x\":{\"a\":1,\"b\":2,\"b\":3}}", "stands twice" },
		{ "\"\\u0000\"", "\\u0000" },
		{ "{\"\\u0000\":1}", "\\u0000" },
		{ "\"\\ud800\"", "first half" },
		{ "\"\\ud800\\u0041\"", "first half" },
		{ "\"\\ud800\\ud800\"", "first half" },
		{ "\"\\udc00\"", "second half" },
		{ "\"\\u12\"", "four hexadecimal" },
		{ "\"\\u12g4\"", "four hexadecimal" },
		{ "\"\\u", "four hexadecimal" },
		{ "\"\\", "unknown escape" },
		{ "\"\\x41\"", "unknown escape" },
		{ "\"\xff\"", "line 1 column 2: invalid UTF-8" },
		{ "[\"\xe4\xbc\x9f\xc3\"]", "column 4: invalid UTF-8" },
		{ "\"\xed\xa0\x80\"", "invalid UTF-8" },
		{ "{\"\xc0\xaf\":1}", "invalid UTF-8" },
		{ "\"a\nb\"", "control character" },
		{ "\"a\tb\"", "control character" },
		{ "\"abc", "without an end" },
		{ "[1,2", "',' or ']'" },
		{ "[1 2]", "',' or ']'" },
		{ "[1,]", "a value was expected" },
		{ "[,1]", "a value was expected" },
		{ "{\"a\":1,}", "a name in quotes" },
		{ "{a:1}", "a name in quotes" },
		{ "{'a':1}", "a name in quotes" },
		{ "{\"a\" 1}", "':' was expected" },
		{ "{\"a\":}", "a value was expected" },
		{ "{\"a\":1", "',' or '}'" },
		{ "{\n\t\"a\": 1,\n\t\"b\": tru\n}", "line 3 column 7: a value" },
		{ "1 2", "column 3: more bytes" },
		{ "{}}", "column 3: more bytes" },
		{ "{}\xef\xbb\xbf", "more bytes" },
		{ "\xef\xbb\xbf{}", "a value was expected" },
		{ "01", "malformed number" },
		{ "-", "malformed number" },
		{ "1.", "malformed number" },
		{ ".5", "a value was expected" },
		{ "+1", "a value was expected" },
		{ "1e", "malformed number" },
		{ "1e+", "malformed number" },
		{ "0x10", "more bytes" },
		{ "NaN", "a value was expected" },
		{ "Infinity", "a value was expected" },
		{ "-Infinity", "malformed number" },
		{ "1e999", "out of range" },
		{ "0.00000000000000000000000000000000000000000000000000000000000000001", "too many digits" },
		{ "TRUE", "a value was expected" },
		{ "nul", "a value was expected" },
		{ "// c\n1", "a value was expected" },
		{ "[1/**/]", "',' or ']'" },
	};
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json *v = NULL;
		struct err e = { 0 };
		int r = json_parse(a, rows[i].text, strlen(rows[i].text), &v, &e);
		if (r == 0)
			fail_msg("taken: %s", rows[i].text);
		check_err(r, &e, ERR_INPUT, rows[i].why);
		assert_null(v);
	}
	struct json *v = NULL;
	struct err e;
	check_err(json_parse(a, "1\0", 2, &v, &e), &e, ERR_INPUT, "more bytes");
	check_err(json_parse(a, "\"a\0b\"", 5, &v, &e), &e, ERR_INPUT, "control character");
}

static void depth_and_size_are_limited(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	char text[3 * JSON_MAX_DEPTH + 10];
	struct json *v;
	struct err e;
	for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		int r = json_parse(a, text, (size_t)depth * 2, &v, &e);
		if (depth <= JSON_MAX_DEPTH)
			assert_int_equal(r, 0);
		else
			check_err(r, &e, ERR_INPUT, "nested too deep");
	}
	/* Containers side by side are no depth. */
	struct str row;
	str_init(&row, a);
	for (int i = 0; i < 2 * JSON_MAX_DEPTH; i++)
		str_addf(&row, "%s{\"a\":[]}", i ? "," : "[");
	str_add(&row, "]");
	assert_int_equal(json_parse(a, row.text, row.len, &v, &e), 0);
	size_t n = JSON_MAX_BYTES + 1;
	AUTO_FREE char *big = mem_alloc(n);
	memset(big, ' ', n);
	big[0] = '1';
	check_err(json_parse(a, big, n, &v, &e), &e, ERR_INPUT, "more than");
	assert_int_equal(json_parse(a, big, n - 1, &v, &e), 0);
}

/* A quadratic search for repeated names would take minutes here. */
static void many_names_are_checked_quickly(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(64 << 20);
	struct str s;
	struct json *v = NULL;
	struct err e;
	str_init(&s, a);
	for (int i = 0; i < 300000; i++)
		str_addf(&s, "%s\"name%d\":%d", i ? "," : "{", i, i);
	clock_t start = clock();
	str_add(&s, ",\"name299998\":0}");
	check_err(json_parse(a, s.text, s.len, &v, &e), &e, ERR_INPUT, "stands twice");
	s.text[s.len - 6] = 'x';     /* name299998 -> name29999x */
	s.text[s.len - 5] = '"';
	s.text[s.len - 4] = ':';
	s.text[s.len - 3] = ' ';
	s.text[s.len - 2] = '0';
	assert_int_equal(json_parse(a, s.text, s.len, &v, &e), 0);
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 10.0);
	assert_int_equal(json_count(v), 300001);
}

static void every_cut_text_is_refused(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\",true,null,{\"b\":{}}],\"c\":12345678901234567890}";
	struct json *v;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		AUTO_FREE char *cut = mem_alloc(n ? n : 1);     /* its own block, so that a sanitizer sees one byte too many */
		memcpy(cut, text, n);
		assert_int_equal(json_parse(a, cut, n, &v, NULL), ERR_INPUT);
	}
	assert_int_equal(json_parse(a, text, sizeof(text) - 1, &v, NULL), 0);
}

/* Whatever one changed byte makes of a text: no crash, and what is taken can be printed and taken again. */
static void mutated_texts_do_no_harm(void **state)
{
	(void)state;
	static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\ud83d\\ude00\"],\"c\":12345678901234567890,\"\\u0061b\":{}}";
	size_t taken = 0;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (int byte = 0; byte < 256; byte++) {
			AUTO_ARENA struct arena *a = arena_new(1 << 20);
			char changed[sizeof(text)];
			struct json *v, *again;
			memcpy(changed, text, sizeof(text));
			changed[i] = (char)byte;
			if (json_parse(a, changed, sizeof(text) - 1, &v, NULL) != 0)
				continue;
			taken++;
			char *printed = json_print(a, v);
			assert_int_equal(json_parse(a, printed, strlen(printed), &again, NULL), 0);
			assert_true(json_equal(v, again));
		}
	}
	assert_true(taken > 1000);
}

static void paths_lead_to_values(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct json *v = parse(a, "{\"Response\":{\"EnvList\":[{\"EnvId\":\"e-1\"},{\"EnvId\":\"e-2\",\"Tags\":[[1,2],[3]]}],\"Empty\":null,"
				  "\"No\":false,\"Text\":\"\"}}");
	assert_string_equal(json_text(v, "Response.EnvList[0].EnvId"), "e-1");
	assert_string_equal(json_text(v, "Response.EnvList[1].EnvId"), "e-2");
	assert_int_equal(json_int_or(v, "Response.EnvList[1].Tags[1][0]", -1), 3);
	assert_null(json_text(v, "Response.EnvList[2].EnvId"));
	assert_null(json_text(v, "Response.EnvList.EnvId"));
	assert_null(json_text(v, "response.EnvList[0].EnvId"));
	assert_null(json_text(v, "Response.Env"));
	assert_null(json_text(v, "Response.EnvListX"));
	assert_null(json_text(v, "Response[0]"));
	assert_null(json_text(v, "Response.EnvList[0"));
	assert_null(json_text(v, "Response.EnvList[x]"));
	assert_null(json_text(v, "Response.EnvList"));
	assert_null(json_text(NULL, "Response"));
	assert_false(json_has(v, "Response.Empty"));
	assert_true(json_has(v, "Response.No"));
	assert_true(json_has(v, "Response.Text"));
	assert_ptr_equal(json_get(v, ""), v);
}

static void texts_that_are_needed(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct json *v = parse(a, "{\"A\":{\"text\":\"x\",\"empty\":\"\",\"number\":5,\"null\":null,\"list\":[]}}");
	const char *text = NULL;
	struct err e;
	assert_int_equal(json_need_text(v, "A.text", &text, &e), 0);
	assert_string_equal(text, "x");
	check_err(json_need_text(v, "A.empty", &text, &e), &e, ERR_INPUT, "\"A.empty\" is empty");
	check_err(json_need_text(v, "A.number", &text, &e), &e, ERR_INPUT, "\"A.number\" is a number");
	check_err(json_need_text(v, "A.list", &text, &e), &e, ERR_INPUT, "\"A.list\" is an array");
	check_err(json_need_text(v, "A.null", &text, &e), &e, ERR_INPUT, "\"A.null\" is missing");
	check_err(json_need_text(v, "A.none", &text, &e), &e, ERR_INPUT, "\"A.none\" is missing");
	assert_string_equal(text, "x");
}

static void integers_are_exact(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int kind;
		int64_t value;
	} rows[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "-7", 0, -7 },
		{ "1e3", 0, 1000 },
		{ "2.0", 0, 2 },
		{ "2.5", ERR_INPUT, 0 },
		{ "\"42\"", 0, 42 },
		{ "\"-42\"", 0, -42 },
		{ "\"007\"", 0, 7 },
		{ "\"\"", ERR_INPUT, 0 },
		{ "\"-\"", ERR_INPUT, 0 },
		{ "\"+1\"", ERR_INPUT, 0 },
		{ "\" 1\"", ERR_INPUT, 0 },
		{ "\"1 \"", ERR_INPUT, 0 },
		{ "\"1.0\"", ERR_INPUT, 0 },
		{ "\"0x1\"", ERR_INPUT, 0 },
		{ "\"abc\"", ERR_INPUT, 0 },
		{ "9007199254740993", 0, INT64_C(9007199254740993) },
		{ "\"9007199254740993\"", 0, INT64_C(9007199254740993) },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", ERR_INPUT, 0 },
		{ "-9223372036854775809", ERR_INPUT, 0 },
		{ "\"9223372036854775808\"", ERR_INPUT, 0 },
		{ "18446744073709551616", ERR_INPUT, 0 },
		{ "99999999999999999999999999999999999999999", ERR_INPUT, 0 },
		{ "1e17", 0, INT64_C(100000000000000000) },
		{ "1e19", ERR_INPUT, 0 },
		{ "1e300", ERR_INPUT, 0 },
		{ "true", ERR_INPUT, 0 },
		{ "[1]", ERR_INPUT, 0 },
		{ "null", ERR_ABSENT, 0 },
	};
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json *v = parse(a, arena_printf(a, "{\"n\":%s}", rows[i].text));
		int64_t n = 77;
		struct err e = { 0 };
		int r = json_int(v, "n", &n, &e);
		if (r != rows[i].kind)
			fail_msg("%s gives %d", rows[i].text, r);
		assert_int_equal(n, r ? 77 : rows[i].value);
		assert_int_equal(json_int_or(v, "n", -3), r ? -3 : rows[i].value);
		if (r)
			check_has(e.text, "\"n\"");
	}
	struct json *v = parse(a, "{\"big\":18446744073709551615,\"text\":\"18446744073709551615\",\"minus\":-1,\"zero\":-0,\"over\":18446744073709551616}");
	uint64_t u = 0;
	struct err e;
	assert_int_equal(json_uint(v, "big", &u, &e), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(json_uint(v, "text", &u, &e), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(json_uint(v, "zero", &u, &e), 0);
	assert_true(u == 0);
	check_err(json_uint(v, "minus", &u, &e), &e, ERR_INPUT, "negative");
	check_err(json_uint(v, "over", &u, &e), &e, ERR_INPUT, "\"over\"");
	check_err(json_uint(v, "none", &u, &e), &e, ERR_ABSENT, "\"none\"");
}

/* Values may be secrets that stand in the wrong place. */
static void errors_do_not_show_values(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct json *v = parse(a, "{\"n\":\"hidden-value\"}");
	struct err e;
	int64_t n;
	assert_int_equal(json_int(v, "n", &n, &e), ERR_INPUT);
	assert_null(strstr(e.text, "hidden"));
	assert_int_equal(json_parse(a, "{\"n\":\"hidden-value\"", 19, &v, &e), ERR_INPUT);
	assert_null(strstr(e.text, "hidden"));
}

static void walking(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct json *v = parse(a, "{\"s\":\"x\",\"n\":1,\"big\":12345678901234567890,\"t\":true,\"z\":null,\"a\":[5,6],\"o\":{}}");
	static const enum json_type types[] = { JSON_STRING, JSON_NUMBER, JSON_NUMBER, JSON_BOOL, JSON_NULL, JSON_ARRAY, JSON_OBJECT };
	static const char *const names[] = { "s", "n", "big", "t", "z", "a", "o" };
	size_t i = 0;
	for (const struct json *m = json_first(v); m; m = json_next(m), i++) {
		assert_int_equal(json_type(m), types[i]);
		assert_string_equal(json_name(m), names[i]);
		assert_ptr_equal(json_at(v, i), m);
	}
	assert_int_equal(i, 7);
	assert_int_equal(json_count(v), 7);
	assert_null(json_at(v, 7));
	assert_null(json_name(v));
	assert_null(json_name(json_at(json_get(v, "a"), 0)));
	assert_int_equal(json_type(v), JSON_OBJECT);
	assert_string_equal(json_string(json_at(v, 0)), "x");
	assert_null(json_string(json_at(v, 1)));
	assert_null(json_string(json_at(v, 2)));
	assert_true(json_bool_or(v, "t", false));
	assert_true(json_bool_or(v, "s", true));
	assert_false(json_bool_or(v, "none", false));
	assert_string_equal(json_type_name(JSON_OBJECT), "an object");
}

static void equality(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{ "{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1}", true },
		{ "{\"a\":1,\"b\":2}", "{\"a\":1}", false },
		{ "{\"a\":1}", "{\"A\":1}", false },
		{ "{\"a\":null}", "{\"b\":null}", false },
		{ "[1,2]", "[2,1]", false },
		{ "[1,2]", "[1,2,3]", false },
		{ "1", "1.0", true },
		{ "1", "1e0", true },
		{ "1", "\"1\"", false },
		{ "0.1", "0.10000000000000002", false },
		{ "-0", "0", true },
		{ "1e15", "1000000000000000", true },
		{ "1e22", "10000000000000000000000", true },
		{ "9007199254740993", "9007199254740992", false },
		{ "12345678901234567890", "12345678901234567891", false },
		{ "12345678901234567890", "12345678901234567890", true },
		{ "1234567890123456.5", "1234567890123456", false },
		{ "1e300", "9007199254740993", false },
		{ "true", "false", false },
		{ "null", "null", true },
		{ "{}", "[]", false },
		{ "\"a\\u0041\"", "\"aA\"", true },
		{ "[{\"Effect\":\"allow\",\"Action\":[\"x\"]}]", "[{\"Action\":[\"x\"],\"Effect\":\"allow\"}]", true },
	};
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json *x = parse(a, rows[i].a), *y = parse(a, rows[i].b);
		if (json_equal(x, y) != rows[i].equal || json_equal(y, x) != rows[i].equal)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
	}
	assert_true(json_equal(NULL, NULL));
	assert_false(json_equal(NULL, parse(a, "null")));
}

static void writing(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct json *o = json_object(a), *list = json_array(a), *inner = json_object(a);
	json_put_text(o, "text", "a\"b\n\xc3\xa9");
	json_put_text(o, "left out", NULL);
	json_put_text(o, "bytes", "a\xff\xc3");
	json_put_int(o, "int", -5);
	json_put_int(o, "low", INT64_MIN);
	json_put_int(o, "now", INT64_C(1795538102000));
	json_put_uint(o, "uin", UINT64_MAX);
	json_put_uint(o, "edge", INT64_C(9007199254740993));
	json_put_bool(o, "yes", true);
	json_put_null(o, "null");
	json_push_text(list, "x");
	json_push_uint(list, 1000000000000000000u);
	json_push(list, inner);
	json_put_text(inner, "late", "still reachable");
	json_put(o, "list", list);
	json_push_copy(list, json_get(o, "int"));
	assert_string_equal(json_print(a, o),
		"{\"text\":\"a\\\"b\\n\xc3\xa9\",\"bytes\":\"a??\",\"int\":-5,\"low\":-9223372036854775808,\"now\":1795538102000,"
		"\"uin\":18446744073709551615,\"edge\":9007199254740993,\"yes\":true,\"null\":null,"
		"\"list\":[\"x\",1000000000000000000,{\"late\":\"still reachable\"},-5]}");
	uint64_t u;
	assert_int_equal(json_uint(o, "uin", &u, NULL), 0);
	assert_true(u == UINT64_MAX);
	struct json *again = parse(a, json_print_pretty(a, o));
	assert_true(json_equal(o, again));
}

static void putting_replaces_and_removes(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct json *o = parse(a, "{\"a\":1,\"b\":{\"c\":2},\"d\":3}");
	json_put_text(o, "b", "new");
	json_put_int(json_edit(o), "a", 7);
	json_remove(o, "d");
	json_remove(o, "never there");
	json_put_copy(o, "copy", o);
	assert_string_equal(json_print(a, o), "{\"a\":7,\"b\":\"new\",\"copy\":{\"a\":7,\"b\":\"new\"}}");
}

static void values_have_one_owner(void **state)
{
	(void)state;
	struct arena *a = arena_new(1 << 20), *longer = arena_new(1 << 20);
	struct json *kept = json_object(longer), *v = parse(a, "{\"x\":[1,2]}");
	json_put(kept, "moved", v);                      /* out of its arena */
	json_put(kept, "again", v);                      /* stands already: copied */
	json_put(kept, "item", json_edit(json_get(v, "x[1]")));
	json_put(kept, "self", kept);                    /* no circle */
	struct json *copy = json_copy(a, json_get(kept, "moved.x"));
	json_push_text(copy, "only here");
	json_put_copy(kept, "copied", copy);
	arena_free(a);
	assert_string_equal(json_print(longer, kept),
		"{\"moved\":{\"x\":[1,2]},\"again\":{\"x\":[1,2]},\"item\":2,"
		"\"self\":{\"moved\":{\"x\":[1,2]},\"again\":{\"x\":[1,2]},\"item\":2},\"copied\":[1,2,\"only here\"]}");
	arena_free(longer);
}

int main(void)
{
	json_start();
	const struct CMUnitTest tests[] = {
		T(sound_texts_are_taken),
		T(unsound_texts_are_refused_with_their_place),
		T(depth_and_size_are_limited),
		T(many_names_are_checked_quickly),
		T(every_cut_text_is_refused),
		T(mutated_texts_do_no_harm),
		T(paths_lead_to_values),
		T(texts_that_are_needed),
		T(integers_are_exact),
		T(errors_do_not_show_values),
		T(walking),
		T(equality),
		T(writing),
		T(putting_replaces_and_removes),
		T(values_have_one_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
