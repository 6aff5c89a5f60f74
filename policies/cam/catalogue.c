#include "policies/cam/catalogue.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/prove.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* A line that says something, cut into words. */
struct line { size_t number, count; const char **words; };

/* An action with its place in the text: sorting must not lose it. */
struct draft { struct cam_action action; size_t line; };

struct reader {
	struct arena *arena;
	struct err *e;
	const struct line *line;      /* being read */
	const struct line *lines;
	size_t line_count;
	struct cam_level *levels;
	struct cam_fact *facts;
	struct draft *drafts;
	size_t level_count, fact_count, action_count;
};

static int PRINTF(2, 3) bad(struct reader *r, const char *fmt, ...)
{
	char why[180];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(r->e, ERR_INPUT, "action catalogue, line %zu: %s", r->line->number, why);
}

/* --- words ---------------------------------------------------------------------- */

static const char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t\r");
	size_t n = strcspn(word, " \t\r");
	*rest = word + n + (word[n] != '\0');
	word[n] = '\0';
	return n ? word : NULL;
}

static void cut_line(struct arena *a, char *text, struct line *out)
{
	text[strcspn(text, "#")] = '\0';
	out->words = arena_alloc(a, (strlen(text) / 2 + 1) * sizeof(*out->words));
	for (const char *word; (word = next_word(&text)) != NULL;)
		out->words[out->count++] = word;
}

static int cut(struct reader *r, const char *text, size_t len)
{
	size_t most = 1, number = 0;
	char *rest = arena_memdup(r->arena, text, len);
	for (size_t i = 0; i < len; i++)
		most += text[i] == '\n';
	struct line *lines = arena_alloc(r->arena, most * sizeof(*lines));
	while (rest) {
		struct line *line = &lines[r->line_count];
		char *end = strchr(rest, '\n');
		if (end)
			*end = '\0';
		number++;
		*line = (struct line){ .number = number };
		r->line = line;
		for (const char *p = rest; *p; p++)
			if ((unsigned char)*p < ' ' && !strchr("\t\r", *p))
				return bad(r, "a control character");
		cut_line(r->arena, rest, line);
		r->line_count += line->count > 0;
		rest = end ? end + 1 : NULL;
	}
	r->lines = lines;
	return 0;
}

static bool is_name(const char *text)
{
	return *text && !text[strspn(text, LETTERS DIGITS "._-")];
}

static bool is_action(const char *text)
{
	size_t service = strspn(text, "abcdefghijklmnopqrstuvwxyz" DIGITS "_-");
	const char *name = text + service + 1;
	return service && text[service] == ':' && *name && !name[strspn(name, LETTERS DIGITS "_")];
}

static const char *join(struct arena *a, const char **words, size_t n)
{
	struct str s;
	str_init(&s, a);
	for (size_t i = 0; i < n; i++)
		str_addf(&s, "%s%s", i ? " " : "", words[i]);
	return s.text;
}

/* --- levels and facts ------------------------------------------------------------- */

static const struct cam_level *find_level(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->level_count; i++)
		if (str_eq(r->levels[i].name, name))
			return &r->levels[i];
	return NULL;
}

/* A pattern that names nothing of one environment, or goes on behind the name, would make everybody's things his own. */
static int check_pattern(struct reader *r, const char *pattern)
{
	static const char *const own[] = { "${envId}", "${namespace}", "${topicId}", "${bucket}" };
	struct cam_resource resource = { 0 };
	struct err e = { 0 };
	char *filled;
	if (str_eq(pattern, "*"))
		return 0;
	if (cam_fill(r->arena, pattern, &cam_sample, &filled, &e) || cam_resource_parse(r->arena, filled, &resource, &e))
		return bad(r, "%s", e.text);
	if (strstr(pattern, "}*") || strstr(pattern, "*${"))
		return bad(r, "\"%s\": a '*' next to a placeholder reaches other names", pattern);
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		const char *at = strstr(pattern, own[i]);
		char *value = at ? arena_strndup(r->arena, at, strlen(own[i])) : NULL;
		if (value && !cam_fill(r->arena, value, &cam_sample, &value, &e) && strstr(resource.resource, value))
			return 0;
	}
	return bad(r, "\"%s\" names nothing that belongs to one environment", pattern);
}

