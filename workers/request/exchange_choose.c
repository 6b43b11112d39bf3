/* exchange_choose.c: which backend and model serve the request: decide, take, attempt; and what to
 * say when nobody can. */
#include "workers/request/exchange.h"

#include <stdio.h>

#include "base/log.h"
#include "workers/request/client.h"
#include "workers/request/load_view.h"
#include "workers/request/pool.h"
#include "workers/request/request_worker.h"
#include "workers/request/upstream.h"

static const struct slice no_context;

/* --- deciding --- */

static void decide(struct exchange *exchange, size_t first_step)
{
	struct routing_ask ask = {
		.facts = &exchange->facts,
		.substitutes = exchange->asked.substitutes,
		.session = exchange->asked.session,
		.tried = exchange->tried,
		.tried_count = exchange->tried_count,
		.first_step = first_step,
		.longer_than = exchange->longer_than,
	};
	struct routing_view view;

	load_view_init(&view, exchange->worker, exchange->config, exchange->registry);
	routing_decide(&view, &ask, &exchange->arena, &exchange->decision);
}

void exchange_decide(struct exchange *exchange)
{
	const struct routing_decision *decision = &exchange->decision;

	decide(exchange, 0);
	if (decision->alias_depth > 0)
		log_debug(LOG_ROUTING, "%s: \"%.*s\" is an alias of \"%.*s\"",
			exchange->client->request_id, SLICE_ARGS(decision->model_asked),
			SLICE_ARGS(decision->alias_chain[decision->alias_depth]));
}

/* False when nobody is left from that step on, with the decision as it was. */
static bool decide_again(struct exchange *exchange, size_t first_step)
{
	struct routing_decision before = exchange->decision;

	decide(exchange, first_step);
	if (exchange->decision.outcome == ROUTING_CHOSEN)
		return true;
	exchange->decision = before;
	return false;
}

static bool may_use(struct exchange *exchange, const struct registry_backend *backend)
{
	/* Whoever can reach the port could spend the operator's keys; until clients have keys, only
	 * this machine may. */
	if (!backend->is_cloud || exchange->client->is_loopback ||
		exchange->config->server.open_spending)
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
	return scoreboard_take(scoreboard, exchange->record, candidate->backend->row, 1) ==
	       TAKE_DONE;
}

/* --- attempting --- */

static const char *fallback_cause(const struct exchange *exchange)
{
	enum rejection lost = exchange->decision.asked_lost;

	if (exchange->given_up)
		return exchange->given_up;
	return lost == REJECTED_NOT ? "no backend offers it" : rejection_names[lost];
}

/* Each model is tried routing.max_retries times; one that was not asked for is never used in
 * silence. */
static void note_step(struct exchange *exchange, const struct routing_candidate *candidate)
{
	const struct routing_decision *decision = &exchange->decision;
	struct slice used = routing_model_for(decision, candidate);

	if (exchange->step != decision->step)
		exchange->step_attempts = 0;
	if (decision->step > 0 && !slice_equal(used, exchange->model_sent))
		log_warn(LOG_ROUTING, "%s: model \"%.*s\" is used instead of \"%.*s\": %s",
			exchange->client->request_id, SLICE_ARGS(used),
			SLICE_ARGS(decision->model_asked), fallback_cause(exchange));
	exchange->step = decision->step;
}

static void begin_attempt(struct exchange *exchange, const struct routing_candidate *candidate)
{
	const struct registry_backend *backend = candidate->backend;

	relay_reset(exchange);
	note_step(exchange, candidate);
	exchange->target = pool_target(exchange->worker->pool, exchange->config, backend);
	exchange->candidate = candidate;
	exchange->attempts++;
	exchange->step_attempts++;
	exchange->record->attempts = (uint16_t)exchange->attempts;
	exchange->record->backend_id = backend->id;
	scoreboard_record_name(exchange->record, backend, slice_of(backend->name));
	exchange->model_sent = routing_model_for(&exchange->decision, candidate);
	exchange->rewrites_model = !slice_equal(exchange->model_sent, exchange->facts.model);
	exchange->attempt_began = exchange->last_heard = ev_now(exchange->worker->loop);
	exchange->state =
		exchange->state == EXCHANGE_STREAMING ? EXCHANGE_STREAMING : EXCHANGE_WAITING;
	exchange->upstream = upstream_acquire(
		exchange->target, exchange->fresh_connection, &relay_events, exchange);
	exchange_send(exchange);
}

