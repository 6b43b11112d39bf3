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

/* Requests, and what they have until then: 0 = no deadline of ours. */
static uint64_t requests_deadline(const struct stop *stop)
{
	uint64_t now = clock_monotonic_ms();

	if (stop->how == STOP_PATIENT)
		return 0;
	return stop->deadline_ms > now ? stop->deadline_ms - now : 1;
}

static void tell_to_leave(struct slot *slot)
{
	const struct stop *stop = &slot->supervisor->stop;
	uint64_t own_ms = process_table[slot->role].stop_timeout_s * 1000u;
	uint64_t deadline_ms;

	slot->again = false;
	if (stop->how == STOP_NOW && slot->role == ROLE_BUDGET) {
		slot_drain(slot, GOODBYE_MS, GOODBYE_MS, true);
	} else if (slot_is_alive(slot) && (stop->how == STOP_NOW || slot->state == SLOT_STARTING)) {
		slot_kill(slot, SIGKILL, "the service stops");
	} else if (slot->role == ROLE_REQUEST) {
		deadline_ms = requests_deadline(stop);
		slot_drain(slot, deadline_ms, deadline_ms ? deadline_ms + GOODBYE_MS : 0, true);
	} else {
		slot_drain(slot, own_ms, own_ms + GOODBYE_MS, true);
	}
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
			slot_kill(&supervisor->slots[i], SIGKILL, "the service stops");
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
