#include "tests/unit/hook/outcomes.h"

static void http_500(void **state)
{
	(void)state;
	every_changing_call(HTTP_500);
}

int main(void)
{
	return outcomes((struct CMUnitTest)cmocka_unit_test(http_500));
}
