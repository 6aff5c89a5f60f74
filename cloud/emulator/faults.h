/* Misbehaviour on demand: a script of rules, and the switches for what the documentation leaves open. */
#ifndef ROLLCALL_CLOUD_EMULATOR_FAULTS_H
#define ROLLCALL_CLOUD_EMULATOR_FAULTS_H

#include "cloud/emulator/state.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_ERROR,        /* answered with `code`; not done */
	FAULT_THROTTLE,     /* RequestLimitExceeded; not done */
	FAULT_HTTP500,      /* not done */
	FAULT_CUT_BEFORE,   /* connection closed; not done */
	FAULT_CUT_AFTER,    /* done, then the connection is closed */
	FAULT_DELAY,        /* done, answered late */
	FAULT_HANG,         /* not done, never answered */
	FAULT_STALE,        /* a reading action answers as before the last change */
	FAULT_SKEW,         /* the server's clock is off by skew_ms for this call */
	FAULT_GARBAGE,      /* done, answered with something that is not JSON */
};
struct fault { enum fault_kind kind; const char *name, *code; int64_t delay_ms, skew_ms; };

/* A script is {"switches": {...}, "rules": [...]}; it replaces the one before, and unnamed switches are as at
 * the start.  Fails: INPUT with the place ("rules[2].kind"); the old script then stays. */
MUST_USE int faults_load(struct emulator *, const char *script, size_t len, struct err *e);
void faults_free(struct faults *);
/* What happens to this call of the action; counts it.  The first rule that fires decides. */
struct fault faults_fire(struct emulator *, const char *action);
bool faults_any_stale(const struct emulator *);
struct switches switches_default(const struct emulator *);

/* Answers of reading actions, remembered while a script has a rule of kind "stale". */
struct stale_key { const char *action, *caller, *region, *body; size_t body_len; };
void stale_note(struct emulator *, const struct stale_key *, const char *answer, size_t len);
/* The last answer to the same question from before the last change; NULL when there was none. */
const char *stale_answer(struct emulator *, const struct stale_key *, size_t *len);
void stale_free(struct stale *);

#endif
