/* slot_life.c: start, ready, drain, death, next try. */
#include "supervisor/slot_life.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "supervisor/process_table.h"
#include "supervisor/service.h"
#include "supervisor/spawn.h"

/* Until the next look when something stands in the way of a start. */
#define RETRY_SOON_MS 20u
/* A worker that has closed its channel is leaving; longer than this it is stuck. */
#define LEAVE_MS 2000u

static void set_timer(struct slot *slot, uint64_t delay_ms)
{
	ev_timer_stop(slot->supervisor->loop, &slot->timer);
	ev_timer_set(&slot->timer, (double)delay_ms / 1000.0, 0.0);
	ev_timer_start(slot->supervisor->loop, &slot->timer);
}

static void stop_timer(struct slot *slot)
{
	ev_timer_stop(slot->supervisor->loop, &slot->timer);
}

struct config_issue *slot_issue(const struct slot *slot)
{
	struct supervisor *supervisor = slot->supervisor;

	return slot->trial && supervisor->proposed.config ? &supervisor->proposed
							  : &supervisor->current;
}

/* --- what comes after a death --- */

static void try_later(struct slot *slot, uint64_t delay_ms)
{
	slot_set_state(slot, SLOT_BACKOFF);
	set_timer(slot, delay_ms);
}

void slot_leave(struct slot *slot)
{
	stop_timer(slot);
	if (slot->state != SLOT_EMPTY)
		slot_set_state(slot, SLOT_EMPTY);
	slot->trial = slot->again = false;
}

static void judge_by_policy(struct slot *slot, bool config_impossible)
{
	struct death death = {
		.was_ready = slot->ready_ms != 0, .config_impossible = config_impossible};
	struct restart_decision decision;

	if (death.was_ready)
		death.up_ms = clock_monotonic_ms() - slot->ready_ms;
	decision = restart_policy_next(&slot->history, &death, random_u64());
	if (decision.give_up) {
		slot_set_state(slot, SLOT_FAILED);
		log_error(LOG_SUPERVISOR,
			"%s: not started again before a reload: it cannot work with this "
			"configuration",
			slot_name(slot));
		return;
	}
	if (decision.delay_ms > 0)
		log_warn(LOG_SUPERVISOR, "%s: started again in %u ms", slot_name(slot),
			decision.delay_ms);
	slot->restarts++;
	try_later(slot, decision.delay_ms);
}

static void decide_next(struct slot *slot, bool config_impossible, const char *why)
{
	struct supervisor *supervisor = slot->supervisor;

	stop_timer(slot);
	if (supervisor->stop.how != STOP_NOT) {
		slot_leave(slot);
	} else if (slot->state == SLOT_DRAINING && slot->again) {
		slot->again = false;
		try_later(slot, 0);
	} else if (slot->state == SLOT_DRAINING) {
		slot_leave(slot);
	} else if (slot->trial) {
		respawn_failed(supervisor, why);
		slot_leave(slot);
	} else if (config_impossible && !supervisor->serving && slot->ready_ms == 0) {
		service_say_failure(supervisor, why);
		slot_leave(slot);
		service_end(supervisor, EXIT_CODE_CONFIG);
	} else {
		judge_by_policy(slot, config_impossible);
	}
	service_go_on(supervisor);
}

/* --- birth --- */

static bool prepare_column(struct slot *slot, struct error *err)
{
	if (!slot->allocated &&
		!scoreboard_column_allocate(slot->supervisor->scoreboard, slot->column, err))
		return error_prefix(err, "column %u of the scoreboard: ", slot->column);
	slot->allocated = true;
	return true;
}

static void forget_process(struct slot *slot)
{
	slot->ready_ms = 0;
	slot->started_ms = clock_monotonic_ms();
	slot->cause = NULL;
	slot->as_wished = false;
	slot->channel_lost = slot->registry_behind = false;
	slot->config_acked = 0;
	slot->loop_lag_us = slot->connections = slot->in_flight = 0;
	slot->requests_total = 0;
	slot->watch = (struct liveness_watch){.heard_ms = slot->started_ms};
	memset(slot->last_words, 0, LAST_WORDS_SIZE);
}

