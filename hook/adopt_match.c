/* Whose may it be?  Three ways to say so: names that are the same, a tag, a file. */
#include <string.h>

#include "common/str.h"
#include "hook/adopt_inside.h"

#define PEOPLE_PAGE 1000
#define PAGE_MEMORY (64u << 20)

/* --- pairs -------------------------------------------------------------------------------------------------- */

struct pair *adopt_pair(struct adopting *w, const struct store_person *p)
{
	for (size_t i = 0; i < w->count; i++)
		if (!strcmp(w->pairs[i].p.uuid, p->uuid))
			return &w->pairs[i];
	if (w->count == w->room) {
		w->room = w->room ? w->room * 2 : 64;
		struct pair *grown = arena_alloc(w->a, w->room * sizeof(*grown));
		if (w->count)
			memcpy(grown, w->pairs, w->count * sizeof(*grown));
		w->pairs = grown;
	}
	w->pairs[w->count] = (struct pair){ .p = *p };
	return &w->pairs[w->count++];
}

struct candidate_user *adopt_user(const struct adopting *w, uint64_t uin)
{
	for (size_t i = 0; i < w->all.user_count; i++)
		if (w->all.users[i].uin == uin)
			return &w->all.users[i];
	return NULL;
}

struct candidate_env *adopt_env(const struct adopting *w, const char *env_id)
{
	for (size_t i = 0; i < w->all.env_count; i++)
		if (str_eq(w->all.envs[i].env.env_id, env_id))
			return &w->all.envs[i];
	return NULL;
}

static const char *user_text(const struct adopting *w, const struct candidate_user *u)
{
	return arena_printf(w->a, "sub-account \"%s\" (%llu)", u->name, (unsigned long long)u->uin);
}

static const char *env_text(const struct adopting *w, const struct candidate_env *v)
{
	return arena_printf(w->a, "environment \"%s\"", v->env.env_id);
}

const char *adopt_what(const struct adopting *w, const struct pair *p)
{
	if (!p->user || !p->env)
		return p->user ? user_text(w, p->user) : p->env ? env_text(w, p->env) : "nothing";
	return arena_printf(w->a, "%s, %s", user_text(w, p->user), env_text(w, p->env));
}

void adopt_refused(struct adopting *w, const char *login, const char *what, const char *why, int64_t line)
{
	struct json *o = json_object(w->out);
	json_put_text(o, "login", login);
	json_put_text(o, "what", what);
	json_put_text(o, "why", why);
	if (line)
		json_put_int(o, "line", line);
	json_push(w->refused, o);
}

static void add_user(struct adopting *w, struct pair *p, struct candidate_user *u)
{
	if (p->user && p->user != u)
		p->refused = arena_printf(w->a, "two may be his: %s and %s", user_text(w, p->user), user_text(w, u));
	p->user = u;
}

static void add_env(struct adopting *w, struct pair *p, struct candidate_env *v)
{
	if (p->env && p->env != v)
		p->refused = arena_printf(w->a, "two may be his: %s and %s", env_text(w, p->env), env_text(w, v));
	p->env = v;
}

/* By login name or UUID; two people of one name are told, and neither is meant.  *found is false then. */
static int whose(struct adopting *w, const char *name, const char *what, struct store_person *p, bool *found, struct err *e)
{
	struct err why;
	int rc = store_person_find(w->r->store, name, w->a, p, &why);
	*found = !rc;
	if (rc == ERR_INPUT)
		adopt_refused(w, NULL, what, arena_printf(w->a, "two people have the login name \"%s\"", name), 0);
	if (!rc || rc == ERR_ABSENT || rc == ERR_INPUT)
		return 0;
	*e = why;
	return rc;
}

/* What Rollcall made for him, or took over before, is no candidate. */
static bool is_his(const struct adopting *w, const struct store_person *p, const char *text)
{
	char uuid[UUID_TEXT];
	unsigned generation;
	return mark_parse(w->r->settings->installation, text, uuid, &generation) && !strcmp(uuid, p->uuid);
}

/* --- by name: the login name is that of the sub-account, or the alias of the environment --------------------- */

static int by_name(struct adopting *w, struct err *e)
{
	struct store_person p;
	bool found;
	for (size_t i = 0; i < w->all.user_count; i++) {
		struct candidate_user *u = &w->all.users[i];
		int rc = whose(w, u->name, user_text(w, u), &p, &found, e);
		if (rc)
			return rc;
		if (found && !is_his(w, &p, u->remark))
			add_user(w, adopt_pair(w, &p), u);
	}
	for (size_t i = 0; i < w->all.env_count; i++) {
		struct candidate_env *v = &w->all.envs[i];
		int rc = *v->env.alias ? whose(w, v->env.alias, env_text(w, v), &p, &found, e) : 0;
		if (rc)
			return rc;
		if (*v->env.alias && found && !is_his(w, &p, v->env.mark))
			add_env(w, adopt_pair(w, &p), v);
	}
	return 0;
}

/* --- by tag: the environment says whose it is; his sub-account is found by its name --------------------------- */

struct tagged { struct candidate_env *env; struct store_person p; unsigned holders; };

