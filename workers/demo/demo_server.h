/* demo_server.h: the demonstration model server: accepts on one listening socket and serves its
 * connections on a libev loop. Knows nothing of workers, so that a test can run it alone. */
#ifndef NEXUS_WORKERS_DEMO_DEMO_SERVER_H
#define NEXUS_WORKERS_DEMO_DEMO_SERVER_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workers/demo/demo_answer.h"

struct demo_server;

/* The pace of a small model on an ordinary machine. */
extern const struct demo_pace demo_believable_pace;

/* Starts to accept on `listener`, a listening, non-blocking socket that stays the caller's. */
struct demo_server *demo_server_new(
	struct ev_loop *loop, int listener, const struct demo_pace *pace);
/* Closes every connection at once. */
void demo_server_free(struct demo_server **server);

/* Accepts no more, lets answers finish, closes what is idle, and calls `done` when no connection is
 * left (perhaps before it returns). */
void demo_server_drain(struct demo_server *server, void (*done)(void *owner), void *owner);
/* Closes every connection, answered or not; `done` of a drain is called. */
void demo_server_cut(struct demo_server *server);

size_t demo_server_connections(const struct demo_server *server);
size_t demo_server_requests(const struct demo_server *server); /* being answered */
uint64_t demo_server_requests_total(const struct demo_server *server);

#endif
