#include <openssl/cms.h>

#include "certs.h"

#include <dirent.h>
#include <spawn.h>

#include "common/seal.h"
#include "common/str.h"

/* An own key file, and a message sealed for it and for one other. */
struct sealed {
	char *key_file, *other_file;
	struct seal_key *key;
	struct secret *plain;
	unsigned char *der;
	size_t n;
};

static void seal_it(struct sealed *s)
{
	struct err e = { 0 };
	const struct cert_spec spec = { .cn = "own", .usage = ENCRYPT };
	X509 *cert = cert_make(&spec, all.key, NULL, NULL), *other = cert_make(&spec, all.other_key, NULL, NULL);
	s->key_file = cert_pem(all.a, "own.pem", cert, all.key, 0600);
	s->other_file = cert_pem(all.a, "other.pem", other, all.other_key, 0600);
	assert_int_equal(seal_key_load(s->key_file, &s->key, &e), 0);
	struct seal_to *to = seal_key_recipient(s->key);
	assert_int_equal(seal_to_add_file(to, s->other_file, &e), 0);
	s->plain = secret_new("line one\r\nline two\n\0binary", 26);
	assert_int_equal(seal(to, s->plain, all.a, &s->der, &s->n, &e), 0);
	seal_to_free(to);
	X509_free(cert);
	X509_free(other);
}

static void unseal_it(struct sealed *s)
{
	seal_key_free(s->key);
	secret_free(s->plain);
}

static void every_recipient_opens_it(void **state)
{
	(void)state;
	struct sealed s;
	struct seal_key *other;
	struct secret *plain = NULL;
	struct err e;
	seal_it(&s);
	assert_int_equal(seal_open(s.key, s.der, s.n, &plain, &e), 0);
	assert_true(secret_equal(plain, s.plain));
	secret_free(plain);
	assert_int_equal(seal_key_load(s.other_file, &other, &e), 0);
	assert_int_equal(seal_open(other, s.der, s.n, &plain, &e), 0);
	assert_true(secret_equal(plain, s.plain));
	secret_free(plain);
	seal_key_free(other);
	for (size_t i = 0; i + 26 <= s.n; i++)
		assert_memory_not_equal(s.der + i, secret_reveal(s.plain, NULL), 8);
	unseal_it(&s);
}

static void all_sizes_are_sealed(void **state)
{
	(void)state;
	struct sealed s;
	struct err e;
	seal_it(&s);
	struct seal_to *to = seal_key_recipient(s.key);
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 1023, 1024, 4096, 4097, 70000 };
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		AUTO_FREE char *bytes = mem_alloc(sizes[i] + 1);
		memset(bytes, 'k', sizes[i]);
		AUTO_SECRET struct secret *in = secret_new(bytes, sizes[i]);
		AUTO_SECRET struct secret *out = NULL;
		unsigned char *der;
		size_t n;
		assert_int_equal(seal(to, in, all.a, &der, &n, &e), 0);
		assert_int_equal(seal_open(s.key, der, n, &out, &e), 0);
		assert_true(secret_equal(in, out));
	}
	seal_to_free(to);
	unseal_it(&s);
}

static void nobody_to_seal_for(void **state)
{
	(void)state;
	struct seal_to *to = seal_to_new();
	AUTO_SECRET struct secret *s = secret_text("x");
	unsigned char *der = NULL;
	size_t n;
	struct err e;
	check_err(seal(to, s, all.a, &der, &n, &e), &e, ERR_INPUT, "no certificate");
	assert_null(der);
	seal_to_free(to);
}

static void strangers_do_not_open_it(void **state)
{
	(void)state;
	struct sealed s;
	struct err e;
	struct seal_key *stranger;
	struct secret *plain = NULL;
	seal_it(&s);
	X509 *cert = cert_make(&(struct cert_spec){ .cn = "stranger" }, all.ca_key, NULL, NULL);
	assert_int_equal(seal_key_load(cert_pem(all.a, "stranger.pem", cert, all.ca_key, 0600), &stranger, &e), 0);
	check_err(seal_open(stranger, s.der, s.n, &plain, &e), &e, ERR_INPUT, "not for this key");
	assert_null(plain);
	X509_free(cert);
	seal_key_free(stranger);
	unseal_it(&s);
}

/* Everything behind the recipients is authenticated; a change to another recipient's part may pass, but never
 * changes what is read. */
