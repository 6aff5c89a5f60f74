/* The table of all settings.  What a row cannot say is in settings_check.c.  etc/rollcall.conf.sample and
 * etc/man/rollcall.conf.5 have the same paths and defaults; a test compares them. */
#include "hook/settings.h"

#include <string.h>

#include "common/log.h"
#include "common/str.h"
#include "hook/settings_check.h"

#define DAY_MS 86400000.0
#define MAX_MESSAGE (16u << 20)    /* bytes of one LDAP message: an entry with certificates and photos, not more */
#define FOREVER (100.0 * 365 * 86400)
#define BY_HAND_REPORT 1           /* place in the choices of cloud.by_hand */

#define AT(field) offsetof(struct settings, field)
#define IN(field) offsetof(struct profile_settings, field)

static const struct conf_row profile_rows[] = {
	{ .path = "name", .type = CONF_TEXT, .offset = IN(name), .flags = CONF_REQUIRED,
		.help = "name of the profile, as the directory shows it" },
	{ .path = "filter", .type = CONF_TEXT, .offset = IN(filter),
		.help = "whom it fits (RFC 4515); the first that fits is taken; none: everyone, for the last profile only" },
	{ .path = "package", .type = CONF_TEXT, .offset = IN(package), .flags = CONF_REQUIRED,
		.help = "CloudBase package of the environment, such as baas_personal" },
	{ .path = "bundle", .type = CONF_TEXT, .offset = IN(bundle), .help = "Lighthouse bundle of the server; none: no server" },
	{ .path = "blueprint", .type = CONF_TEXT, .offset = IN(blueprint),
		.help = "Lighthouse image; none: the one whose name holds cloud.openclaw_image" },
	{ .path = "zone", .type = CONF_TEXT, .offset = IN(zone), .help = "availability zone of the server; none: any" },
	{ .path = "region", .type = CONF_TEXT, .offset = IN(region), .help = "region of environment and server; none: cloud.region" },
	{ .path = "trigger", .type = CONF_CHOICE, .offset = IN(trigger), .otherwise = "directory", .choices = "directory|login",
		.help = "what begins: the entry in the directory, or the first login" },
	{ .path = "park", .type = CONF_BOOL, .offset = IN(park), .otherwise = "false",
		.help = "who is listed by life.dormant is held until his next login on this machine" },
	{ .path = "price_yuan", .type = CONF_NUMBER, .offset = IN(price_yuan), .otherwise = "0", .max = 1e9,
		.help = "what one person costs when he joins, in yuan (CNY): counted by life.money_per_day_yuan" },
};

