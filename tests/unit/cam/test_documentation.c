/* The examples of the vendor's pages, each with the page it is from, and what the page says they do.  Judged by both
 * evaluators.  Pages: cloud.tencent.com and tencentcloud.com, /document/product/NUMBER. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "tests/support/both.h"

#define ALL(...) "{\"version\":\"2.0\",\"statement\":[" __VA_ARGS__ "]}"
#define S(effect, action, resource) "{\"effect\":\"" effect "\",\"action\":" action ",\"resource\":" resource "}"
#define C(effect, action, resource, condition) \
	"{\"effect\":\"" effect "\",\"action\":" action ",\"resource\":" resource ",\"condition\":{" condition "}}"
#define COS "[\"qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*\"]"
#define OBJECT "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/a.jpeg"
#define YES CAM_ALLOW
#define NO CAM_IMPLICIT_DENY
#define DENIED CAM_EXPLICIT_DENY

/* The accounts of the page at hand. */
struct page { const char *number; uint64_t owner, caller, app; };
struct example { const char *policy, *action, *resource; struct cam_context context[3]; enum cam_verdict verdict; };

static void judge(const struct page *page, const char *boundary, const struct example *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		const struct example *x = &rows[i];
		struct both b = { .count = 1 };
		struct err e;
		size_t n = 0;
		while (n < ARRAY_LEN(x->context) && x->context[n].key)
			n++;
		if (both_read(a, x->policy, &b.held[0], &e) || (boundary && both_read(a, boundary, &b.boundary, &e)))
			fail_msg("%s: %s: %s", page->number, x->policy, e.text);
		const struct cam_request r = { .action = x->action, .resource = x->resource, .owner_uin = page->owner,
			.uin = page->caller, .app_id = page->app, .context_count = n, .context = x->context };
		enum cam_verdict naive, real = both_judge(&b, &r, &naive);
		if (real != x->verdict || naive != x->verdict)
			fail_msg("%s: %s: %s on %s must be %s; the evaluator says %s, the second one %s", page->number, x->policy,
				x->action, x->resource, both_name(x->verdict), both_name(real), both_name(naive));
	}
}

/* 598/10603 "Element Reference": the sample policy, without its principal, which belongs to roles and buckets. */
static void element_reference(void **state)
{
	(void)state;
#define SAMPLE C("allow", "[\"name/cos:PutObject\",\"permid/280655\"]", \
	"[\"qcs::cos:bj:uid/1238423:prefix//1238423/bucketA/*\",\"qcs::cos:gz:uid/1238423:prefix//1238423/bucketB/object2\"]", \
	"\"ip_equal\":{\"qcs:ip\":\"10.121.2.10/24\"}") "," S("allow", "\"name/cmqqueue:Sendmessages\"", "\"*\"")
	static const struct page page = { "598/10603", 1238423, 3232523, 1238423 };
	static const struct example rows[] = {
		{ ALL(SAMPLE), "cos:PutObject", "qcs::cos:bj:uid/1238423:prefix//1238423/bucketA/k", { { "qcs:ip", "10.121.2.99" } }, YES },
		{ ALL(SAMPLE), "cos:PutObject", "qcs::cos:gz:uid/1238423:prefix//1238423/bucketB/object2", { { "qcs:ip", "10.121.2.1" } },
			YES },
		{ ALL(SAMPLE), "cos:PutObject", "qcs::cos:gz:uid/1238423:prefix//1238423/bucketB/object3", { { "qcs:ip", "10.121.2.1" } },
			NO },
		{ ALL(SAMPLE), "cos:PutObject", "qcs::cos:gz:uid/1238423:prefix//1238423/bucketA/k", { { "qcs:ip", "10.121.2.1" } }, NO },
		{ ALL(SAMPLE), "cos:PutObject", "qcs::cos:bj:uid/1238423:prefix//1238423/bucketA/k", { { "qcs:ip", "10.121.3.1" } }, NO },
		{ ALL(SAMPLE), "cos:GetObject", "qcs::cos:bj:uid/1238423:prefix//1238423/bucketA/k", { { "qcs:ip", "10.121.2.1" } }, NO },
		{ ALL(SAMPLE), "cmqqueue:Sendmessages", "*", { { NULL, NULL } }, YES },
	};
	judge(&page, NULL, rows, ARRAY_LEN(rows));
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct cam_policy *p;
	struct err e;
	const char *with = "{\"version\":\"2.0\",\"principal\":{\"qcs\":[\"qcs::cam::uin/1238423:uin/3232523\"]},\"statement\":[" SAMPLE "]}";
	assert_int_equal(cam_policy_parse(a, with, strlen(with), &p, &e), ERR_INPUT);
	assert_string_equal(e.text, "principal: is not allowed in a user's policy");
}

