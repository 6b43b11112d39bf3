/* Of each piece of an OpenAI answer the relay learns what it must: done, broken, an error, something produced, usage, model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/memory.h"
#include "dialect/openai_event.h"
#include "http/sse.h"

#include <stdlib.h>

#define DONE 1u
#define VALID 2u
#define ERROR 4u
#define CHOICES 8u
#define USAGE_ONLY 16u
#define CONTENT 32u
#define FINISH 64u
#define USAGE 128u

static unsigned flags_of(const struct openai_event_facts *facts)
{
	return (facts->is_done ? DONE : 0) | (facts->valid ? VALID : 0) | (facts->has_error ? ERROR : 0) |
		(facts->has_choices ? CHOICES : 0) | (facts->is_usage_only ? USAGE_ONLY : 0) |
		(facts->has_content ? CONTENT : 0) | (facts->has_finish_reason ? FINISH : 0) | (facts->has_usage ? USAGE : 0);
}

/* Reads a copy that ends where its memory ends. */
static bool read_exact(struct slice data, struct openai_event_facts *facts, char **copy)
{
	*copy = memory_alloc(data.len);
	memcpy(*copy, data.data, data.len);
	return openai_event_read(slice_make(*copy, data.len), facts);
}

#define DELTA(members) "{\"choices\":[{\"index\":0,\"delta\":{" members "},\"finish_reason\":null}]}"

static const struct {
	const char *data;
	unsigned flags;
} events[] = {
	{"[DONE]", DONE},
	{"[DONE] ", 0},
	{"", 0},
	{"null", 0},
	{"[]", 0},
	{"{", 0},
	{"{} {}", 0},
	{"{\"choices\":[{\"delta\":{\"content\":\"x\"}}]", CHOICES | CONTENT},
	{"{\"x\":\"\xff\"}", 0},
	{"{}", VALID},
	{"{\"choices\":null}", VALID},
	{"{\"choices\":[]}", VALID},
	{"{\"choices\":[],\"usage\":null}", VALID},
	{"{\"choices\":[],\"usage\":{}}", VALID | USAGE_ONLY | USAGE},
	{"{\"usage\":{\"prompt_tokens\":1},\"choices\":[ ]}", VALID | USAGE_ONLY | USAGE},
	{"{\"usage\":{}}", VALID | USAGE},
	{DELTA("\"role\":\"assistant\""), VALID | CHOICES},
	{DELTA("\"role\":\"assistant\",\"content\":\"\""), VALID | CHOICES},
	{DELTA("\"role\":\"assistant\",\"content\":null,\"refusal\":null,\"tool_calls\":[ ]"), VALID | CHOICES},
	{DELTA("\"function_call\":{  }"), VALID | CHOICES},
	{DELTA("\"content\":\"x\""), VALID | CHOICES | CONTENT},
	{DELTA("\"content\":\"\\n\""), VALID | CHOICES | CONTENT},
	{DELTA("\"refusal\":\"no\""), VALID | CHOICES | CONTENT},
	{DELTA("\"reasoning_content\":\"hm\""), VALID | CHOICES | CONTENT},
	{DELTA("\"reasoning\":\"hm\",\"content\":\"\""), VALID | CHOICES | CONTENT},
	{DELTA("\"tool_calls\":[{\"index\":0}]"), VALID | CHOICES | CONTENT},
	{"{\"choices\":[{\"delta\":{}},{\"delta\":{\"content\":\"x\"}}]}", VALID | CHOICES | CONTENT},
	{"{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}", VALID | CHOICES | FINISH},
	{"{\"choices\":[{\"text\":\"\"}]}", VALID | CHOICES},
	{"{\"choices\":[{\"text\":\"x\"}]}", VALID | CHOICES | CONTENT},
	{"{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"x\"},\"finish_reason\":\"length\"}],\"usage\":{}}",
		VALID | CHOICES | CONTENT | FINISH | USAGE},
	{"{\"choices\":[1,null,{\"delta\":7}]}", VALID | CHOICES},
	{"{\"error\":null}", VALID},
	{"{\"error\":{}}", VALID | ERROR},
	{"{\"error\":\"broken\"}", VALID | ERROR},
	{"{\"error\":{\"message\":\"x\"},\"choices\":[]}", VALID | ERROR},
	{"{\"object\":\"error\",\"message\":\"x\"}", VALID | ERROR},
	{"{\"object\":\"chat.completion.chunk\",\"message\":\"x\"}", VALID},
};

