/* The protocol between rollcalld and whoever asks it on this machine: the command, and the PAM module.
 * This comment is its specification.  Version 1.
 *
 * Transport.  Two Unix sockets of type SOCK_SEQPACKET: PATH is everybody's; PATH.login belongs to the daemon's user, mode
 * 0600, and there root alone asks, for ACCOUNT and SESSION_OPEN alone, so that no user can keep it busy.  Who is not root asks
 * about his own login at PATH.  One connection carries one request and its answer; then the daemon closes.  Who asks is what
 * the kernel says (SO_PEERCRED, SO_PEERGROUPS), never what a packet says.
 * Numbers are unsigned, most significant byte first.
 *
 * Request: exactly one packet of at most 61440 bytes.
 *
 *     offset  bytes
 *          0      1   version, 1
 *          1      1   action (enum wire_action)
 *          2      .   fields, up to the end of the packet
 *
 * Field:
 *
 *          0      1   type (enum wire_field)
 *          1      2   length n
 *          3      n   value; text is UTF-8 without NUL and without control characters
 *
 * Answer: one or more packets of at most 61440 bytes.  Every packet but the last has the flag "more" and status 0.
 *
 *     offset  bytes
 *          0      1   version, 1
 *          1      1   status (enum wire_status)
 *          2      1   flags: bit 0 = more packets follow; the others are 0
 *          3      1   0
 *          4      .   fields
 *
 * The values of the BODY fields, put together, are one JSON document.  An answer whose status is not 0 has no
 * body and one TEXT: a line for a human.  The last packet ends the answer; a connection that ends before it is a
 * failure, whatever came so far.
 *
 * Whoever reads a packet refuses it as a whole (status MALFORMED for a request) when it is too short or too long,
 * when a field does not end inside it, when bytes are left over, when a type is not known, comes twice or does not
 * belong to the action, when a needed one is missing, or when a value is empty, too long or not sound.  Nothing
 * is skipped: what is added later raises the version.  A daemon answers a version that it does not speak
 * with status VERSION in a packet of its own version.
 *
 * Requests and who may ask.  "Self": any local user about the person whose stored uidNumber is the uid
 * that the kernel gives for him; no name service is asked, and whoever names another person is refused in the same
 * words whether that person exists or not.  Root and the members of the admin group may ask everything.
 *
 *     action          number  fields    who    body
 *     STATUS               1            admin  counts by stage and lane, people in trouble, outbox, health
 *     SHOW                 2  NAME      self   one person, all his accounts, open intents, letter; why he is in his stage
 *     PLAN                 3  [NAME]    admin  the queue and what is frozen, by lists with their hashes; with NAME what the
 *                                              next walk of this person would do
 *     SEALED               4  NAME      self   the sealed values (base64 of DER) that his entry holds, still sealed
 *     VERIFY               5  [NAME]    admin  asks for a new proof of one person or of everybody who is active; with
 *                             [TEXT]           TEXT, the "asked" of an earlier answer: only how far that one is.  Counts,
 *                                              and whoever failed or is not done yet
 *     SUSPEND              6  NAME TEXT admin  the person as SHOW; TEXT is the reason
 *     RESUME               7  NAME      admin  the person as SHOW
 *     DECIDE               8  TEXT      admin  "approve HASH" or "reject HASH" of a frozen list: {"people": n}
 *     ROTATE               9  NAME      admin  asks for another key of an active person: the person as SHOW
 *     ADOPT               10  TEXT [BODY] admin  what was made by hand and could become somebody's: looked up in the cloud
 *                                              and frozen as a list.  TEXT is "name", "tag KEY" or "map"; with "map" BODY is a
 *                                              JSON array of {"line", "who", "uin", "env"}
 *
 * The PAM module's, about the person who logs in.  Their answers have no body but fields of their own, in one packet.
 *
 *     ACCOUNT             32  NAME      self   may he log in: VERDICT, [UID], and [TEXT] for him
 *                             [SERVICE]
 *     SESSION_OPEN        33  NAME      self   his first login begins his onboarding, where his profile says so; then as
 *                             [SERVICE]        ACCOUNT, and as far as he has them [ENV_ID] [REGION] [SERVER], and with
 *                             [DELIVER]        DELIVER "key" also [SECRET_ID] [SECRET_KEY], but for an
 *                                              administrator who is neither root nor he himself
 *
 * VERDICT is "in", "out" (suspended, held or retired: no login), or "joining" (in, and there is nothing to hand over yet).
 * UID is the stored uidNumber in decimal digits: whoever knows another one for this name knows another person.  A login
 * name that nobody carries is ABSENT.
 *
 * This file and wire.c use nothing but libc, allocate nothing and keep nothing: the PAM module holds both. */
