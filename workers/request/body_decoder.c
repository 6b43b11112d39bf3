/* body_decoder.c: zlib's inflate behind two functions. */
#include "workers/request/body_decoder.h"

#include <stdint.h>
#include <zlib.h>

#include "base/fatal.h"
#include "base/memory.h"

#define PIECE_BYTES 16384u
/* Window bits that accept both gzip and zlib framing (zlib.h, inflateInit2). */
#define ANY_FRAMING (15 + 32)

struct body_decoder {
	z_stream stream;
	bool ended;
	bool more; /* the last piece was full: there may be more without further input */
	unsigned char piece[PIECE_BYTES];
};

struct body_decoder *body_decoder_new(struct slice encoding, struct error *err)
{
	struct body_decoder *decoder;

	if (!slice_is_nocase(encoding, "gzip") && !slice_is_nocase(encoding, "x-gzip") &&
		!slice_is_nocase(encoding, "deflate")) {
		error_set(err, "compressed its answer in a way that was not asked for");
		return NULL;
	}
	decoder = memory_zalloc(sizeof(*decoder));
	if (inflateInit2(&decoder->stream, ANY_FRAMING) != Z_OK)
		panic("inflateInit2 failed");
	return decoder;
}

void body_decoder_free(struct body_decoder **decoder)
{
	if (!*decoder)
		return;
	inflateEnd(&(*decoder)->stream);
	memory_free_at(decoder);
}

bool body_decoder_feed(struct body_decoder *decoder, struct slice *input, struct slice *piece,
	size_t max, struct error *err)
{
	z_stream *stream = &decoder->stream;
	int result;

	*piece = slice_make(NULL, 0);
	if (decoder->ended || (input->len == 0 && !decoder->more)) {
		*input = *piece;
		return true;
	}
	stream->next_in = (unsigned char *)(uintptr_t)input->data;
	stream->avail_in = (unsigned)input->len;
	stream->next_out = decoder->piece;
	stream->avail_out = PIECE_BYTES;
	result = inflate(stream, Z_SYNC_FLUSH);
	if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
		return error_set(err, "sent corrupt compressed data");
	decoder->ended = result == Z_STREAM_END;
	if (stream->total_out > max)
		return error_set(err, "sent compressed data that grows over %zu bytes", max);
	*input = slice_make((const char *)stream->next_in, stream->avail_in);
	*piece = slice_make((const char *)decoder->piece, PIECE_BYTES - stream->avail_out);
	decoder->more = stream->avail_out == 0;
	return true;
}
