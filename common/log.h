/* One line per event, on standard error, with fixed fields:
 *     2026-11-24T16:35:02Z info engine alice@3f2a... "key switched off" [request-id]
 * Under systemd the line goes to the journal with its level as a "<N>" prefix.
 * Values are cleaned of control characters; repeated equal lines of one person are counted, not repeated.
 * Only hook/ logs.  Secrets cannot be passed: a struct secret does not fit any format. */
#ifndef ROLLCALL_COMMON_LOG_H
#define ROLLCALL_COMMON_LOG_H

#include "common/err.h"

enum log_level { LOG_ALARM_LEVEL = 1, LOG_ERROR_LEVEL = 3, LOG_WARN_LEVEL = 4, LOG_INFO_LEVEL = 6, LOG_DEBUG_LEVEL = 7 };

/* Called once by main.  max: the least urgent level that is written.  journal: prefix lines with "<N>". */
void log_open(enum log_level max, int journal);

/* room: "feed", "engine", ...; who: a person's login or UUID, or NULL. */
void log_event(enum log_level level, const char *room, const char *who, const char *fmt, ...) PRINTF(4, 5);
/* Written whatever log_open() was told, as info: what an auditor must be able to rely on. */
void log_always(const char *room, const char *fmt, ...) PRINTF(2, 3);
/* The same for a failure: adds kind, code and request id of the error. */
void log_err(enum log_level level, const char *room, const char *who, const struct err *e);

#endif
