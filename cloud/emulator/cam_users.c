/* cam: sub-accounts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

static const char name_characters[] = ALPHABET_KEY "+=,.@_-";

static struct user *need_user(struct call *c, const char *name)
{
	struct user *u = user_by_name(c->em, name);
	if (!u)
		call_fail(c, "ResourceNotFound.UserNotExist", "The user `%.64s` does not exist.", name);
	return u;
}

/* --- passwords ---------------------------------------------------------------------- */

static bool has_any(const char *text, const char *set)
{
	return strpbrk(text, set) != NULL;
}

/* The default rules: at least 8 characters of all four kinds. */
static bool password_fits(const char *text)
{
	size_t n = strlen(text);
	return n >= 8 && n <= 32 && has_any(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") && has_any(text,
		"abcdefghijklmnopqrstuvwxyz") &&
		has_any(text, "0123456789") && has_any(text, "!@#$%^&*()_+-=[]{}|;:,.<>?/~`'\"\\");
}

static int check_password(struct call *c)
{
	const char *password = text_of(c, "Password");
	if (password && *password && !password_fits(password))
		return call_fail(c, "InvalidParameter.PasswordViolatedRules", "The password does not fit the rules.");
	return 0;
}

static void put_generated_password(struct call *c)
{
	char text[33];
	rng_text(&c->em->rng, text, 32, ALPHABET_KEY);
	memcpy(text + 8, "aA1!", 4);
	json_put_text(c->out, "Password", text);
	secret_wipe(text, sizeof(text));
}

/* --- writing ------------------------------------------------------------------------- */

