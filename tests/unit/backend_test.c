/* Promise: what a model server answers, whole, cut or hostile, becomes the right facts or a failure
 * that says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "backend/backend.h"
#include "base/buffer.h"
#include "base/memory.h"

/* --- answers --- */

/* What a server answers to one path: a body of this file, or of a file under DATA_DIR (of a
 * recorded answer only the body). */
struct answer {
	const char *path;
	unsigned status; /* 0: no answer at all */
	const char *body;
	const char *file;
	const char *asks; /* what the request's body must be, or NULL */
};

static struct slice read_file(struct arena *arena, const char *name)
{
	char *path = arena_printf(arena, "%s/%s", DATA_DIR, name);
	FILE *file = fopen(path, "rb");
	char *text = arena_zalloc(arena, 1 << 16);
	size_t len;
	char *body;

	assert_non_null(file);
	len = fread(text, 1, (1 << 16) - 1, file);
	fclose(file);
	body = strncmp(text, "HTTP/", 5) == 0 ? strstr(text, "\r\n\r\n") : NULL;
	if (body)
		return slice_make(body + 4, len - (size_t)(body + 4 - text));
	return slice_make(text, len);
}

static struct slice body_of(struct arena *arena, const struct answer *answer)
{
	return answer->file ? read_file(arena, answer->file) : slice_of(answer->body);
}

static const struct answer *find_answer(const struct answer *answers, const struct probe_step *step)
{
	for (; answers->path; answers++)
		if (strcmp(answers->path, step->path) == 0 &&
			(!answers->asks || (step->body && strcmp(answers->asks, step->body) == 0)))
			return answers;
	return NULL;
}

/* One round as the health worker does it. Returns how many requests it took. A copy of each body of
 * just its length lets the sanitizer see a read behind it. */
static unsigned run_probe(const char *type, struct arena *arena, struct probe_memory *memory,
	const struct answer *answers, struct probe_result *result)
{
	const struct backend_ops *ops = backend_ops_by_name(type);
	const struct probe_step *step;
	unsigned n;

	assert_non_null(ops);
	probe_begin(result, arena, memory);
	for (n = 0; (step = ops->probe_next(n, result)); n++) {
		const struct answer *answer = find_answer(answers, step);
		struct slice body;
		bool goes_on;
		char *copy;

		if (!answer)
			fail_msg("%s: unexpected request %s %s", type, step->path, step->body);
		if (answer->status == 0) {
			if (step->optional)
				continue;
			probe_fail(result, "no answer from %s", step->path);
			return n + 1;
		}
		body = body_of(arena, answer);
		copy = memory_alloc(body.len + 1);
		memcpy(copy, body.data, body.len);
		goes_on = step->read(result, answer->status, slice_make(copy, body.len));
		free(copy);
		if (!goes_on)
			return n + 1;
	}
	return n;
}

static const struct probe_model *model_of(const struct probe_result *result, const char *id)
{
	for (size_t i = 0; i < result->model_count; i++)
		if (strcmp(result->models[i].id, id) == 0)
			return &result->models[i];
	fail_msg("no model %s", id);
	return NULL;
}

/* --- facts --- */

struct expected_model {
	const char *id;
	uint32_t context_length;
	uint8_t vision, tools, json_mode, embeddings;
	bool loaded;
};

struct scene {
	const char *what;
	const char *type;
	struct answer answers[8];
	enum probe_verdict verdict;
	const char *error; /* part of it */
	struct expected_model models[4];
	const char *note; /* part of it */
};

enum { Q = KNOWLEDGE_UNKNOWN, N = KNOWLEDGE_NO, Y = KNOWLEDGE_YES };

