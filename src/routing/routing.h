/* routing.h: the choice of a backend: a pure function of configuration, registry, load and what the
 * request says.
 *
 * No I/O, no clock of its own, no randomness of its own. Stages (stage_table in routing.c) run in
 * order; each narrows, orders or annotates the candidates and records why each other one left. That
 * record is what X-Nexus-Route-Reason, 503 bodies, `nexus explain` and logs show: nothing
 * re-derives it. */
#ifndef NEXUS_ROUTING_ROUTING_H
#define NEXUS_ROUTING_ROUTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/random.h"
#include "config/config.h"
#include "registry/registry.h"
#include "routing/inspect.h"

#define ROUTING_CHAIN_MAX 3u

/* Why a candidate was left out. The names are what clients and operators read. */
enum rejection {
	REJECTED_NOT,
	REJECTED_DISABLED,
	REJECTED_DRAINING,
	REJECTED_UNHEALTHY,
	REJECTED_UNKNOWN, /* not probed yet */
	REJECTED_WARMING,
	REJECTED_RATE_LIMITED,
	REJECTED_PRIVACY,    /* in the open zone, and a policy keeps the request at home */
	REJECTED_CROSS_ZONE, /* likewise: the model is at home, and routing.cross_zone keeps it
				there */
	REJECTED_TIER,       /* below what a policy, or the model it would replace, asks for */
	REJECTED_SCORES, /* a substitute with a lower capability score than the model asked for */
	REJECTED_NO_VISION,
	REJECTED_NO_TOOLS,
	REJECTED_NO_JSON_MODE,
	REJECTED_NO_EMBEDDINGS,
	REJECTED_EMBEDDINGS_ONLY,    /* an embedding model does not chat */
	REJECTED_CONTEXT,            /* the request is longer than the model's context */
	REJECTED_CAPABILITY_UNKNOWN, /* and another is known, or only known ones are wanted */
	REJECTED_BUSY,               /* max_concurrency reached */
	REJECTED_TRIED,              /* failed for this request already */
	REJECTED_COUNT
};
extern const char *const rejection_names[REJECTED_COUNT];

/* The first that applies, as X-Nexus-Route-Reason says it. */
enum route_reason {
	REASON_PRIVACY_REQUIREMENT, /* its zone left something out */
	REASON_FALLBACK,
	REASON_FAILOVER,
	REASON_CAPACITY_OVERFLOW,
	REASON_CAPABILITY_UNKNOWN,
	REASON_AFFINITY, /* without it another would have come first */
	REASON_CAPABILITY_MATCH,
	REASON_COUNT
};
extern const char *const reason_names[REASON_COUNT];

/* How a decision ended. */
enum routing_outcome {
	ROUTING_CHOSEN,        /* at least one candidate, best first */
	ROUTING_MODEL_UNKNOWN, /* 404 */
	ROUTING_NO_BACKENDS,   /* 503: no backend is known at all */
	ROUTING_UNAVAILABLE, /* 503: known, or not yet known not to be, but none can take it now */
	ROUTING_BUSY,        /* 503 (later: the queue): all are at their limit */
	ROUTING_TOO_LONG,    /* 400 context_length_exceeded: too long for every candidate */
};

/* Which models may stand in for the one asked for. */
enum routing_substitutes {
	SUBSTITUTES_CHAIN,    /* those of its fallback chain */
	SUBSTITUTES_NONE,     /* X-Nexus-Strict */
	SUBSTITUTES_SAME_TIER /* X-Nexus-Flexible: the chain, then any model of its tier */
};

/* What failed for this request. */
struct routing_tried {
	uint64_t backend;   /* id */
	struct slice model; /* the id of the only one that failed there; empty: all of it */
};

/* One request, as a decision sees it. */
struct routing_ask {
	struct request_facts *facts; /* keep the estimate of their tokens, if it was needed */
	enum routing_substitutes substitutes;
	uint64_t session; /* names the conversation better than the facts do; 0: nobody said */
	const struct routing_tried *tried;
	size_t tried_count;
	/* The first model to look at: 0 = the one asked for, then its substitutes in order. */
	size_t first_step;
	/* Not 0: only models whose context is known to be longer; the request did not fit this. */
	uint64_t longer_than;
};

