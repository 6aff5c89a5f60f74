/* A small HTTP server in a thread that does what a script says: for what a client must bear.  127.0.0.1, a free port. */
#ifndef ROLLCALL_TESTS_SUPPORT_WIRE_H
#define ROLLCALL_TESTS_SUPPORT_WIRE_H

#include <stdbool.h>
#include <stddef.h>

enum wire_act {
	WIRE_ANSWER,          /* 200 with a Date, and the connection is kept */
	WIRE_ANSWER_CLOSE,
	WIRE_NO_DATE,
	WIRE_CUT,             /* take the request, close without an answer */
	WIRE_CUT_HALF,        /* the same in the middle of the body */
	WIRE_RESET,           /* the same with a reset */
	WIRE_HANG,            /* take the request, say nothing */
	WIRE_HUGE,            /* more than any client should take */
	WIRE_GARBAGE,         /* not HTTP */
	WIRE_REDIRECT,
	WIRE_ERROR,           /* 503 */
	WIRE_SLOW,            /* answer after 300 ms */
};

struct wire_server;
/* acts[i] is done with the i-th request, whatever its connection; the last one goes on for ever.
 * tls: with a certificate for "*.tencentcloudapi.com" by a CA of its own. */
struct wire_server *wire_start(const enum wire_act *acts, size_t count, bool tls);
void wire_stop(struct wire_server *);
unsigned wire_port(const struct wire_server *);
const char *wire_ca_file(const struct wire_server *);     /* PEM, removed by wire_stop */
int wire_connections(struct wire_server *);
int wire_requests(struct wire_server *);
/* The last request as it came, head and body. */
void wire_last(struct wire_server *, char *out, size_t n);

#endif
