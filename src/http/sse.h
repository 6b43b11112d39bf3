/* sse.h: server-sent events, cut out of a byte stream (WHATWG HTML, section 9.2), fed any split of
 * the bytes.
 *
 * The parser finds events and hands out both their bytes as they came (for relaying unchanged) and
 * their data (several data lines joined with \n). CR, LF and CRLF line ends, comments, a BOM,
 * `data:` without a space are understood. An event that does not fit in the bound is an error: what
 * cannot be held whole is not forwarded in halves.
 *
 * Any split of the stream gives the same events. One price: a blank line's CR is given out only
 * when the byte behind it is known, unless the line before also ended in a bare CR (a stream of
 * bare CRs is never kept waiting; should such a blank line be followed by LF, that LF belongs to no
 * event and is dropped). */
#ifndef NEXUS_HTTP_SSE_H
#define NEXUS_HTTP_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/slice.h"

struct sse_event {
	struct slice
		raw; /* the event's lines and its blank line, as they came; comments included */
	struct slice name; /* the `event` field, or empty */
	struct slice data; /* empty for an event of comments only, or with no data field */
	bool has_data;
};

struct sse_parser {
	struct buffer pending; /* an incomplete event; empty, and without memory, between events */
	struct buffer joined;  /* data of several lines; used only by such events */
	size_t max_event;
	unsigned char place; /* private: where the last byte left us, see sse.c */
	bool bare_cr;        /* the last line ended in a CR without LF */
	bool started;        /* the place for a BOM has passed */
	bool given;          /* `pending` is the event given out last */
	bool failed;         /* SSE_TOO_LONG was returned and will be again */
};

enum sse_result {
	SSE_MORE,  /* all input used */
	SSE_EVENT, /* one event; its slices are valid until the next call (and while *input's bytes
		      stay) */
	SSE_TOO_LONG,
};

void sse_init(struct sse_parser *sse, size_t max_event);
void sse_free(struct sse_parser *sse);
/* Consumes from the front of *input. An event that lies whole in the input is given without
 * copying. Blank lines of their own are events without data. */
enum sse_result sse_feed(struct sse_parser *sse, struct slice *input, struct sse_event *event);
/* At the end of the stream: bytes of an event without its blank line, which the standard discards;
 * empty if none. */
struct slice sse_leftover(const struct sse_parser *sse);

#endif
