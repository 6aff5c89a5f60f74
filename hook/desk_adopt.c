/* What could be adopted, asked by an administrator: from the packet to hook/adopt.h, and its lists into the answer. */
#include <string.h>

#include "common/str.h"
#include "hook/desk_inside.h"

#define KEY_MOST 127            /* of a tag, in the cloud */

static int read_lines(const struct desk_request *r, struct adopt_asked *asked, struct err *e)
{
	struct json *list;
	size_t n = 0;
	if (!r->body)
		return err_set(e, ERR_PERM, "no mapping came along");
	if (json_parse(r->arena, r->body, strlen(r->body), &list, NULL))
		return err_set(e, ERR_PERM, "the mapping is not JSON");
	struct adopt_line *lines = arena_alloc(r->arena, (json_count(list) + 1) * sizeof(*lines));
	for (const struct json *o = json_first(list); o; o = json_next(o), n++) {
		struct adopt_line l = { .who = json_text(o, "who"), .env_id = json_text(o, "env"), .line = json_int_or(o, "line", 0) };
		if (!l.who || !*l.who || (json_has(o, "uin") && json_uint(o, "uin", &l.uin, NULL)))
			return err_set(e, ERR_PERM, "line %lld of the mapping cannot be read", (long long)l.line);
		lines[n] = l;
	}
	if (!n)
		return err_set(e, ERR_PERM, "the mapping is empty");
	asked->lines = lines;
	asked->count = n;
	return 0;
}

static int read_asked(const struct desk_request *r, struct adopt_asked *asked, struct err *e)
{
	static const char tag[] = "tag ";
	*asked = (struct adopt_asked){ .by = ADOPT_BY_NAME };
	if (str_eq(r->text, "name"))
		return 0;
	if (str_starts(r->text, tag) && r->text[strlen(tag)] && strlen(r->text + strlen(tag)) <= KEY_MOST) {
		asked->by = ADOPT_BY_TAG;
		asked->tag = r->text + strlen(tag);
		return 0;
	}
	asked->by = ADOPT_BY_MAP;
	return str_eq(r->text, "map") ? read_lines(r, asked, e) : err_set(e, ERR_PERM, "by \"name\", \"tag KEY\" or \"map\"");
}

int desk_adopt(const struct desk_request *r, struct json **body, struct err *e)
{
	struct adopt_asked asked;
	struct json *o = NULL;
	int rc = read_asked(r, &asked, e);
	if (!rc && !r->parts->adopt)
		rc = err_set(e, ERR_BUG, "nobody adopts anything here");
	if (!rc)
		rc = r->parts->adopt(r->parts->ctx, &asked, r->arena, &o, e);
	if (!rc)
		rc = desk_put_adoptions(r, o, e);
	if (!rc)
		*body = o;
	return rc;
}
