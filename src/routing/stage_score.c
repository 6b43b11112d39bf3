/* stage_score.c: the strategies. Each gives the candidates still in a score, higher first; ties go
 * by name, which is the order in which they come. */
#include "routing/routing_stages.h"

#include <stdlib.h>

struct ranked {
	double score;
	size_t at; /* in the decision's candidates */
};

/* The live count over all workers, and what waits inside the server. */
static double load_of(const struct routing_candidate *candidate)
{
	double in_flight = candidate->load.in_flight > 0 ? (double)candidate->load.in_flight : 0;

	return in_flight + (double)candidate->load.engine_waiting;
}

static double at_most_100(double value)
{
	return value < 100 ? value : 100;
}

double smart_score(const struct config *config, const struct routing_candidate *candidate)
{
	double latency_ms = (double)candidate->load.latency_us / 1000;

	return (100.0 - candidate->backend->priority) * config->routing.weights.priority +
	       (100.0 - at_most_100(load_of(candidate))) * config->routing.weights.load +
	       (100.0 - at_most_100(latency_ms / 10)) * config->routing.weights.latency;
}

/* The `position`-th of `count` in the list of those still in. */
static double score_of(const struct routing_pass *pass, const struct routing_candidate *candidate,
	size_t position, size_t count)
{
	const struct routing_view *view = pass->view;

	switch ((enum config_strategy)view->config->routing.strategy) {
	case STRATEGY_SMART: break;
	case STRATEGY_PRIORITY_ONLY: return -(double)candidate->backend->priority;
	case STRATEGY_LEAST_LOADED: return -load_of(candidate);
	case STRATEGY_RANDOM: return (double)(random_next(view->random) >> 11);
	/* Whose turn it is comes first, then those behind it. */
	case STRATEGY_ROUND_ROBIN:
		return -(double)((position + count - view->round_robin % count) % count);
	}
	return smart_score(view->config, candidate);
}

/* --- affinity --- */

#define AFFINITY_SHARE 0.15

/* The same in every worker and after every restart: a backend's id is the hash of its URL. */
static uint64_t affinity_weight(uint64_t conversation, uint64_t backend)
{
	uint64_t mixed = conversation ^ (backend * 0x9e3779b97f4a7c15u);

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
	return mixed ^ (mixed >> 31);
}

/* How much the conversation's own backend gains: a share of the score where there is one; in order
 * of priority it only decides between equals, and the other strategies are about spreading. */
static double affinity_bonus(int strategy, double score)
{
	if (strategy == STRATEGY_SMART)
		return (score < 0 ? -score : score) * AFFINITY_SHARE;
	return strategy == STRATEGY_PRIORITY_ONLY ? 0.5 : 0.0;
}

/* Rendezvous hashing: when a backend comes or goes, only its own conversations move. */
static void favour_own_backend(struct routing_pass *pass, struct ranked *ranked, size_t count)
{
	const struct routing_candidate *candidates = pass->decision->candidates;
	uint64_t conversation = pass->ask->session ? pass->ask->session : pass->facts->conversation;
	size_t winner = 0;
	size_t first = 0;
	uint64_t most = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t weight =
			affinity_weight(conversation, candidates[ranked[i].at].backend->id);

		if (weight > most) {
			most = weight;
			winner = i;
		}
		if (ranked[i].score > ranked[first].score)
			first = i;
	}
	ranked[winner].score +=
		affinity_bonus(pass->view->config->routing.strategy, ranked[winner].score);
	pass->decision->affinity_decided =
		winner != first && ranked[winner].score >= ranked[first].score &&
		(ranked[winner].score > ranked[first].score || winner < first);
}

static bool has_affinity(const struct routing_pass *pass)
{
	const struct config *config = pass->view->config;

	return config->routing.affinity && (pass->ask->session || pass->facts->conversation) &&
	       (config->routing.strategy == STRATEGY_SMART ||
		       config->routing.strategy == STRATEGY_PRIORITY_ONLY);
}

/* --- the order --- */

static int compare_ranked(const void *left, const void *right)
{
	const struct ranked *a = left;
	const struct ranked *b = right;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->at < b->at ? -1 : 1;
}

/* Two random choices: the less loaded of them goes first. Workers that all see the same least
 * loaded backend would all send to it. */
static void put_winner_first(const struct routing_pass *pass, struct ranked *ranked, size_t count)
{
	size_t first = random_below(pass->view->random, count);
	size_t second = random_below(pass->view->random, count);
	struct ranked winner = ranked[first < second ? first : second];

	for (size_t i = first < second ? first : second; i > 0; i--)
		ranked[i] = ranked[i - 1];
	ranked[0] = winner;
}

/* Puts those still in at the front in their new order, then the others in the old one. */
static void reorder(struct routing_pass *pass, const struct ranked *ranked)
{
	struct routing_decision *decision = pass->decision;
	struct routing_candidate *ordered =
		arena_alloc(pass->arena, decision->candidate_count * sizeof(*ordered));
	size_t count = 0;

	for (size_t i = 0; i < pass->left; i++) {
		ordered[count] = decision->candidates[ranked[i].at];
		ordered[count++].score = ranked[i].score;
	}
	for (size_t i = 0; i < decision->candidate_count; i++)
		if (decision->candidates[i].rejected != REJECTED_NOT)
			ordered[count++] = decision->candidates[i];
	decision->candidates = ordered;
}

void stage_score(struct routing_pass *pass)
{
	const struct routing_decision *decision = pass->decision;
	struct ranked *ranked;
	size_t count = 0;

	if (pass->left == 0)
		return;
	ranked = arena_alloc(pass->arena, pass->left * sizeof(*ranked));
	for (size_t i = 0; i < decision->candidate_count; i++) {
		const struct routing_candidate *candidate = &decision->candidates[i];

		if (candidate->rejected != REJECTED_NOT)
			continue;
		ranked[count] = (struct ranked){score_of(pass, candidate, count, pass->left), i};
		count++;
	}
	if (count > 1 && has_affinity(pass))
		favour_own_backend(pass, ranked, count);
	qsort(ranked, count, sizeof(*ranked), compare_ranked);
	if (pass->view->config->routing.strategy == STRATEGY_LEAST_LOADED && count > 1)
		put_winner_first(pass, ranked, count);
	reorder(pass, ranked);
}
