/* worker_registry.c: gathering puts and deletes into the next snapshot, and knowing which older
 * ones are still held. */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "workers/worker_private.h"

/* A snapshot no longer in force. Our reference is dropped when it is the last. */
struct pinned_snapshot {
	struct list node;
	struct registry *registry;
};

bool worker_takes_registry(const struct worker *worker)
{
	return (message_row(MSG_REGISTRY_END)->to & ROLE_BIT(worker->ops->role)) != 0;
}

/* --- from messages to backends --- */

static struct registry_model model_of(const struct msg_model *from)
{
	return (struct registry_model){
		.id = from->id,
		.name = from->name,
		.context_length = from->context_length,
		.max_output_tokens = from->max_output_tokens,
		.vision = from->vision,
		.tools = from->tools,
		.json_mode = from->json_mode,
		.embeddings = from->embeddings,
		.tier = from->tier,
		.loaded = from->loaded,
		.state = from->state,
	};
}

static struct registry_backend *backend_of(const struct msg_backend_put *from, uint64_t version)
{
	struct registry_model *models = memory_array(from->models_count + 1, sizeof(*models));
	struct registry_backend facts = {
		.id = from->id,
		.name = from->name,
		.url = from->url,
		.type = from->type,
		.is_cloud = config_type_is_cloud(from->type),
		.zone = from->zone,
		.tier = from->tier,
		.source = from->source,
		.priority = from->priority,
		.max_concurrency = from->max_concurrency,
		.row = from->row,
		.state = from->state,
		.disabled = from->disabled,
		.pass_authorization = from->pass_authorization,
		.models = models,
		.model_count = from->models_count,
		.version = version,
	};
	struct registry_backend *backend;

	for (size_t i = 0; i < from->models_count; i++) {
		models[i] = model_of(&from->models[i]);
		if (models[i].tier == 0)
			models[i].tier = facts.tier;
	}
	backend = registry_backend_new(&facts);
	free(models);
	return backend;
}

static struct registry_change *change_of(struct worker_private *private)
{
	if (!private->change)
	private->change = registry_change_new();
	return private->change;
}

void worker_on_backend_put(
	void *owner, const struct msg_backend_put *message, const struct frame *frame)
{
	struct worker *worker = owner;

	registry_change_put(change_of(worker->private), backend_of(message, frame->header.version));
}

void worker_on_backend_delete(
	void *owner, const struct msg_backend_delete *message, const struct frame *frame)
{
	struct worker *worker = owner;

	registry_change_delete(change_of(worker->private), message->id);
}

/* --- snapshots --- */

/* The registry has no other holder than the list of older ones; references are plain numbers of
 * this process. */
static bool is_unused(const struct registry *registry)
{
	return registry->refs == 1;
}

static void retire(struct worker_private *private, struct registry *old)
{
	struct pinned_snapshot *pinned = memory_zalloc(sizeof(*pinned));

	pinned->registry = old;
	list_push_back(&private->pinned, &pinned->node);
}

void worker_show_registry_version(struct worker *worker)
{
	uint64_t oldest = worker->registry->version;

	list_each_safe (node, &worker->private->pinned) {
		struct pinned_snapshot *pinned = list_item(node, struct pinned_snapshot, node);

		if (!is_unused(pinned->registry)) {
			oldest = pinned->registry->version < oldest ? pinned->registry->version
								    : oldest;
			continue;
		}
		list_remove(node);
		registry_unref(&pinned->registry);
		free(pinned);
	}
	/* Only request workers have exchanges; no other must keep a row's number from being used
	 * again. */
	if (worker->ops->role != ROLE_REQUEST)
		oldest = UINT64_MAX;
	atomic_store(
		&scoreboard_header(worker->scoreboard, worker->column)->registry_version, oldest);
}

void worker_on_registry_end(
	void *owner, const struct msg_registry_end *message, const struct frame *frame)
{
	struct worker *worker = owner;
	struct worker_private *private = worker->private;
	struct registry_change *change = change_of(private);
	struct registry *old = worker->registry;

	private->change = NULL;
	private->registry_whole = true;
	worker->registry = registry_apply(old, &change, message->epoch, message->version);
	retire(private, old);
	if (private->started && worker->ops->on_registry)
		worker->ops->on_registry(worker);
	worker_show_registry_version(worker);
	log_debug(LOG_WORKER, "registry %llu: %zu backends, %zu models",
		(unsigned long long)message->version, worker->registry->backend_count,
		worker->registry->model_count);
	worker_start_if_complete(worker);
}
