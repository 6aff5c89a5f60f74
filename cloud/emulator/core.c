#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "cloud/emulator/control.h"
#include "cloud/emulator/faults.h"
#include "cloud/emulator/journal.h"
#include "common/str.h"

#define OWNER_UIN UINT64_C(100012345678)
#define APP_ID UINT64_C(1300000001)
#define FIRST_UIN UINT64_C(100030000001)
#define FIRST_UID UINT64_C(7000001)
#define FIRST_POLICY UINT64_C(5000000001)    /* beyond 32 bits, as the real ones */
#define FIRST_GROUP UINT64_C(30001)

static const struct service services[] = {
	{ "cam", "2019-01-16", "AuthFailure.UnauthorizedOperation", "InvalidParameter.ParamError", false },
	{ "tcb", "2018-06-08", "AuthFailure.UnauthorizedOperation", "InvalidParameter", false },
	{ "lighthouse", "2020-03-24", "UnauthorizedOperation.NoPermission", "InvalidParameterValue.OutOfRange", true },
	{ "tat", "2020-10-28", "UnauthorizedOperation.CamAuthFailed", "InvalidParameterValue.Range", true },
	{ "sts", "2018-08-13", "UnauthorizedOperation", "InvalidParameterValue", false },
	{ "tag", "2018-08-13", "AuthFailure.UnauthorizedOperation", "InvalidParameterValue", false },
	{ "billing", "2018-07-09", "AuthFailure.UnauthorizedOperation", "InvalidParameterValue", false },
};

static const char *const regions[] = {
	"ap-shanghai", "ap-guangzhou", "ap-beijing", "ap-nanjing", "ap-chengdu", "ap-chongqing", "ap-hongkong",
	"ap-singapore", "ap-tokyo", "ap-seoul", "ap-bangkok", "ap-jakarta", "eu-frankfurt", "na-siliconvalley",
	"na-ashburn", "sa-saopaulo",
};

static const struct action *(*const tables[])(size_t *) = {
	cam_user_actions, cam_key_actions, cam_policy_actions, cam_attach_actions, cam_group_actions, tcb_actions,
	tcb_read_actions, tcb_key_actions, tcb_part_actions, lighthouse_actions, lighthouse_read_actions, tat_actions,
	tat_read_actions, misc_actions,
};

static const struct { const char *name, *text; } presets[] = {
	{ "AdministratorAccess",
		"{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":\"*\",\"resource\":\"*\"}]}" },
	{ "QcloudTCBFullAccess",
		"{\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":\"tcb:*\",\"resource\":\"*\"}]}" },
};

const struct service *service_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (str_eq(services[i].name, name))
			return &services[i];
	return NULL;
}

bool region_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(regions); i++)
		if (str_eq(regions[i], name))
			return true;
	return false;
}

bool action_known(const struct emulator *em, const char *name)
{
	for (size_t i = 0; i < em->action_count; i++)
		if (str_eq(em->slots[i].row->name, name))
			return true;
	return false;
}

/* --- birth and end ------------------------------------------------------------------ */

static void index_actions(struct emulator *em)
{
	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		size_t count;
		const struct action *rows = tables[t](&count);
		em->slots = mem_realloc(em->slots, (em->action_count + count) * sizeof(*em->slots));
		for (size_t i = 0; i < count; i++) {
			struct action_slot *s = &em->slots[em->action_count];
			s->row = &rows[i];
			s->service = service_find(rows[i].service);
			s->number = em->action_count++;
			snprintf(s->key, sizeof(s->key), "%s/%s", s->service->version, rows[i].name);
		}
	}
	for (size_t i = 0; i < em->action_count; i++)
		index_put(&em->actions, em->slots[i].key, &em->slots[i]);
}

