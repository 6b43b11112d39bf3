/* client_answer.c: what every answer of ours looks like. */
#include <stdarg.h>
#include <stdio.h>

#include "base/fatal.h"
#include "http/http_head.h"
#include "workers/request/client.h"
#include "workers/request/cors.h"
#include "workers/request/request_counters.h"
#include "workers/request/request_worker.h"
#include "workers/request/route.h"

#define ERROR_BODY_MAX     (256u << 10)
#define USUAL_ANSWER_BYTES 1900u

void client_head_begin(struct client *client, unsigned status)
{
	struct buffer *out = &client->out;

	/* One allocation for the usual answer. */
	buffer_reserve(out, USUAL_ANSWER_BYTES);
	http_head_status(out, status);
	buffer_append_slice(out, client->worker->date);
	http_head_add_text(out, "X-Request-Id", client->request_id);
	if (client->worker->draining)
		client->keep_alive = false;
	if (!client->keep_alive || client->closing)
		buffer_append_text(out, "Connection: close\r\n");
	else if (client->http_1_0)
		buffer_append_text(out, "Connection: keep-alive\r\n");
	cors_add_headers(client, out);
}

void client_answer(
	struct client *client, unsigned status, const char *content_type, struct slice body)
{
	client_head_begin(client, status);
	http_head_add_text(&client->out, "Content-Type", content_type);
	http_head_add_u64(&client->out, "Content-Length", body.len);
	http_head_end(&client->out);
	if (!client->head_only)
		buffer_append_slice(&client->out, body);
}

static void add_retry_headers(
	struct client *client, const struct http_error_row *row, unsigned retry_after_seconds)
{
	struct buffer *out = &client->out;

	if (retry_after_seconds > 0) {
		http_head_add_u64(out, "Retry-After", retry_after_seconds);
		http_head_add_u64(out, "retry-after-ms", (uint64_t)retry_after_seconds * 1000);
	}
	if (!row->retryable)
		http_head_add_text(out, "x-should-retry", "false");
	if (row->status == 405 && client->route)
		http_head_add_text(out, "Allow", route_allow_text(client->route));
}

void client_error(struct client *client, enum http_error_id id, const char *param,
	struct slice context, unsigned retry_after_seconds, const char *format, ...)
{
	const struct http_error_row *row = &http_error_table[id];
	struct buffer body;
	char message[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	invariant(len >= 0);
	request_counters_error(client->worker, id);
	buffer_init(&body, ERROR_BODY_MAX);
	if (!http_error_body(&body, id, slice_of(message), param, context)) {
		buffer_clear(&body);
		http_error_body(&body, id, slice_of(message), param, slice_make(NULL, 0));
	}
	if (client->closing)
		client->keep_alive = false;
	client_head_begin(client, row->status);
	http_head_add_text(&client->out, "Content-Type", "application/json");
	http_head_add_u64(&client->out, "Content-Length", buffer_len(&body));
	add_retry_headers(client, row, retry_after_seconds);
	http_head_end(&client->out);
	if (!client->head_only)
		buffer_append_slice(&client->out, buffer_slice(&body));
	buffer_free(&body);
}
