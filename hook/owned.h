/* What the store remembers of an account, made from what a listing shows of it (cloud/inventory.h): for whoever finds
 * something with our mark of which no row is left. */
#ifndef ROLLCALL_HOOK_OWNED_H
#define ROLLCALL_HOOK_OWNED_H

#include "cloud/inventory.h"
#include "common/clock.h"
#include "hook/settings.h"

/* What else says how it was placed; each may be NULL.  The cloud goes before it. */
struct owned_hints { const char *login, *name, *region, *root_account, *profile, *fits, *package, *bundle; };
/* Names and places as they are (struct store_account.placement); made anew only where there is no such thing.
 * Fails: INPUT (no names can be made). */
MUST_USE int owned_placement(const struct settings *, const struct owned *, const struct owned_hints *, struct arena *, char **out,
	struct err *e);
/* struct store_account.found.  Of the key nothing is taken over: nobody has its secret, so it is deleted and made anew.  Of
 * several things with one mark none is: found.disputed names them. */
char *owned_found(const struct owned *, struct arena *);
/* For people: what there is of it. */
char *owned_words(const struct owned *, struct arena *);

/* A listing that was stopped by a limit (or, failed_too, by a failure that may pass) goes on where it was: waits, and says
 * whether to call it again.  For whoever has a thread of his own to wait in. */
bool owned_later(const struct clock *, const struct err *, bool failed_too, int *tries);

/* Regions, each once: those of the settings, and whatever else is added. */
struct regions { struct arena *arena; const char **list; size_t count, room; };
struct regions regions_of(const struct settings *, struct arena *);
/* True: it is a new one.  NULL and "" are none. */
bool regions_add(struct regions *, const char *name);
bool regions_has(const struct regions *, const char *name);

#endif
