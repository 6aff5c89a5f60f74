/* The questions, one after another, and what each answer puts in doubt. */
#include "ldap/gate.h"

#include <string.h>

#include "common/str.h"
#include "ldap/dn.h"
#include "ldap/filter.h"

#define REFERRALS_MOST 100              /* more of them, and the branches are not worth telling apart */
#define SCHEMA_MEMORY (64u << 20)

static const char doing[] = "looking at what absence proves";
static LDAPControl manage_dsa_it = { .ldctl_oid = (char[]){ LDAP_CONTROL_MANAGEDSAIT } };

enum question { ASK_BASE, ASK_SENTINEL, ASK_REFERRALS, ASK_ROOT, ASK_SCHEMA, ASK_NOTHING };

struct names { const char **items; size_t count, room; };

struct gate {
	const struct dir_settings *settings;
	struct dir *dir;
	bool thorough;
	enum question asking;
	size_t sentinel;                        /* the one that is asked for */
	int msgid;
	int64_t deadline;
	struct arena *answer;                   /* of the running question */
	struct entry *entry;                    /* its first entry */
	const char *schema_dn;
	struct names wanted[SCHEMA_PARTS];      /* what the schema must know */

	struct arena *found;                    /* of what must be known, and of the doubts */
	const char *all;
	struct source_doubt *branches;
	size_t count, room;
};

/* --- doubts --------------------------------------------------------------- */

static void doubt_all(struct gate *g, const char *why)
{
	if (!g->all)
		g->all = why;
}

/* A part of the base, or all of it when the branch is no real part. */
static void doubt(struct gate *g, const char *branch, const char *why)
{
	const char *base = g->settings->base;

	if (!dn_below(branch, base) || dn_below(base, branch)) {
		doubt_all(g, why);
		return;
	}
	if (g->count == g->room) {
		struct source_doubt *more = arena_alloc(g->found, (g->room = g->room ? g->room * 2 : 8) * sizeof(*more));

		if (g->count)
			memcpy(more, g->branches, g->count * sizeof(*more));
		g->branches = more;
	}
	g->branches[g->count++] = (struct source_doubt){ arena_strdup(g->found, branch), why };
}

void gate_elsewhere(struct gate *g, const char *url)
{
	LDAPURLDesc *u = NULL;
	const char *why = arena_printf(g->found, "a part of the directory is elsewhere: \"%.120s\"", url);

	/* The other server may call the branch by another name: then it is not below the base. */
	if (ldap_url_parse(url, &u) != LDAP_SUCCESS)
		u = NULL;
	doubt(g, u && u->lud_dn ? u->lud_dn : "", why);
	ldap_free_urldesc(u);
}

const char *source_doubts_about(const struct source_doubts *d, const char *dn)
{
	if (d->all)
		return d->all;
	for (size_t i = 0; i < d->count; i++)
		if (!dn || dir_dn_check(dn, NULL) || dn_below(dn, d->branches[i].branch))
			return d->branches[i].why;
	return NULL;
}

struct source_doubts source_doubts_copy(const struct source_doubts *d, struct arena *a)
{
	struct source_doubts out = { arena_strdup(a, d->all), d->count, arena_alloc(a, (d->count + 1) * sizeof(*out.branches)) };

	for (size_t i = 0; i < d->count; i++)
		out.branches[i] = (struct source_doubt){ arena_strdup(a, d->branches[i].branch), arena_strdup(a, d->branches[i].why) };
	return out;
}

struct source_doubts gate_doubts(const struct gate *g, struct arena *a)
{
	return source_doubts_copy(&(struct source_doubts){ g->all, g->count, g->branches }, a);
}

/* --- what must be known ----------------------------------------------------- */

struct adding { struct gate *gate; enum schema_part part; };

static void add(void *ctx, const char *name)
{
	struct adding *to = ctx;
	struct names *n = &to->gate->wanted[to->part];

	for (size_t i = 0; i < n->count; i++)
		if (str_ieq(n->items[i], name))
			return;
	if (n->count == n->room) {
		const char **more = arena_alloc(to->gate->found, (n->room = n->room ? n->room * 2 : 16) * sizeof(*more));

		if (n->count)
			memcpy(more, n->items, n->count * sizeof(*more));
		n->items = more;
	}
	n->items[n->count++] = name;
}

static void collect(struct gate *g)
{
	const struct dir_settings *s = g->settings;
	struct adding attributes = { g, SCHEMA_ATTRIBUTES }, classes = { g, SCHEMA_CLASSES }, rules = { g, SCHEMA_RULES };
	const struct filter *scope;
	struct err e = { 0 };

	for (char **name = s->needs; name && *name; name++)
		add(&attributes, *name);
	if (!s->scope_filter)
		return;
	/* The server judges this filter, so all of it must mean something there. */
	if (filter_parse(g->found, s->scope_filter, &scope, &e)) {
		doubt_all(g, arena_printf(g->found, "what the scope filter needs is not known: %s", e.text));
		return;
	}
	filter_attributes(scope, add, &attributes);
	filter_classes(scope, add, &classes);
	filter_rules(scope, add, &rules);
}

