/* probe.h: asking a model server how it is, through libcurl on the worker's loop.
 *
 * A probe is the requests that the backend's ops ask for, one after the other, to one server; the
 * ops read the answers. Many probes run side by side, up to a limit; the rest wait their turn.
 * Nothing here blocks, follows a redirect, uses a proxy or reads more than PROBE_BODY_MAX of an
 * answer; metadata and link-local addresses are never connected to. The only file of this room that
 * knows libcurl. */
#ifndef NEXUS_HEALTH_PROBE_H
#define NEXUS_HEALTH_PROBE_H

#include <ev.h>
#include <stdint.h>

#include "backend/backend.h"
#include "config/config.h"

#define PROBES_AT_ONCE 32u /* libcurl walks all handles of a multi for some calls */

struct prober;
struct probe;

struct probe_target {
	const char *url; /* of the backend */
	const struct backend_ops *ops;
	struct probe_memory *memory; /* of this server; outlives the probe */
	const char *api_key;         /* "" = none */
	const char *ca_file;         /* "" = the system's certificates */
	/* Not NULL: a backend of the restricted zone, to be at an address that this counts as ours
	 */
	struct config *restricted_by;
	uint32_t timeout_ms; /* for each request; a whole probe may take PROBE_TIMEOUTS of them */
};
#define PROBE_TIMEOUTS 6u

/* How a probe ended. Everything is valid during the callback only. */
struct probe_report {
	const struct probe_result *result;
	uint64_t latency_us; /* of the first request; 0 = it was not answered */
};
/* The probe is gone when this is called; the callback may start others. */
typedef void probe_callback(void *owner, const struct probe_report *report);

struct prober *prober_new(struct ev_loop *loop);
/* Every probe must have ended or been cancelled. */
void prober_free(struct prober **prober);
unsigned prober_running(const struct prober *prober);

/* Copies the target. The callback is never called from within. */
struct probe *probe_start(struct prober *prober, const struct probe_target *target,
	probe_callback *callback, void *owner);
/* Still waiting for its turn: nothing has been sent. */
bool probe_is_waiting(const struct probe *probe);
/* Ends it without a callback. */
void probe_cancel(struct probe **probe);

#endif