static void changes_are_seen(void **state)
{
	(void)state;
	struct sealed s;
	size_t passed = 0;
	seal_it(&s);
	for (size_t i = 0; i < s.n; i++) {
		struct secret *plain = NULL;
		s.der[i] ^= 0x04;
		if (seal_open(s.key, s.der, s.n, &plain, NULL) == 0) {
			assert_true(secret_equal(plain, s.plain));
			assert_true(i < s.n - 26 - 16 - 2);     /* neither content nor tag */
			passed++;
		}
		secret_free(plain);
		s.der[i] ^= 0x04;
	}
	assert_true(passed < s.n / 2);
	struct secret *plain = NULL;
	for (size_t n = 0; n < s.n; n++)
		assert_int_equal(seal_open(s.key, s.der, n, &plain, NULL), ERR_INPUT);
	unsigned char *longer = arena_memdup(all.a, s.der, s.n);
	assert_int_equal(seal_open(s.key, longer, s.n + 1, &plain, NULL), ERR_INPUT);
	assert_null(plain);
	unseal_it(&s);
}

/* --- DER by hand ---------------------------------------------------------- */

struct tlv {
	unsigned char tag;
	const unsigned char *content, *next;
	size_t len;
};

static struct tlv read_tlv(const unsigned char *p)
{
	struct tlv t = { p[0], p + 2, NULL, p[1] };
	if (t.len & 0x80) {
		size_t k = t.len & 0x7f;
		t.len = 0;
		for (size_t i = 0; i < k; i++)
			t.len = t.len << 8 | p[2 + i];
		t.content = p + 2 + k;
	}
	t.next = t.content + t.len;
	return t;
}

static void write_tlv(struct str *s, unsigned char tag, const void *bytes, size_t n)
{
	unsigned char head[4] = { tag, 0x82, (unsigned char)(n >> 8), (unsigned char)n };
	if (n < 128) {
		head[1] = (unsigned char)n;
		str_addn(s, head, 2);
	} else if (n < 256) {
		head[1] = 0x81;
		head[2] = (unsigned char)n;
		str_addn(s, head, 3);
	} else {
		str_addn(s, head, 4);
	}
	str_addn(s, bytes, n);
}

/* The message with a tag of only `tag_len` bytes and all lengths put right. */
static struct str shorten_tag(const struct sealed *s, size_t tag_len)
{
	struct str body, wrapped, message, whole;
	struct tlv outer = read_tlv(s->der), type = read_tlv(outer.content), inner = read_tlv(type.next), seq = read_tlv(inner.content);
	str_init(&body, all.a);
	str_init(&wrapped, all.a);
	str_init(&message, all.a);
	str_init(&whole, all.a);
	const unsigned char *end = seq.content + seq.len;
	for (struct tlv t = { .next = seq.content }; t.next < end;) {
		t = read_tlv(t.next);
		write_tlv(&body, t.tag, t.content, t.next == end ? tag_len : t.len);
	}
	write_tlv(&wrapped, 0x30, body.text, body.len);
	write_tlv(&message, 0x06, type.content, type.len);
	write_tlv(&message, 0xa0, wrapped.text, wrapped.len);
	write_tlv(&whole, 0x30, message.text, message.len);
	return whole;
}

static void short_tags_are_refused(void **state)
{
	(void)state;
	struct sealed s;
	seal_it(&s);
	for (size_t n = 0; n <= 16; n++) {
		struct secret *plain = NULL;
		struct str message = shorten_tag(&s, n);
		assert_int_equal(seal_open(s.key, message.text, message.len, &plain, NULL), n == 16 ? 0 : ERR_INPUT);
		secret_free(plain);
	}
	unseal_it(&s);
}

/* Plain EnvelopedData (no tag at all) would let anybody change the text. */
static void other_messages_are_refused(void **state)
{
	(void)state;
	struct sealed s;
	struct err e;
	struct secret *plain = NULL;
	unsigned char *der = NULL;
	seal_it(&s);
	X509 *cert = cert_make(&(struct cert_spec){ .cn = "own" }, all.key, NULL, NULL);
	STACK_OF(X509) *certs = sk_X509_new_null();
	sk_X509_push(certs, cert);
	BIO *text = BIO_new_mem_buf("forged", 6);
	CMS_ContentInfo *cms = CMS_encrypt(certs, text, EVP_aes_256_cbc(), CMS_BINARY);
	int n = i2d_CMS_ContentInfo(cms, &der);
	assert_true(n > 0);
	check_err(seal_open(s.key, der, (size_t)n, &plain, &e), &e, ERR_INPUT, "not a sealed message");
	assert_null(plain);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(text);
	sk_X509_pop_free(certs, X509_free);
	unseal_it(&s);
}

extern char **environ;

