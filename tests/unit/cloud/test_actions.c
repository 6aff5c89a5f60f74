/* The two tables: actions and error codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cloud/resource.h"

static const struct { const char *action, *codes; } documented[] = {
#include "tests/unit/cloud/codes.inc"
};

static const struct driver *driver_of(int row)
{
	static const struct driver *const drivers[ROW_COUNT] = {
		[ROW_USER] = &user_driver, [ROW_BOUNDARY] = &boundary_driver, [ROW_ENV] = &env_driver,
		[ROW_POLICY] = &policy_driver, [ROW_ACCESS] = &access_driver, [ROW_CONSOLE] = &console_driver,
		[ROW_ENVKEYS] = &envkeys_driver, [ROW_KEY] = &key_driver, [ROW_PROOF] = &proof_driver,
		[ROW_SERVER] = &server_driver, [ROW_AGENT] = &agent_driver,
	};
	return row >= 0 && row < ROW_COUNT ? drivers[row] : NULL;
}

/* NULL when the row is sound, else what is wrong with it. */
static const char *fault(const struct action_row *r)
{
	unsigned intent = r->flags & (ACTION_PAYS | ACTION_SECRET);
	if (!r->name || !r->service || !r->version || r->per_second <= 0)
		return "incomplete";
	switch (r->kind) {
	case ACTION_READ:
		return r->resolver == -1 && !r->flags ? NULL : "a read needs neither resolver nor intent";
	case ACTION_REPEATABLE:
		return r->resolver == -1 && !intent ? NULL : "what pays or shows a secret once is not repeatable";
	case ACTION_RESOLVED:
		break;
	}
	const struct driver *d = driver_of(r->resolver);
	if (!d || !d->observe)
		return "nobody looks";
	/* An intent is closed by resolve(). */
	if (intent && !d->resolve)
		return "nobody closes its intent";
	return NULL;
}

static void every_action_is_repeatable_or_resolved(void **state)
{
	(void)state;
	for (int i = 0; i < ACT_COUNT; i++) {
		if (fault(&action_table[i]))
			fail_msg("%s: %s", action_table[i].name ? action_table[i].name : "?", fault(&action_table[i]));
	}
}

static void the_check_can_fail(void **state)
{
	(void)state;
	struct action_row r = action_table[ACT_CREATE_ENV];
	assert_null(fault(&r));
	r.resolver = -1;
	assert_non_null(fault(&r));
	r.resolver = ROW_PROOF;
	assert_non_null(fault(&r));
	r.resolver = ROW_DELIVERY;
	assert_non_null(fault(&r));
	r.kind = ACTION_REPEATABLE;
	r.resolver = -1;
	assert_non_null(fault(&r));
	r.flags = 0;
	assert_null(fault(&r));
	r.per_second = 0;
	assert_non_null(fault(&r));
}

/* What changes nothing is named so that it can be seen; everything else is a change. */
static void reads_are_called_so(void **state)
{
	(void)state;
	for (int i = 0; i < ACT_COUNT; i++) {
		const char *n = action_table[i].name;
		bool named = !strncmp(n, "Get", 3) || !strncmp(n, "List", 4) || !strncmp(n, "Describe", 8);
		assert_int_equal(named, action_table[i].kind == ACTION_READ);
	}
}

static void what_pays_or_shows_a_secret(void **state)
{
	(void)state;
	for (int i = 0; i < ACT_COUNT; i++) {
		unsigned want = i == ACT_CREATE_ENV || i == ACT_CREATE_INSTANCES ? ACTION_PAYS
			: i == ACT_CREATE_ACCESS_KEY ? ACTION_SECRET : 0;
		assert_int_equal(action_table[i].flags & (ACTION_PAYS | ACTION_SECRET), want);
	}
}

/* What the cloud's words say of it.  Keys and policies are made anew at will; with a user, an environment or a server goes
 * what somebody had. */
static void what_destroys(void **state)
{
	static const char *const words[] = { "DeleteUser", "Destroy", "Terminate", "Isolate" };
	(void)state;
	for (int i = 0; i < ACT_COUNT; i++) {
		bool destroys = false;
		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			destroys |= !strncmp(action_table[i].name, words[k], strlen(words[k]));
		assert_int_equal((action_table[i].flags & ACTION_DESTROYS) != 0, destroys);
	}
}

static void names_are_unique(void **state)
{
	(void)state;
	for (int i = 0; i < ACT_COUNT; i++)
		for (int k = i + 1; k < ACT_COUNT; k++)
			assert_string_not_equal(action_table[i].name, action_table[k].name);
}

