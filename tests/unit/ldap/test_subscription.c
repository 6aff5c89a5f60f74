/* The subscription against a real slapd. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/directory.h"

#define PEOPLE 500

static void everybody_then_changes(void **state)
{
	struct reader r;
	char uuid[UUID_TEXT];

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = PEOPLE });
	reader_refresh(&r);
	assert_int_equal(r.seen, PEOPLE);
	assert_int_equal(reader_different(&r), PEOPLE);

	assert_int_equal(slapd_ldif(&r.server, "dn: uid=new," SLAPD_PEOPLE "\nchangetype: add\n" PERSON_OBJECT
		"uid: new\ncn: New\nsn: New\nmail: new@example.org\n"), 0);
	reader_expect(&r, SOURCE_ENTRY);
	assert_string_equal(entry_text_of(r.event.entry, "uid"), "new");
	assert_string_equal(entry_text_of(r.event.entry, "MAIL"), "new@example.org");
	assert_string_equal(entry_text_of(r.event.entry, "entryUUID"), r.event.uuid);
	str_copy(uuid, sizeof(uuid), r.event.uuid);

	assert_int_equal(slapd_ldif(&r.server, "dn: uid=new," SLAPD_PEOPLE "\nchangetype: modify\nreplace: employeeType\n"
		"employeeType: retired\n"), 0);
	reader_expect(&r, SOURCE_ENTRY);
	assert_string_equal(r.event.uuid, uuid);
	assert_string_equal(entry_text_of(r.event.entry, "employeeType"), "retired");

	assert_int_equal(slapd_ldif(&r.server, "dn: uid=new," SLAPD_PEOPLE "\nchangetype: modrdn\nnewrdn: uid=newer\n"
		"deleteoldrdn: 1\n"), 0);
	reader_expect(&r, SOURCE_ENTRY);
	assert_string_equal(r.event.uuid, uuid);
	assert_string_equal(r.event.entry->dn, "uid=newer," SLAPD_PEOPLE);

	/* Moved out of the base is gone for this source. */
	assert_int_equal(slapd_ldif(&r.server, "dn: uid=newer," SLAPD_PEOPLE "\nchangetype: modrdn\nnewrdn: uid=newer\n"
		"deleteoldrdn: 1\nnewsuperior: ou=alumni," SLAPD_SUFFIX "\n"), 0);
	reader_expect(&r, SOURCE_GONE);
	assert_string_equal(r.event.uuid, uuid);

	assert_int_equal(slapd_ldif(&r.server, "dn: uid=u0007," SLAPD_PEOPLE "\nchangetype: delete\n"), 0);
	reader_expect(&r, SOURCE_GONE);
	assert_string_not_equal(r.event.uuid, uuid);
	reader_close(&r);
}

/* A heartbeat keeps a quiet subscription without events, whatever else is written in the directory. */
static void quiet_is_idle(void **state)
{
	struct reader r;
	int64_t begin;

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 3 });
	r.settings.heartbeat_ms = 100;
	reader_refresh(&r);
	assert_int_equal(slapd_ldif(&r.server, "dn: ou=groups," SLAPD_SUFFIX "\nchangetype: modify\nreplace: description\n"
		"description: x\n"), 0);
	begin = clock_mono(machine());
	r.source->next(r.source, 1000, r.arena, &r.event);
	assert_int_equal(r.event.kind, SOURCE_IDLE);
	assert_in_range(clock_mono(machine()) - begin, 990, 5000);
	reader_close(&r);
}

static void killed_server_comes_back(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 50 });
	reader_refresh(&r);
	slapd_stop(&r.server, SIGKILL);
	reader_expect(&r, SOURCE_LOST);
	assert_int_equal(r.event.err.kind, ERR_TEMP);
	assert_string_equal(r.event.server, r.server.ldap);
	assert_in_range(r.event.err.due_ms - clock_now(machine()), 0, 1000);
	slapd_start(&r.server);
	do {
		reader_next(&r);
	} while (r.event.kind == SOURCE_LOST);
	assert_int_equal(r.event.kind, SOURCE_STARTED);
	for (r.seen = 0; reader_next(&r)->kind == SOURCE_ENTRY; r.seen++)
		;
	assert_int_equal(r.event.kind, SOURCE_REFRESHED);
	assert_int_equal(r.seen, 50);
	reader_close(&r);
}

