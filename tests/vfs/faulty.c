#include "tests/vfs/faulty.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

/* What a write that was not synced has changed: the bytes that stood there, and how long the file was. */
struct undo {
	struct undo *earlier;
	sqlite3_int64 at, size;
	size_t n;
	unsigned char bytes[];
};

/* What is durable of one file: what is in it, and all these undone. */
struct shadow {
	struct shadow *next;
	char *path;
	struct undo *last;
};

struct file {
	sqlite3_file base;
	struct shadow *shadow;      /* NULL: temporary */
	sqlite3_file *real;
};

static struct {
	sqlite3_vfs vfs, *real;
	struct shadow *shadows;
	unsigned writes, syncs, fail_write, fail_sync;
	bool full, full_everywhere, read_only, dead, alone;
} state;

/* Reading a file closes a descriptor of it, and with that this process's locks on it are gone: it is done when the power
 * is off. */

/* --- whole files ----------------------------------------------------------------------------------------- */

static unsigned char *slurp(const char *path, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	*size = 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return calloc(1, 1);
	unsigned char *bytes = calloc(1, (size_t)st.st_size + 1);
	ssize_t n = bytes ? pread(fd, bytes, (size_t)st.st_size, 0) : -1;
	close(fd);
	if (n < 0)
		abort();
	*size = (size_t)n;
	return bytes;
}

static void spill(const char *path, const unsigned char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void forget(struct shadow *s)
{
	while (s->last) {
		struct undo *u = s->last;
		s->last = u->earlier;
		free(u);
	}
}

static struct shadow *shadow_of(const char *path)
{
	struct shadow *s;
	for (s = state.shadows; s; s = s->next) {
		if (strcmp(s->path, path) == 0)
			return s;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->path = strdup(path);
	s->next = state.shadows;
	state.shadows = s;
	return s;
}

/* --- file methods ---------------------------------------------------------------------------------------- */

static sqlite3_file *real_of(sqlite3_file *f) { return ((struct file *)f)->real; }
#define REAL(f) (real_of(f)->pMethods)

static int x_close(sqlite3_file *f)
{
	int code = REAL(f)->xClose(real_of(f));
	free(real_of(f));
	return code;
}

static int x_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	return state.dead ? SQLITE_IOERR_READ : REAL(f)->xRead(real_of(f), to, n, at);
}

static int write_fault(sqlite3_file *f, sqlite3_int64 end)
{
	sqlite3_int64 size;
	state.writes++;
	if (state.dead || (state.fail_write > 0 && --state.fail_write == 0))
		return SQLITE_IOERR_WRITE;
	if (state.read_only)
		return SQLITE_READONLY;
	if (state.full_everywhere)
		return SQLITE_FULL;
	if (!state.full)
		return SQLITE_OK;
	int code = REAL(f)->xFileSize(real_of(f), &size);
	return code != SQLITE_OK ? code : end > size ? SQLITE_FULL : SQLITE_OK;
}

/* Before n bytes at `at` are written over, or cut off. */
static int remember(sqlite3_file *f, sqlite3_int64 at, sqlite3_int64 n)
{
	struct shadow *s = ((struct file *)f)->shadow;
	sqlite3_int64 size;
	int code = s ? REAL(f)->xFileSize(real_of(f), &size) : SQLITE_OK;
	if (code != SQLITE_OK || !s)
		return code;
	size_t there = at >= size ? 0 : (size_t)(at + n > size ? size - at : n);
	struct undo *u = calloc(1, sizeof(*u) + there);
	if (!u)
		abort();
	*u = (struct undo){ .earlier = s->last, .at = at, .size = size, .n = there };
	s->last = u;
	return there ? REAL(f)->xRead(real_of(f), u->bytes, (int)there, at) : SQLITE_OK;
}

static int x_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	int code = write_fault(f, at + n);
	if (code == SQLITE_OK)
		code = remember(f, at, n);
	return code != SQLITE_OK ? code : REAL(f)->xWrite(real_of(f), from, n, at);
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int code = write_fault(f, size);
	if (code == SQLITE_OK)
		code = remember(f, size, INT32_MAX);
	return code != SQLITE_OK ? code : REAL(f)->xTruncate(real_of(f), size);
}

static int x_sync(sqlite3_file *f, int flags)
{
	struct shadow *shadow = ((struct file *)f)->shadow;
	state.syncs++;
	if (state.dead || (state.fail_sync > 0 && --state.fail_sync == 0))
		return SQLITE_IOERR_FSYNC;
	int code = REAL(f)->xSync(real_of(f), flags);
	if (code == SQLITE_OK && shadow)
		forget(shadow);
	return code;
}

static int x_size(sqlite3_file *f, sqlite3_int64 *out) { return REAL(f)->xFileSize(real_of(f), out); }
static int x_lock(sqlite3_file *f, int level) { return state.alone ? SQLITE_OK : REAL(f)->xLock(real_of(f), level); }
static int x_unlock(sqlite3_file *f, int level) { return state.alone ? SQLITE_OK : REAL(f)->xUnlock(real_of(f), level); }
static int x_reserved(sqlite3_file *f, int *out) { return REAL(f)->xCheckReservedLock(real_of(f), out); }
static int x_control(sqlite3_file *f, int op, void *arg) { return REAL(f)->xFileControl(real_of(f), op, arg); }
static int x_sector(sqlite3_file *f) { return REAL(f)->xSectorSize(real_of(f)); }
/* No promises: what the real disk may do better, this one does not. */
static int x_device(sqlite3_file *f) { (void)f; return 0; }
static int x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return REAL(f)->xShmMap(real_of(f), page, size, extend, out);
}
static int x_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return state.alone ? SQLITE_OK : REAL(f)->xShmLock(real_of(f), at, n, flags);
}
static void x_shm_barrier(sqlite3_file *f) { REAL(f)->xShmBarrier(real_of(f)); }
static int x_shm_unmap(sqlite3_file *f, int drop) { return REAL(f)->xShmUnmap(real_of(f), drop); }

