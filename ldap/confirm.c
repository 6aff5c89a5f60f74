/* The second opinion on one person, on a connection of its own to the server that the source uses now. */
#include <string.h>

#include "common/str.h"
#include "ldap/dn.h"
#include "ldap/filter.h"
#include "ldap/handle.h"
#include "ldap/sync.h"

struct second {
	struct confirm confirm;
	const struct dir_settings *settings;
	const struct clock *clock;
	struct source *source;
	struct arena *arena;              /* of the filter and the names */
	const struct filter *scope;       /* NULL: everything below the base is in scope */
	const char **attributes;          /* those of the source and those the scope filter names */
	size_t count;
	struct dir *dir;
	size_t at;                        /* the server dir talks to */
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

/* A connection to the right server; *fresh tells that it was opened just now. */
static int connect_second(struct second *s, bool *fresh, struct err *e)
{
	size_t at = sync_server(s->source);
	int rc;

	*fresh = false;
	if (s->dir && (s->at != at || !dir_usable(s->dir))) {
		dir_close(s->dir);
		s->dir = NULL;
	}
	if (s->dir)
		return 0;
	rc = dir_open(s->settings, at, s->clock, &s->dir, e);
	if (rc)
		return no_answer(e, "the second connection could not be opened");
	s->at = at;
	*fresh = true;
	return 0;
}

static enum whereabouts place(const struct second *s, const struct entry *entry)
{
	const struct dir_settings *set = s->settings;

	if (dn_below(entry->dn, set->base) && (!s->scope || filter_judge(s->scope, entry).truth != TRUTH_FALSE))
		return WHERE_INSIDE;
	return set->still_ours && dn_below(entry->dn, set->still_ours) ? WHERE_OURS : WHERE_OUTSIDE;
}

/* Nothing found proves something only when this identity sees the base at all. */
static int prove_absence(struct second *s, const char *base, struct arena *a, struct err *e)
{
	static const char *const nothing[] = { LDAP_NO_ATTRS, NULL };
	struct entry *entry;
	int rc = dir_read(s->dir, base, nothing, a, &entry, e);

	if (rc)
		err_set(e, ERR_TEMP, "base \"%.80s\" is not readable, so nothing follows from not finding an entry", base);
	return rc ? ERR_TEMP : 0;
}

static int ask(struct second *s, const char *uuid, struct arena *a, enum whereabouts *where, const struct entry **out,
	struct err *e)
{
	const char *base = s->settings->widest ? s->settings->widest : s->settings->base;
	struct entry *entry;
	int rc = dir_find(s->dir, base, uuid, s->attributes, a, &entry, e);

	if (!rc) {
		*where = place(s, entry);
		*out = entry;
		return 0;
	}
	if (rc != ERR_ABSENT || e->code[0])
		return no_answer(e, "no second opinion");
	rc = prove_absence(s, base, a, e);
	if (rc)
		return rc;
	*where = WHERE_GONE;
	*out = NULL;
	return 0;
}

/* A connection that had been idle may have been cut by the server: one more try on a fresh one. */
static int reread(struct confirm *c, const char *uuid, struct arena *a, enum whereabouts *where,
	const struct entry **out, struct err *e)
{
	struct second *s = c->ctx;
	struct err why = { 0 };
	bool fresh;
	int rc = connect_second(s, &fresh, &why);

	if (!rc)
		rc = ask(s, uuid, a, where, out, &why);
	if (rc && s->dir && !fresh && !dir_usable(s->dir)) {
		rc = connect_second(s, &fresh, &why);
		if (!rc)
			rc = ask(s, uuid, a, where, out, &why);
	}
	if (rc && e)
		*e = why;
	return rc;
}

static void close_second(struct confirm *c)
{
	struct second *s = c->ctx;

	dir_close(s->dir);
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
	s->confirm = (struct confirm){ s, reread, close_second };
	return &s->confirm;
}
