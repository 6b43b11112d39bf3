/* The token estimate is never below the count of four public vocabularies, in any script, nor above the bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/memory.h"
#include "routing/token_estimate.h"

#include <stdlib.h>

/* token_counts.jsonl: {"kind", "tokens": the highest count of cl100k, o200k, Llama 3 and Llama 2, "text"} a line, about
 * half of them with escapes. Llama 2's token for the space that it puts in front of a text is not counted. */
static void check_line(struct slice line, double *estimated, double *counted)
{
	struct json_reader json;
	struct json_string kind = {0};
	struct json_string text = {0};
	struct json_string key;
	uint64_t tokens = 0;
	uint64_t estimate;
	bool is_integer;
	char decoded[8192];

	json_reader_init(&json, line, 1);
	assert_true(json_enter_object(&json));
	assert_true(json_next_member(&json, &key) && json_read_string(&json, &kind));
	assert_true(json_next_member(&json, &key) && json_read_u64(&json, &tokens, &is_integer));
	assert_true(json_next_member(&json, &key) && json_read_string(&json, &text));
	estimate = token_estimate(text);
	if (estimate < tokens || estimate > json_string_decode(text, decoded, sizeof(decoded)))
		fail_msg("estimate %u, count %u: %.*s", (unsigned)estimate, (unsigned)tokens, SLICE_ARGS(text.raw));
	if (json_string_is(kind, "prose")) {
		*estimated += (double)estimate;
		*counted += (double)tokens;
	}
}

static void test_never_below_the_count(void **state)
{
	FILE *file = fopen(TEST_DATA "/token_counts.jsonl", "r");
	double estimated = 0;
	double counted = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int lines = 0;

	assert_non_null(file);
	while ((len = getline(&line, &size, file)) > 0) {
		check_line(slice_make(line, (size_t)len), &estimated, &counted);
		lines++;
	}
	free(line);
	fclose(file);
	assert_true(lines > 150);
	/* Of use only while it is not absurdly high. */
	assert_true(estimated < 2 * counted);
}

static void test_escapes_count_as_what_they_stand_for(void **state)
{
	static const struct {
		const char *escaped;
		const char *plain;
	} cases[] = {
		{"a\\u0062c", "abc"},
		{"\\u4e2d\\u6587", "\xe4\xb8\xad\xe6\x96\x87"},
		{"\\ud83d\\ude00!", "\xf0\x9f\x98\x80!"},
		{"\\u00e9\\u00E9", "\xc3\xa9\xc3\xa9"},
		{"\\\"\\/", "\"/"},
		{"\\n\\n\\t", "\n\n\t"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_string escaped = {slice_of(cases[i].escaped), true};
		struct json_string plain = {slice_of(cases[i].plain), false};

		/* An escaped letter ends a word, so the estimate may rise, up to a token a byte. */
		assert_true(token_estimate(escaped) >= token_estimate(plain));
		assert_true(token_estimate(escaped) <= plain.raw.len);
	}
	assert_int_equal(token_estimate((struct json_string){SLICE_LITERAL(""), false}), 0);
	assert_int_equal(token_estimate((struct json_string){SLICE_LITERAL("x"), false}), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_below_the_count),
		cmocka_unit_test(test_escapes_count_as_what_they_stand_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
