/* Accounts, one per generation, and the queue that they are. */
#include <string.h>

#include "common/failpoint.h"
#include "hook/store/sqlite.h"

#define FIELD(type, name) { type, offsetof(struct store_account, name), 0 }

/* In the order of COLUMNS. */
static const struct column columns[] = {
	FIELD(COLUMN_INT64, id), FIELD(COLUMN_UUID, uuid), FIELD(COLUMN_UNSIGNED, generation), FIELD(COLUMN_INT, stage),
	FIELD(COLUMN_INT64, since_ms), FIELD(COLUMN_INT64, retire_after_ms), FIELD(COLUMN_BOOL, cut_strong),
	FIELD(COLUMN_TEXT, cut_csn), FIELD(COLUMN_INT64, cut_ms), FIELD(COLUMN_TEXT, hold_reason), FIELD(COLUMN_BOOL, complete),
	FIELD(COLUMN_INT, lane), FIELD(COLUMN_INT64, due_ms), FIELD(COLUMN_UNSIGNED, attempts), FIELD(COLUMN_INT, trouble_kind),
	FIELD(COLUMN_TEXT, trouble), FIELD(COLUMN_INT64, sweep_ms), FIELD(COLUMN_INT, owner), FIELD(COLUMN_INT64, want),
	FIELD(COLUMN_INT64, took), FIELD(COLUMN_TEXT, placement), FIELD(COLUMN_TEXT, found),
	FIELD(COLUMN_INT64, verify_ms), FIELD(COLUMN_INT64, rotate_ms),
};
#define COLUMNS "id, uuid, generation, stage, since_ms, retire_after_ms, cut_strong, cut_csn, cut_ms, hold_reason, complete, " \
	"lane, due_ms, attempts, trouble_kind, trouble, sweep_ms, owner, want, took, placement, found, verify_ms, " \
	"rotate_ms"

static const struct record_type account_type = { columns, ARRAY_LEN(columns), sizeof(struct store_account) };

const char *lane_name(enum lane lane)
{
	static const char *const names[LANE_COUNT] = { "revoke", "tidy", "join", "audit" };
	return (unsigned)lane < LANE_COUNT ? names[lane] : "none";
}

/* --- making and reading -------------------------------------------------------------------------------- */

static int next_generation(struct store *s, const char *uuid, unsigned *out, struct err *e)
{
	struct query q = db_query(s, "SELECT generation FROM people WHERE uuid = ?");
	db_uuid(&q, uuid);
	bool there = db_row(&q);
	unsigned last = there ? (unsigned)db_get_int(&q, 0) : 0;
	int r = db_end(&q, e);
	if (r == 0 && !there)
		return err_set(e, ERR_ABSENT, "no such person");
	if (r == 0)
		*out = last + 1;
	return r;
}

static int has_generation(struct store *s, const struct store_account *a, bool *out, struct err *e)
{
	struct query q = db_query(s, "SELECT 1 FROM accounts WHERE uuid = ? AND generation = ?");
	db_uuid(&q, a->uuid);
	db_int(&q, a->generation);
	*out = db_row(&q);
	return db_end(&q, e);
}

static int insert(struct store *s, struct store_account *a, struct err *e)
{
	struct query p = db_query(s, "UPDATE people SET generation = max(generation, ?) WHERE uuid = ?");
	db_int(&p, a->generation);
	db_uuid(&p, a->uuid);
	int r = db_run(&p, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "INSERT INTO accounts (" COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
	/* A NULL in the place of the row id lets SQLite choose one. */
	db_text(&q, NULL);
	db_bind(&q, columns + 1, ARRAY_LEN(columns) - 1, a);
	r = db_run(&q, e);
	if (r == 0)
		a->id = db_last_id(s);
	return r;
}

int store_account_new(struct store *s, struct store_account *account, struct err *e)
{
	struct store_account a = *account;
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	a.owner = 0;
	a.want = a.took = 0;
	a.verify_ms = a.rotate_ms = 0;
	unsigned next = 0;
	r = next_generation(s, a.uuid, &next, e);
	if (r == 0 && a.generation == 0)
		a.generation = next;
	bool known = false;
	if (r == 0 && a.generation < next)
		r = has_generation(s, &a, &known, e);
	if (r == 0 && known)
		r = err_set(e, ERR_BUG, "generation %u of \"%s\" exists already", a.generation, a.uuid);
	if (r == 0)
		r = insert(s, &a, e);
	r = db_write_end(s, r, e);
	if (r == 0)
		*account = a;
	return r;
}

int store_account_get(struct store *s, const char *uuid, unsigned generation, struct arena *arena, struct store_account *out,
	struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM accounts WHERE uuid = ?1 AND generation ="
		" CASE ?2 WHEN 0 THEN (SELECT generation FROM people WHERE uuid = ?1) ELSE ?2 END");
	db_uuid(&q, uuid);
	db_int(&q, generation);
	return db_read_end(s, db_one(&q, &account_type, arena, out, "account", e));
}

