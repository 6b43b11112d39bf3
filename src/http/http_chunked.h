/* http_chunked.h: a strict decoder of chunked bodies (RFC 9112 section 7.1), a client's or a
 * backend's, fed any split of the bytes. Sizes of 1-16 hex digits, CRLF only, extensions checked by
 * their grammar and dropped (at most 256 bytes a chunk and 8 KiB a message), trailers checked by
 * the header rules, bounded (8 KiB) and dropped. */
#ifndef NEXUS_HTTP_HTTP_CHUNKED_H
#define NEXUS_HTTP_HTTP_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum http_chunked_state {
	HTTP_CHUNKED_MORE, /* all input used, the body goes on */
	HTTP_CHUNKED_DATA, /* *data is a piece of the body; call again with the rest */
	HTTP_CHUNKED_DONE, /* the body ended; what is left of the input belongs to the next message
			    */
	HTTP_CHUNKED_BAD,  /* 400 and close; `problem` says why */
};

/* All but `problem` is private. */
struct http_chunked {
	uint64_t left;       /* of the current chunk's data */
	const char *problem; /* a sentence, once it is bad */
	unsigned char place;
	unsigned char digits;
	unsigned char name_len; /* of the trailer field being read, counted up to one more than fits
				   below */
	char name[17];          /* its first letters, in lower case */
	unsigned short extension_bytes; /* of this chunk */
	unsigned short extension_total;
	unsigned short trailer_bytes;
};

void http_chunked_init(struct http_chunked *chunked);
/* Consumes from the front of *input. After DONE or BAD it must not be called again without
 * http_chunked_init. */
enum http_chunked_state http_chunked_feed(
	struct http_chunked *chunked, struct slice *input, struct slice *data);

#endif
