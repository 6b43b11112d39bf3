/* probe_answer.c: status, JSON, texts and model lists of servers' answers.
 *
 * All of it comes from the network: a parser's message may quote it, so what is said about it is
 * escaped and cut. */
#include "backend/probe_answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define QUOTED_MAX 160u /* bytes of a server's words in our messages */
/* Of one answer. An empty list in it takes 2 bytes on the wire and a hundred in memory. */
#define VALUES_MAX (512u << 10)

void probe_begin(struct probe_result *result, struct arena *arena, struct probe_memory *memory)
{
	*result = (struct probe_result){.arena = arena, .memory = memory};
	error_set(&result->error, "the probe got no answer");
}

bool probe_fail(struct probe_result *result, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	result->verdict = PROBE_FAILED;
	return error_set(&result->error, "%s", text);
}

void probe_note(struct probe_result *result, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list args;

	if (result->note)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	result->note = arena_strdup(result->arena, text);
}

/* --- status --- */

bool probe_check_status(
	struct probe_result *result, const char *path, unsigned status, struct slice body)
{
	char quoted[QUOTED_MAX];

	if (status >= 200 && status <= 299)
		return true;
	/* What a server says about a key may quote the key. */
	if (status == 401 || status == 403)
		return probe_fail(result,
			"HTTP %u from %s: the server does not accept the API key, or wants one "
			"(api_key)",
			status, path);
	if (status >= 300 && status <= 399)
		return probe_fail(result,
			"HTTP %u from %s: redirects are not followed; the url must be the final "
			"one",
			status, path);
	if (text_escape(quoted, sizeof(quoted), body, TEXT_ESCAPE_LINE) == 0)
		return probe_fail(result, "HTTP %u from %s", status, path);
	return probe_fail(result, "HTTP %u from %s: %s", status, path, quoted);
}

/* --- JSON --- */

/* At least as many as there are: separators within strings count too. */
static size_t count_values(struct slice body)
{
	size_t count = 1;

	for (size_t i = 0; i < body.len; i++)
		count += body.data[i] == ',' || body.data[i] == ':' || body.data[i] == '[' ||
			 body.data[i] == '{';
	return count;
}

/* NULL with `problem` filled, escaped. */
static json_t *parse(struct slice body, struct error *problem)
{
	char quoted[QUOTED_MAX];
	json_error_t error;
	json_t *json;

	if (count_values(body) > VALUES_MAX) {
		error_set(problem, "more than %u values", VALUES_MAX);
		return NULL;
	}
	json = json_loadb(body.data ? body.data : "", body.len, JSON_ALLOW_NUL, &error);
	if (json)
		return json;
	text_escape(quoted, sizeof(quoted), slice_of(error.text), TEXT_ESCAPE_LINE);
	error_set(problem, "%s at offset %d of %zu", quoted, error.position, body.len);
	return NULL;
}

json_t *probe_parse(struct probe_result *result, const char *path, struct slice body)
{
	struct error problem;
	json_t *json = parse(body, &problem);

	if (!json)
		probe_fail(result, "unreadable JSON from %s: %s", path, problem.text);
	return json;
}

json_t *probe_parse_quietly(struct slice body)
{
	return parse(body, NULL);
}

const char *probe_text(struct probe_result *result, const json_t *value)
{
	struct slice text = {json_string_value(value), json_string_length(value)};
	char escaped[PROBE_NAME_MAX + 2];

	if (text.len == 0 || text.len > PROBE_NAME_MAX)
		return NULL;
	/* What needs no escape on a log line is fit to be a name. */
	if (text_escape(escaped, sizeof(escaped), text, TEXT_ESCAPE_LINE) != text.len ||
		!slice_is(text, escaped))
		return NULL;
	return arena_dup_slice(result->arena, text);
}

uint32_t probe_u32(const json_t *value)
{
	json_int_t number = json_integer_value(value);

	return number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
}

uint8_t probe_knowledge(const json_t *value)
{
	if (json_is_boolean(value))
		return json_is_true(value) ? KNOWLEDGE_YES : KNOWLEDGE_NO;
	return KNOWLEDGE_UNKNOWN;
}

