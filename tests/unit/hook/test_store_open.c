/* Opening: whose file it is, how old, in what state; and how fast the store is once open. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "common/failpoint.h"
#include "tests/unit/hook/store_fixture.h"

/* A store as version 1 made it, frozen: steps that were released do not change. */
static const char version_1[] =
	"PRAGMA journal_mode = WAL;"
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE people (id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, dn TEXT, login TEXT NOT NULL COLLATE NOCASE,"
	" mail TEXT, display TEXT, profile TEXT, uid_number INTEGER NOT NULL, certificate BLOB, csn TEXT, hash TEXT NOT NULL,"
	" signal INTEGER NOT NULL, reason TEXT, due_ms INTEGER NOT NULL, signal_ms INTEGER NOT NULL,"
	" weak_since_ms INTEGER NOT NULL, generation INTEGER NOT NULL) STRICT;"
	"CREATE INDEX people_login ON people(login);"
	"CREATE INDEX people_weak ON people(weak_since_ms) WHERE weak_since_ms > 0;"
	"CREATE INDEX people_new ON people(generation) WHERE generation = 0;"
	"CREATE INDEX people_due ON people(due_ms) WHERE due_ms > 0;"
	"CREATE TABLE accounts (id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, generation INTEGER NOT NULL, stage INTEGER NOT NULL,"
	" since_ms INTEGER NOT NULL, retire_after_ms INTEGER NOT NULL, cut_strong INTEGER NOT NULL, cut_csn TEXT,"
	" cut_ms INTEGER NOT NULL, hold_reason TEXT, complete INTEGER NOT NULL, lane INTEGER NOT NULL,"
	" due_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, trouble_kind INTEGER NOT NULL, trouble TEXT,"
	" sweep_ms INTEGER NOT NULL, owner INTEGER NOT NULL, want INTEGER NOT NULL, took INTEGER NOT NULL,"
	" placement TEXT, found TEXT, UNIQUE (uuid, generation)) STRICT;"
	"CREATE INDEX accounts_queue ON accounts(lane, due_ms) WHERE owner = 0;"
	"CREATE INDEX accounts_taken ON accounts(lane) WHERE owner <> 0;"
	"CREATE INDEX accounts_stage ON accounts(stage, retire_after_ms);"
	"CREATE INDEX accounts_trouble ON accounts(trouble_kind) WHERE trouble_kind <> 0;"
	"CREATE TABLE intents (id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, row INTEGER NOT NULL,"
	" action INTEGER NOT NULL, attempt INTEGER NOT NULL, token TEXT NOT NULL, written_ms INTEGER NOT NULL,"
	" state INTEGER NOT NULL) STRICT;"
	"CREATE INDEX intents_open ON intents(account_id, row) WHERE state = 0;"
	"CREATE TABLE secrets (account_id INTEGER NOT NULL, kind INTEGER NOT NULL, id TEXT NOT NULL, sealed BLOB NOT NULL,"
	" kept_ms INTEGER NOT NULL, PRIMARY KEY (account_id, kind, id)) STRICT;"
	"PRAGMA application_id = 1383033964; PRAGMA user_version = 1;"
	"INSERT INTO meta VALUES ('installation', 'old-one');"
	"INSERT INTO people VALUES (1, x'00000001e81311f19271ca710d083b6f', 'uid=user1,dc=example', 'user1', NULL, 'User 1', 'standard',"
	" 10001, NULL, NULL, '0000000000000001', 1, NULL, 0, 1764000000000, 0, 1);"
	"INSERT INTO accounts VALUES (4, x'00000001e81311f19271ca710d083b6f', 1, 2, 1764000000000, 0, 0, NULL, 0, NULL, 1, 2,"
	" 1764000000000, 0, 0, NULL, 0, 3, 5, 5, '{}', '{\"uin\":\"1\"}');"
	"INSERT INTO intents VALUES (9, 4, 2, 5, 1, 'tok', 1764000000000, 0);"
	"INSERT INTO secrets VALUES (4, 1, 'AKID', x'616263', 1764000000000);";

/* What made version 2 of it, frozen too. */
static const char to_version_2[] =
	"ALTER TABLE people ADD COLUMN note TEXT;"
	"CREATE TABLE outbox (account_id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, payload TEXT NOT NULL, digest TEXT NOT NULL,"
	" pending INTEGER NOT NULL, due_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, trouble TEXT) STRICT;"
	"CREATE INDEX outbox_due ON outbox(due_ms) WHERE pending = 1;"
	"CREATE TABLE departures (when_ms INTEGER NOT NULL, uuid BLOB NOT NULL) STRICT;"
	"CREATE INDEX departures_when ON departures(when_ms);"
	"PRAGMA user_version = 2;"
	"UPDATE accounts SET hold_reason = 'asked by security';"
	"INSERT INTO departures VALUES (1764000000000, x'00000001e81311f19271ca710d083b6f');";

/* And version 3. */
static const char to_version_3[] =
	"ALTER TABLE accounts ADD COLUMN verify_ms INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX accounts_verify ON accounts(verify_ms) WHERE verify_ms > 0;"
	"CREATE INDEX accounts_hold ON accounts(stage) WHERE hold_reason IS NOT NULL;"
	"CREATE TABLE holds (when_ms INTEGER NOT NULL, uuid BLOB NOT NULL) STRICT;"
	"CREATE INDEX holds_when ON holds(when_ms);"
	"PRAGMA user_version = 3;"
	"INSERT INTO holds VALUES (1763999999999, x'00000001e81311f19271ca710d083b6f');";

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;
	OK(sqlite3_open(path, &db));
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	OK(sqlite3_close(db));
}

