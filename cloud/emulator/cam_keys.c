/* cam: access keys.  A secret is shown once, by the call that makes the key. */
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

static const char description_characters[] = ALPHABET_KEY "_+=,.@:/-";

/* TargetUin, or the caller himself.  *user NULL: the root account. */
static int target(struct call *c, struct user **user)
{
	uint64_t uin = (uint64_t)int_of(c, "TargetUin", c->caller ? (int64_t)c->caller->uin :
		(int64_t)c->em->owner_uin);
	*user = user_by_uin(c->em, uin);
	if (!*user && uin != c->em->owner_uin)
		return call_fail(c, "InvalidParameter.UserNotExist", "The user of TargetUin does not exist.");
	return 0;
}

static struct key *need_key(struct call *c)
{
	struct user *u;
	if (target(c, &u))
		return NULL;
	struct key *k = index_find(&c->em->keys_by_id, text_of(c, "AccessKeyId"));
	if (k && !k->deleted && k->user == u)
		return k;
	call_fail(c, "ResourceNotFound.SecretNotExist", "The access key does not exist.");
	return NULL;
}

static void put_key(struct call *c, struct json *o, const struct key *k)
{
	json_put_text(o, "AccessKeyId", k->id);
	json_put_text(o, "Status", k->active ? "Active" : "Inactive");
	json_put_text(o, "CreateTime", beijing(c->arena, k->created));
	json_put_text(o, "Description", k->description);
}

static int create_access_key(struct call *c)
{
	struct user *u;
	const char *description = text_of(c, "Description");
	if (target(c, &u))
		return -1;
	if (!u)
		return call_fail(c, "OperationDenied.SubUin", "Keys of the root account are not made here.");
	if (description && description[strspn(description, description_characters)])
		return call_fail(c, "InvalidParameter.ParamError",
			"The description holds characters that are not allowed.");
	if (u->key_count >= KEYS_PER_USER)
		return call_fail(c, "OperationDenied.AccessKeyOverLimit", "A user has at most %d access keys.",
			KEYS_PER_USER);
	const struct key *k = key_issue(c->em, u, NULL, NULL, description);
	struct json *o = json_object(c->arena);
	put_key(c, o, k);
	json_put_text(o, "SecretAccessKey", secret_reveal(k->secret, NULL));
	json_put(c->out, "AccessKey", o);
	return 0;
}

static int list_access_keys(struct call *c)
{
	struct user *u;
	if (target(c, &u))
		return -1;
	struct json *list = json_array(c->arena);
	for (size_t i = 0; i < (u ? u->key_count : 1); i++) {
		struct json *o = json_object(c->arena);
		put_key(c, o, u ? u->keys[i] : c->em->root_key);
		json_push(list, o);
	}
	json_put(c->out, "AccessKeys", list);
	return 0;
}

static int update_access_key(struct call *c)
{
	struct key *k = need_key(c);
	if (!k)
		return -1;
	if (!k->user)
		return call_fail(c, "OperationDenied.SubUin", "Keys of the root account are not changed here.");
	k->active = str_eq(text_of(c, "Status"), "Active");
	return 0;
}

static int delete_access_key(struct call *c)
{
	struct key *k = need_key(c);
	if (!k)
		return -1;
	struct user *u = k->user;
	if (!u)
		return call_fail(c, "OperationDenied.SubUin", "Keys of the root account are not deleted here.");
	if (k->active && c->em->switches.delete_active_key_refused)
		return call_fail(c, "FailedOperation.Accesskey", "An active key cannot be deleted.");
	if (u->keys[0] == k)
		u->keys[0] = u->keys[1];
	u->key_count--;
	k->deleted = true;
	k->active = false;
	k->user = NULL;
	return 0;
}

/* What is not a key of this account is left out. */
static int get_security_last_used(struct call *c)
{
	struct json *rows = json_array(c->arena);
	for (const struct json *i = json_first(json_get(c->in, "SecretIdList")); i; i = json_next(i)) {
		const struct key *k = index_find(&c->em->keys_by_id, json_string(i));
		if (!k || k->deleted)
			continue;
		struct json *o = json_object(c->arena);
		int64_t last = key_last_use(k, c->now);
		json_put_text(o, "SecretId", k->id);
		if (last) {
			json_put_text(o, "LastUsedDate", arena_strndup(c->arena, beijing(c->arena, last), 10));
			json_put_int(o, "LastSecretUsedDate", last);
		} else {
			json_put_null(o, "LastUsedDate");
			json_put_null(o, "LastSecretUsedDate");
		}
		json_push(rows, o);
	}
	json_put(c->out, "SecretIdLastUsedRows", rows);
	return 0;
}

static const struct param create_params[] = { INT("TargetUin"), TEXT("Description", RANGE(1, 1024)) };
static const struct param list_params[] = { INT("TargetUin") };
static const struct param update_params[] = {
	TEXT("AccessKeyId", NEEDED, RANGE(1, 64)), TEXT("Status", NEEDED, ONE_OF("Active|Inactive")), INT("TargetUin"),
};
static const struct param delete_params[] = { TEXT("AccessKeyId", NEEDED, RANGE(1, 64)), INT("TargetUin") };

static const struct param last_used_params[] = { TEXTS("SecretIdList", NEEDED, RANGE(1, 10)) };

static const struct action actions[] = {
	{ "cam", "CreateAccessKey", create_access_key, PARAMS(create_params), 5, SCOPE_USER, 0, "TargetUin", NULL },
	{ "cam", "ListAccessKeys", list_access_keys, PARAMS(list_params), 20, SCOPE_OPERATION, ACTION_READS,
	"TargetUin", NULL },
	{ "cam", "UpdateAccessKey", update_access_key, PARAMS(update_params), 5, SCOPE_OPERATION, 0, "AccessKeyId",
	"Status" },
	{ "cam", "DeleteAccessKey", delete_access_key, PARAMS(delete_params), 5, SCOPE_OPERATION, 0, "AccessKeyId",
		"TargetUin" },
	{ "cam", "GetSecurityLastUsed", get_security_last_used, PARAMS(last_used_params), 20, SCOPE_OPERATION, ACTION_READS, NULL,
		NULL },
};

const struct action *cam_key_actions(size_t *count)
{
	*count = ARRAY_LEN(actions);
	return actions;
}
