#include "tests/unit/hook/outcomes.h"

static void no_answer_in_time(void **state)
{
	(void)state;
	every_changing_call(HANG);
}

int main(void)
{
	return outcomes((struct CMUnitTest)cmocka_unit_test(no_answer_in_time));
}