static int by_id(struct store *s, int64_t id, struct arena *arena, struct store_account *out, struct err *e)
{
	struct query q = db_query(s, "SELECT " COLUMNS " FROM accounts WHERE id = ?");
	db_int(&q, id);
	return db_one(&q, &account_type, arena, out, "account", e);
}

int store_account_by_id(struct store *s, int64_t id, struct arena *arena, struct store_account *out, struct err *e)
{
	int r = db_read(s, e);
	return r < 0 ? r : db_read_end(s, by_id(s, id, arena, out, e));
}

int store_accounts_of(struct store *s, const char *uuid, struct arena *arena, struct store_account **out, size_t *count,
	struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM accounts WHERE uuid = ? ORDER BY generation");
	db_uuid(&q, uuid);
	return db_read_end(s, db_all(&q, &account_type, arena, out, count, e));
}

int store_accounts(struct store *s, int64_t after_id, size_t max, struct arena *arena, struct store_account **out,
	size_t *count, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM accounts WHERE id > ? ORDER BY id LIMIT ?");
	db_int(&q, after_id);
	db_int(&q, (int64_t)max);
	return db_read_end(s, db_all(&q, &account_type, arena, out, count, e));
}

int store_regions(struct store *s, struct arena *arena, char ***out, size_t *count, struct err *e)
{
	static const struct column text = { COLUMN_TEXT, 0, 0 };
	static const struct record_type type = { &text, 1, sizeof(char *) };
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT DISTINCT json_extract(placement, '$.region') AS region FROM accounts"
		" WHERE json_valid(placement) AND region IS NOT NULL");
	return db_read_end(s, db_all(&q, &type, arena, out, count, e));
}

int store_revocations(struct store *s, size_t max, struct arena *arena, struct store_account **out, size_t *count, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM accounts WHERE lane = ? ORDER BY due_ms LIMIT ?");
	db_int(&q, LANE_REVOKE);
	db_int(&q, (int64_t)max);
	return db_read_end(s, db_all(&q, &account_type, arena, out, count, e));
}

/* --- news ---------------------------------------------------------------------------------------------- */

/* One UPDATE of one account. */
static int change(struct store *s, struct query *q, const char *point, struct err *e)
{
	int r = db_run(q, e);
	if (r == 0 && db_changes(s) == 0)
		r = err_set(e, ERR_ABSENT, "no such account");
	r = db_write_end(s, r, e);
	if (r == 0)
		POINT(point);
	(void)point;
	return r;
}

int store_account_news(struct store *s, const struct store_account *a, struct err *e)
{
	POINT("store.news.before");
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	/* What was complete in another stage says nothing about this one. */
	struct query q = db_query(s, "UPDATE accounts SET complete = complete AND stage = ?1, stage = ?1, since_ms = ?2,"
		" retire_after_ms = ?3, cut_strong = ?4, cut_csn = ?5, cut_ms = ?6, hold_reason = ?7, placement = ?8, lane = ?9,"
		" due_ms = ?10, sweep_ms = ?11, want = want + 1, attempts = 0 WHERE id = ?12");
	db_int(&q, a->stage);
	db_int(&q, a->since_ms);
	db_int(&q, a->retire_after_ms);
	db_int(&q, a->cut_strong);
	db_text(&q, a->cut_csn);
	db_int(&q, a->cut_ms);
	db_text(&q, a->hold_reason);
	db_text(&q, a->placement);
	db_int(&q, a->lane);
	db_int(&q, a->due_ms);
	db_int(&q, a->sweep_ms);
	db_int(&q, a->id);
	return change(s, &q, "store.news.after", e);
}

int store_account_wake(struct store *s, int64_t id, int lane, int64_t due_ms, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	/* The lane of an account that has nothing to do means nothing. */
	struct query q = db_query(s, "UPDATE accounts SET want = want + 1, due_ms = min(due_ms, ?1),"
		" lane = CASE WHEN due_ms = 9223372036854775807 THEN ?2 ELSE min(lane, ?2) END WHERE id = ?3");
	db_int(&q, due_ms);
	db_int(&q, lane);
	db_int(&q, id);
	return change(s, &q, "store.wake.after", e);
}

