/* One account against the emulator's core, in this process and in virtual time: for tests of drivers. */
#ifndef ROLLCALL_TESTS_SUPPORT_CLOUD_H
#define ROLLCALL_TESTS_SUPPORT_CLOUD_H

#include "cloud/emulator/emulator.h"
#include "cloud/resource.h"
#include "policies/stage.h"
#include "tests/support/journal.h"

#define CLOUD_START INT64_C(1790000000000)
#define CLOUD_INSTALLATION "test"
#define CLOUD_UUID "89da469d-e813-11f1-9271-ca710d083b6f"
#define CLOUD_DAY INT64_C(86400000)

struct cloud {
	struct emulator *emulator;
	struct transport wire;
	struct clock_virtual v;
	struct clock clock;
	struct limit *limit;
	struct api api;
	struct secret *root_key;
	struct arena *arena;
	struct memory_journal journal;
	struct snapshot *snapshot;
	struct cloud_settings settings;
	struct call call;
	struct root root;
	struct account want;
	struct found found;
	const char *sts_actions;      /* part of the policy document, so that a test can change it */
	struct err e;                 /* of the last step */
	bool secrets_seen;            /* some request carried a secret of ours outside a password or Parameters */
	int sent;                     /* requests that left */
};

/* cmocka's setup and teardown: *state is a struct cloud whose shared policies exist. */
int cloud_begin(void **state);
int cloud_end(void **state);

/* Everything that stands before this row, as a walk would have built it. */
void cloud_build(struct cloud *, enum row_id up_to);
/* Walk one row until it is as wanted, moving the clock when it waits; the last kind of failure when it is not within
 * that many rounds.  *out of cloud->e says why. */
int cloud_on(struct cloud *, enum row_id);
int cloud_lock(struct cloud *, enum row_id);
int cloud_off(struct cloud *, enum row_id);
/* One round only: resolve, observe, act. */
int cloud_step_on(struct cloud *, enum row_id);
enum seen cloud_look(struct cloud *, enum row_id);
const struct driver *cloud_driver(enum row_id);

/* One walk of every row, in which nothing is trusted: an audit.  Delivery does nothing. */
int cloud_walk(struct cloud *, enum stage);

/* As a new process would find it: nothing remembered but what the journal stored (or nothing at all). */
void cloud_restart(struct cloud *);
void cloud_forget(struct cloud *);
void cloud_faults(struct cloud *, const char *script);
/* For how long the clock of later calls has not jumped; *ms stays the caller's. */
void cloud_clock_unbroken(struct cloud *, int64_t *ms);
/* Calls of an action that the emulator carried out, lost answers included. */
int64_t cloud_count(struct cloud *, const char *action);
const struct json *cloud_state(struct cloud *, const char *path);
int64_t cloud_money(struct cloud *);
/* Some administrator's call with the root key; must succeed. */
const struct json *cloud_admin(struct cloud *, enum action, const char *parameters);
/* The same for actions that Rollcall does not call. */
const struct json *cloud_raw(struct cloud *, const char *service, const char *version, const char *action,
	const char *parameters);
bool cloud_hit(struct cloud *, const char *fault);      /* some call met a fault of this kind */
/* With the person's own key, as found. */
int cloud_as_him(struct cloud *, enum action, const char *parameters, const struct json **answer);
/* Is any key of this sub-account active? */
int cloud_active_keys(struct cloud *);

#endif
