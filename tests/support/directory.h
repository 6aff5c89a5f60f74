/* What the tests of the room share: a subscription with its reader, and a connection with its server.
 * Include behind cmocka.h; failures end the running test. */
#ifndef ROLLCALL_TESTS_DIRECTORY_H
#define ROLLCALL_TESTS_DIRECTORY_H

#include "common/clock.h"
#include "common/str.h"
#include "ldap/sync.h"
#include "tests/support/slapd.h"

#define PERSON_OBJECT "objectClass: inetOrgPerson\n"
#define READER_MOST 2000

const struct clock *machine(void);
struct dir_settings settings_of(struct slapd *, char **uris, size_t n);

/* One subscription and what a reader keeps of it. */
struct reader {
	struct slapd server;
	struct dir_settings settings;         /* may be changed before the first event */
	char *uris[2];
	struct source *source;
	struct arena *arena;                  /* of the last event */
	struct source_event event;
	char uuids[READER_MOST][UUID_TEXT];   /* entries since STARTED */
	size_t seen;
};

extern char *reader_attributes[];
void reader_open(struct reader *, const struct slapd_options *);
void reader_attach(struct reader *);      /* without a server of its own: settings are the caller's */
void reader_close(struct reader *);
struct source_event *reader_next(struct reader *);          /* the next event that is not IDLE, within ten seconds */
void reader_expect(struct reader *, enum source_kind);
void reader_refresh(struct reader *);                       /* from STARTED to REFRESHED; fills uuids and seen */
size_t reader_different(struct reader *);                   /* how many different UUIDs were seen */

struct bench {
	struct slapd server;
	struct dir_settings settings;
	char *uris[1];
	struct dir *dir;
	struct arena *arena;
};

void bench_open(struct bench *, const struct slapd_options *);
void bench_close(struct bench *);

const char *entry_text_of(const struct entry *, const char *name);
void uuid_of(struct dir *, const char *dn, char uuid[UUID_TEXT]);
struct value value_of(const char *text);

#endif
