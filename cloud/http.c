/* The only door to libcurl, and one of the files that know OpenSSL: libcurl parses the CA bundle once per handle, a
 * megabyte or so each; one store for all of them is possible only through libcurl's TLS callback. */
#include "cloud/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/secret.h"
#include "common/str.h"

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"
#define FIRST_BODY 8192
#define KEPT_CONNECTIONS 16L       /* a worker speaks with seven hosts */
#define LONGEST_POLL_MS 60000      /* whoever wants us sooner wakes us */

struct http_shared {
	char *url;                 /* without trailing slash; "https://" or "http://" alone: the product's host follows */
	bool url_has_host;
	struct curl_slist *connect;
	char *ca_file;
	X509_STORE *store;
	int64_t connect_ms;
};

struct wire {
	struct transport transport;
	const struct http_shared *shared;
	CURL *easy;
	CURLM *multi;
	atomic_bool woken;
};

struct body { char *bytes; size_t len, size; };

/* One exchange under way. */
struct flight {
	struct arena *arena;
	struct body *body;
	bool too_large;
	int64_t date_ms;
	const char *out;
	size_t out_len, out_sent;
	char why[CURL_ERROR_SIZE];
};

/* --- memory that libcurl gives back is wiped: bodies pass through it ---------- */

static void *wiping_malloc(size_t n)
{
	return malloc(n);
}

static void *wiping_calloc(size_t count, size_t n)
{
	return calloc(count, n);
}

static void wiping_free(void *p)
{
	if (p)
		secret_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *wiping_realloc(void *p, size_t n)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	if (had >= n && n > had / 2)
		return p;
	void *q = malloc(n ? n : 1);
	if (q && p) {
		memcpy(q, p, had < n ? had : n);
		wiping_free(p);
	}
	return q;
}

static char *wiping_strdup(const char *s)
{
	return strdup(s);
}

/* --- what all workers share ---------------------------------------------------- */

static bool is_loopback(const char *where)
{
	return str_starts(where, "127.") || str_starts(where, "localhost") || str_starts(where, "[::1]");
}

static int check_url(const struct http_settings *s, const char *url, struct err *e)
{
	bool plain = str_starts(url, "http://");
	if (!plain && !str_starts(url, "https://"))
		return err_set(e, ERR_INPUT, "the endpoint's url \"%s\" begins neither with https:// nor with http://", url);
	const char *host = strstr(url, "//") + 2;
	if (strpbrk(host, "/?#@ "))
		return err_set(e, ERR_INPUT, "the endpoint's url \"%s\" has more than scheme, host and port", url);
	/* Every answer to CreateAccessKey would cross the network in clear. */
	if (plain && !is_loopback(s->connect ? s->connect : host))
		return err_set(e, ERR_INPUT, "the endpoint's url \"%s\": http is for this machine only, use https", url);
	return 0;
}

static int load_store(struct http_shared *s, struct err *e)
{
	s->store = X509_STORE_new();
	if (!s->store)
		mem_exhausted();
	ERR_clear_error();
	if (!X509_STORE_load_file(s->store, s->ca_file)) {
		ERR_clear_error();
		return err_set(e, ERR_INPUT, "the CA file \"%s\" could not be read or holds no certificate", s->ca_file);
	}
	/* As libcurl sets its own: an intermediate certificate in the file is an anchor, too. */
	X509_STORE_set_flags(s->store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	return 0;
}

static void shared_free(struct http_shared *s)
{
	X509_STORE_free(s->store);
	curl_slist_free_all(s->connect);
	free(s->ca_file);
	free(s->url);
	free(s);
}

int http_start(const struct http_settings *settings, struct http_shared **out, struct err *e)
{
	const char *url = settings->url && *settings->url ? settings->url : "https://";
	size_t n = strlen(url);
	struct http_shared *s = mem_alloc(sizeof(*s));
	s->url = mem_strdup(url);
	if (n > strlen("https://") && s->url[n - 1] == '/')
		s->url[n - 1] = '\0';
	s->url_has_host = *(strstr(s->url, "//") ? strstr(s->url, "//") + 2 : "");
	s->ca_file = mem_strdup(settings->ca_file && *settings->ca_file ? settings->ca_file : SYSTEM_CA);
	s->connect_ms = settings->connect_ms > 0 ? settings->connect_ms : 10000;
	int rc = check_url(settings, s->url, e);
	if (!rc && str_starts(s->url, "https://"))
		rc = load_store(s, e);
	if (!rc && curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiping_malloc, wiping_free, wiping_realloc, wiping_strdup, wiping_calloc))
		rc = err_set(e, ERR_BUG, "libcurl could not be initialised");
	if (rc) {
		shared_free(s);
		return rc;
	}
	/* TLS writes to a connection that the other side closed; libcurl leaves the signal to us (NOSIGNAL). */
	signal(SIGPIPE, SIG_IGN);
	if (settings->connect && *settings->connect) {
		/* Any host, any port. */
		AUTO_ARENA struct arena *a = arena_new(4096);
		s->connect = curl_slist_append(NULL, arena_printf(a, "::%s", settings->connect));
	}
	*out = s;
	return 0;
}

