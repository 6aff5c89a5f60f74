/* The tables of commands and options, help made from them, and the command line read by them. */
#include "hook/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "common/str.h"

#define COMMAND_MEMORY (64u << 20)
#define TAKES(option) (1u << OPTION_##option)

/* --- options ---------------------------------------------------------------------------------------------- */

const struct command_option_row command_options[OPTION_COUNT] = {
	[OPTION_SOCKET] = { "socket", 's', "SOCKET", true, "the daemon's socket (default " WIRE_SOCKET ")" },
	[OPTION_JSON] = { "json", 0, NULL, true, "print JSON" },
	[OPTION_KEY] = { "key", 0, "FILE", false, "your private key, PEM, readable by you only" },
	[OPTION_CERT] = { "cert", 0, "FILE", false, "the certificate of that key, when it does not stand beside it" },
	[OPTION_WHAT] = { "what", 0, "key|password", false, "which credential: the API key (default) or the console password" },
	[OPTION_ENV] = { "env", 0, NULL, false, "print shell assignments that the cloud's tools read" },
	[OPTION_FILE] = { "file", 0, "DER", false, "a sealed value from a file (- is standard input) instead of the daemon's" },
	[OPTION_ENV_ID] = { "env", 0, "ID", false, "the environment that the policy is for, instead of a sample" },
	[OPTION_UIN] = { "uin", 0, "N", false, "its root account" },
	[OPTION_APP_ID] = { "app-id", 0, "N", false, "the AppId of the root account" },
	[OPTION_REGION] = { "region", 0, "R", false, "its region" },
	[OPTION_NAMESPACE] = { "namespace", 0, "N", false, "its namespace of functions (default: as --env)" },
	[OPTION_TOPIC] = { "topic", 0, "T", false, "its log topic" },
	[OPTION_BUCKET] = { "bucket", 0, "B", false, "its bucket" },
	[OPTION_CATALOGUE] = { "catalogue", 0, "FILE", false, "the known actions, instead of those that were installed" },
	[OPTION_BOUNDARY] = { "boundary", 0, NULL, false, "judge it as the permissions boundary of all" },
	[OPTION_ALL] = { "all", 0, NULL, false, "everybody who is active" },
	[OPTION_WAIT] = { "wait", 0, "SECONDS", false, "how long to wait for the answer (default 300)" },
	[OPTION_REASON] = { "reason", 0, "TEXT", false, "why: shown in the entry and put on record" },
	[OPTION_BY_NAME] = { "by-name", 0, NULL, false, "whose login name is that of the sub-account, or the environment's alias" },
	[OPTION_BY_TAG] = { "by-tag", 0, "KEY", false, "whose login name or mail address is the value of this tag of the environment" },
	[OPTION_MAP] = { "map", 0, "FILE", false, "as a file says (- is standard input): lines \"NAME UIN ENVIRONMENT\", - for none" },
	[OPTION_HELP] = { "help", 'h', NULL, true, "show help" },
	[OPTION_VERSION] = { "version", 0, NULL, true, "show the version" },
};

/* --- commands --------------------------------------------------------------------------------------------- */

static int status(const struct command_line *l)
{
	return command_tell(l, WIRE_STATUS, NULL, NULL, print_status);
}

static int show(const struct command_line *l)
{
	return command_tell(l, WIRE_SHOW, l->arg, NULL, print_show);
}

static int why(const struct command_line *l)
{
	return command_tell(l, WIRE_SHOW, l->arg, NULL, print_why);
}

static int plan(const struct command_line *l)
{
	return command_tell(l, WIRE_PLAN, l->arg, NULL, l->arg ? print_plan : print_queue);
}

static int help(const struct command_line *l);

