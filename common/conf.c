#include "common/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/confscan.h"
#include "common/confshow.h"
#include "common/str.h"

#define FILE_BYTES (1u << 20)
#define MOST_SECONDS 1e11     /* about 3,000 years: milliseconds stay far from the end of 64 bits */

struct complaint {
	int line;
	size_t number;
	const char *text;
};

struct conf {
	config_t config;
	const char *file;
	struct arena *arena;
	struct complaint *complaints;
	size_t count, cap;
};

/* --- complaints ----------------------------------------------------------- */

static const char *place(const struct conf *doc, int line)
{
	return line > 0 ? arena_printf(doc->arena, "%s:%d", doc->file, line) : doc->file;
}

static PRINTF(4, 5) void complain(struct conf *doc, int line, const char *path, const char *fmt, ...)
{
	char why[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (doc->count == doc->cap) {
		size_t cap = doc->cap ? doc->cap * 2 : 8;
		struct complaint *more = arena_alloc(doc->arena, cap * sizeof(*more));
		if (doc->count)
			memcpy(more, doc->complaints, doc->count * sizeof(*more));
		doc->complaints = more;
		doc->cap = cap;
	}
	char *clean = str_printable(doc->arena, why, strlen(why));
	const char *text = path && *path ? arena_printf(doc->arena, "%s: %s: %s", place(doc, line), path, clean)
					 : arena_printf(doc->arena, "%s: %s", place(doc, line), clean);
	doc->complaints[doc->count] = (struct complaint){ line, doc->count, text };
	doc->count++;
}

static int compare_complaints(const void *a, const void *b)
{
	const struct complaint *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static char *list_complaints(struct conf *doc)
{
	struct str all;
	str_init(&all, doc->arena);
	if (doc->count)
		qsort(doc->complaints, doc->count, sizeof(*doc->complaints), compare_complaints);
	for (size_t i = 0; i < doc->count; i++)
		str_addf(&all, "%s\n", doc->complaints[i].text);
	return all.text;
}

static int line_of(const config_setting_t *s)
{
	return (int)config_setting_source_line(s);
}

/* --- values --------------------------------------------------------------- */

/* One setting on its way into one field. */
struct value {
	struct conf *doc;
	const struct conf_row *row;
	const char *path;
	const config_setting_t *setting;
	int line;
	void *field;
};

static const char *type_name(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "an integer";
	case CONFIG_TYPE_FLOAT:
		return "a fraction";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "a boolean";
	case CONFIG_TYPE_ARRAY:
		return "an array";
	case CONFIG_TYPE_LIST:
		return "a list";
	}
	return "nothing";
}

static bool is_integer(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_INT || config_setting_type(s) == CONFIG_TYPE_INT64;
}

static void wrong_type(const struct value *v, const char *expected)
{
	complain(v->doc, v->line, v->path, "expected %s, found %s", expected, type_name(v->setting));
}

static bool in_range(const struct value *v, double number)
{
	const struct conf_row *row = v->row;
	if ((row->min == 0 && row->max == 0) || (number >= row->min && number <= row->max))
		return true;
	complain(v->doc, v->line, v->path, "%.15g is not between %.15g and %.15g", number, row->min, row->max);
	return false;
}

/* A copy of the string in `s`, NULL after a complaint. */
static char *take_string(const struct value *v, const config_setting_t *s, const char *expected)
{
	const char *text = config_setting_get_string(s);
	if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		complain(v->doc, v->line, v->path, "expected %s, found %s", expected, type_name(s));
		return NULL;
	}
	if (!text || !str_utf8(text, strlen(text))) {
		complain(v->doc, v->line, v->path, "the string is not UTF-8");
		return NULL;
	}
	return arena_strdup(v->doc->arena, text);
}

static void take_text(const struct value *v)
{
	char *text = take_string(v, v->setting, "a string");
	if (text && v->row->type == CONF_PATH && text[0] != '/')
		complain(v->doc, v->line, v->path, "\"%s\" is not an absolute path", text);
	else if (text)
		*(char **)v->field = text;
}

static void take_bool(const struct value *v)
{
	if (config_setting_type(v->setting) != CONFIG_TYPE_BOOL)
		wrong_type(v, "true or false");
	else
		*(bool *)v->field = config_setting_get_bool(v->setting);
}

