/* stories [--stories N] [--seed-base M] [--jobs J] [--points]     seeded stories, J at once
 * stories --until-caught ...                                      end at the first story that fails
 * stories --seed S [-v]                                           one of them again
 *
 * Each failed seed is printed with how to run it again.  The last line is the counts; 1 when anything was wrong. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/story/story.h"

#ifdef __SANITIZE_ADDRESS__
#define STORIES 60             /* each takes several times as long there */
#else
#define STORIES 300
#endif
#define JOBS_MOST 64

struct options { uint64_t base, only; long stories; int jobs; bool verbose, until_caught, points; };

/* What the jobs share. */
struct board { atomic_long next; atomic_bool caught; struct tally tallies[JOBS_MOST]; };

static void *share(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		exit(2);
	return p;
}

static void work(const struct options *o, struct board *b, const struct telling *shared, int job)
{
	struct telling r = *shared;
	struct tally *t = &b->tallies[job];
	r.shared = share(sizeof(*r.shared));
	while (!atomic_load(&b->caught)) {
		long at = atomic_fetch_add(&b->next, 1);
		if (at >= o->stories)
			break;
		uint64_t seed = o->only ? o->only : o->base + (uint64_t)at;
		int wrong = run_story(seed, &r, t);
		if (wrong)
			printf("# seed %llu failed: %d differences (again: stories --seed %llu -v)\n", (unsigned long long)seed, wrong,
				(unsigned long long)seed);
		fflush(stdout);
		if (wrong && o->until_caught)
			atomic_store(&b->caught, true);
	}
}

static struct tally add_up(const struct board *b, int jobs)
{
	struct tally sum = { 0 };
	for (int i = 0; i < jobs; i++) {
		const struct tally *t = &b->tallies[i];
		sum.stories += t->stories;
		sum.failed += t->failed;
		sum.lives += t->lives;
		sum.exchanges += t->exchanges;
		sum.kills += t->kills;
		for (int k = 0; k < WRONGS; k++)
			sum.counts.of[k] += t->counts.of[k];
	}
	return sum;
}

static int usage(void)
{
	fprintf(stderr, "usage: stories [--stories N] [--seed-base M] [--jobs J] [--points] [--until-caught] [--seed S] [-v]\n");
	return 2;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	*o = (struct options){ .base = 1, .stories = STORIES, .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN) };
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (!strcmp(argv[i], "-v"))
			o->verbose = true;
		else if (!strcmp(argv[i], "--until-caught"))
			o->until_caught = true;
		else if (!strcmp(argv[i], "--points"))
			o->points = true;
		else if (!value)
			return false;
		else if (!strcmp(argv[i], "--stories"))
			o->stories = strtol(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--seed-base"))
			o->base = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--jobs"))
			o->jobs = (int)strtol(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--seed"))
			o->only = strtoull(argv[++i], NULL, 10);
		else
			return false;
	}
	if (o->only)
		o->stories = o->jobs = 1;
	return o->jobs > 0 && o->jobs <= JOBS_MOST;
}

static int conclude(const struct options *o, const struct tally *t, bool jobs_ended_well)
{
	const int *n = t->counts.of;
	int spared = o->only || o->until_caught ? 0 : points_report(o->points);
	bool good = !t->failed && !spared && jobs_ended_well;
	if (spared)
		printf("# %d fail points were passed often and never killed at\n", spared);
	printf("1..1\n%s 1 - %d stories, %d lives, %d kills, %d calls, %d failed; %d duplicates, %d orphans, %d double payments, "
		"%d wrongly suspended, %d working keys, %d other differences\n", good ? "ok" : "not ok", t->stories, t->lives,
		t->kills, t->exchanges, t->failed, n[DUPLICATE], n[ORPHAN], n[DOUBLE_PAYMENT], n[WRONGLY_SUSPENDED], n[WORKING_KEY],
		n[OTHERWISE]);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options o;
	char dir[] = "/dev/shm/rollcall-story-XXXXXX", key_file[300];
	bool well = true;
	if (!read_options(&o, argc, argv))
		return usage();
	signal(SIGPIPE, SIG_IGN);
	json_start();
	struct board *board = share(sizeof(*board));
	if (!points_new() || !mkdtemp(dir))
		return 2;
	snprintf(key_file, sizeof(key_file), "%s/key.pem", dir);
	const struct telling r = { .dir = dir, .key = run_key(key_file), .verbose = o.verbose };
	for (int i = 0; i < o.jobs; i++) {
		if (fork() == 0) {
			work(&o, board, &r, i);
			_exit(0);
		}
	}
	for (int i = 0, status; i < o.jobs; i++) {
		while (wait(&status) < 0 && errno == EINTR)
			;
		if (status != 0)
			printf("# a job ended with status %#x\n", (unsigned)status);
		well &= status == 0;
	}
	rmdir(dir);
	const struct tally t = add_up(board, o.jobs);
	return conclude(&o, &t, well);
}
