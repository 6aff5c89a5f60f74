/* Sealing: CMS AuthEnvelopedData (RFC 5083), AES-256-GCM (RFC 5084), DER, RSA recipients by OAEP with
 * SHA-256.  `openssl cms -decrypt -inform DER -inkey KEY` opens it: no format of our own.
 *
 * Two kinds of recipients: the company's escrow certificates (files, mandatory) plus the employee's own
 * certificate for what goes into the directory; Rollcall's own key pair for what stays in its store. */
#ifndef ROLLCALL_COMMON_SEAL_H
#define ROLLCALL_COMMON_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"
#include "common/secret.h"

struct seal_to;      /* a set of recipients */

struct seal_to *seal_to_new(void);
void seal_to_free(struct seal_to *);
struct seal_to *seal_to_dup(const struct seal_to *);
/* A PEM certificate from a file.  Fails: INPUT (unreadable, not RSA or below 2048 bits, expired, may not encrypt). */
MUST_USE int seal_to_add_file(struct seal_to *, const char *path, struct err *e);
/* An employee's own certificate (DER, from userCertificate;binary): it must chain to ca_file, be valid
 * at now_ms, be allowed to encrypt keys, and carry login or mail (subject CN or UID, or rfc822Name).
 * Fails: INPUT with the reason; the set is then unchanged. */
MUST_USE int seal_to_add_person(struct seal_to *, const void *der, size_t n, const char *ca_file, const char *login,
	const char *mail, int64_t now_ms, struct err *e);
size_t seal_to_count(const struct seal_to *);
/* A fingerprint of the whole set, the same for the same certificates in any order: tells when to seal anew. */
char *seal_to_id(const struct seal_to *, struct arena *);

/* Seal the plain text for every recipient.  Owns: *der is in the arena.  Fails: INPUT (no recipients), BUG. */
MUST_USE int seal(const struct seal_to *, const struct secret *plain, struct arena *, unsigned char **der, size_t *n,
	struct err *e);

struct seal_key;     /* a private key with its certificate */
/* PEM file holding a private key and its certificate; refused when group or world can read it. */
MUST_USE int seal_key_load(const char *path, struct seal_key **out, struct err *e);
/* A reader's key, whoever's: the certificate may stand in a file of its own (cert_path), or be missing altogether
 * (every recipient is tried then).  Fails: as above. */
MUST_USE int seal_key_load_reader(const char *path, const char *cert_path, struct seal_key **out, struct err *e);
/* Load it, or make it when the file does not exist: RSA 3072 with a self-signed certificate, mode 0600,
 * written aside, fsynced and renamed. */
MUST_USE int seal_key_ensure(const char *path, const char *name, struct seal_key **out, struct err *e);
void seal_key_free(struct seal_key *);
struct seal_to *seal_key_recipient(const struct seal_key *);     /* empty for a reader's key without a certificate */
/* Fails: INPUT (not for this key, or not such a message, or changed on the way). */
MUST_USE int seal_open(const struct seal_key *, const void *der, size_t n, struct secret **plain, struct err *e);

#endif
