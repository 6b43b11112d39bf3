/* Short texts: numbers read whole or not at all, names found, and bytes that are not ours made harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"

static void test_parse_u64(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool fine;
		uint64_t value;
	} cases[] = {
		{"0", 10, true, 0}, {"10", 10, true, 10}, {"11", 10, false, 0}, {"", 10, false, 0}, {"-1", 10, false, 0},
		{"+1", 10, false, 0}, {" 1", 10, false, 0}, {"1 ", 10, false, 0}, {"1.0", 10, false, 0}, {"0x1", 10, false, 0},
		{"007", 10, true, 7}, {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, false, 0}, {"99999999999999999999", UINT64_MAX, false, 0},
		{"184467440737095516150", UINT64_MAX, false, 0}, {"/", 10, false, 0}, {":", 10, false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 77;

		assert_int_equal(text_parse_u64(slice_of(cases[i].text), cases[i].max, &value), cases[i].fine);
		assert_true(value == (cases[i].fine ? cases[i].value : 77));
	}
}

static void test_distance(void **state)
{
	assert_int_equal(text_distance(slice_of("kitten"), slice_of("sitting")), 3);
	assert_int_equal(text_distance(slice_of(""), slice_of("abc")), 3);
	assert_int_equal(text_distance(slice_of("ABC"), slice_of("abc")), 0);
	assert_int_equal(text_distance(slice_of("flaw"), slice_of("lawn")), 2);
}

static void test_nearest(void **state)
{
	static const char *const names[] = {"timeout", "max_retries", "strategy", NULL};
	static const char *const none[] = {NULL};

	assert_string_equal(text_nearest("timout", names), "timeout");
	assert_string_equal(text_nearest("max_retrys", names), "max_retries");
	assert_null(text_nearest("completely_else", names));
	assert_null(text_nearest("x", none));
}

static void test_utf8_len(void **state)
{
	static const struct {
		struct slice text;
		size_t len;
	} cases[] = {
		{SLICE_LITERAL(""), 0}, {SLICE_LITERAL("a"), 1}, {SLICE_LITERAL("\0"), 1}, {SLICE_LITERAL("\xc2\x80"), 2},
		{SLICE_LITERAL("\xdf\xbf"), 2}, {SLICE_LITERAL("\xe0\xa0\x80"), 3}, {SLICE_LITERAL("\xed\x9f\xbf"), 3},
		{SLICE_LITERAL("\xf0\x90\x80\x80"), 4}, {SLICE_LITERAL("\xf4\x8f\xbf\xbf"), 4}, {SLICE_LITERAL("\x80"), 0},
		{SLICE_LITERAL("\xc1\xbf"), 0}, {SLICE_LITERAL("\xe0\x9f\xbf"), 0}, {SLICE_LITERAL("\xed\xa0\x80"), 0},
		{SLICE_LITERAL("\xf0\x8f\xbf\xbf"), 0}, {SLICE_LITERAL("\xf4\x90\x80\x80"), 0}, {SLICE_LITERAL("\xf5\x80\x80\x80"), 0},
		{SLICE_LITERAL("\xc2"), 0}, {SLICE_LITERAL("\xe4\xb8"), 0}, {SLICE_LITERAL("\xf0\x9f\x98"), 0},
		{SLICE_LITERAL("\xc2" "a"), 0}, {SLICE_LITERAL("\xff"), 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *exact = memory_alloc(cases[i].text.len);

		memcpy(exact, cases[i].text.data, cases[i].text.len);
		assert_int_equal(text_utf8_len(exact, cases[i].text.len), cases[i].len);
		free(exact);
	}
}

static const struct {
	struct slice text;
	const char *line;
	const char *json;
} escapes[] = {
	{SLICE_LITERAL(""), "", ""},
	{SLICE_LITERAL("plain ~"), "plain ~", "plain ~"},
	{SLICE_LITERAL("a\nb\rc\td"), "a\\x0ab\\x0dc\\x09d", "a\\u000ab\\u000dc\\u0009d"},
	{SLICE_LITERAL("\x1b[2J"), "\\x1b[2J", "\\u001b[2J"},
	{SLICE_LITERAL("\x7f"), "\\x7f", "\\u007f"},
	{SLICE_LITERAL("x\0y"), "x\\x00y", "x\\u0000y"},
	{SLICE_LITERAL("\"\\"), "\"\\", "\\\"\\\\"},
	{SLICE_LITERAL("\xc2\x9b" "31m"), "\\x9b31m", "\\u009b31m"},
	{SLICE_LITERAL("\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80"), "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80", "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80"},
	{SLICE_LITERAL("a\xff" "b\xe4\xb8"), "a\\xffb\\xe4\\xb8", "a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd"},
};

static void test_escape(void **state)
{
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		char out[128];

		assert_int_equal(text_escape(out, sizeof(out), escapes[i].text, TEXT_ESCAPE_LINE), strlen(escapes[i].line));
		assert_string_equal(out, escapes[i].line);
		assert_int_equal(text_escape(out, sizeof(out), escapes[i].text, TEXT_ESCAPE_JSON), strlen(escapes[i].json));
		assert_string_equal(out, escapes[i].json);
	}
}

/* Cut, it is a beginning of the whole, ends in NUL and splits neither a character nor an escape. */
static void test_escape_is_cut_at_a_boundary(void **state)
{
	static const char text[] = "ab\n\xe4\xb8\xad" "c\xff";
	static const char whole[] = "ab\\x0a\xe4\xb8\xad" "c\\xff";
	static const size_t lens[] = {0, 0, 1, 2, 2, 2, 2, 6, 6, 6, 9, 10, 10, 10, 10, 14};

	for (size_t size = 1; size < sizeof(lens) / sizeof(lens[0]); size++) {
		char *out = memory_alloc(size);

		assert_int_equal(text_escape(out, size, SLICE_LITERAL(text), TEXT_ESCAPE_LINE), lens[size]);
		assert_memory_equal(out, whole, lens[size]);
		assert_int_equal(out[lens[size]], 0);
		free(out);
	}
	assert_int_equal(text_escape(NULL, 0, SLICE_LITERAL(text), TEXT_ESCAPE_LINE), 0);
}

