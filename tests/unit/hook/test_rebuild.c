/* A lost store, made again: what each person becomes by the marks in the cloud and by his entry, and what is refused.  The
 * cloud was built by real workers; the new store is a second file. */
#include "tests/unit/hook/firm.h"

#include "hook/owned.h"
#include "hook/rebuild.h"
#include "policies/grant.h"

#define CARL "00000000-0000-4000-8000-00000000000c"
#define FIELDS 8

struct lost {
	struct firm *f;
	struct store *store;              /* the new one */
	struct entry entries[4];
	size_t count, at;
	bool told_start;
	struct source_doubts doubts;
	struct source source;
	struct rebuild_counts counts;
	struct err e;
};

static void lost_next(struct source *s, int timeout_ms, struct arena *a, struct source_event *ev)
{
	struct lost *l = s->ctx;
	(void)timeout_ms, (void)a;
	ev->kind = !l->told_start ? SOURCE_STARTED : l->at < l->count ? SOURCE_ENTRY : SOURCE_REFRESHED;
	if (ev->kind == SOURCE_ENTRY) {
		ev->entry = &l->entries[l->at++];
		str_copy(ev->uuid, sizeof(ev->uuid), ev->entry->uuid);
	}
	if (ev->kind == SOURCE_REFRESHED)
		ev->doubts = l->doubts;
	l->told_start = true;
}

/* One entry; then pairs of our own attributes and what they say, ended by OWN_COUNT. */
static void named(struct lost *l, const char *uuid, const char *login, const char *type, ...)
{
	struct arena *a = l->f->p->a;
	const char *pairs[FIELDS][2] = { { "objectClass", "inetOrgPerson" }, { "uid", login }, { "employeeType", type },
		{ "entryCSN", "0900#" } };
	size_t n = 4;
	va_list ap;
	va_start(ap, type);
	for (int own; (own = va_arg(ap, int)) != OWN_COUNT && n < FIELDS; n++) {
		pairs[n][0] = own_attributes[own].name;
		pairs[n][1] = va_arg(ap, const char *);
	}
	va_end(ap);
	struct entry *entry = &l->entries[l->count++];
	str_copy(entry->uuid, sizeof(entry->uuid), uuid);
	entry->dn = arena_printf(a, "uid=%s,ou=people", login);
	entry->attributes = arena_alloc(a, n * sizeof(*entry->attributes));
	for (size_t i = 0; i < n; i++) {
		struct value *v = arena_alloc(a, sizeof(*v));
		*v = (struct value){ (const unsigned char *)pairs[i][1], strlen(pairs[i][1]) };
		entry->attributes[entry->count++] = (struct attribute){ .name = pairs[i][0], .count = 1, .values = v };
	}
}

static int rebuild(struct lost *l)
{
	struct plant *p = l->f->p;
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	struct rebuild r = { .settings = &p->settings, .rules = &p->rules, .store = l->store, .evidence = p->evidence,
		.clock = &p->cloud->clock, .source = &l->source, .call = worker_look(p->workers[1], a) };
	return rebuild_run(&r, &l->counts, &l->e);
}

static struct store_account made(struct lost *l, const char *uuid)
{
	struct store_account acc;
	OK(store_account_get(l->store, uuid, 0, l->f->p->a, &acc, &l->e));
	return acc;
}

static struct store_person who(struct lost *l, const char *uuid)
{
	struct store_person p;
	OK(store_person_get(l->store, uuid, l->f->p->a, &p, &l->e));
	return p;
}

static size_t people(struct lost *l)
{
	struct store_counts c;
	OK(store_counts(l->store, &c, &l->e));
	return (size_t)c.people;
}

static struct found found_in(struct lost *l, const char *uuid)
{
	struct found f = { 0 };
	OK(found_parse(made(l, uuid).found, l->f->p->a, &f, &l->e));
	return f;
}

