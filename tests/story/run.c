/* One story: life after life of the child, until the world says that it is over, and the judgement. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/story/story.h"

#define LIVES_MOST 80
#define EXCHANGES_MOST 30000
#define RESTART_MS 5000

static void remove_tree(const char *dir)
{
	static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "store.db-journal", "evidence", "evidence.away",
		"second" };
	char path[512];
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* Three of four lives are short: some end after so many points, some at a point of one name, so that rare ones have their
 * turn; one of four of these ends is a power cut. */
static const char *choose_point(struct world *w)
{
	size_t count = points_count(), at = world_dice(w, (uint32_t)count);
	/* Most of all around what pays or shows a secret once. */
	bool precious = world_dice(w, 3) == 0;
	for (size_t n = 0; precious && n < count; n++, at = (at + 1) % count)
		if (strstr(points_name(at), "Create") || strstr(points_name(at), "intent") || strstr(points_name(at), "settle"))
			break;
	return points_name(at);
}

static struct end_of_life choose_end(struct world *w)
{
	struct end_of_life end = { 0 };
	if (!w->faults || w->lives >= LIVES_MOST || world_dice(w, 4) == 0)
		return end;
	if (world_dice(w, 2))
		end.at = 1 + world_dice(w, world_dice(w, 2) ? 60 : 800);
	else
		str_copy(end.name, sizeof(end.name), choose_point(w));
	if (world_dice(w, 4) == 0)
		end.power = 1 + world_dice(w, UINT32_MAX);
	return end;
}

/* 1 = the story is over, 0 = another life follows, -1 = it ended in a way it must not. */
static int judge_death(struct world *w, int status, bool over, const struct telling *r, struct tally *t)
{
	const struct shared *s = r->shared;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (over && code == 0)
		return 1;
	if (!over && code == 137) {
		t->kills++;
		if (r->verbose)
			fprintf(stderr, "--- %s at point %lld (%s)\n", s->end.power ? "power cut" : "killed", (long long)s->points,
				s->last_point);
		return 0;
	}
	if (!over && code == STATUS_NO_START) {
		r->shared->true_ms += RESTART_MS;
		world_weather(w);
		return 0;
	}
	world_wrong(w, OTHERWISE, NULL, "Rollcall ended with status %#x after %d calls and %d frames", (unsigned)status, w->exchanges,
		w->frames);
	return -1;
}

static int one_life(struct world *w, const struct telling *r, struct tally *t)
{
	int pair[2], status;
	bool on = true;
	if (frame_pair(pair))
		exit(2);
	world_born(w);
	r->shared->points = 0;
	r->shared->end = choose_end(w);
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		const struct life life = { .fd = pair[1], .shared = r->shared, .dir = w->dir, .setup = &w->setup, .key = r->key,
			.seed = w->seed * 1000 + (uint64_t)w->lives, .verbose = r->verbose };
		child_run(&life);
	}
	close(pair[1]);
	AUTO_ARENA struct arena *a = arena_new(64u << 20);
	while (on && w->exchanges < EXCHANGES_MOST) {
		char type, *body;
		size_t n;
		arena_reset(a);
		if (frame_receive(pair[0], a, &type, &body, &n))
			break;
		on = world_answer(w, pair[0], type, body, n, a);
	}
	close(pair[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return judge_death(w, status, !on, r, t);
}

int run_story(uint64_t seed, const struct telling *r, struct tally *t)
{
	struct world w;
	char dir[256];
	int over, wrong = 0;
	snprintf(dir, sizeof(dir), "%s/s%llu", r->dir, (unsigned long long)seed);
	remove_tree(dir);
	if (mkdir(dir, 0700)) {
		fprintf(stderr, "story: %s: %s\n", dir, strerror(errno));
		exit(2);
	}
	world_open(&w, seed, r->shared, dir, r->verbose, r->quiet);
	do
		over = one_life(&w, r, t);
	while (over == 0);
	if (over == 1)
		judge_end(&w);
	for (int i = 0; i < WRONGS; i++) {
		wrong += w.counts.of[i];
		t->counts.of[i] += w.counts.of[i];
	}
	t->stories++;
	t->failed += wrong > 0;
	t->lives += w.lives;
	t->exchanges += w.exchanges;
	world_close(&w);
	if (!wrong || !r->verbose)
		remove_tree(dir);
	return wrong;
}

/* Rollcall's own key pair, the shortest that it takes: opening what the store holds is half of what a story costs. */
struct seal_key *run_key(const char *path)
{
	struct seal_key *key = NULL;
	struct err e = { 0 };
	EVP_PKEY *pair = EVP_RSA_gen(2048);
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	mode_t mask = umask(077);
	FILE *f = fopen(path, "we");
	umask(mask);
	bool made = f && pair && X509_set_version(cert, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
		X509_gmtime_adj(X509_getm_notBefore(cert), -3600) && X509_gmtime_adj(X509_getm_notAfter(cert), 10 * 365 * 86400) &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"story", -1, -1, 0) &&
		X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, pair) && X509_sign(cert, pair, EVP_sha256()) &&
		PEM_write_PrivateKey(f, pair, NULL, NULL, 0, NULL, NULL) && PEM_write_X509(f, cert);
	if (f)
		fclose(f);
	X509_free(cert);
	EVP_PKEY_free(pair);
	if (!made || seal_key_load(path, &key, &e)) {
		fprintf(stderr, "story: no key pair: %s\n", e.text);
		exit(2);
	}
	unlink(path);
	return key;
}
