/* What somebody who may call some actions can come to have, step by step, and how that is told. */
#ifndef ROLLCALL_POLICIES_CAM_CHAIN_H
#define ROLLCALL_POLICIES_CAM_CHAIN_H

#include "policies/cam/catalogue.h"

struct cam_link { const struct cam_action *action; const struct cam_step *step; };
struct cam_chains {
	const struct cam_catalogue *catalogue;
	size_t count;
	const struct cam_action **actions;             /* that may be called and give something */
	uint64_t have;                                 /* facts that can be reached */
	struct cam_link giver[CAM_FACTS_MAX];          /* the step that reaches a fact first */
	struct cam_link next[CAM_FACTS_MAX];           /* the step to take from a fact towards an end */
	unsigned far[CAM_FACTS_MAX];                   /* how many steps that is; CAM_NO_END: there is no way */
};
#define CAM_NO_END (~0u)

/* allowed: one for each action of the catalogue. */
void cam_chains_make(struct arena *, const struct cam_catalogue *, const bool *allowed, struct cam_chains *out);
/* Is it the last step to an end? */
bool cam_chains_ends(const struct cam_chains *, const struct cam_action *);
/* The shortest chain in which the action, called `it`, takes part: "with it a role of his own making, then
 * cam:AttachRolePolicy: more rights than his policy gives".  The action must be allowed and give something. */
char *cam_chains_words(struct arena *, const struct cam_chains *, const struct cam_action *);

#endif
