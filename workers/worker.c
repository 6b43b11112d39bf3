/* worker.c: a worker's life from its first message to its exit, whatever its role. */
#include "workers/worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fatal.h"
#include "base/log.h"
#include "base/memory.h"
#include "workers/worker_private.h"

#define EXIT_IMPOSSIBLE_CONFIG                                                                     \
	78 /* EX_CONFIG: restarting is pointless until the configuration changes */
#define LAST_FRAMES_MS 1000u
#define ANSWER_PIECE   262144u

/* --- speaking --- */

static struct frame_header header_to(const struct worker *worker, struct peer to)
{
	return (struct frame_header){
		.to = to,
		.from = {worker->role, worker->slot},
		.generation = worker->generation,
	};
}

bool worker_send_object(struct worker *worker, enum message_type type, struct peer to,
	const void *message, uint64_t object, uint64_t version)
{
	struct frame_header header = header_to(worker, to);

	header.object = object;
	header.version = version;
	return channel_send_message(worker->channel, type, header, message, NULL);
}

bool worker_send(struct worker *worker, enum message_type type, struct peer to, const void *message)
{
	return worker_send_object(worker, type, to, message, 0, 0);
}

bool worker_report(
	struct worker *worker, enum message_type type, uint32_t request_id, const void *message)
{
	struct frame_header header = header_to(worker, (struct peer){ROLE_SUPERVISOR, 0});
	bool queued;

	header.request_id = request_id;
	queued = channel_send_message(worker->channel, type, header, message, NULL);
	if (!queued)
		log_warn(LOG_WORKER, "the supervisor takes no %s from us", message_row(type)->name);
	return queued;
}

void worker_answer(struct worker *worker, uint32_t request_id, int exit_code, struct slice text)
{
	struct msg_answer answer = {.exit_code = (uint8_t)exit_code};
	char *piece = memory_alloc(ANSWER_PIECE + 1);

	do {
		size_t len = text.len < ANSWER_PIECE ? text.len : ANSWER_PIECE;

		if (len > 0)
			memcpy(piece, text.data, len);
		piece[len] = '\0';
		text.data += len;
		text.len -= len;
		answer.text = piece;
		answer.more = text.len > 0;
	} while (worker_report(worker, MSG_ANSWER, request_id, &answer) && answer.more);
	memory_free_at(&piece);
}

/* --- ends --- */

_Noreturn void worker_refuse(struct worker *worker, const struct error *err)
{
	struct worker_private *private = worker->private;

	log_error(LOG_WORKER, "cannot start: %s", err->text);
	if (private->last_words_size > 0)
		snprintf(private->last_words, private->last_words_size, "%s", err->text);
	channel_flush(worker->channel, LAST_FRAMES_MS);
	exit(EXIT_IMPOSSIBLE_CONFIG);
}

_Noreturn void worker_done(struct worker *worker)
{
	channel_flush(worker->channel, LAST_FRAMES_MS);
	log_debug(LOG_WORKER, "done");
	exit(EXIT_SUCCESS);
}

static void on_closed(void *owner, struct channel *channel, const char *reason)
{
	if (channel_violated(channel))
		panic("the supervisor sent %s", reason);
	/* Nobody is left to serve for, and whoever comes next waits for the lock that we hold. */
	log_debug(LOG_WORKER, "the supervisor is gone");
	exit(EXIT_SUCCESS);
}

/* --- hearing --- */

/* `ready` in a column means that connections go there: workers of other roles never show it, or the accepting ones would
 * measure themselves against workers that have no connections at all. */
static void worker_show_accepting(struct worker *worker, bool accepting)
{
	struct scoreboard_header *header = scoreboard_header(worker->scoreboard, worker->column);

	if (worker->role == ROLE_REQUEST)
		atomic_store(&header->ready, accepting);
}

static void on_drain(void *owner, const struct msg_drain *message, const struct frame *frame)
{
	struct worker *worker = owner;

	worker->draining = true;
	worker_show_accepting(worker, false);
	if (!worker->private->started)
		worker_done(worker);
	worker->ops->on_drain(worker, message->deadline_ms, message->stopping);
}

