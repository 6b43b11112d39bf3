/* publish.c: puts, deletes and ends. */
#include "workers/health/publish.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/memory.h"

struct publishing {
	struct catalogue *catalogue;
	uint64_t version; /* that is being made */
	unsigned left;    /* backends that may still be sent */
	publish_send *send;
	void *owner;
};

static const struct msg_model *model_messages(
	struct arena *arena, const struct registry_backend *facts)
{
	struct msg_model *models = arena_zalloc(arena, (facts->model_count + 1) * sizeof(*models));

	for (size_t i = 0; i < facts->model_count; i++) {
		const struct registry_model *model = &facts->models[i];

		models[i] = (struct msg_model){
			.id = model->id,
			.name = model->name,
			.context_length = model->context_length,
			.max_output_tokens = model->max_output_tokens,
			.vision = model->vision,
			.tools = model->tools,
			.json_mode = model->json_mode,
			.embeddings = model->embeddings,
			.tier = model->tier,
			.loaded = model->loaded,
			.state = model->state,
		};
	}
	return models;
}

static bool send_put(struct publishing *publishing, const struct registry_backend *facts)
{
	struct arena arena;
	struct msg_backend_put put = {
		.id = facts->id,
		.name = facts->name,
		.url = facts->url,
		.type = facts->type,
		.zone = facts->zone,
		.tier = facts->tier,
		.source = facts->source,
		.priority = facts->priority,
		.max_concurrency = facts->max_concurrency,
		.row = facts->row,
		.state = facts->state,
		.disabled = facts->disabled,
		.pass_authorization = facts->pass_authorization,
		.models_count = facts->model_count,
	};
	bool sent;

	arena_init(&arena, 4096 + facts->model_count * sizeof(struct msg_model));
	put.models = model_messages(&arena, facts);
	sent = publishing->send(
		publishing->owner, MSG_BACKEND_PUT, &put, facts->id, publishing->version);
	arena_free(&arena);
	return sent;
}

static void rest_states(struct publishing *publishing, const uint32_t *states, size_t count)
{
	for (size_t i = 0; i < count; i++)
		numbers_rest(&publishing->catalogue->states, states[i], publishing->version);
}

/* Deletes go first: an address that came back is a new backend to all. */
static bool publish_departed(struct publishing *publishing)
{
	struct catalogue *catalogue = publishing->catalogue;

	while (catalogue->departed_count > 0 && publishing->left > 0) {
		struct departed *departed = &catalogue->departed[catalogue->departed_count - 1];
		struct msg_backend_delete message = {.id = departed->id};

		if (!publishing->send(publishing->owner, MSG_BACKEND_DELETE, &message, departed->id,
			    publishing->version))
			return false;
		catalogue->end_owed = true;
		numbers_rest(&catalogue->rows, departed->row, publishing->version);
		rest_states(publishing, departed->states, departed->state_count);
		memory_free_at(&departed->states);
		catalogue->departed_count--;
		publishing->left--;
	}
	return catalogue->departed_count == 0;
}

static bool publish_entries(struct publishing *publishing)
{
	struct catalogue *catalogue = publishing->catalogue;

	for (size_t i = 0; i < catalogue->count; i++) {
		struct backend_entry *entry = catalogue->entries[i];

		if (entry->is_told)
			continue;
		if (publishing->left == 0 || !send_put(publishing, entry->facts))
			return false;
		catalogue->end_owed = true;
		entry->is_told = true;
		rest_states(publishing, entry->leaving, entry->leaving_count);
		memory_free_at(&entry->leaving);
		entry->leaving_count = 0;
		publishing->left--;
	}
	return true;
}

static bool publish_end(struct publishing *publishing, uint64_t epoch)
{
	struct catalogue *catalogue = publishing->catalogue;
	struct msg_registry_end end = {.epoch = epoch, .version = publishing->version};

	if (!catalogue->end_owed)
		return true;
	if (!publishing->send(publishing->owner, MSG_REGISTRY_END, &end, 0, publishing->version))
		return false;
	catalogue->end_owed = false;
	catalogue->version = publishing->version;
	return true;
}

bool catalogue_publish(
	struct catalogue *catalogue, uint64_t epoch, unsigned max, publish_send *send, void *owner)
{
	struct publishing publishing = {
		.catalogue = catalogue,
		.version = catalogue->version + 1,
		.left = max,
		.send = send,
		.owner = owner,
	};
	bool is_done = publish_departed(&publishing) && publish_entries(&publishing);

	return publish_end(&publishing, epoch) && is_done;
}
