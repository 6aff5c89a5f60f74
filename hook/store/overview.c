/* Lists for people who look: one line per account, with the person it belongs to. */
#include <string.h>

#include "hook/store/sqlite.h"
#include "policies/stage.h"

#define FIELD(type, name) { type, offsetof(struct store_line, name), 0 }

/* In the order of COLUMNS. */
static const struct column columns[] = {
	FIELD(COLUMN_UUID, uuid), FIELD(COLUMN_TEXT, login), FIELD(COLUMN_UNSIGNED, generation), FIELD(COLUMN_BOOL, current),
	FIELD(COLUMN_INT, stage), FIELD(COLUMN_BOOL, complete), FIELD(COLUMN_INT, lane), FIELD(COLUMN_INT64, due_ms),
	FIELD(COLUMN_BOOL, taken), FIELD(COLUMN_UNSIGNED, attempts), FIELD(COLUMN_INT, trouble_kind), FIELD(COLUMN_TEXT, trouble),
	FIELD(COLUMN_TEXT, hold_reason), FIELD(COLUMN_TEXT, note), FIELD(COLUMN_TEXT, reason),
};
#define COLUMNS "p.uuid, p.login, a.generation, a.generation = p.generation, a.stage, a.complete, a.lane, a.due_ms, " \
	"a.owner <> 0, a.attempts, a.trouble_kind, a.trouble, a.hold_reason, p.note, p.reason"

static const struct record_type line_type = { columns, ARRAY_LEN(columns), sizeof(struct store_line) };

#define FAILING "a.trouble_kind <> 0 AND a.attempts > 0"
/* Audits to come are no news: everybody has one. */
#define QUEUED "(a.owner <> 0 OR (a.due_ms < 9223372036854775807 AND (a.lane <> ?1 OR a.due_ms <= ?2)))"

int store_stages(struct store *s, int64_t out[STORE_STAGES][2][2], struct err *e)
{
	int64_t counts[STORE_STAGES][2][2] = { 0 };
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT a.stage, a.complete, a.generation = p.generation, count(*)"
		" FROM accounts a JOIN people p ON p.uuid = a.uuid GROUP BY 1, 2, 3");
	while (db_row(&q)) {
		int64_t stage = db_get_int(&q, 0);
		if (stage >= 0 && stage < STORE_STAGES)
			counts[stage][db_get_int(&q, 1) != 0][db_get_int(&q, 2) != 0] += db_get_int(&q, 3);
	}
	r = db_end(&q, e);
	if (r == 0)
		memcpy(out, counts, sizeof(counts));
	return db_read_end(s, r);
}

static int count_of(struct query q, int64_t *out, struct err *e)
{
	int64_t n = db_row(&q) ? db_get_int(&q, 0) : 0;
	int r = db_end(&q, e);
	if (r == 0)
		*out = n;
	return r;
}

static int troubled(struct store *s, size_t max, struct arena *a, struct store_line **out, size_t *count, int64_t *total,
	struct err *e)
{
	int r = count_of(db_query(s, "SELECT (SELECT count(*) FROM accounts a WHERE " FAILING ") +"
		" (SELECT count(*) FROM people p LEFT JOIN accounts a ON a.uuid = p.uuid AND a.generation = p.generation"
		" WHERE p.note IS NOT NULL AND NOT coalesce(" FAILING ", 0))"), total, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM accounts a JOIN people p ON p.uuid = a.uuid WHERE " FAILING
		" UNION ALL SELECT p.uuid, p.login, coalesce(a.generation, 0), 1, coalesce(a.stage, 0), coalesce(a.complete, 0),"
		" coalesce(a.lane, 0), coalesce(a.due_ms, 9223372036854775807), coalesce(a.owner, 0) <> 0, coalesce(a.attempts, 0),"
		" coalesce(a.trouble_kind, 0), a.trouble, a.hold_reason, p.note, p.reason"
		" FROM people p LEFT JOIN accounts a ON a.uuid = p.uuid AND a.generation = p.generation"
		" WHERE p.note IS NOT NULL AND NOT coalesce(" FAILING ", 0) LIMIT ?");
	db_int(&q, (int64_t)max);
	return db_all(&q, &line_type, a, out, count, e);
}

