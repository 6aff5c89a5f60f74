/* What the directory should show of one account: a letter, made from the person, his account and what was found. */
#include <inttypes.h>
#include <string.h>

#include "common/crypt.h"
#include "common/json.h"
#include "common/str.h"
#include "hook/post_inside.h"
#include "ldap/attrs.h"
#include "policies/grant.h"
#include "policies/stage.h"

#define NOTE_BYTES 480

struct subject {
	struct post *post;
	const struct store_person *person;
	const struct store_account *account;
	const struct found *found;
	struct placement place;
	struct sealing sealing;
	struct arena *arena;
};

/* At which times of his life an attribute is shown. */
enum { LIVING = 1, RETIRING = 2, RETIRED = 4, ALWAYS = LIVING | RETIRING | RETIRED };
static const unsigned char shown_when[OWN_COUNT] = {
	[OWN_STAGE] = ALWAYS,
	[OWN_NAME] = ALWAYS,
	[OWN_GENERATION] = ALWAYS,
	[OWN_SINCE] = ALWAYS,
	[OWN_NOTE] = ALWAYS,
	/* What is being taken down is shown until it is gone. */
	[OWN_UIN] = LIVING | RETIRING,
	[OWN_ENV_ID] = LIVING | RETIRING,
	[OWN_SERVER_ID] = LIVING | RETIRING,
	[OWN_POLICY_ID] = LIVING | RETIRING,
	[OWN_REGION] = LIVING | RETIRING,
	[OWN_ROOT_ACCOUNT] = LIVING | RETIRING,
	[OWN_SERVER_ADDRESS] = LIVING,
	[OWN_KEY_ID] = LIVING,
	[OWN_KEY_CREATED] = LIVING,
	[OWN_SEALED_KEY] = LIVING,
	[OWN_SEALED_PASSWORD] = LIVING,
	[OWN_PROFILE] = LIVING,
	[OWN_PACKAGE] = LIVING,
	[OWN_BUNDLE] = LIVING,
	[OWN_RETIRE_AFTER] = LIVING | RETIRING,
	[OWN_HOLD_REASON] = LIVING,
	[OWN_ROTATION_DUE] = LIVING,
	[OWN_PROOF_RESULT] = LIVING,
	[OWN_PROOF_TIME] = LIVING,
	[OWN_PROOF_COUNTS] = LIVING,
};

static unsigned time_of_life(const struct store_account *account)
{
	if (account->stage != STAGE_RETIRED)
		return LIVING;
	return account->complete ? RETIRED : RETIRING;
}

static bool has_resource(const struct found *f)
{
	return f->uin || *f->env_id || f->policy_id || *f->key_id || *f->server_id;
}

/* --- values: NULL = not shown ----------------------------------------------------------------------------- */

static char *text(const struct subject *s, const char *value)
{
	return value && *value ? arena_strdup(s->arena, value) : NULL;
}

static char *number(const struct subject *s, uint64_t value)
{
	return value ? arena_printf(s->arena, "%" PRIu64, value) : NULL;
}

static char *moment(const struct subject *s, int64_t ms)
{
	char out[TIME_TEXT];
	if (ms <= 0)
		return NULL;
	str_time_ldap(ms, out);
	return arena_strdup(s->arena, out);
}

static void add_note(struct str *s, const char *note)
{
	if (note && *note)
		str_addf(s, "%s%s", s->len ? "; " : "", note);
}

static char *note(const struct subject *s)
{
	struct str all;
	char cut[NOTE_BYTES];
	str_init(&all, s->arena);
	add_note(&all, s->person->note);
	/* Passing trouble is not news for a directory: it would be written at every attempt. */
	if (err_is_lasting(s->account->trouble_kind))
		add_note(&all, s->account->trouble);
	add_note(&all, s->found->note);
	add_note(&all, s->sealing.note);
	if (!all.len)
		return NULL;
	str_copy(cut, sizeof(cut), str_printable(s->arena, all.text, all.len));
	return arena_strdup(s->arena, cut);
}

