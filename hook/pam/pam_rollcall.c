/* pam_rollcall.so: is he still on the roll (account), and his environment and key for this session (session).
 * pam_rollcall(8) says where it stands in a stack, and what each option risks. */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_ext.h>

#include "hook/pam/pam_inside.h"

#define EXPORT __attribute__((visibility("default")))
#define PATH_NAME "ROLLCALL_CREDENTIALS"     /* where the file is: for the person, and for the end of the session */

/* --- options ------------------------------------------------------------------------------------------------ */

static const char *value_of(const char *arg, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(arg, name, n) && arg[n] == '=' ? arg + n + 1 : NULL;
}

/* 0, 1, ...: which of the words, NULL at their end; -1: none. */
static int word_of(const char *value, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(value, words[i]))
			return i;
	return -1;
}

static bool take_option(struct options *o, const char *arg)
{
	static const char *const answers[] = { "ignore", "deny", NULL };
	static const char *const ways[] = { "none", "env", "file", NULL };      /* enum deliver */
	const char *v;
	int n = 0;
	if ((v = value_of(arg, "unknown")))
		o->deny_unknown = (n = word_of(v, answers)) == 1;
	else if ((v = value_of(arg, "down")))
		o->deny_down = (n = word_of(v, answers)) == 1;
	else if ((v = value_of(arg, "deliver")))
		o->deliver = (n = word_of(v, ways)) < 0 ? DELIVER_NONE : (enum deliver)n;
	else if ((v = value_of(arg, "socket")) && *v == '/')
		o->socket = v;
	else if ((v = value_of(arg, "dir")) && *v == '/')
		o->dir = v;
	else if ((v = value_of(arg, "daemon")) && *v)
		o->daemon = v;
	else if (!strcmp(arg, "quiet"))
		o->quiet = true;
	else
		return false;
	return n >= 0;
}

/* A word that is not understood may have been meant to deny: the stricter reading of both answers holds. */
static struct options read_options(pam_handle_t *pamh, int argc, const char **argv)
{
	struct options o = { .socket = WIRE_SOCKET, .dir = RUN_DIR, .daemon = DAEMON_USER };
	bool strict = false;
	for (int i = 0; i < argc; i++) {
		if (take_option(&o, argv[i]))
			continue;
		pam_syslog(pamh, LOG_ERR, "option \"%s\" is not understood: whoever is unknown, and all while the daemon is down, "
			"are denied", argv[i]);
		strict = true;
	}
	o.deny_unknown |= strict;
	o.deny_down |= strict;
	return o;
}

/* --- one call ----------------------------------------------------------------------------------------------- */

struct visit {
	pam_handle_t *pamh;
	struct options options;
	const char *user, *service;
	int64_t deadline_ms;
	bool silent, local;            /* local: in the passwd file, as `uid` */
	uid_t uid;
	struct reply reply;
};

/* PAM_SUCCESS: go on.  PAM_IGNORE: a person of the machine's own; nothing is asked. */
static int begin(struct visit *v, pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const void *service = NULL;
	v->deadline_ms = wire_now_ms() + BUDGET_MS;
	v->pamh = pamh;
	v->reply.packet[0] = 0;
	if (pam_get_user(pamh, &v->user, NULL) != PAM_SUCCESS || !v->user || !*v->user)
		return PAM_USER_UNKNOWN;
	v->local = local_uid(v->user, &v->uid);
	if (v->local && v->uid < FIRST_PERSON_UID)
		return PAM_IGNORE;
	v->options = read_options(pamh, argc, argv);
	v->silent = v->options.quiet || (flags & PAM_SILENT);
	v->service = pam_get_item(pamh, PAM_SERVICE, &service) == PAM_SUCCESS ? service : NULL;
	return PAM_SUCCESS;
}

/* The machine has somebody of its own by this name, and the directory means somebody else. */
static bool is_namesake(const struct visit *v)
{
	const struct wire_value *stored = &v->reply.in.field[WIRE_UID];
	uid_t uid;
	return v->local && stored->at && (!read_uid(stored, &uid) || uid != v->uid);
}

/* The machine knows him by a number, and the directory by none: perhaps another person, who is given no key. */
static bool lacks_number(const struct visit *v)
{
	return v->local && !v->reply.in.field[WIRE_UID].at;
}

static bool answered(struct visit *v, enum wire_action action)
{
	ask(&v->options, action, v->user, v->service, v->deadline_ms, &v->reply);
	if (v->reply.why)
		pam_syslog(v->pamh, LOG_WARNING, "rollcalld was asked about \"%s\": %s", v->user, v->reply.why);
	else if (v->reply.status == WIRE_FAILED || v->reply.status >= WIRE_BUSY)
		pam_syslog(v->pamh, LOG_WARNING, "rollcalld was asked about \"%s\": %s", v->user, wire_status_name(v->reply.status));
	if (v->reply.status == WIRE_OK && is_namesake(v))
		v->reply.status = WIRE_ABSENT;
	return v->reply.status == WIRE_OK;
}

