#include "policies/cam/render.h"

#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "policies/cam/condition.h"
#include "policies/cam/policy.h"

struct value { const char *name, *text; };
enum { VALUES = 7 };

static const char *number(struct arena *a, uint64_t n)
{
	return n ? arena_printf(a, "%" PRIu64, n) : NULL;
}

/* The API gives the bucket with or without the account's "-<appId>"; the resource needs it. */
static const char *whole_bucket(struct arena *a, const char *bucket, const char *app_id)
{
	if (!bucket || !app_id)
		return bucket;
	const char *suffix = arena_printf(a, "-%s", app_id);
	size_t n = strlen(bucket), m = strlen(suffix);
	return n > m && str_eq(bucket + n - m, suffix) ? bucket : arena_printf(a, "%s%s", bucket, suffix);
}

static bool plain(const char *text)
{
	return *text && !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")];
}

static int find_value(const struct value *values, const char *name, size_t n, const char **out, struct err *e)
{
	for (size_t i = 0; i < VALUES; i++) {
		const struct value *v = &values[i];
		if (strlen(v->name) != n || memcmp(v->name, name, n) != 0)
			continue;
		if (!v->text || !*v->text)
			return err_set(e, ERR_INPUT, "the template needs ${%s}, which is not known", v->name);
		if (!plain(v->text))
			return err_set(e, ERR_INPUT, "${%s} holds other characters than letters, digits and . _ -",
				v->name);
		*out = v->text;
		return 0;
	}
	if (cam_variable_known(name, n))
		return err_set(e, ERR_INPUT, "\"${%.*s}\" is a policy variable, which no template may hold", (int)n, name);
	return err_set(e, ERR_INPUT, "unknown placeholder \"${%.*s}\"", n > 40 ? 40 : (int)n, name);
}

static int fill(struct str *s, const char *text, const struct value *values, struct err *e)
{
	for (;;) {
		const char *mark = strstr(text, "${"), *value = "";
		if (!mark)
			break;
		str_addn(s, text, (size_t)(mark - text));
		mark += 2;
		size_t n = strcspn(mark, "}\"");
		if (mark[n] != '}')
			return err_set(e, ERR_INPUT, "a placeholder is not closed: \"${%.*s\"", n > 40 ? 40 : (int)n,
				mark);
		int rc = find_value(values, mark, n, &value, e);
		if (rc)
			return rc;
		str_add(s, value);
		text = mark + n + 1;
	}
	str_add(s, text);
	return 0;
}

int cam_fill(struct arena *a, const char *text, const struct cam_identifiers *id, char **out, struct err *e)
{
	const char *app_id = number(a, id->app_id);
	const struct value values[VALUES] = {
		{ "region", id->region }, { "uin", number(a, id->owner_uin) }, { "appId", app_id },
		{ "envId", id->env_id }, { "namespace", id->name_space }, { "topicId", id->topic_id },
		{ "bucket", whole_bucket(a, id->bucket, app_id) },
	};
	struct str s;
	str_init(&s, a);
	int rc = fill(&s, text, values, e);
	if (!rc && strstr(s.text, "${"))
		rc = err_set(e, ERR_BUG, "a filled text still holds a placeholder");
	if (!rc)
		*out = s.text;
	return rc;
}

int cam_render(struct arena *a, const char *template_text, size_t len, const struct cam_identifiers *id, char **out,
	struct err *e)
{
	/* Read, write without white space, then fill: an escape such as "\u0024{" cannot hide a placeholder. */
	struct json *document;
	struct cam_policy *policy;
	char *text = NULL;
	int rc = json_parse(a, template_text, len, &document, e);
	if (!rc)
		rc = cam_fill(a, json_print(a, document), id, &text, e);
	if (!rc)
		rc = cam_policy_parse(a, text, strlen(text), &policy, e);
	if (rc)
		return err_wrap(e, "policy template");
	*out = text;
	return 0;
}
