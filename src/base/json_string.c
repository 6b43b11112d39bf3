/* json_string.c: what a JSON string says. Works on strings that the reader has validated. */
#include "base/json_scan.h"

#include <stdint.h>

/* At `at`, an escape "\uXXXX" that has been validated. */
static uint32_t code_unit(const char *at)
{
	uint32_t value = 0;

	for (int i = 2; i < 6; i++) {
		unsigned char digit = (unsigned char)at[i];

		value = value << 4 | (digit <= '9' ? digit - (uint32_t)'0'
						   : (digit | 0x20) - (uint32_t)'a' + 10);
	}
	return value;
}

static size_t encode_utf8(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

static char simple_escape(char letter)
{
	switch (letter) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	default: return letter;
	}
}

/* Decodes the escape at *at into `out`, moves *at behind it and returns how many bytes it makes. */
static size_t decode_escape(const char **at, char out[4])
{
	const char *escape = *at;
	uint32_t code;

	if (escape[1] != 'u') {
		*at += 2;
		out[0] = simple_escape(escape[1]);
		return 1;
	}
	code = code_unit(escape);
	*at += 6;
	if (code >= 0xd800 && code <= 0xdbff) {
		code = 0x10000 + ((code - 0xd800) << 10) + (code_unit(escape + 6) - 0xdc00);
		*at += 6;
	}
	return encode_utf8(code, out);
}

bool json_escaped_string_is(struct json_string string, const char *text)
{
	struct slice rest = slice_of(text);
	const char *at = string.raw.data;

	for (const char *end = at + string.raw.len; at < end;) {
		char piece[4] = {*at};
		size_t len = 1;

		if (*at == '\\')
			len = decode_escape(&at, piece);
		else
			at++;
		if (len > rest.len || memcmp(piece, rest.data, len) != 0)
			return false;
		rest = slice_make(rest.data + len, rest.len - len);
	}
	return rest.len == 0;
}

size_t json_string_decode(struct json_string string, char *out, size_t size)
{
	const char *at = string.raw.data ? string.raw.data : "";
	const char *end = at + string.raw.len;
	size_t used = 0;

	while (at < end) {
		const char *escape = string.escaped ? memchr(at, '\\', (size_t)(end - at)) : NULL;
		size_t plain = (size_t)((escape ? escape : end) - at);
		char piece[4];
		size_t len;

		if (plain >= size - used)
			return SIZE_MAX;
		memcpy(out + used, at, plain);
		used += plain;
		at += plain;
		if (!escape)
			break;
		len = decode_escape(&at, piece);
		if (len >= size - used)
			return SIZE_MAX;
		memcpy(out + used, piece, len);
		used += len;
	}
	if (used >= size)
		return SIZE_MAX;
	out[used] = '\0';
	return used;
}