void http_stop(struct http_shared *s)
{
	if (!s)
		return;
	shared_free(s);
	curl_global_cleanup();
}

/* --- callbacks ----------------------------------------------------------------- */

static void drop_body(void *p)
{
	struct body *b = p;
	secret_wipe(b->bytes, b->size);
	free(b->bytes);
}

static void grow(struct body *b, size_t need)
{
	if (need <= b->size)
		return;
	size_t size = b->size ? b->size : FIRST_BODY;
	while (size < need)
		size *= 2;
	char *bytes = mem_alloc(size);
	if (b->len)
		memcpy(bytes, b->bytes, b->len);
	secret_wipe(b->bytes, b->size);
	free(b->bytes);
	b->bytes = bytes;
	b->size = size;
}

static size_t on_body(char *bytes, size_t unit, size_t n, void *p)
{
	struct flight *f = p;
	n *= unit;
	if (f->body->len + n > HTTP_MAX_BODY) {
		f->too_large = true;
		return 0;
	}
	grow(f->body, f->body->len + n + 1);
	memcpy(f->body->bytes + f->body->len, bytes, n);
	f->body->len += n;
	return n;
}

static size_t on_header(char *line, size_t unit, size_t n, void *p)
{
	struct flight *f = p;
	n *= unit;
	if (n > 5 && !strncasecmp(line, "Date:", 5)) {
		char *text = arena_strndup(f->arena, line + 5, n - 5);
		text += strspn(text, " \t");
		text[strcspn(text, "\r\n")] = '\0';
		int64_t ms;
		if (!str_time_http_parse(text, &ms, NULL))
			f->date_ms = ms;
	}
	return n;
}

static size_t on_send(char *to, size_t unit, size_t n, void *p)
{
	struct flight *f = p;
	n *= unit;
	if (n > f->out_len - f->out_sent)
		n = f->out_len - f->out_sent;
	memcpy(to, f->out + f->out_sent, n);
	f->out_sent += n;
	return n;
}

static int on_rewind(void *p, curl_off_t offset, int origin)
{
	struct flight *f = p;
	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > f->out_len)
		return CURL_SEEKFUNC_FAIL;
	f->out_sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static curl_socket_t on_socket(void *p, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)p;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static CURLcode on_tls(CURL *easy, void *context, void *p)
{
	(void)easy;
	const struct wire *w = p;
	SSL_CTX_set1_cert_store(context, w->shared->store);
	return CURLE_OK;
}

/* --- one exchange --------------------------------------------------------------- */

/* Is it sure that no byte of the request reached a server?  The code alone does not tell: libcurl may have sent it on a
 * kept connection before it failed on a new one. */
static bool surely_not_sent(CURL *easy, CURLcode code)
{
	long sent = 0;
	curl_off_t ready = 0;
	curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_OPERATION_TIMEDOUT:
		return sent == 0 && ready == 0;
	default:
		return false;
	}
}

static int judge(const struct wire *w, CURLcode code, const struct flight *f, const char *host, struct err *e)
{
	const char *why = *f->why ? f->why : curl_easy_strerror(code);
	if (f->too_large)
		return err_set(e, ERR_UNKNOWN, "%s: the answer is larger than %u bytes", host, HTTP_MAX_BODY);
	if (surely_not_sent(w->easy, code))
		return err_set(e, ERR_TEMP, "%s could not be reached: %s", host, why);
	return err_set(e, ERR_UNKNOWN, "%s did not answer: %s", host, why);
}

static struct curl_slist *header_list(const struct http_request *r, struct arena *a)
{
	struct curl_slist *list = NULL;
	for (size_t i = 0; i < r->header_count; i++)
		list = curl_slist_append(list, r->headers[i]);
	list = curl_slist_append(list, arena_printf(a, "Host: %s", r->host));
	list = curl_slist_append(list, "Accept:");
	return curl_slist_append(list, "Expect:");
}