static void say(const struct visit *v)
{
	const struct wire_value *text = &v->reply.in.field[WIRE_TEXT];
	if (v->reply.status == WIRE_OK && text->at && !v->silent)
		pam_info(v->pamh, "%.*s", (int)text->len, text->at);
}

static bool is_out(const struct visit *v)
{
	const struct wire_value *verdict = &v->reply.in.field[WIRE_VERDICT];
	bool in = (verdict->len == 2 && !memcmp(verdict->at, "in", 2)) || (verdict->len == 7 && !memcmp(verdict->at, "joining", 7));
	/* A verdict of another daemon's making is none to let somebody in by. */
	return !in;
}

static int end(struct visit *v, int code)
{
	explicit_bzero(&v->reply, sizeof(v->reply));
	return code;
}

/* --- account ------------------------------------------------------------------------------------------------ */

static int account_code(const struct visit *v)
{
	switch (v->reply.status) {
	case WIRE_OK:
		return is_out(v) ? PAM_ACCT_EXPIRED : PAM_SUCCESS;
	case WIRE_ABSENT:
	case WIRE_REFUSED:      /* asked by somebody who is not root, and is not he as far as the daemon knows */
		return v->options.deny_unknown ? PAM_USER_UNKNOWN : PAM_IGNORE;
	case WIRE_AMBIGUOUS:
		return PAM_PERM_DENIED;
	default:
		return v->options.deny_down ? PAM_AUTHINFO_UNAVAIL : PAM_IGNORE;
	}
}

EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct visit v;
	int rc = begin(&v, pamh, flags, argc, argv);
	if (rc != PAM_SUCCESS)
		return end(&v, rc);
	answered(&v, WIRE_ACCOUNT);
	rc = account_code(&v);
	if (rc == PAM_ACCT_EXPIRED || rc == PAM_PERM_DENIED) {
		pam_syslog(pamh, LOG_NOTICE, "\"%s\" may not log in: %s", v.user,
			rc == PAM_PERM_DENIED ? "two people carry this name" : "not on the roll any more");
		say(&v);
	}
	return end(&v, rc);
}

/* --- session ------------------------------------------------------------------------------------------------ */

static void put(const struct visit *v, const char *name, const char *value, size_t n)
{
	char text[WIRE_NAME_MAX + 64];
	int len = snprintf(text, sizeof(text), "%s=%.*s", name, (int)n, value);
	if (len < 0 || (size_t)len >= sizeof(text) || pam_putenv(v->pamh, text) != PAM_SUCCESS)
		pam_syslog(v->pamh, LOG_ERR, "%s of \"%s\" cannot be set", name, v->user);
	explicit_bzero(text, sizeof(text));
}

static void hand_over(struct visit *v)
{
	char path[256];
	const char *wrong = NULL;
	bool has_key = v->reply.in.field[WIRE_SECRET_KEY].at != NULL;
	if (v->options.deliver == DELIVER_FILE && has_key)
		wrong = file_open(&v->options, &v->reply, v->deadline_ms, path, sizeof(path));
	if (wrong)
		pam_syslog(v->pamh, LOG_ERR, "no file for \"%s\": %s", v->user, wrong);
	else if (v->options.deliver == DELIVER_FILE && has_key)
		put(v, PATH_NAME, path, strlen(path));
	for (const struct variable *at = variables; at->name; at++) {
		const struct wire_value *value = &v->reply.in.field[at->field];
		bool secret = at->field == WIRE_SECRET_ID || at->field == WIRE_SECRET_KEY;
		if (is_plain(value) && (!secret || v->options.deliver == DELIVER_ENV) && !(secret && lacks_number(v)))
			put(v, at->name, value->at, value->len);
	}
}

EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct visit v;
	int rc = begin(&v, pamh, flags, argc, argv);
	if (rc != PAM_SUCCESS)
		return end(&v, rc == PAM_IGNORE ? rc : PAM_SESSION_ERR);
	/* Whether he may come in was asked in `account`; without an answer here he only gets nothing. */
	if (!answered(&v, WIRE_SESSION_OPEN))
		return end(&v, PAM_IGNORE);
	say(&v);
	if (is_out(&v))
		return end(&v, PAM_SESSION_ERR);
	hand_over(&v);
	return end(&v, PAM_SUCCESS);
}

EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct visit v;
	int rc = begin(&v, pamh, flags, argc, argv);
	if (rc != PAM_SUCCESS)
		return end(&v, rc == PAM_IGNORE ? rc : PAM_SESSION_ERR);
	/* A part of the service that runs as the person himself has nothing to take away. */
	const char *path = geteuid() == 0 ? pam_getenv(pamh, PATH_NAME) : NULL;
	const char *wrong = path ? file_close(&v.options, path, v.deadline_ms) : NULL;
	if (wrong)
		pam_syslog(pamh, LOG_ERR, "the file of \"%s\" stays: %s", v.user, wrong);
	return end(&v, wrong ? PAM_SESSION_ERR : PAM_SUCCESS);
}

/* --- not ours ------------------------------------------------------------------------------------------------ */

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}

EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}

EXPORT int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}
