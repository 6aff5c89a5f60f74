/* `rollcall open`: what it shows, and what it does not. */
#include "room.h"

/* --- open ------------------------------------------------------------------------------------------------------- */

static void open_prints_the_credential(void **state)
{
	struct desk_room *r = *state;
	need_root();
	RUN("open", "alice", "--key", r->f.escrow_key);
	assert_string_equal(r->err, "");
	assert_string_equal(json_text(printed(r), "secret"), "S3CRET");
	assert_string_equal(json_text(printed(r), "id"), "KEYID1");
	assert_string_equal(json_text(printed(r), "uuid"), ALICE);
	RUN("open", ALICE, "--what=password", "--key", r->f.escrow_key);
	assert_string_equal(json_text(printed(r), "password"), "Pa55word.");
	RUN("open", "alice", "--env", "--key", r->f.escrow_key);
	assert_string_equal(r->out, "TENCENTCLOUD_SECRETID=KEYID1\nTENCENTCLOUD_SECRETKEY=S3CRET\nCLOUDBASE_ENV_ID=rc-env-1\n");
	/* With the certificate in a file of its own, and with both in one. */
	RUN("open", "alice", "--key", r->f.escrow_key, "--cert", r->f.escrow_pem);
	assert_string_equal(json_text(printed(r), "secret"), "S3CRET");
	char *both = unit_path(r->f.a, "both.pem");
	assert_int_equal(system(arena_printf(r->f.a, "cat '%s' '%s' > '%s' && chmod 600 '%s'", r->f.escrow_key, r->f.escrow_pem, both,
		both)), 0);
	RUN("open", "alice", "--key", both);
	assert_string_equal(json_text(printed(r), "secret"), "S3CRET");
}

static void open_refuses_what_is_not_for_this_reader(void **state)
{
	struct desk_room *r = *state;
	need_root();
	char *other = cert_pem(r->f.a, "other.key", NULL, r->f.person_pkey, 0600);
	RUN("open", "alice", "--key", other);
	complains(r, COMMAND_REFUSED, "not for this key");
	RUN("open", "alice", "--key", r->f.escrow_key, "--cert", r->f.ca_file);
	complains(r, COMMAND_REFUSED, "do not belong together");
	RUN("open", "alice", "--key", r->f.ca_file);
	complains(r, COMMAND_REFUSED, "open to group or others");
	char *readable = cert_pem(r->f.a, "readable.key", NULL, r->f.escrow_pkey, 0640);
	RUN("open", "alice", "--key", readable);
	complains(r, COMMAND_REFUSED, "open to group or others");
	RUN("open", "alice", "--key", "/nonexistent");
	complains(r, COMMAND_REFUSED, "could not be opened");
	fixture_person(&r->f, BOB, "bob", 5002);
	RUN("open", "bob", "--key", r->f.escrow_key);
	complains(r, COMMAND_REFUSED, "nothing was handed out");
	/* What there is no secret of was not sealed. */
	struct err e = { 0 };
	assert_int_equal(store_secret_drop(r->f.store, r->account.id, SECRET_KEY, "KEYID1", &e), 0);
	compose(r);
	RUN("open", "alice", "--key", r->f.escrow_key);
	complains(r, COMMAND_REFUSED, "has no sealed API key");
}

/* The letter of alice with one value changed. */
static void tamper(struct desk_room *r, const char *name, const char *value)
{
	struct store_letter l;
	struct json *v;
	struct err e = { 0 };
	assert_int_equal(store_letter_get(r->f.store, r->account.id, r->f.a, &l, &e), 0);
	assert_int_equal(json_parse(r->f.a, l.payload, strlen(l.payload), &v, &e), 0);
	json_remove(v, name);
	json_put_text(v, name, value);
	l.payload = json_print(r->f.a, v);
	str_copy(l.digest, sizeof(l.digest), "tampered");
	assert_int_equal(store_letter_put(r->f.store, &l, &e), 0);
}

