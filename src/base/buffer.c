/* buffer.c: growing in powers of two, moving down when the front is free. */
#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fatal.h"
#include "base/memory.h"

#define BUFFER_FIRST_SIZE 256u

void buffer_init(struct buffer *buffer, size_t max)
{
	*buffer = (struct buffer){.max = max};
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->memory);
	*buffer = (struct buffer){.max = buffer->max};
}

static void move_down(struct buffer *buffer)
{
	size_t len = buffer_len(buffer);

	if (len > 0)
		memmove(buffer->memory, buffer->memory + buffer->start, len);
	buffer->start = 0;
	buffer->end = len;
}

static void grow(struct buffer *buffer, size_t wanted)
{
	size_t size = buffer->size ? buffer->size : BUFFER_FIRST_SIZE;

	while (size < wanted)
		size *= 2;
	buffer->memory = memory_realloc(buffer->memory, size);
	buffer->size = size;
}

char *buffer_reserve(struct buffer *buffer, size_t len)
{
	if (len > buffer->max || buffer_len(buffer) > buffer->max - len)
		return NULL;
	if (buffer->memory && len <= buffer->size - buffer->end)
		return buffer->memory + buffer->end;
	/* Moving is cheap only while the unread part is the smaller half; otherwise growing costs
	 * less over time. */
	if (buffer->start > buffer->size / 2)
		move_down(buffer);
	if (len > buffer->size - buffer->end || !buffer->memory)
		grow(buffer, buffer->end + (len ? len : 1));
	return buffer->memory + buffer->end;
}

bool buffer_append_growing(struct buffer *buffer, const void *data, size_t len)
{
	char *place = buffer_reserve(buffer, len);

	if (!place)
		return false;
	if (len > 0)
		memcpy(place, data, len);
	buffer->end += len;
	return true;
}

bool buffer_vprintf(struct buffer *buffer, const char *format, va_list args)
{
	va_list again;
	char *place;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	invariant(len >= 0);
	/* One more for vsnprintf's NUL, which is not part of the content. */
	if ((size_t)len > buffer->max - buffer_len(buffer))
		return false;
	buffer->max++;
	place = buffer_reserve(buffer, (size_t)len + 1);
	buffer->max--;
	vsnprintf(place, (size_t)len + 1, format, args);
	buffer->end += (size_t)len;
	return true;
}

bool buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	bool fitted;

	va_start(args, format);
	fitted = buffer_vprintf(buffer, format, args);
	va_end(args);
	return fitted;
}

void buffer_consume(struct buffer *buffer, size_t len)
{
	invariant(len <= buffer_len(buffer));
	buffer->start += len;
	if (buffer->start == buffer->end)
		buffer_clear(buffer);
}

const char *buffer_text(struct buffer *buffer)
{
	buffer->max++;
	*buffer_reserve(buffer, 1) = '\0';
	buffer->max--;
	return buffer_data(buffer);
}