const struct command_row command_table[] = {
	{ "status", NULL, NULL, 0, status, "people by stage, the queue, and whoever is in trouble", NULL },
	{ "show", "NAME", NULL, 0, show, "one person: the entry, every account, open work",
		"NAME is a login name or the UUID of an entry.  Everybody may ask about himself." },
	{ "why", "NAME", NULL, 0, why, "why one person is in his stage, and what he waits for",
		"From the entry to the last call, one line each.  Everybody may ask about himself; --json is that of \"show\"." },
	{ "plan", "[NAME]", NULL, 0, plan, "what is queued, and what the brakes hold back; with NAME, what the next walk would do",
		"With NAME the daemon looks at the cloud now, and changes nothing.  Without, lists that a brake holds back\n"
		"are shown with a hash each, by which they can be approved or rejected." },
	{ "approve", "HASH", NULL, 0, command_approve, "let those on a frozen list go on, if it still holds for them",
		"HASH is the one that \"plan\" shows; a list that changes gets another.  It holds for 24 hours." },
	{ "reject", "HASH", NULL, 0, command_reject, "leave those on a frozen list as they are, for 24 hours", NULL },
	{ "adopt", NULL, "--by-name | --by-tag KEY | --map FILE", TAKES(BY_NAME) | TAKES(BY_TAG) | TAKES(MAP), command_adopt,
		"look for what was made for people by hand, as a list to be approved",
		"Whoever has a sub-account or an environment already keeps them.  The daemon looks at the cloud now, changes\n"
		"nothing, and freezes what it found; \"approve\" takes over what is still so then."},
	{ "open", "[NAME]", "--key FILE [--cert FILE] [--what key|password] [--env] [--file DER]",
		TAKES(KEY) | TAKES(CERT) | TAKES(WHAT) | TAKES(ENV) | TAKES(FILE), command_open,
		"unseal a credential with your own key, here",
		"Without --file the sealed value comes from the daemon, which cannot open it and never sees\n"
		"your key.  The credential is printed on standard output and nowhere else." },
	{ "verify", "[NAME]", "[--all] [--wait SECONDS]", TAKES(ALL) | TAKES(WAIT), command_verify,
		"prove anew that a person, or everybody, is isolated, and wait for it",
		"Asks the daemon for a new proof with the person's own key, and waits until it is made.\n"
		"Status 0: all isolated; 1: somebody is not; 4: somebody was not looked at in time." },
	{ "rotate", "NAME", NULL, 0, command_rotate, "give a person another key, soon",
		"The key before it works on for life.rotation_overlap, and until the new one is proved and delivered; only\n"
		"then another one can be made.  Keys that were made by hand give way.  \"suspend\" takes all of them at once." },
	{ "suspend", "NAME", "--reason TEXT", TAKES(REASON), command_suspend,
		"take a person's access away until it is given back by \"resume\"",
		"The environment and its data stay.  Whoever is suspended already will be held when he comes back." },
	{ "resume", "NAME", NULL, 0, command_resume, "end what \"suspend\" or an alarm began",
		"He gets back what the directory says that he is entitled to." },
	{ "evidence verify", "FILE", NULL, 0, command_evidence_verify, "check the chain of an evidence file",
		"Needs no daemon." },
	{ "evidence export", "NAME FILE...", NULL, 0, command_evidence_export, "all that evidence files say of one person, checked",
		"Needs no daemon.  NAME is a login name or a UUID.  Name all files: the current one, those that were put\n"
		"aside, those of a second place.  Behind the events, for each time he left: the change in the directory,\n"
		"when it was seen, key, login and barrier, the first refused call, with durations." },
	{ "policy check", "FILE", "[--env ID] [--uin N] [--app-id N] [--region R]\n"
		"       [--namespace N] [--topic T] [--bucket B] [--catalogue FILE] [--boundary]",
		TAKES(ENV_ID) | TAKES(UIN) | TAKES(APP_ID) | TAKES(REGION) | TAKES(NAMESPACE) | TAKES(TOPIC) | TAKES(BUCKET) |
			TAKES(CATALOGUE) | TAKES(BOUNDARY),
		command_policy_check, "is a policy, or a template of one, proved to isolate?",
		"Needs no daemon and asks no cloud.  Placeholders are filled for the environment of the options, or for\n"
		"a sample.  Status 0: isolated; 1: refused, with a sentence for each reason; 2: FILE cannot be judged." },
	{ "help", "[COMMAND]", NULL, 0, help, "show help", NULL },
};
const size_t command_count = ARRAY_LEN(command_table);

/* --- help ------------------------------------------------------------------------------------------------- */

