/* Answers for human eyes: tables whose columns stand under each other in any script. */
#include <string.h>
#include <wchar.h>

#include "common/str.h"
#include "hook/command.h"

#define GAP 2
#define NAME_WIDTH 15

/* --- tables ----------------------------------------------------------------------------------------------- */

static wchar_t decode(const unsigned char *p, size_t n)
{
	static const unsigned char first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = p[0] & first[n];
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return (wchar_t)c;
}

size_t text_width(const char *utf8)
{
	size_t width = 0, left = strlen(utf8);
	const unsigned char *p = (const unsigned char *)utf8;
	while (left > 0) {
		size_t n = str_utf8_step(p, left);
		int w = n ? wcwidth(decode(p, n)) : 1;
		/* A character that the C library does not know yet: one column is the best guess. */
		width += w < 0 ? 1 : (size_t)w;
		p += n ? n : 1;
		left -= n ? n : 1;
	}
	return width;
}

void table_init(struct table *t, struct arena *a, size_t columns, const char *const *titles)
{
	*t = (struct table){ .arena = a, .columns = columns };
	for (size_t i = 0; i < columns; i++) {
		/* A title that begins with '>' belongs to a column of numbers. */
		t->right[i] = titles[i][0] == '>';
		table_add(t, titles[i] + t->right[i]);
	}
}

void table_add(struct table *t, const char *text)
{
	if (t->rows == t->room) {
		char **more = arena_alloc(t->arena, (t->room * 2 + 64) * sizeof(*more));
		if (t->rows > 0)
			memcpy(more, t->cells, t->rows * sizeof(*more));
		t->cells = more;
		t->room = t->room * 2 + 64;
	}
	t->cells[t->rows++] = text && *text ? str_printable(t->arena, text, strlen(text)) : arena_strdup(t->arena, "-");
}

static void pad(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int)n, "");
}

void table_print(const struct table *t, FILE *out)
{
	size_t widest[ARRAY_LEN(t->right)] = { 0 };
	for (size_t i = 0; i < t->rows; i++) {
		size_t w = text_width(t->cells[i]);
		if (w > widest[i % t->columns])
			widest[i % t->columns] = w;
	}
	for (size_t i = 0; i < t->rows; i++) {
		size_t column = i % t->columns, room = widest[column] - text_width(t->cells[i]);
		bool last = column + 1 == t->columns;
		if (t->right[column])
			pad(out, room);
		fputs(t->cells[i], out);
		if (last)
			fputc('\n', out);
		else
			pad(out, GAP + (t->right[column] ? 0 : room));
	}
}

/* --- any JSON as lines of name and value ------------------------------------------------------------------ */

static const char *clean(const struct command_line *l, const char *text)
{
	return str_printable(l->arena, text, strlen(text));
}

/* A moment that a record of the store holds in milliseconds. */
static bool is_moment(const char *name)
{
	size_t n = strlen(name);
	return n > 3 && strcmp(name + n - 3, "_ms") == 0;
}

/* NULL: nothing worth a line. */
static const char *scalar(const struct command_line *l, const char *name, const struct json *v)
{
	char at[TIME_TEXT];
	int64_t ms;
	switch (json_type(v)) {
	case JSON_STRING:
		return *json_string(v) ? clean(l, json_string(v)) : NULL;
	case JSON_BOOL:
		return json_bool_or(v, "", false) ? "yes" : "no";
	case JSON_NUMBER:
		if (!is_moment(name) || json_int(v, "", &ms, NULL))
			return json_print(l->arena, v);
		str_time(ms, at);
		return ms > 0 ? arena_strdup(l->arena, at) : NULL;
	default:
		return NULL;
	}
}

static void print_line(const struct command_line *l, int indent, const char *name, const char *value)
{
	char *shown = arena_strdup(l->arena, clean(l, name));
	if (is_moment(shown))
		memcpy(shown + strlen(shown) - 2, "at", 2);
	size_t width = text_width(shown);
	fprintf(l->out, "%*s%s", indent, "", shown);
	pad(l->out, width < NAME_WIDTH ? NAME_WIDTH - width : 1);
	fprintf(l->out, "%s\n", value);
}

/* One object on one line: "key=value, key=value". */
static const char *in_one_line(const struct command_line *l, const struct json *v)
{
	struct str s;
	str_init(&s, l->arena);
	if (json_type(v) != JSON_OBJECT)
		return scalar(l, "", v);
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		const char *value = scalar(l, json_name(m), m);
		if (value)
			str_addf(&s, "%s%s=%s", s.len ? ", " : "", clean(l, json_name(m)), value);
	}
	return s.text;
}

