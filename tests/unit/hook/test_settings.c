/* Settings: good files load; each mistake is named at its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "common/seal.h"
#include "common/str.h"
#include "hook/settings.h"

#define OK(call) assert_int_equal((call), 0)

/* Policies, and what is known of actions. */
#define ALLOW(action, resource) "{\"effect\":\"allow\",\"action\":\"" action "\",\"resource\":\"" resource "\"}"
#define DENY(action) "{\"effect\":\"deny\",\"action\":[\"" action "\"],\"resource\":\"*\"}"
#define POLICY(statements) "{\"version\":\"2.0\",\"statement\":[" statements "]}\n"
#define OWN "qcs::tcb:${region}:uin/${uin}:env/${envId}"
static const char catalogue[] = "level env " OWN "\nlevel account *\nend more more rights than his policy gives\n"
	"action tcb:DescribeEnvs env read\naction tcb:CreateEnv account write pays\naction cam:CreateUser account write widens gives more\n";

struct fixture {
	char folder[64];
	struct arena *arena;
	struct settings s;
	struct roll_rules rules;
	char *complaints;
	struct err e;
};

/* --- a folder with everything that a good file names ---------------------------------------------------- */

static char *in_folder(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/%s", f->folder, name);
}

static char *make_file(struct fixture *f, const char *name, const char *text, mode_t mode)
{
	char *path = in_folder(f, name);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	OK(chmod(path, mode));
	return path;
}

/* A key pair with its certificate in one file does as an escrow certificate, too.  Made once: keys take long. */
static void make_escrow(struct fixture *f)
{
	static char pem[16384];
	struct seal_key *key;
	if (*pem) {
		make_file(f, "escrow", pem, 0600);
		return;
	}
	if (seal_key_ensure(in_folder(f, "escrow"), "escrow", &key, &f->e) < 0)
		fail_msg("%s", f->e.text);
	seal_key_free(key);
	FILE *in = fopen(in_folder(f, "escrow"), "r");
	assert_non_null(in);
	pem[fread(pem, 1, sizeof(pem) - 1, in)] = '\0';
	fclose(in);
}

