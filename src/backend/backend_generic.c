/* backend_generic.c: any server that speaks OpenAI's protocol and of which nothing else is known.
 */
#include "backend/backend_types.h"
#include "backend/probe_answer.h"

#define MODELS "/v1/models"

static bool read_models(struct probe_result *result, unsigned status, struct slice body)
{
	return probe_read_model_list(result, MODELS, status, body, NULL);
}

static const struct probe_step *next(unsigned step, struct probe_result *result)
{
	static const struct probe_step steps[] = {
		{.method = "GET", .path = MODELS, .read = read_models},
		{0},
	};

	return probe_step_at(steps, step);
}

const struct backend_ops backend_generic = {
	.name = "generic",
	.title = "OpenAI-compatible server",
	.api_prefix = "/v1",
	.key_header = "Authorization",
	.probe_next = next,
};
