/* What the files behind feed.h share. */
#ifndef ROLLCALL_HOOK_FEED_INSIDE_H
#define ROLLCALL_HOOK_FEED_INSIDE_H

#include <pthread.h>

#include "hook/feed.h"

/* Names of branches, each once. */
struct branches { struct arena *arena; char **names; size_t count, cap; };

struct feed {
	struct roll *roll;
	struct source *source;
	struct confirm *confirm;
	struct arena *arena;              /* sync thread */
	struct arena *confirm_arena;      /* confirm thread */
	unsigned char (*seen)[16];        /* named in the running refresh: 16 bytes a person, nothing else */
	size_t seen_count, seen_cap;
	struct branches naming;           /* sync thread: where somebody was named in the running refresh */
	int64_t weak_again_mono, retire_again_mono;      /* confirm thread: not asked in a tight loop */
	bool refreshing, store_missed;
	char doubt_told[240];             /* sync thread */
	pthread_mutex_t lock;             /* guards what follows: read by the desk and the confirm thread */
	bool connected;
	bool complete;                    /* connected, a refresh ended since, and the store took all of it */
	bool trusted;                     /* and nothing speaks against absence as a whole */
	struct source_doubts doubts;      /* of the last refresh; in doubts_arena */
	struct arena *doubts_arena;
	struct branches named;            /* where somebody was named in the last one that was believed, or since */
	int64_t refreshed_ms;
	char server[128], trouble[240];
};

/* Was anybody of this branch named by the last refresh that was believed, or since? */
bool feed_named(struct feed *, const char *branch);
/* Connected, a refresh ended since, and the store took all of it. */
bool feed_complete(struct feed *);
/* feed_weak.c: weak signs that have waited long enough.  1 = something was decided. */
int feed_confirm_weak(struct feed *);

#endif
