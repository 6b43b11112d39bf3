/* openai_event.c: reading OpenAI's answers where they lie. Members that say nothing to the relay
 * are passed over, but validated. A member of an unexpected type counts as absent: what it means is
 * between server and client. */
#include "dialect/openai_event.h"

/* Nested deeper, an answer is not passed on: nothing that anybody serves comes near it. */
#define DEPTH_MAX JSON_SCAN_DEPTH_MAX

/* Whether the container that comes next holds anything. */
static bool is_filled(const struct json_reader *json)
{
	struct json_reader look = *json;
	struct json_string key;

	if (json_peek(&look) == JSON_TYPE_OBJECT)
		return json_enter_object(&look) && json_next_member(&look, &key);
	return json_enter_array(&look) && json_next_item(&look);
}

/* Passes over the next value; *meaningful becomes true when it is a string or container that is not
 * empty. */
static bool skip_meaningful(struct json_reader *json, bool *meaningful)
{
	enum json_type type = json_peek(json);
	struct json_string text;

	if (type == JSON_TYPE_STRING) {
		if (!json_read_string(json, &text))
			return false;
		*meaningful |= text.raw.len > 0;
		return true;
	}
	if (type == JSON_TYPE_ARRAY || type == JSON_TYPE_OBJECT)
		*meaningful |= is_filled(json);
	return json_skip(json);
}

/* A `delta`, or the `message` of a whole answer. */
static bool read_delta(struct json_reader *json, struct openai_event_facts *out)
{
	struct json_string key;

	if (json_peek(json) != JSON_TYPE_OBJECT)
		return json_skip(json);
	json_enter_object(json);
	while (json_next_member(json, &key))
		if (json_string_is(key, "role") ? !json_skip(json)
						: !skip_meaningful(json, &out->has_content))
			return false;
	return json_problem(json, NULL) == NULL;
}

static bool read_choice(struct json_reader *json, struct openai_event_facts *out)
{
	struct json_string key;

	if (json_peek(json) != JSON_TYPE_OBJECT)
		return json_skip(json);
	json_enter_object(json);
	while (json_next_member(json, &key)) {
		bool fine;

		if (json_string_is(key, "delta") || json_string_is(key, "message"))
			fine = read_delta(json, out);
		else if (json_string_is(key, "text"))
			fine = skip_meaningful(json, &out->has_content);
		else if (json_string_is(key, "finish_reason"))
			fine = skip_meaningful(json, &out->has_finish_reason);
		else
			fine = json_skip(json);
		if (!fine)
			return false;
	}
	return json_problem(json, NULL) == NULL;
}

static bool read_choices(struct json_reader *json, struct openai_event_facts *out, bool *empty)
{
	if (json_peek(json) != JSON_TYPE_ARRAY)
		return json_skip(json);
	json_enter_array(json);
	while (json_next_item(json)) {
		out->has_choices = true;
		if (!read_choice(json, out))
			return false;
	}
	*empty = !out->has_choices;
	return json_problem(json, NULL) == NULL;
}

static bool read_count(struct json_reader *json, uint64_t *count)
{
	bool is_integer;

	if (json_peek(json) != JSON_TYPE_NUMBER)
		return json_skip(json);
	return json_read_u64(json, count, &is_integer);
}

static bool read_usage(struct json_reader *json, struct openai_event_facts *out)
{
	struct json_string key;

	if (json_peek(json) != JSON_TYPE_OBJECT)
		return json_skip(json);
	out->has_usage = true;
	json_enter_object(json);
	while (json_next_member(json, &key)) {
		bool fine;

		if (json_string_is(key, "prompt_tokens"))
			fine = read_count(json, &out->prompt_tokens);
		else if (json_string_is(key, "completion_tokens"))
			fine = read_count(json, &out->completion_tokens);
		else
			fine = json_skip(json);
		if (!fine)
			return false;
	}
	return json_problem(json, NULL) == NULL;
}

