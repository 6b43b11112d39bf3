/* exchange_request.c: the request of an attempt: our own head, the client's body byte for byte but
 * for what is spliced in.
 *
 * All that is ever put into or changed in a client's body is in the one list of edits below:
 * `model` (an alias) and `stream_options.include_usage`. */
#include <stdio.h>

#include "base/clock.h"
#include "base/fatal.h"
#include "base/text.h"
#include "http/http_head.h"
#include "workers/request/client.h"
#include "workers/request/exchange.h"
#include "workers/request/pool.h"
#include "workers/request/request_worker.h"
#include "workers/request/upstream.h"

#define PASSED_MAX 4096u
#define EDITS_MAX  3u

/* Of a client's headers, these go to a backend and no other: sending more would hand a user's
 * secrets to whatever server was found. docs/decisions/http-headers.md. */
static const char *const passed_headers[] = {"traceparent", "tracestate", "idempotency-key"};

static const char *const endpoint_paths[ENDPOINT_COUNT] = {
	[ENDPOINT_CHAT] = "/chat/completions",
	[ENDPOINT_COMPLETION] = "/completions",
	[ENDPOINT_EMBEDDINGS] = "/embeddings",
};

struct edit {
	size_t offset;
	size_t removed;
	struct slice inserted;
};

/* All gateways that the request has passed, this one last. */
static void add_hops(const struct exchange *exchange, struct slice passed, struct buffer *text)
{
	char hops[EXCHANGE_HOPS_MAX + sizeof(exchange->worker->hop) + 2];
	int len;

	/* A longer list is refused. */
	if (passed.len > EXCHANGE_HOPS_MAX)
		return;
	if (passed.len == 0) {
		http_head_add_text(text, "X-Nexus-Hop", exchange->worker->hop);
		return;
	}
	len = snprintf(hops, sizeof(hops), "%.*s, %s", SLICE_ARGS(passed), exchange->worker->hop);
	http_head_add(text, "X-Nexus-Hop", slice_make(hops, (size_t)len));
}

void exchange_read_headers(struct exchange *exchange, const struct http_request *head)
{
	struct slice authorization = http_request_header(head, "authorization");
	struct buffer *text = &exchange->worker->head_text;

	buffer_clear(text);
	add_hops(exchange, http_request_header(head, "x-nexus-hop"), text);
	for (size_t i = 0; i < sizeof(passed_headers) / sizeof(*passed_headers); i++) {
		struct slice value = http_request_header(head, passed_headers[i]);

		if (value.len > 0 && buffer_len(text) + value.len < PASSED_MAX)
			http_head_add(text, passed_headers[i], value);
	}
	exchange->passed_headers =
		slice_make(arena_dup_slice(&exchange->arena, buffer_slice(text)), buffer_len(text));
	if (authorization.len > 0)
		exchange->authorization = slice_make(
			arena_dup_slice(&exchange->arena, authorization), authorization.len);
}

static struct slice quoted(struct arena *arena, struct slice text)
{
	char *place = arena_alloc(arena, text.len * 6 + 3);
	size_t len;

	place[0] = '"';
	len = 1 + text_escape(place + 1, text.len * 6 + 2, text, TEXT_ESCAPE_JSON);
	place[len] = '"';
	return slice_make(place, len + 1);
}

static bool is_empty_object(struct slice value)
{
	for (size_t i = 1; i + 1 < value.len; i++)
		if (!strchr(" \t\r\n", value.data[i]))
			return false;
	return true;
}

/* The count of tokens must come with every stream, whether the client asked for it or not. */
static bool edit_usage(const struct exchange *exchange, struct edit *edit)
{
	const struct request_facts *facts = &exchange->facts;
	struct slice options = slice_make(
		exchange->body.data + facts->stream_options.offset, facts->stream_options.length);

	if (!facts->stream || facts->wants_usage || facts->endpoint == ENDPOINT_EMBEDDINGS)
		return false;
	if (facts->include_usage.length > 0)
		*edit = (struct edit){facts->include_usage.offset, facts->include_usage.length,
			SLICE_LITERAL("true")};
	else if (options.len == 0)
		*edit = (struct edit){facts->object_open.offset + 1, 0,
			SLICE_LITERAL("\"stream_options\":{\"include_usage\":true},")};
	else if (options.data[0] != '{' || is_empty_object(options))
		*edit = (struct edit){facts->stream_options.offset, options.len,
			SLICE_LITERAL("{\"include_usage\":true}")};
	else
		*edit = (struct edit){facts->stream_options.offset + 1, 0,
			SLICE_LITERAL("\"include_usage\":true,")};
	return true;
}

