/* http_response.h: reading what a model server answers: status, headers, framing and body, fed any
 * split of the bytes.
 *
 * The owner feeds bytes and gets body pieces through a callback as they come, uncopied; the head is
 * copied once and kept until the reset. As strict as the front: heads are judged by our own pass
 * and by llhttp (at most 64 KiB and 200 header lines, interim ones included), and what cannot be
 * framed without doubt is an error and the connection is not reused. */
#ifndef NEXUS_HTTP_HTTP_RESPONSE_H
#define NEXUS_HTTP_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "http/http_request.h"

struct http_response_parser; /* about 150 bytes; with a head, one block more */

/* on_head and on_body must not free, reset or feed the parser; on_complete may, for it is called
 * last. */
struct http_response_events {
	/* All headers are in; read them with http_response_*. Return false to stop (counts as an
	 * error). */
	bool (*on_head)(void *owner);
	/* A piece of the body, decoded from its framing, never empty; valid during the call. Return
	 * false to stop. */
	bool (*on_body)(void *owner, struct slice piece);
	/* The message is complete; bytes behind it make the connection unusable, which keep_alive
	 * then says. */
	void (*on_complete)(void *owner);
};

struct http_response_parser *http_response_new(
	const struct http_response_events *events, void *owner);
void http_response_free(struct http_response_parser **parser);
/* Ready for the next response on the same connection. Releases the head. */
void http_response_reset(struct http_response_parser *parser);

/* False on a protocol error (told in err), or when a callback stopped it; then for good, until the
 * reset. Interim responses (1xx) are skipped. Bytes behind a complete message are dropped. */
bool http_response_feed(struct http_response_parser *parser, struct slice bytes, struct error *err);
/* The peer closed (call once): true when that completes the message (no framing was given), false
 * when it cuts it. */
bool http_response_finish(struct http_response_parser *parser, struct error *err);

unsigned http_response_status(const struct http_response_parser *parser);
bool http_response_is_complete(const struct http_response_parser *parser);
/* Bytes arrived since the last reset. */
bool http_response_has_started(const struct http_response_parser *parser);
/* May the connection carry another request after this response? Meaningful once it is complete;
 * false before. */
bool http_response_keep_alive(const struct http_response_parser *parser);
/* Of the current message, from on_head to the reset. UINT64_MAX when the length is not announced.
 */
uint64_t http_response_content_length(const struct http_response_parser *parser);
size_t http_response_header_count(const struct http_response_parser *parser);
struct http_header http_response_header_at(const struct http_response_parser *parser, size_t index);
struct slice http_response_header(const struct http_response_parser *parser, const char *name);

#endif
