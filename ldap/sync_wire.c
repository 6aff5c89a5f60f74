/* Encoding and decoding for RFC 4533 2. */
#include "ldap/sync_wire.h"

#include <stdio.h>
#include <string.h>

#include "common/str.h"

#define UUID_OCTETS 16

int sync_search(struct dir *d, const char *base, const char *filter, char **attributes, int *msgid, struct err *e)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);
	LDAPControl sync = { .ldctl_oid = (char[]){ LDAP_CONTROL_SYNC }, .ldctl_iscritical = 1 };
	LDAPControl manage = { .ldctl_oid = (char[]){ LDAP_CONTROL_MANAGEDSAIT } };
	LDAPControl *controls[] = { &sync, &manage, NULL };
	int rc = LDAP_NO_MEMORY;

	if (ber && ber_printf(ber, "{e}", LDAP_SYNC_REFRESH_AND_PERSIST) >= 0 &&
		ber_flatten2(ber, &sync.ldctl_value, 0) >= 0)
		rc = ldap_search_ext(d->ld, base, LDAP_SCOPE_SUBTREE, filter ? filter : "(objectClass=*)", attributes,
			0, controls, NULL, NULL, LDAP_NO_LIMIT, msgid);
	if (ber)
		ber_free(ber, 1);
	return rc == LDAP_SUCCESS ? 0 : handle_fail(d, rc, NULL, e, "subscribing");
}

static int broken_message(struct dir *d, struct err *e, const char *what)
{
	d->broken = true;
	return err_set(e, ERR_TEMP, "the server sent %s", what);
}

/* Sync State control: SEQUENCE { state ENUMERATED, entryUUID OCTET STRING, cookie OPTIONAL }. */
static int read_state(struct dir *d, LDAPMessage *m, int *state, char uuid[UUID_TEXT], struct err *e)
{
	LDAPControl **controls = NULL, *found;
	BerElement *ber = NULL;
	struct berval id = { 0, NULL };
	ber_int_t number = -1;
	int rc = 0;

	if (ldap_get_entry_controls(d->ld, m, &controls) != LDAP_SUCCESS)
		return broken_message(d, e, "an entry whose controls cannot be read");
	found = ldap_control_find(LDAP_CONTROL_SYNC_STATE, controls, NULL);
	if (found)
		ber = ber_init(&found->ldctl_value);
	if (!found)
		rc = broken_message(
			d, e, "an entry without a Sync State control: it did not take part in the subscription");
	else if (!ber || ber_scanf(ber, "{em", &number, &id) == LBER_ERROR)
		rc = broken_message(d, e, "a Sync State control that cannot be read");
	else if (id.bv_len != UUID_OCTETS)
		rc = broken_message(d, e, "a UUID that is not 16 octets long");
	else
		str_uuid((const unsigned char *)id.bv_val, uuid);
	*state = number;
	if (ber)
		ber_free(ber, 1);
	ldap_controls_free(controls);
	return rc;
}

static int decode_entry(struct dir *d, LDAPMessage *m, struct arena *a, struct sync_message *out, struct err *e)
{
	struct entry *entry;
	int state = -1, rc = read_state(d, m, &state, out->uuid, e);

	if (rc)
		return rc;
	switch (state) {
	case LDAP_SYNC_PRESENT:
		out->news = NEWS_PRESENT;
		return 0;
	case LDAP_SYNC_DELETE:
		out->news = NEWS_GONE;
		return 0;
	case LDAP_SYNC_ADD:
	case LDAP_SYNC_MODIFY:
		rc = handle_entry(d, m, a, &entry, e);
		if (rc)
			return rc;
		str_copy(entry->uuid, sizeof(entry->uuid), out->uuid);
		out->entry = entry;
		out->news = NEWS_ENTRY;
		return 0;
	default:
		return broken_message(d, e, "a Sync State control with an unknown state");
	}
}

static bool skip_cookie(BerElement *ber)
{
	struct berval cookie;
	ber_len_t len;

	return ber_peek_tag(ber, &len) != LDAP_TAG_SYNC_COOKIE || ber_scanf(ber, "m", &cookie) != LBER_ERROR;
}

static bool read_boolean(BerElement *ber, bool otherwise, bool *out)
{
	ber_int_t flag = otherwise;
	ber_len_t len;

	if (ber_peek_tag(ber, &len) == LBER_BOOLEAN && ber_scanf(ber, "b", &flag) == LBER_ERROR)
		return false;
	*out = flag != 0;
	return true;
}

/* syncIdSet: { cookie OPTIONAL, refreshDeletes DEFAULT FALSE, SET OF UUID }; an empty set is allowed. */
static bool read_ids(BerElement *ber, struct sync_message *out)
{
	if (ber_scanf(ber, "{") == LBER_ERROR || !skip_cookie(ber) || !read_boolean(ber, false, &out->gone))
		return false;
	if (ber_scanf(ber, "[W]", &out->ids) == LBER_ERROR)
		return false;
	for (size_t i = 0; out->ids && out->ids[i].bv_val; i++)
		if (out->ids[i].bv_len != UUID_OCTETS)
			return false;
	out->news = NEWS_IDS;
	return true;
}

