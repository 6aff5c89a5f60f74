#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/story/story.h"

/* A frame is one packet: its type and the body. */
#define FRAME_MOST (192u << 10)

int frame_pair(int pair[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

int frame_send(int fd, char type, const void *body, size_t n)
{
	struct iovec parts[] = { { &type, 1 }, { (void *)(uintptr_t)body, n } };
	const struct msghdr m = { .msg_iov = parts, .msg_iovlen = n ? 2 : 1 };
	ssize_t sent;
	if (n >= FRAME_MOST)
		abort();
	do
		sent = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)n + 1 ? 0 : -1;
}

int frame_receive(int fd, struct arena *a, char *type, char **body, size_t *n)
{
	static char packet[FRAME_MOST];
	ssize_t got;
	do
		got = recv(fd, packet, sizeof(packet), 0);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return -1;
	*type = packet[0];
	*n = (size_t)got - 1;
	*body = arena_alloc(a, *n + 1);
	memcpy(*body, packet + 1, *n);
	return 0;
}
