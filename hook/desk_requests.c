/* What the desk answers, one function per action.  Everything comes from the store, but for the plan of one person.
 * What changes something is desk_steer.c. */
#include <string.h>

#include "cloud/account.h"
#include "cloud/api.h"
#include "common/str.h"
#include "hook/desk_inside.h"
#include "ldap/attrs.h"
#include "ldap/person.h"
#include "policies/dormant.h"
#include "policies/stage.h"

#define TROUBLED_MOST 50
#define HELD_MOST 50
#define WAITING_MOST 200
#define RETIREMENTS_MOST 100
#define QUEUE_MOST 500
#define LIMIT_LEAST_MS 20
#define LIMIT_MOST_MS 30000

/* uids that a kernel gives for "nobody in particular". */
#define UID_NOBODY 65534u

/* --- parts of answers ------------------------------------------------------------------------------------- */

void desk_put_time(struct json *o, const char *name, int64_t ms)
{
	char text[TIME_TEXT];
	if (ms <= 0 || ms == INT64_MAX)
		return;
	str_time(ms, text);
	json_put_text(o, name, text);
}

/* Its time says when it is due; what is due already needs none. */
static void put_lane(struct json *o, int lane, int64_t due_ms)
{
	if (due_ms == INT64_MAX)
		return;
	json_put_text(o, "lane", lane_name((enum lane)lane));
	desk_put_time(o, "due", due_ms);
}

static void put_trouble(struct json *o, int kind, const char *text, unsigned attempts)
{
	if (!kind)
		return;
	json_put_text(o, "trouble_kind", err_kind_name(kind));
	json_put_text(o, "trouble", text);
	json_put_uint(o, "attempts", attempts);
}

/* A record in the store that is JSON already. */
static void put_record(const struct desk_request *r, struct json *o, const char *name, const char *text)
{
	struct json *record;
	if (text && *text && !json_parse(r->arena, text, strlen(text), &record, NULL))
		json_put(o, name, record);
}

static struct json *line_of(const struct desk_request *r, const struct store_line *l)
{
	struct json *o = json_object(r->arena);
	json_put_text(o, "login", l->login);
	json_put_text(o, "uuid", l->uuid);
	json_put_uint(o, "generation", l->generation);
	json_put_text(o, "stage", stage_shown((enum stage)l->stage, l->complete));
	put_lane(o, l->lane, l->due_ms);
	json_put_bool(o, "in_hand", l->taken);
	put_trouble(o, l->trouble_kind, l->trouble, l->attempts);
	json_put_text(o, "hold_reason", l->hold_reason);
	json_put_text(o, "note", l->note);
	json_put_text(o, "reason", l->reason);
	return o;
}

struct json *desk_lines(const struct desk_request *r, const struct store_line *lines, size_t count)
{
	struct json *list = json_array(r->arena);
	for (size_t i = 0; i < count; i++)
		json_push(list, line_of(r, &lines[i]));
	return list;
}

/* --- status ----------------------------------------------------------------------------------------------- */

/* People, by what the directory shows of them; an older generation counts only while it is taken down. */
static int put_stages(const struct desk_request *r, struct json *o, struct err *e)
{
	static const struct { enum stage stage; bool complete; bool both; } shown[] = {
		{ STAGE_DUE, false, true },
		{ STAGE_ACTIVE, false, false },
		{ STAGE_ACTIVE, true, false },
		{ STAGE_SUSPENDED, false, true },
		{ STAGE_HELD, false, true },
		{ STAGE_RETIRED, false, false },
		{ STAGE_RETIRED, true, false },
	};
	int64_t n[STORE_STAGES][2][2];
	struct json *stages = json_object(r->arena);
	int rc = store_stages(r->parts->store, n, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		enum stage s = shown[i].stage;
		int64_t count = n[s][shown[i].complete][1];
		if (shown[i].both)
			count += n[s][!shown[i].complete][1];
		if (!(s == STAGE_RETIRED && shown[i].complete))
			count += n[s][shown[i].complete][0];
		json_put_int(stages, stage_shown(s, shown[i].complete), count);
	}
	json_put(o, "stages", stages);
	return 0;
}

