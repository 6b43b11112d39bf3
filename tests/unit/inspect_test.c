/* A request's facts and the places to edit are read as specified; what is wrong is refused with its name and place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/random.h"
#include "routing/inspect.h"
#include "routing/token_estimate.h"

#include <stdlib.h>

#define DEPTH 16u
#define HI "\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

/* The body lies at the end of its memory, so that a sanitizer sees a read past it. */
struct inspected {
	char *body;
	struct arena arena;
	struct request_facts facts;
	struct inspect_problem problem;
	bool fine;
};

static void inspect(struct inspected *run, enum endpoint endpoint, struct slice body)
{
	memset(run, 0, sizeof(*run));
	run->body = memory_alloc(body.len);
	memcpy(run->body, body.data, body.len);
	arena_init(&run->arena, 1024);
	run->fine = inspect_request(endpoint, slice_make(run->body, body.len), DEPTH, &run->arena, &run->facts, &run->problem);
}

static void done(struct inspected *run)
{
	arena_free(&run->arena);
	free(run->body);
}

struct refusal {
	enum endpoint endpoint;
	const char *body;
	const char *param; /* NULL: none */
	const char *says;
};

static const struct refusal refusals[] = {
	{ENDPOINT_CHAT, "", NULL, "not valid JSON: the text ends where a value is expected (line 1, column 1)"},
	{ENDPOINT_CHAT, "[]", NULL, "must be a JSON object"},
	{ENDPOINT_CHAT, "\"x\"", NULL, "must be a JSON object"},
	{ENDPOINT_CHAT, "{" HI, NULL, "the text ends inside an object"},
	{ENDPOINT_CHAT, "{" HI ",}", NULL, "a member's name"},
	{ENDPOINT_CHAT, "{" HI "} x", NULL, "something stands behind the value"},
	{ENDPOINT_CHAT, "{" HI ",\n  \"x\": nope}", NULL, "a value is expected (line 2, column 8)"},
	{ENDPOINT_CHAT, "{" HI ",\"x\":\"\xff\"}", NULL, "not UTF-8"},
	{ENDPOINT_CHAT, "{" HI ",\"x\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}", NULL, "too deep"},
	{ENDPOINT_CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", "model", "'model' is missing"},
	{ENDPOINT_CHAT, "{}", "model", "missing"},
	{ENDPOINT_CHAT, "{\"model\":\"m\"}", "messages", "'messages' is missing"},
	{ENDPOINT_COMPLETION, "{\"model\":\"m\"}", "prompt", "missing"},
	{ENDPOINT_EMBEDDINGS, "{\"model\":\"m\"}", "input", "missing"},
	{ENDPOINT_CHAT, "{\"model\":\n 7}", "model", "'model' must be a string (line 2, column 2)"},
	{ENDPOINT_CHAT, "{\"model\":null}", "model", "must be a string"},
	{ENDPOINT_CHAT, "{\"model\":\"\"}", "model", "1 to 128 bytes"},
	{ENDPOINT_CHAT, "{\"model\":\"a\\nb\"}", "model", "control characters"},
	{ENDPOINT_CHAT, "{\"model\":\"a\\u0000\"}", "model", "control characters"},
	{ENDPOINT_CHAT, "{" HI ",\"model\":\"m\"}", "model", "is there twice"},
	{ENDPOINT_CHAT, "{" HI ",\"mod\\u0065l\":\"m\"}", "model", "is there twice"},
	{ENDPOINT_CHAT, "{" HI ",\"messages\":[]}", "messages", "is there twice"},
	{ENDPOINT_CHAT, "{" HI ",\"stream\":true,\"stream\":true}", "stream", "is there twice"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":[]}", "messages", "must not be empty"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":{}}", "messages", "must be an array"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":\"hi\"}", "messages", "must be an array"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":null}", "messages", "must be an array"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":[1]}", "messages[0]", "must be an object"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":[{},{\"role\":1}]}", "messages[1].role", "must be a string"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":[{\"content\":1}]}", "messages[0].content", "must be a string, an array"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":[{\"content\":{}}]}", "messages[0].content", "must be a string, an array"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":[{\"content\":[1]}]}", "messages[0].content", "objects only"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":[{\"content\":\"a\",\"content\":\"b\"}]}", "messages[0].content", "twice"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":[,]}", NULL, "a value is expected"},
	{ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":[{\"content\":]}", NULL, "a value is expected"},
	{ENDPOINT_CHAT, "{" HI ",\"stream\":\"true\"}", "stream", "must be true or false"},
	{ENDPOINT_CHAT, "{" HI ",\"stream\":1}", "stream", "must be true or false"},
	{ENDPOINT_CHAT, "{" HI ",\"stream_options\":true}", "stream_options", "must be an object"},
	{ENDPOINT_CHAT, "{" HI ",\"stream_options\":{\"include_usage\":1}}", "stream_options.include_usage", "true or false"},
	{ENDPOINT_CHAT, "{" HI ",\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}",
		"stream_options.include_usage", "twice"},
	{ENDPOINT_CHAT, "{" HI ",\"max_tokens\":\"5\"}", "max_tokens", "must be an integer"},
	{ENDPOINT_CHAT, "{" HI ",\"max_tokens\":1.5}", "max_tokens", "must be an integer"},
	{ENDPOINT_CHAT, "{" HI ",\"max_completion_tokens\":[]}", "max_completion_tokens", "must be an integer"},
	{ENDPOINT_CHAT, "{" HI ",\"tools\":{}}", "tools", "must be an array"},
	{ENDPOINT_CHAT, "{" HI ",\"response_format\":\"json\"}", "response_format", "must be an object"},
	{ENDPOINT_CHAT, "{" HI ",\"response_format\":{\"type\":1}}", "response_format.type", "must be a string"},
	{ENDPOINT_CHAT, "{" HI ",\"user\":1}", "user", "must be a string"},
	{ENDPOINT_COMPLETION, "{\"model\":\"m\",\"prompt\":{}}", "prompt", "must be a string, an array of strings"},
	{ENDPOINT_COMPLETION, "{\"model\":\"m\",\"prompt\":[]}", "prompt", "must not be empty"},
	{ENDPOINT_COMPLETION, "{\"model\":\"m\",\"prompt\":[1,\"a\"]}", "prompt", "must be a string, an array"},
	{ENDPOINT_COMPLETION, "{\"model\":\"m\",\"prompt\":[1,2.5]}", "prompt", "must be a string, an array"},
	{ENDPOINT_EMBEDDINGS, "{\"model\":\"m\",\"input\":[\"a\",null]}", "input", "must be a string, an array"},
	{ENDPOINT_EMBEDDINGS, "{\"model\":\"m\",\"input\":7}", "input", "must be a string, an array"},
	{ENDPOINT_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1],[\"a\"]]}", "input", "must be a string, an array"},
	{ENDPOINT_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":1}", "encoding_format", "must be a string"},
};

static void test_refusals(void **state)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *c = &refusals[i];
		struct inspected run;

		inspect(&run, c->endpoint, slice_of(c->body));
		if (run.fine || !strstr(run.problem.error.text, c->says) || !c->param != !run.problem.param ||
			(c->param && strcmp(c->param, run.problem.param) != 0))
			fail_msg("%s: %s, param %s: %s", c->body, run.fine ? "accepted" : "refused",
				run.problem.param ? run.problem.param : "none", run.problem.error.text);
		done(&run);
	}
}

