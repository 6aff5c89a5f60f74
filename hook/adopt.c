#include "hook/adopt.h"

#include <inttypes.h>
#include <string.h>

#include "common/failpoint.h"
#include "common/log.h"
#include "hook/adopt_inside.h"
#include "hook/owned.h"
#include "hook/roll_inside.h"

/* On a list of joins: he may have something already. */
#define BY_HAND "{\"by_hand\":true}"

/* --- looking --------------------------------------------------------------------------------------------------- */

static int take(struct adopting *w, struct err *e)
{
	const struct settings *s = w->r->settings;
	const struct regions regions = regions_of(s, w->a);
	int tries = 0, rc;
	do {
		rc = candidates_take(w->call, s->installation, regions.list, regions.count, w->asked ? w->asked->tag : NULL, &w->all, e);
	} while (rc && owned_later(w->r->clock, e, false, &tries));
	return rc;
}

/* --- may it be? ------------------------------------------------------------------------------------------------- */

/* He has nothing in the cloud, though he may have a place in the queue: for his first login, or a date. */
static bool waits_to_begin(const struct adopting *w, const struct store_person *p)
{
	struct store_account acc;
	struct err e;
	return p->generation && !store_account_get(w->r->store, p->uuid, 0, w->a, &acc, &e) &&
		(acc.stage == STAGE_DUE || acc.stage == STAGE_NONE);
}

static const char *person_fault(const struct adopting *w, const struct store_person *p)
{
	if (p->generation && !waits_to_begin(w, p))
		return "he has an account of Rollcall's already";
	if (p->signal != SIGNAL_ENTITLED && p->signal != SIGNAL_DUE)
		return arena_printf(w->a, "he is not entitled: %s", p->reason ? p->reason : signal_name((enum signal)p->signal));
	return settings_profile(w->r->settings, p->profile) ? NULL : "no profile fits him";
}

static const char *mark_fault(const struct adopting *w, const char *what, enum mark_owner owner)
{
	if (owner == MARK_NONE)
		return NULL;
	return arena_printf(w->a, "the %s carries the mark of %s", what,
		owner == MARK_OTHER_INSTALLATION ? "another installation" : "somebody else here");
}

static const char *user_fault(const struct adopting *w, const struct candidate_user *u)
{
	if (u->ourselves)
		return "the sub-account is what Rollcall itself works with";
	return mark_fault(w, "sub-account", u->owner);
}

static const char *env_fault(const struct adopting *w, const struct candidate_env *v)
{
	const char *fault = mark_fault(w, "environment", v->owner);
	if (!fault && !str_eq(v->env.status, "NORMAL"))
		fault = arena_printf(w->a, "the environment is in state \"%s\"", v->env.status);
	return fault;
}

/* With calls, only for whom nothing else stands against. */
static int judge(struct adopting *w, struct pair *p, struct err *e)
{
	int tries = 0, rc;
	if (!p->refused)
		p->refused = person_fault(w, &p->p);
	if (!p->refused && p->user)
		p->refused = user_fault(w, p->user);
	if (!p->refused && p->env)
		p->refused = env_fault(w, p->env);
	if (p->refused || !p->user)
		return 0;
	do {
		rc = candidate_look(w->call, p->user, e);
	} while (rc && owned_later(w->r->clock, e, false, &tries));
	if (!rc && p->user->admin)
		p->refused = arena_printf(w->a, "the sub-account is an administrator's: policy \"%s\"", p->user->admin);
	return rc;
}

/* --- what it means ---------------------------------------------------------------------------------------------- */

static const char *keys_text(const struct candidate_user *u, bool kept)
{
	/* Two is the cloud's limit, and one place is needed. */
	if (u->keys > 1)
		return "; its 2 keys are deleted";
	if (!u->keys_on)
		return "";
	return kept ? "; its key stays beside the new one" : "; its key is switched off";
}

/* NULL: at once. */
static const char *begins_text(const struct adopting *w, const struct store_person *p)
{
	const struct profile_settings *profile = settings_profile(w->r->settings, p->profile);
	int64_t last_ms = 0;
	struct err e;
	if (p->signal == SIGNAL_DUE)
		return "from his date on";
	bool waits = profile && profile->trigger == 1 && !store_login_last(w->r->store, p->uuid, &last_ms, &e) && !last_ms;
	return waits ? "with his first login" : NULL;
}

