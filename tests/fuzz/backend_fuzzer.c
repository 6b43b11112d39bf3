/* backend_fuzzer.c: any bytes as the answers of a probe of any kind of server.
 *
 * Input: a byte that picks the kind, then answers: a byte that picks a status, two bytes of length,
 * the body. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "backend/backend.h"
#include "base/memory.h"

#define STEPS_MAX 100u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned statuses[] = {200, 200, 200, 200, 404, 500, 503, 301, 401, 0};

struct input {
	const uint8_t *at;
	size_t left;
};

static unsigned take_byte(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->at++;
}

static struct slice take_body(struct input *input)
{
	size_t len = take_byte(input) << 8;
	struct slice body;

	len |= take_byte(input);
	if (len > input->left)
		len = input->left;
	body = slice_make((const char *)input->at, len);
	input->at += len;
	input->left -= len;
	return body;
}

/* False when the round is over. */
static bool answer_step(
	struct input *input, const struct probe_step *step, struct probe_result *result)
{
	unsigned status = statuses[take_byte(input) % (sizeof(statuses) / sizeof(statuses[0]))];
	struct slice body = take_body(input);
	char *copy;
	bool goes_on;

	if (status == 0)
		return step->optional || probe_fail(result, "no answer");
	copy = memory_alloc(body.len + 1);
	if (body.len > 0)
		memcpy(copy, body.data, body.len);
	goes_on = step->read(result, status, slice_make(copy, body.len));
	free(copy);
	return goes_on;
}

static void check(const struct probe_result *result)
{
	if (result->model_count > REGISTRY_MODELS_MAX ||
		(result->verdict != PROBE_HEALTHY && !result->error.text[0]))
		abort();
	for (size_t i = 0; i < result->model_count; i++)
		if (strlen(result->models[i].id) == 0 ||
			strlen(result->models[i].id) > PROBE_NAME_MAX)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct probe_memory *memory = probe_memory_new();
	unsigned kinds = 0;
	unsigned kind;

	while (backend_table[kinds])
		kinds++;
	kind = take_byte(&input) % kinds;
	for (unsigned round = 0; round < 2; round++) {
		const struct probe_step *step;
		struct probe_result result;
		struct arena arena;

		arena_init(&arena, 4096);
		probe_begin(&result, &arena, memory);
		for (unsigned n = 0;
			n < STEPS_MAX && (step = backend_table[kind]->probe_next(n, &result)); n++)
			if (!answer_step(&input, step, &result))
				break;
		check(&result);
		arena_free(&arena);
	}
	probe_memory_free(&memory);
	return 0;
}
