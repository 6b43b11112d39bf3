/* http_response.c: heads gathered, judged and kept; bodies passed through their framing.
 *
 * Between responses a parser owns nothing but itself. A head is read once it is whole: by our own
 * pass, which llhttp must confirm. Bodies are framed here and in http_chunked.c. */
#include "http/http_response.h"

#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"
#include "base/memory.h"
#include "http/http_chunked.h"
#include "http/http_fields.h"
#include "http/http_second_opinion.h"

#define HEAD_BYTES_MAX 65536u
#define FIELDS_MAX     200u
#define INTERIM_MAX    16u

enum place { IN_HEAD, IN_LENGTH, IN_CHUNKS, IN_REST, COMPLETE, FAILED };

/* A head that is kept: one block with its fields and, behind them, the text they point into. */
struct head {
	size_t count;
	struct http_header fields[];
};

struct http_response_parser {
	const struct http_response_events *events;
	void *owner;
	struct head *head;
	struct buffer partial; /* a head that came in pieces, until it is whole */
	size_t searched;
	uint64_t content_length;
	uint64_t left;
	struct http_chunked chunked;
	unsigned short status;
	unsigned char place;
	unsigned char interim; /* heads skipped */
	bool started;
	bool reusable; /* by version and Connection */
	bool overrun;  /* bytes came behind the message */
};

static const struct http_limits head_limits = {
	.request_line_bytes = 8192,
	.header_bytes = HEAD_BYTES_MAX,
	.head_bytes = HEAD_BYTES_MAX,
	.headers = FIELDS_MAX,
};

struct http_response_parser *http_response_new(
	const struct http_response_events *events, void *owner)
{
	struct http_response_parser *parser = memory_zalloc(sizeof(*parser));

	parser->events = events;
	parser->owner = owner;
	http_response_reset(parser);
	return parser;
}

void http_response_free(struct http_response_parser **parser)
{
	if (!*parser)
		return;
	memory_free_at(&(*parser)->head);
	buffer_free(&(*parser)->partial);
	memory_free_at(parser);
}

void http_response_reset(struct http_response_parser *parser)
{
	const struct http_response_events *events = parser->events;
	void *owner = parser->owner;

	memory_free_at(&parser->head);
	buffer_free(&parser->partial);
	*parser = (struct http_response_parser){.events = events, .owner = owner};
	parser->content_length = UINT64_MAX;
	/* One read may bring the head's end and much of the body. */
	buffer_init(&parser->partial, SIZE_MAX);
}

