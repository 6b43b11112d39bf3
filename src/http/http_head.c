/* http_head.c: writing heads and chunk framing into a buffer. Knows no request and no socket. */
#include "http/http_head.h"

#include <stdint.h>
#include <string.h>

#include "base/fatal.h"
#include "http/http_error.h"

#define CHUNK_DIGITS   7u
#define CHUNK_OVERHEAD (CHUNK_DIGITS + 2u)
#define CHUNK_MAX      ((1u << (4u * CHUNK_DIGITS)) - 1u)
#define U64_DIGITS     20u

#define EACH_BYTE(byte) ((byte) * UINT64_C(0x0101010101010101))

/* Whether eight bytes hold one below `first` (at most 0x80) or a DEL: the sign bit of each byte, by the usual borrow. */
static bool word_is_dirty(uint64_t word, unsigned char first)
{
	uint64_t below = (word - EACH_BYTE(first)) & ~word;
	uint64_t not_del = word ^ EACH_BYTE(0x7f);
	uint64_t del = (not_del - EACH_BYTE(1)) & ~not_del;

	return ((below | del) & EACH_BYTE(0x80)) != 0;
}

static bool is_clean(struct slice text, unsigned char first)
{
	size_t i = 0;
	uint64_t word;

	for (; i + sizeof(word) <= text.len; i += sizeof(word)) {
		memcpy(&word, text.data + i, sizeof(word));
		if (word_is_dirty(word, first))
			return false;
	}
	/* The rest, filled up with a byte that is always clean. */
	word = EACH_BYTE('x');
	memcpy(&word, text.data + i, text.len - i);
	return !word_is_dirty(word, first);
}

/* Copies what may stand in a head: nothing below `first`, no DEL. Returns the end of the copy. */
static char *copy_clean(char *to, struct slice text, unsigned char first)
{
	if (text.len > 0 && is_clean(text, first)) {
		memcpy(to, text.data, text.len);
		return to + text.len;
	}
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.data[i];

		if (byte >= first && byte != 0x7f)
			*to++ = (char)byte;
	}
	return to;
}

static char *copy(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

/* The digits of `value`, written so that they end at `end`; returns the first. */
static char *write_digits(char *end, uint64_t value)
{
	do
		*--end = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	return end;
}

bool http_head_status(struct buffer *out, unsigned status)
{
	const char *text = http_status_text(status);
	size_t len = strlen(text);
	char *place = buffer_reserve(out, sizeof("HTTP/1.1 200 \r\n") - 1 + len);

	invariant(status >= 100 && status <= 999);
	if (!place)
		return false;
	place = copy(place, "HTTP/1.1 ", 9);
	place = write_digits(place + 3, status) + 3;
	*place++ = ' ';
	place = copy(place, text, len);
	copy(place, "\r\n", 2);
	buffer_commit(out, sizeof("HTTP/1.1 200 \r\n") - 1 + len);
	return true;
}

bool http_head_request(struct buffer *out, const char *method, struct slice path)
{
	size_t method_len = strlen(method);
	char *start = buffer_reserve(out, method_len + 1 + path.len + sizeof(" HTTP/1.1\r\n") - 1);
	char *place = start;

	if (!place)
		return false;
	place = copy(place, method, method_len);
	*place++ = ' ';
	place = copy_clean(place, path, '!');
	place = copy(place, " HTTP/1.1\r\n", 11);
	buffer_commit(out, (size_t)(place - start));
	return true;
}

bool http_head_add(struct buffer *out, const char *name, struct slice value)
{
	size_t name_len = strlen(name);
	char *start = buffer_reserve(out, name_len + 2 + value.len + 2);
	char *place = start;

	if (!place)
		return false;
	place = copy(place, name, name_len);
	place = copy(place, ": ", 2);
	place = copy_clean(place, value, ' ');
	place = copy(place, "\r\n", 2);
	buffer_commit(out, (size_t)(place - start));
	return true;
}

bool http_head_add_text(struct buffer *out, const char *name, const char *value)
{
	return http_head_add(out, name, slice_of(value));
}

bool http_head_add_u64(struct buffer *out, const char *name, uint64_t value)
{
	char digits[U64_DIGITS];
	char *end = digits + sizeof(digits);
	char *first = write_digits(end, value);

	return http_head_add(out, name, slice_make(first, (size_t)(end - first)));
}

bool http_head_end(struct buffer *out)
{
	return buffer_append(out, "\r\n", 2);
}

/* The mark is counted from the first unread byte, because the buffer's memory may move while the
 * chunk is filled. */
bool http_chunk_open(struct buffer *out, size_t *mark)
{
	*mark = buffer_len(out);
	return buffer_append(out, "0000000\r\n", CHUNK_OVERHEAD);
}

bool http_chunk_close(struct buffer *out, size_t mark)
{
	static const char hex[] = "0123456789abcdef";
	size_t size;
	char *digits;

	invariant(buffer_len(out) >= mark + CHUNK_OVERHEAD);
	size = buffer_len(out) - mark - CHUNK_OVERHEAD;
	invariant(size <= CHUNK_MAX);
	if (size == 0) {
		out->end -= CHUNK_OVERHEAD;
		return true;
	}
	digits = buffer_data(out) + mark;
	for (size_t i = CHUNK_DIGITS; i-- > 0; size >>= 4)
		digits[i] = hex[size & 15];
	return buffer_append(out, "\r\n", 2);
}

bool http_chunk_last(struct buffer *out)
{
	return buffer_append(out, "0\r\n\r\n", 5);
}
