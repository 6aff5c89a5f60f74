/* Packets on the socket, in the direction of the daemon. */
#include <stdlib.h>

#include "hook/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct wire_in in;
	const char *why = NULL;
	if (wire_read_request(data, n, &in, &why) != WIRE_OK && !why)
		abort();
	return 0;
}
