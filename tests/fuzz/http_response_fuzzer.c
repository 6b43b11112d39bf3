/* http_response_fuzzer.c: any bytes, in any pieces, read as the same response or are refused at the
 * same point. */
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/fatal.h"
#include "http/http_response.h"
#include "tests/fuzz/split.h"

struct reader {
	struct http_response_parser *parser;
	struct buffer seen;
};

static bool saw_head(void *owner)
{
	struct reader *reader = owner;
	struct http_response_parser *parser = reader->parser;

	buffer_printf(&reader->seen, "%u %zu %ju ", http_response_status(parser),
		http_response_header_count(parser),
		(uintmax_t)http_response_content_length(parser));
	for (size_t i = 0; i < http_response_header_count(parser); i++) {
		struct http_header header = http_response_header_at(parser, i);

		invariant(header.name.len > 0 && !memchr(header.name.data, '\r', header.name.len));
		buffer_append_slice(&reader->seen, header.name);
		buffer_append_slice(&reader->seen, header.value);
	}
	return true;
}

static bool saw_body(void *owner, struct slice piece)
{
	struct reader *reader = owner;

	invariant(piece.len > 0);
	return buffer_append_slice(&reader->seen, piece);
}

static void saw_end(void *owner)
{
	struct reader *reader = owner;

	buffer_append_text(&reader->seen, "end");
}

static void transcribe(struct slice text, uint8_t seed, struct buffer *out)
{
	static const struct http_response_events events = {saw_head, saw_body, saw_end};
	struct reader reader = {.parser = NULL};
	struct error err = {""};
	struct split split;
	struct slice piece;
	bool good = true;

	reader.parser = http_response_new(&events, &reader);
	buffer_init(&reader.seen, SIZE_MAX / 2);
	split_begin(&split, text, seed);
	while (good && split_next(&split, &piece))
		good = http_response_feed(reader.parser, piece, &err);
	split_end(&split);
	if (good)
		good = http_response_finish(reader.parser, &err);
	buffer_append_slice(out, buffer_slice(&reader.seen));
	buffer_printf(
		out, "%d%d%s", good, http_response_keep_alive(reader.parser), good ? "" : err.text);
	buffer_free(&reader.seen);
	http_response_free(&reader.parser);
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
