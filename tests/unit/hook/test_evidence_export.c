/* `rollcall evidence export`: what files say of one person, checked, in order, with the moments of his leaving. */
#include "evidence_fixture.h"

#include "hook/command.h"

#define ALICE "00000001-e813-11f1-9271-ca710d083b6f"
#define OTHER "00000002-e813-11f1-9271-ca710d083b6f"
#define CSN "20251124163501.900000Z#000000#001#000000"

static char said[65536];

/* Returns the status; what was printed on both outputs is in `said`. */
static int command(const char *const *words)
{
	char *argv[16] = { (char *)"rollcall" };
	int argc = 1;
	FILE *out = fmemopen(said, sizeof(said), "w");
	assert_non_null(out);
	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	int status = command_run(argc, argv, out, out);
	fclose(out);
	return status;
}

#define COMMAND(...) command((const char *const[]){ __VA_ARGS__, NULL })

static void says(const char *text)
{
	if (!strstr(said, text))
		fail_msg("\"%s\" is not in: %s", text, said);
}

static void write_line(struct fixture *f, struct evidence_line l)
{
	f->time.now_ms += 1000;
	OK(evidence_add(f->ev, &l, &f->e));
}

static const struct evidence_moments half = { .changed_ms = NOW - 100, .seen_ms = NOW, .key_off_ms = NOW + 20 };
static const struct evidence_moments whole = { .changed_ms = NOW - 100, .seen_ms = NOW, .key_off_ms = NOW + 20,
	.console_off_ms = NOW + 30, .barrier_ms = NOW + 40, .cut_ms = NOW + 50, .refused_ms = NOW + 2000 };

static void a_life(struct fixture *f)
{
	write_line(f, (struct evidence_line){ .event = "start", .what = "rollcalld" });
	write_line(f, (struct evidence_line){ .event = "stage", .uuid = ALICE, .login = "alice", .generation = 1,
		.what = "active -> suspended", .why = "disabled", .csn = CSN });
	write_line(f, (struct evidence_line){ .event = "did", .uuid = OTHER, .login = "bob", .generation = 1, .what = "CreateEnv" });
	write_line(f, (struct evidence_line){ .event = "cut", .uuid = ALICE, .login = "alice", .generation = 1,
		.what = "cut, not complete yet", .csn = CSN, .moments = &half });
	write_line(f, (struct evidence_line){ .event = "refused", .login = "alice", .what = "uid 7 asked for \"show\"" });
	write_line(f, (struct evidence_line){ .event = "refused", .uuid = ALICE, .login = "alice", .generation = 1,
		.what = "key \"AKID\": AuthFailure", .request_id = "req-1", .csn = CSN, .moments = &whole });
}

static void one_person_with_his_moments(void **state)
{
	struct fixture *f = *state;
	a_life(f);
	assert_int_equal(COMMAND("evidence", "export", "alice", f->path), COMMAND_DONE);
	says("active -> suspended");
	says("req-1");
	says("uid 7 asked");
	says("left, generation 1, change number " CSN);
	says("directory change    2025-11-24T16:35:02.023Z                -\n");
	says("first refused call  2025-11-24T16:35:04.123Z             2100\n");
	says("4 of 6 lines are about alice");
	assert_null(strstr(said, "bob"));
}

static void as_json(void **state)
{
	struct fixture *f = *state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct json *o;
	a_life(f);
	assert_int_equal(COMMAND("--json", "evidence", "export", ALICE, f->path), COMMAND_DONE);
	OK(json_parse(a, said, strlen(said), &o, &f->e));
	assert_int_equal(json_count(json_get(o, "events")), 3);       /* by his UUID, the name alone is not his */
	assert_int_equal(json_count(json_get(o, "departures")), 1);
	assert_int_equal(json_int_or(o, "departures[0].durations_ms.seen", -1), 100);
	assert_int_equal(json_int_or(o, "departures[0].durations_ms.key_off", -1), 120);
	assert_int_equal(json_int_or(o, "departures[0].durations_ms.console_off", -1), 130);
	assert_int_equal(json_int_or(o, "departures[0].durations_ms.barrier", -1), 140);
	assert_int_equal(json_int_or(o, "departures[0].durations_ms.cut", -1), 150);
	assert_int_equal(json_int_or(o, "departures[0].durations_ms.refused", -1), 2100);
	assert_string_equal(json_text(o, "departures[0].counted_from"), "directory change");
	assert_string_equal(json_text(o, "departures[0].csn"), CSN);
	assert_string_equal(json_text(o, "events[2].request_id"), "req-1");
}