int emulator_new(const struct emulator_options *o, struct emulator **out, struct err *e)
{
	struct emulator *em = mem_alloc(sizeof(*em));
	em->catalogue = catalogue_new(o->prices, &em->balance, e);
	if (!em->catalogue) {
		emulator_free(em);
		return ERR_INPUT;
	}
	em->limits = o->limits;
	em->limit_factor = o->limit_factor > 0 ? o->limit_factor : 1;
	em->quota_factor = o->quota_factor > 0 ? o->quota_factor : 1;
	em->policy_cache_ms = o->policy_cache_ms;
	em->build_ms = o->build_ms;
	em->rng.state = o->seed;
	em->next_event = NEVER;
	em->owner_uin = OWNER_UIN;
	em->app_id = APP_ID;
	em->last_uin = FIRST_UIN;
	em->last_uid = FIRST_UID;
	em->last_policy = 1;
	em->last_group = FIRST_GROUP;
	em->switches = switches_default(em);
	em->journal = journal_new();
	index_actions(em);
	em->root_key = key_issue(em, NULL, o->secret_id, o->secret_key, "");
	for (size_t i = 0; i < ARRAY_LEN(presets); i++) {
		if (!policy_new(em, presets[i].name, "", presets[i].text, strlen(presets[i].text), true, e)) {
			emulator_free(em);
			return err_wrap(e, "preset policy \"%s\"", presets[i].name);
		}
	}
	em->last_policy = FIRST_POLICY;
	*out = em;
	return 0;
}

static void free_lists(struct emulator *em)
{
	struct list *const lists[] = {
		&em->users, &em->policies, &em->groups, &em->keys, &em->envs, &em->servers, &em->runs, &em->orders, &em->tokens,
	};
	struct index *const indexes[] = {
		&em->actions, &em->users_by_name, &em->users_by_uin, &em->policies_by_name, &em->policies_by_id,
		&em->groups_by_id, &em->keys_by_id, &em->envs_by_id, &em->servers_by_id, &em->runs_by_id, &em->tokens_by_name,
	};
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		list_free(lists[i]);
	for (size_t i = 0; i < ARRAY_LEN(indexes); i++)
		index_free(indexes[i]);
}

void emulator_free(struct emulator *em)
{
	if (!em)
		return;
	for (size_t i = 0; i < em->users.count; i++)
		user_free(em, em->users.items[i]);
	for (size_t i = 0; i < em->groups.count; i++)
		group_free(em, em->groups.items[i]);
	for (size_t i = 0; i < em->policies.count; i++)
		policy_free(em->policies.items[i]);
	for (size_t i = 0; i < em->keys.count; i++)
		key_free(em->keys.items[i]);
	for (size_t i = 0; i < em->envs.count; i++)
		env_free(em->envs.items[i]);
	for (size_t i = 0; i < em->servers.count; i++)
		server_free(em->servers.items[i]);
	for (size_t i = 0; i < em->runs.count; i++)
		run_free(em->runs.items[i]);
	for (size_t i = 0; i < em->orders.count; i++)
		free(em->orders.items[i]);
	for (size_t i = 0; i < em->tokens.count; i++)
		free(em->tokens.items[i]);
	free_lists(em);
	faults_free(em->faults);
	journal_free(em->journal);
	stale_free(em->stale);
	catalogue_free(em->catalogue);
	free(em->root_buckets);
	free(em->slots);
	free(em);
}

/* --- one call -------------------------------------------------------------------------- */

int call_fail(struct call *c, const char *code, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->code = arena_strdup(c->arena, code);
	c->message = arena_strdup(c->arena, text);
	return -1;
}

static const char *envelope(struct call *c)
{
	struct json *whole = json_object(c->arena), *response = c->out;
	if (c->code) {
		struct json *error = json_object(c->arena);
		response = json_object(c->arena);
		json_put_text(error, "Code", c->code);
		json_put_text(error, "Message", c->message);
		json_put(response, "Error", error);
	}
	json_put_text(response, "RequestId", c->request_id);
	json_put(whole, "Response", response);
	return json_print(c->arena, whole);
}

