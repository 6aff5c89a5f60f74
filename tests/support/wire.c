#include "tests/support/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 64
#define REQUEST 65536

struct client { int fd; SSL *ssl; char *in; size_t len; bool mute; };

struct wire_server {
	pthread_t thread;
	pthread_mutex_t lock;
	enum wire_act acts[32];
	size_t act_count;
	int listener, stop[2];
	unsigned port;
	SSL_CTX *tls;
	char ca_file[64];
	struct client clients[CLIENTS];
	int connections, requests;
	char last[REQUEST];
};

/* --- a CA and a certificate -------------------------------------------------------- */

static X509 *certificate(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key, const char *alternative)
{
	X509 *c = X509_new();
	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), issuer ? 2 : 1);
	X509_gmtime_adj(X509_getm_notBefore(c), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c), 86400);
	X509_set_pubkey(c, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(c, X509_get_subject_name(issuer ? issuer : c));
	X509V3_CTX x;
	X509V3_set_ctx(&x, issuer ? issuer : c, c, NULL, NULL, 0);
	X509_EXTENSION *e = alternative ? X509V3_EXT_conf_nid(NULL, &x, NID_subject_alt_name, alternative)
					: X509V3_EXT_conf_nid(NULL, &x, NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(c, e, -1);
	X509_EXTENSION_free(e);
	X509_sign(c, issuer_key, EVP_sha256());
	return c;
}

static void make_tls(struct wire_server *w)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca = certificate(ca_key, "test CA", NULL, ca_key, NULL);
	X509 *cert = certificate(key, "test server", ca, ca_key, "DNS:*.tencentcloudapi.com");
	w->tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(w->tls, cert);
	SSL_CTX_use_PrivateKey(w->tls, key);
	snprintf(w->ca_file, sizeof(w->ca_file), "/tmp/wire-ca-XXXXXX");
	int fd = mkstemp(w->ca_file);
	FILE *f = fdopen(fd, "w");
	PEM_write_X509(f, ca);
	fclose(f);
	X509_free(ca);
	X509_free(cert);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}

/* --- one connection ------------------------------------------------------------------ */

static void drop(struct client *c)
{
	if (c->ssl)
		SSL_free(c->ssl);
	if (c->fd >= 0)
		close(c->fd);
	free(c->in);
	*c = (struct client){ .fd = -1 };
}

static long get(struct client *c, char *to, size_t n)
{
	return c->ssl ? SSL_read(c->ssl, to, (int)n) : recv(c->fd, to, n, 0);
}

static bool put(struct client *c, const char *text, size_t n)
{
	while (n) {
		long k = c->ssl ? SSL_write(c->ssl, text, (int)n) : send(c->fd, text, n, MSG_NOSIGNAL);
		if (k <= 0)
			return false;
		text += k;
		n -= (size_t)k;
	}
	return true;
}

static void answer(struct client *c, const char *status, const char *more, const char *body)
{
	char head[512];
	int n = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
		more, strlen(body), body);
	put(c, head, (size_t)n);
}

static void huge(struct client *c)
{
	static char block[65536];
	memset(block, 'x', sizeof(block));
	const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
	if (!put(c, head, sizeof(head) - 1))
		return;
	for (int i = 0; i < 1000 && put(c, block, sizeof(block)); i++)
		;
}

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define BODY "{\"Response\":{\"RequestId\":\"r\"}}"

/* false: the connection is over. */
static bool act(struct client *c, enum wire_act a)
{
	static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Resp";
	static const struct linger reset = { 1, 0 };
	switch (a) {
	case WIRE_SLOW:
		poll(NULL, 0, 300);
		/* fall through */
	case WIRE_ANSWER:
		answer(c, "200 OK", DATE, BODY);
		return true;
	case WIRE_ANSWER_CLOSE:
		answer(c, "200 OK", DATE "Connection: close\r\n", BODY);
		return false;
	case WIRE_NO_DATE:
		answer(c, "200 OK", "Date: yesterday\r\n", BODY);
		return true;
	case WIRE_ERROR:
		answer(c, "503 Busy", DATE, "<html>");
		return true;
	case WIRE_REDIRECT:
		answer(c, "302 Found", "Location: /elsewhere\r\n", "");
		return true;
	case WIRE_CUT_HALF:
		put(c, half, sizeof(half) - 1);
		return false;
	case WIRE_RESET:
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		return false;
	case WIRE_GARBAGE:
		put(c, "SSH-2.0-x\r\n", 11);
		return false;
	case WIRE_HUGE:
		huge(c);
		return false;
	case WIRE_HANG:
		c->mute = true;
		return true;
	case WIRE_CUT:
		break;
	}
	return false;
}