#ifndef ROLLCALL_HOOK_WIRE_H
#define ROLLCALL_HOOK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WIRE_VERSION 1
#define WIRE_REQUEST_MAX 61440u
#define WIRE_ANSWER_MAX 61440u       /* one packet */
#define WIRE_BODY_MAX (16u << 20)    /* all of them: no reader takes more */
#define WIRE_NAME_MAX 255u           /* a login name, or a UUID in text form */
#define WIRE_TEXT_MAX 1024u
#define WIRE_SOCKET "/run/rollcall/desk"
#define WIRE_LOGINS ".login"         /* behind the path of the other */
#define WIRE_PATH_MAX 101u           /* of the former; the system takes 107 bytes */

enum wire_action {
	WIRE_STATUS = 1,
	WIRE_SHOW = 2,
	WIRE_PLAN = 3,
	WIRE_SEALED = 4,
	WIRE_VERIFY = 5,
	WIRE_SUSPEND = 6,
	WIRE_RESUME = 7,
	WIRE_DECIDE = 8,
	WIRE_ROTATE = 9,
	WIRE_ADOPT = 10,
	WIRE_ACCOUNT = 32,
	WIRE_SESSION_OPEN = 33,
};
enum wire_status {
	WIRE_OK = 0,
	WIRE_REFUSED = 1,      /* not yours to ask */
	WIRE_ABSENT = 2,       /* no such person, or nothing to show of him */
	WIRE_AMBIGUOUS = 3,    /* two people carry this login name: name the UUID */
	WIRE_FAILED = 4,       /* could not be answered now */
	WIRE_BUSY = 5,         /* too many requests at once: ask again */
	WIRE_MALFORMED = 6,
	WIRE_UNSUPPORTED = 7,  /* an action that this daemon does not serve */
	WIRE_OTHER_VERSION = 8,
	WIRE_STATUS_COUNT
};
const char *wire_status_name(enum wire_status);    /* "ok", "refused", ... */

enum wire_field {
	WIRE_NAME = 1,
	WIRE_TEXT = 2,
	WIRE_BODY = 3,
	WIRE_SERVICE = 4,      /* of PAM: "sshd" */
	WIRE_DELIVER = 5,
	WIRE_VERDICT = 6,
	WIRE_UID = 7,
	WIRE_ENV_ID = 8,
	WIRE_SECRET_ID = 9,
	WIRE_SECRET_KEY = 10,
	WIRE_REGION = 11,
	WIRE_SERVER = 12,      /* address of his server */
	WIRE_FIELD_COUNT
};

enum wire_who { WIRE_ADMIN, WIRE_SELF };
struct wire_rule {
	enum wire_action action;
	const char *name;          /* "show" */
	enum wire_who who;
	bool served;
	unsigned may, must;        /* fields of the request, bit 1u << type */
	unsigned gives, always;    /* fields of an answer whose status is OK */
	bool slow;                 /* waits for the cloud when it carries a NAME: one at a time */
};
const struct wire_rule *wire_rule(unsigned action);      /* NULL: no such action */

/* --- writing, into a buffer of the caller --------------------------------------------------------------- */
struct wire_out { unsigned char *at; size_t cap, len; bool full; };

void wire_request(struct wire_out *, void *buffer, size_t cap, enum wire_action);
void wire_answer(struct wire_out *, void *buffer, size_t cap, enum wire_status, bool more);
void wire_add(struct wire_out *, enum wire_field, const void *value, size_t n);
void wire_add_text(struct wire_out *, enum wire_field, const char *text);
/* Bytes of the packet; 0 when something did not fit. */
size_t wire_end(const struct wire_out *);
/* The longest value of one more field that still fits. */
size_t wire_room(const struct wire_out *);

/* --- reading: values point into the packet, without a NUL behind ---------------------------------------- */
struct wire_value { const char *at; size_t len; };       /* at NULL: not there */
struct wire_in {
	const struct wire_rule *rule;      /* of a request */
	enum wire_status status;           /* of an answer */
	bool more;
	struct wire_value field[WIRE_FIELD_COUNT];
};
/* WIRE_OK, or what to answer: OTHER_VERSION, MALFORMED, UNSUPPORTED, and *why in a few words (constant text). */
enum wire_status wire_read_request(const void *packet, size_t n, struct wire_in *, const char **why);
/* True when it is a sound answer packet to such a request. */
bool wire_read_answer(enum wire_action, const void *packet, size_t n, struct wire_in *);

/* --- asking: one deadline over everything, on a socket that never blocks -------------------------------- */
int64_t wire_now_ms(void);                               /* CLOCK_MONOTONIC */
/* A connected socket (close-on-exec), or -1 with errno: ENOENT, ECONNREFUSED, EAGAIN (its queue is full), EACCES,
 * ENAMETOOLONG.  *server is the uid of the process that listens. */
int wire_connect(const char *path, uid_t *server);
/* 0, or -1 with errno. */
int wire_send(int fd, const void *packet, size_t n);
/* Bytes of one packet, 0 = the other side has closed, -1 with errno: ETIMEDOUT, EMSGSIZE (longer than cap). */
ssize_t wire_receive(int fd, void *packet, size_t cap, int64_t deadline_ms);

#endif
