/* The figures of `rollcall status`.  Each query is answered by an index alone; the rows are wide. */
#include "hook/store/sqlite.h"

/* Rows of (index, count), added into an array. */
static int tally(struct store *s, const char *sql, int64_t *into, size_t room, struct err *e)
{
	struct query q = db_query(s, sql);
	while (db_row(&q)) {
		int64_t at = db_get_int(&q, 0);
		if (at >= 0 && (size_t)at < room)
			into[at] += db_get_int(&q, 1);
	}
	return db_end(&q, e);
}

static int waiting(struct store *s, int lane, int64_t *sum, struct err *e)
{
	struct query q = db_query(s, "SELECT count(*) FROM accounts WHERE owner = 0 AND lane = ? AND due_ms <= ?");
	db_int(&q, lane);
	db_int(&q, db_now(s));
	*sum += db_row(&q) ? db_get_int(&q, 0) : 0;
	return db_end(&q, e);
}

static int gather(struct store *s, struct store_counts *c, struct err *e)
{
	static const struct { const char *sql; size_t offset; } single[] = {
		{ "SELECT count(*) FROM people", offsetof(struct store_counts, people) },
		{ "SELECT count(*) FROM accounts WHERE trouble_kind <> 0", offsetof(struct store_counts, troubled) },
		{ "SELECT count(*) FROM outbox WHERE pending = 1", offsetof(struct store_counts, outbox) },
		{ "SELECT count(*) FROM intents WHERE state = 0", offsetof(struct store_counts, open_intents) },
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(single); i++)
		r = db_number(s, single[i].sql, (int64_t *)(void *)((char *)c + single[i].offset), e);
	if (r == 0)
		r = tally(s, "SELECT stage, count(*) FROM accounts GROUP BY stage", c->stage, ARRAY_LEN(c->stage), e);
	if (r == 0)
		r = tally(s, "SELECT 0, count(*) FROM people WHERE generation = 0", c->stage, 1, e);
	if (r == 0)
		r = tally(s, "SELECT lane, count(*) FROM accounts WHERE owner <> 0 GROUP BY lane", c->lane_due, LANE_COUNT, e);
	for (int lane = 0; r == 0 && lane < LANE_COUNT; lane++)
		r = waiting(s, lane, &c->lane_due[lane], e);
	return r;
}

int store_counts(struct store *s, struct store_counts *out, struct err *e)
{
	struct store_counts c = { 0 };
	int r = db_read(s, e);
	if (r < 0)
		return r;
	r = gather(s, &c, e);
	if (r == 0)
		*out = c;
	return db_read_end(s, r);
}
