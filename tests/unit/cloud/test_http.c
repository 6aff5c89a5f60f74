/* The wire: against a small server that does what a script says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cloud/http.h"
#include "common/clock.h"
#include "tests/support/wire.h"

#define HOST "cam.tencentcloudapi.com"

struct fixture {
	struct wire_server *server;
	struct http_shared *shared;
	struct transport *t;
	struct arena *arena;
	struct http_reply reply;
	struct err e;
};

static void begin_at(struct fixture *f, const char *url, const char *connect, const char *ca)
{
	const struct http_settings s = { .url = url, .connect = connect, .ca_file = ca, .connect_ms = 2000 };
	f->arena = arena_new(1 << 20);
	assert_int_equal(http_start(&s, &f->shared, &f->e), 0);
	assert_int_equal(http_transport(f->shared, &f->t, &f->e), 0);
}

static void begin(struct fixture *f, const enum wire_act *acts, size_t count)
{
	char url[64];
	memset(f, 0, sizeof(*f));
	f->server = wire_start(acts, count, false);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", wire_port(f->server));
	begin_at(f, url, NULL, NULL);
}
#define BEGIN(f, ...) begin(f, (const enum wire_act[]){ __VA_ARGS__ }, sizeof((enum wire_act[]){ __VA_ARGS__ }) / sizeof(enum wire_act))

static void begin_tls(struct fixture *f, bool trusted)
{
	char connect[32];
	const enum wire_act answer = WIRE_ANSWER;
	memset(f, 0, sizeof(*f));
	f->server = wire_start(&answer, 1, true);
	snprintf(connect, sizeof(connect), "127.0.0.1:%u", wire_port(f->server));
	begin_at(f, NULL, connect, trusted ? wire_ca_file(f->server) : NULL);
}

static void end(struct fixture *f)
{
	f->t->close(f->t);
	http_stop(f->shared);
	if (f->server)
		wire_stop(f->server);
	arena_free(f->arena);
}

static int send_to(struct fixture *f, const char *host, bool once, int64_t timeout_ms)
{
	const char *const headers[] = { "X-TC-Action: GetUser", "Content-Type: application/json" };
	const struct http_request r = { .host = host, .header_count = 2, .headers = headers, .body = "{\"Name\":\"alice\"}",
		.body_len = 16, .timeout_ms = timeout_ms, .once = once };
	memset(&f->e, 0, sizeof(f->e));
	return f->t->exchange(f->t, &r, f->arena, &f->reply, &f->e);
}

static int64_t now_ms(void)
{
	struct clock c = clock_system();
	return clock_mono(&c);
}

/* --- what is sent, what comes back ------------------------------------------------- */

static void one_exchange(void **state)
{
	(void)state;
	struct fixture f;
	char text[4096];
	BEGIN(&f, WIRE_ANSWER);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(f.reply.status, 200);
	assert_string_equal(f.reply.body, "{\"Response\":{\"RequestId\":\"r\"}}");
	assert_int_equal(f.reply.body_len, strlen(f.reply.body));
	assert_int_equal(f.reply.date_ms, 784111777000);
	wire_last(f.server, text, sizeof(text));
	static const char *const lines[] = { "POST / HTTP/1.1\r\n", "\r\nHost: " HOST "\r\n", "\r\nX-TC-Action: GetUser\r\n",
		"\r\nContent-Type: application/json\r\n", "\r\nContent-Length: 16\r\n", "\r\n\r\n{\"Name\":\"alice\"}" };
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text, lines[i]))
			fail_msg("no %s in %s", lines[i], text);
	assert_null(strstr(text, "Expect"));
	assert_null(strstr(text, "Transfer-Encoding"));
	end(&f);
}

static void answers_of_all_kinds(void **state)
{
	(void)state;
	struct fixture f;
	BEGIN(&f, WIRE_NO_DATE, WIRE_ERROR, WIRE_REDIRECT, WIRE_GARBAGE, WIRE_HUGE, WIRE_CUT_HALF, WIRE_ANSWER);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(f.reply.date_ms, 0);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(f.reply.status, 503);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(f.reply.status, 302);          /* told, not followed */
	assert_int_equal(f.reply.body_len, 0);
	assert_string_equal(f.reply.body, "");
	assert_int_equal(wire_requests(f.server), 3);
	assert_int_equal(send_to(&f, HOST, false, 5000), ERR_UNKNOWN);
	assert_int_equal(send_to(&f, HOST, false, 5000), ERR_UNKNOWN);
	assert_non_null(strstr(f.e.text, "larger than"));
	assert_int_equal(send_to(&f, HOST, false, 5000), ERR_UNKNOWN);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	end(&f);
}

