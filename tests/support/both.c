#include "tests/support/both.h"

#include <stdlib.h>
#include <string.h>

int both_read(struct arena *a, const char *text, struct both_policy *out, struct err *e)
{
	struct cam_policy *real;
	struct json *plain;
	int rc = cam_policy_parse(a, text, strlen(text), &real, e);
	if (!rc)
		rc = json_parse(a, text, strlen(text), &plain, e);
	if (!rc)
		*out = (struct both_policy){ text, real, plain };
	return rc;
}

enum cam_verdict both_judge(const struct both *b, const struct cam_request *r, enum cam_verdict *naive)
{
	static const enum cam_verdict same[] = { [NAIVE_NOTHING] = CAM_IMPLICIT_DENY, [NAIVE_ALLOW] = CAM_ALLOW,
		[NAIVE_DENY] = CAM_EXPLICIT_DENY };
	const struct cam_policy *real[BOTH_MAX];
	const struct json *plain[BOTH_MAX];
	struct naive_pair pairs[BOTH_CONTEXT];
	if (b->count > BOTH_MAX || r->context_count > BOTH_CONTEXT)
		abort();
	for (size_t i = 0; i < b->count; i++) {
		real[i] = b->held[i].real;
		plain[i] = b->held[i].plain;
	}
	for (size_t i = 0; i < r->context_count; i++)
		pairs[i] = (struct naive_pair){ r->context[i].key, r->context[i].value };
	const struct naive_request request = { .action = r->action, .resource = r->resource, .owner = r->owner_uin,
		.caller = r->uin, .app = r->app_id, .count = r->context_count, .context = pairs };
	*naive = same[naive_judge_parsed(plain, b->count, b->boundary.plain, &request)];
	return cam_evaluate(real, b->count, b->boundary.real, r).verdict;
}

const char *both_name(enum cam_verdict v)
{
	return v == CAM_ALLOW ? "allowed" : v == CAM_EXPLICIT_DENY ? "denied" : "refused";
}

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014. */
uint64_t dice_roll(struct dice *d)
{
	uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

size_t dice_below(struct dice *d, size_t n)
{
	return (size_t)(dice_roll(d) % n);
}

bool dice_chance(struct dice *d, unsigned percent)
{
	return dice_below(d, 100) < percent;
}
