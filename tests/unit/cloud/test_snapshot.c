/* Shared listings: complete, not too old, made once for all who wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cloud/resource.h"

#define START 1790000000000
#define MARK "rollcall:i:u:1"

/* A cloud with `count` environments of which some are marked; pages are cut as asked. */
struct fixture {
	struct transport wire;
	struct clock_virtual v;
	struct clock clock;
	struct secret *key;
	struct limit *limit;
	struct snapshot *snapshot;
	struct account want;
	pthread_mutex_t lock;
	int count, marked;           /* environments; which one carries our mark, -1 none */
	int marked_too;              /* 0: none */
	int grow_after, shrink_after;/* after so many pages one is added in front, one removed there */
	bool own_total;              /* the total is a lie */
	bool fail, slow;
	atomic_int pages;
	char region[32];
};

static int number(const char *body, const char *name)
{
	const char *p = strstr(body, name);
	return p ? (int)strtol(p + strlen(name) + 1, NULL, 10) : 0;
}

static void add_item(struct str *s, int id, bool marked)
{
	str_addf(s, "%s{\"EnvId\":\"env-%d\",\"Alias\":\"alias-%d\",\"Status\":\"NORMAL\",\"Region\":\"r\",\"Storages\":[{\"Bucket\":\"b\","
		"\"AppId\":125}],\"Functions\":[{\"Namespace\":\"n\"}],\"LogServices\":[{\"TopicId\":\"t\"}],\"Tags\":[{\"Key\":\"x\","
		"\"Value\":\"y\"}%s]}", s->len && s->text[s->len - 1] == '}' ? "," : "", id, id,
		marked ? ",{\"Key\":\"rollcall\",\"Value\":\"" MARK "\"}" : "");
}

static int exchange(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *reply, struct err *e)
{
	struct fixture *f = t->ctx;
	int limit = number(r->body, "\"Limit\""), offset = number(r->body, "\"Offset\"");
	int page = ++f->pages;
	for (size_t i = 0; i < r->header_count; i++)
		if (str_starts(r->headers[i], "X-TC-Region: "))
			str_copy(f->region, sizeof(f->region), r->headers[i] + 13);
	if (f->slow)
		usleep(50000);
	if (f->fail)
		return err_set(e, ERR_TEMP, "broken");
	if (f->grow_after && page == f->grow_after + 1)
		f->count++;
	if (f->shrink_after && page == f->shrink_after + 1)
		f->count--;
	struct str s;
	str_init(&s, a);
	str_add(&s, "{\"Response\":{\"EnvList\":[");
	/* Newest first: what is added shifts the rest. */
	for (int i = offset; i < offset + limit && i < f->count; i++)
		add_item(&s, f->count - 1 - i, f->count - 1 - i == f->marked || (f->marked_too && f->count - 1 - i == f->marked_too));
	str_addf(&s, "],\"Total\":%d,\"RequestId\":\"r\"}}", f->own_total ? 150 : f->count);
	*reply = (struct http_reply){ .status = 200, .body = s.text, .body_len = s.len };
	return 0;
}

static int begin(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	double rates[ACT_COUNT];
	for (int i = 0; i < ACT_COUNT; i++)
		rates[i] = 1e12;
	f->clock = clock_virtual(&f->v, START, 1);
	f->limit = limit_new(ACT_COUNT, rates, 1, &f->clock);
	f->snapshot = snapshot_new(&f->clock);
	f->key = secret_text("k");
	f->wire = (struct transport){ .ctx = f, .exchange = exchange };
	f->want = (struct account){ .installation = "i", .mark = MARK, .region = "r", .env_alias = "rc-x", .server_name = "s" };
	f->count = 250;
	f->marked = 7;
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	snapshot_free(f->snapshot);
	limit_free(f->limit);
	secret_free(f->key);
	free(f);
	return 0;
}

static int look_for(struct fixture *f, const char *id, int64_t max_age_ms, struct snapshot_env *out, int64_t *listed_ms, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	struct api api = { .transport = &f->wire, .limit = f->limit, .clock = &f->clock, .secret_id = "i", .secret_key = f->key,
		.domain = "d", .region = "r", .timeout_ms = 1000 };
	struct call c = { .api = &api, .arena = a, .clock = &f->clock, .snapshot = f->snapshot };
	return snapshot_env(f->snapshot, &c, &f->want, id, max_age_ms, out, listed_ms, e);
}

