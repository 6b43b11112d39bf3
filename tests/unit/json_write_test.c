/* What the writer writes is JSON, whatever it is given, and what does not fit is marked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "base/json_scan.h"
#include "base/json_write.h"

static void write_sample(struct json_writer *json, struct slice text)
{
	json_object_open(json);
	json_member_text(json, "a\"b", NULL);
	json_key(json, "list");
	json_array_open(json);
	json_int(json, INT64_MIN);
	json_uint(json, UINT64_MAX);
	json_bool(json, true);
	json_nothing(json);
	json_array_open(json);
	json_array_close(json);
	json_object_open(json);
	json_object_close(json);
	json_array_close(json);
	json_key(json, "text");
	json_slice(json, text);
	json_key(json, "raw");
	json_raw(json, SLICE_LITERAL("[1,2]"));
	json_member_uint(json, "n", 3);
	json_member_bool(json, "no", false);
	json_member_double(json, "half", 0.5);
	json_member_double(json, "nan", NAN);
	json_object_close(json);
}

static void test_commas_and_values(void **state)
{
	struct json_writer json;
	struct buffer out;

	buffer_init(&out, 4096);
	json_write_init(&json, &out);
	write_sample(&json, SLICE_LITERAL("x\ny"));
	assert_false(json.overflow);
	assert_string_equal(buffer_text(&out),
		"{\"a\\\"b\":null,\"list\":[-9223372036854775808,18446744073709551615,true,null,[],{}],\"text\":\"x\\u000ay\","
		"\"raw\":[1,2],\"n\":3,\"no\":false,\"half\":0.5,\"nan\":null}");
	buffer_free(&out);
}

static bool is_json(struct slice text)
{
	struct json_reader json;

	json_reader_init(&json, text, JSON_SCAN_DEPTH_MAX);
	return json_skip(&json) && json_finish(&json);
}

/* Strings are escaped in pieces; wherever a piece ends, no character is torn. */
static void test_long_strings_of_any_bytes(void **state)
{
	static const char *const units[] = {"a", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\"", "\x01", "\xff", "\x80", "\xe4\xb8"};

	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		for (size_t before = 0; before < 5; before++) {
			char text[600] = "xxxx";
			struct json_string value;
			struct json_reader reader;
			struct json_writer json;
			struct buffer out;
			char decoded[4096];
			size_t len = before;

			while (len + strlen(units[u]) < sizeof(text)) {
				memcpy(text + len, units[u], strlen(units[u]));
				len += strlen(units[u]);
			}
			buffer_init(&out, 8192);
			json_write_init(&json, &out);
			json_slice(&json, slice_make(text, len));
			assert_true(is_json(buffer_slice(&out)));
			json_reader_init(&reader, buffer_slice(&out), 1);
			assert_true(json_read_string(&reader, &value));
			json_string_decode(value, decoded, sizeof(decoded));
			if (u < 6)
				assert_memory_equal(decoded, text, len + 1);
			buffer_free(&out);
		}
	}
}

static void test_overflow_is_marked(void **state)
{
	struct buffer whole;
	struct json_writer json;

	buffer_init(&whole, 4096);
	json_write_init(&json, &whole);
	write_sample(&json, SLICE_LITERAL("text"));
	for (size_t max = 0; max <= buffer_len(&whole); max++) {
		struct buffer out;

		buffer_init(&out, max);
		json_write_init(&json, &out);
		write_sample(&json, SLICE_LITERAL("text"));
		assert_int_equal(json.overflow, max < buffer_len(&whole));
		buffer_free(&out);
	}
	buffer_free(&whole);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commas_and_values),
		cmocka_unit_test(test_long_strings_of_any_bytes),
		cmocka_unit_test(test_overflow_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
