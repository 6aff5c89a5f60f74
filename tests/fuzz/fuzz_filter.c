/* Filters from the settings, judged on an entry whose values are foreign bytes, too. */
#include <stdlib.h>
#include <string.h>

#include "ldap/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_ARENA struct arena *a = arena_new(64u << 20);
	const struct filter *f;
	struct err e = { 0 };
	const char *text = arena_strndup(a, (const char *)data, n);
	struct value value = { data, n };
	struct attribute attributes[] = { { "uid", 1, &value }, { "cn", 1, &value } };
	struct entry entry = { .dn = "uid=x", .count = 2, .attributes = attributes };
	if (filter_parse(a, text, &f, &e))
		return e.kind == ERR_INPUT ? 0 : (abort(), 0);
	struct verdict v = filter_judge(f, &entry);
	if (v.strong && v.truth != TRUTH_TRUE)
		abort();
	return 0;
}
