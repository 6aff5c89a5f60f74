#include "hook/evidence_second.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"
#include "hook/evidence_chain.h"

#define LOG_MOST 1000           /* bytes that a line of the log takes; beyond it the texts are cut, not the JSON */
#define SHORT_TEXT 72

/* A file that cannot be opened must not keep a leaver's line from the log. */
static bool opened(struct second *s)
{
	struct err e;
	if (!s->path || s->file)
		return s->file != NULL;
	if (!evidence_open(s->path, s->clock, &s->file, &e))
		return true;
	log_err(LOG_ALARM_LEVEL, "evidence", NULL, &e);
	return false;
}

void second_open(struct second *s, const char *path, const struct clock *clock)
{
	second_close(s);
	s->clock = clock;
	s->path = path && *path ? mem_strdup(path) : NULL;
	opened(s);
}

void second_close(struct second *s)
{
	evidence_close(s->file);
	free(s->path);
	s->file = NULL;
	s->path = NULL;
}

const char *second_name(const struct second *s, struct arena *arena)
{
	return s->path ? arena_printf(arena, "\"%s\"", s->path) : "the system log";
}

static void to_log(struct second *s, const struct evidence_line *line)
{
	AUTO_ARENA struct arena *arena = arena_new(16 * EVIDENCE_LINE_BYTES);
	const size_t most[] = { LOG_MOST, SHORT_TEXT };
	const char *text = "";
	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		struct json *doc = json_object(arena);
		evidence_fill(doc, arena, line, clock_now(s->clock), most[i]);
		text = json_print(arena, doc);
		if (strlen(text) <= LOG_MOST)
			break;
	}
	log_event(LOG_ALARM_LEVEL, "evidence", line->login, "%s", text);
}

void second_put(struct second *s, const struct evidence_line *line)
{
	struct err e;
	if (!s->lines++)
		s->since_ms = clock_now(s->clock);
	if (!opened(s))
		to_log(s, line);
	/* A second file that fails has the log for its own second place. */
	else if (evidence_add(s->file, line, &e))
		log_err(LOG_ALARM_LEVEL, "evidence", line->login, &e);
}
