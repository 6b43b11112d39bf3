/* endpoint_models.c: /v1/models and /v1/models/{id}: models of backends that serve now, and aliases
 * of them. */
#include "base/json_write.h"
#include "workers/request/fleet.h"
#include "workers/request/request_worker.h"
#include "workers/request/route.h"
#include "routing/routing.h"

#define LIST_MAX (64u << 20)
#define ID_MAX   128u

/* What is said of a model that several backends offer: the best any of them knows. */
struct merged {
	uint32_t context_length;
	uint32_t max_output_tokens;
	bool vision, tools, json_mode, embeddings;
	const char *owner;
	unsigned serving;
};

static struct merged merge(
	struct request_worker *worker, const struct registry_offer *offers, size_t count)
{
	struct merged merged = {.owner = "nexus"};

	for (size_t i = 0; i < count; i++) {
		const struct registry_model *model = offers[i].model;

		if (!fleet_serves(worker, offers[i].backend))
			continue;
		merged.serving++;
		if (model->context_length > merged.context_length)
			merged.context_length = model->context_length;
		if (model->max_output_tokens > merged.max_output_tokens)
			merged.max_output_tokens = model->max_output_tokens;
		merged.vision |= model->vision == KNOWLEDGE_YES;
		merged.tools |= model->tools == KNOWLEDGE_YES;
		merged.json_mode |= model->json_mode == KNOWLEDGE_YES;
		merged.embeddings |= model->embeddings == KNOWLEDGE_YES;
		merged.owner = strcmp(offers[i].backend->type, "demo") == 0
				       ? "nexus-demo"
				       : offers[i].backend->type;
	}
	return merged;
}

static void write_capabilities(struct json_writer *json, const struct merged *merged)
{
	json_key(json, "capabilities");
	json_array_open(json);
	if (merged->vision)
		json_text(json, "vision");
	if (merged->tools)
		json_text(json, "tools");
	if (merged->json_mode)
		json_text(json, "json_mode");
	if (merged->embeddings)
		json_text(json, "embeddings");
	json_array_close(json);
}

static void write_limit(struct json_writer *json, const char *name, uint32_t value)
{
	json_key(json, name);
	if (value > 0)
		json_uint(json, value);
	else
		json_nothing(json);
}

static void write_model(struct request_worker *worker, struct json_writer *json, struct slice id,
	const struct registry_offer *offers, size_t count)
{
	struct merged merged = merge(worker, offers, count);

	json_object_open(json);
	json_key(json, "id");
	json_slice(json, id);
	json_member_text(json, "object", "model");
	json_member_uint(json, "created", (uint64_t)(worker->worker->started_wall_us / 1000000));
	json_member_text(json, "owned_by", merged.owner);
	write_limit(json, "context_length", merged.context_length);
	write_limit(json, "max_output_tokens", merged.max_output_tokens);
	write_capabilities(json, &merged);
	json_key(json, "backends");
	json_array_open(json);
	for (size_t i = 0; i < count; i++)
		if (fleet_serves(worker, offers[i].backend))
			json_text(json, offers[i].backend->name);
	json_array_close(json);
	json_object_close(json);
}

/* The offers of a name, an alias resolved. */
static const struct registry_offer *offers_of(
	struct request_worker *worker, struct slice name, size_t *count)
{
	struct slice chain[ROUTING_CHAIN_MAX + 1];
	size_t depth = routing_resolve_alias(
		worker->worker->config, worker->worker->registry, name, chain);

	return registry_offers(worker->worker->registry, depth > 0 ? chain[depth] : name, count);
}

static void write_aliases(struct request_worker *worker, struct json_writer *json)
{
	const struct config *config = worker->worker->config;

	for (size_t i = 0; i < config->routing.alias_count; i++) {
		struct slice name = slice_of(config->routing.aliases[i].name);
		const struct registry_offer *offers;
		size_t own;
		size_t count;

		registry_offers(worker->worker->registry, name, &own);
		offers = offers_of(worker, name, &count);
		if (own == 0 && merge(worker, offers, count).serving > 0)
			write_model(worker, json, name, offers, count);
	}
}

void route_models(struct client *client, struct slice rest)
{
	struct request_worker *worker = client->worker;
	const struct registry_offer *offers;
	struct json_writer json;
	struct buffer body;
	struct slice model;
	size_t count;
	size_t at = 0;

	buffer_init(&body, LIST_MAX);
	json_write_init(&json, &body);
	json_object_open(&json);
	json_member_text(&json, "object", "list");
	json_key(&json, "data");
	json_array_open(&json);
	while (registry_next_model(worker->worker->registry, &at, &model, &offers, &count))
		if (merge(worker, offers, count).serving > 0)
			write_model(worker, &json, model, offers, count);
	write_aliases(worker, &json);
	json_array_close(&json);
	json_object_close(&json);
	client_answer(client, 200, "application/json", buffer_slice(&body));
	buffer_free(&body);
	client_finish(client);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

/* Percent-decoding (RFC 3986 section 2.1); ids may hold slashes and colons, encoded or not. */
static struct slice decode_id(struct slice text, char out[ID_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < text.len && len < ID_MAX; i++) {
		bool encoded = text.data[i] == '%' && i + 2 < text.len &&
			       hex_value(text.data[i + 1]) >= 0 && hex_value(text.data[i + 2]) >= 0;

		out[len++] = encoded ? (char)(hex_value(text.data[i + 1]) * 16 +
					       hex_value(text.data[i + 2]))
				     : text.data[i];
		i += encoded ? 2 : 0;
	}
	return slice_make(out, len);
}

void route_model(struct client *client, struct slice rest)
{
	struct request_worker *worker = client->worker;
	const struct registry_offer *offers;
	struct json_writer json;
	struct buffer body;
	char decoded[ID_MAX];
	struct slice id = decode_id(rest, decoded);
	size_t count;

	offers = offers_of(worker, id, &count);
	if (merge(worker, offers, count).serving == 0) {
		client_error(client,
			count > 0 ? HTTP_ERROR_UNAVAILABLE : HTTP_ERROR_MODEL_NOT_FOUND, NULL,
			slice_make(NULL, 0), count > 0 ? 5 : 0,
			count > 0 ? "No backend that offers \"%.*s\" is healthy."
				  : "The model \"%.*s\" does not exist here.",
			SLICE_ARGS(id));
		client_finish(client);
		return;
	}
	buffer_init(&body, LIST_MAX);
	json_write_init(&json, &body);
	write_model(worker, &json, id, offers, count);
	client_answer(client, 200, "application/json", buffer_slice(&body));
	buffer_free(&body);
	client_finish(client);
}
