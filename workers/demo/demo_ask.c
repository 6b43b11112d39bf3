/* demo_ask.c: one pass to find the members, then each in its own type. */
#include "workers/demo/demo_ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_scan.h"
#include "workers/demo/demo_tool.h"

#define NESTING_MAX JSON_SCAN_DEPTH_MAX

const struct demo_model demo_models[DEMO_MODELS] = {
	{"demo-small", false},
	{"demo-vision", true},
};

/* The members that mean something here, as the bytes of their values; empty when absent or null. */
struct members {
	struct slice model;
	struct slice messages;
	struct slice prompt;
	struct slice input;
	struct slice stream;
	struct slice stream_options;
	struct slice max_tokens;
	struct slice max_completion_tokens;
	struct slice n;
	struct slice tools;
	struct slice tool_choice;
	struct slice encoding_format;
	struct slice dimensions;
};

static const struct {
	const char *name;
	size_t offset;
} member_table[] = {
	{"model", offsetof(struct members, model)},
	{"messages", offsetof(struct members, messages)},
	{"prompt", offsetof(struct members, prompt)},
	{"input", offsetof(struct members, input)},
	{"stream", offsetof(struct members, stream)},
	{"stream_options", offsetof(struct members, stream_options)},
	{"max_tokens", offsetof(struct members, max_tokens)},
	{"max_completion_tokens", offsetof(struct members, max_completion_tokens)},
	{"n", offsetof(struct members, n)},
	{"tools", offsetof(struct members, tools)},
	{"tool_choice", offsetof(struct members, tool_choice)},
	{"encoding_format", offsetof(struct members, encoding_format)},
	{"dimensions", offsetof(struct members, dimensions)},
};

__attribute__((format(printf, 4, 5))) static bool refuse(struct demo_refusal *refusal,
	enum http_error_id id, const char *param, const char *format, ...)
{
	va_list args;

	refusal->id = id;
	refusal->param = param;
	va_start(args, format);
	vsnprintf(refusal->sentence, sizeof(refusal->sentence), format, args);
	va_end(args);
	return false;
}

static bool mistyped(struct demo_refusal *refusal, const char *param, const char *wanted)
{
	return refuse(refusal, HTTP_ERROR_BAD_REQUEST, param, "'%s' must be %s.", param, wanted);
}

static struct slice *place_of(struct members *members, struct json_string key)
{
	for (size_t i = 0; i < sizeof(member_table) / sizeof(member_table[0]); i++)
		if (json_string_is(key, member_table[i].name))
			return (struct slice *)(void *)((char *)members + member_table[i].offset);
	return NULL;
}

static bool find_members(struct members *members, struct slice body, struct demo_refusal *refusal)
{
	struct json_reader json;
	struct json_string key;
	const char *problem;
	unsigned line;
	unsigned column;
	size_t offset;

	*members = (struct members){.model = {NULL, 0}};
	json_reader_init(&json, body, NESTING_MAX);
	if (json_enter_object(&json)) {
		while (json_next_member(&json, &key)) {
			struct slice *place = place_of(members, key);
			struct slice value;

			if (json_skip_span(&json, &value) && place && !slice_is(value, "null"))
				*place = value;
		}
	}
	if (json_finish(&json))
		return true;
	problem = json_problem(&json, &offset);
	json_position(&json, offset, &line, &column);
	return refuse(refusal, HTTP_ERROR_BAD_REQUEST, NULL,
		"The body is not a JSON object: %s at line %u, column %u.", problem, line, column);
}

static enum json_type type_of(struct slice value)
{
	struct json_reader json;

	json_reader_init(&json, value, NESTING_MAX);
	return json_peek(&json);
}

static bool read_flag(
	struct slice value, const char *param, bool *out, struct demo_refusal *refusal)
{
	enum json_type type = value.len > 0 ? type_of(value) : JSON_TYPE_FALSE;

	*out = type == JSON_TYPE_TRUE;
	return type == JSON_TYPE_TRUE || type == JSON_TYPE_FALSE ||
	       mistyped(refusal, param, "true or false");
}

