/* Who was here last, and when: logins on this machine, uses of keys, and whose a number is. */
#include "hook/store/sqlite.h"
#include "policies/stage.h"

int store_login_put(struct store *s, const char *uuid, int64_t when_ms, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "INSERT INTO logins VALUES (?, ?) ON CONFLICT (uuid) DO UPDATE SET last_ms = excluded.last_ms");
	db_uuid(&q, uuid);
	db_int(&q, when_ms);
	return db_write_end(s, db_run(&q, e), e);
}

int store_login_last(struct store *s, const char *uuid, int64_t *when_ms, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT last_ms FROM logins WHERE uuid = ?");
	db_uuid(&q, uuid);
	int64_t last = db_row(&q) ? db_get_int(&q, 0) : 0;
	r = db_end(&q, e);
	if (r == 0)
		*when_ms = last;
	return db_read_end(s, r);
}

int store_uid_in_stage(struct store *s, int64_t uid_number, unsigned stages, bool *out, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT 1 FROM people p JOIN accounts a ON a.uuid = p.uuid AND a.generation = p.generation"
		" WHERE p.uid_number = ? AND (? >> a.stage) & 1 LIMIT 1");
	db_int(&q, uid_number);
	db_int(&q, stages);
	bool there = db_row(&q);
	r = db_end(&q, e);
	if (r == 0)
		*out = there;
	return db_read_end(s, r);
}

/* --- uses of keys ------------------------------------------------------------------------------------------------ */

#define IN(name) { COLUMN_INT64, offsetof(struct store_watch, name), 0 }

/* In the order of the table. */
static const struct column watch_columns[] = { IN(since_ms), IN(used_ms), IN(asked_ms), IN(own_ms), IN(own_before_ms) };

int store_watch_get(struct store *s, int64_t account_id, struct store_watch *out, struct err *e)
{
	*out = (struct store_watch){ 0 };
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT since_ms, used_ms, asked_ms, own_ms, own_before_ms FROM watches WHERE account_id = ?");
	db_int(&q, account_id);
	if (db_row(&q))
		db_fetch(&q, 0, watch_columns, ARRAY_LEN(watch_columns), NULL, out);
	return db_read_end(s, db_end(&q, e));
}

int store_watch_put(struct store *s, int64_t account_id, const struct store_watch *w, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "INSERT OR REPLACE INTO watches VALUES (?, ?, ?, ?, ?, ?)");
	db_int(&q, account_id);
	db_bind(&q, watch_columns, ARRAY_LEN(watch_columns), w);
	return db_write_end(s, db_run(&q, e), e);
}

#define FIELD(type, name) { type, offsetof(struct store_idle, name), 0 }

/* In the order of COLUMNS. */
static const struct column columns[] = {
	FIELD(COLUMN_INT64, account_id), FIELD(COLUMN_UUID, uuid), FIELD(COLUMN_TEXT, login), FIELD(COLUMN_TEXT, profile),
	FIELD(COLUMN_UNSIGNED, generation), FIELD(COLUMN_INT64, used_ms), FIELD(COLUMN_INT64, login_ms),
	FIELD(COLUMN_INT64, idle_since_ms), FIELD(COLUMN_BOOL, is_protected),
};
static const struct record_type idle_type = { columns, ARRAY_LEN(columns), sizeof(struct store_idle) };
#define IDLE_SINCE "max(u.since_ms, u.used_ms, a.since_ms, coalesce(l.last_ms, 0))"
#define COLUMNS "a.id, p.uuid, p.login, p.profile, a.generation, u.used_ms, coalesce(l.last_ms, 0), " IDLE_SINCE ", p.is_protected"
#define WATCHED " FROM watches u JOIN accounts a ON a.id = u.account_id" \
	" JOIN people p ON p.uuid = a.uuid AND p.generation = a.generation LEFT JOIN logins l ON l.uuid = a.uuid" \
	" WHERE a.stage = ?1 AND u.asked_ms > ?2"

static struct query watched(struct store *s, const char *sql, int64_t fresh_ms)
{
	struct query q = db_query(s, sql);
	db_int(&q, STAGE_ACTIVE);
	db_int(&q, fresh_ms);
	return q;
}

static int idle(struct store *s, int64_t before_ms, int64_t fresh_ms, size_t max, struct arena *a, struct store_idle **out,
	size_t *count, int64_t *total, struct err *e)
{
	struct query all = watched(s, "SELECT count(*)" WATCHED " AND " IDLE_SINCE " <= ?3", fresh_ms);
	db_int(&all, before_ms);
	*total = db_row(&all) ? db_get_int(&all, 0) : 0;
	int r = db_end(&all, e);
	if (r < 0)
		return r;
	struct query q = watched(s, "SELECT " COLUMNS WATCHED " AND " IDLE_SINCE " <= ?3 ORDER BY 8, 1 LIMIT ?4", fresh_ms);
	db_int(&q, before_ms);
	db_int(&q, (int64_t)max);
	return db_all(&q, &idle_type, a, out, count, e);
}

int store_idle(struct store *s, int64_t before_ms, int64_t fresh_ms, size_t max, struct arena *a, struct store_idle **out,
	size_t *count, int64_t *total, struct err *e)
{
	int r = db_read(s, e);
	return r < 0 ? r : db_read_end(s, idle(s, before_ms, fresh_ms, max, a, out, count, total, e));
}

int store_idle_of(struct store *s, const char *uuid, int64_t fresh_ms, struct arena *a, struct store_idle *out, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = watched(s, "SELECT " COLUMNS WATCHED " AND p.uuid = ?3", fresh_ms);
	db_uuid(&q, uuid);
	return db_read_end(s, db_one(&q, &idle_type, a, out, "watched key", e));
}