/* --- life ------------------------------------------------------------------- */

struct gate *gate_new(const struct dir_settings *settings)
{
	struct gate *g = mem_alloc(sizeof(*g));

	g->settings = settings;
	g->found = arena_new(1u << 20);
	g->msgid = -1;
	return g;
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	arena_free(g->answer);
	arena_free(g->found);
	mem_cleanup_free(&g);
}

static void end_question(struct gate *g)
{
	arena_free(g->answer);
	g->answer = NULL;
	g->entry = NULL;
	g->msgid = -1;
}

void gate_reset(struct gate *g)
{
	if (g->msgid >= 0 && g->dir && dir_usable(g->dir))
		ldap_abandon_ext(g->dir->ld, g->msgid, NULL, NULL);
	end_question(g);
	g->dir = NULL;
	g->all = NULL;
	g->branches = NULL;
	g->count = g->room = 0;
	g->schema_dn = NULL;
	memset(g->wanted, 0, sizeof(g->wanted));
	arena_reset(g->found);
}

/* --- asking ----------------------------------------------------------------- */

static int search(struct gate *g, const char *base, int scope, const char *filter, const char *attribute, int limit,
	struct err *e)
{
	LDAPControl *as_entries[] = { &manage_dsa_it, NULL };
	char *attributes[SCHEMA_PARTS + 1] = { (char *)(uintptr_t)attribute };
	struct dir *d = g->dir;
	int rc;

	for (size_t i = 0; !attribute && i < SCHEMA_PARTS; i++)
		attributes[i] = (char *)(uintptr_t)schema_parts[i];
	/* Only who looks for referral objects wants to see them; anywhere else one is no answer. */
	rc = ldap_search_ext(d->ld, base, scope, filter, attributes, 0, scope == LDAP_SCOPE_SUBTREE ? as_entries : NULL, NULL,
		NULL, limit, &g->msgid);
	if (rc != LDAP_SUCCESS) {
		g->msgid = -1;
		return handle_fail(d, rc, NULL, e, doing);
	}
	g->answer = arena_new(SCHEMA_MEMORY);
	g->deadline = clock_mono(d->clock) + d->answer_ms;
	return 0;
}

static int ask(struct gate *g, struct err *e)
{
	static const char anything[] = "(objectClass=*)";
	const struct dir_settings *s = g->settings;

	switch (g->asking) {
	case ASK_BASE:
		return search(g, s->base, LDAP_SCOPE_BASE, anything, LDAP_NO_ATTRS, 0, e);
	case ASK_SENTINEL:
		return search(g, s->sentinels[g->sentinel], LDAP_SCOPE_BASE, anything, LDAP_NO_ATTRS, 0, e);
	case ASK_REFERRALS:
		return search(g, s->base, LDAP_SCOPE_SUBTREE, "(objectClass=referral)", LDAP_NO_ATTRS, REFERRALS_MOST, e);
	case ASK_ROOT:
		return search(g, "", LDAP_SCOPE_BASE, anything, "subschemaSubentry", 0, e);
	case ASK_SCHEMA:
		return search(g, g->schema_dn, LDAP_SCOPE_BASE, anything, NULL, 0, e);
	case ASK_NOTHING:
		break;
	}
	return 0;
}

int gate_start(struct gate *g, struct dir *d, bool thorough, struct err *e)
{
	g->dir = d;
	g->thorough = thorough;
	g->asking = ASK_BASE;
	g->sentinel = 0;
	if (thorough)
		collect(g);
	return ask(g, e);
}

int gate_question(const struct gate *g, int64_t *deadline)
{
	*deadline = g->msgid < 0 ? INT64_MAX : g->deadline;
	return g->msgid;
}

/* --- answers ---------------------------------------------------------------- */

/* Why an entry that was asked for is as good as not there. */
static const char *lack(const struct gate *g, int code)
{
	if (code != LDAP_SUCCESS)
		return ldap_err2string(code);
	return g->entry ? NULL : "it is not visible";
}

static void judge_referrals(struct gate *g, int code)
{
	/* What came before the end stands; without its base there is nothing to look through, and that was said. */
	if (code == LDAP_SIZELIMIT_EXCEEDED)
		doubt_all(g, arena_printf(g->found, "%d or more referrals to other servers stand below the base", REFERRALS_MOST));
	else if (code != LDAP_SUCCESS && code != LDAP_NO_SUCH_OBJECT)
		doubt_all(g, arena_printf(g->found, "whether parts of the directory are elsewhere is not known: %s",
			ldap_err2string(code)));
}

/* Names of one kind that are nowhere defined, "a", "b"; NULL: all are. */
static const char *unknown(struct gate *g, enum schema_part part)
{
	const struct names *n = &g->wanted[part];
	const char **names = arena_memdup(g->answer, n->items, n->count * sizeof(*names));
	struct str s;

	str_init(&s, g->found);
	schema_strike(g->entry, part, names, n->count);
	for (size_t i = 0; i < n->count; i++)
		if (names[i])
			str_addf(&s, "%s\"%.64s\"", s.len ? ", " : "", names[i]);
	return s.len ? s.text : NULL;
}

