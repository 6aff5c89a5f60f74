/* What the PAM module asks when somebody logs in: may he, and what is his.  Everything comes from the store, by the name and
 * the uidNumber that the directory gave; no name service is asked, and nobody waits for the cloud. */
#include <inttypes.h>
#include <string.h>

#include "cloud/account.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/str.h"
#include "hook/desk_inside.h"
#include "hook/kept.h"
#include "ldap/attrs.h"
#include "ldap/person.h"
#include "policies/dormant.h"
#include "policies/stage.h"

struct login {
	const struct desk_request *request;
	struct store_person person;
	struct store_account account;      /* stage NONE: there is none */
	const struct json *shown;          /* what his entry shows; NULL: nothing yet */
	bool was_parked;                   /* before this login was told */
};

static const char *day(const struct login *l, int64_t ms)
{
	char text[TIME_TEXT];
	str_time(ms, text);
	return arena_strndup(l->request->arena, text, strcspn(text, "T"));
}

static char *say(const struct login *l, const char *what, int64_t since_ms)
{
	return arena_printf(l->request->arena, "Rollcall: your account is %s since %s.  Please ask your administrator.", what,
		day(l, since_ms));
}

/* --- the verdict --------------------------------------------------------------------------------------------- */

static const char *shown_text(const struct login *l, enum own which)
{
	return l->shown ? json_text(l->shown, own_attributes[which].name) : NULL;
}

/* He is back, and nobody has seen yet that his key is on again. */
static bool is_key_off(const struct login *l)
{
	struct found f;
	struct err ignored;
	if (!l->account.found || found_parse(l->account.found, l->request->arena, &f, &ignored) || !f.key_locked_ms)
		return false;
	return f.verified_since_ms != l->account.since_ms || !f.verified_ms[ROW_KEY];
}

/* Everything that he needs to work was put into his entry, and works. */
static bool is_ready(const struct login *l)
{
	return shown_text(l, OWN_ENV_ID) && shown_text(l, OWN_KEY_ID) && !is_key_off(l);
}

/* Somebody who has no access, and never had any or will have some later.  Fails: ABSENT (he is not on the roll). */
static int newcomer(const struct login *l, const char **verdict, const char **text, struct err *e)
{
	const struct store_person *p = &l->person;
	*verdict = "joining";
	if (p->signal == SIGNAL_DISABLED) {
		*verdict = "out";
		*text = say(l, "disabled", p->signal_ms);
	} else if (p->signal == SIGNAL_DUE) {
		*text = arena_printf(l->request->arena, "Rollcall: your development environment will be set up from %s on.",
			day(l, p->due_ms));
	} else if (p->signal == SIGNAL_ENTITLED && l->account.stage == STAGE_DUE) {
		*text = "Rollcall: your development environment is set up after your first login here.";
	} else if (p->signal == SIGNAL_ENTITLED) {
		*text = "Rollcall: your development environment waits for an administrator.";
	} else {
		return err_set(e, ERR_ABSENT, "\"%s\" is not on the roll", l->request->name);
	}
	return 0;
}

static bool is_parked(const struct login *l)
{
	return l->account.stage == STAGE_HELD && dormant_is_hold(l->account.hold_reason);
}

static int judge(const struct login *l, const char **verdict, const char **text, struct err *e)
{
	const struct store_account *a = &l->account;
	const struct desk_parts *parts = l->request->parts;
	bool comes_back = a->stage == STAGE_RETIRED && (l->person.signal == SIGNAL_ENTITLED || l->person.signal == SIGNAL_DUE) &&
		csn_newer(l->person.csn, a->cut_csn);
	*text = NULL;
	if (parts->struck && parts->struck(parts->ctx, l->person.uuid)) {
		*verdict = "out";
		*text = say(l, "suspended", clock_now(parts->clock));
		return 0;
	}
	/* He waits for a new one. */
	if (comes_back)
		return newcomer(l, verdict, text, e);
	/* A login is what he waits for. */
	if (is_parked(l)) {
		*verdict = "joining";
		*text = "Rollcall: your access to the cloud is switched off because it was not used.";
		return 0;
	}
	switch ((enum stage)a->stage) {
	case STAGE_SUSPENDED:
	case STAGE_HELD:
	case STAGE_RETIRED:
		*verdict = "out";
		*text = say(l, a->stage == STAGE_RETIRED ? "closed" : "suspended", a->since_ms);
		return 0;
	case STAGE_ACTIVE:
		*verdict = is_ready(l) ? "in" : "joining";
		if (l->was_parked && !is_ready(l))
			*text = "Rollcall: your access to the cloud was switched off because it was not used.  It is being switched "
				"on again; log in again in about ten minutes.";
		else if (!is_ready(l))
			*text = arena_printf(l->request->arena, "Rollcall: your development environment is being set up.  Log in again in "
				"about ten minutes, or look with: rollcall show %s", l->person.login);
		return 0;
	default:
		return newcomer(l, verdict, text, e);
	}
}

/* --- who he is ------------------------------------------------------------------------------------------------ */

