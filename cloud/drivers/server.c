/* The Lighthouse server with the OpenClaw image.
 *
 * CreateInstances pays; its ClientToken makes a repetition harmless, so the token changes only when the attempt it
 * stands for is over: refused, or bought and gone.  Every other change is accepted first and done later: the state
 * is read before and after. */
#include "cloud/drivers/driver.h"

#include <stdio.h>

#include "common/crypt.h"

#define NO_RENEWAL "DISABLE_NOTIFY_AND_MANUAL_RENEW"
#define TERMINATING "TERMINATING"
#define PAGE 100
#define EXPIRED_MS 3600000        /* the cloud notices within the hour that one has run out */

static bool is_one_of(const char *state, const char *list)
{
	size_t n = strlen(state);
	for (const char *p = list; n && (p = strstr(p, state)); p += n) {
		if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
	}
	return false;
}

/* People without a server have nothing to look for; before they have an account there is nothing at all. */
static bool none_wanted(const struct account *want, const struct found *found)
{
	return !want->bundle && !*found->server_id;
}

static void adopt(struct found *found, const struct snapshot_server *s)
{
	str_copy(found->server_id, sizeof(found->server_id), s->id);
	str_copy(found->server_state, sizeof(found->server_state), s->state);
	str_copy(found->server_address, sizeof(found->server_address), s->address);
	found->server_missed_ms = 0;
}

static void gone(struct found *found)
{
	found->server_id[0] = found->server_state[0] = found->server_address[0] = '\0';
	found->server_missed_ms = found->server_expires_ms = 0;
	found->server_attempt++;        /* its token would bring back the one that is gone */
	note_clear(found, "server");
}

static int look(struct call *c, const struct account *want, const struct found *found, struct snapshot_server *s,
	int64_t *listed_ms, struct err *e)
{
	memset(s, 0, sizeof(*s));
	return snapshot_server(c->snapshot, c, want, found->server_id, c->settings->poll_ms, s, listed_ms, e);
}

static bool ours(const struct account *want, const struct found *found, const struct snapshot_server *s)
{
	enum mark_owner owner = mark_judge(want, s->mark);
	return owner == MARK_OURS || (owner == MARK_NONE && str_eq(s->id, found->server_id));
}

static int server_observe(struct call *c, const struct account *want, struct found *found, enum seen *out, struct err *e)
{
	struct snapshot_server s;
	if (none_wanted(want, found)) {
		*out = found->uin ? SEEN_OK : SEEN_NONE;
		return 0;
	}
	int rc = look(c, want, found, &s, NULL, e);
	if (rc && rc != ERR_ABSENT)
		return rc;
	if (rc) {
		/* Not listed is terminated, or too new to be listed. */
		if (*found->server_id && !found->server_missed_ms)
			found->server_missed_ms = clock_now(c->clock);
		bool over = is_one_of(found->server_state, "TERMINATING DELETING") ||
			call_settled(c, found->server_missed_ms, c->settings->settle_ms);
		if (*found->server_id && over)
			gone(found);
		*out = *found->server_id ? SEEN_WAIT : SEEN_NONE;
		return 0;
	}
	if (!ours(want, found, &s)) {
		*out = SEEN_FOREIGN;
		return 0;
	}
	adopt(found, &s);
	if (str_eq(s.state, "STOPPED"))
		*out = SEEN_LOCKED;
	else if (str_eq(s.state, "RUNNING"))
		*out = str_eq(s.operation_state, "OPERATING") ? SEEN_WAIT : SEEN_OK;
	else
		*out = is_one_of(s.state, "SHUTDOWN LAUNCH_FAILED") ? SEEN_DRIFT : SEEN_WAIT;
	return 0;
}

/* --- an unknown outcome ---------------------------------------------------------------- */

/* The token guards against a second payment, so absence need not be proved for long: only until a call in flight
 * must have landed. */
