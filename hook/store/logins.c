/* Logins on this machine: when somebody was here last, and whose a number is. */
#include "hook/store/sqlite.h"

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
