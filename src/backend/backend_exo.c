/* backend_exo.c: exo, a cluster of machines that serves as one. It lists its whole catalogue unless
 * asked for what is there. */
#include "backend/backend_types.h"
#include "backend/probe_answer.h"

#define MODELS "/v1/models?status=downloaded"

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

const struct backend_ops backend_exo = {
	.name = "exo",
	.title = "exo",
	.default_port = 52415,
	.api_prefix = "/v1",
	.key_header = "Authorization",
	.probe_next = next,
};