const struct conf_row settings_rows[] = {
	{ .path = "installation", .type = CONF_TEXT, .offset = AT(installation), .flags = CONF_REQUIRED,
		.help = "name of this installation in the owner marks; never change it" },

	/* the directory */
	{ .path = "directory.uri", .type = CONF_TEXTS, .offset = AT(directory.uri), .flags = CONF_REQUIRED,
		.help = "servers in the order of preference: ldap:// ldaps:// ldapi://" },
	{ .path = "directory.base", .type = CONF_TEXT, .offset = AT(directory.dir.base), .flags = CONF_REQUIRED,
		.help = "the roll is below this entry" },
	{ .path = "directory.filter", .type = CONF_TEXT, .offset = AT(directory.dir.scope_filter),
		.otherwise = "(objectClass=inetOrgPerson)", .help = "who is on the roll" },
	{ .path = "directory.entitled", .type = CONF_TEXT, .offset = AT(directory.entitled),
		.help = "who of them has an account; none: everyone" },
	{ .path = "directory.disabled", .type = CONF_TEXT, .offset = AT(directory.disabled),
		.help = "whose account is suspended at once; none: nobody's" },
	{ .path = "directory.protected", .type = CONF_TEXT, .offset = AT(directory.guarded),
		.help = "who loses access only by a value that says disabled, and is never retired; none: nobody" },
	{ .path = "directory.sentinels", .type = CONF_TEXTS, .offset = AT(directory.sentinels),
		.help = "entries that are always there: one missing, and nobody near it counts as absent; best one a branch" },
	{ .path = "directory.schema_unreadable_ok", .type = CONF_BOOL, .offset = AT(directory.dir.schema_unreadable_ok),
		.otherwise = "false", .help = "believe in absences also when the server's schema cannot be read" },
	{ .path = "directory.widest", .type = CONF_TEXT, .offset = AT(directory.dir.widest),
		.help = "where somebody who left the roll is looked for; none: directory.base" },
	{ .path = "directory.still_ours", .type = CONF_TEXT, .offset = AT(directory.dir.still_ours),
		.help = "who was moved below this entry keeps his account; none: nobody" },
	{ .path = "directory.bind", .type = CONF_CHOICE, .offset = AT(directory.dir.bind), .otherwise = "simple",
		.choices = "simple|external", .help = "simple: name and password; external: ldapi or a client certificate" },
	{ .path = "directory.bind_dn", .type = CONF_TEXT, .offset = AT(directory.dir.bind_dn), .help = "name of the simple bind" },
	{ .path = "directory.secret_file", .type = CONF_PATH, .offset = AT(directory.dir.secret_file),
		.help = "its password in the first line; read at each bind" },
	{ .path = "directory.starttls", .type = CONF_BOOL, .offset = AT(directory.dir.starttls), .otherwise = "false",
		.help = "StartTLS on ldap:// connections" },
	{ .path = "directory.allow_clear", .type = CONF_BOOL, .offset = AT(directory.dir.allow_clear), .otherwise = "false",
		.help = "let the password cross the network without TLS" },
	{ .path = "directory.ca", .type = CONF_PATH, .offset = AT(directory.dir.ca_file),
		.help = "CA certificates for the servers; none: the system's" },
	{ .path = "directory.cert", .type = CONF_PATH, .offset = AT(directory.dir.cert_file), .help = "client certificate" },
	{ .path = "directory.key", .type = CONF_PATH, .offset = AT(directory.dir.key_file), .help = "its private key" },
	{ .path = "directory.refresh", .type = CONF_SECONDS, .offset = AT(directory.dir.refresh_ms), .otherwise = "1h",
		.min = 1, .max = 7 * 86400, .help = "compare with the whole roll at least this often" },
	{ .path = "directory.heartbeat", .type = CONF_SECONDS, .offset = AT(directory.dir.heartbeat_ms), .otherwise = "30",
		.min = 1, .max = 3600, .help = "after this long without a message ask for a sign of life" },
	{ .path = "directory.answer", .type = CONF_SECONDS, .offset = AT(directory.dir.answer_ms), .otherwise = "10",
		.min = 0.1, .max = 600, .help = "how long an answer may take" },
	{ .path = "directory.connect", .type = CONF_SECONDS, .offset = AT(directory.dir.connect_ms), .otherwise = "10",
		.min = 0.1, .max = 600, .help = "how long connecting, TLS and bind may take each" },
	{ .path = "directory.attributes.login", .type = CONF_TEXT, .offset = AT(directory.map.login), .otherwise = "uid",
		.help = "attribute with the login name" },
	{ .path = "directory.attributes.mail", .type = CONF_TEXT, .offset = AT(directory.map.mail), .otherwise = "mail",
		.help = "attribute with the mail address; \"\": none" },
	{ .path = "directory.attributes.display", .type = CONF_TEXT, .offset = AT(directory.map.display),
		.otherwise = "displayName", .help = "attribute with the name to show; without it cn, then the login; \"\": none" },
	{ .path = "directory.attributes.uid_number", .type = CONF_TEXT, .offset = AT(directory.map.uid_number),
		.otherwise = "uidNumber", .help = "attribute with the numeric user id; \"\": none" },
	{ .path = "directory.attributes.certificate", .type = CONF_TEXT, .offset = AT(directory.map.certificate),
		.otherwise = "userCertificate", .help = "attribute with his own certificate; \"\": none" },
	{ .path = "directory.attributes.due", .type = CONF_TEXT, .offset = AT(directory.map.due),
		.help = "attribute with the date from which he is entitled; none: at once" },

	/* the cloud */
	{ .path = "cloud.credential_file", .type = CONF_PATH, .offset = AT(cloud.credential_file), .flags = CONF_REQUIRED,
		.help = "SecretId in the first line, SecretKey in the second" },
	{ .path = "cloud.root_account", .type = CONF_TEXT, .offset = AT(cloud.root_account), .otherwise = "main",
		.help = "a name for the root account, shown in the directory" },
	{ .path = "cloud.region", .type = CONF_TEXT, .offset = AT(cloud.region), .otherwise = "ap-shanghai",
		.help = "region of environments and servers" },
	{ .path = "cloud.domain", .type = CONF_TEXT, .offset = AT(cloud.domain), .otherwise = "tencentcloudapi.com",
		.help = "domain of the API: hosts are cam.DOMAIN, tcb.DOMAIN, ..." },
	{ .path = "cloud.endpoint.url", .type = CONF_TEXT, .offset = AT(cloud.endpoint.url),
		.help = "one address for all requests instead of the hosts: for an emulator" },
	{ .path = "cloud.endpoint.connect", .type = CONF_TEXT, .offset = AT(cloud.endpoint.connect),
		.help = "HOST:PORT where every host is reached; names and certificates stay" },
	{ .path = "cloud.endpoint.ca", .type = CONF_PATH, .offset = AT(cloud.endpoint.ca_file),
		.help = "CA certificates for the API; none: the system's" },
	{ .path = "cloud.rate_share", .type = CONF_NUMBER, .offset = AT(cloud.rate_share), .otherwise = "0.8", .min = 0.01,
		.max = 1, .help = "part of the documented request rates to use" },
	{ .path = "cloud.connect_timeout", .type = CONF_SECONDS, .offset = AT(cloud.endpoint.connect_ms), .otherwise = "5",
		.min = 0.1, .max = 60, .help = "how long connecting may take" },
	{ .path = "cloud.timeout", .type = CONF_SECONDS, .offset = AT(cloud.timeout_ms), .otherwise = "30", .min = 0.1, .max = 600,
		.help = "how long a request may take" },
	{ .path = "cloud.revoke_timeout", .type = CONF_SECONDS, .offset = AT(cloud.revoke_timeout_ms), .otherwise = "5",
		.min = 0.1, .max = 60, .help = "the same for taking access away" },
	{ .path = "cloud.poll", .type = CONF_SECONDS, .offset = AT(cloud.driver.poll_ms), .otherwise = "5", .min = 0.1, .max = 600,
		.help = "look again this often at what is being built" },
	{ .path = "cloud.settle", .type = CONF_SECONDS, .offset = AT(cloud.driver.settle_ms), .otherwise = "900", .min = 0,
		.max = 86400, .help = "an environment of unknown outcome is absent after being missing this long" },
	{ .path = "cloud.cam_policy_cache", .type = CONF_SECONDS, .offset = AT(cloud.driver.policy_cache_ms), .otherwise = "60",
		.min = 0, .max = 3600, .help = "how long the cloud may still follow an older policy" },
	{ .path = "cloud.isolation_days", .type = CONF_NUMBER, .offset = AT(cloud.isolation_days), .otherwise = "-1", .min = -1,
		.max = 3650, .help = "destroy an isolated environment after this many days; -1: the cloud does" },
	{ .path = "cloud.openclaw_image", .type = CONF_TEXT, .offset = AT(cloud.openclaw_image), .otherwise = "OpenClaw",
		.help = "text in the name of the server image" },
	{ .path = "cloud.agent_timeout", .type = CONF_SECONDS, .offset = AT(cloud.driver.agent_timeout_ms), .otherwise = "15m",
		.min = 10, .max = 86400, .help = "how long the installation on a server may take" },
	{ .path = "cloud.agent_script", .type = CONF_PATH, .offset = AT(cloud.agent_script_file),
		.otherwise = ROLLCALL_DATADIR "/agent/install-agent.sh", .help = "what is run on a server" },
	{ .path = "cloud.by_hand", .type = CONF_CHOICE, .offset = AT(cloud.by_hand), .otherwise = "remove",
		.choices = "remove|report", .help = "keys, policies and groups that somebody gave a sub-account by hand" },
	{ .path = "cloud.probe_others", .type = CONF_INT, .offset = AT(cloud.driver.probe_others), .otherwise = "2", .max = 20,
		.help = "other environments that one proof of isolation tries to reach" },

	/* what an account may do */
	{ .path = "policy.template", .type = CONF_PATH, .offset = AT(policy.template_file),
		.otherwise = ROLLCALL_DATADIR "/policies/employee.json", .help = "template of the own policy" },
	{ .path = "policy.boundary", .type = CONF_PATH, .offset = AT(policy.boundary_file),
		.otherwise = ROLLCALL_DATADIR "/policies/boundary.json", .help = "the permissions boundary" },
	{ .path = "policy.barrier", .type = CONF_PATH, .offset = AT(policy.barrier_file),
		.otherwise = ROLLCALL_DATADIR "/policies/deny-all.json", .help = "the barrier that denies everything" },
	{ .path = "policy.catalogue", .type = CONF_PATH, .offset = AT(policy.catalogue_file),
		.otherwise = ROLLCALL_DATADIR "/policies/actions.txt", .help = "the known actions, by which policies are judged" },

	/* who can open what is sealed */
	{ .path = "seal.escrow", .type = CONF_TEXTS, .offset = AT(seal.escrow), .flags = CONF_REQUIRED,
		.help = "certificate files of the company's recipients" },
	{ .path = "seal.key_file", .type = CONF_PATH, .offset = AT(seal.key_file),
		.help = "Rollcall's own key pair, made when missing; none: seal.pem in state_dir" },
	{ .path = "seal.person_ca", .type = CONF_PATH, .offset = AT(seal.person_ca),
		.help = "CA of the employees' own certificates; none: these are not used" },
	{ .path = "seal.strict_memory", .type = CONF_BOOL, .offset = AT(seal.strict_memory), .otherwise = "false",
		.help = "do not start when memory for secrets cannot be locked" },

	/* the life of an account */
	{ .path = "life.grace", .type = CONF_SECONDS, .offset = AT(life.grace_ms), .otherwise = "30d", .max = FOREVER,
		.help = "from suspension to retirement" },
	{ .path = "life.undo", .type = CONF_SECONDS, .offset = AT(life.undo_ms), .otherwise = "24h", .max = FOREVER,
		.help = "who returns within this time gets the same key" },
	{ .path = "life.weak_wait", .type = CONF_SECONDS, .offset = AT(life.weak_wait_ms), .otherwise = "30", .max = 86400,
		.help = "how long an absence waits before it is confirmed" },
	{ .path = "life.sweep_again", .type = CONF_SECONDS, .offset = AT(life.sweep_ms), .otherwise = "120", .max = 86400,
		.help = "look at a leaver's account once more after this time" },
	{ .path = "life.trust", .type = CONF_SECONDS, .offset = AT(life.trust_ms), .otherwise = "10m", .max = 30 * 86400,
		.help = "what was seen as wanted less than this ago is not looked at again" },
	{ .path = "life.audit", .type = CONF_SECONDS, .offset = AT(life.audit_ms), .otherwise = "24h", .min = 1, .max = 365 * 86400,
		.help = "look at every account at least this often" },
	{ .path = "life.listing_audit", .type = CONF_SECONDS, .offset = AT(life.listing_audit_ms), .otherwise = "1h", .max = 30 * 86400,
		.help = "compare what the cloud lists with the store this often; 0: never" },
	{ .path = "life.retry_max", .type = CONF_SECONDS, .offset = AT(life.retry_max_ms), .otherwise = "15m", .min = 1,
		.max = 86400, .help = "longest pause before a failed account is tried again" },
	{ .path = "life.departures_per_hour", .type = CONF_INT, .offset = AT(life.departures_hour), .otherwise = "5",
		.max = 1000000, .help = "absences that are let through within an hour ..." },
	{ .path = "life.departures_percent", .type = CONF_NUMBER, .offset = AT(life.departures_percent), .otherwise = "2",
		.max = 100, .help = "... or this share of the roll, whichever is more" },
	{ .path = "life.departures_per_day", .type = CONF_INT, .offset = AT(life.departures_day), .otherwise = "15",
		.max = 1000000, .help = "the same within a day ..." },
	{ .path = "life.departures_percent_day", .type = CONF_NUMBER, .offset = AT(life.departures_percent_day), .otherwise = "5",
		.max = 100, .help = "... or this share of the roll, whichever is more" },
	{ .path = "life.joins_per_hour", .type = CONF_INT, .offset = AT(life.joins_hour), .otherwise = "50", .max = 1000000,
		.help = "people who may join within an hour; 0: no limit" },
	{ .path = "life.money_per_day_yuan", .type = CONF_NUMBER, .offset = AT(life.money_day_yuan), .otherwise = "0", .max = 1e9,
		.help = "what joining people may cost within a day, in yuan (CNY); 0: no limit" },
	{ .path = "life.retirements_per_day", .type = CONF_INT, .offset = AT(life.retirements_day), .otherwise = "20", .max = 1000000,
		.help = "accounts whose taking down may begin within a day, after grace; 0: none" },
	{ .path = "life.rotation", .type = CONF_SECONDS, .offset = AT(cloud.driver.key_age_ms), .otherwise = "0", .max = FOREVER,
		.help = "an API key of this age is replaced by a new one; 0: only when somebody asks" },
	{ .path = "life.rotation_overlap", .type = CONF_SECONDS, .offset = AT(cloud.driver.key_overlap_ms), .otherwise = "24h",
		.max = 30 * 86400, .help = "so long the key before it works beside the new one" },
	{ .path = "life.prove_every", .type = CONF_SECONDS, .offset = AT(cloud.driver.prove_every_ms), .otherwise = "24h",
		.max = FOREVER, .help = "a proof of isolation older than this is made anew; 0: only when something changed" },
	{ .path = "life.dormant", .type = CONF_SECONDS, .offset = AT(life.dormant_ms), .otherwise = "0", .max = FOREVER,
		.help = "keys that nobody used for so long, and whose owner did not log in here, are listed; 0: nobody looks" },

	{ .path = "profiles", .type = CONF_GROUPS, .offset = AT(profiles), .flags = CONF_REQUIRED, .inner = profile_rows,
		.inner_count = ARRAY_LEN(profile_rows), .inner_size = sizeof(struct profile_settings),
		.help = "what a person gets" },

	/* what is put on record */
	{ .path = "evidence.second", .type = CONF_PATH, .offset = AT(evidence.second),
		.help = "where evidence of what is taken away goes while the file takes none; none: the system log" },
	{ .path = "evidence.head", .type = CONF_SECONDS, .offset = AT(evidence.head_ms), .otherwise = "1h", .min = 1,
		.max = 7 * 86400, .help = "write the head of the evidence's chain into the system log this often" },

	/* logins on this machine */
	{ .path = "login.kick", .type = CONF_BOOL, .offset = AT(login.kick), .otherwise = "false",
		.help = "end the sessions of whoever loses access on this machine, by rollcall-kick" },

	/* the daemon */
	{ .path = "workers", .type = CONF_INT, .offset = AT(workers), .otherwise = "8", .min = 2, .max = 64,
		.help = "threads that speak to the cloud" },
	{ .path = "revoke_workers", .type = CONF_INT, .offset = AT(revoke_workers), .otherwise = "2", .min = 1, .max = 63,
		.help = "how many of them only take access away" },
	{ .path = "state_dir", .type = CONF_PATH, .offset = AT(state_dir), .otherwise = "/var/lib/rollcall",
		.help = "folder of the store and the evidence" },
	{ .path = "socket", .type = CONF_PATH, .offset = AT(socket), .otherwise = "/run/rollcall/desk",
		.help = "where rollcall(1) asks" },
	{ .path = "admin_group", .type = CONF_TEXT, .offset = AT(admin_group), .otherwise = "rollcall-admin",
		.help = "its members may ask everything; others about themselves" },
	{ .path = "log", .type = CONF_TEXT, .offset = AT(log_level_name), .otherwise = "info",
		.help = "least urgent lines to write: alarm, error, warn, info, debug" },
};
const size_t settings_row_count = ARRAY_LEN(settings_rows);

