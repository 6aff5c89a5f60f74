/* One connection to a directory server: TLS, bind, deadlines.  With sync.c the only door to libldap.
 *
 * One thread per handle.  Every wait is bounded: connect, TLS handshake, bind and each answer (libldap's
 * own time-outs have holes, so the socket does not block and has SO_RCVTIMEO as well).  Only the look-up of
 * a host name takes as long as the resolver is set to.  Referrals are never followed, aliases never
 * dereferenced.  Every option that ldap.conf or LDAP* variables could set is set here on the handle; a
 * program that does not want these files read at all puts LDAPNOINIT into its environment at the very start
 * of main(), before the first thread and the first call of this room.
 * Certificates: libldap puts the machine's own host name in the place of "localhost"; write 127.0.0.1. */
#ifndef ROLLCALL_LDAP_DIR_H
#define ROLLCALL_LDAP_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/mem.h"
#include "common/secret.h"
#include "ldap/person.h"

enum dir_tls { DIR_TLS_NONE, DIR_TLS_START, DIR_TLS_LDAPS };
enum dir_bind { DIR_BIND_SIMPLE, DIR_BIND_EXTERNAL };

struct dir_settings {
	size_t uri_count;
	char **uris;                  /* ldap:// ldaps:// ldapi://, tried in order from the one that worked last */
	bool starttls;                /* for ldap:// URIs */
	bool allow_clear;             /* simple bind without TLS to a host that is not this one: refused unless set */
	const char *ca_file;          /* NULL: the system's */
	const char *cert_file, *key_file;   /* client certificate for EXTERNAL over TLS; NULL: none */
	enum dir_bind bind;
	const char *bind_dn;
	const char *secret_file;      /* read at each bind, so that a changed password needs no restart */
	int64_t connect_ms;           /* connect + TLS + bind, each */
	int64_t answer_ms;            /* one answer */
	const char *base;             /* of the scope */
	const char *scope_filter;     /* who is managed: wide, e.g. (objectClass=inetOrgPerson) */
	const char *widest;           /* base of re-reads; NULL: base */
	const char *still_ours;       /* people moved below here are kept; NULL: none */
	/* Entries that are always there and readable.  One that is missing puts the absence of everybody below its own
	 * parent in doubt; see gate.h.  Best somebody like those who are managed, one in each branch. */
	size_t sentinel_count;
	char **sentinels;
	/* Attributes that the verdict on a person hangs on (person_needs()), NULL-terminated; those of the scope filter
	 * are added.  One that the server's schema lacks puts everybody's absence in doubt.  NULL: none. */
	char **needs;
	bool schema_unreadable_ok;    /* a schema that this identity may not read is no reason to doubt */
	int64_t refresh_ms;           /* full refresh at least this often */
	int64_t heartbeat_ms;         /* after this long without a message ask the server for a sign of life */
	size_t max_message;           /* bytes of one LDAP message (the schema is one: 1 MiB at least); 0: unlimited */
};

/* A distinguished name as settings hold it (RFC 4514), not empty.  Fails: INPUT. */
MUST_USE int dir_dn_check(const char *dn, struct err *e);

struct dir;

/* Connect and bind to uris[at].  Fails: TEMP (unreachable, time-out), AUTH (bind refused; do not hammer),
 * INPUT (certificate, secret file, clear-text rule). */
MUST_USE int dir_open(const struct dir_settings *, size_t at, const struct clock *, struct dir **out, struct err *e);
void dir_close(struct dir *);                 /* NULL is fine */
const char *dir_uri(const struct dir *);
/* Whom the socket is connected to, "127.0.0.1:389", "unix:/run/ldapi": one URI may lead to several servers.  Those
 * behind one address (a balancer) cannot be told apart: name the servers themselves. */
const char *dir_peer(const struct dir *);
/* false once the connection broke or an answer did not come in time: close it and open another. */
bool dir_usable(const struct dir *);

/* One entry by DN (base search), with the attributes asked for.  Fails: ABSENT, TEMP, PERM. */
MUST_USE int dir_read(struct dir *, const char *dn, const char *const *attributes, struct arena *, struct entry **out,
	struct err *e);
/* The one entry with this entryUUID below base.  Fails: ABSENT (with a code when base itself is not
 * visible, without when the search found nothing), TEMP, INPUT (two of them). */
MUST_USE int dir_find(struct dir *, const char *base, const char *uuid, const char *const *attributes, struct arena *,
	struct entry **out, struct err *e);
/* From now on nothing that is read on this handle comes from a copy, that is from a server that follows another one and
 * may lag.  Each read carries "Don't Use Copy" (RFC 6171), which slapd knows.  Where it is unknown the server is asked
 * to change an entry below `base` that is not there, so nothing can come of it: a copy sends writers elsewhere.  To be
 * repeated before each decision, since a server may become a copy.  base must be readable.
 * Fails: TEMP (a copy; cannot be told). */
MUST_USE int dir_originals(struct dir *, const char *base, struct err *e);
/* Does the attribute hold exactly this value?  Asked by Compare, which needs no right to read.
 * Fails: ABSENT (no such entry), TEMP, PERM. */
enum dir_same { DIR_DIFFERS, DIR_SAME, DIR_NONE /* no such attribute there */ };
MUST_USE int dir_compare(struct dir *, const char *dn, const char *name, struct value, enum dir_same *out, struct err *e);
/* Every attribute name of `names` (NULL-terminated) is known to the schema (cn=Subschema).
 * Fails: INPUT naming the first unknown one; TEMP. */
MUST_USE int dir_schema_knows(struct dir *, const char *const *names, struct err *e);

/* One change of one attribute: the old values are taken out and the new ones put in, in one modify; a stale
 * `before` makes the whole modify fail with TEMP and code "changed" (compare-and-set that every server knows). */
struct dir_change {
	const char *name;
	size_t before_count;
	struct value *before;
	size_t after_count;
	struct value *after;
	bool blind;            /* before is not known (a value that may not be read): replace whatever is there */
};
/* Fails: TEMP, ABSENT (no such entry), PERM (ACL, schema), AUTH. */
MUST_USE int dir_modify(struct dir *, const char *dn, const struct dir_change *, size_t count, struct err *e);

#endif