/* The lane of an account that has nothing to do means nothing; any other is as urgent as an audit, or more. */
#define ASKED(column) "UPDATE accounts SET " column " = ?1, want = want + 1, due_ms = min(due_ms, ?1)," \
	" lane = CASE WHEN due_ms = 9223372036854775807 THEN ?2 ELSE lane END WHERE stage = ?3" \
	" AND generation = (SELECT generation FROM people WHERE people.uuid = accounts.uuid)"

static int asked(struct store *s, const char *sql, const char *uuid, int stage, int64_t now_ms, int64_t *count, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, sql);
	db_int(&q, now_ms);
	db_int(&q, LANE_AUDIT);
	db_int(&q, stage);
	if (uuid)
		db_uuid(&q, uuid);
	r = db_run(&q, e);
	int64_t n = r == 0 ? db_changes(s) : 0;
	if (r == 0 && uuid && n == 0)
		r = err_set(e, ERR_ABSENT, "no such account in this stage");
	r = db_write_end(s, r, e);
	if (r == 0)
		*count = n;
	return r;
}

int store_verify(struct store *s, const char *uuid, int stage, int64_t now_ms, int64_t *count, struct err *e)
{
	return asked(s, uuid ? ASKED("verify_ms") " AND uuid = ?4" : ASKED("verify_ms"), uuid, stage, now_ms, count, e);
}

int store_rotate(struct store *s, const char *uuid, int stage, int64_t now_ms, struct err *e)
{
	int64_t count;
	return asked(s, ASKED("rotate_ms") " AND uuid = ?4", uuid, stage, now_ms, &count, e);
}

int store_verified(struct store *s, int64_t asked_ms, int64_t after_id, size_t max, struct arena *arena,
	struct store_account **out, size_t *count, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	/* The second condition lets the index of those who were ever asked serve the first. */
	struct query q = db_query(s, "SELECT " COLUMNS " FROM accounts WHERE verify_ms = ? AND verify_ms > 0 AND id > ?"
		" AND generation = (SELECT generation FROM people WHERE people.uuid = accounts.uuid) ORDER BY id LIMIT ?");
	db_int(&q, asked_ms);
	db_int(&q, after_id);
	db_int(&q, (int64_t)max);
	return db_read_end(s, db_all(&q, &account_type, arena, out, count, e));
}

/* --- taking and giving back ---------------------------------------------------------------------------- */

int db_forget_owners(struct store *s, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "UPDATE accounts SET owner = 0 WHERE owner <> 0");
	return db_write_end(s, db_run(&q, e), e);
}

#define REVOKE_FURTHEST_MS 120000

/* The most urgent waiting account of a lane: the first entry of its range in accounts_queue. */
static int head_of(struct store *s, int lane, bool *there, int64_t *id, int64_t *due_ms, struct err *e)
{
	struct query q = db_query(s, "SELECT id, due_ms FROM accounts WHERE owner = 0 AND lane = ? ORDER BY due_ms, id LIMIT 1");
	db_int(&q, lane);
	*there = db_row(&q);
	if (*there) {
		*id = db_get_int(&q, 0);
		*due_ms = db_get_int(&q, 1);
	}
	return db_end(&q, e);
}

static int most_urgent(struct store *s, unsigned lanes, int64_t *id, int64_t *next_due_ms, struct err *e)
{
	int64_t now = db_now(s), next = INT64_MAX;
	for (int lane = 0; lane < LANE_COUNT; lane++) {
		bool there;
		int64_t due_ms;
		if (!(lanes & 1u << lane))
			continue;
		int r = head_of(s, lane, &there, id, &due_ms, e);
		/* Nobody who is to be cut waits this long: the clock was set back. */
		bool clock_went_back = lane == LANE_REVOKE && there && due_ms < INT64_MAX && due_ms > now + REVOKE_FURTHEST_MS;
		if (r < 0 || (there && due_ms <= now) || clock_went_back)
			return r;
		if (there && due_ms < next)
			next = due_ms;
	}
	*next_due_ms = next;
	return err_set(e, ERR_ABSENT, "nothing is due");
}

static int take(struct store *s, int64_t id, int worker, struct arena *arena, struct store_account *out, struct err *e)
{
	struct query q = db_query(s, "UPDATE accounts SET owner = ?, took = want WHERE id = ?");
	db_int(&q, worker);
	db_int(&q, id);
	int r = db_run(&q, e);
	return r < 0 ? r : by_id(s, id, arena, out, e);
}