static void on_stop_accept(
	void *owner, const struct msg_stop_accept *message, const struct frame *frame)
{
	struct worker *worker = owner;

	if (worker->private->started && worker->ops->on_stop_accept)
		worker->ops->on_stop_accept(worker, message->on);
}

static void on_peer_gone(
	void *owner, const struct msg_peer_gone *message, const struct frame *frame)
{
	struct worker *worker = owner;

	if (worker->private->started && worker->ops->on_peer_gone)
		worker->ops->on_peer_gone(worker, message);
}

static void on_observed(void *owner, const struct msg_observed *message, const struct frame *frame)
{
	struct worker *worker = owner;

	if (worker->private->started && worker->ops->on_observed)
		worker->ops->on_observed(worker, message);
}

static void on_command(void *owner, const struct msg_command *message, const struct frame *frame)
{
	struct worker *worker = owner;
	uint32_t request_id = frame->header.request_id;

	if (!worker->private->started)
		worker_answer(worker, request_id, 1,
			slice_of("this worker is still starting; ask again\n"));
	else if (!worker->ops->on_command)
		worker_answer(
			worker, request_id, 1, slice_of("workers of this role take no commands\n"));
	else
		worker->ops->on_command(worker, request_id, message->line);
}

static const struct message_handlers handlers = {
	.boot = worker_on_boot,
	.config = worker_on_config,
	.drain = on_drain,
	.stop_accept = on_stop_accept,
	.peer_gone = on_peer_gone,
	.backend_put = worker_on_backend_put,
	.backend_delete = worker_on_backend_delete,
	.registry_end = worker_on_registry_end,
	.observed = on_observed,
	.command = on_command,
};

static void on_frame(void *owner, struct channel *channel, const struct frame *frame)
{
	struct worker *worker = owner;
	struct error err;

	/* Before BOOT we know neither our name nor our memory; after it there is no second one. */
	if ((frame->header.type == MSG_BOOT) == worker->private->booted)
		panic("message type %u came %s BOOT", frame->header.type,
			worker->private->booted ? "after" : "before");
	if (!message_dispatch(&handlers, worker, worker->ops->role, frame, &err))
		panic("protocol: %s", err.text);
}

/* --- life --- */

void worker_ready(struct worker *worker)
{
	struct msg_ready ready = {.registry_version = worker->registry->version};

	if (worker->draining)
		return;
	worker_show_accepting(worker, true);
	worker_report(worker, MSG_READY, 0, &ready);
}

void worker_start_if_complete(struct worker *worker)
{
	struct worker_private *private = worker->private;
	struct error err = {""};

	if (private->started || !worker->config ||
		(worker_takes_registry(worker) && !private->registry_whole))
		return;
	private->started = true;
	if (!worker->ops->start(worker, &err))
		worker_refuse(worker, &err);
	worker_doorbell_start(worker);
	if (!worker->ops->ready_later)
		worker_ready(worker);
}

_Noreturn void worker_run(const struct worker_ops *ops)
{
	/* Static, so that it stays reachable until the process ends. */
	static struct worker worker;
	static struct worker_private private;
	static const struct channel_events events = {.on_frame = on_frame, .on_closed = on_closed};

	log_set_process(role_names[ops->role]);
	worker_settle_process();
	private = (struct worker_private){.lock_fd = -1, .log_fd = -1};
	list_init(&private.pinned);
	worker = (struct worker){
		.ops = ops,
		.private = &private,
		.role = (uint8_t)ops->role,
		.own_doorbell = -1,
		.budget_doorbell = -1,
		.loop = ev_loop_new(EVFLAG_AUTO),
		.registry = registry_new_empty(),
	};
	if (!worker.loop)
		panic("no event loop");
	worker.channel = channel_new(worker.loop, WORKER_CHANNEL_FD, &events, &worker);
	ev_run(worker.loop, 0);
	panic("the event loop ended");
}
