/* Three of forty vanish by a fault of the source: far fewer than the brake holds, and not a whole branch, so that only what
 * speaks against the source stands between them and a cut.  Real slapd, source and second opinion.  Each fault is met twice: as
 * it is, nobody is suspended but one who is really disabled; with the gate switched off, they are.  (A refresh that did not end
 * is no refresh: test_peers.c.) */
#include "rig.h"

#include <signal.h>

#include "common/failpoint.h"
#include "hook/feed_inside.h"
#include "ldap/sync.h"
#include "tests/support/slapd.h"

#define PEOPLE 36
#define BERLIN "ou=berlin," SLAPD_PEOPLE
#define TEAM "ou=team," BERLIN
#define VANISH 3
#define UNIT(name, dn) "dn: " dn "\nobjectClass: organizationalUnit\nou: " name "\n\n"
#define PERSON(uid, below, more) "dn: uid=" uid "," below "\nobjectClass: inetOrgPerson\n" more "uid: " uid "\ncn: " uid "\nsn: " uid "\n"
#define GUEST(uid) PERSON(uid, TEAM, "objectClass: companyPerson\n") "companyStatus: guest\n\n"

/* Who is there to the end keeps the branch from being empty. */
static const char berlin[] = UNIT("berlin", BERLIN) UNIT("team", TEAM) PERSON("stays", BERLIN, "") "employeeType: active\n\n"
	GUEST("anna") GUEST("bert") GUEST("canary");
static const char company[] =
	"attributetype ( 2.999.1 NAME 'companyStatus' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n"
	"objectclass ( 2.999.2 NAME 'companyPerson' SUP top AUXILIARY MAY companyStatus )\n";

struct world {
	struct rig *r;
	struct slapd server;
	struct clock clock;
	struct dir_settings dir;
	char **attributes;
	char *uris[1], *sentinels[1];
	char good[8192];                 /* the server's configuration */
};

static void open_world(struct world *w, void **state)
{
	struct rig *r = w->r = *state;
	struct err e;
	slapd_new(&w->server, &(struct slapd_options){ .people = PEOPLE, .more_ldif = berlin, .global_conf = company });
	slapd_start(&w->server);
	w->clock = clock_system();
	w->uris[0] = w->server.ldap;
	w->sentinels[0] = "uid=canary," TEAM;
	OK(filter_parse(r->f.arena, "(|(employeeType=active)(companyStatus=guest))", &r->rules.entitled, &e));
	w->dir = (struct dir_settings){ .uri_count = 1, .uris = w->uris, .bind = DIR_BIND_SIMPLE, .bind_dn = SLAPD_ACCOUNT,
		.secret_file = w->server.secret, .connect_ms = 2000, .answer_ms = 2000, .base = SLAPD_PEOPLE,
		.scope_filter = "(objectClass=inetOrgPerson)", .widest = SLAPD_SUFFIX, .refresh_ms = 3600000, .heartbeat_ms = 30000,
		.max_message = 1u << 20, .sentinels = w->sentinels, .sentinel_count = 1,
		.needs = person_needs(&r->rules, r->f.arena) };
	r->settings.directory.dir = w->dir;
	r->settings.life.departures_hour = r->settings.life.departures_day = 10;
	r->settings.life.grace_ms = INT64_C(100) * 24 * 3600000;
	w->attributes = person_attributes(&r->rules, r->f.arena);
	r->feed->source = sync_source(&w->dir, w->attributes, &w->clock);
	r->feed->confirm = sync_confirm(&w->dir, w->attributes, r->feed->source, &w->clock);
}

static void close_world(struct world *w)
{
	w->r->feed->confirm->close(w->r->feed->confirm);
	w->r->feed->source->close(w->r->feed->source);
	w->r->feed->source = &w->r->source;
	w->r->feed->confirm = &w->r->confirm;
	slapd_free(&w->server);
}

/* --- what the daemon does --------------------------------------------------------------------------------------------- */

/* Within a time of the machine's clock; the roll goes by a clock of its own. */
static void hears(struct world *w, bool (*until)(struct world *))
{
	int64_t deadline = clock_mono(&w->clock) + 15000;
	while (clock_mono(&w->clock) < deadline && !until(w))
		feed_step(w->r->feed, 100);
	if (!until(w))
		fail_msg("it was not heard within 15 s");
}

static bool has_refreshed(struct world *w)
{
	return w->r->feed->refreshed_ms == w->r->f.time.now_ms && feed_complete(w->r->feed);
}

static bool is_lost(struct world *w) { return !w->r->feed->connected && *w->r->feed->trouble; }

static void refreshes(struct world *w)
{
	w->r->f.time.now_ms += 1000;
	w->r->feed->source->wake(w->r->feed->source, true);
	hears(w, has_refreshed);
}

static unsigned suspended(struct world *w)
{
	int64_t stages[STORE_STAGES][2][2];
	OK(store_stages(w->r->f.store, stages, &w->r->f.e));
	return (unsigned)(stages[STAGE_SUSPENDED][0][1] + stages[STAGE_SUSPENDED][1][1]);
}

static bool one_is_suspended(struct world *w) { return suspended(w) >= 1 && !w->r->feed->refreshing; }

