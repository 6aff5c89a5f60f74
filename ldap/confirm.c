/* The second opinion on one person, on connections of its own: one to the server that the source uses now, and one to
 * an original when something cannot be undone. */
#include <string.h>

#include "common/str.h"
#include "ldap/dn.h"
#include "ldap/filter.h"
#include "ldap/gate.h"
#include "ldap/handle.h"
#include "ldap/sync.h"

#define ORIGINAL_PAUSE_MS 30000     /* none was found: the next ones that ask get the same answer */

struct second {
	struct confirm confirm;
	const struct dir_settings *settings;
	const struct clock *clock;
	struct source *source;
	struct arena *arena;              /* of the filter and the names */
	const struct filter *scope;       /* NULL: everything below the base is in scope */
	const char **attributes;          /* those of the source and those the scope filter names */
	size_t count;
	struct gate *gate;
	struct dir *near;                 /* to the server that the source uses */
	uint64_t near_session;            /* the source's when it was opened */
	struct dir *original;             /* to a server that is no copy */
	uint64_t original_session;
	int64_t original_again;           /* mono: not looked for before */
	struct err original_why;
};

const char *whereabouts_name(enum whereabouts w)
{
	static const char *const names[] = {
		[WHERE_GONE] = "gone", [WHERE_INSIDE] = "inside", [WHERE_OURS] = "ours", [WHERE_OUTSIDE] = "outside",
	};

	return (size_t)w < ARRAY_LEN(names) ? names[w] : "?";
}

static void add_attribute(void *ctx, const char *name)
{
	struct second *s = ctx;
	const char **more;

	for (size_t i = 0; i < s->count; i++)
		if (str_ieq(s->attributes[i], name))
			return;
	more = arena_alloc(s->arena, (s->count + 2) * sizeof(*more));
	if (s->count)
		memcpy(more, s->attributes, s->count * sizeof(*more));
	more[s->count++] = name;
	s->attributes = more;
}

/* Whatever the cause: nothing may be concluded. */
static int no_answer(struct err *e, const char *what)
{
	err_wrap(e, "%s", what);
	e->kind = ERR_TEMP;
	return ERR_TEMP;
}

static enum whereabouts place(const struct second *s, const struct entry *entry)
{
	const struct dir_settings *set = s->settings;

	if (dn_below(entry->dn, set->base) && (!s->scope || filter_judge(s->scope, entry).truth != TRUTH_FALSE))
		return WHERE_INSIDE;
	return set->still_ours && dn_below(entry->dn, set->still_ours) ? WHERE_OURS : WHERE_OUTSIDE;
}

/* --- where to ask ----------------------------------------------------------- */

static int not_connected(struct err *e)
{
	return err_set(e, ERR_TEMP, "the source is not connected, so nothing can be compared with it");
}

/* A connection to the source's server; *fresh tells that it was opened just now. */
static int connect_near(struct second *s, bool *fresh, struct err *e)
{
	struct sync_place place;
	int rc;

	*fresh = false;
	if (!sync_where(s->source, &place))
		return not_connected(e);
	/* Whoever connects anew may reach another server behind the same name. */
	if (s->near && (s->near_session != place.session || !dir_usable(s->near))) {
		dir_close(s->near);
		s->near = NULL;
	}
	if (!s->near) {
		rc = dir_open(s->settings, place.at, s->clock, &s->near, e);
		if (rc)
			return no_answer(e, "the second connection could not be opened");
		s->near_session = place.session;
		*fresh = true;
	}
	if (*place.peer && str_eq(dir_peer(s->near), place.peer))
		return 0;
	err_set(e, ERR_TEMP, "another server answers: \"%s\" instead of \"%s\"", dir_peer(s->near), place.peer);
	dir_close(s->near);
	s->near = NULL;
	return ERR_TEMP;
}

/* What was answered counts only if the source has not moved meanwhile. */
static int still_near(struct second *s, struct err *e)
{
	struct sync_place place;

	if (sync_where(s->source, &place) && place.session == s->near_session)
		return 0;
	return err_set(e, ERR_TEMP, "another server answers: the source connected anew meanwhile");
}

static int look_for_original(struct second *s, const struct sync_place *place, struct err *e)
{
	const struct dir_settings *set = s->settings;
	int rc = ERR_TEMP;

	for (size_t i = 0; i < set->uri_count; i++) {
		rc = dir_open(set, (place->at + i) % set->uri_count, s->clock, &s->original, e);
		if (rc)
			continue;
		rc = dir_originals(s->original, set->base, e);
		if (!rc) {
			s->original_session = place->session;
			return 0;
		}
		dir_close(s->original);
		s->original = NULL;
	}
	return no_answer(e, "no server that is no copy of another answered");
}

/* A connection to an original, the one of the last time if it still is one. */
static int connect_original(struct second *s, struct err *e)
{
	struct sync_place place;
	int rc;

	if (!sync_where(s->source, &place))
		return not_connected(e);
	if (s->original && s->original_session == place.session && dir_usable(s->original) &&
		!dir_originals(s->original, s->settings->base, e))
		return 0;
	dir_close(s->original);
	s->original = NULL;
	if (clock_mono(s->clock) < s->original_again) {
		*e = s->original_why;
		return ERR_TEMP;
	}
	rc = look_for_original(s, &place, e);
	if (rc) {
		s->original_again = clock_mono(s->clock) + ORIGINAL_PAUSE_MS;
		s->original_why = *e;
	}
	return rc;
}

