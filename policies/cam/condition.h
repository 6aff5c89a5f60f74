/* Do the conditions of a statement hold for a request?  Sources: CAM "Overview of Effective Conditions", "Condition Keys
 * and Condition Operators", "Policy Variable".
 *
 * What the pages leave open is read so:
 *   - one key with several values and no prefix: one value that fits is enough; a negated operator must fit all of them;
 *   - for_all_value: holds for a key that the request does not carry, as all of nothing;
 *   - what is no number, date or network equals nothing, so that its negation holds;
 *   - null_equal has the value true (the key is not there, or empty) or false, and nothing stands around its name. */
#ifndef ROLLCALL_POLICIES_CAM_CONDITION_H
#define ROLLCALL_POLICIES_CAM_CONDITION_H

#include "policies/cam/eval.h"

/* Is this an operator of the language ("string_like", without prefix and suffix)? */
bool cam_operator_known(const char *name);

/* All conditions must hold; a statement without any always applies. */
bool cam_conditions_hold(const struct cam_statement *, const struct cam_request *);

/* Is this (n characters, without "${" and "}") one of the policy variables, which CAM fills in for each request? */
bool cam_variable_known(const char *name, size_t n);

/* The policy variables of text replaced by the request's values.  What only looks like one stays as it is, and so
 * matches nothing real.  NULL: the result is longer than a document of CAM_POLICY_MAX can make it; it matches nothing. */
#define CAM_EXPANDED (CAM_POLICY_MAX / 6 * 20 + 1)     /* "${uin}" becomes 20 digits at most */
const char *cam_expand(const char *text, const struct cam_request *, char out[CAM_EXPANDED]);

#endif
