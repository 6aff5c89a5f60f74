/* Small text files that are not secret: templates, scripts. */
#ifndef ROLLCALL_COMMON_FILE_H
#define ROLLCALL_COMMON_FILE_H

#include <stddef.h>

#include "common/err.h"
#include "common/mem.h"

/* The whole file, a NUL behind.  Owns: *out is in the arena.  Fails: INPUT naming the file (not there, not a regular
 * file, more than max bytes, changed while it was read). */
MUST_USE int file_read(struct arena *, const char *path, size_t max, char **out, size_t *n, struct err *e);

#endif
