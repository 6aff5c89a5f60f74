/* Memory: an arena per request, cleanup attributes for the five usual things, and allocation that never
 * returns NULL (out of memory is reported and ends the process with status 70: being killed is safe by
 * design, half an answer is not). */
#ifndef ROLLCALL_COMMON_MEM_H
#define ROLLCALL_COMMON_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

void *mem_alloc(size_t n);              /* zeroed */
void *mem_realloc(void *p, size_t n);
char *mem_strdup(const char *s);
_Noreturn void mem_exhausted(void);     /* the report and the end, for a library's own NULL */

struct arena;

/* cap: bytes after which arena_check() reports the request as bad input.  Allocation itself goes on:
 * every input is bounded where it is read, so the overshoot is bounded too, and callers need no test
 * after each allocation. */
struct arena *arena_new(size_t cap);
void arena_free(struct arena *);        /* NULL is fine; runs deferred functions, last first */
void arena_reset(struct arena *);       /* as free and new, keeping one block */
void *arena_alloc(struct arena *, size_t n);        /* zeroed, aligned for anything */
char *arena_strdup(struct arena *, const char *s);  /* NULL gives NULL */
char *arena_strndup(struct arena *, const char *s, size_t n);
void *arena_memdup(struct arena *, const void *p, size_t n);   /* one NUL is added behind */
char *arena_printf(struct arena *, const char *fmt, ...) PRINTF(2, 3);
/* Call fn(p) when the arena is freed or reset: how a parsed document or a secret joins a request. */
void arena_defer(struct arena *, void (*fn)(void *), void *p);
/* Fails: INPUT when more than cap bytes were taken. */
MUST_USE int arena_check(const struct arena *, struct err *e);

void mem_cleanup_free(void *pp);
void mem_cleanup_fd(int *fd);
void mem_cleanup_arena(struct arena **a);
#define AUTO_FREE __attribute__((cleanup(mem_cleanup_free)))
#define AUTO_FD __attribute__((cleanup(mem_cleanup_fd)))
#define AUTO_ARENA __attribute__((cleanup(mem_cleanup_arena)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
