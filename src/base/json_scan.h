/* json_scan.h: reading JSON where it lies.
 *
 * A strict pull reader (RFC 8259, valid UTF-8, bounded depth, nothing behind the value) that
 * allocates nothing and copies nothing: it hands out the bytes between which a value stands, so
 * that a caller can look at what it needs, skip the rest at the speed of SSE2 or AVX2, and edit in
 * place. The whole text has been validated once the reader has passed over it. Reading stops at the
 * first error for good; json_problem then says what and where.
 *
 * Numbers are checked for form, not for range; duplicate keys are the caller's business. */
#ifndef NEXUS_BASE_JSON_SCAN_H
#define NEXUS_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define JSON_SCAN_DEPTH_MAX 64u

struct json_reader {
	const char *start;
	const char *at;
	const char *end;
	unsigned depth;
	unsigned max_depth;
	uint64_t objects;    /* one bit a level: object (1) or array (0) */
	uint64_t has_items;  /* one bit a level: something was read there */
	const char *problem; /* NULL while all is well; `at` then stays at the byte at fault */
	/* The bytes classified last; a bit for each that a string may not simply pass over, and for each
	 * escape that it may. */
	const char *window;
	const char *window_end;
	uint64_t specials;
	uint64_t escapes;
};

enum json_type {
	JSON_TYPE_INVALID, /* an error, or the end of the text */
	JSON_TYPE_OBJECT,
	JSON_TYPE_ARRAY,
	JSON_TYPE_STRING,
	JSON_TYPE_NUMBER,
	JSON_TYPE_TRUE,
	JSON_TYPE_FALSE,
	JSON_TYPE_NULL,
};

/* The bytes between a string's quotes, as they stand. `escaped` tells whether they hold a
 * backslash. */
struct json_string {
	struct slice raw;
	bool escaped;
};

/* `max_depth` counts nested containers, 1 to JSON_SCAN_DEPTH_MAX. */
void json_reader_init(struct json_reader *json, struct slice text, unsigned max_depth);

/* The type of the value that comes next, by its first byte; white space is skipped, nothing else is
 * consumed, and no problem is noted: reading what is not there does that. */
enum json_type json_peek(struct json_reader *json);

/* Containers: enter, then call next until it returns false, at the end of the container (which is
 * consumed) or at an error. Between two calls of next exactly one value is read, skipped or entered
 * and left: `json_enter_object(r); while (json_next_member(r, &key)) { one value }`. */
bool json_enter_object(struct json_reader *json);
bool json_next_member(struct json_reader *json, struct json_string *key);
bool json_enter_array(struct json_reader *json);
bool json_next_item(struct json_reader *json);

bool json_read_string(struct json_reader *json, struct json_string *out);
/* The number's own bytes, e.g. "1e3". */
bool json_read_number(struct json_reader *json, struct slice *out);
/* A number that is a non-negative integer; anything else of a number (negative, fraction, too
 * large) sets *is_integer false and is still consumed. */
bool json_read_u64(struct json_reader *json, uint64_t *out, bool *is_integer);
bool json_read_bool(struct json_reader *json, bool *out);

/* Passes over the next value whatever it is, validating all of it. */
bool json_skip(struct json_reader *json);
/* The same, giving its bytes (without white space around it). */
bool json_skip_span(struct json_reader *json, struct slice *out);

/* True when nothing but white space is left and no error happened. */
bool json_finish(struct json_reader *json);

/* What is wrong, in words ("a comma is missing"), and its byte offset (`offset` may be NULL); NULL
 * when nothing is. */
const char *json_problem(const struct json_reader *json, size_t *offset);
/* The 1-based line and column (in bytes) of an offset, for messages. */
void json_position(const struct json_reader *json, size_t offset, unsigned *line, unsigned *column);

/* The slow half of json_string_is. */
bool json_escaped_string_is(struct json_string string, const char *text);
/* Whether the string, decoded, is `text`. Inline, so that comparing with a literal costs nothing. */
static inline bool json_string_is(struct json_string string, const char *text)
{
	if (string.escaped)
		return json_escaped_string_is(string, text);
	return string.raw.len == strlen(text) && memcmp(string.raw.data, text, strlen(text)) == 0;
}
/* Decodes into `out` (NUL-terminated) and returns the decoded length; SIZE_MAX when it does not fit
 * in `size` with the NUL. The string has been validated by the reader. Never longer than the raw
 * form. */
size_t json_string_decode(struct json_string string, char *out, size_t size);

/* Which inner loops are in use: "avx2", "sse2" or "portable". Chosen once, at first use, by what
 * the CPU has. */
const char *json_scan_kernel(void);
/* For tests and benchmarks: use another; false when this CPU (or build) lacks it. */
bool json_scan_use_kernel(const char *name);

#endif
