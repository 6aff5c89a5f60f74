/* What several drivers need.  A driver file includes this, common/ and nothing of another driver. */
#ifndef ROLLCALL_CLOUD_DRIVERS_DRIVER_H
#define ROLLCALL_CLOUD_DRIVERS_DRIVER_H

#include <string.h>

#include "cloud/resource.h"
#include "cloud/rights.h"
#include "common/str.h"

struct json *call_arguments(struct call *);
void call_list(struct call *, struct json *object, const char *name, const char *only_item);
void call_tags(struct call *, struct json *object, const struct account *);

/* "In a moment": WAIT, due after one poll. */
int call_again(struct call *, struct err *e, const char *what);

/* Has so much time passed since then?  By a clock that jumped meanwhile nobody knows, so it begins anew. */
bool call_settled(const struct call *, int64_t since_ms, int64_t for_ms);

/* Turn the two findings that are no failures into what was seen; others are returned. */
int seen_from(int rc, enum seen *out);
/* The worst of several failures, for what goes on past them.  Returns its kind. */
int err_worse(struct err *worst, const struct err *e);

/* The sub-account by its name; found->uin follows.  One that is to be adopted needs no mark yet.  Fails: ABSENT, FOREIGN (no
 * mark, or another's). */
MUST_USE int user_look(struct call *, const struct account *, struct found *, const struct json **user, struct err *e);
/* found->uin, looked up only when it is not known.  A UIN is never used again, so a known one needs no look.
 * Fails: ABSENT, FOREIGN. */
MUST_USE int user_need(struct call *, const struct account *, struct found *, struct err *e);

/* Change the attachment without looking.  A user that is gone is ABSENT when attaching; whatever is gone is success
 * when detaching.  about: for the evidence, as in call_told(); may be NULL. */
MUST_USE int attached_add(struct call *, const struct account *, struct found *, uint64_t policy_id, struct err *e);
MUST_USE int attached_drop(struct call *, const struct account *, struct found *, uint64_t policy_id, const char *about,
	struct err *e);
/* Leaving a group succeeds when there is nothing left to leave. */
MUST_USE int group_leave(struct call *, const struct account *, struct found *, const struct attached *, struct err *e);

/* Things given by hand that stay, since the settings say so: what they are stands in the note; in the evidence they stand
 * once, until they are others than those told last (*told, a sum over them). */
void by_hand_left(struct call *, struct found *, const char *row, const char *const *things, size_t count, uint64_t *told);

/* A custom policy by its exact name.  Fails: ABSENT. */
MUST_USE int policy_find(struct call *, const struct account *, const char *name, uint64_t *id, const char **description,
	struct err *e);
/* Same meaning, however it is written.  What cannot be parsed equals nothing. */
bool document_same(struct arena *, const char *, const char *);
/* No unfilled placeholder, not too long.  Fails: PERM. */
MUST_USE int document_check(const char *name, const char *document, struct err *e);

/* The stored secret of the person's key.  When it is lost, the key is made known as such, so that the key row
 * makes a new one at the next walk, and TEMP is returned.  Owns: the caller frees. */
MUST_USE int key_secret(struct call *, struct found *, struct secret **out, struct err *e);

/* found->note, in which one row speaks at a time; clearing leaves another row's note alone. */
void note_set(struct found *, const char *row, const char *fmt, ...) PRINTF(3, 4);
void note_clear(struct found *, const char *row);

#define DAY_MS INT64_C(86400000)
#define POLICY_MAX 6144

#endif
