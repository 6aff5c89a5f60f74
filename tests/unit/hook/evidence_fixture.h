/* An evidence file in a folder of its own, and what the tests of it share. */
#ifndef ROLLCALL_TESTS_UNIT_HOOK_EVIDENCE_FIXTURE_H
#define ROLLCALL_TESTS_UNIT_HOOK_EVIDENCE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"
#include "hook/evidence.h"

#define NOW 1764002102123LL
#define OK(call) assert_int_equal((call), 0)

struct fixture {
	char folder[64], path[96];
	struct clock_virtual time;
	struct clock clock;
	struct evidence *ev;
	struct err e;
};

static inline void open_it(struct fixture *f)
{
	if (evidence_open(f->path, &f->clock, &f->ev, &f->e) < 0)
		fail_msg("%s", f->e.text);
}

static inline void close_it(struct fixture *f)
{
	evidence_close(f->ev);
	f->ev = NULL;
}

static inline int up(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	strcpy(f->folder, "/tmp/rollcall-test-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/evidence.jsonl", f->folder);
	f->clock = clock_virtual(&f->time, NOW, 1);
	open_it(f);
	*state = f;
	return 0;
}

static inline int down(void **state)
{
	struct fixture *f = *state;
	evidence_close(f->ev);
	unlink(f->path);
	rmdir(f->folder);
	free(f);
	return 0;
}

static inline void add(struct fixture *f, const char *what)
{
	const struct evidence_line l = { .event = "did", .uuid = "00000001-e813-11f1-9271-ca710d083b6f", .login = "alice",
		.generation = 1, .row = "env", .what = what };
	OK(evidence_add(f->ev, &l, &f->e));
}

static inline void add_some(struct fixture *f, unsigned n)
{
	for (unsigned i = 1; i <= n; i++) {
		char what[32];
		snprintf(what, sizeof(what), "step %u", i);
		add(f, what);
	}
}

static inline char *slurp(const struct fixture *f, size_t *n)
{
	int fd = open(f->path, O_RDONLY);
	struct stat st;
	assert_true(fd >= 0);
	OK(fstat(fd, &st));
	char *bytes = mem_alloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	*n = (size_t)st.st_size;
	return bytes;
}

static inline void spill(const struct fixture *f, const char *bytes, size_t n)
{
	int fd = open(f->path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static inline void good(struct fixture *f, int64_t want)
{
	int64_t lines = -1;
	if (evidence_verify(f->path, &lines, &f->e) < 0)
		fail_msg("%s", f->e.text);
	assert_int_equal(lines, want);
}

static inline void bad(struct fixture *f, const char *because)
{
	int64_t lines = -1;
	assert_int_equal(evidence_verify(f->path, &lines, &f->e), ERR_INPUT);
	assert_int_equal(lines, -1);
	if (!strstr(f->e.text, because))
		fail_msg("\"%s\" does not say \"%s\"", f->e.text, because);
}

/* Start of line i (from 1). */
static inline char *line_at(char *bytes, unsigned i)
{
	while (--i > 0)
		bytes = strchr(bytes, '\n') + 1;
	return bytes;
}

#endif