/* clang-format off */
static const struct scene scenes[] = {
	{"a real Ollama", "ollama",
		{{"/api/tags", 200, .file = "recorded/ollama.tags.http"}, {"/api/ps", 200, .file = "recorded/ollama.ps.http"},
		 {"/api/show", 200, .file = "recorded/ollama.show.http", .asks = "{\"model\":\"tiny:latest\"}"},
		 {"/api/version", 200, .file = "recorded/ollama.version.http"}},
		.verdict = PROBE_HEALTHY, .models = {{"tiny:latest", 2048, N, N, Y, Q, true}}},
	{"Ollama: nothing loaded: num_ctx counts", "ollama",
		{{"/api/tags", 200, .file = "recorded/ollama.tags.http"}, {"/api/ps", 200, .body = "{\"models\":[]}"},
		 {"/api/show", 200, .file = "recorded/ollama.show.http"}, {.path = "/api/version", .status = 0}},
		.verdict = PROBE_HEALTHY, .models = {{"tiny:latest", 2048, N, N, Y, Q, false}}},
	{"Ollama: embeddings, cloud models, bad names", "ollama",
		{{"/api/tags", 200, .file = "servers/ollama.many-kinds.json"}, {"/api/ps", 404, .body = "404 page not found"},
		 {"/api/show", 200, .file = "servers/ollama.show-tools.json", .asks = "{\"model\":\"qwen3:8b\"}"},
		 {"/api/show", 200, .file = "servers/ollama.show-embedding.json", .asks = "{\"model\":\"nomic-embed-text:latest\"}"},
		 {"/api/version", 404, .body = ""}},
		.verdict = PROBE_HEALTHY, .models = {{"qwen3:8b", 16384, N, Y, Y, Q, false}, {"nomic-embed-text:latest", 2048, N, N, Y, Y, false}},
		.note = "models left out: 1 that this Ollama runs on another host"},
	{"Ollama: show fails: unknown, not down", "ollama",
		{{"/api/tags", 200, .file = "recorded/ollama.tags.http"}, {"/api/ps", 200, .file = "recorded/ollama.ps.http"},
		 {"/api/show", 500, .body = "{\"error\":\"boom\"}"}, {"/api/version", 200, .body = "nonsense"}},
		.verdict = PROBE_HEALTHY, .models = {{"tiny:latest", 2048, Q, Q, Y, Q, true}}, .note = "/api/show for tiny:latest"},
	{"Ollama without models", "ollama",
		{{"/api/tags", 200, .body = "{\"models\":null}"}, {"/api/ps", 200, .body = "{\"models\":[]}"}, {"/api/version", 200, .body = "{}"}},
		.verdict = PROBE_HEALTHY},
	{"Ollama: 500", "ollama", {{"/api/tags", 500, .body = "out of \033[31mmemory"}},
		.verdict = PROBE_FAILED, .error = "HTTP 500 from /api/tags: out of \\x1b[31mmemory"},
	{"Ollama: unreadable", "ollama", {{"/api/tags", 200, .body = "{\"models\":[{]}"}},
		.verdict = PROBE_FAILED, .error = "unreadable JSON from /api/tags: "},
	{"Ollama: unreadable, with the place", "ollama", {{"/api/tags", 200, .body = "{\"models\":[{]}"}},
		.verdict = PROBE_FAILED, .error = " at offset 13 of 14"},
	{"Ollama: another answer", "ollama", {{"/api/tags", 200, .body = "{\"error\":\"x\"}"}},
		.verdict = PROBE_FAILED, .error = "unexpected answer from /api/tags"},
	{"Ollama: ps unreadable", "ollama",
		{{"/api/tags", 200, .file = "recorded/ollama.tags.http"}, {"/api/ps", 200, .body = "oops"}},
		.verdict = PROBE_FAILED, .error = "unreadable JSON from /api/ps"},

	{"vLLM", "vllm",
		{{"/health", 200, .body = ""}, {"/v1/models", 200, .file = "servers/vllm.models.json"},
		 {"/metrics", 200, .file = "servers/vllm.metrics.txt"}},
		.verdict = PROBE_HEALTHY, .models = {{"Qwen/Qwen2.5-7B-Instruct", 32768, Q, Q, Y, Q, true}, {"sql-lora", 0, Q, Q, Y, Q, true}}},
	{"vLLM: a dead engine", "vllm", {{"/health", 503, .body = ""}}, .verdict = PROBE_FAILED, .error = "HTTP 503 from /health"},
	{"vLLM: wants a key", "vllm", {{"/health", 200, .body = ""}, {"/v1/models", 401, .body = "{\"error\":\"sk-secret\"}"}},
		.verdict = PROBE_FAILED, .error = "HTTP 401 from /v1/models: the server does not accept the API key"},

	{"llama.cpp", "llamacpp",
		{{"/health", 200, .body = "{\"status\":\"ok\"}"}, {"/v1/models", 200, .file = "servers/llamacpp.models.json"},
		 {"/props", 200, .file = "servers/llamacpp.props.json"}},
		.verdict = PROBE_HEALTHY, .models = {{"qwen", 8192, Y, Y, Y, Q, true}}},
	{"llama.cpp: props closed", "llamacpp",
		{{"/health", 200, .body = "{\"status\":\"ok\"}"}, {"/v1/models", 200, .file = "servers/llamacpp.models.json"},
		 {"/props", 401, .body = ""}},
		.verdict = PROBE_HEALTHY, .models = {{"qwen", 131072, Q, Q, Y, Q, true}}, .note = "HTTP 401 from /props"},
	{"llama.cpp: loading", "llamacpp", {{"/health", 503, .file = "servers/llamacpp.loading.json"}},
		.verdict = PROBE_WARMING, .error = "loading its model"},
	{"llama.cpp: loading, older", "llamacpp", {{"/health", 503, .body = "{\"status\":\"loading model\"}"}},
		.verdict = PROBE_WARMING, .error = "loading its model"},
	{"llama.cpp: another 503", "llamacpp", {{"/health", 503, .body = "{\"status\":\"error\"}"}},
		.verdict = PROBE_FAILED, .error = "HTTP 503 from /health"},
	{"llama.cpp as a router", "llamacpp",
		{{"/health", 200, .body = "{\"status\":\"ok\"}"}, {"/v1/models", 200, .file = "servers/llamacpp.router.json"},
		 {"/props", 200, .body = "{\"role\":\"router\"}"}},
		.verdict = PROBE_HEALTHY, .models = {{"qwen:q4", 0, Q, Q, Y, Q, true}, {"gemma:q4", 0, Q, Q, Y, Q, false}}},

	{"LM Studio", "lmstudio", {{"/api/v1/models", 200, .file = "servers/lmstudio.models.json"}},
		.verdict = PROBE_HEALTHY, .models = {{"qwen/qwen3-9b", 4096, Y, Y, Q, N, true}, {"short", 4096, Y, Y, Q, N, true},
			{"google/gemma-3-4b", 131072, Y, N, Q, N, false},
			{"text-embedding-nomic-embed-text-v1.5", 2048, Q, Q, Q, Y, false}}},
	{"LM Studio 0.3, by 404", "lmstudio",
		{{"/api/v1/models", 404, .body = ""}, {"/api/v0/models", 200, .file = "servers/lmstudio.models-old.json"}},
		.verdict = PROBE_HEALTHY, .models = {{"qwen2-vl-7b-instruct", 32768, Y, Q, Q, N, false},
			{"llama-3.1-8b-instruct", 4096, N, Y, Q, N, true},
			{"text-embedding-nomic-embed-text-v1.5", 2048, Q, Q, Q, Y, false}}},
	{"LM Studio 0.3, by an error with 200", "lmstudio",
		{{"/api/v1/models", 200, .file = "servers/lmstudio.unexpected.json"},
		 {"/api/v0/models", 200, .file = "servers/lmstudio.models-old.json"}},
		.verdict = PROBE_HEALTHY, .models = {{"llama-3.1-8b-instruct", 4096, N, Y, Q, N, true}}},
	{"LM Studio: neither", "lmstudio", {{"/api/v1/models", 404, .body = ""}, {"/api/v0/models", 404, .body = "no"}},
		.verdict = PROBE_FAILED, .error = "HTTP 404 from /api/v0/models: no"},

	{"exo", "exo", {{"/v1/models?status=downloaded", 200, .file = "servers/exo.models.json"}},
		.verdict = PROBE_HEALTHY, .models = {{"mlx-community/Llama-3.2-1B-Instruct-4bit", 131072, Q, Q, Q, Q, false}}},
	{"llama-cpp-python as generic", "generic", {{"/v1/models", 200, .file = "recorded/llama-cpp-python.models.http"}},
		.verdict = PROBE_HEALTHY, .models = {{"tiny", 0, Q, Q, Q, Q, false}}},
	{"a bare list", "generic", {{"/v1/models", 200, .body = "[{\"id\":\"m\",\"type\":\"embedding\",\"context_length\":512}]"}},
		.verdict = PROBE_HEALTHY, .models = {{"m", 512, Q, Q, Q, Y, false}}},
	{"numbers that are none", "generic",
		{{"/v1/models", 200, .body = "{\"data\":[{\"id\":\"m\",\"context_length\":-5},{\"id\":\"n\",\"context_length\":1e99},"
			"{\"id\":\"o\",\"context_length\":99999999999},7,null]}"}},
		.verdict = PROBE_HEALTHY, .models = {{.id = "m"}, {.id = "n"}, {.id = "o"}}, .note = "models left out: 2 with"},
	{"a redirect", "generic", {{"/v1/models", 301, .body = ""}}, .verdict = PROBE_FAILED, .error = "redirects are not followed"},
	{"a web page", "generic", {{"/v1/models", 200, .body = "<html>"}}, .verdict = PROBE_FAILED, .error = "unreadable JSON from /v1/models"},
	{"OpenAI", "openai", {{"/v1/models", 200, .file = "servers/openai.models.json"}},
		.verdict = PROBE_HEALTHY, .models = {{"gpt-4o", 0, Q, Q, Q, Q, true}, {"text-embedding-3-small", 0, Q, Q, Q, Y, true}}},
	{"the demo", "demo", {{"/v1/models", 200, .body = "{\"object\":\"list\",\"data\":[{\"id\":\"demo\",\"context_length\":4096,\"capabilities\":{\"vision\":false,\"tools\":true}}]}"}},
		.verdict = PROBE_HEALTHY, .models = {{"demo", 4096, N, Y, Q, Q, true}}},
};
/* clang-format on */

