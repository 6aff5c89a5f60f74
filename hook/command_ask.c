/* One question to the daemon: packets out and in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/command.h"

#define ANSWER_MS 10000
#define PLAN_MS 120000         /* the daemon looks at the cloud meanwhile */
#define ADOPT_MS 600000        /* ... three times for each candidate */

struct answer { char *text; size_t len, room; };

static void take_chunk(struct answer *to, const struct wire_value *chunk)
{
	if (!to->text || to->len + chunk->len > to->room) {
		to->room = (to->len + chunk->len) * 2;
		to->text = mem_realloc(to->text, to->room);
	}
	memcpy(to->text + to->len, chunk->at, chunk->len);
	to->len += chunk->len;
}

/* All packets of one answer.  NULL, or what went wrong; *status is set when an answer came. */
static const char *take_answer(enum wire_action action, int fd, int64_t deadline, struct answer *to, enum wire_status *status,
	char *why, size_t room)
{
	AUTO_FREE unsigned char *packet = mem_alloc(WIRE_ANSWER_MAX);
	struct wire_in in = { .more = true };
	while (in.more) {
		ssize_t n = wire_receive(fd, packet, WIRE_ANSWER_MAX, deadline);
		if (n < 0)
			return errno == ETIMEDOUT ? "no answer in time" : strerror(errno);
		if (n == 0)
			return "the answer ended early";
		if (!wire_read_answer(action, packet, (size_t)n, &in))
			return "the answer is not of this protocol";
		if (in.status != WIRE_OK) {
			*status = in.status;
			snprintf(why, room, "%.*s", (int)in.field[WIRE_TEXT].len, in.field[WIRE_TEXT].at);
			return NULL;
		}
		if (to->len + in.field[WIRE_BODY].len > WIRE_BODY_MAX)
			return "the answer is too long";
		take_chunk(to, &in.field[WIRE_BODY]);
	}
	*status = WIRE_OK;
	return NULL;
}

static int unreachable(const struct command_line *l, const char *path, const char *why)
{
	return command_fail(l, COMMAND_UNREACHABLE, "the daemon cannot be reached at \"%s\": %s", path, why);
}

static int64_t patience(enum wire_action action, const char *name)
{
	/* An approval may be one of adoptions. */
	if (action == WIRE_ADOPT || action == WIRE_DECIDE)
		return ADOPT_MS;
	return action == WIRE_PLAN && name ? PLAN_MS : ANSWER_MS;
}

int command_ask(const struct command_line *l, enum wire_action action, const char *name, const char *text, struct json **body)
{
	return command_ask_with(l, action, name, text, NULL, body);
}

int command_ask_with(const struct command_line *l, enum wire_action action, const char *name, const char *text, const char *with,
	struct json **body)
{
	const char *path = l->option[OPTION_SOCKET] ? l->option[OPTION_SOCKET] : WIRE_SOCKET;
	unsigned char request[WIRE_REQUEST_MAX];
	char why[WIRE_TEXT_MAX + 1];
	struct wire_out o;
	struct err e;
	enum wire_status status = WIRE_FAILED;
	uid_t server;
	wire_request(&o, request, sizeof(request), action);
	if (name)
		wire_add_text(&o, WIRE_NAME, name);
	if (text)
		wire_add_text(&o, WIRE_TEXT, text);
	if (with)
		wire_add_text(&o, WIRE_BODY, with);
	size_t n = wire_end(&o);
	if (with && n == 0)
		return command_fail(l, COMMAND_USAGE, "too many lines for one request: use several files");
	if (text && (!*text || strlen(text) > WIRE_TEXT_MAX))
		return command_fail(l, COMMAND_USAGE, "a text has 1 to %u bytes", WIRE_TEXT_MAX);
	if (n == 0 || (name && (!*name || strlen(name) > WIRE_NAME_MAX)))
		return command_fail(l, COMMAND_USAGE, "a name has 1 to %u bytes", WIRE_NAME_MAX);
	AUTO_FD int fd = wire_connect(path, &server);
	if (fd < 0)
		return unreachable(l, path, errno == EAGAIN ? "it is too busy" : strerror(errno));
	/* A daemon that turned us away at once has answered all the same. */
	if (wire_send(fd, request, n) != 0 && errno != EPIPE)
		return unreachable(l, path, strerror(errno));
	struct answer answer = { 0 };
	int64_t deadline = wire_now_ms() + patience(action, name);
	const char *wrong = take_answer(action, fd, deadline, &answer, &status, why, sizeof(why));
	AUTO_FREE char *document = answer.text;
	if (wrong)
		return unreachable(l, path, wrong);
	if (status != WIRE_OK)
		return command_fail(l, COMMAND_REFUSED, "%s", why);
	if (json_parse(l->arena, document, answer.len, body, &e))
		return unreachable(l, path, e.text);
	return COMMAND_DONE;
}

int command_tell(const struct command_line *l, enum wire_action action, const char *name, const char *text,
	void (*print)(const struct command_line *, const struct json *))
{
	struct json *body = NULL;
	int status = command_ask(l, action, name, text, &body);
	if (status != COMMAND_DONE)
		return status;
	(l->option[OPTION_JSON] ? print_json : print)(l, body);
	return COMMAND_DONE;
}
