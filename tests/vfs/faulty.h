/* A file system for SQLite that misbehaves on request.  It stands in front of the machine's own one, for every
 * connection that is opened between faulty_install() and faulty_remove(); one at a time per process.
 *
 * It also remembers, for every file, what had been synced.  faulty_power_cut() stops all traffic; after the
 * connections were closed faulty_power_on() puts on the disk what a machine finds when it comes back: the
 * synced bytes, and of the others whatever chance (the seed) had already written, sector by sector. */
#ifndef ROLLCALL_TESTS_VFS_FAULTY_H
#define ROLLCALL_TESTS_VFS_FAULTY_H

#include <stdbool.h>
#include <stdint.h>

void faulty_install(void);              /* no faults, counters at zero */
void faulty_remove(void);
void faulty_alone(void);                /* one connection at a time: locks are granted without asking the system */

void faulty_fail_write(unsigned nth);   /* the n-th write from now fails with an I/O error, once; 0: none */
void faulty_fail_sync(unsigned nth);    /* the same for syncs */
void faulty_full(bool);                 /* every write that makes a file longer finds the disk full */
void faulty_full_everywhere(bool);      /* every write does */
void faulty_read_only(bool);            /* every write is refused */
unsigned faulty_writes(void);           /* since install */
unsigned faulty_syncs(void);

void faulty_power_cut(void);
void faulty_power_on(uint64_t seed);    /* 0: everything that was not synced is lost */

#endif
