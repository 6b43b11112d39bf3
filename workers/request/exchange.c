/* exchange.c: the life of a request: inspect, decide, take, attempt, fail over, end. */
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
#include "workers/request/load_view.h"
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
	arena_init_in(&exchange->arena, EXCHANGE_ARENA_BYTES * 2, exchange->arena_memory, EXCHANGE_ARENA_BYTES);
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

static void decide(struct exchange *exchange)
{
	struct routing_view view;

	load_view_init(&view, exchange->worker, exchange->config, exchange->registry);
	routing_decide(&view, &exchange->facts, exchange->tried, exchange->tried_count, &exchange->arena,
		&exchange->decision);
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
	unsigned flags = (costs ? RECORD_COSTS : 0u) | (exchange->facts.stream ? RECORD_STREAM : 0u);

	exchange->record = scoreboard_record_open(worker->scoreboard, worker->column, flags, clock_wall_us());
	if (!exchange->record) {
		exchange_answer_error(exchange, costs ? HTTP_ERROR_LEDGER_UNAVAILABLE : HTTP_ERROR_BUSY, NULL, no_context, 1,
			costs ? "Finished requests wait to be written to the ledger; new ones that cost money must wait too."
			      : "This gateway is at server.max_concurrent_requests.");
		return false;
	}
	scoreboard_record_name(exchange->record, model, exchange->facts.model);
	scoreboard_record_name(exchange->record, request_id, slice_of(exchange->client->request_id));
	if (scoreboard_take(worker->scoreboard, exchange->record, SCOREBOARD_ROW_SERVICE, 1) == TAKE_DONE)
		return true;
	exchange_answer_error(exchange, HTTP_ERROR_BUSY, NULL, no_context, 1,
		"This gateway is at server.max_concurrent_requests (%u).", exchange->config->server.max_concurrent_requests);
	return false;
}

void exchange_begin(struct client *client, enum endpoint endpoint)
{
	struct request_worker *worker = client->worker;
	struct exchange *exchange = exchange_new(client);
	struct inspect_problem problem = {0};
	struct slice head;

	exchange_read_headers(exchange, &worker->head);
	if (came_from_us(worker, &worker->head)) {
		exchange_answer_error(exchange, HTTP_ERROR_LOOP_DETECTED, NULL, no_context, 0,
			"This request has already passed this gateway: one of its backends is the gateway itself.");
		return;
	}
	exchange->input = client_take_request(client, &head, &exchange->body);
	if (!inspect_request(endpoint, exchange->body, exchange->config->server.max_json_depth, &exchange->arena,
		    &exchange->facts, &problem)) {
		exchange_answer_error(exchange, HTTP_ERROR_BAD_REQUEST, problem.param, no_context, 0, "%s",
			problem.error.text);
		return;
	}
	decide(exchange);
	if (open_record(exchange))
		exchange_dispatch(exchange);
}

/* --- choosing and attempting --- */

static bool may_use(struct exchange *exchange, const struct registry_backend *backend)
{
	/* Whoever can reach the port could spend the operator's keys; until clients have keys, only this machine may. */
	if (!backend->is_cloud || exchange->client->is_loopback || exchange->config->server.open_spending)
		return true;
	exchange->paid_refused++;
	return false;
}

static bool take_candidate(struct exchange *exchange, const struct routing_candidate *candidate)
{
	struct scoreboard *scoreboard = exchange->worker->worker->scoreboard;

	if (!may_use(exchange, candidate->backend))
		return false;
	/* A failover can lead from a free backend to a paid one. */
	if (candidate->backend->is_cloud && !scoreboard_record_costs(scoreboard, exchange->record))
		return false;
	/* What a death would be settled by, until the provider's own figure comes. */
	if (candidate->backend->is_cloud)
		exchange->record->tokens_prompt = request_tokens(&exchange->facts).prompt;
	return scoreboard_take(scoreboard, exchange->record, candidate->backend->row, 1) == TAKE_DONE;
}

static void begin_attempt(struct exchange *exchange, const struct routing_candidate *candidate)
{
	const struct registry_backend *backend = candidate->backend;

	relay_reset(exchange);
	exchange->target = pool_target(exchange->worker->pool, exchange->config, backend);
	exchange->candidate = candidate;
	exchange->attempts++;
	exchange->record->attempts = (uint16_t)exchange->attempts;
	exchange->record->backend_id = backend->id;
	scoreboard_record_name(exchange->record, backend, slice_of(backend->name));
	exchange->rewrites_model = exchange->decision.alias_depth > 0;
	exchange->attempt_began = exchange->last_heard = ev_now(exchange->worker->loop);
	exchange->state = exchange->state == EXCHANGE_STREAMING ? EXCHANGE_STREAMING : EXCHANGE_WAITING;
	exchange->upstream = upstream_acquire(exchange->target, exchange->fresh_connection, &relay_events, exchange);
	exchange_send(exchange);
}

