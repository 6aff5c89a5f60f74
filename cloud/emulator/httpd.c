#include "cloud/emulator/httpd.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cloud/emulator/record.h"
#include "common/str.h"

enum { HEADERS = 64, CONNECTIONS = 1000, STACK = 256 * 1024, IDLE_SECONDS = 300, HANG_MS = 600000 };
#define BODY_BYTES (10u << 20)

struct httpd {
	struct emulator *emulator;
	struct clock clock;
	int64_t latency_ms;
	FILE *record;                   /* written under the core's lock */
	struct MHD_Daemon *daemon;
	pthread_mutex_t lock;           /* around the core */
	pthread_mutex_t stop_lock;
	pthread_cond_t stop_cond;
	bool stopping;
};

/* One request while it arrives. */
struct exchange {
	char *uri, *body;
	size_t body_len, body_cap;
	bool too_large;
};

/* --- waiting ------------------------------------------------------------------------- */

/* Sleep in this connection's thread; the end of the program ends it early.  False then. */
static bool wait_ms(struct httpd *h, int64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	int64_t nanoseconds = until.tv_nsec + ms % 1000 * 1000000;
	until.tv_sec += (time_t)(ms / 1000 + nanoseconds / 1000000000);
	until.tv_nsec = (long)(nanoseconds % 1000000000);
	pthread_mutex_lock(&h->stop_lock);
	int rc = 0;
	while (!h->stopping && rc == 0)
		rc = pthread_cond_timedwait(&h->stop_cond, &h->stop_lock, &until);
	bool go_on = !h->stopping;
	pthread_mutex_unlock(&h->stop_lock);
	return go_on;
}

/* --- request ---------------------------------------------------------------------------- */

/* The first thing known of a request: the raw request target, which the signature of a GET covers. */
static void *begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	(void)cls;
	(void)connection;
	struct exchange *x = mem_alloc(sizeof(*x));
	x->uri = mem_strdup(uri);
	return x;
}

static void end(void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *con_cls;
	(void)cls;
	(void)connection;
	(void)code;
	if (!x)
		return;
	free(x->uri);
	if (x->body)
		secret_wipe(x->body, x->body_len);
	free(x->body);
	free(x);
	*con_cls = NULL;
}

static void take_body(struct exchange *x, const char *bytes, size_t n)
{
	if (x->body_len + n > BODY_BYTES) {
		x->too_large = true;
		return;
	}
	if (x->body_len + n > x->body_cap) {
		size_t cap = (x->body_len + n) * 2;
		char *more = mem_alloc(cap);
		if (x->body) {
			memcpy(more, x->body, x->body_len);
			secret_wipe(x->body, x->body_len);
			free(x->body);
		}
		x->body = more;
		x->body_cap = cap;
	}
	memcpy(x->body + x->body_len, bytes, n);
	x->body_len += n;
}

struct headers { size_t count; struct emulator_header items[HEADERS]; };

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct headers *all = cls;
	(void)kind;
	if (all->count < HEADERS)
		all->items[all->count++] = (struct emulator_header){ name, value ? value : "" };
	return MHD_YES;
}

/* --- answer ------------------------------------------------------------------------------- */

static void date_text(int64_t ms, char out[40])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static enum MHD_Result answer(struct MHD_Connection *connection, const struct emulator_reply *reply)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(reply->body_len, (void *)(uintptr_t)reply->body,
		MHD_RESPMEM_MUST_COPY);
	char date[40];
	if (!response)
		return MHD_NO;
	date_text(reply->date_ms, date);
	MHD_add_response_header(response, MHD_HTTP_HEADER_DATE, date);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	enum MHD_Result rc = MHD_queue_response(connection, (unsigned)reply->status, response);
	MHD_destroy_response(response);
	return rc;
}

static void keep_record(struct httpd *h, const struct emulator_request *request, struct arena *a)
{
	const char *line = h->record ? record_line(request, a) : NULL;
	if (!line)
		return;
	fprintf(h->record, "%s\n", line);
	fflush(h->record);
}