static void prepare(struct wire *w, const struct http_request *r, struct curl_slist *headers, struct flight *f)
{
	const struct http_shared *s = w->shared;
	CURL *c = w->easy;
	int64_t connect_ms = r->timeout_ms < s->connect_ms ? r->timeout_ms : s->connect_ms;
	curl_easy_setopt(c, CURLOPT_URL, arena_printf(f->arena, "%s%s/", s->url, s->url_has_host ? "" : r->host));
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	/* The body is handed out by a callback: libcurl would keep its own copy otherwise. */
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
	curl_easy_setopt(c, CURLOPT_READDATA, f);
	curl_easy_setopt(c, CURLOPT_SEEKDATA, f);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->why);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, r->once ? 1L : 0L);
}

/* Until it is done or somebody wakes us. */
static int fly(struct wire *w, const char *host, CURLcode *code, struct err *e)
{
	CURLMcode m = curl_multi_add_handle(w->multi, w->easy);
	if (m)
		return err_set(e, ERR_BUG, "%s: %s", host, curl_multi_strerror(m));
	int running = 1, left;
	int rc = 0;
	for (;;) {
		m = curl_multi_perform(w->multi, &running);
		if (m || !running)
			break;
		if (atomic_load(&w->woken)) {
			rc = err_set(e, ERR_STALE, "%s: the call was broken off", host);
			break;
		}
		curl_multi_poll(w->multi, NULL, 0, LONGEST_POLL_MS, NULL);
	}
	if (m)
		rc = err_set(e, ERR_UNKNOWN, "%s: %s", host, curl_multi_strerror(m));
	const CURLMsg *message = curl_multi_info_read(w->multi, &left);
	if (message && message->msg == CURLMSG_DONE)
		*code = message->data.result;
	curl_multi_remove_handle(w->multi, w->easy);
	return rc;
}

static int http_exchange(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *reply, struct err *e)
{
	struct wire *w = t->ctx;
	if (atomic_load(&w->woken))
		return err_set(e, ERR_STALE, "%s: the call was broken off before it began", r->host);
	struct flight f = { .arena = a, .out = r->body, .out_len = r->body_len };
	f.body = arena_alloc(a, sizeof(*f.body));
	arena_defer(a, drop_body, f.body);
	struct curl_slist *headers = header_list(r, a);
	prepare(w, r, headers, &f);
	CURLcode code = CURLE_GOT_NOTHING;
	int rc = fly(w, r->host, &code, e);
	if (!rc && code)
		rc = judge(w, code, &f, r->host, e);
	if (!rc) {
		long status = 0;
		curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
		grow(f.body, f.body->len + 1);
		f.body->bytes[f.body->len] = '\0';
		*reply = (struct http_reply){ .status = (int)status, .body = f.body->bytes, .body_len = f.body->len,
			.date_ms = f.date_ms };
	}
	curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(w->easy, CURLOPT_ERRORBUFFER, NULL);
	curl_slist_free_all(headers);
	return rc;
}

static void http_wake(struct transport *t)
{
	struct wire *w = t->ctx;
	atomic_store(&w->woken, true);
	curl_multi_wakeup(w->multi);
}

static void http_rearm(struct transport *t)
{
	struct wire *w = t->ctx;
	atomic_store(&w->woken, false);
}

static void http_close(struct transport *t)
{
	struct wire *w = t->ctx;
	curl_easy_cleanup(w->easy);
	curl_multi_cleanup(w->multi);
	free(w);
}

static void set_up(struct wire *w)
{
	const struct http_shared *s = w->shared;
	bool plain = str_starts(s->url, "http://");
	CURL *c = w->easy;
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_rewind);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	/* A name look-up that hangs must not hold up whoever is woken. */
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	if (s->connect)
		curl_easy_setopt(c, CURLOPT_CONNECT_TO, s->connect);
	if (plain)
		return;
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	/* A libcurl with another TLS library reads the file itself. */
	if (curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_tls))
		curl_easy_setopt(c, CURLOPT_CAINFO, s->ca_file);
	curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, w);
}

int http_transport(struct http_shared *s, struct transport **out, struct err *e)
{
	struct wire *w = mem_alloc(sizeof(*w));
	w->shared = s;
	w->easy = curl_easy_init();
	w->multi = curl_multi_init();
	if (!w->easy || !w->multi) {
		curl_easy_cleanup(w->easy);
		curl_multi_cleanup(w->multi);
		free(w);
		return err_set(e, ERR_TEMP, "libcurl could not make a handle");
	}
	curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
	set_up(w);
	w->transport = (struct transport){ .ctx = w, .exchange = http_exchange, .wake = http_wake, .rearm = http_rearm,
		.close = http_close };
	*out = &w->transport;
	return 0;
}
