/* rollcall-emulator: a local Tencent Cloud for trying, testing and rehearsing. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/httpd.h"
#include "common/str.h"

enum { FILE_BYTES = 1 << 20, USAGE = 2 };

static const char usage_text[] =
	"usage: rollcall-emulator --listen 127.0.0.1:PORT --credential FILE [--tls-cert F --tls-key F] [--faults FILE]\n"
	"         [--limits documented|off|xN] [--latency MS] [--policy-cache SECONDS] [--build-time SECONDS]\n"
	"         [--quota xN] [--prices FILE] [--seed N] [--record FILE]\n"
	"The credential file has two lines, SecretId and SecretKey, and mode 0600.  Port 0 picks a free port.\n";

struct settings {
	const char *listen, *credential, *tls_cert, *tls_key, *faults, *prices, *record;
	double latency, policy_cache, build_time, quota, limit_factor, seed;
	enum emulator_limits limits;
};

/* --- the command line ----------------------------------------------------------------- */

static int read_number(const char *option, const char *text, double most, double *out, struct err *e)
{
	char *end;
	double n = strtod(text, &end);
	if (!*text || *end || !(n >= 0) || n > most)
		return err_set(e, ERR_INPUT, "--%s: \"%s\" is not a number between 0 and %.0f", option, text, most);
	*out = n;
	return 0;
}

static int read_factor(const char *option, const char *text, double *out, struct err *e)
{
	if (*text != 'x' || read_number(option, text + 1, 1e6, out, e) || *out <= 0)
		return err_set(e, ERR_INPUT, "--%s: \"%s\" is not a factor such as x2 or x0.5", option, text);
	return 0;
}

static int read_limits(const char *text, struct settings *s, struct err *e)
{
	s->limits = str_eq(text, "off") ? EMULATOR_LIMITS_OFF : EMULATOR_LIMITS_DOCUMENTED;
	if (str_eq(text, "off") || str_eq(text, "documented"))
		return 0;
	if (read_factor("limits", text, &s->limit_factor, e))
		return err_set(e, ERR_INPUT, "--limits: \"%s\" is not documented, off or a factor such as x2", text);
	return 0;
}

static const struct option options[] = {
	{ "listen", required_argument, NULL, 'l' }, { "credential", required_argument, NULL, 'c' },
	{ "tls-cert", required_argument, NULL, 'C' }, { "tls-key", required_argument, NULL, 'K' },
	{ "faults", required_argument, NULL, 'f' }, { "limits", required_argument, NULL, 'L' },
	{ "latency", required_argument, NULL, 't' }, { "policy-cache", required_argument, NULL, 'p' },
	{ "build-time", required_argument, NULL, 'b' }, { "quota", required_argument, NULL, 'q' },
	{ "prices", required_argument, NULL, 'P' }, { "seed", required_argument, NULL, 's' },
	{ "record", required_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
};

static int take_option(int option, const char *value, struct settings *s, struct err *e)
{
	switch (option) {
	case 'l': s->listen = value; return 0;
	case 'c': s->credential = value; return 0;
	case 'C': s->tls_cert = value; return 0;
	case 'K': s->tls_key = value; return 0;
	case 'f': s->faults = value; return 0;
	case 'P': s->prices = value; return 0;
	case 'r': s->record = value; return 0;
	case 'L': return read_limits(value, s, e);
	case 't': return read_number("latency", value, 600000, &s->latency, e);
	case 'p': return read_number("policy-cache", value, 86400, &s->policy_cache, e);
	case 'b': return read_number("build-time", value, 86400, &s->build_time, e);
	case 'q': return read_factor("quota", value, &s->quota, e);
	case 's': return read_number("seed", value, 9007199254740992.0, &s->seed, e);
	default: return err_set(e, ERR_INPUT, "the command line is not understood");
	}
}

static int read_command_line(int argc, char **argv, struct settings *s, struct err *e)
{
	*s = (struct settings){ .policy_cache = 60, .build_time = 3, .quota = 1, .limit_factor = 1, .seed = 1 };
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		int rc = take_option(option, optarg, s, e);
		if (rc)
			return rc;
	}
	if (optind < argc)
		return err_set(e, ERR_INPUT, "\"%s\" is not an option", argv[optind]);
	if (!s->listen || !s->credential)
		return err_set(e, ERR_INPUT, "--listen and --credential are needed");
	if (!s->tls_cert != !s->tls_key)
		return err_set(e, ERR_INPUT, "--tls-cert and --tls-key belong together");
	return 0;
}

