/* exchange.h: one client request and all its attempts upstream.
 *
 * Begins when the whole request is there, ends in exactly one place (exchange_end), whatever
 * happens: answer, error, disconnect, deadline. Pins the configuration and the registry it began
 * with. Until the commit point any failure may still go to another backend; after it, never
 * silently. */
#ifndef NEXUS_REQUEST_EXCHANGE_H
#define NEXUS_REQUEST_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "http/http_error.h"
#include "http/sse.h"
#include "ipc/message.h"
#include "routing/routing.h"
#include "workers/request/ask_headers.h"

struct client;
struct config;
struct registry;
struct request_worker;
struct scoreboard_record;
struct upstream;
struct body_decoder;
struct pool_target;
struct http_request;
struct http_response_parser;

enum exchange_state {
	EXCHANGE_CHOOSING,  /* no attempt is under way */
	EXCHANGE_WAITING,   /* an attempt: connecting, sending, or no answer yet */
	EXCHANGE_HOLDING,   /* an answer is coming and nothing of it has gone to the client */
	EXCHANGE_STREAMING, /* committed: head and events have gone out */
	EXCHANGE_ENDED,
};

/* How an attempt went wrong. */
struct exchange_failure {
	enum http_error_id error; /* what the client gets if this was the last attempt */
	enum observed observed;   /* what the health worker is told; 0: nothing */
	bool retryable;
	uint32_t
		retry_after_ms; /* how long the backend wants to be left alone; 0: it did not say */
	bool as_it_came;        /* the upstream's own answer, held, is what the client gets */
	struct error text;
};

#define EXCHANGE_ATTEMPTS_MAX 8u
#define EXCHANGE_ARENA_BYTES  1024u
#define EXCHANGE_HOPS_MAX     512u /* of X-Nexus-Hop: some thirty gateways in a row */

struct exchange {
	struct request_worker *worker;
	struct client *client; /* NULL once it has gone */
	enum exchange_state state;
	struct config *config;            /* pinned */
	struct registry *registry;        /* pinned until the commit point */
	struct registry_backend *backend; /* the one that answers, kept from the commit point on */
	struct scoreboard_record *record;
	struct buffer input; /* the request's bytes, until the commit point */
	struct slice body;
	struct slice passed_headers; /* of the client's, for the backend, ready to send */
	struct slice authorization;  /* of the client's */
	struct request_facts facts;
	struct routing_decision decision;
	struct ask_headers asked; /* what the client's headers say about the choice */
	struct routing_tried tried[EXCHANGE_ATTEMPTS_MAX];
	unsigned tried_count;
	uint64_t longer_than; /* a context that was too short; 0: none was */
	const char *given_up; /* why the model asked for was; NULL: the decision says */
	size_t step;          /* of the last attempt: 0 = the model asked for, else a substitute */
	unsigned step_attempts;  /* at this model */
	struct slice model_sent; /* the model as the backend knows it */
	unsigned attempts;
	unsigned paid_refused; /* cloud backends left out: the client is not on this machine */
	/* the attempt under way */
	const struct routing_candidate *candidate;
	struct pool_target *target;
	struct upstream *upstream;
	struct slice request_head; /* of the attempt, the operator's key in it: wiped when it has
				      been sent or given up */
	bool fresh_connection; /* the last kept connection was stale: insist on a new one, once */
	const struct http_response_parser
		*response;    /* from its head until the end of the call that completes it */
	unsigned status;      /* of the upstream's answer */
	unsigned told_status; /* what the client has been told; 0: nothing yet */
	bool is_stream;       /* the answer is an event stream */
	struct sse_parser sse;
	struct body_decoder *decoder; /* of a compressed answer; else NULL */
	struct buffer held;           /* a whole answer, or the events before the commit point */
	unsigned held_events;         /* events with data since the attempt began */
	bool meaningful;              /* an event that commits has come */
	bool done_seen;               /* [DONE] */
	bool finish_seen;             /* a finish_reason */
	bool usage_seen;              /* the provider's own count */
	bool error_event;             /* the upstream's own error came as an event */
	bool committed_early;         /* by time, before any event: the head named no backend */
	bool rewrites_model;
	bool paused; /* the upstream, for a slow client */
	size_t chunk_mark;
	bool chunk_open;
	uint64_t received_ns;
	uint64_t heard_ns;    /* the attempt's first byte of an answer */
	uint64_t overhead_ns; /* our own time so far */
	double began;         /* loop times */
	double attempt_began;
	double last_heard;
	double last_written;
	struct arena arena;
	_Alignas(16) char arena_memory[EXCHANGE_ARENA_BYTES];
};

/* A whole request has arrived on `client`: opens the exchange, or answers with an error. */
void exchange_begin(struct client *client, enum endpoint endpoint);
/* From the client: it left; its buffer moved. */
void exchange_client_gone(struct exchange *exchange);
void exchange_client_progress(struct exchange *exchange);
/* Time limits. */
void exchange_sweep(struct exchange *exchange, double now);

/* --- between the files of this room --- */
/* The first decision about the request. */
void exchange_decide(struct exchange *exchange);
/* Another attempt, at this step's model or a later one; false when there is none, with the decision
 * as it was. */
bool exchange_choose_again(struct exchange *exchange, size_t first_step, const char *given_up);
/* The backend refused the request as too long: a substitute with a longer context, if there is one.
 */
bool exchange_try_longer(struct exchange *exchange);
/* Tries the next candidate, or answers with what is left to say. */
void exchange_dispatch(struct exchange *exchange);
/* The attempt failed: another one, or the end. */
void exchange_fail(struct exchange *exchange, const struct exchange_failure *failure);
/* A kept connection had died unnoticed: once more, the same backend, a fresh connection. */
void exchange_retry_fresh(struct exchange *exchange);
/* THE end. The client, if it is still there, has been answered in full. */
void exchange_end(struct exchange *exchange);
/* One of our own errors as the whole answer (before the commit point) or as the stream's last event
 * (after it). */
void exchange_answer_error(struct exchange *exchange, enum http_error_id id, const char *param,
	struct slice context, unsigned retry_after_seconds, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* The commit point is passed and the request sent: no further attempt will be made, and what only
 * an attempt needs (the request's bytes, the registry) is let go, so that a long stream holds
 * little and keeps no old registry alive. */
void exchange_let_go(struct exchange *exchange);

/* exchange_request.c: composes and sends the request of an attempt. */
void exchange_send(struct exchange *exchange);
/* Wipes the attempt's head, key and all; nothing may be left to send. */
void exchange_wipe_head(struct exchange *exchange);
/* Gathers what of the client's headers goes upstream. */
void exchange_read_headers(struct exchange *exchange, const struct http_request *head);

/* exchange_headers.c: the X-Nexus-* headers and the upstream's own that may pass. */
void exchange_add_headers(struct exchange *exchange, struct buffer *out);
/* The same as one SSE comment, when the head went out before they were known. */
void exchange_add_comment(struct exchange *exchange, struct buffer *out);

/* relay.c */
extern const struct upstream_events relay_events;
/* Sends status and headers of a stream, then what is held. */
void relay_commit(struct exchange *exchange, bool by_time);
void relay_reset(struct exchange *exchange);
void relay_keep_alive(struct exchange *exchange);
/* A stream whose server has said its last word ends as it should, whatever became of the connection
 * since. False: it has not. */
bool relay_finish(struct exchange *exchange);
void relay_error_event(struct exchange *exchange, enum http_error_id id, const char *message);

#endif
