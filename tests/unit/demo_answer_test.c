/* Promise: the demonstration model's answers are valid, the same for the same question, and end where they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/json_scan.h"
#include "http/sse.h"
#include "workers/demo/demo_answer.h"
#include "workers/demo/demo_embedding.h"

static const struct demo_pace pace = {.first_ms = 60, .token_ms = 15, .jitter_ms = 10};

static struct demo_ask ask_of(enum demo_kind kind, const char *text)
{
	return (struct demo_ask){
		.kind = kind,
		.model = &demo_models[1],
		.text = slice_of(text),
		.max_tokens = UINT64_MAX,
		.prompt_bytes = 40,
		.dimensions = DEMO_DIMENSIONS,
	};
}

static void assert_json(struct slice text)
{
	struct json_reader json;

	json_reader_init(&json, text, JSON_SCAN_DEPTH_MAX);
	json_skip(&json);
	assert_true(json_finish(&json));
}

static bool has(struct slice text, const char *part)
{
	return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

struct streamed {
	unsigned events;
	unsigned with_content;
	bool has_usage;
	bool done;
	char last[1024]; /* before [DONE] */
};

/* Streams to the end, checking every event; the text of all deltas goes to `said`. */
static struct streamed stream(const struct demo_ask *ask, struct buffer *out)
{
	struct streamed streamed = {.events = 0};
	struct demo_answer answer;
	struct sse_parser sse;
	struct sse_event event;
	struct slice input;

	demo_answer_init(&answer, ask);
	do {
		unsigned delay_ms = demo_answer_delay_ms(&answer, &pace);

		assert_in_range(delay_ms, 15, 60);
	} while (demo_answer_next(&answer, out));
	input = buffer_slice(out);
	sse_init(&sse, 1 << 16);
	while (sse_feed(&sse, &input, &event) == SSE_EVENT) {
		assert_false(streamed.done);
		streamed.done = slice_is(event.data, "[DONE]");
		if (streamed.done)
			continue;
		assert_json(event.data);
		streamed.events++;
		streamed.with_content += has(event.data, "\"delta\":{\"content\":");
		streamed.has_usage |= has(event.data, "\"usage\":{");
		assert_true(event.data.len < sizeof(streamed.last));
		memcpy(streamed.last, event.data.data, event.data.len);
		streamed.last[event.data.len] = '\0';
	}
	sse_free(&sse);
	return streamed;
}

static void streams_are_valid_and_repeatable(void **state)
{
	struct demo_ask ask = ask_of(DEMO_CHAT, "why?");
	struct streamed streamed;
	struct buffer first;
	struct buffer second;

	(void)state;
	buffer_init(&first, 1 << 20);
	buffer_init(&second, 1 << 20);
	streamed = stream(&ask, &first);
	assert_true(streamed.done && !streamed.has_usage);
	assert_true(streamed.with_content > 30);
	assert_non_null(strstr(streamed.last, "\"finish_reason\":\"stop\""));
	assert_true(has(buffer_slice(&first), "\"role\":\"assistant\""));
	assert_int_equal(stream(&ask, &second).with_content, streamed.with_content);
	buffer_clear(&second);
	ask.text = slice_of("another question");
	stream(&ask, &second);
	assert_int_not_equal(buffer_len(&first), buffer_len(&second));
	buffer_free(&first);
	buffer_free(&second);
}

static void limits_and_usage_are_kept(void **state)
{
	struct demo_ask ask = ask_of(DEMO_CHAT, "why?");
	struct streamed streamed;
	struct buffer out;

	(void)state;
	buffer_init(&out, 1 << 20);
	ask.max_tokens = 3;
	ask.include_usage = true;
	streamed = stream(&ask, &out);
	assert_int_equal(streamed.with_content, 3);
	assert_true(has(buffer_slice(&out), "\"finish_reason\":\"length\""));
	assert_non_null(strstr(streamed.last,
		"\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":3,\"total_tokens\":14}"));
	buffer_free(&out);
}

static void tools_are_called_with_nothing(void **state)
{
	struct demo_ask ask = ask_of(DEMO_CHAT, "weather");
	struct demo_answer answer;
	struct streamed streamed;
	struct buffer out;

	(void)state;
	buffer_init(&out, 1 << 20);
	ask.tool = slice_of("\"get_weather\"");
	streamed = stream(&ask, &out);
	assert_int_equal(streamed.with_content, 0);
	assert_non_null(strstr(streamed.last, "\"finish_reason\":\"tool_calls\""));
	assert_true(has(buffer_slice(&out), "\"function\":{\"name\":\"get_weather\",\"arguments\":\"{}\"}"));
	buffer_clear(&out);
	demo_answer_init(&answer, &ask);
	demo_answer_whole(&answer, &pace, &out);
	assert_json(buffer_slice(&out));
	assert_true(has(buffer_slice(&out), "\"function\":{\"name\":\"get_weather\",\"arguments\":\"{}\"}"));
	buffer_free(&out);
}

