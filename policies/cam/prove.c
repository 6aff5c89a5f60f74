#include "policies/cam/prove.h"

#include <string.h>

#include "common/str.h"
#include "policies/cam/chain.h"
#include "policies/cam/pattern.h"

const struct cam_identifiers cam_sample = { .owner_uin = UINT64_C(100000000001),
	.app_id = UINT64_C(1300000001),
	.region = "ap-shanghai",
	.env_id = "sample-2hf7qk3m9xwz4c8d",
	.name_space = "sample-2hf7qk3m9xwz4c8d",
	.topic_id = "5b1d7c2e-0000-4000-8000-73616d706c65",
	.bucket = "7361-sample-2hf7qk3m9xwz4c8d-1300000001" };

static const struct cam_resource everything = { .text = "*", .any = true, .project = "", .service = "", .region = "",
	.account = "", .resource = "*" };

/* What one environment owns at a level. */
struct own { size_t count; const struct cam_resource *resources; };

/* Where an action is allowed first. */
struct place { size_t policy, statement; const struct cam_resource *resource; };

/* One action of a statement: as the catalogue knows it, or, with no action, a wildcard or a name that it does not hold. */
struct item { const char *name; const struct cam_action *action; bool written; /* not only matched by a wildcard */ };

struct prover {
	struct arena *arena;
	const struct cam_catalogue *catalogue;
	const struct cam_policy *const *policies;
	size_t policy_count;
	struct cam_owner owner;
	const struct own *own;                      /* one for each level */
	size_t deny_count;
	const struct cam_statement **denies;        /* those without a condition */
	struct item *items;                         /* of the statement at hand */
	size_t item_count;
	bool *listed;                               /* actions of the catalogue that are among the items */
	bool *allowed;                              /* actions of the catalogue */
	struct place *first;
	size_t known_count, stranger_count;
	const struct cam_action **known;            /* those that are allowed, as they were met */
	const char **strangers;                     /* what else is allowed */
	size_t finding_count, finding_room;
	struct cam_finding *findings;
};

/* --- findings ------------------------------------------------------------------- */

static void add_finding(struct prover *p, struct cam_finding f)
{
	if (p->finding_count == p->finding_room) {
		struct cam_finding *old = p->findings;
		p->finding_room = p->finding_room ? p->finding_room * 2 : 16;
		p->findings = arena_alloc(p->arena, p->finding_room * sizeof(*old));
		if (p->finding_count)
			memcpy(p->findings, old, p->finding_count * sizeof(*old));
	}
	p->findings[p->finding_count++] = f;
}

/* The worst first, otherwise as they stand in the policies. */
static void order_findings(struct prover *p, struct cam_proof *out)
{
	struct cam_finding *ordered = arena_alloc(p->arena, (p->finding_count + 1) * sizeof(*ordered));
	size_t n = 0;
	for (enum cam_finding_kind kind = CAM_CHAIN; kind <= CAM_NOT_DENIED; kind++)
		for (size_t i = 0; i < p->finding_count; i++)
			if (p->findings[i].kind == kind)
				ordered[n++] = p->findings[i];
	*out = (struct cam_proof){ .count = n, .findings = ordered, .allowed = p->known_count + p->stranger_count };
}

#define NAMES_SHOWN 30
struct names { size_t count; bool writes; const char *shown[NAMES_SHOWN]; };

static void add_name(struct names *n, const char *name)
{
	if (n->count < NAMES_SHOWN)
		n->shown[n->count] = name;
	n->count++;
}

/* "A, B and C"; "A, B and 12 more". */
static const char *list(struct arena *a, const struct names *n)
{
	struct str s;
	str_init(&s, a);
	size_t shown = n->count < NAMES_SHOWN ? n->count : NAMES_SHOWN;
	for (size_t i = 0; i < shown; i++)
		str_addf(&s, "%s%s", !i ? "" : i + 1 == n->count ? " and " : ", ", n->shown[i]);
	if (n->count > shown)
		str_addf(&s, " and %zu more", n->count - shown);
	return s.text;
}

