/* Inside the settings: what the table cannot say. */
#ifndef ROLLCALL_HOOK_SETTINGS_CHECK_H
#define ROLLCALL_HOOK_SETTINGS_CHECK_H

#include "common/str.h"
#include "hook/settings.h"

struct check {
	struct arena *arena;
	const struct conf *doc;
	struct settings *settings;      /* the texts of the policies are put into it */
	struct roll_rules *rules;       /* out */
	struct str complaints;          /* out: one "file:line: path: why" per line */
	size_t count;
};
/* Every check that can be made; settings that are missing were complained about already. */
void settings_check(struct check *);
/* settings_policy.c: template, boundary, barrier, each judged by the catalogue. */
void settings_check_policies(struct check *);
/* Adds one line. */
void settings_complain(struct check *, const char *path, const char *fmt, ...) PRINTF(3, 4);
/* 0: there is no such level. */
int settings_log_level(const char *name);

#endif
