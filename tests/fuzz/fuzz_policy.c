/* Policy documents: refused with a place, or judged without a crash: the same by both evaluators, and by the prover in a
 * way that they bear out. */
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/prove.h"
#include "tests/support/both.h"

static const char actions[] = "level env qcs::tcb:*:uin/${uin}:env/${envId}\nlevel any *\nfact role a role\nend more more rights\n"
	"action tcb:DescribeEnvs env read\naction tcb:CheckTcbService any read public\naction tcb:DestroyEnv env write destroys\n"
	"action tcb:CreateEnv any write pays\naction cam:CreateRole any write gives role\n"
	"action cam:AttachRolePolicy any write widens gives more\naction scf:Invoke any write gives more after role\n";

#define ENV(id) "qcs::tcb:ap-shanghai:uin/100000000001:env/" id
static const struct { const char *action, *resource; bool harmless; } requests[] = {
	{ "tcb:DescribeEnvs", ENV("sample-2hf7qk3m9xwz4c8d"), true }, { "tcb:DescribeEnvs", ENV("other"), false },
	{ "tcb:DescribeEnvs", ENV(""), false }, { "tcb:DescribeEnvs", "*", false },
	{ "tcb:DestroyEnv", ENV("sample-2hf7qk3m9xwz4c8d"), false }, { "tcb:CreateEnv", "*", false }, { "tcb:CheckTcbService", "*", true },
	{ "cam:CreateRole", "*", false }, { "cam:AttachRolePolicy", ENV("other"), false }, { "cos:GetObject", "*", false },
	{ "scf:Invoke", "qcs::scf:ap-shanghai:uid/1300000001:namespace/x", false },
};
static const struct cam_context context[] = { { "qcs:ip", "10.0.0.1" }, { "k", "5" }, { "k", "2026-11-24T12:00:00Z" }, { "m", "true" },
	{ "qcs:resource_tag", "a&b" } };

static void must(bool right)
{
	if (!right)
		abort();
}

/* The second evaluator goes back at each star; more of them than this in one text would take it too long. */
static bool few_stars(const char *data, size_t n)
{
	size_t stars = 0;
	for (size_t i = 0; i < n && stars < 5; i++)
		stars = data[i] == '"' ? 0 : stars + (data[i] == '*');
	return stars < 5;
}

static void must_be_printable(struct arena *a, const struct cam_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		must(str_eq(str_printable(a, texts->items[i], strlen(texts->items[i])), texts->items[i]));
}

/* Whoever compares patterns relies on it. */
static void no_control_characters(struct arena *a, const struct cam_policy *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct cam_statement *s = &p->statements[i];
		must_be_printable(a, &s->actions);
		for (size_t k = 0; k < s->resource_count; k++)
			must_be_printable(a, &(struct cam_texts){ 1, &s->resources[k].text });
		for (size_t k = 0; k < s->condition_count; k++) {
			must_be_printable(a, &(struct cam_texts){ 1, &s->conditions[k].key });
			must_be_printable(a, &s->conditions[k].values);
		}
	}
}

static void prove(struct arena *a, const struct cam_policy *p, struct cam_proof *proof)
{
	struct cam_catalogue *c;
	struct cam_proof again, limit;
	struct err e;
	const struct cam_policy *const all[] = { p };
	must(!cam_catalogue_parse(a, actions, sizeof(actions) - 1, &c, &e));
	must(!cam_prove(a, c, all, 1, &cam_sample, proof, &e) && !cam_prove(a, c, all, 1, &cam_sample, &again, &e));
	must(proof->count == again.count && str_eq(cam_proof_text(a, proof, 1000), cam_proof_text(a, &again, 1000)));
	cam_prove_boundary(a, c, p, &limit);
	cam_proof_text(a, &limit, 3);
}

static void judge(struct arena *a, const char *text, bool twice)
{
	struct both b = { .count = 1 };
	struct cam_proof proof;
	struct err e;
	must(!both_read(a, text, &b.held[0], &e));
	prove(a, b.held[0].real, &proof);
	for (size_t i = 0; i < ARRAY_LEN(requests) * 2; i++) {
		const struct cam_request r = { .action = requests[i / 2].action, .resource = requests[i / 2].resource,
			.owner_uin = cam_sample.owner_uin, .uin = 100000000101, .app_id = cam_sample.app_id,
			.context_count = i % 2 ? ARRAY_LEN(context) : 0, .context = context };
		const struct cam_policy *const all[] = { b.held[0].real };
		enum cam_verdict naive, real = twice ? both_judge(&b, &r, &naive) : cam_evaluate(all, 1, NULL, &r).verdict;
		must(!twice || real == naive);
		must(proof.count || real != CAM_ALLOW || requests[i / 2].harmless);
		must(!cam_denies_all(all[0]) || real == CAM_EXPLICIT_DENY);
		must(cam_evaluate(all, 1, all[0], &r).verdict == real);     /* as its own boundary it changes nothing */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_ARENA struct arena *a = arena_new(64u << 20);
	struct cam_policy *p;
	struct err e = { 0 };
	char *rendered;
	if (!cam_render(a, (const char *)data, n, &cam_sample, &rendered, &e)) {
		must(!strstr(rendered, "${") && strlen(rendered) <= CAM_POLICY_MAX);
		must(!cam_policy_parse(a, rendered, strlen(rendered), &p, &e));
	} else {
		must(e.kind == ERR_INPUT && *e.text);
	}
	if (cam_policy_parse(a, (const char *)data, n, &p, &e)) {
		must(e.kind == ERR_INPUT && strstr(e.text, ": ") && !strpbrk(e.text, "\n\r\t\x01\x7f") && str_utf8(e.text, strlen(e.text)));
		return 0;
	}
	no_control_characters(a, p);
	judge(a, arena_strndup(a, (const char *)data, n), few_stars((const char *)data, n));
	return 0;
}
