#include "common/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crypt.h"
#include "common/str.h"

#define LEAST_BITS 2048
#define MOST_BITS 8192       /* beyond this a single certificate could cost seconds at each sealing */
#define OWN_BITS 3072
#define TAG_BYTES 16         /* of AES-GCM */

struct seal_to {
	STACK_OF(X509) * certs;
};

struct seal_key {
	EVP_PKEY *key;
	X509 *cert;
};

static void drop_bio(BIO **p) { BIO_free_all(*p); }
static void drop_x509(X509 **p) { X509_free(*p); }
static void drop_key(EVP_PKEY **p) { EVP_PKEY_free(*p); }
static void drop_store(X509_STORE **p) { X509_STORE_free(*p); }
static void drop_store_ctx(X509_STORE_CTX **p) { X509_STORE_CTX_free(*p); }
static void drop_cms(CMS_ContentInfo **p) { CMS_ContentInfo_free(*p); }
#define AUTO_BIO __attribute__((cleanup(drop_bio)))
#define AUTO_X509 __attribute__((cleanup(drop_x509)))
#define AUTO_KEY __attribute__((cleanup(drop_key)))
#define AUTO_STORE __attribute__((cleanup(drop_store)))
#define AUTO_STORE_CTX __attribute__((cleanup(drop_store_ctx)))
#define AUTO_CMS __attribute__((cleanup(drop_cms)))

static void *must(void *p)
{
	if (!p)
		mem_exhausted();
	return p;
}

/* The library's own reason behind ours; empties its queue, so that the next failure shows its own. */
static int refuse(struct err *e, enum err_kind kind, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());
	ERR_clear_error();
	return why ? err_set(e, kind, "%s: %s", what, why) : err_set(e, kind, "%s", what);
}

/* --- recipients ----------------------------------------------------------- */

struct seal_to *seal_to_new(void)
{
	struct seal_to *to = mem_alloc(sizeof(*to));
	to->certs = must(sk_X509_new_null());
	return to;
}

void seal_to_free(struct seal_to *to)
{
	if (!to)
		return;
	sk_X509_pop_free(to->certs, X509_free);
	free(to);
}

struct seal_to *seal_to_dup(const struct seal_to *to)
{
	struct seal_to *copy = mem_alloc(sizeof(*copy));
	copy->certs = must(X509_chain_up_ref(to->certs));
	return copy;
}

size_t seal_to_count(const struct seal_to *to)
{
	return (size_t)sk_X509_num(to->certs);
}

static void add(struct seal_to *to, X509 *cert)
{
	/* The same certificate twice would change the set's fingerprint and nothing else. */
	for (int i = 0; i < sk_X509_num(to->certs); i++) {
		if (X509_cmp(sk_X509_value(to->certs, i), cert) == 0)
			return;
	}
	X509_up_ref(cert);
	if (!sk_X509_push(to->certs, cert))
		mem_exhausted();
}

/* What every recipient must be: RSA of a sound size, valid now, and allowed to encrypt keys. */
static int check_cert(X509 *cert, int64_t now_ms, struct err *e)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	time_t now = (time_t)(now_ms / 1000);
	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
		return refuse(e, ERR_INPUT, "the certificate's key is not RSA");
	int bits = EVP_PKEY_get_bits(key);
	if (bits < LEAST_BITS || bits > MOST_BITS)
		return err_set(e, ERR_INPUT, "the certificate's RSA key has %d bits, wanted %d to %d", bits, LEAST_BITS, MOST_BITS);
	/* X509_cmp_time: below 0 when the certificate's time is before or at ours, 0 when it cannot be read. */
	if (X509_cmp_time(X509_get0_notAfter(cert), &now) <= 0)
		return err_set(e, ERR_INPUT, "the certificate has expired");
	if (X509_cmp_time(X509_get0_notBefore(cert), &now) >= 0)
		return err_set(e, ERR_INPUT, "the certificate is not valid yet");
	/* No key usage extension: every usage is allowed. */
	if (!(X509_get_key_usage(cert) & KU_KEY_ENCIPHERMENT))
		return err_set(e, ERR_INPUT, "the certificate may not be used to encrypt keys");
	return 0;
}

