/* Opening connections: TLS in all forms, binds, refusals, and peers that say nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/support/directory.h"

static int listen_somewhere(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static int open_one(const struct dir_settings *base, char *uri, struct err *e)
{
	char *uris[] = { uri };
	struct dir_settings s = *base;
	struct dir *d = NULL;
	int rc;

	s.uris = uris;
	s.uri_count = 1;
	*e = (struct err){ 0 };
	rc = dir_open(&s, 0, machine(), &d, e);
	if (!rc) {
		assert_string_equal(dir_uri(d), uri);
		assert_true(dir_usable(d));
	}
	dir_close(d);
	return rc;
}

static void expect_open(const struct dir_settings *s, char *uri, int kind, const char *text)
{
	struct err e;
	int rc = open_one(s, uri, &e);

	if (rc != kind || !strstr(e.text, text))
		fail_msg("%s: %s: %s", uri, err_kind_name(rc), e.text);
}

static void tls_and_binds(void **state)
{
	struct slapd s;
	struct dir_settings d, other;
	char uri[64], path[128];

	(void)state;
	slapd_new(&s, &(struct slapd_options){ .people = 2, .tls = true });
	slapd_start(&s);
	d = settings_of(&s, NULL, 0);
	expect_open(&d, s.ldap, 0, "");
	expect_open(&d, s.ldaps, 0, "");
	expect_open(&d, s.ldapi, 0, "");
	d.starttls = true;
	expect_open(&d, s.ldap, 0, "");
	expect_open(&d, s.ldaps, 0, "");
	expect_open(&d, s.ldapi, 0, "");

	/* Whoever signed with another key is not our server. */
	other = d;
	other.ca_file = s.other_ca;
	expect_open(&other, s.ldaps, ERR_INPUT, s.other_ca);
	expect_open(&other, s.ldap, ERR_INPUT, "TLS handshake failed");
	other.ca_file = NULL;
	expect_open(&other, s.ldaps, ERR_INPUT, "TLS");
	other.ca_file = "/nonexistent/ca.pem";
	expect_open(&other, s.ldaps, ERR_INPUT, "/nonexistent/ca.pem");
	/* The right CA, but a name that is not in the certificate (libldap puts the machine's name for it). */
	snprintf(uri, sizeof(uri), "ldaps://localhost:%d", s.tls_port);
	expect_open(&d, uri, ERR_INPUT, "for this host name");
	snprintf(uri, sizeof(uri), "ldaps://127.0.0.2:%d", s.tls_port);
	expect_open(&d, uri, ERR_TEMP, "connecting");
	snprintf(uri, sizeof(uri), "ldaps://127.0.0.1:%d", s.port);
	expect_open(&d, uri, ERR_TEMP, "TLS handshake failed");

	d.starttls = false;
	other = d;
	other.bind = DIR_BIND_EXTERNAL;
	expect_open(&other, s.ldapi, 0, "");
	expect_open(&other, s.ldap, ERR_AUTH, "EXTERNAL");
	other = d;
	other.bind_dn = SLAPD_ADMIN ",dc=more";
	expect_open(&other, s.ldap, ERR_AUTH, "bind");
	other.bind_dn = NULL;
	expect_open(&other, s.ldap, ERR_INPUT, "bind DN");
	other = d;
	slapd_file(&s, "odd", "wrong\n", path, sizeof(path));
	other.secret_file = path;
	expect_open(&other, s.ldap, ERR_AUTH, "Invalid credentials");
	slapd_file(&s, "odd", slapd_password(), path, sizeof(path));
	expect_open(&other, s.ldap, 0, "");
	assert_int_equal(chmod(path, 0640), 0);
	expect_open(&other, s.ldap, ERR_INPUT, path);
	assert_int_equal(chmod(path, 0600), 0);
	slapd_file(&s, "odd", "", path, sizeof(path));
	expect_open(&other, s.ldap, ERR_INPUT, path);
	slapd_free(&s);
}

