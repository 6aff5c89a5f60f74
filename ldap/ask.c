/* Reading, comparing and changing single entries. */
#include <ldap_schema.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "ldap/filter.h"
#include "ldap/handle.h"

/* Refer to referral objects as entries: not critical.  Let no copy of the directory answer: critical, as RFC 6171
 * demands, so only where it is wanted. */
static LDAPControl manage_dsa_it = { .ldctl_oid = (char[]){ LDAP_CONTROL_MANAGEDSAIT } };
static LDAPControl no_copy = { .ldctl_oid = (char[]){ LDAP_CONTROL_DONTUSECOPY }, .ldctl_iscritical = 1 };

/* A search that should find one entry: the first one is kept, *count says how many came (the limit is two). */
static int search_one(struct dir *d, const char *base, int scope, const char *filter, const char *const *attributes,
	struct arena *a, struct entry **out, size_t *count, struct err *e, const char *doing)
{
	LDAPControl *controls[] = { &manage_dsa_it, d->originals ? &no_copy : NULL, NULL };
	int64_t deadline = clock_mono(d->clock) + d->answer_ms;
	int msgid, code = LDAP_OTHER;
	int rc = ldap_search_ext(
		d->ld, base, scope, filter, (char **)(uintptr_t)attributes, 0, controls, NULL, NULL, 2, &msgid);

	if (rc != LDAP_SUCCESS)
		return handle_fail(d, rc, NULL, e, doing);
	for (*count = 0, *out = NULL;;) {
		LDAPMessage *m = NULL;
		char *said = NULL;
		int type;

		rc = handle_message(d, msgid, deadline, &m, e, doing);
		if (rc)
			return rc;
		type = ldap_msgtype(m);
		if (type == LDAP_RES_SEARCH_ENTRY && ++*count == 1)
			rc = handle_entry(d, m, a, out, e);
		if (type == LDAP_RES_SEARCH_ENTRY || type == LDAP_RES_SEARCH_REFERENCE ||
			type == LDAP_RES_INTERMEDIATE) {
			ldap_msgfree(m);
			if (rc)
				return rc;
			continue;
		}
		/* The result; any other type also ends the operation (some servers send extended responses). */
		rc = ldap_parse_result(d->ld, m, &code, NULL, &said, NULL, NULL, 1);
		if (rc != LDAP_SUCCESS)
			code = rc;
		rc = code == LDAP_SUCCESS || (code == LDAP_SIZELIMIT_EXCEEDED && *count > 1)
			? 0 : handle_fail(d, code, said ? said : "", e, doing);
		ldap_memfree(said);
		return rc;
	}
}

int dir_read(struct dir *d, const char *dn, const char *const *attributes, struct arena *a, struct entry **out,
	struct err *e)
{
	struct entry *entry = NULL;
	size_t count = 0;
	int rc = search_one(d, dn, LDAP_SCOPE_BASE, "(objectClass=*)", attributes, a, &entry, &count, e, "reading");

	if (rc)
		return rc == ERR_ABSENT ? rc : err_wrap(e, "\"%.80s\"", dn);
	if (!count)
		return err_set(e, ERR_ABSENT, "\"%.120s\" is not visible", dn);
	*out = entry;
	return 0;
}

int dir_find(struct dir *d, const char *base, const char *uuid, const char *const *attributes, struct arena *a,
	struct entry **out, struct err *e)
{
	unsigned char raw[16];
	char filter[sizeof("(entryUUID=)") + UUID_TEXT];
	struct entry *entry = NULL;
	size_t count = 0;
	int rc = str_uuid_parse(uuid, raw, e);

	if (rc)
		return rc;
	snprintf(filter, sizeof(filter), "(entryUUID=%s)", uuid);
	rc = search_one(d, base, LDAP_SCOPE_SUBTREE, filter, attributes, a, &entry, &count, e, "looking up a UUID");
	if (rc)
		return rc;
	if (!count)
		return err_set(e, ERR_ABSENT, "no entry with entryUUID %s was found", uuid);
	if (count > 1)
		return err_set(e, ERR_INPUT, "more than one entry had the entryUUID %s", uuid);
	str_copy(entry->uuid, sizeof(entry->uuid), uuid);
	*out = entry;
	return 0;
}

