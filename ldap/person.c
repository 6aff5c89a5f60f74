/* From a directory entry to a person: which values are taken, what they are checked for, what they say. */
#include "ldap/person.h"

#include <string.h>

#include "common/crypt.h"
#include "ldap/attrs.h"
#include "ldap/filter.h"

#define LOGIN_MAX 64
#define CERTIFICATE_MAX (16u << 10)

static size_t base_length(const char *name)
{
	return strcspn(name, ";");
}

static bool same_name(const char *a, size_t n, const char *b, size_t m)
{
	if (n != m)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];

		x = x >= 'A' && x <= 'Z' ? (unsigned char)(x + 32) : x;
		y = y >= 'A' && y <= 'Z' ? (unsigned char)(y + 32) : y;
		if (x != y)
			return false;
	}
	return true;
}

bool attribute_is(const char *have, const char *wanted)
{
	return same_name(have, base_length(have), wanted, base_length(wanted));
}

const struct attribute *entry_find(const struct entry *entry, const char *name)
{
	const struct attribute *found = NULL;

	for (size_t i = 0; i < entry->count; i++) {
		const struct attribute *a = &entry->attributes[i];

		if (!a->count || !attribute_is(a->name, name))
			continue;
		if (str_ieq(a->name, name))
			return a;
		if (!found)
			found = a;
	}
	return found;
}

int entry_text(const struct entry *entry, const char *name, const char **out, struct err *e)
{
	const struct attribute *a = entry_find(entry, name);

	if (!a) {
		*out = NULL;
		return 0;
	}
	if (!str_utf8(a->values[0].data, a->values[0].len))
		return err_set(e, ERR_INPUT, "attribute \"%s\" held a value that is not UTF-8 text", name);
	*out = (const char *)a->values[0].data;
	return 0;
}

const char *signal_name(enum signal s)
{
	static const char *const names[] = {
		[SIGNAL_NONE] = "none", [SIGNAL_ENTITLED] = "entitled", [SIGNAL_DUE] = "due",
		[SIGNAL_DISABLED] = "disabled", [SIGNAL_WITHDRAWN] = "withdrawn", [SIGNAL_ABSENT] = "absent",
	};

	return (size_t)s < ARRAY_LEN(names) ? names[s] : "?";
}

/* The mapped text, *out NULL when the map or the entry has none, or an empty value. */
static int take_text(const struct entry *entry, const char *name, struct arena *a, char **out, struct err *e)
{
	const char *text = NULL;
	int rc = name ? entry_text(entry, name, &text, e) : 0;

	if (!rc)
		*out = text && *text ? arena_strdup(a, text) : NULL;
	return rc;
}