static int read_cert(const char *path, X509 **out, struct err *e)
{
	AUTO_BIO BIO *file = BIO_new_file(path, "r");
	if (!file) {
		int error = errno;
		ERR_clear_error();
		return err_set(e, ERR_INPUT, "certificate \"%s\" could not be opened: %s", path, strerror(error));
	}
	X509 *cert = PEM_read_bio_X509(file, NULL, NULL, NULL);
	ERR_clear_error();
	if (!cert)
		return err_set(e, ERR_INPUT, "\"%s\" holds no PEM certificate", path);
	*out = cert;
	return 0;
}

int seal_to_add_file(struct seal_to *to, const char *path, struct err *e)
{
	AUTO_X509 X509 *cert = NULL;
	int r = read_cert(path, &cert, e);
	if (r)
		return r;
	struct clock clock = clock_system();
	r = check_cert(cert, clock_now(&clock), e);
	if (r) {
		if (e)
			err_wrap(e, "\"%s\"", path);
		return r;
	}
	add(to, cert);
	return 0;
}

static int check_chain(X509 *cert, const char *ca_file, int64_t now_ms, struct err *e)
{
	AUTO_STORE X509_STORE *store = must(X509_STORE_new());
	AUTO_STORE_CTX X509_STORE_CTX *ctx = must(X509_STORE_CTX_new());
	if (!X509_STORE_load_file(store, ca_file)) {
		ERR_clear_error();
		return err_set(e, ERR_INPUT, "CA file \"%s\" could not be read", ca_file);
	}
	if (!X509_STORE_CTX_init(ctx, store, cert, NULL))
		return refuse(e, ERR_BUG, "the certificate could not be checked");
	X509_STORE_CTX_set_time(ctx, 0, (time_t)(now_ms / 1000));
	if (X509_verify_cert(ctx) != 1) {
		const char *why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
		ERR_clear_error();
		return err_set(e, ERR_INPUT, "the certificate does not chain to \"%s\": %s", ca_file, why);
	}
	return 0;
}

static bool names_login(X509 *cert, const char *login)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
		if (nid != NID_commonName && nid != NID_userId)
			continue;
		unsigned char *text = NULL;
		int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
		/* The length is compared too: a NUL inside must not end the name. */
		bool same = n > 0 && (size_t)n == strlen(login) && str_ieq((const char *)text, login);
		OPENSSL_free(text);
		if (same)
			return true;
	}
	ERR_clear_error();
	return false;
}

static bool names_person(X509 *cert, const char *login, const char *mail)
{
	if (login && *login && names_login(cert, login))
		return true;
	return mail && *mail && X509_check_email(cert, mail, strlen(mail), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) == 1;
}

int seal_to_add_person(struct seal_to *to, const void *der, size_t n, const char *ca_file, const char *login,
	const char *mail, int64_t now_ms, struct err *e)
{
	const unsigned char *p = der;
	AUTO_X509 X509 *cert = n > 0 && n < 65536 ? d2i_X509(NULL, &p, (long)n) : NULL;
	if (!cert || p != (const unsigned char *)der + n)
		return refuse(e, ERR_INPUT, "not a DER certificate");
	int r = check_cert(cert, now_ms, e);
	if (!r)
		r = check_chain(cert, ca_file, now_ms, e);
	if (!r && !names_person(cert, login, mail))
		r = err_set(e, ERR_INPUT, "the certificate names neither the login nor the mail address of this person");
	if (!r)
		add(to, cert);
	return r;
}

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_BYTES);
}

char *seal_to_id(const struct seal_to *to, struct arena *a)
{
	size_t n = seal_to_count(to);
	unsigned char *digests = arena_alloc(a, n * SHA256_BYTES + 1), whole[SHA256_BYTES];
	for (size_t i = 0; i < n; i++) {
		if (!X509_digest(sk_X509_value(to->certs, (int)i), EVP_sha256(), digests + i * SHA256_BYTES, NULL))
			mem_exhausted();
	}
	qsort(digests, n, SHA256_BYTES, compare_digests);
	crypt_sha256(digests, n * SHA256_BYTES, whole);
	return str_hex(a, whole, sizeof(whole));
}

