/* The desk over a real socket: who may ask what, what is answered, and what a hostile client can do to it. */
#include "fixture.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "cloud/api.h"
#include "hook/desk.h"
#include "hook/wire.h"

#define THREADS 2
#define STRANGER 5999u
#define WAIT_MS 10000

struct hall {
	struct fixture f;
	struct evidence *evidence;
	struct desk *desk;
	pthread_t threads[THREADS];
	struct group *group;               /* the admin group of the test: any that this machine has */
	struct store_person alice, bob;
	struct store_account account;
	atomic_int planning, plans;        /* inside the slow call, and how often it was made */
	atomic_bool plan_waits;
	int plan_fails;
};

/* --- the parts that only a daemon has --------------------------------------------------------------------- */

static int plan(void *ctx, const char *uuid, struct arena *a, struct json **out, struct err *e)
{
	struct hall *h = ctx;
	struct json *rows = json_array(a), *row = json_object(a);
	h->plans++;
	h->planning = 1;
	while (h->plan_waits)
		poll(NULL, 0, 5);
	h->planning = 0;
	if (h->plan_fails)
		return err_set(e, ERR_TEMP, "the cloud did not answer");
	json_put_text(row, "row", "key");
	json_put_text(row, "uuid", uuid);
	json_push(rows, row);
	*out = rows;
	return 0;
}

static struct json *health(void *ctx, struct arena *a)
{
	struct json *o = json_object(a);
	(void)ctx;
	json_put_text(o, "cloud", "ready");
	return o;
}

static void *serve(void *desk)
{
	desk_run(desk);
	return NULL;
}

static struct desk_parts parts_of(struct hall *h)
{
	return (struct desk_parts){ .settings = &h->f.settings,
		.store = h->f.store,
		.evidence = h->evidence,
		.clock = &h->f.clock,
		.plan = plan,
		.health = health,
		.ctx = h };
}

static int open_hall(void **state)
{
	struct hall *h = mem_alloc(sizeof(*h));
	struct err e = { 0 };
	fixture_open(&h->f);
	/* Other users must reach the socket. */
	assert_int_equal(chmod(unit_folder, 0755), 0);
	h->group = getgrnam("daemon");
	h->f.settings.socket = unit_path(h->f.a, "desk");
	h->f.settings.admin_group = h->group ? h->group->gr_name : NULL;
	assert_int_equal(evidence_open(unit_path(h->f.a, "evidence"), &h->f.clock, &h->evidence, &e), 0);
	h->alice = fixture_person(&h->f, ALICE, "alice", 5001);
	h->bob = fixture_person(&h->f, BOB, "bob", 5002);
	h->account = fixture_account(&h->f, &h->alice, STAGE_ACTIVE);
	const struct desk_parts parts = parts_of(h);
	if (desk_open(&parts, &h->desk, &e))
		fail_msg("%s", e.text);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&h->threads[i], NULL, serve, h->desk), 0);
	*state = h;
	return 0;
}

static int close_hall(void **state)
{
	struct hall *h = *state;
	desk_stop(h->desk);
	for (int i = 0; i < THREADS; i++)
		pthread_join(h->threads[i], NULL);
	desk_close(h->desk);
	assert_int_equal(access(h->f.settings.socket, F_OK), -1);
	evidence_close(h->evidence);
	fixture_close(&h->f);
	free(h);
	return 0;
}

/* --- asking ------------------------------------------------------------------------------------------------- */