static void by_mark_then_id_then_name(void **state)
{
	struct fixture *f = *state;
	struct snapshot_env env;
	struct err e;
	int64_t listed = 0;
	assert_int_equal(look_for(f, "env-3", 5000, &env, &listed, &e), 0);
	assert_string_equal(env.env_id, "env-7");
	assert_string_equal(env.mark, MARK);
	assert_string_equal(env.bucket, "b");
	assert_string_equal(env.name_space, "n");
	assert_string_equal(env.topic, "t");
	assert_string_equal(env.app_id, "125");
	assert_int_equal(listed, START);
	assert_int_equal(f->pages, 3);
	f->want.mark = "rollcall:i:v:1";
	assert_int_equal(look_for(f, "env-3", 5000, &env, NULL, &e), 0);
	assert_string_equal(env.env_id, "env-3");
	assert_string_equal(env.mark, "");
	f->want.env_alias = "alias-9";
	assert_int_equal(look_for(f, "env-3", 5000, &env, NULL, &e), 0);
	assert_string_equal(env.env_id, "env-3");
	assert_int_equal(look_for(f, "", 5000, &env, NULL, &e), 0);
	assert_string_equal(env.env_id, "env-9");
	f->want.env_alias = "alias-999";
	assert_int_equal(look_for(f, "env-999", 5000, &env, &listed, &e), ERR_ABSENT);
	assert_int_equal(listed, START);
	assert_int_equal(f->pages, 3);          /* one listing for all of them */
}

static void age(void **state)
{
	struct fixture *f = *state;
	struct snapshot_env env;
	struct err e;
	int64_t listed;
	look_for(f, "", 5000, &env, NULL, &e);
	f->v.now_ms += 5000;
	look_for(f, "", 5000, &env, &listed, &e);
	assert_int_equal(f->pages, 3);
	f->v.now_ms += 1;
	look_for(f, "", 5000, &env, &listed, &e);
	assert_int_equal(f->pages, 6);
	assert_int_equal(listed, START + 5001);
	snapshot_stale(f->snapshot);
	look_for(f, "", 5000, &env, &listed, &e);
	assert_int_equal(f->pages, 9);
	/* A wall clock that is set back does not make an old listing new. */
	f->v.now_ms -= 3600000;
	f->v.mono_ms += 6000;
	look_for(f, "", 5000, &env, &listed, &e);
	assert_int_equal(f->pages, 12);
	/* Another region is another listing. */
	f->want.region = "elsewhere";
	look_for(f, "", 5000, &env, &listed, &e);
	assert_int_equal(f->pages, 15);
	assert_string_equal(f->region, "elsewhere");
}

/* Something came or went between two pages: what was skipped would be taken for absent. */
static void a_listing_that_changes(void **state)
{
	struct fixture *f = *state;
	struct snapshot_env env;
	struct err e;
	f->shrink_after = 1;                    /* page 2 begins one too far */
	assert_int_equal(look_for(f, "env-149", 0, &env, NULL, &e), 0);
	assert_true(f->pages == 6 || f->pages == 5);
	f->v.now_ms++;
	f->pages = 0;
	f->shrink_after = 0;
	f->grow_after = 1;                      /* page 2 repeats the last of page 1 */
	assert_int_equal(look_for(f, "env-149", 0, &env, NULL, &e), 0);
	assert_int_equal(f->pages, 3);          /* nothing that was there was passed over: no need to begin again */
	assert_int_equal(look_for(f, "env-0", 1000, &env, NULL, &e), 0);
	assert_int_equal(f->pages, 3);
	f->v.now_ms++;
	f->pages = 0;
	f->grow_after = 0;
	f->own_total = true;                    /* a total that never comes true */
	f->count = 120;
	assert_int_equal(look_for(f, "env-149", 0, &env, NULL, &e), ERR_TEMP);
	assert_non_null(strstr(e.text, "kept changing"));
}

/* Two carry our mark: the one that is known stays it, whatever the order of the listing. */
static void the_one_that_is_known(void **state)
{
	struct fixture *f = *state;
	struct snapshot_env env;
	struct err e;
	f->marked_too = 107;
	assert_int_equal(look_for(f, "env-7", 5000, &env, NULL, &e), 0);
	assert_string_equal(env.env_id, "env-7");
	assert_int_equal(look_for(f, "env-107", 5000, &env, NULL, &e), 0);
	assert_string_equal(env.env_id, "env-107");
	assert_int_equal(look_for(f, "env-3", 5000, &env, NULL, &e), 0);
	assert_string_equal(env.mark, MARK);
}

