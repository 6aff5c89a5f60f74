#include "policies/grant.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/crypt.h"
#include "common/json.h"
#include "policies/cam/prove.h"

/* The cloud's user-name rules are not published beyond an error code, so names stay within what surely
 * passes: a letter first, then letters, digits, '.', '_', '-', at most 32 characters before the suffix. */
#define USER_STEM 32
#define PROOF_MEMORY (4u << 20)

static size_t fit_stem(const char *login, char out[USER_STEM + 1])
{
	size_t n = 0;
	for (const unsigned char *p = (const unsigned char *)login; *p && n < USER_STEM; p++) {
		if (*p == '@')
			break;          /* a mail address as login: its local part */
		bool fits = isascii(*p) && (isalnum(*p) || (n > 0 && strchr("._-", *p)));
		if (fits && (n > 0 || isalpha(*p)))
			out[n++] = (char)tolower(*p);
	}
	while (n > 0 && strchr("._-", out[n - 1]))
		n--;
	out[n] = '\0';
	return n;
}

/* Suffixes come from UUID and generation: the same person and generation always gets the same names, and a
 * reused login never gets somebody else's. */
static void suffix(const char *uuid, unsigned generation, struct arena *a, char *out, size_t chars)
{
	char text[64];
	unsigned char digest[SHA256_BYTES];
	snprintf(text, sizeof(text), "%s:%u", uuid, generation);
	crypt_sha256(text, strlen(text), digest);
	snprintf(out, chars + 1, "%s", str_base32(a, digest, sizeof(digest)));
}

int placement_make(const char *login, const char *uuid, unsigned generation, const char *root_account, const char *region,
	const struct profile *p, struct placement *out, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(1 << 16);
	char stem[USER_STEM + 1], six[7], sixteen[17];
	struct placement made = { .at_login = p->at_login };
	if (!fit_stem(login, stem))
		return err_set(e, ERR_INPUT, "no CAM user name can be made from the login name \"%s\"",
			str_printable(a, login, strlen(login)));
	suffix(uuid, generation, a, six, 6);
	suffix(uuid, generation, a, sixteen, 16);
	snprintf(made.user_name, sizeof(made.user_name), "%s-%s", stem, six);
	snprintf(made.env_alias, sizeof(made.env_alias), "rc-%s", sixteen);
	snprintf(made.policy_name, sizeof(made.policy_name), "rollcall-%s", made.user_name);
	snprintf(made.server_name, sizeof(made.server_name), "rc-%s-%s", stem, six);
	bool fits = str_copy(made.root_account, sizeof(made.root_account), root_account) &&
		str_copy(made.region, sizeof(made.region), p->region ? p->region : region) &&
		str_copy(made.profile, sizeof(made.profile), p->name) &&
		str_copy(made.package, sizeof(made.package), p->package) &&
		str_copy(made.bundle, sizeof(made.bundle), p->bundle ? p->bundle : "") &&
		str_copy(made.blueprint, sizeof(made.blueprint), p->blueprint ? p->blueprint : "") &&
		str_copy(made.zone, sizeof(made.zone), p->zone ? p->zone : "");
	if (!fits)
		return err_set(e, ERR_INPUT, "profile \"%s\" has a value that is too long", p->name);
	*out = made;
	return 0;
}

#define FIELD(name) { #name, offsetof(struct placement, name), sizeof(((struct placement *)0)->name) }
static const struct { const char *name; size_t offset, size; } fields[] = {
	FIELD(root_account), FIELD(region), FIELD(profile), FIELD(user_name), FIELD(env_alias), FIELD(policy_name),
	FIELD(server_name), FIELD(package), FIELD(bundle), FIELD(blueprint), FIELD(zone),
};

char *placement_print(const struct placement *p, struct arena *a)
{
	struct json *o = json_object(a);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		json_put_text(o, fields[i].name, (const char *)p + fields[i].offset);
	json_put_bool(o, "at_login", p->at_login);
	return json_print(a, o);
}

