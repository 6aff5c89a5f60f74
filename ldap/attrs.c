/* Rollcall's own attributes: the table, and the write that makes an entry hold them. */
#include "ldap/attrs.h"

#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "ldap/person.h"

#define WRITE_TRIES 4

const struct own_attribute own_attributes[OWN_COUNT] = {
	[OWN_STAGE] = { "rollcallStage", 1, OWN_TEXT, false, "due joining active suspended held retiring retired" },
	[OWN_UIN] = { "rollcallUin", 2, OWN_INTEGER, false, "UIN of the sub-account" },
	[OWN_NAME] = { "rollcallName", 3, OWN_TEXT, false, "name of the sub-account" },
	[OWN_GENERATION] = { "rollcallGeneration", 4, OWN_INTEGER, false, "counts how often the person was onboarded anew" },
	[OWN_ENV_ID] = { "rollcallEnvId", 5, OWN_TEXT, false, "id of the CloudBase environment" },
	[OWN_REGION] = { "rollcallRegion", 6, OWN_TEXT, false, "region of environment and server" },
	[OWN_SERVER_ID] = { "rollcallServerId", 7, OWN_TEXT, false, "id of the Lighthouse server" },
	[OWN_SERVER_ADDRESS] = { "rollcallServerAddress", 8, OWN_TEXT, false, "public address of the server" },
	[OWN_POLICY_ID] = { "rollcallPolicyId", 9, OWN_INTEGER, false, "id of the policy made for this person" },
	[OWN_KEY_ID] = { "rollcallKeyId", 10, OWN_TEXT, false, "SecretId of the API key" },
	[OWN_KEY_CREATED] = { "rollcallKeyCreated", 11, OWN_TIME, false, "when the API key was made" },
	[OWN_SEALED_KEY] = { "rollcallSealedKey", 12, OWN_OCTETS, true, "API key, CMS AuthEnvelopedData in DER" },
	[OWN_SEALED_PASSWORD] = { "rollcallSealedPassword", 13, OWN_OCTETS, true, "console password, CMS AuthEnvelopedData in DER" },
	[OWN_PROFILE] = { "rollcallProfile", 14, OWN_TEXT, false, "profile that decided package and bundle" },
	[OWN_PACKAGE] = { "rollcallPackage", 15, OWN_TEXT, false, "package of the environment" },
	[OWN_BUNDLE] = { "rollcallBundle", 16, OWN_TEXT, false, "bundle of the server" },
	[OWN_ROOT_ACCOUNT] = { "rollcallRootAccount", 17, OWN_TEXT, false, "root account the person was placed in" },
	[OWN_SINCE] = { "rollcallSince", 18, OWN_TIME, false, "when the stage began" },
	[OWN_RETIRE_AFTER] = { "rollcallRetireAfter", 19, OWN_TIME, false, "end of the grace period; then, when the last will be gone" },
	[OWN_HOLD_REASON] = { "rollcallHoldReason", 20, OWN_TEXT, false, "why the person is held" },
	[OWN_ROTATION_DUE] = { "rollcallRotationDue", 21, OWN_TIME, false, "when the API key is to be rotated" },
	[OWN_PROOF_RESULT] = { "rollcallProofResult", 22, OWN_TEXT, false, "result of the last proof of isolation" },
	[OWN_PROOF_TIME] = { "rollcallProofTime", 23, OWN_TIME, false, "when isolation was proved last" },
	[OWN_PROOF_COUNTS] = { "rollcallProofCounts", 24, OWN_TEXT, false, "probes seen and refused in the last proof" },
	[OWN_NOTE] = { "rollcallNote", 25, OWN_TEXT, false, "last note for humans" },
};

bool own_is(const char *name)
{
	if (str_ieq(name, ROLLCALL_CLASS))
		return true;
	for (size_t i = 0; i < OWN_COUNT; i++)
		if (attribute_is(name, own_attributes[i].name))
			return true;
	return false;
}

/* The changes that make `entry` hold the values. */
struct plan {
	struct dir_change changes[OWN_COUNT + 1];
	struct value before[OWN_COUNT], class_name;
	size_t count;
};

static bool has_class(const struct entry *entry)
{
	const struct attribute *a = entry_find(entry, "objectClass");

	for (size_t i = 0; a && i < a->count; i++)
		if (str_ieq((const char *)a->values[i].data, ROLLCALL_CLASS))
			return true;
	return false;
}

static struct dir_change *add_change(struct plan *p, size_t i, const struct value *want)
{
	struct dir_change *c = &p->changes[p->count++];

	*c = (struct dir_change){ .name = own_attributes[i].name, .after_count = want->len ? 1 : 0,
		.after = (struct value *)(uintptr_t)want };
	return c;
}

