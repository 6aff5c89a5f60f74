/* The API key.  Its secret is shown once, in the answer to CreateAccessKey: an intent before, a sealed copy in the
 * store after it, and a key whose secret did not get there is deleted and made anew.
 *
 * A user can have two keys.  Rotation needs both places: the key handed out before works on beside the new one until its
 * time is over, and the new one is proved and delivered.  A leaver loses both at once.
 *
 * Ours is the key that the store knows, or one that carries our mark.  What else the sub-account has was made by
 * hand; in the cut all are switched off, whoever made them. */
#include "cloud/drivers/driver.h"
#include "common/failpoint.h"

struct one { const char *id; bool active, ours; };
struct keys { size_t count; struct one *list; };

static int list(struct call *c, const struct account *want, const struct found *found, struct keys *k, struct err *e)
{
	const struct json *answer;
	struct json *p = call_arguments(c);
	json_put_uint(p, "TargetUin", found->uin);
	int rc = call_do(c, want, ACT_LIST_ACCESS_KEYS, p, &answer, e);
	*k = (struct keys){ 0 };
	if (rc)
		return str_eq(e->code, "ResourceNotFound.SecretNotExist") ? 0 : rc;
	const struct json *items = json_get(answer, "AccessKeys");
	k->list = arena_alloc(c->arena, json_count(items) * sizeof(*k->list));
	for (const struct json *item = json_first(items); item; item = json_next(item)) {
		const char *id = json_text(item, "AccessKeyId");
		if (!id)
			continue;
		k->list[k->count++] = (struct one){ .id = id, .active = !str_eq(json_text(item, "Status"), "Inactive"),
			.ours = str_eq(id, found->key_id) || str_eq(id, found->old_key_id) ||
				mark_judge(want, json_text(item, "Description")) == MARK_OURS };
	}
	return 0;
}

static struct one *find(struct keys *k, const char *id)
{
	for (size_t i = 0; *id && i < k->count; i++)
		if (!strcmp(k->list[i].id, id))
			return &k->list[i];
	return NULL;
}

static void forget_old(struct found *found)
{
	found->old_key_id[0] = '\0';
	found->old_key_until_ms = found->old_key_locked_ms = 0;
}

/* Active ones that somebody made by hand and that stay: told. */
static void leave(struct call *c, struct found *found, const struct keys *k)
{
	const char **things = arena_alloc(c->arena, (k->count + 1) * sizeof(*things));
	size_t n = 0;
	for (size_t i = 0; k->list && i < k->count && c->settings->by_hand_kept; i++)
		if (!k->list[i].ours && k->list[i].active)
			things[n++] = arena_printf(c->arena, "key \"%s\"", k->list[i].id);
	by_hand_left(c, found, "key", things, n, &found->keys_by_hand);
}

static const char *made_by(struct call *c, const struct account *want, const struct one *key)
{
	return key->ours ? NULL : arena_printf(c->arena, "a key that was made for \"%s\" by hand", want->user_name);
}

static int set_status(struct call *c, const struct account *want, const struct found *found, const char *id, const char *status,
	const char *about, struct err *e)
{
	struct json *p = call_arguments(c);
	if (PLANTED("key-kept-active") && str_eq(status, "Inactive"))
		return 0;
	json_put_text(p, "AccessKeyId", id);
	json_put_text(p, "Status", status);
	json_put_uint(p, "TargetUin", found->uin);
	return call_told(c, want, ACT_UPDATE_ACCESS_KEY, p, about, e);
}

static int switch_off(struct call *c, const struct account *want, const struct found *found, struct one *key, struct err *e)
{
	if (!key->active)
		return 0;
	int rc = set_status(c, want, found, key->id, "Inactive", made_by(c, want, key), e);
	if (!rc)
		key->active = false;
	return rc == ERR_ABSENT ? 0 : rc;
}

/* Whether an active key can be deleted is not documented, so it is switched off first.  The stored secret goes
 * before the key: the other way round nobody would come back for it. */
