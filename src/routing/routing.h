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
	REASON_FALLBACK,
	REASON_FAILOVER,
	REASON_CAPACITY_OVERFLOW,
	REASON_CAPABILITY_UNKNOWN,
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
	double score;
};

struct routing_decision {
	enum routing_outcome outcome;
	/* Those still in first, best first; then the rejected. */
	struct routing_candidate *candidates;
	size_t candidate_count;
	size_t chosen_count;
	struct slice model_asked;
	struct slice model_used; /* after aliases */
	/* [0] is model_asked, [alias_depth] model_used. */
	struct slice alias_chain[ROUTING_CHAIN_MAX + 1];
	size_t alias_depth;
	enum route_reason reason; /* for candidates[0] */
	uint64_t tokens_needed;   /* for ROUTING_TOO_LONG */
	uint64_t context_longest; /* likewise: the longest on offer */
};

/* Decides. All memory of the decision is the arena's. `tried` names backends (ids) that failed for
 * this request. The facts keep the estimate of their tokens, if it was needed. */
void routing_decide(const struct routing_view *view, struct request_facts *facts,
	const uint64_t *tried, size_t tried_count, struct arena *arena,
	struct routing_decision *decision);

/* The alias chain of a name: chain[0] is the name, chain[depth] what it comes to; returns the
 * depth, 0 when it is no alias or a backend offers the name itself. */
size_t routing_resolve_alias(const struct config *config, const struct registry *registry,
	struct slice name, struct slice chain[ROUTING_CHAIN_MAX + 1]);

/* The record of reasons as a JSON object, for 503 bodies and explain:
 *     {"available_backends": [name...], "rejected": [{"backend", "reason"}...]}
 * with at most ROUTING_LISTED_MAX of each (the rest is counted: "rejected_more"). Appended to
 * `out`; false, with nothing appended, when there is no room. */
#define ROUTING_LISTED_MAX 64u
struct buffer;
bool routing_context_json(const struct routing_decision *decision, struct buffer *out);

#endif
