/* The command against a real desk: what it prints, what it opens, and its exit statuses; its tables against the manual. */
#include "fixture.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "hook/command.h"
#include "hook/desk.h"
#include "hook/post.h"

struct desk_room {
	struct fixture f;
	struct evidence *evidence;
	struct desk *desk;
	struct post *post;
	pthread_t thread;
	struct store_person alice;
	struct store_account account;
	struct found found;
	uid_t as;                  /* who runs it; 0 = whoever runs the test */
	/* Of the last run. */
	int status;
	char *out, *err;
};

static int no_plan(void *ctx, const char *uuid, struct arena *a, struct json **out, struct err *e)
{
	(void)ctx, (void)uuid, (void)a, (void)out;
	return err_set(e, ERR_TEMP, "the cloud did not answer");
}

static int no_delivery(void *ctx, const char *uuid, const char *payload, struct arena *a, bool *changed, struct err *e)
{
	(void)ctx, (void)uuid, (void)payload, (void)a, (void)changed;
	return err_set(e, ERR_TEMP, "no directory");
}

static void *serve(void *desk)
{
	desk_run(desk);
	return NULL;
}

static void compose(struct desk_room *r)
{
	bool pending;
	struct err e = { 0 };
	if (post_compose(r->post, &r->alice, &r->account, &r->found, r->f.a, &pending, &e))
		fail_msg("%s", e.text);
}

static int open_room(void **state)
{
	struct desk_room *r = mem_alloc(sizeof(*r));
	struct err e = { 0 };
	fixture_open(&r->f);
	assert_int_equal(chmod(unit_folder, 0755), 0);
	r->f.settings.socket = unit_path(r->f.a, "desk");
	r->alice = fixture_person(&r->f, ALICE, "alice", 5001);
	r->account = fixture_account(&r->f, &r->alice, STAGE_ACTIVE);
	r->found = fixture_found(&r->f);
	const char *user = fixture_user(&r->f, &r->account);
	fixture_keep(&r->f, &r->account, SECRET_KEY, ALICE, r->found.uin, "KEYID1", "KEYID1", "S3CRET");
	fixture_keep(&r->f, &r->account, SECRET_PASSWORD, ALICE, 0, user, user, "Pa55word.");
	assert_int_equal(evidence_open(unit_path(r->f.a, "evidence"), &r->f.clock, &r->evidence, &e), 0);
	const struct post_parts post = { .settings = &r->f.settings, .store = r->f.store, .clock = &r->f.clock,
		.escrow = r->f.escrow, .own_key = r->f.own, .deliver = no_delivery };
	r->post = post_new(&post);
	compose(r);
	const struct desk_parts desk = { .settings = &r->f.settings, .store = r->f.store, .evidence = r->evidence,
		.clock = &r->f.clock, .plan = no_plan };
	if (desk_open(&desk, &r->desk, &e))
		fail_msg("%s", e.text);
	assert_int_equal(pthread_create(&r->thread, NULL, serve, r->desk), 0);
	*state = r;
	return 0;
}

static int close_room(void **state)
{
	struct desk_room *r = *state;
	desk_stop(r->desk);
	pthread_join(r->thread, NULL);
	desk_close(r->desk);
	post_free(r->post);
	evidence_close(r->evidence);
	fixture_close(&r->f);
	free(r);
	return 0;
}

static FILE *output(struct desk_room *r, const char *name)
{
	FILE *f = fopen(unit_path(r->f.a, name), "w+");
	assert_non_null(f);
	return f;
}

/* Arguments after "rollcall -s SOCKET", NULL-terminated. */
static int run(struct desk_room *r, ...)
{
	char *argv[24] = { "rollcall", "-s", r->f.settings.socket };
	int argc = 3;
	FILE *out = output(r, "out"), *err = output(r, "err");
	va_list ap;
	va_start(ap, r);
	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	/* The files are open: only who connects is somebody else. */
	if (r->as)
		assert_int_equal(syscall(SYS_setresuid, -1, r->as, -1), 0);
	r->status = command_run(argc, argv, out, err);
	if (r->as)
		assert_int_equal(syscall(SYS_setresuid, -1, 0, -1), 0);
	fclose(out);
	fclose(err);
	r->out = unit_read(r->f.a, unit_path(r->f.a, "out"), NULL);
	r->err = unit_read(r->f.a, unit_path(r->f.a, "err"), NULL);
	return r->status;
}

