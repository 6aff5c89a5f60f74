#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/directory.h"

char *reader_attributes[] = { "uid", "mail", "employeeType", "audio", "objectClass", "entryUUID", NULL };

const struct clock *machine(void)
{
	static struct clock c;

	if (!c.mono_ms)
		c = clock_system();
	return &c;
}

struct dir_settings settings_of(struct slapd *s, char **uris, size_t n)
{
	return (struct dir_settings){ .uri_count = n, .uris = uris, .bind = DIR_BIND_SIMPLE, .bind_dn = SLAPD_ACCOUNT,
		.secret_file = s->secret, .ca_file = s->tls ? s->ca : NULL, .connect_ms = 2000, .answer_ms = 2000,
		.base = SLAPD_PEOPLE, .scope_filter = "(objectClass=inetOrgPerson)", .widest = SLAPD_SUFFIX,
		.still_ours = "ou=alumni," SLAPD_SUFFIX, .refresh_ms = 3600000, .heartbeat_ms = 30000, .max_message = 1u << 20 };
}

void reader_attach(struct reader *r)
{
	r->arena = arena_new(64 << 20);
	r->seen = 0;
	r->source = sync_source(&r->settings, reader_attributes, machine());
}

void reader_open(struct reader *r, const struct slapd_options *o)
{
	slapd_new(&r->server, o);
	slapd_start(&r->server);
	r->uris[0] = r->server.ldap;
	r->settings = settings_of(&r->server, r->uris, 1);
	reader_attach(r);
}

void reader_close(struct reader *r)
{
	r->source->close(r->source);
	arena_free(r->arena);
	slapd_free(&r->server);
}

/* The next event that is not IDLE, within ten seconds. */
struct source_event *reader_next(struct reader *r)
{
	int64_t deadline = clock_mono(machine()) + 10000;

	do {
		arena_reset(r->arena);
		r->source->next(r->source, 500, r->arena, &r->event);
		if (r->event.kind != SOURCE_IDLE)
			return &r->event;
	} while (clock_mono(machine()) < deadline);
	fail_msg("no event within ten seconds");
	return NULL;
}

void reader_expect(struct reader *r, enum source_kind kind)
{
	struct source_event *ev = reader_next(r);

	if (ev->kind != kind)
		fail_msg("event %d instead of %d (%s)", ev->kind, kind, ev->kind == SOURCE_LOST ? ev->err.text : "");
}

/* From STARTED to REFRESHED; r->seen counts the entries. */
void reader_refresh(struct reader *r)
{
	reader_expect(r, SOURCE_STARTED);
	for (r->seen = 0; reader_next(r)->kind == SOURCE_ENTRY; r->seen++) {
		assert_string_equal(r->event.uuid, r->event.entry->uuid);
		assert_true(r->seen < READER_MOST);
		str_copy(r->uuids[r->seen], UUID_TEXT, r->event.uuid);
	}
	assert_int_equal(r->event.kind, SOURCE_REFRESHED);
}

const char *entry_text_of(const struct entry *entry, const char *name)
{
	const char *text = NULL;
	struct err e = { 0 };

	if (entry_text(entry, name, &text, &e))
		fail_msg("%s", e.text);
	return text;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

size_t reader_different(struct reader *r)
{
	size_t n = 0;

	qsort(r->uuids, r->seen, UUID_TEXT, by_text);
	for (size_t i = 0; i < r->seen; i++)
		n += i == 0 || strcmp(r->uuids[i - 1], r->uuids[i]) != 0;
	return n;
}

void bench_open(struct bench *b, const struct slapd_options *o)
{
	struct err e = { 0 };

	slapd_new(&b->server, o);
	slapd_start(&b->server);
	b->uris[0] = b->server.ldap;
	b->settings = settings_of(&b->server, b->uris, 1);
	b->arena = arena_new(64 << 20);
	if (dir_open(&b->settings, 0, machine(), &b->dir, &e))
		fail_msg("%s", e.text);
}

void bench_close(struct bench *b)
{
	dir_close(b->dir);
	arena_free(b->arena);
	slapd_free(&b->server);
}

void uuid_of(struct dir *d, const char *dn, char uuid[UUID_TEXT])
{
	AUTO_ARENA struct arena *a = arena_new(1 << 20);
	const char *const names[] = { "entryUUID", NULL };
	struct entry *entry;
	struct err e = { 0 };

	if (dir_read(d, dn, names, a, &entry, &e))
		fail_msg("%s: %s", dn, e.text);
	str_copy(uuid, UUID_TEXT, entry->uuid);
}

struct value value_of(const char *text)
{
	return (struct value){ (const unsigned char *)text, strlen(text) };
}

