#include "cloud/drivers/driver.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/failpoint.h"

#define PAGE 100
#define MAX_PAGES 200

struct json *call_arguments(struct call *c)
{
	return json_object(c->arena);
}

void call_list(struct call *c, struct json *object, const char *name, const char *only_item)
{
	struct json *list = json_array(c->arena);
	json_push_text(list, only_item);
	json_put(object, name, list);
}

void call_tags(struct call *c, struct json *object, const struct account *want)
{
	struct json *list = json_array(c->arena), *tag = json_object(c->arena);
	json_put_text(tag, "Key", MARK_TAG);
	json_put_text(tag, "Value", want->mark);
	json_push(list, tag);
	json_put(object, "Tags", list);
}

int call_again(struct call *c, struct err *e, const char *what)
{
	return err_due(e, ERR_WAIT, clock_now(c->clock) + c->settings->poll_ms, "%s", what);
}

bool call_settled(const struct call *c, int64_t since_ms, int64_t for_ms)
{
	if (c->unbroken_ms && c->unbroken_ms(c->unbroken_ctx) < for_ms && !PLANTED("jump-settles"))
		return false;
	return clock_now(c->clock) - since_ms >= for_ms;
}

int seen_from(int rc, enum seen *out)
{
	if (rc == ERR_ABSENT)
		*out = SEEN_NONE;
	else if (rc == ERR_FOREIGN)
		*out = SEEN_FOREIGN;
	else
		return rc;
	return 0;
}

int err_worse(struct err *worst, const struct err *e)
{
	if (!worst->kind || err_rank(e->kind) > err_rank(worst->kind))
		*worst = *e;
	return worst->kind;
}

/* --- the sub-account ------------------------------------------------------------ */

int user_look(struct call *c, const struct account *want, struct found *found, const struct json **user, struct err *e)
{
	const struct json *answer;
	struct json *p = call_arguments(c);
	json_put_text(p, "Name", want->user_name);
	int rc = call_do(c, want, ACT_GET_USER, p, &answer, e);
	uint64_t uin = 0;
	if (!rc && json_uint(answer, "Uin", &uin, NULL))
		rc = err_set(e, ERR_TEMP, "GetUser: the sub-account \"%s\" has no \"Uin\"", want->user_name);
	enum mark_owner owner = rc ? MARK_NONE : mark_judge(want, json_text(answer, "Remark"));
	bool adopts = owner == MARK_NONE && found->adopt_uin && found->adopt_uin == uin;
	/* Somebody wrote over the remark of one that was seen with our mark: he is ours as before, and can be cut. */
	bool known = owner == MARK_NONE && found->uin && found->uin == uin;
	if (!rc && owner != MARK_OURS && !adopts && !known)
		rc = err_set(e, ERR_FOREIGN, "the sub-account \"%s\" does not carry our mark", want->user_name);
	if (owner == MARK_OURS)
		found->adopt_uin = 0;
	if (!rc || rc == ERR_ABSENT || rc == ERR_FOREIGN)
		found->uin = rc ? 0 : uin;
	if (!rc)
		*user = answer;
	return rc;
}

int user_need(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	const struct json *user;
	return found->uin ? 0 : user_look(c, want, found, &user, e);
}

/* --- policies --------------------------------------------------------------------- */

int attached_add(struct call *c, const struct account *want, struct found *found, uint64_t policy_id, struct err *e)
{
	struct json *p = call_arguments(c);
	json_put_uint(p, "PolicyId", policy_id);
	json_put_uint(p, "AttachUin", found->uin);
	int rc = call_do(c, want, ACT_ATTACH_USER_POLICY, p, NULL, e);
	if (!rc)
		found->policy_changed_ms = clock_now(c->clock);
	if (rc == ERR_ABSENT && !strstr(e->code, "UserNotExist"))
		rc = e->kind = ERR_TEMP;       /* the policy is gone: that is no success */
	return rc;
}

int attached_drop(struct call *c, const struct account *want, struct found *found, uint64_t policy_id, const char *about,
	struct err *e)
{
	struct json *p = call_arguments(c);
	json_put_uint(p, "PolicyId", policy_id);
	json_put_uint(p, "DetachUin", found->uin);
	int rc = call_told(c, want, ACT_DETACH_USER_POLICY, p, about, e);
	if (!rc)
		found->policy_changed_ms = clock_now(c->clock);
	return rc == ERR_ABSENT ? 0 : rc;
}

