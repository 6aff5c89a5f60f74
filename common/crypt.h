/* Digests, and the certificates that secrets are sealed for.  With secret and seal the only door to OpenSSL. */
#ifndef ROLLCALL_COMMON_CRYPT_H
#define ROLLCALL_COMMON_CRYPT_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"

#define SHA256_BYTES 32
#define SHA256_HEX 65

void crypt_sha256(const void *bytes, size_t n, unsigned char out[SHA256_BYTES]);
void crypt_sha256_hex(const void *bytes, size_t n, char out[SHA256_HEX]);
void crypt_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t n, unsigned char out[SHA256_BYTES]);
int crypt_equal(const void *a, const void *b, size_t n);    /* constant time, 1 when equal */

#endif
