/* Promise: a chunked body is decoded the same however its bytes are split, and nothing but strict framing is decoded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "http/http_chunked.h"

/* Feeds one piece in memory of its own; adds the body to `seen`, then `!` when bad or `.` and the rest when done. */
static bool feed(struct http_chunked *chunked, struct slice piece, struct buffer *seen)
{
	char *copy = malloc(piece.len ? piece.len : 1);
	struct slice input = slice_make(copy, piece.len);
	enum http_chunked_state state;
	struct slice data;

	memcpy(copy, piece.data, piece.len);
	while ((state = http_chunked_feed(chunked, &input, &data)) == HTTP_CHUNKED_DATA) {
		assert_true(data.len > 0);
		buffer_append_slice(seen, data);
	}
	if (state == HTTP_CHUNKED_BAD) {
		assert_non_null(chunked->problem);
		buffer_append_text(seen, "!");
	} else if (state == HTTP_CHUNKED_DONE) {
		buffer_append_text(seen, ".");
		buffer_append_slice(seen, input);
	}
	free(copy);
	return state == HTTP_CHUNKED_MORE;
}

/* What is seen of a text cut after `first` bytes, the rest in pieces of `step`. Bytes behind the end are added. */
static void decode(struct slice text, size_t first, size_t step, struct buffer *seen)
{
	struct http_chunked chunked;
	bool more;

	buffer_clear(seen);
	http_chunked_init(&chunked);
	more = feed(&chunked, slice_make(text.data, first), seen);
	for (size_t at = first; at < text.len; at += step) {
		struct slice piece = slice_make(text.data + at, text.len - at < step ? text.len - at : step);

		if (more)
			more = feed(&chunked, piece, seen);
		else if (!chunked.problem)
			buffer_append_slice(seen, piece);
	}
}

#define LAST      "0\r\n\r\n"
#define SIXTEEN   "0123456789abcdef"
#define EXT_50    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define EXT_250   EXT_50 EXT_50 EXT_50 EXT_50 EXT_50

static const struct {
	const char *text;
	const char *seen;
} samples[] = {
	{LAST, "."},
	{"5\r\nhello\r\n" LAST, "hello."},
	{"5\r\nhello\r\n1\r\n!\r\n" LAST "GET /", "hello!.GET /"},
	{"A\r\n0123456789\r\na\r\n0123456789\r\n" LAST, "01234567890123456789."},
	{"00000000000000a\r\n0123456789\r\n0000\r\n\r\n", "0123456789."},
	{"000000000000000a\r\n0123456789\r\n" LAST, "0123456789."},
	{"4\r\n\r\n\r\n\r\n" LAST, "\r\n\r\n."},
	{"1;a\r\nx\r\n" LAST, "x."},
	{"1;a=b;c=\"d e\\\"f\";g\r\nx\r\n0;z\r\n\r\n", "x."},
	{"1;" EXT_250 "\r\nx\r\n" LAST, "x."},
	{"0\r\nX-A: b\r\nX-B:\r\n\r\n", "."},
	{"0\r\nX-A: b\r\n\r\nrest", ".rest"},
	{"0\r\nHosts: b\r\nContent-Length-X: 1\r\nTransfer-Encodings: z\r\n\r\n", "."},
	/* sizes */
	{"0000000000000000a\r\n", "!"},
	{"10000000000000000\r\n", "!"},
	{"\r\n", "!"},
	{" 5\r\n", "!"},
	{"5 \r\n", "!"},
	{"5\t\r\n", "!"},
	{"0x5\r\n", "!"},
	{"+5\r\n", "!"},
	{"-5\r\n", "!"},
	{"5_0\r\n", "!"},
	{"g\r\n", "!"},
	{";a\r\n", "!"},
	/* line ends */
	{"5\nhello", "!"},
	{"5\rhello", "!"},
	{"5\r\rhello", "!"},
	{"1\r\nx\n", "x!"},
	{"1\r\nx\r\r", "x!"},
	{"1\r\nxy", "x!"},
	{"1\r\nx5\r\n", "x!"},
	{"0\r\n\n", "!"},
	{"0\r\n\rx", "!"},
	{"0\n\n", "!"},
	/* extensions */
	{"1;\r\n", "!"},
	{"1; a\r\n", "!"},
	{"1 ;a\r\n", "!"},
	{"1;a =b\r\n", "!"},
	{"1;a=\r\n", "!"},
	{"1;a=b c\r\n", "!"},
	{"1;a=\"b\"c\r\n", "!"},
	{"1;a=\"b\r\n", "!"},
	{"1;a=\"b\\\r\n", "!"},
	{"1;a\n", "!"},
	{"1;a\nx\r\n", "!"},
	{"1;a=\"\n\"\r\n", "!"},
	{"1;" EXT_250 "xxxxxxx\r\n", "!"},
	/* trailers */
	{"0\r\nX : b\r\n\r\n", "!"},
	{"0\r\n: b\r\n\r\n", "!"},
	{"0\r\nX\r\n\r\n", "!"},
	{"0\r\n X: b\r\n\r\n", "!"},
	{"0\r\nX: b\r\n c\r\n\r\n", "!"},
	{"0\r\nX: b\n\r\n", "!"},
	{"0\r\nX: b\rc\r\n\r\n", "!"},
	{"0\r\nX: \x01\r\n\r\n", "!"},
	{"0\r\nX\x80: b\r\n\r\n", "!"},
	{"0\r\nContent-Length: 5\r\n\r\n", "!"},
	{"0\r\ntransfer-encoding: chunked\r\n\r\n", "!"},
	{"0\r\nHOST: a\r\n\r\n", "!"},
};

