#include "common/jsonscan.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"

#define EXACT_DIGITS 15     /* every integer of so many digits is exact in a double */
#define NUMBER_BYTES 62     /* cJSON's own limit for one number */

struct key {
	const char *name;
	size_t len, at;
};

struct long_token {
	size_t ordinal, from, to;
};

struct scan {
	struct arena *arena;
	struct err *e;
	const char *text;
	size_t len, at;
	unsigned depth;
	size_t ordinal;
	/* The names of all objects that are open now; each object sorts and takes away its own. */
	struct key *keys;
	size_t key_count, key_cap;
	struct long_token *longs;
	size_t long_count, long_cap;
};

static int fail(struct scan *s, size_t at, const char *cause)
{
	size_t line = 1, column = 1;
	for (size_t i = 0; i < at && i < s->len; i++) {
		if (s->text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)s->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return err_set(s->e, ERR_INPUT, "JSON line %zu column %zu: %s", line, column, cause);
}

static int peek(const struct scan *s)
{
	return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static void skip_space(struct scan *s)
{
	for (int c = peek(s); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(s))
		s->at++;
}

/* Room for one more in an array that the arena cannot grow in place. */
static void *grow(void *items, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 16;
	return mem_realloc(items, *cap * size);
}

/* --- strings -------------------------------------------------------------- */

static int hex4(const char *p, size_t left)
{
	int v = 0;
	if (left < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* At a backslash. */
static int scan_escape(struct scan *s)
{
	size_t start = s->at++;
	int c = peek(s);
	if (c >= 0 && c != 'u' && c != 0 && strchr("\"\\/bfnrt", c)) {
		s->at++;
		return 0;
	}
	if (c != 'u')
		return fail(s, start, "unknown escape in a string");
	int unit = hex4(s->text + s->at + 1, s->len - s->at - 1);
	s->at += 5;
	if (unit < 0)
		return fail(s, start, "\\u without four hexadecimal digits");
	if (unit == 0)
		return fail(s, start, "\\u0000 in a string");
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return fail(s, start, "second half of a surrogate pair without the first");
	if (unit < 0xd800 || unit > 0xdbff)
		return 0;
	int second = s->len - s->at >= 6 && s->text[s->at] == '\\' && s->text[s->at + 1] == 'u'
		? hex4(s->text + s->at + 2, 4)
		: -1;
	if (second < 0xdc00 || second > 0xdfff)
		return fail(s, start, "first half of a surrogate pair without the second");
	s->at += 6;
	return 0;
}

/* At the opening quote; leaves the place of the text between the quotes. */
static int scan_string(struct scan *s, size_t *from, size_t *to, bool *escaped)
{
	size_t start = s->at++;
	*from = s->at;
	*escaped = false;
	for (;;) {
		int c = peek(s);
		if (c < 0)
			return fail(s, start, "string without an end");
		if (c == '"')
			break;
		if (c < 0x20)
			return fail(s, s->at, "control character in a string");
		if (c == '\\') {
			*escaped = true;
			int r = scan_escape(s);
			if (r)
				return r;
			continue;
		}
		size_t step = str_utf8_step(s->text + s->at, s->len - s->at);
		if (!step)
			return fail(s, s->at, "invalid UTF-8");
		s->at += step;
	}
	*to = s->at++;
	return 0;
}

static char *put_utf8(char *t, unsigned v)
{
	if (v < 0x80) {
		*t++ = (char)v;
	} else if (v < 0x800) {
		*t++ = (char)(0xc0 | v >> 6);
		*t++ = (char)(0x80 | (v & 63));
	} else if (v < 0x10000) {
		*t++ = (char)(0xe0 | v >> 12);
		*t++ = (char)(0x80 | (v >> 6 & 63));
		*t++ = (char)(0x80 | (v & 63));
	} else {
		*t++ = (char)(0xf0 | v >> 18);
		*t++ = (char)(0x80 | (v >> 12 & 63));
		*t++ = (char)(0x80 | (v >> 6 & 63));
		*t++ = (char)(0x80 | (v & 63));
	}
	return t;
}

/* A name as it is meant: "a" and "\u0061" are the same one.  The escapes are already known to be sound. */
static void decode_name(struct scan *s, size_t from, size_t to, struct key *k)
{
	static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	char *text = arena_alloc(s->arena, to - from + 1), *t = text;
	for (size_t i = from; i < to;) {
		if (s->text[i] != '\\') {
			*t++ = s->text[i++];
			continue;
		}
		char c = s->text[i + 1];
		const char *letter = strchr(letters, c);
		i += 2;
		if (c != 'u') {
			*t++ = letter ? bytes[letter - letters] : c;
			continue;
		}
		unsigned v = (unsigned)hex4(s->text + i, 4);
		i += 4;
		if (v >= 0xd800 && v <= 0xdbff) {
			v = 0x10000 + ((v - 0xd800) << 10) + ((unsigned)hex4(s->text + i + 2, 4) - 0xdc00);
			i += 6;
		}
		t = put_utf8(t, v);
	}
	k->name = text;
	k->len = (size_t)(t - text);
}

/* --- objects and arrays --------------------------------------------------- */

static int scan_value(struct scan *s);

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int c = memcmp(x->name, y->name, x->len < y->len ? x->len : y->len);
	if (c)
		return c;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static int check_names(struct scan *s, size_t base)
{
	size_t n = s->key_count - base;
	s->key_count = base;
	if (n < 2)
		return 0;               /* there may be no list at all yet */
	struct key *k = s->keys + base;
	qsort(k, n, sizeof(*k), compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (k[i].len == k[i - 1].len && memcmp(k[i].name, k[i - 1].name, k[i].len) == 0)
			return fail(s, k[i].at, "this name stands twice in one object");
	}
	return 0;
}

static int scan_member(struct scan *s)
{
	size_t from = 0, to = 0, at = s->at;
	bool escaped = false;
	if (peek(s) != '"')
		return fail(s, s->at, "a name in quotes was expected");
	int r = scan_string(s, &from, &to, &escaped);
	if (r)
		return r;
	struct key k = { s->text + from, to - from, at };
	if (escaped)
		decode_name(s, from, to, &k);
	s->keys = grow(s->keys, s->key_count, &s->key_cap, sizeof(k));
	s->keys[s->key_count++] = k;
	skip_space(s);
	if (peek(s) != ':')
		return fail(s, s->at, "':' was expected");
	s->at++;
	return scan_value(s);
}

/* At the opening bracket. */
static int scan_container(struct scan *s, char close)
{
	size_t base = s->key_count;
	if (++s->depth > JSON_MAX_DEPTH)
		return fail(s, s->at, "nested too deep");
	s->at++;
	skip_space(s);
	for (bool first = true; peek(s) != close; first = false) {
		if (!first) {
			if (peek(s) != ',')
				return fail(s, s->at, close == '}' ? "',' or '}' was expected" : "',' or ']' was expected");
			s->at++;
			skip_space(s);
		}
		int r = close == '}' ? scan_member(s) : scan_value(s);
		if (r)
			return r;
		skip_space(s);
	}
	s->at++;
	s->depth--;
	return close == '}' ? check_names(s, base) : 0;
}

/* --- numbers and words ---------------------------------------------------- */

static size_t skip_digits(struct scan *s)
{
	size_t start = s->at;
	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at - start;
}

static int scan_number(struct scan *s, size_t ordinal)
{
	size_t start = s->at;
	bool whole = true;
	if (peek(s) == '-')
		s->at++;
	bool zero = peek(s) == '0';
	size_t digits = skip_digits(s);
	if (digits == 0 || (zero && digits > 1))
		return fail(s, start, "malformed number");
	if (peek(s) == '.') {
		s->at++;
		whole = false;
		if (!skip_digits(s))
			return fail(s, start, "malformed number");
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		whole = false;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		if (!skip_digits(s))
			return fail(s, start, "malformed number");
	}
	if (whole && digits > EXACT_DIGITS) {
		s->longs = grow(s->longs, s->long_count, &s->long_cap, sizeof(*s->longs));
		s->longs[s->long_count++] = (struct long_token){ ordinal, start, s->at };
		return 0;
	}
	char text[NUMBER_BYTES + 1];
	size_t n = s->at - start;
	if (n > NUMBER_BYTES)
		return fail(s, start, "number of too many digits");
	memcpy(text, s->text + start, n);
	text[n] = '\0';
	return isfinite(strtod(text, NULL)) ? 0 : fail(s, start, "number out of range");
}

static int scan_word(struct scan *s)
{
	static const char *const words[] = { "true", "false", "null" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i]);
		if (s->len - s->at >= n && memcmp(s->text + s->at, words[i], n) == 0) {
			s->at += n;
			return 0;
		}
	}
	return fail(s, s->at, s->at < s->len ? "a value was expected" : "the text ends where a value was expected");
}

static int scan_value(struct scan *s)
{
	size_t from, to, ordinal = s->ordinal++;
	bool escaped;
	skip_space(s);
	int c = peek(s);
	if (c == '{')
		return scan_container(s, '}');
	if (c == '[')
		return scan_container(s, ']');
	if (c == '"')
		return scan_string(s, &from, &to, &escaped);
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(s, ordinal);
	return scan_word(s);
}

/* The text again, long integers in quotes: cJSON would round them. */
static void quote_longs(const struct scan *s, struct json_scan *out)
{
	struct str copy;
	size_t done = 0;
	str_init(&copy, s->arena);
	out->longs = arena_alloc(s->arena, s->long_count * sizeof(*out->longs));
	out->long_count = s->long_count;
	for (size_t i = 0; i < s->long_count; i++) {
		const struct long_token *t = &s->longs[i];
		str_addn(&copy, s->text + done, t->from - done);
		str_addn(&copy, "\"", 1);
		str_addn(&copy, s->text + t->from, t->to - t->from);
		str_addn(&copy, "\"", 1);
		done = t->to;
		out->longs[i] = t->ordinal;
	}
	str_addn(&copy, s->text + done, s->len - done);
	out->text = copy.text;
	out->len = copy.len;
}

int json_scan(struct arena *arena, const char *text, size_t len, struct json_scan *out, struct err *e)
{
	struct scan s = { .arena = arena, .e = e, .text = text, .len = len };
	if (len > JSON_MAX_BYTES)
		return err_set(e, ERR_INPUT, "JSON of %zu bytes, more than %u", len, JSON_MAX_BYTES);
	int r = scan_value(&s);
	if (!r) {
		skip_space(&s);
		if (s.at < len)
			r = fail(&s, s.at, "more bytes behind the end");
	}
	if (!r) {
		*out = (struct json_scan){ .text = text, .len = len };
		if (s.long_count)
			quote_longs(&s, out);
	}
	free(s.keys);
	free(s.longs);
	return r;
}