static void print_options(FILE *out, struct arena *a, unsigned takes, bool global)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct command_option_row *o = &command_options[i];
		if (o->global != global || (!global && !(takes & 1u << i)))
			continue;
		char *name = arena_printf(a, "%s--%s%s%s", o->letter ? arena_printf(a, "-%c, ", o->letter) : "    ", o->name,
			o->value ? " " : "", o->value ? o->value : "");
		fprintf(out, "  %-26s  %s\n", name, o->help);
	}
}

static void usage(FILE *out, struct arena *a)
{
	fprintf(out, "usage: rollcall [-s SOCKET] [--json] COMMAND [ARGUMENTS]\n\ncommands:\n");
	for (size_t i = 0; i < command_count; i++) {
		const struct command_row *c = &command_table[i];
		fprintf(out, "  %-26s  %s\n", c->arg ? arena_printf(a, "%s %s", c->words, c->arg) : c->words, c->help);
	}
	fprintf(out, "\noptions:\n");
	print_options(out, a, 0, true);
	fprintf(out, "\nexit status: 0 done, 1 refused or failed, 2 usage, 3 the daemon cannot be reached,\n"
		"             4 not done in time\n");
}

static void usage_of(FILE *out, struct arena *a, const struct command_row *c)
{
	fprintf(out, "usage: rollcall [-s SOCKET] [--json] %s", c->words);
	if (c->arg)
		fprintf(out, " %s", c->arg);
	if (c->options)
		fprintf(out, " %s", c->options);
	fprintf(out, "\n\n%s\n", c->help);
	if (c->more)
		fprintf(out, "%s\n", c->more);
	if (c->takes) {
		fprintf(out, "\noptions:\n");
		print_options(out, a, c->takes, false);
	}
}

static const struct command_row *find_command(const char *words)
{
	for (size_t i = 0; i < command_count; i++) {
		if (str_eq(command_table[i].words, words))
			return &command_table[i];
	}
	return NULL;
}

static int help(const struct command_line *l)
{
	if (!l->arg) {
		usage(l->out, l->arena);
		return COMMAND_DONE;
	}
	/* One word is enough to ask for help: "evidence" is all commands that begin with it. */
	size_t n = strlen(l->arg), shown = 0;
	for (size_t i = 0; i < command_count; i++) {
		const char *words = command_table[i].words;
		if (strncmp(words, l->arg, n) != 0 || (words[n] != '\0' && words[n] != ' '))
			continue;
		fputs(shown++ ? "\n" : "", l->out);
		usage_of(l->out, l->arena, &command_table[i]);
	}
	if (!shown)
		return command_fail(l, COMMAND_USAGE, "there is no command \"%s\"", l->arg);
	return COMMAND_DONE;
}

int command_fail(const struct command_line *l, int exit_status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(l->err, "rollcall: %s\n", str_printable(l->arena, text, strlen(text)));
	return exit_status;
}

int command_read(const struct command_line *l, const char *path, size_t most, int exit_status, char **out, size_t *n)
{
	AUTO_FD int fd = str_eq(path, "-") ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	char *bytes = arena_alloc(l->arena, most + 2);
	size_t used = 0;
	while (fd >= 0 && used <= most) {
		ssize_t got = read(fd, bytes + used, most + 1 - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return command_fail(l, exit_status, "\"%s\": %s", path, strerror(errno));
		if (got == 0)
			break;
		used += (size_t)got;
	}
	if (fd < 0)
		return command_fail(l, exit_status, "\"%s\": %s", path, strerror(errno));
	if (used == 0 || used > most)
		return command_fail(l, exit_status, "\"%s\" is %s", path, used ? "too large" : "empty");
	*out = bytes;
	*n = used;
	return COMMAND_DONE;
}

/* --- the command line --------------------------------------------------------------------------------------- */

static bool takes(const struct command_row *c, int option)
{
	return command_options[option].global || (c && c->takes & 1u << option);
}

/* The one of this name that the command takes which stands in front of it; else the first. */
static int find_option(const struct command_row *c, const char *name, size_t n)
{
	int first = -1;
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (strlen(command_options[i].name) != n || strncmp(command_options[i].name, name, n) != 0)
			continue;
		if (takes(c, i))
			return i;
		if (first < 0)
			first = i;
	}
	return first;
}

static int find_letter(char letter)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (command_options[i].letter && command_options[i].letter == letter)
			return i;
	}
	return -1;
}

