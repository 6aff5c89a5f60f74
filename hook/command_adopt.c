/* `rollcall adopt`: the mapping file is read here, as whole lines, so that what is wrong with it is told by number. */
#include <string.h>

#include "common/str.h"
#include "hook/command.h"

#define FILE_MOST (1u << 20)
#define BAD_SHOWN 20
#define WORDS 3

struct map { struct json *lines; int64_t bad; };

/* --- the mapping file ------------------------------------------------------------------------------------------ */

static bool is_gap(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == ';' || c == '\r';
}

/* How many words; the first WORDS + 1 are kept. */
static size_t split(struct arena *a, const char *line, size_t n, char *words[WORDS + 1])
{
	size_t count = 0;
	for (size_t at = 0; at < n;) {
		size_t from = at;
		while (at < n && !is_gap(line[at]))
			at++;
		if (at > from && count <= WORDS)
			words[count] = arena_strndup(a, line + from, at - from);
		count += at > from;
		while (at < n && is_gap(line[at]))
			at++;
	}
	return count;
}

/* 1 to 18 digits. */
static bool read_uin(const char *text, uint64_t *out)
{
	size_t n = strlen(text);
	for (*out = 0; *text >= '0' && *text <= '9'; text++)
		*out = *out * 10 + (uint64_t)(*text - '0');
	return !*text && n > 0 && n <= 18 && *out > 0;
}

static const char *read_words(struct arena *a, char *words[WORDS + 1], size_t count, struct json *o)
{
	uint64_t uin = 0;
	if (count != WORDS)
		return arena_printf(a, "it has %zu words, not %d: NAME UIN ENVIRONMENT", count, WORDS);
	bool has_uin = !str_eq(words[1], "-"), has_env = !str_eq(words[2], "-");
	if (has_uin && !read_uin(words[1], &uin))
		return arena_printf(a, "\"%s\" is no number of a sub-account", words[1]);
	if (!has_uin && !has_env)
		return "it names neither a sub-account nor an environment";
	json_put_text(o, "who", words[0]);
	if (has_uin)
		json_put_uint(o, "uin", uin);
	if (has_env)
		json_put_text(o, "env", words[2]);
	return NULL;
}

static void complain(const struct command_line *l, struct map *m, int64_t line, const char *why)
{
	if (m->bad++ < BAD_SHOWN)
		(void)command_fail(l, 0, "\"%s\", line %lld: %s", l->option[OPTION_MAP], (long long)line, why);
}

static void read_line(const struct command_line *l, struct map *m, const char *text, size_t n, int64_t number)
{
	char *words[WORDS + 1];
	struct json *o = json_object(l->arena);
	while (n && is_gap(*text))
		text++, n--;
	if (!n || *text == '#')
		return;
	json_put_int(o, "line", number);
	const char *why = str_utf8(text, n) ? read_words(l->arena, words, split(l->arena, text, n, words), o) : "it is not UTF-8";
	if (why)
		complain(l, m, number, why);
	else
		json_push(m->lines, o);
}

static int read_map(const struct command_line *l, struct map *m)
{
	char *text;
	size_t n;
	int64_t number = 0;
	int status = command_read(l, l->option[OPTION_MAP], FILE_MOST, COMMAND_USAGE, &text, &n);
	if (status != COMMAND_DONE)
		return status;
	m->lines = json_array(l->arena);
	for (size_t at = 0; at < n;) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - (text + at)) : n - at;
		read_line(l, m, text + at, len, ++number);
		at += len + 1;
	}
	if (m->bad)
		return command_fail(l, COMMAND_USAGE, "%lld bad line%s: nothing was asked", (long long)m->bad, m->bad == 1 ? "" : "s");
	return json_first(m->lines) ? COMMAND_DONE : command_fail(l, COMMAND_USAGE, "\"%s\" names nobody", l->option[OPTION_MAP]);
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

void print_refused(const struct command_line *l, const struct json *refused)
{
	static const char *const titles[] = { "LOGIN", "WHAT", "WHY" };
	struct table t;
	if (!json_first(refused))
		return;
	fprintf(l->out, "\nnot adopted\n");
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *p = json_first(refused); p; p = json_next(p)) {
		table_add(&t, json_text(p, "login"));
		table_add(&t, json_text(p, "what"));
		table_add(&t, json_text(p, "why"));
	}
	table_print(&t, l->out);
}

static int print_answer(const struct command_line *l, const struct json *body)
{
	struct map m = { 0 };
	long long people = json_int_or(body, "people", 0);
	for (const struct json *b = json_first(json_get(body, "bad")); b; b = json_next(b)) {
		const char *why = json_text(b, "why");
		complain(l, &m, json_int_or(b, "line", 0), why ? why : "?");
	}
	if (m.bad)
		return command_fail(l, COMMAND_REFUSED, "%lld bad line%s: nothing is on a list", (long long)m.bad, m.bad == 1 ? "" : "s");
	if (people)
		fprintf(l->out, "%lld to be adopted, when it is approved\n", people);
	else
		fprintf(l->out, "nothing can be adopted\n");
	print_lists(l, json_get(body, "frozen"));
	print_refused(l, json_get(body, "refused"));
	return COMMAND_DONE;
}

int command_adopt(const struct command_line *l)
{
	const char *tag = l->option[OPTION_BY_TAG];
	struct map m = { 0 };
	struct json *body;
	int ways = !!l->option[OPTION_BY_NAME] + !!tag + !!l->option[OPTION_MAP];
	if (ways != 1)
		return command_fail(l, COMMAND_USAGE, "\"adopt\" needs one of --by-name, --by-tag KEY and --map FILE");
	int status = l->option[OPTION_MAP] ? read_map(l, &m) : COMMAND_DONE;
	if (status != COMMAND_DONE)
		return status;
	const char *text = tag ? arena_printf(l->arena, "tag %s", tag) : m.lines ? "map" : "name";
	status = command_ask_with(l, WIRE_ADOPT, NULL, text, m.lines ? json_print(l->arena, m.lines) : NULL, &body);
	if (status != COMMAND_DONE)
		return status;
	if (!l->option[OPTION_JSON])
		return print_answer(l, body);
	print_json(l, body);
	return json_first(json_get(body, "bad")) ? COMMAND_REFUSED : COMMAND_DONE;
}
