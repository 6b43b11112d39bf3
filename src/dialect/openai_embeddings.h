/* openai_embeddings.h: giving a client the base64 it asked for when the server answered with
 * numbers. */
#ifndef NEXUS_DIALECT_OPENAI_EMBEDDINGS_H
#define NEXUS_DIALECT_OPENAI_EMBEDDINGS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

/* Appends `answer` to `out` with each data[].embedding that is an array of numbers written as
 * base64 of its little-endian float32; every other byte stays as it is, and so does an embedding
 * that is base64 already. False when the answer is not JSON, holds something else than numbers
 * there, or does not fit; `out` is then as before. */
bool openai_embeddings_to_base64(struct slice answer, struct buffer *out, struct error *err);

#endif