static void frozen_server_is_found(void **state)
{
	struct reader r;
	int64_t begin;

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 3 });
	r.settings.heartbeat_ms = 300;
	r.settings.answer_ms = 500;
	reader_refresh(&r);
	kill(r.server.pid, SIGSTOP);
	begin = clock_mono(machine());
	reader_expect(&r, SOURCE_LOST);
	assert_in_range(clock_mono(machine()) - begin, 500, 8000);
	assert_non_null(strstr(r.event.err.text, "no sign of life"));
	kill(r.server.pid, SIGCONT);
	do {
		reader_next(&r);
	} while (r.event.kind == SOURCE_LOST);
	assert_int_equal(r.event.kind, SOURCE_STARTED);
	reader_close(&r);
}

static void timer_refreshes(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 40 });
	r.settings.refresh_ms = 300;
	for (int i = 0; i < 3; i++) {
		reader_refresh(&r);
		assert_int_equal(r.seen, 40);
	}
	reader_close(&r);
}

static void *wake_later(void *arg)
{
	struct source *s = arg;

	clock_wait(machine(), 200);
	s->wake(s, false);
	clock_wait(machine(), 200);
	s->wake(s, true);
	return NULL;
}

static void wake_interrupts(void **state)
{
	struct reader r;
	pthread_t thread;
	int64_t begin;

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 5 });
	reader_refresh(&r);
	assert_int_equal(pthread_create(&thread, NULL, wake_later, r.source), 0);
	begin = clock_mono(machine());
	r.source->next(r.source, 20000, r.arena, &r.event);
	assert_int_equal(r.event.kind, SOURCE_IDLE);
	assert_in_range(clock_mono(machine()) - begin, 150, 8000);
	r.source->next(r.source, 20000, r.arena, &r.event);
	assert_int_equal(r.event.kind, SOURCE_IDLE);
	reader_refresh(&r);
	assert_int_equal(r.seen, 5);
	pthread_join(thread, NULL);
	reader_close(&r);
}

/* Without "limits" slapd stops a refresh at 500 entries: lost, saying what to raise. */
static void size_limit_is_named(void **state)
{
	struct reader r;
	size_t entries = 0;

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 501, .database_conf = "access to * by * read\n" });
	reader_expect(&r, SOURCE_STARTED);
	while (reader_next(&r)->kind == SOURCE_ENTRY)
		entries++;
	assert_int_equal(entries, 500);
	assert_int_equal(r.event.kind, SOURCE_LOST);
	assert_non_null(strstr(r.event.err.text, "size limit"));
	assert_string_equal(r.event.err.code, "ldap-4");
	reader_close(&r);
}

/* A database without syncprov answers the critical control with 12. */
static void server_without_sync(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 1, .no_sync = true });
	reader_expect(&r, SOURCE_STARTED);
	reader_expect(&r, SOURCE_LOST);
	assert_int_equal(r.event.err.kind, ERR_PERM);
	assert_in_range(r.event.err.due_ms - clock_now(machine()), 59000, 121000);
	reader_close(&r);
}

static void base_that_is_not_there(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 1 });
	r.settings.base = "ou=nowhere," SLAPD_SUFFIX;
	reader_expect(&r, SOURCE_STARTED);
	reader_expect(&r, SOURCE_LOST);
	assert_int_equal(r.event.err.kind, ERR_ABSENT);
	reader_close(&r);
}

