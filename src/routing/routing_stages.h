/* routing_stages.h: what the stages of a decision share; private to the routing room.
 *
 * A stage is one function over all candidates. It leaves out a candidate by candidate_reject and
 * must pass over those that are out already. The last one orders. */
#ifndef NEXUS_ROUTING_ROUTING_STAGES_H
#define NEXUS_ROUTING_ROUTING_STAGES_H

#include "routing/routing.h"

/* What the policies for a request's names ask for, all of them together. */
struct routing_need {
	const char *restricted_by; /* the pattern that keeps it in the restricted zone, or NULL */
	uint8_t min_tier;          /* 0: none */
};

/* What a substitute must reach: as much as the model asked for, where it is offered least. */
struct routing_par {
	bool known;   /* has been looked up */
	uint8_t tier; /* 0: nobody offers the model asked for */
	struct config_pair *scores;
	size_t score_count;
};

enum routing_home { HOME_NOT_ASKED, HOME_YES, HOME_NO };

/* One decision under way, at one model. */
struct routing_pass {
	const struct routing_view *view;
	const struct routing_ask *ask;
	struct request_facts *facts; /* not const only because it keeps its token estimate */
	struct arena *arena;
	struct routing_decision *decision;
	size_t step;              /* 0: the model asked for; else a substitute */
	struct slice model;       /* after aliases; empty when each candidate has its own */
	struct routing_need need; /* of the names asked for, and of this model's */
	struct routing_par par;
	enum routing_home home; /* whether the request belongs in the restricted zone */
	const char *stage;      /* the one that runs */
	size_t left;            /* candidates still in */
};

void candidate_reject(
	struct routing_pass *pass, struct routing_candidate *candidate, enum rejection why);

bool was_tried(const struct routing_pass *pass, const struct registry_backend *backend,
	const struct registry_model *model);

/* What a request needs and a model is known to lack; notes on the candidate what is not known. */
enum rejection capability_judge(
	const struct routing_pass *pass, struct routing_candidate *candidate);

/* policy.c: adds what the first policy that matches a name asks for. An Ollama model's name with
 * and without `:latest` is one name. */
void need_add(struct routing_need *need, const struct config *config, struct slice name);

/* substitute.c: the models that may stand in for the one asked for. */
/* Sets pass->model for pass->step; false when there is no further substitute. */
bool substitute_begin(struct routing_pass *pass);
void par_look_up(struct routing_pass *pass);
bool par_scores_reached(
	const struct routing_pass *pass, const struct routing_candidate *candidate, size_t *hint);
/* Fills the candidates: of each backend the most fitting model of the tier asked for. */
void substitute_add_same_tier(struct routing_pass *pass);

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
/* Out: open backends, for a request that must stay in the restricted zone. */
void stage_privacy(struct routing_pass *pass);
/* Out: models below the tier a policy asks for, and substitutes below the model asked for. */
void stage_tier(struct routing_pass *pass);
/* Out: models that cannot do what the request needs, or are not known to. */
void stage_capability(struct routing_pass *pass);
/* Out: backends at their max_concurrency. */
void stage_capacity(struct routing_pass *pass);
/* Orders those still in by the strategy, best first. */
void stage_score(struct routing_pass *pass);

#endif
