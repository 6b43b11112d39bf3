/* http_chunked.c: the framing of chunked bodies, one byte and one state at a time; data passes in
 * whole pieces.
 *
 * Our own, because the decoder must refuse everything that another reader of the same bytes could
 * understand otherwise, and must bound what llhttp does not (extensions, trailers). */
#include "http/http_chunked.h"

#include <ctype.h>
#include <string.h>

#include "base/fatal.h"
#include "http/http_fields.h"

#define SIZE_DIGITS_MAX     16u
#define EXTENSION_CHUNK_MAX 256u
#define EXTENSION_TOTAL_MAX (8u * 1024)
#define TRAILER_MAX         (8u * 1024)

enum place {
	SIZE,
	EXTENSION_NAME_FIRST,
	EXTENSION_NAME,
	EXTENSION_VALUE_FIRST,
	EXTENSION_VALUE,
	EXTENSION_QUOTED,
	EXTENSION_ESCAPED,
	EXTENSION_QUOTED_END,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_FIRST,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	DONE,
	BAD,
};

void http_chunked_init(struct http_chunked *chunked)
{
	*chunked = (struct http_chunked){.place = SIZE};
}

static enum place refuse(struct http_chunked *chunked, const char *problem)
{
	chunked->problem = problem;
	return BAD;
}

