/* Would the stories find such a bug?  Each of these is built in, and switched on by the environment (common/failpoint.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/story/story.h"

#define STORIES_MOST 500

/* soon: within few stories, so that each run of the tests looks for it. */
static const struct { const char *name, *what; bool soon; } bugs[] = {
	{ "no-resolve", "a call of unknown outcome is not looked after", true },
	{ "retry-create", "a call of unknown outcome is made again", true },
	{ "grant-by-old-csn", "evidence that is older than the cut gives access back", false },
	{ "absent-acts-at-once", "a weak sign acts without being confirmed", true },
	{ "absent-without-reread", "whoever is absent is not read again", false },
	{ "gate-off", "what speaks against a refresh is not heard", false },
	{ "brake-off", "any number of people may depart by absence", false },
	{ "cut-needs-store", "nobody is cut while the store takes nothing", false },
	{ "no-fence", "a worker writes over news that came meanwhile", true },
	{ "key-kept-active", "no key is switched off", true },
	{ "old-key-stays", "a key works on though its overlap is over", false },
	{ "key-for-ever", "no key is replaced", false },
	{ "ours-only", "keys that were made by hand are left", false },
	{ "gives-up", "a cut that fails a few times is not tried again", true },
};

/* Does this story end well without the bug?  Else it shows another one. */
static bool is_good(const struct batch *like, uint64_t seed)
{
	struct batch b = *like;
	b.until_caught = true;
	b.base = seed;
	b.stories = b.jobs = 1;
	return !batch_run(&b).failed;
}

static bool found(const struct batch *like, size_t i, int number)
{
	struct batch b = *like;
	b.until_caught = true;
	b.base = 1;
	b.stories = STORIES_MOST;
	b.seconds = 0;
	setenv("ROLLCALL_BUG", bugs[i].name, 1);
	const struct tally t = batch_run(&b);
	unsetenv("ROLLCALL_BUG");
	bool caught = t.failed && is_good(like, t.first_failed);
	if (caught)
		printf("ok %d - planted %s (%s): found in %d stories, by seed %llu\n", number, bugs[i].name, bugs[i].what, t.stories,
			(unsigned long long)t.first_failed);
	else if (t.failed)
		printf("not ok %d - planted %s (%s): seed %llu fails without it\n", number, bugs[i].name, bugs[i].what,
			(unsigned long long)t.first_failed);
	else
		printf("not ok %d - planted %s (%s): not found in %d stories\n", number, bugs[i].name, bugs[i].what, t.stories);
	fflush(stdout);
	return caught;
}

bool planted_found(const struct batch *like, const char *only, bool soon, int *count)
{
	int caught = 0;
	*count = 0;
	for (size_t i = 0; i < ARRAY_LEN(bugs); i++) {
		if ((only && strcmp(bugs[i].name, only) != 0) || (soon && !bugs[i].soon))
			continue;
		(*count)++;
		caught += found(like, i, *count);
	}
	printf("%d planted, %d caught, %d not caught\n", *count, caught, *count - caught);
	fflush(stdout);
	return *count > 0 && caught == *count;
}
