#include "unit.h"

#include "common/conf.h"
#include "common/str.h"

struct profile {
	char *name, *package;
	int64_t count;
	struct conf_texts regions;
};

struct settings {
	char *base, *ca, *filter, *none;
	bool tls;
	int64_t port, uin, wait, grace;
	double percent;
	int mode;
	struct conf_texts uris;
	struct conf_groups profiles;
};

#define P(field) offsetof(struct profile, field)
#define S(field) offsetof(struct settings, field)

static const struct conf_row profile_rows[] = {
	{ "name", CONF_TEXT, P(name), .flags = CONF_REQUIRED },
	{ "cloud.package", CONF_TEXT, P(package), .otherwise = "basic" },
	{ "count", CONF_INT, P(count), .otherwise = "1", .min = 1, .max = 9 },
	{ "regions", CONF_TEXTS, P(regions), .otherwise = NULL },
};

static const struct conf_row rows[] = {
	{ "directory.base", CONF_TEXT, S(base), .flags = CONF_REQUIRED },
	{ "directory.ca", CONF_PATH, S(ca), .otherwise = "/etc/ssl/ca.pem" },
	{ "directory.filter", CONF_TEXT, S(filter), .otherwise = "(objectClass=person)" },
	{ "directory.none", CONF_TEXT, S(none), .otherwise = NULL },
	{ "directory.tls", CONF_BOOL, S(tls), .otherwise = "true" },
	{ "directory.uris", CONF_TEXTS, S(uris), .otherwise = "[ \"ldap://a\", \"ldap://b\" ]" },
	{ "port", CONF_INT, S(port), .otherwise = "389", .min = 1, .max = 65535 },
	{ "uin", CONF_INT, S(uin), .otherwise = NULL },
	{ "wait", CONF_SECONDS, S(wait), .otherwise = "0.5" },
	{ "grace", CONF_SECONDS, S(grace), .otherwise = "30d", .min = 1, .max = 86400 * 365 },
	{ "percent", CONF_NUMBER, S(percent), .otherwise = "2", .min = 0, .max = 100 },
	{ "mode", CONF_CHOICE, S(mode), .otherwise = "plan", .choices = "act|plan|off" },
	{ "profiles", CONF_GROUPS, S(profiles), .inner = profile_rows, .inner_count = ARRAY_LEN(profile_rows),
		.inner_size = sizeof(struct profile) },
};

struct loaded {
	struct arena *a;
	struct settings s;
	struct conf *doc;
	char *complaints, *file;
	struct err e;
	int result;
};

static struct loaded load_rows(const char *text, const struct conf_row *table, size_t count)
{
	struct loaded l = { .a = arena_new(1 << 20) };
	l.file = unit_write(l.a, "rollcall.conf", text, strlen(text), 0644);
	l.result = conf_load(l.file, table, count, &l.s, l.a, &l.doc, &l.complaints, &l.e);
	return l;
}

static struct loaded load(const char *text)
{
	return load_rows(text, rows, ARRAY_LEN(rows));
}

#define BASE "directory : { base = \"dc=x\"; };\n"

static void good_settings_are_taken(void **state)
{
	(void)state;
	struct loaded l = load("# comment with 99999999999\n"
			       "directory :\n{\n  base = \"dc=example,dc=com\";\n  ca = \"/ca.pem\";\n  tls = false;\n"
			       "  uris = [ \"ldaps://one\" ];\n};\n"
			       "/* 88888888888 */ port = 0x27c; uin = 100000000001;\n"
			       "wait = \"90s\"; grace = 3600; percent = 2.5; mode = \"act\"; // 77777777777\n"
			       "profiles = ( { name = \"dev 66666666666\"; count = 3; regions = ( \"ap-shanghai\", \"ap-guangzhou\" ); },\n"
			       "  { name = \"ops\"; cloud = { package = \"big\"; }; regions = \"ap-beijing\"; } );\n");
	if (l.result)
		fail_msg("%s", l.complaints);
	assert_string_equal(l.complaints, "");
	assert_string_equal(l.s.base, "dc=example,dc=com");
	assert_string_equal(l.s.ca, "/ca.pem");
	assert_string_equal(l.s.filter, "(objectClass=person)");
	assert_null(l.s.none);
	assert_false(l.s.tls);
	assert_int_equal(l.s.uris.count, 1);
	assert_string_equal(l.s.uris.items[0], "ldaps://one");
	assert_int_equal(l.s.port, 636);
	assert_int_equal(l.s.uin, INT64_C(100000000001));
	assert_int_equal(l.s.wait, 90000);
	assert_int_equal(l.s.grace, 3600000);
	assert_true(l.s.percent == 2.5);
	assert_int_equal(l.s.mode, 0);
	assert_int_equal(l.s.profiles.count, 2);
	const struct profile *p = l.s.profiles.items;
	assert_string_equal(p[0].name, "dev 66666666666");
	assert_string_equal(p[0].package, "basic");
	assert_int_equal(p[0].count, 3);
	assert_int_equal(p[0].regions.count, 2);
	assert_string_equal(p[0].regions.items[1], "ap-guangzhou");
	assert_string_equal(p[1].package, "big");
	assert_int_equal(p[1].count, 1);
	assert_string_equal(p[1].regions.items[0], "ap-beijing");
	arena_free(l.a);
}

