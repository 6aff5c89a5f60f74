/* Which fail points a run passed, and at which it killed.  Those that stand in the sources are read from there, so that a
 * point that no story ever reaches is seen. */
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cloud/api.h"
#include "tests/story/story.h"

#define ROOM 512
#define OFTEN 1000             /* who was passed in so many lives has been killed at, or chance never picks it */

/* Written by many processes: a name belongs to a slot for good as soon as it is taken. */
struct points {
	struct slot { atomic_uint taken; char name[64]; atomic_long lives, killed; } slots[ROOM];
	size_t known;                          /* from the sources ... */
	const struct slot *sorted[ROOM];       /* ... by name */
};
struct points *points_of_run;

static uint64_t hash_of(const char *name)
{
	uint64_t h = 0xcbf29ce484222325;        /* FNV-1a */
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3;
	return h;
}

enum { FREE, BUSY, TAKEN };

static struct slot *slot_of(struct points *p, const char *name)
{
	for (size_t at = hash_of(name) % ROOM, n = 0; n < ROOM; at = (at + 1) % ROOM, n++) {
		struct slot *s = &p->slots[at];
		unsigned expected = FREE;
		if (atomic_compare_exchange_strong(&s->taken, &expected, BUSY)) {
			str_copy(s->name, sizeof(s->name), name);
			atomic_store(&s->taken, TAKEN);
			return s;
		}
		while (atomic_load(&s->taken) == BUSY)
			;
		if (!strcmp(s->name, name))
			return s;
	}
	abort();
}

bool points_pass(struct shared *shm, const char *name)
{
	static unsigned char passed[ROOM];      /* in this life */
	struct slot *s = slot_of(points_of_run, name);
	struct end_of_life *end = &shm->end;
	size_t at = (size_t)(s - points_of_run->slots);
	shm->points++;
	if (!passed[at]) {
		passed[at] = 1;
		atomic_fetch_add(&s->lives, 1);
	}
	bool ends = end->at && shm->points >= end->at;
	if (!ends && strcmp(name, end->name) != 0)
		return false;
	atomic_fetch_add(&s->killed, 1);
	str_copy(shm->last_point, sizeof(shm->last_point), name);
	return true;
}

/* --- what stands in the sources --------------------------------------------------------------------------------------- */

static void read_source(const char *path)
{
	char line[512];
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "POINT(\"");
		char name[64] = "";
		if (at && sscanf(at, "POINT(\"%63[^\"]\")", name) == 1)
			slot_of(points_of_run, name);
	}
	if (f)
		fclose(f);
}

static void read_folder(const char *folder)
{
	char path[300];
	DIR *d = opendir(folder);
	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		size_t n = strlen(e->d_name);
		if (n < 3 || strcmp(e->d_name + n - 2, ".c") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		read_source(path);
	}
	if (d)
		closedir(d);
}

static void read_sources(void)
{
	static const char *const folders[] = { "hook", "hook/store", "policies", "cloud", "cloud/drivers" };
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		read_folder(folders[i]);
	for (size_t i = 0; i < ACT_COUNT; i++) {
		char name[64];
		if (action_table[i].kind == ACTION_READ)
			continue;
		for (int after = 0; after < 2; after++) {
			snprintf(name, sizeof(name), "call.%s.%s", action_table[i].name, after ? "after" : "before");
			slot_of(points_of_run, name);
		}
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct slot *const *)a)->name, (*(const struct slot *const *)b)->name);
}

static size_t sort(struct points *p)
{
	size_t count = 0;
	for (size_t i = 0; i < ROOM; i++)
		if (atomic_load(&p->slots[i].taken))
			p->sorted[count++] = &p->slots[i];
	qsort(p->sorted, count, sizeof(*p->sorted), by_name);
	return count;
}

struct points *points_new(void)
{
	struct points *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	points_of_run = p;
	read_sources();
	p->known = sort(p);
	return p;
}

size_t points_count(void) { return points_of_run->known; }
const char *points_name(size_t i) { return points_of_run->sorted[i]->name; }

int points_report(bool verbose)
{
	size_t count = sort(points_of_run), never = 0, killed = 0;
	const struct slot *const *all = points_of_run->sorted;
	int spared = 0;
	for (size_t i = 0; i < count; i++) {
		long lives = atomic_load(&all[i]->lives), kills = atomic_load(&all[i]->killed);
		killed += kills > 0;
		never += !lives;
		spared += !kills && lives >= OFTEN;
		if (!lives)
			printf("# never reached: %s\n", all[i]->name);
		else if (!kills)
			printf("# reached in %ld lives, never killed at: %s\n", lives, all[i]->name);
		else if (verbose)
			printf("# %s: reached in %ld lives, killed at %ld times\n", all[i]->name, lives, kills);
	}
	printf("# %zu fail points, %zu killed at, %zu never reached\n", count, killed, never);
	return spared;
}
