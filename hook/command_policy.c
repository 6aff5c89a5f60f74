/* `rollcall policy check`: is a policy, or a template of one, proved to isolate?  Here, from files alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/str.h"
#include "hook/command.h"
#include "policies/cam/prove.h"

#define CATALOGUE ROLLCALL_DATADIR "/policies/actions.txt"
#define FILE_MOST (1u << 20)

struct question {
	struct cam_identifiers own;
	char *text;                /* as it stands in the file */
	size_t len;
	const struct cam_catalogue *catalogue;
	struct cam_proof proof;
};

/* --- whose environment -------------------------------------------------------------------------------------- */

static const struct identifier {
	enum command_option option;
	size_t offset;
	bool number;
} identifiers[] = {
	{ OPTION_ENV_ID, offsetof(struct cam_identifiers, env_id), false },
	{ OPTION_UIN, offsetof(struct cam_identifiers, owner_uin), true },
	{ OPTION_APP_ID, offsetof(struct cam_identifiers, app_id), true },
	{ OPTION_REGION, offsetof(struct cam_identifiers, region), false },
	{ OPTION_NAMESPACE, offsetof(struct cam_identifiers, name_space), false },
	{ OPTION_TOPIC, offsetof(struct cam_identifiers, topic_id), false },
	{ OPTION_BUCKET, offsetof(struct cam_identifiers, bucket), false },
};

static bool read_number(const char *text, uint64_t *out)
{
	errno = 0;
	*out = text[strspn(text, "0123456789")] ? 0 : strtoull(text, NULL, 10);
	return *out && !errno;
}

static int read_identifiers(const struct command_line *l, struct cam_identifiers *own)
{
	*own = cam_sample;
	if (l->option[OPTION_ENV_ID])
		own->name_space = l->option[OPTION_ENV_ID];
	for (size_t i = 0; i < ARRAY_LEN(identifiers); i++) {
		const struct identifier *id = &identifiers[i];
		const char *value = l->option[id->option];
		void *to = (char *)own + id->offset;
		if (value && l->option[OPTION_BOUNDARY])
			return command_fail(l, COMMAND_USAGE, "a boundary is nobody's own: --boundary and --%s do not go together",
				command_options[id->option].name);
		if (value && !id->number)
			*(const char **)to = value;
		else if (value && !read_number(value, to))
			return command_fail(l, COMMAND_USAGE, "--%s wants a number, not \"%s\"", command_options[id->option].name, value);
	}
	return COMMAND_DONE;
}

/* --- reading and judging -------------------------------------------------------------------------------------- */

static int read_catalogue(const struct command_line *l, struct question *q)
{
	const char *path = l->option[OPTION_CATALOGUE] ? l->option[OPTION_CATALOGUE] : CATALOGUE;
	struct cam_catalogue *catalogue;
	char *text;
	size_t n;
	struct err e;
	if (!l->option[OPTION_CATALOGUE] && access(path, R_OK))
		return command_fail(l, COMMAND_USAGE, "\"%s\", the catalogue of known actions: %s; name another with --catalogue "
			"(in the sources it is policies/templates/actions.txt)", path, strerror(errno));
	int status = command_read(l, path, FILE_MOST, COMMAND_USAGE, &text, &n);
	if (status != COMMAND_DONE)
		return status;
	if (cam_catalogue_parse(l->arena, text, n, &catalogue, &e))
		return command_fail(l, COMMAND_USAGE, "\"%s\": %s", path, e.text);
	q->catalogue = catalogue;
	return COMMAND_DONE;
}

/* As the daemon sends it: filled, and without white space. */
static int judge_own(const struct command_line *l, struct question *q, struct err *e)
{
	struct cam_policy *policy;
	char *rendered;
	int rc = cam_render(l->arena, q->text, q->len, &q->own, &rendered, e);
	if (!rc)
		rc = cam_policy_parse(l->arena, rendered, strlen(rendered), &policy, e);
	if (rc)
		return rc;
	const struct cam_policy *const all[] = { policy };
	return cam_prove(l->arena, q->catalogue, all, ARRAY_LEN(all), &q->own, &q->proof, e);
}

