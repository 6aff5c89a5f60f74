/* The emulator's core on a loopback port, HTTP or HTTPS: one thread per connection, one lock around the core. */
#ifndef ROLLCALL_CLOUD_EMULATOR_HTTPD_H
#define ROLLCALL_CLOUD_EMULATOR_HTTPD_H

#include <stdio.h>

#include "cloud/emulator/emulator.h"
#include "common/clock.h"

struct httpd_options {
	const char *listen;             /* "127.0.0.1:PORT"; port 0 picks one */
	const char *cert_pem, *key_pem; /* PEM texts; NULL: plain HTTP */
	int64_t latency_ms;             /* added to every answer of a service */
	FILE *record;                   /* gets record.h's line of every request to a service; NULL: none */
	struct clock clock;
};

struct httpd;
/* Fails: INPUT (address not on the loopback, bad certificate), TEMP (port taken). */
MUST_USE int httpd_start(struct emulator *, const struct httpd_options *, struct httpd **out, struct err *e);
unsigned httpd_port(const struct httpd *);
void httpd_stop(struct httpd *);

#endif
