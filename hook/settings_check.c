#include "hook/settings_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/seal.h"
#include "common/secret.h"
#include "hook/wire.h"
#include "ldap/attrs.h"
#include "ldap/filter.h"
#include "policies/dormant.h"

void settings_complain(struct check *c, const char *path, const char *fmt, ...)
{
	char why[2000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	str_addf(&c->complaints, "%s: %s: %s\n", conf_place(c->doc, path), path, str_printable(c->arena, why, strlen(why)));
	c->count++;
}

/* 1 to max characters, letters and digits and those of `also`. */
static bool is_word(const char *s, size_t max, const char *also)
{
	size_t n = strlen(s);
	for (const char *p = s; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
		if (!plain && !strchr(also, *p))
			return false;
	}
	return n > 0 && n <= max;
}

static void check_word(struct check *c, const char *path, const char *value, size_t max, const char *also)
{
	if (value && !is_word(value, max, also))
		settings_complain(c, path, "\"%s\" must be 1 to %zu letters, digits or any of \"%s\"", value, max, also);
}

/* --- files --------------------------------------------------------------------------------------------- */

static void check_readable(struct check *c, const char *path, const char *file)
{
	struct stat st;
	if (!file)
		return;
	if (stat(file, &st) < 0 || access(file, R_OK) < 0)
		settings_complain(c, path, "\"%s\" cannot be read: %s", file, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		settings_complain(c, path, "\"%s\" is not a file", file);
}

static void check_folder(struct check *c, const char *path, const char *folder)
{
	struct stat st;
	if (!folder)
		return;
	if (stat(folder, &st) < 0)
		settings_complain(c, path, "\"%s\": %s", folder, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		settings_complain(c, path, "\"%s\" is not a folder", folder);
	else if (access(folder, W_OK | X_OK) < 0)
		settings_complain(c, path, "\"%s\" cannot be written: %s", folder, strerror(errno));
}

static void check_files(struct check *c)
{
	const struct settings *s = c->settings;
	const struct { const char *path, *file; } files[] = {
		{ "directory.ca", s->directory.dir.ca_file }, { "directory.cert", s->directory.dir.cert_file },
		{ "cloud.endpoint.ca", s->cloud.endpoint.ca_file }, { "cloud.agent_script", s->cloud.agent_script_file },
		{ "policy.template", s->policy.template_file }, { "policy.boundary", s->policy.boundary_file },
		{ "policy.barrier", s->policy.barrier_file }, { "policy.catalogue", s->policy.catalogue_file },
		{ "seal.person_ca", s->seal.person_ca },
	};
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		check_readable(c, files[i].path, files[i].file);
	settings_check_policies(c);
	check_folder(c, "state_dir", s->state_dir);
}

/* Read as the daemon will read them, and forgotten at once. */
static void check_secrets(struct check *c)
{
	const struct settings *s = c->settings;
	struct err e;
	if (s->cloud.credential_file) {
		AUTO_SECRET struct secret *key = NULL;
		char *id;
		if (secret_load_pair(s->cloud.credential_file, c->arena, &id, &key, &e) < 0)
			settings_complain(c, "cloud.credential_file", "%s", e.text);
	}
	if (s->directory.dir.secret_file) {
		AUTO_SECRET struct secret *password = NULL;
		if (secret_load(s->directory.dir.secret_file, &password, &e) < 0)
			settings_complain(c, "directory.secret_file", "%s", e.text);
	}
	if (s->directory.dir.key_file) {
		AUTO_SECRET struct secret *key = NULL;
		if (secret_load(s->directory.dir.key_file, &key, &e) < 0)
			settings_complain(c, "directory.key", "%s", e.text);
	}
}

static void check_seal(struct check *c)
{
	const struct settings *s = c->settings;
	struct seal_to *to = seal_to_new();
	struct seal_key *key = NULL;
	struct err e;
	for (size_t i = 0; i < s->seal.escrow.count; i++) {
		const char *file = s->seal.escrow.items[i];
		if (!file || *file != '/')
			settings_complain(c, "seal.escrow", "\"%s\" must be an absolute path", file ? file : "");
		else if (seal_to_add_file(to, file, &e) < 0)
			settings_complain(c, "seal.escrow", "%s", e.text);
	}
	seal_to_free(to);
	/* One that is not there yet is made at start. */
	if (s->seal.key_file && access(s->seal.key_file, F_OK) == 0) {
		if (seal_key_load(s->seal.key_file, &key, &e) < 0)
			settings_complain(c, "seal.key_file", "%s", e.text);
		seal_key_free(key);
	}
}

/* --- the directory ------------------------------------------------------------------------------------- */

struct naming { struct check *check; const char *path; };

/* What Rollcall writes itself must not decide: it would answer to its own echo. */
static void refuse_own(void *ctx, const char *name)
{
	struct naming *n = ctx;
	if (own_is(name))
		settings_complain(n->check, n->path, "\"%s\" is written by Rollcall itself and cannot decide", name);
}

static const struct filter *check_filter(struct check *c, const char *path, const char *text)
{
	const struct filter *f = NULL;
	struct err e;
	if (!text)
		return NULL;
	if (filter_parse(c->arena, text, &f, &e) < 0) {
		settings_complain(c, path, "%s", e.text);
		return NULL;
	}
	filter_attributes(f, refuse_own, &(struct naming){ c, path });
	return f;
}

static bool is_here(const char *host)
{
	return !*host || *host == '/' || *host == ':' || str_starts(host, "127.") || str_starts(host, "localhost") ||
		str_starts(host, "[::1]");
}

static void check_uri(struct check *c, const char *uri)
{
	const struct dir_settings *dir = &c->settings->directory.dir;
	bool plain = str_starts(uri, "ldap://"), socket = str_starts(uri, "ldapi://");
	if (!plain && !socket && !str_starts(uri, "ldaps://")) {
		settings_complain(c, "directory.uri", "\"%s\" begins with none of ldap:// ldaps:// ldapi://", uri);
		return;
	}
	if (plain && dir->bind == DIR_BIND_SIMPLE && !dir->starttls && !dir->allow_clear && !is_here(uri + strlen("ldap://")))
		settings_complain(c, "directory.uri", "\"%s\" would carry the password in clear: use ldaps:// or directory.starttls", uri);
	if (dir->bind == DIR_BIND_EXTERNAL && !socket && !dir->cert_file)
		settings_complain(c, "directory.bind", "\"external\" at \"%s\" needs directory.cert and directory.key", uri);
	if (dir->bind == DIR_BIND_EXTERNAL && plain && !dir->starttls)
		settings_complain(c, "directory.bind", "\"external\" at \"%s\" needs directory.starttls", uri);
}

static void check_attributes(struct check *c)
{
	const struct attribute_map *m = &c->settings->directory.map;
	const struct { const char *path, *name; } names[] = {
		{ "directory.attributes.login", m->login }, { "directory.attributes.mail", m->mail },
		{ "directory.attributes.display", m->display }, { "directory.attributes.uid_number", m->uid_number },
		{ "directory.attributes.certificate", m->certificate }, { "directory.attributes.due", m->due },
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		check_word(c, names[i].path, names[i].name, 128, "-.;_");
		if (names[i].name)
			refuse_own(&(struct naming){ c, names[i].path }, names[i].name);
	}
}

static void check_directory(struct check *c)
{
	const struct settings *s = c->settings;
	const struct dir_settings *dir = &s->directory.dir;
	for (size_t i = 0; i < dir->uri_count; i++) {
		if (dir->uris[i])
			check_uri(c, dir->uris[i]);
	}
	const struct { const char *path, *dn; } names[] = { { "directory.base", dir->base }, { "directory.widest", dir->widest },
		{ "directory.still_ours", dir->still_ours }, { "directory.bind_dn", dir->bind_dn } };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err e;
		if (names[i].dn && dir_dn_check(names[i].dn, &e))
			settings_complain(c, names[i].path, "%s", e.text);
	}
	for (size_t i = 0; i < dir->sentinel_count; i++) {
		struct err e;
		if (dir->sentinels[i] && dir_dn_check(dir->sentinels[i], &e))
			settings_complain(c, "directory.sentinels", "%s", e.text);
	}
	if (dir->bind == DIR_BIND_SIMPLE && !dir->bind_dn)
		settings_complain(c, "directory.bind_dn", "is missing: the simple bind needs it");
	if (dir->bind == DIR_BIND_SIMPLE && !dir->secret_file)
		settings_complain(c, "directory.secret_file", "is missing: the simple bind needs it");
	if (!dir->cert_file != !dir->key_file)
		settings_complain(c, dir->cert_file ? "directory.key" : "directory.cert", "is missing: certificate and key go together");
	check_attributes(c);
	check_filter(c, "directory.filter", dir->scope_filter);
	c->rules->map = s->directory.map;
	c->rules->entitled = check_filter(c, "directory.entitled", s->directory.entitled);
	c->rules->disabled = check_filter(c, "directory.disabled", s->directory.disabled);
	c->rules->guarded = check_filter(c, "directory.protected", s->directory.guarded);
	c->settings->directory.dir.needs = person_needs(c->rules, c->arena);
}

/* --- profiles ------------------------------------------------------------------------------------------ */

static bool name_is_taken(const struct conf_groups *all, size_t before, const char *name)
{
	const struct profile_settings *p = all->items;
	for (size_t i = 0; i < before; i++) {
		if (str_eq(p[i].name, name))
			return true;
	}
	return false;
}

static void check_profile(struct check *c, size_t i)
{
	const struct conf_groups *all = &c->settings->profiles;
	const struct profile_settings *p = (const struct profile_settings *)all->items + i;
	const char *prefix = arena_printf(c->arena, "profiles[%zu]", i);
	const struct { const char *path, *value; size_t max; } words[] = {
		{ "name", p->name, 63 }, { "package", p->package, 63 }, { "bundle", p->bundle, 63 }, { "blueprint", p->blueprint, 63 },
		{ "zone", p->zone, 31 }, { "region", p->region, 31 },
	};
	for (size_t k = 0; k < ARRAY_LEN(words); k++)
		check_word(c, arena_printf(c->arena, "%s.%s", prefix, words[k].path), words[k].value, words[k].max, "-_.");
	if (p->name && name_is_taken(all, i, p->name))
		settings_complain(c, arena_printf(c->arena, "%s.name", prefix), "there is a profile \"%s\" already", p->name);
	if (!p->filter && i + 1 < all->count)
		settings_complain(c, prefix, "has no filter and takes everyone: only the last profile may, later ones would never be used");
	const struct filter *f = check_filter(c, arena_printf(c->arena, "%s.filter", prefix),
		p->filter ? p->filter : "(objectClass=*)");
	if (i < ARRAY_LEN(c->rules->profiles)) {
		c->rules->profiles[i].name = p->name;
		c->rules->profiles[i].filter = f;
		c->rules->profile_count = i + 1;
	}
}

static void check_profiles(struct check *c)
{
	size_t most = ARRAY_LEN(c->rules->profiles);
	if (c->settings->profiles.count > most)
		settings_complain(c, "profiles", "%zu profiles, at most %zu are possible", c->settings->profiles.count, most);
	for (size_t i = 0; i < c->settings->profiles.count; i++)
		check_profile(c, i);
	bool priced = c->settings->life.money_day_yuan == 0;
	for (size_t i = 0; i < c->settings->profiles.count; i++)
		priced |= ((const struct profile_settings *)c->settings->profiles.items)[i].price_yuan > 0;
	if (!priced)
		settings_complain(c, "life.money_per_day_yuan", "no profile has a price_yuan: nothing would be counted");
}

#define DORMANT_LEAST_DAYS 14      /* the cloud tells days, and late */

/* A proof hides what else was done with the key on its day; it is made at an audit. */
static void check_proofs_apart(struct check *c)
{
	int64_t every = c->settings->cloud.driver.prove_every_ms, audit = c->settings->life.audit_ms;
	int64_t apart = audit > 0 ? (every + audit - 1) / audit * audit : every;
	if (every && every < DORMANT_PROOFS_MS)
		settings_complain(c, "life.prove_every", "must be %d days or longer, or 0, with life.dormant: the cloud tells one last"
			" use, and a proof is one", (int)(DORMANT_PROOFS_MS / DORMANT_DAY_MS));
	else if (every && apart % (7 * DORMANT_DAY_MS) == 0)
		settings_complain(c, "life.prove_every", "with life.audit it makes a proof every %d days, and must not make them whole"
			" weeks apart with life.dormant: whoever works on one day of the week would never be seen",
			(int)(apart / DORMANT_DAY_MS));
}

static void check_dormant(struct check *c)
{
	int64_t dormant = c->settings->life.dormant_ms;
	if (dormant && dormant < DORMANT_LEAST_DAYS * DORMANT_DAY_MS)
		settings_complain(c, "life.dormant", "must be %d days or longer (\"%dd\"), or 0", DORMANT_LEAST_DAYS, DORMANT_LEAST_DAYS);
	if (dormant)
		check_proofs_apart(c);
	for (size_t i = 0; i < c->settings->profiles.count; i++) {
		const char *path = arena_printf(c->arena, "profiles[%zu].park", i);
		bool parks = ((const struct profile_settings *)c->settings->profiles.items)[i].park;
		if (parks && !dormant)
			settings_complain(c, path, "needs life.dormant");
		else if (parks && !c->settings->cloud.driver.prove_every_ms)
			settings_complain(c, path, "needs life.prove_every: only new proofs show that the cloud's answers are true");
	}
}

/* --- the cloud and the rest ---------------------------------------------------------------------------- */

/* "HOST:PORT", "[ADDRESS]:PORT" */
static bool is_host_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	return colon && colon != text && digits > 0 && digits <= 5 && !colon[1 + digits] && !strpbrk(text, "/ @");
}

static void check_endpoint(struct check *c)
{
	const char *url = c->settings->cloud.endpoint.url, *to = c->settings->cloud.endpoint.connect;
	bool plain = url && str_starts(url, "http://");
	if (to && !is_host_port(to))
		settings_complain(c, "cloud.endpoint.connect", "\"%s\" is not HOST:PORT", to);
	if (!url)
		return;
	if (!plain && !str_starts(url, "https://"))
		settings_complain(c, "cloud.endpoint.url", "\"%s\" begins neither with https:// nor with http://", url);
	else if (plain && !is_here(to ? to : url + strlen("http://")))
		settings_complain(c, "cloud.endpoint.url", "\"%s\": http is for this machine only, use https", url);
}

static void check_cloud(struct check *c)
{
	const struct settings *s = c->settings;
	check_word(c, "installation", s->installation, 32, "-_.");
	check_word(c, "cloud.root_account", s->cloud.root_account, 63, "-_.");
	check_word(c, "cloud.region", s->cloud.region, 31, "-");
	check_word(c, "cloud.domain", s->cloud.domain, 100, "-.");
	check_endpoint(c);
	if (s->cloud.openclaw_image && !*s->cloud.openclaw_image)
		settings_complain(c, "cloud.openclaw_image", "is empty: every image would fit");
}

static void check_daemon(struct check *c)
{
	const struct settings *s = c->settings;
	/* Both have defaults that fit; only two numbers that were written can collide. */
	if (s->workers > 0 && s->revoke_workers >= s->workers)
		settings_complain(c, "revoke_workers", "%d of %d workers: at least one must be left for everything else",
			(int)s->revoke_workers, (int)s->workers);
	if (s->log_level_name && !settings_log_level(s->log_level_name))
		settings_complain(c, "log", "\"%s\" is none of alarm, error, warn, info, debug", s->log_level_name);
	if (s->socket && strlen(s->socket) > WIRE_PATH_MAX)
		settings_complain(c, "socket", "the path has at most %u bytes", WIRE_PATH_MAX);
	if (s->admin_group && !*s->admin_group)
		settings_complain(c, "admin_group", "is empty");
}

void settings_check(struct check *c)
{
	check_directory(c);
	check_profiles(c);
	check_dormant(c);
	check_cloud(c);
	check_files(c);
	check_secrets(c);
	check_seal(c);
	check_daemon(c);
}