/* All lines of one level are read when the first is met. */
static int read_level(struct reader *r)
{
	const struct line *first = r->line, *end = r->lines + r->line_count;
	const char *name = first->words[1];
	if (find_level(r, name))
		return 0;
	if (r->level_count == CAM_LEVELS_MAX)
		return bad(r, "more than %d levels", CAM_LEVELS_MAX);
	struct cam_level *level = &r->levels[r->level_count];
	*level = (struct cam_level){ .name = name,
		.patterns = arena_alloc(r->arena, (size_t)(end - first) * sizeof(*level->patterns)) };
	for (r->line = first; r->line < end; r->line++) {
		if (!str_eq(r->line->words[0], "level") || r->line->count < 2 || !str_eq(r->line->words[1], name))
			continue;
		if (r->line->count != 3)
			return bad(r, "level %s: one pattern is needed", name);
		const char *pattern = r->line->words[2];
		int rc = check_pattern(r, pattern);
		if (rc)
			return rc;
		for (size_t i = 0; i < level->count; i++)
			if (str_eq(level->patterns[i], pattern))
				return bad(r, "level %s: \"%s\" is declared twice", name, pattern);
		level->patterns[level->count++] = pattern;
		if (level->count > 1 && (str_eq(level->patterns[0], "*") || str_eq(pattern, "*")))
			return bad(r, "level %s: \"*\" stands beside another pattern", name);
	}
	r->level_count++;
	return 0;
}

static const struct cam_fact *find_fact(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->fact_count; i++)
		if (str_eq(r->facts[i].name, name))
			return &r->facts[i];
	return NULL;
}

static int read_fact(struct reader *r)
{
	const struct line *line = r->line;
	const char *name = line->words[1];
	if (line->count < 3)
		return bad(r, "%s %s has no words", line->words[0], name);
	if (find_fact(r, name))
		return bad(r, "\"%s\" is declared twice", name);
	if (r->fact_count == CAM_FACTS_MAX)
		return bad(r, "more than %d facts", CAM_FACTS_MAX);
	r->facts[r->fact_count++] = (struct cam_fact){ .name = name, .words = join(r->arena, line->words + 2, line->count - 2),
		.end = str_eq(line->words[0], "end") };
	return 0;
}

/* --- actions ------------------------------------------------------------------------ */

static int need_fact(struct reader *r, const char *name, size_t *index)
{
	const struct cam_fact *fact = find_fact(r, name);
	if (!fact)
		return bad(r, "fact \"%s\" is not declared", name);
	*index = (size_t)(fact - r->facts);
	return 0;
}

/* "FACT,FACT" */
static int read_after(struct reader *r, const char *list, uint64_t *out)
{
	char *rest = arena_strdup(r->arena, list), *name;
	while ((name = strsep(&rest, ",")) != NULL) {
		size_t index = 0;
		int rc = need_fact(r, name, &index);
		if (rc)
			return rc;
		*out |= UINT64_C(1) << index;
	}
	return 0;
}

/* "gives FACT [after FACT[,FACT...]]" from word *at on. */
static int read_step(struct reader *r, size_t *at, struct cam_step *out)
{
	const struct line *line = r->line;
	*out = (struct cam_step){ 0 };
	if (++*at == line->count)
		return bad(r, "\"gives\" names no fact");
	int rc = need_fact(r, line->words[(*at)++], &out->gives);
	if (rc || *at == line->count || !str_eq(line->words[*at], "after"))
		return rc;
	if (++*at == line->count)
		return bad(r, "\"after\" names no fact");
	return read_after(r, line->words[(*at)++], &out->after);
}

static const struct { const char *name; unsigned flag; } flags[] = {
	{ "public", CAM_PUBLIC }, { "pays", CAM_PAYS }, { "destroys", CAM_DESTROYS }, { "widens", CAM_WIDENS },
};

static int read_flag(struct reader *r, const char *word, unsigned *out)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (!str_eq(flags[i].name, word))
			continue;
		if (*out & flags[i].flag)
			return bad(r, "\"%s\" stands twice", word);
		*out |= flags[i].flag;
		return 0;
	}
	return bad(r, "unknown word \"%s\"", word);
}

static int check_steps(struct reader *r, const struct cam_action *action)
{
	bool widens = action->flags & CAM_WIDENS;
	if (widens && !action->step_count)
		return bad(r, "%s widens and gives nothing", action->name);
	for (size_t i = 0; i < action->step_count; i++) {
		const struct cam_step *step = &action->steps[i];
		if (!widens && !step->after && r->facts[step->gives].end)
			return bad(r, "%s gives \"%s\" at once and does not widen", action->name, r->facts[step->gives].name);
	}
	return 0;
}

