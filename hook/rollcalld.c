/* rollcalld: harden, read the settings, put the parts together (daemon.c), start the threads, wait for a signal, stop in
 * the reverse order. */
#include <getopt.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "hook/daemon.h"
#include "hook/notify.h"
#include "hook/sessions.h"

#define STOP_MS 4500          /* five seconds are promised */
#define DESK_THREADS 2
#define SWEEP_MS 60000
#define THREAD_STACK (512 * 1024)

enum { EXIT_SETTINGS = 1, EXIT_USAGE = 2, EXIT_START = 3, EXIT_NOT_EMPTY = 4 };

/* --- threads ---------------------------------------------------------------------------------------------- */

static void *run_worker(void *arg)
{
	engine_work(arg);
	return NULL;
}

static void *run_sync(void *arg)
{
	struct daemon *d = arg;
	while (!engine_stopping(d->engine))
		feed_step(d->feed, 500);
	return NULL;
}

static void *run_confirm(void *arg)
{
	struct daemon *d = arg;
	while (!engine_stopping(d->engine))
		if (!confirm_step(d->feed))
			clock_wait(&d->clock, 100);
	return NULL;
}

static void *run_post(void *arg)
{
	struct daemon *d = arg;
	int64_t due;
	while (!engine_stopping(d->engine))
		if (!post_step(d->post, &due))
			post_wait(d->post, 1000);
	return NULL;
}

static void *run_desk(void *arg)
{
	struct daemon *d = arg;
	desk_run(d->desk);
	return NULL;
}

static void *run_logins(void *arg)
{
	struct daemon *d = arg;
	desk_run_logins(d->desk);
	return NULL;
}

static void *run_sessions(void *arg)
{
	struct daemon *d = arg;
	desk_run_sessions(d->desk);
	return NULL;
}

static int start(struct daemon *d, void *(*run)(void *), void *arg, struct err *e)
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	int rc = pthread_create(&d->threads[d->thread_count], &attr, run, arg);
	pthread_attr_destroy(&attr);
	if (rc)
		return err_set(e, ERR_TEMP, "no thread could be started: %s", strerror(rc));
	d->thread_count++;
	return 0;
}

static int start_all(struct daemon *d, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < d->worker_count; i++)
		rc = start(d, run_worker, d->workers[i], e);
	for (int i = 0; !rc && i < DESK_THREADS; i++)
		rc = start(d, run_desk, d, e);
	if (!rc)
		rc = start(d, run_logins, d, e);
	if (!rc)
		rc = start(d, run_sessions, d, e);
	if (!rc)
		rc = start(d, run_post, d, e);
	if (!rc)
		rc = start(d, run_sync, d, e);
	if (!rc)
		rc = start(d, run_confirm, d, e);
	return rc;
}

/* Being killed at any point is safe by design, so stopping is a courtesy with a dead-line. */
static void stop_at_last(int sig)
{
	(void)sig;
	_exit(0);
}

static void stop_all(struct daemon *d)
{
	struct sigaction last = { .sa_handler = stop_at_last };
	(void)sigaction(SIGALRM, &last, NULL);
	sigset_t alarm_only;
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
	const struct itimerval dead_line = { .it_value = { STOP_MS / 1000, STOP_MS % 1000 * 1000 } };
	(void)setitimer(ITIMER_REAL, &dead_line, NULL);
	if (d->desk)
		desk_stop(d->desk);
	engine_stop(d->engine);
	d->source->wake(d->source, false);
	post_wake(d->post);
	for (size_t i = 0; i < d->thread_count; i++)
		pthread_join(d->threads[i], NULL);
}

/* --- main --------------------------------------------------------------------------------------------------- */

static int usage(void)
{
	fprintf(stderr, "usage: rollcalld -c FILE [-t] [--yes] [--rebuild]\n"
			"  -c FILE  settings, see rollcall.conf(5)\n"
			"  -t       check the settings, show what is in force, and end\n"
			"  --yes    a first start needs no approval\n"
			"  --rebuild  fill a lost store from the directory and the marks in the cloud, then run\n");
	return EXIT_USAGE;
}

static int check_only(struct daemon *d)
{
	printf("%s", settings_show(&d->settings, d->arena));
	return 0;
}

