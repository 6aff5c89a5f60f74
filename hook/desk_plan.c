/* What the brakes hold back, list by list, and what an administrator decides about it.  A list is known by its hash,
 * which covers its kind, its moment and everybody on it: whoever approves says yes to exactly what he was shown. */
#include <inttypes.h>
#include <string.h>

#include "common/crypt.h"
#include "common/log.h"
#include "common/str.h"
#include "hook/desk_inside.h"

#define LIST_SHOWN 200              /* people of one list */
#define HASH_SHOWN 16               /* hexadecimal digits: enough to tell a handful of lists apart, and short enough to type */
#define APPROVAL_MS INT64_C(86400000)

static const struct { const char *kind, *act, *rated; } kinds[] = {
	[FROZEN_DEPARTURE] = { "departure", "suspend", "reversible" },
	[FROZEN_JOIN] = { "join", "create", "costs money" },
	[FROZEN_ORPHAN] = { "orphan", "delete", "irreversible" },
	[FROZEN_UNNAMED] = { "account without an entry", "delete", "irreversible" },
};
static const char *const states[] = { [FROZEN_WAITING] = "waits", [FROZEN_APPROVED] = "approved", [FROZEN_REJECTED] = "rejected" };

/* One list: rows of one kind and moment stand together, in the order of UUIDs. */
struct part { const struct store_frozen *rows; size_t count; char hash[HASH_SHOWN + 1]; };

static struct part part_from(struct arena *a, const struct store_frozen *rows, size_t left)
{
	struct part p = { .rows = rows };
	struct str s;
	char hex[SHA256_HEX];
	str_init(&s, a);
	str_addf(&s, "%s %" PRId64 "\n", kinds[rows->kind].kind, rows->list_ms);
	while (p.count < left && rows[p.count].kind == rows->kind && rows[p.count].list_ms == rows->list_ms)
		str_addf(&s, "%s\n", rows[p.count++].uuid);
	crypt_sha256_hex(s.text, s.len, hex);
	memcpy(p.hash, hex, HASH_SHOWN);
	p.hash[HASH_SHOWN] = '\0';
	return p;
}

static struct json *one_list(const struct desk_request *r, const struct part *p)
{
	struct json *o = json_object(r->arena), *people = json_array(r->arena);
	const struct store_frozen *first = p->rows;
	int64_t fen = 0;
	for (size_t i = 0; i < p->count; i++) {
		const struct store_frozen *f = &p->rows[i];
		fen += f->fen;
		if (i >= LIST_SHOWN)
			continue;
		struct json *one = json_object(r->arena);
		json_put_text(one, "login", f->login ? f->login : f->uuid);
		json_put_text(one, "uuid", f->uuid);
		json_put_text(one, "dn", f->dn);
		json_put_text(one, "does", kinds[f->kind].act);
		json_put_text(one, "rated", kinds[f->kind].rated);
		json_put_text(one, "why", f->why);
		if (f->fen)
			json_put_int(one, "fen", f->fen);
		json_push(people, one);
	}
	json_put_text(o, "kind", kinds[first->kind].kind);
	json_put_text(o, "state", states[first->state]);
	if (first->state == FROZEN_WAITING)
		json_put_text(o, "hash", p->hash);
	else
		desk_put_time(o, "until", first->decided_ms + APPROVAL_MS);
	desk_put_time(o, "since", first->list_ms);
	json_put_int(o, "count", (int64_t)p->count);
	if (fen)
		json_put_int(o, "fen", fen);
	json_put(o, "people", people);
	return o;
}

int desk_put_lists(const struct desk_request *r, struct json *into, struct err *e)
{
	struct store_frozen *rows;
	size_t n;
	struct json *lists = json_array(r->arena);
	int rc = store_frozen_list(r->parts->store, r->arena, &rows, &n, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < n;) {
		const struct part p = part_from(r->arena, &rows[i], n - i);
		json_push(lists, one_list(r, &p));
		i += p.count;
	}
	json_put(into, "frozen", lists);
	return 0;
}

int desk_list_hash(const struct desk_request *r, const struct store_frozen *row, const char **hash, struct err *e)
{
	struct store_frozen *rows;
	size_t n;
	int rc = store_frozen_list(r->parts->store, r->arena, &rows, &n, e);
	*hash = "";
	for (size_t i = 0; !rc && i < n;) {
		const struct part p = part_from(r->arena, &rows[i], n - i);
		if (rows[i].kind == row->kind && rows[i].list_ms == row->list_ms)
			*hash = arena_strdup(r->arena, p.hash);
		i += p.count;
	}
	return rc;
}

/* --- deciding ---------------------------------------------------------------------------------------------------- */

static int on_record(const struct desk_request *r, const char *verb, const struct part *p, int64_t count, struct err *e)
{
	const struct evidence_line line = { .event = "decision",
		.what = arena_printf(r->arena, "list %s (%s): %s by uid %u (pid %d), %" PRId64 " people", p->hash,
			kinds[p->rows->kind].kind, verb, (unsigned)r->asker->uid, (int)r->asker->pid, count) };
	log_event(LOG_WARN_LEVEL, "desk", NULL, "%s", line.what);
	return r->parts->evidence ? evidence_add(r->parts->evidence, &line, e) : 0;
}

static int decide(const struct desk_request *r, const struct part *p, enum frozen_state to, struct json **body, struct err *e)
{
	int64_t count = 0;
	if (p->rows->state != FROZEN_WAITING)
		return err_set(e, ERR_PERM, "list %s is %s already", p->hash, states[p->rows->state]);
	/* Whoever approved must stand in the evidence before anything happens by it. */
	int rc = on_record(r, states[to], p, (int64_t)p->count, e);
	if (!rc)
		rc = store_frozen_decide(r->parts->store, (enum frozen_kind)p->rows->kind, p->rows->list_ms, to,
			clock_now(r->parts->clock), &count, e);
	if (rc)
		return rc;
	struct json *o = json_object(r->arena);
	json_put_text(o, "hash", p->hash);
	json_put_text(o, "kind", kinds[p->rows->kind].kind);
	json_put_text(o, "decision", states[to]);
	json_put_int(o, "people", count);
	*body = o;
	return 0;
}

int desk_decide(const struct desk_request *r, struct json **body, struct err *e)
{
	struct store_frozen *rows;
	size_t n;
	bool yes = str_starts(r->text, "approve ");
	const char *hash = yes ? r->text + strlen("approve ") : str_starts(r->text, "reject ") ? r->text + strlen("reject ") : "";
	if (strlen(hash) != HASH_SHOWN)
		return err_set(e, ERR_PERM, "a list is named by the %d digits that \"plan\" shows", HASH_SHOWN);
	/* One transaction: nobody gets on a list between the look at its hash and the decision. */
	int rc = store_begin(r->parts->store, e);
	if (rc)
		return rc;
	rc = store_frozen_list(r->parts->store, r->arena, &rows, &n, e);
	bool found = false;
	for (size_t i = 0; !rc && !found && i < n;) {
		const struct part p = part_from(r->arena, &rows[i], n - i);
		found = str_ieq(p.hash, hash);
		if (found)
			rc = decide(r, &p, yes ? FROZEN_APPROVED : FROZEN_REJECTED, body, e);
		i += p.count;
	}
	if (!rc && !found)
		rc = err_set(e, ERR_ABSENT, "no list has this hash (any more): look at \"plan\" again, a list that changes gets another");
	if (rc)
		store_rollback(r->parts->store);
	else
		rc = store_commit(r->parts->store, e);
	if (!rc && r->parts->decided)
		r->parts->decided(r->parts->ctx);
	return rc;
}
