/* codec.h: messages to msgpack and back. The only room that knows msgpack. Decoding trusts nothing:
 * a wrong type, an over-long string or list and a short array are errors that name the field. */
#ifndef NEXUS_IPC_CODEC_H
#define NEXUS_IPC_CODEC_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "ipc/message.h"

/* Appends the payload of `message` (a struct msg_* of that schema). A string or list over its bound
 * is our own broken invariant. False when `out` would pass its limit. */
bool codec_encode(struct buffer *out, const struct schema *schema, const void *message);

/* Decodes into `message` (schema->size bytes). Strings and lists are copied into `arena`. */
bool codec_decode(struct slice payload, const struct schema *schema, void *message,
	struct arena *arena, struct error *err);

#endif