static void print_members(const struct command_line *l, const struct json *o, int indent)
{
	for (const struct json *m = json_first(o); m; m = json_next(m)) {
		const char *name = json_name(m), *value = scalar(l, name, m);
		if (value) {
			print_line(l, indent, name, value);
		} else if (json_type(m) == JSON_OBJECT && json_first(m)) {
			fprintf(l->out, "%*s%s\n", indent, "", clean(l, name));
			print_members(l, m, indent + 2);
		} else if (json_type(m) == JSON_ARRAY && !is_moment(name)) {
			for (const struct json *i = json_first(m); i; i = json_next(i)) {
				const char *line = in_one_line(l, i);
				if (line)
					print_line(l, indent, name, line);
			}
		}
	}
}

void print_json(const struct command_line *l, const struct json *v)
{
	fprintf(l->out, "%s\n", json_print_pretty(l->arena, v));
}

/* --- lists of people ---------------------------------------------------------------------------------------- */

static const char *text_of(const struct json *o, const char *name)
{
	const char *text = json_text(o, name);
	return text ? text : "";
}

/* The first of these that is there. */
static const char *why_of(const struct command_line *l, const struct json *o)
{
	static const char *const places[] = { "trouble", "hold_reason", "note", "reason" };
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		const char *kind = i == 0 ? json_text(o, "trouble_kind") : NULL, *text = json_text(o, places[i]);
		if (text && *text)
			return kind ? arena_printf(l->arena, "%s: %s", kind, text) : text;
	}
	return NULL;
}

static const char *due_of(const struct command_line *l, const struct json *o, int64_t now)
{
	const char *due = json_text(o, "due");
	int64_t ms;
	if (json_bool_or(o, "in_hand", false))
		return "in hand";
	if (!due || str_time_parse(due, &ms, NULL))
		return NULL;
	return ms <= now ? "now" : arena_printf(l->arena, "in %s", str_duration(l->arena, ms - now));
}

static int64_t now_of(const struct json *body)
{
	const char *now = json_text(body, "now");
	int64_t ms;
	return now && !str_time_parse(now, &ms, NULL) ? ms : 0;
}

static void print_people(const struct command_line *l, const struct json *list, int64_t now)
{
	static const char *const titles[] = { "LOGIN", ">GEN", "STAGE", "LANE", "DUE", ">FAILED", "WHY" };
	struct table t;
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *p = json_first(list); p; p = json_next(p)) {
		table_add(&t, json_text(p, "login"));
		table_add(&t, arena_printf(l->arena, "%lld", (long long)json_int_or(p, "generation", 0)));
		table_add(&t, json_text(p, "stage"));
		table_add(&t, json_text(p, "lane"));
		table_add(&t, due_of(l, p, now));
		table_add(&t, arena_printf(l->arena, "%lld", (long long)json_int_or(p, "attempts", 0)));
		table_add(&t, why_of(l, p));
	}
	table_print(&t, l->out);
}

static void print_held(const struct command_line *l, const struct json *body)
{
	static const char *const titles[] = { "LOGIN", ">GEN", "STAGE", "WHY" };
	const struct json *holds = json_get(body, "holds");
	int64_t held = json_int_or(body, "held", 0);
	struct table t;
	if (held == 0)
		return;
	fprintf(l->out, "\nheld until somebody resumes them: %lld%s\n", (long long)held,
		(size_t)held > json_count(holds) ? ", the last of them" : "");
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *p = json_first(holds); p; p = json_next(p)) {
		table_add(&t, json_text(p, "login"));
		table_add(&t, arena_printf(l->arena, "%lld", (long long)json_int_or(p, "generation", 0)));
		table_add(&t, json_text(p, "stage"));
		table_add(&t, json_text(p, "hold_reason"));
	}
	table_print(&t, l->out);
}

static void print_dormant(const struct command_line *l, const struct json *body)
{
	static const char *const titles[] = { "LOGIN", "IDLE SINCE", "KEY USED", "LAST LOGIN", "NEXT" };
	static const char *const members[] = { "login", "idle_since", "key_used", "last_login", "next" };
	const struct json *people = json_get(body, "dormant_people");
	int64_t dormant = json_int_or(body, "dormant", 0);
	struct table t;
	if (!json_has(body, "dormant"))
		return;
	fprintf(l->out, "\nkeys that nobody used for %s: %lld of %lld that are watched%s\n", clean(l, text_of(body, "dormant_after")),
		(long long)dormant, (long long)json_int_or(body, "dormant_watched", 0),
		(size_t)dormant > json_count(people) ? ", the longest of them" : "");
	if (dormant == 0)
		return;
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *p = json_first(people); p; p = json_next(p))
		for (size_t i = 0; i < ARRAY_LEN(members); i++)
			table_add(&t, json_text(p, members[i]));
	table_print(&t, l->out);
}

