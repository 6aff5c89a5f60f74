/* Queries: prepared statements that are kept, values in and out, and what SQLite's result codes mean here. */
#include <string.h>

#include "hook/store/sqlite_handle.h"

/* --- failures ------------------------------------------------------------------------------------------ */

static enum err_kind kind_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_MISMATCH:
		return ERR_INPUT;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_ERROR:
		return ERR_BUG;
	}
	return ERR_TEMP;
}

int db_fail(struct store *s, int code, struct err *e)
{
	int r;
	if ((code & 0xff) == SQLITE_NOMEM)
		mem_exhausted();
	if (code == SQLITE_MISMATCH)
		return err_set(e, ERR_INPUT, "not a UUID");
	s->broken = s->depth > 0;
	switch (code & 0xff) {
	case SQLITE_NOTADB:
		r = err_set(e, ERR_INPUT, "\"%s\" is not a database", s->path);
		break;
	case SQLITE_CORRUPT:
		r = err_set(e, ERR_INPUT, "store \"%s\" is damaged: move it away, it is built anew from the directory and the cloud",
			s->path);
		break;
	case SQLITE_FULL:
		r = err_set(e, ERR_TEMP, "store \"%s\": the disk is full", s->path);
		break;
	default:
		r = err_set(e, kind_of(code), "store \"%s\": %s (%d)", s->path, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code), code);
	}
	if (e)
		str_copy(e->code, sizeof(e->code), "store");
	return r;
}

/* --- queries ------------------------------------------------------------------------------------------- */

static int prepare(struct store *s, const char *sql, sqlite3_stmt **out)
{
	for (size_t i = 0; i < s->prepared_count; i++) {
		if (s->prepared[i].sql == sql) {
			*out = s->prepared[i].statement;
			return SQLITE_OK;
		}
	}
	int code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
	if (code != SQLITE_OK)
		return code;
	if (s->prepared_count == s->prepared_room) {
		s->prepared_room = s->prepared_room ? s->prepared_room * 2 : 32;
		s->prepared = mem_realloc(s->prepared, s->prepared_room * sizeof(*s->prepared));
	}
	s->prepared[s->prepared_count++] = (struct prepared){ sql, *out };
	return SQLITE_OK;
}

struct query db_query(struct store *s, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int code = prepare(s, sql, &statement);
	if (code == SQLITE_OK && sqlite3_stmt_busy(statement))
		code = SQLITE_MISUSE;
	return (struct query){ s, statement, 0, code };
}

static void keep(struct query *q, int code)
{
	if (q->code == SQLITE_OK)
		q->code = code;
}

void db_int(struct query *q, int64_t v)
{
	q->bound++;
	if (q->code == SQLITE_OK)
		keep(q, sqlite3_bind_int64(q->statement, q->bound, v));
}

void db_text(struct query *q, const char *text)
{
	q->bound++;
	if (q->code == SQLITE_OK)
		keep(q, sqlite3_bind_text(q->statement, q->bound, text, -1, SQLITE_STATIC));
}

void db_blob(struct query *q, const void *bytes, size_t n)
{
	q->bound++;
	if (q->code == SQLITE_OK)
		keep(q, sqlite3_bind_blob64(q->statement, q->bound, bytes, n, SQLITE_STATIC));
}

void db_uuid(struct query *q, const char *text)
{
	unsigned char uuid[16];
	struct err ignored;
	q->bound++;
	if (q->code != SQLITE_OK)
		return;
	if (str_uuid_parse(text, uuid, &ignored) < 0)
		q->code = SQLITE_MISMATCH;
	else
		keep(q, sqlite3_bind_blob(q->statement, q->bound, uuid, sizeof(uuid), SQLITE_TRANSIENT));
}

