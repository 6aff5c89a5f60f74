/* Reading evidence: one line, and the walk over a whole file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "hook/evidence_chain.h"

#define SUM_TAIL (sizeof(",\"sum\":\"\"}") - 1 + SHA256_HEX - 1)

const char evidence_no_line[SHA256_HEX] = "0000000000000000000000000000000000000000000000000000000000000000";

int evidence_os_fail(const char *path, const char *what, struct err *e)
{
	int number = errno;
	bool input = number == ENOENT || number == EACCES || number == EISDIR || number == ENOTDIR || number == ELOOP ||
		number == EROFS || number == EPERM;
	return err_set(e, input ? ERR_INPUT : ERR_TEMP, "evidence \"%s\" could not be %s: %s", path, what, strerror(number));
}

/* --- one line ------------------------------------------------------------------------------------------ */

int evidence_read_line(const char *line, size_t n, struct evidence_link *out, struct err *e)
{
	AUTO_ARENA struct arena *arena = arena_new(8 * EVIDENCE_LINE_BYTES);
	struct json *doc;
	char sum[SHA256_HEX];
	int r = json_parse(arena, line, n, &doc, e);
	if (r < 0)
		return r;
	const char *claimed = json_text(doc, "sum"), *prev = json_text(doc, "prev"), *fragment = json_text(doc, "fragment");
	if (!claimed || !prev || strlen(prev) != SHA256_HEX - 1 || n <= SUM_TAIL || json_int(doc, "n", &out->n, e) < 0)
		return err_set(e, ERR_INPUT, "is not a line of evidence");
	crypt_sha256_hex(line, n - SUM_TAIL, sum);
	if (strcmp(sum, claimed) != 0)
		return err_set(e, ERR_INPUT, "was changed: its own sum does not fit");
	crypt_sha256_hex(line, n, out->digest);
	str_copy(out->prev, sizeof(out->prev), prev);
	str_copy(out->fragment, sizeof(out->fragment), fragment ? fragment : "");
	return 0;
}

bool evidence_ends_whole(const char *line, size_t n)
{
	static const char before[] = ",\"sum\":\"";
	if (n < SUM_TAIL || memcmp(line + n - 2, "\"}", 2) != 0 ||
		memcmp(line + n - SUM_TAIL, before, sizeof(before) - 1) != 0)
		return false;
	const char *hex = line + n - SUM_TAIL + sizeof(before) - 1;
	for (size_t i = 0; i < SHA256_HEX - 1; i++) {
		if (!strchr("0123456789abcdef", hex[i]) || !hex[i])
			return false;
	}
	return true;
}

/* --- verifying ----------------------------------------------------------------------------------------- */

struct walk {
	int64_t at, good, last_n;       /* line of the file; good ones; number of the last good one */
	char head[SHA256_HEX];
	struct arena *arena;
	struct str torn;                /* lines that are torn and must be explained by the next whole one */
	int64_t torn_at;                /* the first of them, 0 = none */
	char why[120];
	void (*each)(void *ctx, const char *line, size_t n);
	void *ctx;
};

static int unexplained(const struct walk *w, struct err *e)
{
	return err_set(e, ERR_INPUT, "line %" PRId64 " %s", w->torn_at, w->why);
}

static int tear(struct walk *w, const char *line, size_t n, const struct err *bad, struct err *e)
{
	if (evidence_ends_whole(line, n))
		return err_set(e, ERR_INPUT, "line %" PRId64 " %s", w->at, bad->text);
	if (!w->torn_at) {
		w->torn_at = w->at;
		str_init(&w->torn, w->arena);
		str_copy(w->why, sizeof(w->why), bad->text);
	} else {
		str_add(&w->torn, "\n");
	}
	if (w->torn.len + n > EVIDENCE_TAIL_BYTES)
		return unexplained(w, e);
	str_addn(&w->torn, line, n);
	return 0;
}

static int step(struct walk *w, const char *line, size_t n, struct err *e)
{
	struct evidence_link link = { 0 };
	struct err bad;
	char digest[SHA256_HEX] = "";
	w->at++;
	if (evidence_read_line(line, n, &link, &bad) < 0)
		return tear(w, line, n, &bad, e);
	if (w->torn_at)
		crypt_sha256_hex(w->torn.text, w->torn.len, digest);
	if (strcmp(digest, link.fragment) != 0)
		return w->torn_at ? unexplained(w, e)
				  : err_set(e, ERR_INPUT, "line %" PRId64 " tells of torn bytes that are not there", w->at);
	if (strcmp(link.prev, w->head) != 0 || link.n != w->last_n + 1)
		return err_set(e, ERR_INPUT, "line %" PRId64 " does not follow the one before it (number %" PRId64
			" after %" PRId64 ")", w->at, link.n, w->last_n);
	w->torn_at = 0;
	w->last_n = link.n;
	memcpy(w->head, link.digest, sizeof(w->head));
	w->good++;
	if (w->each)
		w->each(w->ctx, line, n);
	return 0;
}

int evidence_read(const char *path, void (*each)(void *ctx, const char *line, size_t n), void *ctx, int64_t *lines,
	struct err *e)
{
	AUTO_ARENA struct arena *arena = arena_new(4 * EVIDENCE_TAIL_BYTES);
	struct walk w = { .arena = arena, .each = each, .ctx = ctx };
	AUTO_FREE char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;
	memcpy(w.head, evidence_no_line, sizeof(w.head));
	FILE *in = fopen(path, "re");
	if (!in)
		return evidence_os_fail(path, "opened", e);
	while (r == 0 && (n = getline(&line, &room, in)) > 0) {
		if (line[n - 1] == '\n')
			r = step(&w, line, (size_t)n - 1, e);
		else
			r = err_set(e, ERR_INPUT, "line %" PRId64 " is torn: it has no line end", w.at + 1);
	}
	if (r == 0 && ferror(in))
		r = err_set(e, ERR_TEMP, "evidence \"%s\" could not be read: %s", path, strerror(errno));
	fclose(in);
	if (r == 0 && w.torn_at)
		r = unexplained(&w, e);
	if (r == 0)
		*lines = w.good;
	return r;
}

int evidence_verify(const char *path, int64_t *lines, struct err *e)
{
	return evidence_read(path, NULL, NULL, lines, e);
}
