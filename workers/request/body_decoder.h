/* body_decoder.h: undoing a compression that was not asked for. Nexus asks backends for identity;
 * one that compresses all the same is decoded (gzip, deflate) with a bound on what comes out. zlib
 * is known here only. */
#ifndef NEXUS_REQUEST_BODY_DECODER_H
#define NEXUS_REQUEST_BODY_DECODER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"

struct body_decoder;

/* For a Content-Encoding; NULL with err when it cannot be decoded. "identity" and "" need no
 * decoder. */
struct body_decoder *body_decoder_new(struct slice encoding, struct error *err);
void body_decoder_free(struct body_decoder **decoder); /* *decoder may be NULL */

/* Takes from *input and gives the next decoded piece (valid until the next call), empty when more
 * input is needed. False: corrupt, or more than `max` bytes in all. */
bool body_decoder_feed(struct body_decoder *decoder, struct slice *input, struct slice *piece,
	size_t max, struct error *err);

#endif
