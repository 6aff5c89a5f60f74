/* Console login of the sub-account.  Locked, its password is worth nothing; opened again, it gets a new one, which
 * we choose, since one that the cloud makes is not told. */
#include "cloud/drivers/driver.h"

#define PASSWORD_LENGTH 20

static int console_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	const struct json *user;
	int rc = user_look(c, want, found, &user, e);
	if (rc)
		return seen_from(rc, out);
	if (json_int_or(user, "ConsoleLogin", 0) == 1)
		*out = SEEN_OK;
	else
		/* The remark says why somebody is held; the user row does not look at people who are. */
		*out = str_eq(json_text(user, "Remark"), want->remark) ? SEEN_LOCKED : SEEN_DRIFT;
	return 0;
}

static int console_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	AUTO_SECRET struct secret *secret = secret_password(c->clock, PASSWORD_LENGTH);
	int rc = c->journal->keep(c->journal, NULL, SECRET_PASSWORD, want->user_name, secret, found, e);
	if (rc)
		return rc;
	struct json *p = call_arguments(c);
	json_put_text(p, "Name", want->user_name);
	json_put_int(p, "ConsoleLogin", 1);
	json_put_text(p, "Password", secret_reveal(secret, NULL));
	json_put_int(p, "NeedResetPassword", 1);
	json_put_text(p, "Remark", want->remark);
	return err_must_exist(call_do(c, want, ACT_UPDATE_USER, p, NULL, e), e);
}

static int switch_off(struct call *c, const struct account *want, struct err *e)
{
	struct json *p = call_arguments(c);
	json_put_text(p, "Name", want->user_name);
	json_put_int(p, "ConsoleLogin", 0);
	json_put_text(p, "Remark", want->remark);
	int rc = call_do(c, want, ACT_UPDATE_USER, p, NULL, e);
	return rc == ERR_ABSENT ? 0 : rc;
}

static int console_lock(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	enum seen seen = SEEN_NONE;
	int rc = console_observe(c, want, found, &seen, e);
	if (rc || seen == SEEN_NONE || seen == SEEN_LOCKED || seen == SEEN_FOREIGN)
		return rc;
	return switch_off(c, want, e);
}

static int console_cut(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	return found->uin ? switch_off(c, want, e) : 0;
}

const struct driver console_driver = { .name = "console", .observe = console_observe, .ensure = console_ensure,
	.lock = console_lock, .remove = console_lock, .cut = console_cut };
