/* TC3-HMAC-SHA256, the request signature of Tencent Cloud (API 3.0), as pure functions.
 * Source: the vendor's "Signature v3" page; both published vectors are unit tests. */
#ifndef ROLLCALL_CLOUD_TC3_H
#define ROLLCALL_CLOUD_TC3_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"
#include "common/secret.h"

struct tc3_request {
	const char *method;          /* "POST" or "GET" */
	const char *query;           /* "" for POST */
	const char *service;         /* scope, as in "cam" */
	const char *signed_headers;  /* "content-type;host" or "content-type;host;x-tc-action", names sorted */
	const char *canonical;       /* the canonical header lines, or NULL: made from the three fields below */
	const char *content_type, *host, *action;
	const void *body;
	size_t body_len;
	int64_t timestamp;           /* seconds since 1970 */
};

#define TC3_SIGNATURE 65
/* The hexadecimal signature.  secret is the SecretKey. */
void tc3_signature(const struct tc3_request *, const struct secret *secret, char out[TC3_SIGNATURE]);
/* The intermediate values, for tests: sha256 of the canonical request (hex) and the string to sign. */
void tc3_canonical_hash(const struct tc3_request *, char out[TC3_SIGNATURE]);
/* The whole Authorization header value. */
char *tc3_authorization(const struct tc3_request *, const char *secret_id, const struct secret *, struct arena *);

/* What an Authorization header claims.  Fails: INPUT. */
struct tc3_claim { const char *secret_id, *date, *service, *signed_headers, *signature; };
MUST_USE int tc3_claim_parse(struct arena *, const char *authorization, struct tc3_claim *, struct err *e);

#endif
