/* `rollcall open`: the sealed value comes from the daemon or a file, the key is the reader's and stays here. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/seal.h"
#include "common/secret.h"
#include "common/str.h"
#include "hook/command.h"

#define SEALED_MOST (1u << 20)

static const struct what {
	const char *name;          /* --what */
	const char *attribute;     /* where the directory holds it */
	const char *kind;          /* as the value itself says */
	const char *noun;
} whats[] = {
	{ "key", "rollcallSealedKey", "api-key", "API key" },
	{ "password", "rollcallSealedPassword", "console-password", "console password" },
};

struct sealed_value {
	unsigned char *der;
	size_t n;
	const struct json *answer;     /* the daemon's, for comparing; NULL: the value came from a file */
};

static const struct what *find_what(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(whats); i++) {
		if (str_eq(whats[i].name, name))
			return &whats[i];
	}
	return NULL;
}

/* --- getting it ---------------------------------------------------------------------------------------------- */

static int read_file(const struct command_line *l, const char *path, struct sealed_value *out)
{
	char *bytes;
	size_t n;
	int status = command_read(l, path, SEALED_MOST, COMMAND_REFUSED, &bytes, &n);
	if (status == COMMAND_DONE)
		*out = (struct sealed_value){ .der = (unsigned char *)bytes, .n = n };
	return status;
}

static int ask_daemon(const struct command_line *l, const struct what *what, struct sealed_value *out)
{
	struct json *answer;
	struct err e;
	int status = command_ask(l, WIRE_SEALED, l->arg, NULL, &answer);
	if (status != COMMAND_DONE)
		return status;
	const char *text = json_text(answer, what->attribute);
	if (!text)
		return command_fail(l, COMMAND_REFUSED, "\"%s\" has no sealed %s", l->arg, what->noun);
	if (str_unbase64(l->arena, text, strlen(text), &out->der, &out->n, &e))
		return command_fail(l, COMMAND_UNREACHABLE, "the daemon's answer: %s", e.text);
	out->answer = answer;
	return COMMAND_DONE;
}

/* --- looking at it ------------------------------------------------------------------------------------------- */

static const char *compare_number(const struct json *a, const char *at_a, const struct json *b, const char *at_b, const char *wrong)
{
	uint64_t x, y;
	return json_uint(a, at_a, &x, NULL) || json_uint(b, at_b, &y, NULL) || x != y ? wrong : NULL;
}

/* Is it what was asked for, and of whom?  A value that was moved to another entry is not shown. */
static const char *check(const struct json *plain, const struct what *what, const struct json *answer)
{
	if (!str_eq(json_text(plain, "kind"), what->kind))
		return "it is another kind of credential (see --what)";
	if (!json_text(plain, "uuid") || !json_text(plain, "user"))
		return "it names nobody";
	if (!answer)
		return NULL;
	if (!str_eq(json_text(plain, "uuid"), json_text(answer, "uuid")))
		return "it names another person";
	if (!str_eq(json_text(plain, "user"), json_text(answer, "rollcallName")))
		return "it names another sub-account";
	if (str_eq(what->name, "key") && !str_eq(json_text(plain, "id"), json_text(answer, "rollcallKeyId")))
		return "it holds another key than the entry says";
	return compare_number(plain, "uin", answer, "rollcallUin", "it names another sub-account");
}

static int unseal(const struct command_line *l, const struct what *what, const struct sealed_value *v, struct json **plain)
{
	struct seal_key *key;
	AUTO_SECRET struct secret *text = NULL;
	struct err e;
	size_t n;
	if (seal_key_load_reader(l->option[OPTION_KEY], l->option[OPTION_CERT], &key, &e))
		return command_fail(l, COMMAND_REFUSED, "%s", e.text);
	int rc = seal_open(key, v->der, v->n, &text, &e);
	seal_key_free(key);
	if (rc)
		return command_fail(l, COMMAND_REFUSED, "%s", e.text);
	const char *bytes = secret_reveal(text, &n);
	if (json_parse(l->arena, bytes, n, plain, &e))
		return command_fail(l, COMMAND_REFUSED, "the sealed value is not a credential");
	const char *wrong = check(*plain, what, v->answer);
	return wrong ? command_fail(l, COMMAND_REFUSED, "the sealed value is not shown: %s", wrong) : COMMAND_DONE;
}

/* --- printing it --------------------------------------------------------------------------------------------- */

/* A word that any shell reads as it stands needs no quotes: `env $(rollcall open ...)` works then as well. */
static char *quote(struct arena *a, const char *text)
{
	struct str s;
	if (*text && !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:@%+,")])
		return arena_strdup(a, text);
	str_init(&s, a);
	str_add(&s, "'");
	for (const char *p = text; *p; p++)
		str_addn(&s, *p == '\'' ? "'\\''" : p, *p == '\'' ? 4 : 1);
	str_add(&s, "'");
	return s.text;
}

static char *assignments(struct arena *a, const struct json *plain)
{
	static const struct { const char *variable, *member; } names[] = {
		{ "TENCENTCLOUD_SECRETID", "id" },
		{ "TENCENTCLOUD_SECRETKEY", "secret" },
		{ "CLOUDBASE_ENV_ID", "env" },
	};
	struct str s;
	str_init(&s, a);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = json_text(plain, names[i].member);
		str_addf(&s, "%s=%s\n", names[i].variable, quote(a, value ? value : ""));
	}
	return s.text;
}

/* Not through a buffer of the C library, which nobody wipes. */
static int write_out(const struct command_line *l, const char *text)
{
	size_t n = strlen(text);
	int fd = fileno(l->out);
	if (fflush(l->out) != 0)
		return command_fail(l, COMMAND_REFUSED, "the output could not be written");
	while (n > 0) {
		ssize_t done = write(fd, text, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return command_fail(l, COMMAND_REFUSED, "the output could not be written: %s", strerror(errno));
		text += done;
		n -= (size_t)done;
	}
	return COMMAND_DONE;
}

int command_open(const struct command_line *l)
{
	const char *name = l->option[OPTION_WHAT] ? l->option[OPTION_WHAT] : "key";
	const char *file = l->option[OPTION_FILE];
	const struct what *what = find_what(name);
	struct sealed_value value = { 0 };
	struct json *plain = NULL;
	if (!what)
		return command_fail(l, COMMAND_USAGE, "--what is \"key\" or \"password\"");
	if (!l->option[OPTION_KEY])
		return command_fail(l, COMMAND_USAGE, "\"open\" needs your private key: --key FILE");
	if (!file == !l->arg)
		return command_fail(l, COMMAND_USAGE, "\"open\" needs either a NAME or --file DER");
	if (l->option[OPTION_ENV] && what != &whats[0])
		return command_fail(l, COMMAND_USAGE, "--env is for API keys");
	int status = file ? read_file(l, file, &value) : ask_daemon(l, what, &value);
	if (status == COMMAND_DONE)
		status = unseal(l, what, &value, &plain);
	if (status != COMMAND_DONE)
		return status;
	if (l->option[OPTION_ENV])
		return write_out(l, assignments(l->arena, plain));
	return write_out(l, arena_printf(l->arena, "%s\n", json_print_pretty(l->arena, plain)));
}
