/* Who is isolated and who is not, with a catalogue of a dozen actions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/eval.h"
#include "policies/cam/pattern.h"
#include "policies/cam/prove.h"

#define OWNER UINT64_C(100000000001)
#define APP UINT64_C(1300000001)
#define ENV "qcs::tcb:ap-shanghai:uin/100000000001:env/own-1"
#define FUNCTIONS "qcs::scf:ap-shanghai:uin/100000000001:namespace/own-1/function/"
#define BUCKET "qcs::cos:ap-shanghai:uid/1300000001:6f-own-1-1300000001"
#define TOPIC "qcs::cls::uin/100000000001:topic/t-1"
#define DOC(...) "{\"version\":\"2.0\",\"statement\":[" __VA_ARGS__ "]}"
#define S(effect, action, resource) "{\"effect\":\"" effect "\",\"action\":[" action "],\"resource\":[" resource "]}"
#define C(effect, action, resource) "{\"effect\":\"" effect "\",\"action\":[" action "],\"resource\":[" resource \
	"],\"condition\":{\"string_equal\":{\"qcs:request_tag\":\"x\"}}}"
#define ALLOW(action, resource) S("allow", "\"" action "\"", "\"" resource "\"")
#define DENY(action, resource) S("deny", "\"" action "\"", "\"" resource "\"")
#define GUARD S("deny", "\"cam:*\",\"tcb:Renew\",\"tcb:KillEnv\"", "\"*\"")

static const struct cam_identifiers own = { .owner_uin = OWNER, .app_id = APP, .region = "ap-shanghai", .env_id = "own-1",
	.name_space = "own-1", .topic_id = "t-1", .bucket = "6f-own-1" };

static const char small[] = "level env qcs::tcb:${region}:uin/${uin}:env/${envId}\n"
	"level function qcs::scf:${region}:uin/${uin}:namespace/${namespace}/function/*\n"
	"level bucket qcs::cos:${region}:uid/${appId}:${bucket}/*\n"
	"level topic qcs::cls::uin/${uin}:topic/${topicId}\n"
	"level account *\n"
	"fact role a role of his own making\n"
	"end more more rights than his policy gives\n"
	"action tcb:ReadEnv env read\n"
	"action tcb:WriteEnv env write\n"
	"action tcb:KillEnv env write destroys\n"
	"action tcb:Renew account write pays\n"
	"action tcb:Prices account read public\n"
	"action tcb:Bills account read\n"
	"action scf:Invoke function write\n"
	"action cos:PutObject bucket write\n"
	"action cls:SearchLog topic read\n"
	"action cam:MakeRole account write widens gives role\n"
	"action cam:FillRole account write widens gives more after role\n"
	"action cam:Rewrite account write widens gives more\n";

static const struct cam_catalogue *read_catalogue(struct arena *a, const char *text)
{
	struct cam_catalogue *c = NULL;
	struct err e;
	if (cam_catalogue_parse(a, text, strlen(text), &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static const struct cam_policy *read_policy(struct arena *a, const char *text)
{
	struct cam_policy *p = NULL;
	struct err e;
	if (cam_policy_parse(a, text, strlen(text), &p, &e))
		fail_msg("%s: %s", text, e.text);
	return p;
}

static struct cam_proof prove(struct arena *a, const char *catalogue, const char *first, const char *second)
{
	struct cam_proof proof = { 0 };
	struct err e;
	const struct cam_policy *all[] = { read_policy(a, first), second ? read_policy(a, second) : NULL };
	if (cam_prove(a, read_catalogue(a, catalogue), all, second ? 2 : 1, &own, &proof, &e))
		fail_msg("%s", e.text);
	return proof;
}

static bool says(const struct cam_proof *p, enum cam_finding_kind kind, const char *text)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->findings[i].kind == kind && strstr(p->findings[i].sentence, text))
			return true;
	return false;
}

/* --- patterns ---------------------------------------------------------------- */

/* All texts over the letters that are not longer than n, one after the other; "" is first and last. */
static void next_text(char *text, size_t n, const char *letters)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = text[i] ? strchr(letters, text[i]) + 1 : letters;
		text[i] = *at ? *at : *letters;
		if (*at)
			return;
	}
	memset(text, 0, n);
}

