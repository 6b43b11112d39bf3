/* arena.h: memory that belongs to a scope.
 *
 * An arena hands out pieces and takes them back all at once: an exchange, a frame, a configuration
 * has one. Pieces are aligned for any type and are never freed singly. The first block may be the
 * owner's own memory, so that a small scope allocates nothing. Growth is bounded by what the owner
 * bounded before it asked. */
#ifndef NEXUS_BASE_ARENA_H
#define NEXUS_BASE_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first; freed by arena_free */
	char *at;                   /* next free byte of the current block */
	char *end;
	size_t block_size; /* of blocks to come */
};

/* An empty arena whose blocks will have `block_size` bytes (a larger piece gets a block of its
 * own). */
void arena_init(struct arena *arena, size_t block_size);
/* The same, starting in `memory`, which the caller owns and keeps until arena_free. */
void arena_init_in(struct arena *arena, size_t block_size, void *memory, size_t size);
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_zalloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
/* NUL-terminated copies. */
char *arena_strdup(struct arena *arena, const char *text) __attribute__((returns_nonnull));
char *arena_dup_slice(struct arena *arena, struct slice text) __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((returns_nonnull, format(printf, 2, 3)));
/* Frees every piece; the arena may be used again with arena_init*. */
void arena_free(struct arena *arena);

#endif
