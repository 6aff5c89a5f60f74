/* Private to the child: Rollcall, its parts and its seams. */
#ifndef ROLLCALL_TESTS_STORY_CHILD_H
#define ROLLCALL_TESTS_STORY_CHILD_H

#include "hook/engine.h"
#include "hook/feed.h"
#include "hook/post.h"
#include "hook/settings.h"
#include "tests/story/story.h"

#define WORKERS 3                /* the first one revokes only */

struct story_child {
	const struct life *life;
	struct clock_virtual random_state;
	struct clock random, clock;
	struct arena *arena;
	struct settings settings;
	struct profile_settings profile;
	struct roll_rules rules;
	struct store *store;
	struct evidence *evidence;
	struct guard *guard;
	struct seal_to *escrow;
	struct secret *secret;
	struct post *post;
	struct engine *engine;
	struct source source;
	struct confirm confirm;
	struct roll roll;
	struct feed *feed;
	struct worker *workers[WORKERS];
	struct wire { struct story_child *child; struct transport transport; bool woken; } wires[WORKERS];
	enum disk disk;
	int depth;
};

uint32_t child_dice(struct story_child *, uint32_t sides);
/* The parent is asked; when it is gone, so are we.  Returns the type of the answer. */
char child_ask(struct story_child *, char type, const void *body, size_t n, struct arena *, char **answer, size_t *len);
/* Transports, source and second opinion. */
void child_seams(struct story_child *);
int child_deliver(void *child, const char *uuid, const char *oldest, const char *payload, struct arena *, bool *changed,
	struct err *e);

#endif
