/* http_head.h: writing heads, ours to the client and ours to a backend. Values are stripped of CR,
 * LF and controls, so no value can add a header. Every function returns false when the buffer's
 * limit is reached; the head is then unusable. */
#ifndef NEXUS_HTTP_HTTP_HEAD_H
#define NEXUS_HTTP_HTTP_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

bool http_head_status(struct buffer *out, unsigned status);
bool http_head_request(struct buffer *out, const char *method, struct slice path);
bool http_head_add(struct buffer *out, const char *name, struct slice value);
bool http_head_add_text(struct buffer *out, const char *name, const char *value);
bool http_head_add_u64(struct buffer *out, const char *name, uint64_t value);
/* The empty line. */
bool http_head_end(struct buffer *out);

/* One chunk of a chunked body whose size is known only afterwards: open reserves seven hex digits
 * and CRLF, the caller appends the data, close fills the size in (leading zeros are legal, RFC 9112
 * section 7.1). A chunk that stayed empty is taken back, since a size of zero would end the body.
 * At most 256 MiB - 1 a chunk: more than any buffer of ours holds. */
bool http_chunk_open(struct buffer *out, size_t *mark);
bool http_chunk_close(struct buffer *out, size_t mark);
bool http_chunk_last(struct buffer *out);

#endif