/* 598/10604 "Syntax Structure": a single value needs no brackets, elements stand in any order, names are in lower case. */
static void syntax_structure(void **state)
{
	(void)state;
	static const struct page page = { "598/10604", 1, 2, 3 };
	static const struct example rows[] = {
		{ "{\"version\":\"2.0\",\"statement\":" S("allow", "\"x:Y\"", "\"*\"") "}", "x:Y", "*", { { NULL, NULL } }, YES },
		{ ALL(S("allow", "[\"x:Y\"]", "[\"*\"]")), "x:Y", "*", { { NULL, NULL } }, YES },
		{ "{\"statement\":[{\"resource\":\"*\",\"action\":\"*\",\"effect\":\"deny\"}],\"version\":\"2.0\"}", "x:Y", "*", { { NULL, NULL } },
			DENIED },
	};
	judge(&page, NULL, rows, ARRAY_LEN(rows));
}

/* 598/10605 "Evaluation Logic": denied by default; a deny that matches decides; then an allow that matches. */
static void evaluation_logic(void **state)
{
	(void)state;
	static const struct page page = { "598/10605", 1, 2, 3 };
	static const struct example rows[] = {
		{ ALL(S("allow", "\"x:Z\"", "\"*\"")), "x:Y", "*", { { NULL, NULL } }, NO },
		{ ALL(S("allow", "\"x:Y\"", "\"*\"") "," S("deny", "\"x:*\"", "\"*\"")), "x:Y", "*", { { NULL, NULL } }, DENIED },
		{ ALL(S("allow", "\"x:Y\"", "\"*\"") "," S("deny", "\"x:Z\"", "\"*\"")), "x:Y", "*", { { NULL, NULL } }, YES },
		{ ALL(S("deny", "\"x:Z\"", "\"*\"")), "x:Y", "*", { { NULL, NULL } }, NO },
		/* Its general policies: without a second factor, keys are not shown. */
		{ ALL(S("allow", "\"*\"", "\"*\"") "," C("deny", "\"account:QueryKeyBySecretId\"", "\"*\"",
			"\"string_equal\":{\"mfa\":\"0\"}")), "account:QueryKeyBySecretId", "*", { { "mfa", "0" } }, DENIED },
		{ ALL(S("allow", "\"*\"", "\"*\"") "," C("deny", "\"account:QueryKeyBySecretId\"", "\"*\"",
			"\"string_equal\":{\"mfa\":\"0\"}")), "account:QueryKeyBySecretId", "*", { { "mfa", "1" } }, YES },
	};
	judge(&page, NULL, rows, ARRAY_LEN(rows));
}

