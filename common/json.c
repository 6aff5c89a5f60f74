#include "common/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/jsonscan.h"
#include "common/str.h"

/* struct json is a cJSON under another name.  Integers of more than 15 digits are "raw" values that hold their
 * digits.  A value without a parent carries its holder (see below) where a member carries its name. */

static cJSON *inside(const struct json *v)
{
	return (cJSON *)(uintptr_t)v;
}

static struct json *outside(const cJSON *v)
{
	return (struct json *)(uintptr_t)v;
}

static void *must(void *p)
{
	if (!p)
		mem_exhausted();
	return p;
}

static void *alloc(size_t n)
{
	return must(malloc(n ? n : 1));
}

static void wipe_and_free(void *p)
{
	if (!p)
		return;
	explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

void json_start(void)
{
	/* With hooks of our own cJSON never calls realloc, which would leave unwiped copies behind. */
	cJSON_Hooks hooks = { alloc, wipe_and_free };
	cJSON_InitHooks(&hooks);
}

/* --- ownership ------------------------------------------------------------ */

struct holder {
	cJSON *value;      /* NULL once it was put under a parent */
};

static void drop(void *p)
{
	struct holder *h = p;
	cJSON_Delete(h->value);
}

static bool is_root(const cJSON *v)
{
	return v->type & cJSON_StringIsConst;
}

static struct json *hold(struct arena *a, cJSON *v)
{
	struct holder *h = arena_alloc(a, sizeof(*h));
	h->value = v;
	v->string = (char *)h;
	v->type |= cJSON_StringIsConst;
	arena_defer(a, drop, h);
	return outside(v);
}

static void let_go(cJSON *v)
{
	struct holder *h = (struct holder *)(void *)v->string;
	h->value = NULL;
	v->string = NULL;
	v->type &= ~cJSON_StringIsConst;
}

static cJSON *duplicate(const cJSON *v)
{
	cJSON *copy = must(cJSON_Duplicate(v, 1));
	/* The copy has no parent and no holder yet. */
	if (is_root(copy))
		copy->type &= ~cJSON_StringIsConst;
	else
		cJSON_free(copy->string);
	copy->string = NULL;
	return copy;
}

/* --- parsing -------------------------------------------------------------- */

struct restore {
	const size_t *longs;
	size_t count, ordinal;
};

/* The long integers that the scan put in quotes become numbers again, digits and all. */
static void restore_longs(cJSON *v, struct restore *r)
{
	if (r->count > 0 && r->ordinal++ == *r->longs) {
		v->type = cJSON_Raw;
		r->longs++;
		r->count--;
	}
	for (cJSON *c = v->child; c && r->count; c = c->next)
		restore_longs(c, r);
}

int json_parse(struct arena *a, const char *text, size_t len, struct json **out, struct err *e)
{
	AUTO_ARENA struct arena *scratch = arena_new(JSON_MAX_BYTES);
	struct json_scan scan;
	int r = json_scan(scratch, text, len, &scan, e);
	if (r)
		return r;
	cJSON *v = cJSON_ParseWithLength(scan.text, scan.len);
	if (!v)
		return err_set(e, ERR_INPUT, "JSON of %zu bytes could not be parsed", len);
	restore_longs(v, &(struct restore){ scan.longs, scan.long_count, 0 });
	*out = hold(a, v);
	return 0;
}

/* --- reading -------------------------------------------------------------- */

static const cJSON *find(const cJSON *object, const char *name, size_t n)
{
	if (!cJSON_IsObject(object))
		return NULL;
	for (const cJSON *c = object->child; c; c = c->next) {
		if (strncmp(c->string, name, n) == 0 && c->string[n] == '\0')
			return c;
	}
	return NULL;
}

static const cJSON *item(const cJSON *array, size_t i)
{
	const cJSON *c = array ? array->child : NULL;
	while (c && i-- > 0)
		c = c->next;
	return c;
}

const struct json *json_get(const struct json *root, const char *path)
{
	const cJSON *v = inside(root);
	const char *p = path;
	while (v && *p) {
		if (*p == '[') {
			char *end;
			unsigned long i = strtoul(p + 1, &end, 10);
			v = *end == ']' && cJSON_IsArray(v) ? item(v, i) : NULL;
			p = *end ? end + 1 : end;
		} else {
			size_t n = strcspn(p, ".[");
			v = find(v, p, n);
			p += n;
		}
		if (*p == '.')
			p++;
	}
	return v && !cJSON_IsNull(v) ? outside(v) : NULL;
}

bool json_has(const struct json *root, const char *path)
{
	return json_get(root, path) != NULL;
}

const char *json_string(const struct json *v)
{
	return v && cJSON_IsString(inside(v)) ? inside(v)->valuestring : NULL;
}

const char *json_text(const struct json *root, const char *path)
{
	return json_string(json_get(root, path));
}

int json_need_text(const struct json *root, const char *path, const char **out, struct err *e)
{
	const struct json *v = json_get(root, path);
	const char *text = json_string(v);
	if (!v)
		return err_set(e, ERR_INPUT, "\"%s\" is missing", path);
	if (!text)
		return err_set(e, ERR_INPUT, "\"%s\" is %s, not a string", path, json_type_name(json_type(v)));
	if (!*text)
		return err_set(e, ERR_INPUT, "\"%s\" is empty", path);
	*out = text;
	return 0;
}

/* An optional minus and digits, nothing else. */
static bool read_digits(const char *s, bool *negative, uint64_t *magnitude)
{
	uint64_t v = 0;
	*negative = *s == '-';
	if (*negative)
		s++;
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10u, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	}
	*magnitude = v;
	return true;
}

