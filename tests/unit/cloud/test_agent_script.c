/* etc/agent/install-agent.sh in a small world of its own: homes under a temporary folder, npx and the product's
 * command are stand-ins that write down how they were called; node is the real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/json.h"
#include "common/str.h"

#define SCRIPT "etc/agent/install-agent.sh"
#define KEY_ID "AKIDtest0123456789"
#define KEY "S3cretS3cretS3cret"

struct world {
	struct arena *arena;
	char dir[64];
	char output[4096];      /* of the last run */
};

static char *at(struct world *w, const char *name)
{
	return arena_printf(w->arena, "%s/%s", w->dir, name);
}

static void put(struct world *w, const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(at(w, name), "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(at(w, name), mode), 0);
}

static char *get(struct world *w, const char *name)
{
	static char text[65536];
	FILE *f = fopen(at(w, name), "r");
	if (!f)
		return NULL;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return arena_strdup(w->arena, text);
}

static void sh(struct world *w, const char *fmt, ...) PRINTF(2, 3);
static void sh(struct world *w, const char *fmt, ...)
{
	char command[4096];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(arena_printf(w->arena, "cd %s && { %s; }", w->dir, command)))
		fail_msg("%s", command);
}

static int begin(void **state)
{
	struct world *w = mem_alloc(sizeof(*w));
	w->arena = arena_new(1 << 22);
	strcpy(w->dir, "/tmp/agent-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(chmod(w->dir, 0755), 0);
	/* Only what the script may need, so that no npx of this machine is found. */
	sh(w, "mkdir bin log && chmod 777 log && for t in sh env stat id tail cat dash runuser; do p=$(command -v $t) && ln -s \"$p\" bin/$t; done");
	sh(w, "p=$(command -v node) || exit 0; printf '#!/bin/sh\\necho \"$@\" >> %s/log/node\\nenv >> %s/log/node\\nexec %%s \"$@\"\\n' \"$p\" > bin/node;"
		"chmod 755 bin/node", w->dir, w->dir);
	put(w, "bin/npx", arena_printf(w->arena, "#!/bin/sh\necho \"npx $* in $PWD home $HOME\" >> %s/log/calls\n"
		"env >> %s/log/environment\nfor i in 1 2 3 4 5 6 7 8 9; do echo line $i; done\n"
		"case $4 in $(cat %s/log/refuse 2>/dev/null || echo none)) exit 1 ;; esac\n", w->dir, w->dir, w->dir), 0755);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "bin/moltbot" : "bin/openclaw";
		put(w, name, arena_printf(w->arena, "#!/bin/sh\necho \"%s $*\" >> %s/log/calls\n[ ! -e %s/log/stuck ]\n", name + 4, w->dir,
			w->dir), 0755);
	}
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;
	int rc = system(arena_printf(w->arena, "rm -rf %s", w->dir));
	arena_free(w->arena);
	free(w);
	return rc;
}

static void need_node(struct world *w)
{
	if (access(at(w, "bin/node"), X_OK))
		skip();
}

static char *replace(struct world *w, const char *text, const char *what, const char *with)
{
	struct str s;
	str_init(&s, w->arena);
	for (const char *p; (p = strstr(text, what)); text = p + strlen(what)) {
		str_addn(&s, text, (size_t)(p - text));
		str_add(&s, with);
	}
	str_add(&s, text);
	return s.text;
}

