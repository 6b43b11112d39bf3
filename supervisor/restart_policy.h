/* restart_policy.h: when a dead worker's slot is tried again. A pure function: no clock, no state
 * but the history it is given. What worked before is restarted at once and then ever more slowly up
 * to a second, so that a request that crashes workers cannot become an outage; what never got ready
 * is tried slowly; what said that its configuration is impossible is not tried. */
#ifndef NEXUS_SUPERVISOR_RESTART_POLICY_H
#define NEXUS_SUPERVISOR_RESTART_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define RESTART_FORGET_MS        10000u /* up this long: earlier crashes do not count */
#define RESTART_CRASH_FIRST_MS   50u    /* the second crash in a row; the first waits for nothing */
#define RESTART_CRASH_MAX_MS     1000u
#define RESTART_FAILURE_FIRST_MS 1000u
#define RESTART_FAILURE_MAX_MS   60000u
#define RESTART_JITTER_PERCENT   20u

struct restart_history {
	unsigned crashes;        /* after READY, in a row */
	unsigned start_failures; /* before READY, in a row */
};

struct death {
	bool was_ready;
	bool config_impossible; /* exit code 78 */
	uint64_t up_ms;         /* since READY */
};

struct restart_decision {
	bool give_up;
	uint32_t delay_ms;
};

/* Updates the history. `random` spreads slots that died together. */
struct restart_decision restart_policy_next(
	struct restart_history *history, const struct death *death, uint64_t random);

#endif
