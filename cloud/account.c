#include "cloud/account.h"

#include <string.h>

#include "common/failpoint.h"

/* --- the found record as text ---------------------------------------------- */

enum field_type { TEXT, SIGNED, UNSIGNED, COUNT };
struct field {
	const char *name;
	enum field_type type;
	size_t offset, size;
};
#define FIELD(type, name) { #name, type, offsetof(struct found, name), sizeof(((struct found *)0)->name) }

/* verified_ms is an array and is handled apart. */
static const struct field fields[] = {
	FIELD(UNSIGNED, uin), FIELD(UNSIGNED, adopt_uin), FIELD(TEXT, adopt_env), FIELD(TEXT, env_id),
	FIELD(TEXT, env_status), FIELD(TEXT, bucket), FIELD(TEXT, name_space), FIELD(TEXT, topic),
	FIELD(SIGNED, env_isolated_ms), FIELD(SIGNED, env_missed_ms), FIELD(SIGNED, env_log_asked_ms),
	FIELD(UNSIGNED, policy_id), FIELD(SIGNED, policy_changed_ms), FIELD(TEXT, key_id),
	FIELD(SIGNED, key_created_ms), FIELD(SIGNED, key_locked_ms), FIELD(SIGNED, key_missed_ms),
	FIELD(SIGNED, key_asked_ms), FIELD(TEXT, old_key_id), FIELD(SIGNED, old_key_until_ms),
	FIELD(SIGNED, old_key_locked_ms), FIELD(SIGNED, key_tried_ms),
	FIELD(TEXT, server_id), FIELD(TEXT, server_state), FIELD(TEXT, server_address),
	FIELD(SIGNED, server_missed_ms), FIELD(SIGNED, server_expires_ms), FIELD(COUNT, server_attempt),
	FIELD(TEXT, agent_invocation), FIELD(TEXT, agent_state), FIELD(TEXT, proof), FIELD(SIGNED, proof_ms),
	FIELD(COUNT, proof_seen), FIELD(COUNT, proof_refused), FIELD(COUNT, proof_calls),
	FIELD(UNSIGNED, rights_by_hand), FIELD(UNSIGNED, keys_by_hand), FIELD(TEXT, disputed), FIELD(TEXT, note),
	FIELD(SIGNED, verified_since_ms),
};

static const void *at(const struct found *f, const struct field *d)
{
	return (const char *)f + d->offset;
}

static void put_field(struct json *o, const struct found *f, const struct field *d)
{
	switch (d->type) {
	case TEXT:
		if (*(const char *)at(f, d))
			json_put_text(o, d->name, at(f, d));
		return;
	case SIGNED:
		if (*(const int64_t *)at(f, d))
			json_put_int(o, d->name, *(const int64_t *)at(f, d));
		return;
	case UNSIGNED:
		if (*(const uint64_t *)at(f, d))
			json_put_uint(o, d->name, *(const uint64_t *)at(f, d));
		return;
	case COUNT:
		if (*(const unsigned *)at(f, d))
			json_put_uint(o, d->name, *(const unsigned *)at(f, d));
		return;
	}
}

int64_t found_key_due(const struct found *f, int64_t age_ms)
{
	return *f->key_id && f->key_created_ms > 0 && age_ms > 0 ? f->key_created_ms + age_ms : 0;
}

void found_of_stage(struct found *f, int64_t since_ms)
{
	if (f->verified_since_ms == since_ms)
		return;
	memset(f->verified_ms, 0, sizeof(f->verified_ms));
	f->verified_since_ms = since_ms;
}

/* When the cloud takes something, and which wish was fulfilled, are no moments of this machine's clock. */
void found_not_ahead(struct found *f, int64_t now_ms)
{
	int64_t *const moments[] = { &f->key_created_ms, &f->key_locked_ms, &f->key_missed_ms, &f->old_key_locked_ms, &f->key_tried_ms,
		&f->policy_changed_ms, &f->env_isolated_ms, &f->env_missed_ms, &f->env_log_asked_ms, &f->server_missed_ms };
	if (PLANTED("ahead-stays"))
		return;
	if (f->key_created_ms > now_ms && *f->old_key_id)
		f->old_key_until_ms -= f->key_created_ms - now_ms;
	/* Before or after the last change? */
	if (f->proof_ms > now_ms)
		f->proof_ms = 0;
	for (size_t i = 0; i < ARRAY_LEN(moments); i++)
		if (*moments[i] > now_ms)
			*moments[i] = now_ms;
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (f->verified_ms[i] > now_ms)
			f->verified_ms[i] = 0;
}

char *found_print(const struct found *f, struct arena *a)
{
	struct json *o = json_object(a), *verified = json_array(a);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		put_field(o, f, &fields[i]);
	for (size_t i = 0; i < ROW_COUNT; i++)
		json_push_uint(verified, (uint64_t)(f->verified_ms[i] < 0 ? 0 : f->verified_ms[i]));
	json_put(o, "verified_ms", verified);
	return json_print(a, o);
}