/* The machine's wall clock is wrong by this much; the one that nobody can set goes on. */
static int64_t step_ms;
static int64_t wall(void *ctx) { return ((const struct clock_virtual *)ctx)->now_ms + step_ms; }

static void a_limited_listing_and_a_clock_set_back(void **state)
{
	struct fixture *f = *state;
	struct snapshot_env env;
	struct err e;
	double rates[ACT_COUNT];
	for (int i = 0; i < ACT_COUNT; i++)
		rates[i] = 10;
	limit_free(f->limit);
	f->clock.now_ms = wall;
	f->limit = limit_new(ACT_COUNT, rates, 1, &f->clock);
	f->count = 1950;
	step_ms = 0;
	assert_int_equal(look_for(f, "env-3", 5000, &env, NULL, &e), ERR_LIMIT);
	step_ms = -30 * INT64_C(86400000);
	for (int refused = 0; look_for(f, "env-3", 5000, &env, NULL, &e) == ERR_LIMIT; refused++) {
		int64_t ms = e.due_ms - wall(&f->v);
		assert_in_range(ms, 1, 500);
		f->v.now_ms += ms;
		assert_true(refused < 100);
	}
	assert_string_equal(env.env_id, "env-7");
}

/* A listing longer than the rate allows at once goes on where it stopped, and only one asks for leave. */
static void a_listing_that_is_limited(void **state)
{
	struct fixture *f = *state;
	struct snapshot_env env;
	struct err e;
	double rates[ACT_COUNT];
	int64_t listed = 0, first_due = 0;
	int refused = 0;
	for (int i = 0; i < ACT_COUNT; i++)
		rates[i] = 10;
	limit_free(f->limit);
	f->limit = limit_new(ACT_COUNT, rates, 1, &f->clock);
	f->count = 1950;
	while (look_for(f, "env-3", 5000, &env, &listed, &e) == ERR_LIMIT) {
		first_due = e.due_ms;
		/* The crowd behind: told the same moment, and the limiter does not hear of them. */
		for (int i = 0; i < 50; i++) {
			assert_int_equal(look_for(f, "env-3", 5000, &env, NULL, &e), ERR_LIMIT);
			assert_int_equal(e.due_ms, first_due);
		}
		assert_true(first_due - f->v.now_ms < 500);
		f->v.now_ms = first_due;
		assert_true(++refused < 100);
	}
	assert_true(refused > 5);
	assert_int_equal(f->pages, 20);
	assert_string_equal(env.env_id, "env-7");
	assert_int_equal(listed, START);
}

static void no_environment_at_all(void **state)
{
	struct fixture *f = *state;
	struct snapshot_env env;
	struct err e;
	f->count = 0;
	assert_int_equal(look_for(f, "x", 0, &env, NULL, &e), ERR_ABSENT);
	assert_int_equal(f->pages, 1);
	/* Exactly full pages. */
	f->count = 200;
	f->v.now_ms++;
	assert_int_equal(look_for(f, "env-0", 0, &env, NULL, &e), 0);
	assert_int_equal(f->pages, 3);
}

static void a_failure_is_not_an_absence(void **state)
{
	struct fixture *f = *state;
	struct snapshot_env env = { .env_id = "untouched" };
	struct err e;
	f->fail = true;
	assert_int_equal(look_for(f, "env-3", 5000, &env, NULL, &e), ERR_TEMP);
	assert_string_equal(env.env_id, "untouched");
	f->fail = false;
	assert_int_equal(look_for(f, "env-3", 5000, &env, NULL, &e), 0);
}

static size_t others(struct fixture *f, struct arena *a, const char *own, size_t most, const char **out)
{
	struct api api = { .transport = &f->wire, .limit = f->limit, .clock = &f->clock, .secret_id = "i", .secret_key = f->key,
		.domain = "d", .region = "r", .timeout_ms = 1000 };
	struct call c = { .api = &api, .arena = a, .clock = &f->clock, .snapshot = f->snapshot };
	struct err e;
	size_t count = 99;
	if (snapshot_others(f->snapshot, &c, &f->want, own, 5000, most, out, &count, &e))
		fail_msg("%s", e.text);
	return count;
}