/* --- sealing -------------------------------------------------------------- */

static bool add_recipient(CMS_ContentInfo *cms, X509 *cert)
{
	CMS_RecipientInfo *info = CMS_add1_recipient(cms, cert, NULL, NULL, CMS_KEY_PARAM);
	EVP_PKEY_CTX *ctx = info ? CMS_RecipientInfo_get0_pkey_ctx(info) : NULL;
	return ctx && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
		EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) > 0 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0;
}

/* Not CMS_final(): that one carries the plain text through buffers which it does not wipe. */
static bool encrypt(CMS_ContentInfo *cms, const struct secret *plain)
{
	size_t n;
	const char *bytes = secret_reveal(plain, &n);
	AUTO_BIO BIO *content = CMS_dataInit(cms, NULL);
	size_t written = 0;
	if (!content || (n > 0 && (!BIO_write_ex(content, bytes, n, &written) || written != n)))
		return false;
	return BIO_flush(content) > 0 && CMS_dataFinal(cms, content) > 0;
}

int seal(const struct seal_to *to, const struct secret *plain, struct arena *a, unsigned char **der, size_t *n,
	struct err *e)
{
	if (seal_to_count(to) == 0)
		return err_set(e, ERR_INPUT, "there is no certificate to seal for");
	AUTO_CMS CMS_ContentInfo *cms = CMS_AuthEnvelopedData_create_ex(EVP_aes_256_gcm(), NULL, NULL);
	if (!cms)
		return refuse(e, ERR_BUG, "sealing could not begin");
	for (int i = 0; i < sk_X509_num(to->certs); i++) {
		if (!add_recipient(cms, sk_X509_value(to->certs, i)))
			return refuse(e, ERR_BUG, "a recipient could not be added");
	}
	if (!CMS_set_detached(cms, 0) || !encrypt(cms, plain))
		return refuse(e, ERR_BUG, "sealing did not end");
	unsigned char *bytes = NULL;
	int len = i2d_CMS_ContentInfo(cms, &bytes);
	if (len <= 0)
		return refuse(e, ERR_BUG, "the sealed message could not be written");
	*der = arena_memdup(a, bytes, (size_t)len);
	*n = (size_t)len;
	OPENSSL_free(bytes);
	return 0;
}

/* One step into a DER value: its content, which ends at *end.  False for anything that is not sound DER. */
static bool enter(const unsigned char **p, const unsigned char **end, int want_class, int want_tag)
{
	long len;
	int tag, class, flags = ASN1_get_object(p, &len, &tag, &class, *end - *p);
	if (flags & (0x80 | 1) || tag != want_tag || class != want_class)
		return false;
	*end = *p + len;
	return true;
}

/* Libraries differ in how short a tag they take, and a short one can be guessed.  Ours are whole:
 *     SEQUENCE { type, [0] SEQUENCE { version, recipients, content, [1], mac OCTET STRING, [2] } } */
static bool has_whole_tag(const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n;
	if (!enter(&p, &end, V_ASN1_UNIVERSAL, V_ASN1_SEQUENCE))
		return false;
	const unsigned char *type_end = end;
	if (!enter(&p, &type_end, V_ASN1_UNIVERSAL, V_ASN1_OBJECT))
		return false;
	p = type_end;
	if (!enter(&p, &end, V_ASN1_CONTEXT_SPECIFIC, 0) || !enter(&p, &end, V_ASN1_UNIVERSAL, V_ASN1_SEQUENCE))
		return false;
	while (p < end) {
		long len;
		int tag, class;
		if (ASN1_get_object(&p, &len, &tag, &class, end - p) & (0x80 | 1))
			return false;
		if (class == V_ASN1_UNIVERSAL && tag == V_ASN1_OCTET_STRING)
			return len == TAG_BYTES;
		p += len;
	}
	return false;
}

