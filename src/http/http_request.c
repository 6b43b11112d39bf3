/* http_request.c: judging and cutting up a request's head, where it lies. Allocates nothing.
 *
 * Our own pass reads the lines (http_fields.c) and the request line; llhttp then must accept the
 * same bytes and find the same framing. Whatever either refuses is refused. */
#include "http/http_request.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "http/http_fields.h"
#include "http/http_second_opinion.h"

#define PORT_DIGITS_MAX 5u

/* The line from `start` to its line feed, or as much of it as has come. Lengths are counted with
 * the CR, so that a line is too long at the same byte however it arrives. */
static bool line_is_allowed(
	size_t start, size_t end, const struct http_limits *limits, struct http_verdict *verdict)
{
	size_t max = start == 0 ? limits->request_line_bytes : limits->header_bytes;

	if (end - start > max + 1)
		return start == 0 ? http_refuse(verdict, 414, "the request line is too long")
				  : http_refuse(verdict, 431, "a header line is too long");
	return true;
}

/* The header lines may have `head_bytes`, counted behind the first line. */
static bool block_is_allowed(struct slice bytes, size_t end, const struct http_limits *limits,
	struct http_verdict *verdict)
{
	const char *lf;

	if (end <= limits->head_bytes)
		return true;
	lf = memchr(bytes.data, '\n', end);
	if (lf && end - (size_t)(lf + 1 - bytes.data) > limits->head_bytes)
		return http_refuse(verdict, 431, "the header lines are too long together");
	return true;
}

/* *searched is the start of the first line whose end has not been seen. */
size_t http_head_length(struct slice bytes, size_t *searched, const struct http_limits *limits,
	struct http_verdict *verdict)
{
	size_t start = *searched;

	verdict->status = 0;
	if (start == 0 && bytes.len > 0 && !http_is_token_char(bytes.data[0])) {
		http_refuse(verdict, 400, "the first byte cannot begin an HTTP message");
		return 0;
	}
	while (start < bytes.len) {
		const char *lf = memchr(bytes.data + start, '\n', bytes.len - start);
		size_t end = lf ? (size_t)(lf - bytes.data) : bytes.len;

		if (!line_is_allowed(start, end, limits, verdict) ||
			!block_is_allowed(bytes, end + (lf != NULL), limits, verdict) || !lf)
			return 0;
		if (end == start || bytes.data[end - 1] != '\r') {
			http_refuse(verdict, 400, "a line of the head ends in LF without CR");
			return 0;
		}
		if (end == start + 1)
			return end + 1;
		*searched = start = end + 1;
	}
	return 0;
}

static enum http_method method_of(struct slice name)
{
	static const struct {
		struct slice name;
		enum http_method method;
	} methods[] = {
		{{"POST", 4}, HTTP_METHOD_POST},
		{{"GET", 3}, HTTP_METHOD_GET},
		{{"HEAD", 4}, HTTP_METHOD_HEAD},
		{{"OPTIONS", 7}, HTTP_METHOD_OPTIONS},
		{{"DELETE", 6}, HTTP_METHOD_DELETE},
		{{"PUT", 3}, HTTP_METHOD_PUT},
		{{"PATCH", 5}, HTTP_METHOD_PATCH},
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (slice_equal(name, methods[i].name))
			return methods[i].method;
	return HTTP_METHOD_OTHER;
}

/* "HTTP/1.1" or "HTTP/1.0"; 505 for another version, 400 for no version at all. */
static bool read_version(
	struct http_request *request, struct slice text, struct http_verdict *verdict)
{
	if (text.len != 8 || memcmp(text.data, "HTTP/", 5) != 0 ||
		!isdigit((unsigned char)text.data[5]) || text.data[6] != '.' ||
		!isdigit((unsigned char)text.data[7]))
		return http_refuse(
			verdict, 400, "the request line does not end in an HTTP version");
	if (text.data[5] != '1' || text.data[7] > '1')
		return http_refuse(verdict, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	request->version_minor = (unsigned)(text.data[7] - '0');
	return true;
}

/* Cuts "METHOD SP target SP version": exactly two spaces, and nothing in the target but visible
 * ASCII. */
static bool cut_request_line(struct http_request *request, struct slice line, struct slice *version,
	struct http_verdict *verdict)
{
	const char *end = line.data + line.len;
	const char *space = memchr(line.data, ' ', line.len);
	const char *at;

