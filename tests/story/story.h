/* Stories: the whole of Rollcall in virtual time, killed again and again, against the emulator's core and a model
 * of a directory.
 *
 * The parent holds the world: emulator, directory, clock, script.  The child is Rollcall: store, engine, feed and
 * post are the real ones, driven step by step; its wire to the cloud, its source and its write-back go through a
 * socket to the parent.  The child is ended by _exit at a random fail point and started again on the same store.
 * Two "threads" at once are played by steps of one worker inside a call of another. */
#ifndef ROLLCALL_TESTS_STORY_H
#define ROLLCALL_TESTS_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "cloud/emulator/emulator.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"

#define PEOPLE_MAX 12
#define GRACE_MS (2 * 86400000LL)
#define UNDO_MS (86400000LL)
#define INSTALLATION "story"
#define PACKAGE "baas_personal"
#define BUNDLE "bundle_gen_lin_2c4g"
#define REGION "ap-shanghai"

struct shared {                  /* seen by parent and child */
	int64_t now_ms;
	int64_t points;          /* fail points passed in this life */
	int64_t kill_at;         /* end at this one; 0 = never */
	char last_point[64];
};

enum frame { FRAME_EXCHANGE = 'X', FRAME_NEXT = 'N', FRAME_REREAD = 'R', FRAME_DELIVER = 'W', FRAME_IDLE = 'I' };
int frame_send(int fd, char type, const void *body, size_t n);
/* -1 at the end of the stream.  The body is in the arena. */
int frame_receive(int fd, struct arena *, char *type, char **body, size_t *n);

/* The child's life; never returns. */
struct life { int fd; struct shared *shared; const char *dir, *key_file; uint64_t seed; bool verbose; };
void child_run(const struct life *) __attribute__((noreturn));

/* --- the world --------------------------------------------------------------------------------------------- */
struct model_person {
	char uuid[UUID_TEXT], login[32];
	bool there, disabled;
	bool ever_left;                 /* was disabled or deleted at some time: may rightly have been cut */
	int64_t left_ms;
	unsigned version;               /* raised by each change */
	unsigned sent;                  /* version that the connected source has delivered; 0 = none */
	int64_t csn_ms;
	unsigned csn_count;
	char *shown;                    /* the last payload written into the entry (JSON) */
};
struct world {
	uint64_t seed;
	struct emulator *emulator;
	struct clock_virtual random_state;
	struct clock random;
	struct shared *shared;
	struct model_person people[PEOPLE_MAX];
	size_t count;
	bool connected, refreshed;
	bool faults;                    /* still misbehaving? */
	int script_left, lives, exchanges;
	int refund_days;                /* servers older than this cannot be given back: they run out instead */
	int64_t end_ms;
	bool verbose;
	struct paid { char mark[80], action[24]; } paid[4 * PEOPLE_MAX];   /* every order, by whose mark it was made */
	size_t paid_count;
};
void world_open(struct world *, uint64_t seed, struct shared *, bool verbose);
void world_close(struct world *);
/* One action of the script in the directory. */
void world_act(struct world *);
void world_calm(struct world *);            /* no faults from here on */
/* Answer one frame of the child.  false: the story is over. */
bool world_answer(struct world *, int fd, char type, const char *body, size_t n, struct arena *);
/* Does the world equal the directory?  Prints each difference; returns their number. */
int world_judge(struct world *);
uint32_t world_dice(struct world *, uint32_t sides);

#endif
