/* Policies that are isolated, or nearly: made up from a catalogue of actions, and changed where it matters. */
#ifndef ROLLCALL_TESTS_SUPPORT_FORGE_H
#define ROLLCALL_TESTS_SUPPORT_FORGE_H

#include "policies/cam/catalogue.h"
#include "tests/support/draft.h"

#define FORGE_OWNER UINT64_C(100000000001)
#define FORGE_APP UINT64_C(1300000001)
#define FORGE_OTHERS 8
extern const struct cam_identifiers forge_own, forge_others[FORGE_OTHERS];

#define FORGE_PLACES 40
/* The resources of one level: patterns as a policy of his would write them, and single ones, his own and not. */
struct forge_place {
	size_t pattern_count, own_count, other_count;
	const char *patterns[FORGE_PLACES], *owned[FORGE_PLACES], *foreign[FORGE_PLACES];
	struct both mine;                        /* allows everything on what is his own, and nothing else; or holds nothing */
};
struct forge { struct cam_catalogue *catalogue; struct forge_place *places; /* of each level */ };
void forge_make(struct arena *, const char *catalogue, struct forge *out);
const struct forge_place *forge_place_of(const struct forge *, const struct cam_action *);

/* policies/templates/actions.txt, taken apart: the lines of actions, and all others. */
struct forge_file { const char *head; size_t count; const char **lines; };
void forge_read(struct arena *, struct forge_file *out);
/* A catalogue of a few of the actions, so that one small deny can be whole; some of them get steps of chains. */
const char *forge_part(struct arena *, struct dice *, const struct forge_file *);

/* What must be denied before anything may be allowed. */
#define FORGE_DANGEROUS (CAM_WIDENS | CAM_PAYS | CAM_DESTROYS)
void forge_random(struct arena *, struct dice *, const struct forge *, struct draft *out);
void forge_mutant(struct arena *, struct dice *, const struct forge *, const struct draft *from, struct draft *out);
/* The pattern with the word in place of each star. */
const char *forge_concrete(struct arena *, const char *pattern, const char *word);
char *forge_load(struct arena *, const char *path);

#endif
