/* Sealed values from store and directory: nothing but a message of ours opens. */
#include <stdlib.h>
#include <unistd.h>

#include "common/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct seal_key *key;
	struct secret *plain;
	struct err e = { 0 };
	if (!key) {
		char path[] = "/tmp/rollcall-fuzz-XXXXXX";
		int fd = mkstemp(path);
		if (fd < 0)
			abort();
		close(fd);
		unlink(path);
		if (seal_key_ensure(path, "fuzz", &key, &e))
			abort();
		unlink(path);
	}
	if (!seal_open(key, data, n, &plain, &e))
		abort();
	return 0;
}
