/* listener.c: accept watchers and the balance rule. */
#include "workers/request/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "workers/request/client.h"
#include "workers/request/request_worker.h"

/* How far ahead of the least loaded worker one may be: 8 connections and an eighth. Tighter bounds
 * make workers look again too often, looser ones leave them uneven. */
#define LEAD_MAX(least)    (8 + (least) / 8)
#define LOOK_AGAIN_SECONDS 0.010
/* Looks at which a connection waited and nobody took it: then the least loaded worker hangs, and is
 * not waited for. */
#define LOOKS_IN_VAIN_MAX 5u

struct listener {
	struct request_worker *worker;
	ev_io accepts[WORKER_LISTENERS_MAX];
	ev_timer look_again;
	bool allowed;
	bool watching;
	unsigned least;         /* connections of the least loaded worker at the last look */
	unsigned looks_in_vain; /* since that number changed */
};

static unsigned least_connections(struct request_worker *worker)
{
	struct scoreboard *scoreboard = worker->worker->scoreboard;
	uint32_t columns = scoreboard_geometry(scoreboard)->columns;
	unsigned least = worker->client_count;

	for (uint32_t column = 0; column < columns; column++) {
		const struct scoreboard_header *header = scoreboard_header(scoreboard, column);
		unsigned connections;

		if (!atomic_load_explicit(&header->ready, memory_order_relaxed))
			continue;
		connections = atomic_load_explicit(&header->connections, memory_order_relaxed);
		if (connections < least)
			least = connections;
	}
	return least;
}

static void watch(struct listener *listener, bool on)
{
	if (listener->watching == on)
		return;
	listener->watching = on;
	for (size_t i = 0; i < listener->worker->worker->listener_count; i++) {
		if (on)
			ev_io_start(listener->worker->loop, &listener->accepts[i]);
		else
			ev_io_stop(listener->worker->loop, &listener->accepts[i]);
	}
}

static void judge(struct listener *listener)
{
	struct request_worker *worker = listener->worker;
	unsigned least = least_connections(worker);
	bool at_cap = worker->client_count >= worker->client_max;
	bool ahead = worker->client_count > least + LEAD_MAX(least);

	if (least != listener->least)
		listener->looks_in_vain = 0;
	listener->least = least;
	watch(listener, listener->allowed && !at_cap &&
				(!ahead || listener->looks_in_vain >= LOOKS_IN_VAIN_MAX));
	if (!listener->allowed || !ahead || at_cap)
		ev_timer_stop(worker->loop, &listener->look_again);
	else if (!ev_is_active(&listener->look_again))
		ev_timer_again(worker->loop, &listener->look_again);
}

static bool somebody_waits(const struct listener *listener)
{
	struct pollfd polled[WORKER_LISTENERS_MAX];
	size_t count = listener->worker->worker->listener_count;

	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){.fd = listener->accepts[i].fd, .events = POLLIN};
	return poll(polled, count, 0) > 0;
}

static void on_look_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct listener *listener = timer->data;

	if (listener->looks_in_vain < LOOKS_IN_VAIN_MAX)
		listener->looks_in_vain =
			somebody_waits(listener) ? listener->looks_in_vain + 1 : 0;
	judge(listener);
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct listener *listener = io->data;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int on = 1;
	int fd = accept4(io->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		/* Another worker was quicker, or the client left already. Out of descriptors:
		 * others than clients may be holding them, so look again. */
		if (errno == EMFILE || errno == ENFILE) {
			watch(listener, false);
			ev_timer_again(loop, &listener->look_again);
		}
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	client_new(listener->worker, fd, &peer);
	judge(listener);
}

struct listener *listener_new(struct request_worker *worker)
{
	struct listener *listener = memory_zalloc(sizeof(*listener));

	listener->worker = worker;
	for (size_t i = 0; i < worker->worker->listener_count; i++) {
		ev_io_init(&listener->accepts[i], on_acceptable, worker->worker->listeners[i],
			EV_READ);
		listener->accepts[i].data = listener;
	}
	ev_timer_init(&listener->look_again, on_look_again, 0.0, LOOK_AGAIN_SECONDS);
	listener->look_again.data = listener;
	return listener;
}

void listener_free(struct listener **listener)
{
	watch(*listener, false);
	ev_timer_stop((*listener)->worker->loop, &(*listener)->look_again);
	memory_free_at(listener);
}

void listener_allow(struct listener *listener, bool allowed)
{
	listener->allowed = allowed;
	judge(listener);
}

void listener_close(struct listener *listener)
{
	struct worker *worker = listener->worker->worker;

	listener_allow(listener, false);
	while (worker->listener_count > 0)
		fd_close(&worker->listeners[--worker->listener_count]);
}

void listener_relieve(struct listener *listener)
{
	if (!listener->watching)
		judge(listener);
}