#define STREAM 1u
#define USAGE 2u
#define IMAGES 4u
#define TOOLS 8u
#define JSON 16u
#define BASE64 32u
#define HISTORY 64u
#define EXACT 128u

static unsigned flags_of(const struct request_facts *facts)
{
	return (facts->stream ? STREAM : 0) | (facts->wants_usage ? USAGE : 0) | (facts->has_images ? IMAGES : 0) |
		(facts->has_tools ? TOOLS : 0) | (facts->json_mode ? JSON : 0) | (facts->wants_base64 ? BASE64 : 0) |
		(facts->has_history ? HISTORY : 0) | (facts->tokens_exact ? EXACT : 0);
}

#define MESSAGES(list) "{\"model\":\"m\",\"messages\":[" list "]}"
#define USER(content)  "{\"role\":\"user\",\"content\":" content "}"

static const struct {
	enum endpoint endpoint;
	const char *body;
	unsigned flags;
	uint64_t cap;
} readings[] = {
	{ENDPOINT_CHAT, "{" HI "}", 0, 0},
	{ENDPOINT_CHAT, " {\t" HI ",\"x\":{\"model\":1,\"stream\":true}} ", 0, 0},
	{ENDPOINT_CHAT, "{" HI ",\"stream\":true}", STREAM, 0},
	{ENDPOINT_CHAT, "{" HI ",\"stre\\u0061m\":true}", STREAM, 0},
	{ENDPOINT_CHAT, "{" HI ",\"stream\":false,\"stream_options\":null}", 0, 0},
	{ENDPOINT_CHAT, "{" HI ",\"stream\":null,\"tools\":null,\"max_tokens\":null,\"user\":null,\"response_format\":null}", 0, 0},
	{ENDPOINT_CHAT, "{" HI ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}", STREAM | USAGE, 0},
	{ENDPOINT_CHAT, "{" HI ",\"stream\":true,\"stream_options\":{\"include_usage\":false}}", STREAM, 0},
	{ENDPOINT_CHAT, "{" HI ",\"stream\":true,\"stream_options\":{\"include_usage\":null}}", STREAM, 0},
	{ENDPOINT_CHAT, "{" HI ",\"max_tokens\":5}", 0, 5},
	{ENDPOINT_CHAT, "{" HI ",\"max_tokens\":5,\"max_completion_tokens\":9}", 0, 9},
	{ENDPOINT_CHAT, "{" HI ",\"max_completion_tokens\":9,\"max_tokens\":5}", 0, 9},
	{ENDPOINT_CHAT, "{" HI ",\"max_tokens\":-1}", 0, 0},
	{ENDPOINT_CHAT, "{" HI ",\"tools\":[]}", 0, 0},
	{ENDPOINT_CHAT, "{" HI ",\"tools\":[ {\"type\":\"function\"} ]}", TOOLS, 0},
	{ENDPOINT_CHAT, "{" HI ",\"functions\":[{}]}", TOOLS, 0},
	{ENDPOINT_CHAT, "{" HI ",\"response_format\":{\"type\":\"text\"}}", 0, 0},
	{ENDPOINT_CHAT, "{" HI ",\"response_format\":{\"type\":\"json_object\"}}", JSON, 0},
	{ENDPOINT_CHAT, "{" HI ",\"response_format\":{\"json_schema\":{},\"type\":\"json_schema\"}}", JSON, 0},
	{ENDPOINT_CHAT, MESSAGES(USER("null")), 0, 0},
	{ENDPOINT_CHAT, MESSAGES(USER("[{\"type\":\"text\",\"text\":\"a\"}]")), 0, 0},
	{ENDPOINT_CHAT, MESSAGES(USER("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:x\"}}]")), IMAGES, 0},
	{ENDPOINT_CHAT, MESSAGES(USER("[{\"image_url\":\"http://x\",\"type\":\"image_url\"}]")), IMAGES, 0},
	{ENDPOINT_CHAT, MESSAGES(USER("[{\"type\":\"input_image\",\"file_id\":\"x\"}]")), IMAGES, 0},
	{ENDPOINT_CHAT, MESSAGES(USER("[{\"type\":\"im\\u0061ge_url\"}]")), IMAGES, 0},
	{ENDPOINT_CHAT, MESSAGES(USER("[{\"image_url\":{\"url\":\"x\"}}]")), IMAGES, 0},
	{ENDPOINT_CHAT, MESSAGES(USER("\"image_url\"")), 0, 0},
	{ENDPOINT_CHAT, MESSAGES("{\"role\":\"system\",\"content\":\"s\"}," USER("\"a\"")), 0, 0},
	{ENDPOINT_CHAT, MESSAGES(USER("\"a\"") "," USER("\"b\"")), HISTORY, 0},
	{ENDPOINT_CHAT, MESSAGES(USER("\"a\"") ",{\"role\":\"assistant\",\"content\":\"b\"}"), HISTORY, 0},
	{ENDPOINT_CHAT, MESSAGES("{\"role\":\"tool\",\"content\":\"b\"}"), HISTORY, 0},
	{ENDPOINT_COMPLETION, "{\"model\":\"m\",\"prompt\":\"a\"}", 0, 0},
	{ENDPOINT_COMPLETION, "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"],\"stream\":true,\"max_tokens\":7}", STREAM, 7},
	{ENDPOINT_COMPLETION, "{\"model\":\"m\",\"prompt\":[1,2,3]}", EXACT, 0},
	{ENDPOINT_COMPLETION, "{\"model\":\"m\",\"prompt\":[1,2,3],\"messages\":7,\"suffix\":\"x\"}", 0, 0},
	{ENDPOINT_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"a\",\"stream\":7}", 0, 0},
	{ENDPOINT_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1],[2,3]],\"encoding_format\":\"base64\"}", BASE64 | EXACT, 0},
	{ENDPOINT_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":\"float\"}", 0, 0},
};