/* The kernel remembers who connects as whom, so that this thread only has to be somebody else for a moment. */
static int connect_as(struct hall *h, uid_t uid, gid_t gid, size_t group_count, const gid_t *groups)
{
	uid_t server;
	bool other = uid != geteuid();
	if (other && (syscall(SYS_setgroups, group_count, groups) != 0 || syscall(SYS_setresgid, -1, gid, -1) != 0 ||
			     syscall(SYS_setresuid, -1, uid, -1) != 0))
		fail_msg("uid %u: %s", uid, strerror(errno));
	int fd = wire_connect(h->f.settings.socket, &server);
	int error = errno;
	if (other && (syscall(SYS_setresuid, -1, 0, -1) != 0 || syscall(SYS_setresgid, -1, 0, -1) != 0 ||
			     syscall(SYS_setgroups, 0, NULL) != 0))
		fail_msg("root: %s", strerror(errno));
	errno = error;
	return fd;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

struct answer {
	enum wire_status status;
	char text[WIRE_TEXT_MAX + 1];
	struct json *body;
	unsigned packets;
};

/* -1: no whole answer came. */
static int take_answer(struct hall *h, int fd, struct answer *out)
{
	static _Thread_local unsigned char packet[WIRE_ANSWER_MAX];
	struct str body;
	struct wire_in in = { .more = true };
	struct err e = { 0 };
	memset(out, 0, sizeof(*out));
	str_init(&body, h->f.a);
	while (in.more) {
		ssize_t n = wire_receive(fd, packet, sizeof(packet), wire_now_ms() + WAIT_MS);
		if (n <= 0 || !wire_read_answer(packet, (size_t)n, &in))
			return -1;
		out->packets++;
		str_addn(&body, in.field[WIRE_BODY].at ? in.field[WIRE_BODY].at : "", in.field[WIRE_BODY].len);
	}
	out->status = in.status;
	if (in.status != WIRE_OK)
		snprintf(out->text, sizeof(out->text), "%.*s", (int)in.field[WIRE_TEXT].len, in.field[WIRE_TEXT].at);
	else if (json_parse(h->f.a, body.text, body.len, &out->body, &e))
		fail_msg("%s", e.text);
	/* One answer, and the daemon hangs up. */
	assert_int_equal(wire_receive(fd, packet, sizeof(packet), wire_now_ms() + WAIT_MS), 0);
	return 0;
}

static struct answer ask_on(struct hall *h, int fd, enum wire_action action, const char *name)
{
	unsigned char packet[WIRE_REQUEST_MAX];
	struct wire_out o;
	struct answer answer;
	assert_true(fd >= 0);
	wire_request(&o, packet, sizeof(packet), action);
	if (name)
		wire_add_text(&o, WIRE_NAME, name);
	assert_int_equal(wire_send(fd, packet, wire_end(&o)), 0);
	if (take_answer(h, fd, &answer))
		fail_msg("no answer");
	close(fd);
	return answer;
}

static struct answer ask(struct hall *h, enum wire_action action, const char *name)
{
	return ask_on(h, connect_as(h, geteuid(), getegid(), 0, NULL), action, name);
}

static struct answer ask_as(struct hall *h, uid_t uid, enum wire_action action, const char *name)
{
	return ask_on(h, connect_as(h, uid, 6000, 0, NULL), action, name);
}

static void is_refused(const struct answer *a)
{
	assert_int_equal(a->status, WIRE_REFUSED);
	check_has(a->text, "others may ask about themselves");
}

/* Lines of the evidence file with this event. */
static size_t evidence_lines(struct hall *h, const char *event)
{
	size_t n, count = 0;
	char *mark = arena_printf(h->f.a, "\"event\":\"%s\"", event);
	char *text = unit_read(h->f.a, unit_path(h->f.a, "evidence"), &n);
	for (char *p = text; (p = strstr(p, mark)); p++)
		count++;
	return count;
}

/* --- answers -------------------------------------------------------------------------------------------------- */

static void status_counts_people(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	struct answer a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(a.status, WIRE_OK);
	assert_int_equal(json_int_or(a.body, "people", -1), 2);
	assert_int_equal(json_int_or(a.body, "stages.joining", -1), 1);
	assert_int_equal(json_int_or(a.body, "stages.active", -1), 0);
	assert_int_equal(json_int_or(a.body, "troubled", -1), 0);
	assert_string_equal(json_text(a.body, "health.cloud"), "ready");
	assert_string_equal(json_text(a.body, "version"), ROLLCALL_VERSION);
	/* An older generation counts while it is taken down, and the person is not counted for it afterwards. */
	struct store_account old = h->account;
	old.stage = STAGE_RETIRED;
	assert_int_equal(store_account_news(h->f.store, &old, &e), 0);
	struct store_account second = fixture_account(&h->f, &h->alice, STAGE_SUSPENDED);
	a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "stages.retiring", -1), 1);
	assert_int_equal(json_int_or(a.body, "stages.suspended", -1), 1);
	assert_int_equal(json_int_or(a.body, "stages.joining", -1), 0);
	struct store_account taken;
	int64_t due;
	old.due_ms = h->f.v.now_ms;
	assert_int_equal(store_account_news(h->f.store, &old, &e), 0);
	assert_int_equal(store_take(h->f.store, ~0u, 1, h->f.a, &taken, &due, &e), 0);
	taken.complete = true;
	taken.due_ms = INT64_MAX;
	assert_int_equal(store_give_back(h->f.store, &taken, 1, &e), 0);
	a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "stages.retiring", -1), 0);
	assert_int_equal(json_int_or(a.body, "stages.retired", -1), 0);
	assert_int_equal(json_int_or(a.body, "stages.suspended", -1), 1);
	assert_int_equal(second.generation, 2);
}