static int delete(struct call *c, const struct account *want, struct found *found, struct one *key, struct err *e)
{
	int rc = switch_off(c, want, found, key, e);
	if (!rc && key->ours)
		rc = c->journal->drop(c->journal, SECRET_KEY, key->id, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	struct json *p = call_arguments(c);
	json_put_text(p, "AccessKeyId", key->id);
	json_put_uint(p, "TargetUin", found->uin);
	rc = call_told(c, want, ACT_DELETE_ACCESS_KEY, p, made_by(c, want, key), e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	key->active = false;
	if (str_eq(found->key_id, key->id))
		found->key_id[0] = '\0';
	if (str_eq(found->old_key_id, key->id))
		forget_old(found);
	return 0;
}

/* --- is it time? ------------------------------------------------------------------------ */

/* A listing may lag behind the call, and the call behind its time-out: before this much time has passed, a key that
 * is not listed may still appear.  (cloud.settle where that is shorter.) */
#define KEY_SETTLE_MS 60000

static int64_t settle_ms(const struct call *c)
{
	return c->settings->settle_ms < KEY_SETTLE_MS ? c->settings->settle_ms : KEY_SETTLE_MS;
}

/* Made so lately that a listing may not have it. */
static bool is_young(const struct call *c, const struct found *found)
{
	int64_t age = clock_now(c->clock) - found->key_created_ms;
	return *found->key_id && age >= 0 && age < settle_ms(c);
}

/* Not listed, for too short a time to believe that it is gone: another one next to it would be one too many. */
static bool is_missed(const struct call *c, struct found *found, const struct one *mine)
{
	if (mine || !*found->key_id) {
		found->key_missed_ms = 0;
		return false;
	}
	if (!found->key_missed_ms)
		found->key_missed_ms = clock_now(c->clock);
	return !call_settled(c, found->key_missed_ms, settle_ms(c));
}

/* Another one is to be made.  What was asked for is compared, not ordered: clocks are set back, too. */
static bool is_due(const struct call *c, const struct account *want, const struct found *found)
{
	int64_t age = c->settings->key_age_ms;
	bool asked = want->key_asked_ms && want->key_asked_ms != found->key_asked_ms;
	return asked || (age && !PLANTED("key-for-ever") && clock_now(c->clock) - found->key_created_ms >= age);
}

/* Does the key before this one work on?  Whoever has no proved and delivered new key yet needs it. */
static bool old_stays(struct call *c, const struct account *want, const struct found *found)
{
	bool proved = str_eq(found->proof, PROOF_ISOLATED) && found->proof_ms >= found->key_created_ms;
	if (!*found->old_key_id || want->key_again)
		return false;
	return clock_now(c->clock) < found->old_key_until_ms || !proved || !want->key_delivered || PLANTED("old-key-stays");
}

/* When the clock was ahead as it was made, its time would not end. */
static void bound_overlap(struct call *c, struct found *found)
{
	int64_t most = clock_now(c->clock) + c->settings->key_overlap_ms;
	if (*found->old_key_id && found->old_key_until_ms > most)
		found->old_key_until_ms = most;
}

#define BY_A_HUMAN (-1)

/* Off, and by us: a cut that failed half-way, or of which nothing could be written down, may have done that, too. */
static bool old_was_cut(const struct found *found, const struct one *mine, const struct one *old)
{
	bool cut = found->key_locked_ms || found->old_key_locked_ms || (mine && !mine->active);
	return old && !old->active && cut && found->old_key_locked_ms != BY_A_HUMAN;
}

/* What an administrator switched off stays so, also when a cut comes later; a cut that did nothing to it says nothing of what
 * happens one day. */
static void judge_old(const struct call *c, struct found *found, const struct one *mine, const struct one *old)
{
	int64_t ago = clock_now(c->clock) - found->old_key_locked_ms;
	if (old && old->active && (ago < 0 || ago >= settle_ms(c)))
		found->old_key_locked_ms = 0;
	else if (old && !old->active && !old_was_cut(found, mine, old))
		found->old_key_locked_ms = BY_A_HUMAN;
}

static int key_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	struct keys k;
	int rc = user_need(c, want, found, e);
	if (!rc)
		rc = list(c, want, found, &k, e);
	if (rc) {
		rc = seen_from(rc, out);
		/* What is remembered of a key goes like a key. */
		if (!rc && *out == SEEN_NONE && (*found->key_id || *found->old_key_id))
			*out = SEEN_LOCKED;
		return rc;
	}
	const struct one *mine = find(&k, found->key_id), *old = find(&k, found->old_key_id);
	if (mine)
		found->key_missed_ms = 0;
	leave(c, found, &k);
	bound_overlap(c, found);
	judge_old(c, found, mine, old);
	bool both = old_stays(c, want, found), is_known = *found->key_id || *found->old_key_id;
	bool any_active = !mine && is_young(c, found) && !found->key_locked_ms;
	bool odd = !mine || !mine->active || want->key_again || (!both && (*found->old_key_id || is_due(c, want, found)));
	odd |= both && old_was_cut(found, mine, old);
	for (size_t i = 0; i < k.count; i++) {
		const struct one *key = &k.list[i];
		any_active |= key->active;
		if (key != mine && key != old && (key->ours || (key->active && !c->settings->by_hand_kept)))
			odd = true;
	}
	*out = !k.count && !is_known ? SEEN_NONE : !any_active ? SEEN_LOCKED : odd ? SEEN_DRIFT : SEEN_OK;
	return 0;
}

/* --- an unknown outcome ------------------------------------------------------------- */

/* If the key was made nobody knows its secret, so nothing is lost by deleting it. */
static int key_resolve(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct intent *intents;
	size_t count;
	struct keys k = { 0 };
	bool deleted = false;
	int rc = c->journal->open_intents(c->journal, ROW_KEY, c->arena, &intents, &count, e);
	if (rc || !count)
		return rc;
	rc = user_need(c, want, found, e);
	if (!rc)
		rc = list(c, want, found, &k, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	for (size_t i = 0; i < k.count; i++) {
		if (!k.list[i].ours || str_eq(k.list[i].id, found->key_id) || str_eq(k.list[i].id, found->old_key_id))
			continue;
		rc = delete(c, want, found, &k.list[i], e);
		if (rc)
			return rc;
		deleted = true;
	}
	rc = 0;
	for (size_t i = 0; !rc && i < count; i++) {
		if (!deleted && !call_settled(c, intents[i].written_ms, settle_ms(c)))
			return call_again(c, e, "a key of unknown outcome may still appear");
		rc = c->journal->settle(c->journal, &intents[i], OUTCOME_ABSENT, found, e);
	}
	return rc;
}

/* --- building ------------------------------------------------------------------------- */

/* before: the key that works on beside it for a while; NULL: that is not another one than is known. */
static int create(struct call *c, const struct account *want, struct found *found, const struct one *before, struct err *e)
{
	const struct json *answer;
	struct intent intent;
	struct json *p = call_arguments(c);
	json_put_uint(p, "TargetUin", found->uin);
	json_put_text(p, "Description", want->mark);
	int rc = call_once(c, want, found, ACT_CREATE_ACCESS_KEY, want->user_name, 0, p, &intent, &answer, e);
	if (rc)
		return err_must_exist(rc, e);
	const char *id = json_text(answer, "AccessKey.AccessKeyId"), *text = json_text(answer, "AccessKey.SecretAccessKey");
	if (!id || !text || !*id || !*text)
		return err_set(e, ERR_UNKNOWN, "CreateAccessKey: the answer has no key");
	AUTO_SECRET struct secret *secret = secret_text(text);
	struct found made = *found;
	str_copy(made.key_id, sizeof(made.key_id), id);
	made.key_created_ms = clock_now(c->clock);
	made.key_locked_ms = made.key_missed_ms = made.old_key_locked_ms = 0;
	made.key_asked_ms = want->key_asked_ms;
	if (before) {
		str_copy(made.old_key_id, sizeof(made.old_key_id), before->id);
		made.old_key_until_ms = made.key_created_ms + c->settings->key_overlap_ms;
	}
	/* What rests on the key was right for another one. */
	made.verified_ms[ROW_PROOF] = made.verified_ms[ROW_DELIVERY] = made.verified_ms[ROW_AGENT] = 0;
	rc = c->journal->keep(c->journal, &intent, SECRET_KEY, id, secret, &made, e);
	/* Not kept is not had: the intent is open, and resolve() deletes this key. */
	if (!rc)
		*found = made;
	return rc;
}

/* Is the key that the store knows fit to stay? */
static int fit(struct call *c, const struct account *want, const struct found *found, const struct one *mine, bool *yes,
	struct err *e)
{
	AUTO_SECRET struct secret *secret = NULL;
	*yes = false;
	/* Back after long: the old key is not switched on again. */
	if (!mine || (want->key_again && (found->key_locked_ms || !mine->active)))
		return 0;
	int rc = c->journal->reveal(c->journal, SECRET_KEY, mine->id, &secret, e);
	*yes = !rc;
	return rc == ERR_ABSENT ? 0 : rc;
}

struct keeping {
	struct one *mine, *old;        /* those that stay; NULL: not listed, or does not stay */
	bool both;                     /* the old one works on, listed or not */
};

/* Keys that must not be there next to ours.  make_room: those made by hand, too, since two is the limit. */
static int tidy(struct call *c, const struct account *want, struct found *found, struct keys *k, const struct keeping *kept,
	bool make_room, struct err *e)
{
	int rc = 0;
	/* It may be there though it is not listed. */
	if (*found->old_key_id && !kept->both && !find(k, found->old_key_id)) {
		struct one hidden = { .id = arena_strdup(c->arena, found->old_key_id), .active = true, .ours = true };
		rc = delete(c, want, found, &hidden, e);
	}
	for (size_t i = 0; !rc && i < k->count; i++) {
		struct one *key = &k->list[i];
		if (key == kept->mine || key == kept->old)
			continue;
		if (key->ours || make_room)
			rc = delete(c, want, found, key, e);
		else if (!c->settings->by_hand_kept)
			rc = switch_off(c, want, found, key, e);
	}
	leave(c, found, k);
	return rc;
}

/* The old one only if it was us who switched it off. */
static int switch_on(struct call *c, const struct account *want, struct found *found, const struct keeping *kept, struct err *e)
{
	bool was_cut = old_was_cut(found, kept->mine, kept->old);
	int rc = kept->mine->active ? 0 : set_status(c, want, found, kept->mine->id, "Active", NULL, e);
	if (!rc && was_cut)
		rc = set_status(c, want, found, kept->old->id, "Active", NULL, e);
	if (!rc)
		found->key_locked_ms = 0;
	if (!rc && found->old_key_locked_ms != BY_A_HUMAN)
		found->old_key_locked_ms = 0;
	return rc;
}

static size_t by_others(const struct keys *k)
{
	size_t n = 0;
	for (size_t i = 0; i < k->count; i++)
		n += !k->list[i].ours;
	return n;
}

static int key_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct keys k;
	bool stays;
	int rc = key_resolve(c, want, found, e);
	if (!rc)
		rc = user_need(c, want, found, e);
	if (!rc)
		rc = list(c, want, found, &k, e);
	if (rc)
		return err_must_exist(rc, e);
	struct one *mine = find(&k, found->key_id);
	if (is_missed(c, found, mine))
		return call_again(c, e, "a listing does not show his key");
	rc = fit(c, want, found, mine, &stays, e);
	if (rc)
		return rc;
	struct keeping kept = { .mine = stays ? mine : NULL, .both = old_stays(c, want, found) };
	kept.old = kept.both ? find(&k, found->old_key_id) : NULL;
	/* Whoever comes back, or needs the place, loses the keys made by hand. */
	bool back = mine && !mine->active, rotate = stays && !back && !kept.both && is_due(c, want, found);
	bool make_room = back || want->key_again || rotate || (!stays && by_others(&k) + kept.both >= 2);
	rc = tidy(c, want, found, &k, &kept, make_room, e);
	if (rc)
		return err_must_exist(rc, e);
	if (!stays || rotate)
		return create(c, want, found, kept.mine, e);
	return err_must_exist(switch_on(c, want, found, &kept, e), e);
}

/* --- taking away ------------------------------------------------------------------------ */

static void begin_lock(const struct call *c, struct found *found)
{
	if (*found->old_key_id && found->old_key_locked_ms != BY_A_HUMAN)
		found->old_key_locked_ms = clock_now(c->clock);
}

/* The two that were handed out, without looking: a listing may not have them yet.  k: but for those that are in it. */
static void strike(struct call *c, const struct account *want, struct found *found, struct keys *k, struct err *worst)
{
	struct err e;
	const char *const known[] = { found->key_id, found->old_key_id };
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!*known[i] || (k && find(k, known[i])))
			continue;
		int rc = set_status(c, want, found, known[i], "Inactive", NULL, &e);
		if (rc && rc != ERR_ABSENT)
			err_worse(worst, &e);
	}
}

