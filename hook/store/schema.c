/* The schema as a list of steps; PRAGMA user_version counts the steps that a file has had.  A step that was
 * released is never edited: what has to change comes as a further step. */
#include <inttypes.h>
#include <stdio.h>

#include "hook/store/sqlite.h"

#define APPLICATION_ID 1383033964       /* "Roll": tells `file` and us whose database it is */

/* UUIDs are 16 bytes, moments milliseconds since 1970.  Logins compare without ASCII case, as uid does in LDAP.
 * The queue is accounts_queue: one index entry per waiting account, so that a lane's most urgent one is the
 * first entry of its range. */
static const char *const steps[] = {
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

	"CREATE TABLE people ("
	"  id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, dn TEXT, login TEXT NOT NULL COLLATE NOCASE, mail TEXT,"
	"  display TEXT, profile TEXT, uid_number INTEGER NOT NULL, certificate BLOB, csn TEXT, hash TEXT NOT NULL,"
	"  signal INTEGER NOT NULL, reason TEXT, due_ms INTEGER NOT NULL, signal_ms INTEGER NOT NULL,"
	"  weak_since_ms INTEGER NOT NULL, generation INTEGER NOT NULL) STRICT;"
	"CREATE INDEX people_login ON people(login);"
	"CREATE INDEX people_weak ON people(weak_since_ms) WHERE weak_since_ms > 0;"
	"CREATE INDEX people_new ON people(generation) WHERE generation = 0;"
	"CREATE INDEX people_due ON people(due_ms) WHERE due_ms > 0;"

	"CREATE TABLE accounts ("
	"  id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, generation INTEGER NOT NULL, stage INTEGER NOT NULL,"
	"  since_ms INTEGER NOT NULL, retire_after_ms INTEGER NOT NULL, cut_strong INTEGER NOT NULL, cut_csn TEXT,"
	"  cut_ms INTEGER NOT NULL, hold_reason TEXT, complete INTEGER NOT NULL, lane INTEGER NOT NULL,"
	"  due_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, trouble_kind INTEGER NOT NULL, trouble TEXT,"
	"  sweep_ms INTEGER NOT NULL, owner INTEGER NOT NULL, want INTEGER NOT NULL, took INTEGER NOT NULL,"
	"  placement TEXT, found TEXT, UNIQUE (uuid, generation)) STRICT;"
	"CREATE INDEX accounts_queue ON accounts(lane, due_ms) WHERE owner = 0;"
	"CREATE INDEX accounts_taken ON accounts(lane) WHERE owner <> 0;"
	"CREATE INDEX accounts_stage ON accounts(stage, retire_after_ms);"
	"CREATE INDEX accounts_trouble ON accounts(trouble_kind) WHERE trouble_kind <> 0;"

	"CREATE TABLE intents ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, row INTEGER NOT NULL, action INTEGER NOT NULL,"
	"  attempt INTEGER NOT NULL, token TEXT NOT NULL, written_ms INTEGER NOT NULL, state INTEGER NOT NULL) STRICT;"
	"CREATE INDEX intents_open ON intents(account_id, row) WHERE state = 0;"

	"CREATE TABLE secrets ("
	"  account_id INTEGER NOT NULL, kind INTEGER NOT NULL, id TEXT NOT NULL, sealed BLOB NOT NULL,"
	"  kept_ms INTEGER NOT NULL, PRIMARY KEY (account_id, kind, id)) STRICT;",

	"ALTER TABLE people ADD COLUMN note TEXT;"

	"CREATE TABLE outbox ("
	"  account_id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, payload TEXT NOT NULL, digest TEXT NOT NULL,"
	"  pending INTEGER NOT NULL, due_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, trouble TEXT) STRICT;"
	"CREATE INDEX outbox_due ON outbox(due_ms) WHERE pending = 1;"

	"CREATE TABLE departures (when_ms INTEGER NOT NULL, uuid BLOB NOT NULL) STRICT;"
	"CREATE INDEX departures_when ON departures(when_ms);",

	"ALTER TABLE accounts ADD COLUMN verify_ms INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX accounts_verify ON accounts(verify_ms) WHERE verify_ms > 0;"
	"CREATE INDEX accounts_hold ON accounts(stage) WHERE hold_reason IS NOT NULL;"

	"CREATE TABLE holds (when_ms INTEGER NOT NULL, uuid BLOB NOT NULL) STRICT;"
	"CREATE INDEX holds_when ON holds(when_ms);",

	"CREATE TABLE offboardings ("
	"  uuid BLOB NOT NULL, generation INTEGER NOT NULL, changed_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL,"
	"  key_off_ms INTEGER NOT NULL, console_off_ms INTEGER NOT NULL, barrier_ms INTEGER NOT NULL,"
	"  cut_ms INTEGER NOT NULL, refused_ms INTEGER NOT NULL, given_up_ms INTEGER NOT NULL,"
	"  UNIQUE (uuid, generation)) STRICT;"
	"CREATE INDEX offboardings_seen ON offboardings(seen_ms);",

	"CREATE TABLE acts ("
	"  kind INTEGER NOT NULL, when_ms INTEGER NOT NULL, uuid BLOB NOT NULL, branch TEXT NOT NULL,"
	"  fen INTEGER NOT NULL) STRICT;"
	"CREATE INDEX acts_when ON acts(kind, when_ms, branch, fen);"
	"INSERT INTO acts SELECT 1, when_ms, uuid, '', 0 FROM departures;"
	"INSERT INTO acts SELECT 2, when_ms, uuid, '', 0 FROM holds;"
	"DROP TABLE departures; DROP TABLE holds;"

	"CREATE TABLE frozen ("
	"  uuid BLOB NOT NULL, kind INTEGER NOT NULL, list_ms INTEGER NOT NULL, branch TEXT NOT NULL, why TEXT,"
	"  fen INTEGER NOT NULL, firm INTEGER NOT NULL, state INTEGER NOT NULL, decided_ms INTEGER NOT NULL,"
	"  UNIQUE (uuid, kind)) STRICT;"
	"CREATE INDEX frozen_list ON frozen(kind, state, list_ms);"

	"ALTER TABLE people ADD COLUMN branch TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE people ADD COLUMN is_protected INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE people ADD COLUMN solid INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX people_branch ON people(branch);"
	/* Whoever has people already has started before there was a question. */
	"INSERT OR IGNORE INTO meta SELECT 'started', 'before' WHERE EXISTS (SELECT 1 FROM people);",

	"ALTER TABLE frozen ADD COLUMN detail TEXT;",

	"ALTER TABLE accounts ADD COLUMN rotate_ms INTEGER NOT NULL DEFAULT 0;",

	"CREATE TABLE logins (uuid BLOB NOT NULL UNIQUE, last_ms INTEGER NOT NULL) STRICT;",

	"CREATE TABLE watches ("
	"  account_id INTEGER PRIMARY KEY, since_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL, asked_ms INTEGER NOT NULL,"
	"  own_ms INTEGER NOT NULL, own_before_ms INTEGER NOT NULL) STRICT;",
};

