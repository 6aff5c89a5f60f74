/* Leavers' figures: one row per account, begun anew by each suspension. */
#include <string.h>

#include "common/failpoint.h"
#include "hook/store/sqlite.h"

#define FIELD(type, name) { type, offsetof(struct store_offboarding, name), 0 }

/* In the order of COLUMNS. */
static const struct column columns[] = {
	FIELD(COLUMN_UUID, uuid), FIELD(COLUMN_UNSIGNED, generation), FIELD(COLUMN_INT64, changed_ms), FIELD(COLUMN_INT64, seen_ms),
	FIELD(COLUMN_INT64, key_off_ms), FIELD(COLUMN_INT64, console_off_ms), FIELD(COLUMN_INT64, barrier_ms),
	FIELD(COLUMN_INT64, cut_ms), FIELD(COLUMN_INT64, refused_ms), FIELD(COLUMN_INT64, given_up_ms),
};
#define COLUMNS "uuid, generation, changed_ms, seen_ms, key_off_ms, console_off_ms, barrier_ms, cut_ms, refused_ms, given_up_ms"

static const struct record_type offboarding_type = { columns, ARRAY_LEN(columns), sizeof(struct store_offboarding) };

/* Another suspension: what is known of the one before goes.  The same one: the first moment counts. */
#define MOMENT(name) " " name " = CASE WHEN excluded.seen_ms NOT IN (0, seen_ms) OR " name " = 0 THEN excluded." name \
	" ELSE " name " END"

int store_offboarding_put(struct store *s, const struct store_offboarding *o, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "INSERT INTO offboardings (" COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?)"
		" ON CONFLICT (uuid, generation) DO UPDATE SET" MOMENT("changed_ms") "," MOMENT("seen_ms") "," MOMENT("key_off_ms") ","
		MOMENT("console_off_ms") "," MOMENT("barrier_ms") "," MOMENT("cut_ms") "," MOMENT("refused_ms") ","
		MOMENT("given_up_ms"));
	db_bind(&q, columns, ARRAY_LEN(columns), o);
	r = db_write_end(s, db_run(&q, e), e);
	if (r == 0)
		POINT("store.offboarding.after");
	return r;
}

int store_offboarding_get(struct store *s, const char *uuid, unsigned generation, struct store_offboarding *out, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM offboardings WHERE uuid = ? AND generation = ?");
	db_uuid(&q, uuid);
	db_int(&q, generation);
	return db_read_end(s, db_one(&q, &offboarding_type, NULL, out, "offboarding", e));
}

int store_offboardings(struct store *s, size_t max, struct arena *arena, struct store_offboarding **out, size_t *count,
	struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM offboardings ORDER BY seen_ms DESC, uuid, generation LIMIT ?");
	db_int(&q, (int64_t)max);
	return db_read_end(s, db_all(&q, &offboarding_type, arena, out, count, e));
}
