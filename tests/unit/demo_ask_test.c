/* Promise: the demonstration model understands OpenAI's requests, and says which part of a wrong one is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "workers/demo/demo_ask.h"

#define MODEL    "\"model\":\"demo-small\","
#define VISION   "\"model\":\"demo-vision\","
#define HELLO    "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]"
#define FUNCTION(name) "{\"type\":\"function\",\"function\":{\"description\":\"d\",\"name\":\"" name "\"}}"
#define TOOLS    "\"tools\":[" FUNCTION("get_weather") "," FUNCTION("add") "],"
#define IMAGE    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}"

static void wrong_requests_name_their_fault(void **state)
{
	static const struct {
		enum demo_kind kind;
		const char *body;
		enum http_error_id id;
		const char *param;
	} cases[] = {
		{DEMO_CHAT, "", HTTP_ERROR_BAD_REQUEST, NULL},
		{DEMO_CHAT, "[]", HTTP_ERROR_BAD_REQUEST, NULL},
		{DEMO_CHAT, "{" MODEL HELLO, HTTP_ERROR_BAD_REQUEST, NULL},
		{DEMO_CHAT, "{" MODEL HELLO "} x", HTTP_ERROR_BAD_REQUEST, NULL},
		{DEMO_CHAT, "{" HELLO "}", HTTP_ERROR_BAD_REQUEST, "model"},
		{DEMO_CHAT, "{\"model\":null," HELLO "}", HTTP_ERROR_BAD_REQUEST, "model"},
		{DEMO_CHAT, "{\"model\":7," HELLO "}", HTTP_ERROR_BAD_REQUEST, "model"},
		{DEMO_CHAT, "{\"model\":\"gpt\"," HELLO "}", HTTP_ERROR_MODEL_NOT_FOUND, "model"},
		{DEMO_CHAT, "{\"model\":\"demo-small\"}", HTTP_ERROR_BAD_REQUEST, "messages"},
		{DEMO_CHAT, "{" MODEL "\"messages\":{}}", HTTP_ERROR_BAD_REQUEST, "messages"},
		{DEMO_CHAT, "{" MODEL "\"messages\":[]}", HTTP_ERROR_BAD_REQUEST, "messages"},
		{DEMO_CHAT, "{" MODEL "\"messages\":[1]}", HTTP_ERROR_BAD_REQUEST, "messages"},
		{DEMO_CHAT, "{" MODEL "\"messages\":[{\"role\":\"user\",\"content\":[" IMAGE "]}]}", HTTP_ERROR_BAD_REQUEST, "messages"},
		{DEMO_CHAT, "{" MODEL "\"stream\":1," HELLO "}", HTTP_ERROR_BAD_REQUEST, "stream"},
		{DEMO_CHAT, "{" MODEL "\"stream_options\":1," HELLO "}", HTTP_ERROR_BAD_REQUEST, "stream_options"},
		{DEMO_CHAT, "{" MODEL "\"max_tokens\":-1," HELLO "}", HTTP_ERROR_BAD_REQUEST, "max_tokens"},
		{DEMO_CHAT, "{" MODEL "\"max_tokens\":0," HELLO "}", HTTP_ERROR_BAD_REQUEST, "max_tokens"},
		{DEMO_CHAT, "{" MODEL "\"max_completion_tokens\":1.5," HELLO "}", HTTP_ERROR_BAD_REQUEST, "max_completion_tokens"},
		{DEMO_CHAT, "{" MODEL "\"n\":2," HELLO "}", HTTP_ERROR_BAD_REQUEST, "n"},
		{DEMO_COMPLETION, "{\"model\":\"demo-small\"}", HTTP_ERROR_BAD_REQUEST, "prompt"},
		{DEMO_COMPLETION, "{" MODEL "\"prompt\":7}", HTTP_ERROR_BAD_REQUEST, "prompt"},
		{DEMO_EMBEDDING, "{\"model\":\"demo-small\"}", HTTP_ERROR_BAD_REQUEST, "input"},
		{DEMO_EMBEDDING, "{" MODEL "\"input\":7}", HTTP_ERROR_BAD_REQUEST, "input"},
		{DEMO_EMBEDDING, "{" MODEL "\"input\":\"a\",\"dimensions\":1025}", HTTP_ERROR_BAD_REQUEST, "dimensions"},
		{DEMO_EMBEDDING, "{" MODEL "\"input\":\"a\",\"encoding_format\":\"hex\"}", HTTP_ERROR_BAD_REQUEST, "encoding_format"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct demo_refusal refusal;
		struct demo_ask ask;

		assert_false(demo_ask_read(&ask, cases[i].kind, slice_of(cases[i].body), &refusal));
		assert_int_equal(refusal.id, cases[i].id);
		assert_true(strlen(refusal.sentence) > 10);
		if (cases[i].param)
			assert_string_equal(refusal.param, cases[i].param);
		else
			assert_null(refusal.param);
	}
}

static struct demo_ask read_good(enum demo_kind kind, const char *body)
{
	struct demo_refusal refusal = {.sentence = ""};
	struct demo_ask ask;
	bool read = demo_ask_read(&ask, kind, slice_of(body), &refusal);

	assert_string_equal(refusal.sentence, "");
	assert_true(read);
	return ask;
}

static void options_are_read(void **state)
{
	struct demo_ask ask = read_good(DEMO_CHAT,
		"{" MODEL "\"temperature\":0.7,\"stream\":true,\"stream_options\":{\"include_usage\":true},"
		"\"max_tokens\":5," HELLO "}");

	(void)state;
	assert_string_equal(ask.model->id, "demo-small");
	assert_true(ask.stream && ask.include_usage);
	assert_int_equal(ask.max_tokens, 5);
	assert_true(slice_is(ask.text, "hello"));
	ask = read_good(DEMO_CHAT, "{" MODEL "\"stream\":null,\"max_tokens\":null,\"tools\":null," HELLO "}");
	assert_false(ask.stream || ask.include_usage);
	assert_true(ask.max_tokens == UINT64_MAX);
	assert_int_equal(ask.tool.len, 0);
	ask = read_good(DEMO_EMBEDDING, "{" MODEL "\"input\":[\"a\"],\"encoding_format\":\"base64\",\"dimensions\":8}");
	assert_true(ask.base64);
	assert_int_equal(ask.dimensions, 8);
}

static void the_last_user_message_counts(void **state)
{
	struct demo_ask ask = read_good(DEMO_CHAT,
		"{" VISION "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"c\"}," IMAGE "," IMAGE "]}]}");

	(void)state;
	assert_true(slice_is(ask.text, "c"));
	assert_int_equal(ask.images, 2);
}

static const char *tool_for(const char *members, const char *message)
{
	static char name[64];
	char body[2048];
	struct demo_ask ask;

	snprintf(body, sizeof(body),
		"{" MODEL TOOLS "%s\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", members,
		message);
	ask = read_good(DEMO_CHAT, body);
	memcpy(name, ask.tool.data ? ask.tool.data : "", ask.tool.len);
	name[ask.tool.len] = '\0';
	return name;
}

static void a_function_that_is_spoken_of_is_called(void **state)
{
	(void)state;
	assert_string_equal(tool_for("", "What is the Weather in Paris?"), "\"get_weather\"");
	assert_string_equal(tool_for("", "call get_weather"), "\"get_weather\"");
	assert_string_equal(tool_for("", "please add one"), "\"add\"");
	assert_string_equal(tool_for("", "hello"), "");
	/* "get" is too short to mean anything. */
	assert_string_equal(tool_for("", "get me that"), "");
	assert_string_equal(tool_for("\"tool_choice\":\"none\",", "weather"), "");
	assert_string_equal(tool_for("\"tool_choice\":\"auto\",", "weather"), "\"get_weather\"");
	assert_string_equal(tool_for("\"tool_choice\":\"required\",", "hello"), "\"get_weather\"");
	assert_string_equal(tool_for("\"tool_choice\":" FUNCTION("add") ",", "weather"), "\"add\"");
}

static void a_tools_result_is_not_answered_with_a_call(void **state)
{
	struct demo_ask ask = read_good(DEMO_CHAT,
		"{" MODEL TOOLS "\"messages\":[{\"role\":\"user\",\"content\":\"weather\"},"
		"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]},{\"role\":\"tool\",\"content\":\"18\"}]}");

	(void)state;
	assert_int_equal(ask.tool.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_requests_name_their_fault),
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(the_last_user_message_counts),
		cmocka_unit_test(a_function_that_is_spoken_of_is_called),
		cmocka_unit_test(a_tools_result_is_not_answered_with_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
