/* Isolation proved on paper: may whoever holds these policies reach another environment, become more than he is, or
 * spend and destroy?  Not by trying requests but by comparing patterns, so that it holds for all other environments,
 * those of tomorrow included.
 *
 * It never says "isolated" for what it does not understand; it may refuse what is harmless.  The rules:
 *   - an allow counts in full, whatever its conditions are; a deny counts only without any condition, and only where one
 *     of its actions and one of its resources cover all that is allowed;
 *   - an action with a wildcard, or one that the catalogue does not have, is "widening" unless it is denied so;
 *   - an allowed action must stay within the own resources of its level (account: the own root account; a policy variable
 *     stands for any text), unless it is `public`;
 *   - no allowed action `widens`, and no chain of steps from what is allowed reaches an end; a wildcard takes its steps with
 *     every action that it is known to match;
 *   - nobody writes an allow for what `widens`, not even where a deny covers it: one line less, and he has it;
 *   - what pays, destroys or widens is denied explicitly: on everything (pays, widens), on the own resources (destroys).
 * Sources: CAM "Evaluation logic", "Element reference"; the rules above are Rollcall's own. */
#ifndef ROLLCALL_POLICIES_CAM_PROVE_H
#define ROLLCALL_POLICIES_CAM_PROVE_H

#include "policies/cam/catalogue.h"
#include "policies/cam/policy.h"
#include "policies/cam/render.h"

enum cam_finding_kind {
	CAM_CHAIN,         /* ends in more rights: an action that widens, or a chain of actions */
	CAM_REACHES,       /* reaches resources that are not his own, or tells of them */
	CAM_UNKNOWN,       /* an action that the catalogue does not have, or a wildcard */
	CAM_NOT_DENIED,    /* what must be denied explicitly is not */
};
struct cam_finding {
	enum cam_finding_kind kind;
	size_t policy, statement;    /* of the (first) allow, counted from 0; both 0 for CAM_NOT_DENIED */
	const char *action;          /* the first, when several share one sentence */
	const char *resource;        /* as the policy writes it; "" for CAM_NOT_DENIED */
	/* Statement, actions, resource, and the chain or the reason.  Of several policies the first is "policy 1"; of more
	 * than 30 actions the rest is a number. */
	const char *sentence;
};
struct cam_proof {
	size_t allowed;              /* actions and wildcards that are allowed, each counted once; 0 of a boundary */
	size_t count;                /* findings; 0: isolated */
	const struct cam_finding *findings;   /* chains first */
};

/* policies: all that the sub-account would hold, those of his groups too.  The boundary is not asked: the policies must
 * stand by themselves.  own: the identifiers of his environment; an account of 0 is nobody's.  Texts of the findings are
 * in the arena, or the policies' and the catalogue's.
 * Fails: INPUT (an identifier that a level of the catalogue needs is missing or malformed). */
MUST_USE int cam_prove(struct arena *, const struct cam_catalogue *, const struct cam_policy *const *policies, size_t count,
	const struct cam_identifiers *own, struct cam_proof *out, struct err *e);
/* The boundary: whatever else is attached, nothing that widens or pays passes it (denied explicitly on everything). */
void cam_prove_boundary(struct arena *, const struct cam_catalogue *, const struct cam_policy *boundary, struct cam_proof *out);
/* The barrier: does it deny everything, whatever else is attached? */
bool cam_denies_all(const struct cam_policy *);
/* The findings as text, one sentence a line, for a log or a human; at most `most` of them, then how many more. */
char *cam_proof_text(struct arena *, const struct cam_proof *, size_t most);

/* An environment that stands for any, where none is named. */
extern const struct cam_identifiers cam_sample;

#endif
