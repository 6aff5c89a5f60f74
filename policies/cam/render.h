/* Fills the placeholders of a policy template with the real identifiers of one environment.
 * Nothing that still holds "${" is ever returned.  CAM's own policy variables (condition.h) are refused as well: "${uin}"
 * is a placeholder here, the root account, and left in it would mean the caller. */
#ifndef ROLLCALL_POLICIES_CAM_RENDER_H
#define ROLLCALL_POLICIES_CAM_RENDER_H

#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"

struct cam_identifiers {
	uint64_t owner_uin;       /* ${uin}: the root account */
	uint64_t app_id;          /* ${appId} */
	const char *region;       /* ${region} */
	const char *env_id;       /* ${envId} */
	const char *name_space;   /* ${namespace} */
	const char *topic_id;     /* ${topicId} */
	const char *bucket;       /* ${bucket}; "-<appId>" is added when missing */
};

/* *out: the document without white space, at most CAM_POLICY_MAX characters.
 * Fails: INPUT (unknown placeholder, an identifier that is missing or holds other than [A-Za-z0-9._-],
 * template not a policy, too long). */
MUST_USE int cam_render(struct arena *, const char *template_text, size_t len, const struct cam_identifiers *, char **out,
	struct err *e);
/* One text, which need not be a policy, filled the same way.  Fails: INPUT (placeholder or identifier as above). */
MUST_USE int cam_fill(struct arena *, const char *text, const struct cam_identifiers *, char **out, struct err *e);

#endif
