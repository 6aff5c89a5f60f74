/* story [--stories N] [--seed-base M] [--seed S -v]: run seeded stories.  The last line is the count; each failed
 * seed is printed with how to run it again. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/seal.h"
#include "tests/story/story.h"

#define LIVES_MAX 60
#ifdef __SANITIZE_ADDRESS__
#define STORIES 120            /* each takes several times as long there */
#else
#define STORIES 500
#endif
#define EXCHANGES_MAX 20000

struct run { const char *dir, *key_file; bool verbose; struct shared *shared; };

static void remove_tree(const char *dir)
{
	static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "store.db-journal", "evidence" };
	char path[512];
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* One life of the child.  1 = the story is over, 0 = it was killed, -1 = it ended in a way it must not. */
static int one_life(struct world *w, const struct run *r, const char *dir)
{
	int pair[2], status;
	bool on = true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		exit(2);
	w->lives++;
	w->connected = false;
	r->shared->points = 0;
	r->shared->kill_at = w->faults && w->lives < LIVES_MAX && world_dice(w, 4) ? 1 + world_dice(w, world_dice(w, 2) ? 60 : 600) : 0;
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		const struct life life = { .fd = pair[1], .shared = r->shared, .dir = dir, .key_file = r->key_file,
			.seed = w->seed * 1000 + (uint64_t)w->lives, .verbose = r->verbose };
		child_run(&life);
	}
	close(pair[1]);
	while (on && w->exchanges < EXCHANGES_MAX) {
		AUTO_ARENA struct arena *a = arena_new(64u << 20);
		char type, *body;
		size_t n;
		if (frame_receive(pair[0], a, &type, &body, &n))
			break;
		on = world_answer(w, pair[0], type, body, n, a);
	}
	close(pair[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!on)
		return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 137) {
		if (r->verbose)
			fprintf(stderr, "--- killed at point %lld (%s)\n", (long long)r->shared->points, r->shared->last_point);
		return 0;
	}
	fprintf(stderr, "story: the child ended with status %#x after %d exchanges\n", (unsigned)status, w->exchanges);
	return -1;
}

static int one_story(uint64_t seed, const struct run *r, int *lives, int *exchanges)
{
	struct world w;
	char dir[256];
	int over;
	snprintf(dir, sizeof(dir), "%s/s%llu", r->dir, (unsigned long long)seed);
	remove_tree(dir);
	if (mkdir(dir, 0700)) {
		perror(dir);
		exit(2);
	}
	world_open(&w, seed, r->shared, r->verbose);
	do
		over = one_life(&w, r, dir);
	while (over == 0);
	int wrong = over == 1 || r->verbose ? world_judge(&w) : 1;
	*lives += w.lives;
	*exchanges += w.exchanges;
	world_close(&w);
	if (!wrong || !r->verbose)
		remove_tree(dir);
	return wrong;
}

int main(int argc, char **argv)
{
	uint64_t base = 1, only = 0;
	long stories = STORIES;
	struct run r = { 0 };
	char dir[] = "/dev/shm/rollcall-story-XXXXXX", key_file[300];
	struct seal_key *key;
	struct err e;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--stories") && i + 1 < argc)
			stories = atol(argv[++i]);
		else if (!strcmp(argv[i], "--seed-base") && i + 1 < argc)
			base = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			only = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "-v"))
			r.verbose = true;
		else {
			fprintf(stderr, "usage: story [--stories N] [--seed-base M] [--seed S] [-v]\n");
			return 2;
		}
	}
	signal(SIGPIPE, SIG_IGN);
	json_start();
	if (!mkdtemp(dir))
		return 2;
	r.dir = dir;
	snprintf(key_file, sizeof(key_file), "%s/key.pem", dir);
	r.key_file = key_file;
	if (seal_key_ensure(key_file, "story", &key, &e)) {
		fprintf(stderr, "story: %s\n", e.text);
		return 2;
	}
	seal_key_free(key);
	r.shared = mmap(NULL, sizeof(*r.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r.shared == MAP_FAILED)
		return 2;
	int lives = 0, exchanges = 0, failed = 0, run = 0;
	for (uint64_t seed = only ? only : base; run < (only ? 1 : stories); seed++, run++) {
		int wrong = one_story(seed, &r, &lives, &exchanges);
		if (!wrong)
			continue;
		failed++;
		printf("not ok - seed %llu: %d differences (again: story --seed %llu -v)\n", (unsigned long long)seed, wrong,
			(unsigned long long)seed);
		fflush(stdout);
	}
	unlink(key_file);
	rmdir(dir);
	printf("%s 1 - %d stories, %d lives, %d calls, %d failed\n", failed ? "not ok" : "ok", run, lives, exchanges, failed);
	printf("1..1\n");
	return failed ? 1 : 0;
}
