/* relay.c: from a backend's answer to the client, for event streams; whole answers are
 * whole_answer.c's.
 *
 * An event goes on when it is complete and valid JSON, as the bytes it came in, but for `model`
 * where an alias was used; the usage-only event is dropped unless the client asked for it. Until
 * the commit point events are held, bounded. */
#include <stdio.h>

#include "base/clock.h"
#include "base/fatal.h"
#include "base/text.h"
#include "dialect/openai_event.h"
#include "http/http_head.h"
#include "workers/request/body_decoder.h"
#include "workers/request/client.h"
#include "workers/request/exchange.h"
#include "workers/request/request_worker.h"
#include "workers/request/upstream.h"
#include "workers/request/whole_answer.h"

#define EVENT_MAX    (8u << 20)
#define EXPECTED_MAX (1u << 20)

/* --- writing the client's stream --- */

static bool frames(const struct exchange *exchange)
{
	return !exchange->client->http_1_0;
}

static void open_chunk(struct exchange *exchange)
{
	if (!exchange->chunk_open && frames(exchange))
		http_chunk_open(&exchange->client->out, &exchange->chunk_mark);
	exchange->chunk_open = true;
}

static void close_chunk(struct exchange *exchange)
{
	if (exchange->chunk_open && frames(exchange))
		http_chunk_close(&exchange->client->out, exchange->chunk_mark);
	exchange->chunk_open = false;
}

static void write_out(struct exchange *exchange)
{
	close_chunk(exchange);
	exchange->last_written = ev_now(exchange->worker->loop);
	client_flush(exchange->client);
}

/* Where events go: to the client, or aside until the commit point. */
static struct buffer *destination(struct exchange *exchange)
{
	if (exchange->state != EXCHANGE_STREAMING)
		return &exchange->held;
	open_chunk(exchange);
	return &exchange->client->out;
}

void relay_commit(struct exchange *exchange, bool by_time)
{
	struct buffer *out = &exchange->client->out;
	bool names_backend = exchange->is_stream;

	exchange->told_status = 200;
	/* Without chunks only the connection's end tells the stream's. */
	if (!frames(exchange))
		exchange->client->keep_alive = false;
	client_head_begin(exchange->client, 200);
	buffer_append_text(out, "Content-Type: text/event-stream\r\nCache-Control: "
				"no-cache\r\nX-Accel-Buffering: no\r\n");
	if (frames(exchange))
		buffer_append_text(out, "Transfer-Encoding: chunked\r\n");
	if (exchange->heard_ns > 0)
		exchange->overhead_ns += clock_monotonic_ns() - exchange->heard_ns;
	if (names_backend)
		exchange_add_headers(exchange, out);
	http_head_end(out);
	exchange->committed_early = !names_backend;
	exchange->state = EXCHANGE_STREAMING;
	/* Without an upstream the answer is complete already. */
	if (names_backend && (!exchange->upstream || upstream_is_sent(exchange->upstream)))
		exchange_let_go(exchange);
	if (buffer_len(&exchange->held) > 0)
		buffer_append_slice(destination(exchange), buffer_slice(&exchange->held));
	buffer_free(&exchange->held);
	if (by_time)
		relay_keep_alive(exchange);
}

void relay_keep_alive(struct exchange *exchange)
{
	buffer_append_text(destination(exchange), ": keep-alive\n\n");
	write_out(exchange);
}

void relay_error_event(struct exchange *exchange, enum http_error_id id, const char *message)
{
	struct buffer *out = destination(exchange);

	openai_event_write_error(out, id, slice_of(message));
	close_chunk(exchange);
	if (frames(exchange))
		http_chunk_last(out);
}

/* --- attempts --- */

void relay_reset(struct exchange *exchange)
{
	sse_free(&exchange->sse);
	body_decoder_free(&exchange->decoder);
	buffer_free(&exchange->held);
	buffer_init(&exchange->held, WHOLE_ANSWER_MAX);
	exchange->held_events = 0;
	exchange->is_stream = exchange->meaningful = exchange->done_seen = exchange->finish_seen =
		false;
	exchange->error_event = exchange->usage_seen = false;
	exchange->response = NULL;
	exchange->heard_ns = 0;
	exchange->status = 0;
	exchange->worker->refusal.text[0] = '\0';
}