/* Leaves *out alone when the member is absent. */
static bool read_count(
	struct slice value, const char *param, uint64_t *out, struct demo_refusal *refusal)
{
	struct json_reader json;
	bool is_integer = false;

	if (value.len == 0)
		return true;
	json_reader_init(&json, value, NESTING_MAX);
	if (json_peek(&json) != JSON_TYPE_NUMBER || !json_read_u64(&json, out, &is_integer) ||
		!is_integer)
		return mistyped(refusal, param, "a whole number, not negative");
	return true;
}

static bool read_model(struct demo_ask *ask, struct slice value, struct demo_refusal *refusal)
{
	struct json_reader json;
	struct json_string name;

	if (value.len == 0)
		return refuse(refusal, HTTP_ERROR_BAD_REQUEST, "model", "'model' is missing.");
	json_reader_init(&json, value, NESTING_MAX);
	if (json_peek(&json) != JSON_TYPE_STRING || !json_read_string(&json, &name))
		return mistyped(refusal, "model", "a string");
	for (size_t i = 0; i < DEMO_MODELS; i++)
		if (json_string_is(name, demo_models[i].id))
			ask->model = &demo_models[i];
	return ask->model ||
	       refuse(refusal, HTTP_ERROR_MODEL_NOT_FOUND, "model",
		       "There is no such model here; there are demo-small and demo-vision.");
}

/* The value of one member of an object, or empty. */
static struct slice member_of(struct slice object, const char *name)
{
	struct slice found = slice_make(NULL, 0);
	struct json_reader json;
	struct json_string key;

	json_reader_init(&json, object, NESTING_MAX);
	if (json_peek(&json) != JSON_TYPE_OBJECT || !json_enter_object(&json))
		return found;
	while (json_next_member(&json, &key)) {
		struct slice value;

		if (json_skip_span(&json, &value) && json_string_is(key, name))
			found = value;
	}
	return found;
}

/* The letters between the quotes of a string value; empty for anything else. */
static struct slice letters_of(struct slice value)
{
	return type_of(value) == JSON_TYPE_STRING ? slice_make(value.data + 1, value.len - 2)
						  : slice_make(NULL, 0);
}

/* A message's content in parts: its last text, and how many images. */
static void read_parts(struct demo_ask *ask, struct slice parts, struct slice *text)
{
	struct json_reader json;

	json_reader_init(&json, parts, NESTING_MAX);
	if (!json_enter_array(&json))
		return;
	while (json_next_item(&json)) {
		struct slice part;
		struct slice letters;

		if (!json_skip_span(&json, &part))
			return;
		letters = letters_of(member_of(part, "text"));
		if (letters.data)
			*text = letters;
		ask->images += slice_is(letters_of(member_of(part, "type")), "image_url");
	}
}

/* Whether the message was the user's; its text in *text. */
static bool read_message(struct demo_ask *ask, struct slice message, struct slice *text)
{
	struct slice content = member_of(message, "content");

	*text = slice_make(NULL, 0);
	if (content.len > 0 && type_of(content) == JSON_TYPE_ARRAY)
		read_parts(ask, content, text);
	else if (content.len > 0)
		*text = letters_of(content);
	return slice_is(letters_of(member_of(message, "role")), "user");
}

/* *last_is_user tells whether the user spoke last (and not a tool). */
static bool read_messages(struct demo_ask *ask, struct slice messages, bool *last_is_user,
	struct demo_refusal *refusal)
{
	struct json_reader json;
	unsigned count = 0;

	if (messages.len == 0)
		return refuse(
			refusal, HTTP_ERROR_BAD_REQUEST, "messages", "'messages' is missing.");
	json_reader_init(&json, messages, NESTING_MAX);
	if (json_peek(&json) != JSON_TYPE_ARRAY || !json_enter_array(&json))
		return mistyped(refusal, "messages", "an array");
	for (; json_next_item(&json); count++) {
		struct slice message;
		struct slice text;

		if (!json_skip_span(&json, &message) || type_of(message) != JSON_TYPE_OBJECT)
			return mistyped(refusal, "messages", "an array of objects");
		*last_is_user = read_message(ask, message, &text);
		if (*last_is_user)
			ask->text = text;
	}
	if (count == 0)
		return refuse(refusal, HTTP_ERROR_BAD_REQUEST, "messages", "'messages' is empty.");
	if (ask->images > 0 && !ask->model->sees_images)
		return refuse(refusal, HTTP_ERROR_BAD_REQUEST, "messages",
			"%s does not see images; demo-vision does.", ask->model->id);
	return true;
}

