/* JSON: the only door to cJSON.  Reading is strict (what cJSON lets pass is refused before it parses):
 * invalid UTF-8, \u0000, duplicate keys, trailing bytes, too deep, too large.  Integers of more than 15
 * digits are kept exactly.  Documents belong to an arena and are wiped when it is freed. */
#ifndef ROLLCALL_COMMON_JSON_H
#define ROLLCALL_COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"

struct json;                       /* a value inside some document */

#define JSON_MAX_DEPTH 64
#define JSON_MAX_BYTES (8u << 20)

/* Once, in main, before the first document: makes every free wipe. */
void json_start(void);

/* Fails: INPUT with line, column and cause. */
MUST_USE int json_parse(struct arena *, const char *text, size_t len, struct json **out, struct err *e);

/* --- reading.  A path is names joined by dots, with [N] for array items: "Response.EnvList[0].EnvId".
 * Names are matched with case.  `null` counts as not there.  "" is the value itself. */
const struct json *json_get(const struct json *, const char *path);          /* NULL when not there */
const char *json_text(const struct json *, const char *path);                /* NULL unless a string is there */
bool json_has(const struct json *, const char *path);
/* Number, or decimal string (the cloud sends both).  Fails: ABSENT, INPUT; the text names the path. */
MUST_USE int json_int(const struct json *, const char *path, int64_t *out, struct err *e);
MUST_USE int json_uint(const struct json *, const char *path, uint64_t *out, struct err *e);
int64_t json_int_or(const struct json *, const char *path, int64_t otherwise);   /* also when it is malformed */
bool json_bool_or(const struct json *, const char *path, bool otherwise);
/* A string that must be there and not be empty.  Fails: INPUT naming the path. */
MUST_USE int json_need_text(const struct json *, const char *path, const char **out, struct err *e);

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
enum json_type json_type(const struct json *);
const char *json_type_name(enum json_type);
size_t json_count(const struct json *);                         /* items of an array or members of an object */
const struct json *json_at(const struct json *, size_t i);      /* i-th item or member */
const char *json_name(const struct json *);                     /* member name, NULL for array items */
const char *json_string(const struct json *);                   /* its text, NULL unless a string */
/* Walk: for (const struct json *v = json_first(arr); v; v = json_next(v)) */
const struct json *json_first(const struct json *);
const struct json *json_next(const struct json *);
/* Deep equality; members in any order, numbers by value (how CAM policies are compared). */
bool json_equal(const struct json *, const struct json *);

/* --- writing.  New values belong to the arena until they are put somewhere; then to their parent.  A value that
 * stands somewhere already is copied.  A member of the same name is replaced; text that is not UTF-8 gets '?'. */
struct json *json_object(struct arena *);
struct json *json_array(struct arena *);
void json_put(struct json *object, const char *name, struct json *value);
void json_put_text(struct json *object, const char *name, const char *text);  /* NULL text: member is left out */
void json_put_int(struct json *object, const char *name, int64_t);
void json_put_uint(struct json *object, const char *name, uint64_t);          /* exact beyond 2^53 */
void json_put_bool(struct json *object, const char *name, bool);
void json_put_null(struct json *object, const char *name);
void json_put_copy(struct json *object, const char *name, const struct json *value);
void json_remove(struct json *object, const char *name);
void json_push(struct json *array, struct json *value);
void json_push_text(struct json *array, const char *text);
void json_push_uint(struct json *array, uint64_t);
void json_push_copy(struct json *array, const struct json *value);
struct json *json_copy(struct arena *, const struct json *);
struct json *json_edit(const struct json *);   /* the same value, for a caller who owns the document and changes it */
char *json_print(struct arena *, const struct json *);          /* without white space */
char *json_print_pretty(struct arena *, const struct json *);

#endif