static void fail_walk(struct hall *h, int kind, const char *text)
{
	struct store_account taken;
	struct err e = { 0 };
	int64_t due;
	h->account.due_ms = h->f.v.now_ms;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	assert_int_equal(store_take(h->f.store, ~0u, 1, h->f.a, &taken, &due, &e), 0);
	taken.trouble_kind = kind;
	taken.trouble = arena_strdup(h->f.a, text);
	taken.attempts = kind == ERR_WAIT ? 0 : 3;
	taken.due_ms = h->f.v.now_ms + 65000;
	assert_int_equal(store_give_back(h->f.store, &taken, 1, &e), 0);
}

static void status_lists_who_is_in_trouble(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	/* What is being built is no trouble. */
	fail_walk(h, ERR_WAIT, "the environment is being built");
	assert_int_equal(json_int_or(ask(h, WIRE_STATUS, NULL).body, "troubled", -1), 0);
	fail_walk(h, ERR_PERM, "the name was refused");
	h->bob.note = arena_strdup(h->f.a, "waits: the login name is taken");
	h->bob.weak_since_ms = h->f.v.now_ms;
	h->bob.signal = SIGNAL_ABSENT;
	assert_int_equal(store_person_put(h->f.store, &h->bob, &e), 0);
	struct answer a = ask(h, WIRE_STATUS, NULL);
	assert_int_equal(json_int_or(a.body, "troubled", -1), 2);
	assert_string_equal(json_text(a.body, "trouble[0].login"), "alice");
	assert_string_equal(json_text(a.body, "trouble[0].trouble"), "the name was refused");
	assert_string_equal(json_text(a.body, "trouble[0].trouble_kind"), "perm");
	assert_int_equal(json_int_or(a.body, "trouble[0].attempts", 0), 3);
	assert_string_equal(json_text(a.body, "trouble[1].login"), "bob");
	assert_string_equal(json_text(a.body, "trouble[1].note"), "waits: the login name is taken");
	assert_string_equal(json_text(a.body, "trouble[1].stage"), "none");
	assert_string_equal(json_text(a.body, "waiting[0].login"), "bob");
	assert_string_equal(json_text(a.body, "waiting[0].signal"), "absent");
	/* A note and a failure of one person are one line. */
	h->alice.note = arena_strdup(h->f.a, "note");
	assert_int_equal(store_person_put(h->f.store, &h->alice, &e), 0);
	assert_int_equal(json_int_or(ask(h, WIRE_STATUS, NULL).body, "troubled", -1), 2);
}

static void show_tells_everything_of_one_person(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	struct found found = fixture_found(&h->f);
	struct store_account taken;
	int64_t due;
	h->account.due_ms = h->f.v.now_ms;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	assert_int_equal(store_take(h->f.store, ~0u, 1, h->f.a, &taken, &due, &e), 0);
	struct store_intent intent = { .account_id = taken.id, .row = ROW_ENV, .action = ACT_CREATE_ENV, .attempt = 1 };
	assert_int_equal(store_intent_open(h->f.store, 1, &intent, &e), 0);
	assert_int_equal(store_found_put(h->f.store, taken.id, found_print(&found, h->f.a), &e), 0);
	struct store_letter letter = { .account_id = taken.id, .payload = arena_strdup(h->f.a, "{}"), .due_ms = h->f.v.now_ms };
	str_copy(letter.uuid, sizeof(letter.uuid), ALICE);
	str_copy(letter.digest, sizeof(letter.digest), "d");
	assert_int_equal(store_letter_put(h->f.store, &letter, &e), 0);
	struct answer a = ask(h, WIRE_SHOW, "alice");
	assert_int_equal(a.status, WIRE_OK);
	const struct { const char *path, *value; } rows[] = { { "person.uuid", ALICE }, { "person.login", "alice" },
		{ "person.signal", "entitled" }, { "person.mail", "alice@example.org" }, { "accounts[0].stage", "joining" },
		{ "accounts[0].placement.user_name", fixture_user(&h->f, &h->account) }, { "accounts[0].found.env_id", "rc-env-1" },
		{ "accounts[0].intents[0].row", "env" }, { "accounts[0].intents[0].action", "CreateEnv" },
		{ "accounts[0].letter.state", "pending" } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!str_eq(json_text(a.body, rows[i].path), rows[i].value))
			fail_msg("%s is not \"%s\" in %s", rows[i].path, rows[i].value, json_print_pretty(h->f.a, a.body));
	}
	assert_true(json_bool_or(a.body, "accounts[0].in_hand", false));
	assert_int_equal(json_int_or(a.body, "person.uid_number", 0), 5001);
	/* By UUID it is the same, and older generations come first. */
	fixture_account(&h->f, &h->alice, STAGE_ACTIVE);
	a = ask(h, WIRE_SHOW, ALICE);
	assert_int_equal(json_count(json_get(a.body, "accounts")), 2);
	assert_int_equal(json_int_or(a.body, "accounts[0].generation", 0), 1);
	assert_int_equal(json_int_or(a.body, "accounts[1].generation", 0), 2);
	a = ask(h, WIRE_SHOW, "bob");
	assert_int_equal(json_count(json_get(a.body, "accounts")), 0);
}

