/* A store with people in it, and keys, for the tests of write-back, desk and command. */
#ifndef ROLLCALL_TESTS_UNIT_HOOK_FIXTURE_H
#define ROLLCALL_TESTS_UNIT_HOOK_FIXTURE_H

#include "../common/certs.h"
#include "cloud/account.h"
#include "cloud/resource.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/seal.h"
#include "common/str.h"
#include "hook/kept.h"
#include "hook/settings.h"
#include "hook/store/store.h"
#include "ldap/attrs.h"
#include "policies/grant.h"
#include "policies/stage.h"

#define ALICE "89da469d-e813-11f1-9271-ca710d083b6f"
#define BOB "00000000-0000-4000-8000-00000000000b"
#define CAROL "00000000-0000-4000-8000-00000000000c"

#define ESCROW_USE "critical,keyEncipherment"

struct fixture {
	struct arena *a;
	struct clock_virtual v;
	struct clock clock;
	struct settings settings;
	struct store *store;
	EVP_PKEY *escrow_pkey, *person_pkey, *ca_pkey;
	X509 *ca;
	char *escrow_pem, *escrow_key, *ca_file;     /* files */
	struct seal_to *escrow;
	struct seal_key *own;
};

/* Certificates are checked against the machine's clock too, so the virtual one starts there. */
static inline int64_t fixture_now(void)
{
	struct clock c = clock_system();
	return clock_now(&c);
}

/* Made once per program: keys take long. */
static struct { EVP_PKEY *escrow, *person, *ca; struct seal_key *own; } fixture_kept;

static inline void fixture_make_keys(struct fixture *f)
{
	struct err e = { 0 };
	if (fixture_kept.own)
		return;
	fixture_kept.escrow = EVP_RSA_gen(2048);
	fixture_kept.person = EVP_RSA_gen(2048);
	fixture_kept.ca = EVP_RSA_gen(2048);
	assert_int_equal(seal_key_ensure(unit_path(f->a, "own.pem"), "rollcall", &fixture_kept.own, &e), 0);
}

static inline int fixture_drop_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(fixture_kept.escrow);
	EVP_PKEY_free(fixture_kept.person);
	EVP_PKEY_free(fixture_kept.ca);
	seal_key_free(fixture_kept.own);
	return 0;
}

static inline void fixture_keys(struct fixture *f)
{
	struct err e = { 0 };
	fixture_make_keys(f);
	f->escrow_pkey = fixture_kept.escrow;
	f->person_pkey = fixture_kept.person;
	f->ca_pkey = fixture_kept.ca;
	f->own = fixture_kept.own;
	f->ca = cert_make(&(struct cert_spec){ .cn = "Test CA", .ca = 1, .usage = "critical,keyCertSign" }, f->ca_pkey, NULL, NULL);
	X509 *escrow = cert_make(&(struct cert_spec){ .cn = "Escrow", .usage = ESCROW_USE }, f->escrow_pkey, NULL, NULL);
	f->ca_file = cert_pem(f->a, "ca.pem", f->ca, NULL, 0644);
	f->escrow_pem = cert_pem(f->a, "escrow.pem", escrow, NULL, 0644);
	f->escrow_key = cert_pem(f->a, "escrow.key", NULL, f->escrow_pkey, 0600);
	X509_free(escrow);
	f->escrow = seal_to_new();
	assert_int_equal(seal_to_add_file(f->escrow, f->escrow_pem, &e), 0);
}

static inline void fixture_open(struct fixture *f)
{
	struct err e = { 0 };
	memset(f, 0, sizeof(*f));
	f->a = arena_new(64u << 20);
	f->clock = clock_virtual(&f->v, fixture_now(), 42);
	f->settings.cloud.driver.key_age_ms = 90LL * 86400000;
	f->settings.life.retry_max_ms = 600000;
	assert_int_equal(store_open(unit_path(f->a, "store.db"), &f->clock, &f->store, &e), 0);
	fixture_keys(f);
}

static inline void fixture_close(struct fixture *f)
{
	store_close(f->store);
	seal_to_free(f->escrow);
	X509_free(f->ca);
	arena_free(f->a);
	unit_remove_folder();
	unit_folder[0] = '\0';
}

static inline struct store_person fixture_person(struct fixture *f, const char *uuid, const char *login, int64_t uid)
{
	struct store_person p = { .login = arena_strdup(f->a, login),
		.dn = arena_printf(f->a, "uid=%s,ou=people,dc=example,dc=org", login),
		.display = arena_strdup(f->a, login),
		.mail = arena_printf(f->a, "%s@example.org", login),
		.profile = arena_strdup(f->a, "staff"),
		.uid_number = uid,
		.signal = SIGNAL_ENTITLED,
		.reason = arena_strdup(f->a, "entitled: objectClass=inetOrgPerson"),
		.signal_ms = f->v.now_ms };
	struct err e = { 0 };
	str_copy(p.uuid, sizeof(p.uuid), uuid);
	str_copy(p.hash, sizeof(p.hash), "0123456789abcdef");
	assert_int_equal(store_person_put(f->store, &p, &e), 0);
	return p;
}

/* A new generation of this person in the stage. */
static inline struct store_account fixture_account(struct fixture *f, struct store_person *p, enum stage stage)
{
	const struct profile profile = { .name = "staff", .package = "baas_personal", .bundle = "bundle_1" };
	struct placement place;
	struct store_account a = { .stage = stage, .since_ms = f->v.now_ms, .lane = LANE_JOIN, .due_ms = INT64_MAX };
	struct err e = { 0 };
	assert_int_equal(placement_make(p->login, p->uuid, p->generation + 1, "main", "ap-shanghai", &profile, &place, &e), 0);
	a.placement = placement_print(&place, f->a);
	str_copy(a.uuid, sizeof(a.uuid), p->uuid);
	assert_int_equal(store_account_new(f->store, &a, &e), 0);
	assert_int_equal(store_person_get(f->store, p->uuid, f->a, p, &e), 0);
	return a;
}

static inline const char *fixture_user(struct fixture *f, const struct store_account *a)
{
	struct placement place;
	struct err e = { 0 };
	assert_int_equal(placement_parse(a->placement, f->a, &place, &e), 0);
	return arena_strdup(f->a, place.user_name);
}

/* Everything an onboarded person has. */
static inline struct found fixture_found(struct fixture *f)
{
	struct found found = { .uin = 100012345678, .policy_id = 77, .key_created_ms = f->v.now_ms - 1000, .proof_seen = 1,
		.proof_refused = 3, .proof_calls = 5, .proof_ms = f->v.now_ms };
	str_copy(found.env_id, sizeof(found.env_id), "rc-env-1");
	str_copy(found.key_id, sizeof(found.key_id), "KEYID1");
	str_copy(found.server_id, sizeof(found.server_id), "lhins-1");
	str_copy(found.server_address, sizeof(found.server_address), "192.0.2.7");
	str_copy(found.proof, sizeof(found.proof), "sees-own");
	return found;
}

/* Put a secret into the store as the engine's journal does. */
static inline void fixture_keep(struct fixture *f, const struct store_account *a, int kind, const char *uuid, uint64_t uin,
	const char *id, const char *row_id, const char *secret)
{
	const struct keeper k = { f->store, f->own };
	struct secret *plain = secret_text(secret);
	unsigned char *der;
	size_t n;
	struct err e = { 0 };
	assert_int_equal(kept_seal(&k, uuid, uin, id, plain, f->a, &der, &n, &e), 0);
	assert_int_equal(store_secret_keep(f->store, 0, a->id, kind, row_id, der, n, "{}", &e), 0);
	secret_free(plain);
}

#endif
