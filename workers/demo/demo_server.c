/* demo_server.c: accepting, counting, ending. Owns the connections, not the listening socket. */
#include "workers/demo/demo_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/memory.h"
#include "workers/demo/demo_private.h"

#define ACCEPT_AGAIN_S 0.5

const struct demo_pace demo_believable_pace = {.first_ms = 60, .token_ms = 15, .jitter_ms = 10};

/* Accepting stops at the cap instead of failing there; the kernel keeps what waits. */
static void judge_accepting(struct demo_server *server)
{
	bool wanted = !server->draining && server->connection_count < DEMO_CONNECTIONS_MAX &&
		      !ev_is_active(&server->accept_again);

	if (wanted)
		ev_io_start(server->loop, &server->acceptor);
	else
		ev_io_stop(server->loop, &server->acceptor);
}

static void on_accept_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	judge_accepting(timer->data);
}

static void on_acceptable(struct ev_loop *loop, ev_io *acceptor, int events)
{
	struct demo_server *server = acceptor->data;
	int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int on = 1;

	if (fd >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		demo_connection_open(server, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		log_warn(LOG_WORKER,
			"the demonstration server has no descriptor left for another connection");
		ev_timer_set(&server->accept_again, ACCEPT_AGAIN_S, 0.);
		ev_timer_start(loop, &server->accept_again);
	}
	judge_accepting(server);
}

struct demo_server *demo_server_new(
	struct ev_loop *loop, int listener, const struct demo_pace *pace)
{
	struct demo_server *server = memory_zalloc(sizeof(*server));

	server->loop = loop;
	server->pace = pace;
	list_init(&server->connections);
	ev_io_init(&server->acceptor, on_acceptable, listener, EV_READ);
	ev_timer_init(&server->accept_again, on_accept_again, ACCEPT_AGAIN_S, 0.);
	server->acceptor.data = server;
	server->accept_again.data = server;
	judge_accepting(server);
	return server;
}

void demo_server_forget(struct demo_server *server, struct demo_connection *connection)
{
	list_remove(&connection->node);
	server->connection_count--;
	judge_accepting(server);
	if (server->draining && server->connection_count == 0 && server->drained)
		server->drained(server->owner);
}

void demo_server_cut(struct demo_server *server)
{
	/* The last one's end may end the process through the drain. */
	list_each_safe (node, &server->connections)
		demo_connection_free(list_item(node, struct demo_connection, node));
}

void demo_server_free(struct demo_server **server)
{
	if (!*server)
		return;
	(*server)->drained = NULL;
	(*server)->draining = true;
	demo_server_cut(*server);
	ev_io_stop((*server)->loop, &(*server)->acceptor);
	ev_timer_stop((*server)->loop, &(*server)->accept_again);
	memory_free_at(server);
}

void demo_server_drain(struct demo_server *server, void (*done)(void *owner), void *owner)
{
	server->draining = true;
	judge_accepting(server);
	list_each_safe (node, &server->connections)
		demo_connection_drain(list_item(node, struct demo_connection, node));
	/* Set last, so that it is called once. */
	server->drained = done;
	server->owner = owner;
	if (server->connection_count == 0)
		done(owner);
}

size_t demo_server_connections(const struct demo_server *server)
{
	return server->connection_count;
}

size_t demo_server_requests(const struct demo_server *server)
{
	return server->request_count;
}

uint64_t demo_server_requests_total(const struct demo_server *server)
{
	return server->request_total;
}
