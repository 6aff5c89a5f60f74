/* Whose grace is over; how far the store's own memory of time reaches, and what follows when the wall clock is set back. */
#include "hook/store/sqlite.h"
#include "ldap/person.h"
#include "policies/stage.h"

/* What a rebuilt store took from the cloud, and no entry names, needs a word before it is taken down. */
#define APPROVED " AND NOT EXISTS (SELECT 1 FROM frozen f WHERE f.uuid = a.uuid AND f.kind = 5 AND f.state <> 1)"

#define FIELD(type, name) { type, offsetof(struct store_retiring, name), 0 }

/* In the order of the SELECT. */
static const struct column columns[] = {
	FIELD(COLUMN_INT64, account_id), FIELD(COLUMN_UUID, uuid), FIELD(COLUMN_UNSIGNED, generation), FIELD(COLUMN_TEXT, login),
	FIELD(COLUMN_TEXT, dn), FIELD(COLUMN_TEXT, note), FIELD(COLUMN_INT64, retire_after_ms),
	FIELD(COLUMN_BOOL, is_protected),
};
static const struct record_type retiring_type = { columns, ARRAY_LEN(columns), sizeof(struct store_retiring) };

int store_retiring(struct store *s, int64_t now_ms, const struct store_retiring *after, size_t max, struct arena *arena,
	struct store_retiring **out, size_t *count, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT a.id, a.uuid, a.generation, p.login, p.dn, p.note, a.retire_after_ms, p.is_protected"
		" FROM accounts a"
		" JOIN people p ON p.uuid = a.uuid AND p.generation = a.generation WHERE a.stage = ?1 AND a.retire_after_ms > 0"
		" AND a.retire_after_ms <= ?2 AND (a.retire_after_ms, a.id) > (?3, ?4)" APPROVED
		" ORDER BY a.retire_after_ms, a.id LIMIT ?5");
	db_int(&q, STAGE_SUSPENDED);
	db_int(&q, now_ms);
	db_int(&q, after ? after->retire_after_ms : 0);
	db_int(&q, after ? after->account_id : 0);
	db_int(&q, (int64_t)max);
	return db_read_end(s, db_all(&q, &retiring_type, arena, out, count, e));
}

static int number(struct store *s, const char *sql, int argument, int64_t now_ms, int64_t *out, struct err *e)
{
	int64_t n = 0;
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, sql);
	if (argument >= 0) {
		db_int(&q, argument);
		db_int(&q, now_ms);
	}
	if (db_row(&q))
		n = db_get_int(&q, 0);
	r = db_end(&q, e);
	if (r == 0)
		*out = n;
	return db_read_end(s, r);
}

int store_retiring_count(struct store *s, int64_t now_ms, int64_t *count, struct err *e)
{
	return number(s, "SELECT count(*) FROM accounts a JOIN people p ON p.uuid = a.uuid AND p.generation = a.generation"
		" WHERE a.stage = ? AND a.retire_after_ms > 0 AND a.retire_after_ms <= ? AND p.is_protected = 0" APPROVED,
		STAGE_SUSPENDED, now_ms, count, e);
}

/* When a row of his was last seen as it must be (cloud/account.h). */
#define WALKED "coalesce((SELECT max(CAST(value AS INTEGER)) FROM" \
	" json_each(iif(json_valid(found), found, '{}'), '$.verified_ms')), 0)"

#define KEY_MADE "json_extract(found, '$.key_created_ms')"

int store_newest(struct store *s, int64_t *when_ms, struct err *e)
{
	return number(s, "SELECT max((SELECT coalesce(max(since_ms), 0) FROM accounts), (SELECT coalesce(max(cut_ms), 0) FROM accounts),"
		" (SELECT coalesce(max(signal_ms), 0) FROM people), (SELECT coalesce(max(when_ms), 0) FROM acts),"
		" (SELECT coalesce(max(written_ms), 0) FROM intents), (SELECT coalesce(max(" WALKED "), 0) FROM accounts"
		" WHERE due_ms < 9223372036854775807))",
		-1, 0, when_ms, e);
}

/* A moment that was written down: as it would have been written by this clock, and not after now. */
#define BACK(column) "iif(" column " > ?1, max(1, min(?1, " column " - ?2)), " column ")"
#define ENTITLED "1"
_Static_assert(SIGNAL_ENTITLED == 1, "as the statement below has it");

int store_clock_back(struct store *s, int64_t by_ms, int64_t now_ms, struct err *e)
{
	static const char *const moves[] = {
		"UPDATE accounts SET due_ms = iif(" WALKED " > ?1, ?1, max(?1, due_ms - ?2))"
		" WHERE due_ms > ?1 AND due_ms < 9223372036854775807",
		/* A key that was made by that clock is as old as it is, and the one before it has no longer than it had. */
		"UPDATE accounts SET found = json_replace(found, '$.key_created_ms', max(1, min(?1, " KEY_MADE " - ?2)),"
		" '$.old_key_until_ms', json_extract(found, '$.old_key_until_ms') - ?2)"
		" WHERE iif(json_valid(found), " KEY_MADE ", 0) > ?1",
		"UPDATE accounts SET cut_ms = max(1, min(?1, cut_ms - ?2)) WHERE cut_ms > ?1",
		"UPDATE accounts SET verify_ms = max(1, min(?1, verify_ms - ?2)) WHERE verify_ms > ?1",
		"UPDATE accounts SET sweep_ms = max(?1, sweep_ms - ?2) WHERE sweep_ms > ?1",
		/* Who is in a worker's hand was read before: what that walk makes of its moments is not written over these. */
		"UPDATE accounts SET want = want + 1 WHERE owner <> 0 AND ?1 > 0 AND ?2 > 0",
		"UPDATE people SET signal_ms = " BACK("signal_ms") " WHERE signal_ms > ?1",
		"UPDATE people SET weak_since_ms = max(1, min(?1, weak_since_ms - ?2)) WHERE weak_since_ms > ?1",
		"UPDATE intents SET written_ms = max(1, min(?1, written_ms - ?2)) WHERE written_ms > ?1",
		"UPDATE outbox SET due_ms = max(?1, due_ms - ?2) WHERE pending = 1 AND due_ms > ?1",
		/* Both say since when he is in his stage, and are compared. */
		"UPDATE accounts SET since_ms = " BACK("since_ms") " WHERE since_ms > ?1",
		"UPDATE offboardings SET seen_ms = " BACK("seen_ms") ", key_off_ms = " BACK("key_off_ms")
		", console_off_ms = " BACK("console_off_ms") ", barrier_ms = " BACK("barrier_ms") ", cut_ms = " BACK("cut_ms")
		" WHERE seen_ms > ?1",
		/* An approval holds for a day, and what a brake counts is in its window, however long the clock was ahead. */
		"UPDATE acts SET when_ms = " BACK("when_ms") " WHERE when_ms > ?1",
		("UPDATE frozen SET decided_ms = " BACK("decided_ms") ", list_ms = iif(list_ms > ?1, max(1, list_ms - ?2), list_ms)"
		" WHERE decided_ms > ?1 OR list_ms > ?1"),
		/* He waits for a name, or for the source; a date of the directory's is another matter. */
		"UPDATE people SET due_ms = max(?1, due_ms - ?2) WHERE due_ms > ?1 AND signal = " ENTITLED,
	};
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(moves); i++) {
		struct query q = db_query(s, moves[i]);
		db_int(&q, now_ms);
		db_int(&q, by_ms);
		r = db_run(&q, e);
	}
	return db_write_end(s, r, e);
}
