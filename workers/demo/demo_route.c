/* demo_route.c: paths to answers. Writes into the connection's buffers; reads and sends nothing
 * itself. */
#include <string.h>

#include "base/json_write.h"
#include "base/memory.h"
#include "http/http_head.h"
#include "workers/demo/demo_embedding.h"
#include "workers/demo/demo_private.h"

struct demo_route {
	enum http_method method;
	const char *path; /* one that ends in a slash stands for all below it */
	void (*answer)(struct demo_connection *connection);
	enum demo_kind kind;
	const struct demo_model *model; /* of /v1/models/{id} */
};

/* --- framing --- */

static void write_head(struct demo_connection *connection, unsigned status, const char *type)
{
	http_head_status(&connection->out, status);
	http_head_add_text(&connection->out, "Content-Type", type);
	http_head_add_text(&connection->out, "Server", "nexus-demo");
	if (!connection->keep_alive)
		http_head_add_text(&connection->out, "Connection", "close");
}

static void write_json(struct demo_connection *connection, unsigned status, struct slice body)
{
	write_head(connection, status, "application/json");
	http_head_add_u64(&connection->out, "Content-Length", body.len);
	http_head_end(&connection->out);
	/* The buffer takes the largest body and a head; a client that leaves more unread is cut
	 * off. */
	if (!buffer_append_slice(&connection->out, body))
		connection->keep_alive = false;
}

void demo_route_refuse(struct demo_connection *connection, enum http_error_id id, const char *param,
	const char *sentence, const char *allow)
{
	struct buffer body;

	buffer_init(&body, 4096);
	http_error_body(&body, id, slice_of(sentence), param, slice_make(NULL, 0));
	write_head(connection, http_error_table[id].status, "application/json");
	if (allow)
		http_head_add_text(&connection->out, "Allow", allow);
	http_head_add_u64(&connection->out, "Content-Length", buffer_len(&body));
	http_head_end(&connection->out);
	buffer_append_slice(&connection->out, buffer_slice(&body));
	buffer_free(&body);
}

/* --- answers --- */

static void answer_models(struct demo_connection *connection)
{
	demo_models_write(&connection->whole);
	write_json(connection, 200, buffer_slice(&connection->whole));
}

static void answer_model(struct demo_connection *connection)
{
	demo_model_write(slice_of(connection->route->model->id), &connection->whole);
	write_json(connection, 200, buffer_slice(&connection->whole));
}

static void answer_health(struct demo_connection *connection)
{
	write_json(connection, 200, SLICE_LITERAL("{\"status\":\"ok\"}"));
}

static void begin_stream(struct demo_connection *connection)
{
	write_head(connection, 200, "text/event-stream; charset=utf-8");
	http_head_add_text(&connection->out, "Cache-Control", "no-cache");
	if (connection->may_chunk)
		http_head_add_text(&connection->out, "Transfer-Encoding", "chunked");
	else
		connection->keep_alive = false;
	http_head_end(&connection->out);
}

static void answer_words(struct demo_connection *connection)
{
	const struct demo_pace *pace = connection->server->pace;
	struct demo_refusal refusal;
	struct demo_answer *answer;
	struct demo_ask ask;
	unsigned delay_ms;

	if (!demo_ask_read(
		    &ask, connection->route->kind, buffer_slice(&connection->body), &refusal)) {
		demo_route_refuse(connection, refusal.id, refusal.param, refusal.sentence, NULL);
		return;
	}
	answer = connection->answer = memory_alloc(sizeof(*answer));
	demo_answer_init(answer, &ask);
	if (ask.stream) {
		delay_ms = demo_answer_delay_ms(answer, pace);
		begin_stream(connection);
	} else {
		delay_ms = demo_answer_whole(answer, pace, &connection->whole);
		memory_free_at(&connection->answer);
	}
	demo_connection_wait(connection, delay_ms);
}

static void answer_embeddings(struct demo_connection *connection)
{
	struct demo_refusal refusal;
	struct demo_ask ask;

	if (!demo_ask_read(&ask, DEMO_EMBEDDING, buffer_slice(&connection->body), &refusal) ||
		!demo_embedding_write(&ask, &connection->whole, &refusal)) {
		demo_route_refuse(connection, refusal.id, refusal.param, refusal.sentence, NULL);
		return;
	}
	write_json(connection, 200, buffer_slice(&connection->whole));
}

void demo_route_begin(struct demo_connection *connection)
{
	connection->route->answer(connection);
}

static void write_events(struct demo_connection *connection, bool *more)
{
	size_t mark = 0;

	if (connection->may_chunk)
		http_chunk_open(&connection->out, &mark);
	*more = demo_answer_next(connection->answer, &connection->out);
	if (connection->may_chunk)
		http_chunk_close(&connection->out, mark);
	if (connection->may_chunk && !*more)
		http_chunk_last(&connection->out);
}

bool demo_route_go_on(struct demo_connection *connection)
{
	bool more;

	if (!connection->answer) {
		write_json(connection, 200, buffer_slice(&connection->whole));
		return false;
	}
	write_events(connection, &more);
	if (more)
		demo_connection_wait(connection,
			demo_answer_delay_ms(connection->answer, connection->server->pace));
	return more;
}

/* --- the table --- */

static const struct demo_route routes[] = {
	{HTTP_METHOD_GET, "/health", answer_health, 0, NULL},
	{HTTP_METHOD_GET, "/v1/models", answer_models, 0, NULL},
	{HTTP_METHOD_GET, "/v1/models/demo-small", answer_model, 0, &demo_models[0]},
	{HTTP_METHOD_GET, "/v1/models/demo-vision", answer_model, 0, &demo_models[1]},
	{HTTP_METHOD_POST, "/v1/chat/completions", answer_words, DEMO_CHAT, NULL},
	{HTTP_METHOD_POST, "/v1/completions", answer_words, DEMO_COMPLETION, NULL},
	{HTTP_METHOD_POST, "/v1/embeddings", answer_embeddings, DEMO_EMBEDDING, NULL},
};

bool demo_route_find(struct demo_connection *connection, const struct http_request *request)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!slice_is(request->path, routes[i].path))
			continue;
		if (request->method != routes[i].method) {
			demo_route_refuse(connection, HTTP_ERROR_METHOD_NOT_ALLOWED, NULL,
				"This path does not have that method.",
				routes[i].method == HTTP_METHOD_GET ? "GET" : "POST");
			return false;
		}
		connection->route = &routes[i];
		return true;
	}
	if (slice_starts_with(request->path, "/v1/models/"))
		demo_route_refuse(connection, HTTP_ERROR_MODEL_NOT_FOUND, "model",
			"There is no such model here; there are demo-small and demo-vision.", NULL);
	else
		demo_route_refuse(connection, HTTP_ERROR_NOT_FOUND, NULL,
			"There is nothing at this path.", NULL);
	return false;
}
