/* Named points at which a test can end the process as `kill -9` would, or make a step fail; and planted bugs, which show
 * that the tests would find such a one.
 * In a release build POINT() is nothing at all.  In a build with ROLLCALL_FAILPOINTS the hook is called;
 * the programs' hook reads ROLLCALL_FAILPOINT="NAME:N" (end at the N-th time NAME is passed; NAME "*"
 * counts every point) and writes each passed name to the file ROLLCALL_FAILPOINT_TRACE when that is set.
 * PLANTED("name") is false in a release build; else it says whether ROLLCALL_BUG names this bug. */
#ifndef ROLLCALL_COMMON_FAILPOINT_H
#define ROLLCALL_COMMON_FAILPOINT_H

#include <stdbool.h>

#ifdef ROLLCALL_FAILPOINTS
typedef void (*failpoint_hook)(const char *name);
void failpoint_set(failpoint_hook);        /* NULL: back to the environment's rule */
void failpoint_hit(const char *name);
#define POINT(name) failpoint_hit(name)
bool failpoint_planted(const char *bug);
void failpoint_plant(const char *bug);     /* instead of the environment's; NULL: none */
#define PLANTED(bug) failpoint_planted(bug)
#else
#define POINT(name) ((void)0)
#define PLANTED(bug) false
#endif

#endif
