/* routing.c: the stages in their order, and what a decision comes to. */
#include "routing/routing_stages.h"

const char *const rejection_names[REJECTED_COUNT] = {
	[REJECTED_NOT] = "none",
	[REJECTED_DISABLED] = "disabled",
	[REJECTED_DRAINING] = "draining",
	[REJECTED_UNHEALTHY] = "unhealthy",
	[REJECTED_UNKNOWN] = "not-probed-yet",
	[REJECTED_WARMING] = "warming",
	[REJECTED_RATE_LIMITED] = "rate-limited",
	[REJECTED_NO_VISION] = "no-vision",
	[REJECTED_NO_TOOLS] = "no-tools",
	[REJECTED_NO_JSON_MODE] = "no-json-mode",
	[REJECTED_NO_EMBEDDINGS] = "no-embeddings",
	[REJECTED_EMBEDDINGS_ONLY] = "embeddings-only",
	[REJECTED_CONTEXT] = "context-too-short",
	[REJECTED_CAPABILITY_UNKNOWN] = "capability-unknown",
	[REJECTED_BUSY] = "at-max-concurrency",
	[REJECTED_TRIED] = "failed-before",
};

const char *const reason_names[REASON_COUNT] = {
	[REASON_FALLBACK] = "fallback",
	[REASON_FAILOVER] = "failover",
	[REASON_CAPACITY_OVERFLOW] = "capacity-overflow",
	[REASON_CAPABILITY_UNKNOWN] = "capability-unknown",
	[REASON_CAPABILITY_MATCH] = "capability-match",
};

struct stage {
	const char *name; /* as `nexus explain` shows it */
	void (*run)(struct routing_pass *pass);
};

static const struct stage stages[] = {
	{"model", stage_model},
	{"health", stage_health},
	{"capability", stage_capability},
	{"capacity", stage_capacity},
	{"score", stage_score},
};

void candidate_reject(
	struct routing_pass *pass, struct routing_candidate *candidate, enum rejection why)
{
	candidate->rejected = why;
	candidate->stage = pass->stage;
	pass->left--;
}

/* --- how it ended --- */

static bool any_rejected(const struct routing_decision *decision, enum rejection why)
{
	for (size_t i = 0; i < decision->candidate_count; i++)
		if (decision->candidates[i].rejected == why)
			return true;
	return false;
}

/* Too long for every candidate, also for those that are left out for another reason: waiting would
 * not help. */
static bool all_too_long(struct routing_decision *decision, struct request_facts *facts)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < decision->candidate_count; i++) {
		const struct routing_candidate *candidate = &decision->candidates[i];

		if (!candidate->model || !is_too_long(candidate, facts))
			return false;
		if (candidate->model->context_length > longest)
			longest = candidate->model->context_length;
	}
	decision->tokens_needed = tokens_needed(facts);
	decision->context_longest = longest;
	return true;
}

static enum routing_outcome outcome_of(const struct routing_pass *pass)
{
	struct routing_decision *decision = pass->decision;

	if (decision->chosen_count > 0)
		return ROUTING_CHOSEN;
	if (pass->view->registry->backend_count == 0)
		return ROUTING_NO_BACKENDS;
	if (decision->candidate_count == 0)
		return ROUTING_MODEL_UNKNOWN;
	if (any_rejected(decision, REJECTED_BUSY))
		return ROUTING_BUSY;
	return all_too_long(decision, pass->facts) ? ROUTING_TOO_LONG : ROUTING_UNAVAILABLE;
}

/* --- why the best one --- */

/* Whether a backend at its limit would have been preferred to the one chosen. */
static bool is_overflow(const struct routing_pass *pass)
{
	const struct routing_decision *decision = pass->decision;
	const struct routing_candidate *chosen = &decision->candidates[0];
	bool is_smart = pass->view->config->routing.strategy == STRATEGY_SMART;

	for (size_t i = decision->chosen_count; i < decision->candidate_count; i++) {
		const struct routing_candidate *busy = &decision->candidates[i];

		if (busy->rejected != REJECTED_BUSY)
			continue;
		if (is_smart ? smart_score(pass->view->config, busy) > chosen->score
			     : busy->backend->priority < chosen->backend->priority)
			return true;
	}
	return false;
}

static enum route_reason reason_of(const struct routing_pass *pass)
{
	if (pass->tried_count > 0)
		return REASON_FAILOVER;
	if (is_overflow(pass))
		return REASON_CAPACITY_OVERFLOW;
	if (pass->decision->candidates[0].capability_unknown)
		return REASON_CAPABILITY_UNKNOWN;
	return REASON_CAPABILITY_MATCH;
}

void routing_decide(const struct routing_view *view, struct request_facts *facts,
	const uint64_t *tried, size_t tried_count, struct arena *arena,
	struct routing_decision *decision)
{
	struct routing_pass pass = {
		.view = view,
		.facts = facts,
		.tried = tried,
		.tried_count = tried_count,
		.arena = arena,
		.decision = decision,
	};

	*decision = (struct routing_decision){.reason = REASON_CAPABILITY_MATCH};
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		pass.stage = stages[i].name;
		stages[i].run(&pass);
	}
	decision->chosen_count = pass.left;
	decision->outcome = outcome_of(&pass);
	if (decision->outcome == ROUTING_CHOSEN)
		decision->reason = reason_of(&pass);
}
