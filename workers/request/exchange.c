/* exchange.c: the life of a request: inspect, open the record, fail over, end. Choosing is
 * exchange_choose.c's. */
#include "workers/request/exchange.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fatal.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/http_head.h"
#include "workers/request/body_decoder.h"
#include "workers/request/client.h"
#include "workers/request/pool.h"
#include "workers/request/request_counters.h"
#include "workers/request/request_worker.h"
#include "workers/request/upstream.h"
#include "workers/request/whole_answer.h"

#define LAST_WORD_SECONDS 1.0

static const struct slice no_context;

/* --- beginning --- */

static struct exchange *exchange_new(struct client *client)
{
	struct request_worker *worker = client->worker;
	struct exchange *exchange = memory_alloc(sizeof(*exchange));

	memset(exchange, 0, offsetof(struct exchange, arena));
	arena_init_in(&exchange->arena, EXCHANGE_ARENA_BYTES * 2, exchange->arena_memory,
		EXCHANGE_ARENA_BYTES);
	exchange->worker = worker;
	exchange->client = client;
	exchange->config = config_ref(worker->worker->config);
	exchange->registry = registry_ref(worker->worker->registry);
	exchange->received_ns = client->received_ns;
	exchange->began = ev_now(worker->loop);
	buffer_init(&exchange->held, 0);
	client->exchange = exchange;
	worker->exchange_count++;
	return exchange;
}

static bool came_from_us(const struct request_worker *worker, const struct http_request *head)
{
	struct slice hop = http_request_header(head, "x-nexus-hop");

	/* A chain of gateways lists all it has passed. */
	return hop.len > EXCHANGE_HOPS_MAX ||
	       (hop.len > 0 && memmem(hop.data, hop.len, worker->hop, strlen(worker->hop)) != NULL);
}

static bool any_costs(const struct routing_decision *decision)
{
	for (size_t i = 0; i < decision->chosen_count; i++)
		if (decision->candidates[i].backend->is_cloud)
			return true;
	return false;
}

/* The record stands before anything is taken. */
static bool open_record(struct exchange *exchange)
{
	struct worker *worker = exchange->worker->worker;
	bool costs = any_costs(&exchange->decision);
	unsigned flags =
		(costs ? RECORD_COSTS : 0u) | (exchange->facts.stream ? RECORD_STREAM : 0u);

	exchange->record =
		scoreboard_record_open(worker->scoreboard, worker->column, flags, clock_wall_us());
	if (!exchange->record) {
		exchange_answer_error(exchange,
			costs ? HTTP_ERROR_LEDGER_UNAVAILABLE : HTTP_ERROR_BUSY, NULL, no_context,
			1,
			costs ? "Finished requests wait to be written to the ledger; new ones that "
				"cost money must wait too."
			      : "This gateway is at server.max_concurrent_requests.");
		return false;
	}
	scoreboard_record_name(exchange->record, model, exchange->facts.model);
	scoreboard_record_name(
		exchange->record, request_id, slice_of(exchange->client->request_id));
	if (scoreboard_take(worker->scoreboard, exchange->record, SCOREBOARD_ROW_SERVICE, 1) ==
		TAKE_DONE)
		return true;
	exchange_answer_error(exchange, HTTP_ERROR_BUSY, NULL, no_context, 1,
		"This gateway is at server.max_concurrent_requests (%u).",
		exchange->config->server.max_concurrent_requests);
	return false;
}

void exchange_begin(struct client *client, enum endpoint endpoint)
{
	struct request_worker *worker = client->worker;
	struct exchange *exchange = exchange_new(client);
	struct inspect_problem problem = {0};
	struct slice head;

	exchange_read_headers(exchange, &worker->head);
	if (!ask_headers_read(&worker->head, &exchange->asked, &problem.error)) {
		exchange_answer_error(exchange, HTTP_ERROR_BAD_REQUEST, NULL, no_context, 0, "%s",
			problem.error.text);
		return;
	}
	if (came_from_us(worker, &worker->head)) {
		exchange_answer_error(exchange, HTTP_ERROR_LOOP_DETECTED, NULL, no_context, 0,
			"This request has already passed this gateway: one of its backends is the "
			"gateway itself.");
		return;
	}
	exchange->input = client_take_request(client, &head, &exchange->body);
	if (!inspect_request(endpoint, exchange->body, exchange->config->server.max_json_depth,
		    &exchange->arena, &exchange->facts, &problem)) {
		exchange_answer_error(exchange, HTTP_ERROR_BAD_REQUEST, problem.param, no_context,
			0, "%s", problem.error.text);
		return;
	}
	exchange_decide(exchange);
	if (open_record(exchange))
		exchange_dispatch(exchange);
}

/* --- failing --- */

static void observe(struct exchange *exchange, const struct exchange_failure *failure)
{
	struct msg_observed observed = {
		.backend = exchange->candidate->backend->id,
		.model = exchange->candidate->model->id,
		.what = (uint8_t)failure->observed,
		.retry_after_ms = failure->retry_after_ms,
	};

	if (failure->observed)
		worker_send(exchange->worker->worker, MSG_OBSERVED, (struct peer){ROLE_HEALTH, 0},
			&observed);
}

