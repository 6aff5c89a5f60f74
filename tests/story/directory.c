/* A model of a directory: what its servers show, what the source says of it, and what the gate of the real source
 * (ldap/gate.h) would find. */
#include <stdlib.h>
#include <string.h>

#include "tests/story/story.h"

#define REFRESH_MS HOUR_MS
#define REFRESH_LATER_MS (12 * HOUR_MS)        /* long after the faults: days in which little is new */
#define HEARTBEAT_MS 40000LL      /* so long a server may be silent */

bool person_in(const struct facet *f) { return f->there && !f->disabled && f->branch != BRANCH_OUTSIDE; }

static int64_t refresh_ms(const struct world *w)
{
	bool quiet = !w->faults && w->shared->true_ms > w->calm_ms + 6 * HOUR_MS;
	return quiet ? REFRESH_LATER_MS : REFRESH_MS;
}

static bool in_scope(enum branch b) { return b == BRANCH_A || b == BRANCH_B; }

/* --- what is wrong with it --------------------------------------------------------------------------------------------- */

/* restarts: the servers are restarted or others are asked, so the connection is lost.  sentinel: one in the branch (or
 * anywhere) is not seen.  most_min: how long it takes at most. */
static const struct ill_row { const char *what; bool restarts, sentinel, everywhere; int most_min; } ills[ILLS] = {
	[WELL] = { "is well again", false, false, false, 0 },
	[HIDDEN] = { "hides people by an access rule", false, false, false, 300 },
	[EMPTIED] = { "is restored empty", true, true, true, 120 },
	[RESTORED] = { "is restored from an older backup", true, false, false, 300 },
	[LAGGING] = { "fails over to a copy that lags", true, false, false, 120 },
	[NO_ATTRIBUTE] = { "lost an attribute of its schema", true, false, false, 300 },
	/* Seen of all at once: of somebody whose entry is changed while nobody else's is, none can tell it from leaving, and so
	 * many as the brakes let through would go. */
	[ATTRIBUTE_HIDDEN] = { "hides an attribute", true, false, false, 300 },
	[REFERRAL] = { "refers for a branch to another server", true, true, false, 120 },
	[CONTAINER_OUT] = { "moves a branch out of the base", false, true, false, 300 },
	[CONTAINER_RENAMED] = { "renames a branch", false, true, false, 300 },
	[BASE_RENAMED] = { "renames its base", true, true, true, 60 },
	[SIZE_LIMIT] = { "has a size limit", false, false, false, 120 },
	[CUT_SHORT] = { "is cut off in each refresh", true, false, false, 60 },
	[FROZEN] = { "says nothing any more", false, false, false, 60 },
	[DEAF] = { "does not tell changes", false, false, false, 300 },
	[DOWN] = { "is down", true, false, false, 180 },
};

static bool is_hidden(const struct world *w, const struct model_person *p)
{
	return w->ill == HIDDEN && w->ill_people >> (p - w->people) & 1;
}

static const struct facet *shows(const struct world *w, const struct model_person *p, bool original)
{
	bool old = w->ill == RESTORED || (w->ill == LAGGING && !original);
	const struct facet *f = old ? &p->old : &p->now;
	if (!f->there || is_hidden(w, p) || w->ill == EMPTIED || (w->ill == REFERRAL && f->branch == w->ill_branch))
		return NULL;
	return f;
}

bool directory_takes(const struct world *w, enum branch to)
{
	return (w->ill != REFERRAL && w->ill != CONTAINER_OUT) || to != w->ill_branch;
}

const struct facet *directory_shows(const struct world *w, const struct model_person *p) { return shows(w, p, false); }

/* In the content of the source's search? */
static bool is_named(const struct world *w, const struct facet *f)
{
	return f && in_scope(f->branch) && !(w->ill == CONTAINER_OUT && f->branch == w->ill_branch);
}

/* Whom would this make absent?  A few missing people are people who left, as far as anybody can know: an illness hides
 * more than the brake lets through, or nobody.  Only who has access, and is not protected, counts for the brake. */