/* `policy 2, statement[0] allows NAMES on "RESOURCE": WHY` */
static void add_allow(struct prover *p, enum cam_finding_kind kind, const struct place *at, const struct names *n,
	const char *why)
{
	const char *resource = str_printable(p->arena, at->resource->text, strlen(at->resource->text));
	const char *policy = p->policy_count > 1 ? arena_printf(p->arena, "policy %zu, ", at->policy + 1) : "";
	add_finding(p, (struct cam_finding){ .kind = kind, .policy = at->policy, .statement = at->statement,
		.action = n->shown[0], .resource = at->resource->text,
		.sentence = arena_printf(p->arena, "%sstatement[%zu] allows %s on \"%s\": %s", policy, at->statement,
			list(p->arena, n), resource, why) });
}

/* --- what is denied ---------------------------------------------------------------- */

static bool statement_denies(const struct prover *p, const struct cam_statement *s, const char *action,
	const struct cam_resource *r)
{
	bool covers = false;
	for (size_t i = 0; i < s->actions.count && !covers; i++)
		covers = cam_covers(s->actions.items[i], action);
	if (!covers)
		return false;
	for (size_t i = 0; i < s->resource_count; i++)
		if (cam_covers_resource(&s->resources[i], r, &p->owner))
			return true;
	return false;
}

/* Is the action, which may be a pattern, denied on all that the resource reaches? */
static bool is_denied(const struct prover *p, const char *action, const struct cam_resource *r)
{
	for (size_t i = 0; i < p->deny_count; i++)
		if (statement_denies(p, p->denies[i], action, r))
			return true;
	return false;
}

static bool is_denied_on_own(const struct prover *p, const struct cam_action *a)
{
	const struct own *own = &p->own[a->level - p->catalogue->levels];
	for (size_t i = 0; i < own->count; i++)
		if (!is_denied(p, a->name, &own->resources[i]))
			return false;
	return true;
}

static void collect_denies(struct prover *p)
{
	size_t total = 0;
	for (size_t i = 0; i < p->policy_count; i++)
		total += p->policies[i]->count;
	p->denies = arena_alloc(p->arena, (total + 1) * sizeof(*p->denies));
	for (size_t i = 0; i < p->policy_count; i++) {
		const struct cam_policy *policy = p->policies[i];
		for (size_t k = 0; k < policy->count; k++)
			if (!policy->statements[k].allow && !policy->statements[k].condition_count)
				p->denies[p->deny_count++] = &policy->statements[k];
	}
}

/* What must be denied, however little is allowed: another policy may be attached tomorrow. */
static const struct duty { unsigned flag; bool on_own; const char *what; } duties[] = {
	{ CAM_WIDENS, false, "that may end in more rights" },
	{ CAM_PAYS, false, "that may cost money" },
	{ CAM_DESTROYS, true, "that may destroy what cannot be brought back" },
};

static void check_duty(struct prover *p, const struct duty *d)
{
	struct names missing = { 0 };
	for (size_t i = 0; i < p->catalogue->action_count; i++) {
		const struct cam_action *a = &p->catalogue->actions[i];
		if (a->flags & d->flag && !(d->on_own ? is_denied_on_own(p, a) : is_denied(p, a->name, &everything)))
			add_name(&missing, a->name);
	}
	if (!missing.count)
		return;
	bool one = missing.count == 1;
	add_finding(p, (struct cam_finding){ .kind = CAM_NOT_DENIED, .action = missing.shown[0], .resource = "",
		.sentence = arena_printf(p->arena, "%zu action%s %s %s not denied on %s: %s", missing.count, one ? "" : "s", d->what,
			one ? "is" : "are", d->on_own ? "his own resources" : "\"*\"", list(p->arena, &missing)) });
}

/* --- what is allowed --------------------------------------------------------------- */

static bool is_own(const struct prover *p, const struct cam_action *a, const struct cam_resource *r)
{
	const struct own *own = &p->own[a->level - p->catalogue->levels];
	/* Whatever a level says: another root account's things are nobody's here. */
	if (!cam_owner_is(&p->owner, r->account))
		return false;
	for (size_t i = 0; i < own->count; i++)
		if (!own->resources[i].any && cam_covers_resource(&own->resources[i], r, &p->owner))
			return true;
	return false;
}

