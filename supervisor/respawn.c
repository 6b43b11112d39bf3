/* respawn.c: trial, then commit or withdrawal. */
#include "supervisor/respawn.h"

#include <stdio.h>

#include "base/log.h"
#include "supervisor/process_table.h"
#include "supervisor/service.h"
#include "supervisor/slot_life.h"

static void finish(struct supervisor *supervisor, const char *problem)
{
	respawn_done *done = supervisor->respawn.order.done;

	supervisor->respawn.step = RESPAWN_IDLE;
	if (problem)
		log_error(LOG_SUPERVISOR, "respawn of %s: %s",
			role_names[supervisor->respawn.order.role], problem);
	if (done)
		done(supervisor, problem);
}

/* --- is there room --- */

static unsigned draining(const struct supervisor *supervisor, enum role role)
{
	unsigned count = 0;

	for (unsigned i = 0; i < supervisor->slot_count; i++)
		count += supervisor->slots[i].state == SLOT_DRAINING &&
			 supervisor->slots[i].role == role;
	return count;
}

static unsigned free_slots(struct supervisor *supervisor)
{
	unsigned count = 0;

	for (unsigned i = 0; i < supervisor->slot_count; i++)
		count += supervisor->slots[i].state == SLOT_EMPTY &&
			 slot_bury(&supervisor->slots[i]);
	return count;
}

/* The numbers whose workers are started anew: [first, last). */
static void numbers_to_start(const struct supervisor *supervisor, unsigned *first, unsigned *last)
{
	const struct respawn_order *order = &supervisor->respawn.order;

	*first = order->keep_old ? supervisor->wanted[order->role] : 0;
	*last = order->wanted;
	if (order->number != RESPAWN_EVERY) {
		*first = (unsigned)order->number;
		*last = *first + 1;
	}
	if (*first > *last)
		*first = *last;
}

static void begin_trial(struct supervisor *supervisor)
{
	struct respawn *respawn = &supervisor->respawn;
	enum role role = respawn->order.role;
	unsigned first, last;

	numbers_to_start(supervisor, &first, &last);
	if (draining(supervisor, role) >= RESPAWN_DRAINING_MAX * supervisor->wanted[role] ||
		free_slots(supervisor) < last - first) {
		if (respawn->step != RESPAWN_WAITING)
			log_warn(LOG_SUPERVISOR,
				"%u older %s workers still drain; the next generation waits for "
				"them",
				draining(supervisor, role), role_names[role]);
		respawn->step = RESPAWN_WAITING;
		return;
	}
	respawn->step = RESPAWN_TRIAL;
	for (unsigned number = first; number < last; number++)
		slot_begin(service_free_slot(supervisor), role, (uint8_t)number, true);
}

/* --- how it went --- */

static void withdraw(struct supervisor *supervisor)
{
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		if (!slot->trial || !slot_is_alive(slot))
			continue;
		/* One that was ready may have clients already. */
		if (slot->state == SLOT_READY)
			slot_drain(slot, 0, 0, false);
		else
			slot_dismiss(slot);
	}
	finish(supervisor, supervisor->respawn.problem);
}

static bool is_replaced(const struct respawn_order *order, const struct slot *slot)
{
	if (slot->role != order->role || slot->state == SLOT_EMPTY || slot->state == SLOT_DRAINING)
		return false;
	if (order->number != RESPAWN_EVERY)
		return slot->number == order->number;
	return !order->keep_old || slot->number >= order->wanted;
}

static void commit(struct supervisor *supervisor)
{
	const struct respawn_order *order = &supervisor->respawn.order;

	finish(supervisor, NULL);
	supervisor->wanted[order->role] = order->wanted;
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		if (slot->trial)
			slot->trial = false;
		else if (is_replaced(order, slot))
			slot_drain(slot, 0, 0, false);
	}
}

static bool all_ready(const struct supervisor *supervisor)
{
	for (unsigned i = 0; i < supervisor->slot_count; i++)
		if (supervisor->slots[i].trial && supervisor->slots[i].state == SLOT_STARTING)
			return false;
	return true;
}

static void look_at_swap(struct supervisor *supervisor)
{
	const struct respawn *respawn = &supervisor->respawn;
	const struct slot *slot = service_find(supervisor, respawn->order.role, 0);

	/* Draining: not found yet. */
	if (!slot || slot->generation == respawn->swapped_generation)
		return;
	if (slot->state == SLOT_READY)
		finish(supervisor, NULL);
	else if (slot->state == SLOT_BACKOFF || slot->state == SLOT_FAILED)
		finish(supervisor, "the new worker did not become ready; see the log");
}

void respawn_failed(struct supervisor *supervisor, const char *why)
{
	struct respawn *respawn = &supervisor->respawn;

	if (respawn->step != RESPAWN_TRIAL || respawn->failed)
		return;
	respawn->failed = true;
	snprintf(respawn->problem, sizeof(respawn->problem), "%s", why);
}

void respawn_go_on(struct supervisor *supervisor)
{
	struct respawn *respawn = &supervisor->respawn;

	if (respawn->step == RESPAWN_WAITING)
		begin_trial(supervisor);
	if (respawn->step == RESPAWN_SWAP)
		look_at_swap(supervisor);
	if (respawn->step != RESPAWN_TRIAL)
		return;
	if (respawn->failed)
		withdraw(supervisor);
	else if (all_ready(supervisor))
		commit(supervisor);
}

/* --- beginning --- */

static bool swap(struct supervisor *supervisor, struct error *err)
{
	struct respawn *respawn = &supervisor->respawn;
	const struct process_row *row = &process_table[respawn->order.role];
	struct slot *slot = service_find(supervisor, respawn->order.role, 0);

	if (!slot)
		return error_set(err, "the %s worker is being replaced already",
			role_names[respawn->order.role]);
	respawn->step = RESPAWN_SWAP;
	respawn->swapped_generation = slot->generation;
	slot->again = true;
	slot_drain(slot, row->stop_timeout_s * 1000u, row->stop_timeout_s * 1000u + 2000u, false);
	return true;
}

bool respawn_start(
	struct supervisor *supervisor, const struct respawn_order *order, struct error *err)
{
	struct respawn *respawn = &supervisor->respawn;

	if (respawn->step != RESPAWN_IDLE)
		return error_set(err, "workers are being replaced already; wait until `status` "
				      "shows that it is done");
	if (order->number != RESPAWN_EVERY &&
		(unsigned)order->number >= supervisor->wanted[order->role])
		return error_set(
			err, "there is no %s worker %d", role_names[order->role], order->number);
	*respawn = (struct respawn){.order = *order};
	if (process_table[order->role].swapped)
		return swap(supervisor, err);
	begin_trial(supervisor);
	service_go_on(supervisor);
	return true;
}
