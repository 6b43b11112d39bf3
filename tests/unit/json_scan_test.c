/* The JSON reader takes exactly RFC 8259 with valid UTF-8, says what is wrong and where, and every kernel gives the same answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/json_scan.h"
#include "base/json_scan_kernel.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

#include <stdlib.h>

#define DEPTH 4u

static const char *const kernels[] = {"avx2", "sse2", "portable"};
#define KERNEL_COUNT (sizeof(kernels) / sizeof(kernels[0]))

/* A copy whose end is the end of its memory, so that a sanitizer sees a read past it. */
static char *exact_copy(struct slice text)
{
	char *copy = memory_alloc(text.len);

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return copy;
}

/* NULL when the text is one valid JSON value, else the problem; *offset tells where. */
static const char *judge(struct slice text, unsigned depth, size_t *offset)
{
	char *copy = exact_copy(text);
	struct json_reader json;
	const char *problem;

	*offset = 0;
	json_reader_init(&json, slice_make(copy, text.len), depth);
	if (json_skip(&json))
		json_finish(&json);
	problem = json_problem(&json, offset);
	free(copy);
	return problem;
}

struct text_case {
	struct slice text;
	const char *problem; /* the beginning of it; NULL: valid */
	size_t offset;
};
#define VALID(text)                    {{text, sizeof(text) - 1}, NULL, 0}
#define WRONG(text, at, problem)       {{text, sizeof(text) - 1}, problem, at}

