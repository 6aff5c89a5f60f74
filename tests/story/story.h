/* Stories: the whole of Rollcall in virtual time, killed again and again, against the emulator's core and a model of a
 * directory, while everything around it misbehaves.
 *
 * The parent holds the world: emulator, directory, clocks, the people and the administrator who act.  The child is Rollcall:
 * store, engine, roll, feed and post are the real ones, driven step by step; its wire to the cloud, its source and its
 * write-back go through a socket to the parent, its store lies on a disk that fails.  The child ends by _exit at a random fail
 * point, as `kill -9` or a power cut would end it, and is started again on the same store.  Threads that run at once are
 * played by steps of some inside a call of another.  Everything follows from the seed.
 *
 *     main.c       options, the counts                                child.c      Rollcall, put together
 *     batch.c      several stories at once                            seams.c      its wire, source, second opinion, write-back
 *     run.c        one story: life after life                         frame.c      what goes over the socket
 *     points.c     which fail points were passed, and killed at       planted.c    bugs that must be found
 *     world.c      the answers to the child, time                     watch.c      what must never happen, at any moment
 *     script.c     what people and the administrator do               judge.c      what must be so at the end
 *     directory.c  what the directory shows, and how it fails         cloud.c      how the cloud fails
 *     hands.c      what somebody does in the cloud by hand */
#ifndef ROLLCALL_TESTS_STORY_H
#define ROLLCALL_TESTS_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "cloud/emulator/emulator.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/seal.h"
#include "common/str.h"
#include "ldap/source.h"
#include "policies/stage.h"

#define MINUTE_MS 60000LL
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define PEOPLE_MAX 12
#define GRACE_MS (2 * DAY_MS)
#define UNDO_MS DAY_MS
#define KEY_AGE_MS (3 * DAY_MS)
#define KEY_OVERLAP_MS (12 * HOUR_MS)
#define SWEEP_MS (2 * MINUTE_MS)
#define WEAK_WAIT_MS 30000
#define INSTALLATION "story"
#define PACKAGE "baas_personal"
#define BUNDLE "bundle_gen_lin_2c4g"
#define REGION "ap-shanghai"
#define SECRET_ID "AKIDstoryroot"
#define BASE "dc=example,dc=org"

/* --- both sides -------------------------------------------------------------------------------------------------- */

enum disk { DISK_WELL, DISK_FULL, DISK_FULL_EVERYWHERE, DISK_READ_ONLY, DISK_FAILS_ONCE, DISKS };

/* How this life ends: at the n-th point that is passed; or at the first of this name; neither: with the story. */
struct end_of_life {
	int64_t at;
	char name[64];
	uint64_t power;              /* not 0: a power cut, and this is chance: what was not synced may be lost */
};

struct shared {                      /* seen by parent and child */
	int64_t true_ms;             /* the time that goes by */
	int64_t step_ms;             /* the wall clock of Rollcall's machine is wrong by this much */
	int64_t points;              /* passed in this life */
	struct end_of_life end;
	enum disk disk;
	bool again;                  /* the child asks for a new refresh */
	char last_point[64];
};

/* How this Rollcall is set up; the same in all lives of a story. */
enum verdicts { DISABLED_BY_VALUE, ENTITLED_BY_VALUE, ENTITLED_BY_NEGATION };
struct setup {
	enum verdicts verdicts;
	bool sentinels;              /* the directory's settings name one in each branch */
	bool yes;                    /* the first start needs no approval */
	int64_t departures_hour, departures_day, joins_hour;
	int64_t audit_ms;
	bool by_hand_kept;
	int64_t key_age_ms;          /* keys are replaced at this age; 0: never */
};

enum frame {
	FRAME_EXCHANGE = 'X', FRAME_NEXT = 'N', FRAME_REREAD = 'R', FRAME_ORIGINAL = 'O', FRAME_DOUBTS = 'D', FRAME_DELIVER = 'W',
	FRAME_IDLE = 'I', FRAME_QUIT = 'Q', FRAME_ANSWER = 'A', FRAME_CUT = 'C', FRAME_HANG = 'H'
};
int frame_pair(int pair[2]);
int frame_send(int fd, char type, const void *body, size_t n);
/* -1 at the end of the stream.  The body is in the arena, a NUL behind it. */
int frame_receive(int fd, struct arena *, char *type, char **body, size_t *n);

/* The child's life; never returns.  Status 137: killed; STATUS_NO_START: it would not start, and will be started again. */
#define STATUS_NO_START 9
struct life {
	int fd;
	struct shared *shared;
	const char *dir;
	const struct setup *setup;
	const struct seal_key *key;
	uint64_t seed;
	bool verbose;
};
void child_run(const struct life *) __attribute__((noreturn));

/* --- the fail points ----------------------------------------------------------------------------------------------- */

