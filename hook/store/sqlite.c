/* The door to SQLite: opening, transactions, queries.
 *
 * Durability in WAL mode: with synchronous=FULL a commit returns after the log is on the disk, with NORMAL it
 * only survives the end of the process.  As the log is one sequence, a durable commit that writes anything
 * carries all earlier ones with it.  The level cannot be changed inside a transaction, therefore it is chosen before BEGIN; and the
 * transactions of store_begin() are always durable, so that whatever joins them gets what it was promised. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/failpoint.h"
#include "hook/store/sqlite_handle.h"

#define BUSY_MS 2000             /* an administrator's sqlite3 may hold the file for a moment */

/* --- transactions -------------------------------------------------------------------------------------- */

int64_t db_now(const struct store *s) { return clock_now(s->clock); }
int64_t db_last_id(const struct store *s) { return sqlite3_last_insert_rowid(s->db); }
int64_t db_changes(const struct store *s) { return sqlite3_changes64(s->db); }
const char *db_path(const struct store *s) { return s->path; }
bool db_owners_stale(const struct store *s) { return s->owners_stale; }
void db_owners_fresh(struct store *s) { s->owners_stale = false; }

static int doomed(struct store *s, struct err *e)
{
	int r = err_set(e, ERR_TEMP, "store \"%s\": an earlier change of this transaction has failed", s->path);
	if (e)
		str_copy(e->code, sizeof(e->code), "store");
	return r;
}

static int run(struct store *s, const char *sql, struct err *e)
{
	struct query q = db_query(s, sql);
	return db_run(&q, e);
}

int db_read(struct store *s, struct err *e)
{
	pthread_mutex_lock(&s->mutex);
	if (!s->broken)
		return 0;
	pthread_mutex_unlock(&s->mutex);
	return doomed(s, e);
}

int db_read_end(struct store *s, int r)
{
	pthread_mutex_unlock(&s->mutex);
	return r;
}

static int set_sync(struct store *s, enum db_sync sync, struct err *e)
{
	if (s->sync == sync)
		return 0;
	int r = db_exec(s, sync == DB_DURABLE ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", e);
	if (r == 0)
		s->sync = sync;
	return r;
}

static void roll_back(struct store *s)
{
	/* SQLite has rolled back by itself after some failures. */
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->broken = false;
}

int db_write(struct store *s, enum db_sync sync, struct err *e)
{
	pthread_mutex_lock(&s->mutex);
	int r = 0;
	if (s->depth > 0) {
		r = s->broken ? doomed(s, e) : 0;
		s->mark = sqlite3_total_changes64(s->db);
	} else {
		r = set_sync(s, sync, e);
		if (r == 0)
			r = run(s, "BEGIN IMMEDIATE", e);
	}
	if (r == 0)
		s->depth++;
	else
		pthread_mutex_unlock(&s->mutex);
	return r;
}

int db_write_end(struct store *s, int r, struct err *e)
{
	if (--s->depth > 0) {
		if (r < 0 && sqlite3_total_changes64(s->db) != s->mark)
			s->broken = true;
	} else {
		if (r == 0 && s->broken)
			r = doomed(s, e);
		if (r == 0) {
			POINT("store.commit.before");
			r = run(s, "COMMIT", e);
		}
		if (r < 0)
			roll_back(s);
	}
	pthread_mutex_unlock(&s->mutex);
	return r;
}

int store_begin(struct store *s, struct err *e)
{
	return db_write(s, DB_DURABLE, e);
}

int store_commit(struct store *s, struct err *e)
{
	return db_write_end(s, 0, e);
}

void store_rollback(struct store *s)
{
	/* Whoever has a transaction open holds the mutex; without one there is nothing to do. */
	pthread_mutex_lock(&s->mutex);
	if (s->depth > 0) {
		if (s->depth > 1)
			s->broken = true;
		else
			roll_back(s);
		s->depth--;
		pthread_mutex_unlock(&s->mutex);
	}
	pthread_mutex_unlock(&s->mutex);
}

/* --- opening ------------------------------------------------------------------------------------------- */

static int os_fail(const char *path, int number, struct err *e)
{
	bool passing = number == ENOSPC || number == EIO || number == EMFILE || number == ENFILE || number == EDQUOT;
	int r = err_set(e, passing ? ERR_TEMP : ERR_INPUT, "store \"%s\" could not be opened: %s", path, strerror(number));
	if (e)
		str_copy(e->code, sizeof(e->code), "store");
	return r;
}

/* The name of a new file is durable only when its directory was synced; SQLite does that for its own logs. */
static void sync_directory(const char *path)
{
	AUTO_FREE char *copy = mem_strdup(path);
	AUTO_FD int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fsync(fd);
}

/* Made by us and not by SQLite, so that it is 0600 from birth; SQLite gives its logs the same mode. */
static int lock_file(struct store *s, struct err *e)
{
	struct stat st;
	s->lock_fd = open(s->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (s->lock_fd < 0 && errno == ENOENT) {
		s->lock_fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (s->lock_fd >= 0)
			sync_directory(s->path);
	}
	if (s->lock_fd < 0 || fstat(s->lock_fd, &st) < 0)
		return os_fail(s->path, errno, e);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "store \"%s\" is not a regular file", s->path);
	if ((st.st_mode & 0177) && fchmod(s->lock_fd, 0600) < 0)
		return os_fail(s->path, errno, e);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		int r = err_set(e, ERR_TEMP, "store \"%s\" is in use by another rollcalld", s->path);
		if (e)
			str_copy(e->code, sizeof(e->code), "store");
		return r;
	}
	return 0;
}

