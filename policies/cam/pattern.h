/* Does one pattern of a policy reach nothing but what another reaches?  Judged for all texts at once, with the meaning
 * that eval.c gives the patterns when it holds them against one request. */
#ifndef ROLLCALL_POLICIES_CAM_PATTERN_H
#define ROLLCALL_POLICIES_CAM_PATTERN_H

#include "policies/cam/policy.h"
#include "policies/cam/render.h"

/* The two ways in which the own root account is written; "" is a way that does not exist. */
struct cam_owner { char uin[32], uid[32]; };
void cam_owner_make(const struct cam_identifiers *, struct cam_owner *out);
/* Does the account segment of a resource mean this root account and no other? */
bool cam_owner_is(const struct cam_owner *, const char *account);

/* Patterns of actions. */
bool cam_covers(const char *outer, const char *inner);
/* inner is taken as an allow (a policy variable stands for any text), outer as a deny or as something that he owns
 * (a policy variable covers nothing but itself). */
bool cam_covers_resource(const struct cam_resource *outer, const struct cam_resource *inner, const struct cam_owner *);

#endif
