/* config_check.c: what depends on several values: defaults by type, and the rules between keys.
 *
 * Every problem is added; none ends the check. */
#include "config/config_build.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/net_address.h"

#define BACKENDS_MAX 1024u /* what a registry holds */

bool config_type_is_cloud(const char *type)
{
	static const char *const cloud[] = {"openai", "anthropic", "google"};

	for (size_t i = 0; i < sizeof(cloud) / sizeof(cloud[0]); i++)
		if (strcmp(type, cloud[i]) == 0)
			return true;
	return false;
}

/* --- defaults that depend --- */

/* api_key_env = "NAME" means api_key = "env:NAME". */
static void finish_key(struct config_build *build, struct config_backend *backend)
{
	char reference[160];
	const char *value;

	if (!*backend->api_key_env)
		return;
	if (config_secret_reference(build->config, backend->api_key) || *backend->api_key) {
		config_problem_add(build, false, "api_key and api_key_env are both given");
		return;
	}
	snprintf(reference, sizeof(reference), "env:%s", backend->api_key_env);
	value = config_secret_resolve(build, reference);
	backend->api_key = value ? value : "";
	backend->api_key_env = "";
}

static void finish_model(struct config_model *model, const struct config_backend *backend)
{
	if (model->context_length == CONFIG_ABSENT_UINT)
		model->context_length = 0;
	if (model->tier == CONFIG_ABSENT_UINT)
		model->tier = backend->tier;
}

void config_finish_backend(struct config_build *build, struct config_backend *backend)
{
	bool cloud = config_type_is_cloud(backend->type);
	size_t len = strlen(backend->url);

	while (len > 0 && backend->url[len - 1] == '/')
		len--;
	backend->url = arena_dup_slice(&build->config->arena, slice_make(backend->url, len));
	if (backend->priority == CONFIG_ABSENT_UINT)
		backend->priority = cloud ? 100 : 50;
	if (backend->zone == CONFIG_ABSENT_ENUM)
		backend->zone = cloud ? CONFIG_ZONE_OPEN : CONFIG_ZONE_RESTRICTED;
	for (size_t i = 0; i < backend->model_count; i++)
		finish_model(&backend->models[i], backend);
	finish_key(build, backend);
}

void config_finish(struct config_build *build)
{
	struct config *config = build->config;
	char path[96];

	build->path = path;
	for (size_t i = 0; i < config->backend_count; i++) {
		snprintf(path, sizeof(path), "backends[%zu]", i);
		build->place = config->backends[i].place;
		config_finish_backend(build, &config->backends[i]);
	}
	build->path = NULL;
}

/* --- rules --- */

/* Stands at a key and adds what is wrong there. */
static void wrong_at(
	struct config_build *build, const char *section, const char *name, const char *text)
{
	const struct config_key *key = config_key_find(section, name);

	build->place = build->config->places[key - config_keys];
	build->path = key->path;
	config_problem_add(build, false, "%s", text);
	build->path = NULL;
}

static void wrong_pair(struct config_build *build, const char *section, const char *name,
	const char *relation, const char *other)
{
	char text[128];

	snprintf(text, sizeof(text), "is %s %s", relation, other);
	wrong_at(build, section, name, text);
}

static void check_server(struct config_build *build)
{
	const struct config_server *server = &build->config->server;

	if (server->host.count == 0)
		wrong_at(build, "server", "host", "is empty: there is nothing to listen on");
	if (server->host.count > 16)
		wrong_at(build, "server", "host", "has more than 16 addresses");
	if (server->stream_resume_bytes >= server->stream_pause_bytes)
		wrong_pair(build, "server", "stream_resume_bytes", "not under",
			"server.stream_pause_bytes");
	if (server->max_header_bytes > server->max_headers_bytes)
		wrong_pair(build, "server", "max_header_bytes", "over", "server.max_headers_bytes");
}

static void check_others(struct config_build *build)
{
	const struct config *config = build->config;
	const struct config_weights *weights = &config->routing.weights;
	const struct config_default_price *price = &config->budget.default_price;

	if (config->health_check.breaker.open_seconds >
		config->health_check.breaker.max_open_seconds)
		wrong_pair(build, "health_check.breaker", "open_seconds", "over",
			"health_check.breaker.max_open_seconds");
	if (weights->priority + weights->load + weights->latency == 0)
		wrong_at(build, "routing.weights", "priority", "is 0, and so are load and latency");
	if ((price->input < 0) != (price->output < 0))
		wrong_at(build, "budget.default_price", price->input < 0 ? "input" : "output",
			"is missing: a price has both");
	if (config->budget.unknown_price == UNKNOWN_PRICE_DEFAULT && price->input < 0)
		wrong_at(build, "budget", "unknown_price",
			"is \"default\", but budget.default_price is not given");
}

