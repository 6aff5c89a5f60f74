/* What several drivers need.  A driver file includes this, common/ and nothing of another driver. */
#ifndef ROLLCALL_CLOUD_DRIVERS_DRIVER_H
#define ROLLCALL_CLOUD_DRIVERS_DRIVER_H

#include <string.h>

#include "cloud/resource.h"
#include "common/str.h"

struct json *arguments(struct call *);
void put_list(struct call *, struct json *object, const char *name, const char *only_item);
void put_tags(struct call *, struct json *object, const struct account *);

/* "In a moment": WAIT, due after one poll. */
int wait_poll(struct call *, struct err *e, const char *what);

/* Turn the two findings that are no failures into what was seen; others are returned. */
int seen_of(int rc, enum seen *out);
/* While building, what is missing all of a sudden is no success: ABSENT becomes TEMP. */
int must_exist(int rc, struct err *e);
/* The worst of several failures, for what goes on past them.  Returns its kind. */
int worse(struct err *worst, const struct err *e);

/* The sub-account by its name; found->uin follows.  Fails: ABSENT, FOREIGN (no mark, or another's). */
MUST_USE int look_user(struct call *, const struct account *, struct found *, const struct json **user, struct err *e);
/* found->uin, looked up only when it is not known.  A UIN is never used again, so a known one needs no look.
 * Fails: ABSENT, FOREIGN. */
MUST_USE int need_uin(struct call *, const struct account *, struct found *, struct err *e);

struct attached { uint64_t id; const char *name; };
/* All policies that are attached to the sub-account itself. */
MUST_USE int list_attached(struct call *, const struct account *, uint64_t uin, struct attached **out, size_t *count,
	struct err *e);
bool is_attached(const struct attached *, size_t count, uint64_t policy_id);
/* Change the attachment without looking.  A user that is gone is ABSENT when attaching; whatever is gone is success
 * when detaching. */
MUST_USE int attach(struct call *, const struct account *, struct found *, uint64_t policy_id, struct err *e);
MUST_USE int detach(struct call *, const struct account *, struct found *, uint64_t policy_id, struct err *e);

/* A custom policy by its exact name.  Fails: ABSENT. */
MUST_USE int find_policy(struct call *, const struct account *, const char *name, uint64_t *id, const char **description,
	struct err *e);
/* Same meaning, however it is written.  What cannot be parsed equals nothing. */
bool same_document(struct arena *, const char *, const char *);
/* No unfilled placeholder, not too long.  Fails: PERM. */
MUST_USE int check_document(const char *name, const char *document, struct err *e);

/* The stored secret of the person's key.  When it is lost, the key is made known as such, so that the key row
 * makes a new one at the next walk, and TEMP is returned.  Owns: the caller frees. */
MUST_USE int own_secret(struct call *, struct found *, struct secret **out, struct err *e);

/* found->note, in which one row speaks at a time; clearing leaves another row's note alone. */
void note_set(struct found *, const char *row, const char *fmt, ...) PRINTF(3, 4);
void note_clear(struct found *, const char *row);

#define DAY_MS INT64_C(86400000)
#define POLICY_MAX 6144

#endif
