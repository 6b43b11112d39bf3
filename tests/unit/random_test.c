/* The fast generator is even, bounded and repeatable; the kernel's numbers differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/random.h"

static void test_same_seed_same_numbers(void **state)
{
	struct random a;
	struct random b;

	random_seed(&a, 7);
	random_seed(&b, 7);
	for (int i = 0; i < 100; i++)
		assert_true(random_next(&a) == random_next(&b));
	random_seed(&b, 8);
	assert_true(random_next(&a) != random_next(&b));
	/* The state of all zeroes, where the generator would stand still, cannot come from a seed. */
	random_seed(&a, 0);
	assert_true((a.state[0] | a.state[1]) != 0);
}

/* The first numbers of xoroshiro128+ from the state (1, 2), as other implementations give them. */
static void test_is_the_published_generator(void **state)
{
	static const uint64_t numbers[] = {3, 412333834243, 2360170716294286339, 9295852285959843169u};
	struct random random = {{1, 2}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_true(random_next(&random) == numbers[i]);
}

static void test_below_is_even(void **state)
{
	unsigned counts[7] = {0};
	struct random random;

	random_seed(&random, 1);
	for (int i = 0; i < 70000; i++) {
		uint64_t number = random_below(&random, 7);

		assert_true(number < 7);
		counts[number]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(counts[i], 9500, 10500);
	assert_true(random_below(&random, 1) == 0);
}

static void test_kernel(void **state)
{
	unsigned char zeroes[64] = {0};
	unsigned char bytes[64] = {0};

	random_fill(bytes, sizeof(bytes));
	assert_memory_not_equal(bytes, zeroes, sizeof(bytes));
	random_fill(bytes, 0);
	assert_true(random_u64() != random_u64());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_seed_same_numbers),
		cmocka_unit_test(test_is_the_published_generator),
		cmocka_unit_test(test_below_is_even),
		cmocka_unit_test(test_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
