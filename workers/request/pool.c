/* pool.c: targets and their idle connections. */
#include "workers/request/pool.h"

#include <stdio.h>

#include "backend/backend.h"
#include "base/fatal.h"
#include "base/memory.h"
#include "http/http_head.h"
#include "workers/request/request_worker.h"
#include "workers/request/upstream.h"

/* Idle connections kept for one backend by one worker; over it the one just used is closed. */
#define IDLE_PER_TARGET 4096u
/* Below the 60-75 s after which servers commonly close; some (uvicorn) close after 5 s, which is
 * seen by the watcher. */
#define IDLE_SECONDS 50.0

static struct slice key_of(const uint64_t *id)
{
	return slice_make((const char *)id, sizeof(*id));
}

static void wipe_and_free(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	memory_free_at(text);
}

static void target_clear_strings(struct pool_target *target)
{
	memory_free_at(&target->origin);
	memory_free_at(&target->path_prefix);
	memory_free_at(&target->answer_head);
	memory_free_at(&target->ca_file);
	wipe_and_free(&target->head);
}

static const struct config_backend *configured(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->backend_count; i++)
		if (strcmp(config->backends[i].name, name) == 0)
			return &config->backends[i];
	return NULL;
}

static void target_set_answer_head(
	struct pool_target *target, const struct registry_backend *backend)
{
	struct buffer text;

	buffer_init(&text, 1024);
	http_head_add_text(&text, "X-Nexus-Backend", backend->name);
	http_head_add_text(&text, "X-Nexus-Backend-Type", backend->is_cloud ? "cloud" : "local");
	http_head_add_text(&text, "X-Nexus-Privacy-Zone", zone_names[backend->zone]);
	target->answer_head = memory_strdup(buffer_text(&text));
	buffer_free(&text);
}

/* url is scheme://host[:port][/prefix], checked when it was loaded or found. */
static void target_set_strings(struct pool_target *target, const struct config *config,
	const struct registry_backend *backend)
{
	const struct config_backend *given = configured(config, backend->name);
	const struct backend_ops *ops = backend_ops_by_name(backend->type);
	const char *key = given ? given->api_key : "";
	const char *host = strstr(backend->url, "://") + 3;
	const char *path = strchr(host, '/');
	size_t origin_len = path ? (size_t)(path - backend->url) : strlen(backend->url);
	struct buffer text;

	target_clear_strings(target);
	target->config_version = config->version;
	target->backend_version = backend->version;
	target_set_answer_head(target, backend);
	target->is_tls = strncmp(backend->url, "https:", 6) == 0;
	target->origin = memory_dup_slice(slice_make(backend->url, origin_len));
	target->ca_file = memory_strdup(given ? given->ca_file : "");
	target->has_key = key[0] != '\0';
	target->pass_authorization = backend->pass_authorization && !target->has_key;
	buffer_init(&text, 64 * 1024);
	buffer_printf(&text, "%s%s", path ? path : "", ops ? ops->api_prefix : "/v1");
	target->path_prefix = memory_strdup(buffer_text(&text));
	buffer_clear(&text);
	buffer_printf(&text, "Host: %.*s\r\n",
		(int)(target->origin + origin_len - strstr(target->origin, "://") - 3),
		strstr(target->origin, "://") + 3);
	if (key[0])
		buffer_printf(&text, "Authorization: Bearer %s\r\n", key);
	target->head = memory_strdup(buffer_text(&text));
	explicit_bzero(text.memory, text.size);
	buffer_free(&text);
}

struct pool *pool_new(struct request_worker *worker)
{
	struct pool *pool = memory_zalloc(sizeof(*pool));

	pool->worker = worker;
	hash_table_init(&pool->targets);
	return pool;
}

static void target_close_idle(struct pool_target *target)
{
	struct list *node;

	while ((node = list_pop_front(&target->idle)) != NULL)
		upstream_close_idle(list_item(node, struct upstream, node));
}

static void target_free(struct pool_target *target)
{
	target_clear_strings(target);
	memory_free_at(&target);
}

void pool_free(struct pool **pool)
{
	const struct hash_entry *entry;
	size_t at = 0;

	while ((entry = hash_table_next(&(*pool)->targets, &at)) != NULL) {
		target_close_idle(entry->value);
		target_free(entry->value);
	}
	hash_table_free(&(*pool)->targets);
	memory_free_at(pool);
}

struct pool_target *pool_target(
	struct pool *pool, const struct config *config, const struct registry_backend *backend)
{
	struct pool_target *target = hash_table_get(&pool->targets, key_of(&backend->id));

	if (!target) {
		target = memory_zalloc(sizeof(*target));
		target->pool = pool;
		target->id = backend->id;
		list_init(&target->idle);
		list_init(&target->waiting);
		hash_table_put(&pool->targets, key_of(&target->id), target);
	}
	/* A new configuration may bring another key or other certificates: connections begin anew
	 * with it. */
	if (target->config_version != config->version)
		target_close_idle(target);
	target->is_restricted = backend->zone == ZONE_RESTRICTED;
	if (!target->origin || target->config_version != config->version ||
		target->backend_version != backend->version)
		target_set_strings(target, config, backend);
	return target;
}

static void target_drop_old(struct pool_target *target, double now)
{
	/* The least recently used stands last. */
	while (!list_is_empty(&target->idle)) {
		struct upstream *oldest = list_item(target->idle.prev, struct upstream, node);

		if (now - oldest->idle_since < IDLE_SECONDS)
			return;
		list_remove(&oldest->node);
		upstream_close_idle(oldest);
	}
}

void pool_sweep(struct pool *pool, double now)
{
	const struct registry *registry = pool->worker->worker->registry;
	struct pool_target *unused = NULL;
	const struct hash_entry *entry;
	size_t at = 0;

	while ((entry = hash_table_next(&pool->targets, &at)) != NULL) {
		struct pool_target *target = entry->value;
		bool removed = !registry_backend_by_id(registry, target->id);

		if (removed)
			target_close_idle(target);
		target_drop_old(target, now);
		if (removed && target->in_use == 0)
			unused = target;
	}
	/* One a sweep is enough, and keeps the walk above simple. */
	if (unused) {
		hash_table_remove(&pool->targets, key_of(&unused->id));
		target_free(unused);
	}
}

struct upstream *pool_take_idle(struct pool_target *target)
{
	struct list *node = list_pop_front(&target->idle);

	if (!node)
		return NULL;
	target->idle_count--;
	target->pool->idle_count--;
	return list_item(node, struct upstream, node);
}

void pool_put_idle(struct upstream *upstream)
{
	struct pool_target *target = upstream->target;

	upstream->idle_since = ev_now(upstream->worker->loop);
	list_push_front(&target->idle, &upstream->node);
	target->idle_count++;
	target->pool->idle_count++;
	if (target->idle_count > IDLE_PER_TARGET) {
		struct upstream *oldest = list_item(target->idle.prev, struct upstream, node);

		list_remove(&oldest->node);
		upstream_close_idle(oldest);
	}
}
