/* Silence ends a worker only when the supervisor itself was awake; a lock shown twice ends it
 * sooner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/liveness.h"

#define HANG_MS 10000u

static void silence_is_judged(void **state)
{
	static const struct {
		const char *name;
		struct liveness_watch watch;
		uint64_t now_ms;
		enum liveness_verdict verdict;
	} cases[] = {
		{"just heard", {.heard_ms = 5000}, 5000, LIVENESS_FINE},
		{"silent, but not too long", {.heard_ms = 5000}, 15000, LIVENESS_FINE},
		{"silent too long", {.heard_ms = 5000}, 15001, LIVENESS_ABORT},
		{"heard after this tick began", {.heard_ms = 6000}, 5000, LIVENESS_FINE},
		{"aborted a moment ago", {.heard_ms = 1, .aborted_ms = 20000}, 21999,
			LIVENESS_FINE},
		{"aborted and still there", {.heard_ms = 1, .aborted_ms = 20000}, 22000,
			LIVENESS_KILL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (liveness_judge(&cases[i].watch, HANG_MS, cases[i].now_ms) != cases[i].verdict)
			fail_msg("%s", cases[i].name);
}

static void our_own_lag_pardons(void **state)
{
	uint64_t last_ms = 0;

	assert_false(liveness_own_lag(&last_ms, 1000000));
	assert_false(liveness_own_lag(&last_ms, 1001000));
	assert_false(liveness_own_lag(&last_ms, 1004000));
	assert_true(liveness_own_lag(&last_ms, 1007001));
	assert_false(liveness_own_lag(&last_ms, 1008001));
}

static void the_same_lock_twice_is_stuck(void **state)
{
	struct liveness_watch watch = {0};

	assert_false(liveness_lock_stuck(&watch, 0, 0));
	assert_false(liveness_lock_stuck(&watch, 0, 0));
	assert_false(liveness_lock_stuck(&watch, 4, 10));
	assert_true(liveness_lock_stuck(&watch, 4, 10));
	/* Another lock of the same row, another row, none between: all of them show life. */
	assert_false(liveness_lock_stuck(&watch, 4, 11));
	assert_false(liveness_lock_stuck(&watch, 5, 11));
	assert_false(liveness_lock_stuck(&watch, 0, 11));
	assert_false(liveness_lock_stuck(&watch, 5, 11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_judged),
		cmocka_unit_test(our_own_lag_pardons),
		cmocka_unit_test(the_same_lock_twice_is_stuck),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