/* Read to the end; the cipher's status then says whether the tag was right. */
static bool decrypt(BIO *content, char *out, size_t room, size_t *n)
{
	*n = 0;
	while (*n < room) {
		int got = BIO_read(content, out + *n, (int)(room - *n));
		if (got <= 0)
			break;
		*n += (size_t)got;
	}
	return *n < room && BIO_method_type(content) == BIO_TYPE_CIPHER && BIO_get_cipher_status(content) > 0;
}

int seal_open(const struct seal_key *key, const void *der, size_t n, struct secret **plain, struct err *e)
{
	const unsigned char *p = der;
	bool sound = n > 0 && n < (1u << 20) && has_whole_tag(der, n);
	AUTO_CMS CMS_ContentInfo *cms = sound ? d2i_CMS_ContentInfo(NULL, &p, (long)n) : NULL;
	if (!cms || p != (const unsigned char *)der + n ||
		OBJ_obj2nid(CMS_get0_type(cms)) != NID_id_smime_ct_authEnvelopedData)
		return refuse(e, ERR_INPUT, "not a sealed message");
	if (CMS_decrypt_set1_pkey(cms, key->key, key->cert) <= 0)
		return refuse(e, ERR_INPUT, "the sealed message is not for this key");
	AUTO_BIO BIO *content = CMS_dataInit(cms, NULL);
	if (!content)
		return refuse(e, ERR_INPUT, "the sealed message has no content");
	/* One byte more than the plain text can have, so that its end is seen. */
	size_t room = n + 1, used;
	char *bytes = OPENSSL_secure_malloc(room);
	if (!bytes)
		bytes = must(OPENSSL_malloc(room));
	bool whole = decrypt(content, bytes, room, &used);
	if (whole)
		*plain = secret_new(bytes, used);
	OPENSSL_secure_clear_free(bytes, room);
	return whole ? 0 : refuse(e, ERR_INPUT, "the sealed message was changed, or is not for this key");
}

/* --- our own key ---------------------------------------------------------- */

/* Never ask on the terminal: an encrypted key is refused. */
static int no_password(char *buf, int size, int rwflag, void *u)
{
	(void)buf, (void)size, (void)rwflag, (void)u;
	return -1;
}

static BIO *read_only(const struct secret *s)
{
	size_t n;
	const char *bytes = secret_reveal(s, &n);
	return must(BIO_new_mem_buf(bytes, (int)n));
}

static struct seal_key *key_new(EVP_PKEY *key, X509 *cert)
{
	struct seal_key *k = mem_alloc(sizeof(*k));
	EVP_PKEY_up_ref(key);
	if (cert)
		X509_up_ref(cert);
	k->key = key;
	k->cert = cert;
	return k;
}

void seal_key_free(struct seal_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	X509_free(k->cert);
	free(k);
}

static const char *check_pair(EVP_PKEY *key, X509 *cert, bool cert_needed)
{
	if (!key)
		return "no private key without a password";
	if (!cert && cert_needed)
		return "no certificate";
	if (cert && !X509_check_private_key(cert, key))
		return "a key and a certificate that do not belong together";
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < LEAST_BITS)
		return "a key that is not RSA of at least 2048 bits";
	return NULL;
}

static int load_key(const char *path, X509 *cert, bool cert_needed, struct seal_key **out, struct err *e)
{
	AUTO_SECRET struct secret *file = NULL;
	int r = secret_load_file(path, &file, e);
	if (r)
		return r;
	AUTO_BIO BIO *key_text = read_only(file);
	AUTO_BIO BIO *cert_text = read_only(file);
	AUTO_KEY EVP_PKEY *key = PEM_read_bio_PrivateKey(key_text, NULL, no_password, NULL);
	AUTO_X509 X509 *beside = key && !cert ? PEM_read_bio_X509(cert_text, NULL, NULL, NULL) : NULL;
	const char *why = check_pair(key, cert ? cert : beside, cert_needed);
	ERR_clear_error();
	if (why)
		return err_set(e, ERR_INPUT, "\"%s\" holds %s", path, why);
	*out = key_new(key, cert ? cert : beside);
	return 0;
}

int seal_key_load(const char *path, struct seal_key **out, struct err *e)
{
	return load_key(path, NULL, true, out, e);
}

