/* The date forms of common/str.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/str.h"

static bool split(int64_t ms, struct tm *tm)
{
	time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
	return gmtime_r(&seconds, tm) && tm->tm_year >= -1900 && tm->tm_year <= 8099;
}

void str_time(int64_t ms, char out[TIME_TEXT])
{
	struct tm tm;
	if (!split(ms, &tm) || !strftime(out, TIME_TEXT, "%04Y-%m-%dT%H:%M:%SZ", &tm))
		str_copy(out, TIME_TEXT, "0000-00-00T00:00:00Z");
}

void str_time_ldap(int64_t ms, char out[TIME_TEXT])
{
	struct tm tm;
	if (!split(ms, &tm) || !strftime(out, TIME_TEXT, "%04Y%m%d%H%M%SZ", &tm))
		str_copy(out, TIME_TEXT, "00000000000000Z");
}

/* --- reading: a cursor over the text that remembers its first failure ----- */

struct cursor {
	const char *p;
	bool bad;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int number(struct cursor *c, int digits)
{
	int v = 0;
	for (int i = 0; i < digits; i++) {
		if (!is_digit(*c->p)) {
			c->bad = true;
			return 0;
		}
		v = v * 10 + (*c->p++ - '0');
	}
	return v;
}

static bool take(struct cursor *c, const char *any_of)
{
	if (!*c->p || !strchr(any_of, *c->p))
		return false;
	c->p++;
	return true;
}

static void need(struct cursor *c, const char *literal)
{
	size_t n = strlen(literal);
	if (strncmp(c->p, literal, n) == 0)
		c->p += n;
	else
		c->bad = true;
}

/* Index of the name at the cursor in a list of names of `width` characters each. */
static int name(struct cursor *c, const char *names, size_t width)
{
	for (size_t i = 0; names[i * width]; i++) {
		if (strncmp(c->p, names + i * width, width) == 0) {
			c->p += width;
			return (int)i;
		}
	}
	c->bad = true;
	return 0;
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days[] = "MonTueWedThuFriSatSun";

/* The digits behind the point, as a part of unit_ms; those beyond the ninth change nothing. */
static int64_t fraction(struct cursor *c, int64_t unit_ms)
{
	int64_t value = 0, scale = 1;
	if (!is_digit(*c->p))
		c->bad = true;
	for (; is_digit(*c->p); c->p++) {
		if (scale < 1000000000) {
			value = value * 10 + (*c->p - '0');
			scale *= 10;
		}
	}
	return value * unit_ms / scale;
}

static bool moment(const struct tm *t, int64_t *ms)
{
	static const int length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = t->tm_year + 1900;
	if (t->tm_mon < 0 || t->tm_mon > 11 || t->tm_hour > 23 || t->tm_min > 59 || t->tm_sec > 60)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (t->tm_mday < 1 || t->tm_mday > length[t->tm_mon] + (leap && t->tm_mon == 1))
		return false;
	struct tm copy = *t;
	*ms = (int64_t)timegm(&copy) * 1000;
	return true;
}

static int no_time(struct err *e, const char *text, const char *form)
{
	return err_set(e, ERR_INPUT, "\"%.60s\" is not a time (%s)", text, form);
}

int str_time_ldap_parse(const char *text, int64_t *ms, struct err *e)
{
	static const char form[] = "GeneralizedTime with a zone";
	struct cursor c = { text, false };
	struct tm t = { 0 };
	int64_t unit_ms = 3600000, at, part = 0, zone = 0;
	t.tm_year = number(&c, 4) - 1900;
	t.tm_mon = number(&c, 2) - 1;
	t.tm_mday = number(&c, 2);
	t.tm_hour = number(&c, 2);
	if (!c.bad && is_digit(*c.p)) {
		t.tm_min = number(&c, 2);
		unit_ms = 60000;
		if (!c.bad && is_digit(*c.p)) {
			t.tm_sec = number(&c, 2);
			unit_ms = 1000;
		}
	}
	if (!c.bad && take(&c, ".,"))
		part = fraction(&c, unit_ms);
	if (!c.bad && !take(&c, "Z")) {
		int sign = *c.p == '-' ? -1 : 1;
		if (!take(&c, "+-"))
			return no_time(e, text, form);
		int hours = number(&c, 2), minutes = *c.p ? number(&c, 2) : 0;
		if (hours > 23 || minutes > 59)
			return no_time(e, text, form);
		zone = sign * (hours * 60 + minutes) * (int64_t)60000;
	}
	if (c.bad || *c.p || !moment(&t, &at))
		return no_time(e, text, form);
	*ms = at + part - zone;
	return 0;
}

int str_time_parse(const char *text, int64_t *ms, struct err *e)
{
	static const char form[] = "RFC 3339 ending in Z";
	struct cursor c = { text, false };
	struct tm t = { 0 };
	int64_t at, part = 0;
	t.tm_year = number(&c, 4) - 1900;
	need(&c, "-");
	t.tm_mon = number(&c, 2) - 1;
	need(&c, "-");
	t.tm_mday = number(&c, 2);
	if (!take(&c, "Tt"))
		return no_time(e, text, form);
	t.tm_hour = number(&c, 2);
	need(&c, ":");
	t.tm_min = number(&c, 2);
	need(&c, ":");
	t.tm_sec = number(&c, 2);
	if (!c.bad && take(&c, "."))
		part = fraction(&c, 1000);
	if (c.bad || !take(&c, "Zz") || *c.p || !moment(&t, &at))
		return no_time(e, text, form);
	*ms = at + part;
	return 0;
}

static void clock_part(struct cursor *c, struct tm *t)
{
	t->tm_hour = number(c, 2);
	need(c, ":");
	t->tm_min = number(c, 2);
	need(c, ":");
	t->tm_sec = number(c, 2);
}

/* The three forms of RFC 9110 5.6.7; a recipient must take the two old ones too.
 *     Sun, 06 Nov 1994 08:49:37 GMT | Sunday, 06-Nov-94 08:49:37 GMT | Sun Nov  6 08:49:37 1994 */
int str_time_http_parse(const char *text, int64_t *ms, struct err *e)
{
	struct cursor c = { text, false };
	struct tm t = { 0 };
	int64_t at;
	name(&c, days, 3);
	if (!c.bad && *c.p == ' ') {
		need(&c, " ");
		t.tm_mon = name(&c, months, 3);
		need(&c, " ");
		t.tm_mday = take(&c, " ") ? number(&c, 1) : number(&c, 2);
		need(&c, " ");
		clock_part(&c, &t);
		need(&c, " ");
		t.tm_year = number(&c, 4) - 1900;
	} else {
		bool old = *c.p != ',';
		while (*c.p >= 'a' && *c.p <= 'z')
			c.p++;
		need(&c, ", ");
		t.tm_mday = number(&c, 2);
		need(&c, old ? "-" : " ");
		t.tm_mon = name(&c, months, 3);
		need(&c, old ? "-" : " ");
		t.tm_year = old ? number(&c, 2) : number(&c, 4) - 1900;
		if (old && t.tm_year < 70)
			t.tm_year += 100;
		need(&c, " ");
		clock_part(&c, &t);
		need(&c, " GMT");
	}
	if (c.bad || *c.p || !moment(&t, &at))
		return no_time(e, text, "a Date header");
	*ms = at;
	return 0;
}

/* --- durations ------------------------------------------------------------ */

char *str_duration(struct arena *arena, int64_t ms)
{
	static const struct {
		const char *name, *next_name;
		int64_t ms, next_ms;
	} units[] = {
		{ "d", "h", 86400000, 3600000 },
		{ "h", "m", 3600000, 60000 },
		{ "m", "s", 60000, 1000 },
	};
	const char *sign = ms < 0 ? "-" : "";
	uint64_t v = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		uint64_t unit = (uint64_t)units[i].ms, next = (uint64_t)units[i].next_ms;
		if (v < unit)
			continue;
		if (v % unit / next == 0)
			return arena_printf(arena, "%s%" PRIu64 "%s", sign, v / unit, units[i].name);
		return arena_printf(arena, "%s%" PRIu64 "%s %" PRIu64 "%s", sign, v / unit, units[i].name,
			v % unit / next, units[i].next_name);
	}
	if (v >= 10000 || v % 1000 == 0)
		return arena_printf(arena, "%s%" PRIu64 "s", sign, v / 1000);
	return arena_printf(arena, "%s%" PRIu64 ".%" PRIu64 "s", sign, v / 1000, v % 1000 / 100);
}