static bool is_plausible(const struct world *w)
{
	int64_t lost[2] = { 0, 0 }, counted[2] = { 0, 0 };
	bool sparse = false, unjudged = w->ill == ATTRIBUTE_HIDDEN;
	for (size_t i = 0; i < w->count; i++) {
		const struct model_person *p = &w->people[i];
		bool out = person_in(&p->now) && in_scope(p->now.branch) && (unjudged || !is_named(w, shows(w, p, false)));
		if (!out)
			continue;
		lost[p->now.branch]++;
		counted[p->now.branch] += p->stage == STAGE_ACTIVE && !p->now.guarded;
	}
	for (size_t b = 0; b < 2; b++)
		sparse |= lost[b] && counted[b] <= w->setup.departures_hour;
	return !sparse || (w->setup.sentinels && ills[w->ill].sentinel);
}

static bool falls_ill(struct world *w)
{
	w->ill = (enum ill)(1 + world_dice(w, ILLS - 1));
	w->ill_branch = (enum branch)world_dice(w, 2);
	w->ill_people = world_dice(w, 3) ? world_dice(w, 1u << 16) & world_dice(w, 1u << 16) : UINT32_MAX;
	/* With no value to judge by, whoever is touched meanwhile looks entitled, and newly so. */
	bool ambiguous = w->ill == ATTRIBUTE_HIDDEN && w->setup.verdicts == DISABLED_BY_VALUE;
	return !ambiguous && is_plausible(w);
}

void directory_fall_ill(struct world *w)
{
	if (w->ill != WELL)
		return;
	bool one_change_behind = world_dice(w, 2);
	for (size_t i = 0; i < w->count && one_change_behind; i++)
		w->people[i].old = w->people[i].before;
	bool ill = false;
	for (int tries = 0; tries < 4 && !ill; tries++)
		ill = falls_ill(w);
	if (!ill) {
		w->ill = WELL;
		return;
	}
	w->ill_from_ms = w->shared->true_ms;
	w->ill_until_ms = w->ill_from_ms + (1 + world_dice(w, (uint32_t)ills[w->ill].most_min)) * MINUTE_MS;
	if (ills[w->ill].restarts || world_dice(w, 2))
		w->connected = false;
	world_say(w, ills[w->ill].what, NULL);
}

void directory_recover(struct world *w)
{
	if (w->ill == WELL)
		return;
	bool restarts = ills[w->ill].restarts && !(w->ill == LAGGING && world_dice(w, 2));
	w->ill = WELL;
	w->ill_until_ms = 0;
	if (restarts)
		w->connected = false;
	w->retry_ms = 0;
	world_say(w, ills[WELL].what, NULL);
}

/* --- entries -------------------------------------------------------------------------------------------------------------- */

static const char *dn_of(const struct world *w, const struct facet *f, struct arena *a)
{
	static const char *const containers[] = { "ou=a," BASE, "ou=b," BASE, "ou=leave,dc=elsewhere", "ou=gone,dc=elsewhere" };
	bool renamed = w->ill == CONTAINER_RENAMED && f->branch == w->ill_branch;
	return arena_printf(a, "uid=%s,%s%s", f->login, renamed ? "ou=new-" : "", containers[f->branch] + (renamed ? 3 : 0));
}

static const char *csn_of(const struct facet *f, struct arena *a)
{
	char stamp[TIME_TEXT];
	str_time_ldap(f->csn_ms, stamp);
	stamp[strlen(stamp) - 1] = '\0';
	return arena_printf(a, "%s.%06uZ#000000#001#000000", stamp, f->csn_count);
}

static struct json *entry_json(struct world *w, struct model_person *p, const struct facet *f, struct arena *a)
{
	struct json *o = json_object(a), *attrs = json_object(a);
	bool judged = w->ill != NO_ATTRIBUTE && w->ill != ATTRIBUTE_HIDDEN;
	json_put_text(o, "uuid", p->uuid);
	json_put_text(o, "dn", dn_of(w, f, a));
	json_put_text(attrs, "objectClass", "inetOrgPerson");
	json_put_text(attrs, "uid", f->login);
	json_put_text(attrs, "displayName", f->login);
	if (judged)
		json_put_text(attrs, "employeeType", f->disabled ? "disabled" : "active");
	if (f->guarded)
		json_put_text(attrs, "title", "protected");
	json_put_text(attrs, "entryCSN", csn_of(f, a));
	json_put(o, "attrs", attrs);
	if (f->disabled && judged)
		p->shown_out_ms = w->shared->true_ms;
	bool strong = f->disabled && judged && w->setup.verdicts == DISABLED_BY_VALUE;
	p->may_be_out |= strong;
	if (!strong) {
		p->told_out_ms = p->out_known_ms = 0;
		p->out_written = false;
	} else if (!p->told_out_ms) {
		p->told_out_ms = w->shared->true_ms;
	}
	return o;
}

