#include "policies/walk.h"

#include <string.h>

#include "common/failpoint.h"

/* Failures of several rows become one: the worst kind speaks, the earliest moment to come back counts. */
static void note(struct walk *w, struct walk_result *r, enum row_id row, const struct err *e)
{
	if (w->failed)
		w->failed(w->ctx, row, e);
	r->complete = false;
	int64_t due = r->worst.due_ms;
	if (e->due_ms && (!due || e->due_ms < due))
		due = e->due_ms;
	if (!r->worst.kind || err_rank(e->kind) > err_rank(r->worst.kind))
		r->worst = *e;
	r->worst.due_ms = due;
}

static void begin(struct walk *w, const struct row *row)
{
	w->call->row = row->id;
}

static const char *verb(enum cell cell, enum seen seen)
{
	if (seen == SEEN_FOREIGN)
		return "nothing: it is not ours";
	switch (cell) {
	case CELL_ON:
		return seen == SEEN_OK ? "nothing" : seen == SEEN_NONE ? "create" : seen == SEEN_WAIT ? "go on" : "change";
	case CELL_LOCK:
		return seen == SEEN_NONE || seen == SEEN_LOCKED ? "nothing" : "lock";
	case CELL_OFF:
		return seen == SEEN_NONE ? "nothing" : "remove";
	case CELL_KEEP:
		break;
	}
	return "nothing";
}

static void plan_line(struct walk *w, const struct row *row, enum cell cell, enum seen seen)
{
	struct json *line = json_object(w->call->arena);
	json_put_text(line, "row", row->driver->name);
	json_put_text(line, "cell", cell_name(cell));
	json_put_text(line, "seen", seen_name(seen));
	json_put_text(line, "does", verb(cell, seen));
	json_push(w->plan, line);
}

static bool as_wanted(enum cell cell, enum seen seen)
{
	switch (cell) {
	case CELL_ON:
		return seen == SEEN_OK;
	case CELL_LOCK:
		return seen == SEEN_NONE || seen == SEEN_LOCKED;
	case CELL_OFF:
		return seen == SEEN_NONE;
	case CELL_KEEP:
		break;
	}
	return true;
}

static int act(struct walk *w, const struct row *row, enum cell cell, struct err *e)
{
	const struct driver *d = row->driver;
	switch (cell) {
	case CELL_ON:
		return d->ensure(w->call, w->want, w->found, e);
	case CELL_LOCK:
		return d->lock(w->call, w->want, w->found, e);
	case CELL_OFF:
		return d->remove(w->call, w->want, w->found, e);
	case CELL_KEEP:
		break;
	}
	return 0;
}

/* Some failures concern not the row but the walk: somebody else wants this account, or nothing works at all. */
static bool ends_walk(int rc)
{
	return rc == ERR_STALE || rc == ERR_AUTH;
}

/* Look, act, write down: one row. */
static int step(struct walk *w, const struct row *row, struct err *e)
{
	const struct driver *d = row->driver;
	enum cell cell = row->cells[w->stage];
	int64_t *verified = &w->found->verified_ms[row->id];
	begin(w, row);
	int rc = w->regrant(w->ctx, w->found, w->want, e);
	if (rc)
		return rc;
	/* What is not known of an earlier call is found out before anything new is built in this row; taking away
	 * goes on all the same. */
	int open = 0;
	if (d->resolve && !w->call->plan) {
		open = d->resolve(w->call, w->want, w->found, e);
		if (open && (cell == CELL_ON || ends_walk(open)))
			return open;
	}
	if (cell == CELL_KEEP || (!w->call->plan && *verified > w->trust_since_ms))
		return open;
	enum seen seen = SEEN_NONE;
	rc = d->observe(w->call, w->want, w->found, &seen, e);
	if (rc)
		return rc;
	if (w->call->plan) {
		plan_line(w, row, cell, seen);
		return 0;
	}
	if (!as_wanted(cell, seen)) {
		if (seen == SEEN_FOREIGN && cell != CELL_ON)
			return 0;       /* never touched, and none of ours is left */
		if (seen == SEEN_FOREIGN)
			return err_set(e, ERR_FOREIGN, "%s: there is one that is not ours", d->name);
		*verified = 0;
		rc = act(w, row, cell, e);
	}
	if (!rc && !open)
		*verified = clock_now(w->call->clock);
	/* Saved also after a failure: a driver may have learnt half of it (an id, a state). */
	struct err se;
	int saved = w->save(w->ctx, w->found, &se);
	POINT("walk.saved");
	if (rc || open)
		return rc ? rc : open;
	if (saved) {
		*e = se;
		return saved;
	}
	return arena_check(w->call->arena, e);
}

static const struct row *row_by_cut(const struct lifecycle *l, unsigned place)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (l->rows[i].cut == place)
			return &l->rows[i];
	return NULL;
}

/* The cut can be refused in part, by a rate limit above all.  What was seen as it must be is left alone by the next
 * attempt: all of it at once may never be had when many leave. */
static bool is_cut(const struct walk *w, const struct row *row)
{
	return w->found->verified_ms[row->id] > w->trust_since_ms;
}

static int cut_row(struct walk *w, const struct row *row, struct err *e)
{
	const struct driver *d = row->driver;
	int rc = row->cells[w->stage] == CELL_LOCK ? d->lock(w->call, w->want, w->found, e)
						   : d->remove(w->call, w->want, w->found, e);
	w->found->verified_ms[row->id] = rc ? 0 : clock_now(w->call->clock);
	return rc;
}

void walk_cut(struct walk *w, struct walk_result *r)
{
	struct err e;
	memset(r, 0, sizeof(*r));
	r->complete = true;
	w->call->cutting = true;
	w->call->api->urgent = true;
	if (w->regrant(w->ctx, w->found, w->want, &e))
		note(w, r, ROW_USER, &e);
	for (unsigned place = 1; place <= CUT_LAST; place++) {
		const struct row *row = row_by_cut(w->life, place);
		begin(w, row);
		if (row->driver->cut && !is_cut(w, row) && row->driver->cut(w->call, w->want, w->found, &e))
			note(w, r, row->id, &e);
		POINT("walk.cut");
	}
	for (unsigned place = 1; place <= CUT_LAST; place++) {
		const struct row *row = row_by_cut(w->life, place);
		begin(w, row);
		if (!is_cut(w, row) && cut_row(w, row, &e))
			note(w, r, row->id, &e);
	}
	w->call->api->urgent = false;
	w->call->cutting = false;
}

void walk_run(struct walk *w, struct walk_result *r)
{
	struct err e;
	memset(r, 0, sizeof(*r));
	r->complete = true;
	for (unsigned place = 1; place <= ROW_COUNT; place++) {
		const struct row *row = row_by_cut(w->life, place);
		if (row->cells[w->stage] == CELL_ON)
			continue;
		/* The user goes last, and only when nothing is left that would be orphaned by it. */
		if (row->id == ROW_USER && row->cells[w->stage] == CELL_OFF && !r->complete)
			break;
		memset(&e, 0, sizeof(e));
		int rc = step(w, row, &e);
		if (rc)
			note(w, r, row->id, &e);
		if (ends_walk(rc))
			return;
	}
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct row *row = &w->life->rows[i];
		if (row->cells[w->stage] != CELL_ON)
			continue;
		memset(&e, 0, sizeof(e));
		int rc = step(w, row, &e);
		if (rc)
			note(w, r, row->id, &e);
		if (ends_walk(rc) || (rc && row->needed))
			return;
	}
}
