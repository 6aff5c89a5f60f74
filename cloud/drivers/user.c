/* The sub-account.  It grants nothing by itself: no key, no policy. */
#include "cloud/drivers/driver.h"

#define PASSWORD_LENGTH 20

static int user_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	const struct json *user;
	int rc = user_look(c, want, found, &user, e);
	if (rc)
		return seen_from(rc, out);
	*out = str_eq(json_text(user, "Remark"), want->remark) ? SEEN_OK : SEEN_DRIFT;
	return 0;
}

/* The console password is our own, stored before the cloud gets it: one that the cloud made would be shown once. */
static int password(struct call *c, const struct account *want, const struct found *found, struct secret **out, struct err *e)
{
	int rc = c->journal->reveal(c->journal, SECRET_PASSWORD, want->user_name, out, e);
	if (rc != ERR_ABSENT)
		return rc;
	struct secret *made = secret_password(c->clock, PASSWORD_LENGTH);
	rc = c->journal->keep(c->journal, NULL, SECRET_PASSWORD, want->user_name, made, found, e);
	if (rc)
		secret_free(made);
	else
		*out = made;
	return rc;
}

static int add(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	AUTO_SECRET struct secret *secret = NULL;
	const struct json *answer;
	int rc = password(c, want, found, &secret, e);
	if (rc)
		return rc;
	struct json *p = call_arguments(c);
	json_put_text(p, "Name", want->user_name);
	json_put_text(p, "Remark", want->remark);
	json_put_int(p, "ConsoleLogin", 1);
	json_put_int(p, "UseApi", 0);           /* keys have a row of their own */
	json_put_text(p, "Password", secret_reveal(secret, NULL));
	json_put_int(p, "NeedResetPassword", 1);
	rc = call_do(c, want, ACT_ADD_USER, p, &answer, e);
	if (!rc && !json_uint(answer, "Uin", &found->uin, NULL))
		return 0;
	if (rc && !str_eq(e->code, "InvalidParameter.SubUserNameInUse"))
		return rc;
	/* Ours from a call whose answer was lost, or somebody else's. */
	struct err seen;
	const struct json *user;
	int look = user_look(c, want, found, &user, &seen);
	if (look == ERR_ABSENT)
		return rc ? rc : call_again(c, e, "the new sub-account cannot be seen yet");
	if (look)
		*e = seen;
	return look;
}

static int user_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	/* Somebody was told that no second one would be made. */
	if (!found->uin && found->adopt_uin)
		return err_set(e, ERR_PERM, "the sub-account \"%s\" that was to be adopted is not there any more", want->user_name);
	if (!found->uin)
		return add(c, want, found, e);
	struct json *p = call_arguments(c);
	json_put_text(p, "Name", want->user_name);
	json_put_text(p, "Remark", want->remark);
	return err_must_exist(call_do(c, want, ACT_UPDATE_USER, p, NULL, e), e);
}

static int leave_groups(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct attached *list;
	size_t count;
	int rc = groups_list(c, want, found->uin, &list, &count, e);
	for (size_t i = 0; !rc && i < count; i++)
		rc = group_leave(c, want, found, &list[i], e);
	return rc;
}

/* The barrier stays: it goes with the user, so that he never stands without it, whatever comes between. */
static int detach_all(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct attached *list;
	size_t count;
	int rc = attached_list(c, want, found->uin, &list, &count, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	for (size_t i = 0; !rc && i < count; i++)
		if (list[i].id != want->root->barrier_id)
			rc = attached_drop(c, want, found, list[i].id, arena_printf(c->arena, "policy \"%s\"", list[i].name), e);
	return rc;
}

/* The stored password goes before the user: the other way round nobody would come back for it. */
static int user_remove(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	const struct json *user;
	int rc = user_look(c, want, found, &user, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	bool there = !rc;
	rc = there ? call_may_destroy(c, e) : 0;
	if (rc)
		return rc;
	rc = c->journal->drop(c->journal, SECRET_PASSWORD, want->user_name, e);
	if (rc == ERR_ABSENT)
		rc = 0;
	if (rc || !there)
		return rc;
	rc = leave_groups(c, want, found, e);
	if (!rc)
		rc = detach_all(c, want, found, e);
	if (!rc) {
		struct json *p = call_arguments(c);
		json_put_text(p, "Name", want->user_name);
		json_put_int(p, "Force", 1);    /* whatever key appeared in the meantime goes, too */
		rc = call_do(c, want, ACT_DELETE_USER, p, NULL, e);
	}
	if (rc && rc != ERR_ABSENT)
		return rc;
	found->uin = 0;
	return 0;
}

const struct driver user_driver = { .name = "user", .observe = user_observe, .ensure = user_ensure, .remove = user_remove };
