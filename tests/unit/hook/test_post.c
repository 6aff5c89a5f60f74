/* Write-back: what is composed and sealed, and when it says something new. */
#include "office.h"

/* What the holder of the key reads in a sealed value. */
static const struct json *unsealed(struct office *o, enum own own, EVP_PKEY *key)
{
	const char *text = json_text(payload(o), own_attributes[own].name);
	unsigned char *der;
	size_t n, len;
	struct err e = { 0 };
	struct seal_key *reader;
	struct secret *plain;
	struct json *v;
	assert_non_null(text);
	assert_int_equal(str_unbase64(o->f.a, text, strlen(text), &der, &n, &e), 0);
	char *path = cert_pem(o->f.a, "reader.key", NULL, key, 0600);
	assert_int_equal(seal_key_load_reader(path, NULL, &reader, &e), 0);
	if (seal_open(reader, der, n, &plain, &e)) {
		seal_key_free(reader);
		return NULL;
	}
	const char *bytes = secret_reveal(plain, &len);
	assert_int_equal(json_parse(o->f.a, bytes, len, &v, &e), 0);
	secret_free(plain);
	seal_key_free(reader);
	return v;
}

/* --- composing ---------------------------------------------------------------------------------------------- */

static void everything_is_shown(void **state)
{
	struct office *o = *state;
	char at[TIME_TEXT];
	keep_key(o, "S3CRET");
	o->account.complete = true;
	assert_true(compose(o));
	shows(o, OWN_STAGE, "active");
	shows(o, OWN_UIN, "100012345678");
	shows(o, OWN_NAME, fixture_user(&o->f, &o->account));
	shows(o, OWN_GENERATION, "1");
	shows(o, OWN_ENV_ID, "rc-env-1");
	shows(o, OWN_REGION, "ap-shanghai");
	shows(o, OWN_SERVER_ID, "lhins-1");
	shows(o, OWN_SERVER_ADDRESS, "192.0.2.7");
	shows(o, OWN_POLICY_ID, "77");
	shows(o, OWN_KEY_ID, "KEYID1");
	str_time_ldap(o->found.key_created_ms, at);
	shows(o, OWN_KEY_CREATED, at);
	str_time_ldap(o->found.key_created_ms + o->f.settings.cloud.driver.key_age_ms, at);
	shows(o, OWN_ROTATION_DUE, at);
	shows(o, OWN_PROFILE, "staff");
	shows(o, OWN_PACKAGE, "baas_personal");
	shows(o, OWN_BUNDLE, "bundle_1");
	shows(o, OWN_ROOT_ACCOUNT, "main");
	str_time_ldap(o->account.since_ms, at);
	shows(o, OWN_SINCE, at);
	shows(o, OWN_PROOF_RESULT, "sees-own");
	shows(o, OWN_PROOF_COUNTS, "seen=1 refused=3 calls=5");
	shows(o, OWN_RETIRE_AFTER, NULL);
	shows(o, OWN_HOLD_REASON, NULL);
	shows(o, OWN_NOTE, NULL);
	shows(o, OWN_SEALED_PASSWORD, NULL);
	assert_non_null(json_text(payload(o), own_attributes[OWN_SEALED_KEY].name));
	/* Nothing that is no attribute of ours, and the secret nowhere in clear. */
	for (const struct json *m = json_first(payload(o)); m; m = json_next(m))
		assert_true(own_is(json_name(m)));
	assert_null(strstr(letter(o).payload, "S3CRET"));
}

/* Whoever reads the directory sees what the last proof said, and when somebody is held for it. */
static void a_proof_that_says_something_else_is_news(void **state)
{
	struct office *o = *state;
	keep_key(o, "S3CRET");
	assert_true(compose(o));
	run(o);
	assert_false(compose(o));
	str_copy(o->found.proof, sizeof(o->found.proof), PROOF_FOREIGN);
	assert_true(compose(o));
	shows(o, OWN_PROOF_RESULT, PROOF_FOREIGN);
	run(o);
	o->account.stage = STAGE_HELD;
	o->account.hold_reason = "proof: foreign data";
	assert_true(compose(o));
	shows(o, OWN_HOLD_REASON, "proof: foreign data");
	shows(o, OWN_STAGE, "held");
	run(o);
	o->found.proof_ms += 1000;
	assert_true(compose(o));
	run(o);
	o->found.proof_calls++;
	assert_true(compose(o));
}