int dir_compare(struct dir *d, const char *dn, const char *name, struct value v, enum dir_same *out, struct err *e)
{
	struct berval bv = { v.len, (char *)(uintptr_t)v.data };
	int msgid, code = LDAP_OTHER, rc = ldap_compare_ext(d->ld, dn, name, &bv, NULL, NULL, &msgid);

	if (rc != LDAP_SUCCESS)
		return handle_fail(d, rc, NULL, e, "comparing");
	/* Compare has no success: true, false and "no such attribute" are all answers. */
	rc = handle_result(d, msgid, d->answer_ms, &code, e, "comparing");
	if (rc && code != LDAP_COMPARE_TRUE && code != LDAP_COMPARE_FALSE && code != LDAP_NO_SUCH_ATTRIBUTE)
		return err_wrap(e, "attribute \"%s\"", name);
	*out = code == LDAP_COMPARE_TRUE ? DIR_SAME : code == LDAP_COMPARE_FALSE ? DIR_DIFFERS : DIR_NONE;
	return 0;
}

/* --- originals and copies -------------------------------------------------- */

/* A copy says so before it looks for the entry or for rights; whoever looks is the original. */
static int takes_writes(struct dir *d, const char *base, struct arena *a, struct err *e)
{
	static const char doing[] = "asking whether this server takes writes";
	char *values[] = { (char[]){ "nothing" }, NULL };
	LDAPMod mod = { .mod_op = LDAP_MOD_DELETE, .mod_type = (char[]){ "description" }, .mod_values = values };
	LDAPMod *mods[] = { &mod, NULL };
	const char *dn = arena_printf(a, "cn=Rollcall asks whether writes are taken here,%s", base);
	int msgid, code = LDAP_OTHER, rc = ldap_modify_ext(d->ld, dn, mods, NULL, NULL, &msgid);

	if (rc != LDAP_SUCCESS)
		return handle_fail(d, rc, NULL, e, doing);
	rc = handle_result(d, msgid, d->answer_ms, &code, e, doing);
	return code == LDAP_NO_SUCH_OBJECT || code == LDAP_NO_SUCH_ATTRIBUTE || code == LDAP_INSUFFICIENT_ACCESS ? 0 : rc;
}

int dir_originals(struct dir *d, const char *base, struct err *e)
{
	static const char *const nothing[] = { LDAP_NO_ATTRS, NULL };
	AUTO_ARENA struct arena *a = arena_new(1u << 16);
	struct entry *entry;
	struct err why = { 0 };
	int rc;

	d->originals = true;
	rc = dir_read(d, base, nothing, a, &entry, &why);
	if (rc && str_eq(why.code, "ldap-12")) {
		d->originals = false;
		rc = takes_writes(d, base, a, &why);
	}
	if (!rc)
		return 0;
	err_wrap(&why, "%s is no original", d->uri);
	why.kind = ERR_TEMP;
	if (e)
		*e = why;
	return ERR_TEMP;
}

/* --- schema -------------------------------------------------------------- */

const char *const schema_parts[SCHEMA_PARTS] = { "attributeTypes", "objectClasses", "matchingRules" };

static void strike(const char *oid, char **names, const char **wanted, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		bool known = wanted[k] && oid && attribute_is(oid, wanted[k]);

		for (char **n = names; wanted[k] && !known && n && *n; n++)
			known = attribute_is(*n, wanted[k]);
		if (known)
			wanted[k] = NULL;
	}
}

/* One walk over the definitions; one that cannot be read defines nothing. */
void schema_strike(const struct entry *subschema, enum schema_part part, const char **wanted, size_t count)
{
	const struct attribute *list = entry_find(subschema, schema_parts[part]);

	for (size_t i = 0; list && count && i < list->count; i++) {
		const char *text = (const char *)list->values[i].data, *place;
		int code;

		if (part == SCHEMA_ATTRIBUTES) {
			LDAPAttributeType *t = ldap_str2attributetype(text, &code, &place, LDAP_SCHEMA_ALLOW_ALL);

			if (t)
				strike(t->at_oid, t->at_names, wanted, count);
			ldap_attributetype_free(t);
		} else if (part == SCHEMA_CLASSES) {
			LDAPObjectClass *c = ldap_str2objectclass(text, &code, &place, LDAP_SCHEMA_ALLOW_ALL);

			if (c)
				strike(c->oc_oid, c->oc_names, wanted, count);
			ldap_objectclass_free(c);
		} else {
			LDAPMatchingRule *r = ldap_str2matchingrule(text, &code, &place, LDAP_SCHEMA_ALLOW_ALL);

			if (r)
				strike(r->mr_oid, r->mr_names, wanted, count);
			ldap_matchingrule_free(r);
		}
	}
}

