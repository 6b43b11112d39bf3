/* backend_openai.c: OpenAI's own service, and clouds that speak its protocol. Listing the models
 * costs nothing. */
#include "backend/backend_types.h"
#include "backend/probe_answer.h"

#define MODELS "/v1/models"

/* The list says nothing but ids. These families are named by their owner, so this much may be taken
 * from a name. */
static void refine(struct probe_model *model, const json_t *entry)
{
	model->loaded = true;
	if (slice_starts_with(slice_of(model->id), "text-embedding-"))
		model->embeddings = KNOWLEDGE_YES;
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

const struct backend_ops backend_openai = {
	.name = "openai",
	.title = "OpenAI",
	.is_cloud = true,
	.api_prefix = "/v1",
	.key_header = "Authorization",
	.probe_next = next,
};