static void test_flags(void **state)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct openai_event_facts facts;
		char *copy;
		bool fine = read_exact(slice_of(events[i].data), &facts, &copy);

		if (flags_of(&facts) != events[i].flags || fine != ((events[i].flags & (DONE | VALID)) != 0))
			fail_msg("%s: %x instead of %x", events[i].data, flags_of(&facts), events[i].flags);
		free(copy);
	}
}

static void test_values(void **state)
{
	static const char data[] = " {\"model\" : \"a\\/b\" ,\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":34,"
				   "\"total_tokens\":46,\"prompt_tokens_details\":{\"prompt_tokens\":9}}}";
	struct openai_event_facts facts;

	assert_true(openai_event_read(SLICE_LITERAL(data), &facts));
	assert_true(slice_is(slice_make(data + facts.model_span.offset, facts.model_span.length), "\"a\\/b\""));
	assert_int_equal(facts.prompt_tokens, 12);
	assert_int_equal(facts.completion_tokens, 34);
	/* What is no count is none. */
	assert_true(openai_event_read(SLICE_LITERAL("{\"model\":null,\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":\"x\"}}"), &facts));
	assert_int_equal(facts.prompt_tokens + facts.completion_tokens + facts.model_span.length, 0);
}

static void test_errors(void **state)
{
	static const struct {
		const char *data;
		const char *message;
		const char *type;
		const char *code;
	} cases[] = {
		{"{\"error\":{\"message\":\"too \\\"long\\\"\",\"type\":\"t\",\"param\":null,\"code\":\"c\"}}", "too \"long\"", "t", "c"},
		{"{\"error\":{\"code\":500,\"message\":\"x\",\"type\":\"server_error\"}}", "x", "server_error", "500"},
		{"{\"error\":\"only words\"}", "only words", "", ""},
		{"{\"error\":{\"message\":null,\"type\":{},\"code\":null}}", "", "", ""},
		{"{\"object\":\"error\",\"message\":\"old\",\"type\":\"t\",\"code\":404}", "old", "t", "404"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct openai_event_facts facts;
		char text[64];

		assert_true(openai_event_read(slice_of(cases[i].data), &facts) && facts.has_error);
		json_string_decode(facts.error_message, text, sizeof(text));
		assert_string_equal(text, cases[i].message);
		assert_true(slice_is(facts.error_type.raw, cases[i].type));
		assert_true(slice_is(facts.error_code.raw, cases[i].code));
	}
}

static void test_truncated_at_every_byte(void **state)
{
	static const char data[] = "{\"object\":\"error\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"\xe4\xb8\xad\\u0041\"},"
				   "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1},\"error\":{\"message\":\"x\",\"code\":1}}";

	for (size_t len = 0; len < sizeof(data) - 1; len++) {
		struct openai_event_facts facts;
		char *copy;

		assert_false(read_exact(slice_make(data, len), &facts, &copy));
		assert_false(facts.valid);
		free(copy);
	}
}

static char *load(const char *name, struct slice *body)
{
	char path[512];
	char *text = memory_zalloc(65536);
	FILE *file;

	snprintf(path, sizeof(path), TEST_DATA "/recorded/%s", name);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	*body = slice_of(strstr(text, "\r\n\r\n") ? strstr(text, "\r\n\r\n") + 4 : strstr(text, "\n\n") + 2);
	return text;
}

static const struct {
	const char *name;
	unsigned flags;
	unsigned prompt_tokens;
	unsigned completion_tokens;
} answers[] = {
	{"ollama.chat.http", VALID | CHOICES | CONTENT | FINISH | USAGE, 0, 0},
	{"ollama.completions.http", VALID | CHOICES | CONTENT | FINISH | USAGE, 0, 0},
	{"ollama.embeddings.http", VALID | USAGE, 7, 0},
	{"ollama.too-long.http", VALID | CHOICES | CONTENT | FINISH | USAGE, 2048, 4},
	{"ollama.bad-json.http", VALID | ERROR, 0, 0},
	{"ollama.unknown-model.http", VALID | ERROR, 0, 0},
	{"ollama.tools.http", VALID | ERROR, 0, 0},
	{"llama-cpp-python.chat.http", VALID | CHOICES | CONTENT | FINISH | USAGE, 0, 0},
	{"llama-cpp-python.completions.http", VALID | CHOICES | CONTENT | FINISH | USAGE, 13, 4},
	{"llama-cpp-python.too-long.http", VALID | ERROR, 0, 0},
	{"llama-cpp-python.bad-json.http", 0, 0, 0},
};

static void test_recorded_answers(void **state)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct openai_event_facts facts;
		struct slice body;
		char *text = load(answers[i].name, &body);

		openai_event_read(body, &facts);
		if (flags_of(&facts) != answers[i].flags)
			fail_msg("%s: %x instead of %x", answers[i].name, flags_of(&facts), answers[i].flags);
		if (answers[i].prompt_tokens) {
			assert_int_equal(facts.prompt_tokens, answers[i].prompt_tokens);
			assert_int_equal(facts.completion_tokens, answers[i].completion_tokens);
		}
		if (facts.valid && !facts.has_error)
			assert_memory_equal(body.data + facts.model_span.offset, "\"tiny\"", 6);
		free(text);
	}
}