static void nobody_and_two_people_are_told_apart(void **state)
{
	struct hall *h = *state;
	need_root();
	struct answer a = ask(h, WIRE_SHOW, "nobody");
	assert_int_equal(a.status, WIRE_ABSENT);
	assert_true(*a.text);
	a = ask(h, WIRE_SHOW, CAROL);
	assert_int_equal(a.status, WIRE_ABSENT);
	fixture_person(&h->f, CAROL, "alice", 5003);
	a = ask(h, WIRE_SHOW, "alice");
	assert_int_equal(a.status, WIRE_AMBIGUOUS);
	assert_int_equal(ask(h, WIRE_SHOW, CAROL).status, WIRE_OK);
	/* A name is no wildcard and no SQL. */
	assert_int_equal(ask(h, WIRE_SHOW, "%").status, WIRE_ABSENT);
	assert_int_equal(ask(h, WIRE_SHOW, "' OR 1=1 --").status, WIRE_ABSENT);
}

static void the_queue_is_sorted_by_urgency(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	assert_int_equal(json_int_or(ask(h, WIRE_PLAN, NULL).body, "queued", -1), 0);
	h->account.lane = LANE_JOIN;
	h->account.due_ms = h->f.v.now_ms;
	assert_int_equal(store_account_news(h->f.store, &h->account, &e), 0);
	struct store_account bobs = fixture_account(&h->f, &h->bob, STAGE_SUSPENDED);
	bobs.lane = LANE_REVOKE;
	bobs.due_ms = h->f.v.now_ms + 5000;
	assert_int_equal(store_account_news(h->f.store, &bobs, &e), 0);
	struct store_person carol = fixture_person(&h->f, CAROL, "carol", 5003);
	struct store_account carols = fixture_account(&h->f, &carol, STAGE_ACTIVE);
	carols.lane = LANE_AUDIT;
	carols.due_ms = h->f.v.now_ms + 5000;
	assert_int_equal(store_account_news(h->f.store, &carols, &e), 0);
	struct answer a = ask(h, WIRE_PLAN, NULL);
	assert_int_equal(json_int_or(a.body, "queued", -1), 2);
	assert_string_equal(json_text(a.body, "queue[0].login"), "bob");
	assert_string_equal(json_text(a.body, "queue[0].lane"), "revoke");
	assert_string_equal(json_text(a.body, "queue[0].stage"), "suspended");
	assert_string_equal(json_text(a.body, "queue[1].login"), "alice");
	assert_string_equal(json_text(a.body, "queue[1].reason"), "entitled: objectClass=inetOrgPerson");
	/* An audit is in it once it is due. */
	h->f.v.now_ms += 6000;
	assert_int_equal(json_int_or(ask(h, WIRE_PLAN, NULL).body, "queued", -1), 3);
}

static void a_plan_of_one_person_is_looked_up(void **state)
{
	struct hall *h = *state;
	need_root();
	struct answer a = ask(h, WIRE_PLAN, "alice");
	assert_int_equal(a.status, WIRE_OK);
	assert_string_equal(json_text(a.body, "plan[0].row"), "key");
	assert_string_equal(json_text(a.body, "plan[0].uuid"), ALICE);
	assert_string_equal(json_text(a.body, "stage"), "joining");
	a = ask(h, WIRE_PLAN, "bob");
	assert_int_equal(a.status, WIRE_ABSENT);
	check_has(a.text, "nothing is planned for \"bob\"");
	h->plan_fails = 1;
	a = ask(h, WIRE_PLAN, "alice");
	assert_int_equal(a.status, WIRE_FAILED);
	check_has(a.text, "the cloud did not answer");
}

