/* The command `rollcall`: its table, its command line, and what its files share.  It speaks to the daemon through
 * wire.h and knows nothing of the store, the directory or the cloud. */
#ifndef ROLLCALL_HOOK_COMMAND_H
#define ROLLCALL_HOOK_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "common/err.h"
#include "common/json.h"
#include "common/mem.h"
#include "hook/wire.h"

enum { COMMAND_DONE = 0, COMMAND_REFUSED = 1, COMMAND_USAGE = 2, COMMAND_UNREACHABLE = 3, COMMAND_LATE = 4 };

enum command_option {
	OPTION_SOCKET, OPTION_JSON, OPTION_KEY, OPTION_CERT, OPTION_WHAT, OPTION_ENV, OPTION_FILE,
	OPTION_ENV_ID, OPTION_UIN, OPTION_APP_ID, OPTION_REGION, OPTION_NAMESPACE, OPTION_TOPIC, OPTION_BUCKET, OPTION_CATALOGUE,
	OPTION_BOUNDARY, OPTION_ALL, OPTION_WAIT, OPTION_REASON, OPTION_BY_NAME, OPTION_BY_TAG, OPTION_MAP,
	OPTION_HELP, OPTION_VERSION,
	OPTION_COUNT
};
struct command_option_row {
	const char *name;          /* "key"; of two rows with one name that of the command in front of it is meant */
	char letter;               /* 0: none */
	const char *value;         /* "FILE"; NULL: takes none */
	bool global;               /* every command takes it */
	const char *help;
};
extern const struct command_option_row command_options[OPTION_COUNT];

struct command_line {
	const struct command_row *command;
	const char *option[OPTION_COUNT];  /* value, "" for a flag, NULL when not given */
	const char *arg;                   /* the first argument behind the command's words; NULL when not given */
	const char **more;                 /* those behind it */
	size_t more_count;
	struct arena *arena;
	FILE *out, *err;
};
struct command_row {
	const char *words;         /* "evidence verify" */
	const char *arg;           /* "NAME", "[NAME]", "NAME FILE..." (two or more) or NULL */
	const char *options;       /* as the help shows them; NULL: none */
	unsigned takes;            /* bit 1u << option */
	int (*run)(const struct command_line *);
	const char *help;          /* one line */
	const char *more;          /* further lines of `rollcall help COMMAND`; NULL: none */
};
extern const struct command_row command_table[];
extern const size_t command_count;

/* The whole program but main's hardening.  Returns the exit status. */
int command_run(int argc, char **argv, FILE *out, FILE *err);
/* Prints "rollcall: ..." and returns the status. */
int command_fail(const struct command_line *, int status, const char *fmt, ...) PRINTF(3, 4);
/* A file, "-" is standard input: *out in the line's arena, a NUL behind.  COMMAND_DONE, or `status` after the complaint
 * (not there, empty, more than `most` bytes). */
int command_read(const struct command_line *, const char *path, size_t most, int status, char **out, size_t *n);

/* --- command_ask.c: one question to the daemon ----------------------------------------------------------- */
/* name and text may be NULL; *body is in the line's arena.  COMMAND_DONE, or the exit status after the complaint was
 * printed. */
int command_ask(const struct command_line *, enum wire_action, const char *name, const char *text, struct json **body);

/* The same, and the answer is printed: as JSON where that is asked for, or else by `print`. */
int command_tell(const struct command_line *, enum wire_action, const char *name, const char *text,
	void (*print)(const struct command_line *, const struct json *));

/* As command_ask(), with a BODY field, which holds JSON; NULL: none. */
int command_ask_with(const struct command_line *, enum wire_action, const char *name, const char *text, const char *with,
	struct json **body);

/* --- command_print.c: for human eyes ---------------------------------------------------------------------- */
struct table { struct arena *arena; size_t columns, rows, room; char **cells; bool right[16]; };
void table_init(struct table *, struct arena *, size_t columns, const char *const *titles);
/* One cell after the other; control characters are replaced, NULL is "-". */
void table_add(struct table *, const char *text);
void table_print(const struct table *, FILE *);
size_t text_width(const char *utf8);         /* columns on a terminal */

void print_json(const struct command_line *, const struct json *);
void print_status(const struct command_line *, const struct json *);
void print_show(const struct command_line *, const struct json *);
void print_why(const struct command_line *, const struct json *);
void print_queue(const struct command_line *, const struct json *);
void print_plan(const struct command_line *, const struct json *);
/* Frozen lists, as in the answer to "plan". */
void print_lists(const struct command_line *, const struct json *);

/* --- command_steer.c: frozen lists ------------------------------------------------------------------------ */
int command_approve(const struct command_line *);
int command_reject(const struct command_line *);

/* --- command_open.c --------------------------------------------------------------------------------------- */
int command_open(const struct command_line *);

/* --- command_steer.c -------------------------------------------------------------------------------------- */
int command_verify(const struct command_line *);
int command_rotate(const struct command_line *);
int command_suspend(const struct command_line *);
int command_resume(const struct command_line *);

/* --- command_evidence.c ------------------------------------------------------------------------------------ */
int command_evidence_verify(const struct command_line *);
int command_evidence_export(const struct command_line *);

/* --- command_adopt.c -------------------------------------------------------------------------------------- */
int command_adopt(const struct command_line *);
/* What was not adopted, and why, of an answer. */
void print_refused(const struct command_line *, const struct json *);

/* --- command_policy.c ------------------------------------------------------------------------------------- */
int command_policy_check(const struct command_line *);

#endif