static void open_shows_no_value_that_was_moved(void **state)
{
	struct desk_room *r = *state;
	struct store_letter l;
	struct json *v;
	struct err e = { 0 };
	need_root();
	const struct { const char *attribute, *value, *complaint; } rows[] = {
		{ "rollcallKeyId", "KEYID2", "another key" },
		{ "rollcallUin", "100012345679", "another sub-account" },
		{ "rollcallName", "bob-123456", "another sub-account" },
		{ "rollcallUin", NULL, "another sub-account" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		compose(r);
		tamper(r, rows[i].attribute, rows[i].value);
		RUN("open", "alice", "--key", r->f.escrow_key);
		complains(r, COMMAND_REFUSED, rows[i].complaint);
		assert_null(strstr(r->err, "S3CRET"));
	}
	/* The password in the key's place. */
	compose(r);
	assert_int_equal(store_letter_get(r->f.store, r->account.id, r->f.a, &l, &e), 0);
	assert_int_equal(json_parse(r->f.a, l.payload, strlen(l.payload), &v, &e), 0);
	tamper(r, "rollcallSealedKey", json_text(v, "rollcallSealedPassword"));
	RUN("open", "alice", "--key", r->f.escrow_key);
	complains(r, COMMAND_REFUSED, "another kind");
	tamper(r, "rollcallSealedKey", "AAAA");
	RUN("open", "alice", "--key", r->f.escrow_key);
	complains(r, COMMAND_REFUSED, "not a sealed message");
	/* Somebody else's whole letter. */
	struct store_person bob = fixture_person(&r->f, BOB, "bob", 5002);
	struct store_account bobs = fixture_account(&r->f, &bob, STAGE_ACTIVE);
	l.account_id = bobs.id;
	str_copy(l.uuid, sizeof(l.uuid), BOB);
	assert_int_equal(store_letter_put(r->f.store, &l, &e), 0);
	RUN("open", "bob", "--key", r->f.escrow_key);
	complains(r, COMMAND_REFUSED, "another person");
}

static void open_takes_a_file_as_well(void **state)
{
	struct desk_room *r = *state;
	struct store_letter l;
	struct json *v;
	struct err e = { 0 };
	unsigned char *der;
	size_t n;
	assert_int_equal(store_letter_get(r->f.store, r->account.id, r->f.a, &l, &e), 0);
	assert_int_equal(json_parse(r->f.a, l.payload, strlen(l.payload), &v, &e), 0);
	const char *text = json_text(v, "rollcallSealedKey");
	assert_int_equal(str_unbase64(r->f.a, text, strlen(text), &der, &n, &e), 0);
	char *file = unit_write(r->f.a, "key.der", der, n, 0644);
	RUN("open", "--file", file, "--key", r->f.escrow_key);
	assert_string_equal(json_text(printed(r), "secret"), "S3CRET");
	RUN("open", "--file", file, "--what", "password", "--key", r->f.escrow_key);
	complains(r, COMMAND_REFUSED, "another kind");
	RUN("open", "--file", "/nonexistent", "--key", r->f.escrow_key);
	complains(r, COMMAND_REFUSED, "No such file");
	RUN("open", "--file", unit_write(r->f.a, "empty", "", 0, 0644), "--key", r->f.escrow_key);
	complains(r, COMMAND_REFUSED, "is empty");
	RUN("open", "--file", unit_write(r->f.a, "cut", der, n - 1, 0644), "--key", r->f.escrow_key);
	complains(r, COMMAND_REFUSED, "not a sealed message");
}

static void shell_words_are_quoted_where_they_must_be(void **state)
{
	struct desk_room *r = *state;
	need_root();
	str_copy(r->found.env_id, sizeof(r->found.env_id), "it's $HOME");
	compose(r);
	RUN("open", "alice", "--env", "--key", r->f.escrow_key);
	check_has(r->out, "CLOUDBASE_ENV_ID='it'\\''s $HOME'\n");
	char *script = unit_write(r->f.a, "script", r->out, strlen(r->out), 0600);
	assert_int_equal(system(arena_printf(r->f.a, ". '%s' && test \"$CLOUDBASE_ENV_ID\" = \"it's \\$HOME\"", script)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOM(open_prints_the_credential), ROOM(open_refuses_what_is_not_for_this_reader),
		ROOM(open_shows_no_value_that_was_moved), ROOM(open_takes_a_file_as_well),
		ROOM(shell_words_are_quoted_where_they_must_be),
	};
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
