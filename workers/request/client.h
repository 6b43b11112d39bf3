/* client.h: one connection of a client: its bytes in, its bytes out, and the request it has open.
 *
 * Reads heads and bodies (bounded), keeps reading a little ahead while a request is open so that
 * the client's leaving is seen at once, writes what others queue in `out`, lingers when it closes
 * first. It knows HTTP, not models: what a request means is the route's business, which answers at
 * once or attaches an exchange. */
#ifndef NEXUS_REQUEST_CLIENT_H
#define NEXUS_REQUEST_CLIENT_H

#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/list.h"
#include "http/http_chunked.h"
#include "http/http_error.h"
#include "http/http_request.h"

struct exchange;
struct request_worker;
struct route;

enum client_state {
	CLIENT_HEAD,      /* waiting for a head, or in the middle of one */
	CLIENT_BODY,      /* the body is coming */
	CLIENT_BUSY,      /* an exchange is open */
	CLIENT_LINGERING, /* we have closed our side and wait for the other's */
	CLIENT_CLOSED,
};

#define CLIENT_REQUEST_ID_MAX 64u
#define CLIENT_ORIGIN_MAX     127u /* a longer origin is never listed */

struct client {
	struct list node; /* request_worker.clients */
	struct request_worker *worker;
	int fd;
	enum client_state state;
	ev_io readable;
	ev_io writable;
	struct buffer in; /* head, body, and what was read ahead */
	struct buffer out;
	size_t searched; /* of http_head_length */
	size_t head_len; /* CLIENT_BODY: the head at the front of `in` */
	size_t body_len; /* decoded so far */
	uint64_t content_length;
	struct http_chunked chunked;
	bool is_chunked;
	bool keep_alive; /* after the open request */
	bool http_1_0;
	bool head_only; /* HEAD: headers without the body */
	bool closing;   /* once `out` is written */
	bool advancing; /* inside client_advance */
	bool is_loopback;
	const struct route *route;
	char cors_origin[CLIENT_ORIGIN_MAX +
			 1]; /* of the open request, when it is listed; else "" */
	struct exchange *exchange;
	char request_id[CLIENT_REQUEST_ID_MAX + 1];
	uint64_t received_ns; /* when the request's last byte was read */
	double since; /* loop time: this state began, or the last byte went out while `out` is not
			 empty */
	double body_since; /* loop time: the body began */
	size_t linger_left;
	unsigned requests;
};

/* Takes over `fd`. Lives until it closes itself. */
struct client *client_new(
	struct request_worker *worker, int fd, const struct sockaddr_storage *peer);

/* Writes what `out` holds, as far as the socket takes it. The client may be closed afterwards. */
void client_flush(struct client *client);
/* The open request has been answered in `out`: flushes, and goes on to the next request or closes.
 */
void client_finish(struct client *client);

/* Takes the bytes of the request out of `in`: the exchange keeps them as long as it needs them. */
struct buffer client_take_request(struct client *client, struct slice *head, struct slice *body);

/* Writes the status line and the headers that every answer has (Date, X-Request-Id, Connection,
 * CORS). */
void client_head_begin(struct client *client, unsigned status);
/* A complete answer: head, Content-Length, body. */
void client_answer(
	struct client *client, unsigned status, const char *content_type, struct slice body);
/* One of our own errors in the caller's envelope; x-should-retry and Retry-After (0 = none) as the
 * table says. */
void client_error(struct client *client, enum http_error_id id, const char *param,
	struct slice context, unsigned retry_after_seconds, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* Time limits; called by the worker's sweep. May close the client. */
void client_sweep(struct client *client, double now);
/* Nothing is open and nothing is being received. */
bool client_is_idle(const struct client *client);

#endif
