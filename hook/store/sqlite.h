/* Inside the store: SQLite behind a few verbs, so that the other files hold SQL and nothing of its C interface.
 *
 * Order of use:  db_read or db_write, queries, db_read_end or db_write_end.  A query keeps its first failure;
 * binding and stepping after it do nothing, and db_end reports it.  One thread at a time: db_read and db_write
 * take a recursive mutex that their ends give back. */
#ifndef ROLLCALL_HOOK_STORE_SQLITE_H
#define ROLLCALL_HOOK_STORE_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mem.h"
#include "hook/store/store.h"

/* --- transactions ------------------------------------------------------------------------------------- */
enum db_sync { DB_NORMAL, DB_DURABLE };

MUST_USE int db_read(struct store *, struct err *e);
int db_read_end(struct store *, int r);                         /* returns r */
/* Begins a transaction, or joins the one that store_begin() opened (which is durable, so both kinds may join). */
MUST_USE int db_write(struct store *, enum db_sync, struct err *e);
/* r 0: commit; else roll back.  In a joined transaction a failure after a first change dooms the whole of it. */
MUST_USE int db_write_end(struct store *, int r, struct err *e);

int64_t db_now(const struct store *);
int64_t db_last_id(const struct store *);
int64_t db_changes(const struct store *);                       /* rows of the last INSERT, UPDATE or DELETE */

/* --- queries ------------------------------------------------------------------------------------------ */
struct query { struct store *store; void *statement; int bound, code; };

/* sql: a literal; prepared once and kept under its address. */
struct query db_query(struct store *, const char *sql);
void db_int(struct query *, int64_t);
void db_text(struct query *, const char *);                     /* NULL is NULL; must live until db_end */
void db_blob(struct query *, const void *, size_t);
void db_uuid(struct query *, const char *text);                 /* fails with INPUT unless it is a UUID */
bool db_row(struct query *);                                    /* step: true when there is a (further) row */
int64_t db_get_int(struct query *, int column);
char *db_get_text(struct query *, int column, struct arena *);  /* NULL for NULL */
void db_get_uuid(struct query *, int column, unsigned char out[16]);
int db_end(struct query *, struct err *e);                      /* 0, or the first failure of all the above */
int db_run(struct query *, struct err *e);                      /* db_row and db_end, for what returns no rows */

/* --- records: columns in the order of a SELECT or VALUES list <-> fields of a struct -------------------- */
enum column_type {
	COLUMN_INT64, COLUMN_INT, COLUMN_UNSIGNED, COLUMN_BOOL,
	COLUMN_TEXT,      /* char * in the arena, may be NULL */
	COLUMN_FIXED,     /* char[size] */
	COLUMN_UUID,      /* char[UUID_TEXT], 16 bytes in the database */
	COLUMN_BLOB,      /* const unsigned char *, its size_t length at offset `size` */
};
struct column { enum column_type type; size_t offset, size; };
void db_bind(struct query *, const struct column *, size_t count, const void *record);
void db_fetch(struct query *, int from, const struct column *, size_t count, struct arena *, void *record);

struct record_type { const struct column *columns; size_t count, bytes; };
/* The one row of a query, then db_end.  Fails: ABSENT ("no such `noun`"). */
MUST_USE int db_one(struct query *, const struct record_type *, struct arena *, void *record, const char *noun, struct err *e);
/* All rows of a query, then db_end. */
MUST_USE int db_all(struct query *, const struct record_type *, struct arena *, void *records, size_t *count, struct err *e);

/* --- opening ------------------------------------------------------------------------------------------ */
MUST_USE int db_exec(struct store *, const char *sql, struct err *e);
MUST_USE int db_number(struct store *, const char *sql, int64_t *out, struct err *e);
const char *db_path(const struct store *);
/* schema.c: bring the file to the newest version.  Fails: INPUT (newer, or another program's), TEMP. */
MUST_USE int db_migrate(struct store *, struct err *e);
bool db_owners_stale(const struct store *);
void db_owners_fresh(struct store *);

/* --- accounts.c, inside an open read or write ---------------------------------------------------------- */
/* Nobody has anything in hand.  Part of opening, and again before the first take when a full disk kept the
 * opening from it. */
MUST_USE int db_forget_owners(struct store *, struct err *e);
/* As store_may_act.  Fails: STALE. */
MUST_USE int db_fence(struct store *, int64_t account_id, int worker, struct err *e);
/* NULL found: nothing to write.  Fails: ABSENT. */
MUST_USE int db_found(struct store *, int64_t account_id, const char *found, struct err *e);

#endif
