/* Commands that ask for something to be done: a new proof, a hold, its end, a decision about a frozen list. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/str.h"
#include "hook/command.h"

#define WAIT_SECONDS 300
#define WAIT_MOST 86400
#define POLL_MS 1000
#define POLL_SHARE 10           /* the daemon spends at most this part of its time on answering: 1 of 10 */
#define POLL_MEMORY (16u << 20)

/* --- verify --------------------------------------------------------------------------------------------------- */

struct wait { const char *asked; int64_t people, until_ms, began_ms; bool terminal; };

static int64_t count_of(const struct json *body, const char *name)
{
	return json_int_or(body, name, 0);
}

/* 1234567 -> "1,234,567" */
static char *grouped(struct arena *a, int64_t n)
{
	char *digits = arena_printf(a, "%" PRId64, n), *out = arena_alloc(a, 2 * strlen(digits) + 1), *to = out;
	size_t len = strlen(digits);
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
			*to++ = ',';
		*to++ = digits[i];
	}
	return out;
}

/* Each answer has an arena of its own: there may be thousands of them. */
static int ask(const struct command_line *l, struct arena *a, const char *asked, struct json **body)
{
	struct command_line once = *l;
	arena_reset(a);
	once.arena = a;
	return command_ask(&once, WIRE_VERIFY, l->arg, asked, body);
}

static void show_progress(const struct command_line *l, const struct wait *w, const struct json *body, bool last)
{
	if (!w->terminal)
		return;
	fprintf(l->err, "\r%60s\r", "");
	if (!last)
		fprintf(l->err, "%" PRId64 " of %" PRId64 " not yet", count_of(body, "waiting"), w->people);
	fflush(l->err);
}

static int wait_for_all(const struct command_line *l, struct wait *w, struct arena *a, struct json **body)
{
	const struct clock clock = clock_system();
	int64_t asked_ms = wire_now_ms();
	int status = ask(l, a, NULL, body);
	if (status != COMMAND_DONE)
		return status;
	w->asked = arena_strdup(l->arena, json_text(*body, "asked"));
	w->people = count_of(*body, "people");
	if (!w->asked)
		return command_fail(l, COMMAND_UNREACHABLE, "the daemon's answer says nothing of what was asked");
	while (count_of(*body, "waiting") > 0) {
		int64_t now = wire_now_ms(), left = w->until_ms - now, pause = (now - asked_ms) * POLL_SHARE;
		if (left <= 0)
			break;
		show_progress(l, w, *body, false);
		pause = pause > POLL_MS ? pause : POLL_MS;
		clock_wait(&clock, left < pause ? left : pause);
		asked_ms = wire_now_ms();
		status = ask(l, a, w->asked, body);
		if (status != COMMAND_DONE)
			break;
	}
	show_progress(l, w, *body, true);
	return status;
}

static void print_unproved(const struct command_line *l, const struct json *body)
{
	static const struct { const char *list, *count; } parts[] = { { "failures", "failed" }, { "waiters", "waiting" } };
	static const char *const titles[] = { "LOGIN", "RESULT", "TROUBLE" };
	struct table t;
	int64_t listed = 0, all = 0;
	table_init(&t, l->arena, ARRAY_LEN(titles), titles);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const struct json *list = json_get(body, parts[i].list);
		all += count_of(body, parts[i].count);
		listed += (int64_t)json_count(list);
		for (const struct json *p = json_first(list); p; p = json_next(p)) {
			table_add(&t, json_text(p, "login"));
			table_add(&t, json_text(p, "result"));
			table_add(&t, json_text(p, "trouble"));
		}
	}
	if (all == 0)
		return;
	table_print(&t, l->out);
	if (all > listed)
		fprintf(l->out, "... and %s more\n", grouped(l->arena, all - listed));
	fputc('\n', l->out);
}

/* People who are no part of the answer any more; told only when there are any. */
static const char *apart(const struct command_line *l, int64_t n, const char *what)
{
	return n > 0 ? arena_printf(l->arena, ", %s %s", grouped(l->arena, n), what) : "";
}

static void print_summary(const struct command_line *l, const struct json *body, int64_t anew, int64_t ms)
{
	struct arena *a = l->arena;
	int64_t people = count_of(body, "people") + anew;
	fprintf(l->out, "%s %s: %s isolated, %s failed, %s not yet%s%s; %s probes refused, %s calls, %" PRId64 ".%" PRId64 " s\n",
		grouped(a, people), people == 1 ? "person" : "people", grouped(a, count_of(body, "isolated")),
		grouped(a, count_of(body, "failed")), grouped(a, count_of(body, "waiting")), apart(l, count_of(body, "left"), "left"),
		apart(l, anew, "asked for anew by somebody else"), grouped(a, count_of(body, "probes_refused")),
		grouped(a, count_of(body, "calls")), ms / 1000, ms % 1000 / 100);
}

