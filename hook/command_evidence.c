/* Evidence files, read here and without the daemon: is the chain whole, and what do they say of one person? */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "hook/command.h"
#include "hook/evidence.h"

#define LINE_MEMORY (1u << 20)

int command_evidence_verify(const struct command_line *l)
{
	int64_t lines;
	struct err e;
	if (evidence_verify(l->arg, &lines, &e))
		return command_fail(l, COMMAND_REFUSED, "%s", e.text);
	if (l->option[OPTION_JSON]) {
		struct json *o = json_object(l->arena);
		json_put_int(o, "lines", lines);
		print_json(l, o);
	} else {
		fprintf(l->out, "%lld lines, the chain is whole\n", (long long)lines);
	}
	return COMMAND_DONE;
}

/* --- gathering ------------------------------------------------------------------------------------------------ */

struct event { int64_t ms; size_t order; const struct json *line; };
struct export {
	const struct command_line *l;
	struct arena *scratch;                  /* of one line */
	struct json *uuids;                     /* who has had the login name that was given */
	const char *uuid;                       /* NULL: not known yet */
	struct event *events;
	size_t count, room;
	int64_t lines;
};

static void look_for_uuid(void *ctx, const char *text, size_t n)
{
	struct export *x = ctx;
	struct json *line;
	arena_reset(x->scratch);
	if (json_parse(x->scratch, text, n, &line, NULL) || !str_eq(json_text(line, "login"), x->l->arg))
		return;
	const char *uuid = json_text(line, "uuid");
	for (const struct json *u = json_first(x->uuids); u && uuid; u = json_next(u))
		if (str_ieq(json_string(u), uuid))
			return;
	if (uuid)
		json_push_text(x->uuids, uuid);
}

/* His, or about his name alone: somebody who may not asked for him. */
static bool is_about(const struct export *x, const struct json *line)
{
	const char *uuid = json_text(line, "uuid");
	return uuid ? str_ieq(uuid, x->uuid) : str_eq(json_text(line, "login"), x->l->arg);
}

static void gather(void *ctx, const char *text, size_t n)
{
	struct export *x = ctx;
	struct json *line;
	arena_reset(x->scratch);
	if (json_parse(x->scratch, text, n, &line, NULL) || !is_about(x, line))
		return;
	if (x->count == x->room) {
		x->room = x->room * 2 + 64;
		x->events = mem_realloc(x->events, x->room * sizeof(*x->events));
	}
	x->events[x->count] = (struct event){ .ms = json_int_or(line, "ms", 0), .order = x->count, .line = json_copy(x->l->arena, line) };
	x->count++;
}

static int read_all(struct export *x, void (*each)(void *ctx, const char *text, size_t n))
{
	struct err e;
	x->lines = 0;
	for (size_t i = 0; i < x->l->more_count; i++) {
		int64_t lines = 0;
		if (evidence_read(x->l->more[i], each, x, &lines, &e))
			return command_fail(x->l, COMMAND_REFUSED, "\"%s\": %s", x->l->more[i], e.text);
		x->lines += lines;
	}
	return COMMAND_DONE;
}

static int find_uuid(struct export *x)
{
	const struct command_line *l = x->l;
	unsigned char ignored[16];
	struct err e;
	if (!str_uuid_parse(l->arg, ignored, &e)) {
		x->uuid = l->arg;
		return COMMAND_DONE;
	}
	int status = read_all(x, look_for_uuid);
	if (status != COMMAND_DONE)
		return status;
	size_t n = json_count(x->uuids);
	if (n > 1)
		return command_fail(l, COMMAND_REFUSED, "%zu people have had the login name \"%s\", name one by his UUID: %s", n, l->arg,
			json_print(l->arena, x->uuids));
	x->uuid = n ? json_string(json_first(x->uuids)) : "";
	return COMMAND_DONE;
}

/* Lines of a second place stand between those of the first. */
static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	if (x->ms != y->ms)
		return x->ms < y->ms ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* --- when he left --------------------------------------------------------------------------------------------- */

/* In the order in which they should come. */
static const struct { const char *member, *shown, *after; } moments[] = {
	{ "changed_ms", "directory change", NULL },
	{ "seen_ms", "seen", "seen" },
	{ "key_off_ms", "key off", "key_off" },
	{ "console_off_ms", "login off", "console_off" },
	{ "barrier_ms", "barrier", "barrier" },
	{ "cut_ms", "cut complete", "cut" },
	{ "refused_ms", "first refused call", "refused" },
};

/* A line that knows more of the same departure takes the place of an earlier one. */
static struct json *departures(const struct export *x)
{
	struct arena *a = x->l->arena;
	struct json *list = json_array(a), *last = NULL;
	for (size_t i = 0; i < x->count; i++) {
		const struct json *line = x->events[i].line;
		int64_t generation = json_int_or(line, "generation", 0), seen = json_int_or(line, "seen_ms", 0);
		if (!seen)
			continue;
		if (!last || json_int_or(last, "generation", 0) != generation || json_int_or(last, "seen_ms", 0) != seen) {
			last = json_object(a);
			json_put_int(last, "generation", generation);
			json_push(list, last);
		}
		json_put_text(last, "csn", json_text(line, "csn"));
		for (size_t m = 0; m < ARRAY_LEN(moments); m++)
			if (json_has(line, moments[m].member))
				json_put_int(last, moments[m].member, json_int_or(line, moments[m].member, 0));
	}
	return list;
}

