/* May this request pass?  Explicit deny, else allow, else implicit deny; a permissions boundary must allow too.
 * Source: CAM "Evaluation logic". */
#ifndef ROLLCALL_POLICIES_CAM_EVAL_H
#define ROLLCALL_POLICIES_CAM_EVAL_H

#include <stdint.h>

#include "policies/cam/policy.h"

struct cam_context { const char *key, *value; };
struct cam_request {
	const char *action;          /* "tcb:DescribeEnvs" */
	const char *resource;        /* six segments, or "*" for operation-level actions */
	uint64_t owner_uin, uin;     /* root account and caller: policy variables and empty account segments */
	uint64_t app_id;
	size_t context_count;
	const struct cam_context *context;   /* condition keys of the request */
};
enum cam_verdict { CAM_IMPLICIT_DENY, CAM_ALLOW, CAM_EXPLICIT_DENY };
struct cam_decision { enum cam_verdict verdict; size_t policy, statement; /* that decided */ bool by_boundary; };

struct cam_decision cam_evaluate(const struct cam_policy *const *policies, size_t count, const struct cam_policy *boundary,
	const struct cam_request *);

#endif
