/* Evidence: who did what to whom, when and why, as one append-only file of JSON lines.  Each line carries the
 * SHA-256 of the line before it, so that a line cannot be changed or taken out unseen.  Appending is one
 * write(2) and one fdatasync.  Secrets never reach it.
 *
 * As long as the file takes no lines (no space, read-only, moved away) nothing is granted; what is taken away goes on,
 * and its lines go to a second place.  When the file takes lines again, one of them says how many are there. */
#ifndef ROLLCALL_HOOK_EVIDENCE_H
#define ROLLCALL_HOOK_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/crypt.h"
#include "common/err.h"
#include "common/json.h"

struct evidence;

/* Opens or creates (0600); a torn last line, as a power cut leaves it, is completed by a line that says so.
 * Fails: INPUT (the chain's end does not fit), TEMP. */
MUST_USE int evidence_open(const char *path, const struct clock *, struct evidence **out, struct err *e);
/* The same, and never fails: a file that cannot be opened is told as an alarm, and tried again before each line. */
void evidence_start(const char *path, const struct clock *, struct evidence **out);
void evidence_close(struct evidence *);
/* The second place: a file of the same form, with a chain of its own.  path NULL, and whenever that file fails, too: the
 * system log, an alarm each with the line's JSON.  Called once, before other threads write.  A file that cannot be opened
 * is told, and tried again when it is needed. */
void evidence_second(struct evidence *, const char *path);

/* A leaver's; 0: not (yet) known.  They go into the line under these names. */
struct evidence_moments {
	int64_t changed_ms;        /* when the directory changed */
	int64_t seen_ms, barrier_ms, key_off_ms, console_off_ms, cut_ms, refused_ms;
};
struct evidence_line {
	const char *event;         /* "stage", "did", "cut", "directory", "alarm", "secret", "start", ... */
	const char *uuid, *login;  /* may be NULL */
	unsigned generation;       /* 0: not about an account */
	const char *row;           /* may be NULL */
	const char *what;          /* "CreateEnv rc-... done", "ACTIVE -> SUSPENDED" */
	const char *why;           /* "disabled: employeeType=retired"; may be NULL */
	const char *request_id;    /* may be NULL */
	const char *csn;           /* the directory's change number, of the entry as last seen: entryCSN, or modifyTimestamp; may be NULL */
	const struct evidence_moments *moments;    /* may be NULL */
};
/* Fails: TEMP (the file did not take it; it is in the second place). */
MUST_USE int evidence_add(struct evidence *, const struct evidence_line *, struct err *e);
/* Asked before anything is granted: does the file stand where it should, with room for what follows?
 * Fails: TEMP ("the evidence cannot be written: ..."). */
MUST_USE int evidence_ready(struct evidence *, struct err *e);
/* Lines that are in the second place and not yet told of in the file; *since_ms 0: none. */
void evidence_aside(struct evidence *, int64_t *lines, int64_t *since_ms);
/* {"evidence": "written" or what keeps it from that, "evidence_aside": lines in the second place} */
void evidence_health(struct evidence *, struct json *into);
/* How many lines, and the SHA-256 of the last one (64 zeros: none): for the system log, beside which it shows when
 * lines were taken away at the end. */
void evidence_head(struct evidence *, int64_t *lines, char head[SHA256_HEX]);
/* The head into the system log, whatever its level. */
void evidence_tell_head(struct evidence *);
/* Walk a file.  *lines counts good ones.  Fails: INPUT with the line number and what is wrong. */
MUST_USE int evidence_verify(const char *path, int64_t *lines, struct err *e);
/* The same, and each good line (one JSON object, without its line end) is shown, as far as the file is whole. */
MUST_USE int evidence_read(const char *path, void (*each)(void *ctx, const char *line, size_t n), void *ctx, int64_t *lines,
	struct err *e);

#endif
