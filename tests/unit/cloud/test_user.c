/* CAM rows: user, console, boundary, policy, access, and the shared policies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/support/cloud.h"

#define CAM "cam", "2019-01-16"
#define PLAIN "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"deny\",\"action\":[\"cam:*\"],\"resource\":[\"*\"]}]}"
#define OTHER "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"deny\",\"action\":[\"sts:*\"],\"resource\":[\"*\"]}]}"

static void add_user(struct cloud *c, const char *remark)
{
	cloud_raw(c, CAM, "AddUser", arena_printf(c->arena, "{\"Name\":\"%s\",\"Remark\":\"%s\"}", c->want.user_name, remark));
}

static const char *user_field(struct cloud *c, const char *field)
{
	return json_text(cloud_state(c, "users[0]"), field);
}

static bool console_on(struct cloud *c)
{
	return json_bool_or(cloud_state(c, "users[0]"), "console_login", false);
}

/* --- user ---------------------------------------------------------------------------------- */

static void a_user_of_that_name_that_is_not_ours(void **state)
{
	struct cloud *c = *state;
	static const char *const remarks[] = { "", "made by hand", "rollcall:other:" CLOUD_UUID ":1",
		"rollcall:test:" CLOUD_UUID ":2", "rollcall:test:99da469d-e813-11f1-9271-ca710d083b6f:1" };
	for (size_t i = 0; i < ARRAY_LEN(remarks); i++) {
		add_user(c, remarks[i]);
		size_t deeds = c->journal.deed_count;
		static const enum row_id rows[] = { ROW_USER, ROW_CONSOLE, ROW_KEY, ROW_ACCESS, ROW_BOUNDARY };
		for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
			assert_int_equal(cloud_look(c, rows[k]), SEEN_FOREIGN);
			assert_int_equal(cloud_on(c, rows[k]), ERR_FOREIGN);
			assert_int_equal(cloud_off(c, rows[k]), 0);
			if (cloud_driver(rows[k])->lock)
				assert_int_equal(cloud_lock(c, rows[k]), 0);
		}
		assert_int_equal(c->found.uin, 0);
		/* The cut knows no number of his and does nothing; nor do the verbs when they are called without a look. */
		struct err e;
		assert_int_equal(key_driver.cut(&c->call, &c->want, &c->found, &e), 0);
		assert_int_equal(console_driver.cut(&c->call, &c->want, &c->found, &e), 0);
		assert_int_equal(access_driver.cut(&c->call, &c->want, &c->found, &e), 0);
		assert_int_equal(user_driver.remove(&c->call, &c->want, &c->found, &e), ERR_FOREIGN);
		assert_int_equal(console_driver.lock(&c->call, &c->want, &c->found, &e), 0);
		assert_int_equal(c->journal.deed_count, deeds);
		cloud_raw(c, CAM, "DeleteUser", arena_printf(c->arena, "{\"Name\":\"%s\"}", c->want.user_name));
	}
}

/* Ours as before: he can be cut, and the mark is put right; what carries somebody's mark is his. */
static void a_remark_that_was_written_over(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_SERVER);
	uint64_t uin = c->found.uin;
	const char *change = arena_printf(c->arena, "{\"Name\":\"%s\",\"Remark\":\"our Alice\"}", c->want.user_name);
	cloud_raw(c, CAM, "UpdateUser", change);
	assert_int_equal(cloud_look(c, ROW_USER), SEEN_DRIFT);
	assert_true(c->found.uin == uin);
	struct err e;
	assert_int_equal(key_driver.cut(&c->call, &c->want, &c->found, &e), 0);
	assert_int_equal(console_driver.cut(&c->call, &c->want, &c->found, &e), 0);
	assert_int_equal(cloud_active_keys(c), 0);
	assert_false(console_on(c));
	cloud_raw(c, CAM, "UpdateUser", change);
	assert_int_equal(cloud_on(c, ROW_USER), 0);
	assert_string_equal(user_field(c, "remark"), c->want.remark);
	cloud_raw(c, CAM, "UpdateUser", arena_printf(c->arena, "{\"Name\":\"%s\",\"Remark\":\"rollcall:other:" CLOUD_UUID ":1\"}",
		c->want.user_name));
	assert_int_equal(cloud_look(c, ROW_USER), SEEN_FOREIGN);
}

