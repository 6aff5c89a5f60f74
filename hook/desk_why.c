/* Why is somebody in the stage in which he is, and what does he wait for?  From the entry to the last call, one line
 * each: {"about": "directory", "text": "...", "since": T, "until": T}. */
#include <string.h>

#include "cloud/api.h"
#include "common/str.h"
#include "hook/desk_inside.h"
#include "ldap/person.h"
#include "policies/dormant.h"
#include "policies/stage.h"

static void push(const struct desk_request *r, struct json *list, const char *about, const char *text, int64_t since_ms,
	int64_t until_ms)
{
	struct json *o = json_object(r->arena);
	json_put_text(o, "about", about);
	json_put_text(o, "text", text);
	desk_put_time(o, "since", since_ms);
	desk_put_time(o, "until", until_ms);
	json_push(list, o);
}

static void push_entry(const struct desk_request *r, struct json *list, const struct store_person *p)
{
	struct arena *a = r->arena;
	bool strong = p->signal == SIGNAL_DISABLED;
	const char *strength = strong ? ", which acts at once" : p->signal >= SIGNAL_WITHDRAWN ? ", which must be confirmed" : "";
	push(r, list, "directory", arena_printf(a, "%s%s%s%s", signal_name((enum signal)p->signal), strength, p->reason ? ": " : "",
		p->reason ? p->reason : ""), p->signal_ms, 0);
	push(r, list, "source", arena_printf(a, "%s, change number %s", p->dn ? p->dn : "no entry", p->csn ? p->csn : "not known"), 0, 0);
	if (p->is_protected)
		push(r, list, "directory", "protected: only a present value suspends him, and nothing of his is deleted", 0, 0);
	if (p->weak_since_ms)
		push(r, list, "waits", "a weak sign says that he left: it is read again before anything follows", p->weak_since_ms, 0);
	if (p->due_ms)
		push(r, list, "waits", "is looked at again", 0, p->due_ms);
	if (p->note)
		push(r, list, "note", p->note, 0, 0);
}

static int push_frozen(const struct desk_request *r, struct json *list, const char *uuid, struct err *e)
{
	for (int kind = FROZEN_DEPARTURE; kind <= FROZEN_UNNAMED; kind++) {
		struct store_frozen row;
		const char *hash;
		int rc = store_frozen_get(r->parts->store, uuid, (enum frozen_kind)kind, r->arena, &row, e);
		if (rc == ERR_ABSENT)
			continue;
		if (!rc)
			rc = desk_list_hash(r, &row, &hash, e);
		if (rc)
			return rc;
		const char *state = row.state == FROZEN_APPROVED ? "approved" : row.state == FROZEN_REJECTED ? "rejected"
			: "waits for approve or reject";
		push(r, list, "held back", arena_printf(r->arena, "%s; list %s %s", row.why ? row.why : "", hash, state), row.list_ms, 0);
	}
	return 0;
}

static void push_waiting(const struct desk_request *r, struct json *list, const char *about, const struct store_account *a)
{
	int64_t now = clock_now(r->parts->clock), again = a->due_ms == INT64_MAX ? 0 : a->due_ms;
	bool over = a->retire_after_ms && a->retire_after_ms <= now;
	if (a->hold_reason)
		push(r, list, about, arena_printf(r->arena, "held until %s: %s",
			dormant_is_hold(a->hold_reason) ? "his next login here" : "somebody resumes him", a->hold_reason), 0, 0);
	if (a->stage == STAGE_SUSPENDED && a->retire_after_ms)
		push(r, list, about, over
			? "grace is over: retirement waits for its budget, and for a directory and clocks that are believed"
			: "grace: all of it stays until then", a->since_ms, over ? 0 : a->retire_after_ms);
	if (a->trouble_kind)
		push(r, list, about, arena_printf(r->arena, "%u failures in a row, the last one %s: %s; tried again", a->attempts,
			err_kind_name(a->trouble_kind), a->trouble ? a->trouble : ""), 0, again);
	else if (!a->complete && a->stage != STAGE_NONE && a->stage != STAGE_DUE)
		push(r, list, about, a->owner ? "a worker has it in hand" : "its next walk is queued", 0, a->owner ? 0 : again);
}

static int push_account(const struct desk_request *r, struct json *list, const struct store_account *a, struct err *e)
{
	const char *about = arena_printf(r->arena, "account %u", a->generation);
	bool cut = a->cut_ms && (a->stage == STAGE_SUSPENDED || a->stage == STAGE_RETIRED);
	struct store_intent *open;
	size_t count;
	const char *by = !cut ? "" : a->cut_strong ? ", by a present value" : ", by a confirmed absence";
	bool number = *by && a->cut_strong && a->cut_csn;
	push(r, list, about, arena_printf(r->arena, "%s%s%s%s", stage_shown((enum stage)a->stage, a->complete), by,
		number ? ", change number " : "", number ? a->cut_csn : ""), a->since_ms, 0);
	push_waiting(r, list, about, a);
	int rc = store_intents(r->parts->store, a->id, -1, r->arena, &open, &count, e);
	for (size_t i = 0; !rc && i < count; i++)
		push(r, list, about, arena_printf(r->arena, "the outcome of %s is not known yet",
			open[i].action >= 0 && open[i].action < ACT_COUNT ? action_table[open[i].action].name : "a call"),
			open[i].written_ms, 0);
	return rc;
}

int desk_put_why(const struct desk_request *r, const struct store_person *p, const struct store_account *accounts, size_t count,
	struct json *into, struct err *e)
{
	struct json *list = json_array(r->arena);
	push_entry(r, list, p);
	int rc = push_frozen(r, list, p->uuid, e);
	if (!rc && count == 0)
		push(r, list, "account", "none: he never had one", 0, 0);
	for (size_t i = count; !rc && i > 0; i--)
		/* The newest first; of those before it only what is not over yet. */
		if (i == count || !accounts[i - 1].complete)
			rc = push_account(r, list, &accounts[i - 1], e);
	if (!rc)
		json_put(into, "why", list);
	return rc;
}
