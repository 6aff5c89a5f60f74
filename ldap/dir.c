/* Opening a connection: address, options, TLS, bind.
 *
 * ldaps:// is opened as a plain connection on which TLS starts at once: so there is one TLS path for ldaps
 * and StartTLS, and one place where its deadline is kept. */
#include "ldap/dir.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/str.h"
#include "ldap/handle.h"

#ifndef ROLLCALL_SYSTEM_CA
#define ROLLCALL_SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"
#endif

/* Before 2.6.9 (ITS#8047) libldap keeps a deadline in the TLS handshake only with CONNECT_ASYNC; from then
 * on only without it. */
#define TLS_TIMEOUT_SINCE 20609

struct target {
	enum dir_tls tls;
	bool local;            /* a socket file, or a loopback address */
	char *uri;             /* as libldap gets it */
};

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (!host || !*host || str_ieq(host, "localhost"))
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static int read_uri(const struct dir_settings *s, const char *uri, struct arena *a, struct target *out, struct err *e)
{
	LDAPURLDesc *url = NULL;
	struct target t = { 0 };

	if (ldap_url_parse(uri, &url) != LDAP_SUCCESS)
		return err_set(e, ERR_INPUT, "\"%s\" is not an LDAP URI", uri);
	if (str_ieq(url->lud_scheme, "ldapi")) {
		t.local = true;
		t.uri = arena_strdup(a, uri);
	} else if (str_ieq(url->lud_scheme, "ldap") || str_ieq(url->lud_scheme, "ldaps")) {
		const char *host = url->lud_host && *url->lud_host ? url->lud_host : "127.0.0.1";

		t.tls = str_ieq(url->lud_scheme, "ldaps") ? DIR_TLS_LDAPS : s->starttls ? DIR_TLS_START : DIR_TLS_NONE;
		t.local = is_loopback(host);
		t.uri = arena_printf(a, strchr(host, ':') ? "ldap://[%s]:%d" : "ldap://%s:%d", host, url->lud_port);
	}
	ldap_free_urldesc(url);
	if (!t.uri)
		return err_set(e, ERR_INPUT, "\"%s\": the scheme must be ldap, ldaps or ldapi", uri);
	*out = t;
	return 0;
}

/* --- options ------------------------------------------------------------- */

/* Everything that ldap.conf or the environment could have set, back to a known value. */
static int set_common(LDAP *ld, const struct dir_settings *s)
{
	static const int version = LDAP_VERSION3, never = LDAP_DEREF_NEVER, no_limit = LDAP_NO_LIMIT, zero = 0;
	struct timeval connect = handle_timeval(s->connect_ms), answer = handle_timeval(s->answer_ms);
	const struct { int option; const void *value; } options[] = {
		{ LDAP_OPT_PROTOCOL_VERSION, &version },
		{ LDAP_OPT_DEREF, &never },
		{ LDAP_OPT_REFERRALS, LDAP_OPT_OFF },
		{ LDAP_OPT_RESTART, LDAP_OPT_OFF },
		{ LDAP_OPT_CONNECT_ASYNC, LDAP_OPT_OFF },
		{ LDAP_OPT_SIZELIMIT, &no_limit },
		{ LDAP_OPT_TIMELIMIT, &no_limit },
		{ LDAP_OPT_NETWORK_TIMEOUT, &connect },
		{ LDAP_OPT_TIMEOUT, &answer },
		{ LDAP_OPT_X_KEEPALIVE_IDLE, &zero },
		{ LDAP_OPT_X_KEEPALIVE_PROBES, &zero },
		{ LDAP_OPT_X_KEEPALIVE_INTERVAL, &zero },
		{ LDAP_OPT_SERVER_CONTROLS, NULL },
		{ LDAP_OPT_CLIENT_CONTROLS, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (ldap_set_option(ld, options[i].option, options[i].value) != LDAP_OPT_SUCCESS)
			return options[i].option;
	if (s->max_message) {
		Sockbuf *sb = NULL;
		ber_len_t max = s->max_message;

		if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) != LDAP_OPT_SUCCESS ||
			ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &max) != 1)
			return LDAP_OPT_SOCKBUF;
	}
	return 0;
}