static int read_action(struct reader *r)
{
	const struct line *line = r->line;
	struct cam_step *steps = arena_alloc(r->arena, (line->count / 2 + 1) * sizeof(*steps));
	struct cam_action action = { .name = line->words[1], .steps = steps };
	if (!is_action(action.name))
		return bad(r, "\"%s\" is not service:Action", action.name);
	if (line->count < 4)
		return bad(r, "%s needs a level, and read or write", action.name);
	action.level = find_level(r, line->words[2]);
	if (!action.level)
		return bad(r, "level \"%s\" is not declared", line->words[2]);
	if (str_eq(line->words[3], "write"))
		action.flags = CAM_WRITES;
	else if (!str_eq(line->words[3], "read"))
		return bad(r, "\"%s\" is neither read nor write", line->words[3]);
	for (size_t i = 4; i < line->count;) {
		int rc = str_eq(line->words[i], "gives") ? read_step(r, &i, &steps[action.step_count++]) :
			read_flag(r, line->words[i++], &action.flags);
		if (rc)
			return rc;
	}
	r->drafts[r->action_count++] = (struct draft){ .action = action, .line = line->number };
	return check_steps(r, &action);
}

/* --- the whole ------------------------------------------------------------------------ */

static const struct keyword {
	const char *name;
	bool late;            /* read when everything it may name is known: lines stand in any order */
	int (*read)(struct reader *);
} keywords[] = {
	{ "level", false, read_level }, { "fact", false, read_fact }, { "end", false, read_fact }, { "action", true, read_action },
};

static int read_lines(struct reader *r, bool late)
{
	for (size_t i = 0; i < r->line_count; i++) {
		const struct keyword *k = keywords, *end = keywords + ARRAY_LEN(keywords);
		const struct line *line = &r->lines[i];
		r->line = line;
		while (k < end && !str_eq(k->name, line->words[0]))
			k++;
		if (k == end)
			return bad(r, "unknown word \"%s\"", line->words[0]);
		if (line->count < 2 || (!k->late && !is_name(line->words[1])))
			return bad(r, "%s needs a name of letters, digits and . _ -", k->name);
		int rc = k->late == late ? k->read(r) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;
	int order = strcmp(x->action.name, y->action.name);
	return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int finish(struct reader *r, struct cam_catalogue **out)
{
	if (!r->action_count)
		return err_set(r->e, ERR_INPUT, "action catalogue: it holds no action");
	struct cam_action *actions = arena_alloc(r->arena, r->action_count * sizeof(*actions));
	qsort(r->drafts, r->action_count, sizeof(*r->drafts), by_name);
	for (size_t i = 0; i < r->action_count; i++) {
		actions[i] = r->drafts[i].action;
		if (i && str_eq(actions[i].name, actions[i - 1].name))
			return err_set(r->e, ERR_INPUT, "action catalogue, line %zu: \"%s\" is declared twice", r->drafts[i].line,
				actions[i].name);
	}
	*out = arena_memdup(r->arena, &(struct cam_catalogue){ .level_count = r->level_count,
		.action_count = r->action_count, .fact_count = r->fact_count, .levels = r->levels, .actions = actions,
		.facts = r->facts }, sizeof(**out));
	return 0;
}

int cam_catalogue_parse(struct arena *a, const char *text, size_t len, struct cam_catalogue **out, struct err *e)
{
	struct reader r = { .arena = a, .e = e };
	if (!str_utf8(text, len))
		return err_set(e, ERR_INPUT, "action catalogue: not UTF-8");
	int rc = cut(&r, text, len);
	if (rc)
		return rc;
	r.levels = arena_alloc(a, CAM_LEVELS_MAX * sizeof(*r.levels));
	r.facts = arena_alloc(a, CAM_FACTS_MAX * sizeof(*r.facts));
	r.drafts = arena_alloc(a, (r.line_count + 1) * sizeof(*r.drafts));
	rc = read_lines(&r, false);
	if (!rc)
		rc = read_lines(&r, true);
	return rc ? rc : finish(&r, out);
}

static int by_text(const void *name, const void *action)
{
	return strcmp(name, ((const struct cam_action *)action)->name);
}

const struct cam_action *cam_catalogue_find(const struct cam_catalogue *c, const char *name)
{
	return bsearch(name, c->actions, c->action_count, sizeof(*c->actions), by_text);
}
