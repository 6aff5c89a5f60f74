/* Judging: three-valued evaluation of a parsed filter on an entry, without allocation.
 *
 * An assertion on an attribute that the entry does not show is UNKNOWN, because it may be hidden by access
 * control; only presence is FALSE then.  Strength travels upwards with the value: negation loses it, "and"
 * keeps it when every part has it, "or" when one part has it.  Solidity does the same, but for negation, which
 * keeps it: what decides a FALSE "and" is one solid part, a FALSE "or" needs all of them. */
#include "ldap/filter.h"

#include <ctype.h>
#include <string.h>

#include "ldap/filter_tree.h"

/* A value read as caseIgnoreMatch sees it: ASCII lower case, runs of white space as one blank, and none
 * at the ends (RFC 4518 2.6.1).  A cursor is a plain value; copying it is how one goes back. */
struct cursor { const unsigned char *at, *end; };

static bool blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct cursor cursor_of(struct value v, bool trim_front, bool trim_back)
{
	struct cursor c = { v.data, v.data + v.len };

	while (trim_front && c.at < c.end && blank(*c.at))
		c.at++;
	while (trim_back && c.at < c.end && blank(c.end[-1]))
		c.end--;
	return c;
}

static struct cursor whole(struct value v)
{
	return cursor_of(v, true, true);
}

/* The next folded byte, -1 at the end. */
static int cursor_next(struct cursor *c)
{
	if (c->at == c->end)
		return -1;
	unsigned char b = *c->at++;

	if (!blank(b))
		return b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b;
	while (c->at < c->end && blank(*c->at))
		c->at++;
	return ' ';
}

static int compare_text(struct value a, struct value b)
{
	struct cursor x = whole(a), y = whole(b);

	for (;;) {
		int l = cursor_next(&x), r = cursor_next(&y);

		if (l != r)
			return l < r ? -1 : 1;
		if (l < 0)
			return 0;
	}
}

/* piece stands at the cursor: move behind it. */
static bool take(struct cursor *c, struct cursor piece)
{
	struct cursor mark = *c;

	for (int want = cursor_next(&piece); want >= 0; want = cursor_next(&piece)) {
		if (cursor_next(&mark) != want)
			return false;
	}
	*c = mark;
	return true;
}

static bool find_behind(struct cursor *c, struct cursor piece)
{
	for (;;) {
		if (take(c, piece))
			return true;
		if (cursor_next(c) < 0)
			return false;
	}
}

/* The pieces one after another; the leftmost find is the best for all but the last, which must end the value. */
static bool match_substrings(const struct filter *f, struct value v)
{
	struct cursor c = whole(v);
	size_t last = f->part_count - 1;

	if (!take(&c, cursor_of(f->parts[0], true, false)))
		return false;
	for (size_t i = 1; i < last; i++)
		if (!find_behind(&c, cursor_of(f->parts[i], false, false)))
			return false;
	if (!f->parts[last].len)
		return true;
	do {
		struct cursor tail = c;

		if (take(&tail, cursor_of(f->parts[last], false, true)) && tail.at == tail.end)
			return true;
	} while (cursor_next(&c) >= 0);
	return false;
}

/* Integers of any length as they are written (RFC 4517 3.3.16): sign, then digits without leading zeros. */
struct integer { bool negative; const unsigned char *digits; size_t n; };

static bool integer_read(struct value v, struct integer *out)
{
	struct cursor c = whole(v);

	out->negative = c.at < c.end && *c.at == '-';
	c.at += out->negative;
	if (c.at == c.end)
		return false;
	for (const unsigned char *p = c.at; p < c.end; p++)
		if (!isdigit(*p))
			return false;
	while (c.at + 1 < c.end && *c.at == '0')
		c.at++;
	out->digits = c.at;
	out->n = (size_t)(c.end - c.at);
	out->negative = out->negative && *c.at != '0';
	return true;
}

static int integer_compare(struct integer a, struct integer b)
{
	int order;

	if (a.negative != b.negative)
		return a.negative ? -1 : 1;
	order = a.n != b.n ? (a.n < b.n ? -1 : 1) : memcmp(a.digits, b.digits, a.n);
	return a.negative ? -order : order;
}

static int compare_ordered(struct value a, struct value b)
{
	struct integer x, y;

	return integer_read(a, &x) && integer_read(b, &y) ? integer_compare(x, y) : compare_text(a, b);
}

/* A number beside a text: somebody put something else there than the filter expects. */
static bool compares_unlike(const struct filter *f, struct value v)
{
	struct integer x, y;

	return (f->op == FILTER_AT_LEAST || f->op == FILTER_AT_MOST) && integer_read(v, &x) != integer_read(f->value, &y);
}

/* A negative number counts as its two's complement: Active Directory writes 32-bit flags as signed. */
static enum truth match_bits(const struct filter *f, struct value v)
{
	struct integer i;
	uint64_t bits = 0;