/* Against all texts of some length: never covered wrongly, and never refused without a text that shows why. */
static void covering_is_containment(void **state)
{
	(void)state;
	size_t covered = 0;
	char outer[5] = "", inner[5] = "", text[7] = "";
	do {
		do {
			bool all = true;
			do {
				all = !cam_match(inner, text) || cam_match(outer, text);
				next_text(text, 6, "abc");
			} while (all && *text);
			memset(text, 0, sizeof(text));
			if (cam_covers(outer, inner) != all)
				fail_msg("\"%s\" and \"%s\"", outer, inner);
			covered += all;
			next_text(inner, 4, "ab*");
		} while (*inner);
		next_text(outer, 4, "ab*");
	} while (*outer);
	assert_true(covered > 500);
}

/* --- one statement beside the guard ---------------------------------------------- */

enum { ISOLATED = -1 };
static const struct row { const char *statements; int kind; const char *says; } rows[] = {
	/* What is his own, and the ways to write his root account. */
	{ ALLOW("tcb:ReadEnv", ENV), ISOLATED, NULL },
	{ ALLOW("name/tcb:WriteEnv", ENV), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai::env/own-1"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/:env/own-1"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uid/:env/own-1"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uid/1300000001:env/own-1"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:*:env/own-1"), CAM_REACHES, ":*:env/own-1\"" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/999:env/own-1"), CAM_REACHES, "uin/999" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/1000000000010:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/0100000000001:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/100000000001*:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/*:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/${uin}:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uid/0:env/own-1"), CAM_REACHES, "" },
	/* Service and region. */
	{ ALLOW("tcb:ReadEnv", "qcs::tcb::uin/100000000001:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:*:uin/100000000001:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-*:uin/100000000001:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-beijing:uin/100000000001:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:${region}:uin/100000000001:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs:::ap-shanghai:uin/100000000001:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb*:ap-shanghai:uin/100000000001:env/own-1"), CAM_REACHES, "" },
	{ ALLOW("cls:SearchLog", TOPIC), ISOLATED, NULL },
	{ ALLOW("cls:SearchLog", "qcs::cls:*:uin/100000000001:topic/t-1"), ISOLATED, NULL },
	{ ALLOW("cls:SearchLog", "qcs::cls:ap-x:uin/100000000001:topic/t-1"), ISOLATED, NULL },
	/* Everything, in its two ways, and the last segment. */
	{ ALLOW("tcb:ReadEnv", "*"), CAM_REACHES, "statement[1] allows tcb:ReadEnv on \"*\": tells of what is not his own" },
	{ ALLOW("tcb:WriteEnv", "*"), CAM_REACHES, "statement[1] allows tcb:WriteEnv on \"*\": reaches what is not his own" },
	{ ALLOW("tcb:ReadEnv", "qcs::*:*:*:*"), CAM_REACHES, "on \"qcs::*:*:*:*\"" },
	{ ALLOW("tcb:ReadEnv", "qcs:::::*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", ENV "*"), CAM_REACHES, "env/own-1*" },
	{ ALLOW("tcb:ReadEnv", ENV "2"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", ENV ":*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", ENV "/*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", ENV "${uin}"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/100000000001:env/own-"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/100000000001:env/*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/100000000001:*own-1"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/100000000001:env/${envId}"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:ap-shanghai:uin/100000000001:env/Own-1"), CAM_REACHES, "" },
	{ ALLOW("scf:Invoke", FUNCTIONS "*"), ISOLATED, NULL },
	{ ALLOW("scf:Invoke", FUNCTIONS "a:b:*"), ISOLATED, NULL },
	{ ALLOW("scf:Invoke", FUNCTIONS "${uin}-*"), ISOLATED, NULL },
	{ ALLOW("scf:Invoke", FUNCTIONS "a${open"), ISOLATED, NULL },
	{ ALLOW("scf:Invoke", "qcs::scf:ap-shanghai:uin/100000000001:namespace/own-1*/function/*"), CAM_REACHES, "" },
	{ ALLOW("scf:Invoke", "qcs::scf:ap-shanghai:uin/100000000001:namespace/own-1/*"), CAM_REACHES, "" },
	{ ALLOW("scf:Invoke", "qcs::scf:ap-shanghai:uin/100000000001:namespace/${uin}/function/*"), CAM_REACHES, "" },
	{ ALLOW("cos:PutObject", BUCKET "/*"), ISOLATED, NULL },
	{ ALLOW("cos:PutObject", BUCKET "*"), CAM_REACHES, "" },
	{ ALLOW("cos:PutObject", BUCKET "0/*"), CAM_REACHES, "" },
	/* Actions that resources do not tell apart, and those of another service beside an innocent one. */
	{ ALLOW("tcb:Prices", "*"), ISOLATED, NULL },
	{ ALLOW("tcb:Prices", "qcs::tcb::uin/999:env/x"), ISOLATED, NULL },
	{ ALLOW("tcb:Bills", "*"), CAM_REACHES, "tcb:Bills" },
	{ ALLOW("tcb:Bills", ENV), CAM_REACHES, "tcb:Bills" },
	{ S("allow", "\"tcb:ReadEnv\",\"cos:PutObject\",\"tcb:WriteEnv\"", "\"" ENV "\""), CAM_REACHES, "allows cos:PutObject on" },
	{ S("allow", "\"tcb:ReadEnv\"", "\"" ENV "\",\"" ENV "2\""), CAM_REACHES, "env/own-12\"" },
	{ ALLOW("cos:PutObject", "qcs:::::6f-own-1-1300000001/*"), CAM_REACHES, "" },
	/* What nobody has looked at. */
	{ ALLOW("tcb:readEnv", ENV), CAM_UNKNOWN, "allows tcb:readEnv on \"" ENV "\": not in the catalogue" },
	{ ALLOW("tcb:ReadEnv2", ENV), CAM_UNKNOWN, "tcb:ReadEnv2" },
	{ ALLOW("permid/280001", ENV), CAM_UNKNOWN, "permid/280001" },
	{ ALLOW("tcb:*", ENV), CAM_UNKNOWN, "allows tcb:* on \"" ENV "\": a wildcard" },
	{ ALLOW("tcb:ReadEnv*", ENV), CAM_UNKNOWN, "tcb:ReadEnv*" },
	{ ALLOW("*:ReadEnv", ENV), CAM_UNKNOWN, "*:ReadEnv" },
	{ ALLOW("*", ENV), CAM_UNKNOWN, "allows * on" },
	{ ALLOW("*", "*"), CAM_REACHES, "cls:SearchLog, cos:PutObject, scf:Invoke, tcb:Bills, tcb:ReadEnv and tcb:WriteEnv on" },
	/* Conditions never narrow an allow. */
	{ C("allow", "\"tcb:ReadEnv\"", "\"*\""), CAM_REACHES, "" },
	{ C("allow", "\"tcb:*\"", "\"" ENV "\""), CAM_UNKNOWN, "" },
	/* Denied is what one statement without a condition covers. */
	{ ALLOW("tcb:ReadEnv", "*") "," DENY("tcb:ReadEnv", "*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "*") "," DENY("tcb:Read*", "*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "*") "," DENY("*", "*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "*") "," DENY("tcb:readEnv", "*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "*") "," C("deny", "\"tcb:ReadEnv\"", "\"*\""), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "*") "," DENY("tcb:ReadEnv", "qcs::*:*:*:*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "*") "," DENY("tcb:ReadEnv", ENV), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "*") "," DENY("tcb:ReadEnv", ENV) "," DENY("tcb:WriteEnv", "*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::*:*:*:*") "," DENY("tcb:ReadEnv", "qcs::*:*:*:*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::*:*:*:*") "," DENY("tcb:ReadEnv", "qcs:::*:*:*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::*:*:*:*") "," DENY("tcb:ReadEnv", "qcs:::::*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb::uin/999:*") "," DENY("tcb:ReadEnv", "qcs::tcb:::*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb::uin/999:*") "," DENY("tcb:ReadEnv", "qcs::tcb::uin/999:*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb::uin/100000000001:*") "," DENY("tcb:ReadEnv", "qcs::tcb::uid/1300000001:*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb::uin/999:*") "," DENY("tcb:ReadEnv", "qcs::tcb::uin/*:*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb::uin/999:*") "," DENY("tcb:ReadEnv", "qcs::tcb::*:*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::x") "," DENY("tcb:ReadEnv", "qcs::tcb::uin/999:x"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::x") "," DENY("tcb:ReadEnv", "qcs::tcb::*:x"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::a*") "," DENY("tcb:ReadEnv", "qcs::tcb:::a*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::a*b") "," DENY("tcb:ReadEnv", "qcs::tcb:::a*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::a*") "," DENY("tcb:ReadEnv", "qcs::tcb:::a*b"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::*") "," DENY("tcb:ReadEnv", "qcs::tcb:::env/*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::x/${uin}") "," DENY("tcb:ReadEnv", "qcs::tcb:::x/${uin}"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::x/${uin}") "," DENY("tcb:ReadEnv", "qcs::tcb:::x/*"), ISOLATED, NULL },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::x/${uin}") "," DENY("tcb:ReadEnv", "qcs::tcb:::x/$*"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::x/${uin}") "," DENY("tcb:ReadEnv", "qcs::tcb:::*${uin}"), CAM_REACHES, "" },
	{ ALLOW("tcb:ReadEnv", "qcs::tcb:::x/*") "," DENY("tcb:ReadEnv", "qcs::tcb:::x/${uin}"), CAM_REACHES, "" },
	{ ALLOW("tcb:X*", ENV) "," DENY("tcb:*X*", "*"), ISOLATED, NULL },
	{ ALLOW("tcb:X*", ENV) "," DENY("tcb:Xa*", "*"), CAM_UNKNOWN, "" },
	{ ALLOW("tcb:*", ENV) "," S("deny", "\"tcb:ReadEnv\",\"tcb:WriteEnv\",\"tcb:Bills\"", "\"*\""), CAM_UNKNOWN, "" },
	{ ALLOW("new:Thing", ENV) "," DENY("new:*", "*"), ISOLATED, NULL },
	{ ALLOW("tcb:*", "*") "," DENY("*", "*"), ISOLATED, NULL },
	{ ALLOW("*", "*") "," DENY("*:*", "*"), CAM_UNKNOWN, "allows * on \"*\"" },
	/* But what widens is not even written. */
	{ ALLOW("cam:Rewrite", ENV), CAM_CHAIN, "statement[1] allows cam:Rewrite on \"" ENV "\": what may end in more rights is kept" },
	{ ALLOW("cam:*", "*"), CAM_CHAIN, "allows cam:* on \"*\": what may end in more rights is kept" },
	{ ALLOW("*", "*") "," DENY("*", "*"), CAM_CHAIN, "allows * on \"*\"" },
	{ ALLOW("cam:Look", "*"), ISOLATED, NULL },
};

/* Whether the evaluator lets him do what the catalogue says he must not. */
static bool escapes(const struct cam_policy *p, const struct cam_catalogue *c)
{
	static const char *const foreign[] = { "*", "qcs::tcb:ap-shanghai:uin/100000000001:env/other",
		"qcs::tcb:ap-beijing:uin/100000000001:env/own-1", "qcs::tcb:ap-shanghai:uin/999:env/own-1", ENV "2", ENV ":x",
		"qcs::cos:ap-shanghai:uid/1300000001:6f-own-10-1300000001/x", "qcs::scf:ap-shanghai::namespace/own-12/function/f",
		"qcs::scf:ap-shanghai::namespace/100000000101/function/f", "qcs::tcb:ap-shanghai::env/own-1100000000101",
		"qcs::tcb:ap-shanghai::x/100000000101", "qcs::tcb:ap-shanghai::ab", "qcs::tcb:ap-shanghai::ac" };
	for (size_t i = 0; i < c->action_count; i++) {
		for (size_t k = 0; k < ARRAY_LEN(foreign); k++) {
			struct cam_request r = { .action = c->actions[i].name, .resource = foreign[k], .owner_uin = OWNER,
				.uin = OWNER + 100, .app_id = APP };
			if (!(c->actions[i].flags & CAM_PUBLIC) && cam_evaluate(&p, 1, NULL, &r).verdict == CAM_ALLOW)
				return true;
		}
	}
	return false;
}

static void one_statement(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_ARENA struct arena *a = arena_new(1 << 20);
		const char *policy = arena_printf(a, DOC("%s,%s"), GUARD, rows[i].statements);
		struct cam_proof proof = prove(a, small, policy, NULL);
		bool fits = rows[i].kind == ISOLATED ? proof.count == 0 : says(&proof, (enum cam_finding_kind)rows[i].kind, rows[i].says);
		if (!fits)
			fail_msg("row %zu, %s:\n%s", i, rows[i].statements, cam_proof_text(a, &proof, 10));
		if (!proof.count && escapes(read_policy(a, policy), read_catalogue(a, small)))
			fail_msg("row %zu, %s: the evaluator lets him out", i, rows[i].statements);
	}
}

/* A long text with variables is taken for everything. */
static void long_variables(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	char fill[400];
	memset(fill, 'x', sizeof(fill) - 1);
	fill[sizeof(fill) - 1] = '\0';
	for (int n = 100; n < 400; n += 299) {
		const char *policy = arena_printf(a, DOC(GUARD "," ALLOW("scf:Invoke", FUNCTIONS "%.*s${uin}")), n, fill);
		assert_int_equal(prove(a, small, policy, NULL).count, n == 100 ? 0 : 1);
	}
}

static void findings_name_their_place(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct cam_proof p = prove(a, small, DOC(GUARD),
		DOC(ALLOW("tcb:ReadEnv", ENV) "," S("allow", "\"tcb:WriteEnv\",\"tcb:ReadEnv\",\"tcb:WriteEnv\"", "\"" ENV "2\",\"*\"")));
	assert_int_equal(p.count, 2);
	assert_int_equal(p.allowed, 2);
	assert_int_equal(p.findings[0].kind, CAM_REACHES);
	assert_int_equal(p.findings[0].policy, 1);
	assert_int_equal(p.findings[0].statement, 1);
	assert_string_equal(p.findings[0].action, "tcb:WriteEnv");
	assert_string_equal(p.findings[0].resource, ENV "2");
	assert_string_equal(p.findings[0].sentence, "policy 2, statement[1] allows tcb:WriteEnv and tcb:ReadEnv on \"" ENV
		"2\": reaches what is not his own environment");
	assert_string_equal(p.findings[1].resource, "*");
	/* A deny of one policy holds for the allow of another. */
	assert_int_equal(prove(a, small, DOC(GUARD "," DENY("tcb:*", "*")), DOC(ALLOW("tcb:*", "*"))).count, 0);
}

static void lists_are_cut(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct str actions;
	str_init(&actions, a);
	for (int i = 0; i < 33; i++)
		str_addf(&actions, "%s\"new:A%d\"", i ? "," : "", i);
	struct cam_proof p = prove(a, small, arena_printf(a, DOC(GUARD "," S("allow", "%s", "\"*\"")), actions.text), NULL);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.allowed, 33);
	assert_non_null(strstr(p.findings[0].sentence, "new:A28, new:A29 and 3 more on \"*\""));
	assert_null(strstr(p.findings[0].sentence, "new:A30"));

	p = prove(a, small, DOC(ALLOW("*", "*")), NULL);
	assert_string_equal(cam_proof_text(a, &p, 0), arena_printf(a, "and %zu more", p.count));
	char *text = cam_proof_text(a, &p, 2);
	assert_true(str_starts(text, p.findings[0].sentence));
	assert_non_null(strstr(text, arena_printf(a, "\n%s\nand %zu more", p.findings[1].sentence, p.count - 2)));
	assert_null(strchr(cam_proof_text(a, &p, 1) + strlen(p.findings[0].sentence) + 1, '\n'));
	assert_null(strstr(cam_proof_text(a, &p, p.count), "\nand "));
	assert_string_equal(cam_proof_text(a, &(struct cam_proof){ 0 }, 5), "");
}

