/* Promise: a head that two readers could take for different requests is refused, the same however its bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "http/http_request.h"

static const struct http_limits limits = {
	.request_line_bytes = 8192,
	.header_bytes = 8192,
	.head_bytes = 32768,
	.headers = 100,
	.body_bytes = 1000,
};

/* What a front would answer: the status of a refusal, 0 for an accepted head, WAITING while bytes are missing. */
#define WAITING 1u

struct reading {
	char *bytes; /* exactly as many as were given */
	size_t len;
	size_t searched;
	struct http_request request;
	struct http_verdict verdict;
};

static unsigned read_more(struct reading *reading, struct slice piece)
{
	size_t head;

	reading->bytes = realloc(reading->bytes, reading->len + piece.len + 1);
	memcpy(reading->bytes + reading->len, piece.data, piece.len);
	reading->len += piece.len;
	/* Without the spare byte, so that sanitizers see a step outside. */
	reading->bytes = realloc(reading->bytes, reading->len ? reading->len : 1);
	head = http_head_length(slice_make(reading->bytes, reading->len), &reading->searched, &limits,
		&reading->verdict);
	if (reading->verdict.status != 0 || head == 0)
		return reading->verdict.status != 0 ? reading->verdict.status : WAITING;
	http_request_parse(&reading->request, slice_make(reading->bytes, head), &limits, &reading->verdict);
	return reading->verdict.status;
}

/* Reads a text cut after `first` bytes, the rest in pieces of `step`. */
static unsigned read_split(struct reading *reading, struct slice text, size_t first, size_t step)
{
	unsigned status;

	*reading = (struct reading){.bytes = NULL};
	status = read_more(reading, slice_make(text.data, first));
	for (size_t at = first; status == WAITING && at < text.len; at += step)
		status = read_more(reading,
			slice_make(text.data + at, text.len - at < step ? text.len - at : step));
	if (status > WAITING)
		assert_true(strlen(reading->verdict.error.text) > 10);
	return status;
}

#define GET  "GET / HTTP/1.1\r\n"
#define HOST "Host: localhost:8080\r\n"
#define HEAD GET HOST
#define POST "POST /v1/chat/completions HTTP/1.1\r\n" HOST
#define END  "\r\n"

