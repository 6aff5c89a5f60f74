/* Inside the evidence: one line of the chain, as the writer and the verifier read it (evidence.c tells the form). */
#ifndef ROLLCALL_HOOK_EVIDENCE_CHAIN_H
#define ROLLCALL_HOOK_EVIDENCE_CHAIN_H

#include "common/json.h"
#include "hook/evidence.h"

#define EVIDENCE_LINE_BYTES 16384               /* what a line can be at most, with room */
#define EVIDENCE_TAIL_BYTES (4 * EVIDENCE_LINE_BYTES)

extern const char evidence_no_line[SHA256_HEX]; /* what the first line follows: zeros */

struct evidence_link {
	int64_t n;
	char digest[SHA256_HEX];                /* of the line itself */
	char prev[SHA256_HEX];
	char fragment[SHA256_HEX];              /* "" unless it follows torn bytes */
};
/* Is this one of our lines, whole and unchanged?  Its place in the chain is the caller's to judge.  Fails: INPUT. */
MUST_USE int evidence_read_line(const char *line, size_t n, struct evidence_link *, struct err *e);
/* Does it end in a sum?  Then a power cut did not tear it. */
bool evidence_ends_whole(const char *line, size_t n);
/* The members that say what happened, each text cut to `most` bytes: all but those of the chain. */
void evidence_fill(struct json *, struct arena *, const struct evidence_line *, int64_t now_ms, size_t most);
/* From errno: INPUT when it is about the path, else TEMP. */
int evidence_os_fail(const char *path, const char *what, struct err *e);

#endif