static const char *means(const struct adopting *w, const struct pair *p, bool pays)
{
	static const char *const ways[] = { [ADOPT_BY_NAME] = "by name", [ADOPT_BY_TAG] = "by tag", [ADOPT_BY_MAP] = "by file" };
	bool kept = w->call->settings->by_hand_kept;
	struct str s;
	str_init(&s, w->a);
	str_addf(&s, "%s: %s", ways[w->asked->by], adopt_what(w, p));
	if (p->user && p->user->rights)
		str_addf(&s, "; %s %s", kept ? "keeps" : "loses", p->user->rights);
	if (p->user)
		str_addf(&s, "%s; the login stays, the remark is replaced", keys_text(p->user, kept));
	else
		str_addf(&s, "; a sub-account is made");
	if (!p->env)
		str_addf(&s, "; an environment is bought");
	else if (pays)
		str_addf(&s, "; a server is bought");
	const char *begins = begins_text(w, &p->p);
	if (begins)
		str_addf(&s, "; all that %s", begins);
	return s.text;
}

static char *detail_of(const struct adopting *w, const struct pair *p, bool pays)
{
	struct json *o = json_object(w->a);
	bool lasting = p->user && p->user->keys > 1;
	if (p->user) {
		json_put_text(o, "user", p->user->name);
		json_put_uint(o, "uin", p->user->uin);
		json_put_int(o, "keys", (int64_t)p->user->keys);
	}
	if (p->env)
		json_put_text(o, "env", p->env->env.env_id);
	json_put_text(o, "rated", pays ? "costs money" : lasting ? "irreversible" : "reversible");
	return json_print(w->a, o);
}

/* --- lists: the caller holds the roll's lock ---------------------------------------------------------------------- */

/* What the roll says of him now: that he waits, and for what. */
static int tell(struct adopting *w, struct store_person *p, struct err *e)
{
	const struct hearing heard = { .unsure = roll_unsure(w->r, p) };
	return roll_apply(w->r, p, &heard, w->a, NULL, e);
}

static int drop_join(struct adopting *w, const char *uuid, struct err *e)
{
	struct store_frozen row;
	struct err why;
	int rc = store_frozen_get(w->r->store, uuid, FROZEN_JOIN, w->a, &row, &why);
	/* What somebody said no to stays so. */
	if (rc == ERR_ABSENT || (!rc && row.state == FROZEN_REJECTED))
		return 0;
	if (rc)
		*e = why;
	return rc ? rc : store_frozen_drop(w->r->store, uuid, FROZEN_JOIN, e);
}

/* From whatever list he is on to one of this kind, in one transaction. */
static int put(struct adopting *w, const struct store_person *p, struct store_frozen *row, struct err *e)
{
	int rc = store_begin(w->r->store, e);
	if (rc)
		return rc;
	row->branch = p->branch;
	row->firm = true;
	str_copy(row->uuid, sizeof(row->uuid), p->uuid);
	rc = store_frozen_drop(w->r->store, p->uuid, FROZEN_ADOPT, e);
	if (!rc)
		rc = drop_join(w, p->uuid, e);
	if (!rc)
		rc = store_frozen_put(w->r->store, row, clock_now(w->r->clock), w->a, NULL, e);
	if (!rc)
		return store_commit(w->r->store, e);
	store_rollback(w->r->store);
	return rc;
}

static int freeze(struct adopting *w, struct pair *p, struct err *e)
{
	const struct profile_settings *profile = settings_profile(w->r->settings, p->p.profile);
	bool pays = !p->env || profile->bundle;
	struct store_frozen row = { .kind = FROZEN_ADOPT, .why = arena_strdup(w->a, means(w, p, pays)),
		.fen = pays ? settings_fen(profile->price_yuan) : 0, .detail = detail_of(w, p, pays) };
	int rc = put(w, &p->p, &row, e);
	POINT("adopt.frozen");
	return rc ? rc : tell(w, &p->p, e);
}