static int set_tls(LDAP *ld, const struct dir_settings *s, struct err *e)
{
	static const int demand = LDAP_OPT_X_TLS_DEMAND, try_names = LDAP_OPT_X_TLS_TRY,
			 min = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, any = 0, client = 0;
	const char *ca = s->ca_file ? s->ca_file : ROLLCALL_SYSTEM_CA;
	/* REQUIRE_SAN "try": of alternative names one must match; without any the CN must (RFC 6125). */
	const struct { int option; const void *value; } options[] = {
		{ LDAP_OPT_X_TLS_REQUIRE_CERT, &demand },
		{ LDAP_OPT_X_TLS_REQUIRE_SAN, &try_names },
		{ LDAP_OPT_X_TLS_PROTOCOL_MIN, &min },
		{ LDAP_OPT_X_TLS_PROTOCOL_MAX, &any },
		{ LDAP_OPT_X_TLS_CACERTDIR, NULL },
		{ LDAP_OPT_X_TLS_CACERTFILE, ca },
		{ LDAP_OPT_X_TLS_CERTFILE, s->cert_file },
		{ LDAP_OPT_X_TLS_KEYFILE, s->cert_file ? s->key_file : NULL },
		{ LDAP_OPT_X_TLS_CIPHER_SUITE, NULL },
		{ LDAP_OPT_X_TLS_CRLFILE, NULL },
	};

	/* A build of libldap that does not know an option needs no reset of it. */
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (ldap_set_option(ld, options[i].option, options[i].value) != LDAP_OPT_SUCCESS && options[i].value)
			return err_set(e, ERR_BUG, "libldap refused TLS option 0x%x", (unsigned)options[i].option);
	if (ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client) != LDAP_OPT_SUCCESS)
		return err_set(e, ERR_INPUT,
			"TLS could not be set up: CA file \"%s\"%s%s%s cannot be read or is no PEM", ca,
			s->cert_file ? ", or certificate \"" : "", s->cert_file ? s->cert_file : "",
			s->cert_file ? "\" or its key" : "");
	return 0;
}

/* The socket as soon as there is one: nothing blocks in it for ever, and no child inherits it. */
static int guard_socket(LDAP *ld, Sockbuf *sb, LDAPURLDesc *url, struct sockaddr *to, struct ldap_conncb *cb)
{
	const struct dir_settings *s = cb->lc_arg;
	struct timeval limit = handle_timeval(s->answer_ms > s->connect_ms ? s->answer_ms : s->connect_ms);
	ber_socket_t fd = -1;

	(void)ld;
	(void)url;
	(void)to;
	if (ber_sockbuf_ctrl(sb, LBER_SB_OPT_GET_FD, &fd) != 1)
		return 0;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return 0;
}

static void socket_gone(LDAP *ld, Sockbuf *sb, struct ldap_conncb *cb)
{
	(void)ld;
	(void)sb;
	(void)cb;
}

/* --- steps --------------------------------------------------------------- */

static int set_blocking(struct dir *d, bool blocking)
{
	Sockbuf *sb = NULL;

	if (ldap_get_option(d->ld, LDAP_OPT_SOCKBUF, &sb) != LDAP_OPT_SUCCESS)
		return -1;
	return ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_NONBLOCK, blocking ? NULL : sb) < 0 ? -1 : 0;
}

