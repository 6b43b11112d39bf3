/* demo_answer.c: OpenAI's objects, whole and in chunks. */
#include "workers/demo/demo_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/random.h"

#define BYTES_PER_TOKEN  4u
#define TOKENS_PER_IMAGE 85u
#define TOKENS_OF_A_CALL 8u

void demo_answer_init(struct demo_answer *answer, const struct demo_ask *ask)
{
	bool chat = ask->kind == DEMO_CHAT;

	*answer = (struct demo_answer){.kind = ask->kind, .model = ask->model->id};
	answer->include_usage = ask->include_usage;
	answer->created_s = clock_wall_us() / 1000000;
	answer->prompt_tokens =
		ask->prompt_bytes / BYTES_PER_TOKEN + 1 + ask->images * TOKENS_PER_IMAGE;
	snprintf(answer->id, sizeof(answer->id), "%s-demo%016" PRIx64, chat ? "chatcmpl" : "cmpl",
		random_u64());
	if (ask->tool.len <= DEMO_TOOL_NAME_MAX && ask->tool.len > 0)
		memcpy(answer->tool, ask->tool.data, ask->tool.len);
	demo_text_init(&answer->text, ask->text, answer->model, ask->images, ask->max_tokens);
}

static const char *finish_reason(const struct demo_answer *answer)
{
	if (answer->tool[0])
		return "tool_calls";
	return demo_text_is_cut(&answer->text) ? "length" : "stop";
}

/* --- members that several objects have --- */

static void write_start(
	struct json_writer *json, const struct demo_answer *answer, const char *chat_object)
{
	json_object_open(json);
	json_member_text(json, "id", answer->id);
	json_member_text(
		json, "object", answer->kind == DEMO_CHAT ? chat_object : "text_completion");
	json_key(json, "created");
	json_int(json, answer->created_s);
	json_member_text(json, "model", answer->model);
	json_member_text(json, "system_fingerprint", "fp_nexus_demo");
}

static void write_usage(struct json_writer *json, const struct demo_answer *answer)
{
	json_key(json, "usage");
	json_object_open(json);
	json_member_uint(json, "prompt_tokens", answer->prompt_tokens);
	json_member_uint(json, "completion_tokens", answer->completion_tokens);
	json_member_uint(json, "total_tokens", answer->prompt_tokens + answer->completion_tokens);
	json_object_close(json);
}

static void open_choice(struct json_writer *json)
{
	json_key(json, "choices");
	json_array_open(json);
	json_object_open(json);
	json_member_uint(json, "index", 0);
}

static void close_choice(struct json_writer *json, const char *reason)
{
	json_member_text(json, "logprobs", NULL);
	json_member_text(json, "finish_reason", reason);
	json_object_close(json);
	json_array_close(json);
}

/* The call of a function with no arguments; `index` only in chunks. */
static void write_tool_call(
	struct json_writer *json, const struct demo_answer *answer, bool in_chunk)
{
	json_key(json, "tool_calls");
	json_array_open(json);
	json_object_open(json);
	if (in_chunk)
		json_member_uint(json, "index", 0);
	json_key(json, "id");
	json_slice(json, slice_of(answer->id + strlen(answer->id) - 16));
	json_member_text(json, "type", "function");
	json_key(json, "function");
	json_object_open(json);
	json_key(json, "name");
	json_raw(json, slice_of(answer->tool));
	json_member_text(json, "arguments", "{}");
	json_object_close(json);
	json_object_close(json);
	json_array_close(json);
}

/* --- chunks --- */

static void open_event(
	struct json_writer *json, const struct demo_answer *answer, struct buffer *out)
{
	buffer_append_text(out, "data: ");
	json_write_init(json, out);
	write_start(json, answer, "chat.completion.chunk");
}

static void close_event(struct json_writer *json, const struct demo_answer *answer)
{
	if (answer->include_usage)
		json_member_text(json, "usage", NULL);
	json_object_close(json);
	buffer_append_text(json->out, "\n\n");
}

static void write_role(const struct demo_answer *answer, struct buffer *out)
{
	struct json_writer json;

	open_event(&json, answer, out);
	open_choice(&json);
	json_key(&json, "delta");
	json_object_open(&json);
	json_member_text(&json, "role", "assistant");
	json_member_text(&json, "content", answer->tool[0] ? NULL : "");
	if (answer->tool[0])
		write_tool_call(&json, answer, true);
	json_object_close(&json);
	close_choice(&json, NULL);
	close_event(&json, answer);
}

static void write_token(const struct demo_answer *answer, struct slice token, struct buffer *out)
{
	struct json_writer json;

	open_event(&json, answer, out);
	open_choice(&json);
	if (answer->kind == DEMO_CHAT) {
		json_key(&json, "delta");
		json_object_open(&json);
		json_key(&json, "content");
		json_slice(&json, token);
		json_object_close(&json);
	} else {
		json_key(&json, "text");
		json_slice(&json, token);
	}
	close_choice(&json, NULL);
	close_event(&json, answer);
}

