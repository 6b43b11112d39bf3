/* http_fields.h: header lines and what they say about framing, for requests and responses alike.
 * Private to src/http.
 *
 * Strict where leniency would let two readers of the same bytes disagree: CRLF only, no folding,
 * token names directly before the colon, no control bytes in values, one reading of the body's
 * length. Allocates nothing. */
#ifndef NEXUS_HTTP_HTTP_FIELDS_H
#define NEXUS_HTTP_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/http_request.h"

extern const bool http_token_chars[256];

/* A token character of RFC 9110 section 5.6.2. */
static inline bool http_is_token_char(char byte)
{
	return http_token_chars[(unsigned char)byte];
}

/* HTAB, SP, visible ASCII and bytes above it. */
static inline bool http_is_value_char(char byte)
{
	unsigned char code = (unsigned char)byte;

	return (code >= 0x20 && code != 0x7f) || code == '\t';
}

/* Whether a text is one token, not empty. */
bool http_is_token(struct slice text);

/* Cuts a block of header lines with its final empty line into at most `max` fields. False with 400,
 * or 431 when there are more. */
bool http_fields_parse(struct slice block, struct http_header *headers, size_t max, size_t *count,
	struct http_verdict *verdict);

/* What the fields say about the message around them: how often, and the last value. */
struct http_facts {
	unsigned hosts;
	unsigned lengths;
	unsigned codings;
	struct slice host;
	struct slice length;
	struct slice coding;
	bool says_close;
	bool says_keep_alive;
	bool expects_continue;
	bool expects_other;
};
void http_facts_gather(struct http_facts *facts, const struct http_header *headers, size_t count);

struct http_framing {
	bool has_length;
	bool chunked;
	uint64_t length;
};
/* The one reading of Content-Length and Transfer-Encoding; false (400 or 501) when there is more
 * than one or none. */
bool http_facts_framing(const struct http_facts *facts, unsigned version_minor,
	struct http_framing *framing, struct http_verdict *verdict);

/* Sets the verdict and returns false, in the header so that the compiler knows. */
static inline bool http_refuse(struct http_verdict *verdict, unsigned status, const char *sentence)
{
	verdict->status = status;
	error_set(&verdict->error, "%s", sentence);
	return false;
}

struct slice http_headers_find(const struct http_header *headers, size_t count, const char *name);

#endif
