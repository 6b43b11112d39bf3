/* Promise: a backend's status changes exactly when the rules say, and its next probe comes when it
 * should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "workers/health/backend_state.h"

static const struct state_rules rules = {
	.enabled = true,
	.interval_ms = 30000,
	.unhealthy_interval_ms = 5000,
	.timeout_ms = 5000,
	.failure_threshold = 3,
	.recovery_threshold = 2,
};

/* Probes: S success, F failure, W warming. Statuses: ? unknown, H healthy, X unhealthy, W warming,
 * D disabled. */
struct transition_case {
	char start;
	const char *probes;
	const char *statuses; /* after each */
};

static const struct transition_case transitions[] = {
	{'?', "S", "H"},
	{'?', "F", "X"},
	{'?', "W", "W"},
	{'H', "SSS", "HHH"},
	{'H', "FFF", "HHX"},
	{'H', "FFSFFSFFF", "HHHHHHHHX"},
	{'H', "W", "W"},
	{'H', "FFW", "HHW"},
	{'X', "SS", "XH"},
	{'X', "SFSS", "XXXH"},
	{'X', "SFSFSF", "XXXXXX"},
	{'X', "FFFFF", "XXXXX"},
	{'X', "W", "W"},
	{'W', "WWW", "WWW"},
	{'W', "WS", "WH"},
	{'W', "FFF", "WWX"},
	{'W', "FFWFFS", "WWWWWH"},
	{'X', "WS", "WH"},
	{'D', "SFW", "DDD"},
};

static enum backend_status status_of(char letter)
{
	switch (letter) {
	case 'H': return STATUS_HEALTHY;
	case 'X': return STATUS_UNHEALTHY;
	case 'W': return STATUS_WARMING;
	case 'D': return STATUS_DISABLED;
	default: return STATUS_UNKNOWN;
	}
}

static enum state_outcome outcome_of(char letter)
{
	return letter == 'S' ? OUTCOME_SUCCESS : letter == 'W' ? OUTCOME_WARMING : OUTCOME_FAILURE;
}

static void test_transitions(void **unused)
{
	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		const struct transition_case *c = &transitions[i];
		struct backend_state state;

		backend_state_init(&state, &rules, status_of(c->start));
		for (size_t at = 0; c->probes[at]; at++) {
			enum backend_status was = state.status;
			bool changed = backend_state_result(
				&state, &rules, outcome_of(c->probes[at]), 1000);

			if (state.status != status_of(c->statuses[at]))
				fail_msg("%c + %s: after %zu it is %s", c->start, c->probes, at + 1,
					status_names[state.status]);
			assert_int_equal(changed, state.status != was);
		}
	}
}

static void test_thresholds_are_configurable(void **unused)
{
	struct state_rules one = rules;
	struct backend_state state;

	one.failure_threshold = one.recovery_threshold = 1;
	backend_state_init(&state, &one, STATUS_HEALTHY);
	assert_true(backend_state_result(&state, &one, OUTCOME_FAILURE, 0));
	assert_int_equal(state.status, STATUS_UNHEALTHY);
	assert_true(backend_state_result(&state, &one, OUTCOME_SUCCESS, 0));
	assert_int_equal(state.status, STATUS_HEALTHY);
}

static void test_slow_is_healthy_and_counted(void **unused)
{
	struct backend_state state;

	backend_state_init(&state, &rules, STATUS_UNKNOWN);
	backend_state_result(&state, &rules, OUTCOME_SUCCESS, 4900000);
	assert_int_equal(state.status, STATUS_HEALTHY);
	assert_int_equal(state.latency_us, 4900000);
	backend_state_result(&state, &rules, OUTCOME_SUCCESS, 100000);
	assert_int_equal(state.latency_us, 3940000); /* 0.8 old + 0.2 new */
	backend_state_result(&state, &rules, OUTCOME_FAILURE, 77);
	assert_int_equal(state.latency_us, 3940000);
}