/* He may have something, and it is not taken over: whether he gets a second one is for a human to say. */
static int beware(struct adopting *w, struct store_person *p, const char *why, struct err *e)
{
	struct store_frozen row = { .kind = FROZEN_JOIN, .detail = arena_strdup(w->a, BY_HAND),
		.why = arena_printf(w->a, "something made for him by hand is not adopted: %s", why) };
	bool may_join = p->signal == SIGNAL_ENTITLED || p->signal == SIGNAL_DUE;
	if ((p->generation && !waits_to_begin(w, p)) || !may_join)
		return store_frozen_drop(w->r->store, p->uuid, FROZEN_ADOPT, e);
	const struct profile_settings *profile = settings_profile(w->r->settings, p->profile);
	row.fen = profile ? settings_fen(profile->price_yuan) : 0;
	int rc = put(w, p, &row, e);
	return rc ? rc : tell(w, p, e);
}

/* As he is now, not as he was when the cloud was asked. */
static int again(struct adopting *w, struct pair *p, struct err *e)
{
	int rc = store_person_get(w->r->store, p->p.uuid, w->a, &p->p, e);
	if (!rc && !p->refused)
		p->refused = person_fault(w, &p->p);
	return rc;
}

/* One at a time: the directory's news of others, a leaver's above all, come between. */
static int freeze_all(struct adopting *w, int64_t *people, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < w->count; i++) {
		struct pair *p = &w->pairs[i];
		pthread_mutex_lock(&w->r->lock);
		rc = again(w, p, e);
		if (!rc)
			rc = p->refused ? beware(w, &p->p, p->refused, e) : freeze(w, p, e);
		pthread_mutex_unlock(&w->r->lock);
		if (!rc && p->refused)
			adopt_refused(w, p->p.login, adopt_what(w, p), p->refused, p->line);
		else if (!rc)
			(*people)++;
	}
	return rc;
}

static struct adopting begin(struct roll *r, struct call *c, const struct adopt_asked *asked, struct arena *out)
{
	return (struct adopting){ .r = r, .call = c, .asked = asked, .a = c ? c->arena : out, .out = out, .refused = json_array(out),
		.bad = json_array(out) };
}

static struct json *answer(const struct adopting *w, int64_t people)
{
	struct json *o = json_object(w->out);
	json_put_int(o, "people", people);
	json_put(o, "refused", w->refused);
	json_put(o, "bad", w->bad);
	return o;
}

int adopt_plan(struct roll *r, struct call *c, const struct adopt_asked *asked, struct arena *a, struct json **out, struct err *e)
{
	struct adopting w = begin(r, c, asked, a);
	int64_t people = 0;
	int rc = take(&w, e);
	if (!rc)
		rc = adopt_match(&w, e);
	bool bad = json_count(w.bad) > 0;
	for (size_t i = 0; !rc && !bad && i < w.count; i++)
		rc = judge(&w, &w.pairs[i], e);
	if (!rc && !bad)
		rc = freeze_all(&w, &people, e);
	if (!rc)
		*out = answer(&w, people);
	return rc;
}

/* --- deciding ----------------------------------------------------------------------------------------------------- */

/* The rows of the list, as pairs without things. */
static int rows_of(struct adopting *w, int64_t list_ms, const char ***details, struct err *e)
{
	struct store_frozen *rows;
	size_t n = 0;
	int rc = store_frozen_list(w->r->store, w->a, &rows, &n, e);
	*details = arena_alloc(w->a, (n + 1) * sizeof(**details));
	for (size_t i = 0; !rc && i < n; i++) {
		struct store_person p;
		struct err why;
		if (rows[i].kind != FROZEN_ADOPT || rows[i].list_ms != list_ms)
			continue;
		rc = store_person_get(w->r->store, rows[i].uuid, w->a, &p, &why);
		if (rc == ERR_ABSENT) {
			rc = store_frozen_drop(w->r->store, rows[i].uuid, FROZEN_ADOPT, e);
			continue;
		}
		if (rc) {
			*e = why;
			return rc;
		}
		(void)adopt_pair(w, &p);
		(*details)[w->count - 1] = rows[i].detail ? rows[i].detail : "";
	}
	return rc;
}

/* What he was shown, if it is still there. */
static void find_things(struct adopting *w, struct pair *p, const char *detail)
{
	struct json *o;
	uint64_t uin = 0;
	if (json_parse(w->a, detail, strlen(detail), &o, NULL)) {
		p->refused = "the list cannot be read";
		return;
	}
	const char *env_id = json_text(o, "env"), *name = json_text(o, "user");
	if (json_has(o, "uin") && !json_uint(o, "uin", &uin, NULL))
		p->user = adopt_user(w, uin);
	p->env = env_id ? adopt_env(w, env_id) : NULL;
	if (name && (!p->user || !str_eq(p->user->name, name)))
		p->refused = arena_printf(w->a, "the sub-account \"%s\" is not there any more", name);
	else if (env_id && !p->env)
		p->refused = arena_printf(w->a, "the environment \"%s\" is not there any more", env_id);
}