static void every_split_decodes_the_same(void **state)
{
	struct buffer seen;

	(void)state;
	buffer_init(&seen, 100000);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct slice text = slice_of(samples[i].text);

		decode(text, 0, 1, &seen);
		if (strcmp(buffer_text(&seen), samples[i].seen) != 0)
			print_message("for: %s\n", samples[i].text);
		assert_string_equal(buffer_text(&seen), samples[i].seen);
		for (size_t first = 0; first <= text.len; first++) {
			decode(text, first, text.len + 1, &seen);
			assert_string_equal(buffer_text(&seen), samples[i].seen);
		}
	}
	buffer_free(&seen);
}

/* Decodes `count` times `line`, then `end`; the state it comes to. */
static enum http_chunked_state decode_many(const char *start, const char *line, size_t count, const char *end)
{
	struct http_chunked chunked;
	enum http_chunked_state state;
	struct slice input;
	struct slice data;
	struct buffer text;

	buffer_init(&text, 1 << 20);
	buffer_append_text(&text, start);
	for (size_t i = 0; i < count; i++)
		buffer_append_text(&text, line);
	buffer_append_text(&text, end);
	http_chunked_init(&chunked);
	input = buffer_slice(&text);
	while ((state = http_chunked_feed(&chunked, &input, &data)) == HTTP_CHUNKED_DATA)
		;
	buffer_free(&text);
	return state;
}

static void what_is_dropped_is_bounded(void **state)
{
	(void)state;
	/* 128 bytes with the CR of each line: 64 of them are 8 KiB. */
	assert_int_equal(decode_many("", "1;" EXT_50 EXT_50 "xxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n", 64, LAST),
		HTTP_CHUNKED_DONE);
	assert_int_equal(decode_many("", "1;" EXT_50 EXT_50 "xxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n", 65, LAST),
		HTTP_CHUNKED_BAD);
	assert_int_equal(decode_many("0\r\n", "X: 3456789012345\r\n", 455, "\r\n"), HTTP_CHUNKED_DONE);
	assert_int_equal(decode_many("0\r\n", "X: 3456789012345\r\n", 456, "\r\n"), HTTP_CHUNKED_BAD);
	assert_int_equal(decode_many("0\r\nX: ", SIXTEEN, 1000, ""), HTTP_CHUNKED_BAD);
}

static void data_is_not_copied(void **state)
{
	static const char text[] = "5\r\nhello\r\n" LAST;
	struct slice input = slice_of(text);
	struct http_chunked chunked;
	struct slice data;

	(void)state;
	http_chunked_init(&chunked);
	assert_int_equal(http_chunked_feed(&chunked, &input, &data), HTTP_CHUNKED_DATA);
	assert_ptr_equal(data.data, text + 3);
	assert_int_equal(data.len, 5);
	assert_int_equal(http_chunked_feed(&chunked, &input, &data), HTTP_CHUNKED_DONE);
	assert_int_equal(input.len, 0);
}

static void a_huge_size_is_only_a_promise(void **state)
{
	struct slice input = slice_of("ffffffffffffffff\r\nhello");
	struct http_chunked chunked;
	struct slice data;

	(void)state;
	http_chunked_init(&chunked);
	assert_int_equal(http_chunked_feed(&chunked, &input, &data), HTTP_CHUNKED_DATA);
	assert_true(slice_is(data, "hello"));
	assert_true(chunked.left == UINT64_MAX - 5);
	assert_int_equal(http_chunked_feed(&chunked, &input, &data), HTTP_CHUNKED_MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_decodes_the_same),
		cmocka_unit_test(what_is_dropped_is_bounded),
		cmocka_unit_test(data_is_not_copied),
		cmocka_unit_test(a_huge_size_is_only_a_promise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