static bool is_whole(double v)
{
	double m = fabs(v);
	return m >= 0x1p53 || m == (double)(uint64_t)m;
}

static bool read_integer(const cJSON *v, bool *negative, uint64_t *magnitude)
{
	if (cJSON_IsString(v) || cJSON_IsRaw(v))
		return read_digits(v->valuestring, negative, magnitude);
	if (!cJSON_IsNumber(v) || !is_whole(v->valuedouble) || fabs(v->valuedouble) >= 0x1p64)
		return false;
	*negative = v->valuedouble < 0;
	*magnitude = (uint64_t)fabs(v->valuedouble);
	return true;
}

static int get_integer(const struct json *root, const char *path, bool *negative, uint64_t *magnitude, struct err *e)
{
	const struct json *v = json_get(root, path);
	if (!v)
		return err_set(e, ERR_ABSENT, "\"%s\" is missing", path);
	/* The value is not shown: it might be a secret that stands in the wrong place. */
	if (!read_integer(inside(v), negative, magnitude))
		return err_set(e, ERR_INPUT, "\"%s\" is %s, not an integer of 64 bits", path, json_type_name(json_type(v)));
	return 0;
}

int json_int(const struct json *root, const char *path, int64_t *out, struct err *e)
{
	bool negative = false;
	uint64_t v = 0;
	int r = get_integer(root, path, &negative, &v, e);
	if (r)
		return r;
	if (v > (uint64_t)INT64_MAX + negative)
		return err_set(e, ERR_INPUT, "\"%s\" is out of range", path);
	*out = negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int json_uint(const struct json *root, const char *path, uint64_t *out, struct err *e)
{
	bool negative = false;
	uint64_t v = 0;
	int r = get_integer(root, path, &negative, &v, e);
	if (r)
		return r;
	if (negative && v > 0)
		return err_set(e, ERR_INPUT, "\"%s\" is negative", path);
	*out = v;
	return 0;
}

int64_t json_int_or(const struct json *root, const char *path, int64_t otherwise)
{
	int64_t v = otherwise;
	return json_int(root, path, &v, NULL) == 0 ? v : otherwise;
}

bool json_bool_or(const struct json *root, const char *path, bool otherwise)
{
	const struct json *v = json_get(root, path);
	return v && cJSON_IsBool(inside(v)) ? cJSON_IsTrue(inside(v)) : otherwise;
}

enum json_type json_type(const struct json *value)
{
	const cJSON *v = inside(value);
	if (cJSON_IsBool(v))
		return JSON_BOOL;
	if (cJSON_IsNumber(v) || cJSON_IsRaw(v))
		return JSON_NUMBER;
	if (cJSON_IsString(v))
		return JSON_STRING;
	if (cJSON_IsArray(v))
		return JSON_ARRAY;
	return cJSON_IsObject(v) ? JSON_OBJECT : JSON_NULL;
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",
		[JSON_BOOL] = "a boolean",
		[JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};
	return (unsigned)type < ARRAY_LEN(names) ? names[type] : "nothing known";
}

size_t json_count(const struct json *v)
{
	size_t n = 0;
	for (const struct json *c = json_first(v); c; c = json_next(c))
		n++;
	return n;
}

const struct json *json_at(const struct json *v, size_t i)
{
	return outside(item(inside(v), i));
}

const char *json_name(const struct json *v)
{
	return v && !is_root(inside(v)) ? inside(v)->string : NULL;
}

const struct json *json_first(const struct json *v)
{
	return v ? outside(inside(v)->child) : NULL;
}

const struct json *json_next(const struct json *v)
{
	return outside(inside(v)->next);
}

/* --- comparing ------------------------------------------------------------ */

static bool equal(const cJSON *a, const cJSON *b);

static bool numbers_equal(const cJSON *a, const cJSON *b)
{
	char x[400], y[400];     /* the longest double has 309 digits before the point */
	const cJSON *both[] = { a, b };
	char *texts[] = { x, y };
	if (!cJSON_IsRaw(a) && !cJSON_IsRaw(b))
		return a->valuedouble == b->valuedouble;
	for (int i = 0; i < 2; i++) {
		if (cJSON_IsRaw(both[i]))
			texts[i] = both[i]->valuestring;
		else if (!is_whole(both[i]->valuedouble))
			return false;
		else
			snprintf(texts[i], sizeof(x), "%.0f", both[i]->valuedouble);
	}
	return strcmp(texts[0], texts[1]) == 0;
}

static int compare_names(const void *a, const void *b)
{
	const cJSON *const *x = a, *const *y = b;
	return strcmp((*x)->string, (*y)->string);
}

static const cJSON **sorted_members(const cJSON *v, size_t n)
{
	const cJSON **members = mem_alloc(n * sizeof(*members));
	size_t i = 0;
	for (const cJSON *c = v->child; c; c = c->next)
		members[i++] = c;
	qsort(members, n, sizeof(*members), compare_names);
	return members;
}

static bool objects_equal(const cJSON *a, const cJSON *b)
{
	size_t n = json_count(outside(a));
	if (n != json_count(outside(b)))
		return false;
	AUTO_FREE const cJSON **x = sorted_members(a, n);
	AUTO_FREE const cJSON **y = sorted_members(b, n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(x[i]->string, y[i]->string) != 0 || !equal(x[i], y[i]))
			return false;
	}
	return true;
}

