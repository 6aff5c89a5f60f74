/* Policies that tests make up: statements that can be changed one by one, and the places where a change matters. */
#ifndef ROLLCALL_TESTS_SUPPORT_DRAFT_H
#define ROLLCALL_TESTS_SUPPORT_DRAFT_H

#include <stdbool.h>

#include "common/mem.h"
#include "policies/cam/render.h"
#include "tests/support/both.h"

#define DRAFT_ACTIONS 96
#define DRAFT_RESOURCES 16
#define DRAFT_STATEMENTS 20
struct draft_statement {
	bool allow;
	size_t action_count, resource_count;
	const char *actions[DRAFT_ACTIONS], *resources[DRAFT_RESOURCES];
	const char *condition;        /* as JSON; NULL: none */
};
struct draft { size_t count; struct draft_statement statements[DRAFT_STATEMENTS]; };

/* Of a document that is sound. */
void draft_read(struct arena *, const char *text, struct draft *out);
/* The statements from `from` on, every `step`-th, as a document; NULL when there are none. */
char *draft_print(struct arena *, const struct draft *, size_t from, size_t step);
void draft_add_action(struct draft_statement *, const char *);       /* does nothing when full */
void draft_add_resource(struct draft_statement *, const char *);
/* A place for one statement more; NULL: there is none. */
struct draft_statement *draft_add(struct draft *, bool allow);
void draft_drop(struct draft *, size_t statement);

/* Nearly this resource: another environment, a wildcard, an empty segment, another account, a variable, ... */
const char *draft_bend_resource(struct arena *, struct dice *, const char *resource, const struct cam_identifiers *own,
	const struct cam_identifiers *other);
/* The same word with a star in it somewhere, or with a character changed. */
const char *draft_bend_word(struct arena *, struct dice *, const char *word);
const char *draft_condition(struct dice *);

#endif
