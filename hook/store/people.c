/* People as the directory showed them last. */
#include <stdlib.h>
#include <string.h>

#include "hook/store/sqlite.h"
#include "ldap/person.h"

#define FIELD(type, name) { type, offsetof(struct store_person, name), 0 }

/* In the order of COLUMNS. */
static const struct column columns[] = {
	FIELD(COLUMN_UUID, uuid), FIELD(COLUMN_TEXT, dn), FIELD(COLUMN_TEXT, login), FIELD(COLUMN_TEXT, mail),
	FIELD(COLUMN_TEXT, display), FIELD(COLUMN_TEXT, profile), FIELD(COLUMN_INT64, uid_number),
	{ COLUMN_BLOB, offsetof(struct store_person, certificate), offsetof(struct store_person, certificate_len) },
	FIELD(COLUMN_TEXT, csn), { COLUMN_FIXED, offsetof(struct store_person, hash), sizeof(((struct store_person *)0)->hash) },
	FIELD(COLUMN_INT, signal), FIELD(COLUMN_TEXT, reason), FIELD(COLUMN_INT64, due_ms), FIELD(COLUMN_INT64, signal_ms),
	FIELD(COLUMN_INT64, weak_since_ms), FIELD(COLUMN_UNSIGNED, generation), FIELD(COLUMN_TEXT, note),
	FIELD(COLUMN_TEXT, branch), FIELD(COLUMN_BOOL, is_protected), FIELD(COLUMN_BOOL, solid),
};
#define COLUMNS "uuid, dn, login, mail, display, profile, uid_number, certificate, csn, hash, signal, reason, due_ms, " \
	"signal_ms, weak_since_ms, generation, note, branch, is_protected, solid"

static const struct record_type person_type = { columns, ARRAY_LEN(columns), sizeof(struct store_person) };

int store_person_put(struct store *s, const struct store_person *p, struct err *e)
{
	int r = db_write(s, DB_NORMAL, e);
	if (r < 0)
		return r;
	/* The generation only grows: a caller who made his record from the entry alone does not lose the account. */
	struct query q = db_query(s, "INSERT INTO people (" COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,coalesce(?,''),?,?)"
		" ON CONFLICT (uuid) DO UPDATE SET dn = excluded.dn, login = excluded.login, mail = excluded.mail,"
		" display = excluded.display, profile = excluded.profile, uid_number = excluded.uid_number,"
		" certificate = excluded.certificate, csn = excluded.csn, hash = excluded.hash, signal = excluded.signal,"
		" reason = excluded.reason, due_ms = excluded.due_ms, signal_ms = excluded.signal_ms,"
		" weak_since_ms = excluded.weak_since_ms, generation = max(generation, excluded.generation), note = excluded.note,"
		" branch = excluded.branch, is_protected = excluded.is_protected,"
		" solid = excluded.solid");
	db_bind(&q, columns, ARRAY_LEN(columns), p);
	return db_write_end(s, db_run(&q, e), e);
}

int store_person_get(struct store *s, const char *uuid, struct arena *arena, struct store_person *out, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM people WHERE uuid = ?");
	db_uuid(&q, uuid);
	return db_read_end(s, db_one(&q, &person_type, arena, out, "person", e));
}

static int find_login(struct store *s, const char *login, struct arena *arena, struct store_person *out, struct err *e)
{
	struct store_person *found;
	size_t n;
	/* Login names are used again: who is in the directory goes before who has left it. */
	struct query q = db_query(s, "SELECT " COLUMNS " FROM people WHERE login = ?1 ORDER BY signal = ?2, id LIMIT 2");
	db_text(&q, login);
	db_int(&q, SIGNAL_ABSENT);
	int r = db_all(&q, &person_type, arena, &found, &n, e);
	if (r < 0)
		return r;
	if (n == 0)
		return err_set(e, ERR_ABSENT, "nobody is called \"%.80s\"", login);
	if (n == 2 && (found[0].signal == SIGNAL_ABSENT) == (found[1].signal == SIGNAL_ABSENT))
		return err_set(e, ERR_INPUT, "\"%.80s\" is ambiguous: more than one person is called so, use the UUID", login);
	*out = found[0];
	return 0;
}