static void test_readings(void **state)
{
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		struct inspected run;

		inspect(&run, readings[i].endpoint, slice_of(readings[i].body));
		if (!run.fine || flags_of(&run.facts) != readings[i].flags || run.facts.output_cap != readings[i].cap)
			fail_msg("%s: flags %x, cap %u: %s", readings[i].body, flags_of(&run.facts),
				(unsigned)run.facts.output_cap, run.fine ? "accepted" : run.problem.error.text);
		assert_true(slice_is(run.facts.model, "m"));
		assert_int_equal(run.facts.endpoint, readings[i].endpoint);
		done(&run);
	}
}

static struct slice cut(const struct inspected *run, struct span span)
{
	return slice_make(run->body + span.offset, span.length);
}

static void test_places_to_edit(void **state)
{
	struct inspected run;

	inspect(&run, ENDPOINT_CHAT,
		SLICE_LITERAL(" { \"stream_options\" : {\"a\":1, \"include_usage\" : false } ,\n\"model\" : \"a\\/b\" , "
			      "\"user\":\"\\u00e9\", \"messages\":[{\"content\":\"x\"}]}"));
	assert_true(run.fine);
	assert_true(slice_is(cut(&run, run.facts.model_span), "\"a\\/b\""));
	assert_true(slice_is(run.facts.model, "a/b"));
	assert_true(slice_is(run.facts.user, "\xc3\xa9"));
	assert_true(slice_is(cut(&run, run.facts.stream_options), "{\"a\":1, \"include_usage\" : false }"));
	assert_true(slice_is(cut(&run, run.facts.include_usage), "false"));
	assert_true(slice_is(cut(&run, run.facts.object_open), "{"));
	assert_int_equal(run.facts.object_open.offset, 1);
	done(&run);
}