	if (!integer_read(v, &i) || i.n > 19)
		return TRUTH_UNKNOWN;
	for (size_t k = 0; k < i.n; k++)
		bits = bits * 10 + (uint64_t)(i.digits[k] - '0');
	if (i.negative)
		bits = 0 - bits;
	bits &= f->bits;
	return (f->op == FILTER_ALL_BITS ? bits == f->bits : bits != 0) ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth match_value(const struct filter *f, struct value v)
{
	bool yes = false;

	switch (f->op) {
	case FILTER_EQUAL:
		yes = compare_text(v, f->value) == 0;
		break;
	case FILTER_SUBSTRINGS:
		yes = match_substrings(f, v);
		break;
	case FILTER_AT_LEAST:
		yes = compare_ordered(v, f->value) >= 0;
		break;
	case FILTER_AT_MOST:
		yes = compare_ordered(v, f->value) <= 0;
		break;
	case FILTER_ALL_BITS:
	case FILTER_ANY_BIT:
		return match_bits(f, v);
	case FILTER_PRESENT:
		yes = true;
		break;
	case FILTER_AND:
	case FILTER_OR:
	case FILTER_NOT:
		break;
	}
	return yes ? TRUTH_TRUE : TRUTH_FALSE;
}

/* Any value of any attribute of that name, whatever its options, makes it TRUE. */
static struct verdict judge_assertion(const struct filter *f, const struct entry *entry)
{
	struct verdict v = { .truth = f->op == FILTER_PRESENT ? TRUTH_FALSE : TRUTH_UNKNOWN, .because = f->text };
	bool unclear = false, unlike = false, weakly = false, seen = false;

	for (size_t i = 0; i < entry->count; i++) {
		const struct attribute *a = &entry->attributes[i];

		if (!attribute_is(a->name, f->attribute))
			continue;
		for (size_t k = 0; k < a->count; k++) {
			enum truth t = match_value(f, a->values[k]);
			bool odd = compares_unlike(f, a->values[k]);

			if (t == TRUTH_TRUE && !odd)
				return (struct verdict){ TRUTH_TRUE, true, true, f->text };
			weakly = weakly || t == TRUTH_TRUE;
			unclear = unclear || t == TRUTH_UNKNOWN;
			unlike = unlike || odd;
			seen = true;
		}
	}
	if (seen) {
		v.truth = weakly ? TRUTH_TRUE : unclear ? TRUTH_UNKNOWN : TRUTH_FALSE;
		v.solid = !unclear && !unlike;
	}
	return v;
}

/* TRUE only when every part is; the weakest part is then the reason. */
static struct verdict judge_and(const struct filter *f, const struct entry *entry)
{
	struct verdict v = { TRUTH_TRUE, f->child != NULL, true, NULL };

	for (const struct filter *c = f->child; c; c = c->next) {
		struct verdict one = filter_judge(c, entry);

		if (one.truth == TRUTH_FALSE) {
			if (v.truth != TRUTH_FALSE || one.solid)
				v = one;
			if (v.solid)
				return v;
		} else if (v.truth == TRUTH_TRUE && one.truth == TRUTH_UNKNOWN) {
			v = one;
		} else if (v.truth == TRUTH_TRUE) {
			if (v.strong || !one.strong)
				v.because = one.because;
			v.strong = v.strong && one.strong;
			v.solid = v.solid && one.solid;
		}
	}
	return v;
}

/* The best part decides: strong TRUE, solid TRUE, any other TRUE, UNKNOWN, FALSE. */
static int rank(struct verdict v)
{
	if (v.truth == TRUTH_TRUE)
		return v.strong ? 4 : v.solid ? 3 : 2;
	return v.truth == TRUTH_UNKNOWN ? 1 : 0;
}

static struct verdict judge_or(const struct filter *f, const struct entry *entry)
{
	struct verdict v = { .truth = TRUTH_FALSE };
	bool all = true;

	for (const struct filter *c = f->child; c; c = c->next) {
		struct verdict one = filter_judge(c, entry);

		if (rank(one) > rank(v) || c == f->child)
			v = one;
		all = all && one.solid;
	}
	if (v.truth == TRUTH_FALSE)
		v.solid = all;
	return v;
}

static struct verdict judge_not(const struct filter *f, const struct entry *entry)
{
	static const enum truth opposite[] = {
		[TRUTH_FALSE] = TRUTH_TRUE, [TRUTH_TRUE] = TRUTH_FALSE, [TRUTH_UNKNOWN] = TRUTH_UNKNOWN,
	};
	struct verdict inner = filter_judge(f->child, entry);

	return (struct verdict){ opposite[inner.truth], false, inner.solid, f->text };
}

struct verdict filter_judge(const struct filter *f, const struct entry *entry)
{
	switch (f->op) {
	case FILTER_AND:
		return judge_and(f, entry);
	case FILTER_OR:
		return judge_or(f, entry);
	case FILTER_NOT:
		return judge_not(f, entry);
	default:
		return judge_assertion(f, entry);
	}
}
