#include "hook/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_HEAD 2u
#define ANSWER_HEAD 4u
#define FIELD_HEAD 3u
#define MORE 1u

#define BIT(field) (1u << WIRE_##field)
#define HAS_BODY .gives = BIT(BODY), .always = BIT(BODY)
#define PERSON_BITS (BIT(UID) | BIT(ENV_ID) | BIT(SECRET_ID) | BIT(SECRET_KEY) | BIT(REGION) | BIT(SERVER))

static const struct wire_rule rules[] = {
	{ WIRE_STATUS, "status", WIRE_ADMIN, .served = true, HAS_BODY },
	{ WIRE_SHOW, "show", WIRE_SELF, .served = true, .may = BIT(NAME), .must = BIT(NAME), HAS_BODY },
	{ WIRE_PLAN, "plan", WIRE_ADMIN, .served = true, .may = BIT(NAME), HAS_BODY, .slow = true },
	{ WIRE_SEALED, "sealed", WIRE_SELF, .served = true, .may = BIT(NAME), .must = BIT(NAME), HAS_BODY },
	{ WIRE_VERIFY, "verify", WIRE_ADMIN, .served = true, .may = BIT(NAME) | BIT(TEXT), HAS_BODY },
	{ WIRE_SUSPEND, "suspend", WIRE_ADMIN, .served = true, .may = BIT(NAME) | BIT(TEXT), .must = BIT(NAME) | BIT(TEXT), HAS_BODY },
	{ WIRE_RESUME, "resume", WIRE_ADMIN, .served = true, .may = BIT(NAME), .must = BIT(NAME), HAS_BODY },
	{ WIRE_DECIDE, "decide", WIRE_ADMIN, .served = true, .may = BIT(TEXT), .must = BIT(TEXT), HAS_BODY },
	{ WIRE_ROTATE, "rotate", WIRE_ADMIN, .served = true, .may = BIT(NAME), .must = BIT(NAME), HAS_BODY },
	{ WIRE_ADOPT, "adopt", WIRE_ADMIN, .served = true, .may = BIT(TEXT) | BIT(BODY), .must = BIT(TEXT), HAS_BODY, .slow = true },
	{ WIRE_ACCOUNT, "account", WIRE_SELF, .served = true, .may = BIT(NAME) | BIT(SERVICE), .must = BIT(NAME),
		.gives = BIT(VERDICT) | BIT(TEXT) | BIT(UID), .always = BIT(VERDICT) },
	{ WIRE_SESSION_OPEN, "session-open", WIRE_SELF, .served = true, .may = BIT(NAME) | BIT(SERVICE) | BIT(DELIVER),
		.must = BIT(NAME), .gives = BIT(VERDICT) | BIT(TEXT) | PERSON_BITS, .always = BIT(VERDICT) },
};

const struct wire_rule *wire_rule(unsigned action)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].action == action)
			return &rules[i];
	}
	return NULL;
}

const char *wire_status_name(enum wire_status status)
{
	static const char *const names[WIRE_STATUS_COUNT] = { "ok", "refused", "absent", "ambiguous", "failed", "busy",
		"malformed", "unsupported", "other version" };
	return (unsigned)status < WIRE_STATUS_COUNT ? names[status] : "?";
}

/* --- writing -------------------------------------------------------------- */

static void put(struct wire_out *o, const void *bytes, size_t n)
{
	if (o->full || n > o->cap - o->len) {
		o->full = true;
		return;
	}
	memcpy(o->at + o->len, bytes, n);
	o->len += n;
}

static void begin(struct wire_out *o, void *buffer, size_t cap, size_t most)
{
	*o = (struct wire_out){ .at = buffer, .cap = cap < most ? cap : most };
}

void wire_request(struct wire_out *o, void *buffer, size_t cap, enum wire_action action)
{
	const unsigned char head[REQUEST_HEAD] = { WIRE_VERSION, (unsigned char)action };
	begin(o, buffer, cap, WIRE_REQUEST_MAX);
	put(o, head, sizeof(head));
}

void wire_answer(struct wire_out *o, void *buffer, size_t cap, enum wire_status status, bool more)
{
	const unsigned char head[ANSWER_HEAD] = { WIRE_VERSION, (unsigned char)status, more ? MORE : 0, 0 };
	begin(o, buffer, cap, WIRE_ANSWER_MAX);
	put(o, head, sizeof(head));
}

void wire_add(struct wire_out *o, enum wire_field type, const void *value, size_t n)
{
	const unsigned char head[FIELD_HEAD] = { (unsigned char)type, (unsigned char)(n >> 8), (unsigned char)n };
	if (n > UINT16_MAX)
		o->full = true;
	put(o, head, sizeof(head));
	if (n > 0)
		put(o, value, n);
}

void wire_add_text(struct wire_out *o, enum wire_field type, const char *text)
{
	wire_add(o, type, text, strlen(text));
}

size_t wire_end(const struct wire_out *o)
{
	return o->full ? 0 : o->len;
}

size_t wire_room(const struct wire_out *o)
{
	size_t left = o->full ? 0 : o->cap - o->len;
	return left > FIELD_HEAD ? left - FIELD_HEAD : 0;
}

/* --- reading -------------------------------------------------------------- */

