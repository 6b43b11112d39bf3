/* memory.h: allocation that cannot fail. Running out of memory is a panic: the supervisor restarts
 * us, which is the only recovery that is ever tested. Sizes that come from the network are bounded
 * before they get here. */
#ifndef NEXUS_BASE_MEMORY_H
#define NEXUS_BASE_MEMORY_H

#include <stddef.h>

#include "base/slice.h"

void *memory_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *memory_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
/* An array of zeroes; an overflowing product is a panic. */
void *memory_array(size_t count, size_t item_size) __attribute__((malloc, returns_nonnull));
void *memory_realloc(void *block, size_t size) __attribute__((returns_nonnull));
char *memory_strdup(const char *text) __attribute__((malloc, returns_nonnull));
/* A NUL-terminated copy of a slice. */
char *memory_dup_slice(struct slice text) __attribute__((malloc, returns_nonnull));
/* Frees *pointer (which may be NULL) and sets it to NULL. */
void memory_free_at(void *pointer_to_pointer);

#endif
