/* Letters to the directory: one per account, the newest payload wins. */
#include <string.h>

#include "common/failpoint.h"
#include "hook/store/sqlite.h"

#define FIELD(type, name) { type, offsetof(struct store_letter, name), 0 }

static const struct column columns[] = {
	FIELD(COLUMN_INT64, account_id), FIELD(COLUMN_UUID, uuid), FIELD(COLUMN_TEXT, payload),
	{ COLUMN_FIXED, offsetof(struct store_letter, digest), sizeof(((struct store_letter *)0)->digest) },
	FIELD(COLUMN_BOOL, pending), FIELD(COLUMN_INT64, due_ms), FIELD(COLUMN_UNSIGNED, attempts), FIELD(COLUMN_TEXT, trouble),
};
#define COLUMNS "account_id, uuid, payload, digest, pending, due_ms, attempts, trouble"

static const struct record_type letter_type = { columns, ARRAY_LEN(columns), sizeof(struct store_letter) };

int store_letter_put(struct store *s, const struct store_letter *letter, struct err *e)
{
	struct store_letter l = *letter;
	l.pending = true;
	l.attempts = 0;
	l.trouble = NULL;
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "INSERT INTO outbox (" COLUMNS ") VALUES (?,?,?,?,?,?,?,?)"
		" ON CONFLICT (account_id) DO UPDATE SET uuid = excluded.uuid, payload = excluded.payload,"
		" digest = excluded.digest, pending = 1, due_ms = excluded.due_ms, attempts = 0, trouble = NULL");
	db_bind(&q, columns, ARRAY_LEN(columns), &l);
	r = db_write_end(s, db_run(&q, e), e);
	if (r == 0)
		POINT("store.letter.after");
	return r;
}

int store_letter_get(struct store *s, int64_t account_id, struct arena *arena, struct store_letter *out, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM outbox WHERE account_id = ?");
	db_int(&q, account_id);
	return db_read_end(s, db_one(&q, &letter_type, arena, out, "letter", e));
}

int store_letter_of(struct store *s, const char *uuid, struct arena *arena, struct store_letter *out, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM outbox WHERE account_id = (SELECT a.id FROM accounts a"
		" JOIN people p ON p.uuid = a.uuid AND p.generation = a.generation WHERE p.uuid = ?)");
	db_uuid(&q, uuid);
	return db_read_end(s, db_one(&q, &letter_type, arena, out, "letter", e));
}

int store_letter_next(struct store *s, struct arena *arena, struct store_letter *out, int64_t *next_due_ms, struct err *e)
{
	struct store_letter first;
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM outbox WHERE pending = 1 ORDER BY due_ms, account_id LIMIT 1");
	r = db_one(&q, &letter_type, arena, &first, "letter", e);
	if (r == ERR_ABSENT)
		*next_due_ms = INT64_MAX;
	if (r == 0 && first.due_ms > db_now(s)) {
		*next_due_ms = first.due_ms;
		r = err_set(e, ERR_ABSENT, "no letter is due");
	}
	if (r == 0)
		*out = first;
	return db_read_end(s, r);
}

int store_letter_done(struct store *s, int64_t account_id, const char *digest, struct err *e)
{
	POINT("store.letter_done.before");
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "UPDATE outbox SET pending = 0, attempts = 0, trouble = NULL"
		" WHERE account_id = ? AND digest = ?");
	db_int(&q, account_id);
	db_text(&q, digest);
	return db_write_end(s, db_run(&q, e), e);
}

int store_letter_failed(struct store *s, int64_t account_id, const char *digest, int64_t due_ms, const char *trouble,
	struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "UPDATE outbox SET due_ms = ?, attempts = attempts + 1, trouble = ?"
		" WHERE account_id = ? AND digest = ? AND pending = 1");
	db_int(&q, due_ms);
	db_text(&q, trouble);
	db_int(&q, account_id);
	db_text(&q, digest);
	return db_write_end(s, db_run(&q, e), e);
}