static int server_resolve(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct intent *list;
	size_t count;
	int rc = c->journal->open_intents(c->journal, ROW_SERVER, c->arena, &list, &count, e);
	for (size_t i = 0; !rc && i < count; i++) {
		struct snapshot_server s;
		int64_t listed_ms = 0, wait_ms = 2 * c->api->timeout_ms;
		if (wait_ms > c->settings->settle_ms)
			wait_ms = c->settings->settle_ms;
		rc = look(c, want, found, &s, &listed_ms, e);
		if (rc && rc != ERR_ABSENT)
			return rc;
		if (!rc && mark_judge(want, s.mark) == MARK_OURS) {
			adopt(found, &s);
			rc = c->journal->settle(c->journal, &list[i], OUTCOME_DONE, found, e);
		} else if (listed_ms >= list[i].written_ms + wait_ms) {
			rc = c->journal->settle(c->journal, &list[i], OUTCOME_ABSENT, found, e);
		} else {
			rc = call_again(c, e, "it is not known yet whether CreateInstances made a server");
		}
	}
	return rc;
}

/* --- building ------------------------------------------------------------------------------ */

static bool has(const char *text, const char *part)
{
	return text && part && strcasestr(text, part);
}

static int find_blueprint(struct call *c, const struct account *want, const char **id, struct err *e)
{
	const char *image = c->settings->openclaw_image;
	uint64_t seen = 0;
	for (;;) {
		const struct json *answer;
		struct json *p = call_arguments(c), *filters = json_array(c->arena), *filter = call_arguments(c);
		json_put_text(filter, "Name", "blueprint-type");
		call_list(c, filter, "Values", "APP_OS");
		json_push(filters, filter);
		json_put(p, "Filters", filters);
		json_put_uint(p, "Limit", PAGE);
		json_put_uint(p, "Offset", seen);
		int rc = call_do(c, want, ACT_DESCRIBE_BLUEPRINTS, p, &answer, e);
		if (rc)
			return rc;
		const struct json *items = json_get(answer, "BlueprintSet");
		for (const struct json *b = json_first(items); b; b = json_next(b), seen++) {
			bool named = has(json_text(b, "DisplayTitle"), image) || has(json_text(b, "BlueprintName"), image);
			const char *state = json_text(b, "BlueprintState");
			if (!named || (state && !str_eq(state, "NORMAL")))
				continue;
			return json_need_text(b, "BlueprintId", id, e);
		}
		if (!json_first(items) || seen >= (uint64_t)json_int_or(answer, "TotalCount", 0))
			return err_set(e, ERR_PERM, "no image in \"%s\" has \"%s\" in its name: set the profile's blueprint",
				want->region, image);
	}
}

/* At most 64 characters: two Rollcalls may share a root account and know the same person. */
static const char *client_token(struct call *c, const struct account *want, unsigned attempt)
{
	char digest[SHA256_HEX];
	crypt_sha256_hex(want->installation, strlen(want->installation), digest);
	return arena_printf(c->arena, "%.8s-%s-%u-%u", digest, want->uuid, want->generation, attempt);
}

static struct json *purchase(struct call *c, const struct account *want, const char *blueprint, const char *token)
{
	struct json *p = call_arguments(c), *prepaid = call_arguments(c);
	json_put_int(prepaid, "Period", 1);
	json_put_text(prepaid, "RenewFlag", "NOTIFY_AND_AUTO_RENEW");
	json_put_text(p, "BundleId", want->bundle);
	json_put_text(p, "BlueprintId", blueprint);
	json_put(p, "InstanceChargePrepaid", prepaid);
	json_put_text(p, "InstanceName", want->server_name);
	json_put_int(p, "InstanceCount", 1);
	if (want->zone)
		call_list(c, p, "Zones", want->zone);
	json_put_text(p, "ClientToken", token);
	json_put_bool(p, "AutoVoucher", true);
	call_tags(c, p, want);
	return p;
}