/* The name is taken and the look before did not show it (a stale look): whose it is decides. */
static void a_name_in_use(void **state)
{
	struct cloud *c = *state;
	add_user(c, "made by hand");
	c->call.row = ROW_USER;
	assert_int_equal(user_driver.ensure(&c->call, &c->want, &c->found, &c->e), ERR_FOREIGN);
	cloud_raw(c, CAM, "DeleteUser", arena_printf(c->arena, "{\"Name\":\"%s\"}", c->want.user_name));
	add_user(c, c->want.mark);
	assert_int_equal(user_driver.ensure(&c->call, &c->want, &c->found, &c->e), 0);
	assert_true(c->found.uin != 0);
	assert_int_equal(json_count(cloud_state(c, "users")), 1);
}

/* One password, whatever is repeated: the one that is stored is the one that was sent. */
static void the_password_is_stored_first(void **state)
{
	struct cloud *c = *state;
	cloud_faults(c, "{\"rules\":[{\"action\":\"AddUser\",\"kind\":\"http500\",\"nth\":1}]}");
	c->journal.fail_keeps = 1;
	assert_int_equal(cloud_step_on(c, ROW_USER), ERR_TEMP);
	assert_int_equal(cloud_count(c, "AddUser"), 0);
	assert_int_equal(cloud_step_on(c, ROW_USER), ERR_UNKNOWN);
	AUTO_SECRET struct secret *first = secret_dup(memory_secret(&c->journal, SECRET_PASSWORD, c->want.user_name));
	assert_int_equal(cloud_on(c, ROW_USER), 0);
	assert_true(secret_equal(first, memory_secret(&c->journal, SECRET_PASSWORD, c->want.user_name)));
	assert_int_equal(secret_len(first), 20);
}

static void the_remark_follows(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_on(c, ROW_USER), 0);
	c->want.remark = arena_printf(c->arena, "%s held: parked", c->want.mark);
	assert_int_equal(cloud_look(c, ROW_USER), SEEN_DRIFT);
	assert_int_equal(cloud_on(c, ROW_USER), 0);
	assert_string_equal(user_field(c, "remark"), c->want.remark);
	assert_true(console_on(c));
	/* People who are held are not looked at by the user row: the console row writes the reason. */
	c->want.remark = arena_printf(c->arena, "%s held: another reason", c->want.mark);
	assert_int_equal(cloud_lock(c, ROW_CONSOLE), 0);
	assert_string_equal(user_field(c, "remark"), c->want.remark);
	c->want.remark = c->want.mark;
	assert_int_equal(cloud_lock(c, ROW_CONSOLE), 0);
	assert_string_equal(user_field(c, "remark"), c->want.mark);
}

static void a_plan_changes_nothing(void **state)
{
	struct cloud *c = *state;
	struct err e;
	c->call.plan = true;
	static const enum row_id rows[] = { ROW_USER, ROW_CONSOLE };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(cloud_look(c, rows[i]), SEEN_NONE);
		assert_int_equal(cloud_driver(rows[i])->ensure(&c->call, &c->want, &c->found, &e), ERR_BUG);
	}
	assert_int_equal(json_count(cloud_state(c, "users")), 0);
}

static void preempted(void **state)
{
	struct cloud *c = *state;
	c->journal.preempted = true;
	assert_int_equal(cloud_on(c, ROW_USER), ERR_STALE);
	assert_int_equal(json_count(cloud_state(c, "users")), 0);
	c->journal.preempted = false;
	cloud_build(c, ROW_SERVER);
	/* The cut asks nobody and writes nothing. */
	c->journal.preempted = c->journal.full = true;
	int64_t asked = c->journal.asked;
	struct err e;
	c->call.cutting = c->api.urgent = true;
	static const enum row_id rows[] = { ROW_KEY, ROW_CONSOLE, ROW_ACCESS };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(cloud_driver(rows[i])->cut(&c->call, &c->want, &c->found, &e), 0);
		assert_int_equal(cloud_driver(rows[i])->lock(&c->call, &c->want, &c->found, &e), 0);
	}
	assert_int_equal(envkeys_driver.remove(&c->call, &c->want, &c->found, &e), 0);
	assert_int_equal(c->journal.asked, asked);
	assert_int_equal(cloud_active_keys(c), 0);
	assert_false(console_on(c));
	assert_true(c->found.key_locked_ms > 0);
}