static int64_t number(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *q;
	OK(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL));
	OK(sqlite3_prepare_v2(db, sql, -1, &q, NULL));
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	int64_t v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return v;
}

static void refused(struct fixture *f, int kind, const char *because)
{
	struct store *s = NULL;
	assert_int_equal(store_open(f->path, &f->clock, &s, &f->e), kind);
	assert_null(s);
	if (!strstr(f->e.text, because))
		fail_msg("\"%s\" does not say \"%s\"", f->e.text, because);
	assert_non_null(strstr(f->e.text, f->path));
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* --- migration ----------------------------------------------------------------------------------------- */

static void all_of_version_1_is_there(struct fixture *f)
{
	struct store_person p;
	struct store_account a;
	struct store_intent *i;
	unsigned char *sealed;
	char *value;
	size_t n;
	OK(store_meta_get(f->store, "installation", f->arena, &value, &f->e));
	assert_string_equal(value, "old-one");
	OK(store_person_find(f->store, "user1", f->arena, &p, &f->e));
	assert_string_equal(p.profile, "standard");
	assert_null(p.note);
	OK(store_account_get(f->store, p.uuid, 0, f->arena, &a, &f->e));
	assert_int_equal(a.id, 4);
	assert_string_equal(a.found, "{\"uin\":\"1\"}");
	OK(store_intents(f->store, 4, -1, f->arena, &i, &n, &f->e));
	assert_int_equal(n, 1);
	assert_string_equal(i[0].token, "tok");
	OK(store_secret_get(f->store, 4, 1, "AKID", f->arena, &sealed, &n, &f->e));
	assert_memory_equal(sealed, "abc", 3);
	/* It has people, so its first start is long over. */
	OK(store_meta_get(f->store, "started", f->arena, &value, &f->e));
	assert_non_null(value);
	assert_string_equal(p.branch, "");
	/* And what version 1 did not have works. */
	p.note = "noted";
	OK(store_person_put(f->store, &p, &f->e));
	struct store_letter l = { .account_id = 4, .payload = "{}" };
	strcpy(l.uuid, p.uuid);
	OK(store_letter_put(f->store, &l, &f->e));
	OK(store_act_add(f->store, ACT_KIND_DEPARTURE, p.uuid, "", NOW, 0, &f->e));
	/* Nor version 2. */
	int64_t count;
	assert_int_equal(a.verify_ms, 0);
	OK(store_verify(f->store, p.uuid, STAGE_ACTIVE, NOW, &count, &f->e));
	assert_int_equal(count, 1);
	OK(store_act_add(f->store, ACT_KIND_HOLD, p.uuid, "", NOW, 0, &f->e));
	OK(store_acts(f->store, ACT_KIND_HOLD, NULL, NOW, &count, NULL, &f->e));
	assert_int_equal(count, 1);
}

static void an_older_store_is_migrated(void **state)
{
	struct fixture *f = *state;
	run_sql(f->path, version_1);
	fixture_open(f);
	all_of_version_1_is_there(f);
	fixture_reopen(f);
	struct store_person p;
	OK(store_person_find(f->store, "user1", f->arena, &p, &f->e));
	assert_string_equal(p.note, "noted");
}

static void a_store_of_version_3_is_migrated(void **state)
{
	struct fixture *f = *state;
	struct store_account a;
	int64_t departures, holds;
	run_sql(f->path, version_1);
	run_sql(f->path, to_version_2);
	run_sql(f->path, to_version_3);
	fixture_open(f);
	OK(store_acts(f->store, ACT_KIND_DEPARTURE, NULL, NOW, &departures, NULL, &f->e));
	assert_int_equal(departures, 1);          /* what a brake counts is not forgotten by an update */
	OK(store_acts(f->store, ACT_KIND_HOLD, NULL, NOW - 1, &holds, NULL, &f->e));
	assert_int_equal(holds, 1);
	OK(store_account_by_id(f->store, 4, f->arena, &a, &f->e));
	assert_string_equal(a.hold_reason, "asked by security");
	all_of_version_1_is_there(f);
	fixture_reopen(f);
	OK(store_account_by_id(f->store, 4, f->arena, &a, &f->e));
	assert_int_equal(a.verify_ms, NOW);
}

static void die_before_commit(const char *name)
{
	if (strcmp(name, "store.commit.before") == 0)
		_exit(9);
}

static void a_migration_that_is_killed_starts_again(void **state)
{
	struct fixture *f = *state;
	int status;
	run_sql(f->path, version_1);
	pid_t child = fork();
	if (child == 0) {
		failpoint_set(die_before_commit);
		_exit(store_open(f->path, &f->clock, &f->store, &f->e) < 0 ? 1 : 2);
	}
	waitpid(child, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 9);
	assert_int_equal(number(f->path, "PRAGMA user_version"), 1);
	fixture_open(f);
	all_of_version_1_is_there(f);
}

static void a_migrated_store_equals_a_new_one(void **state)
{
	struct fixture *f = *state;
	static const char shape[] = "SELECT sum(length(name)) + count(*) * 1000 +"
		" (SELECT sum(length(replace(sql, ' ', ''))) FROM sqlite_schema WHERE type = 'index') FROM sqlite_schema";
	static const char columns[] = "SELECT sum(length(p.name)) + count(*) * 1000 FROM sqlite_schema t, pragma_table_info(t.name) p";
	fixture_open(f);
	store_close(f->store);
	f->store = NULL;
	int64_t new_shape = number(f->path, shape), new_columns = number(f->path, columns);
	fixture_remove(f);
	for (int version = 1; version <= 2; version++) {
		run_sql(f->path, version_1);
		if (version == 2)
			run_sql(f->path, to_version_2);
		fixture_open(f);
		store_close(f->store);
		f->store = NULL;
		assert_int_equal(number(f->path, shape), new_shape);
		assert_int_equal(number(f->path, columns), new_columns);
		fixture_remove(f);
	}
}

static void a_newer_store_is_refused(void **state)
{
	struct fixture *f = *state;
	char sql[64];
	fixture_open(f);
	store_close(f->store);
	f->store = NULL;
	int64_t version = number(f->path, "PRAGMA user_version");
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %" PRId64, version + 1);
	run_sql(f->path, sql);
	refused(f, ERR_INPUT, "used by a newer one");
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %" PRId64, version);
	run_sql(f->path, sql);
	fixture_open(f);
}

/* --- other people's and damaged files ------------------------------------------------------------------- */

static void what_is_no_store_is_refused(void **state)
{
	struct fixture *f = *state;
	char text[4096];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	write_file(f->path, text);
	refused(f, ERR_INPUT, "is not a database");
	unlink(f->path);
	run_sql(f->path, "CREATE TABLE cats (name TEXT)");
	refused(f, ERR_INPUT, "of another program");
	assert_int_equal(number(f->path, "SELECT count(*) FROM sqlite_schema"), 1);
	fixture_remove(f);
	OK(mkdir(f->path, 0700));
	refused(f, ERR_INPUT, "could not be opened");
	rmdir(f->path);
	OK(symlink("/dev/null", f->path));
	refused(f, ERR_INPUT, "could not be opened");
	unlink(f->path);
	OK(mkfifo(f->path, 0600));
	refused(f, ERR_INPUT, "is not a regular file");
	unlink(f->path);
	char path[sizeof(f->path)];
	strcpy(path, f->path);
	snprintf(f->path, sizeof(f->path), "%s/no/store.db", f->folder);
	refused(f, ERR_INPUT, "No such file");
	strcpy(f->path, path);
}

static void a_damaged_store_says_so(void **state)
{
	struct fixture *f = *state;
	fixture_open(f);
	for (unsigned i = 1; i < 2000; i++)
		account_of(f, i, LANE_JOIN, NOW);
	store_close(f->store);
	f->store = NULL;
	int fd = open(f->path, O_WRONLY);
	char junk[3000];
	memset(junk, 0xa5, sizeof(junk));
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 40 * 4096), sizeof(junk));
	close(fd);
	refused(f, ERR_INPUT, "is damaged");
	assert_non_null(strstr(f->e.text, "move it away"));
}

