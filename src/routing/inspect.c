/* inspect.c: the members of a request that routing reads.
 *
 * A table says which member means what at which endpoint; everything else is passed over,
 * validated. The first thing wrong ends the inspection with the member's name and the place. */
#include "routing/inspect.h"

#include <stdio.h>

#include "base/fatal.h"
#include "base/text.h"
#include "routing/inspection.h"
#include "routing/token_estimate.h"

const char *const endpoint_names[ENDPOINT_COUNT] = {
	[ENDPOINT_CHAT] = "chat",
	[ENDPOINT_COMPLETION] = "completion",
	[ENDPOINT_EMBEDDINGS] = "embeddings",
};

/* Saying what is wrong. */

bool inspection_refuse(struct inspection *in, const char *param, const char *must)
{
	unsigned line;
	unsigned column;

	json_position(&in->json, (size_t)(in->json.at - in->json.start), &line, &column);
	in->problem->param = param;
	return error_set(
		&in->problem->error, "'%s' %s (line %u, column %u)", param, must, line, column);
}

static bool refuse_body(struct inspection *in)
{
	unsigned line;
	unsigned column;
	size_t offset = 0;
	const char *problem = json_problem(&in->json, &offset);

	json_position(&in->json, offset, &line, &column);
	in->problem->param = NULL;
	return error_set(&in->problem->error, "the body is not valid JSON: %s (line %u, column %u)",
		problem, line, column);
}

bool inspection_expect(
	struct inspection *in, enum json_type type, const char *param, const char *must)
{
	enum json_type actual = json_peek(&in->json);

	if (actual == type)
		return true;
	/* No value at all is a matter of JSON, not of types. */
	if (actual == JSON_TYPE_INVALID)
		return json_skip(&in->json);
	return inspection_refuse(in, param, must);
}

bool inspection_take_null(struct inspection *in)
{
	return json_peek(&in->json) == JSON_TYPE_NULL && json_skip(&in->json);
}

uint64_t inspection_text_tokens(struct inspection *in, struct json_string text)
{
	in->has_text = true;
	return in->estimates ? token_estimate(text) : text.raw.len;
}

bool inspection_count_json(struct inspection *in, uint64_t *tokens)
{
	struct json_string text = {.escaped = true};

	if (!json_skip_span(&in->json, &text.raw))
		return false;
	*tokens += inspection_text_tokens(in, text);
	return true;
}

static struct span span_of(const struct inspection *in, struct slice value)
{
	return (struct span){(size_t)(value.data - in->json.start), value.len};
}

/* Reading a member each. */

static struct slice decoded_copy(struct inspection *in, struct json_string string)
{
	char *copy = arena_alloc(in->arena, string.raw.len + 1);

	return slice_make(copy, json_string_decode(string, copy, string.raw.len + 1));
}

static bool has_control_bytes(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return true;
	return false;
}

/* An escaped byte of a name. */
#define ESCAPE_BYTES 6u

static bool read_model(struct inspection *in)
{
	struct json_reader before;
	struct json_string string;

	if (!inspection_expect(in, JSON_TYPE_STRING, "model", "must be a string"))
		return false;
	before = in->json;
	if (!json_read_string(&in->json, &string))
		return false;
	if (string.raw.len <= INSPECT_MODEL_MAX * ESCAPE_BYTES)
		in->facts->model = decoded_copy(in, string);
	in->facts->model_span =
		span_of(in, slice_make(before.at, (size_t)(in->json.at - before.at)));
	if (in->facts->model.len > 0 && in->facts->model.len <= INSPECT_MODEL_MAX &&
		!has_control_bytes(in->facts->model))
		return true;
	in->json = before;
	return inspection_refuse(
		in, "model", "must name a model in 1 to 128 bytes without control characters");
}

static bool read_stream(struct inspection *in)
{
	if (inspection_take_null(in))
		return true;
	if (json_peek(&in->json) == JSON_TYPE_FALSE)
		return json_skip(&in->json);
	if (!inspection_expect(in, JSON_TYPE_TRUE, "stream", "must be true or false"))
		return false;
	in->facts->stream = true;
	return json_skip(&in->json);
}

