/* The evidence file.  A line is one JSON object; its last two members make the chain:
 *     {"n":7,"at":"2026-11-24T16:35:02Z","ms":1764002102123,"event":"did", ... ,"prev":"HEX","sum":"HEX"}
 * prev is the SHA-256 of the line before it (without its line end; of the first line: 64 zeros), sum that of this
 * line up to the comma before "sum".  So every byte is covered, also in the last line.  That lines at the end were
 * taken away shows only beside the head in the system log.
 *
 * What a power cut tore is left as it is, and the next line, event "torn", carries the digest of it in "fragment"
 * and the chain from the last whole line: nothing is ever rewritten.  Only what does not end as a whole line does
 * passes as torn; a whole line whose sum does not fit was changed.
 *
 * A file that was moved away takes lines that nobody finds again, so the path is looked at before each line.  What comes
 * to stand there instead is taken for the file only when it ends in the line that was written last. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypt.h"
#include "common/failpoint.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"
#include "hook/evidence_chain.h"
#include "hook/evidence_second.h"

#define FIELD_BYTES 512                 /* longest text of one field */
#define RESERVE_BYTES (128 * 1024)      /* room taken from the disk ahead of the lines ... */
#define ROOM_BYTES (64 * 1024)          /* ... and how much of it there must be for a grant: what all workers write at once */

struct evidence {
	int fd;
	char *path;
	const struct clock *clock;
	pthread_mutex_t mutex;
	bool broken;                    /* the end of the file is not known: look before the next line */
	bool torn;                      /* it is known, and what it ends in has to be told first */
	int64_t lines;                  /* number of the last line */
	char head[SHA256_HEX];          /* its digest */
	off_t reserved;                 /* the disk has room up to here */
	bool failing;                   /* told: once per trouble */
	char trouble[240];
	struct second second;
};

/* --- composing and appending --------------------------------------------------------------------------- */

static void put_clean(struct json *doc, struct arena *arena, const char *name, const char *text, size_t most)
{
	char cut[FIELD_BYTES];
	if (!text)
		return;
	str_copy(cut, most < sizeof(cut) ? most : sizeof(cut), str_printable(arena, text, strnlen(text, FIELD_BYTES * 2)));
	json_put_text(doc, name, cut);
}

static void put_moments(struct json *doc, const struct evidence_moments *m)
{
	if (!m)
		return;
	const struct { const char *name; int64_t ms; } all[] = { { "changed_ms", m->changed_ms }, { "seen_ms", m->seen_ms },
		{ "barrier_ms", m->barrier_ms }, { "key_off_ms", m->key_off_ms }, { "console_off_ms", m->console_off_ms },
		{ "cut_ms", m->cut_ms }, { "refused_ms", m->refused_ms } };
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].ms)
			json_put_int(doc, all[i].name, all[i].ms);
}

void evidence_fill(struct json *doc, struct arena *arena, const struct evidence_line *l, int64_t now_ms, size_t most)
{
	char at[TIME_TEXT];
	str_time(now_ms, at);
	json_put_text(doc, "at", at);
	json_put_int(doc, "ms", now_ms);
	put_clean(doc, arena, "event", l->event, most);
	put_clean(doc, arena, "uuid", l->uuid, most);
	put_clean(doc, arena, "login", l->login, most);
	if (l->generation)
		json_put_int(doc, "generation", l->generation);
	put_clean(doc, arena, "row", l->row, most);
	put_clean(doc, arena, "what", l->what, most);
	put_clean(doc, arena, "why", l->why, most);
	put_clean(doc, arena, "request_id", l->request_id, most);
	put_clean(doc, arena, "csn", l->csn, most);
	put_moments(doc, l->moments);
}

