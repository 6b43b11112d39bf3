/* request_worker.h: what the files of this room share: the worker's own state.
 *
 * One worker serves its clients on one loop. Everything that must be freed while callbacks up the
 * stack may still look at it is buried here and goes at the end of the loop's turn. Time limits are
 * kept by one sweep over the clients, a few times a second, so that no request starts or stops a
 * timer. */
#ifndef NEXUS_REQUEST_REQUEST_WORKER_H
#define NEXUS_REQUEST_REQUEST_WORKER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/random.h"
#include "http/http_error.h"
#include "http/http_request.h"
#include "workers/worker.h"

#define REQUEST_SCRATCH_BYTES 65536u
#define REQUEST_OWN_NAMES_MAX 4u

struct listener;
struct opener;
struct pool;

/* The counter of requests that ended alike. A model's address and its backend's version name one
 * model for good: a version is never given twice. */
struct counted_request {
	const struct registry_model *model;
	uint64_t backend_version;
	unsigned status;
	_Atomic uint64_t *counter;
};
#define COUNTED_REQUESTS 16u

struct grave {
	void (*bury)(void *object);
	void *object;
};

struct request_worker {
	struct worker *worker;
	struct ev_loop *loop;
	struct listener *listener;
	struct opener *opener;
	struct pool *pool;
	struct list clients; /* struct client.node */
	unsigned client_count;
	unsigned client_max; /* from the descriptor limit */
	unsigned exchange_count;
	uint64_t request_total;
	uint64_t sequence; /* for request ids of our own */
	struct random random;
	char *scratch;             /* REQUEST_SCRATCH_BYTES: one read */
	struct http_request head;  /* the head being looked at; too large to have one a client */
	struct buffer head_text;   /* one head being composed */
	struct http_limits limits; /* from the configuration */
	char own_names[REQUEST_OWN_NAMES_MAX][256]; /* of this machine, for the Host check */
	unsigned own_name_count;
	char last_host[64];   /* allowed last; "" after a new configuration */
	struct error refusal; /* why an answer is being refused; lives within one call */
	char hop[20];         /* this gateway's instance id, for X-Nexus-Hop */
	struct slice date;    /* the Date header's line, renewed by the sweep */
	char date_text[48];
	_Atomic uint64_t *error_counters[HTTP_ERROR_COUNT];
	struct counted_request counted[COUNTED_REQUESTS];
	bool draining;
	bool stopping;
	double drain_deadline; /* loop time; 0 = none */
	ev_timer sweep;
	ev_timer bell; /* runs while a ring of the budget worker is due */
	ev_timer done; /* leaves the loop's callbacks before the process ends */
	ev_prepare undertaker;
	struct grave *graves;
	unsigned grave_count;
	unsigned grave_size;
};

/* Calls bury(object) at the end of this turn of the loop. */
void request_worker_bury(struct request_worker *worker, void (*bury)(void *object), void *object);
/* A client or an exchange has ended: perhaps the last one of a drain. */
void request_worker_check_drained(struct request_worker *worker);
/* A record has gone to the outbox: the budget worker is rung, at most once every few milliseconds.
 */
void request_worker_ring_budget(struct request_worker *worker);

#endif
