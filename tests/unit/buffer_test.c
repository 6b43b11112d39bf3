/* A buffer gives back the bytes it was given, in order, and never takes more than its bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/random.h"

static void test_bound(void **state)
{
	struct buffer buffer;

	buffer_init(&buffer, 10);
	assert_true(buffer_append(&buffer, "0123456789", 10));
	assert_false(buffer_append(&buffer, "x", 1));
	assert_null(buffer_reserve(&buffer, 1));
	assert_null(buffer_reserve(&buffer, SIZE_MAX));
	assert_false(buffer_printf(&buffer, "%d", 1));
	assert_true(slice_is(buffer_slice(&buffer), "0123456789"));
	buffer_consume(&buffer, 4);
	assert_true(buffer_append_text(&buffer, "abcd"));
	assert_false(buffer_append_text(&buffer, "e"));
	assert_string_equal(buffer_text(&buffer), "456789abcd");
	buffer_free(&buffer);
	assert_int_equal(buffer.max, 10);
}

static void test_printf_up_to_the_bound(void **state)
{
	struct buffer buffer;

	buffer_init(&buffer, 5);
	assert_true(buffer_printf(&buffer, "%s", "12345"));
	assert_int_equal(buffer_len(&buffer), 5);
	assert_false(buffer_printf(&buffer, "%s", "6"));
	assert_true(buffer_printf(&buffer, "%s", ""));
	assert_string_equal(buffer_text(&buffer), "12345");
	buffer_free(&buffer);
}

static void test_empty(void **state)
{
	struct buffer buffer;

	buffer_init(&buffer, 100);
	assert_int_equal(buffer_len(&buffer), 0);
	assert_true(buffer_append(&buffer, NULL, 0));
	buffer_consume(&buffer, 0);
	assert_string_equal(buffer_text(&buffer), "");
	buffer_append_text(&buffer, "x");
	buffer_clear(&buffer);
	assert_string_equal(buffer_text(&buffer), "");
	buffer_free(&buffer);
	buffer_free(&buffer);
}

static void test_reserve_and_commit(void **state)
{
	struct buffer buffer;
	char *place;

	buffer_init(&buffer, 1000);
	place = buffer_reserve(&buffer, 300);
	assert_non_null(place);
	assert_true(buffer_room(&buffer) >= 300);
	memcpy(place, "abc", 3);
	buffer_commit(&buffer, 3);
	assert_true(slice_is(buffer_slice(&buffer), "abc"));
	buffer_free(&buffer);
}

/* Against a plain array: random writes and reads. */
static void test_any_order_of_writes_and_reads(void **state)
{
	static char model[200000];
	size_t model_start = 0;
	size_t model_end = 0;
	struct buffer buffer;
	struct random random;

	random_seed(&random, 3);
	buffer_init(&buffer, 3000);
	while (model_end + 700 < sizeof(model)) {
		size_t len = random_below(&random, 700);
		size_t unread = model_end - model_start;

		for (size_t i = 0; i < len; i++)
			model[model_end + i] = (char)random_next(&random);
		if (buffer_append(&buffer, model + model_end, len))
			model_end += len;
		else
			assert_true(unread + len > 3000);
		len = random_below(&random, 650);
		len = len < model_end - model_start ? len : model_end - model_start;
		buffer_consume(&buffer, len);
		model_start += len;
		assert_int_equal(buffer_len(&buffer), model_end - model_start);
		assert_memory_equal(buffer_data(&buffer), model + model_start, model_end - model_start);
	}
	assert_true(buffer.size <= 8192);
	buffer_free(&buffer);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_printf_up_to_the_bound),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_reserve_and_commit),
		cmocka_unit_test(test_any_order_of_writes_and_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
