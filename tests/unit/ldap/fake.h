/* A scripted directory server on one connection: what slapd does not send by itself, and what no server should.
 * Its users include cmocka.h themselves, too. */
#ifndef ROLLCALL_TESTS_UNIT_LDAP_FAKE_H
#define ROLLCALL_TESTS_UNIT_LDAP_FAKE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <lber.h>
#include <ldap.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/support/directory.h"

#define ID_A "\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11"
#define ID_B "\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22\x22"
#define ID_NUL "\x33\x00\x33\x00\x33\x00\x33\x00\x33\x00\x33\x00\x33\x00\x33\x00"
#define TEXT_A "11111111-1111-1111-1111-111111111111"
#define TEXT_B "22222222-2222-2222-2222-222222222222"
#define TEXT_NUL "33003300-3300-3300-3300-330033003300"

/* One connection; answers binds and (unless `deaf`) heartbeats, and plays `script` when the search has come.  Other
 * searches find nothing, or with `full` an entry; `plain`: never heard of the control of RFC 6171.  A change is answered
 * with the code `change`. */
struct fake {
	int listener, port, fd, search, change;
	bool deaf, full, plain;
	void (*script)(struct fake *);
	unsigned char request[4096];
	size_t request_len;
	pthread_t thread;
};

/* --- what it says ------------------------------------------------------------ */

static inline void send_ber(struct fake *f, BerElement *ber)
{
	struct berval bv;

	if (ber_flatten2(ber, &bv, 0) == 0 && write(f->fd, bv.bv_val, bv.bv_len) < 0)
		f->deaf = true;
	ber_free(ber, 1);
}

static inline void say_result(struct fake *f, int id, unsigned tag, int code, const char *text)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);

	ber_printf(ber, "{it{ess}}", id, tag, code, "", text);
	send_ber(f, ber);
}

static inline void say_info(struct fake *f, const char *oid, const void *bytes, size_t n)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);

	ber_printf(ber, "{it{tsto}}", f->search, LDAP_RES_INTERMEDIATE, LDAP_TAG_IM_RES_OID, oid, LDAP_TAG_IM_RES_VALUE, bytes,
		(ber_len_t)n);
	send_ber(f, ber);
}

#define INFO(f, bytes) say_info(f, LDAP_SYNC_INFO, bytes, sizeof(bytes) - 1)
#define DONE "\xa1\x00"        /* refreshDelete, refreshDone TRUE by default */

static inline void say_entry(struct fake *f, const char *dn, int state, const char *uuid, size_t uuid_len)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER), *control = ber_alloc_t(LBER_USE_DER);
	struct berval value;

	ber_printf(control, "{eo}", state, uuid, (ber_len_t)uuid_len);
	ber_flatten2(control, &value, 0);
	if (state < 0)
		ber_printf(ber, "{it{s{{s[s]}}}}", f->search, LDAP_RES_SEARCH_ENTRY, dn, "uid", "x");
	else
		ber_printf(ber, "{it{s{{s[s]}}}t{{sO}}}", f->search, LDAP_RES_SEARCH_ENTRY, dn, "uid", "x", LDAP_TAG_CONTROLS,
			LDAP_CONTROL_SYNC_STATE, &value);
	send_ber(f, ber);
	ber_free(control, 1);
}

static inline void say_reference(struct fake *f, int id, const char *url)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);

	ber_printf(ber, "{it{s}}", id, LDAP_RES_SEARCH_REFERENCE, url);
	send_ber(f, ber);
}

static inline void say_plain_entry(struct fake *f, int id)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);

	ber_printf(ber, "{it{s{{s[s]}}}}", id, LDAP_RES_SEARCH_ENTRY, "dc=x", "attributeTypes", "( 0.9.2342.19200300.100.1.1 NAME 'uid' )");
	send_ber(f, ber);
}

/* --- what it hears ------------------------------------------------------------ */