static int hex_value(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

static enum place read_size(struct http_chunked *chunked, char byte)
{
	int value = hex_value(byte);

	if (value >= 0) {
		if (chunked->digits == SIZE_DIGITS_MAX)
			return refuse(chunked, "a chunk's size has more than 16 digits");
		chunked->digits++;
		chunked->left = chunked->left << 4 | (unsigned)value;
		return SIZE;
	}
	if (chunked->digits == 0)
		return refuse(chunked, "a chunk's size does not begin with a hexadecimal digit");
	if (byte == '\r')
		return SIZE_LF;
	if (byte == ';')
		return EXTENSION_NAME_FIRST;
	return refuse(
		chunked, "a chunk's size is followed by something else than CRLF or an extension");
}

static enum place refuse_extension(struct http_chunked *chunked)
{
	return refuse(chunked, "a chunk's extension holds a character that is not allowed");
}

/* Behind a complete name or value of an extension. */
static enum place end_extension(struct http_chunked *chunked, char byte)
{
	if (byte == '\r')
		return SIZE_LF;
	if (byte == ';')
		return EXTENSION_NAME_FIRST;
	return refuse_extension(chunked);
}

static enum place read_extension(struct http_chunked *chunked, char byte)
{
	bool token = http_is_token_char(byte);

	switch ((enum place)chunked->place) {
	case EXTENSION_NAME_FIRST:
		return token ? EXTENSION_NAME : refuse(chunked, "a chunk's extension has no name");
	case EXTENSION_NAME:
		if (byte == '=')
			return EXTENSION_VALUE_FIRST;
		return token ? EXTENSION_NAME : end_extension(chunked, byte);
	case EXTENSION_VALUE_FIRST:
		if (byte == '"')
			return EXTENSION_QUOTED;
		return token ? EXTENSION_VALUE
			     : refuse(chunked, "a chunk's extension has no value");
	case EXTENSION_VALUE: return token ? EXTENSION_VALUE : end_extension(chunked, byte);
	case EXTENSION_QUOTED:
		if (byte == '"')
			return EXTENSION_QUOTED_END;
		if (byte == '\\')
			return EXTENSION_ESCAPED;
		return http_is_value_char(byte) ? EXTENSION_QUOTED : refuse_extension(chunked);
	case EXTENSION_ESCAPED:
		return http_is_value_char(byte) ? EXTENSION_QUOTED : refuse_extension(chunked);
	default: return end_extension(chunked, byte);
	}
}

/* Counts a byte of an extension; false when there are too many. */
static bool extension_fits(struct http_chunked *chunked)
{
	return ++chunked->extension_bytes <= EXTENSION_CHUNK_MAX &&
	       ++chunked->extension_total <= EXTENSION_TOTAL_MAX;
}

static enum place end_size(struct http_chunked *chunked, char byte)
{
	bool last = chunked->left == 0;

	chunked->digits = 0;
	chunked->extension_bytes = 0;
	if (byte != '\n')
		return refuse(chunked, "a chunk's size line has a CR without LF");
	return last ? TRAILER_FIRST : DATA;
}

/* Framing and routing are settled before a body is read; a trailer that would change them is an
 * attack. */
static bool trailer_is_forbidden(const struct http_chunked *chunked)
{
	static const char *const forbidden[] = {"content-length", "transfer-encoding", "host"};

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (chunked->name_len == strlen(forbidden[i]) &&
			memcmp(chunked->name, forbidden[i], chunked->name_len) == 0)
			return true;
	return false;
}

static void note_name(struct http_chunked *chunked, char byte)
{
	if (chunked->name_len < sizeof(chunked->name))
		chunked->name[chunked->name_len] = (char)tolower((unsigned char)byte);
	if (chunked->name_len <= sizeof(chunked->name))
		chunked->name_len++;
}

static enum place read_trailer(struct http_chunked *chunked, char byte)
{
	if (++chunked->trailer_bytes > TRAILER_MAX)
		return refuse(chunked, "the trailer fields are too long");
	switch ((enum place)chunked->place) {
	case TRAILER_FIRST:
		chunked->name_len = 0;
		if (byte == '\r')
			return LAST_LF;
		/* fall through */
	case TRAILER_NAME:
		if (http_is_token_char(byte)) {
			note_name(chunked, byte);
			return TRAILER_NAME;
		}
		if (byte != ':' || chunked->name_len == 0)
			return refuse(chunked, "a trailer field's name is empty or not a name");
		if (trailer_is_forbidden(chunked))
			return refuse(
				chunked, "a trailer field would change the message's framing");
		return TRAILER_VALUE;
	case TRAILER_VALUE:
		if (byte == '\r')
			return TRAILER_LF;
		return http_is_value_char(byte)
			       ? TRAILER_VALUE
			       : refuse(chunked, "a trailer field holds a control character");
	default:
		return byte == '\n' ? TRAILER_FIRST
				    : refuse(chunked, "a trailer field has a CR without LF");
	}
}

static enum place read_byte(struct http_chunked *chunked, char byte)
{
	switch ((enum place)chunked->place) {
	case SIZE: return read_size(chunked, byte);
	case SIZE_LF: return end_size(chunked, byte);
	case DATA_CR:
		return byte == '\r' ? DATA_LF
				    : refuse(chunked, "a chunk's data is longer than its size");
	case DATA_LF:
		return byte == '\n' ? SIZE
				    : refuse(chunked, "a chunk's data is not followed by CRLF");
	case TRAILER_FIRST:
	case TRAILER_NAME:
	case TRAILER_VALUE:
	case TRAILER_LF: return read_trailer(chunked, byte);
	case LAST_LF:
		return byte == '\n' ? DONE
				    : refuse(chunked, "the body's last line has a CR without LF");
	case DATA:
	case DONE:
	case BAD: panic("chunked decoder fed in place %d", chunked->place);
	default:
		return extension_fits(chunked)
			       ? read_extension(chunked, byte)
			       : refuse(chunked, "the chunk extensions are too long");
	}
}

static void take(struct slice *input, size_t len)
{
	input->data += len;
	input->len -= len;
}

static void take_data(struct http_chunked *chunked, struct slice *input, struct slice *data)
{
	size_t len = chunked->left < input->len ? (size_t)chunked->left : input->len;

	*data = slice_make(input->data, len);
	take(input, len);
	chunked->left -= len;
	if (chunked->left == 0)
		chunked->place = DATA_CR;
}

enum http_chunked_state http_chunked_feed(
	struct http_chunked *chunked, struct slice *input, struct slice *data)
{
	while (input->len > 0) {
		if (chunked->place == DATA) {
			take_data(chunked, input, data);
			return HTTP_CHUNKED_DATA;
		}
		chunked->place = (unsigned char)read_byte(chunked, input->data[0]);
		if (chunked->place == BAD)
			return HTTP_CHUNKED_BAD;
		take(input, 1);
		if (chunked->place == DONE)
			return HTTP_CHUNKED_DONE;
	}
	return HTTP_CHUNKED_MORE;
}
