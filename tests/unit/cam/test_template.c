/* The policies and the catalogue that ship, and what becomes of the verdict when one thing in them is changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "policies/cam/prove.h"

struct room {
	struct arena *a;
	char *actions;                         /* the catalogue, as text */
	struct cam_catalogue *catalogue;
	char *rendered;                        /* the employee's policy for the sample environment */
	struct json *document;                 /* the same, to be changed and put back */
};

static char *load(struct arena *a, const char *name)
{
	FILE *f = fopen(arena_printf(a, "policies/templates/%s", name), "r");
	assert_non_null(f);
	char *text = arena_alloc(a, 1 << 20);
	size_t n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	assert_true(n > 0 && n < (1 << 20) - 1);
	return text;
}

static int open_room(void **state)
{
	struct room *r = mem_alloc(sizeof(*r));
	struct err e;
	r->a = arena_new(256u << 20);
	r->actions = load(r->a, "actions.txt");
	char *template = load(r->a, "employee.json");
	if (cam_catalogue_parse(r->a, r->actions, strlen(r->actions), &r->catalogue, &e) ||
		cam_render(r->a, template, strlen(template), &cam_sample, &r->rendered, &e) ||
		json_parse(r->a, r->rendered, strlen(r->rendered), &r->document, &e))
		fail_msg("%s", e.text);
	*state = r;
	return 0;
}

static int close_room(void **state)
{
	struct room *r = *state;
	arena_free(r->a);
	mem_cleanup_free(&r);
	return 0;
}

static struct cam_proof prove(struct arena *a, const struct cam_catalogue *c, const char *text, const struct cam_identifiers *id)
{
	struct cam_policy *p = NULL;
	struct cam_proof proof = { 0 };
	struct err e;
	/* Longer than CAM takes is no matter here. */
	struct json *document = NULL;
	if (json_parse(a, text, strlen(text), &document, &e) || cam_policy_from(a, document, &p, &e))
		fail_msg("%s: %s", text, e.text);
	const struct cam_policy *const all[] = { p };
	if (cam_prove(a, c, all, 1, id, &proof, &e))
		fail_msg("%s", e.text);
	return proof;
}

/* The document as it is now must be refused with this finding, naming the action where one is given. */
static void refused(struct room *r, enum cam_finding_kind kind, const char *action)
{
	AUTO_ARENA struct arena *a = arena_new(64u << 20);
	char *text = json_print(a, r->document);
	struct cam_proof p = prove(a, r->catalogue, text, &cam_sample);
	for (size_t i = 0; i < p.count; i++)
		if (p.findings[i].kind == kind && (!action || strstr(p.findings[i].sentence, action)))
			return;
	fail_msg("%s\n%s", text, cam_proof_text(a, &p, 10));
}

/* Put back as it was, before the next test. */
static void isolated(struct room *r)
{
	AUTO_ARENA struct arena *a = arena_new(64u << 20);
	assert_int_equal(prove(a, r->catalogue, json_print(a, r->document), &cam_sample).count, 0);
}

static struct json *statements(struct room *r)
{
	return json_edit(json_get(r->document, "statement"));
}

static bool allows(const struct json *statement)
{
	return str_eq(json_text(statement, "effect"), "allow");
}

/* --- as they are ---------------------------------------------------------------- */

