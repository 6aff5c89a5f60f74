/* Many stories, several at once: each in a process of its own, which takes the next seed when it is done with one. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/story/story.h"

/* What the processes share. */
struct board { atomic_long next; atomic_bool caught; struct tally tallies[JOBS_MOST]; };

static void *share(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		exit(2);
	return p;
}

static time_t now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* A slow machine makes fewer of them, and no failure. */
static bool is_enough(const struct batch *b, long made, time_t began)
{
	return made >= b->stories || (b->seconds && made >= b->least && now_s() >= began + b->seconds);
}

static void work(const struct batch *batch, struct board *b, struct tally *t)
{
	struct telling r = batch->telling;
	r.shared = share(sizeof(*r.shared));
	r.quiet = batch->until_caught;
	const time_t began = now_s();
	while (!atomic_load(&b->caught)) {
		long at = atomic_fetch_add(&b->next, 1);
		if (is_enough(batch, at, began))
			break;
		uint64_t seed = batch->base + (uint64_t)at;
		int wrong = run_story(seed, &r, t);
		if (wrong && !r.quiet)
			printf("# seed %llu failed: %d differences (again: stories --seed %llu -v)\n", (unsigned long long)seed, wrong,
				(unsigned long long)seed);
		fflush(stdout);
		if (wrong && batch->until_caught && !atomic_exchange(&b->caught, true))
			t->first_failed = seed;
	}
}

static void add(struct tally *sum, const struct tally *t)
{
	sum->stories += t->stories;
	sum->failed += t->failed;
	sum->lives += t->lives;
	sum->exchanges += t->exchanges;
	sum->kills += t->kills;
	sum->first_failed += t->first_failed;
	for (int k = 0; k < WRONGS; k++)
		sum->counts.of[k] += t->counts.of[k];
}

struct tally batch_run(const struct batch *batch)
{
	struct board *b = share(sizeof(*b));
	struct tally sum = { .ended_well = true };
	fflush(stdout);
	for (int i = 0; i < batch->jobs; i++) {
		if (fork() == 0) {
			work(batch, b, &b->tallies[i]);
			_exit(0);
		}
	}
	for (int i = 0, status; i < batch->jobs; i++) {
		while (wait(&status) < 0 && errno == EINTR)
			;
		if (status != 0)
			printf("# a process ended with status %#x\n", (unsigned)status);
		sum.ended_well &= status == 0;
	}
	for (int i = 0; i < batch->jobs; i++)
		add(&sum, &b->tallies[i]);
	munmap(b, sizeof(*b));
	return sum;
}
