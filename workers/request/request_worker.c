/* request_worker.c: the role: starting, reloading, sweeping, draining. */
#include "workers/request/request_worker.h"

#include <malloc.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"
#include "workers/request/client.h"
#include "workers/request/exchange.h"
#include "workers/request/host_check.h"
#include "workers/request/listener.h"
#include "workers/request/opener.h"
#include "workers/request/pool.h"

/* A client, its upstream and a spare: descriptors one connection may need. */
#define DESCRIPTORS_PER_CLIENT 2u
#define DESCRIPTORS_RESERVED   256u
#define SWEEP_SECONDS_MAX      1.0
#define SWEEP_SECONDS_MIN      0.05
/* Waking a sleeping process costs more than serving a request: the budget worker is rung this late
 * at most. */
#define BELL_SECONDS 0.005

void request_worker_bury(struct request_worker *worker, void (*bury)(void *object), void *object)
{
	if (worker->grave_count == worker->grave_size) {
		worker->grave_size = worker->grave_size ? worker->grave_size * 2 : 64;
		worker->graves = memory_realloc(
			worker->graves, worker->grave_size * sizeof(*worker->graves));
	}
	worker->graves[worker->grave_count++] = (struct grave){bury, object};
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	struct request_worker *worker = prepare->data;

	while (worker->grave_count > 0) {
		struct grave grave = worker->graves[--worker->grave_count];

		grave.bury(grave.object);
	}
}

/* --- the budget worker's bell --- */

static void on_bell(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct request_worker *worker = timer->data;
	uint64_t one = 1;

	/* A full counter (EAGAIN) means that it is ringing already. */
	if (write(worker->worker->budget_doorbell, &one, sizeof(one)) < 0)
		return;
}

void request_worker_ring_budget(struct request_worker *worker)
{
	if (ev_is_active(&worker->bell))
		return;
	ev_timer_set(&worker->bell, BELL_SECONDS, 0.0);
	ev_timer_start(worker->loop, &worker->bell);
}

/* --- the sweep --- */

static void renew_date(struct request_worker *worker)
{
	time_t now = (time_t)(clock_wall_us() / 1000000);
	struct tm utc;

	gmtime_r(&now, &utc);
	worker->date =
		slice_make(worker->date_text, strftime(worker->date_text, sizeof(worker->date_text),
						      "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc));
}

static void on_sweep(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct request_worker *worker = timer->data;
	double now = ev_now(loop);

	renew_date(worker);
	list_each_safe (node, &worker->clients)
		client_sweep(list_item(node, struct client, node), now);
	pool_sweep(worker->pool, now);
	request_worker_check_drained(worker);
}

/* Often enough for the shortest limit in force, never needlessly often. */
static double sweep_seconds(const struct config_server *server)
{
	const double limits[] = {
		server->request_timeout_seconds,
		server->first_byte_timeout_cloud_seconds,
		server->first_byte_timeout_local_seconds,
		server->idle_timeout_seconds,
		server->header_timeout_seconds,
		server->keepalive_timeout_seconds,
		server->commit_timeout_seconds,
		server->stream_keepalive_seconds,
		server->slow_client_timeout_seconds,
		server->stream_timeout_seconds,
	};
	double seconds = SWEEP_SECONDS_MAX;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (limits[i] / 5 < seconds)
			seconds = limits[i] / 5;
	return seconds < SWEEP_SECONDS_MIN ? SWEEP_SECONDS_MIN : seconds;
}

/* --- configuration --- */

static void apply_config(struct request_worker *worker)
{
	const struct config_server *server = &worker->worker->config->server;

	worker->last_host[0] = '\0';
	worker->limits = (struct http_limits){
		.request_line_bytes = server->max_request_line_bytes,
		.header_bytes = server->max_header_bytes,
		.head_bytes = server->max_headers_bytes,
		.headers = server->max_headers,
		.body_bytes = server->max_body_bytes,
	};
	ev_timer_stop(worker->loop, &worker->sweep);
	ev_timer_set(&worker->sweep, sweep_seconds(server), sweep_seconds(server));
	ev_timer_start(worker->loop, &worker->sweep);
}

static bool on_config(struct worker *worker, struct config *old, struct error *err)
{
	apply_config(worker->state);
	return true;
}

/* --- life --- */

static unsigned client_limit(void)
{
	unsigned long descriptors = fd_raise_limit();

	if (descriptors < DESCRIPTORS_RESERVED * 2)
		return 64;
	return (unsigned)((descriptors - DESCRIPTORS_RESERVED) / DESCRIPTORS_PER_CLIENT);
}

static void on_done(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct request_worker *worker = timer->data;

	worker_done(worker->worker);
}

static void init_watchers(struct request_worker *worker)
{
	ev_init(&worker->sweep, on_sweep);
	ev_init(&worker->bell, on_bell);
	ev_timer_init(&worker->done, on_done, 0.0, 0.0);
	ev_prepare_init(&worker->undertaker, on_prepare);
	worker->sweep.data = worker->bell.data = worker->done.data = worker->undertaker.data =
		worker;
	ev_prepare_start(worker->loop, &worker->undertaker);
}

/* Bodies of 100 KB come and go all the time: keep their pages instead of giving them back and
 * faulting them in again. */
static void tune_malloc(void)
{
	mallopt(M_MMAP_THRESHOLD, 8 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
}

static bool start(struct worker *common, struct error *err)
{
	struct request_worker *worker = memory_zalloc(sizeof(*worker));

	tune_malloc();
	common->state = worker;
	worker->worker = common;
	worker->loop = common->loop;
	list_init(&worker->clients);
	random_seed(&worker->random, random_u64());
	worker->scratch = memory_alloc(REQUEST_SCRATCH_BYTES);
	buffer_init(&worker->head_text, REQUEST_SCRATCH_BYTES);
	snprintf(worker->hop, sizeof(worker->hop), "%016llx", (unsigned long long)common->instance);
	host_check_init(worker);
	worker->client_max = client_limit();
	worker->opener = opener_new(worker->loop);
	worker->pool = pool_new(worker);
	worker->listener = listener_new(worker);
	init_watchers(worker);
	apply_config(worker);
	renew_date(worker);
	listener_allow(worker->listener, true);
	return true;
}

static void on_stop_accept(struct worker *common, bool on)
{
	struct request_worker *worker = common->state;

	if (!worker->draining)
		listener_allow(worker->listener, !on);
}

static void on_drain(struct worker *common, uint64_t deadline_ms, bool stopping)
{
	struct request_worker *worker = common->state;

	worker->draining = true;
	worker->stopping = stopping;
	/* A second drain may only bring the end nearer. */
	if (deadline_ms > 0)
		worker->drain_deadline = ev_now(worker->loop) + (double)deadline_ms / 1000.0;
	listener_close(worker->listener);
	request_worker_check_drained(worker);
}

void request_worker_check_drained(struct request_worker *worker)
{
	if (worker->draining && worker->client_count == 0 && worker->exchange_count == 0)
		ev_timer_start(worker->loop, &worker->done);
}

static void on_heartbeat(struct worker *common, struct msg_heartbeat *heartbeat)
{
	struct request_worker *worker = common->state;

	heartbeat->connections = worker->client_count;
	heartbeat->requests = worker->exchange_count;
	heartbeat->requests_total = worker->request_total;
}

const struct worker_ops request_worker_ops = {
	.role = ROLE_REQUEST,
	.start = start,
	.on_config = on_config,
	.on_drain = on_drain,
	.on_stop_accept = on_stop_accept,
	.on_heartbeat = on_heartbeat,
};