static void what_ships_isolates(void **state)
{
	struct room *r = *state;
	struct cam_proof p = prove(r->a, r->catalogue, r->rendered, &cam_sample);
	if (p.count)
		fail_msg("%s", cam_proof_text(r->a, &p, 20));
	assert_true(p.allowed > 50);

	char *boundary = load(r->a, "boundary.json"), *barrier = load(r->a, "deny-all.json"), *rendered = NULL;
	struct cam_policy *policy = NULL;
	struct err e;
	assert_int_equal(cam_policy_parse(r->a, boundary, strlen(boundary), &policy, &e), 0);
	cam_prove_boundary(r->a, r->catalogue, policy, &p);
	if (p.count)
		fail_msg("%s", cam_proof_text(r->a, &p, 20));
	assert_false(cam_denies_all(policy));
	assert_int_equal(cam_policy_parse(r->a, barrier, strlen(barrier), &policy, &e), 0);
	assert_true(cam_denies_all(policy));
	cam_prove_boundary(r->a, r->catalogue, policy, &p);
	assert_int_equal(p.count, 0);

	/* Somebody else's policy is not his: all of it reaches what is not his own, but what concerns nobody. */
	const struct cam_identifiers other = { .owner_uin = cam_sample.owner_uin, .app_id = cam_sample.app_id,
		.region = "ap-shanghai", .env_id = "sample-2hf7qk3m9xwz4c8", .name_space = "sample-2hf7qk3m9xwz4c8", .topic_id = "t",
		.bucket = "7361-sample-2hf7qk3m9xwz4c8" };
	char *template = load(r->a, "employee.json");
	assert_int_equal(cam_render(r->a, template, strlen(template), &other, &rendered, &e), 0);
	assert_int_equal(prove(r->a, r->catalogue, rendered, &other).count, 0);
	size_t scoped = 0;
	for (const struct json *s = json_first(statements(r)); s; s = json_next(s))
		scoped += allows(s) && !str_eq(json_text(s, "resource[0]"), "*");
	assert_true(scoped > 3);
	assert_int_equal(prove(r->a, r->catalogue, rendered, &cam_sample).count, scoped);
}

/* Whatever it allows: without its line in the catalogue it is refused, and named. */
static void each_line_is_needed(void **state)
{
	struct room *r = *state;
	size_t lines = 0;
	for (const struct json *s = json_first(statements(r)); s; s = json_next(s)) {
		for (const struct json *v = allows(s) ? json_first(json_get(s, "action")) : NULL; v; v = json_next(v)) {
			AUTO_ARENA struct arena *a = arena_new(64u << 20);
			const char *name = json_string(v);
			char *rest = arena_strdup(a, r->actions), *line = strstr(rest, arena_printf(a, "\naction %s ", name));
			struct cam_catalogue *c = NULL;
			struct err e;
			assert_non_null(line);
			line[1] = '#';
			assert_int_equal(cam_catalogue_parse(a, rest, strlen(rest), &c, &e), 0);
			struct cam_proof p = prove(a, c, r->rendered, &cam_sample);
			if (p.count != 1 || p.findings[0].kind != CAM_UNKNOWN || !str_eq(p.findings[0].action, name))
				fail_msg("without %s:\n%s", name, cam_proof_text(a, &p, 10));
			lines++;
		}
	}
	assert_true(lines > 50);
}

/* --- one thing widened ------------------------------------------------------------- */

static const char *after_colons(const char *text, int n)
{
	while (n--)
		text = strchr(text, ':') + 1;
	return text;
}

/* The ways in which a resource of his own can be written too wide. */
static const char *widen(struct arena *a, const char *resource, int how)
{
	static const char *const own[] = { "sample-2hf7qk3m9xwz4c8d-1300000001", "sample-2hf7qk3m9xwz4c8d",
		"5b1d7c2e-0000-4000-8000-73616d706c65" };
	const char *account = after_colons(resource, 4), *last = after_colons(resource, 5);
	switch (how) {
	case 0: return "*";
	case 1: return "qcs::*:*:*:*";
	case 2: return arena_printf(a, "%.*s*", (int)(last - resource), resource);
	case 3: return arena_printf(a, "%.*s*:%s", (int)(account - resource), resource, last);
	case 4: return arena_printf(a, "%.*suin/100000000002:%s", (int)(account - resource), resource, last);
	default: break;
	}
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		const char *id = strstr(last, own[i]), *behind = id ? id + strlen(own[i]) : NULL;
		if (id && how == 5)
			return arena_printf(a, "%.*s*%s", (int)(id - resource), resource, behind);
		if (id && how == 6)
			return arena_printf(a, "%.*s*%s", (int)(behind - resource), resource, behind);
		if (id && how == 7)
			return arena_printf(a, "%.*s${uin}%s", (int)(id - resource), resource, behind);
	}
	fail_msg("%s names nothing of his own", resource);
	return NULL;
}