/* --- what must be denied --------------------------------------------------------------- */

static void duties(void **state)
{
	(void)state;
	static const struct { const char *deny, *says; } bad[] = {
		{ S("deny", "\"cam:*\",\"tcb:Renew\"", "\"*\""),
			"1 action that may destroy what cannot be brought back is not denied on his own resources: tcb:KillEnv" },
		{ S("deny", "\"cam:*\",\"tcb:KillEnv\"", "\"*\""), "1 action that may cost money is not denied on \"*\": tcb:Renew" },
		{ S("deny", "\"cam:Fill*\",\"tcb:KillEnv\",\"tcb:Renew\"", "\"*\""),
			"2 actions that may end in more rights are not denied on \"*\": cam:MakeRole and cam:Rewrite" },
		{ C("deny", "\"*\"", "\"*\""), "3 actions that may end in more rights" },
		{ S("deny", "\"*\"", "\"qcs::*:*:*:*\""), "3 actions that may end in more rights" },
		{ S("deny", "\"cam:*\",\"tcb:Renew\"", "\"*\"") "," DENY("tcb:KillEnv", ENV "2"), "tcb:KillEnv" },
	};
	static const char *const good[] = { GUARD, DENY("*", "*"),
		S("deny", "\"cam:*\",\"tcb:Renew\"", "\"*\"") "," DENY("tcb:KillEnv", ENV),
		S("deny", "\"cam:*\",\"tcb:Renew\"", "\"*\"") "," DENY("tcb:Kill*", "qcs::tcb:::env/*"),
	};
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cam_proof p = prove(a, small, arena_printf(a, DOC("%s,%s"), bad[i].deny, ALLOW("tcb:ReadEnv", ENV)), NULL);
		if (!says(&p, CAM_NOT_DENIED, bad[i].says))
			fail_msg("%s: %s", bad[i].deny, cam_proof_text(a, &p, 10));
		assert_string_equal(p.findings[0].resource, "");
		assert_non_null(strstr(p.findings[0].sentence, p.findings[0].action));
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(prove(a, small, arena_printf(a, DOC("%s"), good[i]), NULL).count, 0);
}