/* What cannot be named is nobody's peer: two such handles are not at the same server. */
static void note_peer(struct dir *d)
{
	union { struct sockaddr any; struct sockaddr_un local; struct sockaddr_storage room; } at = { 0 };
	socklen_t len = sizeof(at);
	char host[NI_MAXHOST], port[NI_MAXSERV];
	int fd = -1;

	d->peer[0] = '\0';
	if (ldap_get_option(d->ld, LDAP_OPT_DESC, &fd) != LDAP_OPT_SUCCESS || getpeername(fd, &at.any, &len))
		return;
	if (at.any.sa_family == AF_UNIX)
		snprintf(d->peer, sizeof(d->peer), "unix:%.*s", (int)sizeof(at.local.sun_path), at.local.sun_path);
	else if (!getnameinfo(&at.any, len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(d->peer, sizeof(d->peer), strchr(host, ':') ? "[%.100s]:%.10s" : "%.100s:%.10s", host, port);
}

static int connect_socket(struct dir *d, const struct dir_settings *s, struct err *e)
{
	struct ldap_conncb cb = { guard_socket, socket_gone, (void *)(uintptr_t)s };
	int rc = ldap_set_option(d->ld, LDAP_OPT_CONNECT_CB, &cb);

	if (rc == LDAP_OPT_SUCCESS)
		rc = ldap_connect(d->ld);
	/* Asking for the option takes it back: at close it would be called with a pointer to this stack. */
	ldap_get_option(d->ld, LDAP_OPT_CONNECT_CB, &cb);
	if (rc == LDAP_SUCCESS && set_blocking(d, false) == 0) {
		note_peer(d);
		return 0;
	}
	return handle_fail(d, rc == LDAP_SUCCESS ? LDAP_LOCAL_ERROR : rc, NULL, e, "connecting");
}

static int ask_starttls(struct dir *d, int64_t ms, struct err *e)
{
	int msgid, code, rc = ldap_start_tls(d->ld, NULL, NULL, &msgid);

	if (rc != LDAP_SUCCESS)
		return handle_fail(d, rc, NULL, e, "StartTLS");
	return handle_result(d, msgid, ms, &code, e, "StartTLS");
}

static bool tls_needs_async(void)
{
	LDAPAPIInfo info = { .ldapai_info_version = LDAP_API_INFO_VERSION };
	bool old = true;

	if (ldap_get_option(NULL, LDAP_OPT_API_INFO, &info) == LDAP_OPT_SUCCESS) {
		old = info.ldapai_vendor_version < TLS_TIMEOUT_SINCE;
		ldap_memvfree((void **)info.ldapai_extensions);
		ldap_memfree(info.ldapai_vendor_name);
	}
	return old;
}

/* With GnuTLS libldap has no words of its own for a refused certificate, with OpenSSL it has. */
static bool blames_certificate(const char *said)
{
	return said && (strcasestr(said, "unknown error") || strcasestr(said, "certificate"));
}

/* libldap tells little about a failed handshake, so the text names what the reader must compare. */
static int start_tls(struct dir *d, const struct dir_settings *s, int64_t started, struct err *e)
{
	char *said = NULL;
	int rc;

	if (tls_needs_async())
		ldap_set_option(d->ld, LDAP_OPT_CONNECT_ASYNC, LDAP_OPT_ON);
	rc = ldap_install_tls(d->ld);
	ldap_set_option(d->ld, LDAP_OPT_CONNECT_ASYNC, LDAP_OPT_OFF);
	if (rc == LDAP_SUCCESS)
		return set_blocking(d, false) == 0 ? 0 : err_set(e, ERR_TEMP, "TLS: the socket was lost");
	d->broken = true;
	/* The code does not tell (a refused certificate may be LDAP_TIMEOUT, too); poll() rounds down. */
	if (clock_mono(d->clock) - started >= s->connect_ms - s->connect_ms / 20)
		return err_set(e, ERR_TEMP, "TLS handshake: no answer within the time-out");
	ldap_get_option(d->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &said);
	rc = blames_certificate(said) ? ERR_INPUT : ERR_TEMP;
	err_set(e, (enum err_kind)rc, "TLS handshake failed (%s)%s%s%s", said ? said : "no reason given",
		rc == ERR_INPUT ? ": is the server's certificate valid, for this host name, and signed by a CA in \"" : "",
		rc == ERR_INPUT ? s->ca_file ? s->ca_file : ROLLCALL_SYSTEM_CA : "", rc == ERR_INPUT ? "\"?" : "");
	ldap_memfree(said);
	return rc;
}

static int bind_simple(struct dir *d, const struct dir_settings *s, struct err *e)
{
	AUTO_SECRET struct secret *secret = NULL;
	struct berval cred = { 0, NULL };
	int msgid, code, rc;

	if (!s->bind_dn || !*s->bind_dn || !s->secret_file)
		return err_set(e, ERR_INPUT, "simple bind needs a bind DN and a secret file");
	rc = secret_load(s->secret_file, &secret, e);
	if (rc)
		return rc;
	/* An empty password would be an unauthenticated bind, which servers answer with success (RFC 4513 5.1.2). */
	if (!secret_len(secret))
		return err_set(e, ERR_INPUT, "secret file \"%s\" is empty", s->secret_file);
	cred.bv_val = (char *)(uintptr_t)secret_reveal(secret, &cred.bv_len);
	rc = ldap_sasl_bind(d->ld, s->bind_dn, LDAP_SASL_SIMPLE, &cred, NULL, NULL, &msgid);
	if (rc != LDAP_SUCCESS)
		return handle_fail(d, rc, NULL, e, "bind");
	return handle_result(d, msgid, s->connect_ms, &code, e, "bind");
}

/* EXTERNAL: the server takes the identity from the Unix socket's peer or from the client certificate. */
static int bind_external(struct dir *d, const struct dir_settings *s, struct err *e)
{
	struct berval none = { 0, (char[]){ "" } };
	int msgid, code, rc = ldap_sasl_bind(d->ld, NULL, "EXTERNAL", &none, NULL, NULL, &msgid);

	if (rc != LDAP_SUCCESS)
		return handle_fail(d, rc, NULL, e, "bind EXTERNAL");
	return handle_result(d, msgid, s->connect_ms, &code, e, "bind EXTERNAL");
}

static int open_steps(struct dir *d, const struct dir_settings *s, const struct target *t, struct err *e)
{
	int option, rc;

	if (s->bind == DIR_BIND_SIMPLE && t->tls == DIR_TLS_NONE && !t->local && !s->allow_clear)
		return err_set(e, ERR_INPUT, "a password would go to another host in clear: use ldaps://, or StartTLS");
	rc = ldap_initialize(&d->ld, t->uri);
	if (rc != LDAP_SUCCESS)
		return err_set(e, ERR_INPUT, "libldap refused the URI: %s", ldap_err2string(rc));
	option = set_common(d->ld, s);
	if (option)
		return err_set(e, ERR_BUG, "libldap refused option 0x%x", (unsigned)option);
	if (t->tls != DIR_TLS_NONE) {
		rc = set_tls(d->ld, s, e);
		if (rc)
			return rc;
	}
	rc = connect_socket(d, s, e);
	if (!rc && t->tls == DIR_TLS_START)
		rc = ask_starttls(d, s->connect_ms, e);
	if (!rc && t->tls != DIR_TLS_NONE)
		rc = start_tls(d, s, clock_mono(d->clock), e);
	if (rc)
		return rc;
	return s->bind == DIR_BIND_EXTERNAL ? bind_external(d, s, e) : bind_simple(d, s, e);
}

/* A refused or misused bind is about our credentials whatever its code; a StartTLS or bind never answers ABSENT. */
static int kind_of_open(int rc, struct err *e)
{
	if (rc != ERR_ABSENT && rc != ERR_PERM)
		return rc;
	if (e)
		e->kind = ERR_AUTH;
	return ERR_AUTH;
}

int dir_open(const struct dir_settings *s, size_t at, const struct clock *clock, struct dir **out, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(1u << 16);
	struct target t = { 0 };
	struct dir *d;
	int rc;

	if (at >= s->uri_count)
		return err_set(e, ERR_INPUT, "there is no directory URI number %zu", at + 1);
	rc = read_uri(s, s->uris[at], a, &t, e);
	if (rc)
		return rc;
	d = mem_alloc(sizeof(*d));
	d->uri = mem_strdup(s->uris[at]);
	d->answer_ms = s->answer_ms;
	d->clock = clock;
	rc = open_steps(d, s, &t, e);
	if (rc) {
		rc = kind_of_open(rc, e);
		err_wrap(e, "%s", s->uris[at]);
		dir_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void dir_close(struct dir *d)
{
	if (!d)
		return;
	if (d->ld)
		ldap_unbind_ext(d->ld, NULL, NULL);
	mem_cleanup_free(&d->uri);
	mem_cleanup_free(&d);
}

const char *dir_uri(const struct dir *d)
{
	return d->uri;
}

const char *dir_peer(const struct dir *d)
{
	return d->peer;
}

bool dir_usable(const struct dir *d)
{
	return !d->broken;
}
