/* arena.c: a bump allocator over a list of blocks. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fatal.h"
#include "base/memory.h"

#define ARENA_ALIGN 16u

struct arena_block {
	struct arena_block *next;
	_Alignas(ARENA_ALIGN) char bytes[];
};

static char *align_up(char *at)
{
	return at + (-(uintptr_t)at & (ARENA_ALIGN - 1));
}

void arena_init(struct arena *arena, size_t block_size)
{
	*arena = (struct arena){.block_size = block_size};
}

void arena_init_in(struct arena *arena, size_t block_size, void *memory, size_t size)
{
	*arena = (struct arena){
		.block_size = block_size, .at = memory, .end = (char *)memory + size};
}

static struct arena_block *block_new(struct arena *arena, size_t size)
{
	struct arena_block *block = memory_alloc(sizeof(*block) + size);

	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

static void *alloc_slow(struct arena *arena, size_t size)
{
	struct arena_block *block;

	/* A large piece must not waste what is left of the current block. */
	if (size > arena->block_size / 4)
		return block_new(arena, size)->bytes;
	block = block_new(arena, arena->block_size);
	arena->at = block->bytes + size;
	arena->end = block->bytes + arena->block_size;
	return block->bytes;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	char *piece;

	if (size > SIZE_MAX / 2)
		panic("arena piece of %zu bytes", size);
	if (!arena->at)
		return alloc_slow(arena, size);
	piece = align_up(arena->at);
	if (piece > arena->end || size > (size_t)(arena->end - piece))
		return alloc_slow(arena, size);
	arena->at = piece + size;
	return piece;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
	return memset(arena_alloc(arena, size), 0, size);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_dup_slice(arena, slice_of(text));
}

char *arena_dup_slice(struct arena *arena, struct slice text)
{
	char *copy = arena_alloc(arena, text.len + 1);

	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	va_list again;
	int len;
	char *text;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	invariant(len >= 0);
	text = arena_alloc(arena, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return text;
}

void arena_free(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
	arena_init(arena, arena->block_size);
}
