/* The policies that the settings name: read once, and proved before anything is sent. */
#include <string.h>

#include "common/file.h"
#include "hook/settings_check.h"
#include "policies/cam/prove.h"

#define FINDINGS_TOLD 10

struct policy_file {
	struct check *check;
	const char *path, *file;       /* of the setting, of the text */
	char *text;
	size_t len;
};

/* False when it cannot be read: that was complained of already. */
static bool read_text(struct policy_file *p)
{
	struct err e;
	return p->file && !file_read(p->check->arena, p->file, SETTINGS_FILE_MAX, &p->text, &p->len, &e);
}

static void tell_findings(const struct policy_file *p, const struct cam_proof *proof)
{
	for (size_t i = 0; i < proof->count && i < FINDINGS_TOLD; i++)
		settings_complain(p->check, p->path, "\"%s\": %s", p->file, proof->findings[i].sentence);
	if (proof->count > FINDINGS_TOLD)
		settings_complain(p->check, p->path, "\"%s\": and %zu more", p->file, proof->count - FINDINGS_TOLD);
}

/* Each kind of file is judged in its own way; *proof stays empty when nothing is wrong.  Fails: INPUT (unusable). */
typedef int (*judge)(const struct policy_file *, const struct cam_catalogue *, struct cam_proof *, struct err *e);

/* Filled in as for somebody: a template with a mistake would stop every grant. */
static int judge_template(const struct policy_file *p, const struct cam_catalogue *c, struct cam_proof *proof, struct err *e)
{
	struct arena *a = p->check->arena;
	struct cam_policy *policy;
	char *rendered;
	int rc = cam_render(a, p->text, p->len, &cam_sample, &rendered, e);
	if (!rc)
		rc = cam_policy_parse(a, rendered, strlen(rendered), &policy, e);
	if (rc || !c)
		return rc;
	const struct cam_policy *const held[] = { policy };
	return cam_prove(a, c, held, ARRAY_LEN(held), &cam_sample, proof, e);
}

/* Sent as it stands: "${uin}" would be a policy variable there. */
static int parse_shared(const struct policy_file *p, struct cam_policy **out, struct err *e)
{
	int rc = cam_policy_parse(p->check->arena, p->text, p->len, out, e);
	return rc || !strstr(p->text, "${") ? rc : err_set(e, ERR_INPUT, "it is filled for nobody, and holds a placeholder");
}

static int judge_boundary(const struct policy_file *p, const struct cam_catalogue *c, struct cam_proof *proof, struct err *e)
{
	struct cam_policy *policy;
	int rc = parse_shared(p, &policy, e);
	if (!rc && c)
		cam_prove_boundary(p->check->arena, c, policy, proof);
	return rc;
}

static int judge_barrier(const struct policy_file *p, const struct cam_catalogue *c, struct cam_proof *proof, struct err *e)
{
	struct cam_policy *policy;
	(void)c;
	(void)proof;
	int rc = parse_shared(p, &policy, e);
	return rc || cam_denies_all(policy) ? rc : err_set(e, ERR_INPUT, "it does not deny everything, always");
}

static const struct cam_catalogue *load_catalogue(struct check *c)
{
	struct settings *s = c->settings;
	struct policy_file p = { .check = c, .path = "policy.catalogue", .file = s->policy.catalogue_file };
	struct err e;
	if (!read_text(&p))
		return NULL;
	if (cam_catalogue_parse(c->arena, p.text, p.len, &s->policy.catalogue, &e))
		settings_complain(c, p.path, "\"%s\": %s", p.file, e.text);
	return s->policy.catalogue;
}

void settings_check_policies(struct check *c)
{
	struct settings *s = c->settings;
	const struct cam_catalogue *catalogue = load_catalogue(c);
	const struct { const char *path, *file; char **text; judge judge; } files[] = {
		{ "policy.template", s->policy.template_file, &s->policy.template_text, judge_template },
		{ "policy.boundary", s->policy.boundary_file, &s->policy.boundary_text, judge_boundary },
		{ "policy.barrier", s->policy.barrier_file, &s->policy.barrier_text, judge_barrier },
	};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct policy_file p = { .check = c, .path = files[i].path, .file = files[i].file };
		struct cam_proof proof = { 0 };
		struct err e;
		if (!read_text(&p))
			continue;
		if (files[i].judge(&p, catalogue, &proof, &e))
			settings_complain(c, p.path, "\"%s\": %s", p.file, e.text);
		tell_findings(&p, &proof);
		*files[i].text = p.text;
	}
}