int group_leave(struct call *c, const struct account *want, struct found *found, const struct attached *group, struct err *e)
{
	struct json *p = call_arguments(c), *list = json_array(c->arena), *one = call_arguments(c);
	json_put_uint(one, "GroupId", group->id);
	json_put_uint(one, "Uin", found->uin);
	json_push(list, one);
	json_put(p, "Info", list);
	int rc = call_told(c, want, ACT_REMOVE_USER_FROM_GROUP, p, arena_printf(c->arena, "group \"%s\", to which \"%s\" was added by "
		"hand", group->name, want->user_name), e);
	if (!rc)
		found->policy_changed_ms = clock_now(c->clock);
	return rc == ERR_ABSENT ? 0 : rc;
}

int policy_find(struct call *c, const struct account *want, const char *name, uint64_t *id, const char **description,
	struct err *e)
{
	uint64_t seen = 0;
	for (uint64_t page = 1; page <= MAX_PAGES; page++) {
		const struct json *answer;
		struct json *p = call_arguments(c);
		json_put_text(p, "Keyword", name);     /* matches parts of names */
		json_put_text(p, "Scope", "Local");
		json_put_uint(p, "Rp", PAGE);
		json_put_uint(p, "Page", page);
		int rc = call_do(c, want, ACT_LIST_POLICIES, p, &answer, e);
		if (rc)
			return rc;
		const struct json *items = json_get(answer, "List");
		for (const struct json *item = json_first(items); item; item = json_next(item)) {
			seen++;
			if (!str_eq(json_text(item, "PolicyName"), name))
				continue;
			*description = json_text(item, "Description");
			return json_uint(item, "PolicyId", id, e);
		}
		if (!json_first(items) || seen >= (uint64_t)json_int_or(answer, "TotalNum", 0))
			break;
	}
	return err_set(e, ERR_ABSENT, "there is no policy \"%s\"", name);
}

bool document_same(struct arena *a, const char *one, const char *other)
{
	struct json *x, *y;
	struct err e;
	return one && other && !json_parse(a, one, strlen(one), &x, &e) && !json_parse(a, other, strlen(other), &y, &e) &&
		json_equal(x, y);
}

int document_check(const char *name, const char *document, struct err *e)
{
	/* Left in, "${uin}" would be a policy variable with another meaning: the visitor's own number. */
	if (strstr(document, "${"))
		return err_set(e, ERR_PERM, "policy \"%s\" still holds \"${\": it was not sent", name);
	if (strlen(document) > POLICY_MAX)
		return err_set(e, ERR_PERM, "policy \"%s\" has %zu characters, more than %d: it was not sent", name,
			strlen(document), POLICY_MAX);
	return 0;
}

/* --- the rest ----------------------------------------------------------------------- */

int key_secret(struct call *c, struct found *found, struct secret **out, struct err *e)
{
	int rc = *found->key_id ? c->journal->reveal(c->journal, SECRET_KEY, found->key_id, out, e) : ERR_ABSENT;
	if (rc != ERR_ABSENT)
		return rc;
	rc = err_set(e, ERR_TEMP, "the secret of key \"%s\" is not stored: a new key will be made", found->key_id);
	found->key_id[0] = '\0';
	found->verified_ms[ROW_KEY] = 0;
	return rc;
}

void note_set(struct found *found, const char *row, const char *fmt, ...)
{
	char text[sizeof(found->note)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	char whole[sizeof(found->note) + 32];
	snprintf(whole, sizeof(whole), "%s: %s", row, text);
	str_copy(found->note, sizeof(found->note), whole);
}

/* Of each thing alone, so that the order of a listing does not matter. */
static uint64_t sum_of(const char *thing)
{
	uint64_t h = 0xcbf29ce484222325;        /* FNV-1a */
	for (; *thing; thing++)
		h = (h ^ (unsigned char)*thing) * 0x100000001b3;
	return h;
}

void by_hand_left(struct call *c, struct found *found, const char *row, const char *const *things, size_t count, uint64_t *told)
{
	uint64_t sum = 0;
	struct str s;
	str_init(&s, c->arena);
	for (size_t i = 0; i < count; i++) {
		sum += sum_of(things[i]);
		str_addf(&s, "%s%s", i ? ", " : "", things[i]);
	}
	note_clear(found, row);
	if (count)
		note_set(found, row, "given by hand: %s", s.text);
	if (count && sum != *told && c->journal && !c->plan)
		c->journal->did(c->journal, c->row, arena_printf(c->arena, "given by hand, and left: %s", s.text), "");
	*told = sum;
}

void note_clear(struct found *found, const char *row)
{
	size_t n = strlen(row);
	if (!strncmp(found->note, row, n) && found->note[n] == ':')
		found->note[0] = '\0';
}
