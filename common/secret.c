#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/str.h"

#define HEAP_BYTES (1u << 20)
#define HEAP_SMALLEST 32
#define FILE_BYTES 32768

struct secret {
	size_t len;
	char bytes[];
};

void secret_wipe(void *p, size_t n)
{
	if (p)
		OPENSSL_cleanse(p, n);
}

int secret_harden(bool strict, bool *warned, struct err *e)
{
	const struct rlimit none = { 0, 0 };
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return err_set(e, ERR_PERM, "core dumps could not be switched off: %s", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_set(e, ERR_PERM, "the process could not be made undumpable: %s", strerror(errno));
	umask(077);
	/* 1 = locked and guarded; 2 = there, but it may be swapped out; 0 = not there. */
	bool locked = CRYPTO_secure_malloc_initialized() || CRYPTO_secure_malloc_init(HEAP_BYTES, HEAP_SMALLEST) == 1;
	if (!locked && strict)
		return err_set(e, ERR_PERM, "memory for secrets could not be locked (raise the limit of locked memory)");
	if (warned)
		*warned = !locked;
	return 0;
}

static struct secret *blank(size_t n)
{
	size_t size = sizeof(struct secret) + n + 1;
	struct secret *s = OPENSSL_secure_zalloc(size);
	/* The secure heap is small; when it is full ordinary memory must do, wiped all the same. */
	if (!s)
		s = OPENSSL_zalloc(size);
	if (s)
		s->len = n;
	else
		mem_exhausted();
	return s;
}

struct secret *secret_new(const void *bytes, size_t n)
{
	struct secret *s = blank(n);
	if (n)
		memcpy(s->bytes, bytes, n);
	return s;
}

struct secret *secret_text(const char *text)
{
	return secret_new(text, strlen(text));
}

struct secret *secret_dup(const struct secret *s)
{
	return secret_new(s->bytes, s->len);
}

void secret_free(struct secret *s)
{
	if (s)
		OPENSSL_secure_clear_free(s, sizeof(*s) + s->len + 1);
}

void secret_cleanup(struct secret **s)
{
	secret_free(*s);
	*s = NULL;
}

static void free_deferred(void *s)
{
	secret_free(s);
}

struct secret *secret_to_arena(struct arena *a, struct secret *s)
{
	arena_defer(a, free_deferred, s);
	return s;
}

const char *secret_reveal(const struct secret *s, size_t *n)
{
	if (n)
		*n = s->len;
	return s->bytes;
}

size_t secret_len(const struct secret *s)
{
	return s->len;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && CRYPTO_memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* --- files ---------------------------------------------------------------- */

static int check_private(int fd, const char *path, struct err *e)
{
	struct stat st;
	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_INPUT, "secret file \"%s\" is a symbolic link", path);
	if (fd < 0)
		return err_set(e, ERR_INPUT, "secret file \"%s\" could not be opened: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0)
		return err_set(e, ERR_INPUT, "secret file \"%s\": %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "secret file \"%s\" is not a regular file", path);
	/* A service manager hands out credentials as root's, with an access list for the service: its mask shows as group
	 * read.  Nobody but root is in that group. */
	bool handed_out = st.st_uid == 0 && st.st_gid == 0 && (st.st_mode & 0777) == 0440;
	if ((st.st_mode & 077) && !handed_out)
		return err_set(e, ERR_INPUT, "secret file \"%s\" is open to group or others (mode %03o; wanted 0600 or 0400)",
			path, (unsigned)st.st_mode & 0777);
	return 0;
}

/* The whole file, read unbuffered: no copy stays behind in a stdio buffer. */
int secret_load_file(const char *path, struct secret **out, struct err *e)
{
	/* Not blocking: a FIFO put in the file's place must not hold us. */
	AUTO_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int r = check_private(fd, path, e);
	if (r)
		return r;
	AUTO_SECRET struct secret *s = blank(FILE_BYTES + 1);
	size_t used = 0;
	while (used <= FILE_BYTES) {
		ssize_t n = read(fd, s->bytes + used, FILE_BYTES + 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_INPUT, "secret file \"%s\" could not be read: %s", path, strerror(errno));
		if (n == 0)
			break;
		used += (size_t)n;
	}
	if (used > FILE_BYTES)
		return err_set(e, ERR_INPUT, "secret file \"%s\" is larger than %d bytes", path, FILE_BYTES);
	*out = secret_new(s->bytes, used);
	return 0;
}

/* The line at *at without its end; moves *at behind it. */
static int next_line(const char *path, const struct secret *file, size_t *at, int number, const char **line, size_t *n,
	struct err *e)
{
	const char *p = file->bytes + *at, *end = memchr(p, '\n', file->len - *at);
	size_t len = end ? (size_t)(end - p) : file->len - *at;
	*at += len + (end ? 1 : 0);
	if (len > 0 && p[len - 1] == '\r')
		len--;
	if (len == 0)
		return err_set(e, ERR_INPUT, "secret file \"%s\": line %d is empty or missing", path, number);
	if (memchr(p, '\0', len))
		return err_set(e, ERR_INPUT, "secret file \"%s\": line %d holds a NUL byte", path, number);
	*line = p;
	*n = len;
	return 0;
}

int secret_load(const char *path, struct secret **out, struct err *e)
{
	AUTO_SECRET struct secret *file = NULL;
	const char *line = NULL;
	size_t n = 0, at = 0;
	int r = secret_load_file(path, &file, e);
	if (!r && file)
		r = next_line(path, file, &at, 1, &line, &n, e);
	if (!r)
		*out = secret_new(line, n);
	return r;
}

int secret_load_pair(const char *path, struct arena *a, char **id, struct secret **out, struct err *e)
{
	AUTO_SECRET struct secret *file = NULL;
	const char *first = NULL, *second = NULL;
	size_t first_len = 0, second_len = 0, at = 0;
	int r = secret_load_file(path, &file, e);
	if (!r && file)
		r = next_line(path, file, &at, 1, &first, &first_len, e);
	if (!r && file)
		r = next_line(path, file, &at, 2, &second, &second_len, e);
	if (r)
		return r;
	*id = arena_memdup(a, first, first_len);
	*out = secret_new(second, second_len);
	return 0;
}

/* --- passwords ------------------------------------------------------------ */

/* A fair index below n: bytes above the last whole multiple of n are thrown away. */
static size_t pick(const struct clock *clock, size_t n)
{
	unsigned char byte;
	do
		clock_random(clock, &byte, 1);
	while (byte >= 256 / n * n);
	size_t index = byte % n;
	secret_wipe(&byte, 1);
	return index;
}

struct secret *secret_password(const struct clock *clock, size_t n)
{
	/* Letters and digits that are easily taken for one another are left out. */
	static const char *const classes[] = {
		"ABCDEFGHJKLMNPQRSTUVWXYZ",
		"abcdefghijkmnopqrstuvwxyz",
		"23456789",
		"-_.+=@:,",
	};
	static const char all[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789-_.+=@:,";
	n = n < 12 ? 12 : n > 32 ? 32 : n;
	struct secret *s = blank(n);
	for (size_t i = 0; i < n; i++) {
		if (i < ARRAY_LEN(classes))
			s->bytes[i] = classes[i][pick(clock, strlen(classes[i]))];
		else
			s->bytes[i] = all[pick(clock, sizeof(all) - 1)];
	}
	for (size_t i = n - 1; i > 0; i--) {
		size_t k = pick(clock, i + 1);
		char c = s->bytes[i];
		s->bytes[i] = s->bytes[k];
		s->bytes[k] = c;
	}
	/* A leading "-" would be read as an option, a leading "=" or "+" or "@" as a formula by spreadsheets. */
	for (size_t i = 0; i < n && strchr(classes[3], s->bytes[0]); i++) {
		char c = s->bytes[0];
		memmove(s->bytes, s->bytes + 1, n - 1);
		s->bytes[n - 1] = c;
	}
	return s;
}