int store_take(struct store *s, unsigned lanes, int worker, struct arena *arena, struct store_account *out,
	int64_t *next_due_ms, struct err *e)
{
	int64_t id = 0;
	struct store_account taken;
	/* Looking needs no write, so that idle workers and a full disk cost none. */
	int r = db_read(s, e);
	if (r < 0)
		return r;
	if (db_owners_stale(s)) {
		r = db_forget_owners(s, e);
		if (r < 0)
			return db_read_end(s, r);
		db_owners_fresh(s);
	}
	r = most_urgent(s, lanes, &id, next_due_ms, e);
	if (r == 0)
		r = db_write(s, DB_NORMAL, e);
	if (r == 0)
		r = db_write_end(s, take(s, id, worker, arena, &taken, e), e);
	if (r == 0)
		*out = taken;
	r = db_read_end(s, r);
	if (r == 0)
		POINT("store.take.after");
	return r;
}

int store_release(struct store *s, int64_t account_id, int worker, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "UPDATE accounts SET owner = 0, due_ms = min(due_ms, ?)"
		" WHERE id = ? AND owner = ? AND owner <> 0");
	db_int(&q, db_now(s));
	db_int(&q, account_id);
	db_int(&q, worker);
	return db_write_end(s, db_run(&q, e), e);
}

int store_may_act(struct store *s, int64_t account_id, int worker, struct err *e)
{
	int r = db_read(s, e);
	return r < 0 ? r : db_read_end(s, db_fence(s, account_id, worker, e));
}

int db_fence(struct store *s, int64_t account_id, int worker, struct err *e)
{
	struct query q = db_query(s, "SELECT owner, want = took FROM accounts WHERE id = ?");
	db_int(&q, account_id);
	bool there = db_row(&q);
	int64_t owner = there ? db_get_int(&q, 0) : 0;
	bool current = there && db_get_int(&q, 1);
	int r = db_end(&q, e);
	if (r < 0)
		return r;
	if (worker == 0 || owner != worker)
		return err_set(e, ERR_STALE, "the account is not in this worker's hand");
	return current ? 0 : err_set(e, ERR_STALE, "newer news of this person has come");
}

int db_found(struct store *s, int64_t account_id, const char *found, struct err *e)
{
	if (!found)
		return 0;
	struct query q = db_query(s, "UPDATE accounts SET found = ? WHERE id = ?");
	db_text(&q, found);
	db_int(&q, account_id);
	int r = db_run(&q, e);
	return r == 0 && db_changes(s) == 0 ? err_set(e, ERR_ABSENT, "no such account") : r;
}

int store_found_put(struct store *s, int64_t account_id, const char *found, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	return r < 0 ? r : db_write_end(s, db_found(s, account_id, found, e), e);
}

int store_give_back(struct store *s, const struct store_account *a, int worker, struct err *e)
{
	POINT("store.give_back.before");
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	if (PLANTED("no-fence"))
		(void)!db_exec(s, "UPDATE accounts SET took = want", e);
	struct query q = db_query(s, "UPDATE accounts SET owner = 0, found = coalesce(?1, found),"
		" complete = ?2 AND stage = ?3, trouble_kind = ?4, trouble = ?5,"
		" lane = CASE WHEN want = took THEN ?6 ELSE lane END,"
		" due_ms = CASE WHEN want = took THEN ?7 ELSE due_ms END,"
		" attempts = CASE WHEN want = took THEN ?8 ELSE attempts END,"
		" sweep_ms = CASE WHEN want = took THEN ?9 ELSE sweep_ms END WHERE id = ?10 AND owner = ?11 AND owner <> 0");
	db_text(&q, a->found);
	db_int(&q, a->complete);
	db_int(&q, a->stage);
	db_int(&q, a->trouble_kind);
	db_text(&q, a->trouble);
	db_int(&q, a->lane);
	db_int(&q, a->due_ms);
	db_int(&q, a->attempts);
	db_int(&q, a->sweep_ms);
	db_int(&q, a->id);
	db_int(&q, worker);
	r = db_run(&q, e);
	if (r == 0 && db_changes(s) == 0)
		r = err_set(e, ERR_STALE, "the account is not in this worker's hand");
	r = db_write_end(s, r, e);
	if (r == 0)
		POINT("store.give_back.after");
	return r;
}