/* 598/10606 "Resource Description Method": what an empty segment means, and the four forms of the last one. */
static void resource_description(void **state)
{
	(void)state;
	static const struct page page = { "598/10606", 12345678, 12345679, 10001234 };
#define ON(resource) ALL(S("allow", "\"*\"", "\"" resource "\""))
	static const struct example rows[] = {
		{ ON("qcs::cvm:ap-beijing:uin/12345678:instance/ins-abcdefg"), "cvm:StartInstances",
			"qcs::cvm:ap-beijing:uin/12345678:instance/ins-abcdefg", { { NULL, NULL } }, YES },
		{ ON("qcs::cvm:ap-beijing:uin/12345678:instance/ins-abcdefg"), "cvm:StartInstances",
			"qcs::cvm:ap-guangzhou:uin/12345678:instance/ins-abcdefg", { { NULL, NULL } }, NO },
		{ ON("qcs:::ap-beijing::instance/*"), "cdn:X", "qcs::cdn:ap-beijing:uin/12345678:instance/1", { { NULL, NULL } }, YES },
		{ ON("qcs::cvm::uin/12345678:instance/*"), "cvm:X", "qcs::cvm:ap-guangzhou:uin/12345678:instance/1", { { NULL, NULL } }, YES },
		{ ON("qcs::cvm::uin/12345678:instance/*"), "cvm:X", "qcs::cvm:ap-guangzhou:uin/12345678:image/1", { { NULL, NULL } }, NO },
		{ ON("qcs::cvm:::instance/*"), "cvm:X", "qcs::cvm:ap-guangzhou:uin/12345678:instance/1", { { NULL, NULL } }, YES },
		{ ON("qcs::cvm:::instance/*"), "cvm:X", "qcs::cvm:ap-guangzhou:uin/87654321:instance/1", { { NULL, NULL } }, NO },
		{ ON("qcs::cos::uid/10001234:prefix//10001234/bucket1/*"), "cos:GetObject",
			"qcs::cos:ap-beijing:uid/10001234:prefix//10001234/bucket1/object2", { { NULL, NULL } }, YES },
		{ ON("qcs::cos::uid/10001234:prefix//10001234/bucket1/object2"), "cos:GetObject",
			"qcs::cos:ap-beijing:uid/10001234:prefix//10001234/bucket1/object3", { { NULL, NULL } }, NO },
		{ ON("qcs::cvm:::*"), "cvm:X", "qcs::cvm:ap-guangzhou:uin/12345678:image/1", { { NULL, NULL } }, YES },
		{ ON("*"), "cam:CreateUser", "*", { { NULL, NULL } }, YES },
		/* An action that takes no resource must be granted on "*". */
		{ ON("qcs::cam::uin/12345678:*"), "cam:CreateUser", "*", { { NULL, NULL } }, NO },
		{ ON("qcs::cam::uin/164256472:uin/164256472"), "cam:GetUser", "qcs::cam::uin/164256472:uin/164256472", { { NULL, NULL } },
			YES },
	};
	judge(&page, NULL, rows, ARRAY_LEN(rows));
}

/* 598/10607 "Policy Variable".  The page leaves out the queue's own name behind the user's number; here it stands. */
static void policy_variable(void **state)
{
	(void)state;
	static const struct page page = { "598/10607", 1000001, 125000000, 1250000000 };
#define QUEUE ALL(S("allow", "\"cmqqueue:*\"", "\"qcs::cmqqueue::uin/1000001:queueName/uin/${uin}/*\""))
#define VPC ALL(C("allow", "\"name/vpc:*\"", "\"qcs::vpc::uin/1000001:vpc/*\"", "\"string_equal\":{\"qcs:create_uin\":\"${uin}\"}"))
	static const struct example rows[] = {
		{ QUEUE, "cmqqueue:SendMessage", "qcs::cmqqueue:ap-chengdu:uin/1000001:queueName/uin/125000000/q", { { NULL, NULL } }, YES },
		{ QUEUE, "cmqqueue:SendMessage", "qcs::cmqqueue:ap-chengdu:uin/1000001:queueName/uin/125000001/q", { { NULL, NULL } }, NO },
		{ QUEUE, "cmqqueue:SendMessage", "qcs::cmqqueue:ap-chengdu:uin/1000001:queueName/uin/1000001/q", { { NULL, NULL } }, NO },
		{ QUEUE, "cmqtopic:SendMessage", "qcs::cmqqueue:ap-chengdu:uin/1000001:queueName/uin/125000000/q", { { NULL, NULL } }, NO },
		{ VPC, "vpc:DescribeVpcs", "qcs::vpc:ap-chengdu:uin/1000001:vpc/v1", { { "qcs:create_uin", "125000000" } }, YES },
		{ VPC, "vpc:DescribeVpcs", "qcs::vpc:ap-chengdu:uin/1000001:vpc/v1", { { "qcs:create_uin", "1000001" } }, NO },
		{ VPC, "vpc:DescribeVpcs", "qcs::vpc:ap-chengdu:uin/1000001:vpc/v1", { { NULL, NULL } }, NO },
	};
	judge(&page, NULL, rows, ARRAY_LEN(rows));
}

