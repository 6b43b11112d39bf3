/* load_view.c: scoreboard to routing. */
#include "workers/request/load_view.h"

#include "base/clock.h"
#include "workers/request/request_worker.h"

static uint64_t read_word(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static struct backend_load load_of(
	void *context, const struct registry_backend *backend, const struct registry_model *model)
{
	struct request_worker *worker = context;
	struct scoreboard *scoreboard = worker->worker->scoreboard;
	const struct scoreboard_state *state = scoreboard_state(scoreboard, backend->state);
	uint64_t limited_until = 0;

	/* A backend that is left out for not offering the model is shown with its load all the
	 * same. */
	if (model)
		limited_until = read_word(
			&scoreboard_state(scoreboard, model->state)->rate_limited_until_ms);
	return (struct backend_load){
		.status = (enum backend_status)read_word(&state->status),
		.in_flight = scoreboard_row_total(scoreboard, backend->row),
		.engine_waiting = read_word(&state->engine_waiting),
		.latency_us = read_word(&state->latency_us),
		.rate_limited_until_ms = limited_until,
	};
}

void load_view_init(struct routing_view *view, struct request_worker *worker, struct config *config,
	struct registry *registry)
{
	*view = (struct routing_view){
		.config = config,
		.registry = registry,
		.context = worker,
		.load = load_of,
		.now_ms = clock_monotonic_ms(),
		.random = &worker->random,
		.round_robin = config->routing.strategy == STRATEGY_ROUND_ROBIN
				       ? scoreboard_turn(worker->worker->scoreboard)
				       : 0,
	};
}
