/* The packets: what is written is read again, and everything else is refused. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../common/unit.h"
#include "common/clock.h"
#include "hook/wire.h"

static size_t make_request(unsigned char *buffer, size_t cap, enum wire_action action, const char *name)
{
	struct wire_out o;
	wire_request(&o, buffer, cap, action);
	if (name)
		wire_add_text(&o, WIRE_NAME, name);
	return wire_end(&o);
}

/* --- requests --------------------------------------------------------------------------------------------- */

static void requests_are_read_again(void **state)
{
	(void)state;
	const struct { enum wire_action action; const char *name; enum wire_who who; } rows[] = {
		{ WIRE_STATUS, NULL, WIRE_ADMIN },
		{ WIRE_SHOW, "alice", WIRE_SELF },
		{ WIRE_SHOW, "Ren\xc3\xa9 \xe6\x9d\x8e \xf0\x9f\x99\x82", WIRE_SELF },
		{ WIRE_PLAN, NULL, WIRE_ADMIN },
		{ WIRE_PLAN, "89da469d-e813-11f1-9271-ca710d083b6f", WIRE_ADMIN },
		{ WIRE_SEALED, "bob", WIRE_SELF },
		{ WIRE_VERIFY, NULL, WIRE_ADMIN },
		{ WIRE_VERIFY, "bob", WIRE_ADMIN },
		{ WIRE_RESUME, "bob", WIRE_ADMIN },
		{ WIRE_ROTATE, "bob", WIRE_ADMIN },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned char packet[WIRE_REQUEST_MAX];
		struct wire_in in;
		const char *why;
		size_t n = make_request(packet, sizeof(packet), rows[i].action, rows[i].name);
		assert_true(n >= 2);
		assert_int_equal(wire_read_request(packet, n, &in, &why), WIRE_OK);
		assert_int_equal(in.rule->action, rows[i].action);
		assert_int_equal(in.rule->who, rows[i].who);
		assert_string_equal(why, "");
		if (rows[i].name) {
			assert_int_equal(in.field[WIRE_NAME].len, strlen(rows[i].name));
			assert_memory_equal(in.field[WIRE_NAME].at, rows[i].name, strlen(rows[i].name));
		} else {
			assert_null(in.field[WIRE_NAME].at);
		}
		assert_null(in.field[WIRE_BODY].at);
	}
}

/* The layout that the header specifies, byte by byte. */
static void the_layout_is_the_specified_one(void **state)
{
	(void)state;
	unsigned char packet[64];
	struct wire_out o;
	assert_int_equal(make_request(packet, sizeof(packet), WIRE_SHOW, "al"), 7);
	assert_memory_equal(packet, "\x01\x02\x01\x00\x02" "al", 7);
	wire_answer(&o, packet, sizeof(packet), WIRE_REFUSED, false);
	wire_add_text(&o, WIRE_TEXT, "no");
	assert_int_equal(wire_end(&o), 9);
	assert_memory_equal(packet, "\x01\x01\x00\x00\x02\x00\x02" "no", 9);
	wire_answer(&o, packet, sizeof(packet), WIRE_OK, true);
	wire_add(&o, WIRE_BODY, "{}", 2);
	assert_memory_equal(packet, "\x01\x00\x01\x00\x03\x00\x02{}", 9);
}

