/* Promise: a backend's answer is read the same however its bytes are split, and refused when its framing is in doubt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_response.h"

/* What a reader saw, as text: H<status>(<content-type>) then the body, then . when complete. */
struct reader {
	struct http_response_parser *parser;
	struct buffer seen;
	bool stop_at_body;
};

static bool saw_head(void *owner)
{
	struct reader *reader = owner;
	struct slice type = http_response_header(reader->parser, "content-type");

	return buffer_printf(&reader->seen, "H%u(%.*s)", http_response_status(reader->parser),
		SLICE_ARGS(type));
}

static bool saw_body(void *owner, struct slice piece)
{
	struct reader *reader = owner;

	assert_true(piece.len > 0);
	return !reader->stop_at_body && buffer_append_slice(&reader->seen, piece);
}

static void saw_end(void *owner)
{
	struct reader *reader = owner;

	buffer_append_text(&reader->seen, http_response_keep_alive(reader->parser) ? ".+" : ".");
}

static const struct http_response_events events = {saw_head, saw_body, saw_end};

static void reader_open(struct reader *reader)
{
	*reader = (struct reader){.parser = http_response_new(&events, reader)};
	buffer_init(&reader->seen, 1 << 20);
}

static void reader_close(struct reader *reader)
{
	http_response_free(&reader->parser);
	assert_null(reader->parser);
	buffer_free(&reader->seen);
}

static bool feed(struct reader *reader, struct slice piece)
{
	char *copy = malloc(piece.len ? piece.len : 1);
	struct error err = {""};
	bool good;

	memcpy(copy, piece.data, piece.len);
	good = http_response_feed(reader->parser, slice_make(copy, piece.len), &err);
	if (!good) {
		assert_true(strlen(err.text) > 20);
		buffer_append_text(&reader->seen, "!");
	}
	free(copy);
	return good;
}

/* Feeds `first` bytes, then the rest in pieces of `step`, then the end of the connection. */
static void read_split(struct reader *reader, struct slice text, size_t first, size_t step)
{
	bool good = feed(reader, slice_make(text.data, first));
	struct error err;

	for (size_t at = first; good && at < text.len; at += step)
		good = feed(reader, slice_make(text.data + at, text.len - at < step ? text.len - at : step));
	if (good && !http_response_finish(reader->parser, &err))
		buffer_append_text(&reader->seen, "!cut");
}

struct sample {
	const char *text;
	const char *seen;
};

#define OK         "HTTP/1.1 200 OK\r\n"
#define CHUNKED    OK "Transfer-Encoding: chunked\r\n\r\n"
#define LENGTH(n)  OK "Content-Length: " n "\r\n\r\n"

static const struct sample samples[] = {
	{OK "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", "H200(text/plain)hello.+"},
	{LENGTH("0"), "H200().+"},
	{"HTTP/1.1 404 \r\nContent-Length: 1\r\n\r\nx", "H404()x.+"},
	{"HTTP/1.1 429\r\nContent-Length: 1\r\n\r\nx", "H429()x.+"},
	{"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "H200()x."},
	{"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", "H200()x.+"},
	{OK "Connection: close\r\nContent-Length: 1\r\n\r\nx", "H200()x."},
	{OK "Connection: a, Close\r\nContent-Length: 1\r\n\r\nx", "H200()x."},
	{OK "\r\nuntil the end", "H200()until the end."},
	{"HTTP/1.1 204 No Content\r\n\r\n", "H204().+"},
	{"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "H304().+"},
	{CHUNKED "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n", "H200()hello world.+"},
	{CHUNKED "000005\r\nhello\r\n0\r\nX-T: 1\r\n\r\n", "H200()hello.+"},
	{OK "Transfer-Encoding: ChunkeD\r\n\r\n0\r\n\r\n", "H200().+"},
	{"HTTP/1.1 100 Continue\r\n\r\n" LENGTH("1") "x", "H200()x.+"},
	{"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" LENGTH("1") "x", "H200()x.+"},
	/* cut */
	{"", "!cut"},
	{OK, "!cut"},
	{LENGTH("5") "hell", "H200()hell!cut"},
	{CHUNKED "5\r\nhello\r\n", "H200()hello!cut"},
	{CHUNKED "5\r\nhello\r\n0\r\n", "H200()hello!cut"},
	{"HTTP/1.1 100 Continue\r\n\r\n", "!cut"},
	/* refused */
	{OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "!"},
	{OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "!"},
	{LENGTH("5, 5"), "!"},
	{LENGTH("+5"), "!"},
	{LENGTH("-1"), "!"},
	{LENGTH("0x5"), "!"},
	{LENGTH("05"), "!"},
	{LENGTH(""), "!"},
	{LENGTH("1234567890123456789"), "!"},
	{OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "!"},
	{OK "Transfer-Encoding: gzip\r\n\r\n", "!"},
	{OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "!"},
	{"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "!"},
	{CHUNKED "5\nhello\r\n", "H200()!"},
	{CHUNKED "5\r\nhellooo", "H200()hello!"},
	{CHUNKED "5 \r\nhello\r\n", "H200()!"},
	{CHUNKED "x\r\n", "H200()!"},
	{CHUNKED "0\r\nContent-Length: 5\r\n\r\n", "H200()!"},
	{OK "A: b\r\n folded\r\nContent-Length: 0\r\n\r\n", "!"},
	{OK "A : b\r\n\r\n", "!"},
	{OK "A: b\n\r\n\r\n", "!"},
	{"HTTP/1.1 200 OK\nA: b\r\n\r\n", "!"},
	{OK "A: b\rc\r\n\r\n", "!"},
	{OK "A: b\x01\r\n\r\n", "!"},
	{OK ": b\r\n\r\n", "!"},
	{"HTTP/1.1 2000 OK\r\n\r\n", "!"},
	{"HTTP/1.1 20 OK\r\n\r\n", "!"},
	{"HTTP/1.1 099 No\r\n\r\n", "!"},
	{"HTTP/1.1 600 No\r\n\r\n", "!"},
	{"HTTP/2.0 200 OK\r\n\r\n", "!"},
	{"HTTP/1.1  200 OK\r\n\r\n", "!"},
	{"ICY 200 OK\r\n\r\n", "!"},
	{"\r\nHTTP/1.1 200 OK\r\n\r\n", "!"},
	{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "!"},
	{"HTTP/1.1 100 Continue\r\nContent-Length: 1\r\n\r\n", "!"},
};

static void assert_seen(struct reader *reader, const char *expected, const char *text)
{
	const char *seen = buffer_text(&reader->seen);

	if (strcmp(seen, expected) != 0)
		print_message("for: %s\n", text);
	assert_string_equal(seen, expected);
}

static void every_split_reads_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct slice text = slice_of(samples[i].text);

		for (size_t first = 0; first <= text.len + 1; first++) {
			struct reader reader;

			reader_open(&reader);
			/* The last round is byte by byte. */
			if (first > text.len)
				read_split(&reader, text, 0, 1);
			else
				read_split(&reader, text, first, text.len + 1);
			assert_seen(&reader, samples[i].seen, samples[i].text);
			reader_close(&reader);
		}
	}
}

static void bytes_behind_the_end_spoil_the_connection(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader);
	assert_true(feed(&reader, slice_of(LENGTH("1") "xy")));
	assert_string_equal(buffer_text(&reader.seen), "H200()x.");
	assert_false(http_response_keep_alive(reader.parser));
	reader_close(&reader);

	reader_open(&reader);
	assert_true(feed(&reader, slice_of(LENGTH("1") "x")));
	assert_true(http_response_keep_alive(reader.parser));
	assert_true(feed(&reader, slice_of("H")));
	assert_false(http_response_keep_alive(reader.parser));
	assert_string_equal(buffer_text(&reader.seen), "H200()x.+");
	reader_close(&reader);
}

