/* cam: users, keys, policies, attachments, boundaries and groups. */
#include "tests/unit/emulator/world.h"

#define ALLOW "{'version':'2.0','statement':[{'effect':'allow','action':'tcb:*','resource':'*'}]}"

static void users(void **state)
{
	struct world *w = *state;
	ok(w, "cam", "AddUser", "{\"Name\":\"alice\",\"Remark\":\"mark 1\",\"ConsoleLogin\":1,\"Password\":\"Abcdef1!\","
		"\"Email\":\"a@example.org\"}");
	uint64_t uin = (uint64_t)number_at(w, "Uin");
	assert_true(uin > UINT32_MAX);
	/* A password that was given is not returned. */
	assert_false(json_has(w->response, "Password"));
	assert_false(json_has(w->response, "SecretId"));
	expect(w, "InvalidParameter.SubUserNameInUse", "cam", "AddUser", "{\"Name\":\"alice\"}");
	ok(w, "cam", "GetUser", "{\"Name\":\"alice\"}");
	assert_string_equal(text_at(w, "Remark"), "mark 1");
	assert_int_equal(number_at(w, "ConsoleLogin"), 1);
	assert_int_equal(number_at(w, "Uin"), uin);
	ok(w, "cam", "UpdateUser", "{\"Name\":\"alice\",\"ConsoleLogin\":0}");
	ok(w, "cam", "GetUser", "{\"Name\":\"alice\"}");
	assert_int_equal(number_at(w, "ConsoleLogin"), 0);
	assert_string_equal(text_at(w, "Remark"), "mark 1");
	ok(w, "cam", "ListUsers", "{}");
	assert_string_equal(text_at(w, "Data[0].Email"), "a@example.org");
	ok(w, "cam", "DescribeSubAccounts", "{\"FilterSubAccountUin\":[%" PRIu64 ",5]}", uin);
	assert_int_equal(json_count(json_get(w->response, "SubAccounts")), 1);
	ok(w, "cam", "DeleteUser", "{\"Name\":\"alice\"}");
	expect(w, "ResourceNotFound.UserNotExist", "cam", "DeleteUser", "{\"Name\":\"alice\"}");
	expect(w, "ResourceNotFound.UserNotExist", "cam", "GetUser", "{\"Name\":\"alice\"}");
	expect(w, "ResourceNotFound.UserNotExist", "cam", "UpdateUser", "{\"Name\":\"alice\"}");
	/* The name is free again, the number is not. */
	assert_true(new_user(w, "alice") > uin);
}

static void passwords(void **state)
{
	struct world *w = *state;
	static const char *const weak[] = { "Abc1!", "abcdefg1!", "ABCDEFG1!", "Abcdefgh!", "Abcdefg12",
		"Abcdefghijklmnopqrstuvwxyz12345678!" };
	for (size_t i = 0; i < ARRAY_LEN(weak); i++)
		expect(w, "InvalidParameter.PasswordViolatedRules", "cam", "AddUser", "{\"Name\":\"a\",\"Password\":\"%s\"}", weak[i]);
	ok(w, "cam", "AddUser", "{\"Name\":\"a\",\"ConsoleLogin\":1}");
	assert_int_equal(strlen(text_at(w, "Password")), 32);
	expect(w, "InvalidParameter.PasswordViolatedRules", "cam", "UpdateUser", "{\"Name\":\"a\",\"Password\":\"short\"}");
	ok(w, "cam", "AddUser", "{\"Name\":\"b\",\"UseApi\":1}");
	assert_int_equal(strlen(text_at(w, "SecretKey")), 32);
	assert_false(json_has(w->response, "Password"));
}

static void accounts_are_paged(void **state)
{
	struct world *w = *state;
	char name[16], marker[32] = "";
	for (int i = 0; i < 25; i++) {
		snprintf(name, sizeof(name), "u%02d", i);
		new_user(w, name);
	}
	for (int page = 0, next = 0; page < 3; page++) {
		ok(w, "cam", "ListAccounts", "{\"MaxItems\":10%s%s%s}", page ? ",\"Marker\":\"" : "", marker, page ? "\"" : "");
		const struct json *list = json_get(w->response, "Users");
		assert_int_equal(json_count(list), page < 2 ? 10 : 5);
		for (const struct json *u = json_first(list); u; u = json_next(u)) {
			snprintf(name, sizeof(name), "u%02d", next++);
			assert_string_equal(json_text(u, "Name"), name);
		}
		assert_int_equal(json_bool_or(w->response, "IsTruncated", false), page < 2);
		str_copy(marker, sizeof(marker), text_at(w, "Marker"));
	}
	assert_string_equal(marker, "");
}