static void start(struct slot *slot)
{
	struct supervisor *supervisor = slot->supervisor;
	struct error err;
	int channel_fd;

	slot_set_state(slot, SLOT_STARTING);
	forget_process(slot);
	slot->generation = ++supervisor->last_generation;
	if (!prepare_column(slot, &err) ||
		!spawn_worker(supervisor->image_fd, slot->role, &slot->pid, &channel_fd, &err)) {
		slot->pid = 0;
		log_error(LOG_SUPERVISOR, "%s: %s", slot_name(slot), err.text);
		decide_next(slot, false, err.text);
		return;
	}
	log_info(LOG_SUPERVISOR, "%s: started as pid %d", slot_name(slot), (int)slot->pid);
	slot->channel = channel_new(supervisor->loop, channel_fd, &mailroom_events, slot);
	set_timer(slot, process_table[slot->role].ready_timeout_s * 1000u);
	if (!mailroom_welcome(slot))
		slot_kill(slot, SIGKILL, "cannot be told what it needs");
}

/* What never gets ready is tried one at a time, or a broken machine would fork in a circle. */
static bool another_tries(const struct slot *slot)
{
	const struct supervisor *supervisor = slot->supervisor;

	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		const struct slot *other = &supervisor->slots[i];

		if (other != slot && other->role == slot->role && other->state == SLOT_STARTING &&
			other->history.start_failures > 0)
			return true;
	}
	return false;
}

static void try_start(struct slot *slot)
{
	if (!slot_bury(slot) || (slot->history.start_failures > 0 && another_tries(slot)))
		set_timer(slot, RETRY_SOON_MS);
	else
		start(slot);
}

static void on_timer(EV_P_ ev_timer *watcher, int events)
{
	struct slot *slot = watcher->data;

	if (slot->channel_lost && slot_is_alive(slot))
		slot_kill(slot, SIGKILL, "closed its channel and stayed");
	else if (slot->state == SLOT_BACKOFF)
		try_start(slot);
	else if (slot->state == SLOT_STARTING)
		slot_abort(slot, "was not ready in time");
	else if (slot->state == SLOT_DRAINING)
		slot_kill(slot, SIGKILL, "did not leave in time");
}

void slot_begin(struct slot *slot, enum role role, uint8_t number, bool trial)
{
	slot->role = role;
	slot->number = number;
	slot->trial = trial;
	slot->again = false;
	slot->restarts = 0;
	slot->history = (struct restart_history){0};
	ev_init(&slot->timer, on_timer);
	slot->timer.data = slot;
	start(slot);
}

static void retry_all_of(struct supervisor *supervisor, enum role role)
{
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		if (slot->role == role && slot->state == SLOT_BACKOFF &&
			slot->history.start_failures > 0) {
			slot->history.start_failures = 0;
			set_timer(slot, 0);
		}
	}
}

void slot_ready(struct slot *slot)
{
	if (slot->state != SLOT_STARTING)
		return;
	stop_timer(slot);
	slot_set_state(slot, SLOT_READY);
	slot->ready_ms = slot->watch.heard_ms = clock_monotonic_ms();
	slot->history.start_failures = 0;
	log_info(LOG_SUPERVISOR, "%s: ready after %llu ms", slot_name(slot),
		(unsigned long long)(slot->ready_ms - slot->started_ms));
	retry_all_of(slot->supervisor, slot->role);
	if (slot->supervisor->stop_accept)
		stop_tell_accept(slot);
	service_go_on(slot->supervisor);
}

void slot_retry(struct slot *slot)
{
	if (slot->state == SLOT_FAILED)
		slot_set_state(slot, SLOT_BACKOFF);
	if (slot->state == SLOT_BACKOFF) {
		slot->history = (struct restart_history){0};
		set_timer(slot, 0);
	}
}

/* --- leaving --- */

