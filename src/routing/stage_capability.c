/* stage_capability.c: which models can do what the request needs.
 *
 * What is known to be missing excludes. What is not known excludes as well, unless nothing better
 * is left and the configuration allows a last resort. */
#include "routing/routing_stages.h"

static uint64_t with_output(const struct request_facts *facts, uint64_t tokens)
{
	uint64_t sum;

	return __builtin_add_overflow(tokens, facts->output_cap, &sum) ? UINT64_MAX : sum;
}

uint64_t tokens_needed(struct request_facts *facts)
{
	return with_output(facts, request_tokens(facts).longest);
}

bool is_too_long(const struct routing_candidate *candidate, struct request_facts *facts)
{
	uint64_t context_length = candidate->model->context_length;

	/* Most requests are so short that their bytes would fit: these are not estimated. */
	return context_length > 0 &&
	       with_output(facts, facts->tokens_bound.longest) > context_length &&
	       tokens_needed(facts) > context_length;
}

/* Notes what is not known; returns whether it is known to be missing. */
static bool lacks(struct routing_candidate *candidate, bool wanted, uint8_t knowledge)
{
	if (!wanted)
		return false;
	if (knowledge == KNOWLEDGE_UNKNOWN)
		candidate->capability_unknown = true;
	return knowledge == KNOWLEDGE_NO;
}

/* The request did not fit a context that was thought long enough. */
static bool is_no_longer(const struct routing_pass *pass, const struct registry_model *model)
{
	return pass->ask->longer_than > 0 && model->context_length <= pass->ask->longer_than;
}

enum rejection capability_judge(
	const struct routing_pass *pass, struct routing_candidate *candidate)
{
	struct request_facts *facts = pass->facts;
	const struct registry_model *model = candidate->model;
	bool embeds = facts->endpoint == ENDPOINT_EMBEDDINGS;

	if (lacks(candidate, embeds, model->embeddings))
		return REJECTED_NO_EMBEDDINGS;
	if (!embeds && model->embeddings == KNOWLEDGE_YES)
		return REJECTED_EMBEDDINGS_ONLY;
	if (lacks(candidate, facts->has_images, model->vision))
		return REJECTED_NO_VISION;
	if (lacks(candidate, facts->has_tools, model->tools))
		return REJECTED_NO_TOOLS;
	if (lacks(candidate, facts->json_mode, model->json_mode))
		return REJECTED_NO_JSON_MODE;
	if (is_no_longer(pass, model) || is_too_long(candidate, facts))
		return REJECTED_CONTEXT;
	return REJECTED_NOT;
}

static void reject_unknown(struct routing_pass *pass)
{
	for (size_t i = 0; i < pass->decision->candidate_count; i++) {
		struct routing_candidate *candidate = &pass->decision->candidates[i];

		if (candidate->rejected == REJECTED_NOT && candidate->capability_unknown)
			candidate_reject(pass, candidate, REJECTED_CAPABILITY_UNKNOWN);
	}
}

void stage_capability(struct routing_pass *pass)
{
	size_t unknown = 0;

	for (size_t i = 0; i < pass->decision->candidate_count; i++) {
		struct routing_candidate *candidate = &pass->decision->candidates[i];
		enum rejection why;

		if (candidate->rejected != REJECTED_NOT)
			continue;
		why = capability_judge(pass, candidate);
		if (why != REJECTED_NOT)
			candidate_reject(pass, candidate, why);
		else
			unknown += candidate->capability_unknown;
	}
	if (unknown == 0)
		return;
	if (unknown < pass->left ||
		pass->view->config->routing.unknown_capability == UNKNOWN_REFUSE)
		reject_unknown(pass);
}
