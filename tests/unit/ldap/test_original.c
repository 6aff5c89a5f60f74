/* Which server gives the second opinion: the source's own and no other, or an original and no copy. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "tests/unit/ldap/fake.h"

#define UUID_OF_ANNA "aaaaaaaa-0000-4000-8000-000000000001"
#define UUID_OF_PAUL "bbbbbbbb-0000-4000-8000-000000000002"
#define NOBODY "cccccccc-0000-4000-8000-000000000003"
#define PERSON(uid, uuid) "dn: uid=" uid "," SLAPD_PEOPLE "\n" PERSON_OBJECT "uid: " uid "\ncn: " uid "\nsn: " uid "\n" \
	"entryUUID: " uuid "\n\n"
#define ANNA PERSON("anna", UUID_OF_ANNA)
#define PAUL PERSON("paul", UUID_OF_PAUL)
#define RIGHTS "limits dn.exact=\"" SLAPD_ACCOUNT "\" size=unlimited time=unlimited\n" \
	"access to attrs=userPassword by anonymous auth by * none\naccess to * by dn.exact=\"" SLAPD_ACCOUNT "\" write by * read\n"
/* A copy whose original is away: it stays as it is, and so it lags. */
#define COPY RIGHTS "syncrepl rid=1 provider=ldap://127.0.0.1:9 type=refreshAndPersist searchbase=\"" SLAPD_SUFFIX "\"" \
	" bindmethod=simple retry=\"60 +\"\n"

/* A subscription to one of two servers of one list, and the second opinions on it. */
struct pair {
	struct slapd servers[2];
	struct reader reader;         /* without a server of its own */
	struct confirm *confirm;
	struct err e;
};

static void pair_open(struct pair *p, const struct slapd_options *first, const struct slapd_options *second)
{
	const struct slapd_options *options[] = { first, second };

	*p = (struct pair){ 0 };
	for (size_t i = 0; i < 2; i++) {
		slapd_new(&p->servers[i], options[i]);
		slapd_start(&p->servers[i]);
		p->reader.uris[i] = p->servers[i].ldap;
	}
	p->reader.settings = settings_of(&p->servers[0], p->reader.uris, 2);
	reader_attach(&p->reader);
	p->confirm = sync_confirm(&p->reader.settings, reader_attributes, p->reader.source, machine());
}

static void pair_close(struct pair *p)
{
	p->confirm->close(p->confirm);
	reader_close(&p->reader);
	slapd_free(&p->servers[0]);
	slapd_free(&p->servers[1]);
}

/* The kind of failure, or where. */
static int opinion(struct pair *p, bool original, const char *uuid)
{
	enum whereabouts where = WHERE_OURS;
	const struct entry *entry = NULL;
	struct confirm *c = p->confirm;
	int rc = (original ? c->reread_original : c->reread)(c, uuid, p->reader.arena, &where, &entry, &p->e);

	if (rc)
		return rc;
	assert_int_equal(entry == NULL, where == WHERE_GONE);
	return (int)where;
}

static void expect_none(struct pair *p, bool original, const char *uuid, const char *why)
{
	assert_int_equal(opinion(p, original, uuid), ERR_TEMP);
	if (!strstr(p->e.text, why))
		fail_msg("wanted \"%s\", got: %s", why, p->e.text);
}

/* --- the source's own server ---------------------------------------------------- */

static void only_while_the_source_is_there(void **state)
{
	struct pair p;
	struct source_doubts doubts;

	(void)state;
	pair_open(&p, &(struct slapd_options){ .more_ldif = ANNA }, &(struct slapd_options){ .more_ldif = PAUL });
	expect_none(&p, false, UUID_OF_ANNA, "the source is not connected");
	expect_none(&p, true, UUID_OF_ANNA, "the source is not connected");
	assert_int_equal(p.confirm->doubts(p.confirm, p.reader.arena, &doubts, &p.e), ERR_TEMP);
	reader_refresh(&p.reader);
	assert_int_equal(opinion(&p, false, UUID_OF_ANNA), WHERE_INSIDE);
	assert_int_equal(opinion(&p, false, UUID_OF_PAUL), WHERE_GONE);
	slapd_stop(&p.servers[0], SIGTERM);
	reader_expect(&p.reader, SOURCE_LOST);
	/* Both servers could answer now, and neither may. */
	slapd_start(&p.servers[0]);
	expect_none(&p, false, UUID_OF_PAUL, "the source is not connected");
	reader_refresh(&p.reader);
	assert_int_equal(opinion(&p, false, UUID_OF_PAUL), WHERE_GONE);
	pair_close(&p);
}