static void connections_are_kept(void **state)
{
	(void)state;
	struct fixture f;
	BEGIN(&f, WIRE_ANSWER, WIRE_ANSWER, WIRE_ANSWER, WIRE_ANSWER_CLOSE, WIRE_ANSWER);
	for (int i = 0; i < 4; i++)
		assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(wire_connections(f.server), 1);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(wire_connections(f.server), 2);
	/* What must not go out twice has a connection of its own, which others may use afterwards. */
	assert_int_equal(send_to(&f, HOST, true, 5000), 0);
	assert_int_equal(wire_connections(f.server), 3);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(wire_connections(f.server), 3);
	end(&f);
}

/* --- what is not known --------------------------------------------------------------- */

static void cut_after_the_request(void **state)
{
	(void)state;
	static const enum wire_act cuts[] = { WIRE_CUT, WIRE_RESET, WIRE_CUT_HALF };
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct fixture f;
		BEGIN(&f, WIRE_ANSWER, cuts[i]);
		assert_int_equal(send_to(&f, HOST, false, 5000), 0);
		/* On the kept connection libcurl would send it again by itself, and it would be done twice. */
		assert_int_equal(send_to(&f, HOST, true, 5000), ERR_UNKNOWN);
		assert_int_equal(wire_requests(f.server), 2);
		end(&f);
	}
}

/* Proves that the test above tests something: this is what `once` prevents. */
static void what_once_prevents(void **state)
{
	(void)state;
	struct fixture f;
	BEGIN(&f, WIRE_ANSWER, WIRE_CUT, WIRE_ANSWER);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(wire_requests(f.server), 3);
	char text[4096];
	wire_last(f.server, text, sizeof(text));
	assert_non_null(strstr(text, "\r\n\r\n{\"Name\":\"alice\"}"));     /* and the repeated one is whole */
	end(&f);
}

static void time_out(void **state)
{
	(void)state;
	struct fixture f;
	BEGIN(&f, WIRE_ANSWER, WIRE_HANG, WIRE_ANSWER);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	int64_t began = now_ms();
	assert_int_equal(send_to(&f, HOST, false, 200), ERR_UNKNOWN);
	assert_in_range(now_ms() - began, 150, 5000);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	end(&f);
}

static unsigned closed_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static void surely_not_sent(void **state)
{
	(void)state;
	struct fixture f = { 0 };
	char url[64];
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", closed_port());
	begin_at(&f, url, NULL, NULL);
	assert_int_equal(send_to(&f, HOST, true, 5000), ERR_TEMP);
	assert_non_null(strstr(f.e.text, HOST " could not be reached"));
	end(&f);
}

/* Somebody listens and says nothing to our greeting: the request has not left. */
static void handshake_that_hangs(void **state)
{
	(void)state;
	struct fixture f = { 0 };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	assert_int_equal(listen(fd, 4), 0);
	char connect[32];
	snprintf(connect, sizeof(connect), "127.0.0.1:%u", ntohs(at.sin_port));
	begin_at(&f, "https://", connect, NULL);
	int64_t began = now_ms();
	assert_int_equal(send_to(&f, HOST, true, 300), ERR_TEMP);
	assert_true(now_ms() - began < 8000);
	end(&f);
	close(fd);
}

/* --- waking ------------------------------------------------------------------------------ */

#define WAKE_MS 700

static void *wake_soon(void *p)
{
	struct transport *t = p;
	poll(NULL, 0, WAKE_MS);      /* past the moments at which libcurl looks by itself */
	t->wake(t);
	return NULL;
}

/* How long after it was woken the call came back. */
static int64_t broken_off_ms(void)
{
	struct fixture f;
	BEGIN(&f, WIRE_HANG, WIRE_ANSWER);
	pthread_t thread;
	pthread_create(&thread, NULL, wake_soon, f.t);
	int64_t began = now_ms();
	assert_int_equal(send_to(&f, HOST, false, 30000), ERR_STALE);
	int64_t late = now_ms() - began - WAKE_MS;
	pthread_join(thread, NULL);
	/* Woken stays woken: the walk has to end. */
	assert_int_equal(send_to(&f, HOST, false, 30000), ERR_STALE);
	assert_int_equal(wire_requests(f.server), 1);
	f.t->rearm(f.t);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	/* Woken while nothing ran, and forgotten. */
	f.t->wake(f.t);
	f.t->rearm(f.t);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	end(&f);
	return late;
}

/* At once: libcurl looks by itself every second.  What a busy machine delays once is not late every time. */
static void a_running_call_is_broken_off(void **state)
{
	(void)state;
	int64_t late = INT64_MAX;
	for (int tries = 0; tries < 4 && late > 150; tries++)
		late = broken_off_ms();
	assert_true(late >= -50 && late <= 150);
}

/* --- TLS ------------------------------------------------------------------------------------ */

