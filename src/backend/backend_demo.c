/* backend_demo.c: the model server that Nexus itself brings for newcomers (--demo). What it can do
 * is known. */
#include "backend/backend_types.h"
#include "backend/probe_answer.h"

#define MODELS "/v1/models"

static void refine(struct probe_model *model, const json_t *entry)
{
	const json_t *capabilities = json_object_get(entry, "capabilities");

	model->loaded = true;
	model->vision = probe_knowledge(json_object_get(capabilities, "vision"));
	model->tools = probe_knowledge(json_object_get(capabilities, "tools"));
}

static bool read_models(struct probe_result *result, unsigned status, struct slice body)
{
	return probe_read_model_list(result, MODELS, status, body, refine);
}

static const struct probe_step *next(unsigned step, struct probe_result *result)
{
	static const struct probe_step steps[] = {
		{.method = "GET", .path = MODELS, .read = read_models},
		{0},
	};

	return probe_step_at(steps, step);
}

const struct backend_ops backend_demo = {
	.name = "demo",
	.title = "Nexus demo",
	.api_prefix = "/v1",
	.key_header = "Authorization",
	.probe_next = next,
};
