/* CAM policy documents, version 2.0, parsed.  Source: CAM "Syntax logic", "Element reference",
 * "Resource description method". */
#ifndef ROLLCALL_POLICIES_CAM_POLICY_H
#define ROLLCALL_POLICIES_CAM_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/json.h"
#include "common/mem.h"

#define CAM_POLICY_MAX 6144     /* characters in one document */

struct cam_texts { size_t count; const char **items; };
/* qcs:project_id:service_type:region:account:resource; any = "*" alone. */
struct cam_resource { const char *text; bool any; const char *project, *service, *region, *account, *resource; };
struct cam_condition { const char *operator, *key; struct cam_texts values; bool for_any, for_all, if_exist; };
struct cam_statement {
	bool allow;
	struct cam_texts actions;             /* "tcb:DescribeEnvs", "cos:Get*", "*"; "name/" prefixes removed */
	size_t resource_count;
	struct cam_resource *resources;
	size_t condition_count;
	struct cam_condition *conditions;
};
struct cam_policy { size_t count; struct cam_statement *statements; };

/* Fails: INPUT with the path ("statement[2].action") and the reason; too long is one of them. */
MUST_USE int cam_policy_parse(struct arena *, const char *text, size_t len, struct cam_policy **out, struct err *e);
MUST_USE int cam_policy_from(struct arena *, const struct json *document, struct cam_policy **out, struct err *e);
/* One resource, as a statement may hold it.  Fails: INPUT with the reason. */
MUST_USE int cam_resource_parse(struct arena *, const char *text, struct cam_resource *out, struct err *e);
/* Pattern with '*' (any run of characters) against text, exact case. */
bool cam_match(const char *pattern, const char *text);

#endif