/* What an employee or auditor does: the command line tool, with nothing of ours. */
static void the_openssl_command_opens_it(void **state)
{
	(void)state;
	struct sealed s;
	size_t n;
	pid_t child;
	int status;
	seal_it(&s);
	char *in = unit_write(all.a, "message.der", s.der, s.n, 0600), *out = unit_path(all.a, "plain");
	char *argv[] = { "openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", in, "-inkey", s.other_file, "-out", out, NULL };
	assert_int_equal(posix_spawnp(&child, "openssl", NULL, NULL, argv, environ), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	char *plain = unit_read(all.a, out, &n);
	assert_int_equal(n, secret_len(s.plain));
	assert_memory_equal(plain, secret_reveal(s.plain, NULL), n);
	unseal_it(&s);
}

/* AES-256-GCM, and OAEP with SHA-256 for both of its digests. */
static void the_algorithms_are_as_promised(void **state)
{
	(void)state;
	static const unsigned char aes_256_gcm[] = { 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2e };
	static const unsigned char sha256[] = { 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1 };
	static const unsigned char oaep[] = { 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7 };
	static const unsigned char sha1[] = { 6, 5, 0x2b, 0x0e, 3, 2, 0x1a };
	struct sealed s;
	size_t gcm = 0, digests = 0, paddings = 0;
	seal_it(&s);
	for (size_t i = 0; i + sizeof(oaep) <= s.n; i++) {
		gcm += memcmp(s.der + i, aes_256_gcm, sizeof(aes_256_gcm)) == 0;
		digests += memcmp(s.der + i, sha256, sizeof(sha256)) == 0;
		paddings += memcmp(s.der + i, oaep, sizeof(oaep)) == 0;
		assert_true(memcmp(s.der + i, sha1, sizeof(sha1)) != 0);
	}
	assert_int_equal(gcm, 1);
	assert_int_equal(paddings, 2);
	assert_int_equal(digests, 4);
	unseal_it(&s);
}

static void key_files_are_checked(void **state)
{
	(void)state;
	struct err e;
	struct seal_key *key = NULL;
	X509 *own = cert_make(&(struct cert_spec){ .cn = "own" }, all.key, NULL, NULL);
	X509 *weak = cert_make(&(struct cert_spec){ .cn = "weak" }, all.weak_key, NULL, NULL);
	X509 *ec = cert_make(&(struct cert_spec){ .cn = "ec" }, all.ec_key, NULL, NULL);
	check_err(seal_key_load(cert_pem(all.a, "k", own, all.key, 0640), &key, &e), &e, ERR_INPUT, "open to group");
	check_err(seal_key_load(cert_pem(all.a, "k", own, NULL, 0600), &key, &e), &e, ERR_INPUT, "no private key");
	check_err(seal_key_load(cert_pem(all.a, "k", NULL, all.key, 0600), &key, &e), &e, ERR_INPUT, "no certificate");
	check_err(seal_key_load(cert_pem(all.a, "k", own, all.other_key, 0600), &key, &e), &e, ERR_INPUT, "do not belong together");
	check_err(seal_key_load(cert_pem(all.a, "k", weak, all.weak_key, 0600), &key, &e), &e, ERR_INPUT, "not RSA of at least");
	check_err(seal_key_load(cert_pem(all.a, "k", ec, all.ec_key, 0600), &key, &e), &e, ERR_INPUT, "not RSA of at least");
	check_err(seal_key_load(unit_path(all.a, "none"), &key, &e), &e, ERR_INPUT, "No such file");
	BIO *text = BIO_new(BIO_s_mem());
	char *bytes;
	assert_true(PEM_write_bio_PKCS8PrivateKey(text, all.key, EVP_aes_128_cbc(), "word", 4, NULL, NULL));
	PEM_write_bio_X509(text, own);
	long n = BIO_get_mem_data(text, &bytes);
	check_err(seal_key_load(unit_write(all.a, "k", bytes, (size_t)n, 0600), &key, &e), &e, ERR_INPUT, "without a password");
	assert_null(key);
	BIO_free(text);
	X509_free(own);
	X509_free(weak);
	X509_free(ec);
	seal_key_free(NULL);
}

static void readers_may_have_the_key_alone(void **state)
{
	(void)state;
	struct sealed s;
	struct err e = { 0 };
	struct seal_key *key = NULL;
	struct secret *plain = NULL;
	seal_it(&s);
	X509 *stranger = cert_make(&(struct cert_spec){ .cn = "stranger" }, all.ca_key, NULL, NULL);
	char *alone = cert_pem(all.a, "alone.pem", NULL, all.other_key, 0600);
	char *wrong = cert_pem(all.a, "wrong.pem", NULL, all.ca_key, 0600);
	char *stranger_file = cert_pem(all.a, "stranger.crt", stranger, NULL, 0644);
	const struct {
		const char *key, *cert;
	} good[] = { { s.other_file, NULL }, { alone, NULL }, { alone, s.other_file }, { s.other_file, s.other_file } };
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (seal_key_load_reader(good[i].key, good[i].cert, &key, &e) != 0)
			fail_msg("%s", e.text);
		assert_int_equal(seal_open(key, s.der, s.n, &plain, &e), 0);
		assert_true(secret_equal(plain, s.plain));
		secret_free(plain);
		seal_key_free(key);
	}
	assert_int_equal(seal_key_load_reader(wrong, NULL, &key, &e), 0);
	plain = NULL;
	check_err(seal_open(key, s.der, s.n, &plain, &e), &e, ERR_INPUT, "not for this key");
	assert_null(plain);
	struct seal_to *nobody = seal_key_recipient(key);
	assert_int_equal(seal_to_count(nobody), 0);
	seal_to_free(nobody);
	seal_key_free(key);
	key = NULL;
	check_err(seal_key_load_reader(alone, stranger_file, &key, &e), &e, ERR_INPUT, "do not belong together");
	check_err(seal_key_load_reader(alone, unit_path(all.a, "none"), &key, &e), &e, ERR_INPUT, "No such file");
	check_err(seal_key_load_reader(stranger_file, NULL, &key, &e), &e, ERR_INPUT, "open to group");
	assert_null(key);
	X509_free(stranger);
	unseal_it(&s);
}

