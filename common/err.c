#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"

static const struct {
	const char *name;
	int rank;
} kinds[] = {
	[-ERR_NONE] = { "none", 0 },
	[-ERR_TEMP] = { "temp", 4 },
	[-ERR_LIMIT] = { "limit", 3 },
	[-ERR_WAIT] = { "wait", 2 },
	[-ERR_UNKNOWN] = { "unknown", 6 },
	[-ERR_STALE] = { "stale", 5 },
	[-ERR_PERM] = { "perm", 10 },
	[-ERR_AUTH] = { "auth", 11 },
	[-ERR_ABSENT] = { "absent", 1 },
	[-ERR_FOREIGN] = { "foreign", 9 },
	[-ERR_INPUT] = { "input", 8 },
	[-ERR_QUOTA] = { "quota", 7 },
	[-ERR_BUG] = { "bug", 12 },
};

static int kind_index(int kind)
{
	return kind <= 0 && kind > -(int)ARRAY_LEN(kinds) ? -kind : -ERR_BUG;
}

/* Upstream texts may hold line ends; an error is one line wherever it is shown. */
static void set_text(struct err *e, const char *text)
{
	str_copy(e->text, sizeof(e->text), text);
	for (char *p = e->text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
}

static PRINTF(4, 0) int fill(struct err *e, enum err_kind kind, int64_t due_ms, const char *fmt, va_list ap)
{
	if (!e)
		return kind;
	/* Formatted aside first: an argument may point into *e. */
	char text[2 * sizeof(e->text)];
	vsnprintf(text, sizeof(text), fmt, ap);
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->due_ms = due_ms;
	set_text(e, text);
	return kind;
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = fill(e, kind, 0, fmt, ap);
	va_end(ap);
	return r;
}

int err_due(struct err *e, enum err_kind kind, int64_t due_ms, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = fill(e, kind, due_ms, fmt, ap);
	va_end(ap);
	return r;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char text[2 * sizeof(e->text)];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	size_t used = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
	snprintf(text + used, sizeof(text) - used, ": %s", e->text);
	set_text(e, text);
	return e->kind;
}

const char *err_kind_name(int kind)
{
	return kinds[kind_index(kind)].name;
}

int err_rank(int kind)
{
	return kinds[kind_index(kind)].rank;
}

bool err_is_lasting(int kind)
{
	return kind == ERR_PERM || kind == ERR_FOREIGN || kind == ERR_INPUT || kind == ERR_QUOTA || kind == ERR_BUG;
}
