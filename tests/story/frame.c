#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/story/story.h"

static int all(int fd, void *p, size_t n, int out)
{
	char *at = p;
	while (n) {
		ssize_t k = out ? write(fd, at, n) : read(fd, at, n);
		if (k <= 0 && errno == EINTR && k < 0)
			continue;
		if (k <= 0)
			return -1;
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

int frame_send(int fd, char type, const void *body, size_t n)
{
	char head[5];
	uint32_t len = (uint32_t)n;
	head[0] = type;
	memcpy(head + 1, &len, 4);
	if (all(fd, head, sizeof(head), 1))
		return -1;
	return n ? all(fd, (void *)(uintptr_t)body, n, 1) : 0;
}

int frame_receive(int fd, struct arena *a, char *type, char **body, size_t *n)
{
	char head[5];
	uint32_t len;
	if (all(fd, head, sizeof(head), 0))
		return -1;
	memcpy(&len, head + 1, 4);
	*type = head[0];
	*n = len;
	*body = arena_alloc(a, (size_t)len + 1);
	return len ? all(fd, *body, len, 0) : 0;
}
