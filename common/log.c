#include "common/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/str.h"

#define LINE_BYTES 3072      /* below what a pipe takes in one piece */
#define TEXT_BYTES 1024
#define PEOPLE 256
#define REPEAT_MS 600000

/* The last line of a person.  Two people who share a slot push each other out: a repeated line is then
 * written again, never lost. */
struct last {
	char who[64];
	char room[16];
	enum log_level level;
	uint64_t hash;
	unsigned long repeats;
	int64_t since;
};

static struct {
	pthread_mutex_t lock;
	enum log_level max;
	int journal;
	struct last people[PEOPLE];
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .max = LOG_INFO_LEVEL };

void log_open(enum log_level max, int journal)
{
	pthread_mutex_lock(&state.lock);
	state.max = max;
	state.journal = journal;
	memset(state.people, 0, sizeof(state.people));
	pthread_mutex_unlock(&state.lock);
}

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_ALARM_LEVEL:
		return "alarm";
	case LOG_ERROR_LEVEL:
		return "error";
	case LOG_WARN_LEVEL:
		return "warn";
	case LOG_INFO_LEVEL:
		return "info";
	case LOG_DEBUG_LEVEL:
		return "debug";
	}
	return "error";
}

/* FNV-1a. */
static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return (h ^ 0xff) * 0x100000001b3u;
}

/* --- one line ------------------------------------------------------------- */

struct line {
	char text[LINE_BYTES];
	size_t len;
};

static PRINTF(2, 3) void add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += (size_t)n < sizeof(l->text) - l->len ? (size_t)n : sizeof(l->text) - l->len - 1;
}

/* A value of somebody else's choosing: without control characters, cut to `most` bytes of printable text;
 * blanks in a field that is not quoted would shift the fields behind it. */
static void add_clean(struct line *l, struct arena *scratch, const char *value, size_t most, bool quoted)
{
	char *clean = str_printable(scratch, value, strlen(value));
	char cut[TEXT_BYTES];
	if (!str_copy(cut, most < sizeof(cut) ? most : sizeof(cut), clean))
		clean = cut;
	for (const char *p = clean; *p && l->len < sizeof(l->text) - 3; p++) {
		if (quoted && (*p == '"' || *p == '\\'))
			l->text[l->len++] = '\\';
		l->text[l->len++] = !quoted && *p == ' ' ? '_' : *p;
	}
	l->text[l->len] = '\0';
}

static void start(struct line *l, struct arena *scratch, enum log_level level, const char *room, const char *who,
	int64_t now)
{
	char at[TIME_TEXT];
	str_time(now, at);
	l->len = 0;
	if (state.journal)
		add(l, "<%d>", (int)level);
	add(l, "%s %s %s ", at, level_name(level), room);
	add_clean(l, scratch, who && *who ? who : "-", 128, false);
	add(l, " ");
}

static void finish(struct line *l)
{
	if (l->len > sizeof(l->text) - 2)
		l->len = sizeof(l->text) - 2;
	l->text[l->len++] = '\n';
	/* One write, so that lines of several threads and programs do not mix.  There is nobody to tell when it fails. */
	ssize_t written = write(STDERR_FILENO, l->text, l->len);
	(void)written;
}

/* --- repeats -------------------------------------------------------------- */

static void tell_repeats(struct last *p, struct arena *scratch, int64_t now)
{
	struct line l;
	if (!p->repeats)
		return;
	start(&l, scratch, p->level, p->room, p->who, now);
	add(&l, "\"last line repeated %lu times\"", p->repeats);
	finish(&l);
	p->repeats = 0;
}

/* True when this person said the same just before: then it is only counted. */
static bool is_repeat(enum log_level level, const char *room, const char *who, const char *text, struct arena *scratch,
	int64_t now)
{
	if (!who || !*who)
		return false;
	uint64_t h = hash_text(hash_text(0xcbf29ce484222325u + (uint64_t)level, room), text);
	struct last *p = &state.people[hash_text(0xcbf29ce484222325u, who) % PEOPLE];
	char name[sizeof(p->who)];
	str_copy(name, sizeof(name), who);
	bool same = p->hash == h && p->level == level && strcmp(p->who, name) == 0;
	if (same && now >= p->since && now - p->since < REPEAT_MS) {
		p->repeats++;
		return true;
	}
	tell_repeats(p, scratch, now);
	str_copy(p->who, sizeof(p->who), who);
	str_copy(p->room, sizeof(p->room), room);
	p->level = level;
	p->hash = h;
	p->since = now;
	return false;
}

static void write_event(enum log_level level, bool always, const char *room, const char *who, const char *text,
	const struct err *e)
{
	AUTO_ARENA struct arena *scratch = arena_new(LINE_BYTES * 4);
	struct clock clock = clock_system();
	int64_t now = clock_now(&clock);
	struct line l;
	pthread_mutex_lock(&state.lock);
	if ((always || level <= state.max) && !is_repeat(level, room, who, text, scratch, now)) {
		start(&l, scratch, level, room, who, now);
		add(&l, "\"");
		add_clean(&l, scratch, text, TEXT_BYTES, true);
		add(&l, "\"");
		if (e) {
			add(&l, " %s", err_kind_name(e->kind));
			if (e->code[0]) {
				add(&l, " ");
				add_clean(&l, scratch, e->code, sizeof(e->code), false);
			}
			if (e->request_id[0]) {
				add(&l, " [");
				add_clean(&l, scratch, e->request_id, sizeof(e->request_id), false);
				add(&l, "]");
			}
		}
		finish(&l);
	}
	pthread_mutex_unlock(&state.lock);
}

void log_event(enum log_level level, const char *room, const char *who, const char *fmt, ...)
{
	char text[TEXT_BYTES];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_event(level, false, room, who, text, NULL);
}

void log_always(const char *room, const char *fmt, ...)
{
	char text[TEXT_BYTES];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_event(LOG_INFO_LEVEL, true, room, NULL, text, NULL);
}

void log_err(enum log_level level, const char *room, const char *who, const struct err *e)
{
	write_event(level, false, room, who, e->text, e);
}