static bool fail_bad(struct exchange *exchange, const char *what)
{
	/* Reported by upstream.c as a refused answer, with this text. */
	error_set(&exchange->worker->refusal, "%s", what);
	return false;
}

static bool is_event_stream(struct slice content_type)
{
	return content_type.len >= 17 &&
	       strncasecmp(content_type.data, "text/event-stream", 17) == 0;
}

/* Room for an announced answer in one allocation; a lie about a large one costs nothing. */
static void expect_whole(struct exchange *exchange, uint64_t content_length)
{
	if (content_length > 0 && content_length <= EXPECTED_MAX)
		buffer_reserve(&exchange->held, content_length);
}

/* The head went out by time, before it was known who would answer: now it is. */
static void begin_late_stream(struct exchange *exchange)
{
	exchange_add_comment(exchange, destination(exchange));
	if (upstream_is_sent(exchange->upstream))
		exchange_let_go(exchange);
}

static bool on_head(void *owner)
{
	struct exchange *exchange = owner;
	const struct http_response_parser *response = exchange->response =
		upstream_response(exchange->upstream);
	struct slice encoding = http_response_header(response, "content-encoding");
	bool events = is_event_stream(http_response_header(response, "content-type"));

	exchange->status = http_response_status(response);
	exchange->last_heard = ev_now(exchange->worker->loop);
	if (exchange->status < 200 || (exchange->status >= 300 && exchange->status < 400))
		return fail_bad(
			exchange, "answered with a status that a model server has no use for");
	if (encoding.len > 0 && !slice_is_nocase(encoding, "identity")) {
		exchange->decoder = body_decoder_new(encoding, &exchange->worker->refusal);
		if (!exchange->decoder)
			return false;
	}
	exchange->is_stream = events && exchange->status < 300;
	if (exchange->is_stream && !exchange->facts.stream)
		return fail_bad(exchange, "answered with an event stream that was not asked for");
	if (exchange->state == EXCHANGE_STREAMING && !exchange->is_stream && exchange->status < 300)
		return fail_bad(exchange, "answered a stream's request with something else");
	if (exchange->is_stream)
		sse_init(&exchange->sse, EVENT_MAX);
	else
		expect_whole(exchange, http_response_content_length(response));
	if (exchange->state != EXCHANGE_STREAMING)
		exchange->state = EXCHANGE_HOLDING;
	else if (exchange->is_stream)
		begin_late_stream(exchange);
	return true;
}

/* --- events --- */

static void count_tokens(struct exchange *exchange, const struct openai_event_facts *facts)
{
	struct scoreboard_record *record = exchange->record;

	if (facts->has_usage) {
		record->tokens_prompt = facts->prompt_tokens;
		record->tokens_completion = facts->completion_tokens;
		exchange->usage_seen = true;
	} else if (facts->has_content && !exchange->usage_seen) {
		/* One event is about one token until the provider's own figure comes. */
		record->tokens_completion++;
	}
}

static void pass_event(struct exchange *exchange, const struct sse_event *event,
	const struct openai_event_facts *facts)
{
	struct buffer *out = destination(exchange);
	const char *model = event->data.data + facts->model_span.offset;
	struct slice asked = exchange->facts.model;
	char name[128 * 6 + 1];
	size_t before;

	/* Data of several lines is a copy: such an event goes on as it came. No server known here
	 * sends one. */
	if (!exchange->rewrites_model || facts->model_span.length == 0 || model < event->raw.data ||
		model >= event->raw.data + event->raw.len) {
		buffer_append_slice(out, event->raw);
		return;
	}
	before = (size_t)(model - event->raw.data);
	buffer_append(out, event->raw.data, before);
	buffer_append_text(out, "\"");
	buffer_append(out, name, text_escape(name, sizeof(name), asked, TEXT_ESCAPE_JSON));
	buffer_append_text(out, "\"");
	buffer_append(out, model + facts->model_span.length,
		event->raw.len - before - facts->model_span.length);
}