static void sealed_values_are_handed_out_and_recorded(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	struct answer a = ask(h, WIRE_SEALED, "alice");
	assert_int_equal(a.status, WIRE_ABSENT);
	check_has(a.text, "nothing was handed out");
	struct store_letter letter = { .account_id = h->account.id, .due_ms = h->f.v.now_ms,
		.payload = arena_strdup(h->f.a, "{\"rollcallUin\":\"9\",\"rollcallStage\":\"active\",\"rollcallKeyId\":\"K\",\"rollcallSealedKey\":\"AAAA\"}") };
	str_copy(letter.uuid, sizeof(letter.uuid), ALICE);
	str_copy(letter.digest, sizeof(letter.digest), "d");
	assert_int_equal(store_letter_put(h->f.store, &letter, &e), 0);
	a = ask_as(h, 5001, WIRE_SEALED, "alice");
	assert_int_equal(a.status, WIRE_OK);
	assert_string_equal(json_text(a.body, "uuid"), ALICE);
	assert_string_equal(json_text(a.body, "rollcallSealedKey"), "AAAA");
	assert_string_equal(json_text(a.body, "rollcallKeyId"), "K");
	assert_false(json_has(a.body, "rollcallStage"));
	assert_int_equal(evidence_lines(h, "secret"), 0);
	a = ask(h, WIRE_SEALED, "alice");
	assert_int_equal(a.status, WIRE_OK);
	assert_int_equal(evidence_lines(h, "secret"), 1);
	a = ask_as(h, 5002, WIRE_SEALED, "alice");
	is_refused(&a);
}

static void a_long_answer_comes_in_several_packets(void **state)
{
	struct hall *h = *state;
	struct err e = { 0 };
	need_root();
	char *reason = arena_alloc(h->f.a, 901);
	memset(reason, 'r', 900);
	assert_int_equal(store_begin(h->f.store, &e), 0);
	for (int i = 0; i < 700; i++) {
		struct store_person p = fixture_person(&h->f, arena_printf(h->f.a, "00000000-0000-4000-8000-%012d", i + 1000),
			arena_printf(h->f.a, "p%d", i), 7000 + i);
		p.reason = reason;
		assert_int_equal(store_person_put(h->f.store, &p, &e), 0);
		struct store_account acc = fixture_account(&h->f, &p, STAGE_ACTIVE);
		acc.due_ms = h->f.v.now_ms;
		assert_int_equal(store_account_news(h->f.store, &acc, &e), 0);
	}
	assert_int_equal(store_commit(h->f.store, &e), 0);
	struct answer a = ask(h, WIRE_PLAN, NULL);
	assert_int_equal(a.status, WIRE_OK);
	assert_int_equal(json_int_or(a.body, "queued", 0), 700);
	assert_int_equal(json_count(json_get(a.body, "queue")), 500);
	assert_true(a.packets > 8);
	/* Whoever asks and does not read is given up, and holds up nobody meanwhile. */
	unsigned char packet[64];
	struct wire_out o;
	int fd = connect_as(h, 0, 0, 0, NULL);
	wire_request(&o, packet, sizeof(packet), WIRE_PLAN);
	assert_int_equal(wire_send(fd, packet, wire_end(&o)), 0);
	int64_t before = wire_now_ms();
	assert_int_equal(ask(h, WIRE_STATUS, NULL).status, WIRE_OK);
	assert_true(wire_now_ms() - before < 1500);
	poll(NULL, 0, 2600);
	assert_int_equal(take_answer(h, fd, &a), -1);
	close(fd);
}

/* --- who may ask ------------------------------------------------------------------------------------------------ */

