/* The only source of time and of random bytes.  Tests put a virtual clock and a seeded generator here;
 * nothing else in Rollcall asks the operating system for either. */
#ifndef ROLLCALL_COMMON_CLOCK_H
#define ROLLCALL_COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct clock {
	void *ctx;
	int64_t (*now_ms)(void *ctx);     /* wall clock, milliseconds since 1970 */
	int64_t (*mono_ms)(void *ctx);    /* never goes back; its zero means nothing */
	void (*wait_ms)(void *ctx, int64_t ms);
	void (*random)(void *ctx, void *out, size_t n);
};

/* The machine's clocks and OpenSSL's random generator. */
struct clock clock_system(void);

/* A clock that stands still until it is set; random bytes follow from the seed (never for real keys). */
struct clock_virtual {
	int64_t now_ms;      /* may be set at any time, also back */
	int64_t mono_ms;     /* the greatest now_ms seen */
	uint64_t state[4];
};
struct clock clock_virtual(struct clock_virtual *v, int64_t now_ms, uint64_t seed);

static inline int64_t clock_now(const struct clock *c) { return c->now_ms(c->ctx); }
static inline int64_t clock_mono(const struct clock *c) { return c->mono_ms(c->ctx); }
static inline void clock_wait(const struct clock *c, int64_t ms) { c->wait_ms(c->ctx, ms); }
static inline void clock_random(const struct clock *c, void *out, size_t n) { c->random(c->ctx, out, n); }

#endif