static void its_files_are_for_the_owner_alone(void **state)
{
	struct fixture *f = *state;
	static const char *const endings[] = { "", "-wal", "-shm" };
	mode_t old = umask(0);
	fixture_open(f);
	account_of(f, 1, LANE_JOIN, NOW);
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		char path[128];
		struct stat st;
		snprintf(path, sizeof(path), "%s%s", f->path, endings[i]);
		OK(stat(path, &st));
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	/* One that somebody opened to the world is closed again. */
	store_close(f->store);
	f->store = NULL;
	OK(chmod(f->path, 0644));
	fixture_open(f);
	struct stat st;
	OK(stat(f->path, &st));
	assert_int_equal(st.st_mode & 0777, 0600);
	umask(old);
}

static void a_store_has_one_daemon(void **state)
{
	struct fixture *f = *state;
	int status;
	fixture_open(f);
	pid_t child = fork();
	if (child == 0) {
		struct store *s = NULL;
		int r = store_open(f->path, &f->clock, &s, &f->e);
		_exit(r == ERR_TEMP && strstr(f->e.text, "in use by another") ? 7 : 1);
	}
	waitpid(child, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 7);
	fixture_reopen(f);
}

static void what_was_committed_survives_a_kill(void **state)
{
	struct fixture *f = *state;
	int status;
	struct store_person p;
	pid_t child = fork();
	if (child == 0) {
		fixture_open(f);
		for (unsigned i = 1; i <= 20; i++) {
			p = person_of(i, f->arena);
			OK(store_person_put(f->store, &p, &f->e));
		}
		OK(store_begin(f->store, &f->e));
		p = person_of(99, f->arena);
		OK(store_person_put(f->store, &p, &f->e));
		_exit(9);
	}
	waitpid(child, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 9);
	fixture_open(f);
	struct store_counts c;
	OK(store_counts(f->store, &c, &f->e));
	assert_int_equal(c.people, 20);
}

