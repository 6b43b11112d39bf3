/* A table holds exactly what was put and not removed, whatever the order and however keys collide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash_table.h"
#include "base/random.h"

#define KEYS 500u

static char names[KEYS][16];
static int values[KEYS];

static struct slice name_of(size_t i)
{
	snprintf(names[i], sizeof(names[i]), "key-%zu", i);
	return slice_of(names[i]);
}

static void test_put_get_remove(void **state)
{
	struct hash_table table;
	int one;
	int two;

	hash_table_init(&table);
	assert_null(hash_table_get(&table, SLICE_LITERAL("a")));
	assert_null(hash_table_remove(&table, SLICE_LITERAL("a")));
	assert_null(hash_table_put(&table, SLICE_LITERAL("a"), &one));
	assert_ptr_equal(hash_table_put(&table, SLICE_LITERAL("a"), &two), &one);
	assert_int_equal(table.used, 1);
	assert_ptr_equal(hash_table_get(&table, SLICE_LITERAL("a")), &two);
	assert_null(hash_table_get(&table, SLICE_LITERAL("A")));
	assert_null(hash_table_get(&table, SLICE_LITERAL("")));
	assert_null(hash_table_put(&table, SLICE_LITERAL(""), &one));
	assert_ptr_equal(hash_table_remove(&table, SLICE_LITERAL("a")), &two);
	assert_null(hash_table_get(&table, SLICE_LITERAL("a")));
	assert_ptr_equal(hash_table_get(&table, SLICE_LITERAL("")), &one);
	hash_table_free(&table);
	hash_table_free(&table);
}

/* Against an array of what should be in it. */
static void test_any_order(void **state)
{
	bool there[KEYS] = {false};
	struct hash_table table;
	struct random random;
	size_t count = 0;

	random_seed(&random, 4);
	hash_table_init(&table);
	for (int round = 0; round < 20000; round++) {
		size_t i = random_below(&random, KEYS);

		if (random_below(&random, 2)) {
			assert_ptr_equal(hash_table_put(&table, name_of(i), &values[i]), there[i] ? &values[i] : NULL);
			count += !there[i];
			there[i] = true;
		} else {
			assert_ptr_equal(hash_table_remove(&table, name_of(i)), there[i] ? &values[i] : NULL);
			count -= there[i];
			there[i] = false;
		}
		assert_int_equal(table.used, count);
		i = random_below(&random, KEYS);
		assert_ptr_equal(hash_table_get(&table, name_of(i)), there[i] ? &values[i] : NULL);
	}
	hash_table_free(&table);
}

static void test_walk_meets_each_once(void **state)
{
	unsigned met[KEYS] = {0};
	const struct hash_entry *entry;
	struct hash_table table;
	size_t at = 0;

	hash_table_init(&table);
	assert_null(hash_table_next(&table, &at));
	for (size_t i = 0; i < KEYS; i++)
		hash_table_put(&table, name_of(i), &values[i]);
	for (at = 0; (entry = hash_table_next(&table, &at));)
		met[(int *)entry->value - values]++;
	for (size_t i = 0; i < KEYS; i++)
		assert_int_equal(met[i], 1);
	hash_table_free(&table);
}

static void test_stable_hash_is_the_published_one(void **state)
{
	/* FNV-1a, 64 bits: its authors' test values. */
	assert_true(hash_stable("", 0) == 0xcbf29ce484222325u);
	assert_true(hash_stable("a", 1) == 0xaf63dc4c8601ec8cu);
	assert_true(hash_stable("foobar", 6) == 0x85944171f73967e8u);
	assert_true(hash_bytes("a", 1) == hash_bytes("a", 1));
	assert_true(hash_bytes("a", 1) != hash_bytes("b", 1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_get_remove),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_walk_meets_each_once),
		cmocka_unit_test(test_stable_hash_is_the_published_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