static void check_model(const struct scene *scene, const struct probe_result *result,
	const struct expected_model *expected)
{
	const struct probe_model *model = model_of(result, expected->id);

	assert_int_equal(model->context_length, expected->context_length);
	assert_int_equal(model->vision, expected->vision);
	assert_int_equal(model->tools, expected->tools);
	assert_int_equal(model->json_mode, expected->json_mode);
	assert_int_equal(model->embeddings, expected->embeddings);
	assert_int_equal(model->loaded, expected->loaded);
}

static void check_scene(const struct scene *scene)
{
	struct probe_memory *memory = probe_memory_new();
	struct probe_result result;
	struct arena arena;

	print_message("         - %s\n", scene->what);
	arena_init(&arena, 4096);
	run_probe(scene->type, &arena, memory, scene->answers, &result);
	assert_int_equal(result.verdict, scene->verdict);
	if (scene->error && !strstr(result.error.text, scene->error))
		fail_msg("%s: %s", scene->what, result.error.text);
	for (size_t i = 0; i < 4 && scene->models[i].id; i++)
		check_model(scene, &result, &scene->models[i]);
	assert_int_equal(result.note != NULL, scene->note != NULL);
	if (scene->note && !strstr(result.note, scene->note))
		fail_msg("%s: %s", scene->what, result.note);
	arena_free(&arena);
	probe_memory_free(&memory);
}

