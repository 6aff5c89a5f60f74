/* Result codes, waiting, and decoding: what every operation on a handle needs. */
#include "ldap/handle.h"

#include <stdio.h>
#include <string.h>

#include "common/str.h"

struct timeval handle_timeval(int64_t ms)
{
	if (ms < 0)
		ms = 0;
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
}

/* What a result code means for the caller, and what a human can do about it.  Everything else is TEMP:
 * servers use many codes for passing trouble. */
static const struct { int code; enum err_kind kind; const char *advice; } meanings[] = {
	{ LDAP_SIZELIMIT_EXCEEDED, ERR_TEMP, "size limit: raise it for Rollcall's account (slapd: limits ... size=unlimited)" },
	{ LDAP_TIMELIMIT_EXCEEDED, ERR_TEMP, "time limit: raise it for Rollcall's account (slapd: limits ... time=unlimited)" },
	{ LDAP_ADMINLIMIT_EXCEEDED, ERR_TEMP, "administrative limit: raise it for Rollcall's account (389 DS: nsLookThroughLimit)" },
	{ LDAP_AUTH_METHOD_NOT_SUPPORTED, ERR_AUTH, NULL },
	{ LDAP_STRONG_AUTH_REQUIRED, ERR_AUTH, NULL },
	{ LDAP_CONFIDENTIALITY_REQUIRED, ERR_AUTH, "the server demands TLS" },
	{ LDAP_INAPPROPRIATE_AUTH, ERR_AUTH, NULL },
	{ LDAP_INVALID_CREDENTIALS, ERR_AUTH, NULL },
	{ LDAP_INSUFFICIENT_ACCESS, ERR_PERM, "the server's access rules forbid it" },
	{ LDAP_UNAVAILABLE_CRITICAL_EXTENSION, ERR_PERM, "the server cannot do this here (slapd: overlay syncprov on this database)" },
	{ LDAP_PROTOCOL_ERROR, ERR_PERM, NULL },
	{ LDAP_REFERRAL, ERR_PERM, "another server holds this: give its URI" },
	{ LDAP_NO_SUCH_OBJECT, ERR_ABSENT, NULL },
	{ LDAP_UNDEFINED_TYPE, ERR_PERM, "the server's schema does not know an attribute" },
	{ LDAP_CONSTRAINT_VIOLATION, ERR_PERM, NULL },
	{ LDAP_INVALID_SYNTAX, ERR_PERM, NULL },
	{ LDAP_INVALID_DN_SYNTAX, ERR_INPUT, NULL },
	{ LDAP_FILTER_ERROR, ERR_INPUT, NULL },
	{ LDAP_NAMING_VIOLATION, ERR_PERM, NULL },
	{ LDAP_OBJECT_CLASS_VIOLATION, ERR_PERM, "the server's schema does not allow it" },
	{ LDAP_NOT_ALLOWED_ON_RDN, ERR_PERM, NULL },
	{ LDAP_PARAM_ERROR, ERR_BUG, NULL },
};

int handle_code(struct dir *d)
{
	int rc = LDAP_OTHER;

	ldap_get_option(d->ld, LDAP_OPT_RESULT_CODE, &rc);
	return rc == LDAP_SUCCESS ? LDAP_SERVER_DOWN : rc;
}

int handle_fail(struct dir *d, int rc, const char *said, struct err *e, const char *doing)
{
	enum err_kind kind = ERR_TEMP;
	const char *advice = NULL;
	char *own = NULL;
	char code[sizeof(((struct err *)0)->code)];

	for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
		if (meanings[i].code == rc) {
			kind = meanings[i].kind;
			advice = meanings[i].advice;
		}
	}
	/* Negative codes are libldap's own: lost connection, undecodable message, time-out. */
	d->broken = d->broken || (rc < 0 && rc != LDAP_FILTER_ERROR && rc != LDAP_PARAM_ERROR);
	if (!said) {
		ldap_get_option(d->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &own);
		said = own;
	}
	snprintf(code, sizeof(code), rc < 0 ? "libldap%d" : "ldap-%d", rc);
	err_set(e, kind, "%s: %s%s%s%s%s", doing, ldap_err2string(rc), said && *said ? ": " : "", said ? said : "",
		advice ? "; " : "", advice ? advice : "");
	if (e)
		str_copy(e->code, sizeof(e->code), code);
	ldap_memfree(own);
	return kind;
}