/* As it stands: so the daemon sends it. */
static int judge_boundary(const struct command_line *l, struct question *q, struct err *e)
{
	struct cam_policy *policy;
	int rc = cam_policy_parse(l->arena, q->text, q->len, &policy, e);
	if (!rc && strstr(q->text, "${"))
		rc = err_set(e, ERR_INPUT, "a boundary is filled for nobody, and holds a placeholder");
	if (!rc)
		cam_prove_boundary(l->arena, q->catalogue, policy, &q->proof);
	return rc;
}

/* --- saying ----------------------------------------------------------------------------------------------------- */

/* A document that was filled already, about resources that nobody named here: it may be right all the same.  NULL: it is
 * not that. */
static char *hint(const struct command_line *l, const struct question *q)
{
	struct str s;
	size_t reaches = 0, unnamed = 0;
	str_init(&s, l->arena);
	for (size_t i = 0; i < q->proof.count; i++)
		reaches += q->proof.findings[i].kind == CAM_REACHES;
	for (size_t i = 0; i < ARRAY_LEN(identifiers); i++) {
		enum command_option o = identifiers[i].option;
		if (!l->option[o] && !(o == OPTION_NAMESPACE && l->option[OPTION_ENV_ID]))
			str_addf(&s, "%s--%s", unnamed++ ? ", " : "", command_options[o].name);
	}
	if (!reaches || !unnamed || l->option[OPTION_BOUNDARY] || strstr(q->text, "${"))
		return NULL;
	return arena_printf(l->arena, "without placeholders, its own resources must be named; not given: %s", s.text);
}

static const char *const kinds[] = { [CAM_CHAIN] = "chain", [CAM_REACHES] = "reaches", [CAM_UNKNOWN] = "unknown",
	[CAM_NOT_DENIED] = "not denied" };

static void say_json(const struct command_line *l, const struct question *q)
{
	struct json *o = json_object(l->arena), *list = json_array(l->arena);
	json_put_text(o, "verdict", q->proof.count ? "refused" : "isolated");
	json_put_int(o, "allowed", (int64_t)q->proof.allowed);
	for (size_t i = 0; i < q->proof.count; i++) {
		const struct cam_finding *f = &q->proof.findings[i];
		struct json *one = json_object(l->arena);
		json_put_text(one, "kind", kinds[f->kind]);
		if (f->kind != CAM_NOT_DENIED)
			json_put_int(one, "statement", (int64_t)f->statement);
		json_put_text(one, "action", f->action);
		json_put_text(one, "resource", *f->resource ? f->resource : NULL);
		json_put_text(one, "sentence", f->sentence);
		json_push(list, one);
	}
	json_put(o, "findings", list);
	json_put_text(o, "hint", hint(l, q));
	print_json(l, o);
}

static void say(const struct command_line *l, const struct question *q)
{
	for (size_t i = 0; i < q->proof.count; i++) {
		const char *sentence = q->proof.findings[i].sentence;
		fprintf(l->out, "%s\n", str_printable(l->arena, sentence, strlen(sentence)));
	}
	const char *more = hint(l, q);
	if (more)
		fprintf(l->out, "hint: %s\n", more);
	if (q->proof.count)
		fprintf(l->out, "refused: %zu finding%s\n", q->proof.count, q->proof.count == 1 ? "" : "s");
	else if (l->option[OPTION_BOUNDARY])
		fprintf(l->out, "isolated: whatever else is attached, nothing that widens rights or pays passes this boundary\n");
	else
		fprintf(l->out, "isolated: %zu actions allowed, none reaches another environment or more rights\n", q->proof.allowed);
}

int command_policy_check(const struct command_line *l)
{
	struct question q = { 0 };
	struct err e;
	int status = read_identifiers(l, &q.own);
	if (status == COMMAND_DONE)
		status = read_catalogue(l, &q);
	if (status == COMMAND_DONE)
		status = command_read(l, l->arg, FILE_MOST, COMMAND_USAGE, &q.text, &q.len);
	if (status != COMMAND_DONE)
		return status;
	if (l->option[OPTION_BOUNDARY] ? judge_boundary(l, &q, &e) : judge_own(l, &q, &e))
		return command_fail(l, COMMAND_USAGE, "\"%s\": %s", l->arg, e.text);
	if (l->option[OPTION_JSON])
		say_json(l, &q);
	else
		say(l, &q);
	return q.proof.count ? COMMAND_REFUSED : COMMAND_DONE;
}