static void a_key_is_made_once(void **state)
{
	(void)state;
	struct err e = { 0 };
	struct seal_key *made, *loaded;
	struct stat st;
	char *folder = unit_path(all.a, "keys");
	assert_int_equal(mkdir(folder, 0700), 0);
	char *path = arena_printf(all.a, "%s/seal.pem", folder);
	umask(0777);     /* the mode does not hang on the umask */
	if (seal_key_ensure(path, "rollcall test", &made, &e) != 0)
		fail_msg("%s", e.text);
	umask(077);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(seal_key_ensure(path, "another name", &loaded, &e), 0);
	struct seal_to *x = seal_key_recipient(made), *y = seal_key_recipient(loaded);
	assert_string_equal(seal_to_id(x, all.a), seal_to_id(y, all.a));
	AUTO_SECRET struct secret *plain = secret_text("x");
	AUTO_SECRET struct secret *opened = NULL;
	unsigned char *der;
	size_t n;
	assert_int_equal(seal(x, plain, all.a, &der, &n, &e), 0);
	assert_int_equal(seal_open(loaded, der, n, &opened, &e), 0);
	assert_true(secret_equal(plain, opened));
	/* Its certificate passes the check that recipients' files must pass. */
	assert_int_equal(seal_to_add_file(x, path, &e), 0);
	assert_int_equal(seal_to_count(x), 1);
	size_t files = 0;
	DIR *d = opendir(folder);
	while (readdir(d))
		files++;
	closedir(d);
	assert_int_equal(files, 3);     /* nothing is left aside */
	seal_to_free(x);
	seal_to_free(y);
	seal_key_free(made);
	seal_key_free(loaded);
}

static void a_key_that_cannot_be_made_or_used(void **state)
{
	(void)state;
	struct err e;
	struct seal_key *key = NULL;
	check_err(seal_key_ensure(unit_path(all.a, "no/such/folder/k.pem"), "x", &key, &e), &e, ERR_INPUT, "could not be written");
	/* A damaged file is reported, never replaced: the key may still be in a backup. */
	char *path = unit_write(all.a, "damaged.pem", "not a key\n", 10, 0600);
	check_err(seal_key_ensure(path, "x", &key, &e), &e, ERR_INPUT, "no private key");
	assert_string_equal(unit_read(all.a, path, NULL), "not a key\n");
	char *dangling = unit_path(all.a, "dangling.pem");
	assert_int_equal(symlink(unit_path(all.a, "nowhere"), dangling), 0);
	check_err(seal_key_ensure(dangling, "x", &key, &e), &e, ERR_INPUT, "symbolic link");
	assert_null(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_recipient_opens_it),
		T(all_sizes_are_sealed),
		T(nobody_to_seal_for),
		T(strangers_do_not_open_it),
		T(changes_are_seen),
		T(short_tags_are_refused),
		T(other_messages_are_refused),
		T(the_openssl_command_opens_it),
		T(the_algorithms_are_as_promised),
		T(key_files_are_checked),
		T(readers_may_have_the_key_alone),
		T(a_key_is_made_once),
		T(a_key_that_cannot_be_made_or_used),
	};
	return cmocka_run_group_tests(tests, certs_set_up, certs_tear_down);
}