static int64_t rotation_due(const struct subject *s)
{
	int64_t age_ms = s->post->parts.settings->cloud.driver.key_age_ms;
	return s->account->stage == STAGE_ACTIVE ? found_key_due(s->found, age_ms) : 0;
}

/* The end of grace; of whoever is retiring, when the last that is left will be gone, as far as that is known. */
static int64_t retire_after(const struct subject *s)
{
	int64_t isolation = s->post->parts.settings->cloud.driver.isolation_ms;
	int64_t server = s->found->server_expires_ms, env = s->found->env_isolated_ms;
	if (s->account->stage != STAGE_RETIRED)
		return s->account->retire_after_ms;
	env = env && isolation > 0 ? env + isolation : 0;
	return env > server ? env : server;
}

static char *proof_counts(const struct subject *s)
{
	const struct found *f = s->found;
	if (f->proof_ms <= 0)
		return NULL;
	return arena_printf(s->arena, "seen=%u refused=%u calls=%u", f->proof_seen, f->proof_refused, f->proof_calls);
}

static char *value_of(const struct subject *s, enum own own)
{
	const struct store_account *account = s->account;
	const struct placement *place = &s->place;
	const struct found *f = s->found;
	switch (own) {
	case OWN_STAGE:
		return text(s, stage_shown((enum stage)account->stage, account->complete));
	case OWN_UIN:
		return number(s, f->uin);
	case OWN_NAME:
		return text(s, place->user_name);
	case OWN_GENERATION:
		return number(s, account->generation);
	case OWN_ENV_ID:
		return text(s, f->env_id);
	case OWN_REGION:
		return text(s, place->region);
	case OWN_SERVER_ID:
		return text(s, f->server_id);
	case OWN_SERVER_ADDRESS:
		return text(s, f->server_address);
	case OWN_POLICY_ID:
		return number(s, f->policy_id);
	case OWN_KEY_ID:
		return text(s, f->key_id);
	case OWN_KEY_CREATED:
		return *f->key_id ? moment(s, f->key_created_ms) : NULL;
	case OWN_SEALED_KEY:
		return s->sealing.value[SEALED_KEY_VALUE].base64;
	case OWN_SEALED_PASSWORD:
		return s->sealing.value[SEALED_PASSWORD_VALUE].base64;
	case OWN_PROFILE:
		return text(s, place->profile);
	case OWN_PACKAGE:
		return text(s, place->package);
	case OWN_BUNDLE:
		return text(s, place->bundle);
	case OWN_ROOT_ACCOUNT:
		return text(s, place->root_account);
	case OWN_SINCE:
		return moment(s, account->since_ms);
	case OWN_RETIRE_AFTER:
		return moment(s, retire_after(s));
	case OWN_HOLD_REASON:
		return text(s, account->hold_reason);
	case OWN_ROTATION_DUE:
		return moment(s, rotation_due(s));
	case OWN_PROOF_RESULT:
		return text(s, f->proof);
	case OWN_PROOF_TIME:
		return moment(s, f->proof_ms);
	case OWN_PROOF_COUNTS:
		return proof_counts(s);
	case OWN_NOTE:
		return note(s);
	case OWN_COUNT:
		break;
	}
	return NULL;
}

static struct json *payload_of(const struct subject *s)
{
	struct json *o = json_object(s->arena);
	unsigned when = time_of_life(s->account);
	for (int i = 0; i < OWN_COUNT; i++) {
		if (shown_when[i] & when)
			json_put_text(o, own_attributes[i].name, value_of(s, (enum own)i));
	}
	return o;
}

/* --- the digest: 8 characters for what is sealed, 8 for everything else ----------------------------------- */

#define HALF 8

static void half_digest(const char *what, struct arena *a, char out[HALF + 1])
{
	unsigned char whole[SHA256_BYTES];
	crypt_sha256(what, strlen(what), whole);
	/* 5 bytes are 8 characters of base32. */
	memcpy(out, str_base32(a, whole, 5), HALF + 1);
}

