/* http_chunked_fuzzer.c: any bytes, in any pieces, decode to the same body and end in the same
 * place. */
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/fatal.h"
#include "http/http_chunked.h"
#include "tests/fuzz/split.h"

/* The body, how it ended, and how many bytes of the text it took. */
static void transcribe(struct slice text, uint8_t seed, struct buffer *out)
{
	enum http_chunked_state state = HTTP_CHUNKED_MORE;
	struct http_chunked chunked;
	struct split split;
	struct slice piece;
	struct slice body;
	size_t left = 0;

	http_chunked_init(&chunked);
	split_begin(&split, text, seed);
	while (state == HTTP_CHUNKED_MORE && split_next(&split, &piece)) {
		while ((state = http_chunked_feed(&chunked, &piece, &body)) == HTTP_CHUNKED_DATA) {
			invariant(body.len > 0);
			buffer_append_slice(out, body);
		}
		left = piece.len + split.rest.len;
	}
	invariant((state == HTTP_CHUNKED_BAD) == (chunked.problem != NULL));
	buffer_printf(out, "%d %zu %s", state, left, chunked.problem ? chunked.problem : "");
	split_end(&split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer whole;
	struct buffer cut;
	struct slice text;

	if (size < 1)
		return 0;
	text = slice_make((const char *)data + 1, size - 1);
	buffer_init(&whole, SIZE_MAX / 2);
	buffer_init(&cut, SIZE_MAX / 2);
	transcribe(text, 0, &whole);
	transcribe(text, data[0] ? data[0] : 1, &cut);
	invariant(slice_equal(buffer_slice(&whole), buffer_slice(&cut)));
	buffer_free(&whole);
	buffer_free(&cut);
	return 0;
}