static void defaults_are_read_like_the_file(void **state)
{
	(void)state;
	struct loaded l = load(BASE);
	if (l.result)
		fail_msg("%s", l.complaints);
	assert_string_equal(l.s.ca, "/etc/ssl/ca.pem");
	assert_true(l.s.tls);
	assert_int_equal(l.s.uris.count, 2);
	assert_string_equal(l.s.uris.items[1], "ldap://b");
	assert_int_equal(l.s.port, 389);
	assert_int_equal(l.s.uin, 0);
	assert_int_equal(l.s.wait, 500);
	assert_int_equal(l.s.grace, INT64_C(30) * 86400000);
	assert_true(l.s.percent == 2.0);
	assert_int_equal(l.s.mode, 1);
	assert_int_equal(l.s.profiles.count, 0);
	arena_free(l.a);
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;     /* -1 = refused */
	} cases[] = {
		{ "2", 2000 },
		{ "0", 0 },
		{ "0.5", 500 },
		{ "0.0004", 0 },
		{ "\"90s\"", 90000 },
		{ "\"15m\"", 900000 },
		{ "\"2h\"", 7200000 },
		{ "\"1.5h\"", 5400000 },
		{ "\"30d\"", INT64_C(2592000000) },
		{ "3000000000", INT64_C(3000000000000) },
		{ "-1", -1 },
		{ "-0.5", -1 },
		{ "1e30", -1 },
		{ "\"\"", -1 },
		{ "\"90\"", -1 },
		{ "\"s\"", -1 },
		{ "\"90 s\"", -1 },
		{ "\"-9s\"", -1 },
		{ "\"1h30m\"", -1 },
		{ "\"1.2.3s\"", -1 },
		{ "\"90x\"", -1 },
		{ "\"9ss\"", -1 },
		{ "\"0x9s\"", -1 },
		{ "\"1e5d\"", -1 },
		{ "\"99999999999999999999d\"", -1 },
		{ "true", -1 },
		{ "[ 1 ]", -1 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		struct loaded l = load(arena_printf(a, BASE "wait = %s;\n", cases[i].text));
		if ((l.result == 0) != (cases[i].ms >= 0))
			fail_msg("%s: %d %s", cases[i].text, l.result, l.complaints);
		if (l.result == 0)
			assert_int_equal(l.s.wait, cases[i].ms);
		else
			check_has(l.complaints, "rollcall.conf:2: wait: ");
		arena_free(l.a);
	}
}