/* The source goes to the second server: the first one, which is alive again, has nothing more to say. */
static void follows_the_source(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, &(struct slapd_options){ .more_ldif = ANNA }, &(struct slapd_options){ .more_ldif = PAUL });
	reader_refresh(&p.reader);
	assert_int_equal(opinion(&p, false, UUID_OF_PAUL), WHERE_GONE);
	slapd_stop(&p.servers[0], SIGTERM);
	do {
		reader_next(&p.reader);
	} while (p.reader.event.kind == SOURCE_LOST);
	assert_int_equal(p.reader.event.kind, SOURCE_STARTED);
	slapd_start(&p.servers[0]);
	assert_int_equal(sync_server(p.reader.source), 1);
	assert_int_equal(opinion(&p, false, UUID_OF_PAUL), WHERE_INSIDE);
	assert_int_equal(opinion(&p, false, UUID_OF_ANNA), WHERE_GONE);
	pair_close(&p);
}

/* One name, two servers: whoever connects later gets the other one. */
static void same_name_other_address(void **state)
{
	struct pair p;
	struct source_doubts doubts;

	(void)state;
	pair_open(&p, &(struct slapd_options){ .more_ldif = ANNA }, &(struct slapd_options){ .more_ldif = PAUL });
	reader_refresh(&p.reader);
	p.reader.uris[0] = p.servers[1].ldap;
	expect_none(&p, false, UUID_OF_ANNA, "another server answers");
	expect_none(&p, false, UUID_OF_PAUL, "another server answers");
	assert_int_equal(p.confirm->doubts(p.confirm, p.reader.arena, &doubts, &p.e), ERR_TEMP);
	p.reader.uris[0] = p.servers[0].ldap;
	assert_int_equal(opinion(&p, false, UUID_OF_ANNA), WHERE_INSIDE);
	/* Another way to the same server is another address, too. */
	p.confirm->close(p.confirm);
	p.confirm = sync_confirm(&p.reader.settings, reader_attributes, p.reader.source, machine());
	p.reader.uris[0] = p.servers[0].ldapi;
	expect_none(&p, false, UUID_OF_ANNA, "another server answers");
	pair_close(&p);
}

static void same_socket_file(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, &(struct slapd_options){ .more_ldif = ANNA }, &(struct slapd_options){ .more_ldif = PAUL });
	p.reader.uris[0] = p.servers[0].ldapi;
	reader_refresh(&p.reader);
	assert_int_equal(opinion(&p, false, UUID_OF_ANNA), WHERE_INSIDE);
	p.confirm->close(p.confirm);
	p.confirm = sync_confirm(&p.reader.settings, reader_attributes, p.reader.source, machine());
	p.reader.uris[0] = p.servers[1].ldapi;
	expect_none(&p, false, UUID_OF_ANNA, "another server answers: \"unix:");
	pair_close(&p);
}

struct asking { struct confirm *confirm; atomic_bool begun; int rc; struct err e; };

static void *ask_anna(void *arg)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct asking *q = arg;
	enum whereabouts where;
	const struct entry *entry;

	atomic_store(&q->begun, true);
	q->rc = q->confirm->reread(q->confirm, UUID_OF_ANNA, a, &where, &entry, &q->e);
	return NULL;
}

/* The answer comes when the source has given the server up. */
static void answer_that_comes_too_late(void **state)
{
	struct pair p;
	struct asking question = { 0 };
	pthread_t thread;

	(void)state;
	pair_open(&p, &(struct slapd_options){ .more_ldif = ANNA }, &(struct slapd_options){ .more_ldif = PAUL });
	p.reader.settings.answer_ms = 60000;
	reader_refresh(&p.reader);
	assert_int_equal(opinion(&p, false, UUID_OF_ANNA), WHERE_INSIDE);
	p.reader.settings.heartbeat_ms = p.reader.settings.answer_ms = p.reader.settings.connect_ms = 500;
	kill(p.servers[0].pid, SIGSTOP);
	assert_int_equal(waitpid(p.servers[0].pid, NULL, WUNTRACED), p.servers[0].pid);
	question.confirm = p.confirm;
	assert_int_equal(pthread_create(&thread, NULL, ask_anna, &question), 0);
	/* The question is on its way before the source is let go on. */
	while (!atomic_load(&question.begun))
		clock_wait(machine(), 10);
	clock_wait(machine(), 500);
	while (reader_next(&p.reader)->kind != SOURCE_REFRESHED)
		;
	kill(p.servers[0].pid, SIGCONT);
	pthread_join(thread, NULL);
	assert_int_equal(question.rc, ERR_TEMP);
	if (!strstr(question.e.text, "the source connected anew meanwhile"))
		fail_msg("got: %s", question.e.text);
	assert_int_equal(opinion(&p, false, UUID_OF_PAUL), WHERE_INSIDE);
	pair_close(&p);
}