static bool read_wait(const struct command_line *l, int64_t *seconds)
{
	const char *text = l->option[OPTION_WAIT];
	char *end;
	*seconds = WAIT_SECONDS;
	if (!text)
		return true;
	*seconds = strtol(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && *seconds <= WAIT_MOST;
}

int command_verify(const struct command_line *l)
{
	AUTO_ARENA struct arena *a = arena_new(POLL_MEMORY);
	struct wait w = { .began_ms = wire_now_ms(), .terminal = isatty(fileno(l->err)) };
	struct json *body;
	int64_t seconds;
	if (!l->arg == !l->option[OPTION_ALL])
		return command_fail(l, COMMAND_USAGE, "\"verify\" needs either a NAME or --all");
	if (!read_wait(l, &seconds))
		return command_fail(l, COMMAND_USAGE, "--wait is a number of seconds, at most %d", WAIT_MOST);
	w.until_ms = w.began_ms + seconds * 1000;
	int status = wait_for_all(l, &w, a, &body);
	if (status != COMMAND_DONE)
		return status;
	/* A later question takes people out of this one's answer. */
	int64_t ms = wire_now_ms() - w.began_ms, anew = w.people - count_of(body, "people");
	if (l->option[OPTION_JSON]) {
		struct json *o = json_copy(l->arena, body);
		json_put_int(o, "asked_anew", anew);
		json_put_int(o, "took_ms", ms);
		print_json(l, o);
	} else {
		print_unproved(l, body);
		print_summary(l, body, anew, ms);
	}
	if (count_of(body, "failed") > 0)
		return COMMAND_REFUSED;
	return count_of(body, "waiting") > 0 || anew > 0 ? COMMAND_LATE : COMMAND_DONE;
}

/* --- holds ------------------------------------------------------------------------------------------------------ */

static const char *clean(const struct command_line *l, const struct json *o, const char *name)
{
	const char *text = json_text(o, name);
	return text ? str_printable(l->arena, text, strlen(text)) : "-";
}

/* What became of him: the answer is the person as `show` has him, and one line of it is enough. */
static const struct json *last_account(const struct json *body)
{
	const struct json *accounts = json_get(body, "accounts");
	return json_at(accounts, json_count(accounts) - 1);
}

static void print_hold(const struct command_line *l, const struct json *body)
{
	const struct json *last = last_account(body);
	const char *stage = clean(l, last, "stage"), *held = clean(l, last, "hold_reason");
	fprintf(l->out, "%s: %s", clean(l, body, "person.login"), stage);
	if (json_has(last, "hold_reason"))
		fprintf(l->out, "%s: %s\n", str_eq(stage, "held") ? "" : ", held when he comes back", held);
	else
		fprintf(l->out, " (%s)\n", clean(l, body, "person.reason"));
}

static void print_rotation(const struct command_line *l, const struct json *body)
{
	const struct json *last = last_account(body);
	fprintf(l->out, "%s: another key is asked for", clean(l, body, "person.login"));
	if (json_has(last, "old_key_until"))
		fprintf(l->out, "; it is made when the key before this one is gone, %s or later", clean(l, last, "old_key_until"));
	fputc('\n', l->out);
}

int command_suspend(const struct command_line *l)
{
	if (!l->option[OPTION_REASON])
		return command_fail(l, COMMAND_USAGE, "\"suspend\" needs --reason TEXT: it stands in the entry and in the evidence");
	return command_tell(l, WIRE_SUSPEND, l->arg, l->option[OPTION_REASON], print_hold);
}

int command_resume(const struct command_line *l)
{
	return command_tell(l, WIRE_RESUME, l->arg, NULL, print_hold);
}

int command_rotate(const struct command_line *l)
{
	return command_tell(l, WIRE_ROTATE, l->arg, NULL, print_rotation);
}

/* --- frozen lists ------------------------------------------------------------------------------------------------- */

static int decide(const struct command_line *l, const char *verb)
{
	struct json *body;
	int status = command_ask(l, WIRE_DECIDE, NULL, arena_printf(l->arena, "%s %s", verb, l->arg), &body);
	if (status != COMMAND_DONE)
		return status;
	if (l->option[OPTION_JSON]) {
		print_json(l, body);
		return COMMAND_DONE;
	}
	int64_t n = count_of(body, "people");
	fprintf(l->out, "%s: list %s of %s %s%s\n", clean(l, body, "decision"), clean(l, body, "hash"), grouped(l->arena, n),
		clean(l, body, "kind"), n == 1 ? "" : "s");
	print_refused(l, json_get(body, "refused"));
	return COMMAND_DONE;
}

int command_approve(const struct command_line *l)
{
	return decide(l, "approve");
}

int command_reject(const struct command_line *l)
{
	return decide(l, "reject");
}