static int check_journal(struct store *s, struct err *e)
{
	struct query q = db_query(s, "PRAGMA journal_mode = WAL");
	const char *mode = db_row(&q) ? (const char *)sqlite3_column_text(q.statement, 0) : NULL;
	bool wal = str_eq(mode, "wal");
	int r = db_end(&q, e);
	return r == 0 && !wal ? err_set(e, ERR_INPUT, "store \"%s\" cannot use a write-ahead log here", s->path) : r;
}

static int check_pages(struct store *s, struct err *e)
{
	struct query q = db_query(s, "PRAGMA quick_check(1)");
	const char *verdict = db_row(&q) ? (const char *)sqlite3_column_text(q.statement, 0) : NULL;
	bool ok = str_eq(verdict, "ok");
	int r = db_end(&q, e);
	return r == 0 && !ok ? db_fail(s, SQLITE_CORRUPT, e) : r;
}

static int set_up(struct store *s, struct err *e)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int code = sqlite3_open_v2(s->path, &s->db, flags, NULL);
	if (code != SQLITE_OK)
		return db_fail(s, code, e);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	/* Four megabytes of pages are enough for the queue of any roll, and all that grows with it here. */
	int r = db_exec(s, "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; "
		"PRAGMA cache_size = -4000", e);
	if (r == 0)
		r = check_journal(s, e);
	if (r == 0)
		r = check_pages(s, e);
	s->sync = DB_DURABLE;
	if (r == 0)
		r = db_exec(s, "PRAGMA synchronous = FULL", e);
	if (r == 0)
		r = db_migrate(s, e);
	if (r < 0)
		return r;
	/* On a full disk the store is still good for reading; the next take tries again. */
	struct err full;
	s->owners_stale = db_forget_owners(s, &full) < 0;
	return s->owners_stale && full.kind != ERR_TEMP ? (e ? (*e = full).kind : full.kind) : 0;
}

int store_open(const char *path, const struct clock *clock, struct store **out, struct err *e)
{
	struct store *s = mem_alloc(sizeof(*s));
	pthread_mutexattr_t recursive;
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&s->mutex, &recursive);
	pthread_mutexattr_destroy(&recursive);
	s->lock_fd = -1;
	s->path = mem_strdup(path);
	s->clock = clock;
	int r = lock_file(s, e);
	if (r == 0)
		r = set_up(s, e);
	if (r < 0)
		store_close(s);
	else
		*out = s;
	return r;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->prepared_count; i++)
		sqlite3_finalize(s->prepared[i].statement);
	free(s->prepared);
	sqlite3_close_v2(s->db);
	/* After SQLite: closing any descriptor of the file gives up its locks. */
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	pthread_mutex_destroy(&s->mutex);
	free(s->path);
	free(s);
}