/* 598/58419 "Overview of Effective Conditions", 598/58421 "Scenarios" (598/10608 before): the samples. */
static void conditions(void **state)
{
	(void)state;
#define UPLOAD ALL(C("allow", "\"cos:PutObject\"", "\"*\"", "\"ip_equal\":{\"qcs:ip\":[\"10.217.182.3/24\",\"111.21.33.72/24\"]}"))
#define PEER ALL(C("allow", "\"name/vpc:AcceptVpcPeeringConnection\"", "\"qcs::vpc:sh::pcx/2341\"", \
	"\"string_equal_if_exist\":{\"vpc:region\":\"sh\"}"))
#define REBOOT ALL(C("allow", "[\"cvm:RebootInstances\"]", "\"*\"", \
	"\"for_any_value:string_equal\":{\"qcs:resource_tag\":[\"Department&Research and Development\"]}"))
#define UNTIL ALL(C("allow", "\"*\"", "\"*\"", \
	"\"ip_equal\":{\"qcs:ip\":\"192.168.1.1\"},\"date_less_than\":{\"qcs:current_time\":\"2022-05-31 00:00:00\"}"))
	static const struct page page = { "598/58421", 1, 2, 3 };
	static const struct example rows[] = {
		{ UPLOAD, "cos:PutObject", "*", { { "qcs:ip", "10.217.182.200" } }, YES },
		{ UPLOAD, "cos:PutObject", "*", { { "qcs:ip", "111.21.33.1" } }, YES },
		{ UPLOAD, "cos:PutObject", "*", { { "qcs:ip", "111.21.34.1" } }, NO },
		{ UPLOAD, "cos:GetObject", "*", { { "qcs:ip", "111.21.33.1" } }, NO },
		{ PEER, "vpc:AcceptVpcPeeringConnection", "qcs::vpc:sh:uin/1:pcx/2341", { { "vpc:region", "sh" } }, YES },
		{ PEER, "vpc:AcceptVpcPeeringConnection", "qcs::vpc:sh:uin/1:pcx/2341", { { "vpc:region", "bj" } }, NO },
		{ PEER, "vpc:AcceptVpcPeeringConnection", "qcs::vpc:sh:uin/1:pcx/2341", { { NULL, NULL } }, YES },
		{ PEER, "vpc:AcceptVpcPeeringConnection", "qcs::vpc:sh:uin/1:pcx/2342", { { "vpc:region", "sh" } }, NO },
		{ REBOOT, "cvm:RebootInstances", "qcs::cvm:gz:uin/1:instance/i", { { "qcs:resource_tag", "a&b" },
			{ "qcs:resource_tag", "Department&Research and Development" } }, YES },
		{ REBOOT, "cvm:RebootInstances", "qcs::cvm:gz:uin/1:instance/i", { { "qcs:resource_tag", "Department&Sales" } }, NO },
		{ REBOOT, "cvm:RebootInstances", "qcs::cvm:gz:uin/1:instance/i", { { NULL, NULL } }, NO },
		{ UNTIL, "x:Y", "*", { { "qcs:ip", "192.168.1.1" }, { "qcs:current_time", "2022-05-30T23:59:59Z" } }, YES },
		{ UNTIL, "x:Y", "*", { { "qcs:ip", "192.168.1.1" }, { "qcs:current_time", "2022-05-31T00:00:00Z" } }, NO },
		{ UNTIL, "x:Y", "*", { { "qcs:ip", "192.168.1.2" }, { "qcs:current_time", "2022-05-30T23:59:59Z" } }, NO },
	};
	judge(&page, NULL, rows, ARRAY_LEN(rows));
}

/* 598/10608 of 2022: the list of operators, an example of each as far as there is one.  Blanks that slipped into the page's
 * names are left out; the one in its times is read. */