/* In memory that all processes share. */
struct points;
struct points *points_new(void);
extern struct points *points_of_run;     /* the fail point hook has no context of its own */
size_t points_count(void);               /* of those that stand in the sources; sorted, so that a number means a name */
const char *points_name(size_t);
/* true: this life ends here. */
bool points_pass(struct shared *, const char *name);
/* Prints what was never passed or never killed at; returns how many were passed often and survived each time. */
int points_report(bool verbose);

/* --- the world --------------------------------------------------------------------------------------------------------- */

enum branch { BRANCH_A, BRANCH_B, BRANCH_OURS, BRANCH_OUTSIDE };    /* the last two are not below the base */

/* One version of an entry. */
struct facet {
	char login[40];
	enum branch branch;
	bool there, disabled, guarded;
	int64_t csn_ms;
	unsigned csn_count, version;
};

struct model_person {
	char uuid[UUID_TEXT];
	struct facet now;               /* in the directory */
	struct facet before;            /* ... until the last change */
	struct facet old;               /* in the backup, and on the copy that lags */
	unsigned sent;                  /* version that the connected source has delivered; 0 = none */
	char *shown;                    /* the last payload written into the entry (JSON) */
	int keys_by_hand;
	bool ever_left;                 /* may rightly have been cut at some time */

	/* For watch.c: what Rollcall said of him when it was idle last. */
	enum stage stage;
	unsigned generation;
	bool held;
	bool cut_by_value;
	int64_t hold_asked_ms;
	int64_t in_since_ms;            /* entitled without a break since; 0 = he is not ... */
	int64_t out_since_ms;           /* ... but since then */
	int64_t shown_out_ms;           /* when the directory last showed that he is disabled */
	int64_t told_out_ms;            /* a value that says so was delivered, and nothing else since; 0 = no */
	int64_t out_known_ms;           /* ... and Rollcall was idle after that */
	bool may_be_out;                /* a value that says so was delivered; that he is back was perhaps never written down */
	int64_t may_be_out_ms;          /* ... until then: a call that was sent before may rest on it */
	bool out_written;               /* ... and had a disk to write it on: the next life knows it, too */
	bool keys_tried, age_told;
	int64_t suspended_wall_ms;      /* not suspended before this, by Rollcall's clock */
};

enum ill {
	WELL,
	HIDDEN,              /* an access rule hides people */
	EMPTIED,             /* restored empty: base and nothing else */
	RESTORED,            /* restored from an older backup */
	LAGGING,             /* fail-over to a copy that lags */
	NO_ATTRIBUTE,        /* what the filters ask for is gone from the schema */
	ATTRIBUTE_HIDDEN,    /* the same by an access rule */
	REFERRAL,            /* a branch is on another server */
	CONTAINER_OUT,       /* a branch was moved out of the base */
	CONTAINER_RENAMED,
	BASE_RENAMED,
	SIZE_LIMIT,          /* a refresh ends early, with an error */
	CUT_SHORT,           /* the connection breaks in the middle of a refresh */
	FROZEN,              /* the server says nothing any more */
	DEAF,                /* changes are not told; the next refresh shows them */
	DOWN,
	ILLS
};

enum wrong { DUPLICATE, ORPHAN, DOUBLE_PAYMENT, WRONGLY_SUSPENDED, WORKING_KEY, OTHERWISE, WRONGS };
struct counts { int of[WRONGS]; };

struct world {
	uint64_t seed;
	struct setup setup;
	struct emulator *emulator;
	const struct secret *root_secret;
	struct clock_virtual random_state;
	struct clock random;
	struct shared *shared;
	const char *dir;
	bool verbose, quiet;
	struct counts counts;           /* what was wrong so far */

	struct model_person people[PEOPLE_MAX];
	size_t count;

	bool faults;                    /* still misbehaving? */
	int script_left, lives, exchanges, frames;
	int refund_days;                /* servers older than this cannot be given back: they run out instead */
	int64_t calm_ms, end_ms;
	int64_t disk_bad_ms;            /* when it last failed */
	int64_t disk_until_ms, step_until_ms, evidence_until_ms;
	bool evidence_away;
	int64_t idle_ms;                /* when the child was idle last ... */
	int64_t idle_wall_ms;           /* ... by its own clock */
	int64_t stepped_ms;             /* when that clock was set */
	int64_t step_before_ms;         /* how wrong it was before that */

	enum ill ill;
	enum branch ill_branch;
	uint32_t ill_people;            /* bit set: whom it hides */
	int64_t ill_until_ms, ill_from_ms;
	bool connected, refreshed, refresh_again;
	int64_t refreshed_ms, retry_ms;
	size_t named;                   /* in the running refresh */