static void copy_fields(struct call *c, struct user *u)
{
	const struct { const char *name; char *to; size_t size; } texts[] = {
		{ "Remark", u->remark, sizeof(u->remark) }, { "PhoneNum", u->phone, sizeof(u->phone) },
		{ "CountryCode", u->country, sizeof(u->country) }, { "Email", u->email, sizeof(u->email) },
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (text_of(c, texts[i].name))
			str_copy(texts[i].to, texts[i].size, text_of(c, texts[i].name));
	u->console = int_of(c, "ConsoleLogin", u->console);
	u->need_reset = int_of(c, "NeedResetPassword", u->need_reset);
}

static struct user *user_new(struct emulator *em, const char *name)
{
	struct user *u = mem_alloc(sizeof(*u));
	u->uin = em->last_uin++;
	u->uid = em->last_uid++;
	u->created = business_now(em);
	snprintf(u->uin_text, sizeof(u->uin_text), "%" PRIu64, u->uin);
	str_copy(u->name, sizeof(u->name), name);
	list_add(&em->users, u);
	index_put(&em->users_by_name, u->name, u);
	index_put(&em->users_by_uin, u->uin_text, u);
	return u;
}

static int add_user(struct call *c)
{
	const char *name = text_of(c, "Name");
	if (name[strspn(name, name_characters)])
		return call_fail(c, "InvalidParameter.UserNameIllegal",
			"The user name holds characters that are not allowed.");
	if (user_by_name(c->em, name))
		return call_fail(c, "InvalidParameter.SubUserNameInUse", "The user name `%s` is in use.", name);
	if (c->em->users.count >= quota(c->em, 1000))
		return call_fail(c, "InvalidParameter.SubUserFull",
			"The number of sub-accounts has reached its limit.");
	if (check_password(c))
		return -1;
	struct user *u = user_new(c->em, name);
	copy_fields(c, u);
	json_put_uint(c->out, "Uin", u->uin);
	json_put_text(c->out, "Name", u->name);
	json_put_uint(c->out, "Uid", u->uid);
	const char *password = text_of(c, "Password");
	if (u->console && (!password || !*password))
		put_generated_password(c);
	if (int_of(c, "UseApi", 0)) {
		struct key *k = key_issue(c->em, u, NULL, NULL, "");
		json_put_text(c->out, "SecretId", k->id);
		json_put_text(c->out, "SecretKey", secret_reveal(k->secret, NULL));
	}
	return 0;
}

static int update_user(struct call *c)
{
	struct user *u = need_user(c, text_of(c, "Name"));
	if (!u || check_password(c))
		return -1;
	copy_fields(c, u);
	return 0;
}

/* Keys stay in the books as deleted: whoever still signs with one must be refused for ever. */
static void drop_user(struct emulator *em, struct user *u)
{
	for (size_t i = 0; i < u->key_count; i++) {
		u->keys[i]->deleted = true;
		u->keys[i]->user = NULL;
	}
	for (size_t i = 0; i < u->group_count; i++)
		u->groups[i]->members--;
	for (struct grant *g; (g = grants_find(&u->grants, NULL));)
		grants_close(em, g, &g->policy->attached);
	for (struct grant *g; (g = grants_find(&u->boundary, NULL));)
		grants_close(em, g, &g->policy->bounding);
	index_remove(&em->users_by_name, u->name);
	index_remove(&em->users_by_uin, u->uin_text);
	list_remove(&em->users, u);
	user_free(em, u);
}

static int delete_user(struct call *c)
{
	struct user *u = need_user(c, text_of(c, "Name"));
	if (!u)
		return -1;
	if (u->key_count && !int_of(c, "Force", 0))
		return call_fail(c, "OperationDenied.HaveKeys", "The user still has access keys.");
	if (u == c->caller)
		return call_fail(c, "FailedOperation.Unmodifiable", "A user cannot delete himself.");
	drop_user(c->em, u);
	return 0;
}

/* --- reading -------------------------------------------------------------------------- */

static void put_user(struct json *o, const struct user *u)
{
	json_put_uint(o, "Uin", u->uin);
	json_put_text(o, "Name", u->name);
	json_put_uint(o, "Uid", u->uid);
	json_put_text(o, "Remark", u->remark);
	json_put_int(o, "ConsoleLogin", u->console);
	json_put_text(o, "PhoneNum", u->phone);
	json_put_text(o, "CountryCode", u->country);
	json_put_text(o, "Email", u->email);
}

static int get_user(struct call *c)
{
	const struct user *u = need_user(c, text_of(c, "Name"));
	if (!u)
		return -1;
	put_user(c->out, u);
	json_put_text(c->out, "RecentlyLoginIP", "");
	json_put_text(c->out, "RecentlyLoginTime", "");
	return 0;
}

static int list_users(struct call *c)
{
	struct json *data = json_array(c->arena);
	for (size_t i = 0; i < c->em->users.count; i++) {
		const struct user *u = c->em->users.items[i];
		struct json *o = json_object(c->arena);
		put_user(o, u);
		json_put_text(o, "CreateTime", beijing(c->arena, u->created));
		json_put_text(o, "NickName", "");
		json_push(data, o);
	}
	json_put(c->out, "Data", data);
	return 0;
}

/* The marker is the UIN after which to go on; UINs grow. */
static int list_accounts(struct call *c)
{
	const char *marker = text_of(c, "Marker"), *type = text_of(c, "UserType");
	if (marker && marker[strspn(marker, "0123456789")])
		return call_fail(c, "InvalidParameter.PaginationTokenInvalid",
			"The marker is not one that was given out.");
	uint64_t after = marker ? strtoull(marker, NULL, 10) : 0, last = 0;
	int64_t room = int_of(c, "MaxItems", 100);
	bool more = false;
	struct json *users = json_array(c->arena);
	for (size_t i = 0; i < c->em->users.count && !more && (!type || str_eq(type, "SubUser")); i++) {
		const struct user *u = c->em->users.items[i];
		if (u->uin <= after)
			continue;
		more = room-- == 0;
		if (more)
			break;
		struct json *o = json_object(c->arena);
		put_user(o, u);
		json_put_text(o, "CreateTime", beijing(c->arena, u->created));
		json_put_text(o, "UserType", "SubUser");
		json_push(users, o);
		last = u->uin;
	}
	json_put(c->out, "Users", users);
	json_put_text(c->out, "Marker", more ? arena_printf(c->arena, "%" PRIu64, last) : "");
	json_put_bool(c->out, "IsTruncated", more);
	return 0;
}

static int describe_sub_accounts(struct call *c)
{
	struct json *list = json_array(c->arena);
	for (const struct json *v = json_first(json_get(c->in, "FilterSubAccountUin")); v; v = json_next(v)) {
		const struct user *u = user_by_uin(c->em, (uint64_t)json_int_or(v, "", 0));
		if (!u)
			continue;
		struct json *o = json_object(c->arena);
		json_put_uint(o, "Uin", u->uin);
		json_put_text(o, "Name", u->name);
		json_put_uint(o, "Uid", u->uid);
		json_put_text(o, "Remark", u->remark);
		json_put_text(o, "CreateTime", beijing(c->arena, u->created));
		json_put_int(o, "UserType", 2);
		json_put_text(o, "LastLoginIp", "");
		json_put_text(o, "LastLoginTime", "");
		json_push(list, o);
	}
	json_put(c->out, "SubAccounts", list);
	return 0;
}

static int get_user_app_id(struct call *c)
{
	const char *owner = arena_printf(c->arena, "%" PRIu64, c->em->owner_uin);
	json_put_text(c->out, "Uin", c->caller ? c->caller->uin_text : owner);
	json_put_text(c->out, "OwnerUin", owner);
	json_put_uint(c->out, "AppId", c->em->app_id);
	return 0;
}

static int get_account_summary(struct call *c)
{
	size_t members = 0, custom = 0;
	for (size_t i = 0; i < c->em->groups.count; i++)
		members += ((const struct group *)c->em->groups.items[i])->members;
	for (size_t i = 0; i < c->em->policies.count; i++)
		custom += !((const struct policy *)c->em->policies.items[i])->preset;
	json_put_uint(c->out, "Policies", custom);
	json_put_int(c->out, "Roles", 0);
	json_put_int(c->out, "Idps", 0);
	json_put_uint(c->out, "User", c->em->users.count);
	json_put_uint(c->out, "Group", c->em->groups.count);
	json_put_uint(c->out, "Member", members);
	json_put_int(c->out, "IdentityProviders", 0);
	return 0;
}

/* --- tables ------------------------------------------------------------------------------ */

#define NAME TEXT("Name", NEEDED, RANGE(1, 64), .code = "InvalidParameter.UserNameIllegal")
#define CONTACT TEXT("PhoneNum", RANGE(0, 32)), TEXT("CountryCode", RANGE(0, 8)), TEXT("Email", RANGE(0, 128))
#define YES_OR_NO RANGE(0, 1)

static const struct param add_params[] = {
	NAME, TEXT("Remark", RANGE(0, 1024)), INT("ConsoleLogin", YES_OR_NO), INT("UseApi", YES_OR_NO),
		TEXT("Password"),
	INT("NeedResetPassword", YES_OR_NO), CONTACT,
};
static const struct param update_params[] = {
	NAME, TEXT("Remark", RANGE(0, 1024)), INT("ConsoleLogin", YES_OR_NO), TEXT("Password"),
	INT("NeedResetPassword", YES_OR_NO), CONTACT,
};
static const struct param name_params[] = { NAME };
static const struct param delete_params[] = { NAME, INT("Force", YES_OR_NO) };
static const struct param accounts_params[] = {
	INT("MaxItems", RANGE(1, 100)), TEXT("Marker"),
	TEXT("UserType", ONE_OF("Owner|SubUser|CICUser|WechatCorpUser|AgentIdentity|Collaborator|MessageReceiver")),
};
static const struct param sub_accounts_params[] = { INTS("FilterSubAccountUin", NEEDED, RANGE(1, 50)) };

static const struct action actions[] = {
	{ "cam", "AddUser", add_user, PARAMS(add_params), 20, SCOPE_OPERATION, 0, "Name", NULL },
	{ "cam", "GetUser", get_user, PARAMS(name_params), 20, SCOPE_OPERATION, ACTION_READS, "Name", NULL },
	{ "cam", "UpdateUser", update_user, PARAMS(update_params), 20, SCOPE_OPERATION, 0, "Name", "ConsoleLogin" },
	{ "cam", "DeleteUser", delete_user, PARAMS(delete_params), 20, SCOPE_OPERATION, 0, "Name", "Force" },
	{ "cam", "ListUsers", list_users, NO_PARAMS, 20, SCOPE_OPERATION, ACTION_READS, NULL, NULL },
	{ "cam", "ListAccounts", list_accounts, PARAMS(accounts_params), 20, SCOPE_OPERATION, ACTION_READS, NULL,
	NULL },
	{ "cam", "DescribeSubAccounts", describe_sub_accounts, PARAMS(sub_accounts_params), 20, SCOPE_OPERATION,
	ACTION_READS,
		"FilterSubAccountUin", NULL },
	{ "cam", "GetUserAppId", get_user_app_id, NO_PARAMS, 20, SCOPE_OPERATION, ACTION_READS, NULL, NULL },
	{ "cam", "GetAccountSummary", get_account_summary, NO_PARAMS, 20, SCOPE_OPERATION, ACTION_READS, NULL, NULL },
};

const struct action *cam_user_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
