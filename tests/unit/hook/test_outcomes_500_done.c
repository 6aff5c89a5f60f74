#include "tests/unit/hook/outcomes.h"

static void http_500_though_it_was_done(void **state)
{
	(void)state;
	every_changing_call(HTTP_500_DONE);
}

int main(void)
{
	return outcomes((struct CMUnitTest)cmocka_unit_test(http_500_though_it_was_done));
}
