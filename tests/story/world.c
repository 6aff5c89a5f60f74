/* The world of a story: what the child asks is answered, and meanwhile time goes by and things happen. */
#include "tests/story/story.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_MS 1767225600000LL        /* 2026-01-01T00:00:00Z */
#define SCRIPT_ACTIONS 18
#define FRAMES_MOST 300000

uint32_t world_dice(struct world *w, uint32_t sides)
{
	uint32_t r;
	clock_random(&w->random, &r, sizeof(r));
	return r % sides;
}

static void print_now(const struct world *w, char when[TIME_TEXT]) { str_time(w->shared->true_ms, when); }

void world_say(const struct world *w, const char *what, const struct model_person *p)
{
	char when[TIME_TEXT];
	if (!w->verbose)
		return;
	print_now(w, when);
	fprintf(stderr, "%s world: %s %s\n", when, what, p ? p->now.login : "");
}

void world_wrong(struct world *w, enum wrong kind, const struct model_person *p, const char *fmt, ...)
{
	char when[TIME_TEXT], what[300];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	print_now(w, when);
	w->counts.of[kind]++;
	if (w->quiet)
		return;
	printf("# seed %llu: %s %s %s: %s\n", (unsigned long long)w->seed, when, p ? p->now.login : "-", p ? p->uuid : "", what);
	fflush(stdout);
	if (w->verbose)
		fprintf(stderr, "%s WRONG: %s %s: %s\n", when, p ? p->now.login : "-", p ? p->uuid : "", what);
}

struct model_person *world_owner(struct world *w, const char *text, unsigned *generation)
{
	char uuid[UUID_TEXT];
	const char *at = text ? strstr(text, "rollcall:" INSTALLATION ":") : NULL;
	if (!at || sscanf(at, "rollcall:" INSTALLATION ":%36[^:]:%u", uuid, generation) != 2)
		return NULL;
	for (size_t i = 0; i < w->count; i++)
		if (!strcmp(w->people[i].uuid, uuid))
			return &w->people[i];
	return NULL;
}

static void set_up(struct world *w)
{
	uint32_t verdicts = world_dice(w, 5);
	w->setup = (struct setup){ .verdicts = verdicts < 3 ? DISABLED_BY_VALUE : verdicts == 3 ? ENTITLED_BY_VALUE : ENTITLED_BY_NEGATION,
		.sentinels = world_dice(w, 2),
		.yes = world_dice(w, 3),
		.departures_hour = 1 + world_dice(w, 2),
		.joins_hour = world_dice(w, 3) ? 0 : 2 + world_dice(w, 4),
		.audit_ms = (world_dice(w, 2) ? 1 : 10) * DAY_MS,
		.by_hand_kept = world_dice(w, 8) == 0 };
	w->setup.departures_day = w->setup.departures_hour * 3;
	w->setup.key_age_ms = w->seed % 4 == 1 ? KEY_AGE_MS : 0;
}

void world_open(struct world *w, uint64_t seed, struct shared *shared, const char *dir, bool verbose, bool quiet)
{
	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->shared = shared;
	w->dir = dir;
	w->verbose = verbose;
	w->quiet = quiet;
	w->random = clock_virtual(&w->random_state, 0, seed);
	w->script_left = SCRIPT_ACTIONS;
	w->faults = true;
	memset(shared, 0, sizeof(*shared));
	shared->true_ms = w->idle_ms = w->idle_wall_ms = START_MS + (int64_t)world_dice(w, (uint32_t)DAY_MS);
	set_up(w);
	cloud_open(w);
	/* A story that goes on for weeks costs too much with an audit each day. */
	if (w->refund_days < 30 && seed % 8 != 0)
		w->setup.audit_ms = 10 * DAY_MS;
}

void world_close(struct world *w)
{
	emulator_free(w->emulator);
	for (size_t i = 0; i < w->count; i++)
		free(w->people[i].shown);
	for (size_t i = 0; i < ARRAY_LEN(w->late); i++)
		free(w->late[i].request);
}

void world_born(struct world *w)
{
	w->lives++;
	w->connected = false;
	w->retry_ms = 0;
	for (size_t i = 0; i < w->count; i++)
		if (!w->people[i].out_written)
			w->people[i].told_out_ms = w->people[i].out_known_ms = 0;
}

/* --- disk, clock, evidence ---------------------------------------------------------------------------------------------------- */

static void move_evidence(struct world *w, bool away)
{
	char here[300], there[300];
	snprintf(here, sizeof(here), "%s/evidence", w->dir);
	snprintf(there, sizeof(there), "%s/evidence.away", w->dir);
	/* A life that began meanwhile has begun a new file: then the old one stays away. */
	if (away ? rename(here, there) == 0 : access(here, F_OK) != 0 && rename(there, here) == 0)
		world_say(w, away ? "the evidence is moved away" : "the evidence is back", NULL);
	w->evidence_away = away;
}

static int64_t minutes(struct world *w, uint32_t most) { return w->shared->true_ms + (1 + world_dice(w, most)) * MINUTE_MS; }

void world_disk_fails(struct world *w)
{
	static const char *const disks[] = { [DISK_FULL] = "the disk is full", [DISK_FULL_EVERYWHERE] = "the disk is full, everywhere",
		[DISK_READ_ONLY] = "the disk is read-only", [DISK_FAILS_ONCE] = "the disk fails now and then" };
	w->shared->disk = (enum disk)(1 + world_dice(w, DISKS - 1));
	w->disk_until_ms = minutes(w, 60);
	world_say(w, disks[w->shared->disk], NULL);
}

static void set_clock(struct world *w, int64_t step_ms)
{
	w->step_before_ms = w->shared->step_ms;
	w->stepped_ms = w->shared->true_ms;
	w->shared->step_ms = step_ms;
}