static void take_int(const struct value *v)
{
	if (!is_integer(v->setting)) {
		wrong_type(v, "an integer");
		return;
	}
	int64_t number = config_setting_get_int64(v->setting);
	if (in_range(v, (double)number))
		*(int64_t *)v->field = number;
}

static bool get_number(const config_setting_t *s, double *number)
{
	if (is_integer(s))
		*number = (double)config_setting_get_int64(s);
	else if (config_setting_type(s) == CONFIG_TYPE_FLOAT)
		*number = config_setting_get_float(s);
	else
		return false;
	return true;
}

static void take_number(const struct value *v)
{
	double number;
	if (!get_number(v->setting, &number))
		wrong_type(v, "a number");
	else if (!isfinite(number))
		complain(v->doc, v->line, v->path, "the number is out of range");
	else if (in_range(v, number))
		*(double *)v->field = number;
}

/* "90s", "15m", "2h", "30d", "1.5h". */
static bool read_duration(const char *text, double *seconds)
{
	static const struct {
		char name;
		int seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char *end;
	if (text[0] < '0' || text[0] > '9' || text[strspn(text, "0123456789.")] == '\0')
		return false;
	if (strspn(text, "0123456789.") != strlen(text) - 1)
		return false;
	double number = strtod(text, &end);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (end[0] == units[i].name && end[1] == '\0') {
			*seconds = number * units[i].seconds;
			return true;
		}
	}
	return false;
}

static void take_seconds(const struct value *v)
{
	static const char expected[] = "seconds or a text such as \"90s\", \"15m\", \"2h\", \"30d\"";
	double seconds;
	if (config_setting_type(v->setting) == CONFIG_TYPE_STRING) {
		const char *text = config_setting_get_string(v->setting);
		if (!read_duration(text, &seconds)) {
			complain(v->doc, v->line, v->path, "\"%.60s\" is no duration; expected %s", text, expected);
			return;
		}
	} else if (!get_number(v->setting, &seconds)) {
		wrong_type(v, expected);
		return;
	}
	if (!(seconds >= 0 && seconds <= MOST_SECONDS))
		complain(v->doc, v->line, v->path, "%.15g seconds are out of range", seconds);
	else if (in_range(v, seconds))
		*(int64_t *)v->field = (int64_t)(seconds * 1000 + 0.5);
}

static void take_choice(const struct value *v)
{
	char *text = take_string(v, v->setting, "a string");
	const char *name;
	size_t n;
	if (!text)
		return;
	for (int i = 0; (name = conf_choice_name(v->row->choices, i, &n)); i++) {
		if (strlen(text) == n && memcmp(name, text, n) == 0) {
			*(int *)v->field = i;
			return;
		}
	}
	complain(v->doc, v->line, v->path, "\"%s\" is none of %s", text, v->row->choices);
}

static void take_texts(const struct value *v)
{
	static const char expected[] = "a string or a list of strings";
	bool many = config_setting_is_array(v->setting) || config_setting_is_list(v->setting);
	size_t n = many ? (size_t)config_setting_length(v->setting) : 1;
	struct conf_texts texts = { n, arena_alloc(v->doc->arena, (n + 1) * sizeof(char *)) };
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *item = many ? config_setting_get_elem(v->setting, (unsigned)i) : v->setting;
		texts.items[i] = take_string(v, item, expected);
		if (!texts.items[i])
			return;
	}
	if (n == 0 && v->row->flags & CONF_REQUIRED)
		complain(v->doc, v->line, v->path, "at least one is needed");
	*(struct conf_texts *)v->field = texts;
}

static void fill(struct conf *doc, const config_setting_t *group, const char *prefix, const struct conf_row *rows,
	size_t count, char *base);

