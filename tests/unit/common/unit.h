/* What the unit tests of this room share: cmocka, and files in a folder of their own. */
#ifndef ROLLCALL_TESTS_UNIT_COMMON_UNIT_H
#define ROLLCALL_TESTS_UNIT_COMMON_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "common/mem.h"

#define T(name) cmocka_unit_test(name)

/* The error's kind and a part of its text. */
static inline void check_err(int result, const struct err *e, enum err_kind kind, const char *part)
{
	assert_int_equal(result, kind);
	assert_int_equal(e->kind, kind);
	if (!strstr(e->text, part))
		fail_msg("\"%s\" does not hold \"%s\"", e->text, part);
}

static inline void check_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not hold \"%s\"", text, part);
}

/* A folder for this test program; removed with what is in it at the end of the process. */
static char unit_folder[64];

static inline void unit_remove_folder(void)
{
	char command[128];
	if (!unit_folder[0])
		return;
	snprintf(command, sizeof(command), "rm -rf '%s'", unit_folder);
	if (system(command) != 0)
		fprintf(stderr, "%s stays behind\n", unit_folder);
}

static inline char *unit_path(struct arena *a, const char *name)
{
	if (!unit_folder[0]) {
		strcpy(unit_folder, "/tmp/rollcall-unit-XXXXXX");
		assert_non_null(mkdtemp(unit_folder));
		atexit(unit_remove_folder);
	}
	return arena_printf(a, "%s/%s", unit_folder, name);
}

static inline char *unit_write(struct arena *a, const char *name, const void *bytes, size_t n, mode_t mode)
{
	char *path = unit_path(a, name);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static inline char *unit_read(struct arena *a, const char *path, size_t *n)
{
	char buf[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ssize_t got = read(fd, buf, sizeof(buf));
	close(fd);
	assert_true(got >= 0 && got < (ssize_t)sizeof(buf));
	if (n)
		*n = (size_t)got;
	return arena_memdup(a, buf, (size_t)got);
}

#endif
