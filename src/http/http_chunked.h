/* http_chunked.h: a strict decoder of chunked request bodies (RFC 9112 section 7.1), fed any split of the bytes.
 * Sizes of 1-16 hex digits, CRLF only, extensions of at most 256 bytes a chunk and 8 KiB a message, trailers checked
 * by the header rules, bounded and dropped. */
#ifndef NEXUS_HTTP_HTTP_CHUNKED_H
#define NEXUS_HTTP_HTTP_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum http_chunked_state {
	HTTP_CHUNKED_MORE, /* all input used, the body goes on */
	HTTP_CHUNKED_DATA, /* *data is a piece of the body; call again with the rest */
	HTTP_CHUNKED_DONE, /* the body ended; what is left of the input belongs to the next request */
	HTTP_CHUNKED_BAD,  /* 400 and close; `problem` says why */
};

struct http_chunked {
	int state; /* private */
	uint64_t left;
	unsigned digits;
	unsigned extension_bytes;
	unsigned extension_total;
	unsigned trailer_bytes;
	bool trailer_line_empty;
	const char *problem;
};

void http_chunked_init(struct http_chunked *chunked);
/* Consumes from the front of *input. */
enum http_chunked_state http_chunked_feed(struct http_chunked *chunked, struct slice *input, struct slice *data);

#endif
