#include "common/confscan.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"

struct scan {
	const char *p, *end;
	int line;
};

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("_*-+.", c));
}

/* Behind the text in quotes or the comment that begins here; where neither begins, p stays. */
static const char *skip_quoted(struct scan *s)
{
	const char *p = s->p;
	size_t left = (size_t)(s->end - p);
	if (*p == '"') {
		for (p++; p < s->end && *p != '"'; p++) {
			s->line += *p == '\n';
			if (*p == '\\' && p + 1 < s->end)
				s->line += *++p == '\n';
		}
		return p < s->end ? p + 1 : p;
	}
	if (*p == '#' || (left > 1 && memcmp(p, "//", 2) == 0)) {
		const char *newline = memchr(p, '\n', left);
		return newline ? newline : s->end;
	}
	if (left > 1 && memcmp(p, "/*", 2) == 0) {
		const char *close = memmem(p + 2, left - 2, "*/", 2);
		const char *stop = close ? close + 2 : s->end;
		for (; p < stop; p++)
			s->line += *p == '\n';
	}
	return p;
}

enum width { NO_INTEGER, FITS_32, FITS_64, TOO_LONG };

static enum width integer_width(const char *word, bool *marked)
{
	const char *digits = word + (*word == '-' || *word == '+');
	bool hex = digits[0] == '0' && (digits[1] | 32) == 'x';
	size_t n = strspn(digits + (hex ? 2 : 0), hex ? "0123456789abcdefABCDEF" : "0123456789");
	const char *rest = digits + (hex ? 2 : 0) + n;
	*marked = strcmp(rest, "L") == 0 || strcmp(rest, "LL") == 0;
	if (n == 0 || (*rest && !*marked))
		return NO_INTEGER;
	errno = 0;
	long long v = strtoll(word, NULL, hex ? 16 : 10);
	if (errno == ERANGE)
		return TOO_LONG;
	return v < INT32_MIN || v > INT32_MAX ? FITS_64 : FITS_32;
}

static int take_word(struct scan *s, struct str *copy, struct err *e)
{
	char word[48];
	const char *start = s->p;
	while (s->p < s->end && is_word(*s->p))
		s->p++;
	size_t n = (size_t)(s->p - start);
	str_addn(copy, start, n);
	if ((*start < '0' || *start > '9') && *start != '-' && *start != '+')
		return 0;
	if (n >= sizeof(word))
		return err_set(e, ERR_INPUT, "a number of %zu characters", n);
	memcpy(word, start, n);
	word[n] = '\0';
	bool marked;
	enum width width = integer_width(word, &marked);
	if (width == TOO_LONG)
		return err_set(e, ERR_INPUT, "the integer %s does not fit into 64 bits", word);
	if (width == FITS_64 && !marked)
		str_add(copy, "L");
	return 0;
}

int conf_scan(struct arena *arena, const char *text, size_t len, char **out, int *line, struct err *e)
{
	struct scan s = { text, text + len, 1 };
	struct str copy;
	int r = 0;
	str_init(&copy, arena);
	while (s.p < s.end && !r) {
		const char *start = s.p;
		s.p = skip_quoted(&s);
		if (s.p != start) {
			str_addn(&copy, start, (size_t)(s.p - start));
		} else if (*s.p == '@') {
			r = err_set(e, ERR_INPUT, "\"@include\" is not supported");
		} else if (*s.p == '\0') {
			r = err_set(e, ERR_INPUT, "a NUL byte");
		} else if (is_word(*s.p)) {
			r = take_word(&s, &copy, e);
		} else {
			s.line += *s.p == '\n';
			str_addn(&copy, s.p++, 1);
		}
	}
	*line = s.line;
	if (!r)
		*out = copy.text;
	return r;
}