/* A string, or a number as its digits. */
static bool read_word(struct json_reader *json, struct json_string *word)
{
	enum json_type type = json_peek(json);

	if (type == JSON_TYPE_STRING)
		return json_read_string(json, word);
	if (type != JSON_TYPE_NUMBER)
		return json_skip(json);
	word->escaped = false;
	return json_read_number(json, &word->raw);
}

static bool read_error_object(struct json_reader *json, struct openai_event_facts *out)
{
	struct json_string key;

	json_enter_object(json);
	while (json_next_member(json, &key)) {
		bool fine;

		if (json_string_is(key, "message"))
			fine = read_word(json, &out->error_message);
		else if (json_string_is(key, "type"))
			fine = read_word(json, &out->error_type);
		else if (json_string_is(key, "code"))
			fine = read_word(json, &out->error_code);
		else
			fine = json_skip(json);
		if (!fine)
			return false;
	}
	return json_problem(json, NULL) == NULL;
}

/* An object, as OpenAI has it, or only a text, as some servers do. */
static bool read_error(struct json_reader *json, struct openai_event_facts *out)
{
	enum json_type type = json_peek(json);

	out->has_error |= type != JSON_TYPE_NULL;
	if (type == JSON_TYPE_OBJECT)
		return read_error_object(json, out);
	return read_word(json, &out->error_message);
}

static bool read_model(struct json_reader *json, struct openai_event_facts *out)
{
	struct json_string model;
	const char *start;

	if (json_peek(json) != JSON_TYPE_STRING)
		return json_skip(json);
	start = json->at;
	if (!json_read_string(json, &model))
		return false;
	out->model_span = (struct span){(size_t)(start - json->start), (size_t)(json->at - start)};
	return true;
}

struct answer {
	struct openai_event_facts *out;
	bool no_choices;      /* an empty list of them */
	bool is_error_object; /* "object": "error" */
};

static bool read_object_name(struct json_reader *json, struct answer *answer)
{
	struct json_string name;

	if (json_peek(json) != JSON_TYPE_STRING)
		return json_skip(json);
	if (!json_read_string(json, &name))
		return false;
	answer->is_error_object = json_string_is(name, "error");
	return true;
}

static bool read_member(struct json_reader *json, struct json_string key, struct answer *answer)
{
	if (json_string_is(key, "choices"))
		return read_choices(json, answer->out, &answer->no_choices);
	if (json_string_is(key, "model"))
		return read_model(json, answer->out);
	if (json_string_is(key, "object"))
		return read_object_name(json, answer);
	if (json_string_is(key, "usage"))
		return read_usage(json, answer->out);
	if (json_string_is(key, "error"))
		return read_error(json, answer->out);
	return json_skip(json);
}

bool openai_event_read(struct slice data, struct openai_event_facts *out)
{
	struct answer answer = {.out = out};
	struct json_reader json;
	struct json_string key;

	*out = (struct openai_event_facts){.is_done = slice_is(data, "[DONE]")};
	json_reader_init(&json, data, DEPTH_MAX);
	if (out->is_done || !json_enter_object(&json))
		return out->is_done;
	while (json_next_member(&json, &key))
		if (!read_member(&json, key, &answer))
			return false;
	out->valid = json_finish(&json);
	out->is_usage_only = answer.no_choices && out->has_usage;
	if (out->valid && answer.is_error_object && !out->has_error) {
		out->has_error = true;
		json_reader_init(&json, data, DEPTH_MAX);
		read_error_object(&json, out);
	}
	return out->valid;
}

bool openai_event_write_error(struct buffer *out, enum http_error_id id, struct slice message)
{
	size_t before = buffer_len(out);

	if (buffer_append_text(out, "data: ") &&
		http_error_body(out, id, message, NULL, slice_make(NULL, 0)) &&
		buffer_append_text(out, "\n\n"))
		return true;
	/* Half an event must not go out. */
	out->end = out->start + before;
	return false;
}