static void answer_too_long(struct exchange *exchange)
{
	const struct routing_decision *decision = &exchange->decision;

	exchange_answer_error(exchange, HTTP_ERROR_CONTEXT_LENGTH, "messages", no_context, 0,
		"This request needs about %llu tokens with its output; the longest context that \"%.*s\" is offered with is "
		"%llu tokens.",
		(unsigned long long)decision->tokens_needed, SLICE_ARGS(exchange->facts.model),
		(unsigned long long)decision->context_longest);
}

static void answer_model_unknown(struct exchange *exchange)
{
	const char *near[3];
	size_t count = registry_nearest_models(exchange->registry, exchange->facts.model, near, 3);
	struct slice model = exchange->facts.model;
	char names[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < count && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : " Nearest available: ", near[i]);
	exchange_answer_error(exchange, HTTP_ERROR_MODEL_NOT_FOUND, "model", no_context, 0,
		"The model \"%.*s\" does not exist here.%s", SLICE_ARGS(model), names);
}

static void answer_unavailable(struct exchange *exchange, enum http_error_id id, const char *why)
{
	struct buffer context;

	buffer_init(&context, 64u << 10);
	routing_context_json(&exchange->decision, &context);
	exchange_answer_error(exchange, id, NULL, buffer_slice(&context), id == HTTP_ERROR_BUSY ? 1 : 5,
		"%s (model \"%.*s\").", why, SLICE_ARGS(exchange->facts.model));
	buffer_free(&context);
}

static void answer_not_chosen(struct exchange *exchange)
{
	switch (exchange->decision.outcome) {
	case ROUTING_MODEL_UNKNOWN: answer_model_unknown(exchange); break;
	case ROUTING_TOO_LONG: answer_too_long(exchange); break;
	case ROUTING_NO_BACKENDS:
		answer_unavailable(exchange, HTTP_ERROR_UNAVAILABLE, "No model server is known to this gateway");
		break;
	case ROUTING_UNAVAILABLE:
		answer_unavailable(exchange, HTTP_ERROR_UNAVAILABLE, "No backend can take this request now");
		break;
	case ROUTING_BUSY:
	case ROUTING_CHOSEN:
		answer_unavailable(exchange, HTTP_ERROR_BUSY, "All backends that could take this request are busy");
		break;
	}
}

/* Attempts the best candidate that can be had; false when none can. */
static bool attempt_best(struct exchange *exchange)
{
	const struct routing_decision *decision = &exchange->decision;

	exchange->paid_refused = 0;
	for (size_t i = 0; decision->outcome == ROUTING_CHOSEN && i < decision->chosen_count; i++) {
		if (take_candidate(exchange, &decision->candidates[i])) {
			/* A better one was taken in the moment since the decision. */
			if (i > exchange->paid_refused && decision->reason == REASON_CAPABILITY_MATCH)
				exchange->decision.reason = REASON_CAPACITY_OVERFLOW;
			begin_attempt(exchange, &decision->candidates[i]);
			return true;
		}
	}
	return false;
}

void exchange_dispatch(struct exchange *exchange)
{
	if (attempt_best(exchange))
		return;
	if (exchange->paid_refused > 0 && exchange->paid_refused == exchange->decision.chosen_count)
		exchange_answer_error(exchange, HTTP_ERROR_UNAUTHORIZED, NULL, no_context, 0,
			"Only clients on this machine may use paid backends, unless server.open_spending = true.");
	else
		answer_not_chosen(exchange);
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
		worker_send(exchange->worker->worker, MSG_OBSERVED, (struct peer){ROLE_HEALTH, 0}, &observed);
}

static void close_attempt(struct exchange *exchange)
{
	if (exchange->upstream)
		upstream_abort(&exchange->upstream);
	if (exchange->candidate)
		scoreboard_give(exchange->worker->worker->scoreboard, exchange->record, exchange->candidate->backend->row);
}

static bool may_retry(const struct exchange *exchange, const struct exchange_failure *failure)
{
	return failure->retryable && exchange->client && exchange->state != EXCHANGE_STREAMING &&
		exchange->attempts <= exchange->config->routing.max_retries &&
		exchange->tried_count < EXCHANGE_ATTEMPTS_MAX && !exchange->worker->stopping;
}