static void test_scenes(void **state)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		check_scene(&scenes[i]);
}

static void test_side_facts(void **state)
{
	struct probe_result result;
	struct arena arena;

	arena_init(&arena, 4096);
	run_probe("vllm", &arena, NULL,
		(struct answer[]){{"/health", 200, .body = ""},
			{"/v1/models", 200, .file = "servers/vllm.models.json"},
			{"/metrics", 200, .file = "servers/vllm.metrics.txt"}, {0}},
		&result);
	assert_true(result.has_engine_waiting);
	assert_int_equal(result.engine_waiting, 5);
	run_probe("llamacpp", &arena, NULL,
		(struct answer[]){{"/health", 200, .body = ""},
			{"/v1/models", 200, .file = "servers/llamacpp.models.json"},
			{"/props", 200, .file = "servers/llamacpp.props.json"}, {0}},
		&result);
	assert_int_equal(result.slots, 4);
	assert_string_equal(result.version, "b7000-abcdef0");
	assert_false(result.has_engine_waiting);
	arena_free(&arena);
}

/* --- Ollama's memory --- */

/* A list of `count` models, the digest of each made of its number and `edition`. */
static const char *tags_of(struct arena *arena, unsigned count, unsigned edition)
{
	struct buffer out;
	const char *text;

	buffer_init(&out, 1 << 20);
	buffer_append_text(&out, "{\"models\":[");
	for (unsigned i = 0; i < count; i++)
		buffer_printf(&out, "%s{\"name\":\"m%u:1b\",\"digest\":\"%u-%u\"}", i ? "," : "", i,
			i, edition);
	buffer_append_text(&out, "]}");
	text = arena_strdup(arena, buffer_text(&out));
	buffer_free(&out);
	return text;
}