/* "HTTP/1.1 200 OK"; the reason, and the space before it, may be missing. */
static bool read_status_line(struct slice line, unsigned *version_minor, unsigned short *status)
{
	const char *at = line.data;

	if (line.len < sizeof("HTTP/1.1 200") - 1 || memcmp(at, "HTTP/1.", 7) != 0 ||
		(at[7] != '0' && at[7] != '1') || at[8] != ' ')
		return false;
	*version_minor = (unsigned)(at[7] - '0');
	for (size_t i = 9; i < 12; i++)
		if (at[i] < '0' || at[i] > '9')
			return false;
	*status = (unsigned short)((at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0'));
	if (*status < 100 || *status > 599 || (line.len > 12 && at[12] != ' '))
		return false;
	for (size_t i = 12; i < line.len; i++)
		if (!http_is_value_char(at[i]))
			return false;
	return true;
}

/* At most this many fields are in a head: its line feeds, without those of the status line and of
 * the empty line. */
static size_t count_lines(struct slice text)
{
	const char *end = text.data + text.len;
	size_t lines = 0;

	for (const char *at = text.data; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
		lines++;
	return lines - 2;
}

/* Copies a whole head into one block and cuts it into status and fields. */
static bool keep_head(struct http_response_parser *parser, struct slice text,
	unsigned *version_minor, struct http_verdict *verdict)
{
	const char *line_end = (const char *)memchr(text.data, '\n', text.len) - 1;
	size_t line_len = (size_t)(line_end - text.data);
	size_t room = count_lines(text);
	struct slice block;
	char *copy;

	if (!read_status_line(slice_make(text.data, line_len), version_minor, &parser->status))
		return http_refuse(
			verdict, 400, "the status line is not one of HTTP/1.0 or HTTP/1.1");
	if (room > FIELDS_MAX)
		return http_refuse(verdict, 431, "there are too many header lines");
	free(parser->head);
	parser->head = memory_alloc(
		sizeof(*parser->head) + room * sizeof(parser->head->fields[0]) + text.len);
	copy = (char *)&parser->head->fields[room];
	memcpy(copy, text.data, text.len);
	block = slice_make(copy + line_len + 2, text.len - line_len - 2);
	return http_fields_parse(block, parser->head->fields, room, &parser->head->count, verdict);
}

/* Decides how the body is framed (RFC 9112 section 6.3). */
static bool frame_body(struct http_response_parser *parser, const struct http_framing *framing,
	struct http_verdict *verdict)
{
	bool bodiless = parser->status < 200 || parser->status == 204 || parser->status == 304;

	if (parser->status == 101)
		return http_refuse(verdict, 400, "the connection was switched to another protocol");
	if (parser->status < 200 && (framing->has_length || framing->chunked))
		return http_refuse(verdict, 400, "an interim response announces a body");
	if (bodiless) {
		parser->content_length = 0;
		parser->place = COMPLETE;
	} else if (framing->chunked) {
		http_chunked_init(&parser->chunked);
		parser->place = IN_CHUNKS;
	} else if (framing->has_length) {
		parser->content_length = parser->left = framing->length;
		parser->place = framing->length > 0 ? IN_LENGTH : COMPLETE;
	} else {
		parser->reusable = false;
		parser->place = IN_REST;
	}
	return true;
}

static bool read_head(
	struct http_response_parser *parser, struct slice text, struct http_verdict *verdict)
{
	struct http_framing framing;
	struct http_facts facts;
	unsigned version_minor;

	if (!keep_head(parser, text, &version_minor, verdict))
		return false;
	http_facts_gather(&facts, parser->head->fields, parser->head->count);
	if (!http_facts_framing(&facts, version_minor, &framing, verdict))
		return false;
	if (http_second_opinion_response(text, &framing) != HTTP_OPINION_SAME)
		return http_refuse(verdict, 400, "the head is not valid HTTP/1.1");
	parser->reusable = !facts.says_close && (version_minor == 1 || facts.says_keep_alive);
	return frame_body(parser, &framing, verdict);
}

static bool fail(struct http_response_parser *parser, struct error *err, const char *sentence)
{
	parser->place = FAILED;
	return error_set(err, "bad HTTP response: %s", sentence);
}

static bool stopped(struct http_response_parser *parser, struct error *err)
{
	return fail(parser, err, "its reader stopped");
}

/* A whole head: an interim one is forgotten, any other is told to the owner. */
static bool end_head(struct http_response_parser *parser, struct slice text, struct error *err)
{
	struct http_verdict verdict;

	if (!read_head(parser, text, &verdict))
		return fail(parser, err, verdict.error.text);
	if (parser->status >= 200)
		return parser->events->on_head(parser->owner) || stopped(parser, err);
	if (++parser->interim > INTERIM_MAX)
		return fail(parser, err, "there are too many interim responses");
	parser->status = 0;
	parser->content_length = UINT64_MAX;
	memory_free_at(&parser->head);
	parser->place = IN_HEAD;
	return true;
}

static void take(struct slice *bytes, size_t len)
{
	bytes->data += len;
	bytes->len -= len;
}

/* Gathers a head and reads it once it is whole. A head that came in one piece is read where it
 * lies. */
static bool feed_head(struct http_response_parser *parser, struct slice *bytes, struct error *err)
{
	struct http_verdict verdict;
	size_t before = buffer_len(&parser->partial);
	struct slice text = *bytes;
	size_t len;
	bool done;

	if (before > 0) {
		buffer_append_slice(&parser->partial, *bytes);
		text = buffer_slice(&parser->partial);
	}
	len = http_head_length(text, &parser->searched, &head_limits, &verdict);
	if (verdict.status != 0)
		return fail(parser, err, verdict.error.text);
	if (len == 0) {
		if (before == 0)
			buffer_append_slice(&parser->partial, *bytes);
		take(bytes, bytes->len);
		return true;
	}
	take(bytes, len - before);
	done = end_head(parser, slice_make(text.data, len), err);
	buffer_free(&parser->partial);
	parser->searched = 0;
	return done;
}

static bool give(struct http_response_parser *parser, struct slice piece, struct error *err)
{
	return parser->events->on_body(parser->owner, piece) || stopped(parser, err);
}

static bool feed_length(struct http_response_parser *parser, struct slice *bytes, struct error *err)
{
	size_t len = parser->left < bytes->len ? (size_t)parser->left : bytes->len;
	struct slice piece = slice_make(bytes->data, len);

	take(bytes, len);
	parser->left -= len;
	if (parser->left == 0)
		parser->place = COMPLETE;
	return give(parser, piece, err);
}

static bool feed_chunks(struct http_response_parser *parser, struct slice *bytes, struct error *err)
{
	struct slice piece;

	switch (http_chunked_feed(&parser->chunked, bytes, &piece)) {
	case HTTP_CHUNKED_DATA: return give(parser, piece, err);
	case HTTP_CHUNKED_DONE: parser->place = COMPLETE; return true;
	case HTTP_CHUNKED_BAD: return fail(parser, err, parser->chunked.problem);
	default: return true;
	}
}

static bool feed_rest(struct http_response_parser *parser, struct slice *bytes, struct error *err)
{
	struct slice piece = *bytes;

	take(bytes, bytes->len);
	return give(parser, piece, err);
}

static bool feed_some(struct http_response_parser *parser, struct slice *bytes, struct error *err)
{
	switch ((enum place)parser->place) {
	case IN_HEAD: return feed_head(parser, bytes, err);
	case IN_LENGTH: return feed_length(parser, bytes, err);
	case IN_CHUNKS: return feed_chunks(parser, bytes, err);
	case IN_REST: return feed_rest(parser, bytes, err);
	default: return fail(parser, err, "it failed before");
	}
}

bool http_response_feed(struct http_response_parser *parser, struct slice bytes, struct error *err)
{
	bool was_complete = parser->place == COMPLETE;

	if (bytes.len > 0)
		parser->started = true;
	while (bytes.len > 0 && parser->place != COMPLETE)
		if (!feed_some(parser, &bytes, err))
			return false;
	if (parser->place == COMPLETE) {
		parser->overrun |= bytes.len > 0;
		if (!was_complete)
			parser->events->on_complete(parser->owner);
	}
	return true;
}

bool http_response_finish(struct http_response_parser *parser, struct error *err)
{
	parser->reusable = false;
	switch ((enum place)parser->place) {
	case COMPLETE: return true;
	case IN_REST:
		parser->place = COMPLETE;
		parser->events->on_complete(parser->owner);
		return true;
	case FAILED: return fail(parser, err, "it failed before");
	default:
		return fail(parser, err,
			parser->started ? "the connection was closed in the middle of it"
					: "the connection was closed before it began");
	}
}

unsigned http_response_status(const struct http_response_parser *parser)
{
	return parser->status;
}

bool http_response_is_complete(const struct http_response_parser *parser)
{
	return parser->place == COMPLETE;
}

bool http_response_has_started(const struct http_response_parser *parser)
{
	return parser->started;
}

bool http_response_keep_alive(const struct http_response_parser *parser)
{
	return parser->place == COMPLETE && parser->reusable && !parser->overrun;
}

uint64_t http_response_content_length(const struct http_response_parser *parser)
{
	return parser->content_length;
}

size_t http_response_header_count(const struct http_response_parser *parser)
{
	return parser->head ? parser->head->count : 0;
}

struct http_header http_response_header_at(const struct http_response_parser *parser, size_t index)
{
	invariant(index < http_response_header_count(parser));
	return parser->head->fields[index];
}

struct slice http_response_header(const struct http_response_parser *parser, const char *name)
{
	if (!parser->head)
		return slice_make(NULL, 0);
	return http_headers_find(parser->head->fields, parser->head->count, name);
}
