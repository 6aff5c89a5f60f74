#include "unit.h"

#include "common/str.h"

#define AT INT64_C(1795538102000)     /* 2026-11-24T16:35:02Z */

static void writes(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *rfc3339, *ldap;
	} rows[] = {
		{ AT, "2026-11-24T16:35:02Z", "20261124163502Z" },
		{ AT + 999, "2026-11-24T16:35:02Z", "20261124163502Z" },
		{ 0, "1970-01-01T00:00:00Z", "19700101000000Z" },
		{ -1, "1969-12-31T23:59:59Z", "19691231235959Z" },
		{ -1000, "1969-12-31T23:59:59Z", "19691231235959Z" },
		{ INT64_C(951782400000), "2000-02-29T00:00:00Z", "20000229000000Z" },
		{ INT64_C(253402300799000), "9999-12-31T23:59:59Z", "99991231235959Z" },
		{ INT64_C(253402300800000), "0000-00-00T00:00:00Z", "00000000000000Z" },
		{ INT64_MAX, "0000-00-00T00:00:00Z", "00000000000000Z" },
		{ INT64_MIN, "0000-00-00T00:00:00Z", "00000000000000Z" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[TIME_TEXT];
		str_time(rows[i].ms, text);
		assert_string_equal(text, rows[i].rfc3339);
		str_time_ldap(rows[i].ms, text);
		assert_string_equal(text, rows[i].ldap);
	}
}

struct row {
	const char *text;
	int64_t ms;
};

static void check_good(int (*parse)(const char *, int64_t *, struct err *), const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t ms = 0;
		struct err e = { 0 };
		if (parse(rows[i].text, &ms, &e) != 0)
			fail_msg("%s", e.text);
		assert_int_equal(ms, rows[i].ms);
	}
}

static void check_bad(int (*parse)(const char *, int64_t *, struct err *), const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t ms = 42;
		struct err e;
		if (parse(texts[i], &ms, &e) != ERR_INPUT)
			fail_msg("\"%s\" was taken", texts[i]);
		assert_int_equal(ms, 42);
	}
}

static void reads_generalized_time(void **state)
{
	(void)state;
	static const struct row good[] = {
		{ "20261124163502Z", AT },
		{ "20261124163502.0Z", AT },
		{ "20261124163502.25Z", AT + 250 },
		{ "20261124163502,5Z", AT + 500 },
		{ "20261124163502.123456789012345Z", AT + 123 },
		{ "202611241635Z", AT - 2000 },
		{ "202611241635.5Z", AT + 28000 },
		{ "2026112416Z", AT - 2102000 },
		{ "2026112416.25Z", AT - 2102000 + 900000 },
		{ "20261124173502+0100", AT },
		{ "20261124173502+01", AT },
		{ "20261124110502-0530", AT },
		{ "20261124163460Z", AT - 2000 },
		{ "20240229000000Z", INT64_C(1709164800000) },
		{ "16010101000000Z", INT64_C(-11644473600000) },
	};
	static const char *const bad[] = { "", "20261124", "20261124163502", "20261124163502.Z", "20261124163502Z ", " 20261124163502Z",
		"20261324163502Z", "20261100163502Z", "20261131163502Z", "20230229000000Z", "20261124243502Z", "20261124166002Z",
		"20261124163561Z", "20261124163502+2400", "20261124163502+0160", "20261124163502+1", "20261124163502z", "2026112416350Z",
		"20261124163502+01:00", "-0261124163502Z", "99991231235959" };
	check_good(str_time_ldap_parse, good, ARRAY_LEN(good));
	check_bad(str_time_ldap_parse, bad, ARRAY_LEN(bad));
}

static void reads_rfc3339(void **state)
{
	(void)state;
	static const struct row good[] = {
		{ "2026-11-24T16:35:02Z", AT },
		{ "2026-11-24t16:35:02z", AT },
		{ "2026-11-24T16:35:02.987Z", AT + 987 },
		{ "1970-01-01T00:00:00Z", 0 },
	};
	static const char *const bad[] = { "", "2026-11-24", "2026-11-24 16:35:02", "2026-11-24T16:35:02", "2026-11-24T16:35:02+00:00",
		"2026-11-24T16:35:02.Z", "2026-11-24T16:35Z", "2026-02-30T00:00:00Z", "2026-11-24T16:35:02Zx", "26-11-24T16:35:02Z",
		"2026-1-24T16:35:02Z" };
	check_good(str_time_parse, good, ARRAY_LEN(good));
	check_bad(str_time_parse, bad, ARRAY_LEN(bad));
}

static void reads_date_headers(void **state)
{
	(void)state;
	static const struct row good[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", INT64_C(784111777000) },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", INT64_C(784111777000) },
		{ "Sun Nov  6 08:49:37 1994", INT64_C(784111777000) },
		{ "Tue, 24 Nov 2026 16:35:02 GMT", AT },
		{ "Tuesday, 24-Nov-26 16:35:02 GMT", AT },
		{ "Tue Nov 24 16:35:02 2026", AT },
	};
	static const char *const bad[] = { "", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
		"06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nix 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT\r\n", "Sun Nov" };
	check_good(str_time_http_parse, good, ARRAY_LEN(good));
	check_bad(str_time_http_parse, bad, ARRAY_LEN(bad));
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	struct err e;
	for (int64_t ms = INT64_C(-62135596800000); ms < INT64_C(253402300800000); ms += INT64_C(86399123) * 997) {
		char text[TIME_TEXT];
		int64_t back, second = (ms - ((ms % 1000) + 1000) % 1000);
		str_time(ms, text);
		assert_int_equal(str_time_parse(text, &back, &e), 0);
		assert_int_equal(back, second);
		str_time_ldap(ms, text);
		assert_int_equal(str_time_ldap_parse(text, &back, &e), 0);
		assert_int_equal(back, second);
	}
}

static void durations(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ 800, "0.8s" },
		{ 1000, "1s" },
		{ 9999, "9.9s" },
		{ 12345, "12s" },
		{ 60000, "1m" },
		{ 245000, "4m 5s" },
		{ 3600000, "1h" },
		{ 2 * 86400000 + 3 * 3600000 + 59000, "2d 3h" },
		{ INT64_C(30) * 86400000, "30d" },
		{ -90000, "-1m 30s" },
		{ INT64_MIN, "-106751991167d 7h" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(str_duration(a, rows[i].ms), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(writes),
		T(reads_generalized_time),
		T(reads_rfc3339),
		T(reads_date_headers),
		T(what_is_written_is_read),
		T(durations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
