/* stories [--stories N] [--seed-base M] [--jobs J]     seeded stories, J at once; then the planted bugs
 *         --only                                       ... without those
 *         --planted [NAME]                             only those, or one of them
 *         --points                                     how often each fail point was passed, and killed at
 * stories --seed S [-v]                                one story again
 *
 * Each failed seed is printed with how to run it again.  The last line is the counts; 1 when anything was wrong. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/story/story.h"

/* Sanitizers: each story takes several times as long there. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STORIES 40
#define PLANTED_TOO false
#else
#define STORIES 250
#define PLANTED_TOO true
#endif

struct options { struct batch batch; const char *bug; bool stories, planted, points; };

static int usage(void)
{
	fprintf(stderr, "usage: stories [--stories N] [--seed-base M] [--jobs J] [--only] [--points]\n"
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
	} else if (!strcmp(name, "--seed-base")) {
		o->batch.base = n;
	} else if (!strcmp(name, "--jobs")) {
		o->batch.jobs = (int)n;
	} else if (!strcmp(name, "--seed")) {
		o->batch.base = n;
		o->batch.stories = o->batch.jobs = 1;
		o->planted = false;
	} else {
		return false;
	}
	return true;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	uint64_t n;
	*o = (struct options){ .stories = true, .planted = PLANTED_TOO,
		.batch = { .base = 1, .stories = STORIES, .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN) } };
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (!strcmp(argv[i], "-v")) {
			o->batch.verbose = true;
		} else if (!strcmp(argv[i], "--only")) {
			o->planted = false;
		} else if (!strcmp(argv[i], "--points")) {
			o->points = true;
		} else if (!strcmp(argv[i], "--planted")) {
			o->stories = false;
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
static bool tell_stories(const struct options *o, const struct tally *t)
{
	const int *n = t->counts.of;
	int spared = o->batch.stories > 1 ? points_report(o->points) : 0;
	bool good = !t->failed && !spared && t->ended_well;
	if (spared)
		printf("# %d fail points were passed often and never killed at\n", spared);
	printf("%s 1 - %d stories, %d lives, %d kills, %d calls, %d failed; %d duplicates, %d orphans, %d double payments, "
		"%d wrongly suspended, %d working keys, %d other differences\n", good ? "ok" : "not ok", t->stories, t->lives,
		t->kills, t->exchanges, t->failed, n[DUPLICATE], n[ORPHAN], n[DOUBLE_PAYMENT], n[WRONGLY_SUSPENDED], n[WORKING_KEY],
		n[OTHERWISE]);
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
		good = planted_found(&o.batch, o.bug, o.stories ? 2 : 1, &planted);
	if (o.stories) {
		const struct tally t = batch_run(&o.batch);
		good &= tell_stories(&o, &t);
	}
	if (!o.stories)
		printf("1..%d\n", planted);
	rmdir(dir);
	seal_key_free(key);
	return good ? 0 : 1;
}