bool db_row(struct query *q)
{
	if (q->code != SQLITE_OK)
		return false;
	int code = sqlite3_step(q->statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		q->code = sqlite3_extended_errcode(q->store->db);
	return code == SQLITE_ROW;
}

int64_t db_get_int(struct query *q, int column)
{
	return sqlite3_column_int64(q->statement, column);
}

static const void *bytes_of(struct query *q, int column, size_t *n)
{
	const void *bytes = sqlite3_column_blob(q->statement, column);
	*n = (size_t)sqlite3_column_bytes(q->statement, column);
	if (!bytes && sqlite3_errcode(q->store->db) == SQLITE_NOMEM)
		mem_exhausted();
	return bytes;
}

char *db_get_text(struct query *q, int column, struct arena *arena)
{
	const char *text = (const char *)sqlite3_column_text(q->statement, column);
	if (!text && sqlite3_errcode(q->store->db) == SQLITE_NOMEM)
		mem_exhausted();
	return arena_strdup(arena, text);
}

/* Zeros when it is not 16 bytes: only a damaged file can hold that. */
void db_get_uuid(struct query *q, int column, unsigned char out[16])
{
	size_t n;
	const void *bytes = bytes_of(q, column, &n);
	memset(out, 0, 16);
	if (bytes && n == 16)
		memcpy(out, bytes, 16);
}

int db_end(struct query *q, struct err *e)
{
	/* The message belongs to the connection: taken before the reset can change it. */
	int r = q->code == SQLITE_OK ? 0 : db_fail(q->store, q->code, e);
	if (q->statement) {
		sqlite3_reset(q->statement);
		sqlite3_clear_bindings(q->statement);
	}
	return r;
}

int db_run(struct query *q, struct err *e)
{
	db_row(q);
	return db_end(q, e);
}

/* --- records ------------------------------------------------------------------------------------------- */

void db_bind(struct query *q, const struct column *columns, size_t count, const void *record)
{
	for (size_t i = 0; i < count; i++) {
		const char *field = (const char *)record + columns[i].offset;
		switch (columns[i].type) {
		case COLUMN_INT64:
			db_int(q, *(const int64_t *)field);
			break;
		case COLUMN_INT:
			db_int(q, *(const int *)field);
			break;
		case COLUMN_UNSIGNED:
			db_int(q, *(const unsigned *)field);
			break;
		case COLUMN_BOOL:
			db_int(q, *(const bool *)field);
			break;
		case COLUMN_TEXT:
			db_text(q, *(char *const *)field);
			break;
		case COLUMN_FIXED:
			db_text(q, field);
			break;
		case COLUMN_UUID:
			db_uuid(q, field);
			break;
		case COLUMN_BLOB:
			db_blob(q, *(const unsigned char *const *)field, *(const size_t *)((const char *)record + columns[i].size));
			break;
		}
	}
}

static void fetch_blob(struct query *q, int at, const struct column *c, struct arena *arena, void *record)
{
	size_t n;
	const void *bytes = bytes_of(q, at, &n);
	*(const unsigned char **)((char *)record + c->offset) = bytes ? arena_memdup(arena, bytes, n) : NULL;
	*(size_t *)((char *)record + c->size) = bytes ? n : 0;
}

void db_fetch(struct query *q, int from, const struct column *columns, size_t count, struct arena *arena, void *record)
{
	for (size_t i = 0; i < count; i++) {
		int at = from + (int)i;
		char *field = (char *)record + columns[i].offset;
		unsigned char uuid[16];
		switch (columns[i].type) {
		case COLUMN_INT64:
			*(int64_t *)field = db_get_int(q, at);
			break;
		case COLUMN_INT:
			*(int *)field = (int)db_get_int(q, at);
			break;
		case COLUMN_UNSIGNED:
			*(unsigned *)field = (unsigned)db_get_int(q, at);
			break;
		case COLUMN_BOOL:
			*(bool *)field = db_get_int(q, at) != 0;
			break;
		case COLUMN_TEXT:
			*(char **)field = db_get_text(q, at, arena);
			break;
		case COLUMN_FIXED: {
			const char *text = (const char *)sqlite3_column_text(q->statement, at);
			str_copy(field, columns[i].size, text ? text : "");
			break;
		}
		case COLUMN_UUID:
			db_get_uuid(q, at, uuid);
			str_uuid(uuid, field);
			break;
		case COLUMN_BLOB:
			fetch_blob(q, at, &columns[i], arena, record);
			break;
		}
	}
}

int db_one(struct query *q, const struct record_type *type, struct arena *arena, void *record, const char *noun,
	struct err *e)
{
	bool there = db_row(q);
	if (there) {
		memset(record, 0, type->bytes);
		db_fetch(q, 0, type->columns, type->count, arena, record);
	}
	int r = db_end(q, e);
	return r == 0 && !there ? err_set(e, ERR_ABSENT, "no such %s", noun) : r;
}

int db_all(struct query *q, const struct record_type *type, struct arena *arena, void *records, size_t *count, struct err *e)
{
	size_t n = 0, room = 0;
	char *rows = NULL;
	while (db_row(q)) {
		if (n == room) {
			char *more = arena_alloc(arena, (room = room ? room * 2 : 16) * type->bytes);
			if (n)
				memcpy(more, rows, n * type->bytes);
			rows = more;
		}
		db_fetch(q, 0, type->columns, type->count, arena, rows + n * type->bytes);
		n++;
	}
	int r = db_end(q, e);
	if (r < 0)
		return r;
	memcpy(records, &rows, sizeof(rows));
	*count = n;
	return 0;
}

/* --- short ones --------------------------------------------------------------------------------------- */

int db_exec(struct store *s, const char *sql, struct err *e)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return db_fail(s, sqlite3_extended_errcode(s->db), e);
}

int db_number(struct store *s, const char *sql, int64_t *out, struct err *e)
{
	struct query q = db_query(s, sql);
	int64_t v = db_row(&q) ? db_get_int(&q, 0) : 0;
	int r = db_end(&q, e);
	if (r == 0)
		*out = v;
	return r;
}
