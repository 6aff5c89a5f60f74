/* The strict look at a JSON text before cJSON parses it; used by common/json.c only. */
#ifndef ROLLCALL_COMMON_JSONSCAN_H
#define ROLLCALL_COMMON_JSONSCAN_H

#include <stddef.h>

#include "common/err.h"
#include "common/mem.h"

struct json_scan {
	const char *text;       /* to be parsed: the text itself, or a copy in which long integers stand as strings */
	size_t len;
	size_t *longs;          /* which values those are, counted from 0 in the order of the text, containers included */
	size_t long_count;
};

/* Owns: all in the arena.  Fails: INPUT with line, column and cause. */
MUST_USE int json_scan(struct arena *, const char *text, size_t len, struct json_scan *out, struct err *e);

#endif
