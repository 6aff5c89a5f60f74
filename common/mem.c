#include "common/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_BLOCK 4096u
#define LARGEST_BLOCK 65536u

void mem_exhausted(void)
{
	static const char text[] = "rollcall: out of memory\n";
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(70);
	_exit(70);
}

void *mem_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);
	if (!p)
		mem_exhausted();
	return p;
}

void *mem_realloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);
	if (!q)
		mem_exhausted();
	return q;
}

char *mem_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(mem_alloc(n), s, n);
}

/* --- arena ---------------------------------------------------------------- */

struct block {
	struct block *older;
	size_t used, size;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct deferred {
	struct deferred *older;
	void (*fn)(void *);
	void *p;
};

struct arena {
	size_t cap, taken;
	struct block *newest;
	struct deferred *deferred;
};

struct arena *arena_new(size_t cap)
{
	struct arena *a = mem_alloc(sizeof(*a));
	a->cap = cap;
	return a;
}

static void run_deferred(struct arena *a)
{
	/* Read anew each time: a deferred function may defer. */
	while (a->deferred) {
		struct deferred *d = a->deferred;
		a->deferred = d->older;
		d->fn(d->p);
	}
}

/* Request bodies and printed documents may have held secrets, so what was used is wiped; for the block
 * that is kept this is also what makes the next allocation zeroed. */
static void wipe_block(struct block *b)
{
	explicit_bzero(b->bytes, b->used);
	b->used = 0;
}

static void drop_blocks(struct arena *a, bool keep_first)
{
	while (a->newest) {
		struct block *b = a->newest;
		wipe_block(b);
		if (keep_first && !b->older)
			return;
		a->newest = b->older;
		free(b);
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	run_deferred(a);
	drop_blocks(a, false);
	free(a);
}

void arena_reset(struct arena *a)
{
	run_deferred(a);
#ifdef __SANITIZE_ADDRESS__
	drop_blocks(a, false);
#else
	drop_blocks(a, true);
#endif
	a->taken = 0;
}

static struct block *add_block(struct arena *a, size_t n)
{
	size_t size = a->newest ? a->newest->size * 2 : FIRST_BLOCK;
	if (size > LARGEST_BLOCK)
		size = LARGEST_BLOCK;
#ifdef __SANITIZE_ADDRESS__
	size = n;               /* one block per allocation, so that the sanitizer sees its end */
#endif
	if (size < n)
		size = n;
	struct block *b = mem_alloc(sizeof(*b) + size);
	b->size = size;
	b->older = a->newest;
	a->newest = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	if (n > SIZE_MAX / 2)
		mem_exhausted();
	struct block *b = a->newest;
	size_t start = b ? (b->used + align - 1) / align * align : 0;
	if (!b || start > b->size || b->size - start < n) {
		b = add_block(a, n);
		start = 0;
	}
	b->used = start + n;
	a->taken += n;
	return b->bytes + start;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_memdup(a, s, strlen(s)) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	return s ? arena_memdup(a, s, strnlen(s, n)) : NULL;
}

void *arena_memdup(struct arena *a, const void *p, size_t n)
{
	char *to = arena_alloc(a, n + 1);
	if (n)
		memcpy(to, p, n);
	return to;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	size_t size = n > 0 ? (size_t)n + 1 : 1;
	char *text = arena_alloc(a, size);
	vsnprintf(text, size, fmt, again);
	va_end(again);
	return text;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *p)
{
	struct deferred *d = arena_alloc(a, sizeof(*d));
	d->fn = fn;
	d->p = p;
	d->older = a->deferred;
	a->deferred = d;
}

int arena_check(const struct arena *a, struct err *e)
{
	if (a->taken > a->cap)
		return err_set(e, ERR_INPUT, "needed more than %zu bytes of memory", a->cap);
	return 0;
}

/* --- cleanup attributes --------------------------------------------------- */

void mem_cleanup_free(void *pp)
{
	void *p;
	memcpy(&p, pp, sizeof(p));
	free(p);
}

void mem_cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void mem_cleanup_arena(struct arena **a)
{
	arena_free(*a);
	*a = NULL;
}
