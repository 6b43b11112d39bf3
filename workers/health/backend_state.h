/* backend_state.h: what probes have shown of one backend, and when to ask again.
 *
 * Pure: no clock, no I/O, no log; time, rules and randomness are parameters. Whoever feeds it
 * decides what to publish. */
#ifndef NEXUS_HEALTH_BACKEND_STATE_H
#define NEXUS_HEALTH_BACKEND_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "registry/registry.h"

struct state_rules {
	bool enabled; /* false: backends are taken for healthy, probed only for their models */
	uint32_t interval_ms;           /* between two probes of a healthy backend */
	uint32_t unhealthy_interval_ms; /* of any other, and of a healthy one whose last probe
					   failed */
	uint32_t timeout_ms;            /* for each request of a probe */
	unsigned failure_threshold;     /* consecutive, at least 1 */
	unsigned recovery_threshold;
};

/* How a probe ended. */
enum state_outcome { OUTCOME_SUCCESS, OUTCOME_WARMING, OUTCOME_FAILURE };

struct backend_state {
	enum backend_status status;
	unsigned failures;   /* consecutive */
	unsigned successes;  /* consecutive */
	uint64_t latency_us; /* EWMA of answered probes, weight 0.2 for the newest; 0 = none yet */
	bool settled;        /* an interval has passed since the start: see backend_state_next */
	bool fixed;          /* nothing a probe could show counts: never probed */
};

/* `status` is what an earlier health worker left, or STATUS_UNKNOWN. */
void backend_state_init(
	struct backend_state *state, const struct state_rules *rules, enum backend_status status);
/* Switched off in the configuration; again on, it is unknown. */
void backend_state_disable(
	struct backend_state *state, const struct state_rules *rules, bool disabled);
/* Never to be probed: UNHEALTHY when it cannot be used as configured (no key, a type not spoken
 * yet), HEALTHY when only its clients can tell. */
void backend_state_fix(struct backend_state *state, enum backend_status status);
/* Whether probes are of any use. */
bool backend_state_is_probed(const struct backend_state *state);

/* A probe has ended. True when the status changed. `latency_us` 0 = it did not answer. */
bool backend_state_result(struct backend_state *state, const struct state_rules *rules,
	enum state_outcome outcome, uint64_t latency_us);

#define STATE_NEVER UINT64_MAX
/* Milliseconds until the next probe: the interval that fits, give or take a tenth; the first time
 * anywhere within it, so that backends which were all probed at the start spread out. STATE_NEVER:
 * not before something changes. */
uint64_t backend_state_next(
	struct backend_state *state, const struct state_rules *rules, struct random *random);

#endif