static int up(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	strcpy(f->folder, "/tmp/rollcall-test-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	f->arena = arena_new(8u << 20);
	make_file(f, "secret", "password\n", 0600);
	make_file(f, "credential", "AKIDexample\nkey\n", 0400);
	make_file(f, "text", "text\n", 0644);
	make_file(f, "policy", POLICY(DENY("*")), 0644);
	make_file(f, "catalogue", catalogue, 0644);
	make_escrow(f);
	*state = f;
	return 0;
}

static int down(void **state)
{
	static const char *const names[] = { "secret", "credential", "text", "policy", "catalogue", "escrow", "conf", "seal.pem" };
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(in_folder(f, names[i]));
	rmdir(f->folder);
	arena_free(f->arena);
	free(f);
	return 0;
}

/* The least that is needed, one line of the file each; @F@ stands for the folder, NULL for the good one. */
struct parts { const char *top, *directory, *cloud, *policy, *seal, *life, *profiles; };

static const struct parts good = {
	.top = "installation = \"test\"; state_dir = \"@F@\";",
	.directory = "uri = \"ldap://127.0.0.1:389\"; base = \"dc=example,dc=com\"; bind_dn = \"cn=rollcall\"; secret_file = \"@F@/secret\";",
	.cloud = "credential_file = \"@F@/credential\"; agent_script = \"@F@/text\";",
	.policy = "template = \"@F@/policy\"; boundary = \"@F@/policy\"; barrier = \"@F@/policy\"; catalogue = \"@F@/catalogue\";",
	.seal = "escrow = \"@F@/escrow\";",
	.life = "",
	.profiles = "{ name = \"standard\"; package = \"baas_personal\"; }",
};

static char *fill_in(struct fixture *f, const char *text)
{
	struct str s;
	str_init(&s, f->arena);
	for (const char *at; (at = strstr(text, "@F@")); text = at + 3) {
		str_addn(&s, text, (size_t)(at - text));
		str_add(&s, f->folder);
	}
	str_add(&s, text);
	return s.text;
}

static const char *or_good(const char *part, const char *otherwise)
{
	return part ? part : otherwise;
}

/* Lines 1 to 7, one per part. */
static int load(struct fixture *f, const struct parts *p)
{
	const char *text = arena_printf(f->arena, "%s\ndirectory = { %s };\ncloud = { %s };\npolicy = { %s };\nseal = { %s };\n"
		"life = { %s };\nprofiles = ( %s );\n", or_good(p->top, good.top), or_good(p->directory, good.directory),
		or_good(p->cloud, good.cloud), or_good(p->policy, good.policy), or_good(p->seal, good.seal),
		or_good(p->life, good.life), or_good(p->profiles, good.profiles));
	char *path = make_file(f, "conf", fill_in(f, text), 0644);
	f->complaints = NULL;
	return settings_load(path, f->arena, &f->s, &f->rules, &f->complaints, &f->e);
}

static void load_good(struct fixture *f, const struct parts *p)
{
	if (load(f, p) < 0)
		fail_msg("%s", f->complaints);
	assert_string_equal(f->complaints, "");
}

/* The one complaint is about this path, at this line, and says this. */
static void refused(struct fixture *f, const struct parts *p, int line, const char *path, const char *why)
{
	char *start = arena_printf(f->arena, "%s/conf:%d: %s: ", f->folder, line, path);
	assert_int_equal(load(f, p), ERR_INPUT);
	if (strncmp(f->complaints, start, strlen(start)) != 0 || !strstr(f->complaints, why))
		fail_msg("wanted \"%s... %s\", got \"%s\"", start, why, f->complaints);
	if (strchr(f->complaints, '\n') != strrchr(f->complaints, '\n'))
		fail_msg("more than one complaint: %s", f->complaints);
	assert_memory_equal(f->e.text, f->complaints, strnlen(f->e.text, 100));
}

#define WITH(part, text) ((struct parts){ .part = text })

/* --- good files ----------------------------------------------------------------------------------------- */

static void the_least_file_gives_the_defaults(void **state)
{
	struct fixture *f = *state;
	load_good(f, &good);
	const struct settings *s = &f->s;
	assert_string_equal(s->installation, "test");
	assert_int_equal(s->directory.dir.uri_count, 1);
	assert_string_equal(s->directory.dir.uris[0], "ldap://127.0.0.1:389");
	assert_string_equal(s->directory.dir.base, "dc=example,dc=com");
	assert_string_equal(s->directory.dir.scope_filter, "(objectClass=inetOrgPerson)");
	assert_null(s->directory.dir.widest);
	assert_null(s->directory.dir.still_ours);
	assert_int_equal(s->directory.dir.bind, DIR_BIND_SIMPLE);
	assert_false(s->directory.dir.starttls);
	assert_false(s->directory.dir.allow_clear);
	assert_int_equal(s->directory.dir.refresh_ms, 3600000);
	assert_int_equal(s->directory.dir.heartbeat_ms, 30000);
	assert_int_equal(s->directory.dir.answer_ms, 10000);
	assert_int_equal(s->directory.dir.connect_ms, 10000);
	assert_true(s->directory.dir.max_message >= 1u << 20);
	assert_string_equal(s->directory.map.login, "uid");
	assert_string_equal(s->directory.map.certificate, "userCertificate");
	assert_null(s->directory.map.due);
	assert_null(s->cloud.endpoint.url);
	assert_int_equal(s->cloud.endpoint.connect_ms, 5000);
	assert_string_equal(s->cloud.domain, "tencentcloudapi.com");
	assert_int_equal(s->cloud.timeout_ms, 30000);
	assert_int_equal(s->cloud.revoke_timeout_ms, 5000);
	assert_int_equal(s->cloud.driver.poll_ms, 5000);
	assert_int_equal(s->cloud.driver.settle_ms, 900000);
	assert_int_equal(s->cloud.driver.policy_cache_ms, 60000);
	assert_int_equal(s->cloud.driver.isolation_ms, -1);
	assert_int_equal(s->cloud.driver.agent_timeout_ms, 900000);
	assert_string_equal(s->cloud.driver.openclaw_image, "OpenClaw");
	assert_false(s->cloud.driver.by_hand_kept);
	assert_int_equal(s->cloud.driver.probe_others, 2);
	assert_int_equal(s->cloud.driver.prove_every_ms, 86400000);
	assert_int_equal(s->seal.escrow.count, 1);
	assert_string_equal(s->seal.key_file, in_folder(f, "seal.pem"));
	assert_int_equal(s->life.grace_ms, 30LL * 86400000);
	assert_int_equal(s->life.undo_ms, 86400000);
	assert_int_equal(s->life.weak_wait_ms, 30000);
	assert_int_equal(s->life.sweep_ms, 120000);
	assert_int_equal(s->life.trust_ms, 600000);
	assert_int_equal(s->life.audit_ms, 86400000);
	assert_int_equal(s->life.retry_max_ms, 900000);
	assert_int_equal(s->life.departures_hour, 5);
	assert_true(s->life.departures_percent == 2);
	assert_int_equal(s->life.departures_day, 15);
	assert_true(s->life.departures_percent_day == 5);
	assert_int_equal(s->life.joins_hour, 50);
	assert_true(s->life.money_day_yuan == 0);
	assert_int_equal(s->cloud.driver.key_age_ms, 0);
	assert_int_equal(s->cloud.driver.key_overlap_ms, 86400000);
	assert_int_equal(s->workers, 8);
	assert_int_equal(s->revoke_workers, 2);
	assert_string_equal(s->socket, "/run/rollcall/desk");
	assert_string_equal(s->admin_group, "rollcall-admin");
	assert_int_equal(s->log_level, LOG_INFO_LEVEL);
	assert_null(f->rules.entitled);
	assert_null(f->rules.disabled);
	assert_null(f->rules.guarded);
	assert_int_equal(s->directory.dir.sentinel_count, 0);
	assert_false(s->directory.dir.schema_unreadable_ok);
	assert_string_equal(s->directory.dir.needs[0], "uid");
	assert_null(s->directory.dir.needs[1]);
	assert_string_equal(f->rules.map.login, "uid");
	assert_int_equal(f->rules.profile_count, 1);
	assert_string_equal(f->rules.profiles[0].name, "standard");
	assert_non_null(f->rules.profiles[0].filter);     /* it fits everyone */
	const struct profile_settings *p = s->profiles.items;
	assert_string_equal(p->package, "baas_personal");
	assert_null(p->bundle);
	assert_int_equal(p->trigger, 0);
}

static void values_arrive_where_they_belong(void **state)
{
	struct fixture *f = *state;
	struct parts p = good;
	p.top = "installation = \"a-1\"; state_dir = \"@F@\"; workers = 4; revoke_workers = 1; socket = \"@F@/desk\";"
		" admin_group = \"wheel\"; log = \"debug\";";
	p.directory = "uri = [ \"ldaps://a.example.com\", \"ldapi://%2Frun%2Fldapi\" ]; base = \"ou=p\"; filter = \"(uid=*)\";"
		" entitled = \"(a=1)\"; disabled = \"(|(b=2)(c=3))\"; protected = \"(e=5)\"; sentinels = [ \"uid=s,ou=p\", \"uid=t,ou=p\" ];"
		" schema_unreadable_ok = true; widest = \"dc=x\"; still_ours = \"ou=y\"; bind = \"external\";"
		" cert = \"@F@/text\"; key = \"@F@/secret\"; ca = \"@F@/text\"; refresh = \"10m\"; heartbeat = 2.5; answer = 1; connect = 3;"
		" attributes = { login = \"cn\"; mail = \"\"; display = \"gecos\"; uid_number = \"\"; certificate = \"\"; due = \"start\"; };";
	p.cloud = "credential_file = \"@F@/credential\"; agent_script = \"@F@/text\"; root_account = \"r2\"; region = \"ap-beijing\";"
		" domain = \"example.com\"; endpoint = { url = \"http://127.0.0.1:8080\"; connect = \"127.0.0.1:8443\"; ca = \"@F@/text\"; };"
		" rate_share = 0.5; connect_timeout = 1; timeout = 9; revoke_timeout = 2; poll = 0.2; settle = 3; cam_policy_cache = 1;"
		" isolation_days = 0.5; openclaw_image = \"Claw\"; agent_timeout = \"2m\"; by_hand = \"report\"; probe_others = 0;";
	p.seal = "escrow = [ \"@F@/escrow\" ]; key_file = \"@F@/escrow\"; person_ca = \"@F@/text\"; strict_memory = true;";
	p.life = "grace = 4; undo = 5; weak_wait = 0.5; sweep_again = 6; trust = 7; audit = 8; retry_max = 9;"
		" departures_per_hour = 100; departures_percent = 12.5; departures_per_day = 200; departures_percent_day = 25;"
		" joins_per_hour = 7; money_per_day_yuan = 1000.5; rotation = \"1d\"; prove_every = \"5d\"; dormant = \"90d\";";
	p.profiles = "{ name = \"a\"; filter = \"(d=4)\"; package = \"p1\"; bundle = \"b1\"; blueprint = \"i1\"; zone = \"z-1\";"
		" region = \"r-1\"; trigger = \"login\"; park = true; price_yuan = 84.9; }, { name = \"b\"; package = \"p2\"; }";
	load_good(f, &p);
	const struct settings *s = &f->s;
	assert_int_equal(s->directory.dir.uri_count, 2);
	assert_string_equal(s->directory.dir.uris[1], "ldapi://%2Frun%2Fldapi");
	assert_string_equal(s->directory.dir.scope_filter, "(uid=*)");
	assert_string_equal(s->directory.dir.widest, "dc=x");
	assert_string_equal(s->directory.dir.still_ours, "ou=y");
	assert_int_equal(s->directory.dir.bind, DIR_BIND_EXTERNAL);
	assert_string_equal(s->directory.dir.cert_file, in_folder(f, "text"));
	assert_string_equal(s->directory.dir.key_file, in_folder(f, "secret"));
	assert_string_equal(s->directory.dir.ca_file, in_folder(f, "text"));
	assert_int_equal(s->directory.dir.refresh_ms, 600000);
	assert_int_equal(s->directory.dir.heartbeat_ms, 2500);
	assert_string_equal(s->directory.map.login, "cn");
	assert_null(s->directory.map.mail);
	assert_string_equal(s->directory.map.display, "gecos");
	assert_null(s->directory.map.uid_number);
	assert_null(s->directory.map.certificate);
	assert_string_equal(s->directory.map.due, "start");
	assert_string_equal(s->cloud.root_account, "r2");
	assert_string_equal(s->cloud.endpoint.url, "http://127.0.0.1:8080");
	assert_string_equal(s->cloud.endpoint.connect, "127.0.0.1:8443");
	assert_string_equal(s->cloud.endpoint.ca_file, in_folder(f, "text"));
	assert_true(s->cloud.rate_share == 0.5);
	assert_int_equal(s->cloud.driver.poll_ms, 200);
	assert_int_equal(s->cloud.driver.settle_ms, 3000);
	assert_int_equal(s->cloud.driver.policy_cache_ms, 1000);
	assert_int_equal(s->cloud.driver.isolation_ms, 43200000);
	assert_string_equal(s->cloud.driver.openclaw_image, "Claw");
	assert_int_equal(s->cloud.driver.agent_timeout_ms, 120000);
	assert_true(s->cloud.driver.by_hand_kept);
	assert_int_equal(s->cloud.driver.probe_others, 0);
	assert_int_equal(s->cloud.driver.prove_every_ms, 5 * INT64_C(86400000));
	assert_int_equal(s->life.dormant_ms, 90 * INT64_C(86400000));
	assert_string_equal(s->seal.key_file, in_folder(f, "escrow"));
	assert_true(s->seal.strict_memory);
	assert_int_equal(s->life.grace_ms, 4000);
	assert_int_equal(s->life.weak_wait_ms, 500);
	assert_true(s->life.departures_percent == 12.5);
	assert_int_equal(s->life.departures_day, 200);
	assert_true(s->life.departures_percent_day == 25);
	assert_int_equal(s->life.joins_hour, 7);
	assert_int_equal(settings_fen(s->life.money_day_yuan), 100050);
	assert_int_equal(s->directory.dir.sentinel_count, 2);
	assert_string_equal(s->directory.dir.sentinels[1], "uid=t,ou=p");
	assert_true(s->directory.dir.schema_unreadable_ok);
	/* The login, and what decides: not the profiles' filters. */
	static const char *const needs[] = { "cn", "a", "b", "c", "e" };
	for (size_t i = 0; i < ARRAY_LEN(needs); i++)
		assert_string_equal(s->directory.dir.needs[i], needs[i]);
	assert_null(s->directory.dir.needs[ARRAY_LEN(needs)]);
	assert_non_null(f->rules.guarded);
	assert_int_equal(s->workers, 4);
	assert_int_equal(s->log_level, LOG_DEBUG_LEVEL);
	assert_non_null(f->rules.entitled);
	assert_non_null(f->rules.disabled);
	assert_int_equal(f->rules.profile_count, 2);
	const struct profile_settings *profiles = s->profiles.items;
	assert_string_equal(profiles[0].zone, "z-1");
	assert_int_equal(profiles[0].trigger, 1);
	assert_true(profiles[0].park && !profiles[1].park);
	assert_int_equal(settings_fen(profiles[0].price_yuan), 8490);
	assert_true(profiles[1].price_yuan == 0);
	assert_string_equal(profiles[1].name, "b");
	p.cloud = "credential_file = \"@F@/credential\"; agent_script = \"@F@/text\"; isolation_days = 0;";
	load_good(f, &p);
	assert_int_equal(f->s.cloud.driver.isolation_ms, 0);
}

static void what_is_in_force_can_be_shown(void **state)
{
	struct fixture *f = *state;
	load_good(f, &good);
	const char *shown = settings_show(&f->s, f->arena);
	assert_non_null(strstr(shown, "cloud.settle = 900\n"));
	assert_non_null(strstr(shown, "directory.bind = \"simple\"\n"));
	assert_non_null(strstr(shown, "profiles[0].name = \"standard\"\n"));
	assert_non_null(strstr(shown, arena_printf(f->arena, "seal.key_file = \"%s/seal.pem\"\n", f->folder)));
	assert_null(strstr(shown, "password"));
	assert_null(strstr(shown, "AKIDexample"));
}

/* --- policies ------------------------------------------------------------------------------------------- */

static void what_is_read_is_what_was_proved(void **state)
{
	struct fixture *f = *state;
	const char *template = POLICY(ALLOW("tcb:DescribeEnvs", OWN) "," DENY("cam:*\",\"tcb:CreateEnv"));
	struct parts p = good;
	make_file(f, "text", template, 0644);
	p.policy = "template = \"@F@/text\"; boundary = \"@F@/policy\"; barrier = \"@F@/policy\"; catalogue = \"@F@/catalogue\";";
	load_good(f, &p);
	assert_string_equal(f->s.policy.template_text, template);
	assert_string_equal(f->s.policy.boundary_text, POLICY(DENY("*")));
	assert_string_equal(f->s.policy.barrier_text, POLICY(DENY("*")));
	assert_int_equal(f->s.policy.catalogue->action_count, 3);
}

static void a_policy_that_does_not_isolate_is_a_mistake(void **state)
{
	struct fixture *f = *state;
	static const struct { const char *path, *text, *why; } cases[] = {
		{ "policy.template", POLICY(ALLOW("tcb:DescribeEnvs", "qcs::tcb::uin/${uin}:env/*") "," DENY("*:C*")), "statement[0] allows" },
		{ "policy.template", POLICY(ALLOW("tcb:Unheard", OWN) "," DENY("*:C*")), "not in the catalogue" },
		{ "policy.template", POLICY(ALLOW("tcb:DescribeEnvs", OWN) "," DENY("cam:*")), "tcb:CreateEnv" },
		{ "policy.template", POLICY(ALLOW("tcb:DescribeEnvs", "${oops}") "," DENY("*:C*")), "${oops}" },
		{ "policy.boundary", POLICY(ALLOW("*", "*") "," DENY("tcb:CreateEnv")), "cam:CreateUser" },
		{ "policy.boundary", POLICY(DENY("*") "," ALLOW("*", OWN)), "placeholder" },
		{ "policy.barrier", POLICY(DENY("*:*")), "does not deny everything" },
		{ "policy.barrier", POLICY("{\"effect\":\"deny\",\"action\":\"*\",\"resource\":\"*\",\"condition\":"
			"{\"string_equal\":{\"a\":\"b\"}}}"), "does not deny everything" },
		{ "policy.barrier", POLICY(DENY("*") "," ALLOW("*", OWN)), "placeholder" },
		{ "policy.catalogue", "action tcb:DescribeEnvs env read\n", "line 1" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *name = cases[i].path + strlen("policy.");
		struct parts p = good;
		p.policy = arena_printf(f->arena, "template = \"@F@/%s\"; boundary = \"@F@/%s\"; barrier = \"@F@/%s\"; catalogue = \"@F@/%s\";",
			str_eq(name, "template") ? "text" : "policy", str_eq(name, "boundary") ? "text" : "policy",
			str_eq(name, "barrier") ? "text" : "policy", str_eq(name, "catalogue") ? "text" : "catalogue");
		make_file(f, "text", cases[i].text, 0644);
		refused(f, &p, 4, cases[i].path, cases[i].why);
	}
}

static void the_first_ten_reasons_are_told(void **state)
{
	struct fixture *f = *state;
	struct str s;
	struct parts p = good;
	size_t lines = 0;
	str_init(&s, f->arena);
	for (int i = 0; i < 14; i++)
		str_addf(&s, "{\"effect\":\"allow\",\"action\":\"tcb:DescribeEnvs\",\"resource\":\"qcs::tcb::uin/1:env/e%d\"},", i);
	make_file(f, "text", arena_printf(f->arena, "{\"version\":\"2.0\",\"statement\":[%s" DENY("*:C*") "]}", s.text), 0644);
	p.policy = "template = \"@F@/text\"; boundary = \"@F@/policy\"; barrier = \"@F@/policy\"; catalogue = \"@F@/catalogue\";";
	assert_int_equal(load(f, &p), ERR_INPUT);
	for (const char *at = f->complaints; (at = strstr(at, ": policy.template: ")); at++)
		lines++;
	assert_int_equal(lines, 11);
	assert_non_null(strstr(f->complaints, "\": and 4 more\n"));
}

/* --- mistakes ------------------------------------------------------------------------------------------- */

#define DIRECTORY "base = \"dc=x\"; bind_dn = \"cn=r\"; secret_file = \"@F@/secret\"; "
#define CLOUD "credential_file = \"@F@/credential\"; agent_script = \"@F@/text\"; "
#define FILES "template = \"@F@/policy\"; boundary = \"@F@/policy\"; catalogue = \"@F@/catalogue\"; "

static void each_mistake_is_named_at_its_line(void **state)
{
	struct fixture *f = *state;
	make_file(f, "open", "password\n", 0644);
	const struct { struct parts parts; int line; const char *path, *why; } cases[] = {
		{ WITH(top, "installation = \"a b\"; state_dir = \"@F@\";"), 1, "installation", "letters, digits" },
		{ WITH(top, "installation = \"a\"; state_dir = \"@F@/none\";"), 1, "state_dir", "No such file" },
		{ WITH(top, "installation = \"a\"; state_dir = \"@F@/text\";"), 1, "state_dir", "not a folder" },
		{ WITH(top, "installation = \"a\"; state_dir = \"@F@\"; wrokers = 3;"), 1, "wrokers", "unknown" },
		{ WITH(top, "installation = \"a\"; state_dir = \"@F@\"; workers = 3; revoke_workers = 3;"), 1, "revoke_workers", "3 of 3" },
		{ WITH(top, "installation = \"a\"; state_dir = \"@F@\"; workers = 65;"), 1, "workers", "64" },
		{ WITH(top, "installation = \"a\"; state_dir = \"@F@\"; log = \"loud\";"), 1, "log", "none of alarm" },
		{ WITH(top, "installation = \"a\"; state_dir = \"@F@\"; admin_group = \"\";"), 1, "admin_group", "empty" },
		{ WITH(directory, "uri = \"ldap://127.0.0.1\"; sentinels = \"nobody\"; " DIRECTORY), 2, "directory.sentinels", "nobody" },
		{ WITH(directory, "uri = \"ldap://127.0.0.1\"; protected = \"(rollcallStage=*)\"; " DIRECTORY), 2, "directory.protected",
			"written by Rollcall" },
		{ WITH(directory, "uri = \"http://x\"; " DIRECTORY), 2, "directory.uri", "begins with none of" },
		{ WITH(directory, "uri = \"ldap://ldap.example.com\"; " DIRECTORY), 2, "directory.uri", "password in clear" },
		{ WITH(directory, "uri = \"ldap://127.0.0.1\"; base = \"o=x\"; secret_file = \"@F@/secret\";"), 2, "directory.bind_dn",
			"missing" },
		{ WITH(directory, "uri = \"ldap://127.0.0.1\"; base = \"o=x\"; bind_dn = \"cn=x\";"), 2, "directory.secret_file", "missing" },
		{ WITH(directory, "uri = \"ldap://127.0.0.1\"; base = \"o=x\"; bind_dn = \"cn=x\"; secret_file = \"@F@/open\";"), 2,
			"directory.secret_file", "open to group or others" },
		{ WITH(directory, "uri = \"ldapi:///\"; base = \"o=x\"; bind = \"external\"; cert = \"@F@/text\";"), 2, "directory.key",
			"go together" },
		{ WITH(directory, "uri = \"ldaps://a\"; base = \"o=x\"; bind = \"external\";"), 2, "directory.bind", "needs directory.cert" },
		{ WITH(directory, "uri = \"ldapi:///\"; filter = \"(uid=\"; " DIRECTORY), 2, "directory.filter", "column" },
		{ WITH(directory, "uri = \"ldapi:///\"; entitled = \"uid=a\"; " DIRECTORY), 2, "directory.entitled", "column" },
		{ WITH(directory, "uri = \"ldapi:///\"; disabled = \"(&(a=b)(rollcallStage=x))\"; " DIRECTORY), 2, "directory.disabled",
			"written by Rollcall" },
		{ WITH(directory, "uri = \"ldapi:///\"; ca = \"@F@/none\"; " DIRECTORY), 2, "directory.ca", "No such file" },
		{ WITH(directory, "uri = \"ldapi:///\"; attributes = { login = \"\"; }; " DIRECTORY), 2, "directory.attributes.login",
			"letters" },
		{ WITH(directory, "uri = \"ldapi:///\"; attributes = { mail = \"e mail\"; }; " DIRECTORY), 2,
			"directory.attributes.mail", "letters" },
		{ WITH(directory, "uri = \"ldapi:///\"; attributes = { display = \"rollcallName\"; }; " DIRECTORY), 2,
			"directory.attributes.display", "written by Rollcall" },
		{ WITH(directory, "uri = [ ]; " DIRECTORY), 2, "directory.uri", "at least one" },
		{ WITH(cloud, "agent_script = \"@F@/text\";"), 3, "cloud.credential_file", "missing" },
		{ WITH(cloud, "agent_script = \"@F@/text\"; credential_file = \"@F@/secret\";"), 3, "cloud.credential_file", "line 2" },
		{ WITH(cloud, "agent_script = \"@F@/text\"; credential_file = \"@F@/none\";"), 3, "cloud.credential_file", "No such file" },
		{ WITH(cloud, "credential_file = \"@F@/credential\"; agent_script = \"@F@\";"), 3, "cloud.agent_script", "not a file" },
		{ WITH(cloud, CLOUD "region = \"ap shanghai\";"), 3, "cloud.region", "letters" },
		{ WITH(cloud, CLOUD "rate_share = 1.5;"), 3, "cloud.rate_share", "1" },
		{ WITH(cloud, CLOUD "openclaw_image = \"\";"), 3, "cloud.openclaw_image", "every image" },
		{ WITH(cloud, CLOUD "endpoint = { url = \"ftp://127.0.0.1\"; };"), 3, "cloud.endpoint.url", "neither" },
		{ WITH(cloud, CLOUD "endpoint = { url = \"http://10.0.0.1:80\"; };"), 3, "cloud.endpoint.url", "this machine only" },
		{ WITH(cloud, CLOUD "endpoint = { connect = \"127.0.0.1\"; };"), 3, "cloud.endpoint.connect", "HOST:PORT" },
		{ WITH(cloud, CLOUD "by_hand = \"ignore\";"), 3, "cloud.by_hand", "remove" },
		{ WITH(cloud, CLOUD "probe_others = 21;"), 3, "cloud.probe_others", "20" },
		{ WITH(policy, FILES "barrier = \"@F@/none\";"), 4, "policy.barrier", "No such file" },
		{ WITH(policy, FILES "barrier = \"@F@/text\";"), 4, "policy.barrier", "JSON line 1" },
		{ WITH(policy, FILES "barrier = \"text\";"), 4, "policy.barrier", "absolute" },
		{ WITH(seal, ""), 5, "seal.escrow", "missing" },
		{ WITH(seal, "escrow = \"@F@/text\";"), 5, "seal.escrow", "certificate" },
		{ WITH(seal, "escrow = [ \"escrow.pem\" ];"), 5, "seal.escrow", "absolute" },
		{ WITH(seal, "escrow = \"@F@/escrow\"; key_file = \"@F@/text\";"), 5, "seal.key_file", "text" },
		{ WITH(seal, "escrow = \"@F@/escrow\"; person_ca = \"@F@/none\";"), 5, "seal.person_ca", "No such file" },
		{ WITH(life, "grace = -1;"), 6, "life.grace", "-1" },
		{ WITH(life, "grace = \"30 fortnights\";"), 6, "life.grace", "30 fortnights" },
		{ WITH(life, "money_per_day_yuan = 100;"), 6, "life.money_per_day_yuan", "price_yuan" },
		{ WITH(life, "dormant = \"13d\"; prove_every = 0;"), 6, "life.dormant", "14 days" },
		{ WITH(life, "dormant = \"90d\";"), 6, "life.prove_every", "4 days" },
		{ WITH(life, "dormant = \"90d\"; prove_every = \"7d\";"), 6, "life.prove_every", "weeks" },
		{ WITH(life, "dormant = \"90d\"; prove_every = \"160h\";"), 6, "life.prove_every", "every 7 days" },
		{ WITH(life, "dormant = \"90d\"; prove_every = \"5d\"; audit = \"7d\";"), 6, "life.prove_every", "every 7 days" },
		{ WITH(profiles, "{ name = \"a\"; package = \"p\"; park = true; }"), 7, "profiles[0].park", "life.dormant" },
		{ WITH(life, "departures_percent = 101.0;"), 6, "life.departures_percent", "100" },
		{ WITH(profiles, ""), 7, "profiles", "at least one" },
		{ WITH(profiles, "{ name = \"a\"; }"), 7, "profiles[0].package", "missing" },
		{ WITH(profiles, "{ name = \"a\"; package = \"p\"; filter = \"(\"; }"), 7, "profiles[0].filter", "column" },
		{ WITH(profiles, "{ name = \"a\"; package = \"p\"; }, { name = \"b\"; package = \"p\"; }"), 7, "profiles[0]", "later ones" },
		{ WITH(profiles, "{ name = \"a\"; package = \"p\"; filter = \"(a=b)\"; }, { name = \"a\"; package = \"p\"; }"), 7,
			"profiles[1].name", "already" },
		{ WITH(profiles, "{ name = \"a\"; package = \"p\"; trigger = \"never\"; }"), 7, "profiles[0].trigger", "directory" },
		{ WITH(profiles, "{ name = \"a\"; package = \"p q\"; }"), 7, "profiles[0].package", "letters" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		refused(f, &cases[i].parts, cases[i].line, cases[i].path, cases[i].why);
	unlink(in_folder(f, "open"));
}

static void all_mistakes_are_told_at_once(void **state)
{
	struct fixture *f = *state;
	struct parts p = good;
	p.top = "installation = \"\"; state_dir = \"@F@\"; workers = \"many\"; nonsense = 1;";
	p.directory = "uri = \"gopher://x\"; base = \"o=x\"; disabled = \"(\";";
	p.cloud = "credential_file = \"@F@/none\"; agent_script = \"@F@/text\"; poll = -1;";
	p.profiles = "{ name = \"a\"; package = \"p\"; }, { name = \"a\"; package = \"\"; colour = \"red\"; }";
	assert_int_equal(load(f, &p), ERR_INPUT);
	static const char *const wanted[] = { "conf:1: installation: ", "conf:1: workers: ", "conf:1: nonsense: ",
		"conf:2: directory.uri: ", "conf:2: directory.disabled: ", "conf:2: directory.bind_dn: ",
		"conf:2: directory.secret_file: ", "conf:3: cloud.credential_file: ", "conf:3: cloud.poll: ", "conf:7: profiles[0]: ",
		"conf:7: profiles[1].name: ", "conf:7: profiles[1].package: ", "conf:7: profiles[1].colour: " };
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (!strstr(f->complaints, wanted[i]))
			fail_msg("\"%s\" is not among: %s", wanted[i], f->complaints);
	}
	assert_non_null(strstr(f->e.text, "complaints, the first: "));
	/* Nothing of a secret gets into them. */
	assert_null(strstr(f->complaints, "password"));
}

static void what_is_no_settings_file_is_refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(settings_load(in_folder(f, "none"), f->arena, &f->s, &f->rules, &f->complaints, &f->e), ERR_INPUT);
	assert_non_null(strstr(f->complaints, "No such file"));
	char *path = make_file(f, "conf", "installation = \"a\";\ndirectory = {\n", 0644);
	assert_int_equal(settings_load(path, f->arena, &f->s, &f->rules, &f->complaints, &f->e), ERR_INPUT);
	assert_non_null(strstr(f->complaints, "/conf:"));
}

static void seventeen_profiles_are_too_many(void **state)
{
	struct fixture *f = *state;
	struct str s;
	str_init(&s, f->arena);
	for (int i = 0; i < 17; i++)
		str_addf(&s, "%s{ name = \"p%d\"; package = \"p\"; filter = \"(a=%d)\"; }", i ? ", " : "", i, i);
	refused(f, &(WITH(profiles, s.text)), 7, "profiles", "at most 16");
}

#define SETTINGS_TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	json_start();
	const struct CMUnitTest tests[] = {
		SETTINGS_TEST(the_least_file_gives_the_defaults),
		SETTINGS_TEST(values_arrive_where_they_belong),
		SETTINGS_TEST(what_is_in_force_can_be_shown),
		SETTINGS_TEST(what_is_read_is_what_was_proved),
		SETTINGS_TEST(a_policy_that_does_not_isolate_is_a_mistake),
		SETTINGS_TEST(the_first_ten_reasons_are_told),
		SETTINGS_TEST(each_mistake_is_named_at_its_line),
		SETTINGS_TEST(all_mistakes_are_told_at_once),
		SETTINGS_TEST(what_is_no_settings_file_is_refused),
		SETTINGS_TEST(seventeen_profiles_are_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
