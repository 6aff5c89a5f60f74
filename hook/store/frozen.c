/* What brakes remember: what they let through, and what they hold back. */
#include "hook/store/sqlite.h"

/* --- what was let through -------------------------------------------------------------------------------- */

#define REMEMBERED_MS (2 * 86400000LL)      /* the longest window is a day */

int store_act_add(struct store *s, enum act_kind kind, const char *uuid, const char *branch, int64_t when_ms, int64_t fen,
	struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "INSERT INTO acts (kind, when_ms, uuid, branch, fen) VALUES (?, ?, ?, coalesce(?, ''), ?)");
	db_int(&q, kind);
	db_int(&q, when_ms);
	db_uuid(&q, uuid);
	db_text(&q, branch);
	db_int(&q, fen);
	r = db_run(&q, e);
	if (r == 0) {
		struct query old = db_query(s, "DELETE FROM acts WHERE kind = ? AND when_ms < ?");
		db_int(&old, kind);
		db_int(&old, when_ms - REMEMBERED_MS);
		r = db_run(&old, e);
	}
	return db_write_end(s, r, e);
}

int store_acts(struct store *s, enum act_kind kind, const char *branch, int64_t since_ms, int64_t *count, int64_t *fen, struct err *e)
{
	int64_t n = 0, cost = 0;
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT count(*), coalesce(sum(fen), 0) FROM acts WHERE kind = ?1 AND when_ms >= ?2"
		" AND (?3 IS NULL OR branch = ?3)");
	db_int(&q, kind);
	db_int(&q, since_ms);
	db_text(&q, branch);
	if (db_row(&q)) {
		n = db_get_int(&q, 0);
		cost = db_get_int(&q, 1);
	}
	r = db_end(&q, e);
	if (r == 0) {
		*count = n;
		if (fen)
			*fen = cost;
	}
	return db_read_end(s, r);
}

int store_roll_size(struct store *s, const char *branch, unsigned stages, int64_t *count, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	/* Two texts, since each has an index of its own. */
	struct query q = branch ? db_query(s, "SELECT count(*) FROM people p JOIN accounts a ON a.uuid = p.uuid"
					      " AND a.generation = p.generation WHERE (?1 >> a.stage) & 1 AND p.branch = ?2")
				: db_query(s, "SELECT count(*) FROM people p JOIN accounts a ON a.uuid = p.uuid"
					      " AND a.generation = p.generation WHERE (?1 >> a.stage) & 1");
	db_int(&q, stages);
	if (branch)
		db_text(&q, branch);
	int64_t n = db_row(&q) ? db_get_int(&q, 0) : 0;
	r = db_end(&q, e);
	if (r == 0)
		*count = n;
	return db_read_end(s, r);
}

/* --- what is held back -------------------------------------------------------------------------------------- */

#define FIELD(type, name) { type, offsetof(struct store_frozen, name), 0 }

/* In the order of COLUMNS. */
static const struct column columns[] = {
	FIELD(COLUMN_UUID, uuid), FIELD(COLUMN_INT, kind), FIELD(COLUMN_INT64, list_ms), FIELD(COLUMN_TEXT, branch),
	FIELD(COLUMN_TEXT, why), FIELD(COLUMN_INT64, fen), FIELD(COLUMN_BOOL, firm), FIELD(COLUMN_INT, state),
	FIELD(COLUMN_INT64, decided_ms), FIELD(COLUMN_TEXT, detail), FIELD(COLUMN_TEXT, login), FIELD(COLUMN_TEXT, dn),
};
#define COLUMNS "f.uuid, f.kind, f.list_ms, f.branch, f.why, f.fen, f.firm, f.state, f.decided_ms, f.detail, p.login, p.dn"
#define ROWS "SELECT " COLUMNS " FROM frozen f LEFT JOIN people p ON p.uuid = f.uuid"

static const struct record_type frozen_type = { columns, ARRAY_LEN(columns), sizeof(struct store_frozen) };

static int get(struct store *s, const char *uuid, int kind, struct arena *a, struct store_frozen *out, struct err *e)
{
	struct query q = db_query(s, ROWS " WHERE f.uuid = ? AND f.kind = ?");
	db_uuid(&q, uuid);
	db_int(&q, kind);
	return db_one(&q, &frozen_type, a, out, "frozen person", e);
}

int store_frozen_put(struct store *s, const struct store_frozen *f, int64_t now_ms, struct arena *a, struct store_frozen *out,
	struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	/* A list that was decided upon stays as it was, so a new one never begins at its moment. */
	struct query q = db_query(s, "INSERT INTO frozen (uuid, kind, list_ms, branch, why, fen, firm, state, decided_ms, detail)"
		" VALUES (?1, ?2, coalesce((SELECT max(list_ms) FROM frozen WHERE kind = ?2 AND state = 0 AND list_ms > ?3),"
		" (SELECT max(?4, 1 + coalesce(max(list_ms), 0)) FROM frozen WHERE kind = ?2)), coalesce(?5, ''), ?6, ?7, ?8, 0, 0, ?9)"
		" ON CONFLICT (uuid, kind) DO NOTHING");
	db_uuid(&q, f->uuid);
	db_int(&q, f->kind);
	db_int(&q, now_ms - FROZEN_LIST_MS);
	db_int(&q, now_ms);
	db_text(&q, f->branch);
	db_text(&q, f->why);
	db_int(&q, f->fen);
	db_int(&q, f->firm);
	db_text(&q, f->detail);
	r = db_run(&q, e);
	if (r == 0 && out)
		r = get(s, f->uuid, f->kind, a, out, e);
	return db_write_end(s, r, e);
}