int handle_message(struct dir *d, int msgid, int64_t deadline, LDAPMessage **out, struct err *e, const char *doing)
{
	struct timeval left = handle_timeval(deadline - clock_mono(d->clock));
	LDAPMessage *m = NULL;
	int rc = ldap_result(d->ld, msgid, LDAP_MSG_ONE, &left, &m);

	if (rc > 0) {
		*out = m;
		return 0;
	}
	ldap_msgfree(m);
	if (rc < 0) {
		d->broken = true;
		return handle_fail(d, handle_code(d), NULL, e, doing);
	}
	d->broken = true;
	ldap_abandon_ext(d->ld, msgid, NULL, NULL);
	return err_set(e, ERR_TEMP, "%s: no answer within the time-out", doing);
}

int handle_result(struct dir *d, int msgid, int64_t ms, int *code, struct err *e, const char *doing)
{
	LDAPMessage *m = NULL;
	char *said = NULL;
	int rc = handle_message(d, msgid, clock_mono(d->clock) + ms, &m, e, doing);

	if (rc)
		return rc;
	rc = ldap_parse_result(d->ld, m, code, NULL, &said, NULL, NULL, 1);
	if (rc != LDAP_SUCCESS)
		*code = rc;
	rc = *code == LDAP_SUCCESS ? 0 : handle_fail(d, *code, said ? said : "", e, doing);
	ldap_memfree(said);
	return rc;
}

static struct attribute *more_room(struct arena *a, struct attribute *old, size_t count, size_t *room)
{
	struct attribute *more = arena_alloc(a, (*room = *room ? *room * 2 : 16) * sizeof(*more));

	if (count)
		memcpy(more, old, count * sizeof(*more));
	return more;
}

static void copy_attribute(struct arena *a, struct berval name, const BerVarray values, struct attribute *out)
{
	size_t n = 0;

	while (values && values[n].bv_val)
		n++;
	out->name = arena_strndup(a, name.bv_val, name.bv_len);
	out->count = n;
	out->values = arena_alloc(a, (n + 1) * sizeof(*out->values));
	for (size_t i = 0; i < n; i++) {
		out->values[i].data = arena_memdup(a, values[i].bv_val, values[i].bv_len);
		out->values[i].len = values[i].bv_len;
	}
}

static void fill_uuid(struct entry *entry)
{
	const struct attribute *a = entry_find(entry, "entryUUID");
	unsigned char raw[16];

	if (a && a->values[0].len == UUID_TEXT - 1 && !str_uuid_parse((const char *)a->values[0].data, raw, NULL))
		str_uuid(raw, entry->uuid);
}

int handle_entry(struct dir *d, LDAPMessage *m, struct arena *a, struct entry **out, struct err *e)
{
	struct entry *entry = arena_alloc(a, sizeof(*entry));
	struct berval name;
	BerVarray values = NULL;
	BerElement *ber = NULL;
	size_t room = 0;
	int rc = ldap_get_dn_ber(d->ld, m, &ber, &name);

	if (rc == LDAP_SUCCESS) {
		entry->dn = arena_strndup(a, name.bv_val, name.bv_len);
		while ((rc = ldap_get_attribute_ber(d->ld, m, ber, &name, &values)) == LDAP_SUCCESS && name.bv_val) {
			if (entry->count == room)
				entry->attributes = more_room(a, entry->attributes, entry->count, &room);
			copy_attribute(a, name, values, &entry->attributes[entry->count++]);
			ber_memfree(values);
			values = NULL;
		}
	}
	if (ber)
		ber_free(ber, 0);
	if (rc != LDAP_SUCCESS) {
		d->broken = true;
		return handle_fail(d, rc, "", e, "reading an entry");
	}
	fill_uuid(entry);
	*out = entry;
	return 0;
}
