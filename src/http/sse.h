/* sse.h: server-sent events, cut out of a byte stream (WHATWG HTML, section 9.2), fed any split of the bytes.
 *
 * The parser finds events and hands out both their bytes as they came (for relaying unchanged) and their data (several
 * data lines joined with \n). CR, LF and CRLF line ends, comments, a BOM, `data:` without a space are understood.
 * An event that does not fit in the bound is an error: what cannot be held whole is not forwarded in halves. */
#ifndef NEXUS_HTTP_SSE_H
#define NEXUS_HTTP_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"

struct sse_event {
	struct slice raw;  /* the event's lines and its blank line, as they came; comments included */
	struct slice name; /* the `event` field, or empty */
	struct slice data; /* empty for an event of comments only, or with no data field */
	bool has_data;
};

struct sse_parser {
	struct buffer pending; /* an incomplete event; empty, and without memory, between events */
	struct buffer joined;  /* data of several lines; used only by such events */
	size_t searched;
	size_t max_event;
	bool started;          /* a BOM has been looked for */
	bool skip_lf;          /* a CR ended the last event; its LF may still come */
};

enum sse_result {
	SSE_MORE,  /* all input used */
	SSE_EVENT, /* one event; its slices are valid until the next call */
	SSE_TOO_LONG,
};

void sse_init(struct sse_parser *sse, size_t max_event);
void sse_free(struct sse_parser *sse);
/* Consumes from the front of *input. An event that lies whole in the input is given without copying. */
enum sse_result sse_feed(struct sse_parser *sse, struct slice *input, struct sse_event *event);
/* At the end of the stream: bytes of an event without its blank line, which the standard discards; empty if none. */
struct slice sse_leftover(const struct sse_parser *sse);

#endif
