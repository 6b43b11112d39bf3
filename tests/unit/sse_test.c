/* Promise: an event stream gives the same events, as the WHATWG standard reads them, however its bytes are split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "http/sse.h"

#define MAX_EVENT 64u

/* A transcript shows each event as raw<name|data> with data `-` when there is none; then ! too long, or ~leftover. */
static void show(struct buffer *out, const struct sse_event *event)
{
	buffer_append_slice(out, event->raw);
	buffer_append_text(out, "<");
	buffer_append_slice(out, event->name);
	buffer_append_text(out, "|");
	buffer_append_slice(out, event->has_data ? event->data : slice_of("-"));
	buffer_append_text(out, ">");
}

/* Feeds one piece, in memory of its own so that sanitizers see every step outside it. */
static bool feed(struct sse_parser *sse, struct slice piece, struct buffer *out)
{
	char *copy = malloc(piece.len ? piece.len : 1);
	struct slice input = slice_make(copy, piece.len);
	struct sse_event event;
	enum sse_result result;

	memcpy(copy, piece.data, piece.len);
	while ((result = sse_feed(sse, &input, &event)) == SSE_EVENT)
		show(out, &event);
	if (result == SSE_TOO_LONG)
		buffer_append_text(out, "!");
	else
		assert_int_equal(input.len, 0);
	free(copy);
	return result == SSE_MORE;
}

static void finish(struct sse_parser *sse, bool good, struct buffer *out)
{
	if (good && sse_leftover(sse).len > 0) {
		buffer_append_text(out, "~");
		buffer_append_slice(out, sse_leftover(sse));
	}
	sse_free(sse);
}

/* The transcript of `text` cut after `first` bytes, the rest in pieces of `step`. */
static void transcribe(struct slice text, size_t first, size_t step, struct buffer *out)
{
	struct sse_parser sse;
	bool good;

	buffer_clear(out);
	sse_init(&sse, MAX_EVENT);
	good = feed(&sse, slice_make(text.data, first), out);
	for (size_t at = first; good && at < text.len; at += step)
		good = feed(&sse, slice_make(text.data + at, text.len - at < step ? text.len - at : step), out);
	finish(&sse, good, out);
}

struct sample {
	const char *text;
	const char *transcript;
};

static const struct sample samples[] = {
	{"data: a\n\n", "data: a\n\n<|a>"},
	{"data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\n\r\n<|a>data: b\r\n\r\n<|b>"},
	{"data: a\r\rdata: b\r\r", "data: a\r\r<|a>data: b\r\r<|b>"},
	{"data: a\r\n\ndata: b\n\r\ndata: c\n\n", "data: a\r\n\n<|a>data: b\n\r\n<|b>data: c\n\n<|c>"},
	{"data: a\r\r\ndata: b\n\n", "data: a\r\r<|a>data: b\n\n<|b>"},
	{"data: a\n\rdata: b\n\n", "data: a\n\r<|a>data: b\n\n<|b>"},
	{"data:a\n\n", "data:a\n\n<|a>"},
	{"data:  a\n\n", "data:  a\n\n<| a>"},
	{"data: a: b\n\n", "data: a: b\n\n<|a: b>"},
	{"data\n\n", "data\n\n<|>"},
	{"data\ndata\n\n", "data\ndata\n\n<|\n>"},
	{"data: a\ndata: b\ndata: c\n\n", "data: a\ndata: b\ndata: c\n\n<|a\nb\nc>"},
	{"data: a\r\ndata: b\r\n\r\ndata: c\n\n", "data: a\r\ndata: b\r\n\r\n<|a\nb>data: c\n\n<|c>"},
	{"event: ping\ndata: {}\n\n", "event: ping\ndata: {}\n\n<ping|{}>"},
	{"event: a\nevent: b\ndata: 1\n\n", "event: a\nevent: b\ndata: 1\n\n<b|1>"},
	{"event: only\n\n", "event: only\n\n<only|->"},
	{": comment\n\n", ": comment\n\n<|->"},
	{":\n\ndata: a\n\n", ":\n\n<|->data: a\n\n<|a>"},
	{": x\ndata: a\n: y\n\n", ": x\ndata: a\n: y\n\n<|a>"},
	{"id: 7\nretry: 10\nother: z\ndatax: 1\ndata: a\n\n", "id: 7\nretry: 10\nother: z\ndatax: 1\ndata: a\n\n<|a>"},
	{" data: a\n\n", " data: a\n\n<|->"},
	{"Data: a\n\n", "Data: a\n\n<|->"},
	{"\xef\xbb\xbf" "data: a\n\n", "\xef\xbb\xbf" "data: a\n\n<|a>"},
	{"data: a\n\n\xef\xbb\xbf" "data: b\n\n", "data: a\n\n<|a>\xef\xbb\xbf" "data: b\n\n<|->"},
	{"\n\ndata: a\n\n\n\n", "\n<|->\n<|->data: a\n\n<|a>\n<|->\n<|->"},
	{"data: \xe2\x82\xac\xf0\x9f\x98\x80\n\n", "data: \xe2\x82\xac\xf0\x9f\x98\x80\n\n<|\xe2\x82\xac\xf0\x9f\x98\x80>"},
	{"data: a\n\ndata: b", "data: a\n\n<|a>~data: b"},
	{"data: a\n\ndata: b\n", "data: a\n\n<|a>~data: b\n"},
	{"data: a\r\n\r", "~data: a\r\n\r"},
	{"{\"error\":{}}", "~{\"error\":{}}"},
	{"", ""},
	/* 64 bytes are held, 65 are not. */
	{"data: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\n",
		"data: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\n"
		"<|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>"},
	{"data: a\n\ndata: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\ndata: b\n\n", "data: a\n\n<|a>!"},
	{"data: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "!"},
	{"data: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\ndata: aaaaaaaaaaaaaaaa\r\n\r\ndata: b\n\n",
		"data: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\ndata: aaaaaaaaaaaaaaaa\r\n\r\n"
		"<|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\naaaaaaaaaaaaaaaa>data: b\n\n<|b>"},
};

static void every_split_gives_the_standards_events(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, 100000);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct slice text = slice_of(samples[i].text);

		transcribe(text, 0, 1, &out);
		assert_string_equal(buffer_text(&out), samples[i].transcript);
		for (size_t first = 0; first <= text.len; first++) {
			transcribe(text, first, text.len + 1, &out);
			assert_string_equal(buffer_text(&out), samples[i].transcript);
		}
	}
	buffer_free(&out);
}