static void operator_list(void **state)
{
	(void)state;
#define IF(x) ALL(C("allow", "\"*\"", "\"*\"", x))
#define TAG "qcs:tag/tag_name1"
#define NOW "qcs:current_time"
#define DISK "cvm_system_disk_size"
	static const struct page page = { "598/10608", 1, 2, 3 };
	static const struct example rows[] = {
		{ IF("\"string_equal\":{\"" TAG "\":\"tag_value1\"}"), "x:Y", "*", { { TAG, "tag_value1" } }, YES },
		{ IF("\"string_equal\":{\"" TAG "\":\"tag_value1\"}"), "x:Y", "*", { { TAG, "Tag_value1" } }, NO },
		{ IF("\"string_not_equal\":{\"" TAG "\":\"tag_value1\"}"), "x:Y", "*", { { TAG, "tag_value1" } }, NO },
		{ IF("\"string_not_equal\":{\"" TAG "\":\"tag_value1\"}"), "x:Y", "*", { { TAG, "Tag_value1" } }, YES },
		{ IF("\"string_equal_ignore_case\":{\"" TAG "\":\"tag_value1\"}"), "x:Y", "*", { { TAG, "TAG_VALUE1" } }, YES },
		{ IF("\"string_not_equal_ignore_case\":{\"" TAG "\":\"tag_value1\"}"), "x:Y", "*", { { TAG, "TAG_VALUE1" } }, NO },
		{ IF("\"string_like\":{\"" TAG "\":\"tag_value1\"}"), "x:Y", "*", { { TAG, "tag_value1" } }, YES },
		{ IF("\"string_not_like\":{\"" TAG "\":\"tag_value1\"}"), "x:Y", "*", { { TAG, "tag_value1" } }, NO },
		{ IF("\"binary_equal\":{\"" TAG "\":\"tag_value1\"}"), "x:Y", "*", { { TAG, "tag_value1" } }, YES },
		{ IF("\"date_not_equal\":{\"" NOW "\":\"2016-06-01T00:01:00Z\"}"), "x:Y", "*", { { NOW, "2016-06-01T00:01:00Z" } }, NO },
		{ IF("\"date_greater_than\":{\"" NOW "\":\"2016-06-01T00:01:00Z\"}"), "x:Y", "*", { { NOW, "2016-06-01T00:01:01Z" } }, YES },
		{ IF("\"date_greater_than_equal\":{\"" NOW "\":\"2016-06-01T00:01:00Z\"}"), "x:Y", "*", { { NOW, "2016-06-01T00:01:00Z" } },
			YES },
		{ IF("\"date_less_than\":{\"" NOW "\":\"2016-06-01T 00:01:00Z\"}"), "x:Y", "*", { { NOW, "2016-06-01T00:00:59Z" } }, YES },
		{ IF("\"date_less_than_equal\":{\"" NOW "\":\"2016-06-01T 00:01:00Z\"}"), "x:Y", "*", { { NOW, "2016-06-01T00:01:01Z" } }, NO },
		{ IF("\"date_equal\":{\"" NOW "\":\"2016-06-01T00:01:00Z\"}"), "x:Y", "*", { { NOW, "2016-06-01T00:01:00Z" } }, YES },
		{ IF("\"ip_equal\":{\"qcs:ip\":\"10.121.2.10/24\"}"), "x:Y", "*", { { "qcs:ip", "10.121.2.1" } }, YES },
		{ IF("\"ip_not_equal\":{\"qcs:ip\":[\"10.121.2.10/24\",\"10.121.2.20/24\"]}"), "x:Y", "*", { { "qcs:ip", "10.121.2.1" } }, NO },
		{ IF("\"numeric_not_equal\":{\"mfa\":1}"), "x:Y", "*", { { "mfa", "1" } }, NO },
		{ IF("\"numeric_equal\":{\"mfa\":1}"), "x:Y", "*", { { "mfa", "1" } }, YES },
		{ IF("\"numeric_greater_than\":{\"" DISK "\":10}"), "x:Y", "*", { { DISK, "10" } }, NO },
		{ IF("\"numeric_greater_than_equal\":{\"" DISK "\":10}"), "x:Y", "*", { { DISK, "10" } }, YES },
		{ IF("\"numeric_less_than\":{\"" DISK "\":10}"), "x:Y", "*", { { DISK, "10" } }, NO },
		{ IF("\"numeric_less_than_equal\":{\"" DISK "\":10}"), "x:Y", "*", { { DISK, "10" } }, YES },
		{ IF("\"bool_equal\":{\"k\":true}"), "x:Y", "*", { { "k", "true" } }, YES },
		{ IF("\"null_equal\":{\"k\":\"true\"}"), "x:Y", "*", { { "k", "" } }, YES },
	};
	judge(&page, NULL, rows, ARRAY_LEN(rows));
	/* Its note: every operator but null_equal takes the suffix. */
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct cam_policy *p;
	struct err e;
	const char *text = IF("\"null_equal_if_exist\":{\"k\":\"true\"}");
	assert_int_equal(cam_policy_parse(a, text, strlen(text), &p, &e), ERR_INPUT);
}

