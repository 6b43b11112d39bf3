/* sse.c: finding the blank lines, then reading the lines between them.
 *
 * Each byte is looked at once for the event's end, however the stream was split: `place` remembers
 * where the scan stands between two feeds. Lines are read only when the event is whole. Only an
 * event that came in pieces is copied. */
#include "http/sse.h"

#include <stdint.h>
#include <string.h>

enum place {
	AT_LINE_START,
	IN_LINE,
	BEHIND_CR,       /* a CR ended a line; its LF may follow */
	BEHIND_BLANK_CR, /* a CR ended a blank line; whether LF follows decides where the event ends
			  */
	BEHIND_EVENT_CR, /* the event was given out at the CR of its blank line; an LF is to be
			    dropped */
};

#define EVERY_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t has_zero_byte(uint64_t word)
{
	return (word - EVERY_BYTE(1)) & ~word & EVERY_BYTE(0x80);
}

/* The first CR or LF, or `end`. One search for both: two memchr would look at a stream of CRs again
 * and again. */
static const char *find_line_end(const char *at, const char *end)
{
	for (; end - at >= 8; at += 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		if (has_zero_byte(word ^ EVERY_BYTE('\n')) | has_zero_byte(word ^ EVERY_BYTE('\r')))
			break;
	}
	while (at < end && *at != '\n' && *at != '\r')
		at++;
	return at;
}

void sse_init(struct sse_parser *sse, size_t max_event)
{
	*sse = (struct sse_parser){.max_event = max_event};
	buffer_init(&sse->pending, max_event);
	buffer_init(&sse->joined, max_event);
}

void sse_free(struct sse_parser *sse)
{
	buffer_free(&sse->pending);
	buffer_free(&sse->joined);
}

/* What a line end at the start of a line means: the event ends, perhaps only with the LF of a CR.
 */
static bool blank_line_ends(struct sse_parser *sse, char byte)
{
	if (byte == '\r' && !sse->bare_cr) {
		sse->place = BEHIND_BLANK_CR;
		return false;
	}
	sse->place = byte == '\r' ? BEHIND_EVENT_CR : AT_LINE_START;
	return true;
}

/* Looks at the byte that tells a CR from a CRLF. Sets *used when it was the LF; true when the event
 * ends here. */
static bool look_behind_cr(struct sse_parser *sse, char byte, bool *used)
{
	bool blank = sse->place == BEHIND_BLANK_CR;

	*used = byte == '\n';
	sse->bare_cr = !*used;
	sse->place = AT_LINE_START;
	return blank;
}

/* Goes on to the end of the current event. True with the count of its bytes; false when the input
 * ended before. */
static bool find_event_end(struct sse_parser *sse, struct slice input, size_t *length)
{
	const char *at = input.data;
	const char *end = at + input.len;

	while (at < end) {
		if (sse->place == BEHIND_CR || sse->place == BEHIND_BLANK_CR) {
			bool used;
			bool ends = look_behind_cr(sse, *at, &used);

			at += used;
			*length = (size_t)(at - input.data);
			if (ends)
				return true;
		} else if (sse->place == AT_LINE_START && (*at == '\r' || *at == '\n')) {
			bool ends = blank_line_ends(sse, *at++);

			*length = (size_t)(at - input.data);
			if (ends)
				return true;
		} else {
			at = find_line_end(at, end);
			sse->place = IN_LINE;
			if (at == end)
				break;
			sse->place = *at == '\r' ? BEHIND_CR : AT_LINE_START;
			sse->bare_cr = false;
			at++;
		}
	}
	return false;
}

static void add_data(struct sse_parser *sse, struct sse_event *event, struct slice value)
{
	if (!event->has_data) {
		event->has_data = true;
		event->data = value;
		return;
	}
	/* Joined data is shorter than the event it came from, so these cannot fail. */
	if (buffer_len(&sse->joined) == 0)
		buffer_append_slice(&sse->joined, event->data);
	buffer_append(&sse->joined, "\n", 1);
	buffer_append_slice(&sse->joined, value);
	event->data = buffer_slice(&sse->joined);
}

static void read_line(struct sse_parser *sse, struct sse_event *event, struct slice line)
{
	const char *colon = memchr(line.data, ':', line.len);
	struct slice field = line;
	struct slice value = slice_make(line.data + line.len, 0);

	if (colon) {
		field.len = (size_t)(colon - line.data);
		value = slice_make(colon + 1, line.len - field.len - 1);
		if (value.len > 0 && value.data[0] == ' ')
			value = slice_make(value.data + 1, value.len - 1);
	}
	if (slice_equal(field, SLICE_LITERAL("data")))
		add_data(sse, event, value);
	else if (slice_equal(field, SLICE_LITERAL("event")))
		event->name = value;
}

static void read_event(struct sse_parser *sse, struct slice raw, struct sse_event *event)
{
	const char *at = raw.data;
	const char *end = at + raw.len;

	*event = (struct sse_event){.raw = raw};
	if (!sse->started && slice_starts_with(raw, "\xef\xbb\xbf"))
		at += 3;
	sse->started = true;
	while (at < end) {
		const char *line_end = find_line_end(at, end);

		if (line_end > at)
			read_line(sse, event, slice_make(at, (size_t)(line_end - at)));
		at = line_end + 1;
	}
}

/* Forgets what the last call gave out. */
static void forget_given(struct sse_parser *sse)
{
	if (sse->given) {
		buffer_free(&sse->pending);
		sse->given = false;
	}
	if (sse->joined.memory)
		buffer_free(&sse->joined);
}

static void take(struct slice *input, size_t len)
{
	input->data += len;
	input->len -= len;
}

enum sse_result sse_feed(struct sse_parser *sse, struct slice *input, struct sse_event *event)
{
	size_t length;
	bool whole;

	forget_given(sse);
	if (sse->failed)
		return SSE_TOO_LONG;
	if (sse->place == BEHIND_EVENT_CR && input->len > 0) {
		sse->place = AT_LINE_START;
		take(input, input->data[0] == '\n');
	}
	if (input->len == 0)
		return SSE_MORE;
	whole = find_event_end(sse, *input, &length);
	if (!whole)
		length = input->len;
	if (length > sse->max_event - buffer_len(&sse->pending)) {
		sse->failed = true;
		return SSE_TOO_LONG;
	}
	if (whole && buffer_len(&sse->pending) == 0) {
		read_event(sse, slice_make(input->data, length), event);
	} else {
		buffer_append(&sse->pending, input->data, length);
		if (whole)
			read_event(sse, buffer_slice(&sse->pending), event);
		sse->given = whole;
	}
	take(input, length);
	return whole ? SSE_EVENT : SSE_MORE;
}

struct slice sse_leftover(const struct sse_parser *sse)
{
	return sse->given ? slice_make(NULL, 0) : buffer_slice(&sse->pending);
}
