/* slice.h: a piece of somebody else's bytes.
 *
 * Owns nothing. A slice is valid as long as what it points into; it need not end in NUL.
 * Everything that parses hands out slices, so that a request's bytes are copied only when they must
 * outlive it. */
#ifndef NEXUS_BASE_SLICE_H
#define NEXUS_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
	const char *data;
	size_t len;
};

/* A range of somebody else's bytes, by place: it stays right when the bytes move. Length 0 at
 * `offset` 0: not there. */
struct span {
	size_t offset;
	size_t length;
};

/* For printf("%.*s"): the precision and the pointer of a slice. */
#define SLICE_ARGS(s) (int)(s).len, (s).data

/* A slice of a string literal, usable as a constant initialiser. */
#define SLICE_LITERAL(text) ((struct slice){(text), sizeof(text) - 1})

static inline struct slice slice_make(const char *data, size_t len)
{
	return (struct slice){data, len};
}

/* The bytes of a C string; NULL gives the empty slice. */
static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
	return slice_equal(a, slice_of(text));
}

/* ASCII case-insensitive comparison, as header names need (RFC 9110 section 5.1). */
static inline bool slice_is_nocase(struct slice a, const char *text)
{
	return a.len == strlen(text) && strncasecmp(a.data, text, a.len) == 0;
}

static inline bool slice_starts_with(struct slice a, const char *prefix)
{
	size_t len = strlen(prefix);

	return a.len >= len && memcmp(a.data, prefix, len) == 0;
}

static inline bool slice_ends_with(struct slice a, const char *suffix)
{
	size_t len = strlen(suffix);

	return a.len >= len && memcmp(a.data + a.len - len, suffix, len) == 0;
}

#endif