void slot_drain(struct slot *slot, uint64_t deadline_ms, uint64_t kill_after_ms, bool stopping)
{
	const struct msg_drain message = {.deadline_ms = deadline_ms, .stopping = stopping};

	if (!slot_is_alive(slot)) {
		if (slot->again)
			slot_retry(slot);
		else
			slot_leave(slot);
		slot->again = false;
		return;
	}
	stop_timer(slot);
	slot->trial = false;
	if (slot->state != SLOT_DRAINING)
		slot_set_state(slot, SLOT_DRAINING);
	if (!mailroom_send(slot, MSG_DRAIN, &message, NULL, 0) && !slot->channel_lost)
		slot_kill(slot, SIGKILL, "does not read what it is told");
	else if (kill_after_ms > 0)
		set_timer(slot, kill_after_ms);
}

void slot_kill(struct slot *slot, int signal, const char *cause)
{
	if (!slot_is_alive(slot))
		return;
	slot->cause = cause;
	kill(slot->pid, signal);
}

void slot_dismiss(struct slot *slot)
{
	slot->as_wished = true;
	slot_kill(slot, SIGKILL, NULL);
}

void slot_abort(struct slot *slot, const char *cause)
{
	log_error(LOG_SUPERVISOR, "%s: %s; ending it", slot_name(slot), cause);
	slot->watch.aborted_ms = clock_monotonic_ms();
	slot_kill(slot, SIGABRT, cause);
}

void slot_channel_lost(struct slot *slot)
{
	if (slot_is_alive(slot))
		set_timer(slot, LEAVE_MS);
}

/* --- death --- */

static unsigned bury(struct slot *slot)
{
	struct supervisor *supervisor = slot->supervisor;
	struct bury_result result =
		scoreboard_column_bury(supervisor->scoreboard, slot->column, clock_wall_us());

	slot->unburied = result.again;
	/* A failure means that the bell has been rung already. */
	if (result.to_settle > 0)
		(void)!eventfd_write(supervisor->budget_doorbell, 1);
	return result.ended;
}

bool slot_bury(struct slot *slot)
{
	if (slot->unburied)
		bury(slot);
	return !slot->unburied;
}

static void write_obituary(
	struct slot *slot, pid_t pid, int status, unsigned in_flight, char line[OBITUARY_MAX])
{
	struct supervisor *supervisor = slot->supervisor;
	const struct obituary obituary = {
		.who = {(uint8_t)slot->role, slot->number},
		.generation = slot->generation,
		.pid = pid,
		.up_ms = clock_monotonic_ms() - slot->started_ms,
		.was_ready = slot->ready_ms != 0,
		.wait_status = status,
		.in_flight = in_flight,
		.cause = slot->cause,
		.last_words = {slot->last_words, strnlen(slot->last_words, LAST_WORDS_SIZE)},
	};

	obituary_compose(&obituary, line);
	if (slot->as_wished || (slot->state == SLOT_DRAINING && status == 0)) {
		log_info(LOG_SUPERVISOR, "%s: left, pid %d", slot_name(slot), (int)pid);
		return;
	}
	log_error(LOG_SUPERVISOR, "%s", line);
	obituary_keep(&supervisor->obituaries, line);
}

static void reaped(struct slot *slot, int status)
{
	char line[OBITUARY_MAX];
	unsigned in_flight;
	pid_t pid = slot->pid;

	/* What it said before its end is delivered before its end is announced. */
	if (!slot->channel_lost)
		channel_drain_input(slot->channel);
	slot->pid = 0;
	channel_free(&slot->channel);
	in_flight = bury(slot);
	write_obituary(slot, pid, status, in_flight, line);
	mailroom_announce_death(slot);
	decide_next(slot, WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CODE_CONFIG, line);
}

void slots_reap(struct supervisor *supervisor)
{
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];
		int status;

		if (slot_is_alive(slot) && waitpid(slot->pid, &status, WNOHANG) == slot->pid)
			reaped(slot, status);
	}
}
