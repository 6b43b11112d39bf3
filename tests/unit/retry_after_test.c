/* Promise: every way a server says how long to stay away is read, and none locks it out for more
 * than 15 minutes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "workers/request/retry_after.h"

/* Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110. */
#define EXAMPLE_US INT64_C(784111777000000)

static void test_notations(void **state)
{
	static const struct {
		const char *milliseconds;
		const char *retry_after;
		int64_t wall_us;
		uint32_t expected;
	} rows[] = {
		{"", "7", 0, 7000},
		{"", "0.5", 0, 500},
		{"250", "7", 0, 250},
		{"1500.7", "", 0, 1500},
		{"soon", "2", 0, 2000},
		{"", "Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE_US - 30000000, 30000},
		{"", "Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE_US + 30000000, 0},
		{"", "86400", 0, RETRY_AFTER_MAX_MS},
		{"", "Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE_US - 86400000000, RETRY_AFTER_MAX_MS},
		{"", "", 0, 0},
		{"", "-5", 0, 0},
		{"", "1e9", 0, 0},
		{"", "nan", 0, 0},
		{"", "5 seconds", 0, 0},
		{"", "99999999999999999999999999999999999999999", 0, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(retry_after_ms(slice_of(rows[i].milliseconds),
					 slice_of(rows[i].retry_after), rows[i].wall_us),
			rows[i].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_notations)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