static void keys(void **state)
{
	struct world *w = *state;
	uint64_t uin = new_user(w, "alice"), other = new_user(w, "bob");
	ok(w, "cam", "CreateAccessKey", "{\"TargetUin\":%" PRIu64 ",\"Description\":\"g:1/a\"}", uin);
	const char *id = arena_strdup(w->arena, text_at(w, "AccessKey.AccessKeyId"));
	assert_string_equal(text_at(w, "AccessKey.Status"), "Active");
	assert_int_equal(strlen(text_at(w, "AccessKey.SecretAccessKey")), 32);
	expect(w, "InvalidParameter.ParamError", "cam", "CreateAccessKey", "{\"TargetUin\":%" PRIu64 ",\"Description\":\"a b\"}",
		uin);
	ok(w, "cam", "CreateAccessKey", "{\"TargetUin\":%" PRIu64 "}", uin);
	expect(w, "OperationDenied.AccessKeyOverLimit", "cam", "CreateAccessKey", "{\"TargetUin\":%" PRIu64 "}", uin);
	/* Listings show no secret, and no key of another user. */
	ok(w, "cam", "ListAccessKeys", "{\"TargetUin\":%" PRIu64 "}", uin);
	assert_int_equal(json_count(json_get(w->response, "AccessKeys")), 2);
	assert_string_equal(text_at(w, "AccessKeys[0].AccessKeyId"), id);
	assert_string_equal(text_at(w, "AccessKeys[0].Description"), "g:1/a");
	assert_false(json_has(w->response, "AccessKeys[0].SecretAccessKey"));
	expect(w, "ResourceNotFound.SecretNotExist", "cam", "UpdateAccessKey",
		"{\"AccessKeyId\":\"%s\",\"Status\":\"Inactive\",\"TargetUin\":%" PRIu64 "}", id, other);
	expect(w, "InvalidParameter.UserNotExist", "cam", "ListAccessKeys", "{\"TargetUin\":5}");
	expect(w, "OperationDenied.HaveKeys", "cam", "DeleteUser", "{\"Name\":\"alice\"}");
	SCRIPT("{\"switches\":{\"delete_active_key_refused\":true}}");
	expect(w, "FailedOperation.Accesskey", "cam", "DeleteAccessKey", "{\"AccessKeyId\":\"%s\",\"TargetUin\":%" PRIu64 "}", id, uin);
	ok(w, "cam", "UpdateAccessKey", "{\"AccessKeyId\":\"%s\",\"Status\":\"Inactive\",\"TargetUin\":%" PRIu64 "}", id, uin);
	ok(w, "cam", "DeleteAccessKey", "{\"AccessKeyId\":\"%s\",\"TargetUin\":%" PRIu64 "}", id, uin);
	expect(w, "ResourceNotFound.SecretNotExist", "cam", "DeleteAccessKey",
		"{\"AccessKeyId\":\"%s\",\"TargetUin\":%" PRIu64 "}", id, uin);
	ok(w, "cam", "ListAccessKeys", "{\"TargetUin\":%" PRIu64 "}", uin);
	assert_int_equal(json_count(json_get(w->response, "AccessKeys")), 1);
	/* Of a use today the cloud knows tomorrow, of Beijing; of one yesterday it knows. */
	struct signer his = new_key(w, other);
	ok(w, "cam", "GetSecurityLastUsed", "{\"SecretIdList\":[\"%s\",\"AKIDnobody\"]}", his.id);
	assert_int_equal(json_count(json_get(w->response, "SecretIdLastUsedRows")), 1);
	assert_string_equal(text_at(w, "SecretIdLastUsedRows[0].SecretId"), his.id);
	assert_false(json_has(w->response, "SecretIdLastUsedRows[0].LastUsedDate"));
	expect_by(w, &his, "OK", "sts", "GetCallerIdentity", "{}");
	int64_t used = w->now;
	ok(w, "cam", "GetSecurityLastUsed", "{\"SecretIdList\":[\"%s\"]}", his.id);
	assert_false(json_has(w->response, "SecretIdLastUsedRows[0].LastUsedDate"));
	w->now += 24 * 3600 * (int64_t)1000;
	expect_by(w, &his, "OK", "sts", "GetCallerIdentity", "{}");
	ok(w, "cam", "GetSecurityLastUsed", "{\"SecretIdList\":[\"%s\"]}", his.id);
	assert_int_equal(json_int_or(w->response, "SecretIdLastUsedRows[0].LastSecretUsedDate", 0), used);
	assert_int_equal(strlen(text_at(w, "SecretIdLastUsedRows[0].LastUsedDate")), 10);
	expect(w, "InvalidParameter.ParamError", "cam", "GetSecurityLastUsed", "{\"SecretIdList\":[]}");
	/* The root account's own key is listed and cannot be touched. */
	ok(w, "cam", "ListAccessKeys", "{}");
	assert_string_equal(text_at(w, "AccessKeys[0].AccessKeyId"), "AKIDroot");
	expect(w, "OperationDenied.SubUin", "cam", "DeleteAccessKey", "{\"AccessKeyId\":\"AKIDroot\"}");
}

