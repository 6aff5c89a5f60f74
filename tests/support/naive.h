/* A second opinion on CAM policies, so that evaluator, prover and emulator do not judge themselves: written from the
 * vendor's pages alone, without a line of policies/cam, slowly and plainly.  It takes sound documents (the real reader
 * refuses the others) and says what policies, boundary and request come to. */
#ifndef ROLLCALL_TESTS_SUPPORT_NAIVE_H
#define ROLLCALL_TESTS_SUPPORT_NAIVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/json.h"

struct naive_pair { const char *key, *value; };
struct naive_request {
	const char *action, *resource;
	uint64_t owner, caller, app;          /* app: not 0 */
	size_t count;
	const struct naive_pair *context;
};
enum naive_verdict { NAIVE_NOTHING, NAIVE_ALLOW, NAIVE_DENY };

/* boundary: NULL for none. */
enum naive_verdict naive_judge(const char *const *policies, size_t count, const char *boundary,
	const struct naive_request *);
/* The same with documents that were parsed already. */
enum naive_verdict naive_judge_parsed(const struct json *const *policies, size_t count, const struct json *boundary,
	const struct naive_request *);
/* '*' is any run of characters. */
int naive_glob(const char *pattern, const char *text);

#endif