static void close_attempt(struct exchange *exchange)
{
	if (exchange->upstream)
		upstream_abort(&exchange->upstream);
	if (exchange->candidate)
		scoreboard_give(exchange->worker->worker->scoreboard, exchange->record,
			exchange->candidate->backend->row);
}

static bool may_retry(const struct exchange *exchange, const struct exchange_failure *failure)
{
	return failure->retryable && exchange->client && exchange->state != EXCHANGE_STREAMING &&
	       exchange->tried_count < EXCHANGE_ATTEMPTS_MAX && !exchange->worker->stopping;
}

static void note_tried(struct exchange *exchange, bool whole_backend)
{
	const struct routing_candidate *candidate = exchange->candidate;
	struct slice model = whole_backend ? slice_make(NULL, 0) : slice_of(candidate->model->id);

	exchange->tried[exchange->tried_count++ % EXCHANGE_ATTEMPTS_MAX] =
		(struct routing_tried){candidate->backend->id, model};
}

static void leave_attempt(struct exchange *exchange)
{
	close_attempt(exchange);
	exchange->fresh_connection = false;
	exchange->state = EXCHANGE_CHOOSING;
}

bool exchange_try_longer(struct exchange *exchange)
{
	uint64_t context_length = exchange->candidate->model->context_length;

	if (!exchange->client || exchange->state == EXCHANGE_STREAMING ||
		exchange->worker->stopping || exchange->tried_count >= EXCHANGE_ATTEMPTS_MAX)
		return false;
	/* Where nobody knows how long it was, any known length is more than nothing. */
	exchange->longer_than = context_length > 0 ? context_length : 1;
	note_tried(exchange, false);
	leave_attempt(exchange);
	return exchange_choose_again(
		exchange, exchange->decision.step + 1, "the request is too long for it");
}

void exchange_fail(struct exchange *exchange, const struct exchange_failure *failure)
{
	const struct registry_backend *backend = exchange->candidate->backend;

	log_info(LOG_UPSTREAM, "%s: attempt %u at %s failed: %s",
		exchange->client ? exchange->client->request_id : "-", exchange->attempts,
		backend->name, failure->text.text);
	observe(exchange, failure);
	/* What cannot be reached will not serve another model either. */
	note_tried(exchange, failure->observed == OBSERVED_CONNECT_FAILED);
	if (may_retry(exchange, failure)) {
		size_t step = exchange->decision.step;

		if (exchange->step_attempts > exchange->config->routing.max_retries)
			step++;
		leave_attempt(exchange);
		if (exchange_choose_again(exchange, step, "its attempts failed"))
			return;
	}
	exchange->record->flags |= RECORD_FAILED;
	if (failure->as_it_came && exchange->client && exchange->state != EXCHANGE_STREAMING)
		whole_answer_pass(exchange);
	else
		exchange_answer_error(
			exchange, failure->error, NULL, no_context, 0, "%s", failure->text.text);
}

void exchange_retry_fresh(struct exchange *exchange)
{
	exchange->fresh_connection = true;
	relay_reset(exchange);
	exchange->attempt_began = exchange->last_heard = ev_now(exchange->worker->loop);
	/* Once more with what this request knows of the backend, its zone above all: others may see it differently. */
	exchange->target = pool_target(exchange->worker->pool, exchange->config, exchange->candidate->backend);
	exchange->upstream = upstream_acquire(exchange->target, true, &relay_events, exchange);
	exchange_send(exchange);
}

/* --- ending --- */

