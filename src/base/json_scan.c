/* json_scan.c: the pull reader's grammar.
 *
 * Every function moves `at` forward over what it has checked, or notes the first problem and stays
 * at the byte at fault. Strings are passed over 64 bytes at a time: a window of classified bytes
 * (json_scan_kernel.h) is kept between calls, so that a run of short strings is classified once. No
 * byte outside the text is ever read. */
#include "base/json_scan.h"

#include <endian.h>

#include "base/fatal.h"
#include "base/json_scan_kernel.h"
#include "base/text.h"

static bool fail(struct json_reader *json, const char *at, const char *problem)
{
	json->at = at;
	json->problem = problem;
	return false;
}

void json_reader_init(struct json_reader *json, struct slice text, unsigned max_depth)
{
	invariant(max_depth >= 1 && max_depth <= JSON_SCAN_DEPTH_MAX);
	if (!text.data)
		text = SLICE_LITERAL("");
	*json = (struct json_reader){
		.start = text.data,
		.at = text.data,
		.end = text.data + text.len,
		.max_depth = max_depth,
		.window = text.data,
		.window_end = text.data,
	};
}

static inline void skip_space(struct json_reader *json)
{
	const char *at = json->at;

	while (at < json->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	json->at = at;
}

/* Strings. */

/* A text shorter than a block is classified from a copy. */
static __attribute__((noinline)) void window_on_short_text(struct json_reader *json, const char *at)
{
	size_t left = (size_t)(json->end - at);
	char block[JSON_BLOCK] = {0};
	struct json_found found;

	memcpy(block, at, left);
	json_kernel(block, 0, block + JSON_BLOCK, &found);
	json->window = at;
	json->window_end = json->end;
	json->specials = found.specials & ((UINT64_C(1) << left) - 1);
	json->escapes = found.escapes;
}

/* Classifies the bytes from `at` on, as far as a string may pass over them; returns from where they
 * are to be looked at. Near the end the window is the text's last whole block, so it may begin
 * before. */
static const char *move_window(struct json_reader *json, const char *at, bool *escaped)
{
	struct json_found found;
	const char *block;

	if (json->end - json->start < (ptrdiff_t)JSON_BLOCK) {
		window_on_short_text(json, at);
		return at;
	}
	block = json->end - at >= (ptrdiff_t)JSON_BLOCK ? at : json->end - JSON_BLOCK;
	json->window = json_kernel(block, (unsigned)(at - block), json->end, &found);
	json->window_end = json->window + JSON_BLOCK;
	json->specials = found.specials;
	json->escapes = found.escapes;
	*escaped |= found.escapes_before;
	return json->window > at ? json->window : at;
}

/* The next byte that a string may not simply pass over, or the end of the text. *escaped is set if
 * an escape lies before it. */
static inline const char *next_special(struct json_reader *json, const char *at, bool *escaped)
{
	while (at < json->end) {
		uint64_t ahead;
		uint64_t escapes;

		if (at >= json->window_end)
			at = move_window(json, at, escaped);
		ahead = json->specials >> (at - json->window);
		escapes = json->escapes >> (at - json->window);
		if (ahead != 0) {
			/* Those below the lowest bit of `ahead`. */
			*escaped |= (escapes & ~ahead & (ahead - 1)) != 0;
			return at + __builtin_ctzll(ahead);
		}
		*escaped |= escapes != 0;
		at = json->window_end;
	}
	return json->end;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
		return (digit | 0x20) - 'a' + 10;
	return -1;
}

/* The four hexadecimal digits behind a "\u" at `at`, or -1. */
static int unicode_escape(const char *at, const char *end)
{
	int value = 0;

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_value(at[i]);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* The end of the escape that begins at `at` and is not a simple one; NULL, with the problem noted,
 * when it is none. */
static const char *skip_escape(struct json_reader *json, const char *at)
{
	int unit;
	int low;

	if (json->end - at < 2)
		return fail(json, json->end, "the text ends inside a string"), NULL;
	if (at[1] != 'u')
		return fail(json, at,
			       "a backslash stands before a character that cannot be escaped"),
		       NULL;
	unit = unicode_escape(at, json->end);
	if (unit < 0)
		return fail(json, at, "\\u needs four hexadecimal digits"), NULL;
	if (unit < 0xd800 || unit > 0xdfff)
		return at + 6;
	low = unicode_escape(at + 6, json->end);
	if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return fail(json, at, "half of a surrogate pair stands alone"), NULL;
	return at + 12;
}

/* Whether two characters of three bytes each begin at `at` (of which 8 bytes may be read), and
 * neither begins with e0 or ed, whose second byte has a range of its own: most of the text in the
 * world's other scripts, at one test for two. */
static inline bool two_of_three_bytes(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	word = le64toh(word);
	if ((word & UINT64_C(0xc0c0f0c0c0f0)) != UINT64_C(0x8080e08080e0))
		return false;
	return !((0x2001u >> (word & 0xf) | 0x2001u >> (word >> 24 & 0xf)) & 1);
}

/* The end of the run of bytes above 0x7f that begins at `at`. */
static const char *skip_not_ascii(struct json_reader *json, const char *at)
{
	while (at < json->end && (unsigned char)*at >= 0x80) {
		size_t left = (size_t)(json->end - at);
		size_t len = left >= 8 && two_of_three_bytes(at) ? 6 : text_utf8_len(at, left);

		if (len == 0)
			return fail(json, at, "these bytes are not UTF-8"), NULL;
		at += len;
	}
	return at;
}

static const char *fail_in_string(struct json_reader *json, const char *at)
{
	if (at == json->end)
		fail(json, at, "the text ends inside a string");
	else
		fail(json, at, "a control character stands in a string without being escaped");
	return NULL;
}

/* Reads the string whose opening quote is at `json->at`. */
static inline bool walk_string(struct json_reader *json, struct json_string *out)
{
	const char *start = json->at + 1;
	const char *at = start;

	out->escaped = false;
	for (;;) {
		at = next_special(json, at, &out->escaped);
		if (at < json->end && *at == '"')
			break;
		if (json->end - at >= 2 && *at == '\\' &&
			json_simple_escapes[(unsigned char)at[1]]) {
			at += 2;
			out->escaped = true;
		} else if (at < json->end && *at == '\\') {
			at = skip_escape(json, at);
			out->escaped = true;
		} else if (at < json->end && (unsigned char)*at >= 0x80) {
			at = skip_not_ascii(json, at);
		} else {
			at = fail_in_string(json, at);
		}
		if (!at)
			return false;
	}
	out->raw = slice_make(start, (size_t)(at - start));
	json->at = at + 1;
	return true;
}

/* Numbers and literals. */

static const char *skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

static bool walk_number(struct json_reader *json)
{
	const char *end = json->end;
	const char *digits = json->at + (*json->at == '-');
	const char *at = skip_digits(digits, end);

	if (at == digits)
		return fail(json, at, "a digit is missing");
	if (*digits == '0' && at - digits > 1)
		return fail(json, digits, "a number begins with 0");
	if (at < end && *at == '.') {
		digits = at + 1;
		at = skip_digits(digits, end);
		if (at == digits)
			return fail(json, at, "a digit is missing");
	}
	if (at < end && (*at == 'e' || *at == 'E')) {
		digits = at + 1;
		if (digits < end && (*digits == '+' || *digits == '-'))
			digits++;
		at = skip_digits(digits, end);
		if (at == digits)
			return fail(json, at, "a digit is missing");
	}
	json->at = at;
	return true;
}

static bool walk_literal(struct json_reader *json, struct slice literal)
{
	if ((size_t)(json->end - json->at) < literal.len ||
		memcmp(json->at, literal.data, literal.len) != 0)
		return fail(json, json->at, "a value is expected");
	json->at += literal.len;
	return true;
}

/* Values. */

enum json_type json_peek(struct json_reader *json)
{
	if (json->problem)
		return JSON_TYPE_INVALID;
	skip_space(json);
	if (json->at == json->end)
		return JSON_TYPE_INVALID;
	switch (*json->at) {
	case '{': return JSON_TYPE_OBJECT;
	case '[': return JSON_TYPE_ARRAY;
	case '"': return JSON_TYPE_STRING;
	case 't': return JSON_TYPE_TRUE;
	case 'f': return JSON_TYPE_FALSE;
	case 'n': return JSON_TYPE_NULL;
	case '-': return JSON_TYPE_NUMBER;
	default: return *json->at >= '0' && *json->at <= '9' ? JSON_TYPE_NUMBER : JSON_TYPE_INVALID;
	}
}

/* Notes, unless there is a problem already, that the next value is not what the caller needs. */
static bool refuse(struct json_reader *json, const char *problem)
{
	if (json->problem)
		return false;
	if (json->at == json->end)
		problem = "the text ends where a value is expected";
	return fail(json, json->at, problem);
}

static inline bool in_object(const struct json_reader *json)
{
	return json->objects >> (json->depth - 1) & 1;
}

static bool enter(struct json_reader *json, bool object)
{
	uint64_t level;

	if (json->depth >= json->max_depth)
		return fail(json, json->at, "the nesting is too deep");
	level = UINT64_C(1) << json->depth;
	json->objects = object ? json->objects | level : json->objects & ~level;
	json->has_items &= ~level;
	json->depth++;
	json->at++;
	return true;
}

bool json_enter_object(struct json_reader *json)
{
	if (json_peek(json) != JSON_TYPE_OBJECT)
		return refuse(json, "an object is expected");
	return enter(json, true);
}

bool json_enter_array(struct json_reader *json)
{
	if (json_peek(json) != JSON_TYPE_ARRAY)
		return refuse(json, "an array is expected");
	return enter(json, false);
}

/* Before each member or item: false at the container's end, which is consumed. */
static bool next_begins(struct json_reader *json, bool object)
{
	uint64_t level;

	if (json->problem)
		return false;
	invariant(json->depth > 0 && in_object(json) == object);
	level = UINT64_C(1) << (json->depth - 1);
	skip_space(json);
	if (json->at == json->end)
		return fail(json, json->at,
			object ? "the text ends inside an object"
			       : "the text ends inside an array");
	if (*json->at == (object ? '}' : ']')) {
		json->at++;
		json->depth--;
		return false;
	}
	if (json->has_items & level) {
		if (*json->at != ',')
			return fail(json, json->at, "a comma is missing");
		json->at++;
	}
	json->has_items |= level;
	return true;
}

bool json_next_member(struct json_reader *json, struct json_string *key)
{
	if (!next_begins(json, true))
		return false;
	skip_space(json);
	if (json->at == json->end || *json->at != '"')
		return fail(json, json->at, "a member's name in double quotes is expected");
	if (!walk_string(json, key))
		return false;
	skip_space(json);
	if (json->at == json->end || *json->at != ':')
		return fail(json, json->at, "a colon is missing");
	json->at++;
	return true;
}

bool json_next_item(struct json_reader *json)
{
	return next_begins(json, false);
}

bool json_read_string(struct json_reader *json, struct json_string *out)
{
	if (json_peek(json) != JSON_TYPE_STRING)
		return refuse(json, "a string is expected");
	return walk_string(json, out);
}

bool json_read_number(struct json_reader *json, struct slice *out)
{
	const char *start;

	if (json_peek(json) != JSON_TYPE_NUMBER)
		return refuse(json, "a number is expected");
	start = json->at;
	if (!walk_number(json))
		return false;
	*out = slice_make(start, (size_t)(json->at - start));
	return true;
}

bool json_read_u64(struct json_reader *json, uint64_t *out, bool *is_integer)
{
	struct slice number;

	if (!json_read_number(json, &number))
		return false;
	*out = 0;
	*is_integer = text_parse_u64(number, UINT64_MAX, out);
	return true;
}

bool json_read_bool(struct json_reader *json, bool *out)
{
	enum json_type type = json_peek(json);

	if (type != JSON_TYPE_TRUE && type != JSON_TYPE_FALSE)
		return refuse(json, "true or false is expected");
	*out = type == JSON_TYPE_TRUE;
	return walk_literal(json, *out ? SLICE_LITERAL("true") : SLICE_LITERAL("false"));
}

/* Passes over the next value if it is a scalar, else enters it. */
static bool skip_or_enter(struct json_reader *json)
{
	struct json_string string;

	switch (json_peek(json)) {
	case JSON_TYPE_OBJECT: return enter(json, true);
	case JSON_TYPE_ARRAY: return enter(json, false);
	case JSON_TYPE_STRING: return walk_string(json, &string);
	case JSON_TYPE_NUMBER: return walk_number(json);
	case JSON_TYPE_TRUE: return walk_literal(json, SLICE_LITERAL("true"));
	case JSON_TYPE_FALSE: return walk_literal(json, SLICE_LITERAL("false"));
	case JSON_TYPE_NULL: return walk_literal(json, SLICE_LITERAL("null"));
	case JSON_TYPE_INVALID: break;
	}
	return refuse(json, "a value is expected");
}

bool json_skip(struct json_reader *json)
{
	unsigned depth = json->depth;
	struct json_string key;

	if (!skip_or_enter(json))
		return false;
	while (json->depth > depth) {
		bool more = in_object(json) ? json_next_member(json, &key) : json_next_item(json);

		if (more ? !skip_or_enter(json) : json->problem != NULL)
			return false;
	}
	return true;
}

bool json_skip_span(struct json_reader *json, struct slice *out)
{
	const char *start;

	json_peek(json);
	start = json->at;
	if (!json_skip(json))
		return false;
	*out = slice_make(start, (size_t)(json->at - start));
	return true;
}

bool json_finish(struct json_reader *json)
{
	if (json->problem)
		return false;
	skip_space(json);
	if (json->depth > 0)
		return fail(json, json->at, "a container is still open");
	if (json->at < json->end)
		return fail(json, json->at, "something stands behind the value");
	return true;
}

const char *json_problem(const struct json_reader *json, size_t *offset)
{
	if (json->problem && offset)
		*offset = (size_t)(json->at - json->start);
	return json->problem;
}

void json_position(const struct json_reader *json, size_t offset, unsigned *line, unsigned *column)
{
	const char *at = json->start;
	const char *place = json->start + offset;
	const char *newline;

	*line = 1;
	while (at < place && (newline = memchr(at, '\n', (size_t)(place - at)))) {
		at = newline + 1;
		(*line)++;
	}
	*column = (unsigned)(place - at) + 1;
}
