/* Tells clang's analyzer what it cannot see across files: failures are never 0, allocation is never NULL.
 * Forced in front of each source by `make lint`; no program is built with it. */
#ifndef ROLLCALL_TESTS_LINT_ANALYZER_H
#define ROLLCALL_TESTS_LINT_ANALYZER_H

#include "common/err.h"
#include "common/mem.h"

static inline int analyzer_failure(int kind)
{
	if (kind == 0)
		__builtin_unreachable();
	return kind;
}
#define err_set(...) analyzer_failure(err_set(__VA_ARGS__))
#define err_wrap(...) analyzer_failure(err_wrap(__VA_ARGS__))
#define err_due(...) analyzer_failure(err_due(__VA_ARGS__))

#define NEVER_NULL __attribute__((returns_nonnull))
void *mem_alloc(size_t n) NEVER_NULL;
void *mem_realloc(void *p, size_t n) NEVER_NULL;
char *mem_strdup(const char *s) NEVER_NULL;
struct arena *arena_new(size_t cap) NEVER_NULL;
void *arena_alloc(struct arena *, size_t n) NEVER_NULL;
void *arena_memdup(struct arena *, const void *p, size_t n) NEVER_NULL;
char *arena_strndup(struct arena *, const char *s, size_t n) NEVER_NULL;
char *arena_printf(struct arena *, const char *fmt, ...) NEVER_NULL;

#endif
