/* Policies held against a request by both evaluators, the real one and the naive one. */
#ifndef ROLLCALL_TESTS_SUPPORT_BOTH_H
#define ROLLCALL_TESTS_SUPPORT_BOTH_H

#include <stdbool.h>

#include "common/json.h"
#include "policies/cam/eval.h"
#include "tests/support/naive.h"

#define BOTH_MAX 8
#define BOTH_CONTEXT 8        /* condition keys of a request */

struct both_policy { const char *text; const struct cam_policy *real; const struct json *plain; };
struct both {
	size_t count;
	struct both_policy held[BOTH_MAX], boundary;      /* boundary.real NULL: none */
};

/* Fails: INPUT, from the real reader; what it takes, the other takes too. */
MUST_USE int both_read(struct arena *, const char *text, struct both_policy *out, struct err *e);
/* The real verdict; *naive is the other one's. */
enum cam_verdict both_judge(const struct both *, const struct cam_request *, enum cam_verdict *naive);
const char *both_name(enum cam_verdict);             /* "allowed", "denied", "refused" */

/* A small generator of numbers that follow from a seed. */
struct dice { uint64_t state; };
uint64_t dice_roll(struct dice *);
size_t dice_below(struct dice *, size_t n);          /* n > 0 */
bool dice_chance(struct dice *, unsigned percent);

#endif