/* Attempts the best candidate of the decision that can be had; false when none can. */
static bool attempt_best(struct exchange *exchange)
{
	const struct routing_decision *decision = &exchange->decision;

	exchange->paid_refused = 0;
	for (size_t i = 0; decision->outcome == ROUTING_CHOSEN && i < decision->chosen_count; i++) {
		if (take_candidate(exchange, &decision->candidates[i])) {
			/* A better one was taken in the moment since the decision. */
			if (i > exchange->paid_refused &&
				(decision->reason == REASON_CAPABILITY_MATCH ||
					decision->reason == REASON_AFFINITY))
				exchange->decision.reason = REASON_CAPACITY_OVERFLOW;
			begin_attempt(exchange, &decision->candidates[i]);
			return true;
		}
	}
	return false;
}

/* The same, going on to the substitutes while all are taken. */
static bool attempt_any(struct exchange *exchange)
{
	while (!attempt_best(exchange)) {
		unsigned paid_refused = exchange->paid_refused;

		if (exchange->decision.outcome != ROUTING_CHOSEN ||
			!decide_again(exchange, exchange->decision.step + 1))
			return false;
		exchange->given_up = paid_refused > 0 ? "paid backends are not for this client"
						      : "all that offer it are busy";
	}
	return true;
}

bool exchange_choose_again(struct exchange *exchange, size_t first_step, const char *given_up)
{
	struct routing_decision before = exchange->decision;

	if (!decide_again(exchange, first_step))
		return false;
	exchange->given_up = given_up;
	if (attempt_any(exchange))
		return true;
	exchange->decision = before;
	return false;
}

/* --- nobody --- */

static void answer_too_long(struct exchange *exchange)
{
	const struct routing_decision *decision = &exchange->decision;

	exchange_answer_error(exchange, HTTP_ERROR_CONTEXT_LENGTH, "messages", no_context, 0,
		"This request needs about %llu tokens with its output; the longest context that "
		"\"%.*s\" is offered with is "
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
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
			i ? ", " : " Nearest available: ", near[i]);
	exchange_answer_error(exchange, HTTP_ERROR_MODEL_NOT_FOUND, "model", no_context, 0,
		"The model \"%.*s\" does not exist here.%s", SLICE_ARGS(model), names);
}

/* What keeps the request in the restricted zone, as the end of a sentence; the key is named, so
 * that it can be found. */
static void tell_bar(const struct exchange *exchange, char *out, size_t size)
{
	static const char *const cross_zone[] = {"block", "fresh_only", "allow"};
	const struct routing_decision *decision = &exchange->decision;

	out[0] = '\0';
	if (decision->zone_bar == ZONE_BAR_POLICY)
		snprintf(out, size,
			"; the policy for \"%s\" (routing.policies) keeps it in the restricted "
			"zone",
			decision->policy);
	else if (decision->zone_bar == ZONE_BAR_CROSS_ZONE)
		snprintf(out, size, "; routing.cross_zone = \"%s\" keeps it in the restricted zone",
			cross_zone[exchange->config->routing.cross_zone]);
}

static void answer_unavailable(struct exchange *exchange, enum http_error_id id, const char *why)
{
	struct buffer context;
	char bar[256];

	tell_bar(exchange, bar, sizeof(bar));

	buffer_init(&context, 64u << 10);
	routing_context_json(&exchange->decision, &context);
	exchange_answer_error(exchange, id, NULL, buffer_slice(&context),
		id == HTTP_ERROR_BUSY ? 1 : 5, "%s (model \"%.*s\")%s.", why,
		SLICE_ARGS(exchange->facts.model), bar);
	buffer_free(&context);
}

static void answer_not_chosen(struct exchange *exchange)
{
	switch (exchange->decision.outcome) {
	case ROUTING_MODEL_UNKNOWN: answer_model_unknown(exchange); break;
	case ROUTING_TOO_LONG: answer_too_long(exchange); break;
	case ROUTING_NO_BACKENDS:
		answer_unavailable(exchange, HTTP_ERROR_UNAVAILABLE,
			"No model server is known to this gateway");
		break;
	case ROUTING_UNAVAILABLE:
		answer_unavailable(
			exchange, HTTP_ERROR_UNAVAILABLE, "No backend can take this request now");
		break;
	case ROUTING_BUSY:
	case ROUTING_CHOSEN:
		answer_unavailable(exchange, HTTP_ERROR_BUSY,
			"All backends that could take this request are busy");
		break;
	}
}

void exchange_dispatch(struct exchange *exchange)
{
	if (attempt_any(exchange))
		return;
	if (exchange->paid_refused > 0 && exchange->paid_refused == exchange->decision.chosen_count)
		exchange_answer_error(exchange, HTTP_ERROR_UNAUTHORIZED, NULL, no_context, 0,
			"Only clients on this machine may use paid backends, unless "
			"server.open_spending = true.");
	else
		answer_not_chosen(exchange);
}
