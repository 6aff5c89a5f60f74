/* The secrets of one person, as his entry holds them: opened from what the store keeps (sealed to Rollcall's own
 * key), checked, and sealed to the company's escrow certificates and his own. */
#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/str.h"
#include "hook/post_inside.h"

#define PLAIN_MEMORY (1u << 18)

static const struct kind {
	enum secret_kind stored;
	const char *kind;           /* as the plain text says */
} kinds[SEALED_VALUES] = {
	[SEALED_KEY_VALUE] = { SECRET_KEY, "api-key" },
	[SEALED_PASSWORD_VALUE] = { SECRET_PASSWORD, "console-password" },
};

static const char *secret_id(const struct seal_subject *s, int i)
{
	return i == SEALED_KEY_VALUE ? s->found->key_id : s->user;
}

static void remark(struct sealing *out, struct arena *a, const char *what, const char *why)
{
	out->note = out->note ? arena_printf(a, "%s; %s: %s", out->note, what, why) : arena_printf(a, "%s: %s", what, why);
}

/* Everything that the sealed value says or depends on.  Not the bytes: sealing is randomised. */
static char *identity(const struct seal_subject *s, int i, const char *recipients, struct arena *a)
{
	return arena_printf(a, "%s\n%s\n%s\n%" PRIu64 "\n%s\n%s\n%s\n%" PRIu64 "\n%s", kinds[i].kind, secret_id(s, i),
		s->account->uuid, s->found->uin, s->user, s->found->env_id, s->region, s->owner_uin, recipients);
}

static struct seal_to *recipients(struct post *p, const struct seal_subject *s, struct arena *a, struct sealing *out)
{
	struct seal_to *to = seal_to_dup(p->parts.escrow);
	const struct store_person *who = s->person;
	const char *ca = p->parts.settings->seal.person_ca;
	struct err e;
	if (!ca || !who->certificate || who->certificate_len == 0)
		return to;
	/* His own certificate is a convenience: an unusable one holds up nothing, but is told. */
	if (seal_to_add_person(to, who->certificate, who->certificate_len, ca, who->login, who->mail,
		    clock_now(p->parts.clock), &e))
		remark(out, a, "own certificate left out", e.text);
	return to;
}

int post_seal_plan(struct post *p, const struct seal_subject *s, struct arena *a, struct sealing *out, struct seal_to **to,
	struct err *e)
{
	struct sealing made = { 0 };
	for (int i = 0; i < SEALED_VALUES; i++) {
		unsigned char *der;
		size_t n;
		if (!*secret_id(s, i) || !s->found->uin)
			continue;
		int rc = store_secret_get(p->parts.store, s->account->id, kinds[i].stored, secret_id(s, i), a, &der, &n, e);
		if (rc && rc != ERR_ABSENT)
			return rc;
		made.value[i].there = !rc;
	}
	struct seal_to *whom = recipients(p, s, a, &made);
	const char *id = seal_to_id(whom, a);
	for (int i = 0; i < SEALED_VALUES; i++) {
		if (made.value[i].there)
			made.value[i].identity = identity(s, i, id, a);
	}
	*out = made;
	*to = whom;
	return 0;
}

/* Whose secret it is stands inside, so a row that was swapped in the store is noticed.  A password is stored before
 * its user exists: its uin may be 0. */
static const char *check_stored(const struct json *o, const struct seal_subject *s, int i)
{
	uint64_t uin;
	if (!str_eq(json_text(o, "uuid"), s->account->uuid))
		return "it names another person";
	if (!str_eq(json_text(o, "id"), secret_id(s, i)))
		return "it names another id";
	if (json_uint(o, "uin", &uin, NULL) || (uin != s->found->uin && !(uin == 0 && i == SEALED_PASSWORD_VALUE)))
		return "it names another sub-account";
	if (!json_text(o, "secret"))
		return "it holds no secret";
	return NULL;
}

static char *plain_text(const struct seal_subject *s, int i, const char *secret, struct arena *a)
{
	struct json *o = json_object(a);
	json_put_text(o, "kind", kinds[i].kind);
	json_put_text(o, "uuid", s->account->uuid);
	json_put_uint(o, "uin", s->found->uin);
	json_put_text(o, "user", s->user);
	if (i == SEALED_KEY_VALUE) {
		json_put_text(o, "env", s->found->env_id);
		json_put_text(o, "region", s->region);
		json_put_text(o, "id", s->found->key_id);
		json_put_text(o, "secret", secret);
	} else {
		if (s->owner_uin)
			json_put_uint(o, "owner_uin", s->owner_uin);
		json_put_text(o, "password", secret);
	}
	return json_print(a, o);
}

/* Stored DER -> plain text for the person.  `scratch` is wiped by its owner.  NULL, or why it is unusable. */
static const char *reopen(struct post *p, const struct seal_subject *s, int i, const unsigned char *der, size_t n,
	struct arena *scratch, struct secret **plain)
{
	AUTO_SECRET struct secret *stored = NULL;
	struct json *o;
	struct err e;
	size_t len;
	if (seal_open(p->parts.own_key, der, n, &stored, &e))
		return arena_strdup(scratch, e.text);
	const char *text = secret_reveal(stored, &len);
	if (json_parse(scratch, text, len, &o, &e))
		return "it is not JSON";
	const char *wrong = check_stored(o, s, i);
	if (wrong)
		return wrong;
	*plain = secret_text(plain_text(s, i, json_text(o, "secret"), scratch));
	return NULL;
}

static int seal_one(struct post *p, const struct seal_subject *s, int i, const struct seal_to *to, struct arena *a,
	struct sealing *out, struct err *e)
{
	AUTO_ARENA struct arena *scratch = arena_new(PLAIN_MEMORY);
	AUTO_SECRET struct secret *plain = NULL;
	unsigned char *der;
	size_t n;
	int rc = store_secret_get(p->parts.store, s->account->id, kinds[i].stored, secret_id(s, i), scratch, &der, &n, e);
	if (rc)
		return rc == ERR_ABSENT ? err_set(e, ERR_TEMP, "the secret of \"%s\" has just gone", secret_id(s, i)) : rc;
	const char *wrong = reopen(p, s, i, der, n, scratch, &plain);
	if (wrong) {
		/* The stage must reach the directory all the same; the key row makes a new key of one that is lost. */
		log_event(LOG_ALARM_LEVEL, "post", s->account->uuid, "the stored %s of \"%s\" is unusable: %s", kinds[i].kind,
			secret_id(s, i), wrong);
		remark(out, a, kinds[i].kind, wrong);
		out->value[i] = (struct sealed){ 0 };
		return 0;
	}
	rc = seal(to, plain, scratch, &der, &n, e);
	if (!rc)
		out->value[i].base64 = str_base64(a, der, n);
	return rc;
}

int post_seal_all(struct post *p, const struct seal_subject *s, const struct seal_to *to, struct arena *a, struct sealing *out,
	struct err *e)
{
	int rc = 0;
	for (int i = 0; i < SEALED_VALUES && !rc; i++) {
		if (out->value[i].there)
			rc = seal_one(p, s, i, to, a, out, e);
	}
	return rc ? err_wrap(e, "sealing for the directory") : 0;
}