/* --- backends --- */

/* The host of a URL without brackets. */
static void url_host(const char *url, char *out, size_t size)
{
	const char *at = strstr(url, "://") + 3;
	size_t len = *at == '[' ? strcspn(++at, "]") : strcspn(at, ":/");

	snprintf(out, size, "%.*s", (int)len, at);
}

bool config_address_is_ours(const struct config *config, const struct sockaddr *address)
{
	const struct config_strings *trusted = &config->routing.trusted_networks;
	enum net_address_kind kind = net_address_kind(address);

	if (kind == NET_ADDRESS_LOOPBACK || kind == NET_ADDRESS_PRIVATE ||
		kind == NET_ADDRESS_LINK_LOCAL)
		return true;
	for (size_t i = 0; i < trusted->count; i++)
		if (net_address_is_in(address, trusted->items[i]))
			return true;
	return false;
}

/* Whether the URL names, by a literal address, a machine that is not known to be ours. Names are
 * judged when connecting. */
static bool is_foreign_address(const struct config *config, const char *url)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	char host[256];

	url_host(url, host, sizeof(host));
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
		return !config_address_is_ours(config, (const struct sockaddr *)&v4);
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
		return !config_address_is_ours(config, (const struct sockaddr *)&v6);
	return false;
}

static void check_models(struct config_build *build, const struct config_backend *backend)
{
	for (size_t i = 0; i < backend->model_count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(backend->models[i].id, backend->models[j].id) == 0)
				config_problem_add(build, false, "the model %s is given twice",
					backend->models[i].id);
}

static void check_backend(struct config_build *build, const struct config_backend *backend)
{
	bool has_key = *backend->api_key || backend->api_keys.count > 0;
	bool asked_for_key = config_secret_reference(build->config, backend->api_key) != NULL;

	if (backend->zone == CONFIG_ZONE_RESTRICTED &&
		is_foreign_address(build->config, backend->url))
		config_problem_add(build, false,
			"%s is restricted, but %s is not a private address; set zone = \"open\", "
			"or name its "
			"network in routing.trusted_networks",
			backend->name, backend->url);
	if (has_key && backend->pass_authorization)
		config_problem_add(build, false,
			"%s has a key of its own; pass_authorization cannot be true",
			backend->name);
	if (asked_for_key && backend->api_keys.count > 0)
		config_problem_add(build, false, "api_key and api_keys are both given");
	if (has_key && strncmp(backend->url, "http://", 7) == 0 &&
		is_foreign_address(build->config, backend->url))
		config_problem_add(
			build, true, "the key of %s travels in clear over http://", backend->name);
	if (config_type_is_cloud(backend->type) && !has_key && !asked_for_key &&
		!backend->pass_authorization && !build->canonical)
		config_problem_add(
			build, true, "%s is a cloud backend without api_key", backend->name);
	check_models(build, backend);
}

static void check_backends(struct config_build *build)
{
	const struct config *config = build->config;
	char path[96];

	if (config->backend_count > BACKENDS_MAX)
		wrong_at(build, "", "backends", "has more than 1024 entries");
	build->path = path;
	for (size_t i = 0; i < config->backend_count; i++) {
		const struct config_backend *backend = &config->backends[i];

		snprintf(path, sizeof(path), "backends[%zu]", i);
		build->place = backend->place;
		check_backend(build, backend);
		for (size_t j = 0; j < i; j++) {
			if (strcmp(config->backends[j].name, backend->name) == 0)
				config_problem_add(build, false,
					"there is another backend named %s", backend->name);
			if (strcmp(config->backends[j].url, backend->url) == 0)
				config_problem_add(build, false, "%s has the same url as %s",
					backend->name, config->backends[j].name);
		}
	}
	build->path = NULL;
}

/* --- budgets --- */

static void check_limits(struct config_build *build)
{
	const struct config_budget *budget = &build->config->budget;
	char path[96];

	build->path = path;
	for (size_t i = 0; i < budget->limit_count; i++) {
		const struct config_limit *limit = &budget->limits[i];

		snprintf(path, sizeof(path), "budget.limits[%zu]", i);
		build->place = limit->place;
		if (limit->scope != SCOPE_GLOBAL && !*limit->id)
			config_problem_add(
				build, false, "id is missing: %s is of which one?", limit->name);
		for (size_t j = 0; j < i; j++)
			if (strcmp(budget->limits[j].name, limit->name) == 0)
				config_problem_add(build, false, "there is another limit named %s",
					limit->name);
	}
	build->path = NULL;
}

void config_check(struct config_build *build)
{
	check_server(build);
	check_others(build);
	check_backends(build);
	check_limits(build);
	config_check_routing(build);
}