static void addresses(void **state)
{
	static char *const uris[] = { "http://127.0.0.1", "127.0.0.1", "ldap//127.0.0.1", "" };
	struct dir_settings d = { .bind = DIR_BIND_SIMPLE, .bind_dn = "cn=x", .secret_file = "/nonexistent", .connect_ms = 300,
		.answer_ms = 300 };
	struct dir *out = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(uris); i++)
		expect_open(&d, uris[i], ERR_INPUT, "");
	/* A password in clear leaves this machine only when that was asked for. */
	expect_open(&d, "ldap://192.0.2.1", ERR_INPUT, "in clear");
	expect_open(&d, "ldap://[2001:db8::1]", ERR_INPUT, "in clear");
	expect_open(&d, "ldap://128.0.0.1", ERR_INPUT, "in clear");
	expect_open(&d, "ldap://127.9.9.9:1", ERR_TEMP, "connecting");
	expect_open(&d, "ldap://[::1]:1", ERR_TEMP, "connecting");
	expect_open(&d, "ldap://localhost:1", ERR_TEMP, "connecting");
	d.starttls = true;
	expect_open(&d, "ldap://192.0.2.1", ERR_TEMP, "connecting");
	d.starttls = false;
	d.allow_clear = true;
	expect_open(&d, "ldap://192.0.2.1", ERR_TEMP, "connecting");
	assert_int_equal(dir_open(&d, 3, machine(), &out, &e), ERR_INPUT);
}

/* --- peers that say nothing ------------------------------------------------------ */

#define SLOW_MACHINE_MS 4000     /* these tests look for what hangs, not for what is slow */

static int64_t cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* Not before its time, and not for ever; in its sleep it needs next to nothing. */
static void expect_timeout(const struct dir_settings *d, char *uri, const char *text)
{
	int64_t begin = clock_mono(machine()), cpu = cpu_ms();

	expect_open(d, uri, ERR_TEMP, text);
	assert_in_range(clock_mono(machine()) - begin, d->connect_ms - 50, d->connect_ms + SLOW_MACHINE_MS);
	assert_in_range(cpu_ms() - cpu, 0, d->connect_ms * 3 / 4);
}

/* Says yes to StartTLS, and then nothing. */
static void *yes_then_mute(void *arg)
{
	static const unsigned char yes[] = { 0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00 };
	int fd = accept(*(int *)arg, NULL, NULL);
	char bytes[512];

	if (fd >= 0 && read(fd, bytes, sizeof(bytes)) > 0 && write(fd, yes, sizeof(yes)) > 0)
		while (read(fd, bytes, sizeof(bytes)) > 0)
			;
	close(fd);
	return NULL;
}

static void mute_peers(void **state)
{
	struct dir_settings d = { .bind = DIR_BIND_EXTERNAL, .connect_ms = 700, .answer_ms = 700 };
	char uri[64];
	pthread_t thread;
	int port, fd = listen_somewhere(&port);

	(void)state;
	snprintf(uri, sizeof(uri), "ldaps://127.0.0.1:%d", port);
	expect_timeout(&d, uri, "TLS handshake: no answer");
	snprintf(uri, sizeof(uri), "ldap://127.0.0.1:%d", port);
	expect_timeout(&d, uri, "bind EXTERNAL: no answer");
	d.starttls = true;
	expect_timeout(&d, uri, "StartTLS: no answer");
	close(fd);
	fd = listen_somewhere(&port);
	snprintf(uri, sizeof(uri), "ldap://127.0.0.1:%d", port);
	assert_int_equal(pthread_create(&thread, NULL, yes_then_mute, &fd), 0);
	expect_timeout(&d, uri, "TLS handshake: no answer");
	pthread_join(thread, NULL);
	close(fd);
}

/* Closing TLS on a mute ldaps peer must not hang either, and next() keeps its time-out while a connection is sought. */
static void next_keeps_its_timeout(void **state)
{
	char uri[64];
	struct reader r = { .uris = { uri } };
	int port, fd = listen_somewhere(&port), calls = 0;
	int64_t begin = clock_mono(machine());

	(void)state;
	snprintf(uri, sizeof(uri), "ldaps://127.0.0.1:%d", port);
	r.settings = (struct dir_settings){ .uri_count = 1, .uris = r.uris, .bind = DIR_BIND_EXTERNAL, .connect_ms = 1000,
		.answer_ms = 500, .base = "", .refresh_ms = 1000, .heartbeat_ms = 1000 };
	reader_attach(&r);
	do {
		r.source->next(r.source, 100, r.arena, &r.event);
		calls++;
	} while (r.event.kind == SOURCE_IDLE && clock_mono(machine()) - begin < 20000);
	assert_int_equal(r.event.kind, SOURCE_LOST);
	assert_in_range(clock_mono(machine()) - begin, 900, 1000 + SLOW_MACHINE_MS);
	/* One that waits for the connection comes back once. */
	assert_true(calls >= 4);
	/* Closing in the middle of the next attempt waits for its end only. */
	while (r.event.err.due_ms > clock_now(machine()))
		r.source->next(r.source, 50, r.arena, &r.event);
	r.source->next(r.source, 50, r.arena, &r.event);
	begin = clock_mono(machine());
	reader_close(&r);
	assert_in_range(clock_mono(machine()) - begin, 0, 1000 + SLOW_MACHINE_MS);
	close(fd);
}