	/* On their way, whoever sent them has given up; by what was known at that idle moment. */
	struct late { int64_t due_ms, idle_ms; size_t n; char *request; } late[4];
	struct paid { char mark[80], action[24]; } paid[4 * PEOPLE_MAX];      /* every order, by whose mark it was made */
	size_t paid_count;
};
void world_open(struct world *, uint64_t seed, struct shared *, const char *dir, bool verbose, bool quiet);
void world_close(struct world *);
uint32_t world_dice(struct world *, uint32_t sides);
void world_say(const struct world *, const char *what, const struct model_person *);
void world_calm(struct world *);            /* no faults from here on */
void world_born(struct world *);            /* a new life begins */
/* Answer one frame of the child.  false: the story is over. */
bool world_answer(struct world *, int fd, char type, const char *body, size_t n, struct arena *);

void world_weather(struct world *);         /* disk, clock and evidence may fail from here on, or work again */
void world_disk_fails(struct world *);
bool person_in(const struct facet *);       /* entitled */

/* script.c */
void script_act(struct world *);            /* one action in the directory, or in the cloud by hand */
void script_disable(struct world *, struct model_person *);      /* he leaves, at this very moment */
/* What the administrator does when Rollcall is idle and shows him its frozen lists, lines "f KIND LIST STATE UUID": lines of
 * commands for the child, "hold UUID", "resume UUID", "verify UUID", "decide KIND LIST STATE". */
void script_administrate(struct world *, const char *lines, struct str *commands);

/* hands.c.  One thing that somebody does for him in the cloud. */
void hands_work(struct world *, struct model_person *);
/* ... who is about to leave: another key. */
void hands_last_key(struct world *, struct model_person *);

/* directory.c */
void directory_fall_ill(struct world *);
void directory_recover(struct world *);
/* Can somebody be moved there now?  No server moves an entry to where another one is asked. */
bool directory_takes(const struct world *, enum branch);
/* When it will do something by itself. */
int64_t directory_due(const struct world *);
struct json *directory_next(struct world *, struct arena *);
struct json *directory_reread(struct world *, const char *uuid, bool original, struct arena *);
struct json *directory_doubts(struct world *, struct arena *);
/* letter: "OLDEST PAYLOAD" */
struct json *directory_deliver(struct world *, const char *uuid, const char *letter, struct arena *);
/* Does the source's own server show him, and as what?  NULL: it does not. */
const struct facet *directory_shows(const struct world *, const struct model_person *);

/* cloud.c */
void cloud_open(struct world *);
void cloud_misbehave(struct world *);
void cloud_calm(struct world *);
void cloud_exchange(struct world *, int fd, const char *body, size_t n, struct arena *);
void cloud_late(struct world *, bool all);
bool cloud_key_works(struct world *, const struct emulator_key *, struct arena *);
/* As the root account's administrator, by hand; NULL: refused. */
const struct json *cloud_by_hand(struct world *, const char *service, const char *version, const char *action,
	const struct json *parameters, struct arena *);

/* Whose is it, by the mark in a text?  NULL: nobody's. */
struct model_person *world_owner(struct world *, const char *mark, unsigned *generation);
/* Told and counted. */
void world_wrong(struct world *, enum wrong, const struct model_person *, const char *fmt, ...) PRINTF(4, 5);

/* watch.c */
/* The child is idle, and tells of its accounts: lines "a UUID GENERATION STAGE HELD". */
void watch_idle(struct world *, const char *lines);
/* Is a key of his older than it may be?  Told once. */
void watch_ages(struct world *, struct model_person *);
/* A call is about to be handled that was sent when the child had been idle at that time: what does it take, and from whom?
 * p NULL: nothing from anybody. */
struct watched { struct model_person *p; unsigned generation; const char *takes; bool for_good; int64_t idle_ms; };
struct watched watch_look(struct world *, const char *action, const struct json *parameters, int64_t idle_ms);
/* It was handled, and changed something. */
void watch_done(struct world *, const struct watched *);

/* judge.c.  Does the world equal the directory? */
void judge_end(struct world *);

/* run.c */
struct tally { int stories, failed, lives, exchanges, kills; struct counts counts; uint64_t first_failed; bool ended_well; };
struct telling { const char *dir; const struct seal_key *key; bool verbose, quiet; struct shared *shared; };
/* Returns the number of differences. */
int run_story(uint64_t seed, const struct telling *, struct tally *);
struct seal_key *run_key(const char *path);

/* batch.c */
#define JOBS_MOST 64
struct batch {
	uint64_t base;                  /* the first seed */
	long stories;                   /* at most ... */
	long least, seconds;            /* ... and no new one is begun after so long, when there were enough; 0 s: no such limit */
	int jobs;                       /* so many at once */
	bool verbose, until_caught;     /* ends with the first story that fails, and says nothing of it */
	struct telling telling;
};
struct tally batch_run(const struct batch *);

/* planted.c.  Each planted bug is found (or one of them; or those that are found soon): TAP lines, and a line of counts. */
bool planted_found(const struct batch *like, const char *only, bool soon, int *count);

#endif