static bool relay_upstream_error(struct exchange *exchange, const struct sse_event *event,
	const struct openai_event_facts *facts)
{
	exchange->error_event = true;
	if (exchange->state == EXCHANGE_STREAMING) {
		buffer_append_slice(destination(exchange), event->raw);
		return true;
	}
	error_set(&exchange->worker->refusal, "answered 200 and then an error: %s",
		upstream_message(facts, (char[UPSTREAM_MESSAGE_MAX]){0}));
	return false;
}

static bool relay_event(struct exchange *exchange, const struct sse_event *event)
{
	struct openai_event_facts facts;

	if (!event->has_data) {
		/* A comment: the server's own keep-alive. */
		if (exchange->state == EXCHANGE_STREAMING)
			buffer_append_slice(destination(exchange), event->raw);
		return true;
	}
	if (exchange->error_event || exchange->done_seen)
		return true;
	if (!openai_event_read(event->data, &facts))
		return fail_bad(exchange, "sent an event that is not JSON");
	if (facts.has_error)
		return relay_upstream_error(exchange, event, &facts);
	count_tokens(exchange, &facts);
	exchange->done_seen |= facts.is_done;
	exchange->finish_seen |= facts.has_finish_reason;
	exchange->meaningful |= facts.has_content || facts.has_finish_reason || facts.is_done;
	exchange->held_events++;
	if (!(facts.is_usage_only && !exchange->facts.wants_usage))
		pass_event(exchange, event, &facts);
	return true;
}

static bool relay_events_of(struct exchange *exchange, struct slice piece)
{
	struct sse_event event;
	enum sse_result result;

	while ((result = sse_feed(&exchange->sse, &piece, &event)) == SSE_EVENT)
		if (!relay_event(exchange, &event))
			return false;
	if (result == SSE_TOO_LONG)
		return fail_bad(exchange, "sent an event over 8 MiB");
	return true;
}

static bool take_piece(struct exchange *exchange, struct slice piece)
{
	if (exchange->is_stream)
		return relay_events_of(exchange, piece);
	if (buffer_append_slice(&exchange->held, piece))
		return true;
	return fail_bad(exchange, "sent an answer over 32 MiB");
}

static bool on_body(void *owner, struct slice piece)
{
	struct exchange *exchange = owner;
	struct slice decoded;

	exchange->last_heard = ev_now(exchange->worker->loop);
	exchange->record->bytes_down += piece.len;
	if (exchange->heard_ns == 0)
		exchange->heard_ns = clock_monotonic_ns();
	if (!exchange->decoder)
		return take_piece(exchange, piece);
	do {
		if (!body_decoder_feed(exchange->decoder, &piece, &decoded, WHOLE_ANSWER_MAX,
			    &exchange->worker->refusal))
			return false;
		if (decoded.len > 0 && !take_piece(exchange, decoded))
			return false;
	} while (piece.len > 0 || decoded.len > 0);
	return true;
}

static bool must_commit(const struct exchange *exchange)
{
	const struct config_server *limits = &exchange->config->server;

	return exchange->meaningful || exchange->held_events >= limits->commit_events ||
	       buffer_len(&exchange->held) >= limits->commit_bytes;
}

static void end_with_upstream_error(struct exchange *exchange)
{
	/* The server's own error event is on its way down; after it nothing more, and no [DONE]. */
	exchange->record->flags |= RECORD_FAILED;
	close_chunk(exchange);
	if (frames(exchange))
		http_chunk_last(&exchange->client->out);
	exchange_end(exchange);
}

static void on_read(void *owner)
{
	struct exchange *exchange = owner;

	if (!exchange->is_stream)
		return;
	if (exchange->state == EXCHANGE_HOLDING && must_commit(exchange))
		relay_commit(exchange, false);
	if (exchange->state != EXCHANGE_STREAMING)
		return;
	if (exchange->error_event)
		end_with_upstream_error(exchange);
	else if (exchange->chunk_open || buffer_len(&exchange->client->out) > 0)
		write_out(exchange);
}

/* --- ends --- */

/* The server's last word has been passed on: [DONE], or its own error behind the commit point. */
static bool last_word_is_said(const struct exchange *exchange)
{
	return exchange->is_stream &&
	       (exchange->done_seen ||
		       (exchange->error_event && exchange->state == EXCHANGE_STREAMING));
}

