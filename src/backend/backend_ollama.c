/* backend_ollama.c: Ollama. /api/tags lists what is on disk, /api/ps what is loaded and with what
 * context, /api/show what one model can do.
 *
 * The context that counts is the one a model was loaded with: a longer prompt is cut silently.
 * Before it is loaded, the num_ctx of its Modelfile, else its own length, is the best that can be
 * known. Facts of /api/show are remembered by digest, and a round asks for SHOWS_A_ROUND models at
 * most; the next rounds go on where it stopped.
 *
 * Models that Ollama itself runs elsewhere (its "cloud" models) are left out: this server counts as
 * a place that prompts do not leave. */
#include "backend/backend_types.h"
#include "backend/probe_answer.h"
#include "backend/probe_memory.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TAGS          "/api/tags"
#define PS            "/api/ps"
#define SHOW          "/api/show"
#define VERSION       "/api/version"
#define SHOWS_A_ROUND 64u

/* Of one round. */
struct progress {
	uint32_t *loaded_context; /* by model; 0: not loaded, or not said */
	bool version_asked;
	bool has_ended;
	size_t looked_at; /* models of this round that need no further question */
	unsigned shows;
	size_t showing; /* the model that the last /api/show is about */
	struct probe_step show;
};

/* --- /api/tags --- */

static void read_tag(struct probe_list *list, const json_t *entry, size_t *elsewhere)
{
	const char *family =
		json_string_value(json_object_get(json_object_get(entry, "details"), "family"));
	struct probe_model *model;

	if (json_string_length(json_object_get(entry, "remote_host")) > 0 ||
		json_string_length(json_object_get(entry, "remote_model")) > 0) {
		++*elsewhere;
		return;
	}
	model = probe_list_add(list, json_object_get(entry, "name"));
	if (!model)
		return;
	model->digest = probe_text(list->result, json_object_get(entry, "digest"));
	/* Grammars are part of the engine. */
	model->json_mode = KNOWLEDGE_YES;
	/* BERT and its kin only embed; said for servers too old to list capabilities. */
	if (family && slice_ends_with(slice_of(family), "bert"))
		model->embeddings = KNOWLEDGE_YES;
}

static bool read_tags(struct probe_result *result, unsigned status, struct slice body)
{
	struct progress *progress = arena_zalloc(result->arena, sizeof(*progress));
	struct probe_list list;
	const json_t *models;
	size_t elsewhere = 0;
	json_t *json;

	if (!probe_check_status(result, TAGS, status, body))
		return false;
	json = probe_parse(result, TAGS, body);
	if (!json)
		return false;
	models = json_object_get(json, "models");
	/* A server without models may answer null. */
	if (!json_is_array(models) && !json_is_null(models)) {
		json_decref(json);
		return probe_fail(result,
			"unexpected answer from %s: there is no list \"models\" in it", TAGS);
	}
	probe_list_open(&list, result, json_array_size(models));
	for (size_t i = 0; i < json_array_size(models); i++)
		read_tag(&list, json_array_get(models, i), &elsewhere);
	/* The more important of the two notes comes first. */
	if (elsewhere > 0)
		probe_note(result, "models left out: %zu that this Ollama runs on another host",
			elsewhere);
	probe_list_close(&list);
	json_decref(json);
	progress->loaded_context = arena_zalloc(
		result->arena, (result->model_count + 1) * sizeof(*progress->loaded_context));
	result->progress = progress;
	result->verdict = PROBE_HEALTHY;
	return true;
}

/* --- /api/ps --- */

static void read_loaded(struct probe_result *result, const json_t *entry)
{
	struct progress *progress = result->progress;
	const char *name = json_string_value(json_object_get(entry, "name"));

	for (size_t i = 0; name && i < result->model_count; i++) {
		if (strcmp(result->models[i].id, name) != 0)
			continue;
		result->models[i].loaded = true;
		progress->loaded_context[i] = probe_u32(json_object_get(entry, "context_length"));
		return;
	}
}

