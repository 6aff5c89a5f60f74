/* The catalogue of known actions: what the prover knows of the cloud.  It is data (policies/templates/actions.txt);
 * no prover code names an action.  What is not in it counts as dangerous.
 *
 * A text file of lines; words are separated by blanks, "#" begins a comment, order is free:
 *
 *   level  NAME PATTERN          a resource that is the employee's own at this level of resource, written as in a
 *                                template, with the placeholders of render.h; several lines of one NAME are alternatives.
 *                                The pattern "*" makes a level that cannot be told apart by resource: nothing of it is
 *                                his own, and a deny must be on "*".
 *   action SERVICE:NAME LEVEL read|write [public] [pays] [destroys] [widens] [gives FACT [after FACT[,FACT...]]]...
 *                                public:   reviewed: what it tells or does on "*" concerns no other environment
 *                                pays:     may cost money
 *                                destroys: takes away the environment itself, or what cannot be brought back
 *                                widens:   may end in more rights, or in a way in that outlives the employee
 *                                gives:    who may call it, and has the facts after "after", has this fact then;
 *                                          several are alternatives
 *   fact   NAME words...         something that one can have, in words: "a role of his own making"
 *   end    NAME words...         the same, and nobody may get there: "more rights than his policy gives"
 *
 * One action is one line, so that taking a line out makes that action unknown and nothing else more generous.  Refused
 * are: an action that `widens` and gives nothing; one that does not and gives an end with nothing before; words,
 * levels and facts that are not declared; anything that is declared twice; a pattern that holds none of ${envId},
 * ${namespace}, ${topicId} and ${bucket} in its last segment, or a '*' next to a placeholder; a text without actions. */
#ifndef ROLLCALL_POLICIES_CAM_CATALOGUE_H
#define ROLLCALL_POLICIES_CAM_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"

#define CAM_LEVELS_MAX 64
#define CAM_FACTS_MAX 64             /* a set of facts is one word of bits */

struct cam_level { const char *name; size_t count; const char **patterns; };
enum { CAM_WRITES = 1, CAM_PUBLIC = 2, CAM_PAYS = 4, CAM_DESTROYS = 8, CAM_WIDENS = 16 };
struct cam_fact { const char *name, *words; bool end; };
struct cam_step { size_t gives; uint64_t after; };       /* an index into facts; a set of them */
struct cam_action {
	const char *name;
	const struct cam_level *level;
	unsigned flags;
	size_t step_count;
	const struct cam_step *steps;
};
struct cam_catalogue {
	size_t level_count, action_count, fact_count;
	const struct cam_level *levels;
	const struct cam_action *actions;    /* sorted by name */
	const struct cam_fact *facts;
};

/* Fails: INPUT with the line and the reason. */
MUST_USE int cam_catalogue_parse(struct arena *, const char *text, size_t len, struct cam_catalogue **out, struct err *e);
/* By exact name; NULL: not known. */
const struct cam_action *cam_catalogue_find(const struct cam_catalogue *, const char *name);

#endif
