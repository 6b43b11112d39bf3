/* buffer.h: bytes in transit, born with their limit.
 *
 * A buffer is written at its end and consumed from its start. It never grows over `max`: the writer
 * is told and must stop, so nothing that a peer sends can make us grow without bound. Memory is
 * taken at the first write. */
#ifndef NEXUS_BASE_BUFFER_H
#define NEXUS_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct buffer {
	char *memory;
	size_t start; /* first unread byte */
	size_t end;   /* one past the last byte */
	size_t size;  /* allocated */
	size_t max;   /* unread bytes allowed */
};

void buffer_init(struct buffer *buffer, size_t max);
void buffer_free(struct buffer *buffer);

static inline size_t buffer_len(const struct buffer *buffer)
{
	return buffer->end - buffer->start;
}

static inline char *buffer_data(const struct buffer *buffer)
{
	/* Even adding zero to a null pointer is undefined in C. */
	return buffer->memory ? buffer->memory + buffer->start : NULL;
}

static inline struct slice buffer_slice(const struct buffer *buffer)
{
	return slice_make(buffer_data(buffer), buffer_len(buffer));
}

/* Room for `len` more bytes, to be filled and then claimed by buffer_commit; NULL when that would
 * pass `max`. */
char *buffer_reserve(struct buffer *buffer, size_t len);
/* Bytes that fit without growing, after a buffer_reserve. */
static inline size_t buffer_room(const struct buffer *buffer)
{
	return buffer->size - buffer->end;
}
static inline void buffer_commit(struct buffer *buffer, size_t len)
{
	buffer->end += len;
}
bool buffer_append_growing(struct buffer *buffer, const void *data, size_t len);
/* False, with nothing written, when it would pass `max`. */
static inline bool buffer_append(struct buffer *buffer, const void *data, size_t len)
{
	/* What fits where it is (`size` may be over `max`) is the usual case, a dozen times a
	 * request. */
	if (len == 0 || len > buffer->size - buffer->end || len > buffer->max ||
		buffer_len(buffer) > buffer->max - len)
		return buffer_append_growing(buffer, data, len);
	memcpy(buffer->memory + buffer->end, data, len);
	buffer->end += len;
	return true;
}
static inline bool buffer_append_slice(struct buffer *buffer, struct slice text)
{
	return buffer_append(buffer, text.data, text.len);
}
static inline bool buffer_append_text(struct buffer *buffer, const char *text)
{
	return buffer_append(buffer, text, strlen(text));
}
bool buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool buffer_vprintf(struct buffer *buffer, const char *format, va_list args);
/* Drops `len` unread bytes from the start. */
void buffer_consume(struct buffer *buffer, size_t len);
/* Forgets the content, keeps the memory. */
static inline void buffer_clear(struct buffer *buffer)
{
	buffer->start = buffer->end = 0;
}
/* The content as a C string (a NUL is kept behind it); valid until the next write. */
const char *buffer_text(struct buffer *buffer);

#endif