#define RUN(...) run(r, __VA_ARGS__, NULL)

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void prints(struct desk_room *r, const char *part)
{
	assert_int_equal(r->status, COMMAND_DONE);
	assert_string_equal(r->err, "");
	check_has(r->out, part);
}

static void complains(struct desk_room *r, int status, const char *part)
{
	if (r->status != status || !strstr(r->err, part))
		fail_msg("status %d \"%s\", wanted %d \"%s\"", r->status, r->err, status, part);
	assert_string_equal(r->out, "");
	assert_true(str_starts(r->err, "rollcall: "));
}

static const struct json *printed(struct desk_room *r)
{
	struct json *v;
	struct err e = { 0 };
	assert_int_equal(r->status, COMMAND_DONE);
	if (json_parse(r->f.a, r->out, strlen(r->out), &v, &e))
		fail_msg("%s: %s", e.text, r->out);
	return v;
}

/* --- questions -------------------------------------------------------------------------------------------------- */

static void questions_are_answered(void **state)
{
	struct desk_room *r = *state;
	need_root();
	RUN("status");
	prints(r, "joining");
	check_has(r->out, "1 people, 1 letters to the directory");
	RUN("show", "alice");
	prints(r, "uid=alice,ou=people,dc=example,dc=org");
	check_has(r->out, "letter");
	RUN("plan");
	prints(r, "nothing is queued");
	RUN("--json", "status");
	assert_int_equal(json_int_or(printed(r), "stages.joining", -1), 1);
	RUN("show", "--json", ALICE);
	assert_string_equal(json_text(printed(r), "person.login"), "alice");
	RUN("plan", "--json");
	assert_int_equal(json_int_or(printed(r), "queued", -1), 0);
}

static void refusals_and_failures_have_their_status(void **state)
{
	struct desk_room *r = *state;
	char *name = arena_alloc(r->f.a, 400);
	need_root();
	RUN("show", "nobody");
	complains(r, COMMAND_REFUSED, "nobody is called");
	RUN("plan", "alice");
	complains(r, COMMAND_REFUSED, "the cloud did not answer");
	RUN("show", "ali\nce");
	complains(r, COMMAND_REFUSED, "UTF-8");
	RUN("show", "");
	complains(r, COMMAND_USAGE, "a name has");
	memset(name, 'a', 300);
	RUN("show", name);
	complains(r, COMMAND_USAGE, "a name has");
	r->as = 5999;
	RUN("status");
	complains(r, COMMAND_REFUSED, "only root may ask this");
	r->as = 5001;
	RUN("show", "alice");
	prints(r, "ou=people");
}

/* --- a daemon that is none -------------------------------------------------------------------------------------- */

struct fake { int fd; const char *answer; size_t n; };

static void *fake_serve(void *p)
{
	struct fake *f = p;
	char request[4096];
	int fd = accept(f->fd, NULL, NULL);
	if (recv(fd, request, sizeof(request), 0) > 0 && f->n)
		send(fd, f->answer, f->n, MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void garbage_from_the_daemon_is_no_answer(void **state)
{
	struct desk_room *r = *state;
#define P(text) text, sizeof(text) - 1
	struct { const char *answer; size_t n; const char *complaint; } rows[] = {
		{ NULL, 0, "ended early" },
		{ P("\x01"), "not of this protocol" },
		{ P("\x02\x00\x00\x00\x03\x00\x02{}"), "not of this protocol" },
		{ P("\x01\x00\x00\x00\x03\x00\x03{}"), "not of this protocol" },
		{ P("\x01\x00\x01\x00\x03\x00\x02{}"), "ended early" },
		{ P("\x01\x00\x00\x00\x03\x00\x02{{"), "JSON" },
		{ P("\x01\x00\x00\x00\x03\x00\x01\xff"), "" },
	};
#undef P
	char *path = r->f.settings.socket;
	r->f.settings.socket = unit_path(r->f.a, "fake");
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	strcpy(at.sun_path, r->f.settings.socket);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 5), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		pthread_t t;
		struct fake fake = { fd, rows[i].answer, rows[i].n };
		assert_int_equal(pthread_create(&t, NULL, fake_serve, &fake), 0);
		RUN("status");
		pthread_join(t, NULL);
		complains(r, COMMAND_UNREACHABLE, rows[i].complaint);
	}
	close(fd);
	RUN("status");
	complains(r, COMMAND_UNREACHABLE, "Connection refused");
	r->f.settings.socket = unit_path(r->f.a, "none");
	RUN("status");
	complains(r, COMMAND_UNREACHABLE, "No such file");
	r->f.settings.socket = path;
}

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

