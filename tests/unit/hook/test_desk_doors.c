/* Logins have a socket of root's own: what people do to theirs, and sessions that wait, hold up no login. */
#include "hall.h"

#define AT_ONCE_MS 1500            /* below the two seconds that a login has */

static int send_login(struct hall *h, enum wire_action action, const char *name)
{
	return send_to(connect_at(logins_path(h), geteuid(), getegid(), 0, NULL), action, name, NULL);
}

/* WIRE_STATUS_COUNT: no answer in time. */
static enum wire_status answer_to(int fd, enum wire_action action)
{
	unsigned char packet[8192];
	struct wire_in in;
	ssize_t n = wire_receive(fd, packet, sizeof(packet), wire_now_ms() + AT_ONCE_MS);
	bool sound = n > 0 && wire_read_answer(action, packet, (size_t)n, &in);
	close(fd);
	return sound ? in.status : WIRE_STATUS_COUNT;
}

static enum wire_status account(struct hall *h)
{
	return answer_to(send_login(h, WIRE_ACCOUNT, "alice"), WIRE_ACCOUNT);
}

/* Both threads of people's door wait for something slow. */
static void keep_people_waiting(struct hall *h, int slow[2])
{
	h->plan_waits = h->hold_waits = true;
	slow[0] = send_to(connect_as(h, 0, 0, 0, NULL), WIRE_PLAN, "alice", NULL);
	slow[1] = send_to(connect_as(h, 0, 0, 0, NULL), WIRE_SUSPEND, "alice", "a test");
	for (int64_t until = wire_now_ms() + WAIT_MS; !(h->planning && h->holding) && wire_now_ms() < until;)
		poll(NULL, 0, 1);
	assert_true(h->planning && h->holding);
}

static void a_full_queue_of_people_delays_no_login(void **state)
{
	struct hall *h = *state;
	int slow[2], held[400];
	size_t n = 0;
	need_root();
	keep_people_waiting(h, slow);
	while (n < ARRAY_LEN(held) && (held[n] = connect_as(h, STRANGER, 6000, 0, NULL)) >= 0)
		n++;
	assert_true(n < ARRAY_LEN(held) && errno == EAGAIN);
	assert_int_equal(connect_as(h, 0, 0, 0, NULL), -1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(account(h), WIRE_OK);
	assert_int_equal(answer_to(send_login(h, WIRE_SESSION_OPEN, "alice"), WIRE_SESSION_OPEN), WIRE_OK);
	h->plan_waits = h->hold_waits = false;
	while (n > 0)
		close(held[--n]);
	close(slow[0]);
	close(slow[1]);
}

/* The roll is busy: so is whoever opens a session, and nobody else. */
static void a_session_that_waits_delays_no_account(void **state)
{
	struct hall *h = *state;
	int fds[64];
	size_t busy = 0, answered = 0;
	need_root();
	h->login_waits = true;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = send_login(h, WIRE_SESSION_OPEN, "alice");
		if (i == 0)
			while (!h->logins)
				poll(NULL, 0, 1);
	}
	for (int i = 0; i < 20; i++)
		assert_int_equal(account(h), WIRE_OK);
	h->login_waits = false;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		enum wire_status s = answer_to(fds[i], WIRE_SESSION_OPEN);
		busy += s == WIRE_BUSY;
		answered += s == WIRE_OK;
	}
	/* Room for an account question was left. */
	assert_int_equal(busy, 64 - 32);
	assert_in_range(answered, 1, 32);
	assert_int_equal(answer_to(send_login(h, WIRE_SESSION_OPEN, "alice"), WIRE_SESSION_OPEN), WIRE_OK);
}

static void root_asks_there_about_logins_only(void **state)
{
	struct hall *h = *state;
	struct stat st;
	need_root();
	assert_int_equal(stat(logins_path(h), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(connect_at(logins_path(h), STRANGER, 6000, 0, NULL), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(answer_to(send_login(h, WIRE_STATUS, NULL), WIRE_STATUS), WIRE_REFUSED);
	assert_int_equal(answer_to(send_login(h, WIRE_SHOW, "alice"), WIRE_SHOW), WIRE_REFUSED);
	/* The mode is one lock, who asks is another. */
	assert_int_equal(chmod(logins_path(h), 0666), 0);
	int fd = send_to(connect_at(logins_path(h), 5001, 6000, 0, NULL), WIRE_ACCOUNT, "alice", NULL);
	assert_int_equal(answer_to(fd, WIRE_ACCOUNT), WIRE_REFUSED);
	/* Where everybody asks, he may ask about himself. */
	fd = send_to(connect_as(h, 5001, 6000, 0, NULL), WIRE_ACCOUNT, "alice", NULL);
	assert_int_equal(answer_to(fd, WIRE_ACCOUNT), WIRE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HALL(a_full_queue_of_people_delays_no_login), HALL(a_session_that_waits_delays_no_account),
		HALL(root_asks_there_about_logins_only),
	};
	return cmocka_run_group_tests(tests, NULL, fixture_drop_keys);
}