/* --- what the gate finds --------------------------------------------------------------------------------------------------- */

static void doubt(struct json *list, struct arena *a, const char *branch, const char *why)
{
	struct json *d = json_object(a);
	json_put_text(d, "branch", branch);
	json_put_text(d, "why", why);
	json_push(list, d);
}

static struct json *doubts(const struct world *w, bool thorough, struct arena *a)
{
	static const char *const branches[] = { "ou=a," BASE, "ou=b," BASE };
	struct json *o = json_object(a), *list = json_array(a);
	bool all = w->ill == HIDDEN && w->ill_people == UINT32_MAX;
	if (thorough && w->ill == NO_ATTRIBUTE)
		json_put_text(o, "all", "attribute unknown to the server's schema: \"employeeType\"");
	if (thorough && w->ill == REFERRAL)
		doubt(list, a, branches[w->ill_branch], "it is a referral to another server");
	for (int b = 0; b < 2 && w->setup.sentinels; b++)
		if (all || (ills[w->ill].sentinel && (ills[w->ill].everywhere || (int)w->ill_branch == b)))
			doubt(list, a, branches[b], "a sentinel is missing");
	json_put(o, "branches", list);
	return o;
}

static bool answers(const struct world *w)
{
	return w->ill != DOWN && w->ill != FROZEN && w->ill != BASE_RENAMED;
}

static struct json *failure(struct arena *a)
{
	struct json *o = json_object(a);
	json_put_bool(o, "fails", true);
	return o;
}

struct json *directory_doubts(struct world *w, struct arena *a)
{
	if (!w->connected || !answers(w) || (w->faults && world_dice(w, 10) == 0))
		return failure(a);
	return doubts(w, false, a);
}

/* --- the source -------------------------------------------------------------------------------------------------------------- */

static struct json *event(struct arena *a, enum source_kind kind)
{
	struct json *o = json_object(a);
	json_put_int(o, "kind", kind);
	return o;
}

static struct json *begin(struct world *w, struct arena *a)
{
	w->connected = true;
	w->refreshed = w->shared->again = false;
	w->named = 0;
	for (size_t i = 0; i < w->count; i++)
		w->people[i].sent = 0;
	return event(a, SOURCE_STARTED);
}

static struct json *lose(struct world *w, struct arena *a, const char *why)
{
	struct json *o = event(a, SOURCE_LOST);
	json_put_text(o, "why", why);
	w->connected = false;
	w->retry_ms = w->shared->true_ms + 1000 + (int64_t)world_dice(w, w->faults ? 30000 : 1000);
	return o;
}

static struct json *tell(struct world *w, struct model_person *p, const struct facet *f, struct arena *a)
{
	struct json *o = f ? entry_json(w, p, f, a) : json_object(a);
	p->sent = f ? f->version : 0;
	json_put_int(o, "kind", f ? SOURCE_ENTRY : SOURCE_GONE);
	json_put_text(o, "uuid", p->uuid);
	return o;
}

static struct json *refresh(struct world *w, struct arena *a)
{
	bool breaks = w->ill == CUT_SHORT || w->ill == SIZE_LIMIT;
	if (breaks && w->named >= 1 + w->ill_people % 3)
		return lose(w, a, w->ill == SIZE_LIMIT ? "size limit exceeded" : "the connection was lost");
	if (w->faults && world_dice(w, 40) == 0)
		return lose(w, a, "the connection was lost");
	for (size_t i = 0; i < w->count; i++) {
		struct model_person *p = &w->people[i];
		const struct facet *f = shows(w, p, false);
		if (p->sent || !is_named(w, f))
			continue;
		w->named++;
		return tell(w, p, f, a);
	}
	if (breaks)
		return lose(w, a, "the connection was lost");
	struct json *o = event(a, SOURCE_REFRESHED);
	json_put(o, "doubts", doubts(w, true, a));
	w->refreshed = true;
	w->refreshed_ms = w->shared->true_ms;
	return o;
}

