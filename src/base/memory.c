/* memory.c: malloc with the one policy for failure. */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/fatal.h"

static void *must(void *block, size_t size)
{
	if (!block)
		panic("out of memory (%zu bytes wanted)", size);
	return block;
}

void *memory_alloc(size_t size)
{
	return must(malloc(size ? size : 1), size);
}

void *memory_zalloc(size_t size)
{
	return must(calloc(1, size ? size : 1), size);
}

void *memory_array(size_t count, size_t item_size)
{
	if (item_size > 0 && count > SIZE_MAX / item_size)
		panic("array of %zu x %zu bytes overflows", count, item_size);
	return memory_zalloc(count * item_size);
}

void *memory_realloc(void *block, size_t size)
{
	return must(realloc(block, size ? size : 1), size);
}

char *memory_strdup(const char *text)
{
	return memory_dup_slice(slice_of(text));
}

char *memory_dup_slice(struct slice text)
{
	char *copy = memory_alloc(text.len + 1);

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return copy;
}

void memory_free_at(void *pointer_to_pointer)
{
	void **place = pointer_to_pointer;

	free(*place);
	*place = NULL;
}
