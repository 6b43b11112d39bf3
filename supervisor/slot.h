/* slot.h: a place for one worker, with a column of the scoreboard of its own.
 *
 *   EMPTY -> STARTING -> READY -> DRAINING -> EMPTY        and from death: BACKOFF (tried again
 * later), FAILED (not)
 *
 * The place is fixed: slot i is column i. Who works there has an address (role and number) and, as
 * every process, a generation of its own. Two slots have the same address only while the older one
 * drains. One function changes a state, and it knows which changes there are. */
#ifndef NEXUS_SUPERVISOR_SLOT_H
#define NEXUS_SUPERVISOR_SLOT_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/channel.h"
#include "supervisor/liveness.h"
#include "supervisor/restart_policy.h"

struct supervisor;

enum slot_state {
	SLOT_EMPTY,
	SLOT_STARTING,
	SLOT_READY,
	SLOT_DRAINING,
	SLOT_BACKOFF,
	SLOT_FAILED,
	SLOT_STATE_COUNT
};
extern const char *const slot_state_names[SLOT_STATE_COUNT];

#define LAST_WORDS_SIZE 4096u

struct slot {
	struct supervisor *supervisor;
	uint16_t column;
	enum slot_state state;

	/* Who works here: meaningful unless EMPTY. */
	enum role role;
	uint8_t number;
	bool trial; /* started by a respawn that is not yet decided */
	bool again; /* when DRAINING has ended: start the next worker here (roles that are swapped)
		     */
	unsigned restarts;
	struct restart_history history;

	/* The process: pid 0 when there is none. */
	pid_t pid;
	uint32_t generation;
	struct channel *channel; /* NULL when there is none */
	bool channel_lost;
	bool registry_behind; /* missed frames; replayed when its queue is empty */
	const char *cause;    /* why we kill it, for the obituary */
	bool as_wished;       /* its end is no trouble, however it ends */
	uint64_t started_ms;
	uint64_t ready_ms;
	uint64_t config_acked; /* version in force there */
	struct liveness_watch watch;
	uint32_t loop_lag_us;
	uint32_t connections;
	uint32_t in_flight;
	uint64_t requests_total;

	ev_timer timer; /* STARTING: ready in time; BACKOFF: the next try; DRAINING: gone in time */

	/* For the life of the service. */
	int doorbell; /* eventfd */
	int last_words_fd;
	char *last_words; /* LAST_WORDS_SIZE bytes of shared memory */
	bool allocated;   /* the column has its disk blocks */
	bool unburied;    /* a dead worker's records are not all ended yet */
};

/* Whether there is a process, reaped or not yet. */
static inline bool slot_is_alive(const struct slot *slot)
{
	return slot->pid != 0;
}

bool slot_may_change(enum slot_state from, enum slot_state to);
/* The one place where a state changes; an impossible change is our own fault and panics. */
void slot_set_state(struct slot *slot, enum slot_state state);
/* "request[1] g7", for log lines; overwritten by the next call but one. */
const char *slot_name(const struct slot *slot);

#endif
