/* http_request_fuzzer.c: any bytes, in any pieces, are judged the same, and an accepted request
 * keeps its promises. */
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/fatal.h"
#include "http/http_request.h"
#include "tests/fuzz/split.h"

static const struct http_limits limits = {
	.request_line_bytes = 100,
	.header_bytes = 100,
	.head_bytes = 400,
	.headers = 12,
	.body_bytes = 1000000,
};

static bool lies_in(struct slice part, struct slice head)
{
	return part.data >= head.data && part.data + part.len <= head.data + head.len;
}

static void check(const struct http_request *request, struct slice head)
{
	bool literal_path = slice_is(request->path, "/");

	invariant(request->header_count <= limits.headers);
	invariant(request->content_length <= limits.body_bytes);
	invariant(!request->chunked || request->content_length == 0);
	invariant(request->has_body == (request->chunked || request->content_length > 0));
	invariant(request->path.len > 0 && (literal_path || lies_in(request->path, head)));
	invariant(lies_in(request->query, head) && lies_in(request->method_name, head));
	invariant(request->version_minor == 0 || request->host.len > 0);
	for (size_t i = 0; i < request->header_count; i++) {
		invariant(lies_in(request->headers[i].name, head) &&
			  request->headers[i].name.len > 0);
		invariant(lies_in(request->headers[i].value, head));
		for (size_t at = 0; at < request->headers[i].value.len; at++)
			invariant(!memchr("\r\n", request->headers[i].value.data[at], 3));
	}
}

/* The status of the first head in the text, or 1 when it is incomplete; its length in *head_len. */
static unsigned judge(struct slice text, uint8_t seed, size_t *head_len)
{
	struct http_verdict verdict = {.status = 0};
	struct buffer gathered;
	struct http_request request;
	struct split split;
	struct slice piece;
	size_t searched = 0;

	*head_len = 0;
	buffer_init(&gathered, SIZE_MAX / 2);
	split_begin(&split, text, seed);
	while (verdict.status == 0 && *head_len == 0 && split_next(&split, &piece)) {
		buffer_append_slice(&gathered, piece);
		*head_len = http_head_length(buffer_slice(&gathered), &searched, &limits, &verdict);
	}
	if (verdict.status == 0 && *head_len == 0)
		verdict.status = 1;
	if (verdict.status == 0) {
		struct slice head = slice_make(buffer_data(&gathered), *head_len);

		if (http_request_parse(&request, head, &limits, &verdict))
			check(&request, head);
		else
			invariant(verdict.status >= 400);
	}
	split_end(&split);
	buffer_free(&gathered);
	return verdict.status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text;
	unsigned status;
	size_t whole;
	size_t cut;

	if (size < 1)
		return 0;
	text = slice_make((const char *)data + 1, size - 1);
	status = judge(text, 0, &whole);
	invariant(judge(text, data[0] ? data[0] : 1, &cut) == status);
	invariant(whole == cut);
	return 0;
}
