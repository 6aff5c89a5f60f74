/* conf_show() of common/conf.h: settings as they stand in memory, in the form of the file. */
#include "common/confshow.h"

#include <inttypes.h>
#include <string.h>

#include "common/conf.h"
#include "common/str.h"

const char *conf_choice_name(const char *choices, int index, size_t *n)
{
	while (index-- > 0) {
		choices = strchr(choices, '|');
		if (!choices)
			return NULL;
		choices++;
	}
	*n = strcspn(choices, "|");
	return choices;
}

static void show_text(struct str *s, const char *text)
{
	if (!text) {
		str_add(s, "none");
		return;
	}
	char *clean = str_printable(s->arena, text, strlen(text));
	str_add(s, "\"");
	for (; *clean; clean++) {
		if (*clean == '"' || *clean == '\\')
			str_add(s, "\\");
		str_addn(s, clean, 1);
	}
	str_add(s, "\"");
}

static void show_seconds(struct str *s, int64_t ms)
{
	if (ms % 1000 == 0)
		str_addf(s, "%" PRId64, ms / 1000);
	else
		str_addf(s, "%.3f", (double)ms / 1000);
}

static void show_texts(struct str *s, const struct conf_texts *texts)
{
	str_add(s, "[");
	for (size_t i = 0; i < texts->count; i++) {
		str_add(s, i ? ", " : "");
		show_text(s, texts->items[i]);
	}
	str_add(s, "]");
}

static void show_value(struct str *s, const struct conf_row *row, const void *field)
{
	size_t n = 0;
	switch (row->type) {
	case CONF_TEXT:
	case CONF_PATH:
		show_text(s, *(char *const *)field);
		break;
	case CONF_BOOL:
		str_add(s, *(const bool *)field ? "true" : "false");
		break;
	case CONF_INT:
		str_addf(s, "%" PRId64, *(const int64_t *)field);
		break;
	case CONF_SECONDS:
		show_seconds(s, *(const int64_t *)field);
		break;
	case CONF_NUMBER:
		str_addf(s, "%.15g", *(const double *)field);
		break;
	case CONF_CHOICE: {
		const char *name = conf_choice_name(row->choices, *(const int *)field, &n);
		str_addf(s, "\"%.*s\"", name ? (int)n : 0, name ? name : "");
		break;
	}
	case CONF_TEXTS:
		show_texts(s, field);
		break;
	case CONF_GROUPS:
		str_add(s, "()");
		break;
	}
}

static void show(struct str *s, const char *prefix, const struct conf_row *rows, size_t count, const char *base)
{
	for (size_t i = 0; i < count; i++) {
		const struct conf_row *row = &rows[i];
		const char *path = *prefix ? arena_printf(s->arena, "%s.%s", prefix, row->path) : row->path;
		const struct conf_groups *groups = (const void *)(base + row->offset);
		if (row->type != CONF_GROUPS || groups->count == 0) {
			str_addf(s, "%s = ", path);
			show_value(s, row, base + row->offset);
			str_add(s, "\n");
			continue;
		}
		for (size_t k = 0; k < groups->count; k++)
			show(s, arena_printf(s->arena, "%s[%zu]", path, k), row->inner, row->inner_count,
				(const char *)groups->items + k * row->inner_size);
	}
}

char *conf_show(const struct conf_row *rows, size_t count, const void *settings, struct arena *a)
{
	struct str s;
	str_init(&s, a);
	show(&s, "", rows, count, settings);
	return s.text;
}
