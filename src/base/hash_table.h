/* hash_table.h: names to things.
 *
 * Open addressing, string keys that the table does not own (they live in the value's arena), values
 * never NULL. Keys may come from the network, so the hash is seeded per process. Not for shared
 * memory. */
#ifndef NEXUS_BASE_HASH_TABLE_H
#define NEXUS_BASE_HASH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct hash_entry {
	struct slice key;
	uint64_t hash;
	void *value; /* NULL: free */
};

struct hash_table {
	struct hash_entry *entries;
	size_t size; /* power of two, or 0 */
	size_t used;
};

void hash_table_init(struct hash_table *table);
void hash_table_free(struct hash_table *table);
/* The value stored under `key`, or NULL. */
void *hash_table_get(const struct hash_table *table, struct slice key);
/* Stores `value` under `key` and returns the value that was there before, or NULL. `key` must
 * outlive the entry. */
void *hash_table_put(struct hash_table *table, struct slice key, void *value);
/* Removes and returns the value, or NULL. */
void *hash_table_remove(struct hash_table *table, struct slice key);
/* Walks all entries: start with *at = 0; NULL at the end. No order; the table must not change
 * meanwhile. */
const struct hash_entry *hash_table_next(const struct hash_table *table, size_t *at);

/* The hash used for keys: seeded, not for persistence. */
uint64_t hash_bytes(const void *data, size_t len);
/* FNV-1a, 64 bits: the same in every process and release; for identifiers, not for tables. */
uint64_t hash_stable(const void *data, size_t len);

#endif