/* Of somebody who is absent nobody knows since when. */
static void from_when_it_was_seen(void **state)
{
	struct fixture *f = *state;
	struct evidence_moments m = whole;
	m.changed_ms = 0;
	write_line(f, (struct evidence_line){ .event = "cut", .uuid = ALICE, .login = "alice", .generation = 1, .moments = &m });
	/* And once more, of the next time. */
	m.seen_ms += 50000;
	m.refused_ms = 0;
	write_line(f, (struct evidence_line){ .event = "cut", .uuid = ALICE, .login = "alice", .generation = 1, .moments = &m });
	assert_int_equal(COMMAND("evidence", "export", "alice", f->path), COMMAND_DONE);
	says("MS AFTER SEEN");
	says("directory change    not known                             -\n");
	says("first refused call  2025-11-24T16:35:04.123Z           2000\n");
	says("first refused call  not known                             -\n");
}

static void several_files_in_one_order(void **state)
{
	struct fixture *f = *state;
	struct evidence *second = NULL;
	char path[120];
	snprintf(path, sizeof(path), "%s/second", f->folder);
	write_line(f, (struct evidence_line){ .event = "did", .uuid = ALICE, .login = "alice", .what = "event-1" });
	OK(evidence_open(path, &f->clock, &second, &f->e));
	f->time.now_ms += 1000;
	const struct evidence_line aside = { .event = "did", .uuid = ALICE, .login = "alice", .what = "event-2" };
	OK(evidence_add(second, &aside, &f->e));
	evidence_close(second);
	write_line(f, (struct evidence_line){ .event = "did", .uuid = ALICE, .login = "alice", .what = "event-3" });
	int status = COMMAND("evidence", "export", "alice", f->path, path);
	unlink(path);
	assert_int_equal(status, COMMAND_DONE);
	const char *one = strstr(said, "event-1"), *two = strstr(said, "event-2"), *three = strstr(said, "event-3");
	assert_true(one && two && three && one < two && two < three);
	says("3 of 3 lines");
}

static void a_login_name_of_two_people(void **state)
{
	struct fixture *f = *state;
	write_line(f, (struct evidence_line){ .event = "did", .uuid = ALICE, .login = "alice", .what = "CreateEnv" });
	write_line(f, (struct evidence_line){ .event = "did", .uuid = OTHER, .login = "alice", .what = "CreateEnv" });
	assert_int_equal(COMMAND("evidence", "export", "alice", f->path), COMMAND_REFUSED);
	says("2 people have had the login name \"alice\"");
	says(OTHER);
	assert_int_equal(COMMAND("evidence", "export", OTHER, f->path), COMMAND_DONE);
	says("1 of 2 lines");
}

/* Under the name that he has now, and the one that he had. */
static void a_renamed_person(void **state)
{
	struct fixture *f = *state;
	write_line(f, (struct evidence_line){ .event = "did", .uuid = ALICE, .login = "alice", .what = "as-alice" });
	write_line(f, (struct evidence_line){ .event = "did", .uuid = ALICE, .login = "alice2", .what = "as-alice2" });
	assert_int_equal(COMMAND("evidence", "export", "alice2", f->path), COMMAND_DONE);
	says("as-alice ");
	says("as-alice2");
}

static void a_file_that_was_changed_says_nothing(void **state)
{
	struct fixture *f = *state;
	size_t n;
	a_life(f);
	AUTO_FREE char *bytes = slurp(f, &n);
	*strstr(bytes, "req-1") = 'R';
	spill(f, bytes, n);
	assert_int_equal(COMMAND("evidence", "export", "alice", f->path), COMMAND_REFUSED);
	says("was changed");
	assert_null(strstr(said, "suspended"));
}

static void nothing_or_no_file(void **state)
{
	struct fixture *f = *state;
	a_life(f);
	assert_int_equal(COMMAND("evidence", "export", "carol", f->path), COMMAND_REFUSED);
	says("nothing is on record about \"carol\"");
	assert_int_equal(COMMAND("evidence", "export", "alice", "/nonexistent"), COMMAND_REFUSED);
	says("could not be opened");
	assert_int_equal(COMMAND("evidence", "export", "alice"), COMMAND_USAGE);
	says("NAME FILE...");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_person_with_his_moments), TEST(as_json), TEST(from_when_it_was_seen), TEST(several_files_in_one_order),
		TEST(a_login_name_of_two_people), TEST(a_renamed_person), TEST(a_file_that_was_changed_says_nothing),
		TEST(nothing_or_no_file),
	};
	return cmocka_run_group_tests_name("evidence export", tests, NULL, NULL);
}
