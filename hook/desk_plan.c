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
	[FROZEN_ADOPT] = { "adoption", "adopt", "reversible" },
};
static const char *const states[] = { [FROZEN_WAITING] = "waits", [FROZEN_APPROVED] = "approved", [FROZEN_REJECTED] = "rejected" };

/* One list: rows of one kind and moment stand together, in the order of UUIDs. */
struct part { const struct store_frozen *rows; size_t count; char hash[HASH_SHOWN + 1]; };

static void add_row(struct str *s, const struct store_frozen *f)
{
	str_addf(s, "%s\n", f->uuid);
	if (f->detail)
		str_addf(s, "%s\n", f->detail);
}

static struct part part_from(struct arena *a, const struct store_frozen *rows, size_t left)
{
	struct part p = { .rows = rows };
	struct str s;
	char hex[SHA256_HEX];
	str_init(&s, a);
	str_addf(&s, "%s %" PRId64 "\n", kinds[rows->kind].kind, rows->list_ms);
	while (p.count < left && rows[p.count].kind == rows->kind && rows[p.count].list_ms == rows->list_ms)
		add_row(&s, &rows[p.count++]);
	crypt_sha256_hex(s.text, s.len, hex);
	memcpy(p.hash, hex, HASH_SHOWN);
	p.hash[HASH_SHOWN] = '\0';
	return p;
}

/* Which things are meant, and how they are rated, where that is not the same for all of a kind. */
static void put_detail(const struct desk_request *r, struct json *one, const char *detail)
{
	struct json *o;
	if (!detail || json_parse(r->arena, detail, strlen(detail), &o, NULL))
		return;
	for (const struct json *m = json_first(o); m; m = json_next(m))
		json_put(one, json_name(m), json_copy(r->arena, m));
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
		put_detail(r, one, f->detail);
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

int desk_put_adoptions(const struct desk_request *r, struct json *into, struct err *e)
{
	struct store_frozen *rows;
	size_t n;
	struct json *lists = json_array(r->arena);
	int rc = store_frozen_list(r->parts->store, r->arena, &rows, &n, e);
	for (size_t i = 0; !rc && i < n;) {
		const struct part p = part_from(r->arena, &rows[i], n - i);
		if (rows[i].kind == FROZEN_ADOPT)
			json_push(lists, one_list(r, &p));
		i += p.count;
	}
	if (!rc)
		json_put(into, "frozen", lists);
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

/* "approve HASH" or "reject HASH"; the hash is "" when it is neither. */
static const char *hash_of(const struct desk_request *r, bool *yes)
{
	*yes = r->text && str_starts(r->text, "approve ");
	const char *hash = *yes ? r->text + strlen("approve ")
		: r->text && str_starts(r->text, "reject ") ? r->text + strlen("reject ") : "";
	return strlen(hash) == HASH_SHOWN ? hash : "";
}

/* Fails: ABSENT (no list of adoptions has this hash). */
static int find_adoption(const struct desk_request *r, const char *hash, struct part *out, struct err *e)
{
	struct store_frozen *rows;
	size_t n;
	int rc = store_frozen_list(r->parts->store, r->arena, &rows, &n, e);
	for (size_t i = 0; !rc && i < n; i += out->count) {
		*out = part_from(r->arena, &rows[i], n - i);
		if (rows[i].kind == FROZEN_ADOPT && str_ieq(out->hash, hash))
			return 0;
	}
	return rc ? rc : err_set(e, ERR_ABSENT, "no list of adoptions has this hash");
}

bool desk_is_slow(const struct desk_request *r)
{
	struct part p = { 0 };
	struct err e;
	bool yes;
	if (r->rule->action != WIRE_DECIDE)
		return r->rule->slow && (r->name || r->rule->action == WIRE_ADOPT);
	const char *hash = hash_of(r, &yes);
	return yes && *hash && !find_adoption(r, hash, &p, &e);
}

/* Nothing waits for a later moment: it is looked at and begun now, or let go. */
static int decide_adoption(const struct desk_request *r, const struct part *p, bool yes, struct json **body, struct err *e)
{
	const char *verb = states[yes ? FROZEN_APPROVED : FROZEN_REJECTED];
	struct json *o = NULL;
	if (!r->parts->adopt_decide)
		return err_set(e, ERR_BUG, "nobody adopts anything here");
	int rc = on_record(r, verb, p, (int64_t)p->count, e);
	if (!rc)
		rc = r->parts->adopt_decide(r->parts->ctx, p->rows->list_ms, yes, r->arena, &o, e);
	if (rc)
		return rc;
	json_put_text(o, "hash", p->hash);
	json_put_text(o, "kind", kinds[FROZEN_ADOPT].kind);
	json_put_text(o, "decision", verb);
	*body = o;
	return 0;
}

int desk_decide(const struct desk_request *r, struct json **body, struct err *e)
{
	struct store_frozen *rows;
	struct part adoption = { 0 };
	size_t n;
	bool yes;
	const char *hash = hash_of(r, &yes);
	if (!*hash)
		return err_set(e, ERR_PERM, "a list is named by the %d digits that \"plan\" shows", HASH_SHOWN);
	if (!find_adoption(r, hash, &adoption, e))
		return decide_adoption(r, &adoption, yes, body, e);
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