static const struct {
	unsigned status;
	struct slice text;
} samples[] = {
#define SAMPLE(status, text) {status, {(text), sizeof(text) - 1}}
	SAMPLE(0, HEAD END),
	SAMPLE(0, HEAD END "GET"),
	SAMPLE(0, "GET /v1/models?limit=1 HTTP/1.0\r\n" END),
	SAMPLE(0, "OPTIONS * HTTP/1.1\r\n" HOST END),
	SAMPLE(0, "GET http://example.org/a HTTP/1.1\r\n" HOST END),
	SAMPLE(0, "GET HTTPS://example.org HTTP/1.1\r\n" HOST END),
	SAMPLE(0, HEAD "X-A:\r\nX-B: \t v \t\r\nX-C: \xc3\xa9\r\n" END),
	SAMPLE(0, POST "Content-Length: 1000\r\n" END),
	SAMPLE(0, POST "Content-Length: 0\r\n" END),
	SAMPLE(0, POST "Transfer-Encoding: chunked\r\n" END),
	SAMPLE(0, POST "Transfer-Encoding:CHUNKED \r\n" END),
	SAMPLE(0, POST "Content-Length: 5\r\nExpect: 100-Continue\r\n" END),
	SAMPLE(0, GET "Host: [::1]:8080\r\n" END),
	SAMPLE(0, GET "Host: 127.0.0.1\r\n" END),
	SAMPLE(0, HEAD "Connection: Upgrade\r\nUpgrade: websocket\r\n" END),
	SAMPLE(WAITING, ""),
	SAMPLE(WAITING, HEAD "\r"),
	SAMPLE(WAITING, HEAD),

	/* one length only */
	SAMPLE(400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END),
	SAMPLE(400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END),
	SAMPLE(400, POST "Content-Length: 5\r\nContent-Length: 5\r\n" END),
	SAMPLE(400, POST "Content-Length: 5\r\ncontent-length: 6\r\n" END),
	SAMPLE(400, POST "Content-Length: 5, 5\r\n" END),
	SAMPLE(400, POST "Content-Length: +5\r\n" END),
	SAMPLE(400, POST "Content-Length: -5\r\n" END),
	SAMPLE(400, POST "Content-Length: 5 0\r\n" END),
	SAMPLE(400, POST "Content-Length: 0x5\r\n" END),
	SAMPLE(400, POST "Content-Length: 5_0\r\n" END),
	SAMPLE(400, POST "Content-Length: 5.0\r\n" END),
	SAMPLE(400, POST "Content-Length: 05\r\n" END),
	SAMPLE(400, POST "Content-Length: 00\r\n" END),
	SAMPLE(400, POST "Content-Length: 1234567890123456789\r\n" END),
	SAMPLE(400, POST "Content-Length: 18446744073709551621\r\n" END),
	SAMPLE(400, POST "Content-Length:\r\n" END),
	SAMPLE(400, POST "Content-Length: five\r\n" END),
	SAMPLE(413, POST "Content-Length: 1001\r\n" END),
	SAMPLE(413, POST "Content-Length: 999999999999999999\r\n" END),
	SAMPLE(400, POST "Transfer-Encoding: gzip, chunked\r\n" END),
	SAMPLE(400, POST "Transfer-Encoding: chunked, chunked\r\n" END),
	SAMPLE(400, POST "Transfer-Encoding: chunked, identity\r\n" END),
	SAMPLE(400, POST "Transfer-Encoding: chunked;q=1\r\n" END),
	SAMPLE(400, POST "Transfer-Encoding: \"chunked\"\r\n" END),
	SAMPLE(400, POST "Transfer-Encoding: \x0b" "chunked\r\n" END),
	SAMPLE(400, POST "Transfer-Encoding:\r\n" END),
	SAMPLE(400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END),
	SAMPLE(400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" END),
	SAMPLE(501, POST "Transfer-Encoding: gzip\r\n" END),
	SAMPLE(501, POST "Transfer-Encoding: xchunked\r\n" END),
	SAMPLE(400, "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n" END),

	/* line ends, names, values */
	SAMPLE(400, "GET / HTTP/1.1\nHost: a\n\n"),
	SAMPLE(400, GET "Host: a\n" END),
	SAMPLE(400, HEAD "\n"),
	SAMPLE(400, HEAD "X: a\rb\r\n" END),
	SAMPLE(400, HEAD "X: a\r\r\n" END),
	SAMPLE(400, GET "\rHost: a\r\n" END),
	SAMPLE(400, "GET /\r HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "\r\n" HEAD END),
	SAMPLE(400, "\n" HEAD END),
	SAMPLE(400, " " HEAD END),
	SAMPLE(400, "\x16\x03\x01\x02"),
	SAMPLE(400, HEAD "X: a\r\n b\r\n" END),
	SAMPLE(400, HEAD "X: a\r\n\tb\r\n" END),
	SAMPLE(400, GET " " HOST END),
	SAMPLE(400, GET "\t" HOST END),
	SAMPLE(400, HEAD "X : a\r\n" END),
	SAMPLE(400, HEAD "X\t: a\r\n" END),
	SAMPLE(400, HEAD "X Y: a\r\n" END),
	SAMPLE(400, HEAD ": a\r\n" END),
	SAMPLE(400, HEAD "X\r\n" END),
	SAMPLE(400, HEAD "X(: a\r\n" END),
	SAMPLE(400, HEAD "X\xc3\xa9: a\r\n" END),
	SAMPLE(400, HEAD "X\0: a\r\n" END),
	SAMPLE(400, HEAD "X: a\0b\r\n" END),
	SAMPLE(400, HEAD "X: a\x01\r\n" END),
	SAMPLE(400, HEAD "X: a\x7f\r\n" END),
	SAMPLE(400, HEAD "X: aaaaaaaaaaaaaaaaaaa\x1b" "aaaaaaaaa\r\n" END),

	/* Host and target */
	SAMPLE(400, GET END),
	SAMPLE(400, HEAD HOST END),
	SAMPLE(400, GET "Host:\r\n" END),
	SAMPLE(400, GET "Host: a b\r\n" END),
	SAMPLE(400, GET "Host: a, b\r\n" END),
	SAMPLE(400, GET "Host: user@a\r\n" END),
	SAMPLE(400, GET "Host: a/b\r\n" END),
	SAMPLE(400, GET "Host: a?b\r\n" END),
	SAMPLE(400, GET "Host: a:\r\n" END),
	SAMPLE(400, GET "Host: :80\r\n" END),
	SAMPLE(400, GET "Host: a:b\r\n" END),
	SAMPLE(400, GET "Host: a:80:80\r\n" END),
	SAMPLE(400, GET "Host: a:65536\r\n" END),
	SAMPLE(400, GET "Host: a:000080\r\n" END),
	SAMPLE(400, GET "Host: [::1\r\n" END),
	SAMPLE(400, GET "Host: []\r\n" END),
	SAMPLE(400, GET "Host: [::1]a\r\n" END),
	SAMPLE(400, GET "Host: [fe80::1%eth0]\r\n" END),
	SAMPLE(400, GET "Host: http://a\r\n" END),
	SAMPLE(400, "GET / HTTP/1.0\r\n" HOST HOST END),
	SAMPLE(400, "GET * HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET a HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET ftp://a/ HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET http://u@a/ HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET http:///a HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET http://a/ HTTP/1.1\r\n" END),
	SAMPLE(400, "GET /#a HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET /\xc3\xa9 HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET /a\0b HTTP/1.1\r\n" HOST END),
	SAMPLE(501, "CONNECT a:443 HTTP/1.1\r\n" HOST END),

	/* request line and version */
	SAMPLE(400, "GET /\r\n" HOST END),
	SAMPLE(400, "GET\r\n" HOST END),
	SAMPLE(400, "GET  / HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET /  HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET\t/ HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET / a HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET / HTTP/1.1 \r\n" HOST END),
	SAMPLE(400, "G(T / HTTP/1.1\r\n" HOST END),
	SAMPLE(400, "GET / http/1.1\r\n" HOST END),
	SAMPLE(400, "GET / HTTP/1\r\n" HOST END),
	SAMPLE(400, "GET / HTTP/1.10\r\n" HOST END),
	SAMPLE(400, "GET / HTTP/01.1\r\n" HOST END),
	SAMPLE(400, "GET / ICE/1.1\r\n" HOST END),
	SAMPLE(505, "GET / HTTP/1.2\r\n" HOST END),
	SAMPLE(505, "GET / HTTP/0.9\r\n" HOST END),
	SAMPLE(505, "GET / HTTP/2.0\r\n" HOST END),
	SAMPLE(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	SAMPLE(501, "BREW / HTTP/1.1\r\n" HOST END),
	SAMPLE(501, "get / HTTP/1.1\r\n" HOST END),

	SAMPLE(417, POST "Content-Length: 5\r\nExpect: 200-ok\r\n" END),
	SAMPLE(417, POST "Content-Length: 5\r\nExpect: 100-continue\r\nExpect: x\r\n" END),
#undef SAMPLE
};

static void every_split_is_judged_the_same(void **state)
{
	struct reading reading;

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct slice text = samples[i].text;

		/* The last round is byte by byte. */
		for (size_t first = 0; first <= text.len + 1; first++) {
			unsigned status = first > text.len ? read_split(&reading, text, 0, 1)
							   : read_split(&reading, text, first, text.len + 1);

			free(reading.bytes);
			if (status != samples[i].status)
				print_message("for: %.*s\n", SLICE_ARGS(text));
			assert_int_equal(status, samples[i].status);
		}
	}
}

/* A head of `count` lines of `size` bytes with CRLF, behind a request line of `line` bytes without. */
static unsigned read_sized(size_t line, size_t count, size_t size, const char *end, size_t step)
{
	struct reading reading;
	struct buffer text;
	unsigned status;

	buffer_init(&text, 1 << 20);
	buffer_append_text(&text, "GET /");
	for (size_t i = sizeof("GET / HTTP/1.1") - 1; i < line; i++)
		buffer_append_text(&text, "a");
	buffer_append_text(&text, " HTTP/1.1\r\nHost: a\r\n");
	for (size_t i = 0; i < count; i++) {
		buffer_append_text(&text, "X: ");
		for (size_t used = 5; used < size; used++)
			buffer_append_text(&text, "x");
		buffer_append_text(&text, "\r\n");
	}
	buffer_append_text(&text, end);
	status = read_split(&reading, buffer_slice(&text), 0, step);
	free(reading.bytes);
	buffer_free(&text);
	return status;
}

static void heads_are_bounded(void **state)
{
	static const size_t steps[] = {1, 7, 4096, 1 << 20};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(read_sized(8192, 0, 0, END, steps[i]), 0);
		assert_int_equal(read_sized(8193, 0, 0, END, steps[i]), 414);
		assert_int_equal(read_sized(20, 1, 8194, END, steps[i]), 0);
		assert_int_equal(read_sized(20, 1, 8195, END, steps[i]), 431);
		assert_int_equal(read_sized(20, 99, 100, END, steps[i]), 0);
		assert_int_equal(read_sized(20, 100, 100, END, steps[i]), 431);
		/* "Host: a" and the empty line take 11 bytes. */
		assert_int_equal(read_sized(20, 51, (32768 - 11) / 51, END, steps[i]), 0);
		assert_int_equal(read_sized(20, 51, (32768 - 11) / 51 + 1, END, steps[i]), 431);
		/* Endless: refused before their end is seen. */
		assert_int_equal(read_sized(9000, 0, 0, "", steps[i]), 414);
		assert_int_equal(read_sized(20, 1, 9000, "", steps[i]), 431);
		assert_int_equal(read_sized(20, 10, 5000, "", steps[i]), 431);
	}
}

/* Parses a text that must be good. The request stays until the next call. */
static const struct http_request *parse(const char *text)
{
	static struct reading reading;

	free(reading.bytes);
	assert_int_equal(read_split(&reading, slice_of(text), 0, 1 << 20), 0);
	return &reading.request;
}

static void parts_are_found(void **state)
{
	const struct http_request *request = parse(
		"POST /v1/x?a=b?c HTTP/1.1\r\nHost: h:1\r\nA:  b c \r\nB:\r\na: second\r\nContent-Length: 7\r\n" END);

	(void)state;
	assert_int_equal(request->method, HTTP_METHOD_POST);
	assert_true(slice_is(request->method_name, "POST"));
	assert_true(slice_is(request->target, "/v1/x?a=b?c"));
	assert_true(slice_is(request->path, "/v1/x"));
	assert_true(slice_is(request->query, "a=b?c"));
	assert_true(slice_is(request->host, "h:1"));
	assert_int_equal(request->header_count, 5);
	assert_true(slice_is(http_request_header(request, "a"), "b c"));
	assert_non_null(http_request_header(request, "b").data);
	assert_int_equal(http_request_header(request, "b").len, 0);
	assert_null(http_request_header(request, "c").data);
	assert_int_equal(request->content_length, 7);
	assert_true(request->has_body && !request->chunked && request->keep_alive);
	assert_int_equal(request->version_minor, 1);
	assert_false(request->expects_continue);
}

static void an_absolute_target_is_reduced(void **state)
{
	const struct http_request *request = parse("GET http://real:8/p?q HTTP/1.1\r\nHost: other\r\n" END);

	(void)state;
	assert_true(slice_is(request->host, "real:8"));
	assert_true(slice_is(request->target, "/p?q"));
	assert_true(slice_is(request->path, "/p"));
	assert_true(slice_is(request->query, "q"));
	request = parse("GET http://real?q HTTP/1.1\r\nHost: other\r\n" END);
	assert_true(slice_is(request->path, "/"));
	assert_true(slice_is(request->query, "q"));
	request = parse("GET http://real HTTP/1.1\r\nHost: other\r\n" END);
	assert_true(slice_is(request->path, "/"));
	assert_true(slice_is(request->target, "/"));
	assert_int_equal(request->query.len, 0);
}

static void connection_options_decide_keep_alive(void **state)
{
	static const struct {
		const char *text;
		bool keep_alive;
	} cases[] = {
		{HEAD END, true},
		{HEAD "Connection: close\r\n" END, false},
		{HEAD "Connection: foo ,\tCLOSE\r\n" END, false},
		{HEAD "Connection: keep-alive\r\nConnection: close\r\n" END, false},
		{HEAD "Connection: closed\r\n" END, true},
		{"GET / HTTP/1.0\r\n" END, false},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END, true},
		{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n" END, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(parse(cases[i].text)->keep_alive, cases[i].keep_alive);
}

static void expectations_need_a_body(void **state)
{
	(void)state;
	assert_true(parse(POST "Expect: 100-continue\r\nContent-Length: 1\r\n" END)->expects_continue);
	assert_true(parse(POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n" END)->expects_continue);
	assert_false(parse(POST "Expect: 100-continue\r\nContent-Length: 0\r\n" END)->expects_continue);
	assert_false(parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n" END)->expects_continue);
}

static void methods_are_known(void **state)
{
	(void)state;
	assert_int_equal(parse("HEAD / HTTP/1.1\r\n" HOST END)->method, HTTP_METHOD_HEAD);
	assert_int_equal(parse("DELETE / HTTP/1.1\r\n" HOST END)->method, HTTP_METHOD_DELETE);
	assert_int_equal(parse("PROPFIND / HTTP/1.1\r\n" HOST END)->method, HTTP_METHOD_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_is_judged_the_same),
		cmocka_unit_test(heads_are_bounded),
		cmocka_unit_test(parts_are_found),
		cmocka_unit_test(an_absolute_target_is_reduced),
		cmocka_unit_test(connection_options_decide_keep_alive),
		cmocka_unit_test(expectations_need_a_body),
		cmocka_unit_test(methods_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