static const struct text_case text_cases[] = {
	VALID("{}"), VALID("[]"), VALID("null"), VALID("true"), VALID("false"), VALID("\"\""), VALID("0"),
	VALID(" \t\r\n{ \"a\" : [ 1 , 2 ] } \n"), VALID("[[[[]]]]"), VALID("{\"a\":{\"a\":{\"a\":{}}}}"),
	VALID("-0"), VALID("-0.0"), VALID("1e3"), VALID("1E+3"), VALID("1.5e-300"), VALID("1e999"),
	VALID("123456789012345678901234567890"),
	VALID("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\""), VALID("\"\\ud83d\\ude00\""), VALID("\"\x7f\""),
	VALID("\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
	VALID("{\"a\":1,\"a\":2}"), VALID("{\"\":0}"), VALID("[\"]\",\"}\"]"),

	WRONG("", 0, "the text ends where a value"), WRONG("  ", 2, "the text ends where a value"),
	WRONG("{", 1, "the text ends inside an object"), WRONG("[", 1, "the text ends inside an array"),
	WRONG("[1", 2, "the text ends inside an array"), WRONG("[1,", 3, "the text ends where a value"),
	WRONG("{\"a\"", 4, "a colon is missing"), WRONG("{\"a\":", 5, "the text ends where a value"),
	WRONG("{\"a\":1,}", 7, "a member's name"), WRONG("[1,]", 3, "a value is expected"), WRONG("[,1]", 1, "a value"),
	WRONG("{,}", 1, "a member's name"), WRONG("{1:2}", 1, "a member's name"), WRONG("{a:2}", 1, "a member's name"),
	WRONG("{'a':2}", 1, "a member's name"), WRONG("[1 2]", 3, "a comma is missing"), WRONG("[1}", 2, "a comma"),
	WRONG("{\"a\":1]", 6, "a comma"), WRONG("{\"a\" 1}", 5, "a colon"), WRONG("{\"a\":1 \"b\":2}", 7, "a comma"),
	WRONG("[[[[[]]]]]", 4, "the nesting is too deep"), WRONG("1 1", 2, "something stands behind"),
	WRONG("{}}", 2, "something stands behind"), WRONG("\"a\"b", 3, "something stands behind"),
	WRONG("\xef\xbb\xbf{}", 0, "a value is expected"), WRONG("\v1", 0, "a value is expected"),
	WRONG("{}\0", 2, "something stands behind"), WRONG("/**/1", 0, "a value"),

	WRONG("01", 0, "a number begins with 0"), WRONG("-01", 1, "a number begins"), WRONG("-", 1, "a digit"),
	WRONG("+1", 0, "a value"), WRONG(".5", 0, "a value"), WRONG("1.", 2, "a digit"), WRONG("1.e1", 2, "a digit"),
	WRONG("1e", 2, "a digit"), WRONG("1e+", 3, "a digit"), WRONG("-a", 1, "a digit"), WRONG("0x1", 1, "something"),
	WRONG("NaN", 0, "a value"), WRONG("Infinity", 0, "a value"), WRONG("-Infinity", 1, "a digit"),
	WRONG("tru", 0, "a value"), WRONG("True", 0, "a value"), WRONG("nul", 0, "a value"), WRONG("truex", 4, "something"),
	WRONG("fals", 0, "a value"), WRONG("falsy", 0, "a value"), WRONG("nil", 0, "a value"),

	WRONG("\"", 1, "the text ends inside a string"), WRONG("\"a\\", 3, "the text ends inside a string"),
	WRONG("\"a\nb\"", 2, "a control character"), WRONG("\"\0\"", 1, "a control character"),
	WRONG("\"\x1f\"", 1, "a control character"), WRONG("\"\\a\"", 1, "a backslash"), WRONG("\"\\U0041\"", 1, "a backslash"),
	WRONG("\"\\u12\"", 1, "\\u needs"), WRONG("\"\\u12g4\"", 1, "\\u needs"), WRONG("\"\\u 123\"", 1, "\\u needs"),
	WRONG("\"\\ud800\"", 1, "half of a surrogate"), WRONG("\"\\udc00\"", 1, "half of a surrogate"),
	WRONG("\"\\ud800\\u0041\"", 1, "half of a surrogate"), WRONG("\"\\ud800x\\udc00\"", 1, "half"),
	WRONG("\"\\ud800\\ud800\"", 1, "half of a surrogate"), WRONG("\"\\ude00\\ud83d\"", 1, "half of a surrogate"),

	WRONG("\"\x80\"", 1, "these bytes"), WRONG("\"\xc0\x80\"", 1, "these bytes"), WRONG("\"\xc1\xbf\"", 1, "these bytes"),
	WRONG("\"\xc2\"", 1, "these bytes"), WRONG("\"\xe0\x80\x80\"", 1, "these bytes"),
	WRONG("\"\xe0\x9f\xbf\"", 1, "these bytes"), WRONG("\"\xed\xa0\x80\"", 1, "these bytes"),
	WRONG("\"\xe4\xb8\"", 1, "these bytes"), WRONG("\"\xe4\xb8", 1, "these bytes"),
	WRONG("\"\xf0\x8f\xbf\xbf\"", 1, "these bytes"), WRONG("\"\xf4\x90\x80\x80\"", 1, "these bytes"),
	WRONG("\"\xf5\x80\x80\x80\"", 1, "these bytes"), WRONG("\"\xff\"", 1, "these bytes"),
	WRONG("\"\xe4\xb8\xad\xe4\"", 4, "these bytes"), WRONG("{\"\xff\":1}", 2, "these bytes"),
};

static void test_grammar(void **state)
{
	for (size_t k = 0; k < KERNEL_COUNT; k++) {
		if (!json_scan_use_kernel(kernels[k]))
			continue;
		for (size_t i = 0; i < sizeof(text_cases) / sizeof(text_cases[0]); i++) {
			const struct text_case *c = &text_cases[i];
			size_t offset;
			const char *problem = judge(c->text, DEPTH, &offset);

			if (!c->problem ? problem != NULL
					: !problem || strncmp(problem, c->problem, strlen(c->problem)) != 0 || offset != c->offset)
				fail_msg("%s: <%.*s>: %s at %zu", kernels[k], SLICE_ARGS(c->text), problem ? problem : "valid", offset);
		}
	}
}

/* Every byte below 0x20 is refused inside a string, wherever it stands relative to the blocks of 64. */
static void test_string_bytes_at_every_place(void **state)
{
	char text[220];

	for (size_t k = 0; k < KERNEL_COUNT; k++) {
		if (!json_scan_use_kernel(kernels[k]))
			continue;
		for (size_t place = 1; place < sizeof(text) - 1; place++) {
			size_t offset;

			memset(text, 'a', sizeof(text));
			text[0] = text[sizeof(text) - 1] = '"';
			text[place] = (char)(place % 0x20);
			assert_non_null(judge(slice_make(text, sizeof(text)), 1, &offset));
			assert_int_equal(offset, place);
			text[place] = (char)(0x20 + place % 2);
			assert_null(judge(slice_make(text, sizeof(text)), 1, &offset));
		}
	}
}

/* What a kernel must say of a block, a byte at a time. */
static uint64_t specials_of(const char *block, unsigned from, uint64_t *escapes)
{
	uint64_t specials = 0;

	*escapes = 0;
	for (unsigned i = from; i < JSON_BLOCK; i++) {
		unsigned char byte = (unsigned char)block[i];

		if (byte == '\\' && i + 1 < JSON_BLOCK && block[i + 1] != '\0' && strchr("\"\\/bfnrt", block[i + 1]))
			*escapes |= UINT64_C(1) << i++;
		else if (byte == '"' || byte == '\\' || byte < 0x20 || byte > 0x7f)
			specials |= UINT64_C(1) << i;
	}
	return specials;
}

static void test_kernels_agree_on_blocks(void **state)
{
	static const char picks[] = "\"\\\x1f\x20\x21\x5b\x5d\x7f\x80\xff\x00 aZ09\x1e\xa2\xdc";
	static const char escapes[] = "\\\\\\\\\\\"nu/rtbfa\x82\xe2";
	char block[JSON_BLOCK];
	struct random random;

	random_seed(&random, 1);
	for (int round = 0; round < 30000; round++) {
		unsigned from = random_below(&random, 2) ? 0 : (unsigned)random_below(&random, JSON_BLOCK);
		uint64_t wanted_escapes;
		uint64_t wanted;

		for (unsigned i = 0; i < JSON_BLOCK; i++)
			block[i] = round % 3 == 0   ? (char)random_next(&random)
				   : round % 3 == 1 ? picks[random_below(&random, sizeof(picks))]
						    : escapes[random_below(&random, sizeof(escapes))];
		wanted = specials_of(block, from, &wanted_escapes);
		for (size_t k = 0; k < KERNEL_COUNT; k++) {
			struct json_found found;

			if (!json_scan_use_kernel(kernels[k]))
				continue;
			assert_ptr_equal(json_kernel(block, from, block + JSON_BLOCK, &found), block);
			assert_true(found.specials >> from == wanted >> from);
			assert_true(found.escapes == wanted_escapes && !found.escapes_before);
		}
	}
}

/* Where the string in `text` ends, or what is wrong with it, a byte at a time. */
static const char *end_of_string(const char *text, size_t len, size_t *end, bool *escaped)
{
	*escaped = false;
	for (*end = 1; *end < len && text[*end] != '"'; (*end)++) {
		if (text[*end] != '\\')
			continue;
		if (*end + 1 == len)
			break;
		if (text[*end + 1] == 'a')
			return "a backslash";
		*escaped = true;
		(*end)++;
	}
	if (*end < len && text[*end] == '"')
		return NULL;
	*end = len;
	return "the text ends";
}

/* Whatever the run of backslashes and wherever it lies in the blocks of 64. */
static void test_runs_of_escapes(void **state)
{
	struct random random;

	random_seed(&random, 4);
	for (int round = 0; round < 30000; round++) {
		char text[200] = "\"";
		size_t len = 1 + random_below(&random, sizeof(text) - 1);
		uint64_t backslashes = 1 + random_below(&random, 9);
		size_t end;
		bool escaped;
		const char *problem;

		for (size_t i = 1; i < len; i++)
			text[i] = random_below(&random, 10) < backslashes ? '\\' : "nnnn/tb\"a"[random_below(&random, round % 2 ? 7 : 9)];
		problem = end_of_string(text, len, &end, &escaped);
		for (size_t k = 0; k < KERNEL_COUNT; k++) {
			struct json_string string;
			struct json_reader json;
			size_t offset = 0;
			char *copy;

			if (!json_scan_use_kernel(kernels[k]))
				continue;
			copy = exact_copy(slice_make(text, len));
			json_reader_init(&json, slice_make(copy, len), 1);
			assert_true(json_read_string(&json, &string) == !problem);
			if (problem) {
				assert_memory_equal(json_problem(&json, &offset), problem, strlen(problem));
				assert_int_equal(offset, end);
			} else {
				assert_int_equal(string.raw.len, end - 1);
				assert_int_equal(string.escaped, escaped);
			}
			free(copy);
		}
	}
}

static const char sample[] =
	"{\"model\":\"qwen2.5:7b\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello \\\"world\\\"\\n\\u00e9\\ud83d\\ude00 "
	"\xe4\xb8\xad\xe6\x96\x87 and some more text so that the string is longer than one block of bytes\"}],"
	"\"temperature\":-0.7e1,\"stop\":[true,false,null],\"n\":10}";

static void test_truncated_at_every_byte(void **state)
{
	size_t offset;

	for (size_t k = 0; k < KERNEL_COUNT; k++) {
		if (!json_scan_use_kernel(kernels[k]))
			continue;
		for (size_t len = 0; len < sizeof(sample) - 1; len++) {
			assert_non_null(judge(slice_make(sample, len), DEPTH, &offset));
			assert_true(offset <= len);
		}
		assert_null(judge(SLICE_LITERAL(sample), DEPTH, &offset));
	}
}

/* Every lead and second byte, first or second in a run, is judged as text_utf8_len judges it. */
static void test_utf8(void **state)
{
	for (unsigned lead = 0x80; lead <= 0xff; lead++) {
		for (unsigned next = 0x70; next <= 0xcf; next++) {
			char character[] = {(char)lead, (char)next, (char)0x80, (char)0x80};
			size_t len = text_utf8_len(character, sizeof(character));

			for (int before = 0; before <= 3; before += 3) {
				char text[32];
				size_t offset;

				snprintf(text, sizeof(text), "\"%.*s%.*s\xe4\xb8\xad\xe4\xb8\xad\"", before,
					"\xe4\xb8\xad", len ? (int)len : 3, character);
				assert_true((judge(slice_of(text), 1, &offset) == NULL) == (len > 0));
				assert_int_equal(offset, len > 0 ? 0 : 1 + before);
			}
		}
	}
}

/* A wrong byte anywhere gives the same verdict, at the same offset, from every kernel. */
static void test_kernels_agree_on_texts(void **state)
{
	struct random random;

	random_seed(&random, 2);
	for (int round = 0; round < 20000; round++) {
		char text[sizeof(sample) - 1];
		const char *first = NULL;
		size_t first_offset = 0;
		bool have_first = false;

		memcpy(text, sample, sizeof(text));
		for (int i = 0; i < 3; i++)
			text[random_below(&random, sizeof(text))] =
				i == 0 ? "\"\\{}[],:u"[random_below(&random, 9)] : (char)random_next(&random);
		for (size_t k = 0; k < KERNEL_COUNT; k++) {
			size_t offset;
			const char *problem;

			if (!json_scan_use_kernel(kernels[k]))
				continue;
			problem = judge(slice_make(text, sizeof(text)), DEPTH, &offset);
			if (have_first)
				assert_true(problem == first && offset == first_offset);
			have_first = true;
			first = problem;
			first_offset = offset;
		}
	}
}

static void test_position(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		unsigned line;
		unsigned column;
	} cases[] = {
		{"{}", 0, 1, 1}, {"{}", 2, 1, 3}, {"{\n  1", 4, 2, 3}, {"\n\n", 1, 2, 1}, {"\n\n", 2, 3, 1}, {"", 0, 1, 1},
		{"{\r\n x", 4, 2, 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_reader json;
		unsigned line;
		unsigned column;

		json_reader_init(&json, slice_of(cases[i].text), DEPTH);
		json_position(&json, cases[i].offset, &line, &column);
		assert_int_equal(line, cases[i].line);
		assert_int_equal(column, cases[i].column);
	}
}

static void test_decode(void **state)
{
	static const struct {
		const char *json;
		struct slice text;
	} cases[] = {
		{"\"\"", SLICE_LITERAL("")},
		{"\"plain\"", SLICE_LITERAL("plain")},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", SLICE_LITERAL("\"\\/\b\f\n\r\t")},
		{"\"a\\u0041\\u00e9\\u4e2dz\"", SLICE_LITERAL("aA\xc3\xa9\xe4\xb8\xadz")},
		{"\"\\uD83D\\uDE00\"", SLICE_LITERAL("\xf0\x9f\x98\x80")},
		{"\"\\ud800\\udc00\\udbff\\udfff\"", SLICE_LITERAL("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
		{"\"x\\u0000y\"", SLICE_LITERAL("x\0y")},
		{"\"\xe4\xb8\xad\"", SLICE_LITERAL("\xe4\xb8\xad")},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_reader json;
		struct json_string string;
		char out[64];
		size_t len = cases[i].text.len;

		json_reader_init(&json, slice_of(cases[i].json), DEPTH);
		assert_true(json_read_string(&json, &string) && json_finish(&json));
		assert_int_equal(json_string_decode(string, out, sizeof(out)), len);
		assert_memory_equal(out, cases[i].text.data, len + 1);
		assert_int_equal(json_string_decode(string, out, len + 1), len);
		for (size_t size = 0; size <= len; size++)
			assert_true(json_string_decode(string, out, size) == SIZE_MAX);
		assert_true(json_string_is(string, cases[i].text.data) == !memchr(cases[i].text.data, 0, len));
		assert_false(json_string_is(string, "other"));
	}
}

static void test_string_is_compares_whole(void **state)
{
	struct json_string string = {SLICE_LITERAL("mod\\u0065l"), true};

	assert_true(json_string_is(string, "model"));
	assert_false(json_string_is(string, "mode"));
	assert_false(json_string_is(string, "models"));
	assert_false(json_string_is(string, ""));
}

static void test_reading_members(void **state)
{
	static const char text[] = " {\"a\": 12, \"b\":[\"x\", -1, 1.0, 1e2, 18446744073709551616], \"c\":true, \"d\":{\"e\":null} }";
	static const bool integers[] = {false, false, false, false};
	struct json_reader json;
	struct json_string string;
	struct slice span;
	uint64_t number;
	bool flag;

	json_reader_init(&json, SLICE_LITERAL(text), DEPTH);
	assert_true(json_enter_object(&json));
	assert_true(json_next_member(&json, &string) && json_string_is(string, "a"));
	assert_true(json_read_u64(&json, &number, &flag) && flag && number == 12);
	assert_true(json_next_member(&json, &string) && json_enter_array(&json));
	assert_true(json_next_item(&json) && json_read_string(&json, &string) && slice_is(string.raw, "x"));
	for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
		assert_true(json_next_item(&json) && json_read_u64(&json, &number, &flag) && flag == integers[i]);
	assert_false(json_next_item(&json));
	assert_true(json_next_member(&json, &string) && json_read_bool(&json, &flag) && flag);
	assert_true(json_next_member(&json, &string) && json_skip_span(&json, &span) && slice_is(span, "{\"e\":null}"));
	assert_false(json_next_member(&json, &string));
	assert_true(json_finish(&json));
	assert_int_equal(json_peek(&json), JSON_TYPE_INVALID);
}

static void test_wrong_type_is_a_problem_that_stays(void **state)
{
	struct json_reader json;
	struct json_string string;
	struct slice number;
	size_t offset;

	json_reader_init(&json, SLICE_LITERAL("[1,\"a\"]"), DEPTH);
	assert_true(json_enter_array(&json) && json_next_item(&json));
	assert_false(json_read_string(&json, &string));
	assert_string_equal(json_problem(&json, &offset), "a string is expected");
	assert_int_equal(offset, 1);
	assert_false(json_read_number(&json, &number));
	assert_false(json_skip(&json));
	assert_false(json_next_item(&json));
	assert_false(json_finish(&json));
	assert_string_equal(json_problem(&json, NULL), "a string is expected");
}

static void test_depth_counts_containers(void **state)
{
	char text[2 * JSON_SCAN_DEPTH_MAX + 2];
	size_t offset;

	memset(text, '[', sizeof(text) / 2);
	memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
	assert_null(judge(slice_make(text + 1, sizeof(text) - 2), JSON_SCAN_DEPTH_MAX, &offset));
	assert_non_null(judge(slice_make(text, sizeof(text)), JSON_SCAN_DEPTH_MAX, &offset));
	assert_int_equal(offset, JSON_SCAN_DEPTH_MAX);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_string_bytes_at_every_place),
		cmocka_unit_test(test_kernels_agree_on_blocks),
		cmocka_unit_test(test_runs_of_escapes),
		cmocka_unit_test(test_truncated_at_every_byte),
		cmocka_unit_test(test_kernels_agree_on_texts),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_position),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_string_is_compares_whole),
		cmocka_unit_test(test_reading_members),
		cmocka_unit_test(test_wrong_type_is_a_problem_that_stays),
		cmocka_unit_test(test_depth_counts_containers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