bool probe_array_has(const json_t *array, const char *text)
{
	size_t count = json_array_size(array);

	for (size_t i = 0; i < count; i++) {
		const char *item = json_string_value(json_array_get(array, i));

		if (item && strcmp(item, text) == 0)
			return true;
	}
	return false;
}

/* --- lists of models --- */

void probe_list_open(struct probe_list *list, struct probe_result *result, size_t most)
{
	list->result = result;
	list->capacity = most < REGISTRY_MODELS_MAX ? most : REGISTRY_MODELS_MAX;
	hash_table_init(&list->seen);
	result->models =
		arena_zalloc(result->arena, (list->capacity + 1) * sizeof(*result->models));
	result->model_count = 0;
}

struct probe_model *probe_list_add(struct probe_list *list, const json_t *id)
{
	struct probe_result *result = list->result;
	const char *text = probe_text(result, id);
	struct probe_model *model;

	if (text && hash_table_get(&list->seen, slice_of(text)))
		return NULL;
	if (!text || result->model_count == list->capacity) {
		result->models_dropped++;
		return NULL;
	}
	model = &result->models[result->model_count++];
	model->id = text;
	model->name = text;
	hash_table_put(&list->seen, slice_of(text), model);
	return model;
}

void probe_list_close(struct probe_list *list)
{
	hash_table_free(&list->seen);
	if (list->result->models_dropped > 0)
		probe_note(list->result,
			"models left out: %zu with an unusable name, or over the bound",
			list->result->models_dropped);
}

/* --- GET /v1/models --- */

/* Names under which servers tell more than the list's own definition asks for. */
static const char *const context_keys[] = {
	"max_model_len",      /* vLLM */
	"context_length",     /* OpenRouter, Together, exo */
	"context_window",     /* Groq */
	"max_context_length", /* Mistral */
	NULL,
};
static const char *const output_keys[] = {
	"max_output_tokens",
	"max_completion_tokens",
	NULL,
};

static uint32_t first_u32(const json_t *object, const char *const *keys)
{
	for (; *keys; keys++) {
		uint32_t value = probe_u32(json_object_get(object, *keys));

		if (value > 0)
			return value;
	}
	return 0;
}

static void read_model(struct probe_list *list, const json_t *entry,
	void (*refine)(struct probe_model *model, const json_t *entry))
{
	struct probe_model *model = probe_list_add(list, json_object_get(entry, "id"));
	const char *type = json_string_value(json_object_get(entry, "type"));
	const char *name;

	if (!model)
		return;
	name = probe_text(list->result, json_object_get(entry, "name"));
	if (name)
		model->name = name;
	model->context_length = first_u32(entry, context_keys);
	model->max_output_tokens = first_u32(entry, output_keys);
	if (type && (strcmp(type, "embedding") == 0 || strcmp(type, "embeddings") == 0))
		model->embeddings = KNOWLEDGE_YES;
	if (refine)
		refine(model, entry);
}

bool probe_read_model_list(struct probe_result *result, const char *path, unsigned status,
	struct slice body, void (*refine)(struct probe_model *model, const json_t *entry))
{
	struct probe_list list;
	const json_t *data;
	json_t *json;
	size_t count;

	if (!probe_check_status(result, path, status, body))
		return false;
	json = probe_parse(result, path, body);
	if (!json)
		return false;
	/* Some answer the bare list. */
	data = json_is_array(json) ? json : json_object_get(json, "data");
	if (!json_is_array(data)) {
		json_decref(json);
		return probe_fail(
			result, "unexpected answer from %s: there is no list \"data\" in it", path);
	}
	count = json_array_size(data);
	probe_list_open(&list, result, count);
	for (size_t i = 0; i < count; i++)
		read_model(&list, json_array_get(data, i), refine);
	probe_list_close(&list);
	json_decref(json);
	result->verdict = PROBE_HEALTHY;
	return true;
}

const struct probe_step *probe_step_at(const struct probe_step *steps, unsigned step)
{
	for (; steps->method; steps++, step--)
		if (step == 0)
			return steps;
	return NULL;
}