/* The sequence length of the UTF-8 character at p, 0 when it is malformed (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
static size_t utf8_step(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : p[0] >= 0xe0 && p[0] <= 0xef ? 3 : 4;
	if (len == 1)
		return 1;
	if (len > n || p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	if (p[0] == 0xed)
		high = 0x9f;
	if (p[0] == 0xf0)
		low = 0x90;
	if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

static bool is_sound_text(const unsigned char *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t step = utf8_step(p + at, n - at);
		bool control = p[at] < 0x20 || p[at] == 0x7f || (step == 2 && p[at] == 0xc2 && p[at + 1] < 0xa0);
		if (step == 0 || control)
			return false;
		at += step;
	}
	return true;
}

static const char *check_value(unsigned type, const unsigned char *value, size_t n)
{
	if (n == 0)
		return "a field is empty";
	if (type != WIRE_BODY && n > (type == WIRE_TEXT ? WIRE_TEXT_MAX : WIRE_NAME_MAX))
		return "a field is too long";
	if (type != WIRE_BODY && !is_sound_text(value, n))
		return "a field is not UTF-8 text, or holds control characters";
	return NULL;
}

/* All fields from p to the very end.  NULL, or what is wrong. */
static const char *read_fields(const unsigned char *p, size_t n, unsigned may, unsigned must, struct wire_in *in)
{
	unsigned seen = 0;
	while (n > 0) {
		if (n < FIELD_HEAD)
			return "bytes are left over";
		unsigned type = p[0];
		size_t len = (size_t)p[1] << 8 | p[2];
		p += FIELD_HEAD;
		n -= FIELD_HEAD;
		if (len > n)
			return "a field does not end inside the packet";
		if (type == 0 || type >= WIRE_FIELD_COUNT || !(may & 1u << type))
			return "a field of this type does not belong here";
		if (seen & 1u << type)
			return "a field stands twice";
		const char *wrong = check_value(type, p, len);
		if (wrong)
			return wrong;
		in->field[type] = (struct wire_value){ (const char *)p, len };
		seen |= 1u << type;
		p += len;
		n -= len;
	}
	return must & ~seen ? "a needed field is missing" : NULL;
}

enum wire_status wire_read_request(const void *packet, size_t n, struct wire_in *in, const char **why)
{
	const unsigned char *p = packet;
	memset(in, 0, sizeof(*in));
	*why = "";
	if (n >= 1 && p[0] != WIRE_VERSION) {
		*why = "version 1 of the protocol is spoken here";
		return WIRE_OTHER_VERSION;
	}
	if (n < REQUEST_HEAD || n > WIRE_REQUEST_MAX) {
		*why = n < REQUEST_HEAD ? "the packet is too short" : "the packet is too long";
		return WIRE_MALFORMED;
	}
	in->rule = wire_rule(p[1]);
	if (!in->rule || !in->rule->served) {
		*why = "this action is not served here";
		return WIRE_UNSUPPORTED;
	}
	const char *wrong = read_fields(p + REQUEST_HEAD, n - REQUEST_HEAD, in->rule->may, in->rule->must, in);
	if (wrong)
		*why = wrong;
	return wrong ? WIRE_MALFORMED : WIRE_OK;
}

bool wire_read_answer(enum wire_action action, const void *packet, size_t n, struct wire_in *in)
{
	const unsigned char *p = packet;
	const struct wire_rule *rule = wire_rule(action);
	memset(in, 0, sizeof(*in));
	if (!rule || n < ANSWER_HEAD || n > WIRE_ANSWER_MAX || p[0] != WIRE_VERSION || p[1] >= WIRE_STATUS_COUNT || p[2] > MORE ||
		p[3] != 0)
		return false;
	in->status = (enum wire_status)p[1];
	in->more = p[2] & MORE;
	bool ok = in->status == WIRE_OK;
	if (in->more && !(ok && rule->gives & BIT(BODY)))
		return false;
	return !read_fields(p + ANSWER_HEAD, n - ANSWER_HEAD, ok ? rule->gives : BIT(TEXT), ok ? rule->always : BIT(TEXT), in);
}

/* --- asking --------------------------------------------------------------- */

/* The PAM module cannot have common/clock, and a deadline needs a clock of its own anyway: the wall may jump. */
int64_t wire_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int give_up(int fd, int error)
{
	close(fd);
	errno = error;
	return -1;
}

int wire_connect(const char *path, uid_t *server)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (strlen(path) >= sizeof(to.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	/* A local connect is done at once or not at all. */
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return give_up(fd, errno);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return give_up(fd, errno);
	*server = peer.uid;
	return fd;
}

int wire_send(int fd, const void *packet, size_t n)
{
	ssize_t sent;
	do
		sent = send(fd, packet, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

static int wait_readable(int fd, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = deadline_ms - wire_now_ms();
		int ready = poll(&p, 1, left <= 0 ? 0 : left > 3600000 ? 3600000 : (int)left);
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -1;
		if (deadline_ms <= wire_now_ms()) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

ssize_t wire_receive(int fd, void *packet, size_t cap, int64_t deadline_ms)
{
	/* A daemon that turns us away unheard leaves a reset, and its answer behind it. */
	bool was_reset = false;
	for (;;) {
		if (wait_readable(fd, deadline_ms) != 0)
			return -1;
		struct iovec room = { packet, cap };
		struct msghdr m = { .msg_iov = &room, .msg_iovlen = 1 };
		ssize_t n = recvmsg(fd, &m, 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0 && errno == ECONNRESET && !was_reset) {
			was_reset = true;
			continue;
		}
		if (n > 0 && m.msg_flags & MSG_TRUNC) {
			errno = EMSGSIZE;
			return -1;
		}
		return n;
	}
}
