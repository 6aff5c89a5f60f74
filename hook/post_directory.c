/* The real way into the directory: one connection, kept open, on the first server that takes writes. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "hook/post.h"
#include "ldap/attrs.h"
#include "ldap/dir.h"

struct post_directory {
	const struct dir_settings *settings;
	const struct clock *clock;
	struct dir *dir;           /* NULL: not connected */
	size_t at;                 /* the server that took the last write */
};

struct post_directory *post_directory_new(const struct dir_settings *s, const struct clock *clock)
{
	struct post_directory *d = mem_alloc(sizeof(*d));
	d->settings = s;
	d->clock = clock;
	return d;
}

static void disconnect(struct post_directory *d)
{
	dir_close(d->dir);
	d->dir = NULL;
}

void post_directory_free(struct post_directory *d)
{
	if (!d)
		return;
	disconnect(d);
	free(d);
}

/* --- payload -> values ------------------------------------------------------------------------------------ */

static int read_value(const struct json *payload, enum own own, struct arena *a, struct value *out, struct err *e)
{
	const struct own_attribute *attribute = &own_attributes[own];
	const char *text = json_text(payload, attribute->name);
	if (!text)
		return 0;
	if (attribute->syntax != OWN_OCTETS) {
		*out = (struct value){ (const unsigned char *)text, strlen(text) };
		return 0;
	}
	unsigned char *bytes;
	size_t n;
	int rc = str_unbase64(a, text, strlen(text), &bytes, &n, e);
	if (rc)
		return err_wrap(e, "\"%s\"", attribute->name);
	*out = (struct value){ bytes, n };
	return 0;
}

static int read_payload(const char *payload, struct arena *a, struct own_values *out, struct err *e)
{
	struct json *o;
	size_t known = 0;
	memset(out, 0, sizeof(*out));
	int rc = json_parse(a, payload, strlen(payload), &o, e);
	for (int i = 0; i < OWN_COUNT && !rc; i++) {
		rc = read_value(o, (enum own)i, a, &out->v[i], e);
		known += out->v[i].len > 0;
	}
	if (!rc && known != json_count(o))
		rc = err_set(e, ERR_INPUT, "a value of it is unknown or empty");
	if (rc)
		err_wrap(e, "letter");
	return rc;
}

/* --- writing ---------------------------------------------------------------------------------------------- */

/* The caller knows ABSENT, TEMP, PERM and AUTH only.  What is wrong with our settings stops everybody. */
static int as(struct err *e, enum err_kind kind)
{
	e->kind = kind;
	return kind;
}

static int kind_of_open(int rc, struct err *e)
{
	return rc == ERR_TEMP || rc == ERR_AUTH ? rc : as(e, ERR_AUTH);
}

static int kind_of_write(int rc, struct err *e)
{
	return !rc || rc == ERR_TEMP || rc == ERR_AUTH || rc == ERR_ABSENT ? rc : as(e, ERR_PERM);
}

static int write_entry(struct post_directory *d, const char *uuid, const struct own_values *want, struct arena *a, bool *changed,
	struct err *e)
{
	const char *base = d->settings->widest ? d->settings->widest : d->settings->base;
	return kind_of_write(own_write(d->dir, base, uuid, want, a, changed, e), e);
}

/* Another server may do better: this one is away, or a copy that sends writers elsewhere. */
static bool try_another(const struct post_directory *d, int rc, const struct err *e)
{
	bool elsewhere = str_eq(e->code, "ldap-10") || str_eq(e->code, "ldap-53");
	return rc && (!dir_usable(d->dir) || rc == ERR_AUTH || elsewhere);
}

/* Over the list, beginning with the server that took the last write. */
static int write_anywhere(struct post_directory *d, const char *uuid, const struct own_values *want, struct arena *a,
	bool *changed, struct err *e)
{
	size_t first = d->at;
	int rc = err_set(e, ERR_AUTH, "no directory server is configured");
	for (size_t i = 0; i < d->settings->uri_count; i++) {
		d->at = (first + i) % d->settings->uri_count;
		rc = dir_open(d->settings, d->at, d->clock, &d->dir, e);
		if (rc) {
			rc = kind_of_open(rc, e);
			continue;
		}
		rc = write_entry(d, uuid, want, a, changed, e);
		if (!try_another(d, rc, e))
			return rc;
		disconnect(d);
	}
	d->at = first;
	return rc;
}

int post_directory_deliver(void *directory, const char *uuid, const char *oldest, const char *payload, struct arena *a,
	bool *changed, struct err *e)
{
	struct post_directory *d = directory;
	struct own_values *want = arena_alloc(a, sizeof(*want));
	struct err why = { 0 };
	int rc = read_payload(payload, a, want, &why);
	want->oldest = oldest;
	if (rc)
		rc = as(&why, ERR_PERM);
	else if (d->dir) {
		rc = write_entry(d, uuid, want, a, changed, &why);
		/* The connection that was kept may have died of old age: that is no outage yet. */
		if (try_another(d, rc, &why)) {
			disconnect(d);
			rc = write_anywhere(d, uuid, want, a, changed, &why);
		}
	} else {
		rc = write_anywhere(d, uuid, want, a, changed, &why);
	}
	if (rc && e)
		*e = why;
	return rc;
}