/* 598/39425 "Permissions Boundary": two people, all from the company's addresses only. */
static void permissions_boundary(void **state)
{
	(void)state;
#define OFFICE ALL(C("allow", "[\"cvm:*\",\"cos:*\"]", "\"*\"", "\"ip_equal\":{\"qcs:ip\":[\"10.217.182.3/24\",\"111.21.33.72/24\"]}"))
#define SERVER ALL(S("allow", "[\"name/cvm:*\"]", "[\"qcs::cvm:gz::instance/ins-1\"]"))
#define STORE ALL(S("allow", "\"cos:*\"", "\"*\""))
	static const struct page page = { "598/39425", 1, 2, 3 };
	static const struct example rows[] = {
		{ STORE, "cos:PutObject", "*", { { "qcs:ip", "10.217.182.3" } }, YES },
		{ STORE, "cos:PutObject", "*", { { "qcs:ip", "10.217.183.3" } }, NO },
		{ STORE, "cvm:StartInstances", "qcs::cvm:gz:uin/1:instance/ins-1", { { "qcs:ip", "10.217.182.3" } }, NO },
		{ SERVER, "cvm:StartInstances", "qcs::cvm:gz:uin/1:instance/ins-1", { { "qcs:ip", "111.21.33.72" } }, YES },
		{ SERVER, "cvm:StartInstances", "qcs::cvm:gz:uin/1:instance/ins-1", { { "qcs:ip", "8.8.8.8" } }, NO },
		{ SERVER, "cvm:StartInstances", "qcs::cvm:gz:uin/1:instance/ins-2", { { "qcs:ip", "111.21.33.72" } }, NO },
		{ SERVER, "cos:PutObject", "*", { { "qcs:ip", "111.21.33.72" } }, NO },
	};
	judge(&page, OFFICE, rows, ARRAY_LEN(rows));
}

/* 598/47826 and 598/47827 (by resource, by tag); 216/52046 and 1277/47375 (read-only, wildcards inside a name);
 * 598/69872 (an access key of one user); CMQ and Cloud Physical Machine pages of old. */
static void products(void **state)
{
	(void)state;
#define ONE_SERVER ALL(S("allow", "[\"cvm:*\"]", \
	"[\"qcs::cvm::uin/12345678:instance/ins-duglsqg0\",\"qcs::cvm::uin/12345678:image/img-eb30mz89\"]") "," \
	S("allow", "[\"vpc:DescribeVpcEx\",\"vpc:DescribeNetworkInterfaces\",\"cvm:DescribeCbsStorages\"]", "[\"*\"]"))
#define BY_TAG ALL(C("allow", "[\"cvm:*\",\"vpc:DescribeVpcEx\"]", "\"*\"", \
	"\"for_any_value:string_equal\":{\"qcs:resource_tag\":[\"game&webpage\"]}"))