/* Somebody is really disabled in the same minute. */
static void one_leaves(struct world *w)
{
	OK(slapd_ldif(&w->server, "dn: uid=u0001," SLAPD_PEOPLE "\nchangetype: modify\nreplace: employeeType\nemployeeType: left\n"));
	hears(w, one_is_suspended);
}

static void hours_go_by(struct world *w)
{
	for (int i = 0; i < 200; i++) {
		w->r->f.time.now_ms += 36000;
		confirm_step(w->r->feed);
	}
}

/* --- the faults --------------------------------------------------------------------------------------------------------- */

#define GONE_FROM_TEAM "dn: uid=anna," TEAM "\nchangetype: delete\n\ndn: uid=bert," TEAM "\nchangetype: delete\n\n" \
	"dn: uid=canary," TEAM "\nchangetype: delete\n"

static void conf(struct world *w, const char *without, const char *more)
{
	FILE *f = fopen(w->server.conf, "r");
	char *text = NULL, line[1024];
	size_t n = 0;
	assert_non_null(f);
	FILE *to = open_memstream(&text, &n);
	assert_non_null(to);
	while (fgets(line, sizeof(line), f)) {
		if (more && !strncmp(line, "access to ", 10)) {
			fputs(more, to);
			more = NULL;
		}
		if (!without || !strstr(line, without))
			fputs(line, to);
	}
	fclose(f);
	fclose(to);
	slapd_stop(&w->server, SIGTERM);
	slapd_file(&w->server, "slapd.conf", text, w->server.conf, sizeof(w->server.conf));
	free(text);
	hears(w, is_lost);
	slapd_start(&w->server);
	w->r->f.time.now_ms += 1000;
}

/* An access rule hides them, and the sentinel that stands for them. */
static void hidden(struct world *w)
{
	conf(w, NULL, "access to dn.children=\"" TEAM "\" by * none\n");
	hears(w, has_refreshed);
}

/* A branch that was restored from an older copy, in which they are not; told by the next refresh. */
static void restored(struct world *w)
{
	slapd_stop(&w->server, SIGTERM);
	hears(w, is_lost);
	slapd_start(&w->server);
	OK(slapd_ldif(&w->server, GONE_FROM_TEAM));
	w->r->f.time.now_ms += 1000;
	hears(w, has_refreshed);
}

static bool all_wait(struct world *w)
{
	struct store_leaver *list;
	size_t n;
	OK(store_leaving(w->r->f.store, w->r->f.arena, &list, &n, &w->r->f.e));
	return n == VANISH;
}

/* The same while the subscription stands: no refresh has looked at the sentinel since. */
static void told_gone(struct world *w)
{
	OK(slapd_ldif(&w->server, GONE_FROM_TEAM));
	hears(w, all_wait);
}

/* The server was started without the schema of the attribute that entitles them. */
static void schema_lost(struct world *w)
{
	conf(w, "company", NULL);
	hears(w, has_refreshed);
}

/* Their container is on another server now, and a referral stands in its place. */
static void elsewhere(struct world *w)
{
	OK(slapd_ldif(&w->server, "dn: " TEAM "\nchangetype: modrdn\nnewrdn: ou=team\ndeleteoldrdn: 0\nnewsuperior: ou=alumni," SLAPD_SUFFIX
		"\n\ndn: " TEAM "\nchangetype: add\nobjectClass: referral\nobjectClass: extensibleObject\nou: team\n"
		"ref: ldap://127.0.0.1:9/" TEAM "\n"));
	w->sentinels[0] = "uid=stays," BERLIN;
	refreshes(w);
}

/* A whole branch, that no sentinel stands for: the one case that is for the brake to see. */
static void branch_empty(struct world *w)
{
	w->r->settings.directory.dir.sentinel_count = w->dir.sentinel_count = 0;
	conf(w, NULL, "access to dn.children=\"" BERLIN "\" by * none\n");
	hears(w, has_refreshed);
}

static void meets(void **state, void (*fault)(struct world *), const char *bug)
{
	struct world w = { 0 };
	failpoint_plant(bug);
	open_world(&w, state);
	w.r->f.time.now_ms += 1000;
	hears(&w, has_refreshed);
	assert_int_equal(suspended(&w), 0);
	fault(&w);
	one_leaves(&w);
	hours_go_by(&w);
	unsigned n = suspended(&w);
	close_world(&w);
	failpoint_plant(NULL);
	assert_int_equal(n, bug ? 1 + VANISH : 1);
}

static void branch_empty_and_nobody_leaves(void **state) { meets(state, branch_empty, NULL); }
#define FAULT(fault) \
	static void fault##_and_nobody_leaves(void **state) { meets(state, fault, NULL); } \
	static void fault##_without_the_gate(void **state) { meets(state, fault, "gate-off"); }
FAULT(hidden)
FAULT(restored)
FAULT(told_gone)
FAULT(schema_lost)
FAULT(elsewhere)
#define BOTH(fault) RIG(fault##_and_nobody_leaves), RIG(fault##_without_the_gate)

int main(void)
{
	/* Doubts are told here on purpose. */
	log_open(getenv("LOG") ? LOG_DEBUG_LEVEL : (enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		BOTH(hidden), BOTH(restored), BOTH(told_gone), BOTH(schema_lost), BOTH(elsewhere),
		RIG(branch_empty_and_nobody_leaves),
	};
	return cmocka_run_group_tests_name("vanish_few", tests, NULL, NULL);
}
