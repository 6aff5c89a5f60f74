/* Settings: a table says what there may be, libconfig reads it, and every complaint carries
 * "file:line: path: why".  All complaints are collected; an unknown name is one of them. */
#ifndef ROLLCALL_COMMON_CONF_H
#define ROLLCALL_COMMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"

enum conf_type {
	CONF_TEXT,      /* char * */
	CONF_PATH,      /* char *; must be absolute */
	CONF_BOOL,      /* bool */
	CONF_INT,       /* int64_t, between min and max */
	CONF_SECONDS,   /* int64_t milliseconds; written in seconds (2, 0.5) or as "90s" "15m" "2h" "30d" */
	CONF_NUMBER,    /* double, between min and max */
	CONF_CHOICE,    /* int: index in `choices` (names joined by "|") */
	CONF_TEXTS,     /* struct conf_texts: a list of strings, or one string */
	CONF_GROUPS,    /* struct conf_groups: a list of groups, each read by the rows in `inner` */
};
struct conf_texts { size_t count; char **items; };
struct conf_groups { size_t count; void *items; };   /* `count` structs of inner_size bytes */

enum { CONF_REQUIRED = 1 };

struct conf_row {
	const char *path;            /* "directory.base" */
	enum conf_type type;
	size_t offset;               /* of the field in the settings struct */
	const char *otherwise;       /* default, written as in a file (one text: also without its quotes); NULL = none
	                                (0, NULL, empty list) */
	unsigned flags;
	double min, max;             /* both 0 = any; of CONF_SECONDS in seconds */
	const char *choices;
	const struct conf_row *inner;
	size_t inner_count, inner_size;
	const char *help;            /* one line, for `rollcalld -t` and the manual's test */
};

struct conf;         /* where each setting stands in its file */

/* Fill *settings from the file.  On failure every complaint is in *complaints ("" on success), one per line and
 * in the order of the file, and *doc may be set all the same (NULL when the file could not be parsed), so that
 * further checks can add theirs.  Names that libconfig would take twice are complaints, long integers need no
 * "L", and "@include" is refused: one file, so that its lines can be named.  Owns: all in the arena.  Fails: INPUT. */
MUST_USE int conf_load(const char *file, const struct conf_row *rows, size_t count, void *settings, struct arena *,
	struct conf **doc, char **complaints, struct err *e);
/* "file:line" of a setting ("profiles[1].package" for groups), of its nearest parent, or of the file:
 * for checks that a table cannot express. */
const char *conf_place(const struct conf *doc, const char *path);
/* The effective settings, one "path = value" per line. */
char *conf_show(const struct conf_row *rows, size_t count, const void *settings, struct arena *);

#endif
