/* What worked is tried again at once and then ever more slowly up to a second; what never got ready
 * is tried slowly up to a minute; what calls its configuration impossible is not tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/restart_policy.h"

/* No jitter: the middle of the spread. */
static uint64_t middle(uint32_t delay_ms)
{
	return delay_ms * RESTART_JITTER_PERCENT / 100;
}

static void crashes_after_ready_double_to_a_second(void **state)
{
	static const uint32_t delays[] = {0, 50, 100, 200, 400, 800, 1000, 1000, 1000};
	struct restart_history history = {0};
	const struct death death = {.was_ready = true, .up_ms = 10};

	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		struct restart_decision decision =
			restart_policy_next(&history, &death, middle(delays[i]));

		assert_false(decision.give_up);
		assert_int_equal(decision.delay_ms, delays[i]);
	}
}

static void ten_good_seconds_forget_all(void **state)
{
	struct restart_history history = {.crashes = 7, .start_failures = 3};
	struct death death = {.was_ready = true, .up_ms = RESTART_FORGET_MS - 1};

	assert_int_equal(restart_policy_next(&history, &death, middle(1000)).delay_ms, 1000);
	assert_int_equal(history.start_failures, 0);
	death.up_ms = RESTART_FORGET_MS;
	assert_int_equal(restart_policy_next(&history, &death, 0).delay_ms, 0);
	death.up_ms = 0;
	assert_int_equal(restart_policy_next(&history, &death, middle(50)).delay_ms, 50);
}

static void failures_before_ready_double_to_a_minute(void **state)
{
	static const uint32_t delays[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct restart_history history = {.crashes = 2};
	const struct death death = {.was_ready = false};

	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++)
		assert_int_equal(restart_policy_next(&history, &death, middle(delays[i])).delay_ms,
			delays[i]);
	assert_int_equal(history.crashes, 2);
}

static void many_failures_do_not_overflow(void **state)
{
	struct restart_history history = {
		.crashes = UINT32_MAX - 1, .start_failures = UINT32_MAX - 1};
	struct death death = {.was_ready = false};

	assert_int_equal(restart_policy_next(&history, &death, middle(60000)).delay_ms, 60000);
	death.was_ready = true;
	assert_int_equal(restart_policy_next(&history, &death, middle(1000)).delay_ms, 1000);
}

static void jitter_stays_within_a_fifth(void **state)
{
	const struct death death = {.was_ready = false};

	for (uint64_t random = 0; random < 5000; random++) {
		struct restart_history history = {0};

		assert_in_range(
			restart_policy_next(&history, &death, random * 2654435761u).delay_ms, 800,
			1200);
	}
}

static void an_impossible_configuration_is_not_tried(void **state)
{
	struct restart_history history = {0};
	struct death death = {.was_ready = false, .config_impossible = true};

	assert_true(restart_policy_next(&history, &death, 0).give_up);
	death.was_ready = true;
	assert_true(restart_policy_next(&history, &death, 0).give_up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crashes_after_ready_double_to_a_second),
		cmocka_unit_test(ten_good_seconds_forget_all),
		cmocka_unit_test(failures_before_ready_double_to_a_minute),
		cmocka_unit_test(many_failures_do_not_overflow),
		cmocka_unit_test(jitter_stays_within_a_fifth),
		cmocka_unit_test(an_impossible_configuration_is_not_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