static int get_field(const struct json *o, const struct field *d, struct found *f, struct err *e)
{
	void *to = (char *)f + d->offset;
	uint64_t n = 0;
	int rc = 0;
	if (!json_has(o, d->name))
		return 0;
	switch (d->type) {
	case TEXT: {
		const char *text = json_text(o, d->name);
		if (!text || !str_copy(to, d->size, text))
			return err_set(e, ERR_INPUT, "\"%s\" is not a text of less than %zu bytes", d->name, d->size);
		return 0;
	}
	case SIGNED:
		return json_int(o, d->name, to, e);
	case UNSIGNED:
		return json_uint(o, d->name, to, e);
	case COUNT:
		rc = json_uint(o, d->name, &n, e);
		if (!rc && n > UINT32_MAX)
			rc = err_set(e, ERR_INPUT, "\"%s\" is too large", d->name);
		if (!rc)
			*(unsigned *)to = (unsigned)n;
		return rc;
	}
	return 0;
}

int found_parse(const char *text, struct arena *a, struct found *out, struct err *e)
{
	struct json *o;
	struct found f = { 0 };
	int rc = json_parse(a, text, strlen(text), &o, e);
	for (size_t i = 0; !rc && i < ARRAY_LEN(fields); i++)
		rc = get_field(o, &fields[i], &f, e);
	if (rc)
		return err_wrap(e, "found record");
	const struct json *verified = json_get(o, "verified_ms");
	for (size_t i = 0; verified && i < ROW_COUNT && i < json_count(verified); i++) {
		if (json_int(json_at(verified, i), "", &f.verified_ms[i], NULL))
			f.verified_ms[i] = 0;
	}
	*out = f;
	return 0;
}

/* --- the owner mark --------------------------------------------------------- */

#define MARK_START "rollcall:"

char *mark_make(struct arena *a, const char *installation, const char *uuid, unsigned generation)
{
	return arena_printf(a, MARK_START "%s:%s:%u", installation, uuid, generation);
}

static bool in_mark(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("+=,.@:/-_", c));
}

static enum mark_owner judge_one(const struct account *want, const char *mark, size_t n)
{
	if (n == strlen(want->mark) && !memcmp(mark, want->mark, n))
		return MARK_OURS;
	size_t start = strlen(MARK_START), id = strlen(want->installation);
	if (n > start + id && !memcmp(mark + start, want->installation, id) && mark[start + id] == ':')
		return MARK_OTHER_PERSON;
	return MARK_OTHER_INSTALLATION;
}

/* A text with two different marks was tampered with: it is not ours then. */
enum mark_owner mark_judge(const struct account *want, const char *text)
{
	enum mark_owner owner = MARK_NONE;
	for (const char *p = text ? strstr(text, MARK_START) : NULL; p; p = strstr(p, MARK_START)) {
		size_t n = 0;
		while (in_mark(p[n]))
			n++;
		enum mark_owner one = judge_one(want, p, n);
		if (owner == MARK_NONE || one > owner)
			owner = one;
		p += n;
	}
	return owner;
}

enum mark_owner mark_of(const char *installation, const char *text)
{
	size_t start = strlen(MARK_START), id = strlen(installation);
	const char *p = text ? strstr(text, MARK_START) : NULL;
	if (!p)
		return MARK_NONE;
	for (; p; p = strstr(p + start, MARK_START))
		if (strncmp(p + start, installation, id) != 0 || p[start + id] != ':')
			return MARK_OTHER_INSTALLATION;
	return MARK_OURS;
}

static bool parse_one(const char *installation, const char *mark, size_t n, char uuid[UUID_TEXT], unsigned *generation)
{
	size_t start = strlen(MARK_START), id = strlen(installation), skip = start + id + 1, digits = 0;
	unsigned char bytes[16];
	char text[UUID_TEXT] = "";
	unsigned number = 0;
	struct err e;
	if (n < skip + UUID_TEXT + 1 || memcmp(mark + start, installation, id) != 0 || mark[skip - 1] != ':' ||
		mark[skip + UUID_TEXT - 1] != ':')
		return false;
	memcpy(text, mark + skip, UUID_TEXT - 1);
	if (str_uuid_parse(text, bytes, &e))
		return false;
	for (const char *p = mark + skip + UUID_TEXT; p < mark + n; p++, digits++) {
		if (*p < '0' || *p > '9' || digits == 9)
			return false;
		number = number * 10 + (unsigned)(*p - '0');
	}
	if (!number)
		return false;
	str_uuid(bytes, uuid);
	*generation = number;
	return true;
}

bool mark_parse(const char *installation, const char *text, char uuid[UUID_TEXT], unsigned *generation)
{
	const char *first = text ? strstr(text, MARK_START) : NULL;
	size_t n = 0;
	if (!first)
		return false;
	while (in_mark(first[n]))
		n++;
	/* Two different marks: tampered with, and nobody's. */
	for (const char *p = strstr(first + n, MARK_START); p; p = strstr(p + 1, MARK_START))
		if (strncmp(p, first, n) != 0 || in_mark(p[n]))
			return false;
	return parse_one(installation, first, n, uuid, generation);
}