int placement_parse(const char *text, struct arena *a, struct placement *out, struct err *e)
{
	struct json *o;
	struct placement p = { 0 };
	int rc = json_parse(a, text, strlen(text), &o, e);
	if (rc)
		return err_wrap(e, "placement");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *v = json_text(o, fields[i].name);
		if (!v || !str_copy((char *)&p + fields[i].offset, fields[i].size, v))
			return err_set(e, ERR_INPUT, "placement: \"%s\" is missing or too long", fields[i].name);
	}
	p.at_login = json_bool_or(o, "at_login", false);
	*out = p;
	return 0;
}

static const char *some(const char *s)
{
	return *s ? s : NULL;
}

/* With the identifiers that are really his: what isolates the sample need not isolate him. */
static int prove(const struct grant_input *in, const struct cam_identifiers *own, const char *document, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(PROOF_MEMORY);
	struct cam_policy *policy;
	struct cam_proof proof;
	char first[160];
	if (!in->catalogue)
		return err_set(e, ERR_INPUT, "the policy is not proved to isolate: there is no catalogue of actions");
	int rc = cam_policy_parse(a, document, strlen(document), &policy, e);
	if (rc)
		return rc;
	const struct cam_policy *const held[] = { policy };
	rc = cam_prove(a, in->catalogue, held, ARRAY_LEN(held), own, &proof, e);
	if (rc || !proof.count)
		return rc;
	bool whole = str_copy(first, sizeof(first), proof.findings[0].sentence);
	const char *more = proof.count > 1 ? arena_printf(a, " (and %zu more)", proof.count - 1) : "";
	return err_set(e, ERR_INPUT, "the policy is not proved to isolate: %s%s%s", first, whole ? "" : "...", more);
}

static int write_policy(const struct grant_input *in, const struct cam_identifiers *own, struct arena *a, const char **out,
	struct err *e)
{
	const char *identifiers = arena_printf(a, "%" PRIu64 " %" PRIu64 " %s %s %s %s %s", own->owner_uin, own->app_id, own->region,
		own->env_id, own->name_space, own->topic_id, own->bucket);
	char *document;
	if (in->memo && str_eq(in->memo->identifiers, identifiers)) {
		*out = in->memo->document;
		return 0;
	}
	int rc = cam_render(a, in->template_text, in->template_len, own, &document, e);
	if (rc)
		return err_wrap(e, "policy template");
	rc = prove(in, own, document, e);
	if (rc)
		return rc;
	if (in->memo)
		*in->memo = (struct grant_memo){ .identifiers = identifiers, .document = document };
	*out = document;
	return 0;
}

int grant(const struct grant_input *in, const struct found *f, struct arena *a, struct account *out, struct err *e)
{
	const struct placement *p = in->placement;
	struct account w = { .installation = in->installation,
		.generation = in->generation,
		.root = in->root,
		.root_account = p->root_account,
		.region = p->region,
		.user_name = p->user_name,
		.env_alias = p->env_alias,
		.policy_name = p->policy_name,
		.server_name = p->server_name,
		.package = p->package,
		.bundle = some(p->bundle),
		.blueprint = some(p->blueprint),
		.zone = some(p->zone),
		.hold_reason = in->hold_reason,
		.prove_after_ms = in->prove_after_ms,
		.key_again = in->key_again,
		.key_asked_ms = in->key_asked_ms,
		.key_delivered = in->key_delivered };
	str_copy(w.uuid, sizeof(w.uuid), in->uuid);
	w.mark = mark_make(a, in->installation, in->uuid, in->generation);
	w.remark = in->hold_reason ? arena_printf(a, "%s held: %s", w.mark, in->hold_reason) : w.mark;
	*out = w;
	if (*f->env_id && *f->topic && *f->bucket && in->root->owner_uin) {
		const struct cam_identifiers ids = { .owner_uin = in->root->owner_uin,
			.app_id = in->root->app_id,
			.region = p->region,
			.env_id = f->env_id,
			.name_space = *f->name_space ? f->name_space : f->env_id,
			.topic_id = f->topic,
			.bucket = f->bucket };
		return write_policy(in, &ids, a, &out->policy_document, e);
	}
	return 0;
}