/* The line with its line end, linked to the head. */
static char *compose(struct evidence *ev, const struct evidence_line *l, const char *fragment, struct arena *arena)
{
	char sum[SHA256_HEX];
	struct json *doc = json_object(arena);
	json_put_int(doc, "n", ev->lines + 1);
	evidence_fill(doc, arena, l, clock_now(ev->clock), FIELD_BYTES);
	json_put_text(doc, "fragment", fragment);
	json_put_text(doc, "prev", ev->head);
	char *text = json_print(arena, doc);
	size_t n = strlen(text) - 1;            /* without the closing brace */
	crypt_sha256_hex(text, n, sum);
	return arena_printf(arena, "%.*s,\"sum\":\"%s\"}\n", (int)n, text, sum);
}

/* One write and one sync; a line that did not get onto the disk as a whole is taken back.  before: "" or a line end. */
static int append(struct evidence *ev, const char *before, const char *line, struct err *e)
{
	AUTO_ARENA struct arena *arena = arena_new(4 * EVIDENCE_LINE_BYTES);
	char *bytes = arena_printf(arena, "%s%s", before, line);
	size_t n = strlen(bytes);
	off_t end = lseek(ev->fd, 0, SEEK_END);
	POINT("evidence.write.before");
	ssize_t written = end < 0 ? -1 : write(ev->fd, bytes, n);
	if (written >= 0 && (size_t)written < n)
		errno = ENOSPC;
	if (written != (ssize_t)n || fdatasync(ev->fd) < 0) {
		int r = err_set(e, ERR_TEMP, "evidence \"%s\" could not be written: %s", ev->path, strerror(errno));
		if (end < 0 || ftruncate(ev->fd, end) < 0)
			ev->broken = true;
		ev->reserved = 0;               /* that gave it back */
		return r;
	}
	POINT("evidence.write.after");
	crypt_sha256_hex(line, strlen(line) - 1, ev->head);
	ev->lines++;
	return 0;
}

/* --- the end of the file ------------------------------------------------------------------------------- */

struct tail {
	struct arena *arena;
	char *bytes;
	size_t len;
	bool whole_file;
};

static int read_tail(struct evidence *ev, struct tail *t, struct err *e)
{
	off_t size = lseek(ev->fd, 0, SEEK_END);
	off_t from = size > EVIDENCE_TAIL_BYTES ? size - EVIDENCE_TAIL_BYTES : 0;
	if (size < 0)
		return evidence_os_fail(ev->path, "read", e);
	t->bytes = arena_alloc(t->arena, EVIDENCE_TAIL_BYTES + 1);
	t->len = 0;
	t->whole_file = from == 0;
	while ((off_t)t->len < size - from) {
		ssize_t n = pread(ev->fd, t->bytes + t->len, (size_t)(size - from) - t->len, from + (off_t)t->len);
		if (n <= 0)
			return evidence_os_fail(ev->path, "read", e);
		t->len += (size_t)n;
	}
	return 0;
}

/* Where the line begins that ends before `end`. */
static size_t line_start(const struct tail *t, size_t end)
{
	const char *newline = end ? memrchr(t->bytes, '\n', end) : NULL;
	return newline ? (size_t)(newline - t->bytes) + 1 : 0;
}

static int bad_end(const struct evidence *ev, const char *why, struct err *e)
{
	return err_set(e, ERR_INPUT, "evidence \"%s\": %s; keep the file and start a new one", ev->path, why);
}

/* The last whole line must follow the one before it, as far as the tail shows that. */
static int check_link(const struct evidence *ev, const struct tail *t, size_t start, const struct evidence_link *last,
	struct err *e)
{
	struct evidence_link before;
	struct err ignored;
	size_t earlier = start ? line_start(t, start - 1) : 0;
	if (*last->fragment || (start > 0 && earlier == 0 && !t->whole_file))
		return 0;
	if (start == 0 && last->n == 1 && strcmp(last->prev, evidence_no_line) == 0)
		return 0;
	if (start > 0 && evidence_read_line(t->bytes + earlier, start - 1 - earlier, &before, &ignored) == 0 &&
		strcmp(before.digest, last->prev) == 0 && before.n + 1 == last->n)
		return 0;
	return bad_end(ev, "its last line does not follow the one before it", e);
}

