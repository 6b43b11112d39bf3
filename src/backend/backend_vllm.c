/* backend_vllm.c: vLLM. /health says whether the engine lives, the model list how long a request
 * may be, and the metrics, where they are on, how many requests wait. */
#include "backend/backend_types.h"
#include "backend/probe_answer.h"

#include <math.h>
#include <stdlib.h>

#define HEALTH  "/health"
#define MODELS  "/v1/models"
#define METRICS "/metrics"
#define WAITING "vllm:num_requests_waiting"

static bool read_health(struct probe_result *result, unsigned status, struct slice body)
{
	return probe_check_status(result, HEALTH, status, body);
}

static void refine(struct probe_model *model, const json_t *entry)
{
	model->loaded = true;
	/* Structured output is part of the engine, whatever the model. */
	model->json_mode = KNOWLEDGE_YES;
}

static bool read_models(struct probe_result *result, unsigned status, struct slice body)
{
	return probe_read_model_list(result, MODELS, status, body, refine);
}

/* The value behind the last space of `NAME{labels} value`; negative when the line is not this
 * metric. */
static double sample_value(struct slice line, const char *name)
{
	size_t name_len = strlen(name);
	char number[32];
	size_t at = line.len;

	if (!slice_starts_with(line, name) || line.len <= name_len ||
		(line.data[name_len] != '{' && line.data[name_len] != ' '))
		return -1;
	while (at > 0 && line.data[at - 1] != ' ')
		at--;
	if (at == 0 || line.len - at >= sizeof(number))
		return -1;
	memcpy(number, line.data + at, line.len - at);
	number[line.len - at] = '\0';
	return strtod(number, NULL);
}

/* One sample a model and engine: their sum. */
static bool read_metrics(struct probe_result *result, unsigned status, struct slice body)
{
	if (status != 200)
		return true;
	while (body.len > 0) {
		const char *end = memchr(body.data, '\n', body.len);
		size_t len = end ? (size_t)(end - body.data) : body.len;
		double value = sample_value(slice_make(body.data, len), WAITING);

		if (isfinite(value) && value >= 0 && value < 1e9) {
			result->engine_waiting += (uint64_t)value;
			result->has_engine_waiting = true;
		}
		len += end != NULL;
		body = slice_make(body.data + len, body.len - len);
	}
	return true;
}

static const struct probe_step *next(unsigned step, struct probe_result *result)
{
	static const struct probe_step steps[] = {
		{.method = "GET", .path = HEALTH, .read = read_health},
		{.method = "GET", .path = MODELS, .read = read_models},
		{.method = "GET", .path = METRICS, .read = read_metrics, .optional = true},
		{0},
	};

	return probe_step_at(steps, step);
}

const struct backend_ops backend_vllm = {
	.name = "vllm",
	.title = "vLLM",
	.default_port = 8000,
	.api_prefix = "/v1",
	.key_header = "Authorization",
	.probe_next = next,
};
