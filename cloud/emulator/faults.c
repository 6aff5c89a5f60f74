#include "cloud/emulator/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "common/str.h"

struct rule {
	char action[64], code[96];
	size_t nth_count, seen, fired, times;
	int64_t *nth;
	int64_t every, delay_ms, skew_ms;
	double probability;
	enum fault_kind kind;
};
struct faults { size_t count; struct rule *rules; struct rng rng; bool stale; };

static const char *const kinds[] = {
	[FAULT_NONE] = "", [FAULT_ERROR] = "error", [FAULT_THROTTLE] = "throttle", [FAULT_HTTP500] = "http500",
	[FAULT_CUT_BEFORE] = "cut_before", [FAULT_CUT_AFTER] = "cut_after", [FAULT_DELAY] = "delay",
	[FAULT_HANG] = "hang", [FAULT_STALE] = "stale", [FAULT_SKEW] = "skew", [FAULT_GARBAGE] = "garbage",
};

/* --- switches ---------------------------------------------------------------------- */

#define FLAG(name) { #name, offsetof(struct switches, name), true }
#define NUMBER(name) { #name, offsetof(struct switches, name), false }
static const struct switch_row { const char *name; size_t offset; bool flag; } switch_rows[] = {
	FLAG(isolated_envs_listed), FLAG(delete_active_key_refused), FLAG(delete_attached_policy_refused),
	FLAG(detach_missing_is_error), FLAG(alias_unique), FLAG(renew_restores_isolated), FLAG(bucket_without_app_id),
	FLAG(storage_app_id_empty), FLAG(log_topic_fails), FLAG(missing_instance_is_error),
	NUMBER(tags_visible_delay_ms), NUMBER(refund_days), NUMBER(isolation_days), NUMBER(server_isolation_days),
	NUMBER(run_exit_code), NUMBER(max_env_num), NUMBER(max_delete_total), NUMBER(max_delete_monthly),
	NUMBER(max_servers), NUMBER(client_token_life_ms),
};

struct switches switches_default(const struct emulator *em)
{
	return (struct switches){ .isolated_envs_listed = true, .renew_restores_isolated = true, .refund_days = 5,
		.isolation_days = 15, .server_isolation_days = 7, .max_env_num = (int64_t)quota(em, 1000),
		.max_delete_total = (int64_t)quota(em, 3000), .max_delete_monthly = (int64_t)quota(em, 1000),
		.max_servers = (int64_t)quota(em, 1000) };
}

static int set_switch(struct switches *s, const struct json *m, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(switch_rows); i++) {
		const struct switch_row *row = &switch_rows[i];
		void *field = (char *)s + row->offset;
		int64_t number;
		if (!str_eq(row->name, json_name(m)))
			continue;
		if (row->flag) {
			if (json_type(m) != JSON_BOOL)
				return err_set(e, ERR_INPUT, "switches.%s: must be true or false", row->name);
			*(bool *)field = json_bool_or(m, "", false);
			return 0;
		}
		if (json_type(m) != JSON_NUMBER || json_int(m, "", &number, NULL) || number < -1)
			return err_set(e, ERR_INPUT, "switches.%s: must be a whole number, not below -1", row->name);
		*(int64_t *)field = number;
		return 0;
	}
	return err_set(e, ERR_INPUT, "switches.%s: unknown switch", json_name(m));
}

static int read_switches(struct switches *s, const struct json *v, struct err *e)
{
	if (json_type(v) != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "switches: must be an object");
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		int rc = set_switch(s, m, e);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- rules ------------------------------------------------------------------------- */

struct place { size_t rule; const char *name; struct err *e; };

static int PRINTF(2, 3) bad(const struct place *p, const char *fmt, ...)
{
	char why[128];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(p->e, ERR_INPUT, "rules[%zu].%s: %s", p->rule, p->name, why);
}

static int read_text(const struct place *p, const struct json *v, char *out, size_t n)
{
	const char *text = json_string(v);
	if (!text || !*text)
		return bad(p, "must be a text");
	return str_copy(out, n, text) ? 0 : bad(p, "too long");
}

static int read_number(const struct place *p, const struct json *v, int64_t least, int64_t *out)
{
	int64_t n;
	if (json_type(v) != JSON_NUMBER || json_int(v, "", &n, NULL))
		return bad(p, "must be a whole number");
	if (n < least)
		return bad(p, "must not be below %lld", (long long)least);
	*out = n;
	return 0;
}

static int read_nth(const struct place *p, const struct json *v, struct rule *r)
{
	bool list = json_type(v) == JSON_ARRAY;
	size_t count = list ? json_count(v) : 1, i = 0;
	if (!count)
		return bad(p, "is empty");
	r->nth = mem_alloc(count * sizeof(*r->nth));
	if (!list) {
		r->nth_count = 1;
		return read_number(p, v, 1, r->nth);
	}
	for (const struct json *item = json_first(v); item; item = json_next(item), i++)
		if (read_number(p, item, 1, &r->nth[i]))
			return ERR_INPUT;
	r->nth_count = count;
	return 0;
}

static int read_probability(const struct place *p, const struct json *v, struct rule *r)
{
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	double d = json_type(v) == JSON_NUMBER ? strtod(json_print(a, v), NULL) : -1;
	if (d < 0 || d > 1)
		return bad(p, "must be between 0 and 1");
	r->probability = d;
	return 0;
}

static int read_kind(const struct place *p, const struct json *v, struct rule *r)
{
	const char *kind = json_string(v);
	for (size_t i = 1; i < ARRAY_LEN(kinds); i++) {
		if (!str_eq(kind, kinds[i]))
			continue;
		r->kind = (enum fault_kind)i;
		return 0;
	}
	return bad(p, "unknown kind");
}

static int read_member(const struct place *p, const struct json *m, struct rule *r)
{
	int64_t times;
	if (str_eq(p->name, "action"))
		return read_text(p, m, r->action, sizeof(r->action));
	if (str_eq(p->name, "code"))
		return read_text(p, m, r->code, sizeof(r->code));
	if (str_eq(p->name, "kind"))
		return read_kind(p, m, r);
	if (str_eq(p->name, "nth"))
		return read_nth(p, m, r);
	if (str_eq(p->name, "every"))
		return read_number(p, m, 1, &r->every);
	if (str_eq(p->name, "probability"))
		return read_probability(p, m, r);
	if (str_eq(p->name, "delay_ms"))
		return read_number(p, m, 0, &r->delay_ms);
	if (str_eq(p->name, "skew_ms"))
		return read_number(p, m, INT64_MIN / 4, &r->skew_ms);
	if (!str_eq(p->name, "times"))
		return bad(p, "unknown");
	if (read_number(p, m, 1, &times))
		return ERR_INPUT;
	r->times = (size_t)times;
	return 0;
}

static int read_rule(struct emulator *em, struct place *p, const struct json *v, struct rule *r)
{
	p->name = "";
	r->probability = -1;
	if (json_type(v) != JSON_OBJECT)
		return err_set(p->e, ERR_INPUT, "rules[%zu]: must be an object", p->rule);
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		p->name = json_name(m);
		int rc = read_member(p, m, r);
		if (rc)
			return rc;
	}
	p->name = "action";
	if (!*r->action)
		return bad(p, "missing");
	if (!str_eq(r->action, "*") && !action_known(em, r->action))
		return bad(p, "there is no action \"%.40s\"", r->action);
	p->name = "kind";
	if (!r->kind)
		return bad(p, "missing");
	p->name = "code";
	if (r->kind == FAULT_ERROR && !*r->code)
		return bad(p, "missing (a rule of kind \"error\" needs it)");
	return 0;
}

