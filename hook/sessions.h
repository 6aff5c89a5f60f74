/* What stands on this machine of people who log in: the file that the PAM module gave them (RUN/UID/cloud.env, where RUN is
 * the folder of the desk's socket), and their sessions, which only root can end: a mark in RUN/kick tells rollcall-kick(8). */
#ifndef ROLLCALL_HOOK_SESSIONS_H
#define ROLLCALL_HOOK_SESSIONS_H

#include "hook/settings.h"
#include "hook/store/store.h"

/* He has no access any more.  A failure is told to the log: the key in the file is dead already. */
void sessions_end(const struct settings *, const struct store_person *);
/* He has access (again): whom nobody has ended yet is ended no more. */
void sessions_stay(const struct settings *, const struct store_person *);
/* At start, and every minute: files of people who have none, or who lost it between the answer to a login and its file; and what
 * a login that died left behind. */
void sessions_sweep(const struct settings *, struct store *);

#endif
