/* worker_private.h: what the parts of a worker's common life share; no role includes it. */
#ifndef NEXUS_WORKERS_WORKER_PRIVATE_H
#define NEXUS_WORKERS_WORKER_PRIVATE_H

#include <ev.h>

#include "base/list.h"
#include "workers/worker.h"

struct worker_private {
	bool booted;
	bool started;        /* the role's start was called */
	bool registry_whole; /* a REGISTRY_END has come */

	int lock_fd; /* of the state directory: held as long as we live */
	int log_fd;
	char *last_words; /* shared memory that the supervisor reads after our death; or NULL */
	size_t last_words_size;

	struct registry_change *change; /* puts and deletes since the last REGISTRY_END; or NULL */
	struct list pinned; /* struct pinned_snapshot: older ones that exchanges still hold */

	struct ev_io doorbell;
	struct ev_timer heartbeat;
	struct ev_check turn_begin;
	struct ev_prepare turn_end;
	uint64_t turn_began_ns;
	uint64_t heartbeat_due_ns;
	uint64_t worst_lag_ns; /* since the last heartbeat */
};

/* --- worker.c --- */
/* Exit 78 with a sentence, which the supervisor finds in our last words. */
_Noreturn void worker_refuse(struct worker *worker, const struct error *err);
/* A message to the supervisor itself. */
bool worker_report(
	struct worker *worker, enum message_type type, uint32_t request_id, const void *message);
/* Calls the role's start once all that it needs is there. */
void worker_start_if_complete(struct worker *worker);

/* --- worker_boot.c --- */
/* What a process of ours is before it hears a word: signals, limits, the bond to its parent. */
void worker_settle_process(void);
void worker_on_boot(void *owner, const struct msg_boot *boot, const struct frame *frame);

/* --- worker_config.c --- */
void worker_on_config(void *owner, const struct msg_config *message, const struct frame *frame);

/* --- worker_registry.c --- */
bool worker_takes_registry(const struct worker *worker);
void worker_on_backend_put(
	void *owner, const struct msg_backend_put *message, const struct frame *frame);
void worker_on_backend_delete(
	void *owner, const struct msg_backend_delete *message, const struct frame *frame);
void worker_on_registry_end(
	void *owner, const struct msg_registry_end *message, const struct frame *frame);
/* Drops older snapshots that nobody else holds any more and shows the oldest version still held. */
void worker_show_registry_version(struct worker *worker);

/* --- worker_pulse.c --- */
void worker_pulse_start(struct worker *worker);
/* Not before the role has started: what rang until then would be lost. */
void worker_doorbell_start(struct worker *worker);

#endif