/* A stream's body is let go before the last event that names the model. */
static void test_model_outlives_the_body(void **state)
{
	struct inspected run;

	inspect(&run, ENDPOINT_CHAT, SLICE_LITERAL("{\"model\":\"plain\",\"messages\":[{}]}"));
	assert_true(run.fine);
	free(run.body);
	run.body = NULL;
	assert_true(slice_is(run.facts.model, "plain"));
	done(&run);
}

static void test_model_length_is_of_the_decoded_name(void **state)
{
	char body[1200];

	for (size_t len = INSPECT_MODEL_MAX; len <= INSPECT_MODEL_MAX + 1; len++) {
		struct inspected run;
		size_t used = (size_t)snprintf(body, sizeof(body), "{\"messages\":[{}],\"model\":\"");

		for (size_t i = 0; i < len; i++)
			used += (size_t)snprintf(body + used, sizeof(body) - used, "\\u0061");
		snprintf(body + used, sizeof(body) - used, "\"}");
		inspect(&run, ENDPOINT_CHAT, slice_of(body));
		assert_int_equal(run.fine, len == INSPECT_MODEL_MAX);
		done(&run);
	}
}

static uint64_t tokens_of(enum endpoint endpoint, const char *body, uint64_t *longest)
{
	struct inspected run;
	uint64_t tokens;

	inspect(&run, endpoint, slice_of(body));
	assert_true(run.fine);
	tokens = request_tokens(&run.facts).prompt;
	if (longest)
		*longest = request_tokens(&run.facts).longest;
	done(&run);
	return tokens;
}