static int key_lock(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct keys k;
	struct err worst = { 0 };
	int rc = user_need(c, want, found, e);
	if (!rc)
		rc = list(c, want, found, &k, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	begin_lock(c, found);
	for (size_t i = 0; i < k.count; i++) {
		if (PLANTED("ours-only") && !k.list[i].ours)
			continue;
		if (switch_off(c, want, found, &k.list[i], e))
			err_worse(&worst, e);
	}
	strike(c, want, found, &k, &worst);
	if (!worst.kind && (k.count || *found->key_id) && !found->key_locked_ms)
		found->key_locked_ms = clock_now(c->clock);
	if (worst.kind)
		*e = worst;
	return worst.kind;
}

/* A key that others deleted, or a call whose answer was lost: its secret is worth nothing, and is not kept. */
static int forget(struct call *c, struct found *found, struct err *e)
{
	int rc = *found->key_id ? c->journal->drop(c->journal, SECRET_KEY, found->key_id, e) : 0;
	if (rc && rc != ERR_ABSENT)
		return rc;
	found->key_id[0] = '\0';
	rc = *found->old_key_id ? c->journal->drop(c->journal, SECRET_KEY, found->old_key_id, e) : 0;
	if (rc && rc != ERR_ABSENT)
		return rc;
	forget_old(found);
	return 0;
}

static int key_remove(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct keys k;
	/* All off before the first is deleted. */
	int rc = key_lock(c, want, found, e);
	if (!rc)
		rc = user_need(c, want, found, e);
	if (!rc)
		rc = list(c, want, found, &k, e);
	for (size_t i = 0; !rc && i < k.count; i++)
		rc = delete(c, want, found, &k.list[i], e);
	return rc && rc != ERR_ABSENT ? rc : forget(c, found, e);
}

/* First strike of the cut: from these calls on what was handed out is worth nothing. */
static int key_cut(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct err worst = { 0 };
	if (!found->uin || (!*found->key_id && !*found->old_key_id))
		return 0;
	begin_lock(c, found);
	strike(c, want, found, NULL, &worst);
	if (worst.kind)
		*e = worst;
	else if (!found->key_locked_ms)
		found->key_locked_ms = clock_now(c->clock);
	return worst.kind;
}

const struct driver key_driver = { .name = "key", .observe = key_observe, .ensure = key_ensure, .lock = key_lock,
	.remove = key_remove, .cut = key_cut, .resolve = key_resolve };
