/* exchange_headers.c: what an answer says about how it came to be. */
#include "http/http_head.h"
#include "workers/request/client.h"
#include "workers/request/exchange.h"
#include "workers/request/pool.h"
#include "workers/request/request_worker.h"
#include "workers/request/upstream.h"

/* Of an upstream's headers, these reach the client, the last as x-upstream-request-id. */
static const char *const passed_prefixes[] = {"x-ratelimit-", "anthropic-ratelimit-"};

static bool passes(struct slice name)
{
	if (slice_is_nocase(name, "retry-after") || slice_is_nocase(name, "retry-after-ms"))
		return true;
	for (size_t i = 0; i < sizeof(passed_prefixes) / sizeof(*passed_prefixes); i++)
		if (name.len > strlen(passed_prefixes[i]) &&
			strncasecmp(name.data, passed_prefixes[i], strlen(passed_prefixes[i])) == 0)
			return true;
	return false;
}

static bool is_request_id(struct slice name)
{
	return slice_is_nocase(name, "x-request-id") || slice_is_nocase(name, "request-id");
}

static void add_upstream_headers(const struct exchange *exchange, struct buffer *out)
{
	size_t count = http_response_header_count(exchange->response);

	for (size_t i = 0; i < count; i++) {
		struct http_header header = http_response_header_at(exchange->response, i);
		char name[64];

		if (is_request_id(header.name)) {
			http_head_add(out, "x-upstream-request-id", header.value);
		} else if (header.name.len < sizeof(name) && passes(header.name)) {
			memcpy(name, header.name.data, header.name.len);
			name[header.name.len] = '\0';
			http_head_add(out, name, header.value);
		}
	}
}

void exchange_add_headers(struct exchange *exchange, struct buffer *out)
{
	int wanted = exchange->config->server.transparent_headers;

	if (wanted != TRANSPARENT_OFF) {
		buffer_append_text(out, exchange->target->answer_head);
		http_head_add_text(
			out, "X-Nexus-Route-Reason", reason_names[exchange->decision.reason]);
	}
	if (wanted == TRANSPARENT_FULL) {
		http_head_add(out, "X-Nexus-Model", exchange->model_sent);
		if (exchange->decision.step > 0)
			http_head_add(out, "X-Nexus-Fallback-Model", exchange->model_sent);
		http_head_add_u64(out, "X-Nexus-Attempts", exchange->attempts);
		http_head_add_u64(out, "X-Nexus-Overhead-Us", exchange->overhead_ns / 1000);
	}
	if (exchange->response)
		add_upstream_headers(exchange, out);
}

void exchange_add_comment(struct exchange *exchange, struct buffer *out)
{
	const struct registry_backend *backend = exchange->candidate->backend;
	struct slice model = exchange->model_sent;

	if (exchange->config->server.transparent_headers == TRANSPARENT_OFF)
		return;
	buffer_printf(out,
		": X-Nexus-Backend=%s X-Nexus-Backend-Type=%s X-Nexus-Model=%.*s "
		"X-Nexus-Route-Reason=%s",
		backend->name, backend->is_cloud ? "cloud" : "local", SLICE_ARGS(model),
		reason_names[exchange->decision.reason]);
	if (exchange->decision.step > 0)
		buffer_printf(out, " X-Nexus-Fallback-Model=%.*s", SLICE_ARGS(model));
	buffer_append_text(out, "\n\n");
}
