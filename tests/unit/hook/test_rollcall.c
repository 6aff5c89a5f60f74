/* The command against a real desk: what it prints, its exit statuses, and its tables against the manual. */
#include "room.h"

#include <locale.h>

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
		{ { "verify" }, "either a NAME or --all" },
		{ { "verify", "alice", "--all" }, "either a NAME or --all" },
		{ { "verify", "--all", "--wait", "soon" }, "a number of seconds" },
		{ { "verify", "--all", "--wait", "-1" }, "a number of seconds" },
		{ { "verify", "--all", "--wait", "86401" }, "a number of seconds" },
		{ { "suspend", "alice" }, "needs --reason" },
		{ { "suspend", "--reason", "x" }, "needs an argument: NAME" },
		{ { "resume" }, "needs an argument: NAME" },
		{ { "resume", "alice", "--reason", "x" }, "takes no option --reason" },
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
	assert_string_equal(printed_by(r, print_queue, "{\"queued\":0,\"retirements_ahead\":3,\"retirements\":["
		"{\"login\":\"dora\",\"does\":\"delete\",\"rated\":\"irreversible\",\"retire_after\":\"2026-11-23T10:00:00Z\",\"note\":\"waits\"},"
		"{\"login\":\"emil\",\"does\":\"delete\",\"rated\":\"irreversible\",\"retire_after\":\"2026-12-24T10:00:00Z\"}]}"),
		"nothing is queued\n"
		"\nretirements ahead\n"
		"LOGIN  DOES    RATED         FROM                  WHY\n"
		"dora   delete  irreversible  2026-11-23T10:00:00Z  waits\n"
		"emil   delete  irreversible  2026-12-24T10:00:00Z  -\n"
		"... and 1 more\n");
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
	check_has(printed_by(r, print_status, "{\"now\":\"2026-11-24T10:00:00Z\",\"stuck\":21,\"stuck_people\":[{\"login\":\"eve\","
		"\"generation\":1,\"stage\":\"suspended\",\"lane\":\"revoke\",\"due\":\"2026-11-24T10:00:30Z\",\"attempts\":12,"
		"\"trouble_kind\":\"perm\",\"trouble\":\"no right\"}],\"brakes\":[{\"brake\":\"departures\",\"window\":\"hour\",\"through\":2,"
		"\"held_back\":40,\"limit\":5},{\"brake\":\"money (fen)\",\"window\":\"day\",\"through\":3980}],\"offboarding\":{\"measured\":7,"
		"\"p50_ms\":80,\"p95_ms\":310,\"p99_ms\":420,\"not_refused_yet\":0,\"not_proved\":1,\"no_moment_of_change\":3}}"),
		"\naccess that is not taken away yet: 21, the longest of them\n"
		"LOGIN  GEN  STAGE      LANE    DUE     FAILED  WHY\n"
		"eve      1  suspended  revoke  in 30s      12  perm: no right\n"
		"\n"
		"BRAKE        WINDOW  THROUGH  HELD BACK  LIMIT\n"
		"departures   hour          2         40      5\n"
		"money (fen)  day        3980          -      -\n"
		"\nleavers, from the change in the directory to the first refused call: p50 80 ms, p95 310 ms, p99 420 ms of 7;"
		" 1 not proved, 3 without a moment of the change\n");
	check_has(printed_by(r, print_status, "{\"held\":3,\"holds\":[{\"login\":\"alice\",\"generation\":1,\"stage\":\"held\","
		"\"hold_reason\":\"proof: foreign data\",\"trouble\":\"x\"},{\"login\":\"bob\",\"generation\":2,\"stage\":\"suspended\","
		"\"hold_reason\":\"asked by security\"}]}"),
		"\nheld until somebody resumes them: 3, the last of them\n"
		"LOGIN  GEN  STAGE      WHY\n"
		"alice    1  held       proof: foreign data\n"
		"bob      2  suspended  asked by security\n");
	check_has(printed_by(r, print_status, "{\"dormant\":2,\"dormant_watched\":310,\"dormant_after\":\"90d\",\"dormant_people\":[{\"login\":\"alice\","
		"\"idle_since\":\"2026-08-01T00:00:00Z\",\"next\":\"will be parked\"}]}"),
		"\nkeys that nobody used for 90d: 2 of 310 that are watched, the longest of them\n"
		"LOGIN  IDLE SINCE            KEY USED  LAST LOGIN  NEXT\n"
		"alice  2026-08-01T00:00:00Z  -         -           will be parked\n");
	assert_string_equal(printed_by(r, print_why, "{\"person\":{\"login\":\"bob\"},\"accounts\":[{\"stage\":\"retired\"},{\"stage\":\"held\"}],"
		"\"why\":[{\"about\":\"directory\",\"text\":\"entitled\",\"since\":\"2026-11-24T10:00:00Z\"},"
		"{\"about\":\"account 2\",\"text\":\"held\",\"until\":\"2026-12-24T10:00:00Z\"}]}"),
		"bob, held\n\n"
		"ABOUT      SINCE                 UNTIL                 WHY\n"
		"directory  2026-11-24T10:00:00Z  -                     entitled\n"
		"account 2  -                     2026-12-24T10:00:00Z  held\n");
	check_has(printed_by(r, print_why, "{\"person\":{\"login\":\"bob\"},\"accounts\":[],\"why\":[]}"), "bob, no account\n");
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
		"    proof_at       2023-11-14T22:13:20Z\n"
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
	const struct CMUnitTest tests[] = {
		ROOM(questions_are_answered), ROOM(refusals_and_failures_have_their_status),
		ROOM(garbage_from_the_daemon_is_no_answer), ROOM(evidence_is_verified),
		ROOM(wrong_command_lines_are_refused), ROOM(the_manual_knows_every_command_and_option),
		ROOM(columns_stand_under_each_other), ROOM(answers_are_shown_to_people),
	};
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