static int buy(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	const struct json *answer;
	struct intent intent;
	const char *id, *blueprint = want->blueprint;
	int rc = blueprint ? 0 : find_blueprint(c, want, &blueprint, e);
	if (rc)
		return rc;
	const char *token = client_token(c, want, found->server_attempt);
	rc = call_once(c, want, found, ACT_CREATE_INSTANCES, token, found->server_attempt, purchase(c, want, blueprint, token),
		&intent, &answer, e);
	if (rc) {
		/* Refused for good: the next attempt is another one.  What was never sent keeps its token. */
		if (*e->code && rc != ERR_UNKNOWN && rc != ERR_LIMIT)
			found->server_attempt++;
		return err_must_exist(rc, e);
	}
	if (json_need_text(answer, "InstanceIdSet[0]", &id, e))
		return err_set(e, ERR_UNKNOWN, "CreateInstances: the answer has no instance");
	str_copy(found->server_id, sizeof(found->server_id), id);
	str_copy(found->server_state, sizeof(found->server_state), "PENDING");
	found->server_missed_ms = 0;
	rc = c->journal->settle(c->journal, &intent, OUTCOME_DONE, found, e);
	return rc ? rc : call_again(c, e, "the server is being built");
}

/* One of the actions that take a list of instances and are done later. */
static int change(struct call *c, const struct account *want, struct found *found, enum action action, const char *what,
	struct err *e)
{
	struct json *p = call_arguments(c);
	call_list(c, p, "InstanceIds", found->server_id);
	int rc = call_do(c, want, action, p, NULL, e);
	snapshot_stale(c->snapshot);
	return rc ? rc : call_again(c, e, what);
}

static int server_ensure(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	if (none_wanted(want, found))
		return 0;
	if (!*found->server_id) {
		int rc = server_resolve(c, want, found, e);
		if (rc)
			return rc;
	}
	if (!*found->server_id)
		return buy(c, want, found, e);
	if (found->server_missed_ms)
		return call_again(c, e, "the server is not listed");
	if (str_eq(found->server_state, "RUNNING")) {
		note_clear(found, "server");
		return 0;
	}
	if (str_eq(found->server_state, "STOPPED"))
		return err_must_exist(change(c, want, found, ACT_START_INSTANCES, "the server is being started", e), e);
	if (str_eq(found->server_state, "SHUTDOWN"))
		return err_set(e, ERR_PERM, "server \"%s\" is isolated: only a paid renewal brings it back", found->server_id);
	if (str_eq(found->server_state, "LAUNCH_FAILED"))
		return err_set(e, ERR_QUOTA, "server \"%s\" could not be launched", found->server_id);
	return call_again(c, e, "the server is being built");
}

/* --- taking away ------------------------------------------------------------------------------ */

static int server_lock(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	enum seen seen = SEEN_NONE;
	if (none_wanted(want, found))
		return 0;
	int rc = server_observe(c, want, found, &seen, e);
	if (rc || seen == SEEN_NONE || seen == SEEN_LOCKED || seen == SEEN_FOREIGN)
		return rc;
	if (seen == SEEN_OK)
		rc = change(c, want, found, ACT_STOP_INSTANCES, "the server is being stopped", e);
	else if (is_one_of(found->server_state, "SHUTDOWN LAUNCH_FAILED TERMINATING DELETING FREEZING"))
		return 0;       /* it does not run */
	else
		rc = call_again(c, e, "the server is busy");
	return rc == ERR_ABSENT ? 0 : rc;
}

static int stop_renewal(struct call *c, const struct account *want, const struct found *found, struct err *e)
{
	struct json *p = call_arguments(c);
	call_list(c, p, "InstanceIds", found->server_id);
	json_put_text(p, "RenewFlag", NO_RENEWAL);
	int rc = call_do(c, want, ACT_MODIFY_INSTANCES_RENEW_FLAG, p, NULL, e);
	snapshot_stale(c->snapshot);
	return rc;
}

