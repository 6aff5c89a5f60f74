/* Intents and secrets: what must be on the disk before the next call is made. */
#include <string.h>

#include "common/failpoint.h"
#include "hook/store/sqlite.h"

#define FIELD(type, name) { type, offsetof(struct store_intent, name), 0 }

static const struct column columns[] = {
	FIELD(COLUMN_INT64, id), FIELD(COLUMN_INT64, account_id), FIELD(COLUMN_INT64, written_ms), FIELD(COLUMN_INT, row),
	FIELD(COLUMN_INT, action), FIELD(COLUMN_UNSIGNED, attempt),
	{ COLUMN_FIXED, offsetof(struct store_intent, token), sizeof(((struct store_intent *)0)->token) },
	FIELD(COLUMN_INT, state),
};
#define COLUMNS "id, account_id, written_ms, row, action, attempt, token, state"

static const struct record_type intent_type = { columns, ARRAY_LEN(columns), sizeof(struct store_intent) };

int store_intent_open(struct store *s, int worker, struct store_intent *intent, struct err *e)
{
	POINT("store.intent.before");
	struct store_intent i = *intent;
	int r = db_write(s, DB_DURABLE, e);
	if (r < 0)
		return r;
	i.written_ms = db_now(s);
	i.state = 0;
	r = db_fence(s, i.account_id, worker, e);
	if (r == 0) {
		struct query q = db_query(s, "INSERT INTO intents (" COLUMNS ") VALUES (?,?,?,?,?,?,?,?)");
		db_text(&q, NULL);
		db_bind(&q, columns + 1, ARRAY_LEN(columns) - 1, &i);
		r = db_run(&q, e);
		i.id = db_last_id(s);
	}
	r = db_write_end(s, r, e);
	if (r < 0)
		return r;
	POINT("store.intent.after");
	*intent = i;
	return 0;
}

int store_intents(struct store *s, int64_t account_id, int row, struct arena *arena, struct store_intent **out, size_t *count,
	struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM intents WHERE account_id = ?1 AND state = 0"
		" AND (?2 < 0 OR row = ?2) ORDER BY id");
	db_int(&q, account_id);
	db_int(&q, row);
	return db_read_end(s, db_all(&q, &intent_type, arena, out, count, e));
}

static int close_intent(struct store *s, int64_t intent_id, int state, int64_t account_id, struct err *e)
{
	struct query q = db_query(s, "UPDATE intents SET state = ? WHERE id = ? AND account_id = ?");
	db_int(&q, state);
	db_int(&q, intent_id);
	db_int(&q, account_id);
	int r = db_run(&q, e);
	return r == 0 && db_changes(s) == 0 ? err_set(e, ERR_BUG, "no such intent") : r;
}

int store_intent_settle(struct store *s, int64_t intent_id, int state, int64_t account_id, const char *found, struct err *e)
{
	POINT("store.settle.before");
	int r = db_write(s, DB_DURABLE, e);
	if (r < 0)
		return r;
	r = close_intent(s, intent_id, state, account_id, e);
	if (r == 0)
		r = db_found(s, account_id, found, e);
	r = db_write_end(s, r, e);
	if (r == 0)
		POINT("store.settle.after");
	return r;
}

static int put_secret(struct store *s, int64_t account_id, int kind, const char *id, const unsigned char *sealed, size_t n,
	struct err *e)
{
	struct query q = db_query(s, "INSERT INTO secrets (account_id, kind, id, sealed, kept_ms) VALUES (?,?,?,?,?)"
		" ON CONFLICT (account_id, kind, id) DO UPDATE SET sealed = excluded.sealed, kept_ms = excluded.kept_ms");
	db_int(&q, account_id);
	db_int(&q, kind);
	db_text(&q, id ? id : "");
	db_blob(&q, sealed, n);
	db_int(&q, db_now(s));
	return db_run(&q, e);
}

int store_secret_keep(struct store *s, int64_t intent_id, int64_t account_id, int kind, const char *id,
	const unsigned char *sealed, size_t n, const char *found, struct err *e)
{
	POINT("store.secret.before");
	int r = db_write(s, DB_DURABLE, e);
	if (r < 0)
		return r;
	if (intent_id != 0)
		r = close_intent(s, intent_id, 1, account_id, e);
	if (r == 0)
		r = db_found(s, account_id, found, e);
	if (r == 0)
		r = put_secret(s, account_id, kind, id, sealed, n, e);
	r = db_write_end(s, r, e);
	if (r == 0)
		POINT("store.secret.after");
	return r;
}

int store_secret_get(struct store *s, int64_t account_id, int kind, const char *id, struct arena *arena, unsigned char **sealed,
	size_t *n, struct err *e)
{
	static const struct column blob = { COLUMN_BLOB, 0, sizeof(void *) };
	struct { const unsigned char *bytes; size_t n; } kept = { NULL, 0 };
	static const struct record_type type = { &blob, 1, sizeof(kept) };
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT sealed FROM secrets WHERE account_id = ? AND kind = ? AND id = ?");
	db_int(&q, account_id);
	db_int(&q, kind);
	db_text(&q, id ? id : "");
	r = db_one(&q, &type, arena, &kept, "secret", e);
	if (r == 0) {
		*sealed = (unsigned char *)(uintptr_t)kept.bytes;
		*n = kept.n;
	}
	return db_read_end(s, r);
}

int store_secret_drop(struct store *s, int64_t account_id, int kind, const char *id, struct err *e)
{
	int r = db_write(s, DB_DURABLE, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "DELETE FROM secrets WHERE account_id = ? AND kind = ? AND id = ?");
	db_int(&q, account_id);
	db_int(&q, kind);
	db_text(&q, id ? id : "");
	return db_write_end(s, db_run(&q, e), e);
}