static int check_whose(struct store *s, int64_t version, struct err *e)
{
	int64_t id = 0, tables = 0;
	int r = db_number(s, "PRAGMA application_id", &id, e);
	if (r == 0)
		r = db_number(s, "SELECT count(*) FROM sqlite_schema", &tables, e);
	if (r < 0)
		return r;
	bool fresh = id == 0 && version == 0 && tables == 0;
	if (!fresh && id != APPLICATION_ID)
		return err_set(e, ERR_INPUT, "\"%s\" is a database of another program", db_path(s));
	if (version > (int64_t)ARRAY_LEN(steps))
		return err_set(e, ERR_INPUT, "store \"%s\" has schema %" PRId64 ", this Rollcall knows %zu: it was used by a newer one",
			db_path(s), version, ARRAY_LEN(steps));
	return 0;
}

static int take_step(struct store *s, int64_t version, struct err *e)
{
	char mark[96];
	snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %" PRId64, APPLICATION_ID, version + 1);
	int r = db_write(s, DB_DURABLE, e);
	if (r < 0)
		return r;
	r = db_exec(s, steps[version], e);
	if (r == 0)
		r = db_exec(s, mark, e);
	return db_write_end(s, r, e);
}

int db_migrate(struct store *s, struct err *e)
{
	int64_t version = 0;
	int r = db_number(s, "PRAGMA user_version", &version, e);
	if (r == 0)
		r = check_whose(s, version, e);
	for (; r == 0 && version < (int64_t)ARRAY_LEN(steps); version++)
		r = take_step(s, version, e);
	return r;
}