/* A key that was added since may be lost for ever. */
static void compare(const struct adopting *w, struct pair *p, const char *detail)
{
	struct json *o;
	bool shown = !json_parse(w->a, detail, strlen(detail), &o, NULL) && json_int_or(o, "keys", 0) > 1;
	if (!p->refused && p->user && p->user->keys > 1 && !shown)
		p->refused = arena_printf(w->a, "the sub-account \"%s\" has a second key by now, and both would be deleted", p->user->name);
}

/* Ids begin with the alias they were made with, which can be changed later. */
static const char *alias_of(const struct adopting *w, const struct snapshot_env *v)
{
	size_t n = strlen(v->alias);
	const char *last = strrchr(v->env_id, '-');
	if ((n && !strncmp(v->env_id, v->alias, n) && v->env_id[n] == '-') || !last)
		return v->alias;
	return arena_printf(w->a, "%.*s", (int)(last - v->env_id), v->env_id);
}

static int take_over(struct adopting *w, struct pair *p, struct err *e)
{
	struct adoption ad = { 0 };
	struct roll_moved moved = { 0 };
	if (roll_unsure(w->r, &p->p))
		return err_set(e, ERR_TEMP, "the directory is being read, or is not believed: ask again in a moment");
	if (p->user) {
		ad.user_name = p->user->name;
		ad.uin = p->user->uin;
	}
	if (p->env) {
		ad.env_id = p->env->env.env_id;
		ad.env_alias = alias_of(w, &p->env->env);
		ad.region = p->env->region;
	}
	const struct hearing heard = { .adoption = &ad };
	int rc = roll_apply(w->r, &p->p, &heard, w->a, &moved, e);
	POINT("adopt.taken");
	if (rc)
		return rc;
	if (!moved.generation && !moved.adopted) {
		p->refused = p->p.note ? p->p.note : "he does not join now";
		return 0;
	}
	roll_say(w->r, &p->p, p->p.generation, "adopt", adopt_what(w, p), "approved by an administrator", NULL);
	log_event(LOG_INFO_LEVEL, "roll", p->p.login, "adopted: %s", adopt_what(w, p));
	return 0;
}

static int take_all(struct adopting *w, int64_t *people, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < w->count; i++) {
		struct pair *p = &w->pairs[i];
		pthread_mutex_lock(&w->r->lock);
		rc = again(w, p, e);
		if (!rc && !p->refused)
			rc = take_over(w, p, e);
		if (!rc && p->refused)
			rc = beware(w, &p->p, p->refused, e);
		pthread_mutex_unlock(&w->r->lock);
		if (!rc && p->refused)
			adopt_refused(w, p->p.login, adopt_what(w, p), p->refused, 0);
		else if (!rc)
			(*people)++;
	}
	return rc;
}

int adopt_approve(struct roll *r, struct call *c, int64_t list_ms, struct arena *a, struct json **out, struct err *e)
{
	struct adopting w = begin(r, c, NULL, a);
	const char **details;
	int64_t people = 0;
	int rc = rows_of(&w, list_ms, &details, e);
	if (!rc)
		rc = take(&w, e);
	for (size_t i = 0; !rc && i < w.count; i++) {
		find_things(&w, &w.pairs[i], details[i]);
		rc = judge(&w, &w.pairs[i], e);
		if (!rc)
			compare(&w, &w.pairs[i], details[i]);
	}
	if (rc)
		return rc;
	rc = take_all(&w, &people, e);
	if (!rc)
		*out = answer(&w, people);
	return rc;
}

int adopt_reject(struct roll *r, int64_t list_ms, struct arena *a, struct json **out, struct err *e)
{
	struct adopting w = begin(r, NULL, NULL, a);
	const char **details;
	pthread_mutex_lock(&r->lock);
	int rc = rows_of(&w, list_ms, &details, e);
	for (size_t i = 0; !rc && i < w.count; i++)
		rc = beware(&w, &w.pairs[i].p, "its adoption was rejected", e);
	pthread_mutex_unlock(&r->lock);
	if (!rc)
		*out = answer(&w, (int64_t)w.count);
	return rc;
}