/* Until a signal ends the daemon; meanwhile the evidence's head is told, and delivered files are looked at. */
static int wait_for_end(struct daemon *d, const sigset_t *signals)
{
	int64_t every_ms = d->settings.evidence.head_ms, next = clock_mono(&d->clock) + every_ms;
	for (;;) {
		int64_t left = next - clock_mono(&d->clock);
		left = left < SWEEP_MS ? left : SWEEP_MS;
		const struct timespec until = { .tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000 };
		int sig = left > 0 ? sigtimedwait(signals, NULL, &until) : -1;
		if (sig > 0)
			return sig;
		sessions_sweep(&d->settings, d->store);
		if (clock_mono(&d->clock) < next)
			continue;
		evidence_tell_head(d->evidence);
		next = clock_mono(&d->clock) + every_ms;
	}
}

static int run(struct daemon *d)
{
	struct err e = { 0 };
	sigset_t wait_for;
	sigemptyset(&wait_for);
	sigaddset(&wait_for, SIGTERM);
	sigaddset(&wait_for, SIGINT);
	sigaddset(&wait_for, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &wait_for, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);      /* a terminal that goes away must not end the revoking */
	sigdelset(&wait_for, SIGALRM);
	int rc = daemon_open(d, &e);
	bool rebuilds = !rc && d->rebuild;
	if (rebuilds)
		rc = daemon_rebuild(d, &e);
	if (rc) {
		log_err(LOG_ERROR_LEVEL, "main", NULL, &e);
		return rebuilds && rc == ERR_PERM ? EXIT_NOT_EMPTY : EXIT_START;
	}
	const struct evidence_line line = { .event = "start", .what = "rollcalld " ROLLCALL_VERSION };
	if (evidence_add(d->evidence, &line, &e))
		log_err(LOG_ALARM_LEVEL, "main", NULL, &e);
	evidence_tell_head(d->evidence);
	sessions_sweep(&d->settings, d->store);
	if (start_all(d, &e)) {
		log_err(LOG_ERROR_LEVEL, "main", NULL, &e);
		return EXIT_START;
	}
	log_event(LOG_INFO_LEVEL, "main", NULL, "rollcalld " ROLLCALL_VERSION " is running");
	notify_ready();
	int sig = wait_for_end(d, &wait_for);
	notify_stopping();
	log_event(LOG_INFO_LEVEL, "main", NULL, "stopping on signal %d", sig);
	stop_all(d);
	evidence_tell_head(d->evidence);
	return 0;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	const char *file = NULL;
	static const struct option longs[] = { { "yes", no_argument, NULL, 'y' },
		{ "rebuild", no_argument, NULL, 'r' }, { NULL, 0, NULL, 0 } };
	bool check = false, warned = false;
	char *complaints = NULL;
	struct err e;
	int option;
	d.roll.asks_first = true;
	while ((option = getopt_long(argc, argv, "c:t", longs, NULL)) != -1) {
		if (option == 'c')
			file = optarg;
		else if (option == 't')
			check = true;
		else if (option == 'y')
			d.roll.asks_first = false;
		else if (option == 'r')
			d.rebuild = true;
		else
			return usage();
	}
	if (!file || optind != argc)
		return usage();
	mallopt(M_ARENA_MAX, 2);            /* a dozen threads that mostly wait need no heap each */
	setenv("LDAPNOINIT", "1", 1);       /* libldap: neither ldap.conf nor LDAP* variables */
	json_start();
	/* Before the first secret file is read; whether unlocked memory is good enough is a setting. */
	if (secret_harden(false, &warned, &e)) {
		fprintf(stderr, "rollcalld: %s\n", e.text);
		return EXIT_START;
	}
	d.clock = clock_system();
	d.arena = arena_new(16u << 20);
	if (settings_load(file, d.arena, &d.settings, &d.rules, &complaints, &e)) {
		fprintf(stderr, "%s", complaints ? complaints : "");
		fprintf(stderr, "rollcalld: %s\n", e.text);
		return EXIT_SETTINGS;
	}
	log_open((enum log_level)d.settings.log_level, getenv("JOURNAL_STREAM") != NULL);
	if (warned && d.settings.seal.strict_memory) {
		log_event(LOG_ERROR_LEVEL, "main", NULL, "memory for secrets could not be locked (raise the limit of locked memory)");
		return EXIT_START;
	}
	if (warned)
		log_event(LOG_WARN_LEVEL, "main", NULL, "memory for secrets could not be locked; it may reach the swap");
	if (check)
		return check_only(&d);
	int rc = run(&d);
	if (rc == 0)
		daemon_close(&d);
	return rc;
}