int seal_key_load_reader(const char *path, const char *cert_path, struct seal_key **out, struct err *e)
{
	AUTO_X509 X509 *cert = NULL;
	if (cert_path) {
		int r = read_cert(cert_path, &cert, e);
		if (r)
			return r;
	}
	return load_key(path, cert, false, out, e);
}

struct seal_to *seal_key_recipient(const struct seal_key *k)
{
	struct seal_to *to = seal_to_new();
	if (k->cert)
		add(to, k->cert);
	return to;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool added = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return added;
}

static bool set_serial(X509 *cert)
{
	unsigned char bytes[16];
	struct clock clock = clock_system();
	clock_random(&clock, bytes, sizeof(bytes));
	bytes[0] = (bytes[0] & 0x7f) | 0x40;     /* positive and of full length */
	BIGNUM *serial = BN_bin2bn(bytes, sizeof(bytes), NULL);
	bool set = serial && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert));
	BN_free(serial);
	return set;
}

static X509 *self_signed(EVP_PKEY *key, const char *name)
{
	X509 *cert = must(X509_new());
	struct clock clock = clock_system();
	time_t from = (time_t)(clock_now(&clock) / 1000) - 3600;
	X509_NAME *subject = X509_get_subject_name(cert);
	/* It has no end (RFC 5280 4.1.2.5): who may open is decided by who has the key, not by a date. */
	bool made = X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
		ASN1_TIME_set(X509_getm_notBefore(cert), from) &&
		ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "99991231235959Z") &&
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) &&
		X509_set_issuer_name(cert, subject) && X509_set_pubkey(cert, key) &&
		add_extension(cert, NID_subject_key_identifier, "hash") &&
		add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
		add_extension(cert, NID_key_usage, "critical,keyEncipherment") && X509_sign(cert, key, EVP_sha256()) > 0;
	if (!made) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static int write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, bytes, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		bytes += done;
		n -= (size_t)done;
	}
	return 0;
}

static int sync_folder(const char *path)
{
	AUTO_FREE char *folder = mem_strdup(path);
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder ? 1 : 0] = '\0';
	AUTO_FD int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) != 0 ? -1 : 0;
}

/* Aside, fsync, rename.  When somebody else has put a key there meanwhile, his is the one: errno EEXIST. */
static int publish(const char *path, const char *bytes, size_t n)
{
	AUTO_FREE char *aside = NULL;
	if (asprintf(&aside, "%s.new.%ld", path, (long)getpid()) < 0)
		mem_exhausted();
	unlink(aside);     /* left by a process of our number that was killed here */
	AUTO_FD int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	int failed = write_all(fd, bytes, n) || fchmod(fd, 0600) || fsync(fd);
	if (!failed && renameat2(AT_FDCWD, aside, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
		failed = errno == EINVAL || errno == ENOSYS ? rename(aside, path) : -1;
	if (failed) {
		int error = errno;
		unlink(aside);
		errno = error;
		return -1;
	}
	return sync_folder(path);
}

static int make_key(const char *path, const char *name, struct err *e)
{
	AUTO_KEY EVP_PKEY *key = EVP_RSA_gen(OWN_BITS);
	AUTO_X509 X509 *cert = key ? self_signed(key, name) : NULL;
	AUTO_BIO BIO *text = BIO_new(BIO_s_secmem());
	if (!cert || !text || !PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) ||
		!PEM_write_bio_X509(text, cert))
		return refuse(e, ERR_BUG, "a key pair could not be made");
	char *bytes;
	long n = BIO_get_mem_data(text, &bytes);
	if (publish(path, bytes, (size_t)n) != 0 && errno != EEXIST)
		return err_set(e, ERR_INPUT, "key file \"%s\" could not be written: %s", path, strerror(errno));
	return 0;
}

int seal_key_ensure(const char *path, const char *name, struct seal_key **out, struct err *e)
{
	struct stat st;
	if (lstat(path, &st) != 0 && errno == ENOENT) {
		int r = make_key(path, name, e);
		if (r)
			return r;
	}
	return seal_key_load(path, out, e);
}
