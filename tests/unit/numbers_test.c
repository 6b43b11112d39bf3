/* Promise: a number is given to one at a time, and again only when nobody can still see its last
 * use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "workers/health/numbers.h"

static bool always(void *owner, uint32_t number)
{
	return true;
}

static bool all_but_two(void *owner, uint32_t number)
{
	return number != 2;
}

static int setup(void **state)
{
	static struct numbers numbers;

	numbers_init(&numbers, 1, 4);
	*state = &numbers;
	return 0;
}

static int teardown(void **state)
{
	numbers_free(*state);
	return 0;
}

static void test_each_once(void **state)
{
	struct numbers *numbers = *state;

	assert_int_equal(numbers_take(numbers), 1);
	assert_int_equal(numbers_take(numbers), 2);
	assert_int_equal(numbers_take(numbers), 3);
	assert_int_equal(numbers_take(numbers), NUMBER_NONE);
}

static void test_claimed_are_skipped(void **state)
{
	struct numbers *numbers = *state;

	assert_true(numbers_claim(numbers, 2));
	assert_false(numbers_claim(numbers, 2));
	assert_false(numbers_claim(numbers, 0));
	assert_false(numbers_claim(numbers, 4));
	assert_int_equal(numbers_take(numbers), 1);
	assert_int_equal(numbers_take(numbers), 3);
	assert_int_equal(numbers_take(numbers), NUMBER_NONE);
}

static void test_rest_until_acknowledged(void **state)
{
	struct numbers *numbers = *state;

	for (int i = 0; i < 3; i++)
		numbers_take(numbers);
	numbers_rest(numbers, 2, 10);
	numbers_rest(numbers, 1, 11);
	numbers_wake(numbers, 9, always, NULL);
	assert_int_equal(numbers_take(numbers), NUMBER_NONE);
	numbers_wake(numbers, 10, always, NULL);
	assert_int_equal(numbers_take(numbers), 2);
	assert_int_equal(numbers_take(numbers), NUMBER_NONE);
	numbers_wake(numbers, 11, always, NULL);
	assert_int_equal(numbers_take(numbers), 1);
}

static void test_rest_while_in_use(void **state)
{
	struct numbers *numbers = *state;

	for (int i = 0; i < 3; i++)
		numbers_take(numbers);
	numbers_rest(numbers, 2, 1);
	numbers_rest(numbers, 3, 1);
	numbers_wake(numbers, 5, all_but_two, NULL);
	assert_int_equal(numbers_take(numbers), 3);
	assert_int_equal(numbers_take(numbers), NUMBER_NONE);
	numbers_wake(numbers, 5, always, NULL);
	assert_int_equal(numbers_take(numbers), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_claimed_are_skipped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest_until_acknowledged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest_while_in_use, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
