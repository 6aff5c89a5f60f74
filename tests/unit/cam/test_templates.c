/* The data that ships, held against itself: the catalogue of actions, the employee's policy, boundary and barrier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/eval.h"
#include "policies/cam/prove.h"

#define FOLDER "policies/templates/"

static char *load(struct arena *a, const char *name, size_t *n)
{
	const char *path = arena_printf(a, FOLDER "%s", name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	char *text = arena_alloc(a, 1 << 20);
	*n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

static struct cam_catalogue *parsed(struct arena *a, const char *text, size_t n)
{
	struct cam_catalogue *c = NULL;
	struct err e;
	if (cam_catalogue_parse(a, text, n, &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static struct cam_catalogue *catalogue(struct arena *a)
{
	size_t n;
	char *text = load(a, "actions.txt", &n);
	return parsed(a, text, n);
}

static struct cam_policy *rendered(struct arena *a, const char *name, const struct cam_identifiers *id, size_t *size)
{
	size_t n;
	char *text = load(a, name, &n), *out = NULL;
	struct cam_policy *p = NULL;
	struct err e;
	if (cam_render(a, text, n, id, &out, &e) || cam_policy_parse(a, out, strlen(out), &p, &e))
		fail_msg("%s: %s", name, e.text);
	if (size)
		*size = strlen(out);
	return p;
}

static struct cam_proof proof(struct arena *a, const struct cam_catalogue *c, const struct cam_policy *p)
{
	struct cam_proof out = { 0 };
	struct err e;
	if (cam_prove(a, c, &p, 1, &cam_sample, &out, &e))
		fail_msg("%s", e.text);
	return out;
}

/* The one statement that denies. */
static struct cam_statement *denies(struct cam_policy *p)
{
	struct cam_statement *found = NULL;
	for (size_t i = 0; i < p->count; i++)
		if (!p->statements[i].allow) {
			assert_null(found);
			found = &p->statements[i];
		}
	assert_non_null(found);
	return found;
}

static void ours_pass(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(64 << 20);
	const struct cam_catalogue *c = catalogue(a);
	struct cam_policy *employee = rendered(a, "employee.json", &cam_sample, NULL);
	struct cam_policy *boundary = rendered(a, "boundary.json", &cam_sample, NULL);
	struct cam_policy *barrier = rendered(a, "deny-all.json", &cam_sample, NULL);
	struct cam_proof employed = proof(a, c, employee), bound;
	cam_prove_boundary(a, c, boundary, &bound);
	if (employed.count || bound.count)
		fail_msg("%s\n%s", cam_proof_text(a, &employed, 20), cam_proof_text(a, &bound, 20));
	assert_true(cam_denies_all(barrier));
	assert_false(cam_denies_all(employee) || cam_denies_all(boundary));
}

/* The documentation shows a '*' at the end of a name and nowhere else. */
static void wildcards_stand_at_the_end(void **state)
{
	(void)state;
	static const char *const names[] = { "employee.json", "boundary.json", "deny-all.json" };
	AUTO_ARENA struct arena *a = arena_new(16 << 20);
	for (size_t n = 0; n < ARRAY_LEN(names); n++) {
		struct cam_policy *p = rendered(a, names[n], &cam_sample, NULL);
		for (size_t i = 0; i < p->count; i++)
			for (size_t k = 0; k < p->statements[i].actions.count; k++) {
				const char *star = strchr(p->statements[i].actions.items[k], '*');
				if (star && star[1])
					fail_msg("%s: %s", names[n], p->statements[i].actions.items[k]);
			}
	}
}

/* Each entry of the denies keeps out something that no other one does. */
static void no_deny_stands_in_vain(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(64 << 20);
	const struct cam_catalogue *c = catalogue(a);
	struct cam_policy *p = rendered(a, "employee.json", &cam_sample, NULL);
	struct cam_texts *entries = &denies(p)->actions;
	size_t last = entries->count - 1;
	entries->count = last;
	for (size_t i = 0; i <= last; i++) {
		const char *out = entries->items[i];
		entries->items[i] = entries->items[last];
		AUTO_ARENA struct arena *once = arena_new(16 << 20);
		if (!proof(once, c, p).count)
			fail_msg("nobody notices when \"%s\" is not denied", out);
		entries->items[i] = out;
	}
}

