#include "hook/retire.h"

#include "common/log.h"
#include "hook/feed_inside.h"
#include "policies/stage.h"

#define RETIRE_BATCH 200
#define LOOK_AGAIN_MS 1000

/* Is he, at this moment, gone or not entitled?  An entry that is there must say so itself, and be readable. */
static int out_right_now(struct feed *f, const char *uuid, bool *out, struct err *e)
{
	struct arena *a = f->confirm_arena;
	const struct entry *entry = NULL;
	enum whereabouts where;
	struct person now;
	struct err unreadable;
	*out = false;
	int rc = f->confirm->reread(f->confirm, uuid, a, &where, &entry, e);
	if (rc)
		return rc;
	if (where == WHERE_GONE || where == WHERE_OUTSIDE) {
		*out = true;
		return 0;
	}
	bool readable = !person_read(entry, f->roll->rules, clock_now(f->roll->clock), a, &now, &unreadable);
	*out = now.signal == SIGNAL_DISABLED || (readable && now.signal == SIGNAL_WITHDRAWN);
	return roll_entry(f->roll, entry, a, e);
}

/* Grace is over: only whoever is still not entitled at this moment is taken down. */
int retire_step(struct feed *f)
{
	struct arena *a = f->confirm_arena;
	struct store_account *list;
	size_t n;
	struct err e;
	int did = 0;
	int64_t mono = clock_mono(f->roll->clock);
	if (mono < f->retire_again_mono)
		return 0;
	f->retire_again_mono = mono + LOOK_AGAIN_MS;
	if (store_graceless(f->roll->store, STAGE_SUSPENDED, clock_now(f->roll->clock), RETIRE_BATCH, a, &list, &n, &e)) {
		log_err(LOG_ERROR_LEVEL, "confirm", NULL, &e);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		bool still_out, retired = false;
		int rc = out_right_now(f, list[i].uuid, &still_out, &e);
		if (!rc && still_out)
			rc = roll_retire(f->roll, &list[i], &retired, a, &e);
		if (rc)
			log_err(LOG_WARN_LEVEL, "confirm", list[i].uuid, &e);
		did += retired;
	}
	return did > 0;
}
