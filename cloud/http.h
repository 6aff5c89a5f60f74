/* One blocking HTTPS request with keep-alive, and the seam that tests put their own wire into.
 * http.c is the only door to libcurl. */
#ifndef ROLLCALL_CLOUD_HTTP_H
#define ROLLCALL_CLOUD_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"

struct http_request {
	const char *host;                    /* "cam.tencentcloudapi.com": URL host, Host header and TLS name */
	size_t header_count;
	const char *const *headers;          /* "Name: value" */
	const void *body;
	size_t body_len;
	int64_t timeout_ms;
	bool once;                           /* must never reach the server twice: goes out on a connection of its own, since
	                                        on a kept one libcurl repeats by itself what got no answer */
};
struct http_reply {
	int status;
	const char *body;                    /* in the arena of the call, wiped with it, NUL behind */
	size_t body_len;
	int64_t date_ms;                     /* Date header; 0 when there was none */
};

struct transport {
	void *ctx;
	/* Fails: TEMP when surely nothing was sent; UNKNOWN when the request may have been carried out (time-out,
	 * cut connection); STALE when woken. */
	MUST_USE int (*exchange)(struct transport *, const struct http_request *, struct arena *, struct http_reply *,
		struct err *e);
	void (*wake)(struct transport *);    /* from any thread: abort the running exchange */
	void (*rearm)(struct transport *);   /* forget a wake that came while nothing ran */
	void (*close)(struct transport *);
};

struct http_settings {
	const char *url;           /* scheme and, for an emulator, "http://127.0.0.1:PORT": used instead of the product's host */
	const char *connect;       /* "127.0.0.1:PORT": every host is reached there, names and certificates stay; NULL */
	const char *ca_file;       /* NULL: the system's bundle */
	int64_t connect_ms;
};
struct http_shared;            /* what all workers share: the parsed CA store */

/* Once, before threads.  Ignores SIGPIPE from then on.  Fails: INPUT. */
MUST_USE int http_start(const struct http_settings *, struct http_shared **out, struct err *e);
void http_stop(struct http_shared *);
/* One per worker.  Sockets to the cloud are close-on-exec; the pair by which libcurl wakes itself is not, so whoever
 * starts programs closes everything above 2 in them. */
MUST_USE int http_transport(struct http_shared *, struct transport **out, struct err *e);

#define HTTP_MAX_BODY (8u << 20)

#endif
