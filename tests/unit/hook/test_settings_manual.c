/* Settings: the table, the sample and the manual say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/str.h"
#include "hook/settings.h"

#define SAMPLE "etc/rollcall.conf.sample"
#define MANUAL "etc/man/rollcall.conf.5"
#define PLACE "/usr/share/rollcall"        /* what sample and manual say for ROLLCALL_DATADIR */

struct entry_of { char path[96], value[128]; bool built_in; };
struct list { struct entry_of items[256]; size_t count; };

static char *slurp(struct arena *a, const char *path)
{
	struct str s;
	char line[512];
	FILE *in = fopen(path, "r");
	if (!in)
		fail_msg("%s cannot be read: run it from the project's root", path);
	str_init(&s, a);
	while (fgets(line, sizeof(line), in))
		str_add(&s, line);
	fclose(in);
	return s.text;
}

/* Text or a number as the table writes it: without quotes, with the place of this build. */
static void normalise(const char *value, char *out, size_t room)
{
	size_t n = strlen(value);
	while (n > 0 && strchr(" ;", value[n - 1]))
		n--;
	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		value++;
		n -= 2;
	}
	if (n >= strlen(PLACE) && memcmp(value, PLACE, strlen(PLACE)) == 0)
		snprintf(out, room, "%s%.*s", ROLLCALL_DATADIR, (int)(n - strlen(PLACE)), value + strlen(PLACE));
	else
		snprintf(out, room, "%.*s", (int)n, value);
}

static const struct entry_of *find(const struct list *l, const char *path)
{
	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(l->items[i].path, path) == 0)
			return &l->items[i];
	}
	return NULL;
}

/* Paths and defaults of the table; groups in lists as "profiles.name". */
static void list_table(struct list *l, const char *prefix, const struct conf_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct entry_of *entry = &l->items[l->count++];
		snprintf(entry->path, sizeof(entry->path), "%s%s", prefix, rows[i].path);
		assert_true(!rows[i].otherwise || !(rows[i].flags & CONF_REQUIRED));
		snprintf(entry->value, sizeof(entry->value), "%s",
			rows[i].otherwise ? rows[i].otherwise : rows[i].flags & CONF_REQUIRED ? "required" : "none");
		assert_non_null(rows[i].help);
		assert_true(strlen(rows[i].help) > 0);
		if (rows[i].type == CONF_GROUPS)
			list_table(l, "profiles.", rows[i].inner, rows[i].inner_count);
	}
}

/* "#name = value;" is built in, "name = value;" is set; braces make the path. */
static void list_sample(struct arena *a, struct list *l)
{
	char stack[8][64];
	size_t depth = 0;
	char *save = NULL;
	for (char *line = strtok_r(slurp(a, SAMPLE), "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, "\t");
		bool built_in = line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
		if (built_in)
			line++;
		if (*line == '#' || !*line)
			continue;
		char *equals = strstr(line, " = ");
		if (!equals) {
			if (*line == '}' || *line == ')')
				depth--;
			else
				snprintf(stack[depth++], sizeof(stack[0]), "%s", "");     /* "{" inside a list */
			continue;
		}
		*equals = '\0';
		const char *value = equals + 3;
		if (strcmp(value, "{") == 0 || strcmp(value, "(") == 0)
			snprintf(stack[depth++], sizeof(stack[0]), "%s", line);
		if (strcmp(value, "{") == 0)
			continue;
		struct entry_of *entry = &l->items[l->count];
		size_t n = 0;
		for (size_t i = 0; i < depth - (*value == '('); i++)
			n += (size_t)snprintf(entry->path + n, sizeof(entry->path) - n, "%s%s", stack[i], *stack[i] ? "." : "");
		snprintf(entry->path + n, sizeof(entry->path) - n, "%s", line);
		normalise(value, entry->value, sizeof(entry->value));
		entry->built_in = built_in;
		l->count++;
	}
	assert_int_equal(depth, 0);
}

/* ".It Cm PATH Pq DEFAULT" */
static void list_manual(struct arena *a, struct list *l)
{
	char *save = NULL;
	for (char *line = strtok_r(slurp(a, MANUAL), "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strstr(line, " Pq ");
		if (!str_starts(line, ".It Cm ") || !value)
			continue;
		*value = '\0';
		struct entry_of *entry = &l->items[l->count++];
		snprintf(entry->path, sizeof(entry->path), "%s", line + strlen(".It Cm "));
		normalise(value + 4, entry->value, sizeof(entry->value));
	}
}

static void same_paths(const struct list *a, const char *a_name, const struct list *b, const char *b_name)
{
	for (size_t i = 0; i < a->count; i++) {
		if (!find(b, a->items[i].path))
			fail_msg("%s is in the %s, not in the %s", a->items[i].path, a_name, b_name);
	}
}

static void table_sample_and_manual_agree(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(8u << 20);
	(void)state;
	struct list table = { .count = 0 }, sample = { .count = 0 }, manual = { .count = 0 };
	list_table(&table, "", settings_rows, settings_row_count);
	list_sample(a, &sample);
	list_manual(a, &manual);
	assert_true(table.count > 70);
	same_paths(&table, "table", &sample, "sample");
	same_paths(&sample, "sample", &table, "table");
	same_paths(&table, "table", &manual, "manual");
	same_paths(&manual, "manual", &table, "table");
	for (size_t i = 0; i < table.count; i++) {
		const struct entry_of *t = &table.items[i], *m = find(&manual, t->path);
		if (strcmp(t->value, m->value) != 0)
			fail_msg("%s is \"%s\" in the table, \"%s\" in the manual", t->path, t->value, m->value);
	}
	for (size_t i = 0; i < sample.count; i++) {
		const struct entry_of *s = &sample.items[i], *t = find(&table, s->path);
		bool has_default = strcmp(t->value, "none") != 0 && strcmp(t->value, "required") != 0;
		if (s->built_in && has_default && strcmp(s->value, t->value) != 0)
			fail_msg("%s is \"%s\" in the sample, \"%s\" in the table", s->path, s->value, t->value);
		if (s->built_in && strcmp(t->value, "required") == 0)
			fail_msg("%s is required, but a comment in the sample", s->path);
	}
}

/* The sample as it is, and with every "#" taken away, is a settings file that the table takes. */
static void the_sample_can_be_read(void **state)
{
	AUTO_ARENA struct arena *a = arena_new(8u << 20);
	(void)state;
	for (int all = 0; all < 2; all++) {
		struct conf *doc = NULL;
		struct str s;
		char *save = NULL;
		str_init(&s, a);
		for (char *line = strtok_r(slurp(a, SAMPLE), "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			char *hash = line + strspn(line, "\t");
			if (all && hash[0] == '#' && hash[1] >= 'a' && hash[1] <= 'z')
				*hash = '\t';
			str_addf(&s, "%s\n", line);
		}
		char path[] = "/tmp/rollcall-test-XXXXXX";
		int fd = mkstemp(path);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, s.text, s.len), s.len);
		close(fd);
		struct settings settings;
		char *complaints;
		struct err e;
		memset(&settings, 0, sizeof(settings));
		int r = conf_load(path, settings_rows, settings_row_count, &settings, a, &doc, &complaints, &e);
		unlink(path);
		if (r < 0)
			fail_msg("%s", complaints);
		assert_int_equal(settings.profiles.count, 2);
		assert_true(settings.seal.strict_memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_sample_and_manual_agree),
		cmocka_unit_test(the_sample_can_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