static void tls_with_our_ca(void **state)
{
	(void)state;
	struct fixture f;
	begin_tls(&f, true);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(f.reply.status, 200);
	/* One name, one connection; another name, another one, led to the same place. */
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	assert_int_equal(wire_connections(f.server), 1);
	assert_int_equal(send_to(&f, "tcb.tencentcloudapi.com", false, 5000), 0);
	assert_int_equal(wire_connections(f.server), 2);
	assert_int_equal(send_to(&f, "example.com", false, 5000), ERR_TEMP);
	end(&f);
}

static void tls_with_another_ca(void **state)
{
	(void)state;
	struct fixture f;
	begin_tls(&f, false);
	assert_int_equal(send_to(&f, HOST, true, 5000), ERR_TEMP);
	assert_int_equal(wire_requests(f.server), 0);
	end(&f);
}

struct sender { struct transport *t; int rc; };

static void *send_some(void *p)
{
	struct sender *s = p;
	struct fixture f = { .t = s->t, .arena = arena_new(1 << 20) };
	for (int i = 0; !s->rc && i < 20; i++)
		s->rc = send_to(&f, i % 2 ? HOST : "tcb.tencentcloudapi.com", i % 3 == 0, 5000);
	arena_free(f.arena);
	return NULL;
}

static void many_workers_share_one_store(void **state)
{
	(void)state;
	struct fixture f;
	begin_tls(&f, true);
	struct sender senders[6];
	pthread_t threads[6];
	for (size_t i = 0; i < 6; i++) {
		senders[i] = (struct sender){ 0 };
		assert_int_equal(http_transport(f.shared, &senders[i].t, &f.e), 0);
	}
	for (size_t i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, send_some, &senders[i]);
	for (size_t i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(senders[i].rc, 0);
		senders[i].t->close(senders[i].t);
	}
	end(&f);
}

/* --- surroundings ------------------------------------------------------------------------------ */

static void no_proxy_from_the_environment(void **state)
{
	(void)state;
	struct fixture f;
	char proxy[64];
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", closed_port());
	setenv("http_proxy", proxy, 1);
	setenv("https_proxy", proxy, 1);
	setenv("ALL_PROXY", proxy, 1);
	BEGIN(&f, WIRE_ANSWER);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	end(&f);
	unsetenv("http_proxy");
	unsetenv("https_proxy");
	unsetenv("ALL_PROXY");
}

/* Internet sockets: what a hook started from here could inherit. */
static void sockets_close_on_exec(void **state)
{
	(void)state;
	struct fixture f;
	BEGIN(&f, WIRE_ANSWER);
	assert_int_equal(send_to(&f, HOST, false, 5000), 0);
	int connected = 0;
	DIR *dir = opendir("/proc/self/fd");
	for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		struct sockaddr_in at;
		socklen_t n = sizeof(at);
		int fd = (int)strtol(d->d_name, NULL, 10);
		if (*d->d_name == '.' || getpeername(fd, (struct sockaddr *)&at, &n) || at.sin_family != AF_INET)
			continue;
		connected++;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	closedir(dir);
	assert_true(connected >= 1);
	end(&f);
}

static void settings_that_are_refused(void **state)
{
	(void)state;
	static const struct { const char *url, *connect, *ca; } bad[] = {
		{ "ftp://127.0.0.1", NULL, NULL },
		{ "127.0.0.1:8080", NULL, NULL },
		{ "http://cam.tencentcloudapi.com", NULL, NULL },
		{ "http://127.0.0.1:80", "10.0.0.1:80", NULL },
		{ "https://x/y", NULL, NULL },
		{ "https://user@x", NULL, NULL },
		{ "https://", NULL, "/nonexistent" },
		{ "https://", NULL, "/dev/null" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct http_settings s = { .url = bad[i].url, .connect = bad[i].connect, .ca_file = bad[i].ca };
		struct http_shared *shared = NULL;
		struct err e;
		if (http_start(&s, &shared, &e) != ERR_INPUT)
			fail_msg("%s", bad[i].url);
		assert_null(shared);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_exchange),
		cmocka_unit_test(answers_of_all_kinds),
		cmocka_unit_test(connections_are_kept),
		cmocka_unit_test(cut_after_the_request),
		cmocka_unit_test(what_once_prevents),
		cmocka_unit_test(time_out),
		cmocka_unit_test(surely_not_sent),
		cmocka_unit_test(handshake_that_hangs),
		cmocka_unit_test(a_running_call_is_broken_off),
		cmocka_unit_test(tls_with_our_ca),
		cmocka_unit_test(tls_with_another_ca),
		cmocka_unit_test(many_workers_share_one_store),
		cmocka_unit_test(no_proxy_from_the_environment),
		cmocka_unit_test(sockets_close_on_exec),
		cmocka_unit_test(settings_that_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
