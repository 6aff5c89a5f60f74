/* What a refresh proves, against a scripted server: order, references, a schema that knows little. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <cmocka.h>

#include "tests/unit/ldap/fake.h"

static void gone_behind_the_end(struct fake *f)
{
	f->full = true;
	say_entry(f, "uid=a,dc=x", LDAP_SYNC_ADD, ID_A, 16);
	INFO(f, DONE);
	say_entry(f, "uid=a,dc=x", LDAP_SYNC_DELETE, ID_A, 16);
	say_entry(f, "uid=b,dc=x", LDAP_SYNC_ADD, ID_B, 16);
}

/* What the subscription says while the refresh is looked at comes behind it, in its order: a GONE within a refresh
 * would mean nothing. */
static void order_is_kept(void **state)
{
	struct reader r;
	struct fake f;
	char uri[64];

	(void)state;
	play(&r, &f, gone_behind_the_end, uri);
	reader_expect(&r, SOURCE_ENTRY);
	reader_expect(&r, SOURCE_REFRESHED);
	assert_null(r.event.doubts.all);
	assert_int_equal(r.event.doubts.count, 0);
	reader_expect(&r, SOURCE_GONE);
	assert_string_equal(r.event.uuid, TEXT_A);
	reader_expect(&r, SOURCE_ENTRY);
	assert_string_equal(r.event.uuid, TEXT_B);
	stop(&r, &f);
}

static void finds_nothing(struct fake *f)
{
	INFO(f, DONE);
}

static void branch_elsewhere(struct fake *f)
{
	f->full = true;
	say_reference(f, f->search, "ldap://127.0.0.1:9/ou=Far,dc=x??sub");
	say_entry(f, "uid=a,dc=x", LDAP_SYNC_ADD, ID_A, 16);
	INFO(f, DONE);
	say_reference(f, f->search, "ldap://127.0.0.1:9/ou=later,dc=x??sub");
}

static void somewhere_else(struct fake *f)
{
	f->full = true;
	say_reference(f, f->search, "ldap://127.0.0.1:9/o=other??sub");
	INFO(f, DONE);
}

static void no_url(struct fake *f)
{
	f->full = true;
	say_reference(f, f->search, "whatever");
	INFO(f, DONE);
}

static void complete(struct fake *f)
{
	f->full = true;
	INFO(f, DONE);
}

static void doubts_of(void (*script)(struct fake *), const char *filter, const char *all, const char *branch)
{
	struct reader r;
	struct fake f;
	char uri[64];

	play(&r, &f, script, uri);
	r.settings.scope_filter = filter;
	while (reader_next(&r)->kind == SOURCE_ENTRY)
		;
	assert_int_equal(r.event.kind, SOURCE_REFRESHED);
	if (all ? !r.event.doubts.all || !strstr(r.event.doubts.all, all) : r.event.doubts.all != NULL)
		fail_msg("everybody is in doubt: %s", r.event.doubts.all ? r.event.doubts.all : "no");
	assert_int_equal(r.event.doubts.count, branch ? 1 : 0);
	if (branch)
		assert_string_equal(r.event.doubts.branches[0].branch, branch);
	stop(&r, &f);
}

static void what_is_elsewhere(void **state)
{
	(void)state;
	doubts_of(finds_nothing, NULL, "base \"dc=x\" is not readable: it is not visible", NULL);
	doubts_of(branch_elsewhere, NULL, NULL, "ou=Far,dc=x");
	doubts_of(somewhere_else, NULL, "elsewhere: \"ldap://127.0.0.1:9/o=other??sub\"", NULL);
	doubts_of(no_url, NULL, "elsewhere: \"whatever\"", NULL);
}

/* A schema that knows "uid" and nothing else. */
static void what_the_server_knows(void **state)
{
	(void)state;
	doubts_of(complete, "(uid=*)", NULL, NULL);
	doubts_of(complete, "(cn=*)", "attribute unknown to the server's schema: \"cn\"", NULL);
	doubts_of(complete, "(uid:1.2.840.113556.1.4.804:=2)", "matching rule unknown to the server's schema: \"1.2.840.113556.1.4.804\"",
		NULL);
	doubts_of(complete, "(!(uid:1.2.840.113556.1.4.803:=2))", "\"1.2.840.113556.1.4.803\"", NULL);
}

static void first_deaf_then_complete(struct fake *f)
{
	bool second = f->full;

	f->full = true;
	f->deaf = !second;
	if (!second)
		say_reference(f, f->search, "ldap://127.0.0.1:9/ou=far,dc=x??sub");
	INFO(f, DONE);
	say_entry(f, "uid=a,dc=x", LDAP_SYNC_ADD, second ? ID_B : ID_A, 16);
}

/* A refresh that is wanted while one is looked at: nothing of the old one is left. */
static void begun_anew(void **state)
{
	struct reader r;
	struct fake f;
	char uri[64];

	(void)state;
	play(&r, &f, first_deaf_then_complete, uri);
	r.source->next(r.source, 100, r.arena, &r.event);
	assert_int_equal(r.event.kind, SOURCE_IDLE);
	r.source->wake(r.source, true);
	reader_expect(&r, SOURCE_STARTED);
	reader_expect(&r, SOURCE_REFRESHED);
	assert_null(r.event.doubts.all);
	assert_int_equal(r.event.doubts.count, 0);
	reader_expect(&r, SOURCE_ENTRY);
	assert_string_equal(r.event.uuid, TEXT_B);
	stop(&r, &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_kept),
		cmocka_unit_test(what_is_elsewhere),
		cmocka_unit_test(what_the_server_knows),
		cmocka_unit_test(begun_anew),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("ldap/proof", tests, NULL, NULL);
}
