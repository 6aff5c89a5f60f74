/* The real way into the directory: letters against private slapd processes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/str.h"
#include "hook/post.h"
#include "ldap/attrs.h"
#include "tests/support/slapd.h"

#define WHO "11111111-2222-4333-8444-555555555555"
#define ENTRY "uid=alice," SLAPD_PEOPLE
#define LDIF "dn: " ENTRY "\nobjectClass: inetOrgPerson\nuid: alice\ncn: Alice\nsn: A\nentryUUID: " WHO "\n"
/* "DER" in base64 is "REVS". */
#define LETTER "{\"rollcallStage\":\"active\",\"rollcallUin\":\"100012345678\",\"rollcallSince\":\"20261124163502Z\"," \
	"\"rollcallSealedKey\":\"REVS\"}"

static const struct slapd_options plain = { .more_ldif = LDIF };

struct town {
	struct slapd s[2];
	struct clock clock;
	char *uris[3];
	struct dir_settings dir;
	struct post_directory *post;
	struct arena *a;
	struct err e;
	bool changed;
};

static void open_town(struct town *t, const struct slapd_options *first, const struct slapd_options *second)
{
	memset(t, 0, sizeof(*t));
	t->a = arena_new(1 << 20);
	t->clock = clock_system();
	slapd_new(&t->s[0], first);
	slapd_start(&t->s[0]);
	t->uris[0] = t->s[0].ldap;
	if (second) {
		slapd_new(&t->s[1], second);
		slapd_start(&t->s[1]);
		t->uris[1] = t->s[1].ldap;
	}
	t->dir = (struct dir_settings){ .uri_count = second ? 2 : 1, .uris = t->uris, .bind_dn = SLAPD_ACCOUNT,
		.secret_file = t->s[0].secret, .connect_ms = 15000, .answer_ms = 15000, .base = SLAPD_PEOPLE, .widest = SLAPD_SUFFIX };
	t->post = post_directory_new(&t->dir, &t->clock);
}

static void close_town(struct town *t)
{
	post_directory_free(t->post);
	for (int i = 0; i < 2; i++) {
		if (t->uris[i] == t->s[i].ldap)
			slapd_free(&t->s[i]);
	}
	arena_free(t->a);
}

static int send_to_no_older(struct town *t, const char *oldest, const char *payload)
{
	t->changed = false;
	memset(&t->e, 0, sizeof(t->e));
	return post_directory_deliver(t->post, WHO, oldest, payload, t->a, &t->changed, &t->e);
}

static int send_letter(struct town *t, const char *payload) { return send_to_no_older(t, NULL, payload); }

static void has(struct town *t, int server, const char *attribute, const char *line)
{
	char out[8192];
	struct slapd *s = &t->s[server];
	assert_int_equal(slapd_search_as(s, SLAPD_ADMIN, s->admin_secret, ENTRY, "(objectClass=*)", attribute, out, sizeof(out)), 0);
	if ((line && !strstr(out, line)) || (!line && strstr(out, attribute)))
		fail_msg("server %d: %s of %s", server, line ? line : "no line", out);
}

static void a_letter_is_written_as_it_is(void **state)
{
	struct town t;
	(void)state;
	open_town(&t, &plain, NULL);
	assert_int_equal(send_letter(&t, LETTER), 0);
	assert_true(t.changed);
	has(&t, 0, "rollcallStage", "rollcallStage: active");
	has(&t, 0, "rollcallUin", "rollcallUin: 100012345678");
	has(&t, 0, "rollcallSealedKey", "rollcallSealedKey: DER");
	has(&t, 0, "objectClass", "rollcallAccount");
	assert_int_equal(send_letter(&t, LETTER), 0);
	assert_false(t.changed);
	/* What is not named is taken out. */
	assert_int_equal(send_letter(&t, "{\"rollcallStage\":\"retired\"}"), 0);
	assert_true(t.changed);
	has(&t, 0, "rollcallStage", "rollcallStage: retired");
	has(&t, 0, "rollcallUin", NULL);
	has(&t, 0, "rollcallSealedKey", NULL);
	close_town(&t);
}

static void a_moved_entry_is_found_and_a_gone_one_is_absent(void **state)
{
	struct town t;
	(void)state;
	open_town(&t, &plain, NULL);
	assert_int_equal(slapd_ldif(&t.s[0], "dn: " ENTRY "\nchangetype: modrdn\nnewrdn: uid=alicia\ndeleteoldrdn: 1\n"
		"newsuperior: ou=alumni," SLAPD_SUFFIX "\n"), 0);
	assert_int_equal(send_letter(&t, LETTER), 0);
	assert_true(t.changed);
	assert_int_equal(slapd_ldif(&t.s[0], "dn: uid=alicia,ou=alumni," SLAPD_SUFFIX "\nchangetype: delete\n"), 0);
	assert_int_equal(send_letter(&t, LETTER), ERR_ABSENT);
	close_town(&t);
}

static void a_connection_that_died_is_made_again(void **state)
{
	struct town t;
	(void)state;
	open_town(&t, &plain, NULL);
	assert_int_equal(send_letter(&t, LETTER), 0);
	slapd_stop(&t.s[0], SIGTERM);
	assert_int_equal(send_letter(&t, LETTER), ERR_TEMP);
	assert_int_equal(send_letter(&t, LETTER), ERR_TEMP);
	slapd_start(&t.s[0]);
	assert_int_equal(send_letter(&t, LETTER), 0);
	/* Restarted between two letters: nobody notices. */
	slapd_stop(&t.s[0], SIGKILL);
	slapd_start(&t.s[0]);
	if (send_letter(&t, "{\"rollcallStage\":\"held\"}"))
		fail_msg("%s", t.e.text);
	assert_true(t.changed);
	close_town(&t);
}

