/* rollcalld: harden, read the settings, put the parts together, start the threads, wait for a signal, stop in
 * the reverse order.  Everything that lives as long as the process is owned here. */
#include <getopt.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/log.h"
#include "hook/desk.h"
#include "hook/engine.h"
#include "hook/feed.h"
#include "hook/notify.h"
#include "hook/orphan.h"
#include "hook/post.h"
#include "hook/rebuild.h"
#include "hook/retire.h"
#include "hook/sessions.h"
#include "hook/settings.h"
#include "ldap/sync.h"

#define STOP_MS 4500          /* five seconds are promised */
#define DESK_THREADS 2
#define SWEEP_MS 60000
#define ADOPT_MEMORY (256u << 20)
#define THREAD_STACK (512 * 1024)
#define ALARM_MEMORY (1u << 20)

#define REBUILD_MEMORY (1u << 30)

enum { EXIT_SETTINGS = 1, EXIT_USAGE = 2, EXIT_START = 3, EXIT_NOT_EMPTY = 4 };

struct daemon {
	struct arena *arena;
	struct clock clock;
	struct settings settings;
	struct roll_rules rules;
	char *secret_id;
	struct secret *secret_key;
	struct seal_to *escrow;
	struct seal_key *own_key;
	struct store *store;
	struct evidence *evidence;
	struct guard *guard;
	struct http_shared *http;
	struct post_directory *post_directory;
	struct post *post;
	struct engine *engine;
	struct source *source;
	struct confirm *confirm;
	struct roll roll;
	struct feed *feed;
	struct desk *desk;
	struct worker *planner;              /* the desk's: no thread runs it */
	pthread_mutex_t planning;
	struct worker *workers[80];
	pthread_t threads[100];
	size_t thread_count, worker_count;
	bool rebuild;
};

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

/* --- what the desk asks ------------------------------------------------------------------------------------ */

static int plan(void *ctx, const char *uuid, struct arena *a, struct json **out, struct err *e)
{
	struct daemon *d = ctx;
	pthread_mutex_lock(&d->planning);
	int rc = engine_plan(d->planner, uuid, a, out, e);
	pthread_mutex_unlock(&d->planning);
	return rc;
}

static int adopt(void *ctx, const struct adopt_asked *asked, struct arena *a, struct json **out, struct err *e)
{
	AUTO_ARENA struct arena *own = arena_new(ADOPT_MEMORY);
	struct daemon *d = ctx;
	pthread_mutex_lock(&d->planning);
	struct call c = worker_look(d->planner, own);
	int rc = adopt_plan(&d->roll, &c, asked, a, out, e);
	pthread_mutex_unlock(&d->planning);
	return rc;
}

static int adopt_decide(void *ctx, int64_t list_ms, bool yes, struct arena *a, struct json **out, struct err *e)
{
	AUTO_ARENA struct arena *own = arena_new(ADOPT_MEMORY);
	struct daemon *d = ctx;
	pthread_mutex_lock(&d->planning);
	struct call c = worker_look(d->planner, own);
	int rc = yes ? adopt_approve(&d->roll, &c, list_ms, a, out, e) : adopt_reject(&d->roll, list_ms, a, out, e);
	pthread_mutex_unlock(&d->planning);
	return rc;
}

static int hold(void *ctx, const char *uuid, const char *reason, const char *by, struct arena *a, struct err *e)
{
	struct daemon *d = ctx;
	return reason ? roll_suspend(&d->roll, uuid, reason, by, a, e) : roll_resume(&d->roll, uuid, by, a, e);
}

static void decided(void *ctx)
{
	struct daemon *d = ctx;
	engine_audit_now(d->engine);
}

static int park(void *ctx, const char *uuid, struct arena *a, bool *parked, struct err *e)
{
	struct daemon *d = ctx;
	return roll_park(&d->roll, uuid, a, parked, e);
}

static int logged_in(void *ctx, const char *uuid, const char *by, struct arena *a, struct err *e)
{
	struct daemon *d = ctx;
	return roll_logged_in(&d->roll, uuid, by, a, e);
}

static bool struck(void *ctx, const char *uuid)
{
	struct daemon *d = ctx;
	return engine_struck(d->engine, uuid);
}

static void wake(void *ctx)
{
	struct daemon *d = ctx;
	engine_wake(d->engine);
}

