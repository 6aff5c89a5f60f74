/* The desk and its clients: garbage, idlers and crowds; and where it may open. */
#include "hall.h"

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
	assert_int_equal(send_raw(h, "\x01\x22", 2), WIRE_UNSUPPORTED);
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

static void is_turned_away(int fd)
{
	unsigned char packet[256];
	struct wire_in in;
	ssize_t got = wire_receive(fd, packet, sizeof(packet), wire_now_ms() + 1000);
	assert_true(got > 0 && wire_read_answer(WIRE_SHOW, packet, (size_t)got, &in));
	assert_int_equal(in.status, WIRE_BUSY);
	close(fd);
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
	for (n = 0; n < 8; n++)
		idle[n] = connect_as(h, 5100, 6000, 0, NULL);
	/* Two threads accept: let the eighth be in before the ninth comes. */
	poll(NULL, 0, 50);
	is_turned_away(connect_as(h, 5100, 6000, 0, NULL));
	for (; n < ARRAY_LEN(idle); n++) {
		idle[n] = connect_as(h, 5100 + (uid_t)(n / 8), 6000, 0, NULL);
		assert_true(idle[n] >= 0);
	}
	poll(NULL, 0, 50);
	is_turned_away(connect_as(h, 5200, 6000, 0, NULL));
	assert_int_equal(ask(h, WIRE_STATUS, NULL).status, WIRE_OK);
	assert_true(wire_now_ms() - start < 1500);
	for (size_t i = 0; i < n; i++) {
		ssize_t got = wire_receive(idle[i], packet, sizeof(packet), wire_now_ms() + 5000);
		busy += got > 0 && wire_read_answer(WIRE_SHOW, packet, (size_t)got, &in) && in.status == WIRE_BUSY;
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
	return n > 0 && wire_read_answer(WIRE_SHOW, answer, (size_t)n, &in) && in.status == WIRE_OK ? h : NULL;
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
		good += n > 0 && wire_read_answer(WIRE_SHOW, answer, (size_t)n, &in) && in.status == WIRE_OK &&
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
	const struct CMUnitTest tests[] = {
		HALL(bad_packets_get_a_clear_answer), HALL(garbage_never_stops_it),
		HALL(whoever_leaves_in_the_middle_costs_nothing), HALL(descriptors_that_are_sent_along_are_not_kept),
		HALL(idle_clients_hold_up_nobody), HALL(one_plan_at_a_time), HALL(many_at_once_get_their_own_answers),
		HALL(it_opens_only_where_it_may),
	};
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