/* Whole requests only: head, and as much body as it announces. */
static size_t complete(const struct client *c)
{
	const char *end = memmem(c->in, c->len, "\r\n\r\n", 4);
	if (!end)
		return 0;
	size_t head = (size_t)(end - c->in) + 4, body = 0;
	for (const char *p = c->in; p < end; p++) {
		if (!strncasecmp(p, "\r\nContent-Length:", 17))
			body = strtoul(p + 17, NULL, 10);
	}
	return c->len >= head + body ? head + body : 0;
}

static void serve(struct wire_server *w, struct client *c)
{
	if (!c->in)
		c->in = calloc(1, REQUEST);
	long n = get(c, c->in + c->len, REQUEST - 1 - c->len);
	if (n <= 0) {
		drop(c);
		return;
	}
	c->len += (size_t)n;
	size_t whole = complete(c);
	if (!whole || c->mute)
		return;
	pthread_mutex_lock(&w->lock);
	size_t i = (size_t)w->requests++;
	enum wire_act a = w->acts[i < w->act_count ? i : w->act_count - 1];
	memset(w->last, 0, sizeof(w->last));
	memcpy(w->last, c->in, whole);
	pthread_mutex_unlock(&w->lock);
	memmove(c->in, c->in + whole, c->len - whole);
	c->len -= whole;
	if (!act(c, a))
		drop(c);
}

static void welcome(struct wire_server *w)
{
	int fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	const struct timeval patience = { 5, 0 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	struct client c = { .fd = fd };
	if (w->tls) {
		c.ssl = SSL_new(w->tls);
		SSL_set_fd(c.ssl, fd);
		if (SSL_accept(c.ssl) != 1) {
			drop(&c);
			return;
		}
	}
	pthread_mutex_lock(&w->lock);
	w->connections++;
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < CLIENTS; i++) {
		if (w->clients[i].fd < 0) {
			w->clients[i] = c;
			return;
		}
	}
	drop(&c);
}

static void *run(void *p)
{
	struct wire_server *w = p;
	for (;;) {
		struct pollfd fds[CLIENTS + 2] = { { w->stop[0], POLLIN, 0 }, { w->listener, POLLIN, 0 } };
		for (size_t i = 0; i < CLIENTS; i++)
			fds[i + 2] = (struct pollfd){ w->clients[i].fd, POLLIN, 0 };
		if (poll(fds, CLIENTS + 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents)
			return NULL;
		for (size_t i = 0; i < CLIENTS; i++) {
			if (w->clients[i].fd >= 0 && fds[i + 2].revents)
				serve(w, &w->clients[i]);
		}
		if (fds[1].revents)
			welcome(w);
	}
}

/* --- the server ------------------------------------------------------------------------ */

struct wire_server *wire_start(const enum wire_act *acts, size_t count, bool tls)
{
	struct wire_server *w = calloc(1, sizeof(*w));
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	signal(SIGPIPE, SIG_IGN);
	memcpy(w->acts, acts, count * sizeof(*acts));
	w->act_count = count;
	for (size_t i = 0; i < CLIENTS; i++)
		w->clients[i].fd = -1;
	if (tls)
		make_tls(w);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->listener < 0 || bind(w->listener, (struct sockaddr *)&at, n) || listen(w->listener, 64) ||
		getsockname(w->listener, (struct sockaddr *)&at, &n) || pipe2(w->stop, O_CLOEXEC)) {
		perror("wire_start");
		abort();
	}
	w->port = ntohs(at.sin_port);
	pthread_mutex_init(&w->lock, NULL);
	pthread_create(&w->thread, NULL, run, w);
	return w;
}

void wire_stop(struct wire_server *w)
{
	if (write(w->stop[1], "x", 1) != 1)
		abort();
	pthread_join(w->thread, NULL);
	for (size_t i = 0; i < CLIENTS; i++)
		drop(&w->clients[i]);
	close(w->listener);
	close(w->stop[0]);
	close(w->stop[1]);
	SSL_CTX_free(w->tls);
	if (*w->ca_file)
		unlink(w->ca_file);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

unsigned wire_port(const struct wire_server *w)
{
	return w->port;
}

const char *wire_ca_file(const struct wire_server *w)
{
	return w->ca_file;
}

int wire_connections(struct wire_server *w)
{
	pthread_mutex_lock(&w->lock);
	int n = w->connections;
	pthread_mutex_unlock(&w->lock);
	return n;
}

int wire_requests(struct wire_server *w)
{
	pthread_mutex_lock(&w->lock);
	int n = w->requests;
	pthread_mutex_unlock(&w->lock);
	return n;
}

void wire_last(struct wire_server *w, char *out, size_t n)
{
	pthread_mutex_lock(&w->lock);
	snprintf(out, n, "%s", w->last);
	pthread_mutex_unlock(&w->lock);
}