#define READ_ONLY ALL(S("allow", "[\"dc:Describe*\",\"dc:Is*\"]", "\"*\""))
#define EDGE ALL(S("allow", "[\"name/vpc:*Edge*\",\"name/vpc:*Firewall*\"]", "\"*\""))
#define KEYS ALL(S("allow", "\"cam:CreateAccessKey\"", "\"qcs::cam::uin/12345678:uin/12345680\""))
#define MACHINES ALL(C("allow", "[\"bm:BindEip\",\"bm:UnbindEip\"]", "[\"*\"]", \
	"\"for_all_value:string_equal_if_exist\":{\"bmvpc:unVpcId\":[\"vpc-34cxlz7z\",\"vpc-muinpf9p\"]}"))
	static const struct page page = { "598/47826", 12345678, 12345679, 3 };
	static const struct example rows[] = {
		{ ONE_SERVER, "cvm:StartInstances", "qcs::cvm:ap-guangzhou:uin/12345678:instance/ins-duglsqg0", { { NULL, NULL } }, YES },
		{ ONE_SERVER, "cvm:StartInstances", "qcs::cvm:ap-guangzhou:uin/12345678:instance/ins-other", { { NULL, NULL } }, NO },
		{ ONE_SERVER, "vpc:DescribeVpcEx", "*", { { NULL, NULL } }, YES },
		{ ONE_SERVER, "cvm:RunInstances", "*", { { NULL, NULL } }, NO },
		{ BY_TAG, "cvm:StopInstances", "qcs::cvm:ap-guangzhou:uin/12345678:instance/i", { { "qcs:resource_tag", "game&webpage" } }, YES },
		{ BY_TAG, "cvm:StopInstances", "qcs::cvm:ap-guangzhou:uin/12345678:instance/i", { { "qcs:resource_tag", "game&api" } }, NO },
		{ READ_ONLY, "dc:DescribeDirectConnects", "*", { { NULL, NULL } }, YES },
		{ READ_ONLY, "dc:IsDirectConnectUsed", "*", { { NULL, NULL } }, YES },
		{ READ_ONLY, "dc:DeleteDirectConnect", "*", { { NULL, NULL } }, NO },
		{ EDGE, "vpc:CreateEdgeDevice", "*", { { NULL, NULL } }, YES },
		{ EDGE, "vpc:DescribeFirewalls", "*", { { NULL, NULL } }, YES },
		{ EDGE, "vpc:CreateVpc", "*", { { NULL, NULL } }, NO },
		{ KEYS, "cam:CreateAccessKey", "qcs::cam::uin/12345678:uin/12345680", { { NULL, NULL } }, YES },
		{ KEYS, "cam:CreateAccessKey", "qcs::cam::uin/12345678:uin/12345679", { { NULL, NULL } }, NO },
		{ MACHINES, "bm:BindEip", "qcs::bm:::instance/1", { { "bmvpc:unVpcId", "vpc-34cxlz7z" }, { "bmvpc:unVpcId", "vpc-muinpf9p" } },
			YES },
		{ MACHINES, "bm:BindEip", "qcs::bm:::instance/1", { { "bmvpc:unVpcId", "vpc-34cxlz7z" }, { "bmvpc:unVpcId", "vpc-x" } }, NO },
		{ MACHINES, "bm:BindEip", "qcs::bm:::instance/1", { { NULL, NULL } }, YES },
	};
	judge(&page, NULL, rows, ARRAY_LEN(rows));
}

/* 436/46206 "Condition Keys and Examples", with the answers that its tables give (200 or 403). */
static void cos_condition_keys(void **state)
{
	(void)state;
#define TYPE ALL(C("allow", "[\"name/cos:PutObject\"]", COS, "\"string_equal\":{\"cos:content-type\":\"image/jpeg\"}") "," \
	C("deny", "[\"name/cos:PutObject\"]", COS, "\"string_not_equal_if_exist\":{\"cos:content-type\":\"image/jpeg\"}"))
#define TLS ALL(C("allow", "[\"*\"]", COS, "\"numeric_greater_than_equal\":{\"cos:tls-version\":1.2}") "," \
	C("deny", "[\"*\"]", COS, "\"numeric_less_than_if_exist\":{\"cos:tls-version\":1.2}"))
