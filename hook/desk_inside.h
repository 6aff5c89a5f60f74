/* What the files behind desk.h share: the desk itself, one request, and who asks it. */
#ifndef ROLLCALL_HOOK_DESK_INSIDE_H
#define ROLLCALL_HOOK_DESK_INSIDE_H

#include <pthread.h>
#include <sys/types.h>

#include "hook/desk.h"
#include "hook/wire.h"

struct asker {
	uid_t uid;
	pid_t pid;
	bool admin;                /* root, or a member of the admin group */
	bool logins_only;          /* came by the socket for logins */
};
/* Clients that have connected and not asked yet cost a slot, never a thread. */
#define CLIENTS 64
#define REFUSERS 32

struct client {
	int fd;                    /* -1: free */
	struct asker asker;
	int64_t until;
	bool in_hand, waits;       /* waits: for the thread of sessions */
	uint32_t serial;
};
struct refuser { uid_t uid; int64_t since; unsigned told, untold; };

/* One socket, and whoever came by it. */
struct door {
	char path[108];            /* "": not open */
	int listen_fd, epoll_fd;
	int session_fd;            /* another epoll, for those who wait; -1: nobody does */
	dev_t dev;
	ino_t ino;
	/* Under the desk's lock. */
	struct client clients[CLIENTS];
	uint32_t serial;
};

struct desk {
	struct desk_parts parts;
	gid_t admin_gid;           /* (gid_t)-1: none */
	int stop_fd;
	struct door people, logins;
	pthread_mutex_t lock;      /* over what follows, and over the clients */
	struct refuser refusers[REFUSERS];
	bool slow_running;
};

struct desk_request {
	const struct desk_parts *parts;
	const struct wire_rule *rule;
	const struct asker *asker;
	const char *name, *text, *body;       /* NULL: none was given */
	const char *service, *deliver;     /* of the PAM module */
	struct arena *arena;
};
/* desk_serve.c: one request packet and its answer. */
void desk_serve(struct desk *, int fd, const struct asker *, const void *packet, size_t n);
void desk_say(int fd, enum wire_status, const char *text);

/* desk_requests.c: answer a request that may be asked.  Fails: ABSENT (no such person), INPUT (two people carry the
 * name), TEMP and others. */
MUST_USE int desk_answer(const struct desk_request *, struct json **body, struct err *e);
/* One person, all his accounts.  Fails: as above. */
MUST_USE int desk_show(const struct desk_request *, struct json **body, struct err *e);
/* Nothing is put when there is no such moment. */
void desk_put_time(struct json *, const char *name, int64_t ms);

struct json *desk_lines(const struct desk_request *, const struct store_line *, size_t count);

/* desk_figures.c: leavers' durations, cuts that do not get on, the windows of the brakes. */
MUST_USE int desk_put_figures(const struct desk_request *, struct json *into, struct err *e);
/* desk_why.c: from the entry to the last call, why he is in his stage, and what he waits for. */
MUST_USE int desk_put_why(const struct desk_request *, const struct store_person *, const struct store_account *, size_t count,
	struct json *into, struct err *e);
/* desk_steer.c: what an administrator asks to be done. */
MUST_USE int desk_verify(const struct desk_request *, struct json **body, struct err *e);
MUST_USE int desk_rotate(const struct desk_request *, struct json **body, struct err *e);
MUST_USE int desk_suspend(const struct desk_request *, struct json **body, struct err *e);
MUST_USE int desk_resume(const struct desk_request *, struct json **body, struct err *e);
/* desk_plan.c: what the brakes hold back, and what is decided about it. */
MUST_USE int desk_put_lists(const struct desk_request *, struct json *into, struct err *e);
/* Of the list that holds this row. */
MUST_USE int desk_list_hash(const struct desk_request *, const struct store_frozen *, const char **hash, struct err *e);
MUST_USE int desk_decide(const struct desk_request *, struct json **body, struct err *e);
/* Only the lists of what may be adopted. */
MUST_USE int desk_put_adoptions(const struct desk_request *, struct json *into, struct err *e);
/* Does it wait for the cloud? */
bool desk_is_slow(const struct desk_request *);
/* desk_adopt.c */
MUST_USE int desk_adopt(const struct desk_request *, struct json **body, struct err *e);
/* desk_login.c: what the PAM module asks.  The answer is a packet of its own, written into `out`, and wiped by the caller.
 * Fails: as desk_answer. */
MUST_USE int desk_login(const struct desk_request *, struct wire_out *out, struct err *e);
/* May this asker, who is no admin, ask about that person?  Fails: TEMP. */
MUST_USE int desk_is_self(const struct desk_request *, bool *out, struct err *e);

#endif