static void put_durations(const struct command_line *l, struct json *departure)
{
	int64_t changed = json_int_or(departure, "changed_ms", 0), began = changed ? changed : json_int_or(departure, "seen_ms", 0);
	struct json *o = json_object(l->arena);
	json_put_text(departure, "counted_from", changed ? "directory change" : "seen");
	for (size_t m = 1; m < ARRAY_LEN(moments); m++)
		if (json_has(departure, moments[m].member))
			json_put_int(o, moments[m].after, json_int_or(departure, moments[m].member, 0) - began);
	json_put(departure, "durations_ms", o);
}

/* --- showing -------------------------------------------------------------------------------------------------- */

static const char *exactly(struct arena *a, int64_t ms)
{
	char text[TIME_TEXT];
	if (ms <= 0)
		return NULL;
	str_time(ms, text);
	return arena_printf(a, "%.19s.%03dZ", text, (int)(ms % 1000));
}

static const char *number_of(struct arena *a, const struct json *o, const char *name)
{
	return json_has(o, name) ? arena_printf(a, "%" PRId64, json_int_or(o, name, 0)) : NULL;
}

static void print_departure(const struct command_line *l, const struct json *d)
{
	const struct json *durations = json_get(d, "durations_ms");
	const char *number = json_text(d, "csn"), *from = json_text(d, "counted_from");
	const char *const titles[] = { "MOMENT", "AT", arena_printf(l->arena, ">MS AFTER %s", str_eq(from, "seen") ? "SEEN" : "CHANGE") };
	struct table t;
	fprintf(l->out, "\nleft, generation %" PRId64 ", change number %s\n", json_int_or(d, "generation", 0),
		number ? str_printable(l->arena, number, strlen(number)) : "not known");
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (size_t m = 0; m < ARRAY_LEN(moments); m++) {
		const char *at = exactly(l->arena, json_int_or(d, moments[m].member, 0));
		table_add(&t, moments[m].shown);
		table_add(&t, at ? at : "not known");
		table_add(&t, moments[m].after ? number_of(l->arena, durations, moments[m].after) : NULL);
	}
	table_print(&t, l->out);
}

static void print_text(const struct export *x, const struct json *left)
{
	static const char *const titles[] = { "AT", ">GEN", "EVENT", "ROW", "WHAT", "WHY", "REQUEST", "CHANGE" };
	static const char *const texts[] = { "event", "row", "what", "why", "request_id", "csn" };
	const struct command_line *l = x->l;
	struct table t;
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (size_t i = 0; i < x->count; i++) {
		table_add(&t, exactly(l->arena, x->events[i].ms));
		table_add(&t, number_of(l->arena, x->events[i].line, "generation"));
		for (size_t k = 0; k < ARRAY_LEN(texts); k++)
			table_add(&t, json_text(x->events[i].line, texts[k]));
	}
	table_print(&t, l->out);
	for (const struct json *d = json_first(left); d; d = json_next(d))
		print_departure(l, d);
	fprintf(l->out, "\n%zu of %" PRId64 " lines are about %s; each chain is whole\n", x->count, x->lines,
		str_printable(l->arena, l->arg, strlen(l->arg)));
}

static void print_document(const struct export *x, struct json *left)
{
	const struct command_line *l = x->l;
	struct json *o = json_object(l->arena), *events = json_array(l->arena);
	json_put_text(o, "name", l->arg);
	json_put_text(o, "uuid", *x->uuid ? x->uuid : NULL);
	json_put_int(o, "lines", x->lines);
	for (size_t i = 0; i < x->count; i++)
		json_push(events, json_copy(l->arena, x->events[i].line));
	json_put(o, "events", events);
	json_put(o, "departures", left);
	print_json(l, o);
}

int command_evidence_export(const struct command_line *l)
{
	AUTO_ARENA struct arena *scratch = arena_new(LINE_MEMORY);
	struct export x = { .l = l, .scratch = scratch, .uuids = json_array(l->arena) };
	int status = find_uuid(&x);
	if (status == COMMAND_DONE)
		status = read_all(&x, gather);
	AUTO_FREE struct event *events = x.events;
	if (status != COMMAND_DONE)
		return status;
	if (x.count == 0)
		return command_fail(l, COMMAND_REFUSED, "nothing is on record about \"%s\"", l->arg);
	qsort(events, x.count, sizeof(*events), by_time);
	struct json *left = departures(&x);
	for (const struct json *d = json_first(left); d; d = json_next(d))
		put_durations(l, json_edit(d));
	if (l->option[OPTION_JSON])
		print_document(&x, left);
	else
		print_text(&x, left);
	return COMMAND_DONE;
}