/* Alice at work, Bob disabled; and the store is lost. */
static int open_lost(void **state)
{
	struct lost *l = mem_alloc(sizeof(*l));
	void *firm = NULL;
	OK(firm_open(&firm));
	struct firm *f = l->f = firm;
	says(f, ALICE, "alice", "staff");
	says(f, BOB, "bob", "staff");
	live(f, 2 * HOUR_MS);
	says(f, BOB, "bob", "left");
	live(f, HOUR_MS);
	assert_int_equal(account(f->p, BOB).stage, STAGE_SUSPENDED);
	OK(store_open(unit_path(f->p->a, "again.db"), &f->p->cloud->clock, &l->store, &l->e));
	l->source = (struct source){ .ctx = l, .next = lost_next };
	*state = l;
	return 0;
}

static int close_lost(void **state)
{
	struct lost *l = *state;
	void *firm = l->f;
	store_close(l->store);
	free(l);
	return firm_close(&firm);
}

#define LOST(name) cmocka_unit_test_setup_teardown(name, open_lost, close_lost)

/* --- what they become ------------------------------------------------------------------------------------------------ */

static void everybody_is_what_he_was(void **state)
{
	struct lost *l = *state;
	struct plant *p = l->f->p;
	named(l, ALICE, "alice", "staff", OWN_GENERATION, "1", OWN_STAGE, "active", OWN_COUNT);
	named(l, BOB, "bob", "left", OWN_GENERATION, "1", OWN_STAGE, "suspended", OWN_RETIRE_AFTER, "20301224180000Z", OWN_COUNT);
	OK(rebuild(l));
	assert_int_equal(l->counts.accounts, 2);
	assert_int_equal(made(l, ALICE).stage, STAGE_ACTIVE);
	assert_int_equal(made(l, ALICE).lane, LANE_JOIN);
	assert_int_equal(made(l, ALICE).generation, 1);
	assert_int_equal(found_in(l, ALICE).uin, found(p, ALICE).uin);
	assert_string_equal(found_in(l, ALICE).env_id, found(p, ALICE).env_id);
	assert_string_equal(found_in(l, ALICE).key_id, "");
	assert_int_equal(made(l, BOB).stage, STAGE_SUSPENDED);
	assert_int_equal(made(l, BOB).retire_after_ms, INT64_C(1924365600000));
	assert_true(made(l, BOB).cut_strong);
	struct placement before, after;
	OK(placement_parse(account(p, ALICE).placement, p->a, &before, &p->e));
	OK(placement_parse(made(l, ALICE).placement, p->a, &after, &p->e));
	assert_string_equal(after.user_name, before.user_name);
	assert_string_equal(after.env_alias, before.env_alias);
	assert_string_equal(after.region, before.region);
}

/* His entry says entitled, and the cloud that he had no access: that is no news, until somebody changes his entry. */
static void who_was_out_stays_out(void **state)
{
	struct lost *l = *state;
	named(l, ALICE, "alice", "staff", OWN_GENERATION, "1", OWN_COUNT);
	named(l, BOB, "bob", "staff", OWN_GENERATION, "1", OWN_STAGE, "suspended", OWN_COUNT);
	OK(rebuild(l));
	assert_int_equal(made(l, BOB).stage, STAGE_SUSPENDED);
	assert_string_equal(made(l, BOB).cut_csn, "0900#");
	assert_int_not_equal(strlen(who(l, BOB).hash), 0);
	assert_int_equal(strlen(who(l, ALICE).hash), 0);
	check_has(who(l, BOB).note, "disable and enable");
}

static bool retires(struct lost *l, const char *uuid)
{
	struct store_retiring *list;
	size_t n, found = 0;
	int64_t late = l->f->p->cloud->v.now_ms + 1000 * DAY_MS, count;
	OK(store_retiring(l->store, late, NULL, 100, l->f->p->a, &list, &n, &l->e));
	OK(store_retiring_count(l->store, late, &count, &l->e));
	assert_int_equal(count, n);
	for (size_t i = 0; i < n; i++)
		found += !strcmp(list[i].uuid, uuid);
	return found;
}