/* --- error codes ---------------------------------------------------------------- */

static void every_action_has_its_codes_listed(void **state)
{
	(void)state;
	for (int i = 0; i < ACT_COUNT; i++) {
		bool there = false;
		for (size_t k = 0; k < ARRAY_LEN(documented); k++)
			there |= !strcmp(documented[k].action, action_table[i].name);
		if (!there)
			fail_msg("%s", action_table[i].name);
	}
}

static void every_documented_code_has_a_kind(void **state)
{
	(void)state;
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_LEN(documented); i++) {
		char code[128];
		for (const char *p = documented[i].codes; *p; p += strcspn(p, " "), p += strspn(p, " "), count++) {
			size_t n = strcspn(p, " ");
			assert_true(n < sizeof(code));
			memcpy(code, p, n);
			code[n] = '\0';
			bool known = false;
			enum err_kind kind = api_error_kind(code, &known);
			if (!known || kind == ERR_NONE || kind == ERR_BUG)
				fail_msg("%s: %s", documented[i].action, code);
		}
	}
	assert_true(count > 400);
}

static const struct { const char *code; enum err_kind kind; } kinds[] = {
	{ "RequestLimitExceeded", ERR_LIMIT },
	{ "RequestLimitExceeded.SomethingNew", ERR_LIMIT },
	{ "AuthFailure.SecretIdNotFound", ERR_AUTH },
	{ "AuthFailure.UnauthorizedOperation", ERR_PERM },
	{ "UnauthorizedOperation.CamAuthFailed", ERR_PERM },
	{ "InternalError", ERR_UNKNOWN },
	{ "InternalError.SystemError", ERR_UNKNOWN },
	{ "ServiceUnavailable", ERR_UNKNOWN },
	{ "ResourceNotFound.UserNotExist", ERR_ABSENT },
	{ "InvalidParameter.PolicyIdNotExist", ERR_ABSENT },
	{ "InvalidParameter.SubUserNameInUse", ERR_TEMP },
	{ "FailedOperation.PolicyNameInUse", ERR_TEMP },
	{ "UnsupportedOperation.LatestOperationUnfinished", ERR_TEMP },
	{ "InvalidParameter.SubUserFull", ERR_QUOTA },
	{ "ResourcesSoldOut.BundleSoldOut", ERR_QUOTA },
	{ "FailedOperation.InsufficientBalance", ERR_QUOTA },
	{ "LimitExceeded", ERR_QUOTA },
	{ "LimitExceeded.FilterValueExceeded", ERR_PERM },
	{ "InvalidParameterValue.LimitExceeded", ERR_PERM },
	{ "InvalidParameter.UserNameIllegal", ERR_PERM },
};

static void kinds_are_as_meant(void **state)
{
	(void)state;
	bool known;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (api_error_kind(kinds[i].code, &known) != kinds[i].kind || !known)
			fail_msg("%s", kinds[i].code);
	}
}

static void unknown_codes(void **state)
{
	(void)state;
	static const char *const codes[] = { "", ".", "Nonsense", "InternalErrorX", "InvalidParameter.", "InvalidParameter.UserNotExis",
		"InvalidParameter.UserNotExistX", "ResourceNotFound.User Not", "InvalidParameter.ParamError ParameterConflict",
		"RequestLimitExceededX" };
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		bool known = true;
		assert_int_equal(api_error_kind(codes[i], &known), ERR_PERM);
		if (known)
			fail_msg("\"%s\"", codes[i]);
	}
}

/* Whoever makes Rollcall's own policy copies the list from there. */
static void the_readme_lists_every_action(void **state)
{
	(void)state;
	static char text[1 << 20];
	FILE *f = fopen("README.md", "re");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	for (int i = 0; i < ACT_COUNT; i++) {
		char quoted[80];
		snprintf(quoted, sizeof(quoted), "`%s`", action_table[i].name);
		if (!strstr(text, quoted))
			fail_msg("README.md lacks %s", quoted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_action_is_repeatable_or_resolved),
		cmocka_unit_test(the_check_can_fail),
		cmocka_unit_test(reads_are_called_so),
		cmocka_unit_test(what_pays_or_shows_a_secret),
		cmocka_unit_test(what_destroys),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(every_action_has_its_codes_listed),
		cmocka_unit_test(every_documented_code_has_a_kind),
		cmocka_unit_test(kinds_are_as_meant),
		cmocka_unit_test(unknown_codes),
		cmocka_unit_test(the_readme_lists_every_action),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