static void a_server_that_hangs_is_given_up_in_time(void **state)
{
	struct town t;
	(void)state;
	open_town(&t, &plain, NULL);
	t.dir.connect_ms = t.dir.answer_ms = 2000;
	assert_int_equal(send_letter(&t, LETTER), 0);
	assert_int_equal(kill(t.s[0].pid, SIGSTOP), 0);
	assert_int_equal(waitpid(t.s[0].pid, NULL, WUNTRACED), t.s[0].pid);     /* all of its threads */
	int64_t before = clock_mono(&t.clock);
	assert_int_equal(send_letter(&t, LETTER), ERR_TEMP);
	assert_true(clock_mono(&t.clock) - before < 15000);
	assert_int_equal(kill(t.s[0].pid, SIGCONT), 0);
	assert_int_equal(send_letter(&t, LETTER), 0);
	close_town(&t);
}

static void the_next_server_takes_over(void **state)
{
	struct town t;
	(void)state;
	open_town(&t, &plain, &plain);
	slapd_stop(&t.s[0], SIGTERM);
	assert_int_equal(send_letter(&t, LETTER), 0);
	has(&t, 1, "rollcallStage", "rollcallStage: active");
	/* It stays there, also when the first one is back, until it goes itself. */
	slapd_start(&t.s[0]);
	assert_int_equal(send_letter(&t, "{\"rollcallStage\":\"held\"}"), 0);
	has(&t, 1, "rollcallStage", "rollcallStage: held");
	has(&t, 0, "rollcallStage", NULL);
	slapd_stop(&t.s[1], SIGTERM);
	assert_int_equal(send_letter(&t, LETTER), 0);
	has(&t, 0, "rollcallStage", "rollcallStage: active");
	close_town(&t);
}

static void a_server_that_takes_no_writes_is_passed_over(void **state)
{
	const struct slapd_options read_only = { .more_ldif = LDIF,
		.database_conf = "readonly on\naccess to * by * read\n" };
	struct town t;
	(void)state;
	open_town(&t, &read_only, &plain);
	if (send_letter(&t, LETTER))
		fail_msg("%s (%s)", t.e.text, t.e.code);
	has(&t, 1, "rollcallStage", "rollcallStage: active");
	/* With nobody else it is a refusal, or an outage; it is not success. */
	t.dir.uri_count = 1;
	post_directory_free(t.post);
	t.post = post_directory_new(&t.dir, &t.clock);
	assert_int_not_equal(send_letter(&t, LETTER), 0);
	close_town(&t);
}

static void our_own_mistakes_are_told_as_such(void **state)
{
	const struct slapd_options no_rights = { .more_ldif = LDIF, .database_conf = "access to * by * read\n" };
	struct town t;
	char path[128];
	(void)state;
	open_town(&t, &no_rights, NULL);
	assert_int_equal(send_letter(&t, LETTER), ERR_PERM);
	post_directory_free(t.post);
	t.post = post_directory_new(&t.dir, &t.clock);
	slapd_file(&t.s[0], "wrong", "wrong\n", path, sizeof(path));
	t.dir.secret_file = path;
	assert_int_equal(send_letter(&t, LETTER), ERR_AUTH);
	t.dir.secret_file = "/nonexistent/secret";
	assert_int_equal(send_letter(&t, LETTER), ERR_AUTH);
	assert_non_null(strstr(t.e.text, "nonexistent"));
	t.dir.uri_count = 0;
	assert_int_equal(send_letter(&t, LETTER), ERR_AUTH);
	close_town(&t);
}

/* A restored backup, a copy that lags: what we write there would look newer than the cut. */
static void an_older_entry_is_left_alone(void **state)
{
	struct town t;
	(void)state;
	open_town(&t, &plain, NULL);
	assert_int_equal(send_to_no_older(&t, "29991231235959.999999Z#000000#001#000000", LETTER), ERR_TEMP);
	assert_string_equal(t.e.code, "older");
	assert_false(t.changed);
	has(&t, 0, "rollcallStage", NULL);
	assert_int_equal(send_to_no_older(&t, "20000101000000.000000Z#000000#001#000000", LETTER), 0);
	assert_true(t.changed);
	has(&t, 0, "rollcallStage", "rollcallStage: active");
	close_town(&t);
}

static void a_damaged_letter_is_not_written(void **state)
{
	static const char *const bad[] = { "", "[]x", "{\"rollcallStage\":\"active\",\"sn\":\"evil\"}", "{\"rollcallSealedKey\":\"%%\"}",
		"{\"rollcallStage\":5}", "{\"rollcallStage\":\"\"}" };
	struct town t;
	(void)state;
	open_town(&t, &plain, NULL);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (send_letter(&t, bad[i]) != ERR_PERM)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	has(&t, 0, "rollcallStage", NULL);
	close_town(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_is_written_as_it_is), cmocka_unit_test(a_moved_entry_is_found_and_a_gone_one_is_absent),
		cmocka_unit_test(a_connection_that_died_is_made_again), cmocka_unit_test(a_server_that_hangs_is_given_up_in_time),
		cmocka_unit_test(the_next_server_takes_over), cmocka_unit_test(a_server_that_takes_no_writes_is_passed_over),
		cmocka_unit_test(our_own_mistakes_are_told_as_such), cmocka_unit_test(a_damaged_letter_is_not_written),
		cmocka_unit_test(an_older_entry_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