static bool arrays_equal(const cJSON *a, const cJSON *b)
{
	const cJSON *x = a->child, *y = b->child;
	for (; x && y; x = x->next, y = y->next) {
		if (!equal(x, y))
			return false;
	}
	return !x && !y;
}

static bool equal(const cJSON *a, const cJSON *b)
{
	enum json_type type = json_type(outside(a));
	if (type != json_type(outside(b)))
		return false;
	switch (type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return cJSON_IsTrue(a) == cJSON_IsTrue(b);
	case JSON_NUMBER:
		return numbers_equal(a, b);
	case JSON_STRING:
		return strcmp(a->valuestring, b->valuestring) == 0;
	case JSON_ARRAY:
		return arrays_equal(a, b);
	case JSON_OBJECT:
		return objects_equal(a, b);
	}
	return false;
}

bool json_equal(const struct json *a, const struct json *b)
{
	return a && b ? equal(inside(a), inside(b)) : a == b;
}

/* --- writing -------------------------------------------------------------- */

struct json *json_object(struct arena *a)
{
	return hold(a, must(cJSON_CreateObject()));
}

struct json *json_array(struct arena *a)
{
	return hold(a, must(cJSON_CreateArray()));
}

static void put(struct json *object, const char *name, cJSON *value)
{
	cJSON *o = inside(object);
	assert(cJSON_IsObject(o));
	cJSON_bool done = find(o, name, strlen(name)) ? cJSON_ReplaceItemInObjectCaseSensitive(o, name, value)
						      : cJSON_AddItemToObject(o, name, value);
	if (!done)
		mem_exhausted();
}

