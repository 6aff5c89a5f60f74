/* An account begins: names and place are decided here, once. */
#include "common/str.h"
#include "hook/roll_inside.h"
#include "policies/grant.h"

/* Names as they are, instead of those that would be made; what is taken over stands in the found record until it is marked. */
static int take_over(const struct adoption *ad, struct placement *place, struct found *found, struct arena *a, struct err *e)
{
	bool fits = true;
	if (ad->uin) {
		fits = str_copy(place->user_name, sizeof(place->user_name), ad->user_name) &&
			str_copy(place->policy_name, sizeof(place->policy_name), arena_printf(a, "rollcall-%s", ad->user_name));
		found->adopt_uin = ad->uin;
	}
	if (ad->env_id) {
		fits = fits && str_copy(place->env_alias, sizeof(place->env_alias), ad->env_alias) &&
			str_copy(place->region, sizeof(place->region), ad->region) &&
			str_copy(found->env_id, sizeof(found->env_id), ad->env_id) &&
			str_copy(found->adopt_env, sizeof(found->adopt_env), ad->env_id);
	}
	return fits ? 0 : err_set(e, ERR_INPUT, "a name of what is to be adopted is too long");
}

/* placement and found, ready for the store. */
static int place(struct roll *r, const struct store_person *p, const struct adoption *ad, struct arena *a, struct store_account *acc,
	struct err *e)
{
	struct found found = { 0 };
	const struct settings *s = r->settings;
	const struct profile_settings *ps = settings_profile(r->settings, p->profile);
	struct placement placement;
	if (!ps)
		return err_set(e, ERR_INPUT, "no profile fits this person");
	const struct profile profile = { .name = ps->name,
		.package = ps->package,
		.bundle = ps->bundle,
		.blueprint = ps->blueprint,
		.zone = ps->zone,
		.region = ps->region,
		.at_login = ps->trigger == 1 };
	int rc = placement_make(p->login, p->uuid, acc->generation, s->cloud.root_account, s->cloud.region, &profile, &placement, e);
	if (!rc && ad)
		rc = take_over(ad, &placement, &found, a, e);
	if (rc)
		return rc;
	acc->placement = placement_print(&placement, a);
	acc->found = ad ? found_print(&found, a) : arena_strdup(a, "");
	return 0;
}

int roll_begin(struct roll *r, struct store_person *p, const struct decision *d, const struct adoption *ad, struct arena *a,
	struct err *e)
{
	struct store_account made = { .generation = p->generation + 1,
		.stage = d->stage,
		.since_ms = d->since_ms,
		.lane = LANE_JOIN,
		.due_ms = d->stage == STAGE_ACTIVE ? clock_now(r->clock) : INT64_MAX };
	str_copy(made.uuid, sizeof(made.uuid), p->uuid);
	int rc = place(r, p, ad, a, &made, e);
	if (!rc)
		rc = store_person_put(r->store, p, e);       /* an account has an owner */
	if (!rc)
		rc = store_account_new(r->store, &made, e);
	if (!rc)
		p->generation = made.generation;
	return rc;
}

int roll_begin_adopted(struct roll *r, const struct store_person *p, struct store_account *acc, const struct adoption *ad,
	struct arena *a, struct err *e)
{
	int rc = place(r, p, ad, a, acc, e);
	return rc ? rc : store_found_put(r->store, acc->id, acc->found, e);
}