static void judge_schema(struct gate *g, int code)
{
	static const char *const kinds[SCHEMA_PARTS] = { "attribute", "object class", "matching rule" };
	const char *why = lack(g, code);

	if (!why && !entry_find(g->entry, schema_parts[SCHEMA_ATTRIBUTES]))
		why = "it shows no attributes";
	if (why && !g->settings->schema_unreadable_ok)
		doubt_all(g, arena_printf(g->found, "the server's schema \"%.60s\" is not readable: %s", g->schema_dn, why));
	for (size_t i = 0; !why && i < SCHEMA_PARTS; i++) {
		const char *names = unknown(g, (enum schema_part)i);

		if (names)
			doubt_all(g, arena_printf(g->found, "%s unknown to the server's schema: %s", kinds[i], names));
	}
}

/* Servers that do not tell where it is have it where slapd has it. */
static void find_schema(struct gate *g)
{
	const char *dn = NULL;

	if (g->entry && entry_text(g->entry, "subschemaSubentry", &dn, NULL))
		dn = NULL;
	g->schema_dn = arena_strdup(g->found, dn && *dn ? dn : "cn=Subschema");
}

static void judge_answer(struct gate *g, int code)
{
	const struct dir_settings *s = g->settings;
	const char *why = lack(g, code);

	switch (g->asking) {
	case ASK_BASE:
		if (why)
			doubt_all(g, arena_printf(g->found, "base \"%.80s\" is not readable: %s", s->base, why));
		break;
	case ASK_SENTINEL:
		if (why)
			doubt(g, dn_parent(s->sentinels[g->sentinel], g->answer),
				arena_printf(g->found, "sentinel \"%.120s\" is missing: %s", s->sentinels[g->sentinel], why));
		break;
	case ASK_REFERRALS:
		judge_referrals(g, code);
		break;
	case ASK_ROOT:
		find_schema(g);
		break;
	case ASK_SCHEMA:
		judge_schema(g, code);
		break;
	case ASK_NOTHING:
		break;
	}
}

/* All are asked, whatever was found before, so that all doubts are told at once. */
static enum question next_question(struct gate *g)
{
	if (g->asking == ASK_BASE || g->asking == ASK_SENTINEL) {
		g->sentinel += g->asking == ASK_SENTINEL;
		if (g->sentinel < g->settings->sentinel_count)
			return ASK_SENTINEL;
		return g->thorough ? ASK_REFERRALS : ASK_NOTHING;
	}
	return (enum question)(g->asking + 1);
}

static int take_entry(struct gate *g, LDAPMessage *m, struct err *e)
{
	struct entry *entry;
	int rc = handle_entry(g->dir, m, g->answer, &entry, e);

	if (rc)
		return rc;
	if (g->asking == ASK_REFERRALS)
		doubt(g, entry->dn, arena_printf(g->found, "\"%.120s\" is a referral to another server", entry->dn));
	if (!g->entry)
		g->entry = entry;
	return 0;
}

static void take_reference(struct gate *g, LDAPMessage *m)
{
	char **urls = NULL;

	if (g->asking != ASK_REFERRALS)
		return;
	if (ldap_parse_reference(g->dir->ld, m, &urls, NULL, 0) != LDAP_SUCCESS)
		urls = NULL;
	gate_elsewhere(g, urls && urls[0] ? urls[0] : "");
	ldap_memvfree((void **)urls);
}

int gate_take(struct gate *g, LDAPMessage *m, bool *done, struct err *e)
{
	int code = LDAP_OTHER, rc;

	*done = false;
	switch (ldap_msgtype(m)) {
	case LDAP_RES_SEARCH_ENTRY:
		return take_entry(g, m, e);
	case LDAP_RES_SEARCH_REFERENCE:
		take_reference(g, m);
		return 0;
	case LDAP_RES_INTERMEDIATE:
		return 0;
	default:
		break;
	}
	rc = ldap_parse_result(g->dir->ld, m, &code, NULL, NULL, NULL, NULL, 0);
	if (rc != LDAP_SUCCESS)
		return handle_fail(g->dir, rc, NULL, e, doing);
	judge_answer(g, code);
	end_question(g);
	g->asking = next_question(g);
	*done = g->asking == ASK_NOTHING;
	return ask(g, e);
}

int gate_examine(struct gate *g, struct dir *d, bool thorough, struct arena *a, struct source_doubts *out, struct err *e)
{
	bool done = false;
	int rc;

	gate_reset(g);
	rc = gate_start(g, d, thorough, e);
	while (!rc && !done) {
		LDAPMessage *m = NULL;

		rc = handle_message(d, g->msgid, g->deadline, &m, e, doing);
		if (!rc)
			rc = gate_take(g, m, &done, e);
		ldap_msgfree(m);
	}
	if (!rc)
		*out = gate_doubts(g, a);
	gate_reset(g);
	return rc;
}