static struct json *health(void *ctx, struct arena *a)
{
	struct daemon *d = ctx;
	struct json *o = json_object(a);
	struct engine_health h;
	engine_health(d->engine, &h);
	feed_health(d->feed, a, o);
	json_put_text(o, "cloud", h.cloud);
	if (*h.trouble)
		json_put_text(o, "cloud_trouble", h.trouble);
	json_put_int(o, "cut_without_store", h.strikes);
	guard_health(d->guard, a, o);
	engine_audit_health(d->engine, a, o);
	evidence_health(d->evidence, o);
	return o;
}

/* --- what the engine tells ---------------------------------------------------------------------------------- */

static void foreign(void *ctx, const char *uuid, unsigned generation, const char *request_id)
{
	struct daemon *d = ctx;
	AUTO_ARENA struct arena *a = arena_new(ALARM_MEMORY);
	struct err e;
	if (roll_foreign(&d->roll, uuid, generation, request_id, a, &e))
		log_err(LOG_ALARM_LEVEL, "roll", uuid, &e);
}

static int may_destroy(void *ctx, const char *uuid, unsigned generation, struct err *e)
{
	struct daemon *d = ctx;
	return retire_may_destroy(d->feed, uuid, generation, e);
}

static int orphans(void *ctx, const struct owned *const *list, size_t count, struct arena *a, struct orphan_counts *out, struct err *e)
{
	struct daemon *d = ctx;
	return orphan_judge(d->feed, list, count, a, out, e);
}

static bool believed(void *ctx)
{
	struct daemon *d = ctx;
	return orphan_believed(d->feed);
}

/* --- putting the parts together ----------------------------------------------------------------------------- */

static int open_keys(struct daemon *d, struct err *e)
{
	const struct settings *s = &d->settings;
	int rc = secret_load_pair(s->cloud.credential_file, d->arena, &d->secret_id, &d->secret_key, e);
	if (rc)
		return rc;
	d->escrow = seal_to_new();
	for (size_t i = 0; !rc && i < s->seal.escrow.count; i++)
		rc = seal_to_add_file(d->escrow, s->seal.escrow.items[i], e);
	if (!rc)
		rc = seal_key_ensure(s->seal.key_file, "rollcall", &d->own_key, e);
	return rc;
}

static int open_state(struct daemon *d, struct err *e)
{
	const struct settings *s = &d->settings;
	int rc = store_open(arena_printf(d->arena, "%s/rollcall.db", s->state_dir), &d->clock, &d->store, e);
	if (rc)
		return rc;
	d->guard = guard_new(s, d->store, &d->clock);
	/* Whatever is wrong with it stops granting; it must not stop revoking. */
	evidence_start(arena_printf(d->arena, "%s/evidence.jsonl", s->state_dir), &d->clock, &d->evidence);
	evidence_second(d->evidence, s->evidence.second);
	return 0;
}

static int open_cloud(struct daemon *d, struct err *e)
{
	struct settings *s = &d->settings;
	char *script = NULL;
	size_t n;
	int rc = file_read(d->arena, s->cloud.agent_script_file, SETTINGS_FILE_MAX, &script, &n, e);
	if (!rc)
		rc = http_start(&s->cloud.endpoint, &d->http, e);
	if (rc)
		return rc;
	s->cloud.driver.agent_script = script;
	s->cloud.driver.openclaw_image = s->cloud.openclaw_image;
	d->post_directory = post_directory_new(&s->directory.dir, &d->clock);
	const struct post_parts post = { .settings = s,
		.store = d->store,
		.clock = &d->clock,
		.escrow = d->escrow,
		.own_key = d->own_key,
		.deliver = post_directory_deliver,
		.deliver_ctx = d->post_directory };
	d->post = post_new(&post);
	const struct engine_parts parts = { .settings = s,
		.store = d->store,
		.evidence = d->evidence,
		.post = d->post,
		.clock = &d->clock,
		.own_key = d->own_key,
		.installation = s->installation,
		.secret_id = d->secret_id,
		.secret_key = d->secret_key,
		.template_text = s->policy.template_text,
		.boundary_text = s->policy.boundary_text,
		.barrier_text = s->policy.barrier_text,
		.catalogue = s->policy.catalogue,
		.foreign = foreign,
		.foreign_ctx = d,
		.park = park,
		.park_ctx = d,
		.guard = d->guard,
		.may_destroy = may_destroy,
		.destroy_ctx = d,
		.orphans = orphans,
		.believed = believed,
		.orphans_ctx = d };
	return engine_new(&parts, &d->engine, e);
}