int store_frozen_get(struct store *s, const char *uuid, enum frozen_kind kind, struct arena *a, struct store_frozen *out, struct err *e)
{
	int r = db_read(s, e);
	return r < 0 ? r : db_read_end(s, get(s, uuid, kind, a, out, e));
}

int store_frozen_list(struct store *s, struct arena *a, struct store_frozen **out, size_t *count, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, ROWS " ORDER BY f.kind, f.list_ms, f.uuid");
	return db_read_end(s, db_all(&q, &frozen_type, a, out, count, e));
}

int store_frozen_next(struct store *s, enum frozen_kind kind, size_t approved, size_t waiting, struct arena *a,
	struct store_frozen **out, size_t *count, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT * FROM (" ROWS " WHERE f.kind = ?1 AND f.state = 1 ORDER BY f.list_ms, f.uuid LIMIT ?2)"
		" UNION ALL SELECT * FROM (" ROWS " WHERE f.kind = ?1 AND f.state = 0 AND f.firm = 0"
		" ORDER BY f.list_ms, f.uuid LIMIT ?3)");
	db_int(&q, kind);
	db_int(&q, (int64_t)approved);
	db_int(&q, (int64_t)waiting);
	return db_read_end(s, db_all(&q, &frozen_type, a, out, count, e));
}

int store_frozen_sums(struct store *s, int64_t since_ms, struct arena *a, struct store_frozen_sum **out, size_t *count, struct err *e)
{
	static const struct column sums[] = { { COLUMN_INT, offsetof(struct store_frozen_sum, kind), 0 },
		{ COLUMN_INT, offsetof(struct store_frozen_sum, state), 0 }, { COLUMN_BOOL, offsetof(struct store_frozen_sum, firm), 0 },
		{ COLUMN_TEXT, offsetof(struct store_frozen_sum, branch), 0 },
		{ COLUMN_INT64, offsetof(struct store_frozen_sum, people), 0 } };
	static const struct record_type type = { sums, ARRAY_LEN(sums), sizeof(struct store_frozen_sum) };
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT kind, state, firm, branch, count(*) FROM frozen WHERE list_ms >= ?"
		" GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4");
	db_int(&q, since_ms);
	return db_read_end(s, db_all(&q, &type, a, out, count, e));
}

int store_frozen_decide(struct store *s, enum frozen_kind kind, int64_t list_ms, enum frozen_state state, int64_t now_ms,
	int64_t *count, struct err *e)
{
	int64_t n = 0;
	int r = db_write(s, DB_DURABLE, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "UPDATE frozen SET state = ?1, decided_ms = ?2 WHERE kind = ?3 AND list_ms = ?4");
	db_int(&q, state);
	db_int(&q, state == FROZEN_WAITING ? 0 : now_ms);
	db_int(&q, kind);
	db_int(&q, list_ms);
	r = db_run(&q, e);
	if (r == 0)
		n = db_changes(s);
	r = db_write_end(s, r, e);
	if (r == 0)
		*count = n;
	return r;
}

int store_frozen_drop(struct store *s, const char *uuid, enum frozen_kind kind, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "DELETE FROM frozen WHERE uuid = ? AND kind = ?");
	db_uuid(&q, uuid);
	db_int(&q, kind);
	return db_write_end(s, db_run(&q, e), e);
}

int store_frozen_expire(struct store *s, int64_t before_ms, int64_t now_ms, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "UPDATE frozen SET state = 0, decided_ms = 0,"
		" list_ms = (SELECT max(?2, 1 + max(list_ms)) FROM frozen) WHERE state <> 0 AND decided_ms < ?1");
	db_int(&q, before_ms);
	db_int(&q, now_ms);
	return db_write_end(s, db_run(&q, e), e);
}

/* --- who is about to depart ----------------------------------------------------------------------------------- */

int store_leaving(struct store *s, struct arena *a, struct store_leaver **out, size_t *count, struct err *e)
{
	static const struct column leavers[] = { { COLUMN_UUID, offsetof(struct store_leaver, uuid), 0 },
		{ COLUMN_TEXT, offsetof(struct store_leaver, login), 0 }, { COLUMN_TEXT, offsetof(struct store_leaver, dn), 0 },
		{ COLUMN_TEXT, offsetof(struct store_leaver, branch), 0 }, { COLUMN_INT, offsetof(struct store_leaver, signal), 0 },
		{ COLUMN_BOOL, offsetof(struct store_leaver, solid), 0 },
		{ COLUMN_BOOL, offsetof(struct store_leaver, is_protected), 0 },
		{ COLUMN_INT64, offsetof(struct store_leaver, weak_since_ms), 0 },
		{ COLUMN_INT64, offsetof(struct store_leaver, approved_ms), 0 } };
	static const struct record_type type = { leavers, ARRAY_LEN(leavers), sizeof(struct store_leaver) };
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT p.uuid, p.login, p.dn, p.branch, p.signal, p.solid, p.is_protected, p.weak_since_ms,"
		" coalesce(f.decided_ms, 0)"
		" FROM people p LEFT JOIN frozen f ON f.uuid = p.uuid AND f.kind = 1"
		" WHERE p.weak_since_ms > 0 AND coalesce(f.state, 1) = 1 ORDER BY p.weak_since_ms, p.id");
	return db_read_end(s, db_all(&q, &type, a, out, count, e));
}
