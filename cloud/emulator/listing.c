/* What all listings share: pages, filters, tags. */
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

static struct page cut(int64_t from, int64_t size, size_t total)
{
	size_t first = from < 0 || (uint64_t)from > total ? total : (size_t)from;
	size_t n = size < 0 ? 0 : (size_t)size;
	return (struct page){ first, n > total - first ? total : first + n };
}

struct page page_by_offset(const struct call *c, size_t total, size_t otherwise)
{
	return cut(int_of(c, "Offset", 0), int_of(c, "Limit", (int64_t)otherwise), total);
}

struct page page_by_number(const struct call *c, const char *number, const char *size, size_t total, size_t otherwise)
{
	int64_t n = int_of(c, size, (int64_t)otherwise);
	return cut((int_of(c, number, 1) - 1) * n, n, total);
}

/* --- filters ------------------------------------------------------------------------ */

static bool is_name(const char *const *names, const char *name)
{
	for (; *names; names++) {
		size_t n = strlen(*names);
		if (str_eq(*names, name) || ((*names)[n - 1] == ':' && str_starts(name, *names) && name[n]))
			return true;
	}
	return false;
}

int filters_check(struct call *c, const char *const *names)
{
	const struct json *filters = json_get(c->in, "Filters");
	bool tat = str_eq(c->service->name, "tat");
	for (const struct json *f = filters ? json_first(filters) : NULL; f; f = json_next(f)) {
		const char *name = json_text(f, "Name");
		if (!is_name(names, name))
			return call_fail(c, tat ? "InvalidParameterValue.InvalidFilter" :
				"InvalidParameter.InvalidFilterNotSupportedName",
				"The filter `%.60s` is not supported.", name);
	}
	return 0;
}

bool filters_fit(const struct call *c, const void *object, filter_test test)
{
	const struct json *filters = json_get(c->in, "Filters");
	for (const struct json *f = filters ? json_first(filters) : NULL; f; f = json_next(f)) {
		bool fits = false;
		for (const struct json *v = json_first(json_get(f, "Values")); v && !fits; v = json_next(v))
			fits = test(object, json_text(f, "Name"), json_string(v));
		if (!fits)
			return false;
	}
	return true;
}

/* --- tags ----------------------------------------------------------------------------- */

void tags_from(struct tags *t, const struct json *list)
{
	for (const struct json *tag = list ? json_first(list) : NULL; tag; tag = json_next(tag))
		tags_set(t, json_text(tag, "Key"), json_text(tag, "Value"));
}

void put_tags(struct json *object, const char *name, const struct tags *t, struct arena *a)
{
	struct json *list = json_array(a);
	for (size_t i = 0; i < t->count; i++) {
		struct json *tag = json_object(a);
		json_put_text(tag, "Key", t->items[i].key);
		json_put_text(tag, "Value", t->items[i].value);
		json_push(list, tag);
	}
	json_put(object, name, list);
}