static void everybody_may_ask_about_himself_only(void **state)
{
	struct hall *h = *state;
	need_root();
	struct answer a = ask_as(h, 5001, WIRE_SHOW, "alice");
	assert_int_equal(a.status, WIRE_OK);
	assert_int_equal(ask_as(h, 5001, WIRE_SHOW, ALICE).status, WIRE_OK);
	const struct { uid_t uid; enum wire_action action; const char *name; } rows[] = {
		{ 5002, WIRE_SHOW, "alice" }, { 5001, WIRE_SHOW, "bob" }, { STRANGER, WIRE_SHOW, "alice" }, { STRANGER, WIRE_SHOW, "nobody" },
		{ 5001, WIRE_STATUS, NULL }, { 5001, WIRE_PLAN, NULL }, { 5001, WIRE_PLAN, "alice" }, { 5002, WIRE_SEALED, "alice" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		a = ask_as(h, rows[i].uid, rows[i].action, rows[i].name);
		is_refused(&a);
	}
	assert_int_equal(evidence_lines(h, "refused"), ARRAY_LEN(rows));
	/* Whether somebody exists cannot be told from the answer. */
	struct answer there = ask_as(h, STRANGER, WIRE_SHOW, "alice"), not = ask_as(h, STRANGER, WIRE_SHOW, "nobody");
	assert_string_equal(there.text, not.text);
	assert_int_equal(h->plans, 0);
}

static void uids_that_name_nobody_match_nobody(void **state)
{
	struct hall *h = *state;
	need_root();
	const struct { int64_t stored; uid_t asks; } rows[] = { { 65534, 65534 }, { -1, 65534 }, { -1, STRANGER },
		{ (int64_t)5001 + (1LL << 32), 5001 } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fixture_person(&h->f, CAROL, "carol", rows[i].stored);
		struct answer a = ask_as(h, rows[i].asks, WIRE_SHOW, "carol");
		is_refused(&a);
	}
}

static void a_shared_login_name_is_nobodys(void **state)
{
	struct hall *h = *state;
	need_root();
	fixture_person(&h->f, CAROL, "alice", 5003);
	struct answer a = ask_as(h, 5001, WIRE_SHOW, "alice");
	is_refused(&a);
	assert_int_equal(ask_as(h, 5001, WIRE_SHOW, ALICE).status, WIRE_OK);
}

static void the_admin_group_may_ask_everything(void **state)
{
	struct hall *h = *state;
	need_root();
	if (!h->group)
		skip();
	gid_t admin = h->group->gr_gid, many[200];
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = 30000 + (gid_t)i;
	/* As the primary group, among others, last of many; and not at all. */
	assert_int_equal(ask_on(h, connect_as(h, STRANGER, admin, 0, NULL), WIRE_STATUS, NULL).status, WIRE_OK);
	assert_int_equal(ask_on(h, connect_as(h, STRANGER, 6000, 1, &admin), WIRE_SHOW, "alice").status, WIRE_OK);
	assert_int_equal(ask_on(h, connect_as(h, STRANGER, 6000, ARRAY_LEN(many), many), WIRE_STATUS, NULL).status, WIRE_REFUSED);
	many[ARRAY_LEN(many) - 1] = admin;
	assert_int_equal(ask_on(h, connect_as(h, STRANGER, 6000, ARRAY_LEN(many), many), WIRE_STATUS, NULL).status, WIRE_OK);
}

static void refusals_cannot_fill_the_disk(void **state)
{
	struct hall *h = *state;
	need_root();
	for (int i = 0; i < 60; i++) {
		struct answer a = ask_as(h, STRANGER, WIRE_STATUS, NULL);
		is_refused(&a);
	}
	assert_int_equal(evidence_lines(h, "refused"), 20);
	/* Another user's are recorded all the same. */
	ask_as(h, 5002, WIRE_STATUS, NULL);
	assert_int_equal(evidence_lines(h, "refused"), 21);
}

/* --- hostile clients -------------------------------------------------------------------------------------------- */

static enum wire_status send_raw(struct hall *h, const void *packet, size_t n)
{
	struct answer a;
	int fd = connect_as(h, geteuid(), getegid(), 0, NULL);
	assert_true(fd >= 0);
	assert_int_equal(wire_send(fd, packet, n), 0);
	if (take_answer(h, fd, &a))
		fail_msg("no answer to a packet of %zu bytes", n);
	close(fd);
	assert_true(a.status == WIRE_OK || *a.text);
	return a.status;
}

static void bad_packets_get_a_clear_answer(void **state)
{
	struct hall *h = *state;
	unsigned char *big = mem_alloc(100000);
	assert_int_equal(send_raw(h, "\x01", 1), WIRE_MALFORMED);
	assert_int_equal(send_raw(h, "\x02\x01", 2), WIRE_OTHER_VERSION);
	assert_int_equal(send_raw(h, "\x01\x63", 2), WIRE_UNSUPPORTED);
	assert_int_equal(send_raw(h, "\x01\x20", 2), WIRE_UNSUPPORTED);
	assert_int_equal(send_raw(h, "\x01\x02\x01\x00\x09" "al", 7), WIRE_MALFORMED);
	big[0] = 1;
	big[1] = 1;
	assert_int_equal(send_raw(h, big, 4096), WIRE_MALFORMED);
	assert_int_equal(send_raw(h, big, 4097), WIRE_MALFORMED);
	assert_int_equal(send_raw(h, big, 100000), WIRE_MALFORMED);
	free(big);
}

static void garbage_never_stops_it(void **state)
{
	struct hall *h = *state;
	unsigned char bytes[64];
	for (int i = 0; i < 1500; i++) {
		uint8_t n;
		clock_random(&h->f.clock, &n, 1);
		n = n % sizeof(bytes) + 1;
		clock_random(&h->f.clock, bytes, n);
		if (i % 2) {
			bytes[0] = WIRE_VERSION;
			bytes[1] %= 5;
		}
		send_raw(h, bytes, n);
	}
	need_root();
	assert_int_equal(ask(h, WIRE_STATUS, NULL).status, WIRE_OK);
}

static void whoever_leaves_in_the_middle_costs_nothing(void **state)
{
	struct hall *h = *state;
	unsigned char buffer[8];
	need_root();
	for (int i = 0; i < 200; i++) {
		int fd;
		/* A full queue is no failure: it is told at once. */
		while ((fd = connect_as(h, 0, 0, 0, NULL)) < 0 && errno == EAGAIN)
			poll(NULL, 0, 2);
		assert_true(fd >= 0);
		if (i % 3 == 1)
			assert_int_equal(wire_send(fd, "\x01\x01", 2), 0);
		if (i % 3 == 2)
			assert_int_equal(send(fd, "", 0, MSG_NOSIGNAL), 0);
		close(fd);
	}
	/* An empty packet is as good as hanging up. */
	int fd = connect_as(h, 0, 0, 0, NULL);
	assert_int_equal(send(fd, "", 0, MSG_NOSIGNAL), 0);
	assert_int_equal(wire_receive(fd, buffer, sizeof(buffer), wire_now_ms() + WAIT_MS), 0);
	close(fd);
	assert_int_equal(ask(h, WIRE_STATUS, NULL).status, WIRE_OK);
}

static size_t open_descriptors(void)
{
	size_t n = 0;
	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void descriptors_that_are_sent_along_are_not_kept(void **state)
{
	struct hall *h = *state;
	size_t before = open_descriptors();
	for (int i = 0; i < 20; i++) {
		union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { 0 };
		struct iovec body = { (char[]){ "\x01\x63" }, 2 };
		struct msghdr m = { .msg_iov = &body, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		struct answer a;
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &(int){ STDIN_FILENO }, sizeof(int));
		int fd = connect_as(h, geteuid(), getegid(), 0, NULL);
		assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), 2);
		assert_int_equal(take_answer(h, fd, &a), 0);
		assert_int_equal(a.status, WIRE_UNSUPPORTED);
		close(fd);
	}
	assert_int_equal(open_descriptors(), before);
}

