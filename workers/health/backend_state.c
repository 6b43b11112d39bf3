/* backend_state.c: the transitions and the intervals. */
#include "workers/health/backend_state.h"

static void forget_counts(struct backend_state *state)
{
	state->failures = 0;
	state->successes = 0;
}

void backend_state_init(
	struct backend_state *state, const struct state_rules *rules, enum backend_status status)
{
	*state = (struct backend_state){.status = status};
	if (!rules->enabled)
		state->status = STATUS_HEALTHY;
}

void backend_state_disable(
	struct backend_state *state, const struct state_rules *rules, bool disabled)
{
	if (disabled == (state->status == STATUS_DISABLED))
		return;
	forget_counts(state);
	state->status = disabled         ? STATUS_DISABLED
			: rules->enabled ? STATUS_UNKNOWN
					 : STATUS_HEALTHY;
}

void backend_state_fix(struct backend_state *state, enum backend_status status)
{
	forget_counts(state);
	state->fixed = true;
	state->status = status;
}

bool backend_state_is_probed(const struct backend_state *state)
{
	return !state->fixed && state->status != STATUS_DISABLED;
}

static enum backend_status after_success(
	const struct backend_state *state, const struct state_rules *rules)
{
	if (state->status == STATUS_UNHEALTHY && state->successes < rules->recovery_threshold)
		return STATUS_UNHEALTHY;
	return STATUS_HEALTHY;
}

/* What never worked is unhealthy at once; what works or is loading gets its chances. */
static enum backend_status after_failure(
	const struct backend_state *state, const struct state_rules *rules)
{
	if (state->status == STATUS_UNKNOWN || state->failures >= rules->failure_threshold)
		return STATUS_UNHEALTHY;
	return state->status;
}

static void count(struct backend_state *state, enum state_outcome outcome)
{
	if (outcome == OUTCOME_FAILURE) {
		state->failures++;
		state->successes = 0;
	} else {
		state->successes++;
		state->failures = 0;
	}
}

static void average(struct backend_state *state, uint64_t latency_us)
{
	if (state->latency_us == 0)
		state->latency_us = latency_us;
	else if (latency_us > 0)
		state->latency_us = (state->latency_us * 4 + latency_us) / 5;
}

bool backend_state_result(struct backend_state *state, const struct state_rules *rules,
	enum state_outcome outcome, uint64_t latency_us)
{
	enum backend_status was = state->status;

	if (!backend_state_is_probed(state))
		return false;
	count(state, outcome);
	if (outcome != OUTCOME_FAILURE)
		average(state, latency_us);
	if (!rules->enabled)
		state->status = STATUS_HEALTHY;
	else if (outcome == OUTCOME_WARMING)
		state->status = STATUS_WARMING;
	else if (outcome == OUTCOME_SUCCESS)
		state->status = after_success(state, rules);
	else
		state->status = after_failure(state, rules);
	return state->status != was;
}

uint64_t backend_state_next(
	struct backend_state *state, const struct state_rules *rules, struct random *random)
{
	bool is_sound = state->status == STATUS_HEALTHY && state->failures == 0;
	uint64_t interval_ms = is_sound ? rules->interval_ms : rules->unhealthy_interval_ms;
	uint64_t tenth_ms = interval_ms / 10;

	if (!backend_state_is_probed(state) ||
		(!rules->enabled && is_sound && state->successes > 0))
		return STATE_NEVER;
	if (!state->settled) {
		state->settled = true;
		return tenth_ms + random_below(random, interval_ms - tenth_ms + 1);
	}
	return interval_ms - tenth_ms + random_below(random, 2 * tenth_ms + 1);
}
