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
	[REJECTED_PRIVACY] = "privacy-policy",
	[REJECTED_CROSS_ZONE] = "cross-zone",
	[REJECTED_TIER] = "tier-too-low",
	[REJECTED_SCORES] = "capability-score-too-low",
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
	[REASON_PRIVACY_REQUIREMENT] = "privacy-requirement",
	[REASON_FALLBACK] = "fallback",
	[REASON_FAILOVER] = "failover",
	[REASON_CAPACITY_OVERFLOW] = "capacity-overflow",
	[REASON_CAPABILITY_UNKNOWN] = "capability-unknown",
	[REASON_AFFINITY] = "affinity",
	[REASON_CAPABILITY_MATCH] = "capability-match",
};

struct stage {
	const char *name; /* as `nexus explain` shows it */
	void (*run)(struct routing_pass *pass);
};

/* Zone and tier come before capability: what they leave out is no better choice than a model that
 * is not known to be capable, and must not push it out. */
static const struct stage stages[] = {
	{"model", stage_model},
	{"health", stage_health},
	{"privacy", stage_privacy},
	{"tier", stage_tier},
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
		if (is_smart ? smart_score(pass->view->config, busy) >
					smart_score(pass->view->config, chosen)
			     : busy->backend->priority < chosen->backend->priority)
			return true;
	}
	return false;
}

static enum route_reason reason_of(const struct routing_pass *pass)
{
	if (pass->decision->privacy_narrowed)
		return REASON_PRIVACY_REQUIREMENT;
	if (pass->step > 0)
		return REASON_FALLBACK;
	if (pass->ask->tried_count > 0)
		return REASON_FAILOVER;
	if (is_overflow(pass))
		return REASON_CAPACITY_OVERFLOW;
	if (pass->decision->candidates[0].capability_unknown)
		return REASON_CAPABILITY_UNKNOWN;
	if (pass->decision->affinity_decided)
		return REASON_AFFINITY;
	return REASON_CAPABILITY_MATCH;
}

/* --- the model asked for, then its substitutes --- */

/* Candidates of models that were given up. */
struct past {
	struct routing_candidate *candidates;
	size_t count;
};

/* The candidates of `past` stand between the first `front` of the decision's and the others. */
static void insert_past(struct routing_pass *pass, const struct past *past, size_t front)
{
	struct routing_decision *decision = pass->decision;
	size_t count = past->count + decision->candidate_count;
	struct routing_candidate *all;

	if (past->count == 0)
		return;
	all = arena_alloc(pass->arena, count * sizeof(*all));
	for (size_t i = 0; i < count; i++)
		all[i] = i < front                 ? decision->candidates[i]
			 : i < front + past->count ? past->candidates[i - front]
						   : decision->candidates[i - past->count];
	decision->candidates = all;
	decision->candidate_count = count;
}

/* Nobody is left for this model: what was found out about it is kept. */
static void give_up_model(struct routing_pass *pass, struct past *past)
{
	struct routing_decision *decision = pass->decision;

	if (pass->step == 0 && decision->candidate_count > 0)
		decision->asked_lost = any_rejected(decision, REJECTED_BUSY)
					       ? REJECTED_BUSY
					       : decision->candidates[0].rejected;
	insert_past(pass, past, 0);
	*past = (struct past){decision->candidates, decision->candidate_count};
	decision->candidates = NULL;
	decision->candidate_count = 0;
	pass->left = 0;
}

static void run_stages(struct routing_pass *pass)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		pass->stage = stages[i].name;
		stages[i].run(pass);
	}
}

/* What its names ask of a request, whatever serves it. */
static void read_names(struct routing_pass *pass)
{
	const struct routing_view *view = pass->view;
	struct routing_decision *decision = pass->decision;

	decision->model_asked = pass->facts->model;
	decision->alias_depth = routing_resolve_alias(
		view->config, view->registry, pass->facts->model, decision->alias_chain);
	decision->model_used = decision->alias_chain[decision->alias_depth];
	for (size_t i = 0; i <= decision->alias_depth; i++)
		need_add(&pass->need, view->config, decision->alias_chain[i]);
	if (pass->need.restricted_by) {
		decision->zone_bar = ZONE_BAR_POLICY;
		decision->policy = pass->need.restricted_by;
	}
}

static void note_choice(struct routing_pass *pass)
{
	struct routing_decision *decision = pass->decision;

	decision->step = pass->step;
	decision->mixed_models = pass->step > 0 && pass->model.len == 0;
	decision->model_used =
		decision->mixed_models ? slice_of(decision->candidates[0].model->id) : pass->model;
	decision->reason = reason_of(pass);
}

struct slice routing_model_for(
	const struct routing_decision *decision, const struct routing_candidate *candidate)
{
	return decision->mixed_models ? slice_of(candidate->model->id) : decision->model_used;
}

void routing_decide(const struct routing_view *view, const struct routing_ask *ask,
	struct arena *arena, struct routing_decision *decision)
{
	struct routing_pass pass = {
		.view = view,
		.ask = ask,
		.facts = ask->facts,
		.arena = arena,
		.decision = decision,
		.step = ask->first_step,
	};
	struct routing_need asked;
	struct past past = {NULL, 0};

	*decision = (struct routing_decision){.reason = REASON_CAPABILITY_MATCH};
	read_names(&pass);
	for (asked = pass.need; substitute_begin(&pass); pass.step++, pass.need = asked) {
		run_stages(&pass);
		decision->chosen_count = pass.left;
		if (pass.left > 0) {
			note_choice(&pass);
			break;
		}
		give_up_model(&pass, &past);
	}
	insert_past(&pass, &past, decision->chosen_count);
	decision->outcome = outcome_of(&pass);
}
