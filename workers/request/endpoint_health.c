/* endpoint_health.c: /health, /livez, /readyz. */
#include "base/clock.h"
#include "base/json_write.h"
#include "config.h"
#include "workers/request/fleet.h"
#include "workers/request/request_worker.h"
#include "workers/request/route.h"

#define ANSWER_MAX 4096u

bool fleet_serves(struct request_worker *worker, const struct registry_backend *backend)
{
	const struct scoreboard_state *state =
		scoreboard_state(worker->worker->scoreboard, backend->state);
	uint64_t status = atomic_load_explicit(&state->status, memory_order_relaxed);

	return !backend->disabled && (status == STATUS_HEALTHY || status == STATUS_BUSY);
}

static bool any_serves(
	struct request_worker *worker, const struct registry_offer *offers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fleet_serves(worker, offers[i].backend))
			return true;
	return false;
}

struct fleet fleet_count(struct request_worker *worker)
{
	const struct registry *registry = worker->worker->registry;
	const struct registry_offer *offers;
	struct fleet fleet = {0};
	struct slice model;
	size_t count;
	size_t at = 0;

	for (size_t i = 0; i < registry->backend_count; i++) {
		fleet.enabled += !registry->backends[i]->disabled;
		fleet.healthy += fleet_serves(worker, registry->backends[i]);
	}
	while (registry_next_model(registry, &at, &model, &offers, &count))
		fleet.models += any_serves(worker, offers, count);
	return fleet;
}

static void answer_json(struct client *client, unsigned status, struct buffer *body)
{
	client_answer(client, status, "application/json", buffer_slice(body));
	buffer_free(body);
	client_finish(client);
}

void route_health(struct client *client, struct slice rest)
{
	struct request_worker *worker = client->worker;
	struct fleet fleet = fleet_count(worker);
	const char *status = fleet.healthy == 0              ? "unhealthy"
			     : fleet.healthy < fleet.enabled ? "degraded"
							     : "healthy";
	struct json_writer json;
	struct buffer body;

	buffer_init(&body, ANSWER_MAX);
	json_write_init(&json, &body);
	json_object_open(&json);
	json_member_text(&json, "status", status);
	json_member_text(&json, "version", PACKAGE_VERSION);
	json_member_text(&json, "instance", worker->hop);
	json_member_uint(&json, "uptime_seconds",
		(uint64_t)(clock_wall_us() - worker->worker->started_wall_us) / 1000000);
	json_key(&json, "backends");
	json_object_open(&json);
	json_member_uint(&json, "total", fleet.enabled);
	json_member_uint(&json, "healthy", fleet.healthy);
	json_member_uint(&json, "unhealthy", fleet.enabled - fleet.healthy);
	json_object_close(&json);
	json_key(&json, "models");
	json_object_open(&json);
	json_member_uint(&json, "total", fleet.models);
	json_object_close(&json);
	json_object_close(&json);
	answer_json(client, fleet.healthy == 0 ? 503 : 200, &body);
}

static void answer_status(struct client *client, unsigned status, const char *text)
{
	struct json_writer json;
	struct buffer body;

	buffer_init(&body, ANSWER_MAX);
	json_write_init(&json, &body);
	json_object_open(&json);
	json_member_text(&json, "status", text);
	json_object_close(&json);
	answer_json(client, status, &body);
}

void route_livez(struct client *client, struct slice rest)
{
	answer_status(client, 200, "alive");
}

void route_readyz(struct client *client, struct slice rest)
{
	bool ready = fleet_count(client->worker).models > 0;

	answer_status(client, ready ? 200 : 503, ready ? "ready" : "no model can be served now");
}
