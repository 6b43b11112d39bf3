/* routing_stages.h: what the stages of a decision share; private to the routing room.
 *
 * A stage is one function over all candidates. It leaves out a candidate by candidate_reject and
 * must pass over those that are out already. The last one orders. */
#ifndef NEXUS_ROUTING_ROUTING_STAGES_H
#define NEXUS_ROUTING_ROUTING_STAGES_H

#include "routing/routing.h"

/* One decision under way. */
struct routing_pass {
	const struct routing_view *view;
	struct request_facts *facts; /* not const only because it keeps its token estimate */
	const uint64_t *tried;
	size_t tried_count;
	struct arena *arena;
	struct routing_decision *decision;
	const char *stage; /* the one that runs */
	size_t left;       /* candidates still in */
};

void candidate_reject(
	struct routing_pass *pass, struct routing_candidate *candidate, enum rejection why);

/* Tokens a request may need in a model's context (its longest input and its output cap), and
 * whether the model has too few (false when that is unknown). */
uint64_t tokens_needed(struct request_facts *facts);
bool is_too_long(const struct routing_candidate *candidate, struct request_facts *facts);

/* By the strategy `smart`: higher is better. */
double smart_score(const struct config *config, const struct routing_candidate *candidate);

/* Fills the candidates: the offers of the model that is asked for. */
void stage_model(struct routing_pass *pass);
/* Out: backends that cannot serve now, and those that failed this request. */
void stage_health(struct routing_pass *pass);
/* Out: models that cannot do what the request needs, or are not known to. */
void stage_capability(struct routing_pass *pass);
/* Out: backends at their max_concurrency. */
void stage_capacity(struct routing_pass *pass);
/* Orders those still in by the strategy, best first. */
void stage_score(struct routing_pass *pass);

#endif
