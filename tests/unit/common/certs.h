/* Certificates for the tests of sealing, made on the spot. */
#ifndef ROLLCALL_TESTS_UNIT_COMMON_CERTS_H
#define ROLLCALL_TESTS_UNIT_COMMON_CERTS_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "unit.h"

struct cert_spec {
	const char *cn, *uid, *email;     /* email: as rfc822Name */
	size_t cn_len;                    /* 0 = strlen */
	const char *usage;                /* NULL = no key usage extension */
	int ca;
	long from, to;                    /* seconds from now */
};

static inline void cert_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_true(X509_add_ext(cert, extension, -1));
	X509_EXTENSION_free(extension);
}

static inline X509 *cert_make(const struct cert_spec *s, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	static long serial = 1;
	char value[128];
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	int cn_len = s->cn_len ? (int)s->cn_len : -1;
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), s->from ? s->from : -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), s->to ? s->to : 86400);
	if (s->cn)
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)s->cn, cn_len, -1, 0);
	if (s->uid)
		X509_NAME_add_entry_by_txt(subject, "UID", MBSTRING_UTF8, (const unsigned char *)s->uid, -1, -1, 0);
	X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"Example", -1, -1, 0);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject);
	X509_set_pubkey(cert, key);
	cert_extension(cert, issuer ? issuer : cert, NID_basic_constraints, s->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (s->usage)
		cert_extension(cert, issuer ? issuer : cert, NID_key_usage, s->usage);
	if (s->email) {
		snprintf(value, sizeof(value), "email:%s", s->email);
		cert_extension(cert, issuer ? issuer : cert, NID_subject_alt_name, value);
	}
	assert_true(X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
	return cert;
}

static inline unsigned char *cert_der(struct arena *a, X509 *cert, size_t *n)
{
	unsigned char *bytes = NULL;
	int len = i2d_X509(cert, &bytes);
	assert_true(len > 0);
	unsigned char *copy = arena_memdup(a, bytes, (size_t)len);
	OPENSSL_free(bytes);
	*n = (size_t)len;
	return copy;
}

static inline char *cert_pem(struct arena *a, const char *name, X509 *cert, EVP_PKEY *key, mode_t mode)
{
	char *bytes;
	BIO *text = BIO_new(BIO_s_mem());
	if (key)
		assert_true(PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL));
	if (cert)
		assert_true(PEM_write_bio_X509(text, cert));
	long n = BIO_get_mem_data(text, &bytes);
	char *path = unit_write(a, name, bytes, (size_t)n, mode);
	BIO_free(text);
	return path;
}

#define ENCRYPT "critical,keyEncipherment"

/* A CA and keys of several kinds, for all tests of one program. */
static struct {
	struct arena *a;
	EVP_PKEY *ca_key, *key, *other_key, *ec_key, *weak_key;
	X509 *ca;
	char *ca_file;
} all __attribute__((unused));

static inline int certs_set_up(void **state)
{
	(void)state;
	all.a = arena_new(8 << 20);
	all.ca_key = EVP_RSA_gen(2048);
	all.key = EVP_RSA_gen(2048);
	all.other_key = EVP_RSA_gen(2048);
	all.weak_key = EVP_RSA_gen(1024);
	all.ec_key = EVP_EC_gen("P-256");
	all.ca = cert_make(&(struct cert_spec){ .cn = "Test CA", .ca = 1, .usage = "critical,keyCertSign" }, all.ca_key, NULL, NULL);
	all.ca_file = cert_pem(all.a, "ca.pem", all.ca, NULL, 0644);
	return 0;
}

static inline int certs_tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(all.ca_key);
	EVP_PKEY_free(all.key);
	EVP_PKEY_free(all.other_key);
	EVP_PKEY_free(all.weak_key);
	EVP_PKEY_free(all.ec_key);
	X509_free(all.ca);
	arena_free(all.a);
	return 0;
}

#endif