struct interval_case {
	char status;
	bool last_failed;
	uint64_t interval_ms;
};

static const struct interval_case intervals[] = {
	{'H', false, 30000},
	{'H', true, 5000},
	{'X', false, 5000},
	{'W', false, 5000},
	{'?', false, 5000},
};

static void check_interval(const struct interval_case *c)
{
	struct backend_state state;
	struct random random;
	uint64_t lowest = UINT64_MAX;
	uint64_t highest = 0;

	random_seed(&random, 7);
	backend_state_init(&state, &rules, status_of(c->status));
	state.failures = c->last_failed;
	state.settled = true;
	for (int i = 0; i < 2000; i++) {
		uint64_t next_ms = backend_state_next(&state, &rules, &random);

		lowest = next_ms < lowest ? next_ms : lowest;
		highest = next_ms > highest ? next_ms : highest;
	}
	assert_in_range(lowest, c->interval_ms * 90 / 100, c->interval_ms * 91 / 100);
	assert_in_range(highest, c->interval_ms * 109 / 100, c->interval_ms * 110 / 100);
}

static void test_intervals_and_jitter(void **unused)
{
	for (size_t i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++)
		check_interval(&intervals[i]);
}

static void test_first_intervals_spread(void **unused)
{
	unsigned early = 0;
	struct random random;

	random_seed(&random, 7);
	for (int i = 0; i < 1000; i++) {
		struct backend_state state;
		uint64_t next_ms;

		backend_state_init(&state, &rules, STATUS_HEALTHY);
		next_ms = backend_state_next(&state, &rules, &random);
		assert_in_range(next_ms, 3000, 30000);
		early += next_ms < 16500;
		/* Only once. */
		assert_in_range(backend_state_next(&state, &rules, &random), 27000, 33000);
	}
	assert_in_range(early, 400, 600);
}

static void test_disabled_and_fixed_are_never_probed(void **unused)
{
	struct backend_state state;
	struct random random;

	random_seed(&random, 7);
	backend_state_init(&state, &rules, STATUS_HEALTHY);
	backend_state_disable(&state, &rules, true);
	assert_int_equal(state.status, STATUS_DISABLED);
	assert_true(backend_state_next(&state, &rules, &random) == STATE_NEVER);
	backend_state_disable(&state, &rules, false);
	assert_int_equal(state.status, STATUS_UNKNOWN);
	assert_true(backend_state_is_probed(&state));
	backend_state_fix(&state, STATUS_UNHEALTHY);
	assert_false(backend_state_is_probed(&state));
	assert_false(backend_state_result(&state, &rules, OUTCOME_SUCCESS, 1));
	assert_int_equal(state.status, STATUS_UNHEALTHY);
}

static void test_checks_switched_off(void **unused)
{
	struct state_rules off = rules;
	struct backend_state state;
	struct random random;

	random_seed(&random, 7);
	off.enabled = false;
	backend_state_init(&state, &off, STATUS_UNKNOWN);
	assert_int_equal(state.status, STATUS_HEALTHY);
	/* One answer is still wanted, for the models. */
	for (int i = 0; i < 5; i++) {
		assert_false(backend_state_result(&state, &off, OUTCOME_FAILURE, 0));
		assert_true(backend_state_next(&state, &off, &random) != STATE_NEVER);
	}
	assert_int_equal(state.status, STATUS_HEALTHY);
	assert_false(backend_state_result(&state, &off, OUTCOME_SUCCESS, 5));
	assert_true(backend_state_next(&state, &off, &random) == STATE_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transitions),
		cmocka_unit_test(test_thresholds_are_configurable),
		cmocka_unit_test(test_slow_is_healthy_and_counted),
		cmocka_unit_test(test_intervals_and_jitter),
		cmocka_unit_test(test_first_intervals_spread),
		cmocka_unit_test(test_disabled_and_fixed_are_never_probed),
		cmocka_unit_test(test_checks_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
