/* whole_answer.c: judging a complete answer by its status and its JSON. */
#include "workers/request/whole_answer.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "dialect/openai_embeddings.h"
#include "dialect/openai_event.h"
#include "http/http_head.h"
#include "http/http_response.h"
#include "workers/request/client.h"
#include "workers/request/exchange.h"
#include "workers/request/pool.h"
#include "workers/request/request_worker.h"
#include "workers/request/retry_after.h"

static void write_answer(
	struct exchange *exchange, struct slice before, struct slice middle, struct slice after)
{
	struct client *client = exchange->client;
	struct slice type = http_response_header(exchange->response, "content-type");

	if (exchange->heard_ns > 0)
		exchange->overhead_ns += clock_monotonic_ns() - exchange->heard_ns;
	exchange->told_status = exchange->status;
	client_head_begin(client, exchange->status);
	http_head_add(&client->out, "Content-Type",
		type.len > 0 ? type : SLICE_LITERAL("application/json"));
	http_head_add_u64(&client->out, "Content-Length", before.len + middle.len + after.len);
	exchange_add_headers(exchange, &client->out);
	http_head_end(&client->out);
	buffer_append_slice(&client->out, before);
	buffer_append_slice(&client->out, middle);
	buffer_append_slice(&client->out, after);
	exchange_end(exchange);
}

void whole_answer_pass(struct exchange *exchange)
{
	struct slice none = {NULL, 0};

	write_answer(exchange, buffer_slice(&exchange->held), none, none);
}

static void pass_renamed(struct exchange *exchange, const struct openai_event_facts *facts)
{
	struct slice body = buffer_slice(&exchange->held);
	size_t end = facts->model_span.offset + facts->model_span.length;
	char name[128 * 6 + 3] = "\"";
	size_t len = 1 + text_escape(name + 1, sizeof(name) - 2, exchange->facts.model,
				 TEXT_ESCAPE_JSON);

	name[len++] = '"';
	write_answer(exchange, slice_make(body.data, facts->model_span.offset),
		slice_make(name, len), slice_make(body.data + end, body.len - end));
}

static void convert_embeddings(struct exchange *exchange)
{
	struct buffer converted;

	buffer_init(&converted, WHOLE_ANSWER_MAX);
	/* What cannot be converted is judged with the rest of the answer. */
	if (openai_embeddings_to_base64(buffer_slice(&exchange->held), &converted, NULL)) {
		buffer_free(&exchange->held);
		exchange->held = converted;
	} else {
		buffer_free(&converted);
	}
}

const char *upstream_message(const struct openai_event_facts *facts, char out[UPSTREAM_MESSAGE_MAX])
{
	out[0] = '\0';
	if (facts->error_message.raw.len > 0 &&
		json_string_decode(facts->error_message, out, UPSTREAM_MESSAGE_MAX) == SIZE_MAX)
		snprintf(out, UPSTREAM_MESSAGE_MAX, "(a long message: %.*s...)", 200,
			facts->error_message.raw.data);
	return out;
}

static void fail(struct exchange *exchange, struct exchange_failure failure, const char *detail)
{
	error_set(&failure.text, "backend \"%s\" answered %u%s%s",
		exchange->candidate->backend->name, exchange->status, detail[0] ? ": " : "",
		detail);
	exchange_fail(exchange, &failure);
}

static void complete_success(struct exchange *exchange)
{
	struct openai_event_facts facts;

	if (exchange->facts.wants_base64)
		convert_embeddings(exchange);
	if (!openai_event_read(buffer_slice(&exchange->held), &facts) || facts.is_done) {
		fail(exchange,
			(struct exchange_failure){.error = HTTP_ERROR_BAD_UPSTREAM,
				.observed = OBSERVED_BAD_ANSWER,
				.retryable = true},
			"the body is not a JSON object");
		return;
	}
	/* Some servers say 200 and mean it badly: as with a stream whose first event is an error.
	 */
	if (facts.has_error && !facts.has_choices) {
		fail(exchange,
			(struct exchange_failure){.error = HTTP_ERROR_UPSTREAM,
				.observed = OBSERVED_SERVER_ERROR,
				.retryable = true},
			upstream_message(&facts, (char[UPSTREAM_MESSAGE_MAX]){0}));
		return;
	}
	if (facts.has_usage) {
		exchange->record->tokens_prompt = facts.prompt_tokens;
		exchange->record->tokens_completion = facts.completion_tokens;
	}
	exchange->record->flags |= RECORD_ANSWERED;
	if (exchange->rewrites_model && facts.model_span.length > 0)
		pass_renamed(exchange, &facts);
	else
		whole_answer_pass(exchange);
}

/* A key of the operator's that a backend refuses (or that is out of money) is not the client's
 * mistake. */
static bool is_our_key_refused(const struct exchange *exchange)
{
	return exchange->target->has_key &&
	       (exchange->status == 401 || exchange->status == 402 || exchange->status == 403);
}

static uint32_t asked_to_wait_ms(const struct exchange *exchange)
{
	return retry_after_ms(http_response_header(exchange->response, "retry-after-ms"),
		http_response_header(exchange->response, "retry-after"), clock_wall_us());
}

/* How servers say that a request does not fit their model's context: a code, a type, or only a
 * sentence. */
static bool is_too_long(const struct exchange *exchange)
{
	static const char *const signs[] = {"context_length_exceeded", "exceed_context_size_error",
		"maximum context length", "prompt is too long", "input token count"};
	struct slice body = buffer_slice(&exchange->held);

	if (exchange->status != 400 && exchange->status != 413)
		return false;
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (body.len > 0 && memmem(body.data, body.len, signs[i], strlen(signs[i])))
			return true;
	return false;
}

static void complete_refusal(struct exchange *exchange)
{
	struct openai_event_facts facts;
	char text[UPSTREAM_MESSAGE_MAX];
	const char *message;

	openai_event_read(buffer_slice(&exchange->held), &facts);
	message = upstream_message(&facts, text);
	if (exchange->status == 429)
		fail(exchange,
			(struct exchange_failure){.error = HTTP_ERROR_RATE_LIMITED,
				.observed = OBSERVED_RATE_LIMITED,
				.retry_after_ms = asked_to_wait_ms(exchange),
				.retryable = true,
				.as_it_came = true},
			message);
	else if (is_our_key_refused(exchange))
		fail(exchange,
			(struct exchange_failure){.error = HTTP_ERROR_UPSTREAM_CREDENTIALS,
				.observed = OBSERVED_KEY_REFUSED},
			message);
	else if (exchange->status >= 500)
		fail(exchange,
			(struct exchange_failure){.error = HTTP_ERROR_UPSTREAM,
				.observed = OBSERVED_SERVER_ERROR,
				.retryable = true},
			message);
	else if (exchange->state == EXCHANGE_STREAMING)
		fail(exchange, (struct exchange_failure){.error = HTTP_ERROR_UPSTREAM}, message);
	else if (!is_too_long(exchange) || !exchange_try_longer(exchange))
		whole_answer_pass(exchange);
}

void whole_answer_complete(struct exchange *exchange)
{
	if (exchange->status < 300)
		complete_success(exchange);
	else
		complete_refusal(exchange);
}