static bool read_include_usage(struct inspection *in)
{
	static const char param[] = "stream_options.include_usage";
	enum json_type type = json_peek(&in->json);
	struct slice value;

	if (in->facts->include_usage.length > 0)
		return inspection_refuse(in, param, "is there twice");
	if (type != JSON_TYPE_FALSE && type != JSON_TYPE_NULL &&
		!inspection_expect(in, JSON_TYPE_TRUE, param, "must be true or false"))
		return false;
	if (!json_skip_span(&in->json, &value))
		return false;
	in->facts->include_usage = span_of(in, value);
	in->facts->wants_usage = type == JSON_TYPE_TRUE;
	return true;
}

static bool read_stream_options(struct inspection *in)
{
	bool is_null = json_peek(&in->json) == JSON_TYPE_NULL;
	const char *start = in->json.at;
	struct json_string key;

	if (is_null && json_skip(&in->json)) {
		in->facts->stream_options = span_of(in, slice_make(start, 4));
		return true;
	}
	if (!inspection_expect(in, JSON_TYPE_OBJECT, "stream_options", "must be an object"))
		return false;
	json_enter_object(&in->json);
	while (json_next_member(&in->json, &key))
		if (json_string_is(key, "include_usage") ? !read_include_usage(in)
							 : !json_skip(&in->json))
			return false;
	in->facts->stream_options = span_of(in, slice_make(start, (size_t)(in->json.at - start)));
	return json_problem(&in->json, NULL) == NULL;
}

/* A negative number means "no limit" to some servers; it is theirs to judge. With two caps the
 * larger one counts. */
static bool read_cap(struct inspection *in, const char *param)
{
	struct json_reader before;
	uint64_t cap;
	bool is_integer;

	if (inspection_take_null(in))
		return true;
	if (!inspection_expect(in, JSON_TYPE_NUMBER, param, "must be an integer"))
		return false;
	before = in->json;
	if (!json_read_u64(&in->json, &cap, &is_integer))
		return false;
	if (is_integer && cap > in->facts->output_cap)
		in->facts->output_cap = cap;
	if (is_integer || *before.at == '-')
		return true;
	in->json = before;
	return inspection_refuse(in, param, "must be an integer");
}

static bool read_max_tokens(struct inspection *in)
{
	return read_cap(in, "max_tokens");
}

static bool read_max_completion_tokens(struct inspection *in)
{
	return read_cap(in, "max_completion_tokens");
}

static bool read_tool_list(struct inspection *in, const char *param)
{
	struct json_reader look;

	if (inspection_take_null(in))
		return true;
	if (!inspection_expect(in, JSON_TYPE_ARRAY, param, "must be an array"))
		return false;
	look = in->json;
	if (json_enter_array(&look) && json_next_item(&look))
		in->facts->has_tools = true;
	return inspection_count_json(in, &in->tokens.prompt);
}

static bool read_tools(struct inspection *in)
{
	return read_tool_list(in, "tools");
}

/* The name that `tools` had before. */
static bool read_functions(struct inspection *in)
{
	return read_tool_list(in, "functions");
}

static bool read_response_format(struct inspection *in)
{
	struct json_string key;
	struct json_string type;

	if (inspection_take_null(in))
		return true;
	if (!inspection_expect(in, JSON_TYPE_OBJECT, "response_format", "must be an object"))
		return false;
	json_enter_object(&in->json);
	while (json_next_member(&in->json, &key)) {
		if (!json_string_is(key, "type")) {
			if (!inspection_count_json(in, &in->tokens.prompt))
				return false;
			continue;
		}
		if (!inspection_expect(
			    in, JSON_TYPE_STRING, "response_format.type", "must be a string") ||
			!json_read_string(&in->json, &type))
			return false;
		if (json_string_is(type, "json_object") || json_string_is(type, "json_schema"))
			in->facts->json_mode = true;
	}
	return json_problem(&in->json, NULL) == NULL;
}

static bool read_encoding_format(struct inspection *in)
{
	struct json_string format;

	if (inspection_take_null(in))
		return true;
	if (!inspection_expect(in, JSON_TYPE_STRING, "encoding_format", "must be a string") ||
		!json_read_string(&in->json, &format))
		return false;
	in->facts->wants_base64 = json_string_is(format, "base64");
	return true;
}