/* --- speed: bounds that fail when an index or a batch is lost, and not when the machine is slow ---------- */

/* Of the processor: what else the machine does is nobody's fault here. */
static double seconds(clock_t since) { return (double)(clock() - since) / CLOCKS_PER_SEC; }

static void put_everybody(struct fixture *f, unsigned count)
{
	for (unsigned done = 0; done < count;) {
		OK(store_begin(f->store, &f->e));
		for (unsigned i = 0; i < 2500; i++, done++) {
			/* As a directory gives them: in no order. */
			struct store_person p = person_of((unsigned)(done * 2654435761u), f->arena);
			OK(store_person_put(f->store, &p, &f->e));
		}
		OK(store_commit(f->store, &f->e));
		arena_reset(f->arena);
	}
}

static void a_hundred_thousand_people(void **state)
{
	struct fixture *f = *state;
	unsigned char (*uuids)[16];
	size_t n;
	fixture_open(f);
	clock_t t = clock();
	put_everybody(f, 100000);
	double fresh = seconds(t);
	t = clock();
	put_everybody(f, 100000);
	double again = seconds(t);
	t = clock();
	OK(store_people_uuids(f->store, &uuids, &n, &f->e));
	double uuid_list = seconds(t);
	assert_int_equal(n, 100000);
	free(uuids);
	t = clock();
	fixture_reopen(f);
	print_message("  100,000 people: new %.2f s, again %.2f s, UUIDs %.3f s, opening %.2f s\n", fresh, again, uuid_list,
		seconds(t));
#ifndef __SANITIZE_ADDRESS__
	assert_true(fresh < 16 && again < 16 && uuid_list < 4);
#endif
}