static void test_tokens(void **state)
{
	static const char picture[] = MESSAGES(USER("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:aGVsbG8gd29ybGQ=\"}}]"));
	static const char low[] = MESSAGES(USER("[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\",\"detail\":\"low\"}}]"));
	uint64_t plain = tokens_of(ENDPOINT_CHAT, "{" HI "}", NULL);
	uint64_t longest;

	/* "hi", the message's frame and the start of the answer. */
	assert_int_equal(plain, 2 + 4 + 3);
	assert_true(tokens_of(ENDPOINT_CHAT, "{" HI ",\"tools\":[{\"type\":\"function\"}]}", NULL) > plain + 8);
	assert_int_equal(tokens_of(ENDPOINT_CHAT, picture, NULL), 3000 + 7);
	assert_int_equal(tokens_of(ENDPOINT_CHAT, low, NULL), 85 + 7);
	assert_int_equal(tokens_of(ENDPOINT_COMPLETION, "{\"model\":\"m\",\"prompt\":[1,2,3]}", &longest), 3);
	assert_int_equal(longest, 3);
	assert_int_equal(tokens_of(ENDPOINT_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1,2,3],[],[4,5]]}", &longest), 5);
	assert_int_equal(longest, 3);
	assert_int_equal(tokens_of(ENDPOINT_COMPLETION, "{\"model\":\"m\",\"suffix\":\"9\",\"prompt\":[[1,2,3],[4]]}", &longest), 7);
	assert_int_equal(longest, 3 + 3);
	tokens_of(ENDPOINT_CHAT, "{" HI "}", &longest);
	assert_int_equal(longest, plain);
}

/* Below the bound, the same when asked again, and nothing else of the facts changes. */
static void check_lazy_tokens(struct request_facts *facts, const char *body)
{
	struct request_facts before = *facts;
	struct token_count first = request_tokens(facts);
	struct token_count second = request_tokens(facts);

	if (first.prompt > before.tokens_bound.prompt || first.longest > before.tokens_bound.longest ||
		first.longest > first.prompt || first.prompt != second.prompt || first.longest != second.longest)
		fail_msg("%s: %u of %u tokens", body, (unsigned)first.prompt, (unsigned)before.tokens_bound.prompt);
	if (before.tokens_exact)
		assert_int_equal(first.prompt, before.tokens_bound.prompt);
	assert_memory_equal(facts, &before, offsetof(struct request_facts, tokens_known));
}

/* A piece of text, as a JSON string's inside, and its estimate added to *tokens. */
static void add_piece(struct random *random, struct buffer *out, uint64_t *tokens)
{
	static const char *const words[] = {"word ", "\\n", "\\u4e2d", "\\ud83d\\ude00", "\\\"", "\\\\", "\xc3\xa9", "UPPER", "1234", "  "};
	size_t start = buffer_len(out);
	struct json_string text = {.escaped = true};

	for (uint64_t i = random_below(random, 12); i > 0; i--)
		buffer_append_text(out, words[random_below(random, sizeof(words) / sizeof(words[0]))]);
	text.raw = slice_make(buffer_slice(out).data + start, buffer_len(out) - start);
	*tokens += token_estimate(text);
}