/* Nobody tells who is not seen any more by an access rule, or moved with his container. */
static struct json *persist(struct world *w, struct arena *a)
{
	for (size_t i = 0; i < w->count && w->ill != DEAF; i++) {
		struct model_person *p = &w->people[i];
		const struct facet *f = shows(w, p, false);
		bool named = is_named(w, f), left = !p->now.there || !in_scope(p->now.branch);
		if (named && p->sent != f->version)
			return tell(w, p, f, a);
		if (!named && p->sent && left && (!f || !in_scope(f->branch)))
			return tell(w, p, NULL, a);
	}
	return event(a, SOURCE_IDLE);
}

struct json *directory_next(struct world *w, struct arena *a)
{
	int64_t now = w->shared->true_ms;
	if (!w->connected && now < w->retry_ms)
		return event(a, SOURCE_IDLE);
	if (w->ill == FROZEN && w->connected && now < w->ill_from_ms + HEARTBEAT_MS)
		return event(a, SOURCE_IDLE);
	if (!answers(w))
		return lose(w, a, ills[w->ill].what);
	if (!w->connected || w->shared->again || (w->refreshed && now >= w->refreshed_ms + refresh_ms(w)))
		return begin(w, a);
	return w->refreshed ? persist(w, a) : refresh(w, a);
}

int64_t directory_due(const struct world *w)
{
	int64_t due = INT64_MAX;
	if (!w->connected)
		due = w->retry_ms;
	else if (w->ill == FROZEN)
		due = w->ill_from_ms + HEARTBEAT_MS;
	else if (w->refreshed)
		due = w->refreshed_ms + refresh_ms(w);
	if (w->ill != WELL && w->ill_until_ms < due)
		due = w->ill_until_ms;
	return due;
}

/* --- second opinion, write-back --------------------------------------------------------------------------------------------------- */

static struct model_person *by_uuid(struct world *w, const char *uuid)
{
	for (size_t i = 0; i < w->count; i++)
		if (!strncmp(w->people[i].uuid, uuid, UUID_TEXT - 1))
			return &w->people[i];
	return NULL;
}

static enum whereabouts where(const struct world *w, const struct facet *f)
{
	if (!f)
		return WHERE_GONE;
	if (f->branch == BRANCH_OURS)
		return WHERE_OURS;
	return is_named(w, f) ? WHERE_INSIDE : WHERE_OUTSIDE;
}

struct json *directory_reread(struct world *w, const char *uuid, bool original, struct arena *a)
{
	struct model_person *p = by_uuid(w, uuid);
	bool fails = !answers(w) || (w->faults && world_dice(w, 10) == 0);
	if (w->ill == FROZEN)
		w->shared->true_ms += 10000;
	/* Only while the source is where it was can the same server be asked; an original need not be reachable. */
	fails = fails || (original ? w->ill == LAGGING && w->ill_people & 1 : !w->connected);
	const struct facet *f = p && !fails ? shows(w, p, original) : NULL;
	if (!f && original && w->setup.sentinels && ills[w->ill].sentinel)
		fails = true;
	if (fails || !p)
		return failure(a);
	struct json *o = f ? entry_json(w, p, f, a) : json_object(a);
	json_put_int(o, "where", where(w, f));
	return o;
}

struct json *directory_deliver(struct world *w, const char *uuid, const char *letter, struct arena *a)
{
	const char *payload = strchr(letter, ' ') + 1;
	struct model_person *p = by_uuid(w, uuid);
	struct json *o = json_object(a);
	if (!answers(w) || (w->faults && world_dice(w, 10) == 0))
		return failure(a);
	if (!p || !shows(w, p, true)) {
		json_put_bool(o, "absent", true);
		return o;
	}
	/* Whoever writes into an entry makes it new, whatever else stands in it. */
	struct facet *f = w->ill == RESTORED ? &p->old : &p->now;
	if (*letter != '-' && strncmp(csn_of(f, a), letter, strcspn(letter, " ")) < 0) {
		json_put_bool(o, "older", true);
		return o;
	}
	if (!p->shown || strcmp(p->shown, payload) != 0) {
		f->csn_ms = w->shared->true_ms;
		f->csn_count++;
		f->version++;
	}
	free(p->shown);
	p->shown = mem_strdup(payload);
	return o;
}
