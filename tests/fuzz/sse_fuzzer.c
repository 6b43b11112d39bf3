/* sse_fuzzer.c: any bytes, in any pieces, give the same events and leftover as in one piece. */
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/fatal.h"
#include "http/sse.h"
#include "tests/fuzz/split.h"

#define MAX_EVENT 200u

static void show(struct buffer *out, const struct sse_event *event)
{
	invariant(event->has_data || event->data.len == 0);
	invariant(event->raw.len > 0 && event->raw.len <= MAX_EVENT);
	buffer_append_slice(out, event->raw);
	buffer_printf(out, "<%zu,%zu,%d>", event->name.len, event->data.len, event->has_data);
	buffer_append_slice(out, event->name);
	buffer_append_slice(out, event->data);
}

static void transcribe(struct slice text, uint8_t seed, struct buffer *out)
{
	enum sse_result result = SSE_MORE;
	struct sse_parser sse;
	struct sse_event event;
	struct split split;
	struct slice piece;

	sse_init(&sse, MAX_EVENT);
	split_begin(&split, text, seed);
	while (result != SSE_TOO_LONG && split_next(&split, &piece))
		while ((result = sse_feed(&sse, &piece, &event)) == SSE_EVENT)
			show(out, &event);
	buffer_printf(out, "%d", result);
	if (result != SSE_TOO_LONG && sse_leftover(&sse).len > 0)
		buffer_append_slice(out, sse_leftover(&sse));
	split_end(&split);
	sse_free(&sse);
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