static void policies(void **state)
{
	struct world *w = *state;
	uint64_t id = new_policy(w, "p1", ALLOW);
	assert_true(id > UINT32_MAX);
	expect(w, "FailedOperation.PolicyNameInUse", "cam", "CreatePolicy", "{\"PolicyName\":\"p1\",\"PolicyDocument\":"
		"\"{\\\"version\\\":\\\"2.0\\\",\\\"statement\\\":[{\\\"effect\\\":\\\"allow\\\",\\\"action\\\":\\\"*\\\",\\\"resource\\\":\\\"*\\\"}]}\"}");
	ok(w, "cam", "GetPolicy", "{\"PolicyId\":%" PRIu64 "}", id);
	assert_non_null(strstr(text_at(w, "PolicyDocument"), "\"tcb:*\""));
	ok(w, "cam", "UpdatePolicy", "{\"PolicyName\":\"p1\",\"Description\":\"mark\",\"PolicyDocument\":"
		"\"{\\\"version\\\":\\\"2.0\\\",\\\"statement\\\":[{\\\"effect\\\":\\\"deny\\\",\\\"action\\\":\\\"*\\\",\\\"resource\\\":"
		"\\\"qcs::tcb::uin/%" PRIu64 ":env/a\\\"}]}\"}", w->owner);
	assert_int_equal(number_at(w, "PolicyId"), id);
	ok(w, "cam", "GetPolicy", "{\"PolicyId\":%" PRIu64 "}", id);
	/* Written anew, with "\/": bytes must not be compared. */
	assert_non_null(strstr(text_at(w, "PolicyDocument"), "env\\/a"));
	assert_string_equal(text_at(w, "Description"), "mark");
	ok(w, "cam", "ListPolicies", "{\"Scope\":\"Local\",\"Keyword\":\"p\"}");
	assert_int_equal(number_at(w, "TotalNum"), 1);
	assert_int_equal(number_at(w, "List[0].PolicyId"), id);
	ok(w, "cam", "ListPolicies", "{\"Scope\":\"QCS\"}");
	assert_int_equal(number_at(w, "TotalNum"), 2);
	expect(w, "InvalidParameter.PolicyIdError", "cam", "DeletePolicy", "{\"PolicyId\":[1]}");
	expect(w, "ResourceNotFound.PolicyIdNotFound", "cam", "DeletePolicy", "{\"PolicyId\":[%" PRIu64 ",7]}", id);
	ok(w, "cam", "DeletePolicy", "{\"PolicyId\":[%" PRIu64 "]}", id);
	expect(w, "ResourceNotFound.PolicyIdNotFound", "cam", "GetPolicy", "{\"PolicyId\":%" PRIu64 "}", id);
	expect(w, "InvalidParameter.ParamError", "cam", "UpdatePolicy", "{}");
	expect(w, "ResourceNotFound.PolicyIdNotFound", "cam", "UpdatePolicy", "{\"PolicyName\":\"p1\"}");
}