static void print_waiting(const struct command_line *l, const struct json *list)
{
	static const char *const titles[] = { "LOGIN", "SINCE", "SIGN", "WHY" };
	struct table t;
	if (!json_first(list))
		return;
	fprintf(l->out, "\ndepartures that wait for confirmation\n");
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *p = json_first(list); p; p = json_next(p)) {
		table_add(&t, json_text(p, "login"));
		table_add(&t, json_text(p, "since"));
		table_add(&t, json_text(p, "signal"));
		table_add(&t, json_text(p, "reason"));
	}
	table_print(&t, l->out);
}

static void print_counts(const struct command_line *l, const struct json *o, const char *title)
{
	const char *titles[] = { title, ">COUNT" };
	struct table t;
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *m = json_first(o); m; m = json_next(m)) {
		table_add(&t, json_name(m));
		table_add(&t, json_print(l->arena, m));
	}
	table_print(&t, l->out);
	fputc('\n', l->out);
}

/* --- figures ------------------------------------------------------------------------------------------------ */

static void print_offboarding(const struct command_line *l, const struct json *o)
{
	static const struct { const char *member, *what; } others[] = { { "not_refused_yet", "not refused yet" },
		{ "not_proved", "not proved" }, { "no_moment_of_change", "without a moment of the change" } };
	int64_t n = json_int_or(o, "measured", 0);
	const char *comma = "";
	if (!o)
		return;
	fprintf(l->out, "\nleavers, from the change in the directory to the first refused call: ");
	if (n > 0)
		fprintf(l->out, "p50 %lld ms, p95 %lld ms, p99 %lld ms of %lld", (long long)json_int_or(o, "p50_ms", 0),
			(long long)json_int_or(o, "p95_ms", 0), (long long)json_int_or(o, "p99_ms", 0), (long long)n);
	else
		fprintf(l->out, "none yet");
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		int64_t count = json_int_or(o, others[i].member, 0);
		if (count > 0)
			fprintf(l->out, "%s%lld %s", *comma ? comma : "; ", (long long)count, others[i].what);
		comma = count > 0 ? ", " : comma;
	}
	fputc('\n', l->out);
}

static void print_stuck(const struct command_line *l, const struct json *body)
{
	const struct json *people = json_get(body, "stuck_people");
	int64_t stuck = json_int_or(body, "stuck", 0);
	if (stuck == 0)
		return;
	fprintf(l->out, "\naccess that is not taken away yet: %lld%s\n", (long long)stuck,
		(size_t)stuck > json_count(people) ? ", the longest of them" : "");
	print_people(l, people, now_of(body));
}

static void print_brakes(const struct command_line *l, const struct json *list)
{
	static const char *const titles[] = { "BRAKE", "WINDOW", ">THROUGH", ">HELD BACK", ">LIMIT" };
	static const char *const numbers[] = { "through", "held_back", "limit" };
	struct table t;
	if (!json_first(list))
		return;
	fputc('\n', l->out);
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *b = json_first(list); b; b = json_next(b)) {
		table_add(&t, json_text(b, "brake"));
		table_add(&t, json_text(b, "window"));
		for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
			table_add(&t, json_has(b, numbers[i]) ? json_print(l->arena, json_get(b, numbers[i])) : NULL);
	}
	table_print(&t, l->out);
}

/* --- the four answers ---------------------------------------------------------------------------------------- */

void print_status(const struct command_line *l, const struct json *body)
{
	const struct json *trouble = json_get(body, "trouble");
	int64_t troubled = json_int_or(body, "troubled", 0);
	fprintf(l->out, "rollcalld %s at %s\n", clean(l, text_of(body, "version")), clean(l, text_of(body, "now")));
	print_members(l, json_get(body, "health"), 0);
	fputc('\n', l->out);
	print_counts(l, json_get(body, "stages"), "STAGE");
	print_counts(l, json_get(body, "lanes"), "LANE");
	fprintf(l->out, "%lld people, %lld letters to the directory, %lld open intents\n", (long long)json_int_or(body, "people", 0),
		(long long)json_int_or(body, "outbox", 0), (long long)json_int_or(body, "open_intents", 0));
	print_stuck(l, body);
	if (troubled > 0) {
		fprintf(l->out, "\nin trouble: %lld%s\n", (long long)troubled,
			(size_t)troubled > json_count(trouble) ? ", the first of them" : "");
		print_people(l, trouble, now_of(body));
	}
	print_held(l, body);
	print_dormant(l, body);
	print_waiting(l, json_get(body, "waiting"));
	print_brakes(l, json_get(body, "brakes"));
	print_offboarding(l, json_get(body, "offboarding"));
}

void print_show(const struct command_line *l, const struct json *body)
{
	const struct json *accounts = json_get(body, "accounts");
	print_members(l, json_get(body, "person"), 0);
	if (!json_first(accounts))
		fprintf(l->out, "\nno account\n");
	for (const struct json *a = json_first(accounts); a; a = json_next(a)) {
		fprintf(l->out, "\naccount\n");
		print_members(l, a, 2);
	}
}