static void add_item(struct prover *p, const char *name, const struct cam_action *a, bool written)
{
	if (a && p->listed[a - p->catalogue->actions])
		return;
	if (a)
		p->listed[a - p->catalogue->actions] = true;
	p->items[p->item_count++] = (struct item){ name, a, written };
}

/* The actions of a statement; a wildcard stands among them and is followed by what it is known to match. */
static void list_items(struct prover *p, const struct cam_statement *s)
{
	const struct cam_catalogue *c = p->catalogue;
	memset(p->listed, 0, c->action_count * sizeof(*p->listed));
	p->item_count = 0;
	for (size_t i = 0; i < s->actions.count; i++) {
		const char *pattern = s->actions.items[i];
		bool wildcard = strchr(pattern, '*');
		add_item(p, pattern, wildcard ? NULL : cam_catalogue_find(c, pattern), true);
		for (size_t k = 0; wildcard && k < c->action_count; k++)
			if (cam_match(pattern, c->actions[k].name))
				add_item(p, c->actions[k].name, &c->actions[k], false);
	}
}

static void note_allowed(struct prover *p, const struct item *item, const struct place *at)
{
	if (item->action) {
		size_t i = (size_t)(item->action - p->catalogue->actions);
		if (p->allowed[i])
			return;
		p->allowed[i] = true;
		p->first[i] = *at;
		p->known[p->known_count++] = item->action;
		return;
	}
	for (size_t i = 0; i < p->stranger_count; i++)
		if (str_eq(p->strangers[i], item->name))
			return;
	p->strangers[p->stranger_count++] = item->name;
}

static bool names_widening(const struct prover *p, const char *pattern)
{
	const struct cam_catalogue *c = p->catalogue;
	for (size_t i = 0; i < c->action_count; i++)
		if (c->actions[i].flags & CAM_WIDENS && cam_match(pattern, c->actions[i].name))
			return true;
	return false;
}

/* All that one statement allows on one resource. */
static void check_allow(struct prover *p, const struct place *at)
{
	struct names held = { 0 }, reach = { 0 }, wild = { 0 }, unknown = { 0 };
	for (size_t i = 0; i < p->item_count; i++) {
		const struct item *item = &p->items[i];
		const struct cam_action *a = item->action;
		if (is_denied(p, item->name, at->resource)) {
			if (item->written && names_widening(p, item->name))
				add_name(&held, item->name);
			continue;
		}
		note_allowed(p, item, at);
		if (!a) {
			add_name(strchr(item->name, '*') ? &wild : &unknown, item->name);
		} else if (!(a->flags & CAM_PUBLIC) && !is_own(p, a, at->resource)) {
			add_name(&reach, a->name);
			reach.writes |= (a->flags & CAM_WRITES) != 0;
		}
	}
	if (held.count)
		add_allow(p, CAM_CHAIN, at, &held, "what may end in more rights is kept from him by a deny alone");
	if (reach.count)
		add_allow(p, CAM_REACHES, at, &reach, reach.writes ? "reaches what is not his own environment" :
			"tells of what is not his own environment");
	if (wild.count)
		add_allow(p, CAM_UNKNOWN, at, &wild, "a wildcard allows also what nobody has looked at");
	if (unknown.count)
		add_allow(p, CAM_UNKNOWN, at, &unknown, "not in the catalogue of known actions");
}

static void check_allows(struct prover *p)
{
	for (size_t i = 0; i < p->policy_count; i++) {
		for (size_t k = 0; k < p->policies[i]->count; k++) {
			const struct cam_statement *s = &p->policies[i]->statements[k];
			if (!s->allow)
				continue;
			list_items(p, s);
			for (size_t r = 0; r < s->resource_count; r++)
				check_allow(p, &(struct place){ i, k, &s->resources[r] });
		}
	}
}

/* Every action that widens, and every last step of a chain, has a sentence of its own. */
static void check_chains(struct prover *p)
{
	struct cam_chains *chains = arena_alloc(p->arena, sizeof(*chains));
	cam_chains_make(p->arena, p->catalogue, p->allowed, chains);
	for (size_t i = 0; i < p->known_count; i++) {
		const struct cam_action *a = p->known[i];
		if (!(a->flags & CAM_WIDENS) && !cam_chains_ends(chains, a))
			continue;
		struct names one = { .count = 1, .shown = { a->name } };
		add_allow(p, CAM_CHAIN, &p->first[a - p->catalogue->actions], &one, cam_chains_words(p->arena, chains, a));
	}
}