static void a_wider_resource(void **state)
{
	struct room *r = *state;
	size_t changed = 0;
	for (const struct json *s = json_first(statements(r)); s; s = json_next(s)) {
		struct json *statement = json_edit(s), *before = json_copy(r->a, json_get(s, "resource"));
		size_t count = json_count(before);
		for (size_t i = 0; allows(s) && i < count; i++) {
			const char *resource = json_string(json_at(before, i));
			for (int how = 0; how < 8 && !str_eq(resource, "*"); how++) {
				/* In its place, and beside it. */
				for (int beside = 0; beside < 2; beside++) {
					struct json *list = json_array(r->a);
					for (size_t k = 0; k < count; k++)
						if (k != i || beside)
							json_push_copy(list, json_at(before, k));
					json_push_text(list, widen(r->a, resource, how));
					json_put(statement, "resource", list);
					refused(r, CAM_REACHES, json_text(s, "action[0]"));
					changed++;
				}
			}
		}
		json_put(statement, "resource", before);
	}
	assert_true(changed > 50);
	isolated(r);
}

static void an_action_more(void **state)
{
	struct room *r = *state;
	static const struct { const char *action; enum cam_finding_kind kind; } more[] = {
		{ "cam:UpdatePolicy", CAM_CHAIN }, { "cam:CreateRole", CAM_CHAIN }, { "cam:AttachUserPolicy", CAM_CHAIN },
		{ "name/cam:CreateAccessKey", CAM_CHAIN }, { "sts:AssumeRole", CAM_CHAIN }, { "tcb:CreateApiKey", CAM_CHAIN },
		{ "cam:*", CAM_CHAIN }, { "*", CAM_UNKNOWN }, { "tcb:*", CAM_UNKNOWN }, { "tcb:describeEnvs", CAM_UNKNOWN },
		{ "permid/280001", CAM_UNKNOWN }, { "new:Service", CAM_UNKNOWN }, { "tcb:DescribeEnvLimit", CAM_REACHES },
	};
	for (const struct json *s = json_first(statements(r)); s; s = json_next(s)) {
		struct json *statement = json_edit(s), *before = json_copy(r->a, json_get(s, "action"));
		for (size_t i = 0; allows(s) && i < ARRAY_LEN(more); i++) {
			struct json *list = json_copy(r->a, before);
			json_push_text(list, more[i].action);
			json_put(statement, "action", list);
			refused(r, more[i].kind, str_starts(more[i].action, "name/") ? more[i].action + 5 : more[i].action);
		}
		json_put(statement, "action", before);
	}
	isolated(r);
}

/* Is it this entry alone that keeps something from him? */
static const char *guarded_by(struct room *r, const struct json *denies, size_t entry)
{
	for (size_t i = 0; i < r->catalogue->action_count; i++) {
		const struct cam_action *action = &r->catalogue->actions[i];
		size_t covering = 0;
		if (!(action->flags & (CAM_PAYS | CAM_DESTROYS | CAM_WIDENS)) || !cam_match(json_string(json_at(denies, entry)), action->name))
			continue;
		for (const struct json *v = json_first(denies); v; v = json_next(v))
			covering += cam_match(json_string(v), action->name);
		if (covering == 1)
			return action->name;
	}
	return NULL;
}

