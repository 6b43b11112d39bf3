/* liveness.h: who hangs. Each second every worker is judged by its heartbeats and by the lock its
 * column shows.
 *
 * The supervisor judges its own lag first: if its own tick was late (the machine slept), everyone
 * is pardoned once. A worker that stopped while holding a row's lock stops others with it, so while
 * any lock is shown nobody is judged by heartbeats, and who shows the same one at two ticks is
 * killed outright. The judgements are pure; liveness_tick acts. */
#ifndef NEXUS_SUPERVISOR_LIVENESS_H
#define NEXUS_SUPERVISOR_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#define LIVENESS_TICK_MS     1000u
#define LIVENESS_OWN_LAG_MS  2000u /* later than this, our own tick proves nothing about others */
#define LIVENESS_ABORT_MS    2000u /* from SIGABRT (core, last words) to SIGKILL */
#define LIVENESS_LAG_WARN_US 1000000u

struct liveness_watch {
	uint64_t heard_ms;   /* the last heartbeat, or the start of the watch */
	uint64_t aborted_ms; /* when SIGABRT was sent; 0 = not */
	uint32_t locked_row; /* as the column showed at the last tick; 0 = none */
	uint32_t lock_count;
};

enum liveness_verdict { LIVENESS_FINE, LIVENESS_ABORT, LIVENESS_KILL };

/* True when our own tick came so late that nobody may be judged by it. Remembers `now_ms` in
 * *last_ms. */
bool liveness_own_lag(uint64_t *last_ms, uint64_t now_ms);
/* Takes note of what the column shows; true when it is the same lock as at the last tick. */
bool liveness_lock_stuck(struct liveness_watch *watch, uint32_t locked_row, uint32_t lock_count);
enum liveness_verdict liveness_judge(
	const struct liveness_watch *watch, uint64_t hang_timeout_ms, uint64_t now_ms);

struct supervisor;
/* Judges all and sends the signals. Called each LIVENESS_TICK_MS, after everything readable has
 * been read. */
void liveness_tick(struct supervisor *supervisor, uint64_t now_ms);

#endif