#define HTTPS ALL(S("allow", "\"cos:*\"", COS) "," C("deny", "[\"*\"]", COS, "\"bool_equal\":{\"cos:secure-transport\":\"false\"}"))
#define TAGS(q) ALL(C("allow", "[\"name/cos:PutBucket\"]", "\"*\"", "\"" q ":string_equal\":{\"qcs:request_tag\":[\"a&b\",\"c&d\"]}"))
#define TWO ALL(C("allow", "[\"name/cos:PutObject\",\"name/cos:GetObject\"]", \
	"[\"qcs::cos:ap-beijing:uid/1250000000:examplebucket-bj-1250000000/*\"," \
	"\"qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-gz-1250000000/exampleobject\"]", \
	"\"ip_equal\":{\"qcs:ip\":[\"192.168.1.0/24\",\"101.226.100.185\",\"101.226.100.186\"]}"))
#define BEIJING "qcs::cos:ap-beijing:uid/1250000000:examplebucket-bj-1250000000/any"
#define GUANGZHOU "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-gz-1250000000/"
	static const struct page page = { "436/46206", 100000000001, 100000000002, 1250000000 };
	static const struct example rows[] = {
		{ TWO, "cos:PutObject", BEIJING, { { "qcs:ip", "192.168.1.77" } }, YES },
		{ TWO, "cos:GetObject", GUANGZHOU "exampleobject", { { "qcs:ip", "101.226.100.186" } }, YES },
		{ TWO, "cos:GetObject", GUANGZHOU "another", { { "qcs:ip", "101.226.100.186" } }, NO },
		{ TWO, "cos:GetObject", BEIJING, { { "qcs:ip", "101.226.100.187" } }, NO },
		{ TWO, "cos:DeleteObject", BEIJING, { { "qcs:ip", "101.226.100.186" } }, NO },
		{ TYPE, "cos:PutObject", OBJECT, { { "cos:content-type", "image/jpeg" } }, YES },
		{ TYPE, "cos:PutObject", OBJECT, { { "cos:content-type", "text/html" } }, DENIED },
		{ TYPE, "cos:PutObject", OBJECT, { { NULL, NULL } }, DENIED },
		{ TLS, "cos:GetObject", OBJECT, { { "cos:tls-version", "1.2" } }, YES },
		{ TLS, "cos:GetObject", OBJECT, { { "cos:tls-version", "1.0" } }, DENIED },
		{ TLS, "cos:GetObject", OBJECT, { { "cos:tls-version", "1.3" } }, YES },
		{ HTTPS, "cos:GetObject", OBJECT, { { "cos:secure-transport", "true" } }, YES },
		{ HTTPS, "cos:GetObject", OBJECT, { { "cos:secure-transport", "false" } }, DENIED },
		{ TAGS("for_any_value"), "cos:PutBucket", "*", { { "qcs:request_tag", "a&b" }, { "qcs:request_tag", "c&d" } }, YES },
		{ TAGS("for_any_value"), "cos:PutBucket", "*", { { "qcs:request_tag", "a&b" } }, YES },
		{ TAGS("for_any_value"), "cos:PutBucket", "*", { { "qcs:request_tag", "a&b" }, { "qcs:request_tag", "c&d" },
			{ "qcs:request_tag", "e&f" } }, YES },
		{ TAGS("for_any_value"), "cos:PutBucket", "*", { { "qcs:request_tag", "e&f" } }, NO },
		{ TAGS("for_all_value"), "cos:PutBucket", "*", { { "qcs:request_tag", "a&b" }, { "qcs:request_tag", "c&d" } }, YES },
		{ TAGS("for_all_value"), "cos:PutBucket", "*", { { "qcs:request_tag", "a&b" } }, YES },
		{ TAGS("for_all_value"), "cos:PutBucket", "*", { { "qcs:request_tag", "a&b" }, { "qcs:request_tag", "c&d" },
			{ "qcs:request_tag", "e&f" } }, NO },
	};
	judge(&page, NULL, rows, ARRAY_LEN(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(element_reference),
		cmocka_unit_test(syntax_structure),
		cmocka_unit_test(evaluation_logic),
		cmocka_unit_test(resource_description),
		cmocka_unit_test(policy_variable),
		cmocka_unit_test(conditions),
		cmocka_unit_test(operator_list),
		cmocka_unit_test(permissions_boundary),
		cmocka_unit_test(products),
		cmocka_unit_test(cos_condition_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