static void a_reset_begins_anew(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader);
	assert_false(http_response_has_started(reader.parser));
	for (int round = 0; round < 3; round++) {
		assert_true(feed(&reader, slice_of(OK "A: 1\r\nB: \r\nContent-Length: 1\r\n\r\nx")));
		assert_true(http_response_is_complete(reader.parser));
		assert_int_equal(http_response_content_length(reader.parser), 1);
		assert_int_equal(http_response_header_count(reader.parser), 3);
		assert_true(slice_is(http_response_header_at(reader.parser, 0).value, "1"));
		assert_true(slice_is(http_response_header(reader.parser, "a"), "1"));
		assert_non_null(http_response_header(reader.parser, "b").data);
		assert_null(http_response_header(reader.parser, "c").data);
		http_response_reset(reader.parser);
		assert_false(http_response_has_started(reader.parser));
		assert_int_equal(http_response_header_count(reader.parser), 0);
		assert_true(http_response_content_length(reader.parser) == UINT64_MAX);
	}
	reader_close(&reader);
}

static void a_reader_that_stops_is_not_called_again(void **state)
{
	struct reader reader;

	(void)state;
	reader_open(&reader);
	reader.stop_at_body = true;
	assert_false(feed(&reader, slice_of(LENGTH("2") "x")));
	assert_false(feed(&reader, slice_of("x")));
	assert_string_equal(buffer_text(&reader.seen), "H200()!!");
	reader_close(&reader);
}

/* Feeds `count` header lines of `size` bytes; returns whether they were taken. */
static bool takes_headers(size_t count, size_t size)
{
	struct reader reader;
	struct buffer text;
	bool taken;

	reader_open(&reader);
	buffer_init(&text, 1 << 20);
	buffer_append_text(&text, OK);
	for (size_t i = 0; i < count; i++) {
		buffer_append_text(&text, "A: ");
		for (size_t used = 5; used < size; used++)
			buffer_append_text(&text, "x");
		buffer_append_text(&text, "\r\n");
	}
	buffer_append_text(&text, "\r\n");
	taken = feed(&reader, buffer_slice(&text));
	buffer_free(&text);
	reader_close(&reader);
	return taken;
}

static void heads_are_bounded(void **state)
{
	(void)state;
	assert_true(takes_headers(200, 10));
	assert_false(takes_headers(201, 10));
	assert_true(takes_headers(1, 65534));
	assert_false(takes_headers(1, 65535));
	assert_false(takes_headers(2, 40000));
}

static void interim_heads_are_bounded(void **state)
{
	struct reader reader;
	bool good = true;
	int heads = 0;

	(void)state;
	reader_open(&reader);
	for (; good && heads < 100; heads++)
		good = feed(&reader, slice_of("HTTP/1.1 102 Processing\r\n\r\n"));
	assert_int_equal(heads, 17);
	reader_close(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_reads_the_same),
		cmocka_unit_test(bytes_behind_the_end_spoil_the_connection),
		cmocka_unit_test(a_reset_begins_anew),
		cmocka_unit_test(a_reader_that_stops_is_not_called_again),
		cmocka_unit_test(heads_are_bounded),
		cmocka_unit_test(interim_heads_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