static int check_region(struct call *c)
{
	if (!c->service->needs_region)
		return 0;
	if (!*c->region)
		return call_fail(c, "MissingParameter", "The request is missing a required parameter `Region`.");
	if (region_known(c->region))
		return 0;
	return call_fail(c, "UnsupportedRegion", "The region `%.40s` is not supported.", c->region);
}

static int read_parameters(struct call *c, const struct emulator_request *r)
{
	struct json *body;
	struct err e;
	if (str_eq(r->method, "GET")) {
		const struct json *in = params_from_query(c, r->query ? r->query : "");
		return in ? params_check(c, in) : -1;
	}
	if (!str_eq(r->method, "POST"))
		return call_fail(c, "UnsupportedProtocol", "The HTTP method must be GET or POST.");
	const char *text = r->body_len ? r->body : "{}";
	if (json_parse(c->arena, text, r->body_len ? r->body_len : 2, &body, &e))
		return call_fail(c, "InvalidRequest", "The request body is not JSON: %s.", e.text);
	return params_check(c, body);
}

static int identify(struct call *c, const struct emulator_request *r, int64_t server_now)
{
	struct claim_result who;
	verify(c->em, r, server_now, c->arena, &who);
	if (who.code)
		return call_fail(c, who.code, "%s", who.message);
	c->caller = who.key->user;
	c->identified = true;
	return 0;
}

/* A reading action may be answered as before the last change; returns the whole answer, or NULL. */
static const char *read_or_stale(struct call *c, const struct emulator_request *r, enum fault_kind fault, size_t *len)
{
	const char *asked = r->body_len ? r->body : r->query ? r->query : "";
	const struct stale_key key = { .action = c->action->name, .caller = c->caller ? c->caller->uin_text : "",
		.region = c->region, .body = asked, .body_len = r->body_len ? r->body_len : strlen(asked) };
	const char *old = fault == FAULT_STALE ? stale_answer(c->em, &key, len) : NULL;
	if (old)
		return arena_strndup(c->arena, old, *len);
	c->action->run(c);
	const char *answer = envelope(c);
	*len = strlen(answer);
	stale_note(c->em, &key, answer, *len);
	return answer;
}

static const char *process(struct call *c, const struct emulator_request *r, const struct fault *f, size_t *len)
{
	int rc = identify(c, r, r->now_ms + f->skew_ms);
	if (!rc && f->kind == FAULT_ERROR)
		rc = call_fail(c, f->code, "This answer was ordered by the fault script.");
	if (!rc && f->kind == FAULT_THROTTLE)
		rc = call_fail(c, "RequestLimitExceeded", "This answer was ordered by the fault script.");
	if (!rc && !limits_take(c))
		rc = call_fail(c, "RequestLimitExceeded",
			"Your current request times equals to or exceeds the limit of `%u` per second.",
			c->action->rate);
	if (!rc)
		rc = check_region(c);
	if (!rc)
		rc = read_parameters(c, r);
	if (!rc)
		rc = authorise(c);
	bool reads = c->action->flags & ACTION_READS;
	if (!rc && reads && faults_any_stale(c->em))
		return read_or_stale(c, r, f->kind, len);
	if (!rc)
		rc = c->action->run(c);
	if (!rc && !reads)
		c->em->version++;
	const char *answer = envelope(c);
	*len = strlen(answer);
	return answer;
}

/* The main identifier of a call for the log: a text, a number, or the first item of a list. */
static const char *identifier(struct call *c, const char *name)
{
	const struct json *v = c->in && name ? json_get(c->in, name) : NULL;
	if (v && json_type(v) == JSON_ARRAY)
		v = json_first(v);
	if (!v || json_type(v) == JSON_OBJECT)
		return "";
	return json_string(v) ? json_string(v) : json_print(c->arena, v);
}

static void note(struct call *c, const char *action, const struct fault *f, const char *code)
{
	const char *caller = !c->identified ? "-" : c->caller ? c->caller->uin_text : "root";
	journal_add(c->em->journal, &(struct journal_entry){ .action = action, .code = code, .fault = f->name,
		.at = c->em->now, .caller = caller, .subject = c->action ? identifier(c, c->action->subject) : "",
		.with = c->action ? identifier(c, c->action->with) : "" });
}