/* Whatever a level says of accounts, another one's is nobody's own; and what destroys is denied on all that is. */
static void levels(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	const char *wide = "level env qcs::tcb:*:*:env/${envId}\nlevel env qcs::tcb:*:*:box/${envId}\n"
		"action tcb:ReadEnv env read\naction tcb:KillEnv env write destroys\n";
	const struct { const char *policy; int kind; } tries[] = {
		{ DOC(ALLOW("tcb:ReadEnv", "qcs::tcb:::env/own-1") "," DENY("tcb:KillEnv", "*")), ISOLATED },
		{ DOC(ALLOW("tcb:ReadEnv", "qcs::tcb:::box/own-1") "," DENY("tcb:KillEnv", "*")), ISOLATED },
		{ DOC(ALLOW("tcb:ReadEnv", "qcs::tcb:::*/own-1") "," DENY("tcb:KillEnv", "*")), CAM_REACHES },
		{ DOC(ALLOW("tcb:ReadEnv", "qcs::tcb::*:env/own-1") "," DENY("tcb:KillEnv", "*")), CAM_REACHES },
		{ DOC(ALLOW("tcb:ReadEnv", "qcs::tcb::uin/999:env/own-1") "," DENY("tcb:KillEnv", "*")), CAM_REACHES },
		{ DOC(DENY("tcb:KillEnv", "qcs::tcb::*:env/*")), CAM_NOT_DENIED },
		{ DOC(DENY("tcb:KillEnv", "qcs::tcb::*:box/*")), CAM_NOT_DENIED },
		{ DOC(DENY("tcb:KillEnv", "qcs::tcb::*:box/*") "," DENY("tcb:*", "qcs::tcb::*:env/*")), ISOLATED },
	};
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		struct cam_proof p = prove(a, wide, tries[i].policy, NULL);
		if (tries[i].kind == ISOLATED ? p.count != 0 : p.count != 1 || (int)p.findings[0].kind != tries[i].kind)
			fail_msg("%s: %s", tries[i].policy, cam_proof_text(a, &p, 10));
	}
}

