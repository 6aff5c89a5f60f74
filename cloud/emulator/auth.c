/* Who calls, and may he: TC3 signatures of any client (the facts of what official clients send are in the
 * vendor's SDKs: a host with or without its port, any scope, x-tc-action signed or not), then CAM. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/emulator/call.h"
#include "cloud/tc3.h"
#include "common/crypt.h"
#include "common/str.h"
#include "policies/cam/eval.h"

#define SKEW (300 * SECOND)

const char *request_header(const struct emulator_request *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (str_ieq(r->headers[i].name, name))
			return r->headers[i].value;
	return NULL;
}

static void PRINTF(3, 4) deny(struct claim_result *out, const char *code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(out->message, sizeof(out->message), fmt, ap);
	va_end(ap);
	out->code = code;
}

/* --- signature ------------------------------------------------------------------------ */

static char *trimmed(struct arena *a, const char *text)
{
	text += strspn(text, " \t");
	size_t n = strlen(text);
	while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	return arena_strndup(a, text, n);
}

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* The canonical lines of the headers that were signed; host is given, since it has two readings. */
static const char *canonical(struct arena *a, const struct emulator_request *r, const char *names, const char *host)
{
	struct str s;
	str_init(&s, a);
	while (*names) {
		size_t n = strcspn(names, ";");
		char *name = arena_strndup(a, names, n);
		bool is_host = str_eq(name, "host");
		const char *sent = is_host ? host : request_header(r, name);
		char *value = trimmed(a, sent ? sent : "");
		if (str_eq(name, "x-tc-action"))
			lower(value);
		str_addf(&s, "%s:%s\n", name, value);
		names += n + (names[n] == ';');
	}
	return s.len ? s.text : "";
}

static bool lists(const char *names, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = names; *p; p += strcspn(p, ";"), p += *p == ';')
		if (!strncmp(p, name, n) && (p[n] == ';' || !p[n]))
			return true;
	return false;
}

static bool signature_holds(const struct emulator_request *r, struct arena *a, const struct tc3_claim *claim,
	const struct secret *secret, int64_t timestamp)
{
	const char *sent = request_header(r, "Host");
	char *bare = arena_strdup(a, sent ? sent : "");
	char *colon = strrchr(bare, ':');
	if (colon)
		*colon = '\0';
	const char *const hosts[] = { sent ? sent : "", bare };
	for (size_t i = 0; i < (colon ? 2u : 1u); i++) {
		char signature[TC3_SIGNATURE];
		struct tc3_request request = { .method = r->method, .query = str_eq(r->method, "GET") ? r->query : "",
			.service = claim->service, .signed_headers = claim->signed_headers,
			.canonical = canonical(a, r, claim->signed_headers, hosts[i]), .body = r->body,
			.body_len = r->body_len,
			.timestamp = timestamp };
		tc3_signature(&request, secret, signature);
		if (crypt_equal(signature, claim->signature, TC3_SIGNATURE - 1))
			return true;
	}
	return false;
}

static bool read_timestamp(const char *text, int64_t *out)
{
	char *end;
	if (!*text || strlen(text) > 12)
		return false;
	*out = strtoll(text, &end, 10);
	return !*end && *out >= 0;
}

void verify(struct emulator *em, const struct emulator_request *r, int64_t server_now, struct arena *a,
	struct claim_result *out)
{
	const char *authorization = request_header(r, "Authorization"), *stamp = request_header(r, "X-TC-Timestamp");
	const char *token = request_header(r, "X-TC-Token");
	struct tc3_claim claim;
	struct err e;
	int64_t timestamp;
	*out = (struct claim_result){ 0 };
	if (!authorization || tc3_claim_parse(a, authorization, &claim, &e)) {
		deny(out, "AuthFailure.InvalidAuthorization", "The Authorization header is missing or malformed.");
		return;
	}
	if (!stamp || !read_timestamp(stamp, &timestamp)) {
		deny(out, "MissingParameter", "The request is missing a required parameter `Timestamp`.");
		return;
	}
	if (timestamp * SECOND > server_now + SKEW || timestamp * SECOND < server_now - SKEW) {
		deny(out, "AuthFailure.SignatureExpire", "Signature is expired: the server's time is %" PRId64 ".",
			server_now / SECOND);
		return;
	}
	struct key *key = index_find(&em->keys_by_id, claim.secret_id);
	char date[TIME_TEXT];
	str_time(timestamp * SECOND, date);
	if (!key || key->deleted || !key->active) {
		deny(out, "AuthFailure.SecretIdNotFound",
			"The SecretId is not found, please ensure that your SecretId is correct.");
	} else if (token && *token) {
		deny(out, "AuthFailure.TokenFailure", "The token does not belong to this key.");
	} else if (!lists(claim.signed_headers, "host") || !lists(claim.signed_headers, "content-type") ||
		strncmp(date, claim.date, 10) != 0 || !signature_holds(r, a, &claim, key->secret, timestamp)) {
		deny(out, "AuthFailure.SignatureFailure", "The provided credentials could not be validated.");
	} else {
		out->key = key;
		key_used(key, business_now(em));
	}
}