static bool read_user(struct inspection *in)
{
	struct json_string user;

	if (inspection_take_null(in))
		return true;
	if (!inspection_expect(in, JSON_TYPE_STRING, "user", "must be a string") ||
		!json_read_string(&in->json, &user))
		return false;
	in->facts->user = user.escaped ? decoded_copy(in, user) : user.raw;
	return true;
}

static bool read_suffix(struct inspection *in)
{
	return inspection_count_json(in, &in->tokens.prompt);
}

/* Prompts and inputs: a string, token numbers, or an array of either. */

static void count_input(struct inspection *in, uint64_t tokens)
{
	in->tokens.prompt += tokens;
	in->tokens_inputs += tokens;
	if (tokens > in->tokens.longest)
		in->tokens.longest = tokens;
}

static bool read_text_input(struct inspection *in)
{
	struct json_string text;

	if (!json_read_string(&in->json, &text))
		return false;
	if (in->facts->conversation == 0 && in->facts->endpoint == ENDPOINT_COMPLETION)
		inspection_note_opening(in, text.raw);
	count_input(in, inspection_text_tokens(in, text));
	return true;
}

#define INPUT_MUST "must be a string, an array of strings, or an array (of arrays) of token numbers"

/* The rest of an array of token numbers, whose first item is at hand. */
static bool read_tokens(struct inspection *in, const char *param)
{
	uint64_t count = 0;
	bool is_integer;
	uint64_t token;

	do {
		if (!inspection_expect(in, JSON_TYPE_NUMBER, param, INPUT_MUST) ||
			!json_read_u64(&in->json, &token, &is_integer))
			return false;
		if (!is_integer)
			return inspection_refuse(in, param, INPUT_MUST);
		count++;
	} while (json_next_item(&in->json));
	count_input(in, count);
	return json_problem(&in->json, NULL) == NULL;
}

static bool read_input_item(struct inspection *in, const char *param)
{
	if (json_peek(&in->json) == JSON_TYPE_STRING)
		return read_text_input(in);
	if (!inspection_expect(in, JSON_TYPE_ARRAY, param, INPUT_MUST))
		return false;
	json_enter_array(&in->json);
	if (json_next_item(&in->json))
		return read_tokens(in, param);
	return json_problem(&in->json, NULL) == NULL;
}

static bool read_input_of(struct inspection *in, const char *param)
{
	if (json_peek(&in->json) == JSON_TYPE_STRING)
		return read_text_input(in);
	if (!inspection_expect(in, JSON_TYPE_ARRAY, param, INPUT_MUST))
		return false;
	json_enter_array(&in->json);
	if (!json_next_item(&in->json))
		return json_problem(&in->json, NULL) == NULL &&
		       inspection_refuse(in, param, "must not be empty");
	if (json_peek(&in->json) == JSON_TYPE_NUMBER)
		return read_tokens(in, param);
	do {
		if (!read_input_item(in, param))
			return false;
	} while (json_next_item(&in->json));
	return json_problem(&in->json, NULL) == NULL;
}

static bool read_prompt(struct inspection *in)
{
	return read_input_of(in, "prompt");
}

static bool read_input(struct inspection *in)
{
	return read_input_of(in, "input");
}

/* The body. */

#define CHAT       (1u << ENDPOINT_CHAT)
#define COMPLETION (1u << ENDPOINT_COMPLETION)
#define EMBEDDINGS (1u << ENDPOINT_EMBEDDINGS)

