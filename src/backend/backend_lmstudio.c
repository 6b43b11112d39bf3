/* backend_lmstudio.c: LM Studio. Its own interface tells what is loaded and with what context;
 * releases before 0.4 have an older one.
 *
 * A model is asked for by its key; one loaded under a name of its own, or twice, also by the
 * instance's name. */
#include "backend/backend_types.h"
#include "backend/probe_answer.h"

#include <string.h>

#define MODELS     "/api/v1/models"
#define MODELS_OLD "/api/v0/models"

static bool is_text(const json_t *value, const char *text)
{
	const char *string = json_string_value(value);

	return string && strcmp(string, text) == 0;
}

/* --- /api/v1/models --- */

static void set_facts(struct probe_result *result, struct probe_model *model, const json_t *entry)
{
	const json_t *capabilities = json_object_get(entry, "capabilities");
	const char *name = probe_text(result, json_object_get(entry, "display_name"));

	if (name)
		model->name = name;
	model->context_length = probe_u32(json_object_get(entry, "max_context_length"));
	model->vision = probe_knowledge(json_object_get(capabilities, "vision"));
	model->tools = probe_knowledge(json_object_get(capabilities, "trained_for_tool_use"));
	if (is_text(json_object_get(entry, "type"), "embedding"))
		model->embeddings = KNOWLEDGE_YES;
	else if (is_text(json_object_get(entry, "type"), "llm"))
		model->embeddings = KNOWLEDGE_NO;
}

/* The context an instance was loaded with is the one that counts; of several the shortest. */
static void set_loaded(struct probe_model *model, const json_t *instance)
{
	uint32_t context =
		probe_u32(json_object_get(json_object_get(instance, "config"), "context_length"));

	if (context > 0 && (!model->loaded || context < model->context_length))
		model->context_length = context;
	model->loaded = true;
}

static void read_instances(struct probe_list *list, struct probe_model *model, const json_t *entry)
{
	const json_t *instances = json_object_get(entry, "loaded_instances");
	size_t count = json_array_size(instances);

	for (size_t i = 0; i < count; i++) {
		const json_t *instance = json_array_get(instances, i);
		struct probe_model *own;

		if (model)
			set_loaded(model, instance);
		if (is_text(json_object_get(instance, "id"), model ? model->id : ""))
			continue;
		own = probe_list_add(list, json_object_get(instance, "id"));
		if (!own)
			continue;
		set_facts(list->result, own, entry);
		set_loaded(own, instance);
	}
}

static void read_list(struct probe_result *result, const json_t *models)
{
	size_t count = json_array_size(models);
	size_t most = count;
	struct probe_list list;

	for (size_t i = 0; i < count; i++)
		most += json_array_size(
			json_object_get(json_array_get(models, i), "loaded_instances"));
	probe_list_open(&list, result, most);
	for (size_t i = 0; i < count; i++) {
		const json_t *entry = json_array_get(models, i);
		struct probe_model *model = probe_list_add(&list, json_object_get(entry, "key"));

		if (model)
			set_facts(result, model, entry);
		read_instances(&list, model, entry);
	}
	probe_list_close(&list);
	result->verdict = PROBE_HEALTHY;
}

/* An older release answers 404, or 200 with an error about an unexpected endpoint: then the next
 * step asks it in its own way. */
static bool read_models(struct probe_result *result, unsigned status, struct slice body)
{
	const json_t *models;
	bool is_older;
	json_t *json;

	if (status == 404)
		return true;
	if (!probe_check_status(result, MODELS, status, body))
		return false;
	json = probe_parse(result, MODELS, body);
	if (!json)
		return false;
	models = json_object_get(json, "models");
	is_older = !models && json_object_get(json, "error");
	if (json_is_array(models))
		read_list(result, models);
	json_decref(json);
	if (result->verdict != PROBE_HEALTHY && !is_older)
		return probe_fail(result,
			"unexpected answer from %s: there is no list \"models\" in it", MODELS);
	return true;
}

/* --- /api/v0/models --- */

static void refine_old(struct probe_model *model, const json_t *entry)
{
	const json_t *type = json_object_get(entry, "type");
	uint32_t loaded_context = probe_u32(json_object_get(entry, "loaded_context_length"));
	const json_t *capabilities = json_object_get(entry, "capabilities");

	model->loaded = is_text(json_object_get(entry, "state"), "loaded");
	if (model->loaded && loaded_context > 0)
		model->context_length = loaded_context;
	if (is_text(type, "vlm"))
		model->vision = KNOWLEDGE_YES;
	else if (is_text(type, "llm"))
		model->vision = KNOWLEDGE_NO;
	if (is_text(type, "llm") || is_text(type, "vlm"))
		model->embeddings = KNOWLEDGE_NO;
	/* Says of some releases which models can, of none which cannot. */
	if (probe_array_has(capabilities, "tool_use"))
		model->tools = KNOWLEDGE_YES;
}

static bool read_models_old(struct probe_result *result, unsigned status, struct slice body)
{
	return probe_read_model_list(result, MODELS_OLD, status, body, refine_old);
}

static const struct probe_step *next(unsigned step, struct probe_result *result)
{
	static const struct probe_step now = {.method = "GET", .path = MODELS, .read = read_models};
	static const struct probe_step old = {
		.method = "GET", .path = MODELS_OLD, .read = read_models_old};

	if (step == 0)
		return &now;
	return step == 1 && result->verdict != PROBE_HEALTHY ? &old : NULL;
}

const struct backend_ops backend_lmstudio = {
	.name = "lmstudio",
	.title = "LM Studio",
	.default_port = 1234,
	.api_prefix = "/v1",
	.key_header = "Authorization",
	.probe_next = next,
};
