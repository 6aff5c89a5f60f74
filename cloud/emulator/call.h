/* One call of one action: what a handler sees, and the tables that describe the actions. */
#ifndef ROLLCALL_CLOUD_EMULATOR_CALL_H
#define ROLLCALL_CLOUD_EMULATOR_CALL_H

#include "cloud/emulator/state.h"

enum param_type { P_TEXT, P_INT, P_BOOL, P_OBJECT, P_TEXTS, P_INTS, P_OBJECTS };
enum { P_REQUIRED = 1, P_UNDOCUMENTED = 2 /* sent by official clients, in no SDK model */ };
struct param {
	const char *name;
	enum param_type type;
	unsigned flags;
	int64_t min, max;             /* length of a text, value of a number, items of a list; both 0 = any */
	const char *choices;          /* "A|B": the texts (or items) that are allowed */
	const char *code;             /* when the value is not allowed; NULL = the service's own */
	const struct param *inner;    /* of P_OBJECT and P_OBJECTS; NULL = anything goes */
	size_t inner_count;
};

#define TEXT(n, ...) { .name = (n), .type = P_TEXT, __VA_ARGS__ }
#define INT(n, ...) { .name = (n), .type = P_INT, __VA_ARGS__ }
#define BOOL(n, ...) { .name = (n), .type = P_BOOL, __VA_ARGS__ }
#define TEXTS(n, ...) { .name = (n), .type = P_TEXTS, __VA_ARGS__ }
#define INTS(n, ...) { .name = (n), .type = P_INTS, __VA_ARGS__ }
#define OBJECT(n, rows, ...) { .name = (n), .type = P_OBJECT, .inner = (rows), .inner_count = ARRAY_LEN(rows), __VA_ARGS__ }
#define OBJECTS(n, rows, ...) { .name = (n), .type = P_OBJECTS, .inner = (rows), .inner_count = ARRAY_LEN(rows), __VA_ARGS__ }
#define NEEDED .flags = P_REQUIRED
#define RANGE(least, most) .min = (least), .max = (most)
#define ONE_OF(list) .choices = (list)

/* What a sub-account must be allowed. */
enum scope {
	SCOPE_OPERATION,   /* resource "*" */
	SCOPE_NONE,        /* nothing: any valid key may */
	SCOPE_USER,        /* qcs::cam::uin/OWNER:uin/TargetUin */
	SCOPE_ENV,         /* qcs::tcb:REGION:uin/OWNER:env/EnvId */
	SCOPE_ENVS,        /* each environment that is listed; the handler leaves the others out */
	SCOPE_SERVERS,     /* each of InstanceIds */
	SCOPE_SERVER_LIST, /* each server that is listed; the handler leaves the others out */
	SCOPE_SERVER_NEW,  /* every instance of the region */
	SCOPE_TAGGED,      /* each of ResourceList */
};
enum { ACTION_READS = 1 /* changes nothing: may be answered stale */ };

struct service { const char *name, *version, *refused, *value_code; bool needs_region; };

struct call;
struct action {
	const char *service, *name;
	int (*run)(struct call *);
	const struct param *params;
	size_t param_count;
	unsigned rate;                /* documented calls per second and signer */
	enum scope scope;
	unsigned flags;
	const char *subject, *with;   /* parameters that stand in the log of calls; never a secret */
};
#define PARAMS(table) (table), ARRAY_LEN(table)
#define NO_PARAMS NULL, 0

struct action_slot { const struct action *row; const struct service *service; size_t number; char key[64]; };

struct call {
	struct emulator *em;
	struct arena *arena;
	const struct action_slot *slot;
	const struct action *action;
	const struct service *service;
	const struct json *in;        /* the parameters, checked */
	struct json *out;             /* the fields of Response */
	struct user *caller;          /* NULL: the root account */
	const char *region;           /* X-TC-Region, "" when not sent */
	int64_t now;                  /* business time */
	char request_id[37];
	bool identified;              /* the signature held */
	const char *code, *message;   /* when it failed */
	size_t policy_count;          /* of the caller, gathered once */
	const struct cam_policy **policies;
	const struct cam_policy *boundary;
	bool gathered;
};

/* Answer with an error; always -1. */
int call_fail(struct call *, const char *code, const char *fmt, ...) PRINTF(3, 4);

/* params.c.  Fails by call_fail(). */
int params_check(struct call *, const struct json *in);
/* "Limit=1&Filters.0.Name=x": the parameters of a GET request.  NULL after call_fail(). */
const struct json *params_from_query(struct call *, const char *query);
static inline const char *text_of(const struct call *c, const char *name) { return json_text(c->in, name); }
static inline int64_t int_of(const struct call *c, const char *name, int64_t or) { return json_int_or(c->in, name,
	or); }
static inline bool bool_of(const struct call *c, const char *name, bool or) { return json_bool_or(c->in, name, or); }
/* Tags=[{Key,Value}] into a tag set. */
void tags_from(struct tags *, const struct json *list);
void put_tags(struct json *object, const char *name, const struct tags *, struct arena *);
/* The items of a page: first and behind-last index of `total`. */
struct page { size_t from, to; };
struct page page_by_offset(const struct call *, size_t total, size_t otherwise);           /* Offset, Limit */
struct page page_by_number(const struct call *, const char *number, const char *size, size_t total, size_t otherwise);
/* Filters=[{Name,Values}].  test(object, name, value) says whether one value fits; all filters must fit. */
typedef bool (*filter_test)(const void *object, const char *name, const char *value);
int filters_check(struct call *, const char *const *names);      /* names end with NULL; "tag:" stands for a prefix */
bool filters_fit(const struct call *, const void *object, filter_test test);

/* auth.c */
struct claim_result { const char *code; char message[160]; struct key *key; };
/* Whose key signed this?  server_now: the server's idea of time.  code is NULL when the signature holds. */
void verify(struct emulator *, const struct emulator_request *, int64_t server_now, struct arena *,
	struct claim_result *);
const char *request_header(const struct emulator_request *, const char *name);    /* NULL when not sent */
/* The scope of the action; fails with the service's code. */
int authorise(struct call *);
bool allowed(struct call *, const char *resource, const struct tags *);
const char *env_resource(struct call *, const struct env *, const char *id);
const char *server_resource(struct call *, const struct server *, const char *id);
int refuse(struct call *, const char *resource);

/* limits.c */
bool limits_take(struct call *);

/* The tables. */
const struct action *cam_user_actions(size_t *count);
const struct action *cam_key_actions(size_t *count);
const struct action *cam_policy_actions(size_t *count);
const struct action *cam_attach_actions(size_t *count);
const struct action *cam_group_actions(size_t *count);
const struct action *tcb_actions(size_t *count);
const struct action *tcb_read_actions(size_t *count);
const struct action *tcb_key_actions(size_t *count);
const struct action *tcb_part_actions(size_t *count);
const struct action *lighthouse_actions(size_t *count);
const struct action *lighthouse_read_actions(size_t *count);
const struct action *tat_actions(size_t *count);
const struct action *tat_read_actions(size_t *count);
const struct action *misc_actions(size_t *count);
const struct service *service_find(const char *name);
bool region_known(const char *name);
bool action_known(const struct emulator *, const char *name);

#endif