/* refreshDelete, refreshPresent: { cookie OPTIONAL, refreshDone DEFAULT TRUE }.  Which of the two it is does not
 * matter: no cookie was presented, so whoever was not named is absent (RFC 4533 3.3.1; slapd says "delete"). */
static bool read_phase(BerElement *ber, struct sync_message *out)
{
	bool done = true;

	if (ber_scanf(ber, "{") == LBER_ERROR || !skip_cookie(ber) || !read_boolean(ber, true, &done))
		return false;
	out->news = done ? NEWS_REFRESHED : NEWS_NOTHING;
	return true;
}

static bool read_info(BerElement *ber, struct sync_message *out)
{
	ber_len_t len;

	switch (ber_peek_tag(ber, &len)) {
	case LDAP_TAG_SYNC_NEW_COOKIE:
		return true;
	case LDAP_TAG_SYNC_REFRESH_DELETE:
	case LDAP_TAG_SYNC_REFRESH_PRESENT:
		return read_phase(ber, out);
	case LDAP_TAG_SYNC_ID_SET:
		return read_ids(ber, out);
	default:
		return false;
	}
}

static int decode_intermediate(struct dir *d, LDAPMessage *m, struct sync_message *out, struct err *e)
{
	struct berval *data = NULL;
	BerElement *ber = NULL;
	char *oid = NULL;
	int rc = 0;

	if (ldap_parse_intermediate(d->ld, m, &oid, &data, NULL, 0) != LDAP_SUCCESS)
		rc = broken_message(d, e, "an intermediate message that cannot be read");
	else if (oid && !strcmp(oid, LDAP_SYNC_INFO)) {
		ber = data ? ber_init(data) : NULL;
		if (!ber || !read_info(ber, out)) {
			ber_bvarray_free(out->ids);
			out->ids = NULL;
			rc = broken_message(d, e, "a Sync Info message that cannot be read");
		}
	}
	if (ber)
		ber_free(ber, 1);
	ber_bvfree(data);
	ldap_memfree(oid);
	return rc;
}

static int decode_reference(struct dir *d, LDAPMessage *m, struct arena *a, struct sync_message *out, struct err *e)
{
	char **urls = NULL;

	if (ldap_parse_reference(d->ld, m, &urls, NULL, 0) != LDAP_SUCCESS)
		return broken_message(d, e, "a referral that cannot be read");
	out->news = NEWS_ELSEWHERE;
	out->url = arena_strdup(a, urls && urls[0] ? urls[0] : "");
	ldap_memvfree((void **)urls);
	return 0;
}

/* The search ended.  In this mode it ends only by an error or by the server's wish. */
static int decode_end(struct dir *d, LDAPMessage *m, struct err *e)
{
	int code = LDAP_OTHER, type = ldap_msgtype(m), rc;
	char *said = NULL;

	rc = ldap_parse_result(d->ld, m, &code, NULL, &said, NULL, NULL, 0);
	if (rc != LDAP_SUCCESS)
		rc = broken_message(d, e, "a message that does not belong to a search");
	else if (code == LDAP_SUCCESS)
		rc = err_set(e, ERR_TEMP, "the server ended the subscription%s", type == LDAP_RES_SEARCH_RESULT ? ""
			: " with a message that does not belong to a search");
	else if (code == LDAP_SYNC_REFRESH_REQUIRED)
		rc = err_set(e, ERR_TEMP, "the server demanded a new refresh%s%s", said && *said ? ": " : "",
			said ? said : "");
	else
		rc = handle_fail(d, code, said ? said : "", e, "subscription");
	ldap_memfree(said);
	return rc;
}

int sync_decode(struct dir *d, LDAPMessage *m, struct arena *a, struct sync_message *out, struct err *e)
{
	*out = (struct sync_message){ .news = NEWS_NOTHING };
	switch (ldap_msgtype(m)) {
	case LDAP_RES_SEARCH_ENTRY:
		return decode_entry(d, m, a, out, e);
	case LDAP_RES_SEARCH_REFERENCE:
		return decode_reference(d, m, a, out, e);
	case LDAP_RES_INTERMEDIATE:
		return decode_intermediate(d, m, out, e);
	default:
		return decode_end(d, m, e);
	}
}

void sync_hold(struct sync_held *h, LDAPMessage *m)
{
	if (h->count == h->room) {
		h->room = h->room ? h->room * 2 : 16;
		h->items = mem_realloc(h->items, h->room * sizeof(*h->items));
	}
	h->items[h->count++] = m;
}

LDAPMessage *sync_unhold(struct sync_held *h)
{
	return h->next < h->count ? h->items[h->next++] : NULL;
}

void sync_held_clear(struct sync_held *h)
{
	while (h->next < h->count)
		ldap_msgfree(h->items[h->next++]);
	mem_cleanup_free(&h->items);
	*h = (struct sync_held){ 0 };
}