static int look_up(struct login *l, struct err *e)
{
	const struct desk_request *r = l->request;
	struct store_letter letter;
	struct json *payload;
	int rc = store_person_find(r->parts->store, r->name, r->arena, &l->person, e);
	if (rc)
		return rc;
	l->account = (struct store_account){ .stage = STAGE_NONE };
	if (!l->person.generation)
		return 0;
	rc = store_account_get(r->parts->store, l->person.uuid, 0, r->arena, &l->account, e);
	if (rc)
		return rc;
	rc = store_letter_get(r->parts->store, l->account.id, r->arena, &letter, e);
	if (rc)
		return rc == ERR_ABSENT ? 0 : rc;
	if (!json_parse(r->arena, letter.payload, strlen(letter.payload), &payload, NULL))
		l->shown = payload;
	return 0;
}

/* Root says so, as PAM does; whoever asks about himself has no need to be told that he is here. */
static int first_steps(struct login *l, struct err *e)
{
	const struct desk_request *r = l->request;
	if (r->asker->uid != 0 || !r->parts->logged_in)
		return 0;
	const char *by = arena_printf(r->arena, "service \"%s\" (pid %d)", r->service ? r->service : "?", (int)r->asker->pid);
	struct err why;
	/* That the moment could not be stored keeps nobody out. */
	if (r->parts->logged_in(r->parts->ctx, l->person.uuid, by, r->arena, &why))
		log_err(LOG_WARN_LEVEL, "desk", l->person.login, &why);
	return look_up(l, e);
}

/* --- what is his ----------------------------------------------------------------------------------------------- */

static int on_record(const struct login *l, const char *key_id, struct err *e)
{
	const struct desk_request *r = l->request;
	const struct evidence_line line = { .event = "secret",
		.uuid = l->person.uuid,
		.login = l->person.login,
		.generation = l->account.generation,
		.what = arena_printf(r->arena, "key %s given to uid %u (pid %d) for service \"%s\"", key_id, (unsigned)r->asker->uid,
			(int)r->asker->pid, r->service ? r->service : "-") };
	return r->parts->evidence ? evidence_add(r->parts->evidence, &line, e) : 0;
}

/* The key that his entry names, and no other; only when that can be put on record.  Without it he logs in all the same. */
static void add_key(const struct login *l, struct wire_out *out)
{
	const struct desk_request *r = l->request;
	const struct keeper k = { r->parts->store, r->parts->own_key };
	const char *key_id = shown_text(l, OWN_KEY_ID);
	struct found f;
	AUTO_SECRET struct secret *key = NULL;
	struct err e;
	int rc = found_parse(l->account.found, r->arena, &f, &e);
	if (!rc && !str_eq(f.key_id, key_id))
		rc = err_set(&e, ERR_ABSENT, "a newer key is on its way into the directory");
	if (!rc)
		rc = kept_open(&k, l->account.id, l->person.uuid, f.uin, SECRET_KEY, key_id, r->arena, &key, &e);
	if (!rc)
		rc = on_record(l, key_id, &e);
	if (rc) {
		log_err(LOG_WARN_LEVEL, "desk", l->person.login, &e);
		return;
	}
	wire_add_text(out, WIRE_SECRET_ID, key_id);
	size_t n;
	const char *bytes = secret_reveal(key, &n);
	wire_add(out, WIRE_SECRET_KEY, bytes, n);
}

static void add(const struct login *l, struct wire_out *out, enum wire_field field, enum own which)
{
	const char *value = shown_text(l, which);
	if (value)
		wire_add_text(out, field, value);
}

static void hand_over(const struct login *l, struct wire_out *out)
{
	const struct desk_request *r = l->request;
	add(l, out, WIRE_ENV_ID, OWN_ENV_ID);
	add(l, out, WIRE_REGION, OWN_REGION);
	add(l, out, WIRE_SERVER, OWN_SERVER_ADDRESS);
	/* Root, as PAM does, or he himself; who administers Rollcall reads no keys. */
	bool his = r->asker->uid == 0 || (int64_t)r->asker->uid == l->person.uid_number;
	if (his && r->deliver && str_eq(r->deliver, "key") && r->parts->own_key)
		add_key(l, out);
}

int desk_login(const struct desk_request *r, struct wire_out *out, struct err *e)
{
	struct login l = { .request = r };
	const char *verdict, *text;
	bool opens = r->rule->action == WIRE_SESSION_OPEN;
	int rc = look_up(&l, e);
	if (!rc)
		rc = judge(&l, &verdict, &text, e);
	if (!rc && opens && !str_eq(verdict, "out")) {
		l.was_parked = is_parked(&l);
		rc = first_steps(&l, e);
		if (!rc)
			rc = judge(&l, &verdict, &text, e);
	}
	if (rc)
		return rc;
	wire_add_text(out, WIRE_VERDICT, verdict);
	if (text)
		wire_add_text(out, WIRE_TEXT, text);
	if (l.person.uid_number >= 0)
		wire_add_text(out, WIRE_UID, arena_printf(r->arena, "%" PRId64, l.person.uid_number));
	if (opens && str_eq(verdict, "in"))
		hand_over(&l, out);
	return 0;
}