/* Microseconds of the processor for one account to be taken and given back. */
static double pair_us(struct fixture *f, int pairs)
{
	clock_t t = clock();
	for (int i = 0; i < pairs; i++) {
		struct store_account a;
		arena_reset(f->arena);
		OK(take(f, ALL_LANES, 1, &a));
		a.due_ms = NOW + 100000 + i;
		OK(store_give_back(f->store, &a, 1, &f->e));
		if (i % 100 == 0)
			OK(store_account_wake(f->store, a.id, LANE_REVOKE, NOW, &f->e));
	}
	return seconds(t) * 1e6 / pairs;
}

static void add_accounts(struct fixture *f, unsigned first, unsigned last)
{
	OK(store_begin(f->store, &f->e));
	for (unsigned i = first; i <= last; i++) {
		account_of(f, i, i % 2 ? LANE_JOIN : LANE_AUDIT, i % 4 == 1 ? NOW - (int64_t)i : NOW + (int64_t)i);
		if (i % 1000 == 0)
			arena_reset(f->arena);
	}
	OK(store_commit(f->store, &f->e));
}

static void taking_is_one_look_up_whatever_the_number(void **state)
{
	struct fixture *f = *state;
	enum { FEW = 1000, MANY = 20000 };
	fixture_open(f);
	add_accounts(f, 1, FEW);
	double few = pair_us(f, FEW / 5);
	add_accounts(f, FEW + 1, MANY);
	double many = pair_us(f, MANY / 5);
	print_message("  take and give back: %.0f us among %d accounts, %.0f us among %d\n", few, FEW, many, MANY);
	assert_true(many < 6 * few);
	clock_t t = clock();
	for (int i = 0; i < 100; i++) {
		struct store_counts counts;
		OK(store_counts(f->store, &counts, &f->e));
	}
	print_message("  counts: %.1f ms\n", seconds(t) * 10);
}

#define OPEN_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_folder, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPEN_TEST(an_older_store_is_migrated),
		OPEN_TEST(a_store_of_version_3_is_migrated),
		OPEN_TEST(a_migration_that_is_killed_starts_again),
		OPEN_TEST(a_migrated_store_equals_a_new_one),
		OPEN_TEST(a_newer_store_is_refused),
		OPEN_TEST(what_is_no_store_is_refused),
		OPEN_TEST(a_damaged_store_says_so),
		OPEN_TEST(its_files_are_for_the_owner_alone),
		OPEN_TEST(a_store_has_one_daemon),
		OPEN_TEST(what_was_committed_survives_a_kill),
		OPEN_TEST(a_hundred_thousand_people),
		OPEN_TEST(taking_is_one_look_up_whatever_the_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