/* The first request of the cut is the key's, the second the console's, the third the barrier's. */
static void the_cut_does_not_look(void **state)
{
	struct cloud *c = *state;
	struct err e;
	cloud_build(c, ROW_SERVER);
	static const enum row_id rows[] = { ROW_KEY, ROW_CONSOLE, ROW_ACCESS };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int sent = c->sent;
		c->call.cutting = true;
		assert_int_equal(cloud_driver(rows[i])->cut(&c->call, &c->want, &c->found, &e), 0);
		assert_int_equal(c->sent, sent + 1);
	}
	assert_int_equal(cloud_active_keys(c), 0);
	assert_false(console_on(c));
	/* Everything gone in the meantime: still no failure. */
	c->call.cutting = false;
	uint64_t uin = c->found.uin;
	cloud_raw(c, CAM, "DeleteUser", arena_printf(c->arena, "{\"Name\":\"%s\",\"Force\":1}", c->want.user_name));
	c->found.uin = uin;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(cloud_driver(rows[i])->cut(&c->call, &c->want, &c->found, &e), 0);
}

static void refused_names(void **state)
{
	struct cloud *c = *state;
	cloud_faults(c, "{\"rules\":[{\"action\":\"AddUser\",\"kind\":\"error\",\"code\":\"InvalidParameter.UserNameIllegal\"}]}");
	assert_int_equal(cloud_on(c, ROW_USER), ERR_PERM);
	assert_non_null(strstr(c->e.text, "AddUser: InvalidParameter.UserNameIllegal"));
	cloud_faults(c, "{\"rules\":[{\"action\":\"AddUser\",\"kind\":\"error\",\"code\":\"InvalidParameter.SubUserFull\"}]}");
	assert_int_equal(cloud_on(c, ROW_USER), ERR_QUOTA);
}

/* --- console ----------------------------------------------------------------------------------- */

static void an_opened_console_has_a_new_password(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_on(c, ROW_USER), 0);
	assert_int_equal(cloud_look(c, ROW_CONSOLE), SEEN_OK);
	AUTO_SECRET struct secret *first = secret_dup(memory_secret(&c->journal, SECRET_PASSWORD, c->want.user_name));
	assert_int_equal(cloud_lock(c, ROW_CONSOLE), 0);
	assert_false(console_on(c));
	assert_int_equal(cloud_look(c, ROW_CONSOLE), SEEN_LOCKED);
	c->journal.fail_keeps = 1;
	assert_int_equal(cloud_step_on(c, ROW_CONSOLE), ERR_TEMP);
	assert_false(console_on(c));            /* not before it is stored */
	assert_int_equal(cloud_on(c, ROW_CONSOLE), 0);
	assert_true(console_on(c));
	assert_false(secret_equal(first, memory_secret(&c->journal, SECRET_PASSWORD, c->want.user_name)));
}

/* --- boundary, access ---------------------------------------------------------------------------- */

static void boundaries(void **state)
{
	struct cloud *c = *state;
	assert_int_equal(cloud_look(c, ROW_BOUNDARY), SEEN_NONE);
	assert_int_equal(cloud_on(c, ROW_USER), 0);
	assert_int_equal(cloud_look(c, ROW_BOUNDARY), SEEN_NONE);
	assert_int_equal(cloud_on(c, ROW_BOUNDARY), 0);
	assert_int_equal(cloud_look(c, ROW_BOUNDARY), SEEN_OK);
	cloud_raw(c, CAM, "PutUserPermissionsBoundary", arena_printf(c->arena, "{\"TargetUin\":%llu,\"PolicyId\":%llu}",
		(unsigned long long)c->found.uin, (unsigned long long)c->root.barrier_id));
	assert_int_equal(cloud_look(c, ROW_BOUNDARY), SEEN_DRIFT);
	assert_int_equal(cloud_on(c, ROW_BOUNDARY), 0);
	assert_int_equal(cloud_look(c, ROW_BOUNDARY), SEEN_OK);
	c->root.boundary_id = 0;
	assert_int_equal(cloud_step_on(c, ROW_BOUNDARY), ERR_TEMP);
	c->root.barrier_id = 0;
	assert_int_equal(cloud_step_on(c, ROW_ACCESS), ERR_TEMP);
}

static void access_is_on_without_the_barrier(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_CONSOLE);
	assert_int_equal(cloud_look(c, ROW_ACCESS), SEEN_OK);
	int64_t before = c->found.policy_changed_ms;
	c->v.now_ms += 1000;
	assert_int_equal(cloud_lock(c, ROW_ACCESS), 0);
	assert_true(c->found.policy_changed_ms > before);
	assert_int_equal(cloud_look(c, ROW_ACCESS), SEEN_LOCKED);
	/* After the cut the row looks before it attaches again. */
	c->call.memo = NULL;
	assert_int_equal(access_driver.lock(&c->call, &c->want, &c->found, &c->e), 0);
	assert_int_equal(cloud_count(c, "AttachUserPolicy"), 2);
	assert_int_equal(cloud_on(c, ROW_ACCESS), 0);
	assert_int_equal(cloud_look(c, ROW_ACCESS), SEEN_OK);
}

