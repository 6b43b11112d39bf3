/* worker_pulse.c: the heartbeat, the loop's lag that it carries, and the doorbell.
 *
 * Lag is what an event may have had to wait for us: the longest turn of the loop, from the wake-up
 * to the next sleep, and the lateness of the heartbeat itself, which also shows when we were
 * stopped while asleep. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "workers/worker_private.h"

#define HEARTBEAT_S    1.0
#define HEARTBEAT_NS   UINT64_C(1000000000)
#define LAG_WARNING_NS UINT64_C(1000000000)

static void note_lag(struct worker_private *private, uint64_t since_ns, uint64_t now_ns)
{
	if (now_ns > since_ns && now_ns - since_ns > private->worst_lag_ns)
	private->worst_lag_ns = now_ns - since_ns;
}

static void on_turn_begin(struct ev_loop *loop, struct ev_check *watcher, int events)
{
	struct worker *worker = watcher->data;

	worker->private->turn_began_ns = clock_monotonic_ns();
}

static void on_turn_end(struct ev_loop *loop, struct ev_prepare *watcher, int events)
{
	struct worker *worker = watcher->data;

	note_lag(worker->private, worker->private->turn_began_ns, clock_monotonic_ns());
}

static void on_heartbeat(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct worker *worker = timer->data;
	struct worker_private *private = worker->private;
	uint64_t now_ns = clock_monotonic_ns();
	struct msg_heartbeat heartbeat = {0};

	note_lag(private, private->heartbeat_due_ns, now_ns);
	if (private->worst_lag_ns > LAG_WARNING_NS)
		log_warn(LOG_WORKER, "the event loop was late by %llu ms",
			(unsigned long long)private->worst_lag_ns / 1000000);
	if (private->started && worker->ops->on_heartbeat)
		worker->ops->on_heartbeat(worker, &heartbeat);
	heartbeat.loop_lag_us =
		(uint32_t)(private->worst_lag_ns / 1000 < UINT32_MAX ? private->worst_lag_ns / 1000
								     : UINT32_MAX);
	worker_report(worker, MSG_HEARTBEAT, 0, &heartbeat);
	worker_show_registry_version(worker);
	private->worst_lag_ns = 0;
	private->heartbeat_due_ns = now_ns + HEARTBEAT_NS;
	ev_timer_again(loop, timer);
}

static void on_doorbell(struct ev_loop *loop, struct ev_io *watcher, int events)
{
	struct worker *worker = watcher->data;
	uint64_t rings;

	if (read(worker->own_doorbell, &rings, sizeof(rings)) == (ssize_t)sizeof(rings))
		worker->ops->on_doorbell(worker);
}

void worker_pulse_start(struct worker *worker)
{
	struct worker_private *private = worker->private;

	private->heartbeat_due_ns = clock_monotonic_ns() + HEARTBEAT_NS;
	private->turn_began_ns = clock_monotonic_ns();
	ev_timer_init(&private->heartbeat, on_heartbeat, HEARTBEAT_S, HEARTBEAT_S);
	private->heartbeat.data = worker;
	ev_timer_start(worker->loop, &private->heartbeat);
	/* First and last of a turn. */
	ev_check_init(&private->turn_begin, on_turn_begin);
	ev_set_priority(&private->turn_begin, EV_MAXPRI);
	private->turn_begin.data = worker;
	ev_check_start(worker->loop, &private->turn_begin);
	ev_prepare_init(&private->turn_end, on_turn_end);
	ev_set_priority(&private->turn_end, EV_MINPRI);
	private->turn_end.data = worker;
	ev_prepare_start(worker->loop, &private->turn_end);
}

void worker_doorbell_start(struct worker *worker)
{
	struct worker_private *private = worker->private;

	if (!worker->ops->on_doorbell)
		return;
	ev_io_init(&private->doorbell, on_doorbell, worker->own_doorbell, EV_READ);
	private->doorbell.data = worker;
	ev_io_start(worker->loop, &private->doorbell);
}
