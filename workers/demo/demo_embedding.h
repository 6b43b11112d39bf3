/* demo_embedding.h: vectors that are the same for the same text and near for similar ones. Pure. */
#ifndef NEXUS_WORKERS_DEMO_DEMO_EMBEDDING_H
#define NEXUS_WORKERS_DEMO_DEMO_EMBEDDING_H

#include "base/json_write.h"
#include "base/slice.h"
#include "workers/demo/demo_ask.h"

/* A vector of length one in `dimensions` numbers, from what groups of three letters the text has.
 */
void demo_embedding_make(struct slice text, float *vector, unsigned dimensions);

/* Writes the body of an answer to /v1/embeddings. False when the inputs are not what may be
 * embedded. */
bool demo_embedding_write(
	const struct demo_ask *ask, struct buffer *out, struct demo_refusal *refusal);

#endif