/* The first URI is dead: the second is tried within the first pause; then the one that worked stays. */
static void next_server_is_tried(void **state)
{
	struct reader r;
	char dead[64];

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 5 });
	snprintf(dead, sizeof(dead), "ldap://127.0.0.1:%d", slapd_free_port());
	r.uris[0] = dead;
	r.uris[1] = r.server.ldap;
	r.settings.uri_count = 2;
	reader_expect(&r, SOURCE_LOST);
	assert_string_equal(r.event.server, dead);
	assert_int_equal(sync_server(r.source), 0);
	reader_refresh(&r);
	assert_int_equal(sync_server(r.source), 1);
	slapd_stop(&r.server, SIGTERM);
	reader_expect(&r, SOURCE_LOST);
	slapd_start(&r.server);
	reader_refresh(&r);
	assert_int_equal(sync_server(r.source), 1);
	reader_close(&r);
}

static void wrong_password_waits_long(void **state)
{
	struct reader r;
	char path[128];

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 1 });
	slapd_file(&r.server, "wrong", "nonsense\n", path, sizeof(path));
	r.settings.secret_file = path;
	reader_expect(&r, SOURCE_LOST);
	assert_int_equal(r.event.err.kind, ERR_AUTH);
	assert_in_range(r.event.err.due_ms - clock_now(machine()), 59000, 121000);
	r.source->wake(r.source, true);
	r.source->next(r.source, 300, r.arena, &r.event);
	assert_int_equal(r.event.kind, SOURCE_IDLE);
	r.source->next(r.source, 300, r.arena, &r.event);
	assert_int_equal(r.event.kind, SOURCE_IDLE);
	reader_close(&r);
}

/* Bytes that are no text reach the reader, and are that person's own trouble. */
static void bytes_that_are_no_text(void **state)
{
	struct roll_rules rules = { .map = { .login = "uid", .mail = "audio" } };
	struct reader r;
	int bad = 0;

	(void)state;
	reader_open(&r, &(struct slapd_options){ .people = 3, .more_ldif = "dn: uid=odd," SLAPD_PEOPLE "\n" PERSON_OBJECT
		"uid: odd\ncn: Odd\nsn: Odd\naudio:: //79\n\n" });
	reader_expect(&r, SOURCE_STARTED);
	while (reader_next(&r)->kind == SOURCE_ENTRY) {
		struct person p;
		struct err e = { 0 };

		if (person_read(r.event.entry, &rules, 0, r.arena, &p, &e)) {
			assert_int_equal(e.kind, ERR_INPUT);
			assert_non_null(strstr(e.text, "\"audio\" held a value that is not UTF-8"));
			assert_string_equal(p.dn, "uid=odd," SLAPD_PEOPLE);
			bad++;
		}
	}
	assert_int_equal(r.event.kind, SOURCE_REFRESHED);
	assert_int_equal(bad, 1);
	reader_close(&r);
}

/* A message above the limit ends the connection instead of filling the memory. */
static void message_above_the_limit(void **state)
{
	struct reader r;
	char *ldif = malloc(300000);
	size_t n;

	(void)state;
	n = (size_t)sprintf(ldif, "dn: uid=big," SLAPD_PEOPLE "\n" PERSON_OBJECT "uid: big\ncn: Big\nsn: Big\nmail: ");
	memset(ldif + n, 'x', 200000);
	strcpy(ldif + n + 200000, "\n\n");
	reader_open(&r, &(struct slapd_options){ .people = 1, .more_ldif = ldif });
	r.settings.max_message = 100000;
	reader_expect(&r, SOURCE_STARTED);
	while (reader_next(&r)->kind == SOURCE_ENTRY)
		;
	assert_int_equal(r.event.kind, SOURCE_LOST);
	reader_close(&r);
	free(ldif);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_then_changes),
		cmocka_unit_test(quiet_is_idle),
		cmocka_unit_test(killed_server_comes_back),
		cmocka_unit_test(frozen_server_is_found),
		cmocka_unit_test(timer_refreshes),
		cmocka_unit_test(wake_interrupts),
		cmocka_unit_test(size_limit_is_named),
		cmocka_unit_test(server_without_sync),
		cmocka_unit_test(base_that_is_not_there),
		cmocka_unit_test(next_server_is_tried),
		cmocka_unit_test(wrong_password_waits_long),
		cmocka_unit_test(bytes_that_are_no_text),
		cmocka_unit_test(message_above_the_limit),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("ldap/subscription", tests, NULL, NULL);
}
