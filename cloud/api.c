#include "cloud/api.h"

#include <stdlib.h>
#include <string.h>

#include "cloud/tc3.h"

#define CONTENT_TYPE "application/json; charset=utf-8"
#define THROTTLE_MS 1000       /* the documented limits count calls in a second */

struct signer {
	const char *secret_id;
	const struct secret *secret_key;
};

static bool changes(enum action a)
{
	return action_table[a].kind != ACTION_READ;
}

/* The call broke on the way or was answered with nonsense: for a change nobody knows, a read may be repeated. */
static enum err_kind broken(enum action a)
{
	return changes(a) ? ERR_UNKNOWN : ERR_TEMP;
}

static int exchange(struct api *api, const struct signer *as, enum action action, const char *region, const char *body,
	struct arena *a, struct http_reply *reply, struct err *e)
{
	const struct action_row *row = &action_table[action];
	int64_t timestamp = (clock_now(api->clock) + api->skew_ms) / 1000;
	const char *host = arena_printf(a, "%s.%s", row->service, api->domain);
	const struct tc3_request r = { .method = "POST", .query = "", .service = row->service,
		.signed_headers = "content-type;host;x-tc-action", .content_type = CONTENT_TYPE, .host = host,
		.action = row->name, .body = body, .body_len = strlen(body), .timestamp = timestamp };
	const char *const headers[] = {
		arena_printf(a, "Authorization: %s", tc3_authorization(&r, as->secret_id, as->secret_key, a)),
		"Content-Type: " CONTENT_TYPE,
		arena_printf(a, "X-TC-Action: %s", row->name),
		arena_printf(a, "X-TC-Version: %s", row->version),
		arena_printf(a, "X-TC-Timestamp: %lld", (long long)timestamp),
		arena_printf(a, "X-TC-Region: %s", region ? region : api->region),
		"X-TC-Language: en-US",
		"X-TC-RequestClient: rollcall/" ROLLCALL_VERSION,
	};
	const struct http_request request = { .host = host, .header_count = ARRAY_LEN(headers), .headers = headers,
		.body = body, .body_len = strlen(body), .timeout_ms = api->urgent ? api->revoke_timeout_ms : api->timeout_ms,
		.once = row->kind == ACTION_RESOLVED };
	int rc = api->transport->exchange(api->transport, &request, a, reply, e);
	if (rc == ERR_UNKNOWN && !changes(action))
		rc = e->kind = ERR_TEMP;
	return rc ? err_wrap(e, "%s", row->name) : 0;
}

/* The cloud said no.  Its message may quote what was sent, but never a secret that we sent: those are only in
 * passwords, hidden parameters and signatures. */
static int refused(struct api *api, const struct signer *as, enum action action, const struct json *response, struct err *e)
{
	const char *code = json_text(response, "Error.Code"), *message = json_text(response, "Error.Message");
	bool known;
	enum err_kind kind = api_error_kind(code ? code : "", &known);
	if (kind == ERR_UNKNOWN)
		kind = broken(action);
	bool ours = str_eq(as->secret_id, api->secret_id);
	if (kind == ERR_AUTH && !ours)
		kind = ERR_PERM;
	if (kind == ERR_LIMIT && ours)
		limit_throttled(api->limit, action);
	err_set(e, kind, "%s: %s: %s%s", action_table[action].name, code ? code : "no code", message ? message : "no message",
		known ? "" : " (a code that is not known)");
	if (kind == ERR_LIMIT)
		e->due_ms = clock_now(api->clock) + THROTTLE_MS;
	str_copy(e->code, sizeof(e->code), code ? code : "");
	return kind;
}

static int read_answer(struct api *api, const struct signer *as, enum action action, const struct http_reply *reply,
	struct arena *a, const struct json **answer, struct err *e)
{
	const char *name = action_table[action].name;
	struct json *document;
	struct err cause;
	if (reply->status != 200)
		return err_set(e, broken(action), "%s: the answer has HTTP status %d", name, reply->status);
	if (json_parse(a, reply->body, reply->body_len, &document, &cause))
		return err_set(e, broken(action), "%s: the answer could not be read: %s", name, cause.text);
	const struct json *response = json_get(document, "Response");
	if (!response || json_type(response) != JSON_OBJECT)
		return err_set(e, broken(action), "%s: the answer has no \"Response\"", name);
	int rc = 0;
	if (json_has(response, "Error"))
		rc = refused(api, as, action, response, e);
	else
		*answer = response;
	const char *id = json_text(response, "RequestId");
	if (rc && id)
		str_copy(e->request_id, sizeof(e->request_id), id);
	return rc;
}

static int send_as(struct api *api, const struct signer *as, enum action action, const char *region,
	const struct json *parameters, struct arena *a, const struct json **answer, struct err *e)
{
	const char *body = parameters ? json_print(a, parameters) : "{}";
	for (int attempt = 0;; attempt++) {
		struct http_reply reply = { 0 };
		int64_t skew = api->skew_ms;
		int rc = exchange(api, as, action, region, body, a, &reply, e);
		if (rc)
			return rc;
		if (reply.date_ms)
			api->skew_ms = reply.date_ms - clock_now(api->clock);
		if (reply.date_ms && api->dated)
			api->dated(api->dated_ctx, reply.date_ms);
		rc = read_answer(api, as, action, &reply, a, answer, e);
		/* Nothing was done; with the cloud's own time it can be.  Once: a clock that is refused again is not the
		 * trouble.  A second is what the Date header is worth. */
		bool expired = rc && str_eq(e->code, "AuthFailure.SignatureExpire");
		if (!expired || attempt > 0 || llabs(api->skew_ms - skew) < 2000)
			return rc;
	}
}

static int admit(struct api *api, enum action action, enum limit_claim claim, struct err *e)
{
	int rc = limit_take(api->limit, action, claim, e);
	return rc ? err_wrap(e, "%s", action_table[action].name) : 0;
}

int api_admit(struct api *api, enum action action, struct err *e)
{
	return admit(api, action, api->urgent ? LIMIT_URGENT : LIMIT_ORDINARY, e);
}

int api_admit_more(struct api *api, enum action action, struct err *e)
{
	return admit(api, action, LIMIT_BEGUN, e);
}

int api_send(struct api *api, enum action action, const char *region, const struct json *parameters, struct arena *a,
	const struct json **answer, struct err *e)
{
	const struct signer own = { api->secret_id, api->secret_key };
	return send_as(api, &own, action, region, parameters, a, answer, e);
}

int api_call(struct api *api, enum action action, const char *region, const struct json *parameters, struct arena *a,
	const struct json **answer, struct err *e)
{
	int rc = api_admit(api, action, e);
	return rc ? rc : api_send(api, action, region, parameters, a, answer, e);
}

int api_call_as(struct api *api, const char *secret_id, const struct secret *secret_key, enum action action,
	const char *region, const struct json *parameters, struct arena *a, const struct json **answer, struct err *e)
{
	const struct signer other = { secret_id, secret_key };
	return send_as(api, &other, action, region, parameters, a, answer, e);
}