/* May be cut; nothing is made for him, and nothing taken down before somebody said so. */
static void whom_no_entry_names(void **state)
{
	struct lost *l = *state;
	struct store_frozen row;
	int64_t n;
	named(l, CARL, "carl", "staff", OWN_COUNT);
	OK(rebuild(l));
	assert_int_equal(l->counts.no_entry, 2);
	assert_int_equal(people(l), 2);
	assert_int_equal(made(l, ALICE).stage, STAGE_ACTIVE);
	assert_true(made(l, ALICE).due_ms == INT64_MAX);
	assert_int_equal(made(l, BOB).stage, STAGE_SUSPENDED);
	assert_int_equal(made(l, BOB).lane, LANE_REVOKE);
	assert_false(retires(l, BOB));
	OK(store_frozen_get(l->store, BOB, FROZEN_UNNAMED, l->f->p->a, &row, &l->e));
	check_has(row.why, "sub-account bob-");
	OK(store_frozen_decide(l->store, FROZEN_UNNAMED, row.list_ms, FROZEN_REJECTED, l->f->p->cloud->v.now_ms, &n, &l->e));
	assert_int_equal(n, 2);
	assert_false(retires(l, BOB));
	OK(store_frozen_decide(l->store, FROZEN_UNNAMED, row.list_ms, FROZEN_APPROVED, l->f->p->cloud->v.now_ms, &n, &l->e));
	assert_true(retires(l, BOB));
}

/* The entry names an account, and the cloud has nothing of it. */
static void of_whom_nothing_is_left(void **state)
{
	struct lost *l = *state;
	named(l, ALICE, "alice", "staff", OWN_GENERATION, "1", OWN_COUNT);
	named(l, CARL, "carl", "staff", OWN_GENERATION, "2", OWN_STAGE, "active", OWN_COUNT);
	OK(rebuild(l));
	assert_int_equal(l->counts.missing, 1);
	assert_int_equal(made(l, CARL).stage, STAGE_HELD);
	assert_int_equal(made(l, CARL).generation, 2);
	check_has(made(l, CARL).hold_reason, "store lost");
}

/* A reason that a login would end may have been written by anybody. */
static void parked_in_an_entry(void **state)
{
	struct lost *l = *state;
	named(l, CARL, "carl", "staff", OWN_GENERATION, "2", OWN_STAGE, "held", OWN_HOLD_REASON, "parked: sabbatical", OWN_COUNT);
	OK(rebuild(l));
	assert_int_equal(made(l, CARL).stage, STAGE_HELD);
	assert_string_equal(made(l, CARL).hold_reason, "store lost: parked: sabbatical");
}

/* --- one mark on several things --------------------------------------------------------------------------------------- */

static void a_second(struct lost *l, const char *what)
{
	struct cloud *c = l->f->p->cloud;
	if (!strcmp(what, "sub-account"))
		cloud_raw(c, "cam", "2019-01-16", "AddUser", "{\"Name\": \"again\", \"Remark\": \"rollcall:" CLOUD_INSTALLATION ":"
			ALICE ":1\"}");
	else
		cloud_raw(c, TCB, "CreateEnv", "{\"Alias\": \"again\", \"PackageId\": \"baas_personal\", \"Resources\": "
			"[\"flexdb\", \"storage\", \"function\"], \"Tags\": [{\"Key\": \"rollcall\", \"Value\": \"rollcall:"
			CLOUD_INSTALLATION ":" ALICE ":1\"}]}");
}

/* Whose is which?  Not for Rollcall to say. */
static void chooses_no(struct lost *l, const char *what)
{
	named(l, ALICE, "alice", "staff", OWN_GENERATION, "1", OWN_STAGE, "active", OWN_COUNT);
	named(l, BOB, "bob", "left", OWN_GENERATION, "1", OWN_STAGE, "suspended", OWN_COUNT);
	a_second(l, what);
	OK(rebuild(l));
	const struct found f = found_in(l, ALICE);
	assert_int_equal(f.uin, 0);
	assert_string_equal(f.env_id, "");
	check_has(f.disputed, what);
	check_has(f.disputed, "again");
	check_has(f.disputed, "sub-account alice-");
	assert_int_equal(made(l, ALICE).stage, STAGE_ACTIVE);
	assert_string_equal(found_in(l, BOB).disputed, "");
	assert_true(found_in(l, BOB).uin != 0);
	size_t n;
	check_has(unit_read(l->f->p->a, unit_path(l->f->p->a, "evidence"), &n), "one owner mark stands on several things");
}

