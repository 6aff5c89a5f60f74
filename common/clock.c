#include "common/clock.h"

#include <errno.h>
#include <limits.h>
#include <openssl/rand.h>
#include <time.h>
#include <unistd.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t system_now(void *ctx)
{
	(void)ctx;
	return read_ms(CLOCK_REALTIME);
}

static int64_t system_mono(void *ctx)
{
	(void)ctx;
	return read_ms(CLOCK_MONOTONIC);
}

static void system_wait(void *ctx, int64_t ms)
{
	(void)ctx;
	if (ms <= 0)
		return;
	struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

/* Without random bytes there are no keys, passwords or nonces: end as when memory is exhausted. */
static _Noreturn void no_random(void)
{
	static const char text[] = "rollcall: the random generator does not answer\n";
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(70);
	_exit(70);
}

static void system_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	unsigned char *p = out;
	while (n > 0) {
		int part = n > INT_MAX ? INT_MAX : (int)n;
		if (RAND_bytes(p, part) != 1)
			no_random();
		p += part;
		n -= (size_t)part;
	}
}

struct clock clock_system(void)
{
	return (struct clock){ NULL, system_now, system_mono, system_wait, system_random };
}

/* --- virtual -------------------------------------------------------------- */

static int64_t virtual_now(void *ctx)
{
	const struct clock_virtual *v = ctx;
	return v->now_ms;
}

/* Goes with the wall clock, but stands while a test sets that back. */
static int64_t virtual_mono(void *ctx)
{
	struct clock_virtual *v = ctx;
	if (v->now_ms > v->mono_ms)
		v->mono_ms = v->now_ms;
	return v->mono_ms;
}

static void virtual_wait(void *ctx, int64_t ms)
{
	struct clock_virtual *v = ctx;
	if (ms > 0)
		v->now_ms += ms;
}

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* xoshiro256** by Blackman and Vigna. */
static uint64_t next(uint64_t s[4])
{
	uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

static void virtual_random(void *ctx, void *out, size_t n)
{
	struct clock_virtual *v = ctx;
	unsigned char *p = out;
	for (size_t i = 0; i < n;) {
		uint64_t bits = next(v->state);
		for (int k = 0; k < 8 && i < n; k++, bits >>= 8)
			p[i++] = (unsigned char)bits;
	}
}

/* splitmix64, as its authors advise for seeding. */
static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

struct clock clock_virtual(struct clock_virtual *v, int64_t now_ms, uint64_t seed)
{
	v->now_ms = now_ms;
	v->mono_ms = now_ms;
	for (int i = 0; i < 4; i++)
		v->state[i] = splitmix(&seed);
	return (struct clock){ v, virtual_now, virtual_mono, virtual_wait, virtual_random };
}