static bool read_chat(
	struct demo_ask *ask, const struct members *members, struct demo_refusal *refusal)
{
	bool last_is_user = false;

	if (!read_messages(ask, members->messages, &last_is_user, refusal))
		return false;
	ask->prompt_bytes = members->messages.len + members->tools.len;
	if (members->tools.len > 0 && last_is_user)
		ask->tool = demo_tool_choose(members->tools, members->tool_choice, ask->text);
	return true;
}

static bool read_prompt(
	struct demo_ask *ask, const struct members *members, struct demo_refusal *refusal)
{
	enum json_type type;

	if (members->prompt.len == 0)
		return refuse(refusal, HTTP_ERROR_BAD_REQUEST, "prompt", "'prompt' is missing.");
	type = type_of(members->prompt);
	if (type != JSON_TYPE_STRING && type != JSON_TYPE_ARRAY)
		return mistyped(refusal, "prompt", "a string or an array");
	ask->text = members->prompt;
	ask->prompt_bytes = members->prompt.len;
	return true;
}

static bool read_inputs(
	struct demo_ask *ask, const struct members *members, struct demo_refusal *refusal)
{
	struct slice format = members->encoding_format;
	uint64_t dimensions = DEMO_DIMENSIONS;
	enum json_type type;

	if (members->input.len == 0)
		return refuse(refusal, HTTP_ERROR_BAD_REQUEST, "input", "'input' is missing.");
	type = type_of(members->input);
	if (type != JSON_TYPE_STRING && type != JSON_TYPE_ARRAY)
		return mistyped(refusal, "input", "a string or an array");
	ask->base64 = slice_is(format, "\"base64\"");
	if (format.len > 0 && !ask->base64 && !slice_is(format, "\"float\""))
		return mistyped(refusal, "encoding_format", "\"float\" or \"base64\"");
	if (!read_count(members->dimensions, "dimensions", &dimensions, refusal))
		return false;
	if (dimensions == 0 || dimensions > DEMO_DIMENSIONS_MAX)
		return mistyped(refusal, "dimensions", "from 1 to 1024");
	ask->dimensions = (unsigned)dimensions;
	ask->inputs = members->input;
	ask->prompt_bytes = members->input.len;
	return true;
}

static bool read_options(
	struct demo_ask *ask, const struct members *members, struct demo_refusal *refusal)
{
	struct slice options = members->stream_options;
	uint64_t choices = 1;

	ask->max_tokens = UINT64_MAX;
	if (!read_flag(members->stream, "stream", &ask->stream, refusal) ||
		!read_count(members->max_tokens, "max_tokens", &ask->max_tokens, refusal) ||
		!read_count(members->max_completion_tokens, "max_completion_tokens",
			&ask->max_tokens, refusal) ||
		!read_count(members->n, "n", &choices, refusal))
		return false;
	if (choices != 1)
		return mistyped(refusal, "n", "1");
	if (options.len > 0 && type_of(options) != JSON_TYPE_OBJECT)
		return mistyped(refusal, "stream_options", "an object");
	if (ask->max_tokens == 0)
		return mistyped(refusal, "max_tokens", "at least 1");
	return options.len == 0 || read_flag(member_of(options, "include_usage"), "stream_options",
					   &ask->include_usage, refusal);
}

bool demo_ask_read(
	struct demo_ask *ask, enum demo_kind kind, struct slice body, struct demo_refusal *refusal)
{
	struct members members;

	*ask = (struct demo_ask){.kind = kind};
	if (!find_members(&members, body, refusal) || !read_model(ask, members.model, refusal) ||
		!read_options(ask, &members, refusal))
		return false;
	switch (kind) {
	case DEMO_CHAT: return read_chat(ask, &members, refusal);
	case DEMO_COMPLETION: return read_prompt(ask, &members, refusal);
	default: return read_inputs(ask, &members, refusal);
	}
}