static const sqlite3_io_methods methods = {
	.iVersion = 2, .xClose = x_close, .xRead = x_read, .xWrite = x_write, .xTruncate = x_truncate, .xSync = x_sync,
	.xFileSize = x_size, .xLock = x_lock, .xUnlock = x_unlock, .xCheckReservedLock = x_reserved, .xFileControl = x_control,
	.xSectorSize = x_sector, .xDeviceCharacteristics = x_device, .xShmMap = x_shm_map, .xShmLock = x_shm_lock,
	.xShmBarrier = x_shm_barrier, .xShmUnmap = x_shm_unmap,
};

/* --- the file system ------------------------------------------------------------------------------------- */

static int x_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *out_flags)
{
	struct file *file = (struct file *)f;
	(void)vfs;
	f->pMethods = NULL;
	if (state.dead)
		return SQLITE_CANTOPEN;
	file->real = calloc(1, (size_t)state.real->szOsFile);
	if (!file->real)
		return SQLITE_NOMEM;
	file->shadow = path ? shadow_of(path) : NULL;
	int code = state.real->xOpen(state.real, path, file->real, flags, out_flags);
	if (code != SQLITE_OK)
		free(file->real);
	else
		f->pMethods = &methods;
	return code;
}

static int x_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	(void)vfs;
	if (state.dead)
		return SQLITE_IOERR_DELETE;
	int code = state.real->xDelete(state.real, path, sync);
	if (code == SQLITE_OK)
		forget(shadow_of(path));
	return code;
}

void faulty_install(void)
{
	memset(&state, 0, sizeof(state));
	state.real = sqlite3_vfs_find(NULL);
	state.vfs = *state.real;
	state.vfs.zName = "faulty";
	state.vfs.pNext = NULL;
	state.vfs.szOsFile = sizeof(struct file);
	state.vfs.xOpen = x_open;
	state.vfs.xDelete = x_delete;
	sqlite3_vfs_register(&state.vfs, 1);
}

void faulty_remove(void)
{
	sqlite3_vfs_unregister(&state.vfs);
	sqlite3_vfs_register(state.real, 1);
	while (state.shadows) {
		struct shadow *s = state.shadows;
		state.shadows = s->next;
		forget(s);
		free(s->path);
		free(s);
	}
}

void faulty_alone(void) { state.alone = true; }
void faulty_fail_write(unsigned nth) { state.fail_write = nth; }
void faulty_fail_sync(unsigned nth) { state.fail_sync = nth; }
void faulty_full(bool on) { state.full = on; }
void faulty_full_everywhere(bool on) { state.full_everywhere = on; }
void faulty_read_only(bool on) { state.read_only = on; }
unsigned faulty_writes(void) { return state.writes; }
unsigned faulty_syncs(void) { return state.syncs; }
void faulty_power_cut(void) { state.dead = true; }

/* --- what the disk holds when the power is back ------------------------------------------------------------ */

static bool chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed & 1;
}

/* The file as it was synced last. */
static unsigned char *undone(const struct shadow *s, const unsigned char *written, size_t now, size_t *size)
{
	size_t room = now;
	for (const struct undo *u = s->last; u; u = u->earlier)
		room = (size_t)u->size > room ? (size_t)u->size : room;
	unsigned char *bytes = calloc(1, room + 1);
	if (!bytes)
		abort();
	memcpy(bytes, written, now);
	*size = now;
	for (const struct undo *u = s->last; u; u = u->earlier) {
		memcpy(bytes + u->at, u->bytes, u->n);
		*size = (size_t)u->size;
	}
	memset(bytes + *size, 0, room - *size);
	return bytes;
}

static void come_back(const struct shadow *s, uint64_t *seed)
{
	size_t now, size;
	unsigned char *written = slurp(s->path, &now);
	unsigned char *bytes = undone(s, written, now, &size);
	size_t synced = size;
	if (*seed && now < synced && chance(seed))
		size = now;
	for (size_t at = 0; *seed && at < now; at += SECTOR) {
		size_t n = now - at < SECTOR ? now - at : SECTOR;
		if (!chance(seed))
			continue;
		memcpy(bytes + at, written + at, n);
		if (at + n > size && now > synced)
			size = at + n;
	}
	if (size > 0 || access(s->path, F_OK) == 0)
		spill(s->path, bytes, size);
	free(bytes);
	free(written);
}

void faulty_power_on(uint64_t seed)
{
	/* xorshift cannot start from nothing, and small seeds look alike at first. */
	uint64_t dice = seed ? seed * 0x9e3779b97f4a7c15u : 0;
	for (struct shadow *s = state.shadows; s; s = s->next) {
		come_back(s, &dice);
		forget(s);
	}
	state.dead = false;
}