/* Takes the option at argv[at], and its value.  Returns the index of the next argument, 0 = complained. */
static int read_option(struct command_line *l, int argc, char **argv, int at)
{
	const char *text = argv[at];
	bool is_long = text[1] == '-';
	size_t n = is_long ? strcspn(text + 2, "=") : 0;
	int option = is_long ? find_option(l->command, text + 2, n) : find_letter(text[1]);
	const char *value = is_long ? (text[2 + n] ? text + 3 + n : NULL) : text[2] ? text + 2 : NULL;
	if (option < 0)
		return command_fail(l, 0, "there is no option \"%s\"", text);
	const struct command_option_row *o = &command_options[option];
	if (!o->value && value)
		return command_fail(l, 0, "option --%s takes no value", o->name);
	if (o->value && !value && ++at < argc)
		value = argv[at];
	if (o->value && (!value || !*value))
		return command_fail(l, 0, "option --%s needs a value: %s", o->name, o->value);
	if (l->option[option])
		return command_fail(l, 0, "option --%s was given twice", o->name);
	l->option[option] = o->value ? value : "";
	return at + 1;
}

/* A command has one or two words: known as soon as they were read, because options are read by it. */
static void name_command(struct command_line *l, const char **words, size_t n)
{
	if (n == 1)
		l->command = find_command(words[0]);
	else if (n == 2 && !l->command)
		l->command = find_command(arena_printf(l->arena, "%s %s", words[0], words[1]));
}

/* What is behind the command's own words are its arguments: none, one, or as many as its row says. */
static bool read_words(struct command_line *l, const char **words, size_t n)
{
	if (n == 0) {
		l->command = find_command("help");
		return l->option[OPTION_HELP] || (command_fail(l, 0, "which command? (rollcall help)"), false);
	}
	if (!l->command)
		return command_fail(l, 0, "there is no command \"%s\" (rollcall help)", words[0]), false;
	const char *arg = l->command->arg;
	size_t used = strchr(l->command->words, ' ') ? 2 : 1, most = arg ? 1 + (strchr(arg, ' ') != NULL) : 0;
	bool needed = arg && *arg != '[', many = arg && strstr(arg, "...");
	if (n > used + most && !many)
		return command_fail(l, 0, "\"%s\" takes no argument \"%s\"", l->command->words, words[n - 1]), false;
	if (n > used)
		l->arg = words[used];
	if (n > used + 1) {
		l->more = words + used + 1;
		l->more_count = n - used - 1;
	}
	if (needed && n < used + most && !l->option[OPTION_HELP])
		return command_fail(l, 0, "\"%s\" needs an argument: %s", l->command->words, l->command->arg), false;
	return true;
}

static bool check_options(const struct command_line *l)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (l->option[i] && !takes(l->command, i))
			return command_fail(l, 0, "\"%s\" takes no option --%s", l->command->words, command_options[i].name), false;
	}
	return true;
}

static bool read_line(struct command_line *l, int argc, char **argv)
{
	const char **words = arena_alloc(l->arena, ((size_t)argc + 1) * sizeof(*words));
	size_t n = 0;
	bool options = true;
	for (int at = 1; at < argc;) {
		if (options && str_eq(argv[at], "--")) {
			options = false;
			at++;
		} else if (options && argv[at][0] == '-' && argv[at][1]) {
			at = read_option(l, argc, argv, at);
			if (!at)
				return false;
		} else {
			words[n++] = argv[at++];
			name_command(l, words, n);
		}
	}
	if (l->option[OPTION_VERSION])
		return true;
	return read_words(l, words, n) && check_options(l);
}

int command_run(int argc, char **argv, FILE *out, FILE *err)
{
	AUTO_ARENA struct arena *a = arena_new(COMMAND_MEMORY);
	struct command_line l = { .arena = a, .out = out, .err = err };
	int result = COMMAND_DONE;
	if (!read_line(&l, argc, argv))
		return COMMAND_USAGE;
	if (l.option[OPTION_VERSION])
		fprintf(out, "rollcall %s\n", ROLLCALL_VERSION);
	else if (l.option[OPTION_HELP] && l.command->run != help)
		usage_of(out, a, l.command);
	else
		result = l.command->run(&l);
	if (fflush(out) != 0 || ferror(out))
		return command_fail(&l, COMMAND_REFUSED, "the output could not be written");
	return result;
}
