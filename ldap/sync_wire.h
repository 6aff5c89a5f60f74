/* RFC 4533 on the wire: the request, and what a message of the search says.  Used by sync.c only. */
#ifndef ROLLCALL_LDAP_SYNC_WIRE_H
#define ROLLCALL_LDAP_SYNC_WIRE_H

#include "ldap/handle.h"

enum sync_news {
	NEWS_NOTHING,       /* a cookie, an unknown intermediate message */
	NEWS_ENTRY,         /* an entry as it is now */
	NEWS_PRESENT,       /* this UUID is there */
	NEWS_GONE,          /* this UUID left */
	NEWS_IDS,           /* a set of UUIDs that are there, or left */
	NEWS_REFRESHED,     /* the refresh stage is complete */
	NEWS_ELSEWHERE,     /* a part of the content is on another server, which is not asked */
};

struct sync_message {
	enum sync_news news;
	char uuid[UUID_TEXT];         /* ENTRY, PRESENT, GONE */
	const struct entry *entry;    /* ENTRY */
	BerVarray ids;                /* IDS: 16 octets each; freed by ber_bvarray_free; NULL when the set is empty */
	bool gone;                    /* IDS: they left */
	const char *url;              /* ELSEWHERE: where; "" when the server did not say */
};

/* Send the search: subtree, refreshAndPersist, no cookie, critical; referral objects as entries. */
MUST_USE int sync_search(
	struct dir *, const char *base, const char *filter, char **attributes, int *msgid, struct err *e);
/* What a message of that search says.  The message stays the caller's.  Fails, with every message that ends
 * the search or does not follow RFC 4533: the kind says why (TEMP, AUTH, PERM, ABSENT). */
MUST_USE int sync_decode(struct dir *, LDAPMessage *, struct arena *, struct sync_message *out, struct err *e);

/* Messages that are put aside, first in, first out. */
struct sync_held { LDAPMessage **items; size_t count, next, room; };
void sync_hold(struct sync_held *, LDAPMessage *);      /* takes the message */
LDAPMessage *sync_unhold(struct sync_held *);           /* NULL: none is left */
void sync_held_clear(struct sync_held *);

#endif
