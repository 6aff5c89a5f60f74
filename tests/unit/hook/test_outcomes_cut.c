#include "tests/unit/hook/outcomes.h"

static void cut_after_it_was_done(void **state)
{
	(void)state;
	every_changing_call(CUT_AFTER);
}

int main(void)
{
	return outcomes((struct CMUnitTest)cmocka_unit_test(cut_after_it_was_done));
}