/* --- originals -------------------------------------------------------------------- */

/* The source runs on a copy that lags: it may say who seems to be away, the original decides. */
static void copy_that_lags(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, &(struct slapd_options){ .more_ldif = ANNA, .database_conf = COPY }, &(struct slapd_options){ .more_ldif = PAUL });
	reader_refresh(&p.reader);
	assert_int_equal(opinion(&p, false, UUID_OF_ANNA), WHERE_INSIDE);
	assert_int_equal(opinion(&p, false, UUID_OF_PAUL), WHERE_GONE);
	assert_int_equal(opinion(&p, true, UUID_OF_ANNA), WHERE_GONE);
	assert_int_equal(opinion(&p, true, UUID_OF_PAUL), WHERE_INSIDE);
	/* The kept connection is cut, the server is the same. */
	slapd_stop(&p.servers[1], SIGTERM);
	slapd_start(&p.servers[1]);
	assert_int_equal(opinion(&p, true, UUID_OF_PAUL), WHERE_INSIDE);
	slapd_stop(&p.servers[1], SIGTERM);
	expect_none(&p, true, UUID_OF_ANNA, "no server that is no copy of another answered");
	/* Not asked again at once. */
	slapd_start(&p.servers[1]);
	expect_none(&p, true, UUID_OF_ANNA, "no server that is no copy of another answered");
	assert_int_equal(opinion(&p, false, UUID_OF_ANNA), WHERE_INSIDE);
	pair_close(&p);
}

static void nothing_but_copies(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, &(struct slapd_options){ .more_ldif = ANNA, .database_conf = COPY },
		&(struct slapd_options){ .more_ldif = ANNA, .database_conf = COPY "updateref ldap://127.0.0.1:9\n" });
	reader_refresh(&p.reader);
	assert_int_equal(opinion(&p, false, NOBODY), WHERE_GONE);
	expect_none(&p, true, NOBODY, "is no original");
	pair_close(&p);
}

/* An original beside the source's is not asked; and it may refuse writes as long as it follows nobody. */
static void own_server_first(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, &(struct slapd_options){ .more_ldif = ANNA, .database_conf = RIGHTS "readonly on\n" },
		&(struct slapd_options){ .more_ldif = PAUL });
	reader_refresh(&p.reader);
	assert_int_equal(opinion(&p, true, UUID_OF_ANNA), WHERE_INSIDE);
	assert_int_equal(opinion(&p, true, UUID_OF_PAUL), WHERE_GONE);
	pair_close(&p);
}

/* A server that was an original is made a copy while its connection is kept. */
static void becomes_a_copy(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, &(struct slapd_options){ .more_ldif = ANNA }, &(struct slapd_options){ .more_ldif = PAUL });
	reader_refresh(&p.reader);
	assert_int_equal(opinion(&p, true, UUID_OF_PAUL), WHERE_GONE);
	assert_int_equal(slapd_ldif_as(&p.servers[0], "cn=config", p.servers[0].admin_secret, "dn: olcDatabase={1}mdb,cn=config\n"
		"changetype: modify\nadd: olcSyncrepl\nolcSyncrepl: rid=1 provider=ldap://127.0.0.1:9 type=refreshAndPersist"
		" searchbase=\"" SLAPD_SUFFIX "\" bindmethod=simple retry=\"60 +\"\n"), 0);
	assert_int_equal(opinion(&p, true, UUID_OF_PAUL), WHERE_INSIDE);
	assert_int_equal(opinion(&p, false, UUID_OF_PAUL), WHERE_GONE);
	pair_close(&p);
}