/* Go back to the last whole line.  *from: where behind it the torn bytes begin. */
static int find_last(struct evidence *ev, const struct tail *t, size_t *from, struct err *e)
{
	struct evidence_link link;
	struct err why;
	ev->lines = 0;
	memcpy(ev->head, evidence_no_line, sizeof(ev->head));
	size_t end = t->len && t->bytes[t->len - 1] == '\n' ? t->len - 1 : t->len;
	for (*from = t->len; *from > 0;) {
		size_t start = line_start(t, end);
		if (start == 0 && !t->whole_file)
			return bad_end(ev, "its last lines are too long to be any", e);
		if (evidence_read_line(t->bytes + start, end - start, &link, &why) == 0) {
			ev->lines = link.n;
			memcpy(ev->head, link.digest, sizeof(ev->head));
			return check_link(ev, t, start, &link, e);
		}
		if (evidence_ends_whole(t->bytes + start, end - start))
			return bad_end(ev, arena_printf(t->arena, "a line at its end %s", why.text), e);
		*from = start;
		end = start ? start - 1 : 0;
	}
	return 0;
}

/* Find the head; when the file does not end in a whole line, say so in a line of its own. */
static int find_end(struct evidence *ev, struct err *e)
{
	AUTO_ARENA struct arena *arena = arena_new(EVIDENCE_TAIL_BYTES + 16 * EVIDENCE_LINE_BYTES);
	struct tail t = { .arena = arena };
	struct evidence_line line = { .event = "torn" };
	char fragment[SHA256_HEX];
	size_t from = 0;
	int r = read_tail(ev, &t, e);
	if (r == 0)
		r = find_last(ev, &t, &from, e);
	if (r < 0)
		return r;
	bool ended = t.len == 0 || t.bytes[t.len - 1] == '\n';
	ev->torn = from < t.len || !ended;
	if (!ev->torn)
		return 0;
	if (from == t.len) {
		line.what = "the line before this one had lost its line end";
		return append(ev, "\n", compose(ev, &line, NULL, arena), e);
	}
	size_t torn = t.len - from - (ended ? 1 : 0);
	crypt_sha256_hex(t.bytes + from, torn, fragment);
	line.what = arena_printf(arena, "%zu bytes before this line are torn", torn);
	return append(ev, ended ? "" : "\n", compose(ev, &line, fragment, arena), e);
}

/* --- opening and adding -------------------------------------------------------------------------------- */

static void sync_directory(const char *path)
{
	AUTO_FREE char *copy = mem_strdup(path);
	AUTO_FD int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fsync(fd);
}

