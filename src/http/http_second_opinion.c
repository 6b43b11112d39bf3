/* http_second_opinion.c: the only file that knows llhttp. Gives it whole heads, never bodies; keeps
 * nothing. */
#include "http/http_second_opinion.h"

#include <llhttp.h>

struct opinion {
	bool complete;
	bool chunked;
	bool has_length;
	uint64_t length;
};

static int note_opinion(llhttp_t *llhttp)
{
	struct opinion *opinion = llhttp->data;

	opinion->complete = true;
	opinion->chunked = (llhttp->flags & F_CHUNKED) != 0;
	opinion->has_length = (llhttp->flags & F_CONTENT_LENGTH) != 0;
	opinion->length = llhttp->content_length;
	return 2; /* stop here */
}

static enum http_opinion ask(
	llhttp_type_t type, struct slice head, const struct http_framing *framing)
{
	static const llhttp_settings_t settings = {.on_headers_complete = note_opinion};
	struct opinion opinion = {.complete = false};
	llhttp_t llhttp;
	llhttp_errno_t code;

	llhttp_init(&llhttp, type, &settings);
	llhttp.data = &opinion;
	code = llhttp_execute(&llhttp, head.data, head.len);
	if (opinion.complete && opinion.chunked == framing->chunked &&
		opinion.has_length == framing->has_length &&
		(!framing->has_length || opinion.length == framing->length))
		return HTTP_OPINION_SAME;
	return code == HPE_INVALID_METHOD ? HTTP_OPINION_UNKNOWN_METHOD : HTTP_OPINION_OTHER;
}

enum http_opinion http_second_opinion_request(struct slice head, const struct http_framing *framing)
{
	return ask(HTTP_REQUEST, head, framing);
}

enum http_opinion http_second_opinion_response(
	struct slice head, const struct http_framing *framing)
{
	return ask(HTTP_RESPONSE, head, framing);
}