/* As the automation agent does: put the values into the text and run it. */
static int run_with(struct world *w, const char *id, const char *key, const char *env_id)
{
	static char text[65536];
	FILE *f = fopen(SCRIPT, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	char *script = text;
	if (id) {
		script = replace(w, script, "{{tat-hidden:secret_id}}", id);
		script = replace(w, script, "{{tat-hidden:secret_key}}", key);
		script = replace(w, script, "{{tat-hidden:env_id}}", env_id);
		script = replace(w, script, "{{region}}", "ap-shanghai");
	}
	put(w, "script", script, 0700);
	FILE *p = popen(arena_printf(w->arena, "cd / && env -i PATH=%s/bin ROLLCALL_TEST_ROOT=%s sh %s/script 2>&1", w->dir, w->dir,
		w->dir), "r");
	assert_non_null(p);
	w->output[fread(w->output, 1, sizeof(w->output) - 1, p)] = '\0';
	int status = pclose(p);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(struct world *w)
{
	return run_with(w, KEY_ID, KEY, "rc-x-123");
}

static struct json *config(struct world *w, const char *file)
{
	struct json *o = NULL;
	struct err e;
	char *text = get(w, file);
	assert_non_null(text);
	if (json_parse(w->arena, text, strlen(text), &o, &e))
		fail_msg("%s: %s", text, e.text);
	return o;
}

static void check_server(const struct json *o)
{
	assert_string_equal(json_text(o, "mcpServers.cloudbase-mcp.command"), "npx");
	assert_string_equal(json_text(o, "mcpServers.cloudbase-mcp.env.TENCENTCLOUD_SECRETID"), KEY_ID);
	assert_string_equal(json_text(o, "mcpServers.cloudbase-mcp.env.TENCENTCLOUD_SECRETKEY"), KEY);
	assert_string_equal(json_text(o, "mcpServers.cloudbase-mcp.env.CLOUDBASE_ENV_ID"), "rc-x-123");
	assert_string_equal(json_text(o, "mcpServers.cloudbase-mcp.env.TCB_REGION"), "ap-shanghai");
}

#define CONFIG "root/.openclaw/workspace/config/mcporter.json"

static void a_fresh_home(void **state)
{
	struct world *w = *state;
	struct stat st;
	need_node(w);
	sh(w, "mkdir -p root/.openclaw");
	if (run(w))
		fail_msg("%s", w->output);
	check_server(config(w, CONFIG));
	assert_int_equal(stat(at(w, CONFIG), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	const char *calls = get(w, "log/calls");
	assert_string_equal(calls, arena_printf(w->arena,
		"npx -y skills add tencentcloudbase/cloudbase-skills -y in %s/workspace home %s\nopenclaw gateway restart\n",
		at(w, "root/.openclaw"), at(w, "root")));
	/* Neither in what is printed, nor in arguments or environment of anything that was started. */
	assert_null(strstr(w->output, KEY));
	assert_null(strstr(w->output, KEY_ID));
	assert_null(strstr(get(w, "log/node"), KEY));
	assert_null(strstr(get(w, "log/environment"), KEY));
	assert_true(strlen(w->output) < 200);
}

static void what_is_there_is_kept(void **state)
{
	struct world *w = *state;
	need_node(w);
	sh(w, "mkdir -p root/.openclaw/workspace/config");
	put(w, CONFIG, "{\"mcpServers\":{\"mine\":{\"command\":\"x\"},\"cloudbase-mcp\":{\"command\":\"old\",\"env\":{\"OLD\":\"1\"}}},\"other\":[1]}", 0644);
	assert_int_equal(run(w), 0);
	char *first = get(w, CONFIG);
	struct json *o = config(w, CONFIG);
	check_server(o);
	assert_string_equal(json_text(o, "mcpServers.mine.command"), "x");
	assert_int_equal(json_count(json_get(o, "other")), 1);
	assert_false(json_has(o, "mcpServers.cloudbase-mcp.env.OLD"));
	struct stat st;
	assert_int_equal(stat(at(w, CONFIG), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Once more: the same, and nothing left lying about. */
	assert_int_equal(run(w), 0);
	assert_string_equal(get(w, CONFIG), first);
	sh(w, "test $(ls root/.openclaw/workspace/config | wc -l) = 1");
}

static void older_names_and_other_users(void **state)
{
	struct world *w = *state;
	need_node(w);
	sh(w, "mkdir -p root home/ubuntu home/somebody/.moltbot home/zoe");
	assert_int_equal(run(w), 0);
	check_server(config(w, "home/somebody/.moltbot/workspace/config/mcporter.json"));
	assert_non_null(strstr(get(w, "log/calls"), "\nmoltbot gateway restart\n"));
	/* The newer name goes first, wherever it is. */
	sh(w, "mkdir -p home/zoe/.openclaw");
	assert_int_equal(run(w), 0);
	check_server(config(w, "home/zoe/.openclaw/workspace/config/mcporter.json"));
}

/* As root it becomes the owner of the home, and writes nothing as root. */
static void the_owner_owns_it(void **state)
{
	struct world *w = *state;
	struct stat st;
	need_node(w);
	if (geteuid() || access(at(w, "bin/runuser"), X_OK))
		skip();
	sh(w, "mkdir -p home/somebody/.openclaw && chown -R nobody home/somebody && chmod 755 home home/somebody");
	if (run(w))
		fail_msg("%s", w->output);
	assert_int_equal(stat(at(w, "home/somebody/.openclaw/workspace/config/mcporter.json"), &st), 0);
	assert_int_not_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	sh(w, "test -z \"$(find home/somebody -user root)\"");
	/* A link that points where only root may write leads nowhere. */
	sh(w, "rm -rf home/somebody/.openclaw/workspace && mkdir root && chmod 700 root &&"
		"ln -s %s/root home/somebody/.openclaw/workspace && chown -h nobody home/somebody/.openclaw/workspace", w->dir);
	assert_int_equal(run(w), 13);
	sh(w, "test -z \"$(ls root)\"");
}

static void a_link_is_replaced_not_followed(void **state)
{
	struct world *w = *state;
	need_node(w);
	sh(w, "mkdir -p root/.openclaw/workspace/config && echo '{}' > root/target && ln -s ../../../target " CONFIG);
	sh(w, "ln -s ../../../target " CONFIG ".rollcall");
	assert_int_equal(run(w), 0);
	assert_string_equal(get(w, "root/target"), "{}\n");
	sh(w, "test ! -L " CONFIG);
}

static void values_that_do_not_fit(void **state)
{
	struct world *w = *state;
	sh(w, "mkdir -p root/.openclaw");
	assert_int_equal(run_with(w, NULL, NULL, NULL), 10);            /* placeholders not filled */
	assert_int_equal(run_with(w, "", KEY, "e"), 10);
	assert_int_equal(run_with(w, KEY_ID, KEY, "a b"), 10);
	assert_int_equal(run_with(w, KEY_ID, "x\"y", "e"), 10);
	assert_null(strstr(w->output, "x\"y"));
	assert_int_equal(run_with(w, KEY_ID, "x$(touch boom)", "e"), 10);
	assert_int_equal(access(at(w, CONFIG), F_OK), -1);
	assert_null(get(w, "log/calls"));
}

static void no_home(void **state)
{
	struct world *w = *state;
	sh(w, "mkdir -p root home/ubuntu");
	assert_int_equal(run(w), 11);
}

static void no_tools(void **state)
{
	struct world *w = *state;
	if (!access("/usr/local/bin/npx", X_OK))
		skip();
	sh(w, "mkdir -p root/.openclaw && rm bin/npx");
	assert_int_equal(run(w), 12);
}

static void a_configuration_that_is_broken(void **state)
{
	struct world *w = *state;
	static const char *const bad[] = { "{", "[]", "null", "\"x\"" };
	need_node(w);
	sh(w, "mkdir -p root/.openclaw/workspace/config");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		put(w, CONFIG, bad[i], 0644);
		assert_int_equal(run(w), 13);
		assert_string_equal(get(w, CONFIG), bad[i]);
		assert_null(strstr(w->output, KEY));
	}
	assert_null(get(w, "log/calls"));
}

static void a_skill_that_does_not_install(void **state)
{
	struct world *w = *state;
	need_node(w);
	sh(w, "mkdir -p root/.openclaw");
	put(w, "log/refuse", "tencentcloudbase/cloudbase-skills", 0644);
	assert_int_equal(run(w), 0);            /* the older name does */
	assert_non_null(strstr(get(w, "log/calls"), "add tencentcloudbase/skills -y"));
	put(w, "log/refuse", "*", 0644);
	assert_int_equal(run(w), 14);
	assert_non_null(strstr(w->output, "line 9"));
	assert_null(strstr(w->output, "line 4"));
	/* Next time it goes on. */
	sh(w, "rm log/refuse");
	assert_int_equal(run(w), 0);
}

static void a_gateway_that_does_not_restart(void **state)
{
	struct world *w = *state;
	need_node(w);
	sh(w, "mkdir -p root/.openclaw && touch log/stuck");
	assert_int_equal(run(w), 15);
	sh(w, "rm bin/openclaw");
	assert_int_equal(run(w), 15);
}

/* What the driver sends is this script; a placeholder outside its line would be filled, too. */
static void placeholders_stand_once(void **state)
{
	struct world *w = *state;
	static char text[65536];
	FILE *f = fopen(SCRIPT, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	int count = 0;
	for (const char *p = strstr(text, "{{"); p; p = strstr(p + 2, "{{"))
		count++;
	assert_int_equal(count, 4);
	assert_true(strlen(str_base64(w->arena, text, strlen(text))) < 65536);
}

int main(void)
{
	json_start();
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(a_fresh_home),
		T(what_is_there_is_kept),
		T(older_names_and_other_users),
		T(the_owner_owns_it),
		T(a_link_is_replaced_not_followed),
		T(values_that_do_not_fit),
		T(no_home),
		T(no_tools),
		T(a_configuration_that_is_broken),
		T(a_skill_that_does_not_install),
		T(a_gateway_that_does_not_restart),
		T(placeholders_stand_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