static void boundary_and_barrier(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	const struct cam_catalogue *c = read_catalogue(a, small);
	struct cam_proof p;
	/* Destroying is not its business. */
	cam_prove_boundary(a, c, read_policy(a, DOC(ALLOW("*", "*") "," S("deny", "\"cam:*\",\"tcb:Renew\"", "\"*\""))), &p);
	assert_int_equal(p.count, 0);
	cam_prove_boundary(a, c, read_policy(a, DOC(ALLOW("*", "*") "," S("deny", "\"cam:Make*\"", "\"*\""))), &p);
	assert_int_equal(p.count, 2);
	assert_true(says(&p, CAM_NOT_DENIED, "cam:FillRole and cam:Rewrite"));
	assert_true(says(&p, CAM_NOT_DENIED, "tcb:Renew"));
	cam_prove_boundary(a, c, read_policy(a, DOC(C("deny", "\"*\"", "\"*\""))), &p);
	assert_int_equal(p.count, 2);

	assert_true(cam_denies_all(read_policy(a, DOC(DENY("*", "*")))));
	assert_true(cam_denies_all(read_policy(a, DOC(ALLOW("*", "*") "," S("deny", "\"a:B\",\"*\"", "\"" ENV "\",\"*\"")))));
	assert_false(cam_denies_all(read_policy(a, DOC(ALLOW("*", "*")))));
	assert_false(cam_denies_all(read_policy(a, DOC(DENY("*:*", "*")))));
	assert_false(cam_denies_all(read_policy(a, DOC(DENY("*", "qcs::*:*:*:*")))));
	assert_false(cam_denies_all(read_policy(a, DOC(C("deny", "\"*\"", "\"*\"")))));
	assert_false(cam_denies_all(read_policy(a, DOC(DENY("*", ENV) "," DENY("tcb:*", "*")))));
}

