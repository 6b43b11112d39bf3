/* text.c: pure functions over short texts. */
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>

bool text_parse_u64(struct slice text, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 20)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*out = value;
	return true;
}

#define DISTANCE_MAX 64u

unsigned text_distance(struct slice a, struct slice b)
{
	unsigned row[DISTANCE_MAX + 1];
	size_t a_len = a.len < DISTANCE_MAX ? a.len : DISTANCE_MAX;
	size_t b_len = b.len < DISTANCE_MAX ? b.len : DISTANCE_MAX;

	for (size_t j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			bool same = tolower((unsigned char)a.data[i - 1]) ==
				    tolower((unsigned char)b.data[j - 1]);
			unsigned best = diagonal + !same;

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

const char *text_nearest(const char *wanted, const char *const *names)
{
	const char *nearest = NULL;
	unsigned best = (unsigned)strlen(wanted) / 3 + 2;

	for (; *names; names++) {
		unsigned distance = text_distance(slice_of(wanted), slice_of(*names));

		if (distance < best) {
			best = distance;
			nearest = *names;
		}
	}
	return nearest;
}

static bool is_continuation(const char *data, size_t at)
{
	return ((unsigned char)data[at] & 0xc0) == 0x80;
}

size_t text_utf8_len(const char *data, size_t len)
{
	unsigned char lead = len > 0 ? (unsigned char)data[0] : 0xff;
	unsigned char next = len > 1 ? (unsigned char)data[1] : 0;

	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return len >= 2 && is_continuation(data, 1) ? 2 : 0;
	if (lead >= 0xe0 && lead <= 0xef) {
		if (len < 3 || !is_continuation(data, 1) || !is_continuation(data, 2))
			return 0;
		if ((lead == 0xe0 && next < 0xa0) || (lead == 0xed && next > 0x9f))
			return 0;
		return 3;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		if (len < 4 || !is_continuation(data, 1) || !is_continuation(data, 2) ||
			!is_continuation(data, 3))
			return 0;
		if ((lead == 0xf0 && next < 0x90) || (lead == 0xf4 && next > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

/* U+0080..U+009F drive some terminals as escapes do. */
static bool is_c1(const char *data, size_t len)
{
	return len == 2 && (unsigned char)data[0] == 0xc2 && (unsigned char)data[1] < 0xa0;
}

/* One input character: how many input bytes were read, and its printed form in `piece`. */
static size_t escape_one(char piece[16], const char *data, size_t len, enum text_escape how)
{
	bool json = how == TEXT_ESCAPE_JSON;
	unsigned char byte = (unsigned char)data[0];
	size_t taken = text_utf8_len(data, len);

	if (taken == 0) {
		snprintf(piece, 16, json ? "\xef\xbf\xbd" : "\\x%02x", byte);
		return 1;
	}
	if (byte < 0x20 || byte == 0x7f)
		snprintf(piece, 16, json ? "\\u%04x" : "\\x%02x", byte);
	else if (is_c1(data, taken))
		snprintf(piece, 16, json ? "\\u%04x" : "\\x%02x", (unsigned char)data[1]);
	else if (json && (byte == '"' || byte == '\\'))
		snprintf(piece, 16, "\\%c", byte);
	else
		snprintf(piece, 16, "%.*s", (int)taken, data);
	return taken;
}

/* How many bytes from `at` on stand for themselves. */
static size_t plain_run(struct slice text, size_t at, enum text_escape how)
{
	size_t start = at;

	for (; at < text.len; at++) {
		unsigned char byte = (unsigned char)text.data[at];

		if (byte < 0x20 || byte > 0x7e ||
			(how == TEXT_ESCAPE_JSON && (byte == '"' || byte == '\\')))
			break;
	}
	return at - start;
}

size_t text_escape(char *out, size_t size, struct slice text, enum text_escape how)
{
	size_t used = 0;

	if (size == 0)
		return 0;
	for (size_t at = 0; at < text.len;) {
		size_t room = size - 1 - used;
		size_t taken = plain_run(text, at, how);
		char piece[16];
		size_t len;

		if (taken > 0) {
			len = taken < room ? taken : room;
			memcpy(out + used, text.data + at, len);
		} else {
			taken = escape_one(piece, text.data + at, text.len - at, how);
			len = strlen(piece);
			if (len > room)
				break;
			memcpy(out + used, piece, len);
		}
		used += len;
		at += taken;
		if (used == size - 1)
			break;
	}
	out[used] = '\0';
	return used;
}

bool text_glob(struct slice pattern, struct slice name)
{
	size_t p = 0;
	size_t n = 0;
	size_t star = SIZE_MAX;
	size_t star_name = 0;

	while (n < name.len) {
		if (p < pattern.len &&
			(pattern.data[p] == '?' || pattern.data[p] == name.data[n]) &&
			pattern.data[p] != '*') {
			p++;
			n++;
		} else if (p < pattern.len && pattern.data[p] == '*') {
			star = p++;
			star_name = n;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++star_name;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.data[p] == '*')
		p++;
	return p == pattern.len;
}

bool text_equal_secret(struct slice a, struct slice b)
{
	unsigned char different = a.len != b.len;

	for (size_t i = 0; i < a.len && i < b.len; i++)
		different |= (unsigned char)a.data[i] ^ (unsigned char)b.data[i];
	return different == 0;
}