static int take_login(const struct entry *entry, const char *name, struct arena *a, struct person *p, struct err *e)
{
	int rc = take_text(entry, name, a, &p->login, e);

	if (rc)
		return rc;
	if (!p->login)
		return err_set(e, ERR_INPUT, "attribute \"%s\", the login, was missing", name ? name : "");
	if (strlen(p->login) > LOGIN_MAX)
		return err_set(e, ERR_INPUT, "attribute \"%s\", the login, was longer than %d bytes", name, LOGIN_MAX);
	for (const char *c = p->login; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return err_set(e, ERR_INPUT, "attribute \"%s\", the login, held a control character", name);
	return 0;
}

static int take_number(const struct entry *entry, const char *name, struct person *p, struct err *e)
{
	const char *text = NULL;
	int rc = name ? entry_text(entry, name, &text, e) : 0;
	int64_t n = 0;

	p->uid_number = -1;
	if (rc || !text)
		return rc;
	if (!*text || strlen(text) > 18 || strspn(text, "0123456789") != strlen(text))
		return err_set(e, ERR_INPUT, "attribute \"%s\" was not a number: \"%.40s\"", name, text);
	for (const char *c = text; *c; c++)
		n = n * 10 + (*c - '0');
	p->uid_number = n;
	return 0;
}

static int take_certificate(
	const struct entry *entry, const char *name, struct arena *a, struct person *p, struct err *e)
{
	const struct attribute *found = name ? entry_find(entry, name) : NULL;

	if (!found || !found->values[0].len)
		return 0;
	if (found->values[0].len > CERTIFICATE_MAX)
		return err_set(e, ERR_INPUT, "attribute \"%s\" held a certificate of more than %u bytes", name,
			CERTIFICATE_MAX);
	p->certificate = arena_memdup(a, found->values[0].data, found->values[0].len);
	p->certificate_len = found->values[0].len;
	return 0;
}

static int take_due(const struct entry *entry, const char *name, struct person *p, struct err *e)
{
	const char *text = NULL;
	int rc = name ? entry_text(entry, name, &text, e) : 0;

	if (rc || !text)
		return rc;
	rc = str_time_ldap_parse(text, &p->due_ms, e);
	return rc ? err_wrap(e, "attribute \"%s\"", name) : 0;
}

static int take_csn(const struct entry *entry, struct arena *a, struct person *p, struct err *e)
{
	int rc = take_text(entry, "entryCSN", a, &p->csn, e);

	if (!rc && !p->csn)
		rc = take_text(entry, "modifyTimestamp", a, &p->csn, e);
	return rc;
}

static int copy_values(const struct entry *entry, const struct attribute_map *map, struct arena *a, struct person *p,
	struct err *e)
{
	int rc;

	rc = take_login(entry, map->login, a, p, e);
	if (!rc)
		rc = take_text(entry, map->mail, a, &p->mail, e);
	if (!rc)
		rc = take_text(entry, map->display, a, &p->display, e);
	if (!rc && !p->display && map->display)
		rc = take_text(entry, "cn", a, &p->display, e);
	if (!rc && !p->display)
		p->display = p->login;
	if (!rc)
		rc = take_number(entry, map->uid_number, p, e);
	if (!rc)
		rc = take_certificate(entry, map->certificate, a, p, e);
	if (!rc)
		rc = take_due(entry, map->due, p, e);
	return rc;
}

/* The line a human reads in "why".  Values come from the settings' filter text, not from the entry. */
static char *reason(struct arena *a, const char *what, struct verdict v)
{
	return v.because ? arena_printf(a, "%s: %s", what, v.because) : arena_strdup(a, what);
}

/* The one place where filters become a signal: what a value says is strong, what is not there is weak. */
static void judge(
	const struct entry *entry, const struct roll_rules *rules, int64_t now_ms, struct arena *a, struct person *p)
{
	struct verdict v = { .truth = TRUTH_FALSE, .solid = true };
	int64_t due_ms = p->due_ms;

	p->due_ms = 0;
	p->is_protected = rules->guarded && filter_judge(rules->guarded, entry).truth == TRUTH_TRUE;
	if (rules->disabled)
		v = filter_judge(rules->disabled, entry);
	p->solid = v.solid;
	if (v.truth == TRUTH_TRUE) {
		p->signal = v.strong ? SIGNAL_DISABLED : SIGNAL_WITHDRAWN;
		p->reason = reason(a, v.strong ? "disabled" : "disabled, by what is not there", v);
		return;
	}
	v = (struct verdict){ .truth = TRUTH_TRUE, .solid = true };
	if (rules->entitled)
		v = filter_judge(rules->entitled, entry);
	if (v.truth != TRUTH_TRUE) {
		p->signal = SIGNAL_WITHDRAWN;
		p->solid = v.solid;
		p->reason = reason(a, v.truth == TRUTH_FALSE ? "not entitled" : "not entitled, attribute missing", v);
		return;
	}
	p->signal = SIGNAL_ENTITLED;
	p->solid = p->solid && v.solid;
	p->reason = reason(a, "entitled", v);
	if (due_ms > now_ms) {
		char when[TIME_TEXT];

		str_time(due_ms, when);
		p->signal = SIGNAL_DUE;
		p->due_ms = due_ms;
		p->reason = arena_printf(a, "entitled from %s", when);
	}
}

static void choose_profile(const struct entry *entry, const struct roll_rules *rules, struct arena *a, struct person *p)
{
	for (size_t i = 0; i < rules->profile_count; i++) {
		if (filter_judge(rules->profiles[i].filter, entry).truth != TRUTH_TRUE)
			continue;
		p->profile = arena_strdup(a, rules->profiles[i].name);
		return;
	}
}

/* Each field with its length, so that no two persons share a serial form.  The DN is in it (a rename is
 * news); entryCSN, time stamps and Rollcall's own attributes are not (they change without news). */
static void fill_hash(struct arena *a, struct person *p)
{
	const char *texts[] = { p->uuid, p->dn, p->login, p->mail, p->display, p->profile, signal_name(p->signal) };
	char hex[SHA256_HEX];
	struct str s;

	str_init(&s, a);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i])
			str_addf(&s, "%zu:%s", strlen(texts[i]), texts[i]);
		str_add(&s, ",");
	}
	str_addf(&s, "%lld,%lld,%zu:", (long long)p->uid_number, (long long)p->due_ms, p->certificate_len);
	if (p->certificate_len)
		str_addn(&s, p->certificate, p->certificate_len);
	crypt_sha256_hex(s.text, s.len, hex);
	memcpy(p->hash, hex, sizeof(p->hash) - 1);
	p->hash[sizeof(p->hash) - 1] = 0;
}