/* --- from the file's words to what the rooms take ------------------------------------------------------ */

static const struct { const char *name; enum log_level level; } levels[] = {
	{ "alarm", LOG_ALARM_LEVEL }, { "error", LOG_ERROR_LEVEL }, { "warn", LOG_WARN_LEVEL }, { "info", LOG_INFO_LEVEL },
	{ "debug", LOG_DEBUG_LEVEL },
};

int settings_log_level(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (str_eq(levels[i].name, name))
			return (int)levels[i].level;
	}
	return 0;
}

static void empty_is_none(const char **text)
{
	if (*text && !**text)
		*text = NULL;
}

static void complete(struct settings *s, struct arena *arena)
{
	struct dir_settings *dir = &s->directory.dir;
	const char **optional[] = { &s->directory.map.mail, &s->directory.map.display, &s->directory.map.uid_number,
		&s->directory.map.certificate, &s->directory.map.due, &dir->widest, &dir->still_ours, &s->cloud.endpoint.url,
		&s->cloud.endpoint.connect };
	for (size_t i = 0; i < ARRAY_LEN(optional); i++)
		empty_is_none(optional[i]);
	dir->sentinel_count = s->directory.sentinels.count;
	dir->sentinels = s->directory.sentinels.items;
	dir->uri_count = s->directory.uri.count;
	dir->uris = s->directory.uri.items;
	dir->max_message = MAX_MESSAGE;
	s->cloud.driver.openclaw_image = s->cloud.openclaw_image;
	s->cloud.driver.by_hand_kept = s->cloud.by_hand == BY_HAND_REPORT;
	s->cloud.driver.isolation_ms = s->cloud.isolation_days < 0 ? -1 : (int64_t)(s->cloud.isolation_days * DAY_MS);
	if (!s->seal.key_file && s->state_dir)
		s->seal.key_file = arena_printf(arena, "%s/seal.pem", s->state_dir);
	s->log_level = settings_log_level(s->log_level_name);
}

