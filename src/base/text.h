/* text.h: reading and showing short texts: numbers, names that are nearly right, bytes that are not
 * ours. */
#ifndef NEXUS_BASE_TEXT_H
#define NEXUS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Decimal digits only (no sign, no space), all of the slice; false when empty, not a number or over
 * `max`. */
bool text_parse_u64(struct slice text, uint64_t max, uint64_t *out);

/* The name nearest to `wanted` by edit distance, or NULL when none is near enough to be meant (more
 * than a third of its letters differ). `names` ends with NULL. */
const char *text_nearest(const char *wanted, const char *const *names);
/* Levenshtein distance, ASCII case ignored, computed on the first 64 bytes of each. */
unsigned text_distance(struct slice a, struct slice b);

enum text_escape {
	TEXT_ESCAPE_LINE, /* for a terminal or a log line: control bytes, DEL and C1 as \xNN,
			     invalid UTF-8 too */
	TEXT_ESCAPE_JSON, /* inside a JSON string: the same, and quotes and backslashes; invalid
			     UTF-8 becomes U+FFFD */
};

/* Writes the escaped text, cut at a character's boundary if `size` is too small, with a NUL.
 * Returns its length. */
size_t text_escape(char *out, size_t size, struct slice text, enum text_escape how);

/* The length of the UTF-8 sequence at `data` (RFC 3629: no surrogates, no overlong forms), or 0
 * when it is invalid or cut off within `len` bytes. */
size_t text_utf8_len(const char *data, size_t len);

/* Glob match of * and ? over the whole name (no classes, no escapes). Linear in time for one star,
 * never exponential. */
bool text_glob(struct slice pattern, struct slice name);

/* Equality in time that depends on the lengths only: for secrets. */
bool text_equal_secret(struct slice a, struct slice b);

#endif