/* --- subscriptions through TLS ------------------------------------------------------ */

static void subscribe(struct slapd *s, char *uri, bool starttls, size_t people)
{
	struct reader r = { .uris = { uri } };

	r.settings = settings_of(s, r.uris, 1);
	r.settings.starttls = starttls;
	reader_attach(&r);
	reader_refresh(&r);
	assert_int_equal(r.seen, people);
	assert_int_equal(reader_different(&r), people);
	reader_close(&r);
}

/* A TLS front that packs whatever slapd has sent into full records, as balancers do: many messages are then
 * decrypted at once, and the descriptor says nothing of those that still wait above it. */
struct front { int listener, port, server_port; char cert[96], key[96]; };

static void copy_through(SSL *ssl, int client, int server)
{
	static char bytes[64 << 10];
	struct pollfd fds[2] = { { .fd = client, .events = POLLIN }, { .fd = server, .events = POLLIN } };

	for (;;) {
		if (poll(fds, 2, SSL_pending(ssl) ? 0 : -1) < 0)
			return;
		if (fds[0].revents || SSL_pending(ssl)) {
			int n = SSL_read(ssl, bytes, sizeof(bytes));

			if (n <= 0 || write(server, bytes, (size_t)n) != n)
				return;
		}
		if (fds[1].revents) {
			ssize_t n;

			clock_wait(machine(), 5);
			n = read(server, bytes, sizeof(bytes));
			if (n <= 0 || SSL_write(ssl, bytes, (int)n) != n)
				return;
		}
	}
}

static void *front_serve(void *arg)
{
	struct front *f = arg;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)f->server_port) };
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int client = accept(f->listener, NULL, NULL), server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = NULL;

	if (ctx && SSL_CTX_use_certificate_file(ctx, f->cert, SSL_FILETYPE_PEM) == 1 &&
		SSL_CTX_use_PrivateKey_file(ctx, f->key, SSL_FILETYPE_PEM) == 1 &&
		connect(server, (struct sockaddr *)&a, sizeof(a)) == 0)
		ssl = SSL_new(ctx);
	if (ssl && SSL_set_fd(ssl, client) == 1 && SSL_accept(ssl) == 1)
		copy_through(ssl, client, server);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(client);
	close(server);
	return NULL;
}

static void everybody_through_tls(void **state)
{
	enum { PEOPLE = 1500 };
	struct slapd s;
	struct front f;
	pthread_t thread;
	char uri[64];

	(void)state;
	slapd_new(&s, &(struct slapd_options){ .people = PEOPLE, .tls = true });
	slapd_start(&s);
	subscribe(&s, s.ldaps, false, PEOPLE);
	subscribe(&s, s.ldap, true, PEOPLE);
	f.listener = listen_somewhere(&f.port);
	f.server_port = s.port;
	snprintf(f.cert, sizeof(f.cert), "%s/server.pem", s.folder);
	snprintf(f.key, sizeof(f.key), "%s/server.key", s.folder);
	snprintf(uri, sizeof(uri), "ldaps://127.0.0.1:%d", f.port);
	assert_int_equal(pthread_create(&thread, NULL, front_serve, &f), 0);
	subscribe(&s, uri, false, PEOPLE);
	pthread_join(thread, NULL);
	close(f.listener);
	slapd_free(&s);
}

/* No child gets the directory's socket. */
static void sockets_close_on_exec(void **state)
{
	struct bench b;
	int found = 0;

	(void)state;
	bench_open(&b, &(struct slapd_options){ .people = 1 });
	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_in a = { 0 };
		socklen_t len = sizeof(a);

		if (getpeername(fd, (struct sockaddr *)&a, &len) || a.sin_family != AF_INET || ntohs(a.sin_port) != b.server.port)
			continue;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		found++;
	}
	assert_int_equal(found, 1);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_and_binds),
		cmocka_unit_test(addresses),
		cmocka_unit_test(mute_peers),
		cmocka_unit_test(next_keeps_its_timeout),
		cmocka_unit_test(everybody_through_tls),
		cmocka_unit_test(sockets_close_on_exec),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("ldap/connect", tests, NULL, NULL);
}