static void finish_stream(struct exchange *exchange)
{
	if (exchange->state != EXCHANGE_STREAMING)
		relay_commit(exchange, false);
	exchange->record->flags |= exchange->error_event ? RECORD_FAILED : RECORD_ANSWERED;
	close_chunk(exchange);
	if (frames(exchange))
		http_chunk_last(&exchange->client->out);
	exchange_end(exchange);
}

bool relay_finish(struct exchange *exchange)
{
	if (!last_word_is_said(exchange))
		return false;
	finish_stream(exchange);
	return true;
}

/* Some servers leave out the line ends behind their last event. The standard drops such an event;
 * here it counts if it is whole. */
static void take_leftover(struct exchange *exchange)
{
	for (int i = 0; i < 2 && sse_leftover(&exchange->sse).len > 0; i++)
		if (!relay_events_of(exchange, SLICE_LITERAL("\n")))
			return;
}

static void complete_stream(struct exchange *exchange)
{
	struct error *refusal = &exchange->worker->refusal;
	struct exchange_failure failure = {
		.error = HTTP_ERROR_UPSTREAM_LOST,
		.observed = OBSERVED_CONNECTION_LOST,
		.retryable = true,
	};

	take_leftover(exchange);
	if (exchange->finish_seen || last_word_is_said(exchange)) {
		finish_stream(exchange);
	} else {
		error_set(&failure.text, "backend \"%s\" %s", exchange->candidate->backend->name,
			refusal->text[0] ? refusal->text : "ended its stream without finishing it");
		exchange_fail(exchange, &failure);
	}
	refusal->text[0] = '\0';
}

static void on_complete(void *owner)
{
	struct exchange *exchange = owner;

	/* The headers stay readable during this call, but the connection is no longer ours. */
	exchange->upstream = NULL;
	if (exchange->is_stream)
		complete_stream(exchange);
	else
		whole_answer_complete(exchange);
}

static const struct {
	enum http_error_id error;
	enum observed observed;
	bool retryable;
} failure_table[] = {
	[UPSTREAM_CONNECT_FAILED] = {HTTP_ERROR_UPSTREAM, OBSERVED_CONNECT_FAILED, true},
	[UPSTREAM_CONNECT_TIMEOUT] = {HTTP_ERROR_UPSTREAM_TIMEOUT, OBSERVED_CONNECT_FAILED, true},
	[UPSTREAM_STALE] = {HTTP_ERROR_UPSTREAM, OBSERVED_CONNECTION_LOST, true},
	[UPSTREAM_LOST] = {HTTP_ERROR_UPSTREAM_LOST, OBSERVED_CONNECTION_LOST, true},
	[UPSTREAM_BAD_ANSWER] = {HTTP_ERROR_BAD_UPSTREAM, OBSERVED_BAD_ANSWER, true},
};

static void on_failed(void *owner, enum upstream_failure failure, const struct error *error)
{
	struct exchange *exchange = owner;
	struct exchange_failure told = {
		.error = failure_table[failure].error,
		.observed = failure_table[failure].observed,
		.retryable = failure_table[failure].retryable,
	};
	bool refused = exchange->worker->refusal.text[0] != '\0';

	exchange->upstream = NULL;
	if (relay_finish(exchange)) {
		exchange->worker->refusal.text[0] = '\0';
		return;
	}
	if (failure == UPSTREAM_STALE && !exchange->fresh_connection && exchange->client) {
		exchange_retry_fresh(exchange);
		return;
	}
	error_set(&told.text, "backend \"%s\" %s%s", exchange->candidate->backend->name,
		failure == UPSTREAM_CONNECT_FAILED || failure == UPSTREAM_CONNECT_TIMEOUT
			? "cannot be reached: "
			: "",
		refused ? exchange->worker->refusal.text : error->text);
	exchange->worker->refusal.text[0] = '\0';
	exchange_fail(exchange, &told);
}

const struct upstream_events relay_events = {
	.on_head = on_head,
	.on_body = on_body,
	.on_read = on_read,
	.on_complete = on_complete,
	.on_failed = on_failed,
};
