/* What happens by itself when business time goes on: environments and servers get ready, are renewed, expire,
 * are isolated and are deleted.  Nothing is swept before the earliest of these moments. */
#include <string.h>

#include "cloud/emulator/state.h"
#include "common/str.h"

void events_at(struct emulator *em, int64_t business_ms)
{
	if (business_ms < em->next_event)
		em->next_event = business_ms;
}

int64_t build_time(struct emulator *em)
{
	return em->build_ms * 4 / 5 + (int64_t)(rng_next(&em->rng) % (uint64_t)(em->build_ms * 2 / 5 + 1));
}

/* --- environments ------------------------------------------------------------------ */

void env_remove(struct emulator *em, struct env *env)
{
	index_remove(&em->envs_by_id, env->id);
	list_remove(&em->envs, env);
	env_free(env);
}

static void expire_env(struct emulator *em, struct env *env, int64_t now)
{
	while (!env->isolated && env->expires <= now) {
		if (env->auto_renew && money_pay(em, "renew", env->id, env->price, env->expires)) {
			env->expires += MONTH;
		} else {
			env->isolated = true;
			env->isolated_at = env->updated = env->expires;
		}
	}
}

static bool settle_env(struct emulator *em, struct env *env, int64_t now)
{
	if (!env->normal && env->ready <= now) {
		env->normal = true;
		env->updated = env->ready;
	}
	if (!env->log && env->log_ready && env->log_ready <= now) {
		env->log = !em->switches.log_topic_fails;
		env->log_ready = 0;
	}
	expire_env(em, env, now);
	int64_t end = env->isolated_at + em->switches.isolation_days * DAY;
	if (env->isolated && end <= now)
		return false;
	if (!env->normal)
		events_at(em, env->ready);
	if (env->log_ready)
		events_at(em, env->log_ready);
	events_at(em, env->isolated ? end : env->expires);
	return true;
}

/* --- servers ------------------------------------------------------------------------- */

static void server_remove(struct emulator *em, struct server *s)
{
	index_remove(&em->servers_by_id, s->id);
	list_remove(&em->servers, s);
	server_free(s);
}

void server_operate(struct emulator *em, struct server *s, const char *operation, enum server_state target, int64_t ms)
{
	str_copy(s->operation, sizeof(s->operation), operation);
	rng_uuid(&em->rng, s->request);
	s->operating = true;
	s->target = target;
	s->op_started = business_now(em);
	s->op_ends = s->op_started + ms;
	if (target != SERVER_RUNNING)
		s->agent_online = NEVER;
	events_at(em, s->op_ends);
	em->version++;
}

static void finish_operation(struct emulator *em, struct server *s)
{
	s->operating = false;
	s->state = s->target;
	if (s->state == SERVER_RUNNING)
		s->agent_online = s->op_ends + em->build_ms / 4;
	if (s->state == SERVER_SHUTDOWN)
		s->isolated_at = s->op_ends;
}

static void expire_server(struct emulator *em, struct server *s, int64_t now)
{
	while ((s->state == SERVER_RUNNING || s->state == SERVER_STOPPED) && s->expires <= now) {
		if (str_eq(s->renew_flag, "NOTIFY_AND_AUTO_RENEW") && money_pay(em, "renew", s->id, s->price,
			s->expires)) {
			s->expires += MONTH;
		} else {
			s->state = SERVER_SHUTDOWN;
			s->isolated_at = s->expires;
			s->agent_online = NEVER;
		}
	}
}

static bool settle_server(struct emulator *em, struct server *s, int64_t now)
{
	if (s->operating && s->op_ends <= now)
		finish_operation(em, s);
	if (!s->operating)
		expire_server(em, s, now);
	int64_t end = s->isolated_at + em->switches.server_isolation_days * DAY;
	if (s->state == SERVER_GONE || (s->state == SERVER_SHUTDOWN && !s->operating && end <= now))
		return false;
	events_at(em, s->operating ? s->op_ends : s->state == SERVER_SHUTDOWN ? end : s->expires);
	return true;
}

void events_settle(struct emulator *em)
{
	int64_t now = business_now(em);
	if (now < em->next_event)
		return;
	em->next_event = NEVER;
	em->version++;
	for (size_t i = em->envs.count; i-- > 0;)
		if (!settle_env(em, em->envs.items[i], now))
			env_remove(em, em->envs.items[i]);
	for (size_t i = em->servers.count; i-- > 0;)
		if (!settle_server(em, em->servers.items[i], now))
			server_remove(em, em->servers.items[i]);
}