/* No such action: says what exactly is not known. */
static void unknown(struct call *c, const char *name, const char *version)
{
	bool known = false;
	for (size_t i = 0; i < ARRAY_LEN(services) && version; i++)
		known = known || str_eq(services[i].version, version);
	if (!name || !*name)
		call_fail(c, "MissingParameter", "The request is missing a required parameter `Action`.");
	else if (!version || !*version)
		call_fail(c, "MissingParameter", "The request is missing a required parameter `Version`.");
	else if (!known)
		call_fail(c, "NoSuchVersion", "The version `%.20s` does not exist.", version);
	else
		call_fail(c, "InvalidAction", "The request action=`%.60s` is invalid or not found.", name);
}

static bool not_done(enum fault_kind kind)
{
	return kind == FAULT_HTTP500 || kind == FAULT_CUT_BEFORE || kind == FAULT_HANG;
}

static void serve(struct emulator *em, const struct emulator_request *r, struct arena *a, struct emulator_reply *reply)
{
	static const char html[] = "<html><body><h1>502 Bad Gateway</h1></body></html>";
	const char *name = request_header(r, "X-TC-Action"), *version = request_header(r, "X-TC-Version");
	const char *region = request_header(r, "X-TC-Region");
	const struct fault none = { .name = "" };
	struct call c = { .em = em, .arena = a, .region = region ? region : "", .now = business_now(em),
		.out = json_object(a) };
	rng_uuid(&em->rng, c.request_id);
	c.slot = name && version ? index_find(&em->actions, arena_printf(a, "%.20s/%.60s", version, name)) : NULL;
	if (!c.slot) {
		unknown(&c, name, version);
		reply->body = envelope(&c);
		reply->body_len = strlen(reply->body);
		note(&c, name && *name ? name : "(none)", &none, c.code);
		return;
	}
	c.action = c.slot->row;
	c.service = c.slot->service;
	struct fault f = faults_fire(em, c.action->name);
	reply->delay_ms = f.delay_ms;
	reply->date_ms += f.skew_ms;
	if (not_done(f.kind)) {
		reply->status = f.kind == FAULT_HTTP500 ? 500 : 200;
		reply->cut = f.kind == FAULT_CUT_BEFORE ? EMULATOR_CUT : f.kind == FAULT_HANG ? EMULATOR_HANG :
			EMULATOR_ANSWER;
		note(&c, c.action->name, &f, f.name);
		return;
	}
	reply->body = process(&c, r, &f, &reply->body_len);
	if (f.kind == FAULT_CUT_AFTER)
		reply->cut = EMULATOR_CUT;
	if (f.kind == FAULT_GARBAGE) {
		reply->body = html;
		reply->body_len = sizeof(html) - 1;
	}
	note(&c, c.action->name, &f, c.code ? c.code : "OK");
}

void emulator_handle(struct emulator *em, const struct emulator_request *r, struct arena *a,
	struct emulator_reply *reply)
{
	*reply = (struct emulator_reply){ .cut = EMULATOR_ANSWER, .status = 200, .date_ms = r->now_ms, .body = "" };
	em->now = r->now_ms;
	events_settle(em);
	if (str_starts(r->path, "/_emulator/"))
		control(em, r, a, reply);
	else
		serve(em, r, a, reply);
}

size_t emulator_keys(struct emulator *em, struct arena *a, struct emulator_key **out)
{
	struct emulator_key *keys = arena_alloc(a, (em->keys.count + 1) * sizeof(*keys));
	for (size_t i = 0; i < em->keys.count; i++) {
		const struct key *k = em->keys.items[i];
		keys[i] = (struct emulator_key){ k->id, k->secret, k->uin };
	}
	*out = keys;
	return em->keys.count;
}