static int read_rules(struct emulator *em, struct faults *f, const struct json *list, struct err *e)
{
	if (json_type(list) != JSON_ARRAY)
		return err_set(e, ERR_INPUT, "rules: must be a list");
	f->rules = mem_alloc(json_count(list) * sizeof(*f->rules));
	for (const struct json *v = json_first(list); v; v = json_next(v)) {
		struct place p = { .rule = f->count, .e = e };
		struct rule *r = &f->rules[f->count++];
		int rc = read_rule(em, &p, v, r);
		if (rc)
			return rc;
		f->stale = f->stale || r->kind == FAULT_STALE;
	}
	return 0;
}

static int read_script(struct emulator *em, const struct json *script, struct switches *s, struct faults *f,
	struct err *e)
{
	if (json_type(script) != JSON_OBJECT)
		return err_set(e, ERR_INPUT, "the script must be an object");
	for (const struct json *m = json_first(script); m; m = json_next(m)) {
		int rc;
		if (str_eq(json_name(m), "switches"))
			rc = read_switches(s, m, e);
		else if (str_eq(json_name(m), "rules"))
			rc = read_rules(em, f, m, e);
		else
			rc = err_set(e, ERR_INPUT, "%s: unknown (there are switches and rules)", json_name(m));
		if (rc)
			return rc;
	}
	return 0;
}

int faults_load(struct emulator *em, const char *script, size_t len, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(SIZE_MAX);
	struct json *json;
	int rc = json_parse(a, script, len, &json, e);
	if (rc)
		return rc;
	struct switches s = switches_default(em);
	struct faults *f = mem_alloc(sizeof(*f));
	rc = read_script(em, json, &s, f, e);
	if (rc) {
		faults_free(f);
		return rc;
	}
	f->rng.state = rng_next(&em->rng);
	faults_free(em->faults);
	em->faults = f;
	em->switches = s;
	em->next_event = INT64_MIN;      /* isolation periods may have changed: look at everything once */
	return 0;
}

void faults_free(struct faults *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		free(f->rules[i].nth);
	free(f->rules);
	free(f);
}

/* --- firing ------------------------------------------------------------------------- */

static bool is_nth(const struct rule *r)
{
	for (size_t i = 0; i < r->nth_count; i++)
		if ((uint64_t)r->nth[i] == r->seen)
			return true;
	return !r->nth_count;
}

static bool fires(struct faults *f, struct rule *r)
{
	r->seen++;
	if ((r->times && r->fired >= r->times) || !is_nth(r) || (r->every && r->seen % (uint64_t)r->every != 0))
		return false;
	if (r->probability >= 0 && (double)(rng_next(&f->rng) >> 11) * 0x1p-53 >= r->probability)
		return false;
	r->fired++;
	return true;
}

struct fault faults_fire(struct emulator *em, const char *action)
{
	struct fault none = { .kind = FAULT_NONE, .name = "" }, found = none;
	for (size_t i = 0; em->faults && i < em->faults->count; i++) {
		struct rule *r = &em->faults->rules[i];
		if (!str_eq(r->action, "*") && !str_eq(r->action, action))
			continue;
		/* Every rule counts every call, also those that an earlier rule decides. */
		if (fires(em->faults, r) && !found.kind)
			found = (struct fault){ r->kind, kinds[r->kind], r->code, r->delay_ms, r->skew_ms };
	}
	return found;
}

bool faults_any_stale(const struct emulator *em)
{
	return em->faults && em->faults->stale;
}
