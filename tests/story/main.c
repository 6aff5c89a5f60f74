/* stories [--jobs J]                                  the bugs that are found soon, then as many stories as fit the time
 *         --stories N [--seed-base M]                 so many seeded stories, J at once
 *         --planted [NAME]                            the planted bugs, or one of them
 *         --points                                    ... and how often each fail point was passed, and killed at
 * stories --seed S [-v]                               one story again
 *
 * Each failed seed is printed with how to run it again.  The last line is the counts; 1 when anything was wrong. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/story/story.h"

/* What the tests run.  Sanitizers: each story takes several times as long there. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SECONDS 60
#define STORIES_LEAST 20
#define PLANTED_TOO false
#else
#define SECONDS 180
#define STORIES_LEAST 200
#define PLANTED_TOO true
#endif
#define STORIES_MOST 400

struct options { struct batch batch; const char *bug; bool stories, planted, soon, points; };

static int usage(void)
{
	fprintf(stderr, "usage: stories [--jobs J] [--points]\n"
		"       stories --stories N [--seed-base M] [--jobs J] [--points]\n"
		"       stories --planted [NAME] [--jobs J]\n"
		"       stories --seed S [-v]\n");
	return 2;
}

static bool read_number(const char *text, uint64_t *out)
{
	char *end;
	if (!text || *text < '0' || *text > '9')
		return false;
	*out = strtoull(text, &end, 10);
	return !*end;
}

static bool set_number(struct options *o, const char *name, uint64_t n)
{
	if (!strcmp(name, "--stories")) {
		o->batch.stories = (long)n;
		o->batch.seconds = 0;
		o->planted = false;
	} else if (!strcmp(name, "--seed-base")) {
		o->batch.base = n;
	} else if (!strcmp(name, "--jobs")) {
		o->batch.jobs = (int)n;
	} else if (!strcmp(name, "--seed")) {
		o->batch.base = n;
		o->batch.stories = o->batch.jobs = 1;
		o->batch.seconds = 0;
		o->planted = false;
	} else {
		return false;
	}
	return true;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	uint64_t n;
	*o = (struct options){ .stories = true, .planted = PLANTED_TOO, .soon = true,
		.batch = { .base = 1, .stories = STORIES_MOST, .least = STORIES_LEAST, .seconds = SECONDS, .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN) } };
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (!strcmp(argv[i], "-v")) {
			o->batch.verbose = true;
		} else if (!strcmp(argv[i], "--points")) {
			o->points = true;
		} else if (!strcmp(argv[i], "--planted")) {
			o->stories = o->soon = false;
			o->planted = true;
			if (value && value[0] != '-')
				o->bug = argv[++i];
		} else if (!read_number(value, &n) || !set_number(o, argv[i++], n)) {
			return false;
		}
	}
	return o->batch.jobs > 0 && o->batch.jobs <= JOBS_MOST;
}

/* A batch that is large enough has killed at whatever it passed often. */
static bool tell_stories(const struct options *o, const struct tally *t, int number)
{
	const int *n = t->counts.of;
	int spared = o->batch.stories > 1 ? points_report(o->points) : 0;
	bool good = !t->failed && !spared && t->ended_well;
	if (spared)
		printf("# %d fail points were passed often and never killed at\n", spared);
	printf("%s %d - stories with faults\n", good ? "ok" : "not ok", number);
	printf("%d stories, %d failed (%d lives, %d kills, %d calls): %d duplicates, %d orphans, %d double payments, "
		"%d people wrongly suspended, %d leavers with a working key, %d other differences\n", t->stories, t->failed, t->lives,
		t->kills, t->exchanges, n[DUPLICATE], n[ORPHAN], n[DOUBLE_PAYMENT], n[WRONGLY_SUSPENDED], n[WORKING_KEY], n[OTHERWISE]);
	fflush(stdout);
	return good;
}

int main(int argc, char **argv)
{
	struct options o;
	char dir[] = "/dev/shm/rollcall-story-XXXXXX", key_file[300];
	bool good = true;
	int planted = 0;
	if (!read_options(&o, argc, argv))
		return usage();
	signal(SIGPIPE, SIG_IGN);
	json_start();
	if (!points_new() || !mkdtemp(dir))
		return 2;
	snprintf(key_file, sizeof(key_file), "%s/key.pem", dir);
	struct seal_key *key = run_key(key_file);
	o.batch.telling = (struct telling){ .dir = dir, .key = key, .verbose = o.batch.verbose };
	/* Planted bugs first, so that the last line is the counts. */
	if (o.planted)
		good = planted_found(&o.batch, o.bug, o.soon, &planted);
	if (o.stories) {
		const struct tally t = batch_run(&o.batch);
		good &= tell_stories(&o, &t, planted + 1);
	}
	rmdir(dir);
	seal_key_free(key);
	return good ? 0 : 1;
}
