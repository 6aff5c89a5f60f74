/* Secrets have a type that the compiler will not print and that wipes itself.
 * secret_reveal() may be used only in the files that tests/lint/secrets.txt lists. */
#ifndef ROLLCALL_COMMON_SECRET_H
#define ROLLCALL_COMMON_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/mem.h"

struct secret;

/* First thing in main: no core dumps, not dumpable, umask 077, a secure heap of 1 MiB (locked memory).
 * strict: fail when the heap cannot be locked; otherwise *warned is set.  Fails: PERM. */
MUST_USE int secret_harden(bool strict, bool *warned, struct err *e);

struct secret *secret_new(const void *bytes, size_t n);      /* copies; the caller wipes its own copy */
struct secret *secret_text(const char *text);
struct secret *secret_dup(const struct secret *);
void secret_free(struct secret *);                           /* wipes; NULL is fine */
void secret_cleanup(struct secret **);
#define AUTO_SECRET __attribute__((cleanup(secret_cleanup)))
/* Hand it to a request: freed with the arena. */
struct secret *secret_to_arena(struct arena *, struct secret *);

/* The bytes, with a NUL behind; valid until secret_free. */
const char *secret_reveal(const struct secret *, size_t *n);
size_t secret_len(const struct secret *);
bool secret_equal(const struct secret *, const struct secret *);   /* in constant time */

/* First line of a file (line end removed).  Refused unless it is a regular file that group and world
 * cannot read or write.  Fails: INPUT naming the file and why. */
MUST_USE int secret_load(const char *path, struct secret **out, struct err *e);
/* The whole of such a file (a private key in PEM). */
MUST_USE int secret_load_file(const char *path, struct secret **out, struct err *e);
/* Line 1 and line 2 of such a file: SecretId in clear, SecretKey as a secret. */
MUST_USE int secret_load_pair(const char *path, struct arena *, char **id, struct secret **out, struct err *e);

/* A password of n characters (12 to 32) with at least one upper, lower, digit and special character,
 * none of which needs quoting. */
struct secret *secret_password(const struct clock *, size_t n);

void secret_wipe(void *p, size_t n);

#endif
