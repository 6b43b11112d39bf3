/* upstream.h: one HTTP/1.1 connection to a model server, and the one request it may be carrying.
 *
 * Framing by llhttp (http/http_response.h), plain sockets read and written directly, TLS through
 * the opener's handle. Between requests the connection stays watched, so that a close by the server
 * is seen at once. The user of an attempt gets events, never from within a call it made; after
 * on_complete or on_failed the upstream is no longer its own. */
#ifndef NEXUS_REQUEST_UPSTREAM_H
#define NEXUS_REQUEST_UPSTREAM_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/list.h"
#include "http/http_response.h"
#include "workers/request/opener.h"

struct pool_target;
struct request_worker;
struct upstream;

#define UPSTREAM_PIECES_MAX 16

enum upstream_failure {
	UPSTREAM_CONNECT_FAILED, /* never connected: nothing was sent */
	UPSTREAM_CONNECT_TIMEOUT,
	UPSTREAM_STALE, /* a kept connection died before a byte of the answer: a fresh one is worth
			   a try */
	UPSTREAM_LOST,  /* closed or reset before the answer was complete */
	UPSTREAM_BAD_ANSWER, /* not HTTP, or refused by the user's on_head or on_body */
};

struct upstream_events {
	/* The head is in; see upstream_response. False refuses the answer: on_failed(BAD_ANSWER)
	 * follows. */
	bool (*on_head)(void *owner);
	bool (*on_body)(void *owner, struct slice piece);
	/* All that one read brought has been handed out: time to write. Not called after
	 * on_complete or on_failed. */
	void (*on_read)(void *owner);
	void (*on_complete)(void *owner);
	void (*on_failed)(void *owner, enum upstream_failure failure, const struct error *error);
};

struct upstream {
	struct list node; /* in its target's idle or waiting list */
	struct pool_target *target;
	struct request_worker *worker;
	const struct upstream_events *events; /* NULL while idle */
	void *owner;
	struct http_response_parser *response;
	struct opening *opening; /* while connecting */
	struct tls_stream *tls;
	int fd;
	ev_io readable;
	ev_io writable;
	struct iovec pieces[UPSTREAM_PIECES_MAX]; /* of the request, not yet sent; the memory is the
						     owner's */
	unsigned piece_count;
	unsigned piece_at;
	unsigned requests; /* carried so far */
	double idle_since; /* loop times */
	double sent_at;    /* the request at hand was given to us */
	uint64_t sent_bytes;
	bool is_restricted; /* opened to an address of the restricted zone and no other */
	bool paused;
	bool dead;
};

/* Lends a connection to `target`: an idle one, else a fresh one being opened (`fresh_only`
 * insists). */
struct upstream *upstream_acquire(struct pool_target *target, bool fresh_only,
	const struct upstream_events *events, void *owner);
/* Sends a request whose bytes stay in place until on_complete, on_failed or upstream_abort. Waits
 * for the connection if it is still being opened. */
void upstream_send(struct upstream *upstream, const struct iovec *pieces, unsigned count);
/* Gives up the request, and with it the connection. No event follows. */
void upstream_abort(struct upstream **upstream);
/* Back-pressure: stops or resumes reading. */
void upstream_pause(struct upstream *upstream, bool paused);
const struct http_response_parser *upstream_response(const struct upstream *upstream);
bool upstream_is_connected(const struct upstream *upstream);
/* The whole request has been handed to the kernel. */
bool upstream_is_sent(const struct upstream *upstream);

/* For the pool: closes an idle connection. */
void upstream_close_idle(struct upstream *upstream);

#endif