static void idle_clients_hold_up_nobody(void **state)
{
	struct hall *h = *state;
	int idle[80];
	size_t busy = 0, n;
	unsigned char packet[256];
	struct wire_in in;
	need_root();
	int64_t start = wire_now_ms();
	/* One user may have eight, ten users may not have all. */
	for (n = 0; n < ARRAY_LEN(idle); n++) {
		idle[n] = connect_as(h, 5100 + (uid_t)(n / 8), 6000, 0, NULL);
		assert_true(idle[n] >= 0);
	}
	int ninth = connect_as(h, 5100, 6000, 0, NULL);
	ssize_t got = wire_receive(ninth, packet, sizeof(packet), wire_now_ms() + 1000);
	assert_true(got > 0 && wire_read_answer(packet, (size_t)got, &in));
	assert_int_equal(in.status, WIRE_BUSY);
	close(ninth);
	assert_int_equal(ask(h, WIRE_STATUS, NULL).status, WIRE_OK);
	assert_true(wire_now_ms() - start < 1500);
	for (size_t i = 0; i < n; i++) {
		got = wire_receive(idle[i], packet, sizeof(packet), wire_now_ms() + 5000);
		busy += got > 0 && wire_read_answer(packet, (size_t)got, &in) && in.status == WIRE_BUSY;
		if (got == 0)
			assert_true(wire_now_ms() - start >= 1900);
		close(idle[i]);
	}
	assert_int_equal(busy, 80 - 48);
	assert_true(wire_now_ms() - start < 4000);
	struct answer a = ask_as(h, 5100, WIRE_STATUS, NULL);
	is_refused(&a);
}

static void *ask_for_plan(void *p)
{
	struct hall *h = p;
	struct wire_out o;
	unsigned char packet[256];
	static _Thread_local unsigned char answer[WIRE_ANSWER_MAX];
	struct wire_in in;
	uid_t server;
	int fd = wire_connect(h->f.settings.socket, &server);
	wire_request(&o, packet, sizeof(packet), WIRE_PLAN);
	wire_add_text(&o, WIRE_NAME, "alice");
	wire_send(fd, packet, wire_end(&o));
	ssize_t n = wire_receive(fd, answer, sizeof(answer), wire_now_ms() + WAIT_MS);
	close(fd);
	return n > 0 && wire_read_answer(answer, (size_t)n, &in) && in.status == WIRE_OK ? h : NULL;
}

static void one_plan_at_a_time(void **state)
{
	struct hall *h = *state;
	pthread_t t;
	void *ok;
	need_root();
	h->plan_waits = true;
	assert_int_equal(pthread_create(&t, NULL, ask_for_plan, h), 0);
	while (!h->planning)
		poll(NULL, 0, 1);
	struct answer a = ask(h, WIRE_PLAN, "alice");
	assert_int_equal(a.status, WIRE_BUSY);
	/* The queue and everything else is answered meanwhile. */
	assert_int_equal(ask(h, WIRE_PLAN, NULL).status, WIRE_OK);
	assert_int_equal(ask(h, WIRE_SHOW, "alice").status, WIRE_OK);
	h->plan_waits = false;
	pthread_join(t, &ok);
	assert_ptr_equal(ok, h);
	assert_int_equal(ask(h, WIRE_PLAN, "alice").status, WIRE_OK);
}

