#include "policies/cam/pattern.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"

/* A longer text with policy variables in it is taken for "*". */
#define VARIABLE_TEXT 256

void cam_owner_make(const struct cam_identifiers *id, struct cam_owner *out)
{
	*out = (struct cam_owner){ 0 };
	if (id->owner_uin)
		snprintf(out->uin, sizeof(out->uin), "uin/%" PRIu64, id->owner_uin);
	if (id->app_id)
		snprintf(out->uid, sizeof(out->uid), "uid/%" PRIu64, id->app_id);
}

bool cam_owner_is(const struct cam_owner *o, const char *account)
{
	return !*account || str_eq(account, "uin/") || str_eq(account, "uid/") || str_eq(account, o->uin) ||
		str_eq(account, o->uid);
}

/* Every text that inner matches is matched by outer exactly when outer matches inner with each '*' replaced by a character
 * that neither holds: only a '*' of outer can take that character, and what takes one character takes any text.  '*'
 * itself is such a character: in a pattern it is never a letter. */
bool cam_covers(const char *outer, const char *inner)
{
	return cam_match(outer, inner);
}

/* "${...}" -> "*", also where it is not closed. */
static const char *widen(const char *text, char out[VARIABLE_TEXT])
{
	size_t n = 0;
	if (strlen(text) >= VARIABLE_TEXT)
		return "*";
	while (*text) {
		bool variable = str_starts(text, "${");
		size_t name = variable ? strcspn(text, "}") : 0;
		out[n++] = variable ? '*' : *text;
		text += variable ? name + (text[name] != '\0') : 1;
	}
	out[n] = '\0';
	return out;
}

static bool covers_segment(const char *outer, const char *inner)
{
	char widened[VARIABLE_TEXT];
	if (!*outer)
		return true;
	if (strstr(outer, "${"))
		return str_eq(outer, inner);
	if (strstr(inner, "${"))
		inner = widen(inner, widened);
	return cam_covers(outer, inner);
}

/* A wildcard in an account is read as foreign by an allow, and by a deny as nothing that one could count on. */
static bool covers_account(const char *outer, const char *inner, const struct cam_owner *owner)
{
	if (str_eq(outer, "*") || str_eq(outer, inner))
		return true;
	return cam_owner_is(owner, outer) && cam_owner_is(owner, inner);
}

bool cam_covers_resource(const struct cam_resource *outer, const struct cam_resource *inner, const struct cam_owner *owner)
{
	/* "*" reaches operation-level actions too, which six segments never do, all of them "*" or not. */
	if (outer->any || inner->any)
		return outer->any;
	return covers_segment(outer->service, inner->service) && covers_segment(outer->region, inner->region) &&
		covers_account(outer->account, inner->account, owner) && covers_segment(outer->resource, inner->resource);
}
