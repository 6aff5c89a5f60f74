/* Questions of a walk: asked once, and a walk that has begun to ask gets on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/resource.h"

#define START 1790000000000

struct fixture {
	struct transport wire;
	struct api api;
	struct clock_virtual v;
	struct clock clock;
	struct arena *arena;
	struct secret *key;
	struct cloud_settings settings;
	int calls;
};

static int exchange(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *reply, struct err *e)
{
	static const char body[] = "{\"Response\":{\"RequestId\":\"r\"}}";
	struct fixture *f = t->ctx;
	(void)r;
	(void)e;
	f->calls++;
	*reply = (struct http_reply){ .status = 200, .body = arena_strdup(a, body), .body_len = sizeof(body) - 1 };
	return 0;
}

static int begin(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	double rates[ACT_COUNT];
	for (int i = 0; i < ACT_COUNT; i++)
		rates[i] = 20;
	f->clock = clock_virtual(&f->v, START, 1);
	f->arena = arena_new(8 << 20);
	f->key = secret_text("rootkey");
	f->wire = (struct transport){ .ctx = f, .exchange = exchange };
	f->api = (struct api){ .transport = &f->wire, .clock = &f->clock, .secret_id = "AKIDroot", .secret_key = f->key,
		.domain = "tencentcloudapi.com", .region = "ap-guangzhou", .timeout_ms = 60000, .revoke_timeout_ms = 5000,
		.limit = limit_new(ACT_COUNT, rates, 0.8, &f->clock) };
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	limit_free(f->api.limit);
	secret_free(f->key);
	arena_free(f->arena);
	free(f);
	return 0;
}

static struct call walk_of(struct fixture *f)
{
	return (struct call){ .api = &f->api, .arena = f->arena, .clock = &f->clock, .settings = &f->settings };
}

static int ask(struct call *c, enum action action, const char *type, struct err *e)
{
	const struct json *answer;
	struct json *p = json_object(c->arena);
	json_put_text(p, "KeyType", type);
	return call_do(c, NULL, action, p, &answer, e);
}

static void a_question_is_asked_once_until_something_changes(void **state)
{
	struct fixture *f = *state;
	struct call c = walk_of(f), other = walk_of(f);
	struct err e;
	assert_int_equal(ask(&c, ACT_DESCRIBE_API_KEY_LIST, "api_key", &e), 0);
	assert_int_equal(ask(&c, ACT_DESCRIBE_API_KEY_LIST, "api_key", &e), 0);
	assert_int_equal(f->calls, 1);
	assert_int_equal(ask(&c, ACT_DESCRIBE_API_KEY_LIST, "publish_key", &e), 0);
	assert_int_equal(f->calls, 2);
	assert_int_equal(ask(&c, ACT_DELETE_API_KEY, "api_key", &e), 0);
	assert_int_equal(f->calls, 3);
	clock_wait(&f->clock, 1000);
	assert_int_equal(ask(&c, ACT_DESCRIBE_API_KEY_LIST, "api_key", &e), 0);
	assert_int_equal(f->calls, 4);
	assert_int_equal(ask(&other, ACT_DESCRIBE_API_KEY_LIST, "api_key", &e), 0);
	assert_int_equal(f->calls, 5);
}

/* Two questions of one kind, and whoever is refused comes back at the moment that he was told, to ask from the
 * start.  Many want it at once. */
static void all_get_on(struct fixture *f, bool urgent)
{
	enum { PEOPLE = 20 };
	int64_t due[PEOPLE];
	int done = 0, walks = 0;
	f->api.urgent = urgent;
	for (int i = 0; i < PEOPLE; i++)
		due[i] = START;
	while (done < PEOPLE && walks++ < 1000) {
		int who = walks % PEOPLE;
		for (int i = 1; i < PEOPLE; i++)
			if (due[(walks + i) % PEOPLE] < due[who])
				who = (walks + i) % PEOPLE;
		struct call c = walk_of(f);
		struct err e;
		if (due[who] > clock_now(&f->clock))
			clock_wait(&f->clock, due[who] - clock_now(&f->clock));
		int rc = ask(&c, ACT_DESCRIBE_API_KEY_LIST, "api_key", &e);
		if (!rc)
			rc = ask(&c, ACT_DESCRIBE_API_KEY_LIST, "publish_key", &e);
		assert_true(rc == 0 || rc == ERR_LIMIT);
		due[who] = rc ? e.due_ms : INT64_MAX;
		done += !rc;
	}
	/* Forty calls at sixteen a second, of which the burst comes at once. */
	assert_int_equal(done, PEOPLE);
	assert_in_range(clock_now(&f->clock) - START, 1500, 3500);
}

static void a_walk_with_two_questions_of_a_kind_gets_on(void **state)
{
	all_get_on(*state, false);
}

static void so_does_a_cut(void **state)
{
	all_get_on(*state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_question_is_asked_once_until_something_changes, begin, end),
		cmocka_unit_test_setup_teardown(so_does_a_cut, begin, end),
		cmocka_unit_test_setup_teardown(a_walk_with_two_questions_of_a_kind_gets_on, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