/* Somebody is gone for good only where nothing else is missing; somebody who is found is found. */
static void sentinels_of_the_original(void **state)
{
	static char *sentinels[] = { "uid=anna," SLAPD_PEOPLE, "uid=canary,ou=berlin," SLAPD_PEOPLE };
	struct pair p;
	struct source_doubts doubts;

	(void)state;
	pair_open(&p, &(struct slapd_options){ .more_ldif = ANNA }, &(struct slapd_options){ .people = 1 });
	p.reader.settings.sentinels = sentinels;
	p.reader.settings.sentinel_count = 1;
	reader_refresh(&p.reader);
	assert_int_equal(opinion(&p, true, NOBODY), WHERE_GONE);
	assert_int_equal(p.confirm->doubts(p.confirm, p.reader.arena, &doubts, &p.e), 0);
	assert_null(source_doubts_about(&doubts, NULL));
	p.reader.settings.sentinel_count = 2;
	expect_none(&p, true, NOBODY, "sentinel \"uid=canary,ou=berlin,");
	assert_int_equal(opinion(&p, true, UUID_OF_ANNA), WHERE_INSIDE);
	/* A weak sign asks for the branch. */
	assert_int_equal(opinion(&p, false, NOBODY), WHERE_GONE);
	assert_int_equal(p.confirm->doubts(p.confirm, p.reader.arena, &doubts, &p.e), 0);
	assert_null(doubts.all);
	assert_null(source_doubts_about(&doubts, "uid=x,ou=paris," SLAPD_PEOPLE));
	assert_non_null(source_doubts_about(&doubts, "uid=x,ou=berlin," SLAPD_PEOPLE));
	/* Who sees the widest base does not yet see the people's. */
	p.reader.settings.base = "ou=nowhere," SLAPD_SUFFIX;
	expect_none(&p, true, NOBODY, "No such object");
	assert_int_equal(p.confirm->doubts(p.confirm, p.reader.arena, &doubts, &p.e), 0);
	assert_non_null(doubts.all);
	pair_close(&p);
}

/* --- servers that do not know "Don't Use Copy" --------------------------------------- */

static void no_script(struct fake *f)
{
	(void)f;
}

static void asked_for_a_change(void **state)
{
	static const struct { int code; int rc; } answers[] = {
		{ LDAP_NO_SUCH_OBJECT, 0 }, { LDAP_NO_SUCH_ATTRIBUTE, 0 }, { LDAP_INSUFFICIENT_ACCESS, 0 },
		{ LDAP_REFERRAL, ERR_TEMP }, { LDAP_UNWILLING_TO_PERFORM, ERR_TEMP }, { LDAP_BUSY, ERR_TEMP },
		{ LDAP_STRONG_AUTH_REQUIRED, ERR_TEMP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 16);
		struct dir_settings s = { .uri_count = 1, .bind = DIR_BIND_EXTERNAL, .connect_ms = 2000, .answer_ms = 2000, .base = "dc=x" };
		const char *const nothing[] = { "1.1", NULL };
		struct entry *entry;
		struct err e = { 0 };
		struct dir *d;
		struct fake f;
		char uri[64];
		int rc;

		fake_start(&f, no_script);
		f.full = f.plain = true;
		f.change = answers[i].code;
		snprintf(uri, sizeof(uri), "ldap://127.0.0.1:%d", f.port);
		s.uris = (char *[]){ uri };
		assert_int_equal(dir_open(&s, 0, machine(), &d, &e), 0);
		assert_string_equal(dir_peer(d), uri + strlen("ldap://"));
		rc = dir_originals(d, "dc=x", &e);
		if (rc != answers[i].rc)
			fail_msg("code %d: %d (%s)", answers[i].code, rc, e.text);
		/* Reading goes on without what the server does not know. */
		if (!rc)
			assert_int_equal(dir_read(d, "dc=x", nothing, a, &entry, &e), 0);
		dir_close(d);
		close(f.listener);
		pthread_join(f.thread, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_while_the_source_is_there),
		cmocka_unit_test(follows_the_source),
		cmocka_unit_test(same_name_other_address),
		cmocka_unit_test(same_socket_file),
		cmocka_unit_test(answer_that_comes_too_late),
		cmocka_unit_test(copy_that_lags),
		cmocka_unit_test(nothing_but_copies),
		cmocka_unit_test(own_server_first),
		cmocka_unit_test(becomes_a_copy),
		cmocka_unit_test(sentinels_of_the_original),
		cmocka_unit_test(asked_for_a_change),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("ldap/original", tests, NULL, NULL);
}