static int open_workers(struct daemon *d, struct err *e)
{
	const struct settings *s = &d->settings;
	struct transport *t;
	int rc;
	for (int i = 0; i < s->workers; i++) {
		rc = http_transport(d->http, &t, e);
		if (rc)
			return rc;
		d->workers[d->worker_count++] = worker_new(d->engine, i + 1, i < s->revoke_workers, t);
	}
	rc = http_transport(d->http, &t, e);
	if (!rc)
		d->planner = worker_new(d->engine, 0, false, t);
	return rc;
}

static int open_directory(struct daemon *d, struct err *e)
{
	char **attributes = person_attributes(&d->rules, d->arena);
	d->source = sync_source(&d->settings.directory.dir, attributes, &d->clock);
	d->confirm = sync_confirm(&d->settings.directory.dir, attributes, d->source, &d->clock);
	d->roll = (struct roll){ .settings = &d->settings,
		.rules = &d->rules,
		.store = d->store,
		.evidence = d->evidence,
		.engine = d->engine,
		.clock = &d->clock,
		.guard = d->guard,
		.asks_first = d->roll.asks_first };
	pthread_mutex_init(&d->roll.lock, NULL);
	pthread_mutex_init(&d->planning, NULL);
	d->feed = feed_new(&d->roll, d->source, d->confirm);
	const struct desk_parts desk = { .settings = &d->settings,
		.store = d->store,
		.evidence = d->evidence,
		.clock = &d->clock,
		.plan = plan,
		.hold = hold,
		.decided = decided,
		.adopt = adopt,
		.adopt_decide = adopt_decide,
		.logged_in = logged_in,
		.struck = struck,
		.own_key = d->own_key,
		.wake = wake,
		.health = health,
		.ctx = d };
	return desk_open(&desk, &d->desk, e);
}

/* Before anything runs. */
static int rebuild(struct daemon *d, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(REBUILD_MEMORY);
	struct rebuild_counts counts;
	struct rebuild r = { .settings = &d->settings,
		.rules = &d->rules,
		.store = d->store,
		.evidence = d->evidence,
		.clock = &d->clock,
		.source = sync_source(&d->settings.directory.dir, person_attributes(&d->rules, d->arena), &d->clock),
		.call = worker_look(d->planner, a) };
	int rc = rebuild_run(&r, &counts, e);
	r.source->close(r.source);
	return rc;
}

static int start_all(struct daemon *d, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < d->worker_count; i++)
		rc = start(d, run_worker, d->workers[i], e);
	for (int i = 0; !rc && i < DESK_THREADS; i++)
		rc = start(d, run_desk, d, e);
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

static void close_all(struct daemon *d)
{
	desk_close(d->desk);
	feed_free(d->feed);
	if (d->confirm)
		d->confirm->close(d->confirm);
	if (d->source)
		d->source->close(d->source);
	for (size_t i = 0; i < d->worker_count; i++) {
		struct transport *t = worker_transport(d->workers[i]);
		worker_free(d->workers[i]);
		t->close(t);
	}
	if (d->planner) {
		struct transport *t = worker_transport(d->planner);
		worker_free(d->planner);
		t->close(t);
	}
	engine_free(d->engine);
	post_free(d->post);
	post_directory_free(d->post_directory);
	http_stop(d->http);
	evidence_close(d->evidence);
	guard_free(d->guard);
	store_close(d->store);
	seal_to_free(d->escrow);
	seal_key_free(d->own_key);
	secret_free(d->secret_key);
	arena_free(d->arena);
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
	int rc = open_keys(d, &e);
	if (!rc)
		rc = open_state(d, &e);
	if (!rc)
		rc = open_cloud(d, &e);
	if (!rc)
		rc = open_workers(d, &e);
	if (!rc)
		rc = open_directory(d, &e);
	bool rebuilds = !rc && d->rebuild;
	if (rebuilds)
		rc = rebuild(d, &e);
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
		close_all(&d);
	return rc;
}