/* It cannot be given back: stopped and without renewal it runs out by itself.  It is looked at again once a day, since the
 * cloud may take it back later, and soon after it has run out. */
static int let_expire(struct call *c, struct found *found, const struct snapshot_server *s, const char *why, struct err *e)
{
	char when[TIME_TEXT] = "";
	int64_t now = clock_now(c->clock), next = now + DAY_MS;
	found->server_expires_ms = s->expires_ms;
	if (s->expires_ms)
		str_time(s->expires_ms, when);
	if (s->expires_ms > now && s->expires_ms + EXPIRED_MS < next)
		next = s->expires_ms + EXPIRED_MS;
	note_set(found, "server", "cannot be given back, and expires by itself%s%s (%s)", *when ? " on " : "", when,
		why ? why : "no reason told");
	return err_due(e, ERR_WAIT, next, "server \"%s\" cannot be given back: it expires by itself%s%s", found->server_id,
		*when ? " on " : "", when);
}

static int give_back(struct call *c, const struct account *want, struct found *found, const struct snapshot_server *s,
	struct err *e)
{
	const struct json *answer;
	struct json *p = call_arguments(c);
	call_list(c, p, "InstanceIds", found->server_id);
	int rc = call_do(c, want, ACT_DESCRIBE_INSTANCES_RETURNABLE, p, &answer, e);
	if (rc)
		return rc;
	const struct json *first = json_get(answer, "InstanceReturnableSet[0]");
	if (!json_bool_or(first, "IsReturnable", false))
		return let_expire(c, found, s, json_text(first, "ReturnFailMessage"), e);
	found->server_expires_ms = 0;
	rc = change(c, want, found, ACT_ISOLATE_INSTANCES, "the server is being given back", e);
	if (rc != ERR_WAIT && str_eq(e->code, "UnsupportedOperation.ResourceNotReturnable"))
		return let_expire(c, found, s, "the cloud refused", e);
	return rc;
}

static int terminate(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	int rc = change(c, want, found, ACT_TERMINATE_INSTANCES, "the server is being terminated", e);
	if (rc == ERR_WAIT)
		str_copy(found->server_state, sizeof(found->server_state), TERMINATING);
	return rc;
}

static int next_step(struct call *c, const struct account *want, struct found *found, const struct snapshot_server *s,
	struct err *e)
{
	bool idle = !str_eq(s->operation_state, "OPERATING");
	if (idle && str_eq(s->state, "RUNNING"))
		return change(c, want, found, ACT_STOP_INSTANCES, "the server is being stopped", e);
	if (idle && str_eq(s->state, "STOPPED"))
		return give_back(c, want, found, s, e);
	if (idle && str_eq(s->state, "SHUTDOWN"))
		return terminate(c, want, found, e);
	if (str_eq(s->state, "LAUNCH_FAILED"))
		return let_expire(c, found, s, "it could not be launched", e);
	return call_again(c, e, "the server is busy");
}

static int server_remove(struct call *c, const struct account *want, struct found *found, struct err *e)
{
	struct snapshot_server s;
	if (!*found->server_id)
		return 0;
	int rc = look(c, want, found, &s, NULL, e);
	if (rc)
		return rc == ERR_ABSENT ? call_again(c, e, "the server is not listed") : rc;
	if (mark_judge(want, s.mark) != MARK_OURS)
		return err_set(e, ERR_FOREIGN, "server \"%s\" does not show our mark: it is not given back", found->server_id);
	adopt(found, &s);
	if (is_one_of(s.state, "RUNNING STOPPED") && !str_eq(s.renew_flag, NO_RENEWAL))
		rc = stop_renewal(c, want, found, e);
	if (!rc)
		rc = next_step(c, want, found, &s, e);
	return rc == ERR_ABSENT ? call_again(c, e, "the server is not there any more") : rc;
}

const struct driver server_driver = { .name = "server", .observe = server_observe, .ensure = server_ensure,
	.lock = server_lock, .remove = server_remove, .resolve = server_resolve };