static unsigned round_of(struct arena *arena, struct probe_memory *memory, unsigned count,
	unsigned edition, unsigned show_status, struct probe_result *result)
{
	const struct answer answers[] = {
		{"/api/tags", 200, .body = tags_of(arena, count, edition)},
		{"/api/ps", 200, .body = "{\"models\":[]}"},
		{"/api/show", show_status, .file = "servers/ollama.show-tools.json"},
		{"/api/version", 200, .body = "{\"version\":\"0.17.4\"}"},
		{0},
	};

	return run_probe("ollama", arena, memory, answers, result) - 3;
}

static unsigned known_models(const struct probe_result *result)
{
	unsigned known = 0;

	for (size_t i = 0; i < result->model_count; i++)
		known += result->models[i].tools == KNOWLEDGE_YES;
	return known;
}

static void test_shows_are_bounded_and_remembered(void **state)
{
	struct probe_memory *memory = probe_memory_new();
	struct probe_result result;
	struct arena arena;

	arena_init(&arena, 1 << 16);
	assert_int_equal(round_of(&arena, memory, 150, 1, 200, &result), 64);
	assert_int_equal(known_models(&result), 64);
	assert_non_null(strstr(result.note, "86 of 150 models not asked about yet"));
	assert_int_equal(round_of(&arena, memory, 150, 1, 200, &result), 64);
	assert_int_equal(known_models(&result), 128);
	assert_int_equal(round_of(&arena, memory, 150, 1, 200, &result), 22);
	assert_int_equal(known_models(&result), 150);
	assert_int_equal(round_of(&arena, memory, 150, 1, 200, &result), 0);
	assert_int_equal(known_models(&result), 150);
	assert_null(result.note);
	/* Another content under the old names is asked for again. */
	assert_int_equal(round_of(&arena, memory, 10, 2, 200, &result), 10);
	/* What a round did not use is forgotten. */
	assert_int_equal(round_of(&arena, memory, 11, 1, 200, &result), 11);
	arena_free(&arena);
	probe_memory_free(&memory);
}

/* Models that cannot be shown must not keep the others from being asked about. */
static void test_failing_shows_take_turns(void **state)
{
	struct probe_memory *memory = probe_memory_new();
	struct probe_result result;
	struct arena arena;

	arena_init(&arena, 1 << 16);
	assert_int_equal(round_of(&arena, memory, 100, 1, 500, &result), 64);
	assert_int_equal(round_of(&arena, memory, 100, 1, 200, &result), 64);
	assert_int_equal(known_models(&result), 64);
	assert_int_equal(result.models[70].tools, KNOWLEDGE_YES);
	arena_free(&arena);
	probe_memory_free(&memory);
}

static void test_model_name_is_escaped_in_requests(void **state)
{
	const struct answer answers[] = {
		{"/api/tags", 200, .body = "{\"models\":[{\"name\":\"a\\\"b\\\\c\"}]}"},
		{"/api/ps", 200, .body = "{}"},
		{"/api/show", 200, .body = "{}", .asks = "{\"model\":\"a\\\"b\\\\c\"}"},
		{"/api/version", 200, .body = "{}"},
		{0},
	};
	struct probe_result result;
	struct arena arena;

	arena_init(&arena, 4096);
	run_probe("ollama", &arena, NULL, answers, &result);
	assert_int_equal(result.verdict, PROBE_HEALTHY);
	assert_string_equal(result.models[0].id, "a\"b\\c");
	arena_free(&arena);
}

/* --- hostile answers --- */