static int put_counts(const struct desk_request *r, struct json *o, struct err *e)
{
	struct store_counts c;
	struct json *lanes = json_object(r->arena);
	int rc = store_counts(r->parts->store, &c, e);
	if (rc)
		return rc;
	for (int i = 0; i < LANE_COUNT; i++)
		json_put_int(lanes, lane_name((enum lane)i), c.lane_due[i]);
	json_put_int(o, "people", c.people);
	json_put(o, "lanes", lanes);
	json_put_int(o, "outbox", c.outbox);
	json_put_int(o, "open_intents", c.open_intents);
	return 0;
}

static int put_troubled(const struct desk_request *r, struct json *o, struct err *e)
{
	struct store_line *lines;
	size_t count;
	int64_t total;
	int rc = store_troubled(r->parts->store, TROUBLED_MOST, r->arena, &lines, &count, &total, e);
	if (rc)
		return rc;
	json_put_int(o, "troubled", total);
	json_put(o, "trouble", desk_lines(r, lines, count));
	return 0;
}

static int put_held(const struct desk_request *r, struct json *o, struct err *e)
{
	struct store_line *lines;
	size_t count;
	int64_t total;
	int rc = store_held(r->parts->store, HELD_MOST, r->arena, &lines, &count, &total, e);
	if (rc)
		return rc;
	json_put_int(o, "held", total);
	json_put(o, "holds", desk_lines(r, lines, count));
	return 0;
}

/* Departures by a weak sign that wait for their confirmation. */
static int put_waiting(const struct desk_request *r, struct json *o, struct err *e)
{
	struct store_person *people;
	struct json *list = json_array(r->arena);
	size_t count;
	int rc = store_weak(r->parts->store, INT64_MAX, WAITING_MOST, r->arena, &people, &count, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		struct json *one = json_object(r->arena);
		json_put_text(one, "login", people[i].login);
		json_put_text(one, "uuid", people[i].uuid);
		json_put_text(one, "signal", signal_name((enum signal)people[i].signal));
		json_put_text(one, "reason", people[i].reason);
		desk_put_time(one, "since", people[i].weak_since_ms);
		json_push(list, one);
	}
	json_put(o, "waiting", list);
	return 0;
}

/* Whose grace runs, or is over: the only thing that happens by itself and cannot be undone. */
static int put_retirements(const struct desk_request *r, struct json *o, struct err *e)
{
	struct store_retiring *people;
	struct json *list = json_array(r->arena);
	int64_t total;
	size_t count;
	int rc = store_retiring_count(r->parts->store, INT64_MAX, &total, e);
	if (!rc)
		rc = store_retiring(r->parts->store, INT64_MAX, NULL, RETIREMENTS_MOST, r->arena, &people, &count, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		struct json *one = json_object(r->arena);
		if (people[i].is_protected)
			continue;
		json_put_text(one, "login", people[i].login);
		json_put_text(one, "uuid", people[i].uuid);
		json_put_text(one, "does", "delete");
		json_put_text(one, "rated", "irreversible");
		desk_put_time(one, "retire_after", people[i].retire_after_ms);
		json_put_text(one, "note", people[i].note);
		json_push(list, one);
	}
	json_put_int(o, "retirements_ahead", total);
	json_put(o, "retirements", list);
	return 0;
}

static int status(const struct desk_request *r, struct json **body, struct err *e)
{
	struct json *o = json_object(r->arena);
	json_put_text(o, "version", ROLLCALL_VERSION);
	desk_put_time(o, "now", clock_now(r->parts->clock));
	int rc = put_counts(r, o, e);
	if (!rc)
		rc = put_stages(r, o, e);
	if (!rc)
		rc = put_troubled(r, o, e);
	if (!rc)
		rc = put_held(r, o, e);
	if (!rc)
		rc = put_waiting(r, o, e);
	if (!rc)
		rc = desk_put_figures(r, o, e);
	if (rc)
		return rc;
	if (r->parts->health)
		json_put(o, "health", r->parts->health(r->parts->ctx, r->arena));
	*body = o;
	return 0;
}

