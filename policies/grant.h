/* What a person is granted: his placement (decided once, kept in store and entry), and the wanted account
 * made from it and from what was found so far.  Pure. */
#ifndef ROLLCALL_POLICIES_GRANT_H
#define ROLLCALL_POLICIES_GRANT_H

#include "cloud/account.h"
#include "common/err.h"
#include "common/mem.h"
#include "policies/cam/catalogue.h"

/* Decided when the generation begins; names are never derived again (CAM cannot rename, logins are reused). */
struct placement {
	char root_account[64], region[32], profile[64];
	char user_name[65];      /* login, made fit for CAM, "-" and 6 base32 characters of UUID and generation; or as adopted */
	char env_alias[40];      /* "rc-" and 16 base32 characters; or as adopted */
	char policy_name[96], server_name[61];
	char package[64];
	char bundle[64];         /* "" = no server */
	char blueprint[64];      /* "" = searched by name */
	char zone[32];           /* "" = any */
	bool at_login;
};

struct profile {             /* what the settings say of one profile */
	const char *name, *package, *bundle, *blueprint, *zone, *region;
	bool at_login;
};

/* Fails: INPUT (a login from which no CAM user name can be made, naming it). */
MUST_USE int placement_make(const char *login, const char *uuid, unsigned generation, const char *root_account,
	const char *region, const struct profile *, struct placement *out, struct err *e);
char *placement_print(const struct placement *, struct arena *);
MUST_USE int placement_parse(const char *text, struct arena *, struct placement *out, struct err *e);

/* The policy that was proved last, and for whom.  All zero at first; its texts are in the arena of grant(). */
struct grant_memo { const char *identifiers, *document; };

struct grant_input {
	const char *installation, *uuid;
	unsigned generation;
	const struct root *root;
	const struct placement *placement;
	const char *hold_reason;
	bool key_again, key_delivered;
	const char *template_text;   /* policies/templates/employee.json */
	size_t template_len;
	const struct cam_catalogue *catalogue;
	struct grant_memo *memo;     /* so that one walk proves once; NULL: proved each time */
	int64_t prove_after_ms, key_asked_ms;
};
/* May be called again before each row: policy_document appears as soon as the environment is known.
 * Owns: texts are in the arena, placement and root are borrowed.  Fails: INPUT (policy cannot be rendered, or
 * it is not proved to isolate; *out is filled but for it: taking away needs no policy). */
MUST_USE int grant(const struct grant_input *, const struct found *, struct arena *, struct account *out, struct err *e);

#endif