static void documents_are_validated(void **state)
{
	struct world *w = *state;
	static const struct { const char *code, *document; } rows[] = {
		{ "PolicyDocumentError", "{" },
		{ "VersionError", "{'version':'1.0','statement':[]}" },
		{ "EffectError", "{'version':'2.0','statement':[{'effect':'permit','action':'a:B','resource':'*'}]}" },
		{ "ActionMiss", "{'version':'2.0','statement':[{'effect':'allow','resource':'*'}]}" },
		{ "ActionServiceNotExist", "{'version':'2.0','statement':[{'effect':'allow','action':'flexdb:*','resource':'*'}]}" },
		{ "ResourceServiceNotExist",
			"{'version':'2.0','statement':[{'effect':'allow','action':'tcb:*','resource':'qcs::nothing:::x'}]}" },
		{ "ResourceRegionError",
			"{'version':'2.0','statement':[{'effect':'allow','action':'tcb:*','resource':'qcs::tcb:${region}::x'}]}" },
		{ "ResourceUinError",
			"{'version':'2.0','statement':[{'effect':'allow','action':'tcb:*','resource':'qcs::tcb::uin/1:x'}]}" },
		{ "ResourceUinError",
			"{'version':'2.0','statement':[{'effect':'allow','action':'tcb:*','resource':'qcs::tcb::uin/${uin}:x'}]}" },
		{ "PrincipalError", "{'version':'2.0','statement':[{'effect':'allow','action':'tcb:*','resource':'*',"
			"'principal':{'qcs':'*'}}]}" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char code[80], *text = arena_strdup(w->arena, rows[i].document);
		snprintf(code, sizeof(code), "InvalidParameter.%s", rows[i].code);
		for (char *p = text; *p; p++)
			*p = *p == '\'' ? '"' : *p;
		struct json *body = json_object(w->arena);
		json_put_text(body, "PolicyName", "p");
		json_put_text(body, "PolicyDocument", text);
		expect(w, code, "cam", "CreatePolicy", "%s", json_print(w->arena, body));
	}
	char spaces[6200];
	memset(spaces, ' ', sizeof(spaces) - 1);
	spaces[sizeof(spaces) - 1] = '\0';
	expect(w, "InvalidParameter.PolicyDocumentLengthOverLimit", "cam", "CreatePolicy",
		"{\"PolicyName\":\"p\",\"PolicyDocument\":\"%s\"}", spaces);
	expect(w, "InvalidParameter.PolicyNameError", "cam", "CreatePolicy", "{\"PolicyName\":\"a b\",\"PolicyDocument\":\"{}\"}");
	ok(w, "cam", "ListPolicies", "{\"Scope\":\"Local\"}");
	assert_int_equal(number_at(w, "TotalNum"), 0);
}

#define ATTACH(who, policy, uin) "{\"PolicyId\":%" PRIu64 ",\"" who "\":%" PRIu64 "}", (uint64_t)(policy), (uint64_t)(uin)

static void attachments(void **state)
{
	struct world *w = *state;
	uint64_t uin = new_user(w, "alice"), a = new_policy(w, "a", ALLOW), b = new_policy(w, "b", ALLOW);
	ok(w, "cam", "AttachUserPolicy", ATTACH("AttachUin", a, uin));
	ok(w, "cam", "AttachUserPolicy", ATTACH("AttachUin", a, uin));
	ok(w, "cam", "AttachUserPolicy", ATTACH("AttachUin", b, uin));
	expect(w, "ResourceNotFound.PolicyIdNotFound", "cam", "AttachUserPolicy", ATTACH("AttachUin", 7, uin));
	expect(w, "ResourceNotFound.UserNotExist", "cam", "AttachUserPolicy", ATTACH("AttachUin", a, 7));
	ok(w, "cam", "ListAttachedUserPolicies", "{\"TargetUin\":%" PRIu64 ",\"Rp\":1,\"Page\":2}", uin);
	assert_int_equal(number_at(w, "TotalNum"), 2);
	assert_int_equal(number_at(w, "List[0].PolicyId"), b);
	/* Numbers are texts in this one. */
	ok(w, "cam", "ListAttachedUserAllPolicies", "{\"TargetUin\":%" PRIu64 ",\"Rp\":20,\"Page\":1,\"AttachType\":1}", uin);
	assert_int_equal(strtoull(text_at(w, "PolicyList[0].PolicyId"), NULL, 10), a);
	ok(w, "cam", "ListEntitiesForPolicy", "{\"PolicyId\":%" PRIu64 "}", a);
	assert_int_equal(number_at(w, "List[0].Uin"), uin);
	ok(w, "cam", "DetachUserPolicy", ATTACH("DetachUin", a, uin));
	ok(w, "cam", "DetachUserPolicy", ATTACH("DetachUin", a, uin));
	SCRIPT("{\"switches\":{\"detach_missing_is_error\":true,\"delete_attached_policy_refused\":true}}");
	expect(w, "InvalidParameter.PolicyIdNotExist", "cam", "DetachUserPolicy", ATTACH("DetachUin", a, uin));
	expect(w, "FailedOperation", "cam", "DeletePolicy", "{\"PolicyId\":[%" PRIu64 "]}", b);
	ok(w, "cam", "DeletePolicy", "{\"PolicyId\":[%" PRIu64 "]}", a);
	SCRIPT("{}");
	ok(w, "cam", "DeletePolicy", "{\"PolicyId\":[%" PRIu64 "]}", b);
	ok(w, "cam", "ListAttachedUserPolicies", "{\"TargetUin\":%" PRIu64 "}", uin);
	assert_int_equal(number_at(w, "TotalNum"), 0);
	expect(w, "InvalidParameter.ParamError", "cam", "ListAttachedUserPolicies", "{\"TargetUin\":7}");
}

static void boundaries(void **state)
{
	struct world *w = *state;
	uint64_t uin = new_user(w, "alice"), a = new_policy(w, "a", ALLOW), b = new_policy(w, "b", ALLOW);
	ok(w, "cam", "GetUserPermissionBoundary", "{\"TargetUin\":%" PRIu64 "}", uin);
	assert_false(json_has(w->response, "PolicyId"));
	ok(w, "cam", "PutUserPermissionsBoundary", ATTACH("TargetUin", a, uin));
	ok(w, "cam", "PutUserPermissionsBoundary", ATTACH("TargetUin", b, uin));
	ok(w, "cam", "PutUserPermissionsBoundary", ATTACH("TargetUin", b, uin));
	ok(w, "cam", "GetUserPermissionBoundary", "{\"TargetUin\":%" PRIu64 "}", uin);
	assert_int_equal(number_at(w, "PolicyId"), b);
	ok(w, "cam", "ListPolicies", "{\"Scope\":\"Local\"}");
	assert_int_equal(number_at(w, "List[0].AttachEntityBoundaryCount"), 0);
	assert_int_equal(number_at(w, "List[1].AttachEntityBoundaryCount"), 1);
	ok(w, "cam", "DeleteUserPermissionsBoundary", "{\"TargetUin\":%" PRIu64 "}", uin);
	ok(w, "cam", "DeleteUserPermissionsBoundary", "{\"TargetUin\":%" PRIu64 "}", uin);
	ok(w, "cam", "GetUserPermissionBoundary", "{\"TargetUin\":%" PRIu64 "}", uin);
	assert_false(json_has(w->response, "PolicyId"));
	expect(w, "InvalidParameter.PolicyIdNotExist", "cam", "PutUserPermissionsBoundary", ATTACH("TargetUin", 7, uin));
	expect(w, "InvalidParameter.UserNotExist", "cam", "PutUserPermissionsBoundary", ATTACH("TargetUin", a, 7));
	/* Deleting the user frees the policies. */
	ok(w, "cam", "PutUserPermissionsBoundary", ATTACH("TargetUin", a, uin));
	attach(w, b, uin);
	ok(w, "cam", "DeleteUser", "{\"Name\":\"alice\"}");
	SCRIPT("{\"switches\":{\"delete_attached_policy_refused\":true}}");
	ok(w, "cam", "DeletePolicy", "{\"PolicyId\":[%" PRIu64 ",%" PRIu64 "]}", a, b);
}

static void groups(void **state)
{
	struct world *w = *state;
	uint64_t uin = new_user(w, "alice"), p = new_policy(w, "a", ALLOW);
	ok(w, "cam", "CreateGroup", "{\"GroupName\":\"g\"}");
	uint64_t group = (uint64_t)number_at(w, "GroupId");
	expect(w, "InvalidParameter.GroupNameInUse", "cam", "CreateGroup", "{\"GroupName\":\"g\"}");
	ok(w, "cam", "AddUserToGroup", "{\"Info\":[{\"GroupId\":%" PRIu64 ",\"Uin\":%" PRIu64 "}]}", group, uin);
	expect(w, "InvalidParameter.GroupNotExist", "cam", "AddUserToGroup", "{\"Info\":[{\"GroupId\":7,\"Uin\":%" PRIu64 "}]}", uin);
	expect(w, "InvalidParameter.UserUinAndUinNotAllNull", "cam", "AddUserToGroup", "{\"Info\":[{\"GroupId\":%" PRIu64 "}]}", group);
	ok(w, "cam", "AttachGroupPolicy", ATTACH("AttachGroupId", p, group));
	ok(w, "cam", "ListGroupsForUser", "{\"SubUin\":%" PRIu64 "}", uin);
	assert_string_equal(text_at(w, "GroupInfo[0].GroupName"), "g");
	ok(w, "cam", "ListAttachedUserAllPolicies", "{\"TargetUin\":%" PRIu64 ",\"Rp\":20,\"Page\":1,\"AttachType\":2}", uin);
	assert_string_equal(text_at(w, "PolicyList[0].Groups[0].GroupName"), "g");
	/* Rights come with membership and go with it. */
	struct signer key = new_key(w, uin);
	expect_by(w, &key, "OK", "tcb", "DescribeEnvs", "{}");
	ok(w, "cam", "RemoveUserFromGroup", "{\"Info\":[{\"GroupId\":%" PRIu64 ",\"Uin\":%" PRIu64 "}]}", group, uin);
	expect_by(w, &key, "AuthFailure.UnauthorizedOperation", "tcb", "DescribeEnvs", "{}");
	expect(w, "FailedOperation", "cam", "RemoveUserFromGroup", "{\"Info\":[{\"GroupId\":%" PRIu64 ",\"Uin\":%" PRIu64 "}]}",
		group, uin);
	ok(w, "cam", "AddUserToGroup", "{\"Info\":[{\"GroupId\":%" PRIu64 ",\"Uin\":%" PRIu64 "}]}", group, uin);
	/* Own policies and those of the group count together. */
	attach(w, new_policy(w, "own", "{'version':'2.0','statement':[{'effect':'allow','action':'cam:ListUsers','resource':'*'}]}"), uin);
	expect_by(w, &key, "OK", "cam", "ListUsers", "{}");
	expect_by(w, &key, "OK", "tcb", "CheckTcbService", "{}");
	ok(w, "cam", "DetachGroupPolicy", ATTACH("DetachGroupId", p, group));
	expect_by(w, &key, "OK", "cam", "ListUsers", "{}");
	expect_by(w, &key, "AuthFailure.UnauthorizedOperation", "tcb", "DescribeEnvs", "{}");
	ok(w, "cam", "DeleteGroup", "{\"GroupId\":%" PRIu64 "}", group);
	ok(w, "cam", "ListGroupsForUser", "{\"SubUin\":%" PRIu64 "}", uin);
	assert_int_equal(number_at(w, "TotalNum"), 0);
	ok(w, "cam", "GetAccountSummary", "{}");
	assert_int_equal(number_at(w, "User"), 1);
	assert_int_equal(number_at(w, "Group"), 0);
}

static void quotas(void **state)
{
	(void)state;
	struct world small;
	world_new(&small, (struct emulator_options){ .limits = EMULATOR_LIMITS_OFF, .quota_factor = 0.002, .seed = 1 });
	struct world *w = &small;
	new_user(w, "a");
	new_user(w, "b");
	expect(w, "InvalidParameter.SubUserFull", "cam", "AddUser", "{\"Name\":\"c\"}");
	for (int i = 0; i < 3; i++)
		new_policy(w, arena_printf(w->arena, "p%d", i), ALLOW);
	expect(w, "FailedOperation.PolicyFull", "cam", "CreatePolicy", "{\"PolicyName\":\"q\",\"PolicyDocument\":"
		"\"{\\\"version\\\":\\\"2.0\\\",\\\"statement\\\":[{\\\"effect\\\":\\\"allow\\\",\\\"action\\\":\\\"*\\\",\\\"resource\\\":\\\"*\\\"}]}\"}");
	ok(w, "cam", "DeleteUser", "{\"Name\":\"a\"}");
	new_user(w, "c");
	world_free(w);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
	const struct CMUnitTest tests[] = {
		TEST(users),
		TEST(passwords),
		TEST(accounts_are_paged),
		TEST(keys),
		TEST(policies),
		TEST(documents_are_validated),
		TEST(attachments),
		TEST(boundaries),
		TEST(groups),
		cmocka_unit_test(quotas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