/* Somebody deleted the barrier: the cut may not take that for success. */
static void a_barrier_that_is_gone(void **state)
{
	struct cloud *c = *state;
	struct err e;
	cloud_build(c, ROW_CONSOLE);
	cloud_raw(c, CAM, "DeletePolicy", arena_printf(c->arena, "{\"PolicyId\":[%llu]}", (unsigned long long)c->root.barrier_id));
	c->call.cutting = true;
	assert_int_equal(access_driver.cut(&c->call, &c->want, &c->found, &e), ERR_TEMP);
	assert_int_equal(access_driver.lock(&c->call, &c->want, &c->found, &e), ERR_TEMP);
}

/* --- policy ----------------------------------------------------------------------------------------- */

static void policies_are_compared_as_documents(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_ACCESS);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	/* The same, written otherwise: spaces, order of members, an escaped slash. */
	const char *d = arena_printf(c->arena, "{ \"statement\": [{\"resource\":[\"qcs::tcb:ap-shanghai:uin/%llu:env\\/%s\"],"
		"\"action\":[\"tcb:*\"],\"effect\":\"allow\"},{\"effect\":\"allow\",\"action\":[\"sts:GetCallerIdentity\"],"
		"\"resource\":[\"*\"]}], \"version\":\"2.0\"}", (unsigned long long)c->root.owner_uin, c->found.env_id);
	struct json *p = json_object(c->arena);
	json_put_uint(p, "PolicyId", c->found.policy_id);
	json_put_text(p, "PolicyDocument", d);
	cloud_admin(c, ACT_UPDATE_POLICY, json_print(c->arena, p));
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	json_put_text(p, "PolicyDocument", OTHER);
	cloud_admin(c, ACT_UPDATE_POLICY, json_print(c->arena, p));
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_DRIFT);
	int64_t writes = cloud_count(c, "UpdatePolicy");
	c->v.now_ms += 1000;
	assert_int_equal(cloud_on(c, ROW_POLICY), 0);
	assert_int_equal(cloud_count(c, "UpdatePolicy"), writes + 1);
	assert_int_equal(c->found.policy_changed_ms, c->v.now_ms);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
}

static void nothing_unfilled_is_sent(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_POLICY);
	char *huge = arena_alloc(c->arena, 7000);
	memset(huge, ' ', 6999);
	memcpy(huge, PLAIN, strlen(PLAIN));
	const struct { const char *document; int rc; } bad[] = {
		{ "{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":[\"tcb:*\"],\"resource\":[\"qcs::tcb::uin/${uin}:env/x\"]}]}",
			ERR_PERM },
		{ huge, ERR_PERM },
		{ NULL, ERR_TEMP },
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int sent = c->sent;
		c->want.policy_document = bad[i].document;
		assert_int_equal(policy_driver.ensure(&c->call, &c->want, &c->found, &c->e), bad[i].rc);
		assert_int_equal(c->sent, sent);
	}
	assert_int_equal(cloud_count(c, "CreatePolicy"), 2);     /* the shared ones */
	assert_int_equal(cloud_count(c, "AttachUserPolicy"), 0);
}

static void a_policy_of_that_name_that_is_not_ours(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_POLICY);
	struct json *p = json_object(c->arena);
	json_put_text(p, "PolicyName", c->want.policy_name);
	json_put_text(p, "PolicyDocument", PLAIN);
	json_put_text(p, "Description", "rollcall:other:" CLOUD_UUID ":1");
	cloud_admin(c, ACT_CREATE_POLICY, json_print(c->arena, p));
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_FOREIGN);
	assert_int_equal(cloud_on(c, ROW_POLICY), ERR_FOREIGN);
	assert_int_equal(cloud_off(c, ROW_POLICY), 0);
	struct err e;
	assert_int_equal(policy_driver.lock(&c->call, &c->want, &c->found, &e), ERR_FOREIGN);
	assert_int_equal(policy_driver.remove(&c->call, &c->want, &c->found, &e), ERR_FOREIGN);
	assert_int_equal(cloud_count(c, "DeletePolicy"), 0);
}

