/* cors.c: origins by exact comparison with the configured list. */
#include "workers/request/cors.h"

#include "http/http_head.h"
#include "workers/request/client.h"
#include "workers/request/request_worker.h"

/* Notes the origin on the client, so that it outlives a reload. */
static bool note_origin(struct client *client, struct slice origin)
{
	const struct config_strings *origins = &client->worker->worker->config->server.cors_origins;

	client->cors_origin[0] = '\0';
	for (size_t i = 0; i < origins->count && origin.len <= CLIENT_ORIGIN_MAX; i++) {
		if (!slice_is(origin, origins->items[i]))
			continue;
		memcpy(client->cors_origin, origin.data, origin.len);
		client->cors_origin[origin.len] = '\0';
		return true;
	}
	return false;
}

bool cors_answer_preflight(struct client *client, const struct http_request *head)
{
	if (!note_origin(client, http_request_header(head, "origin")))
		return false;
	client_head_begin(client, 204);
	http_head_add_text(&client->out, "Access-Control-Allow-Methods", "GET, POST");
	http_head_add_text(&client->out, "Access-Control-Allow-Headers",
		"Authorization, Content-Type, X-Request-Id, X-Nexus-Strict, X-Nexus-Flexible, "
		"X-Nexus-Session, X-Nexus-Priority");
	http_head_add_text(&client->out, "Access-Control-Max-Age", "600");
	http_head_end(&client->out);
	return true;
}

bool cors_check(struct client *client, const struct http_request *head)
{
	struct slice origin = http_request_header(head, "origin");
	struct slice type = http_request_header(head, "content-type");

	if (note_origin(client, origin) || origin.len == 0 || head->method != HTTP_METHOD_POST)
		return true;
	if (type.len >= 16 && strncasecmp(type.data, "application/json", 16) == 0)
		return true;
	client_error(client, HTTP_ERROR_FORBIDDEN_ORIGIN, NULL, slice_make(NULL, 0), 0,
		"A page from another origin must send application/json, and its origin must be in "
		"server.cors_origins.");
	return false;
}

void cors_add_headers(const struct client *client, struct buffer *out)
{
	if (client->cors_origin[0] == '\0')
		return;
	http_head_add_text(out, "Access-Control-Allow-Origin", client->cors_origin);
	http_head_add_text(out, "Vary", "Origin");
	http_head_add_text(out, "Access-Control-Expose-Headers",
		"X-Request-Id, X-Nexus-Backend, X-Nexus-Model, X-Nexus-Fallback-Model, "
		"X-Nexus-Privacy-Zone, "
		"X-Nexus-Route-Reason, Retry-After");
}