/* --- show ------------------------------------------------------------------------------------------------- */

static struct json *person_of(const struct desk_request *r, const struct store_person *p)
{
	struct json *o = json_object(r->arena);
	json_put_text(o, "uuid", p->uuid);
	json_put_text(o, "login", p->login);
	json_put_text(o, "dn", p->dn);
	json_put_text(o, "display", p->display);
	json_put_text(o, "mail", p->mail);
	json_put_text(o, "profile", p->profile);
	if (p->uid_number >= 0)
		json_put_int(o, "uid_number", p->uid_number);
	json_put_bool(o, "certificate", p->certificate_len > 0);
	json_put_text(o, "signal", signal_name((enum signal)p->signal));
	json_put_text(o, "reason", p->reason);
	desk_put_time(o, "signal_since", p->signal_ms);
	desk_put_time(o, "due", p->due_ms);
	desk_put_time(o, "waiting_since", p->weak_since_ms);
	json_put_text(o, "csn", p->csn);
	json_put_text(o, "note", p->note);
	json_put_uint(o, "generation", p->generation);
	return o;
}

static int put_intents(const struct desk_request *r, struct json *o, int64_t account_id, struct err *e)
{
	static const char *const rows[ROW_COUNT] = { "user", "boundary", "env", "policy", "access", "console", "envkeys", "key",
		"proof", "delivery", "server", "agent" };
	struct store_intent *open;
	size_t count;
	struct json *list = json_array(r->arena);
	int rc = store_intents(r->parts->store, account_id, -1, r->arena, &open, &count, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++) {
		struct json *one = json_object(r->arena);
		if (open[i].row >= 0 && open[i].row < ROW_COUNT)
			json_put_text(one, "row", rows[open[i].row]);
		if (open[i].action >= 0 && open[i].action < ACT_COUNT)
			json_put_text(one, "action", action_table[open[i].action].name);
		json_put_uint(one, "attempt", open[i].attempt);
		desk_put_time(one, "written", open[i].written_ms);
		json_push(list, one);
	}
	json_put(o, "intents", list);
	return 0;
}

