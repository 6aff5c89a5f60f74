/* Anything the cloud may answer: either refused with a place, or read and printed; what was printed reads again and
 * prints the same. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_ARENA struct arena *a = arena_new(64u << 20);
	struct json *one, *two;
	struct err e = { 0 };
	if (json_parse(a, (const char *)data, n, &one, &e))
		return e.kind == ERR_INPUT && *e.text ? 0 : (abort(), 0);
	const char *text = json_print(a, one);
	if (json_parse(a, text, strlen(text), &two, &e) || strcmp(json_print(a, two), text) != 0)
		abort();
	return 0;
}