static void take_groups(const struct value *v)
{
	const struct conf_row *row = v->row;
	if (!config_setting_is_list(v->setting)) {
		wrong_type(v, "a list of groups: ( { ... }, { ... } )");
		return;
	}
	size_t n = (size_t)config_setting_length(v->setting);
	struct conf_groups groups = { n, arena_alloc(v->doc->arena, n * row->inner_size) };
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *group = config_setting_get_elem(v->setting, (unsigned)i);
		const char *path = arena_printf(v->doc->arena, "%s[%zu]", v->path, i);
		if (config_setting_is_group(group))
			fill(v->doc, group, path, row->inner, row->inner_count, (char *)groups.items + i * row->inner_size);
		else
			complain(v->doc, line_of(group), path, "expected a group, found %s", type_name(group));
	}
	if (n == 0 && row->flags & CONF_REQUIRED)
		complain(v->doc, v->line, v->path, "at least one is needed");
	*(struct conf_groups *)v->field = groups;
}

static const struct {
	void (*take)(const struct value *);
	size_t size;
} types[] = {
	[CONF_TEXT] = { take_text, sizeof(char *) },
	[CONF_PATH] = { take_text, sizeof(char *) },
	[CONF_BOOL] = { take_bool, sizeof(bool) },
	[CONF_INT] = { take_int, sizeof(int64_t) },
	[CONF_SECONDS] = { take_seconds, sizeof(int64_t) },
	[CONF_NUMBER] = { take_number, sizeof(double) },
	[CONF_CHOICE] = { take_choice, sizeof(int) },
	[CONF_TEXTS] = { take_texts, sizeof(struct conf_texts) },
	[CONF_GROUPS] = { take_groups, sizeof(struct conf_groups) },
};

/* --- defaults ------------------------------------------------------------- */

/* A bare word stands for the string: "uid" needs no quotes of its own in the table. */
static char *default_text(struct arena *a, const struct conf_row *row)
{
	const char *text = row->otherwise;
	bool textual = row->type == CONF_TEXT || row->type == CONF_PATH || row->type == CONF_CHOICE || row->type == CONF_TEXTS ||
		(row->type == CONF_SECONDS && text[strspn(text, "0123456789.")] != '\0');
	/* Only a list begins with a bracket; a filter is a text that does. */
	if (!textual || (*text && strchr(row->type == CONF_TEXTS ? "\"[(" : "\"", *text)))
		return arena_printf(a, "value = %s;", text);
	struct str s;
	str_init(&s, a);
	str_add(&s, "value = \"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			str_add(&s, "\\");
		str_addn(&s, text, 1);
	}
	str_add(&s, "\";");
	return s.text;
}

static void take_default(struct conf *doc, const struct conf_row *row, const char *path, void *field)
{
	config_t config;
	char *text = default_text(doc->arena, row);
	path = arena_printf(doc->arena, "%s (built-in default)", path);
	config_init(&config);
	if (config_read_string(&config, text)) {
		struct value v = { doc, row, path, config_lookup(&config, "value"), 0, field };
		types[row->type].take(&v);
	} else {
		complain(doc, 0, path, "%s is malformed", row->otherwise);
	}
	config_destroy(&config);
}

/* --- groups --------------------------------------------------------------- */

static const char *join(struct arena *a, const char *prefix, const char *name)
{
	return *prefix ? arena_printf(a, "%s.%s", prefix, name) : name;
}

/* As config_setting_lookup(), which does not tell the nearest parent. */
static const config_setting_t *look_up(const config_setting_t *group, const char *path, const config_setting_t **nearest)
{
	const config_setting_t *s = group;
	char name[128];
	while (s) {
		*nearest = s;
		if (!*path)
			return s;
		if (*path == '[') {
			char *end;
			unsigned long i = strtoul(path + 1, &end, 10);
			s = config_setting_is_aggregate(s) && i < (unsigned long)config_setting_length(s)
				? config_setting_get_elem(s, (unsigned)i)
				: NULL;
			path = end + strspn(end, "].");
			continue;
		}
		size_t n = strcspn(path, ".[");
		if (n >= sizeof(name) || !config_setting_is_group(s))
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		s = config_setting_get_member(s, name);
		path += n + (path[n] == '.');
	}
	return NULL;
}

enum known { UNKNOWN, BRANCH, LEAF };

static enum known known_name(const struct conf_row *rows, size_t count, const char *path)
{
	size_t n = strlen(path);
	for (size_t i = 0; i < count; i++) {
		if (strncmp(rows[i].path, path, n) == 0 && (rows[i].path[n] == '\0' || rows[i].path[n] == '.'))
			return rows[i].path[n] ? BRANCH : LEAF;
	}
	return UNKNOWN;
}

