/* The parsed form of a filter, shared by the parser (filter.c) and the judge (filter_judge.c) only. */
#ifndef ROLLCALL_LDAP_FILTER_TREE_H
#define ROLLCALL_LDAP_FILTER_TREE_H

#include <stdint.h>

#include "ldap/filter.h"

enum filter_op {
	FILTER_AND, FILTER_OR, FILTER_NOT,
	FILTER_EQUAL, FILTER_SUBSTRINGS, FILTER_PRESENT, FILTER_AT_LEAST, FILTER_AT_MOST,
	FILTER_ALL_BITS, FILTER_ANY_BIT,
};

struct filter {
	enum filter_op op;
	const char *text;              /* as it was given, without the parentheses */
	const struct filter *child;    /* AND, OR, NOT */
	const struct filter *next;     /* the next child of the same parent */
	const char *attribute;         /* assertions */
	struct value value;            /* assertions but PRESENT and SUBSTRINGS; unescaped */
	uint64_t bits;                 /* ALL_BITS, ANY_BIT */
	size_t part_count;             /* SUBSTRINGS: initial, any..., final; the first and last may be empty */
	struct value *parts;
};

#endif
