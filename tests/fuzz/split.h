/* split.h: how a fuzzer's input is cut into pieces. Its first byte seeds the cuts, so that
 * libFuzzer searches through splits as it does through contents. */
#ifndef NEXUS_TESTS_FUZZ_SPLIT_H
#define NEXUS_TESTS_FUZZ_SPLIT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

struct split {
	struct slice rest;
	uint32_t seed;
	char *piece; /* exact, on the heap, so that sanitizers see every step outside it */
};

/* Seed 0 gives everything in one piece. */
static inline void split_begin(struct split *split, struct slice text, uint8_t seed)
{
	*split = (struct split){.rest = text, .seed = seed};
}

/* The next piece, valid until the next call; false when nothing is left. */
static inline bool split_next(struct split *split, struct slice *piece)
{
	size_t len = split->rest.len;

	free(split->piece);
	split->piece = NULL;
	if (len == 0)
		return false;
	if (split->seed != 0) {
		split->seed = split->seed * 1664525u + 1013904223u;
		if (len > 1 + (split->seed >> 24) % 32)
			len = 1 + (split->seed >> 24) % 32;
	}
	split->piece = malloc(len);
	memcpy(split->piece, split->rest.data, len);
	*piece = slice_make(split->piece, len);
	split->rest = slice_make(split->rest.data + len, split->rest.len - len);
	return true;
}

static inline void split_end(struct split *split)
{
	free(split->piece);
}

#endif
