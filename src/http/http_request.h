/* http_request.h: the strict HTTP/1.1 front, bytes to requests.
 *
 * A head is parsed when all of it has arrived (http_head_length says where it ends): our own pass
 * cuts it into fields and refuses what two readers could take for different requests (RFC 9110,
 * 9112), then llhttp must accept the same bytes and find the same framing. Slices point into the
 * caller's bytes, which must stay put while the request is used. Allocates nothing; no sockets, no
 * clock. */
#ifndef NEXUS_HTTP_HTTP_REQUEST_H
#define NEXUS_HTTP_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

#define HTTP_HEADERS_MAX 128u

enum http_method {
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_PUT,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD_PATCH,
	HTTP_METHOD_OTHER,
};

struct http_header {
	struct slice name;
	struct slice value; /* without white space around it */
};

struct http_limits {
	size_t request_line_bytes; /* over it: 414 */
	size_t header_bytes;       /* one header line; over it: 431 */
	size_t head_bytes;         /* all header lines; over it: 431 */
	size_t headers;            /* count, at most HTTP_HEADERS_MAX; over it: 431 */
	uint64_t body_bytes;       /* Content-Length over it: 413 */
};

struct http_request {
	enum http_method method;
	struct slice method_name;
	struct slice target; /* as sent; absolute form reduced to its path */
	struct slice path;   /* target up to '?' */
	struct slice query;  /* behind '?', or empty */
	struct slice host;   /* Host's value, or the authority of an absolute target; empty only in
				HTTP/1.0 */
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t header_count;
	uint64_t content_length;
	bool has_body; /* Content-Length > 0 or chunked */
	bool chunked;
	bool keep_alive;
	bool expects_continue;  /* and has a body */
	unsigned version_minor; /* HTTP/1.x */
};

/* How a head was judged: status 0 means it was accepted, otherwise the answer's status (400, 413,
 * 414, 417, 431, 501, 505) with a sentence in the error. After any of these the connection must be
 * closed. */
struct http_verdict {
	unsigned status;
	struct error error;
};

/* The length of the head at the start of `bytes` with its empty line, or 0 while it is incomplete.
 * *searched remembers how far was looked, so that a slow sender costs no rescans; start with 0.
 * Empty lines before the request line (RFC 9112 section 2.2) are not tolerated. Checks the limits
 * on the way, so an endless head is refused early: `verdict`. */
size_t http_head_length(struct slice bytes, size_t *searched, const struct http_limits *limits,
	struct http_verdict *verdict);

/* Parses a whole head of http_head_length bytes. */
bool http_request_parse(struct http_request *request, struct slice head,
	const struct http_limits *limits, struct http_verdict *verdict);

/* The value of a header, or the empty slice with data == NULL when it is absent. Names are compared
 * without case. */
struct slice http_request_header(const struct http_request *request, const char *name);

#endif