static void push(struct json *array, cJSON *value)
{
	assert(cJSON_IsArray(inside(array)));
	if (!cJSON_AddItemToArray(inside(array), value))
		mem_exhausted();
}

/* The value itself when it stands nowhere yet, else a copy: no value has two parents. */
static cJSON *to_attach(const struct json *parent, struct json *value)
{
	cJSON *v = inside(value);
	if (!is_root(v) || parent == value)
		return duplicate(v);
	let_go(v);
	return v;
}

void json_put(struct json *object, const char *name, struct json *value)
{
	put(object, name, to_attach(object, value));
}

void json_push(struct json *array, struct json *value)
{
	push(array, to_attach(array, value));
}

/* What we write is JSON whatever the directory held: bytes that are not UTF-8 become '?'. */
static cJSON *new_text(const char *text)
{
	size_t n = strlen(text);
	if (str_utf8(text, n))
		return must(cJSON_CreateString(text));
	char *clean = mem_strdup(text);
	for (size_t i = 0; i < n;) {
		size_t step = str_utf8_step(clean + i, n - i);
		if (!step)
			clean[i] = '?';
		i += step ? step : 1;
	}
	cJSON *v = must(cJSON_CreateString(clean));
	wipe_and_free(clean);
	return v;
}

static cJSON *new_integer(bool negative, uint64_t magnitude)
{
	char digits[24];
	if (magnitude < 1000000000000000u)
		return must(cJSON_CreateNumber(negative ? -(double)magnitude : (double)magnitude));
	snprintf(digits, sizeof(digits), "%s%" PRIu64, negative ? "-" : "", magnitude);
	return must(cJSON_CreateRaw(digits));
}

void json_put_text(struct json *object, const char *name, const char *text)
{
	if (text)
		put(object, name, new_text(text));
}

void json_put_int(struct json *object, const char *name, int64_t v)
{
	put(object, name, new_integer(v < 0, v < 0 ? 0 - (uint64_t)v : (uint64_t)v));
}

void json_put_uint(struct json *object, const char *name, uint64_t v)
{
	put(object, name, new_integer(false, v));
}

void json_put_bool(struct json *object, const char *name, bool v)
{
	put(object, name, must(cJSON_CreateBool(v)));
}

void json_put_null(struct json *object, const char *name)
{
	put(object, name, must(cJSON_CreateNull()));
}

void json_put_copy(struct json *object, const char *name, const struct json *value)
{
	put(object, name, duplicate(inside(value)));
}

void json_remove(struct json *object, const char *name)
{
	cJSON_DeleteItemFromObjectCaseSensitive(inside(object), name);
}

void json_push_text(struct json *array, const char *text)
{
	push(array, new_text(text));
}

void json_push_uint(struct json *array, uint64_t v)
{
	push(array, new_integer(false, v));
}

void json_push_copy(struct json *array, const struct json *value)
{
	push(array, duplicate(inside(value)));
}

struct json *json_copy(struct arena *a, const struct json *v)
{
	return hold(a, duplicate(inside(v)));
}

struct json *json_edit(const struct json *v)
{
	return outside(inside(v));
}

static char *print(struct arena *a, const struct json *v, bool pretty)
{
	char *text = must(pretty ? cJSON_Print(inside(v)) : cJSON_PrintUnformatted(inside(v)));
	char *copy = arena_strdup(a, text);
	cJSON_free(text);
	return copy;
}

char *json_print(struct arena *a, const struct json *v)
{
	return print(a, v, false);
}

char *json_print_pretty(struct arena *a, const struct json *v)
{
	return print(a, v, true);
}