/* `path` is relative to the rows, `prefix` leads to them. */
static void check_names(struct conf *doc, const config_setting_t *group, const char *prefix, const char *path,
	const struct conf_row *rows, size_t count)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const char *own = join(doc->arena, path, config_setting_name(s));
		const char *whole = join(doc->arena, prefix, own);
		enum known known = known_name(rows, count, own);
		if (known == UNKNOWN)
			complain(doc, line_of(s), whole, "unknown setting");
		else if (known == BRANCH && !config_setting_is_group(s))
			complain(doc, line_of(s), whole, "expected a group, found %s", type_name(s));
		else if (known == BRANCH)
			check_names(doc, s, prefix, own, rows, count);
	}
}

static void fill(struct conf *doc, const config_setting_t *group, const char *prefix, const struct conf_row *rows,
	size_t count, char *base)
{
	check_names(doc, group, prefix, "", rows, count);
	for (size_t i = 0; i < count; i++) {
		const struct conf_row *row = &rows[i];
		const config_setting_t *nearest, *s = look_up(group, row->path, &nearest);
		const char *path = join(doc->arena, prefix, row->path);
		void *field = base + row->offset;
		memset(field, 0, types[row->type].size);
		if (s) {
			struct value v = { doc, row, path, s, line_of(s), field };
			types[row->type].take(&v);
		} else if (row->otherwise) {
			take_default(doc, row, path, field);
		} else if (row->flags & CONF_REQUIRED) {
			complain(doc, line_of(nearest), path, "is missing");
		}
	}
}

/* --- the file ------------------------------------------------------------- */

static void destroy(void *p)
{
	struct conf *doc = p;
	config_destroy(&doc->config);
}

static struct conf *doc_new(struct arena *a, const char *file)
{
	struct conf *doc = arena_alloc(a, sizeof(*doc));
	doc->arena = a;
	doc->file = arena_strdup(a, file);
	config_init(&doc->config);
	arena_defer(a, destroy, doc);
	return doc;
}

static bool read_file(struct conf *doc, char **text, size_t *n)
{
	AUTO_FD int fd = open(doc->file, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;
	*n = 0;
	*text = mem_alloc(FILE_BYTES);
	while (fd >= 0 && *n < FILE_BYTES && (got = read(fd, *text + *n, FILE_BYTES - *n)) > 0)
		*n += (size_t)got;
	if (got < 0)
		complain(doc, 0, NULL, "could not be read: %s", strerror(errno));
	else if (*n == FILE_BYTES)
		complain(doc, 0, NULL, "is larger than %u bytes", FILE_BYTES);
	return doc->count == 0;
}

static bool parse(struct conf *doc)
{
	struct err e;
	AUTO_FREE char *text = NULL;
	char *copy;
	size_t n;
	int line;
	if (!read_file(doc, &text, &n))
		return false;
	if (conf_scan(doc->arena, text, n, &copy, &line, &e)) {
		complain(doc, line, NULL, "%s", e.text);
		return false;
	}
	if (!config_read_string(&doc->config, copy)) {
		complain(doc, config_error_line(&doc->config), NULL, "%s", config_error_text(&doc->config));
		return false;
	}
	return true;
}

int conf_load(const char *file, const struct conf_row *rows, size_t count, void *settings, struct arena *a,
	struct conf **out, char **complaints, struct err *e)
{
	struct conf *doc = doc_new(a, file);
	bool parsed = parse(doc);
	if (parsed)
		fill(doc, config_root_setting(&doc->config), "", rows, count, settings);
	*complaints = list_complaints(doc);
	*out = parsed ? doc : NULL;
	if (doc->count == 1)
		return err_set(e, ERR_INPUT, "%s", doc->complaints[0].text);
	if (doc->count)
		return err_set(e, ERR_INPUT, "%zu complaints, the first: %s", doc->count, doc->complaints[0].text);
	return 0;
}

const char *conf_place(const struct conf *doc, const char *path)
{
	const config_setting_t *nearest = config_root_setting(&doc->config);
	look_up(nearest, path, &nearest);
	return place(doc, line_of(nearest));
}
