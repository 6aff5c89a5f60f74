/* Text: a string builder on an arena, base64, hex, base32, UTF-8, and the date forms that directories
 * and clouds use. */
#ifndef ROLLCALL_COMMON_STR_H
#define ROLLCALL_COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"

struct str {
	struct arena *arena;
	char *text;      /* always NUL-terminated once anything was added, "" before */
	size_t len, cap;
};
void str_init(struct str *, struct arena *);
void str_add(struct str *, const char *text);
void str_addn(struct str *, const void *bytes, size_t n);
void str_addf(struct str *, const char *fmt, ...) PRINTF(2, 3);

bool str_eq(const char *a, const char *b);         /* NULL equals only NULL */
bool str_ieq(const char *a, const char *b);        /* ASCII case ignored */
bool str_starts(const char *s, const char *prefix);
/* Copy into a fixed field of size n, cut when too long (never inside a character); returns false when it was cut. */
bool str_copy(char *to, size_t n, const char *from);

char *str_base64(struct arena *, const void *bytes, size_t n);               /* RFC 4648 4, padded */
/* Fails: INPUT.  White space is refused, padding is required. */
MUST_USE int str_unbase64(struct arena *, const char *text, size_t len, unsigned char **out, size_t *n, struct err *e);
char *str_hex(struct arena *, const void *bytes, size_t n);                  /* lower case */
/* RFC 4648 6 in lower case without padding; used for name suffixes. */
char *str_base32(struct arena *, const void *bytes, size_t n);

size_t str_utf8_step(const void *bytes, size_t n);   /* bytes of the character that stands first, 0 = malformed */
bool str_utf8(const void *bytes, size_t n);    /* well-formed UTF-8 (no overlongs, no surrogates) without NUL */
/* A copy fit for a log line or a terminal: control characters and invalid bytes become '?'. */
char *str_printable(struct arena *, const char *s, size_t n);

/* 16 bytes <-> "89da469d-e813-11f1-9271-ca710d083b6f" (RFC 4122 text form, lower case). */
#define UUID_TEXT 37
void str_uuid(const unsigned char uuid[16], char out[UUID_TEXT]);
MUST_USE int str_uuid_parse(const char *text, unsigned char out[16], struct err *e);

/* Moments are milliseconds since 1970 UTC everywhere in Rollcall. */
#define TIME_TEXT 32
void str_time(int64_t ms, char out[TIME_TEXT]);         /* "2026-11-24T16:35:02Z" (RFC 3339) */
void str_time_ldap(int64_t ms, char out[TIME_TEXT]);    /* "20261124163502Z" (GeneralizedTime, RFC 4517 3.3.13) */
MUST_USE int str_time_ldap_parse(const char *text, int64_t *ms, struct err *e);
MUST_USE int str_time_parse(const char *text, int64_t *ms, struct err *e);        /* RFC 3339 with Z */
MUST_USE int str_time_http_parse(const char *text, int64_t *ms, struct err *e);   /* Date header, RFC 9110 5.6.7 */
char *str_duration(struct arena *, int64_t ms);         /* "2d 3h", "4m 5s", "0.8s": for tables */

#endif
