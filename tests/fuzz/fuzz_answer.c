/* Packets on the socket, in the direction of who asked: the command, and the PAM module. */
#include <stdlib.h>

#include "hook/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum wire_action asked[] = { WIRE_STATUS, WIRE_ACCOUNT, WIRE_SESSION_OPEN };
	struct wire_in in;
	if (n == 0)
		return 0;
	enum wire_action action = asked[data[0] % (sizeof(asked) / sizeof(asked[0]))];
	if (!wire_read_answer(action, data + 1, n - 1, &in))
		return 0;
	/* What was taken lies inside the packet and belongs to the action. */
	const char *from = (const char *)data + 1, *to = (const char *)data + n;
	for (int f = 0; f < WIRE_FIELD_COUNT; f++) {
		const struct wire_value *v = &in.field[f];
		if (v->at && (v->at < from || v->at + v->len > to || v->len == 0))
			abort();
	}
	if (action == WIRE_ACCOUNT && in.field[WIRE_SECRET_KEY].at)
		abort();
	return 0;
}
