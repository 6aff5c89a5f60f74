#include "unit.h"

#include "common/crypt.h"
#include "common/str.h"

static void sha256_vectors(void **state)
{
	(void)state;
	/* FIPS 180-4, and the digest of nothing. */
	char hex[SHA256_HEX];
	crypt_sha256_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypt_sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
	assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	crypt_sha256_hex(NULL, 0, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 4231, test cases 1, 2 and 6. */
static void hmac_vectors(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	unsigned char key[131], out[SHA256_BYTES];
	memset(key, 0x0b, 20);
	crypt_hmac_sha256(key, 20, "Hi There", 8, out);
	assert_string_equal(str_hex(a, out, sizeof(out)), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	crypt_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
	assert_string_equal(str_hex(a, out, sizeof(out)), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	crypt_hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, out);
	assert_string_equal(str_hex(a, out, sizeof(out)), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	crypt_hmac_sha256("", 0, "", 0, out);
	assert_string_equal(str_hex(a, out, sizeof(out)), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void equality(void **state)
{
	(void)state;
	assert_int_equal(crypt_equal("abc", "abc", 3), 1);
	assert_int_equal(crypt_equal("abc", "abd", 3), 0);
	assert_int_equal(crypt_equal("abc", "abd", 2), 1);
	assert_int_equal(crypt_equal("a", "b", 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sha256_vectors),
		T(hmac_vectors),
		T(equality),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
