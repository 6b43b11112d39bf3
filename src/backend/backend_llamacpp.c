/* backend_llamacpp.c: llama.cpp's server. While it loads its model it answers 503: that is warming,
 * not broken.
 *
 * It serves one model, or, as a router, many that it loads when they are asked for. */
#include "backend/backend_types.h"
#include "backend/probe_answer.h"

#include <string.h>

#include "base/text.h"

#define HEALTH "/health"
#define MODELS "/v1/models"
#define PROPS  "/props"

static bool is_loading(unsigned status, struct slice body)
{
	return status == 503 && text_glob(SLICE_LITERAL("*oading model*"), body);
}

static bool read_health(struct probe_result *result, unsigned status, struct slice body)
{
	if (is_loading(status, body)) {
		result->verdict = PROBE_WARMING;
		return error_set(
			&result->error, "HTTP 503 from %s: it is loading its model", HEALTH);
	}
	return probe_check_status(result, HEALTH, status, body);
}

/* A router tells of each model whether it is loaded. */
static void refine(struct probe_model *model, const json_t *entry)
{
	const json_t *status = json_object_get(json_object_get(entry, "status"), "value");

	model->loaded = !json_is_string(status) || strcmp(json_string_value(status), "loaded") == 0;
	/* Grammars are part of the engine. */
	model->json_mode = KNOWLEDGE_YES;
	if (model->context_length == 0)
		model->context_length =
			probe_u32(json_object_get(json_object_get(entry, "meta"), "n_ctx_train"));
}

static bool read_models(struct probe_result *result, unsigned status, struct slice body)
{
	return probe_read_model_list(result, MODELS, status, body, refine);
}

/* Of a server with one model: the context of a slot, which is the one that counts, and what it
 * takes in. */
static void apply_props(struct probe_result *result, const json_t *props)
{
	const json_t *modalities = json_object_get(props, "modalities");
	const json_t *caps = json_object_get(props, "chat_template_caps");
	struct probe_model *model = &result->models[0];
	uint32_t context = probe_u32(
		json_object_get(json_object_get(props, "default_generation_settings"), "n_ctx"));

	result->slots = probe_u32(json_object_get(props, "total_slots"));
	result->version = probe_text(result, json_object_get(props, "build_info"));
	if (result->model_count != 1)
		return;
	if (context > 0)
		model->context_length = context;
	model->vision = probe_knowledge(json_object_get(modalities, "vision"));
	model->tools = probe_knowledge(json_object_get(caps, "supports_tools"));
	if (json_is_true(json_object_get(props, "is_sleeping")))
		model->loaded = false;
}

static bool read_props(struct probe_result *result, unsigned status, struct slice body)
{
	json_t *props;

	if (status != 200) {
		probe_note(result,
			"HTTP %u from %s: its context length is what the model was trained with",
			status, PROPS);
		return true;
	}
	props = probe_parse(result, PROPS, body);
	if (!props)
		return false;
	apply_props(result, props);
	json_decref(props);
	return true;
}

static const struct probe_step *next(unsigned step, struct probe_result *result)
{
	static const struct probe_step steps[] = {
		{.method = "GET", .path = HEALTH, .read = read_health},
		{.method = "GET", .path = MODELS, .read = read_models},
		{.method = "GET", .path = PROPS, .read = read_props, .optional = true},
		{0},
	};

	return probe_step_at(steps, step);
}

const struct backend_ops backend_llamacpp = {
	.name = "llamacpp",
	.title = "llama.cpp",
	.default_port = 8080,
	.api_prefix = "/v1",
	.key_header = "Authorization",
	.probe_next = next,
};