static void a_deny_less(void **state)
{
	struct room *r = *state;
	struct json *all = json_copy(r->a, json_get(r->document, "statement"));
	size_t removed = 0, needed = 0;
	for (size_t i = 0; i < json_count(all); i++) {
		if (allows(json_at(all, i)))
			continue;
		/* The whole statement; limited by a condition; on less than everything. */
		struct json *list = json_array(r->a);
		for (size_t k = 0; k < json_count(all); k++)
			if (k != i)
				json_push_copy(list, json_at(all, k));
		json_put(r->document, "statement", list);
		refused(r, CAM_NOT_DENIED, NULL);
		json_put(r->document, "statement", json_copy(r->a, all));
		struct json *deny = json_edit(json_at(statements(r), i)), *condition = json_object(r->a), *key = json_object(r->a);
		json_put_text(key, "qcs:ip", "0.0.0.0/0");
		json_put(condition, "ip_equal", key);
		json_put(deny, "condition", condition);
		refused(r, CAM_NOT_DENIED, NULL);
		json_remove(deny, "condition");
		json_put_text(deny, "resource", "qcs::*:*:*:*");
		refused(r, CAM_NOT_DENIED, NULL);
		removed++;

		/* One entry of it. */
		const struct json *actions = json_get(json_at(all, i), "action");
		for (size_t n = 0; n < json_count(actions); n++) {
			json_put(r->document, "statement", json_copy(r->a, all));
			struct json *fewer = json_array(r->a);
			for (size_t k = 0; k < json_count(actions); k++)
				if (k != n)
					json_push_copy(fewer, json_at(actions, k));
			json_put(json_edit(json_at(statements(r), i)), "action", fewer);
			const char *name = guarded_by(r, actions, n);
			if (name)
				refused(r, CAM_NOT_DENIED, NULL);
			needed += name != NULL;
		}
		json_put(r->document, "statement", json_copy(r->a, all));
	}
	isolated(r);
	assert_int_equal(removed, 1);
	assert_true(needed > 10);
}

/* --- somebody else's ----------------------------------------------------------------- */

/* The weaknesses that published examples have: roles and policies at will, tables of everybody, all of a service. */
static void a_careless_policy(void **state)
{
	struct room *r = *state;
	static const char careless[] = "{\"version\":\"2.0\",\"statement\":["
		"{\"effect\":\"allow\",\"action\":[\"cam:CreateRole\",\"cam:AttachRolePolicy\",\"cam:UpdatePolicy\",\"cam:GetRole\"],"
		"\"resource\":\"*\"},"
		"{\"effect\":\"allow\",\"action\":[\"tcb:CreateTable\",\"tcb:PutItem\",\"tcb:QueryRecords\"],\"resource\":[\"*\"]},"
		"{\"effect\":\"allow\",\"action\":\"tcb:*\",\"resource\":\"qcs::tcb:ap-shanghai:uin/100000000001:env/sample-2hf7qk3m9xwz4c8d\"}"
		"]}";
	struct cam_proof p = prove(r->a, r->catalogue, careless, &cam_sample);
	const char *text = cam_proof_text(r->a, &p, 3);
	assert_non_null(strstr(text, "statement[0] allows cam:CreateRole on \"*\": with it "));
	assert_non_null(strstr(text, ", then cam:AttachRolePolicy: "));
	assert_non_null(strstr(text, "statement[0] allows cam:AttachRolePolicy on \"*\": first cam:CreateRole: "));
	assert_non_null(strstr(text, "statement[0] allows cam:UpdatePolicy on \"*\": with it "));
	text = cam_proof_text(r->a, &p, 1000);
	assert_non_null(strstr(text, "statement[1] allows tcb:CreateTable, tcb:PutItem and tcb:QueryRecords on \"*\": reaches what is not"));
	assert_non_null(strstr(text, "statement[2] allows tcb:CreateApiKey on \"qcs::tcb:ap-shanghai:uin/100000000001:env/sample-"));
	assert_non_null(strstr(text, "statement[2] allows tcb:* on \"qcs::tcb:ap-shanghai:uin/100000000001:env/sample-"));
	assert_non_null(strstr(text, "that may end in more rights are not denied on \"*\": "));
	assert_non_null(strstr(text, "that may cost money are not denied on \"*\": "));
	assert_non_null(strstr(text, "that may destroy what cannot be brought back are not denied on his own resources: "));

	/* Every action that widens and is allowed has its sentence. */
	for (size_t i = 0; i < r->catalogue->action_count; i++) {
		const struct cam_action *action = &r->catalogue->actions[i];
		if (action->flags & CAM_WIDENS && str_starts(action->name, "tcb:"))
			assert_non_null(strstr(text, arena_printf(r->a, "statement[2] allows %s on ", action->name)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ships_isolates),
		cmocka_unit_test(each_line_is_needed),
		cmocka_unit_test(a_wider_resource),
		cmocka_unit_test(an_action_more),
		cmocka_unit_test(a_deny_less),
		cmocka_unit_test(a_careless_policy),
	};
	return cmocka_run_group_tests_name("templates", tests, open_room, close_room);
}