static void test_names(void **state)
{
	static const struct {
		const char *json;
		bool usable;
	} cases[] = {
		{"\"org/model:tag@1\"", true},
		{"\"modèle\"", true},
		{"\"\"", false},
		{"\"a\\nb\"", false},
		{"\"a\\u0000b\"", false},
		{"\"a\\u007fb\"", false},
		{"\"a\\u0085b\"", false},
		{"7", false},
		{"null", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct probe_result result;
		struct arena arena;
		struct answer answers[2] = {{.path = "/v1/models", .status = 200}};

		arena_init(&arena, 4096);
		answers[0].body = arena_printf(&arena, "{\"data\":[{\"id\":%s}]}", cases[i].json);
		run_probe("generic", &arena, NULL, answers, &result);
		assert_int_equal(result.verdict, PROBE_HEALTHY);
		assert_int_equal(result.model_count, cases[i].usable);
		assert_int_equal(result.models_dropped, !cases[i].usable);
		arena_free(&arena);
	}
}

static void test_lists_are_bounded(void **state)
{
	struct answer answers[2] = {{.path = "/v1/models", .status = 200}};
	struct probe_result result;
	struct arena arena;
	struct buffer out;
	char name[PROBE_NAME_MAX + 2];

	arena_init(&arena, 4096);
	buffer_init(&out, 1 << 20);
	memset(name, 'n', sizeof(name));
	name[PROBE_NAME_MAX] = '\0';
	buffer_printf(&out, "{\"data\":[{\"id\":\"%s\"},{\"id\":\"%s\"},{\"id\":\"%sn\"}", name,
		name, name);
	for (unsigned i = 0; i < REGISTRY_MODELS_MAX; i++)
		buffer_printf(&out, ",{\"id\":\"m%u\"}", i);
	buffer_append_text(&out, "]}");
	answers[0].body = buffer_text(&out);
	run_probe("generic", &arena, NULL, answers, &result);
	assert_int_equal(result.model_count, REGISTRY_MODELS_MAX);
	assert_int_equal(result.models_dropped, 2);
	buffer_free(&out);
	arena_free(&arena);
}

/* Small on the wire, large in memory. */
static void test_values_are_bounded(void **state)
{
	struct answer answers[2] = {{.path = "/v1/models", .status = 200}};
	struct probe_result result;
	struct arena arena;
	struct buffer out;

	arena_init(&arena, 4096);
	buffer_init(&out, 4 << 20);
	buffer_append_text(&out, "{\"data\":[[]");
	for (unsigned i = 0; i < 300000; i++)
		buffer_append_text(&out, ",[]");
	buffer_append_text(&out, "]}");
	answers[0].body = buffer_text(&out);
	run_probe("generic", &arena, NULL, answers, &result);
	assert_int_equal(result.verdict, PROBE_FAILED);
	assert_non_null(strstr(result.error.text, "more than 524288 values"));
	buffer_free(&out);
	arena_free(&arena);
}

/* Every answer of every scene, cut at every byte: healthy or failed, with a sentence, and never a
 * read behind the end. */
static void cut_scene(const struct scene *scene, size_t which)
{
	struct answer answers[9] = {0};
	struct arena arena;
	struct slice whole;

	memcpy(answers, scene->answers, sizeof(scene->answers));
	arena_init(&arena, 1 << 16);
	whole = body_of(&arena, &answers[which]);
	answers[which].file = NULL;
	for (size_t len = 0; len < whole.len; len++) {
		struct probe_result result;
		struct arena round;

		arena_init(&round, 1 << 14);
		answers[which].body = arena_dup_slice(&round, slice_make(whole.data, len));
		run_probe(scene->type, &round, NULL, answers, &result);
		if (result.verdict != PROBE_HEALTHY)
			assert_true(strlen(result.error.text) > 0);
		arena_free(&round);
	}
	arena_free(&arena);
}

static void test_cut_answers(void **state)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		for (size_t which = 0; which < 8 && scenes[i].answers[which].path; which++)
			if (scenes[i].answers[which].status != 0 &&
				scenes[i].verdict == PROBE_HEALTHY)
				cut_scene(&scenes[i], which);
}

/* The table is what configuration and help read. */
static void test_table(void **state)
{
	assert_null(backend_ops_by_name("anthropic"));
	assert_null(backend_ops_by_name(""));
	for (const struct backend_ops *const *ops = backend_table; *ops; ops++) {
		assert_ptr_equal(backend_ops_by_name((*ops)->name), *ops);
		assert_non_null((*ops)->title);
		assert_non_null((*ops)->api_prefix);
		assert_non_null((*ops)->key_header);
		assert_non_null((*ops)->probe_next);
	}
	assert_true(backend_ops_by_name("openai")->is_cloud);
	assert_false(backend_ops_by_name("generic")->is_cloud);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenes),
		cmocka_unit_test(test_side_facts),
		cmocka_unit_test(test_shows_are_bounded_and_remembered),
		cmocka_unit_test(test_failing_shows_take_turns),
		cmocka_unit_test(test_model_name_is_escaped_in_requests),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lists_are_bounded),
		cmocka_unit_test(test_values_are_bounded),
		cmocka_unit_test(test_cut_answers),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
