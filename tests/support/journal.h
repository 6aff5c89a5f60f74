/* A journal in memory: what the store promises, for tests of drivers. */
#ifndef ROLLCALL_TESTS_SUPPORT_JOURNAL_H
#define ROLLCALL_TESTS_SUPPORT_JOURNAL_H

#include "cloud/resource.h"

#define MEMORY_INTENTS 64
#define MEMORY_SECRETS 64
#define MEMORY_DEEDS 512

struct memory_intent { struct intent intent; bool open; enum outcome outcome; };
struct memory_secret { enum secret_kind kind; char id[64]; struct secret *secret; };
struct memory_journal {
	struct journal journal;
	const struct clock *clock;
	struct memory_intent intents[MEMORY_INTENTS];
	size_t intent_count;
	struct memory_secret secrets[MEMORY_SECRETS];
	size_t secret_count;
	char deeds[MEMORY_DEEDS][320];       /* evidence: one line per change */
	size_t deed_count;
	struct found found;                  /* as last stored by settle or keep */
	int64_t intents_total, asked;        /* asked: calls of may_act */
	bool preempted;                      /* may_act and intent answer STALE */
	bool full;                           /* every write fails, as on a full disk */
	int fail_keeps, fail_settles;        /* so many of the next ones fail */
};

void memory_journal_init(struct memory_journal *, const struct clock *);
void memory_journal_clear(struct memory_journal *);
size_t memory_open(const struct memory_journal *);             /* open intents */
bool memory_did(const struct memory_journal *, const char *part);   /* some deed's line holds this text */
struct secret *memory_secret(const struct memory_journal *, enum secret_kind, const char *id);   /* NULL: none */

#endif
