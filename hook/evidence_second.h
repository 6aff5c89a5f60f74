/* Inside the evidence: where lines go that the first place does not take. */
#ifndef ROLLCALL_HOOK_EVIDENCE_SECOND_H
#define ROLLCALL_HOOK_EVIDENCE_SECOND_H

#include "hook/evidence.h"

struct second {
	const struct clock *clock;
	char *path;                 /* NULL: the system log */
	struct evidence *file;      /* NULL: not open (yet) */
	int64_t lines, since_ms;    /* put there and not yet told of in the first place */
};
void second_open(struct second *, const char *path, const struct clock *);
void second_close(struct second *);
/* In words: "the system log", or the path in quotes. */
const char *second_name(const struct second *, struct arena *);
void second_put(struct second *, const struct evidence_line *);

#endif