static int open_file(struct evidence *ev, int create, struct err *e)
{
	struct stat st;
	ev->fd = open(ev->path, O_RDWR | create | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (ev->fd < 0 || fstat(ev->fd, &st) < 0)
		return evidence_os_fail(ev->path, "opened", e);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "evidence \"%s\" is not a regular file", ev->path);
	if ((st.st_mode & 0177) && fchmod(ev->fd, 0600) < 0)
		return evidence_os_fail(ev->path, "protected", e);
	if (flock(ev->fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, ERR_TEMP, "evidence \"%s\" is in use by another rollcalld", ev->path);
	if (st.st_size == 0)
		sync_directory(ev->path);
	return 0;
}

static int open_and_find(struct evidence *ev, struct err *e)
{
	int r = open_file(ev, O_CREAT, e);
	if (r == 0)
		r = find_end(ev, e);
	/* A full disk keeps the line about torn bytes waiting, not the daemon from opening. */
	if (r == ERR_TEMP && ev->torn) {
		ev->broken = true;
		r = 0;
	}
	if (r < 0 && ev->fd >= 0) {
		close(ev->fd);
		ev->fd = -1;
	}
	return r;
}

static struct evidence *make(const char *path, const struct clock *clock)
{
	struct evidence *ev = mem_alloc(sizeof(*ev));
	ev->fd = -1;
	ev->path = mem_strdup(path);
	ev->clock = clock;
	second_open(&ev->second, NULL, clock);
	pthread_mutex_init(&ev->mutex, NULL);
	return ev;
}

int evidence_open(const char *path, const struct clock *clock, struct evidence **out, struct err *e)
{
	struct evidence *ev = make(path, clock);
	int r = open_and_find(ev, e);
	if (r < 0)
		evidence_close(ev);
	else
		*out = ev;
	return r;
}

void evidence_close(struct evidence *ev)
{
	if (!ev)
		return;
	if (ev->fd >= 0)
		close(ev->fd);
	second_close(&ev->second);
	pthread_mutex_destroy(&ev->mutex);
	free(ev->path);
	free(ev);
}

void evidence_second(struct evidence *ev, const char *path)
{
	second_open(&ev->second, path, ev->clock);
}

/* --- a file that takes no lines ------------------------------------------------------------------------ */

/* Another file at the path.  Ours, brought back, ends as we left it. */
static int take_again(struct evidence *ev, struct err *e)
{
	AUTO_ARENA struct arena *arena = arena_new(EVIDENCE_TAIL_BYTES + 16 * EVIDENCE_LINE_BYTES);
	struct tail t = { .arena = arena };
	struct evidence there = { .path = ev->path };
	size_t from = 0;
	int r = open_file(&there, 0, e);
	if (r == 0)
		r = read_tail(&there, &t, e);
	if (r == 0)
		r = find_last(&there, &t, &from, e);
	bool ended = r == 0 && from == t.len && (t.len == 0 || t.bytes[t.len - 1] == '\n');
	bool same = ended && there.lines == ev->lines && strcmp(there.head, ev->head) == 0;
	if (r == 0 && !same)
		r = err_set(e, ERR_TEMP, "evidence \"%s\" is not the file that was written to", ev->path);
	if (r < 0) {
		if (there.fd >= 0)
			close(there.fd);
		return r;
	}
	close(ev->fd);
	ev->fd = there.fd;
	ev->reserved = 0;
	return 0;
}

static int in_place(struct evidence *ev, struct err *e)
{
	struct stat ours, there;
	if (ev->fd < 0)
		return open_and_find(ev, e);
	if (fstat(ev->fd, &ours) == 0 && lstat(ev->path, &there) == 0 && ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		return 0;
	return take_again(ev, e);
}

static int tell_aside(struct evidence *ev, struct err *e)
{
	AUTO_ARENA struct arena *arena = arena_new(16 * EVIDENCE_LINE_BYTES);
	char since[TIME_TEXT];
	if (!ev->second.lines)
		return 0;
	str_time(ev->second.since_ms, since);
	const struct evidence_line line = { .event = "second",
		.what = arena_printf(arena, "%" PRId64 " lines since %s are in the second place: %s", ev->second.lines, since,
			second_name(&ev->second, arena)) };
	int r = append(ev, "", compose(ev, &line, NULL, arena), e);
	if (r == 0)
		ev->second.lines = ev->second.since_ms = 0;
	return r;
}

/* As far as it goes: the file in its place, its end known, and told what is not in it. */
static int mend(struct evidence *ev, struct err *e)
{
	int r = in_place(ev, e);
	if (r == 0 && ev->broken)
		r = find_end(ev, e);
	if (r == 0)
		ev->broken = false;
	return r < 0 ? r : tell_aside(ev, e);
}

/* With the first line that fits not, it is too late for a grant that was made before. */
static int reserve(struct evidence *ev, struct err *e)
{
	off_t end = lseek(ev->fd, 0, SEEK_END);
	if (end >= 0 && end + ROOM_BYTES <= ev->reserved)
		return 0;
	if (end < 0 || fallocate(ev->fd, FALLOC_FL_KEEP_SIZE, end, RESERVE_BYTES) < 0) {
		/* Not every file system can say. */
		if (end >= 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
			return 0;
		return err_set(e, ERR_TEMP, "evidence \"%s\" has no room: %s", ev->path, strerror(errno));
	}
	ev->reserved = end + RESERVE_BYTES;
	return 0;
}

/* Of any kind before: grants are tried again later, whatever it is.  Alarmed once per trouble, which is over when there is
 * room again, not when one more line has found a place. */
static int failed(struct evidence *ev, struct err *e)
{
	AUTO_ARENA struct arena *arena = arena_new(EVIDENCE_LINE_BYTES);
	e->kind = ERR_TEMP;
	err_wrap(e, "the evidence cannot be written");
	if (!ev->failing)
		log_event(LOG_ALARM_LEVEL, "evidence", NULL, "%s; nothing is granted, and what is taken away is put on record in %s",
			e->text, second_name(&ev->second, arena));
	ev->failing = true;
	str_copy(ev->trouble, sizeof(ev->trouble), e->text);
	return ERR_TEMP;
}

static int ready(struct evidence *ev, struct err *e)
{
	int r = mend(ev, e);
	if (r == 0)
		r = reserve(ev, e);
	if (r < 0)
		return failed(ev, e);
	if (ev->failing)
		log_event(LOG_WARN_LEVEL, "evidence", NULL, "the evidence can be written again");
	ev->failing = false;
	return 0;
}

void evidence_start(const char *path, const struct clock *clock, struct evidence **out)
{
	struct evidence *ev = make(path, clock);
	struct err e;
	if (open_and_find(ev, &e))
		failed(ev, &e);
	*out = ev;
}

int evidence_add(struct evidence *ev, const struct evidence_line *line, struct err *e)
{
	AUTO_ARENA struct arena *arena = arena_new(16 * EVIDENCE_LINE_BYTES);
	pthread_mutex_lock(&ev->mutex);
	int r = mend(ev, e);
	if (r == 0)
		r = append(ev, "", compose(ev, line, NULL, arena), e);
	if (r < 0) {
		r = failed(ev, e);
		second_put(&ev->second, line);
	}
	pthread_mutex_unlock(&ev->mutex);
	return r;
}

int evidence_ready(struct evidence *ev, struct err *e)
{
	pthread_mutex_lock(&ev->mutex);
	int r = ready(ev, e);
	pthread_mutex_unlock(&ev->mutex);
	return r;
}

void evidence_aside(struct evidence *ev, int64_t *lines, int64_t *since_ms)
{
	pthread_mutex_lock(&ev->mutex);
	*lines = ev->second.lines;
	*since_ms = ev->second.since_ms;
	pthread_mutex_unlock(&ev->mutex);
}

void evidence_health(struct evidence *ev, struct json *into)
{
	pthread_mutex_lock(&ev->mutex);
	json_put_text(into, "evidence", ev->failing ? ev->trouble : "written");
	if (ev->second.lines)
		json_put_int(into, "evidence_aside", ev->second.lines);
	pthread_mutex_unlock(&ev->mutex);
}

void evidence_head(struct evidence *ev, int64_t *lines, char head[SHA256_HEX])
{
	pthread_mutex_lock(&ev->mutex);
	*lines = ev->lines;
	memcpy(head, ev->head, sizeof(ev->head));
	pthread_mutex_unlock(&ev->mutex);
}

void evidence_tell_head(struct evidence *ev)
{
	int64_t lines;
	char head[SHA256_HEX];
	struct err e;
	/* Also when nobody has written since it could be written again. */
	pthread_mutex_lock(&ev->mutex);
	(void)!ready(ev, &e);
	pthread_mutex_unlock(&ev->mutex);
	evidence_head(ev, &lines, head);
	log_always("evidence", "\"%s\" has %" PRId64 " lines, and the digest of the last is %s", ev->path, lines, head);
}