static void whoever_never_had_anything_gets_no_letter(void **state)
{
	struct office *o = *state;
	struct store_letter l;
	struct err e = { 0 };
	memset(&o->found, 0, sizeof(o->found));
	for (int stage = STAGE_NONE; stage < STAGE_COUNT; stage++) {
		o->account.stage = stage;
		assert_false(compose(o));
		assert_int_equal(store_letter_get(o->f.store, o->account.id, o->f.a, &l, &e), ERR_ABSENT);
	}
	/* The first thing that is found begins it. */
	o->account.stage = STAGE_ACTIVE;
	o->found.uin = 5;
	assert_true(compose(o));
	shows(o, OWN_STAGE, "joining");
	shows(o, OWN_UIN, "5");
	shows(o, OWN_ENV_ID, NULL);
}

static void only_the_newest_generation_writes(void **state)
{
	struct office *o = *state;
	struct store_account first = o->account;
	assert_true(compose(o));
	o->account = fixture_account(&o->f, &o->alice, STAGE_ACTIVE);
	assert_int_equal(o->account.generation, 2);
	assert_true(compose(o));
	struct store_account second = o->account;
	/* The older one has something new to say, and must not. */
	first.stage = STAGE_RETIRED;
	o->account = first;
	assert_false(compose(o));
	shows(o, OWN_STAGE, "joining");
	/* Its letter is still in the outbox: it is settled without being delivered. */
	assert_int_equal(run(o), 2);
	assert_int_equal(o->box.calls, 1);
	assert_false(letter(o).pending);
	o->account = second;
	assert_false(letter(o).pending);
	assert_string_equal(json_text(payload(o), own_attributes[OWN_GENERATION].name), "2");
	check_has(o->box.payload, "\"rollcallGeneration\":\"2\"");
}

static void the_stages_show_what_they_should(void **state)
{
	struct office *o = *state;
	char at[TIME_TEXT];
	keep_key(o, "S3CRET");
	compose(o);
	/* Suspended: the identifiers and the sealed key stay, since he may come back to them. */
	o->account.stage = STAGE_SUSPENDED;
	o->account.complete = true;
	o->account.retire_after_ms = o->f.v.now_ms + 1000000;
	o->found.key_locked_ms = o->f.v.now_ms;
	compose(o);
	shows(o, OWN_STAGE, "suspended");
	shows(o, OWN_ENV_ID, "rc-env-1");
	shows(o, OWN_KEY_ID, "KEYID1");
	str_time_ldap(o->account.retire_after_ms, at);
	shows(o, OWN_RETIRE_AFTER, at);
	shows(o, OWN_ROTATION_DUE, NULL);
	assert_non_null(json_text(payload(o), own_attributes[OWN_SEALED_KEY].name));
	o->account.stage = STAGE_HELD;
	o->account.hold_reason = arena_strdup(o->f.a, "parked");
	o->account.retire_after_ms = 0;
	compose(o);
	shows(o, OWN_STAGE, "held");
	shows(o, OWN_HOLD_REASON, "parked");
	shows(o, OWN_RETIRE_AFTER, NULL);
	/* Retiring: what is still there, and no credential. */
	o->account.stage = STAGE_RETIRED;
	o->account.complete = false;
	*o->found.server_id = '\0';
	compose(o);
	shows(o, OWN_STAGE, "retiring");
	shows(o, OWN_ENV_ID, "rc-env-1");
	shows(o, OWN_SERVER_ID, NULL);
	shows(o, OWN_KEY_ID, NULL);
	shows(o, OWN_SEALED_KEY, NULL);
	shows(o, OWN_HOLD_REASON, NULL);
}

static void a_tombstone_is_small(void **state)
{
	struct office *o = *state;
	static const enum own kept[] = { OWN_STAGE, OWN_NAME, OWN_GENERATION, OWN_SINCE, OWN_NOTE };
	keep_key(o, "S3CRET");
	compose(o);
	o->account.stage = STAGE_RETIRED;
	o->account.complete = true;
	o->alice.note = arena_strdup(o->f.a, "left in autumn");
	compose(o);
	assert_int_equal(json_count(payload(o)), ARRAY_LEN(kept));
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		assert_non_null(json_text(payload(o), own_attributes[kept[i]].name));
	shows(o, OWN_STAGE, "retired");
	shows(o, OWN_NOTE, "left in autumn");
	/* Also when nothing is found any more: he had something. */
	memset(&o->found, 0, sizeof(o->found));
	compose(o);
	shows(o, OWN_STAGE, "retired");
}

