/* Who may be sealed for; test_seal.c has the sealing. */
#include "certs.h"

#include <time.h>

#include "common/seal.h"

static int64_t now_ms(void)
{
	return (int64_t)time(NULL) * 1000;
}

static char *file_of(const char *name, const struct cert_spec *spec, EVP_PKEY *key)
{
	X509 *cert = cert_make(spec, key, NULL, NULL);
	char *path = cert_pem(all.a, name, cert, NULL, 0644);
	X509_free(cert);
	return path;
}

static void escrow_files_are_checked(void **state)
{
	(void)state;
	const struct {
		struct cert_spec spec;
		EVP_PKEY *key;
		const char *why;     /* NULL = taken */
	} rows[] = {
		{ { .cn = "a", .usage = ENCRYPT }, all.key, NULL },
		{ { .cn = "a", .usage = "keyEncipherment,digitalSignature" }, all.key, NULL },
		{ { .cn = "a" }, all.key, NULL },
		{ { .cn = "a", .usage = "critical,digitalSignature" }, all.key, "may not be used to encrypt" },
		{ { .cn = "a", .usage = "critical,keyAgreement" }, all.ec_key, "not RSA" },
		{ { .cn = "a", .usage = ENCRYPT }, all.weak_key, "1024 bits" },
		{ { .cn = "a", .usage = ENCRYPT, .from = -9000, .to = -10 }, all.key, "has expired" },
		{ { .cn = "a", .usage = ENCRYPT, .from = 900, .to = 9000 }, all.key, "not valid yet" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		struct seal_to *to = seal_to_new();
		char *path = file_of("escrow.pem", &rows[i].spec, rows[i].key);
		int r = seal_to_add_file(to, path, &e);
		if (rows[i].why) {
			check_err(r, &e, ERR_INPUT, rows[i].why);
			check_has(e.text, path);
		} else if (r) {
			fail_msg("%s", e.text);
		}
		assert_int_equal(seal_to_count(to), rows[i].why ? 0 : 1);
		seal_to_free(to);
	}
	struct seal_to *to = seal_to_new();
	struct err e;
	check_err(seal_to_add_file(to, unit_path(all.a, "none.pem"), &e), &e, ERR_INPUT, "No such file");
	check_err(seal_to_add_file(to, unit_write(all.a, "x.pem", "no PEM", 6, 0644), &e), &e, ERR_INPUT, "no PEM certificate");
	seal_to_free(to);
}

static void employee_certificates_are_checked(void **state)
{
	(void)state;
	const struct {
		struct cert_spec spec;
		EVP_PKEY *key;
		const char *login, *mail, *why;
	} rows[] = {
		{ { .cn = "alice", .usage = ENCRYPT }, all.key, "alice", NULL, NULL },
		{ { .cn = "Alice", .usage = ENCRYPT }, all.key, "alice", "", NULL },
		{ { .cn = "Alice Smith", .uid = "alice", .usage = ENCRYPT }, all.key, "alice", "a@example.com", NULL },
		{ { .cn = "Alice Smith", .email = "alice@example.com", .usage = ENCRYPT }, all.key, "alice", "alice@EXAMPLE.com", NULL },
		{ { .cn = "Alice Smith", .email = "bob@example.com", .usage = ENCRYPT }, all.key, "alice", "alice@example.com", "names neither" },
		{ { .cn = "alice.smith", .usage = ENCRYPT }, all.key, "alice", NULL, "names neither" },
		{ { .cn = "alice2", .usage = ENCRYPT }, all.key, "alice", NULL, "names neither" },
		{ { .cn = "alice@example.com", .usage = ENCRYPT }, all.key, "alice", "alice@example.com", "names neither" },
		{ { .cn = "alice\0.evil", .cn_len = 11, .usage = ENCRYPT }, all.key, "alice", NULL, "names neither" },
		{ { .cn = "alice", .usage = ENCRYPT }, all.key, NULL, NULL, "names neither" },
		{ { .cn = "", .uid = "x", .usage = ENCRYPT }, all.key, "", "", "names neither" },
		{ { .cn = "alice", .usage = "critical,digitalSignature" }, all.key, "alice", NULL, "may not be used to encrypt" },
		{ { .cn = "alice", .usage = ENCRYPT }, all.weak_key, "alice", NULL, "1024 bits" },
		{ { .cn = "alice" }, all.ec_key, "alice", NULL, "not RSA" },
		{ { .cn = "alice", .usage = ENCRYPT, .from = -900, .to = -10 }, all.key, "alice", NULL, "has expired" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		struct seal_to *to = seal_to_new();
		size_t n;
		X509 *cert = cert_make(&rows[i].spec, rows[i].key, all.ca, all.ca_key);
		unsigned char *der = cert_der(all.a, cert, &n);
		int r = seal_to_add_person(to, der, n, all.ca_file, rows[i].login, rows[i].mail, now_ms(), &e);
		if (rows[i].why)
			check_err(r, &e, ERR_INPUT, rows[i].why);
		else if (r)
			fail_msg("row %zu: %s", i, e.text);
		assert_int_equal(seal_to_count(to), rows[i].why ? 0 : 1);
		X509_free(cert);
		seal_to_free(to);
	}
}

static void employee_certificates_must_chain(void **state)
{
	(void)state;
	struct err e;
	size_t n;
	struct seal_to *to = seal_to_new();
	const struct cert_spec alice = { .cn = "alice", .usage = ENCRYPT };
	/* Self-signed; signed by a stranger of the CA's name; signed by an employee; changed. */
	X509 *cert = cert_make(&alice, all.key, NULL, NULL);
	unsigned char *der = cert_der(all.a, cert, &n);
	check_err(seal_to_add_person(to, der, n, all.ca_file, "alice", NULL, now_ms(), &e), &e, ERR_INPUT, "does not chain");
	X509_free(cert);
	cert = cert_make(&alice, all.key, all.ca, all.other_key);
	der = cert_der(all.a, cert, &n);
	check_err(seal_to_add_person(to, der, n, all.ca_file, "alice", NULL, now_ms(), &e), &e, ERR_INPUT, "does not chain");
	X509_free(cert);
	X509 *employee = cert_make(&alice, all.key, all.ca, all.ca_key);
	cert = cert_make(&(struct cert_spec){ .cn = "boss", .usage = ENCRYPT }, all.other_key, employee, all.key);
	der = cert_der(all.a, cert, &n);
	check_err(seal_to_add_person(to, der, n, all.ca_file, "boss", NULL, now_ms(), &e), &e, ERR_INPUT, "does not chain");
	X509_free(cert);
	der = cert_der(all.a, employee, &n);
	assert_int_equal(seal_to_add_person(to, der, n, all.ca_file, "alice", NULL, now_ms(), &e), 0);
	check_err(seal_to_add_person(to, der, n, all.ca_file, "alice", NULL, now_ms() + INT64_C(90000000), &e), &e, ERR_INPUT, "expired");
	check_err(seal_to_add_person(to, der, n, all.ca_file, "alice", NULL, now_ms() - INT64_C(7200000), &e), &e, ERR_INPUT, "not valid yet");
	/* The CA's end counts too, at the time that is asked for. */
	X509 *longer = cert_make(&(struct cert_spec){ .cn = "alice", .to = 864000 }, all.key, all.ca, all.ca_key);
	size_t longer_n;
	unsigned char *longer_der = cert_der(all.a, longer, &longer_n);
	check_err(seal_to_add_person(to, longer_der, longer_n, all.ca_file, "alice", NULL, now_ms() + INT64_C(172800000), &e), &e,
		ERR_INPUT, "does not chain");
	X509_free(longer);
	check_err(seal_to_add_person(to, der, n, unit_path(all.a, "none"), "alice", NULL, now_ms(), &e), &e, ERR_INPUT, "CA file");
	check_err(seal_to_add_person(to, der, n - 1, all.ca_file, "alice", NULL, now_ms(), &e), &e, ERR_INPUT, "not a DER certificate");
	der = arena_memdup(all.a, der, n);     /* one byte behind the end: its NUL */
	check_err(seal_to_add_person(to, der, n + 1, all.ca_file, "alice", NULL, now_ms(), &e), &e, ERR_INPUT, "not a DER certificate");
	check_err(seal_to_add_person(to, der, 0, all.ca_file, "alice", NULL, now_ms(), &e), &e, ERR_INPUT, "not a DER certificate");
	assert_int_equal(seal_to_count(to), 1);
	X509_free(employee);
	seal_to_free(to);
}

static void the_set_has_a_fingerprint(void **state)
{
	(void)state;
	struct err e;
	char *x = file_of("x.pem", &(struct cert_spec){ .cn = "x" }, all.key);
	char *y = file_of("y.pem", &(struct cert_spec){ .cn = "y" }, all.other_key);
	struct seal_to *xy = seal_to_new(), *yx = seal_to_new();
	char *empty = seal_to_id(xy, all.a);
	assert_int_equal(seal_to_add_file(xy, x, &e), 0);
	char *only_x = seal_to_id(xy, all.a);
	struct seal_to *copy = seal_to_dup(xy);
	assert_int_equal(seal_to_add_file(xy, y, &e), 0);
	assert_int_equal(seal_to_add_file(xy, x, &e), 0);     /* again: changes nothing */
	assert_int_equal(seal_to_add_file(yx, y, &e), 0);
	assert_int_equal(seal_to_add_file(yx, x, &e), 0);
	assert_int_equal(seal_to_count(xy), 2);
	assert_string_equal(seal_to_id(xy, all.a), seal_to_id(yx, all.a));
	assert_string_not_equal(seal_to_id(xy, all.a), only_x);
	assert_string_not_equal(only_x, empty);
	assert_int_equal(seal_to_count(copy), 1);
	assert_string_equal(seal_to_id(copy, all.a), only_x);
	assert_int_equal(strlen(only_x), 64);
	seal_to_free(xy);
	seal_to_free(yx);
	seal_to_free(copy);
	seal_to_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(escrow_files_are_checked),
		T(employee_certificates_are_checked),
		T(employee_certificates_must_chain),
		T(the_set_has_a_fingerprint),
	};
	return cmocka_run_group_tests(tests, certs_set_up, certs_tear_down);
}