/* The edits in the order of their offsets. */
static unsigned gather_edits(struct exchange *exchange, struct edit edits[EDITS_MAX])
{
	unsigned count = 0;

	if (exchange->rewrites_model)
		edits[count++] = (struct edit){exchange->facts.model_span.offset,
			exchange->facts.model_span.length,
			quoted(&exchange->arena, exchange->model_sent)};
	if (edit_usage(exchange, &edits[count])) {
		if (count == 1 && edits[1].offset < edits[0].offset) {
			struct edit first = edits[1];

			edits[1] = edits[0];
			edits[0] = first;
		}
		count++;
	}
	return count;
}

static unsigned splice_body(struct exchange *exchange, struct iovec *pieces, size_t *length)
{
	struct edit edits[EDITS_MAX];
	unsigned edit_count = gather_edits(exchange, edits);
	unsigned count = 0;
	size_t at = 0;

	*length = exchange->body.len;
	for (unsigned i = 0; i < edit_count; i++) {
		pieces[count++] = (struct iovec){
			(char *)(uintptr_t)exchange->body.data + at, edits[i].offset - at};
		pieces[count++] = (struct iovec){
			(char *)(uintptr_t)edits[i].inserted.data, edits[i].inserted.len};
		at = edits[i].offset + edits[i].removed;
		*length += edits[i].inserted.len - edits[i].removed;
	}
	pieces[count++] = (struct iovec){
		(char *)(uintptr_t)exchange->body.data + at, exchange->body.len - at};
	return count;
}

static void compose_head(struct exchange *exchange, struct buffer *out, size_t length)
{
	const struct pool_target *target = exchange->target;
	bool fits =
		buffer_append_text(out, "POST ") && buffer_append_text(out, target->path_prefix) &&
		buffer_append_text(out, endpoint_paths[exchange->facts.endpoint]) &&
		buffer_append_text(out, " HTTP/1.1\r\n") && buffer_append_text(out, target->head) &&
		buffer_append_text(out, exchange->facts.stream
						? "Accept: text/event-stream, application/json\r\n"
						: "Accept: application/json\r\n") &&
		buffer_append_text(
			out, "Content-Type: application/json\r\nAccept-Encoding: identity\r\n") &&
		http_head_add_u64(out, "Content-Length", length) &&
		http_head_add_text(out, "X-Request-Id", exchange->client->request_id) &&
		buffer_append_slice(out, exchange->passed_headers);

	if (fits && target->pass_authorization && exchange->authorization.len > 0)
		fits = http_head_add(out, "Authorization", exchange->authorization);
	/* All parts are bounded well below the buffer. */
	invariant(fits && http_head_end(out));
}

void exchange_wipe_head(struct exchange *exchange)
{
	if (exchange->request_head.len > 0)
		explicit_bzero(
			(char *)(uintptr_t)exchange->request_head.data, exchange->request_head.len);
	exchange->request_head.len = 0;
}

void exchange_send(struct exchange *exchange)
{
	struct iovec pieces[UPSTREAM_PIECES_MAX];
	struct buffer *head = &exchange->worker->head_text;
	size_t length;
	unsigned count = 1 + splice_body(exchange, pieces + 1, &length);

	exchange_wipe_head(exchange);
	buffer_clear(head);
	compose_head(exchange, head, length);
	exchange->request_head =
		slice_make(arena_dup_slice(&exchange->arena, buffer_slice(head)), buffer_len(head));
	explicit_bzero(buffer_data(head), buffer_len(head));
	pieces[0] = (struct iovec){
		(char *)(uintptr_t)exchange->request_head.data, exchange->request_head.len};
	/* From here on the attempt may reach the backend and be billed. */
	exchange->record->flags |= RECORD_SENT;
	exchange->record->bytes_up += length;
	upstream_send(exchange->upstream, pieces, count);
	if (exchange->attempts == 1)
		exchange->overhead_ns = clock_monotonic_ns() - exchange->received_ns;
}