/* --- asking ----------------------------------------------------------------- */

struct answer { enum whereabouts where; const struct entry *entry; struct source_doubts doubts; };

/* Nothing found proves something only when this identity sees the base at all; for what cannot be undone, only
 * when nothing is missing that should be there. */
static int prove_absence(struct second *s, struct dir *d, const char *base, struct arena *a, struct err *e)
{
	static const char *const nothing[] = { LDAP_NO_ATTRS, NULL };
	struct source_doubts found = { 0 };
	const char *why;
	struct entry *entry;

	if (dir_read(d, base, nothing, a, &entry, e))
		return err_set(e, ERR_TEMP, "base \"%.80s\" is not readable, so nothing follows from not finding an entry", base);
	if (d != s->original)
		return 0;
	if (gate_examine(s->gate, d, false, a, &found, e))
		return no_answer(e, "no second opinion");
	why = source_doubts_about(&found, NULL);
	return why ? err_set(e, ERR_TEMP, "nothing follows from not finding an entry: %.180s", why) : 0;
}

static int ask(struct second *s, struct dir *d, const char *uuid, struct arena *a, struct answer *out, struct err *e)
{
	const char *base = s->settings->widest ? s->settings->widest : s->settings->base;
	struct entry *entry;
	int rc = dir_find(d, base, uuid, s->attributes, a, &entry, e);

	if (!rc) {
		*out = (struct answer){ .where = place(s, entry), .entry = entry };
		return 0;
	}
	if (rc != ERR_ABSENT || e->code[0])
		return no_answer(e, "no second opinion");
	rc = prove_absence(s, d, base, a, e);
	if (!rc)
		*out = (struct answer){ .where = WHERE_GONE };
	return rc;
}

/* Without uuid: the doubts. */
static int ask_near(struct second *s, const char *uuid, struct arena *a, struct answer *out, bool *fresh, struct err *e)
{
	int rc = connect_near(s, fresh, e);

	if (!rc && uuid)
		rc = ask(s, s->near, uuid, a, out, e);
	else if (!rc && gate_examine(s->gate, s->near, false, a, &out->doubts, e))
		rc = no_answer(e, "no second opinion");
	return rc ? rc : still_near(s, e);
}

/* A connection that had been idle may have been cut by the server: one more try on a fresh one. */
static int try_near(struct second *s, const char *uuid, struct arena *a, struct answer *out, struct err *e)
{
	struct err why = { 0 };
	bool fresh;
	int rc = ask_near(s, uuid, a, out, &fresh, &why);

	if (rc && s->near && !fresh && !dir_usable(s->near))
		rc = ask_near(s, uuid, a, out, &fresh, &why);
	if (rc && e)
		*e = why;
	return rc;
}

static int reread(struct confirm *c, const char *uuid, struct arena *a, enum whereabouts *where,
	const struct entry **out, struct err *e)
{
	struct answer answer = { 0 };
	int rc = try_near(c->ctx, uuid, a, &answer, e);

	if (!rc) {
		*where = answer.where;
		*out = answer.entry;
	}
	return rc;
}

static int reread_original(struct confirm *c, const char *uuid, struct arena *a, enum whereabouts *where,
	const struct entry **out, struct err *e)
{
	struct second *s = c->ctx;
	struct answer answer = { 0 };
	struct err why = { 0 };
	int rc = connect_original(s, &why);

	if (!rc)
		rc = ask(s, s->original, uuid, a, &answer, &why);
	if (!rc) {
		*where = answer.where;
		*out = answer.entry;
	} else if (e) {
		*e = why;
	}
	return rc;
}

static int doubts_now(struct confirm *c, struct arena *a, struct source_doubts *out, struct err *e)
{
	struct answer answer = { 0 };
	int rc = try_near(c->ctx, NULL, a, &answer, e);

	if (!rc)
		*out = answer.doubts;
	return rc;
}

static void close_second(struct confirm *c)
{
	struct second *s = c->ctx;

	dir_close(s->near);
	dir_close(s->original);
	gate_free(s->gate);
	arena_free(s->arena);
	mem_cleanup_free(&s);
}

struct confirm *sync_confirm(const struct dir_settings *settings, char **attributes, struct source *source,
	const struct clock *clock)
{
	struct second *s = mem_alloc(sizeof(*s));
	struct err e;

	s->settings = settings;
	s->clock = clock;
	s->source = source;
	s->arena = arena_new(1u << 20);
	for (char **name = attributes; *name; name++)
		add_attribute(s, *name);
	/* A scope filter that only the server understands is not judged: what stands below the base is inside. */
	if (settings->scope_filter && !filter_parse(s->arena, settings->scope_filter, &s->scope, &e))
		filter_attributes(s->scope, add_attribute, s);
	s->gate = gate_new(settings);
	s->confirm = (struct confirm){ s, reread, reread_original, doubts_now, close_second };
	return &s->confirm;
}