int settings_load(const char *file, struct arena *arena, struct settings *out, struct roll_rules *rules, char **complaints,
	struct err *e)
{
	struct conf *doc = NULL;
	struct settings s;
	struct roll_rules r;
	char *first = NULL;
	memset(&s, 0, sizeof(s));
	memset(&r, 0, sizeof(r));
	int failed = conf_load(file, settings_rows, settings_row_count, &s, arena, &doc, &first, e);
	if (failed && !doc) {
		*complaints = first;
		return failed;
	}
	complete(&s, arena);
	struct check check = { .arena = arena, .doc = doc, .settings = &s, .rules = &r };
	str_init(&check.complaints, arena);
	settings_check(&check);
	*complaints = arena_printf(arena, "%s%s", first ? first : "", check.complaints.text);
	if (failed && check.count == 0)
		return failed;
	if (check.count > 0) {
		const char *all = *complaints;
		size_t lines = 0;
		for (const char *p = all; *p; p++)
			lines += *p == '\n';
		int n = (int)strcspn(all, "\n");
		return lines == 1 ? err_set(e, ERR_INPUT, "%.*s", n, all)
				  : err_set(e, ERR_INPUT, "%zu complaints, the first: %.*s", lines, n, all);
	}
	*out = s;
	*rules = r;
	return 0;
}

const struct profile_settings *settings_profile(const struct settings *s, const char *name)
{
	const struct profile_settings *all = s->profiles.items;
	for (size_t i = 0; name && i < s->profiles.count; i++)
		if (str_eq(all[i].name, name))
			return &all[i];
	return NULL;
}

int64_t settings_fen(double yuan)
{
	return (int64_t)(yuan * 100 + 0.5);
}

char *settings_show(const struct settings *s, struct arena *arena)
{
	return conf_show(settings_rows, settings_row_count, s, arena);
}