/* Names are looked for by part: longer and shorter ones are others'. */
static void names_are_exact(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_POLICY);
	for (int i = 0; i < 230; i++)
		cloud_raw(c, CAM, "CreatePolicy", arena_printf(c->arena, "{\"PolicyName\":\"%s-%d\",\"Description\":\"x\","
			"\"PolicyDocument\":\"{\\\"version\\\":\\\"2.0\\\",\\\"statement\\\":[{\\\"effect\\\":\\\"deny\\\",\\\"action\\\":"
			"[\\\"cam:*\\\"],\\\"resource\\\":[\\\"*\\\"]}]}\"}", c->want.policy_name, i));
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_NONE);
	assert_int_equal(cloud_on(c, ROW_POLICY), 0);
	/* And found again on whatever page it is. */
	uint64_t id = c->found.policy_id;
	c->found.policy_id = 0;
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	assert_int_equal(c->found.policy_id, id);
}

/* Ours stands on the second page of what is attached. */
static void many_attachments(void **state)
{
	struct cloud *c = *state;
	c->settings.by_hand_kept = true;
	cloud_build(c, ROW_POLICY);
	for (int i = 0; i < 120; i++) {
		const struct json *made = cloud_raw(c, CAM, "CreatePolicy", arena_printf(c->arena, "{\"PolicyName\":\"p%d\","
			"\"PolicyDocument\":\"{\\\"version\\\":\\\"2.0\\\",\\\"statement\\\":[{\\\"effect\\\":\\\"deny\\\","
			"\\\"action\\\":[\\\"cam:*\\\"],\\\"resource\\\":[\\\"*\\\"]}]}\"}", i));
		cloud_raw(c, CAM, "AttachUserPolicy", arena_printf(c->arena, "{\"PolicyId\":%lld,\"AttachUin\":%llu}",
			(long long)json_int_or(made, "PolicyId", 0), (unsigned long long)c->found.uin));
	}
	assert_int_equal(cloud_on(c, ROW_POLICY), 0);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
	assert_int_equal(cloud_lock(c, ROW_ACCESS), 0);
	assert_int_equal(cloud_look(c, ROW_ACCESS), SEEN_LOCKED);
	assert_int_equal(cloud_off(c, ROW_POLICY), 0);
	assert_int_equal(cloud_off(c, ROW_USER), 0);
	assert_int_equal(json_count(cloud_state(c, "users")), 0);
}

static void a_policy_that_was_deleted_by_hand(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_ACCESS);
	uint64_t id = c->found.policy_id;
	cloud_raw(c, CAM, "DeletePolicy", arena_printf(c->arena, "{\"PolicyId\":[%llu]}", (unsigned long long)id));
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_NONE);
	assert_int_equal(cloud_on(c, ROW_POLICY), 0);
	assert_int_not_equal(c->found.policy_id, id);
	assert_int_equal(cloud_look(c, ROW_POLICY), SEEN_OK);
}

/* The question before the deletion is answered otherwise than the one before the first step. */
static int questions;
static int once_only(struct journal *j, struct err *e)
{
	(void)j;
	return questions++ ? err_due(e, ERR_WAIT, CLOUD_START + CLOUD_DAY, "not now") : 0;
}

static void who_waits_to_be_deleted_keeps_the_barrier(void **state)
{
	struct cloud *c = *state;
	cloud_build(c, ROW_SERVER);
	assert_int_equal(cloud_lock(c, ROW_ACCESS), 0);
	assert_int_equal(cloud_off(c, ROW_POLICY), 0);
	questions = 0;
	c->journal.journal.may_destroy = once_only;
	assert_int_equal(user_driver.remove(&c->call, &c->want, &c->found, &c->e), ERR_WAIT);
	c->journal.journal.may_destroy = NULL;
	assert_int_equal(questions, 2);
	assert_int_equal(json_count(cloud_state(c, "users")), 1);
	assert_int_equal(cloud_look(c, ROW_ACCESS), SEEN_LOCKED);
	assert_int_equal(cloud_off(c, ROW_USER), 0);
	assert_int_equal(json_count(cloud_state(c, "users")), 0);
}