int dir_schema_knows(struct dir *d, const char *const *names, struct err *e)
{
	static const char *const where[] = { "subschemaSubentry", NULL }, *const what[] = { "attributeTypes", NULL };
	AUTO_ARENA struct arena *a = arena_new(64u << 20);
	struct entry *entry = NULL;
	const char *dn = NULL, **wanted;
	size_t count = 0;
	int rc = dir_read(d, "", where, a, &entry, e);

	if (!rc)
		rc = entry_text(entry, "subschemaSubentry", &dn, e);
	if (!rc)
		rc = dir_read(d, dn ? dn : "cn=Subschema", what, a, &entry, e);
	if (rc)
		return rc == ERR_INPUT ? rc : err_set(e, ERR_TEMP, "the server's schema could not be read");
	if (!entry_find(entry, schema_parts[SCHEMA_ATTRIBUTES]))
		return err_set(e, ERR_TEMP, "the server's schema could not be read: no attributeTypes in \"%s\"",
			dn ? dn : "");
	while (names[count])
		count++;
	wanted = arena_memdup(a, names, count * sizeof(*names));
	schema_strike(entry, SCHEMA_ATTRIBUTES, wanted, count);
	for (size_t i = 0; i < count; i++)
		if (wanted[i])
			return err_set(e, ERR_INPUT, "attribute \"%s\" is unknown to the server's schema", wanted[i]);
	return 0;
}

/* --- changing ------------------------------------------------------------ */

static struct berval **values_for(struct arena *a, const struct value *v, size_t count)
{
	struct berval **out = arena_alloc(a, (count + 1) * sizeof(*out));

	for (size_t i = 0; i < count; i++) {
		out[i] = arena_alloc(a, sizeof(**out));
		*out[i] = (struct berval){ v[i].len, (char *)(uintptr_t)v[i].data };
	}
	return out;
}

static void add_mod(
	struct arena *a, LDAPMod **mods, size_t *n, int op, const char *name, const struct value *v, size_t count)
{
	LDAPMod *m = arena_alloc(a, sizeof(*m));

	m->mod_op = op | LDAP_MOD_BVALUES;
	m->mod_type = (char *)(uintptr_t)name;
	m->mod_bvalues = count ? values_for(a, v, count) : NULL;
	mods[(*n)++] = m;
}

/* Delete-old and add-new: every server knows it, and refuses the whole when the old is not there. */
static LDAPMod **mods_for(struct arena *a, const struct dir_change *c, size_t count)
{
	LDAPMod **mods = arena_alloc(a, (count * 2 + 1) * sizeof(*mods));
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (c[i].blind) {
			add_mod(a, mods, &n, LDAP_MOD_REPLACE, c[i].name, c[i].after, c[i].after_count);
			continue;
		}
		if (c[i].before_count)
			add_mod(a, mods, &n, LDAP_MOD_DELETE, c[i].name, c[i].before, c[i].before_count);
		if (c[i].after_count)
			add_mod(a, mods, &n, LDAP_MOD_ADD, c[i].name, c[i].after, c[i].after_count);
	}
	return n ? mods : NULL;
}

/* Adding a second value to a single-valued attribute is a constraint violation: does the attribute that we
 * believed to be absent hold something by now? */
static bool has_appeared(struct dir *d, const char *dn, const struct dir_change *c, size_t count, struct arena *a)
{
	for (size_t i = 0; i < count; i++) {
		const char *const names[] = { c[i].name, NULL };
		struct entry *entry;

		if (c[i].blind || c[i].before_count || !c[i].after_count)
			continue;
		if (!dir_read(d, dn, names, a, &entry, NULL) && entry_find(entry, c[i].name))
			return true;
	}
	return false;
}

static int changed_meanwhile(struct err *e)
{
	err_set(e, ERR_TEMP, "the entry was changed by somebody else meanwhile");
	if (e)
		str_copy(e->code, sizeof(e->code), "changed");
	return ERR_TEMP;
}

int dir_modify(struct dir *d, const char *dn, const struct dir_change *changes, size_t count, struct err *e)
{
	AUTO_ARENA struct arena *a = arena_new(16u << 20);
	LDAPMod **mods = mods_for(a, changes, count);
	int msgid, code = LDAP_OTHER, rc;

	if (!mods)
		return 0;
	rc = ldap_modify_ext(d->ld, dn, mods, NULL, NULL, &msgid);
	if (rc != LDAP_SUCCESS)
		return handle_fail(d, rc, NULL, e, "writing");
	rc = handle_result(d, msgid, d->answer_ms, &code, e, "writing");
	if (code == LDAP_NO_SUCH_ATTRIBUTE || code == LDAP_TYPE_OR_VALUE_EXISTS || code == LDAP_ASSERTION_FAILED)
		return changed_meanwhile(e);
	if (code == LDAP_CONSTRAINT_VIOLATION && has_appeared(d, dn, changes, count, a))
		return changed_meanwhile(e);
	return rc && rc != ERR_ABSENT ? err_wrap(e, "\"%.80s\"", dn) : rc;
}
