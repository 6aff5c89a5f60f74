/* Shared by common/conf.c and common/confshow.c only. */
#ifndef ROLLCALL_COMMON_CONFSHOW_H
#define ROLLCALL_COMMON_CONFSHOW_H

#include <stddef.h>

/* The index-th of the names joined by "|" and its length; NULL behind the last. */
const char *conf_choice_name(const char *choices, int index, size_t *n);

#endif