int person_read(const struct entry *entry, const struct roll_rules *rules, int64_t now_ms, struct arena *a,
	struct person *out, struct err *e)
{
	struct person p = { .uid_number = -1 };
	int rc;

	str_copy(p.uuid, sizeof(p.uuid), entry->uuid);
	p.dn = arena_strdup(a, entry->dn ? entry->dn : "");
	/* Judged before anything can be wrong with him: whoever is disabled is disabled, also with a broken mail. */
	judge(entry, rules, now_ms, a, &p);
	rc = take_csn(entry, a, &p, e);
	*out = p;
	if (!rc)
		rc = copy_values(entry, &rules->map, a, &p, e);
	if (rc)
		return rc;
	judge(entry, rules, now_ms, a, &p);
	choose_profile(entry, rules, a, &p);
	fill_hash(a, &p);
	*out = p;
	return 0;
}

/* A growing list without repeats, NULL-terminated at all times. */
struct names { struct arena *arena; char **items; size_t count, room; };

static void add_name(void *ctx, const char *name)
{
	struct names *n = ctx;

	if (!name)
		return;
	for (size_t i = 0; i < n->count; i++)
		if (str_ieq(n->items[i], name))
			return;
	if (n->count + 1 >= n->room) {
		char **more = arena_alloc(n->arena, (n->room = n->room ? n->room * 2 : 64) * sizeof(*more));

		if (n->count)
			memcpy(more, n->items, n->count * sizeof(*more));
		n->items = more;
	}
	n->items[n->count++] = arena_strdup(n->arena, name);
}

static void add_filter(struct names *n, const struct filter *f)
{
	if (f)
		filter_attributes(f, add_name, n);
}

char **person_attributes(const struct roll_rules *rules, struct arena *a)
{
	const struct attribute_map *m = &rules->map;
	const char *fixed[] = { m->login, m->mail, m->display, m->display ? "cn" : NULL, m->uid_number, m->certificate,
		m->due, "entryUUID", "entryCSN", "modifyTimestamp", "objectClass" };
	struct names n = { .arena = a };

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		add_name(&n, fixed[i]);
	add_filter(&n, rules->entitled);
	add_filter(&n, rules->disabled);
	add_filter(&n, rules->guarded);
	for (size_t i = 0; i < rules->profile_count; i++)
		add_filter(&n, rules->profiles[i].filter);
	for (size_t i = 0; i < OWN_COUNT; i++)
		if (!own_attributes[i].sealed)
			add_name(&n, own_attributes[i].name);
	return n.items;
}

char **person_needs(const struct roll_rules *rules, struct arena *a)
{
	struct names n = { .arena = a, .items = arena_alloc(a, sizeof(*n.items)), .room = 1 };

	add_name(&n, rules->map.login);
	add_filter(&n, rules->entitled);
	add_filter(&n, rules->disabled);
	add_filter(&n, rules->guarded);
	return n.items;
}