static void bad_requests_are_refused_with_a_reason(void **state)
{
	(void)state;
#define P(text) text, sizeof(text) - 1
	const struct { const char *packet; size_t n; enum wire_status status; const char *why; } rows[] = {
		{ P(""), WIRE_MALFORMED, "too short" },
		{ P("\x01"), WIRE_MALFORMED, "too short" },
		{ P("\x02\x01"), WIRE_OTHER_VERSION, "version" },
		{ P("\x00\x01"), WIRE_OTHER_VERSION, "version" },
		{ P("\x7f"), WIRE_OTHER_VERSION, "version" },
		{ P("\x01\x00"), WIRE_UNSUPPORTED, "not served" },
		{ P("\x01\x0b"), WIRE_UNSUPPORTED, "not served" },
		{ P("\x01\x0a"), WIRE_MALFORMED, "missing" },
		{ P("\x01\x0a\x01\x00\x01" "a"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x09"), WIRE_MALFORMED, "missing" },
		{ P("\x01\x09\x01\x00\x01" "a\x02\x00\x01" "b"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x08"), WIRE_MALFORMED, "missing" },
		{ P("\x01\x08\x01\x00\x01" "a"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x06\x01\x00\x01" "a"), WIRE_MALFORMED, "missing" },
		{ P("\x01\x06\x02\x00\x01" "a"), WIRE_MALFORMED, "missing" },
		{ P("\x01\x06\x01\x00\x01" "a\x02\x00\x01\x07"), WIRE_MALFORMED, "control" },
		{ P("\x01\x07\x01\x00\x01" "a\x02\x00\x01" "b"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\xff"), WIRE_UNSUPPORTED, "not served" },
		/* Reserved for the PAM module. */
		{ P("\x01\x20"), WIRE_MALFORMED, "needed field" },
		{ P("\x01\x20\x01\x00\x01" "a\x05\x00\x03" "key"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x21\x01\x00\x01" "a\x06\x00\x02" "in"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x22\x01\x00\x01" "a"), WIRE_UNSUPPORTED, "not served" },
		{ P("\x01\x02"), WIRE_MALFORMED, "missing" },
		{ P("\x01\x01\x01\x00\x01" "a"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x02\x01"), WIRE_MALFORMED, "left over" },
		{ P("\x01\x02\x01\x00"), WIRE_MALFORMED, "left over" },
		{ P("\x01\x02\x01\x00\x02" "a"), WIRE_MALFORMED, "does not end" },
		{ P("\x01\x02\x01\xff\xff" "a"), WIRE_MALFORMED, "does not end" },
		{ P("\x01\x02\x01\x00\x01" "ab"), WIRE_MALFORMED, "left over" },
		{ P("\x01\x02\x01\x00\x01" "a\x01\x00"), WIRE_MALFORMED, "left over" },
		{ P("\x01\x02\x01\x00\x00"), WIRE_MALFORMED, "empty" },
		{ P("\x01\x02\x01\x00\x01" "a\x01\x00\x01" "b"), WIRE_MALFORMED, "twice" },
		{ P("\x01\x02\x00\x00\x01" "a"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x02\x02\x00\x01" "a"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x02\x03\x00\x01" "a"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x02\x04\x00\x01" "a"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x02\xff\x00\x01" "a"), WIRE_MALFORMED, "does not belong" },
		{ P("\x01\x02\x01\x00\x02" "a\x00"), WIRE_MALFORMED, "UTF-8" },
		{ P("\x01\x02\x01\x00\x02" "a\n"), WIRE_MALFORMED, "UTF-8" },
		{ P("\x01\x02\x01\x00\x02" "a\x7f"), WIRE_MALFORMED, "UTF-8" },
		{ P("\x01\x02\x01\x00\x03" "a\xc2\x85"), WIRE_MALFORMED, "UTF-8" },
		{ P("\x01\x02\x01\x00\x02" "a\xc3"), WIRE_MALFORMED, "UTF-8" },
		{ P("\x01\x02\x01\x00\x02\xc0\x80"), WIRE_MALFORMED, "UTF-8" },
		{ P("\x01\x02\x01\x00\x03\xed\xa0\x80"), WIRE_MALFORMED, "UTF-8" },
		{ P("\x01\x02\x01\x00\x03\xe0\x80\x80"), WIRE_MALFORMED, "UTF-8" },
		{ P("\x01\x02\x01\x00\x04\xf4\x90\x80\x80"), WIRE_MALFORMED, "UTF-8" },
		{ P("\x01\x02\x01\x00\x04\xf0\x80\x80\x80"), WIRE_MALFORMED, "UTF-8" },
	};
#undef P
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wire_in in;
		const char *why = NULL;
		enum wire_status status = wire_read_request(rows[i].packet, rows[i].n, &in, &why);
		if (status != rows[i].status || !strstr(why, rows[i].why))
			fail_msg("row %zu: %s \"%s\", wanted %s \"%s\"", i, wire_status_name(status), why,
				wire_status_name(rows[i].status), rows[i].why);
	}
}

static void a_name_has_a_limit(void **state)
{
	(void)state;
	unsigned char packet[WIRE_REQUEST_MAX + 64];
	char name[WIRE_NAME_MAX + 2];
	struct wire_in in;
	const char *why;
	memset(name, 'a', sizeof(name));
	name[WIRE_NAME_MAX] = '\0';
	size_t n = make_request(packet, sizeof(packet), WIRE_SHOW, name);
	assert_int_equal(wire_read_request(packet, n, &in, &why), WIRE_OK);
	name[WIRE_NAME_MAX] = 'a';
	name[WIRE_NAME_MAX + 1] = '\0';
	n = make_request(packet, sizeof(packet), WIRE_SHOW, name);
	assert_int_equal(wire_read_request(packet, n, &in, &why), WIRE_MALFORMED);
	check_has(why, "too long");
	assert_int_equal(wire_read_request(packet, WIRE_REQUEST_MAX + 1, &in, &why), WIRE_MALFORMED);
	check_has(why, "packet is too long");
}

static void a_packet_that_does_not_fit_is_none(void **state)
{
	(void)state;
	unsigned char packet[WIRE_ANSWER_MAX], *big = mem_alloc(70000);
	struct wire_out o;
	assert_int_equal(make_request(packet, 1, WIRE_STATUS, NULL), 0);
	assert_int_equal(make_request(packet, 8, WIRE_SHOW, "alice"), 0);
	assert_int_equal(make_request(packet, 10, WIRE_SHOW, "alice"), 10);
	wire_answer(&o, packet, sizeof(packet), WIRE_OK, false);
	size_t room = wire_room(&o);
	assert_int_equal(room, WIRE_ANSWER_MAX - 4 - 3);
	wire_add(&o, WIRE_BODY, big, room);
	assert_int_equal(wire_end(&o), WIRE_ANSWER_MAX);
	assert_int_equal(wire_room(&o), 0);
	wire_answer(&o, packet, sizeof(packet), WIRE_OK, false);
	wire_add(&o, WIRE_BODY, big, room + 1);
	assert_int_equal(wire_end(&o), 0);
	wire_answer(&o, packet, sizeof(packet), WIRE_OK, false);
	wire_add(&o, WIRE_BODY, big, 70000);
	assert_int_equal(wire_end(&o), 0);
	/* A request stays below its own limit whatever the buffer. */
	wire_request(&o, packet, sizeof(packet), WIRE_SHOW);
	wire_add(&o, WIRE_NAME, big, WIRE_REQUEST_MAX);
	assert_int_equal(wire_end(&o), 0);
	free(big);
}

/* --- answers ---------------------------------------------------------------------------------------------- */

static void answers_are_read_again(void **state)
{
	(void)state;
	unsigned char packet[128];
	struct wire_out o;
	struct wire_in in;
	wire_answer(&o, packet, sizeof(packet), WIRE_OK, true);
	wire_add(&o, WIRE_BODY, "{\"a\":\x01", 6);      /* a chunk may end anywhere: it is no text yet */
	assert_true(wire_read_answer(WIRE_SHOW, packet, wire_end(&o), &in));
	assert_true(in.more);
	assert_int_equal(in.field[WIRE_BODY].len, 6);
	for (int s = WIRE_REFUSED; s < WIRE_STATUS_COUNT; s++) {
		wire_answer(&o, packet, sizeof(packet), (enum wire_status)s, false);
		wire_add_text(&o, WIRE_TEXT, "because");
		assert_true(wire_read_answer(WIRE_SHOW, packet, wire_end(&o), &in));
		assert_int_equal(in.status, s);
		assert_memory_equal(in.field[WIRE_TEXT].at, "because", 7);
	}
}

static void bad_answers_are_refused(void **state)
{
	(void)state;
#define P(text) text, sizeof(text) - 1
	const struct { const char *packet; size_t n; } rows[] = {
		{ P("") },
		{ P("\x01\x00\x00") },
		{ P("\x01\x00\x00\x00") },                              /* ok without a body */
		{ P("\x02\x00\x00\x00\x03\x00\x01" "a") },
		{ P("\x01\x09\x00\x00\x02\x00\x01" "a") },              /* no such status */
		{ P("\x01\x00\x02\x00\x03\x00\x01" "a") },              /* no such flag */
		{ P("\x01\x00\x00\x01\x03\x00\x01" "a") },
		{ P("\x01\x00\x00\x00\x02\x00\x01" "a") },              /* ok with a text */
		{ P("\x01\x01\x00\x00\x03\x00\x01" "a") },              /* refused with a body */
		{ P("\x01\x01\x01\x00\x02\x00\x01" "a") },              /* refused, and more to come */
		{ P("\x01\x01\x00\x00\x02\x00\x02" "a\n") },
		{ P("\x01\x00\x00\x00\x03\x00\x02" "a") },
		{ P("\x01\x00\x00\x00\x03\x00\x01" "ab") },
		{ P("\x01\x00\x00\x00\x03\x00\x00") },
		{ P("\x01\x00\x00\x00\x03\x00\x01" "a\x03\x00\x01" "b") },
		{ P("\x01\x00\x00\x00\x01\x00\x01" "a") },
	};
#undef P
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wire_in in;
		if (wire_read_answer(WIRE_SHOW, rows[i].packet, rows[i].n, &in))
			fail_msg("row %zu was taken", i);
	}
}

static void answers_belong_to_their_request(void **state)
{
	(void)state;
#define P(text) text, sizeof(text) - 1
	static const struct { enum wire_action action; bool good; const char *packet; size_t n; } rows[] = {
		{ WIRE_ACCOUNT, true, P("\x01\x00\x00\x00\x06\x00\x02" "in") },
		{ WIRE_ACCOUNT, true, P("\x01\x00\x00\x00\x06\x00\x03" "out\x02\x00\x02" "no\x07\x00\x04" "5001") },
		{ WIRE_ACCOUNT, true, P("\x01\x02\x00\x00\x02\x00\x01" "a") },
		{ WIRE_ACCOUNT, false, P("\x01\x00\x00\x00\x02\x00\x02" "no") },                    /* no verdict */
		{ WIRE_ACCOUNT, false, P("\x01\x00\x01\x00\x06\x00\x02" "in") },                    /* one packet is all */
		{ WIRE_ACCOUNT, false, P("\x01\x00\x00\x00\x06\x00\x02" "in\x0a\x00\x01" "k") },   /* nobody asked for a key */
		{ WIRE_ACCOUNT, false, P("\x01\x00\x00\x00\x03\x00\x02" "{}") },
		{ WIRE_SESSION_OPEN, true, P("\x01\x00\x00\x00\x06\x00\x02" "in\x09\x00\x01" "i\x0a\x00\x01" "k") },
		{ WIRE_SESSION_OPEN, false, P("\x01\x00\x00\x00\x06\x00\x02" "in\x0a\x00\x02" "k\n") },
		{ WIRE_SHOW, false, P("\x01\x00\x00\x00\x06\x00\x02" "in") },
		{ (enum wire_action)99, false, P("\x01\x00\x00\x00\x06\x00\x02" "in") },
	};
#undef P
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wire_in in;
		if (wire_read_answer(rows[i].action, rows[i].packet, rows[i].n, &in) != rows[i].good)
			fail_msg("row %zu", i);
	}
}

/* --- whatever comes ----------------------------------------------------------------------------------------- */

static bool inside(const struct wire_value *v, const unsigned char *packet, size_t n)
{
	const unsigned char *at = (const unsigned char *)v->at;
	return !at || (at >= packet && at + v->len <= packet + n && v->len > 0);
}

/* The bytes stand at the end of an allocation of their own, so that a sanitizer sees a read beyond them. */
static void take_anything(const unsigned char *bytes, size_t n)
{
	unsigned char *packet = malloc(n ? n : 1);
	struct wire_in in;
	const char *why = NULL;
	memcpy(packet, bytes, n);
	enum wire_status status = wire_read_request(packet, n, &in, &why);
	assert_non_null(why);
	assert_true((status == WIRE_OK) == (*why == '\0'));
	for (int i = 0; i < WIRE_FIELD_COUNT; i++)
		assert_true(inside(&in.field[i], packet, n));
	static const enum wire_action asked[] = { WIRE_SHOW, WIRE_ACCOUNT, WIRE_SESSION_OPEN };
	for (size_t a = 0; a < ARRAY_LEN(asked); a++) {
		bool good = wire_read_answer(asked[a], packet, n, &in);
		for (int i = 0; good && i < WIRE_FIELD_COUNT; i++)
			assert_true(inside(&in.field[i], packet, n));
	}
	free(packet);
}

static void garbage_is_never_followed(void **state)
{
	(void)state;
	struct clock_virtual v;
	struct clock c = clock_virtual(&v, 1, 7);
	unsigned char bytes[WIRE_REQUEST_MAX + 8];
	for (int i = 0; i < 20000; i++) {
		uint16_t n;
		clock_random(&c, &n, sizeof(n));
		n %= i % 10 ? 24 : sizeof(bytes);
		clock_random(&c, bytes, n);
		if (n > 1 && i % 4) {
			/* Most of it gets beyond the head. */
			bytes[0] = WIRE_VERSION;
			bytes[1] &= 7;
		}
		if (n > 5 && i % 3)
			bytes[3] = 0;
		take_anything(bytes, n);
	}
}

static void every_truncation_and_every_flipped_bit(void **state)
{
	(void)state;
	unsigned char packet[256];
	struct wire_in in;
	const char *why;
	size_t n = make_request(packet, sizeof(packet), WIRE_SHOW, "alice");
	for (size_t cut = 0; cut < n; cut++) {
		take_anything(packet, cut);
		assert_int_not_equal(wire_read_request(packet, cut, &in, &why), WIRE_OK);
	}
	for (size_t bit = 0; bit < n * 8; bit++) {
		packet[bit / 8] ^= (unsigned char)(1u << bit % 8);
		take_anything(packet, n);
		packet[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}

/* --- sockets ------------------------------------------------------------------------------------------------ */

static int listener(const char *path, int backlog)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	strcpy(at.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void connecting_fails_at_once_and_says_why(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 16);
	char long_path[200];
	uid_t server = 77;
	int waiting[8];
	size_t n = 0;
	assert_int_equal(wire_connect(unit_path(a, "none"), &server), -1);
	assert_int_equal(errno, ENOENT);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(wire_connect(long_path, &server), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	int dead = listener(unit_path(a, "dead"), -1);
	assert_int_equal(wire_connect(unit_path(a, "dead"), &server), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(dead);
	/* Nobody accepts: the queue fills, and then it is `down`, not a wait. */
	int full = listener(unit_path(a, "full"), 1);
	int64_t before = wire_now_ms();
	while (n < ARRAY_LEN(waiting) && (waiting[n] = wire_connect(unit_path(a, "full"), &server)) >= 0)
		n++;
	assert_true(n > 0 && n < ARRAY_LEN(waiting));
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(server, getuid());
	assert_true(wire_now_ms() - before < 1000);
	while (n > 0)
		close(waiting[--n]);
	close(full);
}

static void receiving_has_a_deadline(void **state)
{
	(void)state;
	int pair[2];
	unsigned char buffer[16];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	int64_t before = wire_now_ms();
	assert_int_equal(wire_receive(pair[0], buffer, sizeof(buffer), before + 50), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(wire_now_ms() - before >= 50 && wire_now_ms() - before < 2000);
	assert_int_equal(wire_send(pair[1], "hello", 5), 0);
	assert_int_equal(wire_receive(pair[0], buffer, sizeof(buffer), wire_now_ms()), 5);
	assert_int_equal(wire_send(pair[1], "12345678901234567", 17), 0);
	assert_int_equal(wire_receive(pair[0], buffer, sizeof(buffer), wire_now_ms() + 1000), -1);
	assert_int_equal(errno, EMSGSIZE);
	/* One answer is left behind by somebody who has gone, and did not hear what we said. */
	assert_int_equal(wire_send(pair[0], "unheard", 7), 0);
	assert_int_equal(wire_send(pair[1], "bye", 3), 0);
	close(pair[1]);
	assert_int_equal(wire_receive(pair[0], buffer, sizeof(buffer), wire_now_ms() + 1000), 3);
	assert_int_equal(wire_receive(pair[0], buffer, sizeof(buffer), wire_now_ms() + 1000), 0);
	assert_int_equal(wire_send(pair[0], "hello", 5), -1);
	assert_int_equal(errno, EPIPE);
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(requests_are_read_again), T(the_layout_is_the_specified_one), T(bad_requests_are_refused_with_a_reason),
		T(a_name_has_a_limit), T(a_packet_that_does_not_fit_is_none), T(answers_are_read_again), T(bad_answers_are_refused),
		T(answers_belong_to_their_request),
		T(garbage_is_never_followed), T(every_truncation_and_every_flipped_bit), T(connecting_fails_at_once_and_says_why),
		T(receiving_has_a_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