/* --- the whole ------------------------------------------------------------------------ */

static int find_own(struct prover *p, const struct cam_identifiers *id, struct err *e)
{
	const struct cam_catalogue *c = p->catalogue;
	struct own *own = arena_alloc(p->arena, (c->level_count + 1) * sizeof(*own));
	for (size_t i = 0; i < c->level_count; i++) {
		const struct cam_level *level = &c->levels[i];
		struct cam_resource *resources = arena_alloc(p->arena, level->count * sizeof(*resources));
		for (size_t k = 0; k < level->count; k++) {
			char *text = NULL;
			int rc = cam_fill(p->arena, level->patterns[k], id, &text, e);
			if (!rc)
				rc = cam_resource_parse(p->arena, text, &resources[k], e);
			if (rc)
				return err_wrap(e, "level %s of the action catalogue", level->name);
		}
		own[i] = (struct own){ level->count, resources };
	}
	p->own = own;
	return 0;
}

static void make_room(struct prover *p)
{
	size_t known = p->catalogue->action_count, most = 0, total = 0;
	for (size_t i = 0; i < p->policy_count; i++) {
		for (size_t k = 0; k < p->policies[i]->count; k++) {
			size_t n = p->policies[i]->statements[k].actions.count;
			most = n > most ? n : most;
			total += n;
		}
	}
	p->items = arena_alloc(p->arena, (most + known) * sizeof(*p->items));
	p->listed = arena_alloc(p->arena, known * sizeof(*p->listed));
	p->allowed = arena_alloc(p->arena, known * sizeof(*p->allowed));
	p->first = arena_alloc(p->arena, known * sizeof(*p->first));
	p->known = arena_alloc(p->arena, known * sizeof(*p->known));
	p->strangers = arena_alloc(p->arena, (total + 1) * sizeof(*p->strangers));
}

int cam_prove(struct arena *a, const struct cam_catalogue *c, const struct cam_policy *const *policies, size_t count,
	const struct cam_identifiers *own, struct cam_proof *out, struct err *e)
{
	struct prover p = { .arena = a, .catalogue = c, .policies = policies, .policy_count = count };
	int rc = find_own(&p, own, e);
	if (rc)
		return rc;
	cam_owner_make(own, &p.owner);
	make_room(&p);
	collect_denies(&p);
	check_allows(&p);
	check_chains(&p);
	for (size_t i = 0; i < ARRAY_LEN(duties); i++)
		check_duty(&p, &duties[i]);
	order_findings(&p, out);
	return 0;
}

void cam_prove_boundary(struct arena *a, const struct cam_catalogue *c, const struct cam_policy *boundary,
	struct cam_proof *out)
{
	/* It is nobody's: nothing is owned. */
	const struct own *own = arena_alloc(a, (c->level_count + 1) * sizeof(*own));
	struct prover p = { .arena = a, .catalogue = c, .policies = &boundary, .policy_count = 1, .own = own };
	make_room(&p);
	collect_denies(&p);
	for (size_t i = 0; i < ARRAY_LEN(duties); i++)
		if (!duties[i].on_own)
			check_duty(&p, &duties[i]);
	order_findings(&p, out);
}

bool cam_denies_all(const struct cam_policy *policy)
{
	struct prover p = { .policies = &policy, .policy_count = 1 };
	for (size_t i = 0; i < policy->count; i++) {
		const struct cam_statement *s = &policy->statements[i];
		if (!s->allow && !s->condition_count && statement_denies(&p, s, "*", &everything))
			return true;
	}
	return false;
}

char *cam_proof_text(struct arena *a, const struct cam_proof *proof, size_t most)
{
	struct str s;
	str_init(&s, a);
	for (size_t i = 0; i < proof->count && i < most; i++)
		str_addf(&s, "%s%s", i ? "\n" : "", proof->findings[i].sentence);
	if (proof->count > most)
		str_addf(&s, "%sand %zu more", most ? "\n" : "", proof->count - most);
	return s.text;
}