void print_why(const struct command_line *l, const struct json *body)
{
	static const char *const titles[] = { "ABOUT", "SINCE", "UNTIL", "WHY" };
	static const char *const texts[] = { "about", "since", "until", "text" };
	const struct json *accounts = json_get(body, "accounts"), *last = json_at(accounts, json_count(accounts) - 1);
	struct table t;
	fprintf(l->out, "%s, %s\n\n", clean(l, text_of(body, "person.login")), last ? clean(l, text_of(last, "stage")) : "no account");
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *w = json_first(json_get(body, "why")); w; w = json_next(w))
		for (size_t i = 0; i < ARRAY_LEN(texts); i++)
			table_add(&t, json_text(w, texts[i]));
	table_print(&t, l->out);
}

static void print_list(const struct command_line *l, const struct json *list)
{
	static const char *const titles[] = { "LOGIN", "DOES", "RATED", ">FEN", "WHY" };
	const struct json *people = json_get(list, "people");
	int64_t count = json_int_or(list, "count", 0);
	struct table t;
	const char *kind = clean(l, text_of(list, "kind"));
	fprintf(l->out, "\n%lld %s%s since %s, ", (long long)count, kind, count == 1 ? "" : "s", clean(l, text_of(list, "since")));
	bool kept = str_eq(json_text(json_first(people), "rated"), "irreversible") || str_eq(kind, "adoption");
	if (json_has(list, "hash"))
		fprintf(l->out, "%s.  approve or reject: %s\n", kept ? "kept until somebody approves" : "held back by a brake",
			clean(l, text_of(list, "hash")));
	else
		fprintf(l->out, "%s until %s\n", clean(l, text_of(list, "state")), clean(l, text_of(list, "until")));
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *p = json_first(people); p; p = json_next(p)) {
		table_add(&t, json_text(p, "login"));
		table_add(&t, json_text(p, "does"));
		table_add(&t, json_text(p, "rated"));
		table_add(&t, json_has(p, "fen") ? json_print(l->arena, json_get(p, "fen")) : NULL);
		table_add(&t, json_text(p, "why"));
	}
	table_print(&t, l->out);
	if (count > (int64_t)json_count(people))
		fprintf(l->out, "... and %lld more\n", (long long)(count - (int64_t)json_count(people)));
}

void print_lists(const struct command_line *l, const struct json *lists)
{
	for (const struct json *list = json_first(lists); list; list = json_next(list))
		print_list(l, list);
}

/* By date; what keeps somebody whose date has passed stands in his note. */
static void print_retirements(const struct command_line *l, const struct json *body)
{
	static const char *const titles[] = { "LOGIN", "DOES", "RATED", "FROM", "WHY" };
	const struct json *list = json_get(body, "retirements");
	int64_t ahead = json_int_or(body, "retirements_ahead", 0);
	struct table t;
	if (!json_first(list))
		return;
	fprintf(l->out, "\nretirements ahead\n");
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *p = json_first(list); p; p = json_next(p)) {
		table_add(&t, json_text(p, "login"));
		table_add(&t, json_text(p, "does"));
		table_add(&t, json_text(p, "rated"));
		table_add(&t, json_text(p, "retire_after"));
		table_add(&t, json_text(p, "note"));
	}
	table_print(&t, l->out);
	if (ahead > (int64_t)json_count(list))
		fprintf(l->out, "... and %lld more\n", (long long)(ahead - (int64_t)json_count(list)));
}

void print_queue(const struct command_line *l, const struct json *body)
{
	const struct json *queue = json_get(body, "queue");
	int64_t queued = json_int_or(body, "queued", 0);
	if (queued == 0)
		fprintf(l->out, "nothing is queued\n");
	else
		print_people(l, queue, now_of(body));
	if (queued > (int64_t)json_count(queue))
		fprintf(l->out, "... and %lld more\n", (long long)(queued - (int64_t)json_count(queue)));
	print_waiting(l, json_get(body, "waiting"));
	print_retirements(l, body);
	print_lists(l, json_get(body, "frozen"));
}

void print_plan(const struct command_line *l, const struct json *body)
{
	static const char *const titles[] = { "ROW", "SEEN", "CELL", "DOES" };
	struct table t;
	fprintf(l->out, "%s, %s\n\n", clean(l, text_of(body, "login")), clean(l, text_of(body, "stage")));
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (const struct json *r = json_first(json_get(body, "plan")); r; r = json_next(r)) {
		table_add(&t, json_text(r, "row"));
		table_add(&t, json_text(r, "seen"));
		table_add(&t, json_text(r, "cell"));
		table_add(&t, json_text(r, "does"));
	}
	table_print(&t, l->out);
}