static inline bool read_all(int fd, unsigned char *to, size_t n)
{
	while (n) {
		ssize_t got = read(fd, to, n);

		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
	}
	return true;
}

/* One LDAPMessage; returns its length, 0 at the end. */
static inline size_t read_message(int fd, unsigned char *to, size_t room)
{
	size_t len, extra;

	if (!read_all(fd, to, 2))
		return 0;
	extra = to[1] & 0x80 ? to[1] & 0x7f : 0;
	if (!read_all(fd, to + 2, extra))
		return 0;
	len = extra ? 0 : to[1];
	for (size_t i = 0; i < extra; i++)
		len = len << 8 | to[2 + i];
	if (len + 2 + extra > room || !read_all(fd, to + 2 + extra, len))
		return 0;
	return len + 2 + extra;
}

static inline void answer(struct fake *f, const unsigned char *message, size_t n)
{
	struct berval bv = { n, (char *)(uintptr_t)message };
	BerElement *ber = ber_init(&bv);
	ber_int_t id = 0;
	ber_len_t len;
	ber_tag_t tag;
	bool subscription = memmem(message, n, LDAP_CONTROL_SYNC, strlen(LDAP_CONTROL_SYNC)) != NULL;

	ber_scanf(ber, "{i", &id);
	tag = ber_peek_tag(ber, &len);
	ber_free(ber, 1);
	if (tag == LDAP_REQ_BIND) {
		say_result(f, id, LDAP_RES_BIND, 0, "");
	} else if (tag == LDAP_REQ_MODIFY) {
		say_result(f, id, LDAP_RES_MODIFY, f->change, "");
	} else if (f->plain && memmem(message, n, "\x04\x0c" LDAP_CONTROL_DONTUSECOPY "\x01\x01\xff", 17)) {
		say_result(f, id, LDAP_RES_SEARCH_RESULT, LDAP_UNAVAILABLE_CRITICAL_EXTENSION, "");
	} else if (tag == LDAP_REQ_SEARCH && subscription) {
		memcpy(f->request, message, n);
		f->request_len = n;
		f->search = id;
		f->script(f);
	} else if (tag == LDAP_REQ_SEARCH && !f->deaf) {
		/* A base scope (enumerated 0) behind the base: not the look for referral objects. */
		if (f->full && memmem(message, n, "\x0a\x01\x00\x0a\x01", 5))
			say_plain_entry(f, id);
		say_result(f, id, LDAP_RES_SEARCH_RESULT, 0, "");
	}
}

static inline void *serve(void *arg)
{
	struct fake *f = arg;
	unsigned char message[4096];
	size_t n;

	f->fd = accept(f->listener, NULL, NULL);
	while (f->fd >= 0 && (n = read_message(f->fd, message, sizeof(message))) > 0)
		answer(f, message, n);
	if (f->fd >= 0)
		close(f->fd);
	return NULL;
}

static inline void fake_start(struct fake *f, void (*script)(struct fake *))
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	*f = (struct fake){ .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .fd = -1, .script = script };
	assert_int_equal(bind(f->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(f->listener, 1), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&a, &len), 0);
	f->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

/* A reader of the fake, bound without a password (EXTERNAL asks for none). */
static inline void play(struct reader *r, struct fake *f, void (*script)(struct fake *), char uri[64])
{
	fake_start(f, script);
	snprintf(uri, 64, "ldap://127.0.0.1:%d", f->port);
	*r = (struct reader){ .uris = { uri } };
	r->settings = (struct dir_settings){ .uri_count = 1, .uris = r->uris, .bind = DIR_BIND_EXTERNAL, .connect_ms = 2000,
		.answer_ms = 500, .base = "dc=x", .refresh_ms = 3600000, .heartbeat_ms = 300, .max_message = 1 << 20 };
	reader_attach(r);
	reader_expect(r, SOURCE_STARTED);
}

static inline void stop(struct reader *r, struct fake *f)
{
	reader_close(r);
	close(f->listener);
	pthread_join(f->thread, NULL);
}

#endif
