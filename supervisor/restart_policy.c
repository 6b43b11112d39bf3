/* restart_policy.c: the figures and the doubling. */
#include "supervisor/restart_policy.h"

static uint32_t doubled(uint32_t first, unsigned times, uint32_t max)
{
	uint64_t delay = first;

	for (unsigned i = 0; i < times && delay < max; i++)
		delay *= 2;
	return delay < max ? (uint32_t)delay : max;
}

static uint32_t jittered(uint32_t delay_ms, uint64_t random)
{
	uint32_t spread = delay_ms * RESTART_JITTER_PERCENT / 100;

	return delay_ms - spread + (uint32_t)(random % (2 * (uint64_t)spread + 1));
}

struct restart_decision restart_policy_next(
	struct restart_history *history, const struct death *death, uint64_t random)
{
	struct restart_decision decision = {.give_up = death->config_impossible};

	if (!death->was_ready) {
		decision.delay_ms = doubled(
			RESTART_FAILURE_FIRST_MS, history->start_failures, RESTART_FAILURE_MAX_MS);
		history->start_failures++;
	} else {
		history->start_failures = 0;
		if (death->up_ms >= RESTART_FORGET_MS)
			history->crashes = 0;
		if (history->crashes > 0)
			decision.delay_ms = doubled(
				RESTART_CRASH_FIRST_MS, history->crashes - 1, RESTART_CRASH_MAX_MS);
		history->crashes++;
	}
	decision.delay_ms = jittered(decision.delay_ms, random);
	return decision;
}