static const struct field {
	struct slice name;
	unsigned endpoints;
	bool required;
	bool (*read)(struct inspection *in);
} fields[] = {
	{SLICE_LITERAL("model"), CHAT | COMPLETION | EMBEDDINGS, true, read_model},
	{SLICE_LITERAL("messages"), CHAT, true, inspection_read_messages},
	{SLICE_LITERAL("prompt"), COMPLETION, true, read_prompt},
	{SLICE_LITERAL("input"), EMBEDDINGS, true, read_input},
	{SLICE_LITERAL("stream"), CHAT | COMPLETION, false, read_stream},
	{SLICE_LITERAL("stream_options"), CHAT | COMPLETION, false, read_stream_options},
	{SLICE_LITERAL("max_tokens"), CHAT | COMPLETION, false, read_max_tokens},
	{SLICE_LITERAL("max_completion_tokens"), CHAT, false, read_max_completion_tokens},
	{SLICE_LITERAL("tools"), CHAT, false, read_tools},
	{SLICE_LITERAL("functions"), CHAT, false, read_functions},
	{SLICE_LITERAL("response_format"), CHAT | COMPLETION, false, read_response_format},
	{SLICE_LITERAL("suffix"), COMPLETION, false, read_suffix},
	{SLICE_LITERAL("encoding_format"), EMBEDDINGS, false, read_encoding_format},
	{SLICE_LITERAL("user"), CHAT | COMPLETION | EMBEDDINGS, false, read_user},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

static bool is_name(struct json_string key, struct slice name)
{
	return key.escaped ? json_escaped_string_is(key, name.data) : slice_equal(key.raw, name);
}

static bool read_member(struct inspection *in, struct json_string key)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!(fields[i].endpoints & 1u << in->facts->endpoint) ||
			!is_name(key, fields[i].name))
			continue;
		if (in->seen & 1u << i)
			return inspection_refuse(in, fields[i].name.data, "is there twice");
		in->seen |= 1u << i;
		return fields[i].read(in);
	}
	return json_skip(&in->json);
}

static bool read_body(struct inspection *in)
{
	struct json_string key;

	json_enter_object(&in->json);
	in->facts->object_open = span_of(in, slice_make(in->json.at - 1, 1));
	while (json_next_member(&in->json, &key))
		if (!read_member(in, key))
			return false;
	return json_finish(&in->json);
}

static bool check_required(struct inspection *in)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!fields[i].required || !(fields[i].endpoints & 1u << in->facts->endpoint) ||
			in->seen & 1u << i)
			continue;
		in->problem->param = fields[i].name.data;
		return error_set(&in->problem->error, "'%s' is missing", fields[i].name.data);
	}
	return true;
}

/* The whole pass, but for what is missing. */
static bool inspect(struct inspection *in, struct slice body, unsigned max_depth)
{
	enum json_type type;

	json_reader_init(&in->json, body, max_depth);
	type = json_peek(&in->json);
	if (type != JSON_TYPE_OBJECT && type != JSON_TYPE_INVALID) {
		in->problem->param = NULL;
		return error_set(&in->problem->error, "the body must be a JSON object");
	}
	if (type == JSON_TYPE_INVALID ? !json_skip(&in->json) : !read_body(in))
		return json_problem(&in->json, NULL) ? refuse_body(in) : false;
	/* What is not an input of its own (a chat, tools, a suffix) goes with each of them. */
	in->tokens.longest += in->tokens.prompt - in->tokens_inputs;
	return true;
}

bool inspect_request(enum endpoint endpoint, struct slice body, unsigned max_depth,
	struct arena *arena, struct request_facts *facts, struct inspect_problem *problem)
{
	struct inspection in = {.facts = facts, .problem = problem, .arena = arena};

	*facts = (struct request_facts){.endpoint = endpoint, .body = body, .max_depth = max_depth};
	if (!inspect(&in, body, max_depth))
		return false;
	facts->tokens_bound = in.tokens;
	facts->tokens_exact = !in.has_text;
	return check_required(&in);
}

struct token_count request_tokens(struct request_facts *facts)
{
	struct inspect_problem problem;
	struct request_facts again = {.endpoint = facts->endpoint};
	char memory[512];
	struct arena arena;
	struct inspection in = {
		.facts = &again, .problem = &problem, .arena = &arena, .estimates = true};

	if (facts->tokens_exact)
		return facts->tokens_bound;
	if (facts->tokens_known)
		return facts->tokens;
	arena_init_in(&arena, 1024, memory, sizeof(memory));
	invariant(inspect(&in, facts->body, facts->max_depth));
	arena_free(&arena);
	facts->tokens = in.tokens;
	facts->tokens_known = true;
	return facts->tokens;
}