static void *ask_often(void *p)
{
	struct hall *h = p;
	uintptr_t good = 0;
	for (int i = 0; i < 100; i++) {
		unsigned char packet[256], *answer = mem_alloc(WIRE_ANSWER_MAX);
		struct wire_out o;
		struct wire_in in;
		uid_t server;
		int fd = wire_connect(h->f.settings.socket, &server);
		wire_request(&o, packet, sizeof(packet), WIRE_SHOW);
		wire_add_text(&o, WIRE_NAME, i % 2 ? "alice" : "bob");
		wire_send(fd, packet, wire_end(&o));
		ssize_t n = wire_receive(fd, answer, WIRE_ANSWER_MAX, wire_now_ms() + WAIT_MS);
		good += n > 0 && wire_read_answer(answer, (size_t)n, &in) && in.status == WIRE_OK &&
			memmem(in.field[WIRE_BODY].at, in.field[WIRE_BODY].len, i % 2 ? ALICE : BOB, UUID_TEXT - 1);
		close(fd);
		free(answer);
	}
	return (void *)good;
}

static void many_at_once_get_their_own_answers(void **state)
{
	struct hall *h = *state;
	pthread_t threads[8];
	need_root();
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, h), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *good;
		pthread_join(threads[i], &good);
		assert_int_equal((uintptr_t)good, 100);
	}
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static void it_opens_only_where_it_may(void **state)
{
	struct hall *h = *state;
	struct desk *d;
	struct err e = { 0 };
	struct stat st;
	struct desk_parts parts = parts_of(h);
	struct settings s = h->f.settings;
	parts.settings = &s;
	assert_int_equal(stat(h->f.settings.socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	check_err(desk_open(&parts, &d, &e), &e, ERR_INPUT, "another daemon");
	s.socket = unit_write(h->f.a, "file", "x", 1, 0600);
	check_err(desk_open(&parts, &d, &e), &e, ERR_INPUT, "something else");
	s.socket = unit_path(h->f.a, "no/such/folder");
	check_err(desk_open(&parts, &d, &e), &e, ERR_INPUT, "No such file");
	s.socket = arena_printf(h->f.a, "%s/%0120d", unit_folder, 1);
	check_err(desk_open(&parts, &d, &e), &e, ERR_INPUT, "a path of");
	s.socket = unit_path(h->f.a, "second");
	s.admin_group = arena_strdup(h->f.a, "no-such-group");
	check_err(desk_open(&parts, &d, &e), &e, ERR_INPUT, "no-such-group");
	/* What a killed daemon left behind is no obstacle. */
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	strcpy(at.sun_path, s.socket);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	s.admin_group = NULL;
	assert_int_equal(desk_open(&parts, &d, &e), 0);
	/* A socket that somebody else has put there since is not taken away. */
	assert_int_equal(unlink(s.socket), 0);
	unit_write(h->f.a, "second", "x", 1, 0600);
	desk_close(d);
	assert_int_equal(access(s.socket, F_OK), 0);
}

int main(void)
{
#define HALL(test) cmocka_unit_test_setup_teardown(test, open_hall, close_hall)
	const struct CMUnitTest tests[] = {
		HALL(status_counts_people), HALL(status_lists_who_is_in_trouble), HALL(show_tells_everything_of_one_person),
		HALL(nobody_and_two_people_are_told_apart), HALL(the_queue_is_sorted_by_urgency), HALL(a_plan_of_one_person_is_looked_up),
		HALL(sealed_values_are_handed_out_and_recorded), HALL(a_long_answer_comes_in_several_packets),
		HALL(everybody_may_ask_about_himself_only), HALL(uids_that_name_nobody_match_nobody),
		HALL(a_shared_login_name_is_nobodys), HALL(the_admin_group_may_ask_everything), HALL(refusals_cannot_fill_the_disk),
		HALL(bad_packets_get_a_clear_answer), HALL(garbage_never_stops_it), HALL(whoever_leaves_in_the_middle_costs_nothing),
		HALL(descriptors_that_are_sent_along_are_not_kept), HALL(idle_clients_hold_up_nobody), HALL(one_plan_at_a_time),
		HALL(many_at_once_get_their_own_answers), HALL(it_opens_only_where_it_may),
	};
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