static bool read_ps(struct probe_result *result, unsigned status, struct slice body)
{
	const json_t *models;
	json_t *json;

	if (status != 200) {
		probe_note(result, "HTTP %u from %s: what is loaded is not known", status, PS);
		return true;
	}
	json = probe_parse(result, PS, body);
	if (!json)
		return false;
	models = json_object_get(json, "models");
	/* More than a machine can load; the bound is against nonsense. */
	for (size_t i = 0; i < json_array_size(models) && i < 256; i++)
		read_loaded(result, json_array_get(models, i));
	json_decref(json);
	return true;
}

/* --- /api/show --- */

/* "num_ctx                        2048" on a line of its own; 0 when there is none. */
static uint32_t parameter_num_ctx(const char *parameters)
{
	for (const char *line = parameters; line; line = strchr(line, '\n')) {
		struct slice number;
		uint64_t value;

		line += *line == '\n';
		if (strncmp(line, "num_ctx", 7) != 0 || (line[7] != ' ' && line[7] != '\t'))
			continue;
		number.data = line + 7 + strspn(line + 7, " \t");
		number.len = strspn(number.data, "0123456789");
		if (text_parse_u64(number, UINT32_MAX, &value))
			return (uint32_t)value;
	}
	return 0;
}

static uint32_t model_context(const json_t *show)
{
	const json_t *info = json_object_get(show, "model_info");
	const char *architecture = json_string_value(json_object_get(info, "general.architecture"));
	const char *parameters = json_string_value(json_object_get(show, "parameters"));
	uint32_t asked = parameters ? parameter_num_ctx(parameters) : 0;
	uint32_t own = 0;
	char key[PROBE_NAME_MAX];

	if (architecture) {
		snprintf(key, sizeof(key), "%s.context_length", architecture);
		own = probe_u32(json_object_get(info, key));
	}
	if (asked > 0 && own > 0)
		return asked < own ? asked : own;
	return asked > 0 ? asked : own;
}

static uint8_t has(const json_t *capabilities, const char *capability)
{
	return probe_array_has(capabilities, capability) ? KNOWLEDGE_YES : KNOWLEDGE_NO;
}

static void read_facts(struct model_facts *facts, const json_t *show)
{
	const json_t *capabilities = json_object_get(show, "capabilities");

	facts->context_length = model_context(show);
	facts->json_mode = KNOWLEDGE_YES;
	if (json_array_size(capabilities) == 0)
		return;
	facts->vision = has(capabilities, "vision");
	facts->tools = has(capabilities, "tools");
	/* A model that completes may embed as well: not known, but no embedding model. */
	if (!probe_array_has(capabilities, "completion"))
		facts->embeddings = has(capabilities, "embedding");
}

static void apply_facts(struct probe_model *model, const struct model_facts *facts)
{
	model->context_length = facts->context_length;
	model->vision = facts->vision;
	model->tools = facts->tools;
	model->json_mode = facts->json_mode;
	if (facts->embeddings != KNOWLEDGE_UNKNOWN)
		model->embeddings = facts->embeddings;
}

/* One model that cannot be shown does not make the server unhealthy: it stays unknown and is asked
 * for again. */
static bool read_show(struct probe_result *result, unsigned status, struct slice body)
{
	struct progress *progress = result->progress;
	struct probe_model *model = &result->models[progress->showing];
	struct model_facts facts = {0};
	json_t *show = status == 200 ? probe_parse_quietly(body) : NULL;

	if (!json_is_object(show)) {
		json_decref(show);
		probe_note(result,
			"HTTP %u and no readable JSON from %s for %s: what it can do is not known",
			status, SHOW, model->id);
		return true;
	}
	read_facts(&facts, show);
	json_decref(show);
	apply_facts(model, &facts);
	if (result->memory && model->digest) {
		struct model_facts *kept = probe_memory_add(result->memory, model->digest);

		kept->context_length = facts.context_length;
		kept->vision = facts.vision;
		kept->tools = facts.tools;
		kept->json_mode = facts.json_mode;
		kept->embeddings = facts.embeddings;
	}
	return true;
}

