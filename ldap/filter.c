/* Reading filters: recursive descent over the grammar of RFC 4515 3.  White space is allowed between
 * parenthesised filters (people lay long filters out in several lines), nowhere else. */
#include "ldap/filter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "ldap/filter_tree.h"

#define FILTER_DEPTH 32
#define RULE_ALL_BITS "1.2.840.113556.1.4.803"
#define RULE_ANY_BIT "1.2.840.113556.1.4.804"

struct reader {
	struct arena *arena;
	const char *text, *at;
	int depth;
	struct err *e;
};

static int complain(struct reader *r, const char *where, const char *why)
{
	return err_set(r->e, ERR_INPUT, "filter, column %zu: %s", (size_t)(where - r->text) + 1, why);
}

static void skip_space(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')
		r->at++;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* attributedescription (RFC 4512 2.5): a name or dotted numbers, then options. */
static int read_attribute(struct reader *r, const char **out)
{
	const char *from = r->at;
	bool oid = isdigit((unsigned char)*r->at) != 0;

	if (!oid && !isalpha((unsigned char)*r->at))
		return complain(r, r->at, "an attribute name was expected");
	while (oid ? isdigit((unsigned char)*r->at) || *r->at == '.' : isalnum((unsigned char)*r->at) || *r->at == '-')
		r->at++;
	if (oid && r->at[-1] == '.')
		return complain(r, r->at, "the attribute's number ends in a dot");
	while (*r->at == ';') {
		const char *option = ++r->at;

		while (isalnum((unsigned char)*r->at) || *r->at == '-')
			r->at++;
		if (r->at == option)
			return complain(r, r->at, "an attribute option was expected behind ';'");
	}
	*out = arena_strndup(r->arena, from, (size_t)(r->at - from));
	return 0;
}

/* One piece of an assertion value, up to '*' or ')', with \XX undone. */
static int read_piece(struct reader *r, struct value *out)
{
	unsigned char *bytes = arena_alloc(r->arena, strcspn(r->at, "*()") + 1);
	size_t n = 0;

	for (; *r->at && *r->at != '*' && *r->at != ')'; r->at++) {
		if (*r->at == '(')
			return complain(r, r->at, "'(' in a value is written \\28");
		if (*r->at != '\\') {
			bytes[n++] = (unsigned char)*r->at;
			continue;
		}
		int high = hex_digit(r->at[1]), low = high < 0 ? -1 : hex_digit(r->at[2]);

		if (low < 0)
			return complain(r, r->at, "behind '\\' two hexadecimal digits were expected");
		bytes[n++] = (unsigned char)(high << 4 | low);
		r->at += 2;
	}
	*out = (struct value){ bytes, n };
	return 0;
}

static int read_plain_value(struct reader *r, struct value *out)
{
	int rc = read_piece(r, out);

	if (!rc && *r->at == '*')
		rc = complain(r, r->at, "'*' has no meaning here; as a character it is written \\2a");
	return rc;
}

/* What stands behind '=': a value, "*" alone, or pieces between stars. */
static int read_equality(struct reader *r, struct filter *f)
{
	size_t room = 1;

	for (const char *p = r->at; *p && *p != ')'; p++)
		room += *p == '*';
	f->parts = arena_alloc(r->arena, room * sizeof(*f->parts));
	for (;;) {
		int rc = read_piece(r, &f->parts[f->part_count++]);

		if (rc)
			return rc;
		if (*r->at != '*')
			break;
		if (*++r->at == '*')
			return complain(r, r->at, "two '*' stand side by side");
	}
	f->value = f->parts[0];
	f->op = f->part_count == 1 ? FILTER_EQUAL : FILTER_SUBSTRINGS;
	if (f->part_count == 2 && !f->parts[0].len && !f->parts[1].len)
		f->op = FILTER_PRESENT;
	return 0;
}

static int read_bits(struct reader *r, struct filter *f)
{
	const char *from = r->at;
	char *end;

	if (!isdigit((unsigned char)*from))
		return complain(r, from, "a bit rule compares with a decimal number");
	f->bits = strtoull(from, &end, 10);
	if (*end != ')' && *end)
		return complain(r, end, "a bit rule compares with a decimal number");
	if (end - from > 19)
		return complain(r, from, "the number is too large for a bit rule");
	r->at = end;
	return 0;
}

/* Behind the attribute's ':': "=value", or ":oid:=number" with one of the two bit rules. */
static int read_extensible(struct reader *r, struct filter *f)
{
	static const struct { const char *rule; enum filter_op op; } rules[] = {
		{ ":" RULE_ALL_BITS ":=", FILTER_ALL_BITS },
		{ ":" RULE_ANY_BIT ":=", FILTER_ANY_BIT },
	};

	if (str_starts(r->at, ":=")) {
		r->at += 2;
		f->op = FILTER_EQUAL;
		return read_plain_value(r, &f->value);
	}
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (!str_starts(r->at, rules[i].rule))
			continue;
		f->op = rules[i].op;
		r->at += strlen(rules[i].rule);
		return read_bits(r, f);
	}
	return complain(r, r->at, "of the matching rules only " RULE_ALL_BITS " and " RULE_ANY_BIT " are supported");
}