/* What the documentation leaves open about detaching, deleting: both ways. */
static void open_questions(void **state)
{
	struct cloud *c = *state;
	cloud_faults(c, "{\"switches\":{\"detach_missing_is_error\":true,\"delete_attached_policy_refused\":true}}");
	cloud_build(c, ROW_SERVER);
	assert_int_equal(cloud_lock(c, ROW_POLICY), 0);
	assert_int_equal(cloud_lock(c, ROW_POLICY), 0);
	assert_int_equal(cloud_on(c, ROW_POLICY), 0);
	assert_int_equal(cloud_off(c, ROW_POLICY), 0);
	assert_int_equal(cloud_off(c, ROW_POLICY), 0);
	assert_int_equal(cloud_lock(c, ROW_ACCESS), 0);
	assert_int_equal(cloud_off(c, ROW_USER), 0);
	assert_int_equal(json_count(cloud_state(c, "users")), 0);
}

/* --- the shared policies ----------------------------------------------------------------------------- */

static int root_again(struct cloud *c, const char *installation, const char *boundary, unsigned *repaired)
{
	return root_ensure(&c->call, installation, "ap-shanghai", boundary, OTHER, &c->root, repaired, &c->e);
}

static void shared_policies(void **state)
{
	struct cloud *c = *state;
	unsigned repaired;
	assert_int_equal(root_again(c, "two", PLAIN, &repaired), 0);
	struct root first = c->root;
	assert_int_equal(repaired, 0);
	assert_true(first.boundary_id && first.barrier_id && first.boundary_id != first.barrier_id);
	assert_int_equal(first.owner_uin, json_int_or(cloud_state(c, ""), "owner_uin", 0));
	assert_int_equal(first.app_id, json_int_or(cloud_state(c, ""), "app_id", 0));
	assert_int_equal(root_again(c, "two", PLAIN, &repaired), 0);
	assert_int_equal(repaired, 0);
	assert_memory_equal(&c->root, &first, sizeof(first));
	/* Changed by hand: repaired, and counted for the alarm. */
	struct json *p = json_object(c->arena);
	json_put_uint(p, "PolicyId", first.barrier_id);
	json_put_text(p, "PolicyDocument", PLAIN);
	cloud_admin(c, ACT_UPDATE_POLICY, json_print(c->arena, p));
	assert_int_equal(root_again(c, "two", PLAIN, &repaired), 0);
	assert_int_equal(repaired, 1);
	assert_int_equal(root_again(c, "two", PLAIN, &repaired), 0);
	assert_int_equal(repaired, 0);
	assert_int_equal(root_again(c, "two", "{\"statement\":\"${uin}\"}", &repaired), ERR_PERM);
	/* Without a journal, as at start. */
	c->call.journal = NULL;
	assert_int_equal(root_again(c, "three", PLAIN, &repaired), 0);
	assert_int_not_equal(c->root.barrier_id, first.barrier_id);
	c->call.journal = &c->journal.journal;
}

static void a_shared_policy_that_is_not_ours(void **state)
{
	struct cloud *c = *state;
	unsigned repaired;
	struct root before = c->root;
	cloud_raw(c, CAM, "CreatePolicy", "{\"PolicyName\":\"rollcall-barrier-four\",\"Description\":\"rollcall:four:boundary\","
		"\"PolicyDocument\":\"{\\\"version\\\":\\\"2.0\\\",\\\"statement\\\":[{\\\"effect\\\":\\\"allow\\\",\\\"action\\\":"
		"[\\\"*\\\"],\\\"resource\\\":[\\\"*\\\"]}]}\"}");
	assert_int_equal(root_again(c, "four", PLAIN, &repaired), ERR_FOREIGN);
	assert_memory_equal(&c->root, &before, sizeof(before));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, cloud_begin, cloud_end)
	const struct CMUnitTest tests[] = {
		T(a_user_of_that_name_that_is_not_ours),
		T(a_remark_that_was_written_over), T(a_name_in_use),
		T(the_password_is_stored_first),
		T(the_remark_follows),
		T(a_plan_changes_nothing),
		T(preempted),
		T(the_cut_does_not_look),
		T(refused_names),
		T(an_opened_console_has_a_new_password),
		T(boundaries),
		T(access_is_on_without_the_barrier),
		T(a_barrier_that_is_gone),
		T(policies_are_compared_as_documents),
		T(nothing_unfilled_is_sent),
		T(a_policy_of_that_name_that_is_not_ours),
		T(names_are_exact),
		T(many_attachments),
		T(a_policy_that_was_deleted_by_hand),
		T(who_waits_to_be_deleted_keeps_the_barrier), T(open_questions),
		T(shared_policies),
		T(a_shared_policy_that_is_not_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