int store_person_find(struct store *s, const char *name, struct arena *arena, struct store_person *out, struct err *e)
{
	unsigned char uuid[16];
	struct err ignored;
	if (str_uuid_parse(name, uuid, &ignored) == 0)
		return store_person_get(s, name, arena, out, e);
	int r = db_read(s, e);
	return r < 0 ? r : db_read_end(s, find_login(s, name, arena, out, e));
}

int store_login_holder(struct store *s, const char *login, const char *not_uuid, unsigned stages, char out[UUID_TEXT],
	struct err *e)
{
	unsigned char uuid[16];
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT p.uuid FROM people p LEFT JOIN accounts a ON a.uuid = p.uuid AND"
		" a.generation = p.generation WHERE p.login = ? AND p.uuid <> ? AND (? >> coalesce(a.stage, 0)) & 1"
		" ORDER BY p.id LIMIT 1");
	db_text(&q, login);
	db_uuid(&q, not_uuid);
	db_int(&q, stages);
	bool there = db_row(&q);
	if (there)
		db_get_uuid(&q, 0, uuid);
	r = db_end(&q, e);
	if (r == 0 && there)
		str_uuid(uuid, out);
	else if (r == 0)
		r = err_set(e, ERR_ABSENT, "nobody else is called \"%.80s\"", login);
	return db_read_end(s, r);
}

int store_people(struct store *s, const char *after, size_t max, struct arena *arena, struct store_person **out,
	size_t *count, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT " COLUMNS " FROM people WHERE uuid > ? ORDER BY uuid LIMIT ?");
	if (*after)
		db_uuid(&q, after);
	else
		db_blob(&q, "", 0);
	db_int(&q, (int64_t)max);
	return db_read_end(s, db_all(&q, &person_type, arena, out, count, e));
}

int store_people_uuids(struct store *s, unsigned char (**out)[16], size_t *count, struct err *e)
{
	size_t n = 0, room = 1024;
	int r = db_read(s, e);
	if (r < 0)
		return r;
	unsigned char (*uuids)[16] = mem_alloc(room * sizeof(*uuids));
	struct query q = db_query(s, "SELECT uuid FROM people ORDER BY uuid");
	while (db_row(&q)) {
		if (n == room)
			uuids = mem_realloc(uuids, (room *= 2) * sizeof(*uuids));
		db_get_uuid(&q, 0, uuids[n++]);
	}
	r = db_read_end(s, db_end(&q, e));
	if (r < 0) {
		free(uuids);
		return r;
	}
	*out = uuids;
	*count = n;
	return 0;
}

static int list_until(struct store *s, const char *sql, int64_t until_ms, size_t max, struct arena *arena,
	struct store_person **out, size_t *count, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, sql);
	db_int(&q, until_ms);
	db_int(&q, (int64_t)max);
	return db_read_end(s, db_all(&q, &person_type, arena, out, count, e));
}

int store_weak(struct store *s, int64_t since_ms, size_t max, struct arena *arena, struct store_person **out, size_t *count,
	struct err *e)
{
	return list_until(s, "SELECT " COLUMNS " FROM people WHERE weak_since_ms > 0 AND weak_since_ms <= ?"
		" AND NOT EXISTS (SELECT 1 FROM frozen f WHERE f.uuid = people.uuid AND f.kind = 1 AND f.state <> 1)"
		" ORDER BY weak_since_ms LIMIT ?", since_ms, max, arena, out, count, e);
}

int store_due(struct store *s, int64_t now_ms, size_t max, struct arena *arena, struct store_person **out, size_t *count,
	struct err *e)
{
	return list_until(s, "SELECT " COLUMNS " FROM people WHERE due_ms > 0 AND due_ms <= ? ORDER BY due_ms LIMIT ?",
		now_ms, max, arena, out, count, e);
}

/* --- small named values -------------------------------------------------------------------------------- */

int store_meta_get(struct store *s, const char *name, struct arena *arena, char **out, struct err *e)
{
	int r = db_read(s, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "SELECT value FROM meta WHERE name = ?");
	db_text(&q, name);
	char *value = db_row(&q) ? db_get_text(&q, 0, arena) : NULL;
	r = db_end(&q, e);
	if (r == 0)
		*out = value;
	return db_read_end(s, r);
}

int store_meta_put(struct store *s, const char *name, const char *value, struct err *e)
{
	int r = db_write(s, DB_DURABLE, e);
	if (r < 0)
		return r;
	struct query q = db_query(s, "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value");
	db_text(&q, name);
	db_text(&q, value);
	return db_write_end(s, db_run(&q, e), e);
}