/* What keeps a request in the restricted zone. */
enum zone_bar { ZONE_BAR_NONE, ZONE_BAR_POLICY, ZONE_BAR_CROSS_ZONE };

struct backend_load {
	enum backend_status status;
	int64_t in_flight;       /* over all workers */
	uint64_t engine_waiting; /* the server's own queue, when known */
	uint64_t latency_us;
	uint64_t rate_limited_until_ms;
};

/* How the pure core sees what is true now. */
struct routing_view {
	const struct config *config;
	const struct registry *registry;
	void *context;
	/* Called once a candidate; `model` is NULL when only the backend is asked about. */
	struct backend_load (*load)(void *context, const struct registry_backend *backend,
		const struct registry_model *model);
	uint64_t now_ms;       /* monotonic */
	struct random *random; /* for `random`, `least_loaded` */
	uint64_t round_robin;  /* a number that rises by one a decision over all workers */
};

struct routing_candidate {
	const struct registry_backend *backend;
	/* NULL: a rejected backend whose models are not known */
	const struct registry_model *model;
	struct backend_load load;
	enum rejection rejected; /* REJECTED_NOT: still in */
	const char *stage;       /* the stage that left it out */
	bool capability_unknown;
	bool is_substitute; /* its model is not the one asked for */
	double score;
};

struct routing_decision {
	enum routing_outcome outcome;
	/* Those still in first, best first; then the rejected, those of the model asked for before
	 * those of its substitutes. */
	struct routing_candidate *candidates;
	size_t candidate_count;
	size_t chosen_count;
	struct slice model_asked;
	struct slice model_used; /* after aliases and fallbacks: candidates[0]'s */
	/* [0] is model_asked, [alias_depth] what it comes to. */
	struct slice alias_chain[ROUTING_CHAIN_MAX + 1];
	size_t alias_depth;
	size_t step;               /* 0: the model asked for; else a substitute */
	bool mixed_models;         /* each candidate has a model of its own */
	enum rejection asked_lost; /* why the model asked for is not used; NOT: nobody offers it */
	enum route_reason reason;  /* for candidates[0] */
	enum zone_bar zone_bar;
	const char *policy;       /* the pattern behind ZONE_BAR_POLICY */
	uint8_t required_tier;    /* what was lacking somewhere; 0: nothing was */
	bool privacy_narrowed;    /* the zone left something out */
	bool affinity_decided;    /* another would have come first without it */
	uint64_t tokens_needed;   /* for ROUTING_TOO_LONG */
	uint64_t context_longest; /* likewise: the longest on offer */
};

/* Decides: the model asked for, then, while no candidate is left, each substitute, through all
 * stages. All memory of the decision is the arena's. */
void routing_decide(const struct routing_view *view, const struct routing_ask *ask,
	struct arena *arena, struct routing_decision *decision);

/* The name by which a candidate's backend knows the model. */
struct slice routing_model_for(
	const struct routing_decision *decision, const struct routing_candidate *candidate);

/* The alias chain of a name: chain[0] is the name, chain[depth] what it comes to; returns the
 * depth, 0 when it is no alias or a backend offers the name itself. */
size_t routing_resolve_alias(const struct config *config, const struct registry *registry,
	struct slice name, struct slice chain[ROUTING_CHAIN_MAX + 1]);

/* The record of reasons as a JSON object, for 503 bodies and explain:
 *     {"required_tier", "required_zone", "available_backends": [name...],
 *      "rejected": [{"backend", "model", "reason"}...]}
 * the first two only when there is such a requirement, the model only of a substitute,
 * with at most ROUTING_LISTED_MAX of each (the rest is counted: "rejected_more"). Appended to
 * `out`; false, with nothing appended, when there is no room. */
#define ROUTING_LISTED_MAX 64u
struct buffer;
bool routing_context_json(const struct routing_decision *decision, struct buffer *out);

#endif
