#include "unit.h"

static void sets_all_fields(void **state)
{
	(void)state;
	struct err e;
	memset(&e, 'x', sizeof(e));
	assert_int_equal(err_set(&e, ERR_PERM, "user \"%s\" was refused", "alice"), ERR_PERM);
	assert_int_equal(e.kind, ERR_PERM);
	assert_string_equal(e.text, "user \"alice\" was refused");
	assert_string_equal(e.code, "");
	assert_string_equal(e.request_id, "");
	assert_int_equal(e.due_ms, 0);
	assert_int_equal(err_due(&e, ERR_LIMIT, 1234, "later"), ERR_LIMIT);
	assert_int_equal(e.due_ms, 1234);
	assert_int_equal(err_set(NULL, ERR_TEMP, "nobody listens"), ERR_TEMP);
}

static void arguments_may_point_into_it(void **state)
{
	(void)state;
	struct err e = { .kind = ERR_TEMP, .code = "Some.Code" };
	err_set(&e, ERR_TEMP, "first");
	strcpy(e.code, "Some.Code");
	err_set(&e, ERR_PERM, "%s (%s)", e.text, e.code);
	assert_string_equal(e.text, "first (Some.Code)");
}

static void wraps_and_keeps_the_rest(void **state)
{
	(void)state;
	struct err e;
	err_due(&e, ERR_WAIT, 99, "the environment is being built");
	strcpy(e.code, "C");
	strcpy(e.request_id, "R");
	assert_int_equal(err_wrap(&e, "user \"%s\"", "bob"), ERR_WAIT);
	assert_string_equal(e.text, "user \"bob\": the environment is being built");
	assert_string_equal(e.code, "C");
	assert_string_equal(e.request_id, "R");
	assert_int_equal(e.due_ms, 99);
}

static void is_one_line_cut_at_a_character(void **state)
{
	(void)state;
	struct err e;
	err_set(&e, ERR_INPUT, "a\nb\tc\x7f");
	assert_string_equal(e.text, "a b c ");
	char text[400] = "";
	for (int i = 0; i < 130; i++)
		strcat(text, "\xc3\xa9");
	err_set(&e, ERR_INPUT, "%s", text);
	assert_int_equal(strlen(e.text), 238);     /* 239 would be half a character */
	err_set(&e, ERR_INPUT, "x%s", text);
	assert_int_equal(strlen(e.text), 239);
	for (int i = 0; i < 50; i++)
		err_wrap(&e, "round %d", i);
	assert_true(strncmp(e.text, "round 49: round 48: ", 20) == 0);
	assert_true(strlen(e.text) < sizeof(e.text));
}

static void kinds_have_names_and_distinct_ranks(void **state)
{
	(void)state;
	for (int a = ERR_BUG; a <= ERR_NONE; a++) {
		assert_true(*err_kind_name(a) != '\0');
		for (int b = ERR_BUG; b < a; b++) {
			assert_string_not_equal(err_kind_name(a), err_kind_name(b));
			assert_int_not_equal(err_rank(a), err_rank(b));
		}
	}
	assert_string_equal(err_kind_name(ERR_QUOTA), "quota");
	assert_string_equal(err_kind_name(0), "none");
	assert_string_equal(err_kind_name(7), "bug");
	assert_string_equal(err_kind_name(-1000), "bug");
	assert_true(err_rank(ERR_AUTH) > err_rank(ERR_PERM));
	assert_true(err_rank(ERR_PERM) > err_rank(ERR_TEMP));
	assert_true(err_rank(ERR_TEMP) > err_rank(ERR_WAIT));
	assert_true(err_rank(ERR_WAIT) > err_rank(ERR_NONE));
}

static void what_waiting_alone_does_not_help(void **state)
{
	(void)state;
	static const enum err_kind lasting[] = { ERR_PERM, ERR_FOREIGN, ERR_INPUT, ERR_QUOTA, ERR_BUG };
	static const enum err_kind passing[] = { ERR_NONE, ERR_TEMP, ERR_LIMIT, ERR_WAIT, ERR_UNKNOWN, ERR_STALE, ERR_AUTH, ERR_ABSENT };
	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		assert_true(err_is_lasting(lasting[i]));
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		assert_false(err_is_lasting(passing[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sets_all_fields),
		T(arguments_may_point_into_it),
		T(wraps_and_keeps_the_rest),
		T(is_one_line_cut_at_a_character),
		T(kinds_have_names_and_distinct_ranks),
		T(what_waiting_alone_does_not_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