/* Each once, never his own, and all of them equally often. */
static void a_sample_of_others(void **state)
{
	struct fixture *f = *state;
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	const char *out[20];
	int seen[10] = { 0 };
	f->count = 10;
	for (int i = 0; i < 900; i++) {
		assert_int_equal(others(f, a, "env-4", 3, out), 3);
		assert_true(strcmp(out[0], out[1]) && strcmp(out[0], out[2]) && strcmp(out[1], out[2]));
		for (int k = 0; k < 3; k++)
			seen[strtol(out[k] + strlen("env-"), NULL, 10)]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(seen[i], i == 4 ? 0 : 230, i == 4 ? 0 : 370);
	assert_int_equal(f->pages, 1);
	assert_int_equal(others(f, a, "env-4", 20, out), 9);
	assert_int_equal(others(f, a, "", 20, out), 10);
	assert_int_equal(others(f, a, "env-4", 9, out), 9);
	/* They outlive the listing. */
	f->v.now_ms += 5001;
	f->count = 1;
	const char *more[20];
	assert_int_equal(others(f, a, "env-0", 20, more), 0);
	for (int k = 0; k < 9; k++)
		assert_true(str_starts(out[k], "env-"));
	f->count = 0;
	f->v.now_ms += 5001;
	assert_int_equal(others(f, a, "env-0", 20, more), 0);
	f->fail = true;
	f->v.now_ms += 5001;
	struct err e;
	size_t count;
	struct api api = { .transport = &f->wire, .limit = f->limit, .clock = &f->clock, .secret_id = "i", .secret_key = f->key,
		.domain = "d", .region = "r", .timeout_ms = 1000 };
	struct call c = { .api = &api, .arena = a, .clock = &f->clock, .snapshot = f->snapshot };
	assert_int_equal(snapshot_others(f->snapshot, &c, &f->want, "", 5000, 2, out, &count, &e), ERR_TEMP);
}

static void *one_of_many(void *p)
{
	struct snapshot_env env;
	struct err e;
	return look_for(p, "", 5000, &env, NULL, &e) ? p : NULL;
}

static void many_wait_for_one(void **state)
{
	struct fixture *f = *state;
	pthread_t t[8];
	f->slow = true;
	for (size_t i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, one_of_many, f);
	for (size_t i = 0; i < 8; i++) {
		void *failed;
		pthread_join(t[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(f->pages, 3);
}

/* A change of ours while somebody lists: what he got is good for him, who asked before, and for nobody after. */
static void a_change_during_the_listing(void **state)
{
	struct fixture *f = *state;
	struct snapshot_env env;
	struct err e;
	pthread_t t;
	f->slow = true;
	pthread_create(&t, NULL, one_of_many, f);
	usleep(70000);
	snapshot_stale(f->snapshot);
	void *failed;
	pthread_join(t, &failed);
	int pages = f->pages;
	assert_int_equal(look_for(f, "", 5000, &env, NULL, &e), 0);
	assert_int_equal(f->pages, pages + 3);
	assert_null(failed);
}

/* The one who lists fails: the others list for themselves, one after the other. */
static void *one_that_fails(void *p)
{
	struct snapshot_env env;
	struct err e;
	return look_for(p, "", 5000, &env, NULL, &e) == ERR_TEMP ? p : NULL;
}

static void nobody_inherits_a_failure(void **state)
{
	struct fixture *f = *state;
	pthread_t t[4];
	f->slow = f->fail = true;
	for (size_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, one_that_fails, f);
	for (size_t i = 0; i < 4; i++) {
		void *failed;
		pthread_join(t[i], &failed);
		assert_non_null(failed);
	}
	assert_int_equal(f->pages, 4);
}

int main(void)
{
	json_start();
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(by_mark_then_id_then_name),
		T(age),
		T(a_listing_that_changes),
		T(the_one_that_is_known),
		T(a_listing_that_is_limited),
		T(a_limited_listing_and_a_clock_set_back),
		T(no_environment_at_all),
		T(a_failure_is_not_an_absence),
		T(a_sample_of_others),
		T(many_wait_for_one),
		T(a_change_during_the_listing),
		T(nobody_inherits_a_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