static void identifiers(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	const struct cam_catalogue *c = read_catalogue(a, small);
	const struct cam_policy *p = read_policy(a, DOC(GUARD));
	struct cam_proof proof = { .count = 77 };
	struct cam_identifiers id = own;
	struct err e = { 0 };
	id.topic_id = NULL;
	assert_int_equal(cam_prove(a, c, &p, 1, &id, &proof, &e), ERR_INPUT);
	assert_non_null(strstr(e.text, "level topic"));
	id = own;
	id.env_id = "*";
	assert_int_equal(cam_prove(a, c, &p, 1, &id, &proof, &e), ERR_INPUT);
	id = own;
	id.owner_uin = 0;
	assert_int_equal(cam_prove(a, c, &p, 1, &id, &proof, &e), ERR_INPUT);
	assert_int_equal(proof.count, 77);
	/* An account of 0 is nobody's, not even where no level asks for it. */
	c = read_catalogue(a, "level env qcs::tcb:::env/${envId}\naction tcb:ReadEnv env read\n");
	p = read_policy(a, DOC(ALLOW("tcb:ReadEnv", "qcs::tcb::uin/0:env/own-1") "," ALLOW("tcb:ReadEnv", "qcs::tcb::uid/0:env/own-1")));
	assert_int_equal(cam_prove(a, c, &p, 1, &(struct cam_identifiers){ .env_id = "own-1" }, &proof, &e), 0);
	assert_int_equal(proof.count, 2);
	assert_int_equal(cam_prove(a, c, NULL, 0, &own, &proof, &e), 0);
	assert_int_equal(proof.count + proof.allowed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(covering_is_containment),
		cmocka_unit_test(one_statement),
		cmocka_unit_test(long_variables),
		cmocka_unit_test(findings_name_their_place),
		cmocka_unit_test(lists_are_cut),
		cmocka_unit_test(duties),
		cmocka_unit_test(levels),
		cmocka_unit_test(boundary_and_barrier),
		cmocka_unit_test(identifiers),
	};
	return cmocka_run_group_tests_name("prove", tests, NULL, NULL);
}