static int put_letter(const struct desk_request *r, struct json *o, int64_t account_id, struct err *e)
{
	struct store_letter l;
	struct json *letter = json_object(r->arena);
	int rc = store_letter_get(r->parts->store, account_id, r->arena, &l, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	json_put_text(letter, "state", l.pending ? "pending" : "delivered");
	if (l.pending)
		desk_put_time(letter, "due", l.due_ms);
	json_put_uint(letter, "attempts", l.attempts);
	json_put_text(letter, "trouble", l.trouble);
	json_put(o, "letter", letter);
	return 0;
}

/* A key that is asked for and not made yet; when this one is replaced; until when the one before it works. */
static void put_rotation(const struct desk_request *r, struct json *o, const struct store_account *a)
{
	struct found f;
	struct err ignored;
	if (a->stage != STAGE_ACTIVE || !a->found || !*a->found || found_parse(a->found, r->arena, &f, &ignored))
		return;
	if (a->rotate_ms != f.key_asked_ms)
		desk_put_time(o, "key_asked", a->rotate_ms);
	desk_put_time(o, "key_due", found_key_due(&f, r->parts->settings->cloud.driver.key_age_ms));
	if (*f.old_key_id)
		desk_put_time(o, "old_key_until", f.old_key_until_ms);
}

static int put_account(const struct desk_request *r, struct json *list, const struct store_account *a, struct err *e)
{
	struct json *o = json_object(r->arena);
	json_put_uint(o, "generation", a->generation);
	json_put_text(o, "stage", stage_shown((enum stage)a->stage, a->complete));
	desk_put_time(o, "since", a->since_ms);
	desk_put_time(o, "retire_after", a->retire_after_ms);
	json_put_text(o, "hold_reason", a->hold_reason);
	json_put_bool(o, "complete", a->complete);
	put_lane(o, a->lane, a->due_ms);
	json_put_bool(o, "in_hand", a->owner != 0);
	put_trouble(o, a->trouble_kind, a->trouble, a->attempts);
	desk_put_time(o, "cut", a->cut_ms);
	if (a->cut_ms)
		json_put_text(o, "cut_by", a->cut_strong ? "a present value" : "a confirmed absence");
	desk_put_time(o, "swept_again", a->sweep_ms);
	desk_put_time(o, "proof_asked", a->verify_ms);
	put_rotation(r, o, a);
	put_record(r, o, "placement", a->placement);
	put_record(r, o, "found", a->found);
	int rc = put_intents(r, o, a->id, e);
	if (!rc)
		rc = put_letter(r, o, a->id, e);
	if (!rc)
		json_push(list, o);
	return rc;
}

/* When he was here last, and his key was used last.  Who is not watched has no such moment. */
static int put_last(const struct desk_request *r, struct json *person, const char *uuid, struct err *e)
{
	struct store_idle idle;
	int64_t login;
	int rc = store_login_last(r->parts->store, uuid, &login, e);
	if (rc)
		return rc;
	desk_put_time(person, "last_login", login);
	rc = store_idle_of(r->parts->store, uuid, clock_now(r->parts->clock) - DORMANT_GAP_MS, r->arena, &idle, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	desk_put_time(person, "key_used", idle.used_ms);
	desk_put_time(person, "idle_since", idle.idle_since_ms);
	return 0;
}

int desk_show(const struct desk_request *r, struct json **body, struct err *e)
{
	struct store_person p;
	struct store_account *accounts;
	size_t count;
	struct json *o = json_object(r->arena), *list = json_array(r->arena);
	int rc = store_person_find(r->parts->store, r->name, r->arena, &p, e);
	if (!rc)
		rc = store_accounts_of(r->parts->store, p.uuid, r->arena, &accounts, &count, e);
	for (size_t i = 0; !rc && i < count; i++)
		rc = put_account(r, list, &accounts[i], e);
	if (!rc)
		rc = desk_put_why(r, &p, accounts, count, o, e);
	struct json *person = rc ? NULL : person_of(r, &p);
	if (!rc)
		rc = put_last(r, person, p.uuid, e);
	if (rc)
		return rc;
	json_put(o, "person", person);
	json_put(o, "accounts", list);
	*body = o;
	return 0;
}

/* --- plan ------------------------------------------------------------------------------------------------- */

static int plan_of_all(const struct desk_request *r, struct json **body, struct err *e)
{
	struct json *o = json_object(r->arena);
	struct store_line *lines;
	size_t count;
	int64_t total;
	int rc = store_queue(r->parts->store, clock_now(r->parts->clock), QUEUE_MOST, r->arena, &lines, &count, &total, e);
	if (rc)
		return rc;
	desk_put_time(o, "now", clock_now(r->parts->clock));
	json_put_int(o, "queued", total);
	json_put(o, "queue", desk_lines(r, lines, count));
	rc = put_waiting(r, o, e);
	if (!rc)
		rc = put_retirements(r, o, e);
	if (!rc)
		rc = desk_put_lists(r, o, e);
	if (!rc)
		*body = o;
	return rc;
}

/* The workers come first: a limit that they have used up is waited for, not told. */
static int look_up(const struct desk_request *r, const char *uuid, struct json **rows, struct err *e)
{
	const struct clock *clock = r->parts->clock;
	int64_t give_up = clock_mono(clock) + LIMIT_MOST_MS;
	for (;;) {
		int rc = r->parts->plan(r->parts->ctx, uuid, r->arena, rows, e);
		if (rc != ERR_LIMIT)
			return rc;
		int64_t ms = e->due_ms - clock_now(clock);
		ms = ms < LIMIT_LEAST_MS ? LIMIT_LEAST_MS : ms;
		if (clock_mono(clock) + ms > give_up)
			return rc;
		clock_wait(clock, ms);
	}
}

static int plan(const struct desk_request *r, struct json **body, struct err *e)
{
	struct store_person p;
	struct store_account a;
	struct json *o = json_object(r->arena), *rows = NULL;
	if (!r->name)
		return plan_of_all(r, body, e);
	int rc = store_person_find(r->parts->store, r->name, r->arena, &p, e);
	if (!rc)
		rc = store_account_get(r->parts->store, p.uuid, 0, r->arena, &a, e);
	if (rc == ERR_ABSENT)
		err_wrap(e, "nothing is planned for \"%s\"", r->name);
	if (!rc)
		rc = look_up(r, p.uuid, &rows, e);
	if (rc)
		return rc;
	json_put_text(o, "login", p.login);
	json_put_text(o, "uuid", p.uuid);
	json_put_uint(o, "generation", a.generation);
	json_put_text(o, "stage", stage_shown((enum stage)a.stage, a.complete));
	json_put(o, "plan", rows);
	*body = o;
	return 0;
}

/* --- sealed ----------------------------------------------------------------------------------------------- */

/* What stands in his entry, or soon will: the newest letter.  It is sealed, and none of our keys opens it. */
static int sealed(const struct desk_request *r, struct json **body, struct err *e)
{
	static const enum own copied[] = { OWN_UIN, OWN_NAME, OWN_ENV_ID, OWN_KEY_ID, OWN_SEALED_KEY, OWN_SEALED_PASSWORD };
	struct store_person p;
	struct store_account a;
	struct store_letter l;
	struct json *o = json_object(r->arena), *payload;
	int rc = store_person_find(r->parts->store, r->name, r->arena, &p, e);
	if (rc)
		return rc;
	rc = store_account_get(r->parts->store, p.uuid, 0, r->arena, &a, e);
	if (!rc)
		rc = store_letter_get(r->parts->store, a.id, r->arena, &l, e);
	if (rc == ERR_ABSENT)
		return err_set(e, ERR_ABSENT, "nothing was handed out to \"%s\" yet", r->name);
	if (!rc)
		rc = json_parse(r->arena, l.payload, strlen(l.payload), &payload, e);
	if (rc)
		return rc == ERR_INPUT ? err_set(e, ERR_BUG, "the letter of \"%s\" is damaged", r->name) : rc;
	json_put_text(o, "login", p.login);
	json_put_text(o, "uuid", p.uuid);
	json_put_bool(o, "pending", l.pending);
	for (size_t i = 0; i < ARRAY_LEN(copied); i++)
		json_put_text(o, own_attributes[copied[i]].name, json_text(payload, own_attributes[copied[i]].name));
	*body = o;
	return 0;
}

/* --- the table -------------------------------------------------------------------------------------------- */

static const struct {
	enum wire_action action;
	int (*answer)(const struct desk_request *, struct json **body, struct err *e);
} answers[] = {
	{ WIRE_STATUS, status },
	{ WIRE_SHOW, desk_show },
	{ WIRE_PLAN, plan },
	{ WIRE_SEALED, sealed },
	{ WIRE_VERIFY, desk_verify },
	{ WIRE_DECIDE, desk_decide },
	{ WIRE_SUSPEND, desk_suspend },
	{ WIRE_RESUME, desk_resume },
	{ WIRE_ROTATE, desk_rotate },
	{ WIRE_ADOPT, desk_adopt },
};

int desk_answer(const struct desk_request *r, struct json **body, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		if (answers[i].action == r->rule->action)
			return answers[i].answer(r, body, e);
	}
	return err_set(e, ERR_BUG, "nobody answers \"%s\"", r->rule->name);
}

int desk_is_self(const struct desk_request *r, bool *out, struct err *e)
{
	struct store_person p;
	uid_t uid = r->asker->uid;
	*out = false;
	if (!r->name || uid == 0 || uid == UID_NOBODY || uid == (uid_t)-1)
		return 0;
	int rc = store_person_find(r->parts->store, r->name, r->arena, &p, e);
	/* Nobody, or two of them: neither is him as far as this name says. */
	if (rc)
		return rc == ERR_ABSENT || rc == ERR_INPUT ? 0 : rc;
	*out = p.uid_number == (int64_t)uid;
	return 0;
}
