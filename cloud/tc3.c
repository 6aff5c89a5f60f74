#include "cloud/tc3.h"

#include <string.h>

#include "common/crypt.h"
#include "common/str.h"

#define ALGORITHM "TC3-HMAC-SHA256"
#define DATE_LEN 10

static void add_lower(struct str *s, const char *text)
{
	for (; *text; text++) {
		char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
		str_addn(s, &c, 1);
	}
}

/* The header lines in the order of the list of signed names.  A name that has no field here gets an empty
 * value: the signature is then wrong, which is what a request signed over an absent header deserves. */
static void add_headers(struct str *s, const struct tc3_request *r)
{
	if (r->canonical) {
		str_add(s, r->canonical);
		return;
	}
	for (const char *name = r->signed_headers; *name;) {
		size_t n = strcspn(name, ";");
		str_addn(s, name, n);
		str_add(s, ":");
		if (n == 12 && !memcmp(name, "content-type", n))
			str_add(s, r->content_type ? r->content_type : "");
		else if (n == 4 && !memcmp(name, "host", n))
			str_add(s, r->host ? r->host : "");
		else if (n == 11 && !memcmp(name, "x-tc-action", n))
			add_lower(s, r->action ? r->action : "");
		str_add(s, "\n");
		name += n + (name[n] == ';');
	}
}

static void canonical_hash(const struct tc3_request *r, struct arena *a, char out[TC3_SIGNATURE])
{
	char body[SHA256_HEX];
	crypt_sha256_hex(r->body, r->body_len, body);
	struct str s;
	str_init(&s, a);
	str_addf(&s, "%s\n/\n%s\n", r->method, r->query ? r->query : "");
	add_headers(&s, r);
	str_addf(&s, "\n%s\n%s", r->signed_headers, body);
	crypt_sha256_hex(s.text, s.len, out);
}

void tc3_canonical_hash(const struct tc3_request *r, char out[TC3_SIGNATURE])
{
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	canonical_hash(r, a, out);
}

static const char *scope_date(int64_t timestamp, char text[TIME_TEXT])
{
	str_time(timestamp * 1000, text);
	text[DATE_LEN] = '\0';
	return text;
}

/* kDate, kService, kSigning: each key is the digest of the step before. */
static void derive(const struct secret *secret, const char *date, const char *service, unsigned char key[SHA256_BYTES])
{
	size_t n;
	const char *text = secret_reveal(secret, &n);
	AUTO_FREE char *first = mem_alloc(n + 4);
	memcpy(first, "TC3", 3);
	memcpy(first + 3, text, n);
	unsigned char next[SHA256_BYTES];
	crypt_hmac_sha256(first, n + 3, date, strlen(date), key);
	secret_wipe(first, n + 3);
	crypt_hmac_sha256(key, SHA256_BYTES, service, strlen(service), next);
	crypt_hmac_sha256(next, SHA256_BYTES, "tc3_request", strlen("tc3_request"), key);
	secret_wipe(next, sizeof(next));
}

void tc3_signature(const struct tc3_request *r, const struct secret *secret, char out[TC3_SIGNATURE])
{
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	char time[TIME_TEXT], hash[TC3_SIGNATURE];
	const char *date = scope_date(r->timestamp, time);
	canonical_hash(r, a, hash);
	const char *to_sign = arena_printf(a, ALGORITHM "\n%lld\n%s/%s/tc3_request\n%s", (long long)r->timestamp, date,
		r->service, hash);
	unsigned char key[SHA256_BYTES], signature[SHA256_BYTES];
	derive(secret, date, r->service, key);
	crypt_hmac_sha256(key, sizeof(key), to_sign, strlen(to_sign), signature);
	secret_wipe(key, sizeof(key));
	memcpy(out, str_hex(a, signature, sizeof(signature)), TC3_SIGNATURE);
}

char *tc3_authorization(const struct tc3_request *r, const char *secret_id, const struct secret *secret, struct arena *a)
{
	char time[TIME_TEXT], signature[TC3_SIGNATURE];
	tc3_signature(r, secret, signature);
	return arena_printf(a, ALGORITHM " Credential=%s/%s/%s/tc3_request, SignedHeaders=%s, Signature=%s", secret_id,
		scope_date(r->timestamp, time), r->service, r->signed_headers, signature);
}

/* --- reading ----------------------------------------------------------------- */

/* The value of "name=" up to the next comma or white space; NULL when it is not there or empty. */
static char *field(struct arena *a, const char *text, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = text; *p; p += strcspn(p, ","), p += *p == ',') {
		p += strspn(p, " \t");
		if (strncmp(p, name, n) != 0 || p[n] != '=')
			continue;
		size_t len = strcspn(p + n + 1, ", \t");
		return len ? arena_strndup(a, p + n + 1, len) : NULL;
	}
	return NULL;
}

static char *cut_at_last_slash(char *text)
{
	char *slash = strrchr(text, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

static bool is_hex(const char *text)
{
	return strlen(text) == TC3_SIGNATURE - 1 && strspn(text, "0123456789abcdef") == TC3_SIGNATURE - 1;
}

int tc3_claim_parse(struct arena *a, const char *authorization, struct tc3_claim *out, struct err *e)
{
	if (!str_starts(authorization, ALGORITHM " "))
		return err_set(e, ERR_INPUT, "the authorization does not start with \"" ALGORITHM "\"");
	const char *rest = authorization + strlen(ALGORITHM " ");
	char *credential = field(a, rest, "Credential");
	struct tc3_claim claim = {
		.signed_headers = field(a, rest, "SignedHeaders"),
		.signature = field(a, rest, "Signature"),
	};
	if (!credential || !claim.signed_headers || !claim.signature)
		return err_set(e, ERR_INPUT, "the authorization lacks Credential, SignedHeaders or Signature");
	/* From the right: an id holds no slash, but nothing says so. */
	const char *end = cut_at_last_slash(credential);
	claim.service = end ? cut_at_last_slash(credential) : NULL;
	claim.date = claim.service ? cut_at_last_slash(credential) : NULL;
	claim.secret_id = credential;
	if (!claim.date || !str_eq(end, "tc3_request") || !*claim.secret_id || !*claim.service)
		return err_set(e, ERR_INPUT, "the credential is not ID/DATE/SERVICE/tc3_request");
	if (strlen(claim.date) != DATE_LEN)
		return err_set(e, ERR_INPUT, "the credential's date is not YYYY-MM-DD");
	if (!is_hex(claim.signature))
		return err_set(e, ERR_INPUT, "the signature is not 64 hexadecimal digits");
	*out = claim;
	return 0;
}