void exchange_answer_error(struct exchange *exchange, enum http_error_id id, const char *param,
	struct slice context, unsigned retry_after_seconds, const char *format, ...)
{
	struct client *client = exchange->client;
	char message[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (!client) {
		exchange_end(exchange);
		return;
	}
	if (exchange->state == EXCHANGE_STREAMING) {
		request_counters_error(exchange->worker, id);
		relay_error_event(exchange, id, message);
	} else {
		exchange->told_status = http_error_table[id].status;
		client_error(client, id, param, context, retry_after_seconds, "%s", message);
	}
	exchange_end(exchange);
}

void exchange_let_go(struct exchange *exchange)
{
	if (!exchange->registry)
		return;
	exchange_wipe_head(exchange);
	buffer_free(&exchange->input);
	exchange->body = no_context;
	exchange->backend = registry_backend_ref(exchange->candidate->backend);
	registry_unref(&exchange->registry);
}

static void bury(void *object)
{
	struct exchange *exchange = object;

	arena_free(&exchange->arena);
	config_unref(&exchange->config);
	if (exchange->backend)
		registry_backend_unref(exchange->backend);
	if (exchange->registry)
		registry_unref(&exchange->registry);
	memory_free_at(&exchange);
}

static void end_record(struct exchange *exchange)
{
	struct worker *worker = exchange->worker->worker;
	bool costs;

	if (!exchange->record)
		return;
	costs = exchange->record->flags & RECORD_COSTS;
	scoreboard_record_end(worker->scoreboard, exchange->record, clock_wall_us());
	exchange->record = NULL;
	if (costs)
		request_worker_ring_budget(exchange->worker);
}

void exchange_end(struct exchange *exchange)
{
	struct client *client = exchange->client;
	struct request_worker *worker = exchange->worker;

	if (exchange->state == EXCHANGE_ENDED)
		return;
	exchange->state = EXCHANGE_ENDED;
	exchange->client = NULL;
	if (exchange->upstream)
		upstream_abort(&exchange->upstream);
	if (exchange->candidate)
		request_counters_ended(exchange);
	end_record(exchange);
	exchange_wipe_head(exchange);
	buffer_free(&exchange->input);
	sse_free(&exchange->sse);
	buffer_free(&exchange->held);
	body_decoder_free(&exchange->decoder);
	worker->exchange_count--;
	request_worker_bury(worker, bury, exchange);
	if (client)
		client_finish(client);
	request_worker_check_drained(worker);
}

void exchange_client_gone(struct exchange *exchange)
{
	exchange->client = NULL;
	if (exchange->record)
		exchange->record->flags |= RECORD_CLIENT_GONE;
	exchange_end(exchange);
}

/* --- back-pressure --- */

void exchange_client_progress(struct exchange *exchange)
{
	const struct config_server *limits = &exchange->config->server;
	size_t unsent = buffer_len(&exchange->client->out);

	if (!exchange->upstream)
		return;
	if (!exchange->paused && unsent >= limits->stream_pause_bytes) {
		exchange->paused = true;
	} else if (exchange->paused && unsent <= limits->stream_resume_bytes) {
		exchange->paused = false;
		/* The silence so far was ours. */
		exchange->last_heard = ev_now(exchange->worker->loop);
	}
	upstream_pause(exchange->upstream, exchange->paused);
}

/* --- time limits --- */

static void time_out(struct exchange *exchange, bool retryable, const char *key)
{
	struct exchange_failure failure = {
		.error = HTTP_ERROR_UPSTREAM_TIMEOUT,
		.observed = OBSERVED_TIMEOUT,
		.retryable = retryable,
	};

	error_set(&failure.text, "backend \"%s\" did not answer in time (server.%s)",
		exchange->candidate->backend->name, key);
	exchange_fail(exchange, &failure);
}

static void sweep_uncommitted(struct exchange *exchange, double now)
{
	const struct config_server *limits = &exchange->config->server;
	double first_byte = exchange->candidate->backend->is_cloud
				    ? limits->first_byte_timeout_cloud_seconds
				    : limits->first_byte_timeout_local_seconds;

	if (now - exchange->began > limits->request_timeout_seconds)
		time_out(exchange, false, "request_timeout_seconds");
	else if (exchange->facts.stream && exchange->state == EXCHANGE_WAITING &&
		 now - exchange->attempt_began > first_byte)
		time_out(exchange, true, "first_byte_timeout_*_seconds");
	else if (exchange->facts.stream && exchange->is_stream &&
		 exchange->state == EXCHANGE_HOLDING &&
		 now - exchange->last_heard > limits->idle_timeout_seconds)
		time_out(exchange, true, "idle_timeout_seconds");
	else if (exchange->facts.stream && now - exchange->began > limits->commit_timeout_seconds &&
		 (exchange->is_stream || exchange->state == EXCHANGE_WAITING))
		relay_commit(exchange, true);
}

static void sweep_committed(struct exchange *exchange, double now)
{
	const struct config_server *limits = &exchange->config->server;
	double first_byte = exchange->candidate->backend->is_cloud
				    ? limits->first_byte_timeout_cloud_seconds
				    : limits->first_byte_timeout_local_seconds;
	bool heard = exchange->heard_ns > 0;

	if (exchange->held_events == 0 && now - exchange->began > limits->request_timeout_seconds)
		time_out(exchange, false, "request_timeout_seconds");
	else if (now - exchange->began > limits->stream_timeout_seconds)
		time_out(exchange, false, "stream_timeout_seconds");
	else if (!heard && now - exchange->attempt_began > first_byte)
		time_out(exchange, false, "first_byte_timeout_*_seconds");
	else if (heard && !exchange->paused &&
		 now - exchange->last_heard > limits->idle_timeout_seconds)
		time_out(exchange, false, "idle_timeout_seconds");
	else if (now - exchange->last_written > limits->stream_keepalive_seconds)
		relay_keep_alive(exchange);
}

void exchange_sweep(struct exchange *exchange, double now)
{
	struct request_worker *worker = exchange->worker;

	/* The end of a stream that is complete may be long in coming, or never come. */
	if (now - exchange->last_heard > LAST_WORD_SECONDS && relay_finish(exchange))
		return;
	if (worker->drain_deadline > 0 && now > worker->drain_deadline)
		exchange_answer_error(exchange, HTTP_ERROR_STOPPING, NULL, no_context, 1,
			"This gateway is shutting down.");
	else if (!exchange->candidate)
		return;
	else if (exchange->state == EXCHANGE_STREAMING)
		sweep_committed(exchange, now);
	else
		sweep_uncommitted(exchange, now);
}