/* The second pass finds every text, and no other: its sum is that of the texts estimated one by one. */
static void test_lazy_tokens_are_those_of_the_texts(void **state)
{
	struct random random;

	random_seed(&random, 3);
	for (int round = 0; round < 2000; round++) {
		uint64_t wanted = 3;
		struct buffer body;
		struct inspected run;

		buffer_init(&body, 1u << 16);
		buffer_append_text(&body, "{\"model\":\"m\",\"ignored\":\"not counted\",\"messages\":[");
		for (uint64_t i = 0, count = 1 + random_below(&random, 4); i < count; i++) {
			bool in_part = random_below(&random, 2);

			buffer_append_text(&body, i > 0 ? ",{\"role\":\"user\",\"content\":" : "{\"role\":\"user\",\"content\":");
			buffer_append_text(&body, in_part ? "[{\"type\":\"text\",\"text\":\"" : "\"");
			add_piece(&random, &body, &wanted);
			buffer_append_text(&body, in_part ? "\"},{\"type\":\"image_url\",\"image_url\":\"data:aaaa\"}]}" : "\"}");
			wanted += in_part ? 4 + 3000 : 4;
		}
		buffer_append_text(&body, "]}");
		inspect(&run, ENDPOINT_CHAT, buffer_slice(&body));
		assert_true(run.fine);
		assert_int_equal(request_tokens(&run.facts).prompt, wanted);
		check_lazy_tokens(&run.facts, "a random body");
		done(&run);
		buffer_free(&body);
	}
}

static void test_tokens_stay_below_their_bound(void **state)
{
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		struct inspected run;

		inspect(&run, readings[i].endpoint, slice_of(readings[i].body));
		assert_true(run.fine);
		check_lazy_tokens(&run.facts, readings[i].body);
		done(&run);
	}
}

static uint64_t conversation_of(const char *body)
{
	struct inspected run;
	uint64_t conversation;

	inspect(&run, ENDPOINT_CHAT, slice_of(body));
	assert_true(run.fine);
	conversation = run.facts.conversation;
	done(&run);
	return conversation;
}

static void test_conversation_stays_the_same_as_it_grows(void **state)
{
	uint64_t first = conversation_of(MESSAGES("{\"role\":\"system\",\"content\":\"s\"}," USER("\"a\"")));

	assert_true(first != 0);
	assert_true(first == conversation_of(MESSAGES("{\"content\":\"s\", \"role\":\"system\"}," USER("\"a\"") ","
		"{\"role\":\"assistant\",\"content\":\"x\"}," USER("\"b\""))));
	assert_true(first != conversation_of(MESSAGES("{\"role\":\"system\",\"content\":\"s\"}," USER("\"b\""))));
	assert_true(first != conversation_of(MESSAGES("{\"role\":\"system\",\"content\":\"t\"}," USER("\"a\""))));
}

/* No cut of a body is accepted, and none makes the inspection read outside it. */
static void test_truncated_at_every_byte(void **state)
{
	static const char body[] = "{\"model\":\"m\\u0061\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"max_tokens\":12,"
				   "\"tools\":[{\"a\":[1]}],\"response_format\":{\"type\":\"json_object\"},\"user\":\"u\","
				   "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\\n\"},{\"type\":"
				   "\"image_url\",\"image_url\":{\"url\":\"x\",\"detail\":\"low\"}}],\"name\":\"n\"},{\"role\":\"tool\"}]}";

	for (size_t len = 0; len < sizeof(body); len++) {
		struct inspected run;

		inspect(&run, ENDPOINT_CHAT, slice_make(body, len));
		assert_int_equal(run.fine, len == sizeof(body) - 1);
		assert_true(run.fine || run.problem.error.text[0] != '\0');
		done(&run);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_places_to_edit),
		cmocka_unit_test(test_model_outlives_the_body),
		cmocka_unit_test(test_model_length_is_of_the_decoded_name),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_tokens_stay_below_their_bound),
		cmocka_unit_test(test_lazy_tokens_are_those_of_the_texts),
		cmocka_unit_test(test_conversation_stays_the_same_as_it_grows),
		cmocka_unit_test(test_truncated_at_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