static void no_sub_account_is_chosen(void **state) { chooses_no(*state, "sub-account"); }
static void no_environment_is_chosen(void **state) { chooses_no(*state, "environment"); }

static bool asked_there;

/* The emulator shows all environments in any region: what counts is where they were asked for. */
static int spy(struct transport *t, const struct http_request *r, struct arena *a, struct http_reply *out, struct err *e)
{
	bool envs = false, there = false;
	for (size_t i = 0; i < r->header_count; i++) {
		envs |= str_eq(r->headers[i], "X-TC-Action: DescribeEnvs");
		there |= str_eq(r->headers[i], "X-TC-Region: ap-shanghai");
	}
	asked_there |= envs && there;
	return watched(t, r, a, out, e);
}

/* He was placed when the settings named another region. */
static void a_region_that_only_the_entry_names(void **state)
{
	struct lost *l = *state;
	struct plant *p = l->f->p;
	p->settings.cloud.region = "ap-guangzhou";
	p->wire.exchange = spy;
	asked_there = false;
	named(l, ALICE, "alice", "staff", OWN_GENERATION, "1", OWN_REGION, "ap-shanghai", OWN_COUNT);
	OK(rebuild(l));
	struct placement place;
	assert_true(asked_there);
	assert_string_equal(found_in(l, ALICE).env_id, found(p, ALICE).env_id);
	OK(placement_parse(made(l, ALICE).placement, p->a, &place, &p->e));
	assert_string_equal(place.region, "ap-shanghai");
}

static void any_number_of_regions(void **state)
{
	struct lost *l = *state;
	struct arena *a = l->f->p->a;
	struct profile_settings many[40] = { 0 };
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i].region = arena_printf(a, "region-%zu", i / 2 * 2);
	struct settings s = { .cloud.region = "ap-shanghai", .profiles = { .count = ARRAY_LEN(many), .items = many } };
	struct regions r = regions_of(&s, a);
	assert_int_equal(r.count, 21);
	assert_true(regions_has(&r, "region-38"));
	assert_false(regions_add(&r, "region-38"));
	assert_false(regions_add(&r, NULL) || regions_add(&r, ""));
	assert_true(regions_add(&r, "region-39"));
}

/* --- what is refused -------------------------------------------------------------------------------------------------- */

static void is_refused(struct lost *l, enum err_kind kind, const char *part)
{
	assert_int_equal(rebuild(l), kind);
	check_has(l->e.text, part);
}

static void refusals(void **state)
{
	struct lost *l = *state;
	named(l, ALICE, "alice", "staff", OWN_GENERATION, "1", OWN_COUNT);
	l->doubts.all = "the base is empty";
	is_refused(l, ERR_TEMP, "in doubt");
	l->doubts.all = NULL;
	l->told_start = false, l->at = 0;
	l->f->p->settings.installation = "another";
	is_refused(l, ERR_INPUT, "right root account");
	assert_int_equal(people(l), 0);
	l->told_start = false, l->at = 0;
	l->f->p->settings.installation = CLOUD_INSTALLATION;
	OK(rebuild(l));
	is_refused(l, ERR_PERM, "only an empty one");
}

int main(void)
{
	atexit(unit_remove_folder);
	log_open(getenv("LOG") ? LOG_DEBUG_LEVEL : (enum log_level)0, 0);
	const struct CMUnitTest tests[] = {
		LOST(everybody_is_what_he_was), LOST(who_was_out_stays_out), LOST(whom_no_entry_names), LOST(of_whom_nothing_is_left), LOST(parked_in_an_entry),
		LOST(a_region_that_only_the_entry_names), LOST(any_number_of_regions), LOST(no_sub_account_is_chosen), LOST(no_environment_is_chosen),
	 LOST(refusals),
	};
	return cmocka_run_group_tests_name("rebuild", tests, NULL, NULL);
}
