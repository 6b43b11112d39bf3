/* liveness.c: pure judgements first, then the thin shell that acts on them. */
#include "supervisor/liveness.h"

#include <signal.h>

#include "base/log.h"
#include "ipc/scoreboard.h"
#include "supervisor/process_table.h"
#include "supervisor/service.h"
#include "supervisor/slot_life.h"

bool liveness_own_lag(uint64_t *last_ms, uint64_t now_ms)
{
	bool late = *last_ms != 0 && now_ms - *last_ms > LIVENESS_TICK_MS + LIVENESS_OWN_LAG_MS;

	*last_ms = now_ms;
	return late;
}

bool liveness_lock_stuck(struct liveness_watch *watch, uint32_t locked_row, uint32_t lock_count)
{
	bool stuck = locked_row != 0 && watch->locked_row == locked_row &&
		     watch->lock_count == lock_count;

	watch->locked_row = locked_row;
	watch->lock_count = lock_count;
	return stuck;
}

enum liveness_verdict liveness_judge(
	const struct liveness_watch *watch, uint64_t hang_timeout_ms, uint64_t now_ms)
{
	if (watch->aborted_ms != 0)
		return now_ms - watch->aborted_ms >= LIVENESS_ABORT_MS ? LIVENESS_KILL
								       : LIVENESS_FINE;
	if (now_ms > watch->heard_ms && now_ms - watch->heard_ms > hang_timeout_ms)
		return LIVENESS_ABORT;
	return LIVENESS_FINE;
}

static void pardon_all(struct supervisor *supervisor, uint64_t now_ms)
{
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		supervisor->slots[i].watch.heard_ms = now_ms;
		supervisor->slots[i].watch.locked_row = 0;
	}
}

/* True when any lock is shown: then silence may be another's fault. */
static bool look_at_locks(struct supervisor *supervisor)
{
	bool any = false;

	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];
		struct scoreboard_header *header;

		if (!slot_is_alive(slot))
			continue;
		header = scoreboard_header(supervisor->scoreboard, slot->column);
		any |= atomic_load(&header->locked_row) != 0;
		if (liveness_lock_stuck(&slot->watch, atomic_load(&header->locked_row),
			    atomic_load(&header->lock_count)))
			slot_kill(slot, SIGKILL, "stopped while it held a lock");
	}
	return any;
}

static void judge(struct slot *slot, uint64_t now_ms)
{
	/* Before READY the ready time-out judges: nobody beats while it loads. */
	bool beats = slot->state == SLOT_READY || slot->state == SLOT_DRAINING ||
		     slot->watch.aborted_ms != 0;

	if (!slot_is_alive(slot) || !beats)
		return;
	switch (liveness_judge(
		&slot->watch, process_table[slot->role].hang_timeout_s * 1000u, now_ms)) {
	case LIVENESS_FINE: break;
	case LIVENESS_ABORT: slot_abort(slot, "hung"); break;
	case LIVENESS_KILL: slot_kill(slot, SIGKILL, slot->cause); break;
	}
}

void liveness_tick(struct supervisor *supervisor, uint64_t now_ms)
{
	if (liveness_own_lag(&supervisor->last_tick_ms, now_ms)) {
		log_warn(LOG_SUPERVISOR,
			"this machine or the supervisor stood still; nobody is judged by it");
		pardon_all(supervisor, now_ms);
		return;
	}
	if (look_at_locks(supervisor)) {
		for (unsigned i = 0; i < supervisor->slot_count; i++)
			supervisor->slots[i].watch.heard_ms = now_ms;
		return;
	}
	for (unsigned i = 0; i < supervisor->slot_count; i++)
		judge(&supervisor->slots[i], now_ms);
}
