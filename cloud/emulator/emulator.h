/* The emulator's core: (state, request, now) -> answer, with no clock, socket or thread of its own.
 * httpd.c puts it on a port; the stories call it directly with virtual time.
 *
 * It is written from the vendor's documentation and SDK models, never from the drivers: every action is a
 * row of a table with its parameters, and judges them as the real service does. */
#ifndef ROLLCALL_CLOUD_EMULATOR_EMULATOR_H
#define ROLLCALL_CLOUD_EMULATOR_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/secret.h"

struct emulator;

enum emulator_limits { EMULATOR_LIMITS_DOCUMENTED, EMULATOR_LIMITS_OFF };
struct emulator_options {
	const char *secret_id;            /* of the root account's administrator */
	const struct secret *secret_key;
	enum emulator_limits limits;
	double limit_factor;              /* documented limits times this; 1 = as documented */
	int64_t policy_cache_ms;          /* until a policy change counts; 60,000 as documented */
	int64_t build_ms;                 /* environments, log topics and servers take about this long */
	double quota_factor;              /* account quotas (1,000 users, ...) times this */
	const char *prices;               /* JSON text: {"package": {"baas_personal": 1990}, "bundle": {...}} in fen; NULL: built in */
	uint64_t seed;                    /* ids, keys, faults */
};

/* Fails: INPUT (prices). */
MUST_USE int emulator_new(const struct emulator_options *, struct emulator **out, struct err *e);
void emulator_free(struct emulator *);

struct emulator_header { const char *name, *value; };
struct emulator_request {
	int64_t now_ms;                   /* real time: signatures, rate limits, Date */
	const char *method, *path, *query;
	size_t header_count;
	const struct emulator_header *headers;
	const char *body;
	size_t body_len;
};
enum emulator_cut { EMULATOR_ANSWER, EMULATOR_CUT, EMULATOR_HANG };
struct emulator_reply {
	enum emulator_cut cut;            /* CUT: close without an answer; HANG: keep it open, say nothing */
	int status;
	int64_t delay_ms;                 /* answer this much later */
	int64_t date_ms;                  /* for the Date header (clock skew is a fault) */
	const char *body;
	size_t body_len;
};
/* One request to any service, or to /_emulator/... (state, calls, faults, clock).  Not thread-safe. */
void emulator_handle(struct emulator *, const struct emulator_request *, struct arena *, struct emulator_reply *);

/* The same as the /_emulator/ paths, for callers in the same process. */
struct json *emulator_state(struct emulator *, int64_t now_ms, struct arena *);   /* no secrets */
struct json *emulator_calls(struct emulator *, struct arena *);
MUST_USE int emulator_faults(struct emulator *, const char *script, size_t len, struct err *e);
void emulator_clock(struct emulator *, int64_t advance_ms);      /* business time: renewal, expiry, isolation, builds */

/* Every key ever issued, working or not, so that a test can sign calls with each: tests only. */
struct emulator_key { const char *secret_id; const struct secret *secret_key; uint64_t uin; };
size_t emulator_keys(struct emulator *, struct arena *, struct emulator_key **out);

#endif