static void whole_events_are_not_copied(void **state)
{
	static const char text[] = "event: e\ndata: abc\n\n: c\n\ndata: d\n\n";
	struct slice input = slice_of(text);
	struct sse_parser sse;
	struct sse_event event;

	(void)state;
	sse_init(&sse, MAX_EVENT);
	assert_int_equal(sse_feed(&sse, &input, &event), SSE_EVENT);
	assert_ptr_equal(event.raw.data, text);
	assert_ptr_equal(event.name.data, text + 7);
	assert_ptr_equal(event.data.data, text + 15);
	assert_int_equal(sse_feed(&sse, &input, &event), SSE_EVENT);
	assert_int_equal(sse_feed(&sse, &input, &event), SSE_EVENT);
	assert_int_equal(sse_feed(&sse, &input, &event), SSE_MORE);
	assert_null(sse.pending.memory);
	assert_null(sse.joined.memory);
	sse_free(&sse);
}

static void nothing_is_held_behind_a_split_event(void **state)
{
	struct slice first = slice_of("data: a");
	struct slice rest = slice_of("bc\n\ndata: d\n\n");
	struct sse_parser sse;
	struct sse_event event;

	(void)state;
	sse_init(&sse, MAX_EVENT);
	assert_int_equal(sse_feed(&sse, &first, &event), SSE_MORE);
	assert_int_equal(sse_feed(&sse, &rest, &event), SSE_EVENT);
	assert_true(slice_is(event.data, "abc"));
	assert_int_equal(sse_feed(&sse, &rest, &event), SSE_EVENT);
	assert_null(sse.pending.memory);
	assert_int_equal(sse_leftover(&sse).len, 0);
	sse_free(&sse);
}

static void too_long_stays_too_long(void **state)
{
	char text[MAX_EVENT + 1];
	struct slice input = slice_make(text, sizeof(text));
	struct slice next = slice_of("\n\ndata: a\n\n");
	struct sse_parser sse;
	struct sse_event event;

	(void)state;
	memset(text, 'x', sizeof(text));
	sse_init(&sse, MAX_EVENT);
	assert_int_equal(sse_feed(&sse, &input, &event), SSE_TOO_LONG);
	assert_int_equal(sse_feed(&sse, &next, &event), SSE_TOO_LONG);
	sse_free(&sse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_gives_the_standards_events),
		cmocka_unit_test(whole_events_are_not_copied),
		cmocka_unit_test(nothing_is_held_behind_a_split_event),
		cmocka_unit_test(too_long_stays_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
