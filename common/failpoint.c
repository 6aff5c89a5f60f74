#include "common/failpoint.h"

#ifdef ROLLCALL_FAILPOINTS
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the environment asks for: read once, at the first point. */
static struct {
	pthread_once_t once;
	const char *bug;     /* NULL = none is planted */
	char name[64];       /* "" = no point ends the process */
	unsigned long at;
	atomic_ulong passed;
	int trace;           /* -1 = none */
} rule = { .once = PTHREAD_ONCE_INIT, .trace = -1 };

static _Atomic(failpoint_hook) hook;

static void read_rule(void)
{
	const char *text = getenv("ROLLCALL_FAILPOINT");
	const char *colon = text ? strrchr(text, ':') : NULL;
	size_t n = text ? (colon ? (size_t)(colon - text) : strlen(text)) : 0;
	if (n > 0 && n < sizeof(rule.name)) {
		memcpy(rule.name, text, n);
		rule.at = colon ? strtoul(colon + 1, NULL, 10) : 1;
	}
	rule.bug = getenv("ROLLCALL_BUG");
	const char *file = getenv("ROLLCALL_FAILPOINT_TRACE");
	if (file)
		rule.trace = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void trace(const char *name)
{
	char line[80];
	size_t n = strnlen(name, sizeof(line) - 1);
	memcpy(line, name, n);
	line[n] = '\n';
	if (write(rule.trace, line, n + 1) < 0)
		rule.trace = -1;
}

static void follow_rule(const char *name)
{
	pthread_once(&rule.once, read_rule);
	if (rule.trace >= 0)
		trace(name);
	if (!rule.name[0] || (strcmp(rule.name, "*") != 0 && strcmp(rule.name, name) != 0))
		return;
	if (atomic_fetch_add(&rule.passed, 1) + 1 == rule.at)
		_exit(137);     /* what a shell reports after kill -9 */
}

bool failpoint_planted(const char *bug)
{
	pthread_once(&rule.once, read_rule);
	return rule.bug && strcmp(rule.bug, bug) == 0;
}

void failpoint_plant(const char *bug)
{
	pthread_once(&rule.once, read_rule);
	rule.bug = bug;
}

void failpoint_set(failpoint_hook fn)
{
	atomic_store(&hook, fn);
}

void failpoint_hit(const char *name)
{
	failpoint_hook fn = atomic_load(&hook);
	if (fn)
		fn(name);
	else
		follow_rule(name);
}
#else
/* Nothing in a release build; a translation unit may not be empty. */
typedef int failpoint_unused;
#endif
