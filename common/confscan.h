/* A look at the text of a settings file before libconfig parses it; used by common/conf.c only. */
#ifndef ROLLCALL_COMMON_CONFSCAN_H
#define ROLLCALL_COMMON_CONFSCAN_H

#include <stddef.h>

#include "common/err.h"
#include "common/mem.h"

/* libconfig cuts integers to 32 bits without a word unless an "L" stands behind them: the copy has it.  Refuses
 * what does not fit into 64 bits, and "@include".  Lines stay where they are; *line tells the bad one.
 * Owns: the copy is in the arena.  Fails: INPUT. */
MUST_USE int conf_scan(struct arena *, const char *text, size_t len, char **copy, int *line, struct err *e);

#endif