/* One complaint each, word for word behind "FILE:". */
static void complaints_name_line_path_and_cause(void **state)
{
	(void)state;
	static const struct {
		const char *text, *complaint;
	} cases[] = {
		{ "", " directory.base: is missing" },
		{ "\n\ndirectory :\n{\n  tls = true;\n};\n", "3: directory.base: is missing" },
		{ BASE "\nprot = 5;\n", "3: prot: unknown setting" },
		{ "directory = {\n base = \"x\";\n Base = \"y\"; };\n", "3: directory.Base: unknown setting" },
		{ BASE "port = \"389\";\n", "2: port: expected an integer, found a string" },
		{ BASE "port = 3.0;\n", "2: port: expected an integer, found a fraction" },
		{ BASE "port = true;\n", "2: port: expected an integer, found a boolean" },
		{ BASE "port = 0;\n", "2: port: 0 is not between 1 and 65535" },
		{ BASE "port = 65536;\n", "2: port: 65536 is not between 1 and 65535" },
		{ BASE "port = 4294967297;\n", "2: port: 4294967297 is not between 1 and 65535" },
		{ BASE "port = 9223372036854775808;\n", "2: the integer 9223372036854775808 does not fit into 64 bits" },
		{ BASE "percent = 100.5;\n", "2: percent: 100.5 is not between 0 and 100" },
		{ BASE "percent = \"5\";\n", "2: percent: expected a number, found a string" },
		{ BASE "grace = 0.5;\n", "2: grace: 0.5 is not between 1 and 31536000" },
		{ BASE "mode = \"Act\";\n", "2: mode: \"Act\" is none of act|plan|off" },
		{ BASE "mode = \"act|plan\";\n", "2: mode: \"act|plan\" is none of act|plan|off" },
		{ BASE "mode = 1;\n", "2: mode: expected a string, found an integer" },
		{ "directory = { base = 5; };\n", "1: directory.base: expected a string, found an integer" },
		{ "directory = { base = \"x\"; ca = \"ca.pem\"; };\n", "1: directory.ca: \"ca.pem\" is not an absolute path" },
		{ "directory = { base = \"x\"; tls = 1; };\n", "1: directory.tls: expected true or false, found an integer" },
		{ "directory = { base = \"\\xff\"; };\n", "1: directory.base: the string is not UTF-8" },
		{ "directory = { base = \"x\"; uris = [ 1, 2 ]; };\n",
			"1: directory.uris: expected a string or a list of strings, found an integer" },
		{ BASE "profiles = { name = \"x\"; };\n", "2: profiles: expected a list of groups: ( { ... }, { ... } ), found a group" },
		{ BASE "profiles = (\n  { name = \"x\"; },\n  5 );\n", "4: profiles[1]: expected a group, found an integer" },
		{ BASE "profiles = (\n  { name = \"x\"; },\n  { name = \"y\"; count = 10; } );\n",
			"4: profiles[1].count: 10 is not between 1 and 9" },
		{ BASE "profiles = ( { name = \"x\";\n colour = 3; } );\n", "3: profiles[0].colour: unknown setting" },
		{ BASE "profiles = ( { name = \"x\";\n cloud = { Package = 3; }; } );\n", "3: profiles[0].cloud.Package: unknown setting" },
		{ BASE "port = 1\nport = 2\n", "3: duplicate setting name" },
		{ BASE "port = = 5;\n", "2: syntax error" },
		{ BASE "@include \"other.conf\"\n", "2: \"@include\" is not supported" },
		{ BASE "/* 1\n2 */ port =\n\"a\\\"b\nc\"; x = 1e; @include \"y\"", "5: \"@include\" is not supported" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct loaded l = load(cases[i].text);
		assert_int_equal(l.result, ERR_INPUT);
		char *want = arena_printf(l.a, "%s:%s\n", l.file, cases[i].complaint);
		assert_string_equal(l.complaints, want);
		assert_int_equal(l.e.kind, ERR_INPUT);
		check_has(l.e.text, "rollcall.conf");
		arena_free(l.a);
	}
}

static void a_missing_group_element_name_is_placed(void **state)
{
	(void)state;
	struct loaded l = load(BASE "profiles = (\n  { count = 1; } );\n");
	char *want = arena_printf(l.a, "%s:3: profiles[0].name: is missing\n", l.file);
	assert_string_equal(l.complaints, want);
	arena_free(l.a);
}

static void all_complaints_are_collected_in_the_order_of_the_file(void **state)
{
	(void)state;
	struct loaded l = load("mode = 7;\n"
			       "directory = {\n"
			       "  ca = \"relative\";\n"
			       "  typo = 1;\n"
			       "};\n"
			       "port = \"x\";\n"
			       "surprise = 2;\n");
	char *want = arena_printf(l.a,
		"%1$s:1: mode: expected a string, found an integer\n"
		"%1$s:2: directory.base: is missing\n"
		"%1$s:3: directory.ca: \"relative\" is not an absolute path\n"
		"%1$s:4: directory.typo: unknown setting\n"
		"%1$s:6: port: expected an integer, found a string\n"
		"%1$s:7: surprise: unknown setting\n",
		l.file);
	assert_string_equal(l.complaints, want);
	check_err(l.result, &l.e, ERR_INPUT, "6 complaints");
	assert_non_null(l.doc);
	arena_free(l.a);
}

static void a_value_where_a_group_belongs(void **state)
{
	(void)state;
	struct loaded l = load("directory = 5;\n");
	check_has(l.complaints, ":1: directory: expected a group, found an integer\n");
	check_has(l.complaints, ":1: directory.base: is missing\n");
	arena_free(l.a);
}

static void files_that_cannot_be_read(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct settings s;
	struct conf *doc;
	char *complaints;
	struct err e;
	check_err(conf_load("/no/such/file", rows, ARRAY_LEN(rows), &s, a, &doc, &complaints, &e), &e, ERR_INPUT,
		"/no/such/file: could not be read: No such file");
	assert_string_equal(complaints, "/no/such/file: could not be read: No such file or directory\n");
	assert_null(doc);
	check_err(conf_load("/", rows, ARRAY_LEN(rows), &s, a, &doc, &complaints, &e), &e, ERR_INPUT, "Is a directory");
	char *path = unit_write(a, "nul", "port\0= 5;", 9, 0644);
	check_err(conf_load(path, rows, ARRAY_LEN(rows), &s, a, &doc, &complaints, &e), &e, ERR_INPUT, "nul:1: a NUL byte");
}

static void a_bad_default_is_a_complaint(void **state)
{
	(void)state;
	static const struct conf_row bad[] = {
		{ "a", CONF_INT, S(port), .otherwise = "x" },
		{ "b", CONF_CHOICE, S(mode), .otherwise = "neither", .choices = "one|two" },
		{ "c", CONF_INT, S(uin), .otherwise = "5", .min = 6, .max = 7 },
	};
	struct loaded l = load_rows("", bad, ARRAY_LEN(bad));
	assert_int_equal(l.result, ERR_INPUT);
	check_has(l.complaints, ": a (built-in default): x is malformed\n");
	check_has(l.complaints, ": b (built-in default): \"neither\" is none of one|two\n");
	check_has(l.complaints, ": c (built-in default): 5 is not between 6 and 7\n");
	arena_free(l.a);
}

static void lists_that_must_not_be_empty(void **state)
{
	(void)state;
	static const struct conf_row need[] = {
		{ "uris", CONF_TEXTS, S(uris), .flags = CONF_REQUIRED },
		{ "profiles", CONF_GROUPS, S(profiles), .flags = CONF_REQUIRED, .inner = profile_rows,
			.inner_count = ARRAY_LEN(profile_rows), .inner_size = sizeof(struct profile) },
	};
	struct loaded l = load_rows("uris = [];\nprofiles = ();\n", need, ARRAY_LEN(need));
	check_has(l.complaints, ":1: uris: at least one is needed\n");
	check_has(l.complaints, ":2: profiles: at least one is needed\n");
	arena_free(l.a);
}

static void places(void **state)
{
	(void)state;
	struct loaded l = load("directory =\n{\n  base = \"x\";\n};\nprofiles = (\n  { name = \"a\"; },\n  { name = \"b\";\n"
			       "    count = 2; } );\n");
	static const struct {
		const char *path, *place;
	} cases[] = {
		{ "directory.base", ":3" },
		{ "directory.ca", ":1" },
		{ "directory", ":1" },
		{ "profiles", ":5" },
		{ "profiles[0].name", ":6" },
		{ "profiles[1].count", ":8" },
		{ "profiles[1].cloud.package", ":7" },
		{ "profiles[7].name", ":5" },
		{ "nothing.known", "" },
		{ "", "" },
	};
	assert_int_equal(l.result, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(conf_place(l.doc, cases[i].path), arena_printf(l.a, "%s%s", l.file, cases[i].place));
	arena_free(l.a);
}

static void effective_settings_are_shown(void **state)
{
	(void)state;
	struct loaded l = load("directory = { base = \"say \\\"x\\\"\"; };\nwait = 1.25;\n"
			       "profiles = ( { name = \"dev\"; regions = [ \"r1\", \"r2\" ]; } );\n");
	assert_int_equal(l.result, 0);
	char *text = conf_show(rows, ARRAY_LEN(rows), &l.s, l.a);
	assert_string_equal(text, "directory.base = \"say \\\"x\\\"\"\n"
				  "directory.ca = \"/etc/ssl/ca.pem\"\n"
				  "directory.filter = \"(objectClass=person)\"\n"
				  "directory.none = none\n"
				  "directory.tls = true\n"
				  "directory.uris = [\"ldap://a\", \"ldap://b\"]\n"
				  "port = 389\n"
				  "uin = 0\n"
				  "wait = 1.250\n"
				  "grace = 2592000\n"
				  "percent = 2\n"
				  "mode = \"plan\"\n"
				  "profiles[0].name = \"dev\"\n"
				  "profiles[0].cloud.package = \"basic\"\n"
				  "profiles[0].count = 1\n"
				  "profiles[0].regions = [\"r1\", \"r2\"]\n");
	arena_free(l.a);
	l = load(BASE);
	check_has(conf_show(rows, ARRAY_LEN(rows), &l.s, l.a), "\nprofiles = ()\n");
	arena_free(l.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(good_settings_are_taken),
		T(defaults_are_read_like_the_file),
		T(durations),
		T(complaints_name_line_path_and_cause),
		T(a_missing_group_element_name_is_placed),
		T(all_complaints_are_collected_in_the_order_of_the_file),
		T(a_value_where_a_group_belongs),
		T(files_that_cannot_be_read),
		T(a_bad_default_is_a_complaint),
		T(lists_that_must_not_be_empty),
		T(places),
		T(effective_settings_are_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