static void whole_answers_are_valid(void **state)
{
	struct demo_ask ask = ask_of(DEMO_CHAT, "why?");
	struct demo_answer answer;
	struct buffer out;

	(void)state;
	buffer_init(&out, 1 << 20);
	ask.images = 2;
	demo_answer_init(&answer, &ask);
	assert_true(demo_answer_whole(&answer, &pace, &out) > 500);
	assert_json(buffer_slice(&out));
	assert_true(has(buffer_slice(&out), "I see 2 images."));
	assert_true(has(buffer_slice(&out), "\"object\":\"chat.completion\""));
	buffer_clear(&out);
	ask.kind = DEMO_COMPLETION;
	ask.max_tokens = 2;
	demo_answer_init(&answer, &ask);
	demo_answer_whole(&answer, &pace, &out);
	assert_json(buffer_slice(&out));
	assert_true(has(buffer_slice(&out), "\"text\":\"I am\",\"logprobs\":null,\"finish_reason\":\"length\""));
	buffer_clear(&out);
	demo_models_write(&out);
	assert_json(buffer_slice(&out));
	assert_true(has(buffer_slice(&out), "\"owned_by\":\"nexus-demo\""));
	assert_false(demo_model_write(slice_of("demo"), &out));
	buffer_free(&out);
}

static double dot(const float *a, const float *b)
{
	double sum = 0;

	for (unsigned i = 0; i < DEMO_DIMENSIONS; i++)
		sum += (double)a[i] * (double)b[i];
	return sum;
}

static void vectors_have_length_one_and_near_texts_are_near(void **state)
{
	float cat[DEMO_DIMENSIONS];
	float cats[DEMO_DIMENSIONS];
	float tax[DEMO_DIMENSIONS];
	float none[DEMO_DIMENSIONS];

	(void)state;
	demo_embedding_make(slice_of("The cat sits on the mat"), cat, DEMO_DIMENSIONS);
	demo_embedding_make(slice_of("the cats sit on the mat"), cats, DEMO_DIMENSIONS);
	demo_embedding_make(slice_of("quarterly income declaration"), tax, DEMO_DIMENSIONS);
	demo_embedding_make(slice_of(""), none, DEMO_DIMENSIONS);
	assert_true(fabs(dot(cat, cat) - 1) < 1e-5 && fabs(dot(none, none) - 1) < 1e-5);
	assert_true(dot(cat, cats) > 0.6);
	assert_true(dot(cat, tax) < 0.4);
}

static void embeddings_come_as_numbers_or_base64(void **state)
{
	struct demo_ask ask = ask_of(DEMO_EMBEDDING, NULL);
	struct demo_refusal refusal;
	struct buffer out;

	(void)state;
	buffer_init(&out, 1 << 20);
	ask.dimensions = 2;
	ask.inputs = slice_of("[\"\",\"\"]");
	assert_true(demo_embedding_write(&ask, &out, &refusal));
	assert_json(buffer_slice(&out));
	assert_true(has(buffer_slice(&out), "\"index\":0,\"embedding\":[1,0]}"));
	assert_true(has(buffer_slice(&out), "\"index\":1,\"embedding\":[1,0]}"));
	buffer_clear(&out);
	/* 1.0 and 0.0 as little-endian floats: 00 00 80 3f 00 00 00 00. */
	ask.base64 = true;
	ask.inputs = slice_of("\"\"");
	assert_true(demo_embedding_write(&ask, &out, &refusal));
	assert_true(has(buffer_slice(&out), "\"embedding\":\"AACAPwAAAAA=\""));
	buffer_clear(&out);
	ask.inputs = slice_of("[1,2,3]");
	assert_true(demo_embedding_write(&ask, &out, &refusal));
	assert_false(has(buffer_slice(&out), "\"index\":1"));
	buffer_clear(&out);
	ask.inputs = slice_of("[[1,2],[3]]");
	assert_true(demo_embedding_write(&ask, &out, &refusal));
	assert_true(has(buffer_slice(&out), "\"index\":1"));
	ask.inputs = slice_of("[]");
	assert_false(demo_embedding_write(&ask, &out, &refusal));
	ask.inputs = slice_of("[{}]");
	assert_false(demo_embedding_write(&ask, &out, &refusal));
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_valid_and_repeatable),
		cmocka_unit_test(limits_and_usage_are_kept),
		cmocka_unit_test(tools_are_called_with_nothing),
		cmocka_unit_test(whole_answers_are_valid),
		cmocka_unit_test(vectors_have_length_one_and_near_texts_are_near),
		cmocka_unit_test(embeddings_come_as_numbers_or_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
