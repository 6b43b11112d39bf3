/* No payload makes decoding crash or read behind it; what is decoded is encoded again alike. */
#include <stddef.h>
#include <stdint.h>

#include "base/fatal.h"
#include "ipc/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENCODED_MAX (4u << 20)

/* The first byte chooses the schema, the rest is the payload. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct message_row *row =
		size > 0 ? message_row(1 + data[0] % (MSG_TYPE_MAX - 1)) : NULL;
	struct buffer bytes[2];
	struct arena arena;
	struct error err;
	void *message;

	if (!row)
		return 0;
	arena_init(&arena, 4096);
	buffer_init(&bytes[0], ENCODED_MAX);
	buffer_init(&bytes[1], ENCODED_MAX);
	message = arena_alloc(&arena, row->schema->size);
	if (codec_decode(slice_make((const char *)data + 1, size - 1), row->schema, message, &arena,
		    &err)) {
		invariant(codec_encode(&bytes[0], row->schema, message));
		invariant(
			codec_decode(buffer_slice(&bytes[0]), row->schema, message, &arena, &err));
		invariant(codec_encode(&bytes[1], row->schema, message));
		invariant(slice_equal(buffer_slice(&bytes[0]), buffer_slice(&bytes[1])));
	}
	buffer_free(&bytes[0]);
	buffer_free(&bytes[1]);
	arena_free(&arena);
	return 0;
}