static void sealed_digest(const struct sealing *s, struct arena *a, char out[HALF + 1])
{
	struct str all;
	str_init(&all, a);
	for (int i = 0; i < SEALED_VALUES; i++)
		str_addf(&all, "%s\n\n", s->value[i].identity ? s->value[i].identity : "");
	half_digest(all.text, a, out);
}

static void open_digest(const struct json *payload, struct arena *a, char out[HALF + 1])
{
	struct json *o = json_copy(a, payload);
	json_remove(o, own_attributes[OWN_SEALED_KEY].name);
	json_remove(o, own_attributes[OWN_SEALED_PASSWORD].name);
	half_digest(json_print(a, o), a, out);
}

/* --- composing -------------------------------------------------------------------------------------------- */

/* The old letter's values serve again when they say the same to the same recipients. */
static bool reuse(struct subject *s, const struct store_letter *old)
{
	static const enum own at[SEALED_VALUES] = { [SEALED_KEY_VALUE] = OWN_SEALED_KEY,
		[SEALED_PASSWORD_VALUE] = OWN_SEALED_PASSWORD };
	struct json *payload;
	char wanted[HALF + 1];
	const char *values[SEALED_VALUES];
	sealed_digest(&s->sealing, s->arena, wanted);
	if (memcmp(wanted, old->digest, HALF) != 0 ||
		json_parse(s->arena, old->payload, strlen(old->payload), &payload, NULL))
		return false;
	for (int i = 0; i < SEALED_VALUES; i++) {
		values[i] = json_text(payload, own_attributes[at[i]].name);
		if (s->sealing.value[i].there != (values[i] != NULL))
			return false;
	}
	for (int i = 0; i < SEALED_VALUES; i++)
		s->sealing.value[i].base64 = arena_strdup(s->arena, values[i]);
	return true;
}

static int add_sealed(struct subject *s, const struct store_letter *old, struct err *e)
{
	const struct seal_subject who = { .person = s->person,
		.account = s->account,
		.found = s->found,
		.user = s->place.user_name,
		.region = s->place.region,
		.owner_uin = s->post->owner_uin };
	struct seal_to *to;
	int rc = post_seal_plan(s->post, &who, s->arena, &s->sealing, &to, e);
	if (rc)
		return rc;
	if (!old || !reuse(s, old))
		rc = post_seal_all(s->post, &who, to, s->arena, &s->sealing, e);
	seal_to_free(to);
	return rc;
}

static int write_letter(struct subject *s, const struct store_letter *old, bool *pending, struct err *e)
{
	struct json *payload = payload_of(s);
	struct store_letter letter = { .account_id = s->account->id,
		.payload = json_print(s->arena, payload),
		.pending = true,
		.due_ms = clock_now(s->post->parts.clock) };
	memcpy(letter.uuid, s->account->uuid, sizeof(letter.uuid));
	sealed_digest(&s->sealing, s->arena, letter.digest);
	open_digest(payload, s->arena, letter.digest + HALF);
	if (old && str_eq(old->digest, letter.digest)) {
		*pending = old->pending;
		return 0;
	}
	int rc = store_letter_put(s->post->parts.store, &letter, e);
	if (!rc)
		*pending = true;
	return rc;
}

int post_compose(struct post *p, const struct store_person *person, const struct store_account *account,
	const struct found *found, struct arena *a, bool *pending, struct err *e)
{
	struct subject s = { .post = p, .person = person, .account = account, .found = found, .arena = a };
	struct store_letter old;
	bool nothing = account->generation != person->generation;
	int rc = nothing ? 0 : store_letter_get(p->parts.store, account->id, a, &old, e);
	bool had = !nothing && !rc;
	if (rc && rc != ERR_ABSENT)
		return rc;
	/* Whoever never had anything has no letter yet, and none is begun. */
	if (nothing || (!had && !has_resource(found))) {
		*pending = false;
		return 0;
	}
	rc = placement_parse(account->placement ? account->placement : "", a, &s.place, e);
	if (!rc && time_of_life(account) == LIVING)
		rc = add_sealed(&s, had ? &old : NULL, e);
	return rc ? rc : write_letter(&s, had ? &old : NULL, pending, e);
}
