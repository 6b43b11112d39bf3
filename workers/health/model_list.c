/* model_list.c: copying, merging and comparing lists of models. */
#include "workers/health/model_list.h"

#include <string.h>

#include "base/fatal.h"

/* Of a model in a frame beside its two names: its numbers and msgpack's marks, at most. */
#define MODEL_FIXED_BYTES 48u

void model_list_init(struct model_list *list)
{
	*list = (struct model_list){0};
	arena_init(&list->arena, 4096);
}

void model_list_free(struct model_list *list)
{
	arena_free(&list->arena);
	*list = (struct model_list){0};
}

static void list_restart(struct model_list *list, size_t capacity)
{
	model_list_free(list);
	model_list_init(list);
	list->models = arena_zalloc(&list->arena, (capacity + 1) * sizeof(*list->models));
}

static struct registry_model *list_add(struct model_list *list, const char *id, const char *name)
{
	struct registry_model *model = &list->models[list->count++];

	model->id = arena_strdup(&list->arena, id);
	model->name = !name || strcmp(id, name) == 0 ? model->id : arena_strdup(&list->arena, name);
	return model;
}

void model_list_from_probe(struct model_list *list, const struct probe_result *result)
{
	list_restart(list, result->model_count);
	for (size_t i = 0; i < result->model_count; i++) {
		const struct probe_model *from = &result->models[i];
		struct registry_model *model = list_add(list, from->id, from->name);

		model->context_length = from->context_length;
		model->max_output_tokens = from->max_output_tokens;
		model->vision = from->vision;
		model->tools = from->tools;
		model->json_mode = from->json_mode;
		model->embeddings = from->embeddings;
		model->loaded = from->loaded;
	}
}

static void copy_models(struct model_list *list, const struct registry_model *models, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct registry_model *model = list_add(list, models[i].id, models[i].name);
		const char *id = model->id;
		const char *name = model->name;

		*model = models[i];
		model->id = id;
		model->name = name;
	}
}

void model_list_from_registry(struct model_list *list, const struct registry_backend *backend)
{
	list_restart(list, backend->model_count);
	copy_models(list, backend->models, backend->model_count);
}

bool model_is_called(const char *id, const char *name)
{
	size_t len = strlen(name);

	return strncmp(id, name, len) == 0 && (id[len] == '\0' || strcmp(id + len, ":latest") == 0);
}

static void correct(struct registry_model *model, const struct config_model *configured)
{
	if (configured->context_length > 0)
		model->context_length = configured->context_length;
	if (configured->vision != TRISTATE_UNSET)
		model->vision = (uint8_t)configured->vision;
	if (configured->tools != TRISTATE_UNSET)
		model->tools = (uint8_t)configured->tools;
	if (configured->json_mode != TRISTATE_UNSET)
		model->json_mode = (uint8_t)configured->json_mode;
	if (configured->embeddings != TRISTATE_UNSET)
		model->embeddings = (uint8_t)configured->embeddings;
	if (configured->tier > 0)
		model->tier = (uint8_t)configured->tier;
}

static void apply_configured(struct model_list *list, const struct config_model *configured)
{
	bool is_known = false;

	for (size_t i = 0; i < list->count; i++) {
		if (model_is_called(list->models[i].id, configured->id)) {
			correct(&list->models[i], configured);
			is_known = true;
		}
	}
	if (!is_known)
		correct(list_add(list, configured->id, NULL), configured);
}

/* Keeps what one frame can carry. */
static void bound(struct model_list *list)
{
	size_t bytes = 0;
	size_t kept = 0;

	while (kept < list->count && kept < REGISTRY_MODELS_MAX) {
		const struct registry_model *model = &list->models[kept];

		bytes += MODEL_FIXED_BYTES + strlen(model->id) + strlen(model->name);
		if (bytes > MODEL_LIST_BYTES_MAX)
			break;
		kept++;
	}
	list->left_out = list->count - kept;
	list->count = kept;
}

void model_list_merge(struct model_list *list, const struct model_list *discovered,
	const struct config_backend *configured, uint8_t tier)
{
	size_t extra = configured ? configured->model_count : 0;

	list_restart(list, discovered->count + extra);
	copy_models(list, discovered->models, discovered->count);
	for (size_t i = 0; i < list->count; i++)
		list->models[i].tier = 0;
	for (size_t i = 0; i < extra; i++)
		apply_configured(list, &configured->models[i]);
	for (size_t i = 0; i < list->count; i++)
		if (list->models[i].tier == 0)
			list->models[i].tier = tier;
	bound(list);
}

static bool model_equal(const struct registry_model *a, const struct registry_model *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->name, b->name) == 0 &&
	       a->context_length == b->context_length &&
	       a->max_output_tokens == b->max_output_tokens && a->vision == b->vision &&
	       a->tools == b->tools && a->json_mode == b->json_mode &&
	       a->embeddings == b->embeddings && a->tier == b->tier && a->loaded == b->loaded &&
	       a->state == b->state;
}

bool facts_equal(const struct registry_backend *a, const struct registry_backend *b)
{
	if (a->id != b->id || strcmp(a->name, b->name) != 0 || strcmp(a->url, b->url) != 0 ||
		strcmp(a->type, b->type) != 0 || a->zone != b->zone || a->tier != b->tier ||
		a->source != b->source || a->priority != b->priority || a->row != b->row ||
		a->max_concurrency != b->max_concurrency || a->state != b->state ||
		a->disabled != b->disabled || a->pass_authorization != b->pass_authorization ||
		a->model_count != b->model_count)
		return false;
	for (size_t i = 0; i < a->model_count; i++)
		if (!model_equal(&a->models[i], &b->models[i]))
			return false;
	return true;
}