static void the_note_tells_what_lasts(void **state)
{
	struct office *o = *state;
	o->account.trouble_kind = ERR_TEMP;
	o->account.trouble = arena_strdup(o->f.a, "time-out");
	compose(o);
	shows(o, OWN_NOTE, NULL);
	o->account.trouble_kind = ERR_PERM;
	o->account.trouble = arena_strdup(o->f.a, "quota\nof users");
	o->alice.note = arena_strdup(o->f.a, "waits");
	str_copy(o->found.note, sizeof(o->found.note), "sold out");
	compose(o);
	shows(o, OWN_NOTE, "waits; quota?of users; sold out");
	char *long_note = arena_alloc(o->f.a, 2001);
	for (int i = 0; i < 2000; i += 2)
		memcpy(long_note + i, "\xc3\xa9", 2);
	o->alice.note = long_note;
	compose(o);
	const char *note = json_text(payload(o), own_attributes[OWN_NOTE].name);
	assert_true(strlen(note) < 500 && str_utf8(note, strlen(note)));
}

/* --- sealing ------------------------------------------------------------------------------------------------- */

static void the_escrow_key_opens_what_is_sealed(void **state)
{
	struct office *o = *state;
	keep_key(o, "S3CRET\"\\");
	keep_password(o, "Pa55word.");
	compose(o);
	const struct json *key = unsealed(o, OWN_SEALED_KEY, o->f.escrow_pkey);
	assert_non_null(key);
	const struct { const char *name, *value; } rows[] = { { "kind", "api-key" }, { "uuid", ALICE },
		{ "user", fixture_user(&o->f, &o->account) }, { "env", "rc-env-1" }, { "region", "ap-shanghai" }, { "id", "KEYID1" },
		{ "secret", "S3CRET\"\\" } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(json_text(key, rows[i].name), rows[i].value);
	assert_int_equal(json_int_or(key, "uin", 0), 100012345678);
	assert_int_equal(json_count(key), ARRAY_LEN(rows) + 1);
	const struct json *password = unsealed(o, OWN_SEALED_PASSWORD, o->f.escrow_pkey);
	assert_non_null(password);
	assert_string_equal(json_text(password, "kind"), "console-password");
	assert_string_equal(json_text(password, "uuid"), ALICE);
	assert_string_equal(json_text(password, "password"), "Pa55word.");
	assert_string_equal(json_text(password, "user"), fixture_user(&o->f, &o->account));
	assert_int_equal(json_int_or(password, "uin", 0), 100012345678);
	assert_int_equal(json_int_or(password, "owner_uin", 0), 100000000001);
	/* Nobody else does. */
	assert_null(unsealed(o, OWN_SEALED_KEY, o->f.person_pkey));
	assert_null(unsealed(o, OWN_SEALED_KEY, o->f.ca_pkey));
}

static void openssl_opens_it_too(void **state)
{
	struct office *o = *state;
	unsigned char *der;
	size_t n;
	struct err e = { 0 };
	struct json *v;
	if (system("openssl version >/dev/null 2>&1") != 0)
		skip();
	keep_key(o, "S3CRET");
	compose(o);
	const char *text = json_text(payload(o), own_attributes[OWN_SEALED_KEY].name);
	assert_int_equal(str_unbase64(o->f.a, text, strlen(text), &der, &n, &e), 0);
	char *file = unit_write(o->f.a, "key.der", der, n, 0600);
	char *out = unit_path(o->f.a, "plain.json");
	assert_int_equal(system(arena_printf(o->f.a, "openssl cms -decrypt -inform DER -in '%s' -inkey '%s' -out '%s'", file,
		o->f.escrow_key, out)), 0);
	char *plain = unit_read(o->f.a, out, &n);
	assert_int_equal(json_parse(o->f.a, plain, n, &v, &e), 0);
	assert_string_equal(json_text(v, "secret"), "S3CRET");
}

static void set_certificate(struct office *o, const char *cn, EVP_PKEY *signer)
{
	X509 *cert = cert_make(&(struct cert_spec){ .cn = cn, .usage = ESCROW_USE }, o->f.person_pkey, o->f.ca, signer);
	o->alice.certificate = cert_der(o->f.a, cert, &o->alice.certificate_len);
	X509_free(cert);
}

static void the_persons_own_certificate_counts_when_it_is_sound(void **state)
{
	struct office *o = *state;
	keep_key(o, "S3CRET");
	set_certificate(o, "alice", o->f.ca_pkey);
	/* Without a CA in the settings no certificate is used. */
	compose(o);
	assert_null(unsealed(o, OWN_SEALED_KEY, o->f.person_pkey));
	shows(o, OWN_NOTE, NULL);
	o->f.settings.seal.person_ca = o->f.ca_file;
	compose(o);
	assert_non_null(unsealed(o, OWN_SEALED_KEY, o->f.person_pkey));
	assert_non_null(unsealed(o, OWN_SEALED_KEY, o->f.escrow_pkey));
	shows(o, OWN_NOTE, NULL);
	/* Somebody else's name: left out, and told. */
	set_certificate(o, "mallory", o->f.ca_pkey);
	compose(o);
	assert_null(unsealed(o, OWN_SEALED_KEY, o->f.person_pkey));
	assert_non_null(unsealed(o, OWN_SEALED_KEY, o->f.escrow_pkey));
	check_has(json_text(payload(o), own_attributes[OWN_NOTE].name), "own certificate left out");
	set_certificate(o, "alice", o->f.escrow_pkey);
	compose(o);
	assert_null(unsealed(o, OWN_SEALED_KEY, o->f.person_pkey));
	o->alice.certificate = (const unsigned char *)"garbage";
	o->alice.certificate_len = 7;
	compose(o);
	check_has(json_text(payload(o), own_attributes[OWN_NOTE].name), "not a DER certificate");
}

static const char *sealed_key(struct office *o)
{
	return json_text(payload(o), own_attributes[OWN_SEALED_KEY].name);
}

static void unchanged_secrets_are_not_sealed_anew(void **state)
{
	struct office *o = *state;
	keep_key(o, "S3CRET");
	assert_true(compose(o));
	const char *before = sealed_key(o);
	struct store_letter first = letter(o);
	run(o);
	assert_false(compose(o));
	assert_string_equal(letter(o).digest, first.digest);
	/* Other news takes the sealed value along as it is. */
	str_copy(o->found.server_address, sizeof(o->found.server_address), "192.0.2.8");
	assert_true(compose(o));
	assert_string_equal(sealed_key(o), before);
	assert_string_not_equal(letter(o).digest, first.digest);
	/* Another recipient, or another key, is sealed anew. */
	struct seal_to *more = seal_to_dup(o->f.escrow);
	struct err e = { 0 };
	X509 *second = cert_make(&(struct cert_spec){ .cn = "Escrow 2", .usage = ESCROW_USE }, o->f.person_pkey, NULL, NULL);
	assert_int_equal(seal_to_add_file(more, cert_pem(o->f.a, "second.pem", second, NULL, 0644), &e), 0);
	X509_free(second);
	run(o);
	const struct post_parts parts = { .settings = &o->f.settings, .store = o->f.store, .clock = &o->f.clock, .escrow = more,
		.own_key = o->f.own, .deliver = deliver, .deliver_ctx = &o->box };
	struct post *old_post = o->post;
	o->post = post_new(&parts);
	post_owner(o->post, 100000000001);
	assert_true(compose(o));
	assert_string_not_equal(sealed_key(o), before);
	assert_non_null(unsealed(o, OWN_SEALED_KEY, o->f.person_pkey));
	before = sealed_key(o);
	str_copy(o->found.key_id, sizeof(o->found.key_id), "KEYID2");
	keep_key(o, "S3CRET2");
	assert_true(compose(o));
	assert_string_not_equal(sealed_key(o), before);
	assert_string_equal(json_text(unsealed(o, OWN_SEALED_KEY, o->f.escrow_pkey), "secret"), "S3CRET2");
	post_free(old_post);
	seal_to_free(more);
}

static void the_owner_is_remembered_over_a_restart(void **state)
{
	struct office *o = *state;
	const struct post_parts parts = { .settings = &o->f.settings, .store = o->f.store, .clock = &o->f.clock,
		.escrow = o->f.escrow, .own_key = o->f.own, .deliver = deliver, .deliver_ctx = &o->box };
	keep_password(o, "Pa55word.");
	compose(o);
	run(o);
	post_free(o->post);
	o->post = post_new(&parts);
	/* Nobody has told it yet: the sealed password must not lose its owner, nor be sealed anew. */
	assert_false(compose(o));
	assert_int_equal(json_int_or(unsealed(o, OWN_SEALED_PASSWORD, o->f.escrow_pkey), "owner_uin", 0), 100000000001);
	post_owner(o->post, 100000000002);
	assert_true(compose(o));
	assert_int_equal(json_int_or(unsealed(o, OWN_SEALED_PASSWORD, o->f.escrow_pkey), "owner_uin", 0), 100000000002);
}

static void a_secret_of_somebody_else_is_never_delivered(void **state)
{
	struct office *o = *state;
	const char *user = fixture_user(&o->f, &o->account);
	const struct { int kind; const char *uuid; uint64_t uin; const char *id, *row, *why; } rows[] = {
		{ SECRET_KEY, BOB, 100012345678, "KEYID1", "KEYID1", "another person" },
		{ SECRET_KEY, ALICE, 100012345679, "KEYID1", "KEYID1", "another sub-account" },
		{ SECRET_KEY, ALICE, 0, "KEYID1", "KEYID1", "another sub-account" },
		{ SECRET_KEY, ALICE, 100012345678, "KEYID9", "KEYID1", "another id" },
		{ SECRET_PASSWORD, ALICE, 5, user, user, "another sub-account" },
		{ SECRET_PASSWORD, ALICE, 0, "bob-123456", user, "another id" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		fixture_keep(&o->f, &o->account, rows[i].kind, rows[i].uuid, rows[i].uin, rows[i].id, rows[i].row, "S3CRET");
		/* The stage must reach the directory all the same. */
		compose(o);
		shows(o, OWN_STAGE, "joining");
		shows(o, OWN_SEALED_KEY, NULL);
		shows(o, OWN_SEALED_PASSWORD, NULL);
		check_has(json_text(payload(o), own_attributes[OWN_NOTE].name), rows[i].why);
		run(o);
		assert_false(compose(o));
		assert_int_equal(store_secret_drop(o->f.store, o->account.id, rows[i].kind, rows[i].row, &e), 0);
	}
	compose(o);
	shows(o, OWN_NOTE, NULL);
}

static void a_secret_that_our_key_does_not_open_is_left_out(void **state)
{
	struct office *o = *state;
	struct err e = { 0 };
	assert_int_equal(store_secret_keep(o->f.store, 0, o->account.id, SECRET_KEY, "KEYID1", (const unsigned char *)"junk", 4, "{}", &e),
		0);
	compose(o);
	shows(o, OWN_SEALED_KEY, NULL);
	check_has(json_text(payload(o), own_attributes[OWN_NOTE].name), "not a sealed message");
	/* Made anew, it comes. */
	keep_key(o, "S3CRET");
	compose(o);
	assert_non_null(unsealed(o, OWN_SEALED_KEY, o->f.escrow_pkey));
	shows(o, OWN_NOTE, NULL);
}

static void without_escrow_nothing_is_sealed(void **state)
{
	struct office *o = *state;
	struct seal_to *none = seal_to_new();
	bool pending;
	struct err e = { 0 };
	const struct post_parts parts = { .settings = &o->f.settings, .store = o->f.store, .clock = &o->f.clock, .escrow = none,
		.own_key = o->f.own, .deliver = deliver, .deliver_ctx = &o->box };
	struct post *p = post_new(&parts);
	keep_key(o, "S3CRET");
	check_err(post_compose(p, &o->alice, &o->account, &o->found, o->f.a, &pending, &e), &e, ERR_INPUT, "no certificate");
	post_free(p);
	seal_to_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OFFICE(everything_is_shown), OFFICE(a_proof_that_says_something_else_is_news), OFFICE(whoever_never_had_anything_gets_no_letter),
		OFFICE(only_the_newest_generation_writes), OFFICE(the_stages_show_what_they_should),
		OFFICE(a_tombstone_is_small), OFFICE(the_note_tells_what_lasts),
		OFFICE(the_escrow_key_opens_what_is_sealed), OFFICE(openssl_opens_it_too),
		OFFICE(the_persons_own_certificate_counts_when_it_is_sound),
		OFFICE(unchanged_secrets_are_not_sealed_anew),
		OFFICE(the_owner_is_remembered_over_a_restart), OFFICE(a_secret_of_somebody_else_is_never_delivered),
		OFFICE(a_secret_that_our_key_does_not_open_is_left_out), OFFICE(without_escrow_nothing_is_sealed),
	};
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
