/* demo_worker.c: the demonstration server as a worker: the supervisor's listening socket, draining,
 * heartbeats. */
#include "base/fd.h"
#include "base/memory.h"
#include "workers/demo/demo_server.h"
#include "workers/worker.h"

struct demo_worker {
	struct demo_server *server;
	ev_timer deadline; /* of a drain */
};

static bool start(struct worker *worker, struct error *err)
{
	struct demo_worker *demo;

	if (worker->listener_count != 1)
		return error_set(err,
			"the demonstration server was given %zu listening sockets instead of one",
			worker->listener_count);
	if (!fd_set_nonblocking(worker->listeners[0], err))
		return false;
	demo = worker->state = memory_zalloc(sizeof(*demo));
	demo->server = demo_server_new(worker->loop, worker->listeners[0], &demo_believable_pace);
	return true;
}

static void on_drained(void *owner)
{
	worker_done(owner);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct demo_worker *demo = timer->data;

	demo_server_cut(demo->server);
}

static void drain(struct worker *worker, uint64_t deadline_ms, bool stopping)
{
	struct demo_worker *demo = worker->state;

	if (deadline_ms > 0) {
		ev_timer_init(&demo->deadline, on_deadline, (ev_tstamp)deadline_ms / 1000., 0.);
		demo->deadline.data = demo;
		ev_timer_start(worker->loop, &demo->deadline);
	}
	demo_server_drain(demo->server, on_drained, worker);
}

static void fill_heartbeat(struct worker *worker, struct msg_heartbeat *heartbeat)
{
	const struct demo_worker *demo = worker->state;

	heartbeat->connections = (uint32_t)demo_server_connections(demo->server);
	heartbeat->requests = (uint32_t)demo_server_requests(demo->server);
	heartbeat->requests_total = demo_server_requests_total(demo->server);
}

const struct worker_ops demo_worker_ops = {
	.role = ROLE_DEMO,
	.start = start,
	.on_drain = drain,
	.on_heartbeat = fill_heartbeat,
};