static void write_finish(const struct demo_answer *answer, struct buffer *out)
{
	struct json_writer json;

	open_event(&json, answer, out);
	open_choice(&json);
	if (answer->kind == DEMO_CHAT) {
		json_key(&json, "delta");
		json_object_open(&json);
		json_object_close(&json);
	} else {
		json_member_text(&json, "text", "");
	}
	close_choice(&json, finish_reason(answer));
	close_event(&json, answer);
}

static void write_end(const struct demo_answer *answer, struct buffer *out)
{
	struct json_writer json;

	write_finish(answer, out);
	if (answer->include_usage) {
		open_event(&json, answer, out);
		json_key(&json, "choices");
		json_array_open(&json);
		json_array_close(&json);
		write_usage(&json, answer);
		json_object_close(&json);
		buffer_append_text(out, "\n\n");
	}
	buffer_append_text(out, "data: [DONE]\n\n");
}

bool demo_answer_next(struct demo_answer *answer, struct buffer *out)
{
	struct slice token = slice_make(NULL, 0);

	if (!answer->begun && answer->kind == DEMO_CHAT)
		write_role(answer, out);
	answer->begun = true;
	if (answer->tool[0])
		answer->completion_tokens = TOKENS_OF_A_CALL;
	else
		token = demo_text_next(&answer->text);
	if (token.len > 0) {
		answer->completion_tokens++;
		write_token(answer, token, out);
		return true;
	}
	write_end(answer, out);
	return false;
}

unsigned demo_answer_delay_ms(struct demo_answer *answer, const struct demo_pace *pace)
{
	unsigned jitter = (unsigned)random_below(&answer->text.random, pace->jitter_ms + 1u);

	return answer->begun ? pace->token_ms + jitter : pace->first_ms;
}

/* --- whole answers --- */

static void write_message(
	struct json_writer *json, const struct demo_answer *answer, struct slice said)
{
	json_key(json, "message");
	json_object_open(json);
	json_member_text(json, "role", "assistant");
	if (answer->tool[0]) {
		json_member_text(json, "content", NULL);
		write_tool_call(json, answer, false);
	} else {
		json_key(json, "content");
		json_slice(json, said);
	}
	json_member_text(json, "refusal", NULL);
	json_object_close(json);
}

unsigned demo_answer_whole(
	struct demo_answer *answer, const struct demo_pace *pace, struct buffer *out)
{
	struct json_writer json;
	struct slice said;

	while (!answer->tool[0] && demo_text_next(&answer->text).len > 0)
		;
	said = slice_make(answer->text.letters, answer->text.at);
	answer->completion_tokens = answer->tool[0] ? TOKENS_OF_A_CALL : answer->text.tokens;
	json_write_init(&json, out);
	write_start(&json, answer, "chat.completion");
	open_choice(&json);
	if (answer->kind == DEMO_CHAT) {
		write_message(&json, answer, said);
	} else {
		json_key(&json, "text");
		json_slice(&json, said);
	}
	close_choice(&json, finish_reason(answer));
	write_usage(&json, answer);
	json_object_close(&json);
	return pace->first_ms +
	       (unsigned)answer->completion_tokens * (pace->token_ms + pace->jitter_ms / 2);
}

/* --- models --- */

static void write_model(struct json_writer *json, const struct demo_model *model)
{
	json_object_open(json);
	json_member_text(json, "id", model->id);
	json_member_text(json, "object", "model");
	json_member_uint(json, "created", 1763700000);
	json_member_text(json, "owned_by", "nexus-demo");
	json_member_uint(json, "context_length", DEMO_CONTEXT_LENGTH);
	json_key(json, "capabilities");
	json_object_open(json);
	json_member_bool(json, "vision", model->sees_images);
	json_member_bool(json, "tools", true);
	json_member_bool(json, "embeddings", true);
	json_object_close(json);
	json_object_close(json);
}

void demo_models_write(struct buffer *out)
{
	struct json_writer json;

	json_write_init(&json, out);
	json_object_open(&json);
	json_member_text(&json, "object", "list");
	json_key(&json, "data");
	json_array_open(&json);
	for (size_t i = 0; i < DEMO_MODELS; i++)
		write_model(&json, &demo_models[i]);
	json_array_close(&json);
	json_object_close(&json);
}

bool demo_model_write(struct slice id, struct buffer *out)
{
	struct json_writer json;

	json_write_init(&json, out);
	for (size_t i = 0; i < DEMO_MODELS; i++) {
		if (slice_is(id, demo_models[i].id)) {
			write_model(&json, &demo_models[i]);
			return true;
		}
	}
	return false;
}
