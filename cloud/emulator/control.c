#include "cloud/emulator/control.h"

#include <string.h>

#include "cloud/emulator/faults.h"
#include "cloud/emulator/journal.h"
#include "common/str.h"

int emulator_faults(struct emulator *em, const char *script, size_t len, struct err *e)
{
	return faults_load(em, script, len, e);
}

void emulator_clock(struct emulator *em, int64_t advance_ms)
{
	if (advance_ms > 0)
		em->ahead += advance_ms;
	events_settle(em);
}

struct json *emulator_calls(struct emulator *em, struct arena *a)
{
	return journal_json(em->journal, a);
}

/* --- the paths ----------------------------------------------------------------------- */

static struct json *get_state(struct emulator *em, const struct emulator_request *r, struct arena *a, struct err *e)
{
	(void)e;
	return emulator_state(em, r->now_ms, a);
}

static struct json *get_calls(struct emulator *em, const struct emulator_request *r, struct arena *a, struct err *e)
{
	(void)r;
	(void)e;
	return emulator_calls(em, a);
}

static struct json *post_faults(struct emulator *em, const struct emulator_request *r, struct arena *a, struct err *e)
{
	return emulator_faults(em, r->body ? r->body : "", r->body_len, e) ? NULL : json_object(a);
}

static struct json *post_clock(struct emulator *em, const struct emulator_request *r, struct arena *a, struct err *e)
{
	struct json *in;
	int64_t ms;
	if (json_parse(a, r->body ? r->body : "", r->body_len, &in, e) || json_int(in, "advance_ms", &ms, e))
		return NULL;
	/* Ten years at once are enough, and cannot overflow anything. */
	if (ms < 0 || ms > 3650 * DAY) {
		err_set(e, ERR_INPUT, "advance_ms: must be between 0 and ten years");
		return NULL;
	}
	emulator_clock(em, ms);
	struct json *out = json_object(a);
	json_put_int(out, "business_ms", business_now(em));
	return out;
}

static const struct path {
	const char *method, *path;
	struct json *(*run)(struct emulator *, const struct emulator_request *, struct arena *, struct err *);
} paths[] = {
	{ "GET", "/_emulator/state", get_state },
	{ "GET", "/_emulator/calls", get_calls },
	{ "POST", "/_emulator/faults", post_faults },
	{ "POST", "/_emulator/clock", post_clock },
};

static struct json *complaint(struct arena *a, const char *text)
{
	struct json *out = json_object(a);
	json_put_text(out, "error", text);
	return out;
}

void control(struct emulator *em, const struct emulator_request *r, struct arena *a, struct emulator_reply *reply)
{
	struct json *out = NULL;
	struct err e;
	reply->status = 404;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		if (!str_eq(paths[i].path, r->path))
			continue;
		reply->status = 405;
		if (!str_eq(paths[i].method, r->method))
			continue;
		out = paths[i].run(em, r, a, &e);
		reply->status = out ? 200 : 400;
		if (!out)
			out = complaint(a, e.text);
	}
	if (!out)
		out = complaint(a, reply->status == 404 ? "there is no such path" : "this path wants another method");
	reply->body = json_print(a, out);
	reply->body_len = strlen(reply->body);
}