/* Another backend; false when there is none, with the decision as it was. */
static bool try_elsewhere(struct exchange *exchange)
{
	struct routing_decision before = exchange->decision;

	decide(exchange);
	if (exchange->decision.outcome == ROUTING_CHOSEN && attempt_best(exchange))
		return true;
	exchange->decision = before;
	return false;
}

void exchange_fail(struct exchange *exchange, const struct exchange_failure *failure)
{
	const struct registry_backend *backend = exchange->candidate->backend;

	log_info(LOG_UPSTREAM, "%s: attempt %u at %s failed: %s", exchange->client ? exchange->client->request_id : "-",
		exchange->attempts, backend->name, failure->text.text);
	observe(exchange, failure);
	exchange->tried[exchange->tried_count++ % EXCHANGE_ATTEMPTS_MAX] = backend->id;
	if (may_retry(exchange, failure)) {
		close_attempt(exchange);
		exchange->fresh_connection = false;
		exchange->state = EXCHANGE_CHOOSING;
		if (try_elsewhere(exchange))
			return;
	}
	exchange->record->flags |= RECORD_FAILED;
	if (failure->as_it_came && exchange->client && exchange->state != EXCHANGE_STREAMING)
		whole_answer_pass(exchange);
	else
		exchange_answer_error(exchange, failure->error, NULL, no_context, 0, "%s", failure->text.text);
}

void exchange_retry_fresh(struct exchange *exchange)
{
	exchange->fresh_connection = true;
	relay_reset(exchange);
	exchange->attempt_began = exchange->last_heard = ev_now(exchange->worker->loop);
	exchange->upstream = upstream_acquire(exchange->target, true, &relay_events, exchange);
	exchange_send(exchange);
}

/* --- ending --- */

void exchange_answer_error(struct exchange *exchange, enum http_error_id id, const char *param, struct slice context,
	unsigned retry_after_seconds, const char *format, ...)
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

	error_set(&failure.text, "backend \"%s\" did not answer in time (server.%s)", exchange->candidate->backend->name, key);
	exchange_fail(exchange, &failure);
}

static void sweep_uncommitted(struct exchange *exchange, double now)
{
	const struct config_server *limits = &exchange->config->server;
	double first_byte = exchange->candidate->backend->is_cloud ? limits->first_byte_timeout_cloud_seconds
								     : limits->first_byte_timeout_local_seconds;

	if (now - exchange->began > limits->request_timeout_seconds)
		time_out(exchange, false, "request_timeout_seconds");
	else if (exchange->facts.stream && exchange->state == EXCHANGE_WAITING && now - exchange->attempt_began > first_byte)
		time_out(exchange, true, "first_byte_timeout_*_seconds");
	else if (exchange->facts.stream && exchange->is_stream && exchange->state == EXCHANGE_HOLDING &&
		now - exchange->last_heard > limits->idle_timeout_seconds)
		time_out(exchange, true, "idle_timeout_seconds");
	else if (exchange->facts.stream && now - exchange->began > limits->commit_timeout_seconds &&
		(exchange->is_stream || exchange->state == EXCHANGE_WAITING))
		relay_commit(exchange, true);
}

static void sweep_committed(struct exchange *exchange, double now)
{
	const struct config_server *limits = &exchange->config->server;
	double first_byte = exchange->candidate->backend->is_cloud ? limits->first_byte_timeout_cloud_seconds
								     : limits->first_byte_timeout_local_seconds;
	bool heard = exchange->heard_ns > 0;

	if (exchange->held_events == 0 && now - exchange->began > limits->request_timeout_seconds)
		time_out(exchange, false, "request_timeout_seconds");
	else if (now - exchange->began > limits->stream_timeout_seconds)
		time_out(exchange, false, "stream_timeout_seconds");
	else if (!heard && now - exchange->attempt_began > first_byte)
		time_out(exchange, false, "first_byte_timeout_*_seconds");
	else if (heard && !exchange->paused && now - exchange->last_heard > limits->idle_timeout_seconds)
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
		exchange_answer_error(exchange, HTTP_ERROR_STOPPING, NULL, no_context, 1, "This gateway is shutting down.");
	else if (!exchange->candidate)
		return;
	else if (exchange->state == EXCHANGE_STREAMING)
		sweep_committed(exchange, now);
	else
		sweep_uncommitted(exchange, now);
}