/* What is allowed is allowed by its line in the catalogue and by nothing else. */
static void each_line_carries_its_action(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(64 << 20);
	size_t n;
	char *text = load(a, "actions.txt", &n);
	struct cam_policy *p = rendered(a, "employee.json", &cam_sample, NULL);
	for (size_t i = 0; i < p->count; i++) {
		for (size_t k = 0; p->statements[i].allow && k < p->statements[i].actions.count; k++) {
			AUTO_ARENA struct arena *once = arena_new(16 << 20);
			const char *action = p->statements[i].actions.items[k];
			char *line = strstr(text, arena_printf(once, "\naction %s ", action));
			if (!line)
				fail_msg("%s has no line", action);
			line[1] = '#';
			struct cam_proof without = proof(once, parsed(once, text, n), p);
			line[1] = 'a';
			if (without.count != 1 || without.findings[0].kind != CAM_UNKNOWN ||
				!str_eq(without.findings[0].action, action))
				fail_msg("%s without its line: %s", action, cam_proof_text(once, &without, 3));
		}
	}
}

/* The boundary takes nothing away from the policy, and keeps out what the policy keeps out. */
static void boundary_and_policy_agree(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(16 << 20);
	struct cam_policy *p = rendered(a, "employee.json", &cam_sample, NULL);
	struct cam_policy *boundary = rendered(a, "boundary.json", &cam_sample, NULL);
	const struct cam_policy *policies[] = { p };
	for (size_t i = 0; i < p->count; i++) {
		const struct cam_statement *s = &p->statements[i];
		for (size_t k = 0; s->allow && k < s->actions.count; k++) {
			struct cam_request r = { .action = s->actions.items[k], .resource = s->resources[0].text,
				.owner_uin = cam_sample.owner_uin, .uin = cam_sample.owner_uin + 1, .app_id = cam_sample.app_id };
			if (cam_evaluate(policies, 1, boundary, &r).verdict != CAM_ALLOW)
				fail_msg("%s on %s does not pass", r.action, r.resource);
		}
	}
	const struct cam_texts *mine = &denies(p)->actions, *its = &denies(boundary)->actions;
	assert_int_equal(mine->count, its->count);
	for (size_t i = 0; i < mine->count; i++)
		assert_string_equal(mine->items[i], its->items[i]);
}

static void the_longest_names_fit(void **state)
{
	(void)state;
	AUTO_ARENA struct arena *a = arena_new(16 << 20);
	/* An alias of 20 characters, "-", and 16 more that the cloud adds. */
	static const struct cam_identifiers longest = { .owner_uin = UINT64_C(100000000000001), .app_id = UINT64_C(9999999999),
		.region = "ap-guangzhou-open", .env_id = "rc-abcdefghij0123456-abcdefghij012345",
		.name_space = "rc-abcdefghij0123456-abcdefghij012345", .topic_id = "5b1d7c2e-0000-4000-8000-73616d706c65",
		.bucket = "7263-rc-abcdefghij0123456-abcdefghij012345-9999999999" };
	size_t size, sample;
	rendered(a, "employee.json", &cam_sample, &sample);
	rendered(a, "employee.json", &longest, &size);
	print_message("%zu characters, %zu with the longest names, of %d\n", sample, size, CAM_POLICY_MAX);
	assert_true(size <= CAM_POLICY_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_pass),
		cmocka_unit_test(wildcards_stand_at_the_end),
		cmocka_unit_test(no_deny_stands_in_vain),
		cmocka_unit_test(each_line_carries_its_action),
		cmocka_unit_test(boundary_and_policy_agree),
		cmocka_unit_test(the_longest_names_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
