#include "policies/cam/eval.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "policies/cam/condition.h"

/* The resource of a request, split once per evaluation. */
struct target {
	bool operation;          /* an operation-level action: only a statement on "*" reaches it */
	char service[64], region[64], account[64];
	const char *resource;
};

/* "qcs:project:service:region:account:resource"; a form that is not this is reached by "*" alone. */
static void read_target(const char *text, struct target *t)
{
	char *const into[] = { NULL, NULL, t->service, t->region, t->account };
	*t = (struct target){ .operation = true };
	for (size_t i = 0; i < ARRAY_LEN(into); i++) {
		size_t n = strcspn(text, ":");
		if (text[n] != ':' || (i == 0 && (n != 3 || memcmp(text, "qcs", 3) != 0)))
			return;
		if (into[i] && n >= sizeof(t->service))
			return;
		if (into[i])
			memcpy(into[i], text, n);
		text += n + 1;
	}
	t->resource = text;
	t->operation = false;
}

/* Is this the root account that owns the policy, however it is written?  An empty account, and one without a number, is
 * that account too. */
static bool is_owner(const char *account, const struct cam_request *r, bool (*fits)(const char *, const char *))
{
	char uin[32], uid[32];
	snprintf(uin, sizeof(uin), "uin/%" PRIu64, r->owner_uin);
	snprintf(uid, sizeof(uid), "uid/%" PRIu64, r->app_id);
	return !*account || str_eq(account, "uin/") || str_eq(account, "uid/") || fits(account, uin) ||
		(r->app_id && fits(account, uid));
}

static bool account_fits(const char *pattern, const char *account, const struct cam_request *r)
{
	return is_owner(account, r, str_eq) ? is_owner(pattern, r, cam_match) : cam_match(pattern, account);
}

static bool segment_fits(const char *pattern, const char *text)
{
	return !*pattern || cam_match(pattern, text);
}

static bool resource_fits(const struct cam_resource *p, const struct target *t, const struct cam_request *r)
{
	char expanded[CAM_EXPANDED];
	if (p->any)
		return true;
	if (t->operation || !segment_fits(p->service, t->service) || !segment_fits(p->region, t->region) ||
		!account_fits(p->account, t->account, r))
		return false;
	const char *resource = cam_expand(p->resource, r, expanded);
	return resource && cam_match(resource, t->resource);
}

static bool applies(const struct cam_statement *s, const struct target *t, const struct cam_request *r)
{
	bool fits = false;
	for (size_t i = 0; i < s->actions.count && !fits; i++)
		fits = cam_match(s->actions.items[i], r->action);
	if (!fits)
		return false;
	fits = false;
	for (size_t i = 0; i < s->resource_count && !fits; i++)
		fits = resource_fits(&s->resources[i], t, r);
	return fits && cam_conditions_hold(s, r);
}

/* The first statement of this effect that applies; an allow ends nothing, a deny ends the search. */
static void judge(const struct cam_policy *p, size_t index, const struct target *t, const struct cam_request *r,
	struct cam_decision *d)
{
	for (size_t i = 0; i < p->count && d->verdict != CAM_EXPLICIT_DENY; i++) {
		const struct cam_statement *s = &p->statements[i];
		if (s->allow && d->verdict == CAM_ALLOW)
			continue;
		if (applies(s, t, r)) {
			d->verdict = s->allow ? CAM_ALLOW : CAM_EXPLICIT_DENY;
			d->policy = index;
			d->statement = i;
		}
	}
}

struct cam_decision cam_evaluate(const struct cam_policy *const *policies, size_t count,
	const struct cam_policy *boundary,
	const struct cam_request *r)
{
	struct target t;
	struct cam_decision d = { .verdict = CAM_IMPLICIT_DENY };
	read_target(r->resource, &t);
	for (size_t i = 0; i < count && d.verdict != CAM_EXPLICIT_DENY; i++)
		judge(policies[i], i, &t, r, &d);
	if (!boundary || d.verdict == CAM_EXPLICIT_DENY)
		return d;
	struct cam_decision limit = { .verdict = CAM_IMPLICIT_DENY, .by_boundary = true };
	judge(boundary, 0, &t, r, &limit);
	bool refused = limit.verdict == CAM_EXPLICIT_DENY || (d.verdict == CAM_ALLOW && limit.verdict != CAM_ALLOW);
	return refused ? limit : d;
}