static void fails(struct world *w)
{
	/* Of all that is taken with time, the age of a key is least looked at by anything else. */
	switch (world_dice(w, w->setup.key_age_ms ? 3 : 6)) {
	case 0:
		set_clock(w, ((int64_t)world_dice(w, 6 * (uint32_t)HOUR_MS) - 3 * HOUR_MS) * (world_dice(w, 3) ? 1 : 24));
		w->step_until_ms = minutes(w, 180);
		world_say(w, "the wall clock jumps", NULL);
		break;
	case 1:
		if (!w->evidence_away)
			move_evidence(w, true);
		w->evidence_until_ms = minutes(w, 30);
		break;
	default:
		world_disk_fails(w);
	}
}

static void works_again(struct world *w, bool all)
{
	struct shared *s = w->shared;
	int64_t now = all ? INT64_MAX : s->true_ms;
	if (s->disk && w->disk_until_ms <= now) {
		s->disk = DISK_WELL;
		w->disk_bad_ms = s->true_ms;
		world_say(w, "the disk works again", NULL);
	}
	if (s->step_ms && w->step_until_ms <= now) {
		set_clock(w, 0);
		world_say(w, "the wall clock is right again", NULL);
	}
	if (w->evidence_away && w->evidence_until_ms <= now)
		move_evidence(w, false);
	if (w->ill != WELL && w->ill_until_ms <= now)
		directory_recover(w);
}

void world_weather(struct world *w)
{
	works_again(w, false);
	cloud_late(w, false);
	if (w->faults && world_dice(w, 200) == 0)
		fails(w);
}

void world_calm(struct world *w)
{
	w->faults = false;
	w->shared->end = (struct end_of_life){ 0 };
	works_again(w, true);
	cloud_late(w, true);
	cloud_calm(w);
	w->calm_ms = w->shared->true_ms;
	w->end_ms = w->calm_ms + GRACE_MS + (w->refund_days > 30 ? 3 : 45) * DAY_MS;
	world_say(w, "faults stop", NULL);
}

/* --- answers ---------------------------------------------------------------------------------------------------------------------- */

static void answer_exchange(struct world *w, int fd, const char *body, size_t n, struct arena *a)
{
	/* While a call is on its way the directory may change. */
	if (w->script_left && world_dice(w, 60) == 0)
		script_act(w);
	/* A fault that hits the same call of every attempt would keep the child from ever being idle. */
	if (!w->script_left && w->faults && world_dice(w, 200) == 0)
		world_calm(w);
	world_weather(w);
	cloud_exchange(w, fd, body, n, a);
}

static int64_t earlier(int64_t a, int64_t b) { return b && b < a ? b : a; }

static int64_t next_moment(const struct world *w, int64_t until_ms)
{
	int64_t now = w->shared->true_ms, due = until_ms - w->shared->step_ms;
	due = earlier(due, directory_due(w));
	due = earlier(due, w->shared->disk ? w->disk_until_ms : 0);
	due = earlier(due, w->shared->step_ms ? w->step_until_ms : 0);
	due = earlier(due, w->evidence_away ? w->evidence_until_ms : 0);
	for (size_t i = 0; i < ARRAY_LEN(w->late); i++)
		due = earlier(due, w->late[i].request ? w->late[i].due_ms : 0);
	return due > now ? due : now + 1;
}

/* Nothing is due before that: the script goes on, or time does. */
static bool answer_idle(struct world *w, int fd, const char *body, struct arena *a)
{
	struct str commands;
	int64_t *now = &w->shared->true_ms;
	const char *lines = strchr(body, '\n');
	str_init(&commands, a);
	lines = lines ? lines + 1 : "";
	watch_idle(w, lines);
	script_administrate(w, lines, &commands);
	if (w->script_left && world_dice(w, 4) == 0) {
		*now += (int64_t)world_dice(w, 20000);
		script_act(w);
	} else if (w->script_left && world_dice(w, 30) == 0) {
		*now += (int64_t)world_dice(w, world_dice(w, 2) ? 3 * (uint32_t)DAY_MS : (uint32_t)HOUR_MS);
	} else {
		*now = next_moment(w, strtoll(body, NULL, 10));
	}
	if (!w->script_left && w->faults)
		world_calm(w);
	world_weather(w);
	bool over = !w->script_left && *now >= w->end_ms;
	frame_send(fd, over ? FRAME_QUIT : FRAME_IDLE, commands.text, commands.len);
	return !over;
}

static void send_json(int fd, struct arena *a, const struct json *j)
{
	const char *text = json_print(a, j);
	frame_send(fd, FRAME_ANSWER, text, strlen(text));
}

bool world_answer(struct world *w, int fd, char type, const char *body, size_t n, struct arena *a)
{
	if (++w->frames > FRAMES_MOST)
		return false;
	switch (type) {
	case FRAME_EXCHANGE:
		answer_exchange(w, fd, body, n, a);
		return true;
	case FRAME_NEXT:
		send_json(fd, a, directory_next(w, a));
		return true;
	case FRAME_REREAD:
	case FRAME_ORIGINAL:
		send_json(fd, a, directory_reread(w, body, type == FRAME_ORIGINAL, a));
		return true;
	case FRAME_DOUBTS:
		send_json(fd, a, directory_doubts(w, a));
		return true;
	case FRAME_DELIVER:
		send_json(fd, a, directory_deliver(w, body, body + UUID_TEXT, a));
		return true;
	case FRAME_IDLE:
		return answer_idle(w, fd, body, a);
	default:
		fprintf(stderr, "story: unknown frame\n");
		exit(2);
	}
}
