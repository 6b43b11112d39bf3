/* Promise: what http_head writes is one valid head or chunk, whatever bytes it is given as values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "http/http_error.h"
#include "http/http_head.h"

static void writes_heads(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, 4096);
	assert_true(http_head_status(&out, 502));
	assert_true(http_head_add_text(&out, "Content-Type", "application/json"));
	assert_true(http_head_add_u64(&out, "Content-Length", 0));
	assert_true(http_head_add_u64(&out, "X-Large", UINT64_MAX));
	assert_true(http_head_end(&out));
	assert_string_equal(buffer_text(&out),
		"HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\nContent-Length: 0\r\n"
		"X-Large: 18446744073709551615\r\n\r\n");
	buffer_clear(&out);
	assert_true(http_head_request(&out, "POST", slice_of("/v1/chat/completions?a=b")));
	assert_true(http_head_end(&out));
	assert_string_equal(buffer_text(&out), "POST /v1/chat/completions?a=b HTTP/1.1\r\n\r\n");
	buffer_free(&out);
}

static void no_value_adds_a_line(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, 4096);
	assert_true(http_head_add(&out, "X-A", SLICE_LITERAL("a\r\nX-Evil: 1\0\x7f\x1b[2J\xc3\xa9")));
	assert_string_equal(buffer_text(&out), "X-A: aX-Evil: 1[2J\xc3\xa9\r\n");
	buffer_clear(&out);
	assert_true(http_head_request(&out, "GET", slice_of("/a HTTP/1.1\r\nX-Evil: 1\r\n\r\n")));
	assert_string_equal(buffer_text(&out), "GET /aHTTP/1.1X-Evil:1 HTTP/1.1\r\n");
	buffer_free(&out);
}

static void chunks_get_their_size(void **state)
{
	struct buffer out;
	size_t mark;

	(void)state;
	buffer_init(&out, 100000);
	assert_true(buffer_append_text(&out, "head"));
	assert_true(http_chunk_open(&out, &mark));
	assert_true(http_chunk_close(&out, mark));
	assert_string_equal(buffer_text(&out), "head");
	assert_true(http_chunk_open(&out, &mark));
	for (int i = 0; i < 0x1234; i++)
		assert_true(buffer_append(&out, "x", 1));
	assert_true(http_chunk_close(&out, mark));
	assert_true(http_chunk_last(&out));
	assert_memory_equal(buffer_data(&out), "head0001234\r\nxxx", 16);
	assert_int_equal(buffer_len(&out), 4 + 9 + 0x1234 + 2 + 5);
	assert_memory_equal(buffer_data(&out) + buffer_len(&out) - 10, "xxx\r\n0\r\n\r\n", 10);
	buffer_free(&out);
}

static void a_full_buffer_is_told(void **state)
{
	struct buffer out;
	size_t mark;

	(void)state;
	buffer_init(&out, 16);
	assert_false(http_head_status(&out, 200));
	assert_false(http_head_request(&out, "GET", slice_of("/v1/models")));
	assert_true(http_chunk_open(&out, &mark));
	assert_true(buffer_append_text(&out, "1234567"));
	assert_false(http_chunk_close(&out, mark));
	assert_false(http_error_body(&out, HTTP_ERROR_BUSY, slice_of("busy"), NULL, slice_of(NULL)));
	buffer_free(&out);
}

static void errors_have_all_four_keys(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, 4096);
	assert_true(http_error_body(&out, HTTP_ERROR_MODEL_NOT_FOUND, slice_of("no \"x\""), "model",
		slice_of(NULL)));
	assert_string_equal(buffer_text(&out),
		"{\"error\":{\"message\":\"no \\\"x\\\"\",\"type\":\"invalid_request_error\","
		"\"param\":\"model\",\"code\":\"model_not_found\"}}");
	buffer_clear(&out);
	assert_true(http_error_body(&out, HTTP_ERROR_BAD_REQUEST, slice_of("m"), NULL, slice_of("{\"a\":1}")));
	assert_string_equal(buffer_text(&out),
		"{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"param\":null,"
		"\"code\":null,\"context\":{\"a\":1}}}");
	buffer_free(&out);
}

static void front_statuses_have_rows(void **state)
{
	static const unsigned statuses[] = {400, 408, 413, 414, 417, 431, 501, 505};

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		const struct http_error_row *row = &http_error_table[http_error_of_status(statuses[i])];

		assert_int_equal(row->status, statuses[i]);
	}
	for (int id = 0; id < HTTP_ERROR_COUNT; id++)
		assert_string_not_equal(http_status_text(http_error_table[id].status), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_heads),
		cmocka_unit_test(no_value_adds_a_line),
		cmocka_unit_test(chunks_get_their_size),
		cmocka_unit_test(a_full_buffer_is_told),
		cmocka_unit_test(errors_have_all_four_keys),
		cmocka_unit_test(front_statuses_have_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
