/* The error value: what went wrong, and above all what the caller should do about it.
 *
 * A function that can fail returns 0 or one of the negative kinds below and fills the caller's
 * `struct err`, which lives on the caller's stack.  `err` is untouched on success; outputs are untouched
 * on failure.  Only the edge of the program (hook/) logs, and it logs each failure once. */
#ifndef ROLLCALL_COMMON_ERR_H
#define ROLLCALL_COMMON_ERR_H

#include <stdbool.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum err_kind {
	ERR_NONE = 0,
	ERR_TEMP = -1,     /* transient: try this person again later */
	ERR_LIMIT = -2,    /* rate limit, ours or the cloud's: nothing was done, try at due_ms */
	ERR_WAIT = -3,     /* started and not finished (an environment being built): look again at due_ms */
	ERR_UNKNOWN = -4,  /* a changing call whose outcome is not known: resolve by looking, never by repeating */
	ERR_STALE = -5,    /* preempted: newer news of this person has come, or the lease is not ours */
	ERR_PERM = -6,     /* will not work by waiting: park the person, tell a human */
	ERR_AUTH = -7,     /* our own credentials are refused: stop all cloud work, alarm */
	ERR_ABSENT = -8,   /* not there; drivers turn it into "none" */
	ERR_FOREIGN = -9,  /* there, but not ours: never touch it */
	ERR_INPUT = -10,   /* bad settings, entry, answer or request; the text names place and cause */
	ERR_QUOTA = -11,   /* money, stock or account quota: try slowly, tell a human */
	ERR_BUG = -12,     /* a broken promise inside Rollcall */
};

struct err {
	enum err_kind kind;
	int64_t due_ms;        /* LIMIT and WAIT: when to come back, milliseconds since 1970; 0 = caller's choice */
	char code[64];         /* upstream code such as "FailedOperation.PolicyFull"; "" when there is none */
	char request_id[48];   /* the cloud's RequestId; "" when there is none */
	char text[240];        /* one line for a human, past tense, names in quotes; cut at the end when too long */
};

/* Fill *e and return kind, so that `return err_set(&e, ERR_PERM, "...")` is one line.  Clears code,
 * request id and due.  e may be NULL. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);

/* Put context and ": " in front of the text while the error climbs: err_wrap(e, "user \"%s\"", name).
 * Kind, code, request id and due stay.  Returns e->kind. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* As err_set, with the moment to come back. */
int err_due(struct err *e, enum err_kind kind, int64_t due_ms, const char *fmt, ...) PRINTF(4, 5);

/* "temp", "limit", ...: for logs and the store. */
const char *err_kind_name(int kind);

/* Waiting alone will not help: a human is told. */
bool err_is_lasting(int kind);

/* How bad a kind is when several failures must be summed up in one; greater is worse. */
int err_rank(int kind);

#endif