static int by_mail(struct adopting *w, struct tagged *list, size_t n, struct err *e)
{
	AUTO_ARENA struct arena *page = arena_new(PAGE_MEMORY);
	char after[UUID_TEXT] = "";
	struct store_person *people;
	size_t count = 0;
	do {
		arena_reset(page);
		int rc = store_people(w->r->store, after, PEOPLE_PAGE, page, &people, &count, e);
		if (rc)
			return rc;
		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < n && people[i].mail && people[i].signal != SIGNAL_ABSENT; k++) {
				if (!str_ieq(people[i].mail, list[k].env->tag))
					continue;
				list[k].holders++;
				rc = store_person_get(w->r->store, people[i].uuid, w->a, &list[k].p, e);
				if (rc)
					return rc;
			}
		if (count)
			str_copy(after, sizeof(after), people[count - 1].uuid);
	} while (count == PEOPLE_PAGE);
	return 0;
}

static void users_of(struct adopting *w)
{
	for (size_t i = 0; i < w->count; i++)
		for (size_t k = 0; k < w->all.user_count; k++)
			if (str_ieq(w->all.users[k].name, w->pairs[i].p.login) &&
				!is_his(w, &w->pairs[i].p, w->all.users[k].remark))
				add_user(w, &w->pairs[i], &w->all.users[k]);
}

static int by_tag(struct adopting *w, struct err *e)
{
	struct tagged *mails = arena_alloc(w->a, (w->all.env_count + 1) * sizeof(*mails));
	struct store_person p;
	size_t n = 0;
	for (size_t i = 0; i < w->all.env_count; i++) {
		struct candidate_env *v = &w->all.envs[i];
		bool found;
		if (!v->tag || !*v->tag)
			continue;
		size_t told = json_count(w->refused);
		int rc = whose(w, v->tag, env_text(w, v), &p, &found, e);
		if (rc)
			return rc;
		if (found && !is_his(w, &p, v->env.mark))
			add_env(w, adopt_pair(w, &p), v);
		else if (!found && json_count(w->refused) == told)
			mails[n++] = (struct tagged){ .env = v };
	}
	int rc = n ? by_mail(w, mails, n, e) : 0;
	for (size_t i = 0; !rc && i < n; i++) {
		const char *tag = mails[i].env->tag;
		if (mails[i].holders == 1 && !is_his(w, &mails[i].p, mails[i].env->env.mark))
			add_env(w, adopt_pair(w, &mails[i].p), mails[i].env);
		else if (mails[i].holders != 1)
			adopt_refused(w, NULL, env_text(w, mails[i].env), arena_printf(w->a, "%s the login name or mail address \"%s\"",
				mails[i].holders ? "several people have" : "nobody has", tag), 0);
	}
	if (!rc)
		users_of(w);
	return rc;
}

/* --- by a mapping file ------------------------------------------------------------------------------------------ */

static void bad_line(struct adopting *w, int64_t line, const char *why)
{
	struct json *o = json_object(w->out);
	json_put_int(o, "line", line);
	json_put_text(o, "why", why);
	json_push(w->bad, o);
}

/* Somebody else's already, by an earlier line? */
static const struct pair *taken(const struct adopting *w, const struct candidate_user *u, const struct candidate_env *v)
{
	for (size_t i = 0; i < w->count; i++)
		if ((u && w->pairs[i].user == u) || (v && w->pairs[i].env == v))
			return &w->pairs[i];
	return NULL;
}

static const char *line_fault(struct adopting *w, const struct adopt_line *l, int found, const struct store_person *p,
	const struct candidate_user *u, const struct candidate_env *v)
{
	if (found == ERR_ABSENT)
		return arena_printf(w->a, "nobody has the login name or UUID \"%s\"", l->who);
	if (found == ERR_INPUT)
		return arena_printf(w->a, "two people have the login name \"%s\": name the UUID", l->who);
	if (l->uin && !u)
		return arena_printf(w->a, "there is no sub-account %llu", (unsigned long long)l->uin);
	if (l->env_id && !v)
		return arena_printf(w->a, "there is no environment \"%s\" in the regions of the settings", l->env_id);
	if (!u && !v)
		return "neither a sub-account nor an environment is named";
	const struct pair *other = taken(w, u, v);
	if (other)
		return arena_printf(w->a, "what it names is in line %lld already", (long long)other->line);
	for (size_t i = 0; i < w->count; i++)
		if (!strcmp(w->pairs[i].p.uuid, p->uuid))
			return arena_printf(w->a, "this person is in line %lld already", (long long)w->pairs[i].line);
	return NULL;
}

static int by_map(struct adopting *w, struct err *e)
{
	for (size_t i = 0; i < w->asked->count; i++) {
		const struct adopt_line *l = &w->asked->lines[i];
		struct candidate_user *u = l->uin ? adopt_user(w, l->uin) : NULL;
		struct candidate_env *v = l->env_id ? adopt_env(w, l->env_id) : NULL;
		struct store_person p;
		struct err why;
		int rc = store_person_find(w->r->store, l->who, w->a, &p, &why);
		if (rc && rc != ERR_ABSENT && rc != ERR_INPUT) {
			*e = why;
			return rc;
		}
		const char *fault = line_fault(w, l, rc, &p, u, v);
		if (fault) {
			bad_line(w, l->line, fault);
			continue;
		}
		struct pair *pair = adopt_pair(w, &p);
		pair->user = u;
		pair->env = v;
		pair->line = l->line;
	}
	return 0;
}

int adopt_match(struct adopting *w, struct err *e)
{
	static int (*const ways[])(struct adopting *, struct err *) = { [ADOPT_BY_NAME] = by_name, [ADOPT_BY_TAG] = by_tag,
		[ADOPT_BY_MAP] = by_map };
	return ways[w->asked->by](w, e);
}