static bool read_version(struct probe_result *result, unsigned status, struct slice body)
{
	json_t *json = status == 200 ? probe_parse_quietly(body) : NULL;

	result->version = probe_text(result, json_object_get(json, "version"));
	json_decref(json);
	return true;
}

/* --- the order of questions --- */

static const struct probe_step *make_show(struct probe_result *result, size_t at)
{
	struct progress *progress = result->progress;
	char escaped[6 * PROBE_NAME_MAX + 1];

	progress->showing = at;
	progress->shows++;
	text_escape(escaped, sizeof(escaped), slice_of(result->models[at].id), TEXT_ESCAPE_JSON);
	progress->show = (struct probe_step){
		.method = "POST",
		.path = SHOW,
		.body = arena_printf(result->arena, "{\"model\":\"%s\"}", escaped),
		.read = read_show,
		.optional = true,
	};
	return &progress->show;
}

/* The next model of which nothing is remembered; of the others the facts are filled in on the way.
 */
static const struct probe_step *next_show(struct probe_result *result)
{
	struct progress *progress = result->progress;
	size_t start = result->memory ? result->memory->asked_at : 0;

	while (progress->looked_at < result->model_count) {
		size_t at = (start + progress->looked_at) % result->model_count;
		struct probe_model *model = &result->models[at];
		const struct model_facts *facts = NULL;

		if (result->memory && model->digest)
			facts = probe_memory_find(result->memory, model->digest);
		if (!facts && progress->shows == SHOWS_A_ROUND)
			return NULL;
		progress->looked_at++;
		if (!facts)
			return make_show(result, at);
		apply_facts(model, facts);
	}
	return NULL;
}

/* After the last question: what is remembered of models that this round did not get to, and the
 * context really loaded. */
static void end_round(struct probe_result *result)
{
	struct progress *progress = result->progress;

	if (progress->has_ended)
		return;
	progress->has_ended = true;
	for (size_t i = 0; i < result->model_count; i++) {
		struct probe_model *model = &result->models[i];
		const struct model_facts *facts = NULL;

		if (result->memory && model->digest)
			facts = probe_memory_find(result->memory, model->digest);
		if (facts)
			apply_facts(model, facts);
		if (progress->loaded_context[i] > 0)
			model->context_length = progress->loaded_context[i];
	}
	if (progress->looked_at < result->model_count)
		probe_note(result, "%zu of %zu models not asked about yet: %u a round",
			result->model_count - progress->looked_at, result->model_count,
			SHOWS_A_ROUND);
	if (result->memory) {
		result->memory->asked_at += progress->looked_at;
		probe_memory_end_round(result->memory);
	}
}

static const struct probe_step *next(unsigned step, struct probe_result *result)
{
	static const struct probe_step tags = {.method = "GET", .path = TAGS, .read = read_tags};
	static const struct probe_step ps = {
		.method = "GET", .path = PS, .read = read_ps, .optional = true};
	static const struct probe_step version = {
		.method = "GET", .path = VERSION, .read = read_version, .optional = true};
	struct progress *progress = result->progress;
	const struct probe_step *show;

	if (step == 0)
		return &tags;
	if (!progress)
		return NULL;
	if (step == 1)
		return &ps;
	show = next_show(result);
	if (show)
		return show;
	if (!progress->version_asked) {
		progress->version_asked = true;
		return &version;
	}
	end_round(result);
	return NULL;
}

const struct backend_ops backend_ollama = {
	.name = "ollama",
	.title = "Ollama",
	.default_port = 11434,
	.api_prefix = "/v1",
	.key_header = "Authorization",
	.probe_next = next,
};
