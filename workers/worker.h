/* worker.h: what every worker's life has in common: boot, ready, heartbeat, configuration,
 * registry, drain, last words.
 *
 * A role gives one const struct of callbacks and is otherwise on its own. The life ends only in
 * exit(): 0 after a drain or when the supervisor is gone, 78 when the role said that its
 * configuration is impossible, an abort otherwise. A worker can be run alone in a test with a fake
 * supervisor on descriptor 3. */
#ifndef NEXUS_WORKERS_WORKER_H
#define NEXUS_WORKERS_WORKER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "ipc/channel.h"
#include "ipc/handlers.h"
#include "ipc/scoreboard.h"
#include "registry/registry.h"

#define WORKER_CHANNEL_FD    3
#define WORKER_LISTENERS_MAX 16u

struct worker_ops;

struct worker {
	const struct worker_ops *ops;
	void *state; /* the role's own */
	struct ev_loop *loop;
	struct channel *channel;
	uint8_t role;
	uint8_t slot;
	uint32_t generation;
	uint16_t column;
	uint64_t epoch;
	uint64_t instance;
	int64_t started_wall_us; /* of the service */
	char state_dir[4096];
	struct scoreboard *scoreboard;
	int own_doorbell; /* eventfds */
	int budget_doorbell;
	int listeners[WORKER_LISTENERS_MAX];
	size_t listener_count;
	struct config *config; /* in force; refs held here */
	/* In force; never NULL. The older ones that the role still references are watched: the
	 * column shows the oldest of their versions. */
	struct registry *registry;
	bool draining;
	/* private: watchers and gathering state */
	struct worker_private *private;
};

/* All callbacks run in the loop; those marked optional may be NULL. */
struct worker_ops {
	enum role role;
	/* Configuration is there, the registry replayed as far as the supervisor had it. Start the
	 * role's own watchers. READY is sent when this returns true, unless `ready_later`: then the
	 * role calls worker_ready itself. False: exit 78 with the sentence. */
	bool (*start)(struct worker *worker, struct error *err);
	bool ready_later;
	/* worker->config is the new one; the old stays valid for those who hold a reference. False
	 * refuses it. Optional. */
	bool (*on_config)(struct worker *worker, struct config *old, struct error *err);
	/* worker->registry is a new snapshot. Optional. */
	void (*on_registry)(struct worker *worker);
	/* Finish; call worker_done when nothing is left. deadline_ms from now, 0 = none. A second
	 * one may bring a nearer deadline. */
	void (*on_drain)(struct worker *worker, uint64_t deadline_ms, bool stopping);
	/* These four are optional. */
	void (*on_stop_accept)(struct worker *worker, bool on);
	void (*on_doorbell)(struct worker *worker);
	void (*on_peer_gone)(struct worker *worker, const struct msg_peer_gone *gone);
	void (*on_observed)(struct worker *worker, const struct msg_observed *observed);
	/* An operator's command; answer now or later with worker_answer. Optional: refused. */
	void (*on_command)(struct worker *worker, uint32_t request_id, const char *line);
	/* Fills connections, requests, requests_total of a heartbeat. Optional. */
	void (*on_heartbeat)(struct worker *worker, struct msg_heartbeat *heartbeat);
};

/* Lives. Never returns. */
_Noreturn void worker_run(const struct worker_ops *ops);

void worker_ready(struct worker *worker);
/* Nothing is left to do after a drain: flushes the channel and exits 0. */
_Noreturn void worker_done(struct worker *worker);
/* Answers a COMMAND, in as many pieces as the text needs. */
void worker_answer(struct worker *worker, uint32_t request_id, int exit_code, struct slice text);
/* Sends a message to a peer through the supervisor. False when the queue is full. */
bool worker_send(
	struct worker *worker, enum message_type type, struct peer to, const void *message);
/* The same with the frame's object and version set (registry puts). */
bool worker_send_object(struct worker *worker, enum message_type type, struct peer to,
	const void *message, uint64_t object, uint64_t version);

/* The roles. */
extern const struct worker_ops request_worker_ops;
extern const struct worker_ops health_worker_ops;
extern const struct worker_ops budget_worker_ops;
extern const struct worker_ops demo_worker_ops;

#endif
