/* stage_tier.c: who is good enough: for a policy's min_tier, and as a substitute for the model
 * asked for: never a lower tier, nor a lower capability score. */
#include "routing/routing_stages.h"

static void reject_tier(
	struct routing_pass *pass, struct routing_candidate *candidate, uint8_t required)
{
	candidate_reject(pass, candidate, REJECTED_TIER);
	if (required > pass->decision->required_tier)
		pass->decision->required_tier = required;
}

void stage_tier(struct routing_pass *pass)
{
	uint8_t required = pass->need.min_tier;
	size_t hint = 0;

	if (pass->step > 0 && pass->left > 0) {
		par_look_up(pass);
		if (pass->par.tier > required)
			required = pass->par.tier;
	}
	if (required == 0)
		return;
	for (size_t i = 0; i < pass->decision->candidate_count; i++) {
		struct routing_candidate *candidate = &pass->decision->candidates[i];

		if (candidate->rejected != REJECTED_NOT)
			continue;
		if (candidate->model->tier < required)
			reject_tier(pass, candidate, required);
		else if (pass->step > 0 && !par_scores_reached(pass, candidate, &hint))
			candidate_reject(pass, candidate, REJECTED_SCORES);
	}
}