/* --- files ---------------------------------------------------------------------------------- */

/* NULL path: *out is NULL. */
static int read_file(struct arena *a, const char *path, char **out, struct err *e)
{
	*out = NULL;
	if (!path)
		return 0;
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
	char *text = arena_alloc(a, FILE_BYTES + 1);
	size_t n = fread(text, 1, FILE_BYTES + 1, f);
	int failed = ferror(f);
	fclose(f);
	if (failed || n > FILE_BYTES || strlen(text) != n)
		return err_set(e, ERR_INPUT, "%s: could not be read as text of at most 1 MiB", path);
	*out = text;
	return 0;
}

/* NULL path: *out is NULL. */
static int open_record(const char *path, FILE **out, struct err *e)
{
	*out = path ? fopen(path, "ae") : NULL;
	return path && !*out ? err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno)) : 0;
}

/* --- life -------------------------------------------------------------------------------------- */

static int make_emulator(const struct settings *s, struct arena *a, struct emulator **out, struct err *e)
{
	char *id, *prices, *faults;
	AUTO_SECRET struct secret *key = NULL;
	int rc = secret_load_pair(s->credential, a, &id, &key, e);
	if (!rc)
		rc = read_file(a, s->prices, &prices, e);
	if (!rc)
		rc = read_file(a, s->faults, &faults, e);
	if (rc)
		return rc;
	struct emulator_options o = { .secret_id = id, .secret_key = key, .limits = s->limits,
		.limit_factor = s->limit_factor,
		.policy_cache_ms = (int64_t)(s->policy_cache * 1000), .build_ms = (int64_t)(s->build_time * 1000),
		.quota_factor = s->quota, .prices = prices, .seed = (uint64_t)s->seed };
	rc = emulator_new(&o, out, e);
	if (rc)
		return s->prices ? err_wrap(e, "%s", s->prices) : rc;
	if (faults && emulator_faults(*out, faults, strlen(faults), e))
		return err_wrap(e, "%s", s->faults);
	return 0;
}

static void wait_for_end(const sigset_t *signals)
{
	int got;
	while (sigwait(signals, &got) != 0)
		continue;
}

static int serve(const struct settings *s, struct emulator *em, struct httpd_options *o, struct err *e)
{
	struct httpd *httpd;
	sigset_t signals;
	/* Before the first thread, so that all inherit it. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	int rc = httpd_start(em, o, &httpd, e);
	if (rc)
		return rc;
	printf("listening on %.*s:%u\n", (int)(strrchr(s->listen, ':') - s->listen), s->listen, httpd_port(httpd));
	fflush(stdout);
	wait_for_end(&signals);
	httpd_stop(httpd);
	return 0;
}

static int run(const struct settings *s, struct emulator **em, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	struct httpd_options o = { .listen = s->listen, .latency_ms = (int64_t)s->latency, .clock = clock_system() };
	char *cert, *key;
	int rc = make_emulator(s, a, em, e);
	if (!rc)
		rc = read_file(a, s->tls_cert, &cert, e);
	if (!rc)
		rc = read_file(a, s->tls_key, &key, e);
	if (!rc)
		rc = open_record(s->record, &o.record, e);
	if (rc)
		return rc;
	o.cert_pem = cert;
	o.key_pem = key;
	rc = serve(s, *em, &o, e);
	if (o.record)
		fclose(o.record);
	return rc;
}

int main(int argc, char **argv)
{
	struct settings s;
	struct emulator *em = NULL;
	struct err e;
	bool warned;
	if (argc == 2 && str_eq(argv[1], "--help")) {
		fputs(usage_text, stdout);
		return 0;
	}
	if (read_command_line(argc, argv, &s, &e)) {
		fprintf(stderr, "rollcall-emulator: %s\n%s", e.text, usage_text);
		return USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	json_start();
	if (secret_harden(false, &warned, &e) || run(&s, &em, &e)) {
		fprintf(stderr, "rollcall-emulator: %s\n", e.text);
		emulator_free(em);
		return 1;
	}
	emulator_free(em);
	return 0;
}