/* --- CAM ----------------------------------------------------------------------------------- */

const char *env_resource(struct call *c, const struct env *env, const char *id)
{
	const char *region = env ? env->region : *c->region ? c->region : "ap-shanghai";
	return arena_printf(c->arena, "qcs::tcb:%s:uin/%" PRIu64 ":env/%s", region, c->em->owner_uin, env ? env->id :
		id);
}

const char *server_resource(struct call *c, const struct server *s, const char *id)
{
	return arena_printf(c->arena, "qcs::lighthouse:%s:uin/%" PRIu64 ":instance/%s", s ? s->region : c->region,
		c->em->owner_uin, s ? s->id : id);
}

static void gather(struct call *c)
{
	if (!c->gathered)
		c->policy_count = effective_policies(c->em, c->caller, c->arena, &c->policies, &c->boundary);
	c->gathered = true;
}

bool allowed(struct call *c, const char *resource, const struct tags *tags)
{
	if (!c->caller)
		return true;
	gather(c);
	size_t n = 2, tag_count = tags ? tags->count : 0;
	struct cam_context *context = arena_alloc(c->arena, (n + tag_count) * sizeof(*context));
	context[0] = (struct cam_context){ "qcs:ip", "127.0.0.1" };
	context[1] = (struct cam_context){ "qcs:current_time", iso(c->arena, c->now) };
	for (size_t i = 0; i < tag_count; i++)
		context[n++] = (struct cam_context){ "qcs:resource_tag",
			arena_printf(c->arena, "%s&%s", tags->items[i].key, tags->items[i].value) };
	struct cam_request request = { .action = arena_printf(c->arena, "%s:%s", c->service->name, c->action->name),
		.resource = resource, .owner_uin = c->em->owner_uin, .uin = c->caller->uin, .app_id = c->em->app_id,
		.context_count = n, .context = context };
	return cam_evaluate(c->policies, c->policy_count, c->boundary, &request).verdict == CAM_ALLOW;
}

int refuse(struct call *c, const char *resource)
{
	return call_fail(c, c->service->refused,
		"you are not authorized to perform operation (%s:%s) resource (%s) has no permission",
		c->service->name, c->action->name, resource);
}

static int need(struct call *c, const char *resource, const struct tags *tags)
{
	return allowed(c, resource, tags) ? 0 : refuse(c, resource);
}

static int need_servers(struct call *c)
{
	const struct json *ids = json_get(c->in, "InstanceIds");
	for (const struct json *id = ids ? json_first(ids) : NULL; id; id = json_next(id)) {
		const struct server *s = index_find(&c->em->servers_by_id, json_string(id));
		if (need(c, server_resource(c, s, json_string(id)), s ? &s->tags : NULL))
			return -1;
	}
	return 0;
}

static int need_tagged(struct call *c)
{
	const struct json *list = json_get(c->in, "ResourceList");
	if (!list)
		return need(c, "*", NULL);
	for (const struct json *v = json_first(list); v; v = json_next(v))
		if (need(c, json_string(v), NULL))
			return -1;
	return 0;
}

int authorise(struct call *c)
{
	if (!c->caller)
		return 0;
	const struct env *env;
	switch (c->action->scope) {
	case SCOPE_NONE:
	case SCOPE_ENVS:
	case SCOPE_SERVER_LIST:
		return 0;
	case SCOPE_OPERATION:
		return need(c, "*", NULL);
	case SCOPE_USER:
		return need(c, arena_printf(c->arena, "qcs::cam::uin/%" PRIu64 ":uin/%" PRId64, c->em->owner_uin,
			int_of(c, "TargetUin", (int64_t)c->caller->uin)), NULL);
	case SCOPE_ENV:
		env = env_by_id(c->em, text_of(c, "EnvId"));
		return need(c, env_resource(c, env, text_of(c, "EnvId")), env ? &env->tags : NULL);
	case SCOPE_SERVERS:
		return need_servers(c);
	case SCOPE_SERVER_NEW:
		return need(c, server_resource(c, NULL, "*"), NULL);
	case SCOPE_TAGGED:
		return need_tagged(c);
	}
	return refuse(c, "*");
}