int store_troubled(struct store *s, size_t max, struct arena *a, struct store_line **out, size_t *count, int64_t *total,
	struct err *e)
{
	int r = db_read(s, e);
	return r < 0 ? r : db_read_end(s, troubled(s, max, a, out, count, total, e));
}

static int held(struct store *s, size_t max, struct arena *a, struct store_line **out, size_t *count, int64_t *total,
	struct err *e)
{
	struct query all = db_query(s, "SELECT count(*) FROM accounts WHERE hold_reason IS NOT NULL AND stage <> ?");
	db_int(&all, STAGE_RETIRED);
	int r = count_of(all, total, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM accounts a JOIN people p ON p.uuid = a.uuid"
		" WHERE a.hold_reason IS NOT NULL AND a.stage <> ? ORDER BY a.since_ms DESC, a.id LIMIT ?");
	db_int(&q, STAGE_RETIRED);
	db_int(&q, (int64_t)max);
	return db_all(&q, &line_type, a, out, count, e);
}

int store_held(struct store *s, size_t max, struct arena *a, struct store_line **out, size_t *count, int64_t *total,
	struct err *e)
{
	int r = db_read(s, e);
	return r < 0 ? r : db_read_end(s, held(s, max, a, out, count, total, e));
}

static int queue(struct store *s, int64_t now_ms, size_t max, struct arena *a, struct store_line **out, size_t *count,
	int64_t *total, struct err *e)
{
	struct query all = db_query(s, "SELECT count(*) FROM accounts a WHERE " QUEUED);
	db_int(&all, LANE_AUDIT);
	db_int(&all, now_ms);
	int r = count_of(all, total, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM accounts a JOIN people p ON p.uuid = a.uuid WHERE " QUEUED
		" ORDER BY a.lane, a.due_ms, a.id LIMIT ?3");
	db_int(&q, LANE_AUDIT);
	db_int(&q, now_ms);
	db_int(&q, (int64_t)max);
	return db_all(&q, &line_type, a, out, count, e);
}

int store_queue(struct store *s, int64_t now_ms, size_t max, struct arena *a, struct store_line **out, size_t *count,
	int64_t *total, struct err *e)
{
	int r = db_read(s, e);
	return r < 0 ? r : db_read_end(s, queue(s, now_ms, max, a, out, count, total, e));
}

static void bind_stuck(struct query *q, int64_t now_ms)
{
	db_int(q, LANE_REVOKE);
	db_int(q, STORE_STUCK_ATTEMPTS);
	db_int(q, now_ms - STORE_STUCK_MS);
}

static int stuck(struct store *s, int64_t now_ms, size_t max, struct arena *a, struct store_line **out, size_t *count,
	int64_t *total, struct err *e)
{
	/* Two ranges, so that the indexes of the queue serve both halves of the lane. */
	struct query all = db_query(s, "SELECT (SELECT count(*) FROM accounts WHERE owner = 0 AND lane = ?1"
		" AND due_ms < 9223372036854775807 AND (attempts > ?2 OR since_ms < ?3))"
		" + (SELECT count(*) FROM accounts WHERE owner <> 0 AND lane = ?1 AND (attempts > ?2 OR since_ms < ?3))");
	bind_stuck(&all, now_ms);
	int r = count_of(all, total, e);
	*count = 0;
	if (r < 0 || *total == 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM accounts a JOIN people p ON p.uuid = a.uuid WHERE a.lane = ?1"
		" AND (a.owner <> 0 OR a.due_ms < 9223372036854775807) AND (a.attempts > ?2 OR a.since_ms < ?3)"
		" ORDER BY a.since_ms, a.id LIMIT ?4");
	bind_stuck(&q, now_ms);
	db_int(&q, (int64_t)max);
	return db_all(&q, &line_type, a, out, count, e);
}

int store_stuck(struct store *s, int64_t now_ms, size_t max, struct arena *a, struct store_line **out, size_t *count,
	int64_t *total, struct err *e)
{
	int r = db_read(s, e);
	return r < 0 ? r : db_read_end(s, stuck(s, now_ms, max, a, out, count, total, e));
}
