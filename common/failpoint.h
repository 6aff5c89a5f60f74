/* Named points at which a test can end the process as `kill -9` would, or make a step fail.
 * In a release build POINT() is nothing at all.  In a build with ROLLCALL_FAILPOINTS the hook is called;
 * the programs' hook reads ROLLCALL_FAILPOINT="NAME:N" (end at the N-th time NAME is passed; NAME "*"
 * counts every point) and writes each passed name to the file ROLLCALL_FAILPOINT_TRACE when that is set. */
#ifndef ROLLCALL_COMMON_FAILPOINT_H
#define ROLLCALL_COMMON_FAILPOINT_H

#ifdef ROLLCALL_FAILPOINTS
typedef void (*failpoint_hook)(const char *name);
void failpoint_set(failpoint_hook);        /* NULL: back to the environment's rule */
void failpoint_hit(const char *name);
#define POINT(name) failpoint_hit(name)
#else
#define POINT(name) ((void)0)
#endif

#endif
