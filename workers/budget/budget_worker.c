/* budget_worker.c: the budget worker's life: rung or not, it settles what has ended, and leaves
 * nothing behind.
 *
 * The doorbell only says when to look; what is to be done stands in the scoreboard. It looks soon
 * after a ring (rings in between are one), after a worker's death, at its start, every second in
 * case a ring was lost, and before it ends. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/log.h"
#include "base/memory.h"
#include "workers/budget/outbox.h"
#include "workers/worker.h"

/* After a ring: requests that end meanwhile share its commit. */
#define SETTLE_DELAY_S 0.003
#define TICK_S         1.0
#define ANSWER_MAX     (8u << 20)

struct budget {
	struct worker *worker;
	struct outbox outbox;
	struct ev_io doorbell;
	struct ev_timer soon;
	struct ev_timer tick;
	bool failing; /* the last settlement failed: said once */
};

/* --- settling
 * -----------------------------------------------------------------------------------------------------
 */

static void say_outcome(struct budget *budget, bool failed, const struct error *err)
{
	if (failed && !budget->failing)
		log_error(LOG_BUDGET, "ended requests cannot be settled and wait: %s", err->text);
	if (!failed && budget->failing)
		log_info(LOG_BUDGET, "ended requests are settled again");
	budget->failing = failed;
}

/* One batch; true when there may be another to do at once. */
static bool settle_batch(struct budget *budget)
{
	struct error err = {""};
	bool failed;
	size_t settled = outbox_turn(&budget->outbox, &failed, &err);

	say_outcome(budget, failed, &err);
	return settled == OUTBOX_BATCH;
}

static void settle_soon(struct budget *budget, double delay)
{
	if (ev_is_active(&budget->soon))
		return;
	ev_timer_set(&budget->soon, delay, 0.0);
	ev_timer_start(budget->worker->loop, &budget->soon);
}

/* A batch a turn of the loop: a long outbox must not keep the heartbeat waiting. */
static void settle_now(struct budget *budget)
{
	if (settle_batch(budget))
		settle_soon(budget, 0.0);
}

static void on_soon(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	settle_now(timer->data);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	settle_now(timer->data);
}

static void on_rung(struct ev_loop *loop, struct ev_io *watcher, int events)
{
	struct budget *budget = watcher->data;
	uint64_t rings;

	if (read(budget->worker->budget_doorbell, &rings, sizeof(rings)) < 0 && errno != EAGAIN &&
		errno != EINTR)
		panic("the doorbell cannot be read (errno %d)", errno);
	settle_soon(budget, SETTLE_DELAY_S);
}

/* --- the role
 * -----------------------------------------------------------------------------------------------------
 */

static void watchers_start(struct budget *budget)
{
	struct ev_loop *loop = budget->worker->loop;

	ev_io_init(&budget->doorbell, on_rung, budget->worker->budget_doorbell, EV_READ);
	ev_timer_init(&budget->soon, on_soon, 0.0, 0.0);
	ev_timer_init(&budget->tick, on_tick, TICK_S, TICK_S);
	budget->doorbell.data = budget->soon.data = budget->tick.data = budget;
	ev_io_start(loop, &budget->doorbell);
	ev_timer_start(loop, &budget->tick);
}

static bool start(struct worker *worker, struct error *err)
{
	struct budget *budget = memory_zalloc(sizeof(*budget));

	budget->worker = worker;
	budget->outbox =
		(struct outbox){.scoreboard = worker->scoreboard, .settlement = settlement_new()};
	worker->state = budget;
	watchers_start(budget);
	settle_now(budget);
	return true;
}

static void on_peer_gone(struct worker *worker, const struct msg_peer_gone *gone)
{
	settle_now(worker->state);
}

/* What cannot be settled now stays in the record file, for the next start. */
static void on_drain(struct worker *worker, uint64_t deadline_ms, bool stopping)
{
	struct budget *budget = worker->state;

	while (settle_batch(budget))
		;
	ev_io_stop(worker->loop, &budget->doorbell);
	ev_timer_stop(worker->loop, &budget->soon);
	ev_timer_stop(worker->loop, &budget->tick);
	settlement_free(&budget->outbox.settlement);
	memory_free_at(&worker->state);
	worker_done(worker);
}

static void on_heartbeat(struct worker *worker, struct msg_heartbeat *heartbeat)
{
	const struct budget *budget = worker->state;

	heartbeat->requests_total = budget->outbox.settled;
}

/* --- commands
 * -----------------------------------------------------------------------------------------------------
 */

static void write_outbox(struct budget *budget, struct json_writer *json)
{
	outbox_write(&budget->outbox, json);
}

static void write_usage(struct budget *budget, struct json_writer *json)
{
	settlement_write(budget->outbox.settlement, json);
}

static const struct {
	const char *line;
	void (*write)(struct budget *budget, struct json_writer *json);
} commands[] = {
	{"outbox", write_outbox}, /* what has ended and what of it is settled, a column each */
	{"usage", write_usage},   /* totals per scope, model and backend since this process began */
};

static void answer(struct worker *worker, uint32_t request_id,
	void (*write)(struct budget *budget, struct json_writer *json))
{
	struct buffer text;
	struct json_writer json;

	buffer_init(&text, ANSWER_MAX);
	json_write_init(&json, &text);
	write(worker->state, &json);
	if (json.overflow)
		worker_answer(worker, request_id, 1, slice_of("the answer is too long\n"));
	else
		worker_answer(worker, request_id, 0, buffer_slice(&text));
	buffer_free(&text);
}

static void on_command(struct worker *worker, uint32_t request_id, const char *line)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(line, commands[i].line) == 0) {
			answer(worker, request_id, commands[i].write);
			return;
		}
	worker_answer(worker, request_id, 2, slice_of("the budget worker knows: outbox, usage\n"));
}

const struct worker_ops budget_worker_ops = {
	.role = ROLE_BUDGET,
	.start = start,
	.on_drain = on_drain,
	.on_peer_gone = on_peer_gone,
	.on_command = on_command,
	.on_heartbeat = on_heartbeat,
};
