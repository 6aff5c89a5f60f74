/* The handle as the two files see it that include SQLite (sqlite.c, sqlite_query.c). */
#ifndef ROLLCALL_HOOK_STORE_SQLITE_HANDLE_H
#define ROLLCALL_HOOK_STORE_SQLITE_HANDLE_H

#include <pthread.h>
#include <sqlite3.h>

#include "hook/store/sqlite.h"

struct prepared { const char *sql; sqlite3_stmt *statement; };

struct store {
	sqlite3 *db;
	char *path;
	int lock_fd;             /* flock: a store has one daemon */
	const struct clock *clock;
	pthread_mutex_t mutex;
	unsigned depth;          /* of transactions, 0 = none */
	bool broken;             /* the open transaction cannot be committed any more */
	bool owners_stale;
	enum db_sync sync;       /* as the connection has it now */
	int64_t mark;            /* sqlite3_total_changes when a joined transaction began */
	size_t prepared_count, prepared_room;
	struct prepared *prepared;
};

/* Fills *e for an SQLite result code and dooms the open transaction; returns the kind. */
int db_fail(struct store *, int code, struct err *e);

#endif
