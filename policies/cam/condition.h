/* Do the conditions of a statement hold for a request?  Source: CAM "Condition". */
#ifndef ROLLCALL_POLICIES_CAM_CONDITION_H
#define ROLLCALL_POLICIES_CAM_CONDITION_H

#include "policies/cam/eval.h"

/* Is this an operator of the language ("string_like", without prefix and suffix)? */
bool cam_operator_known(const char *name);

/* All conditions must hold; a statement without any always applies. */
bool cam_conditions_hold(const struct cam_statement *, const struct cam_request *);

/* The policy variables ${uin}, ${owner_uin} and ${app_id} of text replaced by the request's; what does not
 * fit in `size` is cut.  Other variables stay as they are and so match nothing real. */
#define CAM_EXPANDED 1024
const char *cam_expand(const char *text, const struct cam_request *, char out[CAM_EXPANDED]);

#endif