/* --- evidence --------------------------------------------------------------------------------------------------- */

static void evidence_is_verified(void **state)
{
	struct desk_room *r = *state;
	struct err e = { 0 };
	char *path = unit_path(r->f.a, "evidence");
	const struct evidence_line line = { .event = "did", .what = "something" };
	size_t n;
	for (int i = 0; i < 3; i++)
		assert_int_equal(evidence_add(r->evidence, &line, &e), 0);
	RUN("evidence", "verify", path);
	prints(r, "the chain is whole");
	RUN("--json", "evidence", "verify", path);
	assert_true(json_int_or(printed(r), "lines", 0) >= 3);
	char *text = unit_read(r->f.a, path, &n);
	*strstr(text, "something") = 'S';
	RUN("evidence", "verify", unit_write(r->f.a, "changed", text, n, 0600));
	assert_int_equal(r->status, COMMAND_REFUSED);
	RUN("evidence", "verify", "/nonexistent");
	assert_int_equal(r->status, COMMAND_REFUSED);
}

/* --- the command line --------------------------------------------------------------------------------------------- */

static void wrong_command_lines_are_refused(void **state)
{
	struct desk_room *r = *state;
	const struct { const char *argv[8]; const char *complaint; } rows[] = {
		{ { NULL }, "which command?" },
		{ { "frobnicate" }, "no command \"frobnicate\"" },
		{ { "evidence" }, "no command" },
		{ { "evidence", "forge", "x" }, "no command" },
		{ { "evidence", "verify" }, "needs an argument: FILE" },
		{ { "show" }, "needs an argument: NAME" },
		{ { "show", "a", "b" }, "takes no argument \"b\"" },
		{ { "status", "x" }, "takes no argument \"x\"" },
		{ { "status", "--env" }, "takes no option --env" },
		{ { "status", "--json=1" }, "takes no value" },
		{ { "--frob" }, "no option \"--frob\"" },
		{ { "-x", "status" }, "no option \"-x\"" },
		{ { "status", "--json", "--json" }, "given twice" },
		{ { "open", "--key" }, "needs a value: FILE" },
		{ { "open", "--key=" }, "needs a value: FILE" },
		{ { "open", "alice" }, "needs your private key" },
		{ { "open", "--key", "k" }, "either a NAME or --file" },
		{ { "open", "alice", "--file", "f", "--key", "k" }, "either a NAME or --file" },
		{ { "open", "alice", "--key", "k", "--what", "soul" }, "--what is" },
		{ { "open", "alice", "--key=k", "--what=password", "--env" }, "--env is for API keys" },
		{ { "help", "frob" }, "no command \"frob\"" },
		{ { "status", "--", "--json" }, "takes no argument \"--json\"" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const *v = rows[i].argv;
		run(r, v[0], v[1], v[2], v[3], v[4], v[5], v[6], NULL);
		complains(r, COMMAND_USAGE, rows[i].complaint);
	}
	RUN("-h");
	prints(r, "usage: rollcall");
	RUN("show", "--help");
	prints(r, "usage: rollcall [-s SOCKET] [--json] show NAME");
	RUN("--version");
	prints(r, ROLLCALL_VERSION);
	RUN("help", "evidence");
	prints(r, "evidence verify FILE");
}

static void the_manual_knows_every_command_and_option(void **state)
{
	struct desk_room *r = *state;
	char *manual = unit_read(r->f.a, "etc/man/rollcall.1", NULL);
	size_t items = 0;
	for (size_t i = 0; i < command_count; i++)
		check_has(manual, arena_printf(r->f.a, "\n.It Cm %s", command_table[i].words));
	for (char *p = manual; (p = strstr(p, "\n.It Cm ")); p++)
		items++;
	assert_int_equal(items, command_count);
	items = 0;
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct command_option_row *o = &command_options[i];
		check_has(manual, o->letter ? arena_printf(r->f.a, "\n.It Fl %c ", o->letter) : arena_printf(r->f.a, "\n.It Fl -%s", o->name));
		check_has(manual, arena_printf(r->f.a, "Fl -%s", o->name));
	}
	for (char *p = manual; (p = strstr(p, "\n.It Fl ")); p++)
		items++;
	assert_int_equal(items, OPTION_COUNT);
	check_has(manual, WIRE_SOCKET);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

static void columns_stand_under_each_other(void **state)
{
	struct desk_room *r = *state;
	static const char *const titles[] = { "NAME", ">N", "WHY" };
	struct table t;
	FILE *out = output(r, "table");
	table_init(&t, r->f.a, 3, titles);
	const char *const cells[] = { "alice", "1", "x", "\xe6\x9d\x8e\xe5\xb0\x8f\xe9\xbe\x99", "10", NULL, "Rene\xcc\x81", "100", "a\tb\x1b[31m",
		"bad\xff", "", "end" };
	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		table_add(&t, cells[i]);
	table_print(&t, out);
	fclose(out);
	/* Three wide characters take six columns, a combining accent none. */
	assert_string_equal(unit_read(r->f.a, unit_path(r->f.a, "table"), NULL),
		"NAME      N  WHY\n"
		"alice     1  x\n"
		"\xe6\x9d\x8e\xe5\xb0\x8f\xe9\xbe\x99   10  -\n"
		"Rene\xcc\x81    100  a?b?[31m\n"
		"bad?      -  end\n");
	assert_int_equal(text_width("\xe6\x9d\x8e"), 2);
	assert_int_equal(text_width("e\xcc\x81"), 1);
	assert_int_equal(text_width(""), 0);
}

static char *printed_by(struct desk_room *r, void (*print)(const struct command_line *, const struct json *), const char *json)
{
	struct json *v;
	struct err e = { 0 };
	const struct command_line l = { .arena = r->f.a, .out = output(r, "printed"), .err = stderr };
	if (json_parse(r->f.a, json, strlen(json), &v, &e))
		fail_msg("%s", e.text);
	print(&l, v);
	fclose(l.out);
	return unit_read(r->f.a, unit_path(r->f.a, "printed"), NULL);
}

static void answers_are_shown_to_people(void **state)
{
	struct desk_room *r = *state;
	assert_string_equal(printed_by(r, print_plan, "{\"login\":\"alice\",\"stage\":\"active\",\"plan\":["
		"{\"row\":\"user\",\"seen\":\"ok\",\"cell\":\"ON\",\"does\":\"nothing\"},"
		"{\"row\":\"key\",\"seen\":\"none\",\"cell\":\"ON\",\"does\":\"create\"}]}"),
		"alice, active\n\n"
		"ROW   SEEN  CELL  DOES\n"
		"user  ok    ON    nothing\n"
		"key   none  ON    create\n");
	assert_string_equal(printed_by(r, print_queue, "{\"now\":\"2026-11-24T10:00:00Z\",\"queued\":3,\"queue\":["
		"{\"login\":\"bob\",\"generation\":2,\"stage\":\"suspended\",\"lane\":\"revoke\",\"due\":\"2026-11-24T09:00:00Z\","
		"\"in_hand\":false,\"reason\":\"disabled: x=y\"},"
		"{\"login\":\"al\\u001bice\",\"generation\":1,\"stage\":\"joining\",\"lane\":\"join\",\"due\":\"2026-11-24T10:01:05Z\",\"attempts\":4,"
		"\"trouble_kind\":\"temp\",\"trouble\":\"time-out\"}],"
		"\"waiting\":[{\"login\":\"carol\",\"since\":\"2026-11-24T09:59:50Z\",\"signal\":\"absent\"}]}"),
		"LOGIN   GEN  STAGE      LANE    DUE       FAILED  WHY\n"
		"bob       2  suspended  revoke  now            0  disabled: x=y\n"
		"al?ice    1  joining    join    in 1m 5s       4  temp: time-out\n"
		"... and 1 more\n"
		"\ndepartures that wait for confirmation\n"
		"LOGIN  SINCE                 SIGN    WHY\n"
		"carol  2026-11-24T09:59:50Z  absent  -\n");
	assert_string_equal(printed_by(r, print_status, "{\"version\":\"1.0\",\"now\":\"2026-11-24T10:00:00Z\",\"people\":2,\"outbox\":1,"
		"\"open_intents\":0,\"stages\":{\"joining\":1,\"active\":12},\"lanes\":{\"revoke\":0},\"troubled\":60,"
		"\"trouble\":[{\"login\":\"bob\",\"generation\":0,\"stage\":\"none\",\"note\":\"waits\"}],"
		"\"health\":{\"cloud\":\"ready\",\"alarms\":[\"one\",\"two\"]}}"),
		"rollcalld 1.0 at 2026-11-24T10:00:00Z\n"
		"cloud          ready\n"
		"alarms         one\n"
		"alarms         two\n"
		"\n"
		"STAGE    COUNT\n"
		"joining      1\n"
		"active      12\n"
		"\n"
		"LANE    COUNT\n"
		"revoke      0\n"
		"\n"
		"2 people, 1 letters to the directory, 0 open intents\n"
		"\nin trouble: 60, the first of them\n"
		"LOGIN  GEN  STAGE  LANE  DUE  FAILED  WHY\n"
		"bob      0  none   -     -         0  waits\n");
	assert_string_equal(printed_by(r, print_show, "{\"person\":{\"login\":\"bob\",\"uid_number\":5,\"certificate\":true,\"note\":\"\"},"
		"\"accounts\":[{\"generation\":1,\"found\":{\"uin\":100012345678901234,\"proof_ms\":1700000000000,\"agent_ms\":0,"
		"\"verified_ms\":[1,2]},\"intents\":[{\"row\":\"env\",\"attempt\":1},{\"row\":\"key\"}],\"letter\":{}}]}"),
		"login          bob\n"
		"uid_number     5\n"
		"certificate    yes\n"
		"\naccount\n"
		"  generation     1\n"
		"  found\n"
		"    uin            100012345678901234\n"
		"    proof          2023-11-14T22:13:20Z\n"
		"  intents        row=env, attempt=1\n"
		"  intents        row=key\n");
	assert_string_equal(printed_by(r, print_show, "{\"person\":{\"login\":\"bob\"},\"accounts\":[]}"),
		"login          bob\n\nno account\n");
	/* An answer that lacks everything is printed, not fallen over. */
	printed_by(r, print_status, "{}");
	printed_by(r, print_show, "{}");
	printed_by(r, print_queue, "{}");
	printed_by(r, print_plan, "[]");
}

int main(void)
{
#define ROOM(test) cmocka_unit_test_setup_teardown(test, open_room, close_room)
	const struct CMUnitTest tests[] = {
		ROOM(questions_are_answered), ROOM(refusals_and_failures_have_their_status), ROOM(garbage_from_the_daemon_is_no_answer),
		ROOM(open_prints_the_credential), ROOM(open_refuses_what_is_not_for_this_reader), ROOM(open_shows_no_value_that_was_moved),
		ROOM(open_takes_a_file_as_well), ROOM(shell_words_are_quoted_where_they_must_be), ROOM(evidence_is_verified),
		ROOM(wrong_command_lines_are_refused), ROOM(the_manual_knows_every_command_and_option),
		ROOM(columns_stand_under_each_other), ROOM(answers_are_shown_to_people),
	};
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
