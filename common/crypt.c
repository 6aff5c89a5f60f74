#include "common/crypt.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* Digests of memory fail only when memory runs out or the library is broken; there is no going on then. */
static void must(int ok)
{
	if (!ok)
		mem_exhausted();
}

void crypt_sha256(const void *bytes, size_t n, unsigned char out[SHA256_BYTES])
{
	must(EVP_Digest(n ? bytes : "", n, out, NULL, EVP_sha256(), NULL));
}

void crypt_sha256_hex(const void *bytes, size_t n, char out[SHA256_HEX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[SHA256_BYTES];
	crypt_sha256(bytes, n, digest);
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[SHA256_HEX - 1] = '\0';
}

void crypt_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t n, unsigned char out[SHA256_BYTES])
{
	const unsigned char *text = n ? bytes : (const unsigned char *)"";
	must(key_len <= INT_MAX && HMAC(EVP_sha256(), key_len ? key : "", (int)key_len, text, n, out, NULL) != NULL);
}

int crypt_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
