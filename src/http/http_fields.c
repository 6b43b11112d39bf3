/* http_fields.c: our own pass over the raw header block, and the rules of RFC 9110 and 9112 that
 * keep a message from having two lengths. */
#include "http/http_fields.h"

#include <string.h>

#include "base/text.h"

#define LENGTH_DIGITS_MAX 18u
#define EVERY_BYTE(byte)  (UINT64_C(0x0101010101010101) * (byte))

/* clang-format off */
const bool http_token_chars[256] = {
	['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true, ['*'] = true,
	['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true, ['`'] = true, ['|'] = true,
	['~'] = true, ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};
/* clang-format on */

bool http_is_token(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!http_is_token_char(text.data[i]))
			return false;
	return text.len > 0;
}

/* The first byte that may not stand in a value. Eight bytes at a time while none of them can be
 * one. */
static const char *skip_value(const char *at, const char *end)
{
	for (; end - at >= 8; at += 8) {
		uint64_t word;
		uint64_t del;

		memcpy(&word, at, sizeof(word));
		del = word ^ EVERY_BYTE(0x7f);
		if ((((word - EVERY_BYTE(0x20)) & ~word) | ((del - EVERY_BYTE(1)) & ~del)) &
			EVERY_BYTE(0x80))
			break;
	}
	while (at < end && http_is_value_char(*at))
		at++;
	return at;
}

static struct slice trim(const char *from, const char *to)
{
	while (from < to && (*from == ' ' || *from == '\t'))
		from++;
	while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
		to--;
	return slice_make(from, (size_t)(to - from));
}

/* Reads one line from *at, which is moved behind its CRLF. NULL, or what is wrong. */
static const char *read_field(const char **at, const char *end, struct http_header *header)
{
	const char *start = *at;
	const char *colon = start;
	const char *value_end;

	while (colon < end && http_is_token_char(*colon))
		colon++;
	if (colon == start && (*start == ' ' || *start == '\t'))
		return "a header line begins with white space (folded lines are not accepted)";
	if (colon == end || *colon != ':' || colon == start)
		return "a header's name is empty, holds a character that no name may hold, or "
		       "lacks its colon";
	value_end = skip_value(colon + 1, end);
	if (end - value_end < 2 || value_end[0] != '\r' || value_end[1] != '\n')
		return "a header's value holds a control character, or its line does not end in "
		       "CRLF";
	header->name = slice_make(start, (size_t)(colon - start));
	header->value = trim(colon + 1, value_end);
	*at = value_end + 2;
	return NULL;
}

bool http_fields_parse(struct slice block, struct http_header *headers, size_t max, size_t *count,
	struct http_verdict *verdict)
{
	const char *at = block.data;
	const char *end = at + block.len;

	*count = 0;
	while (at < end && *at != '\r') {
		const char *problem;

		if (*count == max)
			return http_refuse(verdict, 431, "there are too many header lines");
		problem = read_field(&at, end, &headers[*count]);
		if (problem)
			return http_refuse(verdict, 400, problem);
		++*count;
	}
	if (end - at != 2 || at[1] != '\n')
		return http_refuse(
			verdict, 400, "the header lines do not end in an empty line of CRLF");
	return true;
}

/* The next member of a comma-separated list, without white space around it; empty members are
 * skipped. */
static bool next_member(struct slice *list, struct slice *member)
{
	while (list->len > 0) {
		const char *comma = memchr(list->data, ',', list->len);
		const char *end = comma ? comma : list->data + list->len;
		const char *next = comma ? comma + 1 : end;

		*member = trim(list->data, end);
		*list = slice_make(next, (size_t)(list->data + list->len - next));
		if (member->len > 0)
			return true;
	}
	return false;
}

static void gather_connection(struct http_facts *facts, struct slice list)
{
	struct slice member;

	while (next_member(&list, &member)) {
		facts->says_close |= slice_is_nocase(member, "close");
		facts->says_keep_alive |= slice_is_nocase(member, "keep-alive");
	}
}

static void gather_field(struct http_facts *facts, const struct http_header *header)
{
	/* Most names are told apart from these by their length alone. */
	switch (header->name.len) {
	case sizeof("host") - 1:
		if (!slice_is_nocase(header->name, "host"))
			break;
		facts->hosts++;
		facts->host = header->value;
		break;
	case sizeof("expect") - 1:
		if (!slice_is_nocase(header->name, "expect"))
			break;
		if (slice_is_nocase(header->value, "100-continue"))
			facts->expects_continue = true;
		else
			facts->expects_other = true;
		break;
	case sizeof("connection") - 1:
		if (slice_is_nocase(header->name, "connection"))
			gather_connection(facts, header->value);
		break;
	case sizeof("content-length") - 1:
		if (!slice_is_nocase(header->name, "content-length"))
			break;
		facts->lengths++;
		facts->length = header->value;
		break;
	case sizeof("transfer-encoding") - 1:
		if (!slice_is_nocase(header->name, "transfer-encoding"))
			break;
		facts->codings++;
		facts->coding = header->value;
		break;
	default: break;
	}
}

void http_facts_gather(struct http_facts *facts, const struct http_header *headers, size_t count)
{
	*facts = (struct http_facts){.hosts = 0};
	for (size_t i = 0; i < count; i++)
		gather_field(facts, &headers[i]);
}

static bool read_coding(const struct http_facts *facts, unsigned version_minor,
	struct http_framing *framing, struct http_verdict *verdict)
{
	if (facts->lengths > 0)
		return http_refuse(
			verdict, 400, "Transfer-Encoding and Content-Length are both given");
	if (version_minor == 0)
		return http_refuse(verdict, 400, "Transfer-Encoding is given in HTTP/1.0");
	if (facts->codings > 1)
		return http_refuse(verdict, 400, "Transfer-Encoding is given more than once");
	if (!slice_is_nocase(facts->coding, "chunked"))
		return http_refuse(verdict, http_is_token(facts->coding) ? 501 : 400,
			"the only Transfer-Encoding understood is \"chunked\"");
	framing->chunked = true;
	return true;
}

static bool read_length(
	const struct http_facts *facts, struct http_framing *framing, struct http_verdict *verdict)
{
	struct slice text = facts->length;

	if (facts->lengths > 1)
		return http_refuse(verdict, 400, "Content-Length is given more than once");
	if (text.len > LENGTH_DIGITS_MAX || (text.len > 1 && text.data[0] == '0') ||
		!text_parse_u64(text, UINT64_MAX, &framing->length))
		return http_refuse(verdict, 400,
			"Content-Length must be one plain decimal number of at most 18 digits");
	framing->has_length = true;
	return true;
}

bool http_facts_framing(const struct http_facts *facts, unsigned version_minor,
	struct http_framing *framing, struct http_verdict *verdict)
{
	*framing = (struct http_framing){.has_length = false};
	if (facts->codings > 0)
		return read_coding(facts, version_minor, framing, verdict);
	if (facts->lengths > 0)
		return read_length(facts, framing, verdict);
	return true;
}

struct slice http_headers_find(const struct http_header *headers, size_t count, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < count; i++)
		if (headers[i].name.len == len && strncasecmp(headers[i].name.data, name, len) == 0)
			return headers[i].value;
	return slice_make(NULL, 0);
}