static void test_glob(void **state)
{
	static const struct {
		const char *pattern;
		const char *name;
		bool matches;
	} cases[] = {
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true}, {"?", "", false}, {"?", "a", true},
		{"gpt-*", "gpt-4o", true}, {"gpt-*", "gp", false}, {"*-mini", "gpt-4o-mini", true}, {"a*b*c", "aXbYc", true},
		{"a*b*c", "aXbY", false}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"**a", "bba", true}, {"*a*", "xay", true},
		{"[a]", "a", false}, {"a*", "*", false}, {"*", "*", true}, {"a*bc", "abcbc", true}, {"GPT*", "gpt", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(text_glob(slice_of(cases[i].pattern), slice_of(cases[i].name)), cases[i].matches);
}

static void test_glob_is_not_exponential(void **state)
{
	char name[4097];
	char pattern[] = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_false(text_glob(slice_of(pattern), slice_of(name)));
}

static void test_equal_secret(void **state)
{
	assert_true(text_equal_secret(slice_of("abc"), slice_of("abc")));
	assert_true(text_equal_secret(slice_of(""), slice_of("")));
	assert_false(text_equal_secret(slice_of("abc"), slice_of("abd")));
	assert_false(text_equal_secret(slice_of("abc"), slice_of("xbc")));
	assert_false(text_equal_secret(slice_of("abc"), slice_of("ab")));
	assert_false(text_equal_secret(slice_of(""), slice_of("a")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_u64),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_utf8_len),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_is_cut_at_a_boundary),
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_glob_is_not_exponential),
		cmocka_unit_test(test_equal_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