static int read_assertion(struct reader *r, struct filter *f)
{
	int rc = read_attribute(r, &f->attribute);

	if (rc)
		return rc;
	if (*r->at == ':')
		return read_extensible(r, f);
	if (*r->at == '=') {
		r->at++;
		return read_equality(r, f);
	}
	f->op = *r->at == '>' ? FILTER_AT_LEAST : *r->at == '<' ? FILTER_AT_MOST : FILTER_EQUAL;
	if ((*r->at != '>' && *r->at != '<' && *r->at != '~') || r->at[1] != '=')
		return complain(r, r->at, "one of = >= <= ~= := was expected");
	r->at += 2;
	return read_plain_value(r, &f->value);
}

static int read_filter(struct reader *r, struct filter **out);

/* The filters of "&", "|" (any number, RFC 4526) and "!" (exactly one). */
static int read_children(struct reader *r, struct filter *f)
{
	const struct filter **tail = &f->child;
	size_t n = 0;

	f->op = *r->at == '&' ? FILTER_AND : *r->at == '|' ? FILTER_OR : FILTER_NOT;
	r->at++;
	for (skip_space(r); *r->at == '('; skip_space(r)) {
		struct filter *child;
		int rc;

		if (f->op == FILTER_NOT && n)
			return complain(r, r->at, "'!' takes one filter only");
		rc = read_filter(r, &child);
		if (rc)
			return rc;
		*tail = child;
		tail = &child->next;
		n++;
	}
	if (f->op == FILTER_NOT && !n)
		return complain(r, r->at, "a filter was expected behind '!'");
	return 0;
}

static int read_filter(struct reader *r, struct filter **out)
{
	struct filter *f = arena_alloc(r->arena, sizeof(*f));
	const char *from;
	int rc;

	if (*r->at != '(')
		return complain(r, r->at, "'(' was expected");
	if (++r->depth > FILTER_DEPTH)
		return complain(r, r->at, "nested too deeply");
	r->at++;
	skip_space(r);
	from = r->at;
	rc = *from && strchr("&|!", *from) ? read_children(r, f) : read_assertion(r, f);
	if (rc)
		return rc;
	if (*r->at != ')')
		return complain(r, r->at, *r->at ? "')' was expected" : "')' is missing at the end");
	f->text = arena_strndup(r->arena, from, (size_t)(r->at - from));
	r->at++;
	r->depth--;
	*out = f;
	return 0;
}

/* The root's text is the whole filter, as it was given. */
int filter_parse(struct arena *a, const char *text, const struct filter **out, struct err *e)
{
	struct reader r = { .arena = a, .text = text, .at = text, .e = e };
	struct filter *f;
	int rc;

	skip_space(&r);
	rc = read_filter(&r, &f);
	if (rc)
		return rc;
	skip_space(&r);
	if (*r.at)
		return complain(&r, r.at, "nothing may stand behind the filter");
	struct filter *root = arena_alloc(a, sizeof(*root));

	*root = (struct filter){ .op = FILTER_AND, .text = arena_strdup(a, text), .child = f };
	*out = root;
	return 0;
}

void filter_attributes(const struct filter *f, void (*each)(void *ctx, const char *name), void *ctx)
{
	if (f->attribute)
		each(ctx, f->attribute);
	for (const struct filter *c = f->child; c; c = c->next)
		filter_attributes(c, each, ctx);
}

void filter_rules(const struct filter *f, void (*each)(void *ctx, const char *oid), void *ctx)
{
	if (f->op == FILTER_ALL_BITS || f->op == FILTER_ANY_BIT)
		each(ctx, f->op == FILTER_ALL_BITS ? RULE_ALL_BITS : RULE_ANY_BIT);
	for (const struct filter *c = f->child; c; c = c->next)
		filter_rules(c, each, ctx);
}

void filter_classes(const struct filter *f, void (*each)(void *ctx, const char *name), void *ctx)
{
	if (f->op == FILTER_EQUAL && attribute_is(f->attribute, "objectClass"))
		each(ctx, (const char *)f->value.data);
	for (const struct filter *c = f->child; c; c = c->next)
		filter_classes(c, each, ctx);
}

const char *filter_text(const struct filter *f)
{
	return f->text;
}

char *filter_escape(struct arena *a, const void *value, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *v = value;
	char *out = arena_alloc(a, n * 3 + 1), *to = out;

	for (size_t i = 0; i < n; i++) {
		if (v[i] < 0x20 || v[i] >= 0x7f || strchr("*()\\", v[i])) {
			*to++ = '\\';
			*to++ = hex[v[i] >> 4];
			*to++ = hex[v[i] & 15];
		} else {
			*to++ = (char)v[i];
		}
	}
	return out;
}
