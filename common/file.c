#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read(struct arena *a, const char *path, size_t max, char **out, size_t *n, struct err *e)
{
	struct stat st;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, ERR_INPUT, "\"%s\" cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "\"%s\" is not a file", path);
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return err_set(e, ERR_INPUT, "\"%s\" is larger than %zu bytes", path, max);
	size_t size = (size_t)st.st_size, got = 0;
	char *text = arena_alloc(a, size + 1);
	while (got < size) {
		ssize_t k = read(fd, text + got, size - got);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return err_set(e, ERR_INPUT, "\"%s\" could not be read to its end", path);
		got += (size_t)k;
	}
	*out = text;
	*n = size;
	return 0;
}
