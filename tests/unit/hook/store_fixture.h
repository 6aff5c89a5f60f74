/* What the store's tests share: a store in a folder of its own, and people and accounts to put into it. */
#ifndef ROLLCALL_TESTS_UNIT_HOOK_STORE_FIXTURE_H
#define ROLLCALL_TESTS_UNIT_HOOK_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "hook/store/store.h"
#include "ldap/person.h"
#include "policies/stage.h"

#define NOW 1764000000000LL
#define ALL_LANES ((1u << LANE_COUNT) - 1)

struct fixture {
	char folder[64], path[96];
	struct clock_virtual time;
	struct clock clock;
	struct store *store;
	struct arena *arena;
	struct err e;
};

#define OK(call) assert_int_equal((call), 0)

static inline void fixture_open(struct fixture *f)
{
	if (store_open(f->path, &f->clock, &f->store, &f->e) < 0)
		fail_msg("%s", f->e.text);
}

static inline void fixture_reopen(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	fixture_open(f);
}

static inline int fixture_folder(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	strcpy(f->folder, "/tmp/rollcall-test-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/store.db", f->folder);
	f->clock = clock_virtual(&f->time, NOW, 1);
	f->arena = arena_new(1u << 24);
	*state = f;
	return 0;
}

static inline int fixture_up(void **state)
{
	if (fixture_folder(state) < 0)
		return -1;
	fixture_open(*state);
	return 0;
}

static inline void fixture_remove(struct fixture *f)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	store_close(f->store);
	f->store = NULL;
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s%s", f->path, endings[i]);
		unlink(path);
	}
}

static inline int fixture_down(void **state)
{
	struct fixture *f = *state;
	fixture_remove(f);
	arena_free(f->arena);
	rmdir(f->folder);
	free(f);
	return 0;
}

/* The n-th person: UUIDs sort as the numbers do. */
static inline void uuid_of(unsigned n, char out[UUID_TEXT])
{
	snprintf(out, UUID_TEXT, "%08x-e813-11f1-9271-ca710d083b6f", n);
}

static inline struct store_person person_of(unsigned n, struct arena *arena)
{
	struct store_person p = { .uid_number = (int64_t)n + 10000, .signal = SIGNAL_ENTITLED, .signal_ms = NOW };
	uuid_of(n, p.uuid);
	p.login = arena_printf(arena, "user%u", n);
	p.dn = arena_printf(arena, "uid=%s,ou=people,dc=example,dc=com", p.login);
	p.display = arena_printf(arena, "User Number %u", n);
	snprintf(p.hash, sizeof(p.hash), "%016x", n);
	return p;
}

/* Person n with an account that is due then in the lane; INT64_MAX: never. */
static inline struct store_account account_of(struct fixture *f, unsigned n, enum lane lane, int64_t due_ms)
{
	struct store_person p = person_of(n, f->arena);
	OK(store_person_put(f->store, &p, &f->e));
	struct store_account a = { .stage = STAGE_ACTIVE, .since_ms = NOW, .lane = lane, .due_ms = due_ms };
	uuid_of(n, a.uuid);
	a.placement = "{}";
	OK(store_account_new(f->store, &a, &f->e));
	return a;
}

static inline int take(struct fixture *f, unsigned lanes, int worker, struct store_account *out)
{
	int64_t next;
	return store_take(f->store, lanes, worker, f->arena, out, &next, &f->e);
}

#endif
