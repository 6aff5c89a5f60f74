/* Policy documents: refused with a place, or judged without a crash. */
#include <stdlib.h>

#include "policies/cam/eval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO_ARENA struct arena *a = arena_new(64u << 20);
	struct cam_policy *p;
	struct err e = { 0 };
	const struct cam_request request = { .action = "tcb:DescribeEnvs", .resource = "qcs::tcb:ap-shanghai:uin/1:env/x",
		.owner_uin = 1, .uin = 2, .app_id = 3 };
	if (cam_policy_parse(a, (const char *)data, n, &p, &e))
		return e.kind == ERR_INPUT && *e.text ? 0 : (abort(), 0);
	const struct cam_policy *const all[] = { p };
	cam_evaluate(all, 1, p, &request);
	return 0;
}
