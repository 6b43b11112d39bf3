/* demo_private.h: what the demonstration server's own files share. */
#ifndef NEXUS_WORKERS_DEMO_DEMO_PRIVATE_H
#define NEXUS_WORKERS_DEMO_DEMO_PRIVATE_H

#include "base/buffer.h"
#include "base/list.h"
#include "http/http_chunked.h"
#include "http/http_request.h"
#include "workers/demo/demo_server.h"

#define DEMO_CONNECTIONS_MAX 1024u
#define DEMO_BODY_MAX        (8u << 20)  /* one request's */
#define DEMO_BODIES_MAX      (64u << 20) /* all together */
#define DEMO_OUT_MAX         (8u << 20)
#define DEMO_OUT_HIGH        65536u /* a stream waits while more is unsent */

struct demo_server {
	struct ev_loop *loop;
	const struct demo_pace *pace;
	ev_io acceptor;
	ev_timer accept_again; /* after running out of descriptors */
	struct list connections;
	size_t connection_count;
	size_t request_count;
	uint64_t request_total;
	size_t body_bytes; /* of all connections */
	bool draining;
	void (*drained)(void *owner);
	void *owner;
};

enum demo_state {
	DEMO_READING_HEAD,
	DEMO_READING_BODY,
	DEMO_ANSWERING,
	DEMO_CLOSING, /* what is unsent goes out, then the peer's last bytes are awaited */
	DEMO_DEAD,    /* to be freed at the end of the callback */
};

struct demo_route;

struct demo_connection {
	struct list node;
	struct demo_server *server;
	int fd;
	ev_io reader;
	ev_io writer;
	ev_timer timer;
	struct buffer in;   /* as received */
	struct buffer body; /* the request's, decoded */
	struct buffer out;
	size_t searched;
	enum demo_state state;
	bool keep_alive;
	bool may_chunk; /* HTTP/1.1 */
	bool body_chunked;
	bool half_closed;
	struct http_chunked chunked;
	uint64_t body_left;
	ev_tstamp progress; /* when bytes last went out */
	const struct demo_route *route;
	struct demo_answer *answer; /* a stream under way */
	struct buffer whole;        /* an answer being thought of */
};

/* demo_connection.c */
void demo_connection_open(struct demo_server *server, int fd);
void demo_connection_free(struct demo_connection *connection);
/* Closes it if nothing is under way on it. */
void demo_connection_drain(struct demo_connection *connection);
/* The timer's next call, which in DEMO_ANSWERING is demo_route_go_on. */
void demo_connection_wait(struct demo_connection *connection, unsigned delay_ms);

/* demo_server.c */
void demo_server_forget(struct demo_server *server, struct demo_connection *connection);

/* demo_route.c: what is answered. */
/* Chooses the route of a head; false when the answer is an error, which has been written. */
bool demo_route_find(struct demo_connection *connection, const struct http_request *request);
/* Answers, or begins to; the connection is then DEMO_ANSWERING until demo_route_go_on returns
 * false. */
void demo_route_begin(struct demo_connection *connection);
bool demo_route_go_on(struct demo_connection *connection);
void demo_route_refuse(struct demo_connection *connection, enum http_error_id id, const char *param,
	const char *sentence, const char *allow);

#endif
