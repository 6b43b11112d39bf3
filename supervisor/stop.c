/* stop.c: telling ranks to leave. */
#include "supervisor/stop.h"

#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/service_notify.h"
#include "supervisor/process_table.h"
#include "supervisor/service.h"
#include "supervisor/slot_life.h"

/* After the deadline a worker still says goodbye to its clients. */
#define GOODBYE_MS 2000u

static void tell_to_leave(struct slot *slot)
{
	const struct stop *stop = &slot->supervisor->stop;
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t deadline_ms = process_table[slot->role].stop_timeout_s * 1000u;

	slot->again = false;
	if (slot->role == ROLE_REQUEST)
		deadline_ms = stop->deadline_ms > now_ms ? stop->deadline_ms - now_ms : 1;
	if (stop->how == STOP_NOW)
		deadline_ms = GOODBYE_MS;
	if (slot_is_alive(slot) && slot->role != ROLE_BUDGET &&
		(stop->how == STOP_NOW || slot->state == SLOT_STARTING))
		slot_dismiss(slot);
	else if (slot->role == ROLE_REQUEST && stop->how == STOP_PATIENT)
		slot_drain(slot, 0, 0, true);
	else
		slot_drain(slot, deadline_ms, deadline_ms + GOODBYE_MS, true);
}

/* Whether anyone of the rank is still there; tells them to leave if that was not yet done. */
static bool rank_is_there(struct supervisor *supervisor, unsigned rank)
{
	bool tell = supervisor->stop.rank_told == 0 || supervisor->stop.rank_told > rank;
	bool any = false;

	if (tell)
		supervisor->stop.rank_told = rank;
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		if (slot->state == SLOT_EMPTY || process_table[slot->role].start_rank != rank)
			continue;
		if (tell)
			tell_to_leave(slot);
		any |= slot_is_alive(slot);
	}
	return any;
}

void stop_go_on(struct supervisor *supervisor)
{
	for (unsigned rank = PROCESS_RANK_MAX; rank > 0; rank--)
		if (rank_is_there(supervisor, rank))
			return;
	log_info(LOG_SUPERVISOR, "stopped");
	service_end(supervisor, supervisor->exit_code);
}

void stop_begin(struct supervisor *supervisor, enum stop_how how, const char *why)
{
	struct stop *stop = &supervisor->stop;
	double seconds = supervisor->current.config->server.stop_timeout_seconds;

	if (stop->how == STOP_GRACEFUL && how == STOP_GRACEFUL)
		how = STOP_NOW;
	if (how <= stop->how && stop->how != STOP_NOW)
		return;
	if (stop->how == STOP_NOW) {
		log_warn(LOG_SUPERVISOR, "%s: killing all that is left", why);
		for (unsigned i = 0; i < supervisor->slot_count; i++)
			slot_dismiss(&supervisor->slots[i]);
		return;
	}
	if (stop->how == STOP_NOT)
		service_notify("STOPPING=1\nSTATUS=stopping");
	log_info(LOG_SUPERVISOR, "%s: stopping%s", why, how == STOP_NOW ? " at once" : "");
	stop->how = how;
	stop->deadline_ms = clock_monotonic_ms() + (uint64_t)(seconds * 1000.0);
	stop->rank_told = 0;
	service_go_on(supervisor);
}

void stop_tell_accept(struct slot *slot)
{
	const struct msg_stop_accept message = {.on = slot->supervisor->stop_accept};

	if (slot_is_alive(slot) && slot->role == ROLE_REQUEST &&
		!mailroom_send(slot, MSG_STOP_ACCEPT, &message, NULL, 0))
		log_warn(LOG_SUPERVISOR, "%s: does not read what it is told", slot_name(slot));
}

void stop_toggle_accept(struct supervisor *supervisor)
{
	supervisor->stop_accept = !supervisor->stop_accept;
	log_info(LOG_SUPERVISOR, supervisor->stop_accept ? "new connections wait from now on"
							 : "connections are accepted again");
	for (unsigned i = 0; i < supervisor->slot_count; i++)
		stop_tell_accept(&supervisor->slots[i]);
}