static enum MHD_Result serve(struct httpd *h, struct MHD_Connection *connection, const char *method, struct exchange *x)
{
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	struct headers headers = { .count = 0 };
	struct emulator_reply reply;
	char *query = strchr(x->uri, '?');
	if (query)
		*query++ = '\0';
	MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, &headers);
	struct emulator_request request = { .now_ms = clock_now(&h->clock), .method = method, .path = x->uri,
		.query = query ? query : "", .header_count = headers.count, .headers = headers.items,
		.body = x->body ? x->body : "", .body_len = x->body_len };
	pthread_mutex_lock(&h->lock);
	keep_record(h, &request, a);
	emulator_handle(h->emulator, &request, a, &reply);
	pthread_mutex_unlock(&h->lock);
	int64_t delay = reply.delay_ms + (str_starts(x->uri, "/_emulator/") ? 0 : h->latency_ms);
	if (reply.cut == EMULATOR_HANG)
		delay = HANG_MS;
	if (delay > 0 && !wait_ms(h, delay))
		return MHD_NO;
	/* MHD_NO closes the connection without a word: that is what a cut is. */
	return reply.cut == EMULATOR_ANSWER ? answer(connection, &reply) : MHD_NO;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *upload_data, size_t *upload_data_size, void **con_cls)
{
	struct exchange *x = *con_cls;
	(void)url;
	(void)version;
	if (*upload_data_size) {
		take_body(x, upload_data, *upload_data_size);
		*upload_data_size = 0;
		return MHD_YES;
	}
	/* The first call comes with the headers, the last one after the body. */
	if (!x->body_cap) {
		x->body_cap = 1;
		x->body = mem_alloc(1);
		return MHD_YES;
	}
	if (x->too_large)
		return answer(connection, &(struct emulator_reply){ .status = MHD_HTTP_CONTENT_TOO_LARGE, .body = "",
			.date_ms = clock_now(&((struct httpd *)cls)->clock) });
	return serve(cls, connection, method, x);
}

/* --- start and end --------------------------------------------------------------------------- */

static int read_address(const char *text, struct sockaddr_in *out, struct err *e)
{
	char host[INET_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	char *end;
	size_t n = colon ? (size_t)(colon - text) : 0;
	*out = (struct sockaddr_in){ .sin_family = AF_INET };
	if (!colon || n >= sizeof(host))
		return err_set(e, ERR_INPUT, "\"%s\" is not ADDRESS:PORT", text);
	memcpy(host, text, n);
	host[n] = '\0';
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (!colon[1] || *end || port > 65535 || inet_pton(AF_INET, host, &out->sin_addr) != 1)
		return err_set(e, ERR_INPUT, "\"%s\" is not ADDRESS:PORT", text);
	if (ntohl(out->sin_addr.s_addr) >> 24 != 127)
		return err_set(e, ERR_INPUT, "\"%s\" is not a loopback address; the emulator serves this machine only",
			host);
	out->sin_port = htons((uint16_t)port);
	return 0;
}

static struct httpd *allocate(struct emulator *em, const struct httpd_options *o)
{
	struct httpd *h = mem_alloc(sizeof(*h));
	h->emulator = em;
	h->clock = o->clock;
	h->latency_ms = o->latency_ms;
	h->record = o->record;
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_init(&h->stop_lock, NULL);
	pthread_cond_init(&h->stop_cond, NULL);
	return h;
}

static void release(struct httpd *h)
{
	pthread_mutex_destroy(&h->lock);
	pthread_mutex_destroy(&h->stop_lock);
	pthread_cond_destroy(&h->stop_cond);
	free(h);
}

int httpd_start(struct emulator *em, const struct httpd_options *o, struct httpd **out, struct err *e)
{
	struct sockaddr_in address;
	int rc = read_address(o->listen, &address, e);
	if (rc)
		return rc;
	struct httpd *h = allocate(em, o);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->cert_pem },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->key_pem },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem plain[] = { { MHD_OPTION_END, 0, NULL } };
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC |
		MHD_USE_SUPPRESS_DATE_NO_CLOCK | (o->cert_pem ? MHD_USE_TLS : 0u);
	h->daemon = MHD_start_daemon(flags, ntohs(address.sin_port), NULL, NULL, handle, h,
		MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_URI_LOG_CALLBACK, begin, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, end, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK,
		MHD_OPTION_ARRAY, o->cert_pem ? tls : plain, MHD_OPTION_END);
	if (!h->daemon) {
		release(h);
		return err_set(e, ERR_TEMP, "could not listen on %s%s", o->listen,
			o->cert_pem ? " (port taken, or certificate and key unusable)" : " (port taken?)");
	}
	*out = h;
	return 0;
}

unsigned httpd_port(const struct httpd *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
	return info ? info->port : 0;
}

void httpd_stop(struct httpd *h)
{
	pthread_mutex_lock(&h->stop_lock);
	h->stopping = true;
	pthread_cond_broadcast(&h->stop_cond);
	pthread_mutex_unlock(&h->stop_lock);
	MHD_stop_daemon(h->daemon);
	release(h);
}