static void plan_open(struct plan *p, size_t i, const struct entry *entry, const struct value *want)
{
	const struct attribute *a = entry_find(entry, own_attributes[i].name);
	struct dir_change *c;

	if (a ? a->values[0].len == want->len && !memcmp(a->values[0].data, want->data, want->len) : !want->len)
		return;
	c = add_change(p, i, want);
	if (a) {
		p->before[i] = a->values[0];
		c->before = &p->before[i];
		c->before_count = 1;
	}
}

/* A sealed value is not read: the server compares, and what differs is replaced whatever it was.  One octet,
 * which is no CMS message, tells "there" from "not there". */
static int plan_sealed(struct dir *d, struct plan *p, size_t i, const struct entry *entry, const struct value *want,
	struct err *e)
{
	static const struct value probe = { (const unsigned char *)"", 1 };
	enum dir_same same;
	int rc;

	if (!has_class(entry)) {
		if (want->len)
			add_change(p, i, want)->blind = true;
		return 0;
	}
	rc = dir_compare(d, entry->dn, own_attributes[i].name, want->len ? *want : probe, &same, e);
	if (rc)
		return rc;
	if (want->len ? same != DIR_SAME : same != DIR_NONE)
		add_change(p, i, want)->blind = true;
	return 0;
}

static int make_plan(struct dir *d, const struct entry *entry, const struct own_values *want, struct plan *p, struct err *e)
{
	bool wanted = false;

	p->count = 0;
	for (size_t i = 0; i < OWN_COUNT; i++) {
		int rc = 0;

		if (want->keep[i])
			continue;
		wanted = wanted || want->v[i].len;
		if (own_attributes[i].sealed)
			rc = plan_sealed(d, p, i, entry, &want->v[i], e);
		else
			plan_open(p, i, entry, &want->v[i]);
		if (rc)
			return rc;
	}
	if (wanted && !has_class(entry)) {
		p->class_name = (struct value){ (const unsigned char *)ROLLCALL_CLASS, strlen(ROLLCALL_CLASS) };
		p->changes[p->count++] = (struct dir_change){ .name = "objectClass", .after_count = 1, .after = &p->class_name };
	}
	return 0;
}

/* By what cannot be read nobody is told to be older. */
static bool is_older(const struct entry *entry, const char *oldest)
{
	const struct attribute *csn = entry_find(entry, "entryCSN");
	if (!csn)
		csn = entry_find(entry, "modifyTimestamp");
	char is[64];
	if (!oldest || !csn)
		return false;
	snprintf(is, sizeof(is), "%.*s", (int)csn->values[0].len, (const char *)csn->values[0].data);
	return strcmp(is, oldest) < 0;
}

static int write_once(struct dir *d, const char *base, const char *uuid, const struct own_values *want,
	const char *const *attributes, struct arena *a, bool *changed, struct err *e)
{
	struct plan *p = arena_alloc(a, sizeof(*p));
	struct entry *entry;
	int rc = dir_find(d, base, uuid, attributes, a, &entry, e);

	if (!rc && is_older(entry, want->oldest)) {
		rc = err_set(e, ERR_TEMP, "the entry is older than what was seen of it: on a copy that lags, or from a backup");
		if (e)
			str_copy(e->code, sizeof(e->code), "older");
	}
	if (!rc)
		rc = make_plan(d, entry, want, p, e);
	if (rc || !p->count)
		return rc;
	rc = dir_modify(d, entry->dn, p->changes, p->count, e);
	if (!rc)
		*changed = true;
	return rc;
}

int own_write(struct dir *d, const char *base, const char *uuid, const struct own_values *want, struct arena *a, bool *changed,
	struct err *e)
{
	const char *attributes[OWN_COUNT + 4] = { "objectClass", "entryCSN", "modifyTimestamp" };
	struct err last = { 0 };
	bool wrote = false;
	size_t n = 3;
	int rc = 0;

	for (size_t i = 0; i < OWN_COUNT; i++)
		if (!own_attributes[i].sealed)
			attributes[n++] = own_attributes[i].name;
	for (int i = 0; i < WRITE_TRIES; i++) {
		bool found_before = i > 0 && rc == ERR_ABSENT;

		rc = write_once(d, base, uuid, want, attributes, a, &wrote, &last);
		/* ABSENT twice is the truth; once it may be an entry that was renamed between look-up and write. */
		if (!rc || (rc == ERR_ABSENT && found_before) || (rc != ERR_ABSENT && !str_eq(last.code, "changed")))
			break;
	}
	if (!rc)
		*changed = wrote;
	else if (e)
		*e = last;
	return rc;
}
