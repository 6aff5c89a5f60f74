#include "common/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- builder -------------------------------------------------------------- */

void str_init(struct str *s, struct arena *arena)
{
	s->arena = arena;
	s->len = 0;
	s->cap = 64;
	s->text = arena_alloc(arena, s->cap);
}

static void make_room(struct str *s, size_t n)
{
	if (s->cap - s->len > n)
		return;
	size_t cap = s->cap * 2 > s->len + n + 1 ? s->cap * 2 : s->len + n + 1;
	char *text = arena_alloc(s->arena, cap);
	memcpy(text, s->text, s->len);
	s->text = text;
	s->cap = cap;
}

void str_addn(struct str *s, const void *bytes, size_t n)
{
	make_room(s, n);
	if (n)
		memcpy(s->text + s->len, bytes, n);
	s->len += n;
	s->text[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_addn(s, text, strlen(text));
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		make_room(s, (size_t)n);
		vsnprintf(s->text + s->len, (size_t)n + 1, fmt, again);
		s->len += (size_t)n;
	}
	va_end(again);
}

/* --- comparing and copying ------------------------------------------------ */

bool str_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool str_ieq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	while (*a && lower(*a) == lower(*b))
		a++, b++;
	return lower(*a) == lower(*b);
}

bool str_starts(const char *s, const char *prefix)
{
	return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_copy(char *to, size_t n, const char *from)
{
	size_t len = strlen(from);
	if (n == 0)
		return false;
	size_t fits = len < n ? len : n - 1;
	/* Never half a character: what was valid UTF-8 stays so. */
	if (fits < len) {
		size_t back = fits;
		while (back > 0 && fits - back < 3 && ((unsigned char)from[back] & 0xc0) == 0x80)
			back--;
		size_t whole = str_utf8_step(from + back, len - back);
		if (whole && back + whole > fits)
			fits = back;
	}
	memmove(to, from, fits);
	to[fits] = '\0';
	return fits == len;
}

/* --- base64, hex, base32 -------------------------------------------------- */

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *str_base64(struct arena *arena, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	char *text = arena_alloc(arena, (n + 2) / 3 * 4 + 1);
	char *t = text;
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0u);
		*t++ = base64_digits[v >> 18];
		*t++ = base64_digits[v >> 12 & 63];
		*t++ = left > 1 ? base64_digits[v >> 6 & 63] : '=';
		*t++ = left > 2 ? base64_digits[v & 63] : '=';
	}
	return text;
}

static int base64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int str_unbase64(struct arena *arena, const char *text, size_t len, unsigned char **out, size_t *n, struct err *e)
{
	if (len % 4 != 0)
		return err_set(e, ERR_INPUT, "base64 of %zu characters, not a multiple of 4", len);
	size_t pad = 0;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	unsigned char *bytes = arena_alloc(arena, len / 4 * 3 + 1);
	size_t used = 0;
	unsigned v = 0;
	for (size_t i = 0; i < len - pad; i++) {
		int d = base64_value((unsigned char)text[i]);
		if (d < 0)
			return err_set(e, ERR_INPUT, "character %zu is not base64", i + 1);
		v = v << 6 | (unsigned)d;
		if (i % 4 == 3) {
			bytes[used++] = (unsigned char)(v >> 16);
			bytes[used++] = (unsigned char)(v >> 8);
			bytes[used++] = (unsigned char)v;
			v = 0;
		}
	}
	/* The bits that the padding leaves over must be zero, or two texts would mean the same bytes. */
	if (v & (pad == 1 ? 3u : pad == 2 ? 15u : 0u))
		return err_set(e, ERR_INPUT, "base64 ends in the middle of a byte");
	if (pad == 1) {
		bytes[used++] = (unsigned char)(v >> 10);
		bytes[used++] = (unsigned char)(v >> 2);
	} else if (pad == 2) {
		bytes[used++] = (unsigned char)(v >> 4);
	}
	*out = bytes;
	*n = used;
	return 0;
}

char *str_hex(struct arena *arena, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;
	char *text = arena_alloc(arena, 2 * n + 1);
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[p[i] >> 4];
		text[2 * i + 1] = digits[p[i] & 15];
	}
	return text;
}

char *str_base32(struct arena *arena, const void *bytes, size_t n)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	const unsigned char *p = bytes;
	char *text = arena_alloc(arena, (n * 8 + 4) / 5 + 1);
	char *t = text;
	unsigned v = 0, bits = 0;
	for (size_t i = 0; i < n; i++) {
		v = (v << 8 | p[i]) & 0xfff;
		for (bits += 8; bits >= 5; bits -= 5)
			*t++ = digits[v >> (bits - 5) & 31];
	}
	if (bits)
		*t++ = digits[v << (5 - bits) & 31];
	return text;
}

/* --- UTF-8 ---------------------------------------------------------------- */

size_t str_utf8_step(const void *bytes, size_t n)
{
	/* First byte, allowed range of the second: the table of Unicode's well-formed sequences. */
	static const struct {
		unsigned char from, to, low, high, len;
	} rows[] = {
		{ 0x00, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *p = bytes;
	if (n == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (p[0] < rows[i].from || p[0] > rows[i].to)
			continue;
		size_t len = rows[i].len;
		if (len > n || (len > 1 && (p[1] < rows[i].low || p[1] > rows[i].high)))
			return 0;
		for (size_t k = 2; k < len; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		}
		return len;
	}
	return 0;
}

bool str_utf8(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < n;) {
		size_t step = p[i] ? str_utf8_step(p + i, n - i) : 0;
		if (!step)
			return false;
		i += step;
	}
	return true;
}

/* C0, DEL, C1, and what moves text about on a terminal: line separators and direction marks. */
static bool is_control(const unsigned char *p, size_t len)
{
	if (len == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (len == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (len != 3 || p[0] != 0xe2)
		return false;
	if (p[1] == 0x80)
		return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
	return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

char *str_printable(struct arena *arena, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	char *text = arena_alloc(arena, n + 1);
	size_t used = 0;
	for (size_t i = 0; i < n;) {
		size_t step = str_utf8_step(p + i, n - i);
		if (!step || is_control(p + i, step)) {
			text[used++] = '?';
			i += step ? step : 1;
			continue;
		}
		memcpy(text + used, p + i, step);
		used += step;
		i += step;
	}
	return text;
}

/* --- UUID ----------------------------------------------------------------- */

void str_uuid(const unsigned char uuid[16], char out[UUID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	char *t = out;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*t++ = '-';
		*t++ = digits[uuid[i] >> 4];
		*t++ = digits[uuid[i] & 15];
	}
	*t = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int str_uuid_parse(const char *text, unsigned char out[16], struct err *e)
{
	unsigned char uuid[16];
	const char *p = text;
	for (int i = 0; i < 16; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
			return err_set(e, ERR_INPUT, "\"%.60s\" is not a UUID", text);
		int high = hex_value(p[0]);
		int low = high < 0 ? -1 : hex_value(p[1]);
		if (low < 0)
			return err_set(e, ERR_INPUT, "\"%.60s\" is not a UUID", text);
		uuid[i] = (unsigned char)(high << 4 | low);
		p += 2;
	}
	if (*p)
		return err_set(e, ERR_INPUT, "\"%.60s\" is not a UUID", text);
	memcpy(out, uuid, sizeof(uuid));
	return 0;
}