	if (!space)
		return http_refuse(
			verdict, 400, "the request line has no target and no HTTP version");
	request->method_name = slice_make(line.data, (size_t)(space - line.data));
	if (!http_is_token(request->method_name))
		return http_refuse(verdict, 400, "the request's method is not a token");
	for (at = space + 1; at<end && * at> ' ' && *at < 0x7f; at++)
		;
	request->target = slice_make(space + 1, (size_t)(at - space - 1));
	if (at == end || *at != ' ' || request->target.len == 0)
		return http_refuse(
			verdict, 400, "the request line is not \"method target version\"");
	*version = slice_make(at + 1, (size_t)(end - at - 1));
	return true;
}

static bool read_request_line(
	struct http_request *request, struct slice line, struct http_verdict *verdict)
{
	struct slice version;

	if (!cut_request_line(request, line, &version, verdict) ||
		!read_version(request, version, verdict))
		return false;
	request->method = method_of(request->method_name);
	if (slice_is(request->method_name, "CONNECT"))
		return http_refuse(verdict, 501, "CONNECT is not offered");
	return true;
}

static bool is_host_char(char byte)
{
	return isalnum((unsigned char)byte) || byte == '.' || byte == '-' || byte == '_' ||
	       byte == '~';
}

static bool is_address_char(char byte)
{
	return isxdigit((unsigned char)byte) || byte == ':' || byte == '.';
}

/* host[:port]: a name or an IPv4 address, or an IPv6 address in brackets; no user, no path. */
static bool host_is_valid(struct slice host)
{
	const char *at = host.data;
	const char *end = at + host.len;
	const char *name = at;
	uint64_t port;

	if (at < end && *at == '[') {
		for (at++; at < end && is_address_char(*at); at++)
			;
		if (at == end || *at++ != ']' || at - name < 4)
			return false;
	} else {
		while (at < end && is_host_char(*at))
			at++;
		if (at == name)
			return false;
	}
	if (at == end)
		return true;
	return *at == ':' && end - at - 1 <= (ptrdiff_t)PORT_DIGITS_MAX &&
	       text_parse_u64(slice_make(at + 1, (size_t)(end - at - 1)), 65535, &port);
}

/* http://authority/path?query: the authority becomes the host, whatever Host said. */
static bool reduce_absolute(struct http_request *request, struct http_verdict *verdict)
{
	struct slice target = request->target;
	size_t scheme = target.len >= 7 && strncasecmp(target.data, "http://", 7) == 0    ? 7
			: target.len >= 8 && strncasecmp(target.data, "https://", 8) == 0 ? 8
											  : 0;
	size_t end = scheme;

	if (scheme == 0)
		return http_refuse(
			verdict, 400, "the request's target is neither a path nor an http URL");
	while (end < target.len && target.data[end] != '/' && target.data[end] != '?')
		end++;
	request->host = slice_make(target.data + scheme, end - scheme);
	if (!host_is_valid(request->host))
		return http_refuse(verdict, 400, "the target's host is not a valid host and port");
	request->target = slice_make(target.data + end, target.len - end);
	return true;
}

static void cut_target(struct http_request *request)
{
	struct slice target = request->target;
	const char *mark = memchr(target.data, '?', target.len);
	size_t len = mark ? (size_t)(mark - target.data) : target.len;

	request->path = len > 0 ? slice_make(target.data, len) : SLICE_LITERAL("/");
	request->query = mark ? slice_make(mark + 1, target.len - len - 1)
			      : slice_make(target.data + target.len, 0);
	if (target.len == 0)
		request->target = request->path;
}

static bool read_target(struct http_request *request, struct http_verdict *verdict)
{
	if (memchr(request->target.data, '#', request->target.len))
		return http_refuse(verdict, 400, "the request's target has a fragment");
	if (slice_is(request->target, "*")) {
		if (request->method != HTTP_METHOD_OPTIONS)
			return http_refuse(verdict, 400, "the target \"*\" is for OPTIONS only");
	} else if (request->target.data[0] != '/' && !reduce_absolute(request, verdict)) {
		return false;
	}
	cut_target(request);
	return true;
}

static bool read_host(
	struct http_request *request, const struct http_facts *facts, struct http_verdict *verdict)
{
	if (facts->hosts > 1)
		return http_refuse(verdict, 400, "Host is given more than once");
	if (facts->hosts == 0)
		return request->version_minor == 0 || http_refuse(verdict, 400, "Host is missing");
	if (!host_is_valid(facts->host))
		return http_refuse(verdict, 400, "Host is not a valid host and port");
	request->host = facts->host;
	return true;
}

static bool ask_llhttp(
	struct slice head, const struct http_framing *framing, struct http_verdict *verdict)
{
	switch (http_second_opinion_request(head, framing)) {
	case HTTP_OPINION_SAME: return true;
	case HTTP_OPINION_UNKNOWN_METHOD:
		return http_refuse(verdict, 501, "the request's method is not known");
	default: return http_refuse(verdict, 400, "the head is not valid HTTP/1.1");
	}
}

static bool read_expectation(
	struct http_request *request, const struct http_facts *facts, struct http_verdict *verdict)
{
	if (request->version_minor == 0)
		return true;
	if (facts->expects_other)
		return http_refuse(
			verdict, 417, "the only expectation understood is \"100-continue\"");
	request->expects_continue = facts->expects_continue && request->has_body;
	return true;
}

static void note_framing(struct http_request *request, const struct http_facts *facts,
	const struct http_framing *framing)
{
	request->chunked = framing->chunked;
	request->content_length = framing->length;
	request->has_body = framing->chunked || framing->length > 0;
	request->keep_alive =
		!facts->says_close && (request->version_minor == 1 || facts->says_keep_alive);
}

/* Everything but the headers' array, which is large and filled as far as header_count says. */
static void clear(struct http_request *request)
{
	request->host = slice_make(NULL, 0);
	request->header_count = 0;
	request->expects_continue = false;
}

static bool read_head(struct http_request *request, struct slice line, struct slice block,
	size_t headers_max, struct http_facts *facts, struct http_verdict *verdict)
{
	if (!read_request_line(request, line, verdict) ||
		!http_fields_parse(
			block, request->headers, headers_max, &request->header_count, verdict))
		return false;
	http_facts_gather(facts, request->headers, request->header_count);
	return read_host(request, facts, verdict) && read_target(request, verdict);
}

bool http_request_parse(struct http_request *request, struct slice head,
	const struct http_limits *limits, struct http_verdict *verdict)
{
	size_t max = limits->headers < HTTP_HEADERS_MAX ? limits->headers : HTTP_HEADERS_MAX;
	const char *lf = memchr(head.data, '\n', head.len);
	struct http_framing framing;
	struct http_facts facts;
	size_t line_len;

	clear(request);
	verdict->status = 0;
	if (!lf || lf == head.data || lf[-1] != '\r')
		return http_refuse(verdict, 400, "the request line does not end in CRLF");
	line_len = (size_t)(lf - 1 - head.data);
	if (!read_head(request, slice_make(head.data, line_len),
		    slice_make(lf + 1, head.len - line_len - 2), max, &facts, verdict) ||
		!http_facts_framing(&facts, request->version_minor, &framing, verdict) ||
		!ask_llhttp(head, &framing, verdict))
		return false;
	note_framing(request, &facts, &framing);
	if (request->content_length > limits->body_bytes)
		return http_refuse(verdict, 413, "the announced body is too large");
	return read_expectation(request, &facts, verdict);
}

struct slice http_request_header(const struct http_request *request, const char *name)
{
	return http_headers_find(request->headers, request->header_count, name);
}