/* Counts over a recorded stream: events, those with content, finishing, usage only, [DONE]. */
static void check_stream(const char *name, bool with_usage)
{
	unsigned contents = 0, finishes = 0, usages = 0, dones = 0;
	struct sse_event event;
	struct sse_parser sse;
	struct slice body;
	char *text = load(name, &body);

	sse_init(&sse, 65536);
	while (sse_feed(&sse, &body, &event) == SSE_EVENT) {
		struct openai_event_facts facts;

		assert_true(openai_event_read(event.data, &facts));
		assert_false(facts.has_error);
		assert_false(facts.is_usage_only && facts.has_content);
		contents += facts.has_content;
		finishes += facts.has_finish_reason;
		usages += facts.is_usage_only;
		dones += facts.is_done;
	}
	assert_true(contents > 2);
	assert_int_equal(finishes, 1);
	assert_int_equal(usages, with_usage);
	assert_int_equal(dones, 1);
	sse_free(&sse);
	free(text);
}

static void test_recorded_streams(void **state)
{
	check_stream("ollama.chat-stream.http", false);
	check_stream("ollama.chat-stream-usage.http", true);
	check_stream("llama-cpp-python.chat-stream.http", false);
}

static void test_error_event(void **state)
{
	struct openai_event_facts facts;
	struct buffer out;
	struct slice data;

	buffer_init(&out, 1000);
	buffer_append_text(&out, "x");
	assert_true(openai_event_write_error(&out, HTTP_ERROR_UPSTREAM_LOST, SLICE_LITERAL("gone\n\"away\"")));
	data = buffer_slice(&out);
	assert_true(slice_starts_with(data, "xdata: {\"error\":{") && slice_ends_with(data, "}}\n\n"));
	assert_true(openai_event_read(slice_make(data.data + 7, data.len - 9), &facts) && facts.has_error);
	assert_null(memchr(data.data, '\n', data.len - 2));
	buffer_free(&out);
	for (size_t max = 1; max < data.len; max += 7) {
		buffer_init(&out, max);
		buffer_append_text(&out, "x");
		assert_false(openai_event_write_error(&out, HTTP_ERROR_UPSTREAM_LOST, SLICE_LITERAL("gone\n\"away\"")));
		assert_true(slice_is(buffer_slice(&out), "x"));
		buffer_free(&out);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_truncated_at_every_byte),
		cmocka_unit_test(test_recorded_answers),
		cmocka_unit_test(test_recorded_streams),
		cmocka_unit_test(test_error_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
