/* hash_table.c: linear probing at a load of at most one half; removal shifts back, so there are no
 * tombstones. */
#include "base/hash_table.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"

#define FNV_OFFSET 0xcbf29ce484222325u
#define FNV_PRIME  0x100000001b3u

static uint64_t mix(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93u;
	return hash ^ (hash >> 32);
}

static uint64_t fnv(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * FNV_PRIME;
	return hash;
}

uint64_t hash_stable(const void *data, size_t len)
{
	return fnv(FNV_OFFSET, data, len);
}

uint64_t hash_bytes(const void *data, size_t len)
{
	static uint64_t seed;

	if (seed == 0)
		seed = random_u64() | 1;
	return mix(fnv(FNV_OFFSET ^ seed, data, len) + seed);
}

void hash_table_init(struct hash_table *table)
{
	*table = (struct hash_table){0};
}

void hash_table_free(struct hash_table *table)
{
	free(table->entries);
	hash_table_init(table);
}

static struct hash_entry *find(const struct hash_table *table, struct slice key, uint64_t hash)
{
	size_t at = hash & (table->size - 1);

	while (table->entries[at].value) {
		struct hash_entry *entry = &table->entries[at];

		if (entry->hash == hash && slice_equal(entry->key, key))
			return entry;
		at = (at + 1) & (table->size - 1);
	}
	return &table->entries[at];
}

static void grow(struct hash_table *table)
{
	struct hash_table bigger = {
		.size = table->size ? table->size * 2 : 16, .used = table->used};

	bigger.entries = memory_array(bigger.size, sizeof(*bigger.entries));
	for (size_t i = 0; i < table->size; i++)
		if (table->entries[i].value)
			*find(&bigger, table->entries[i].key, table->entries[i].hash) =
				table->entries[i];
	free(table->entries);
	*table = bigger;
}

void *hash_table_get(const struct hash_table *table, struct slice key)
{
	if (table->used == 0)
		return NULL;
	return find(table, key, hash_bytes(key.data, key.len))->value;
}

void *hash_table_put(struct hash_table *table, struct slice key, void *value)
{
	uint64_t hash = hash_bytes(key.data, key.len);
	struct hash_entry *entry;
	void *before;

	if (table->used * 2 >= table->size)
		grow(table);
	entry = find(table, key, hash);
	before = entry->value;
	*entry = (struct hash_entry){.key = key, .hash = hash, .value = value};
	table->used += before == NULL;
	return before;
}

/* Entries behind a freed place move up if their own probe sequence passes it. */
static void close_gap(struct hash_table *table, size_t gap)
{
	size_t mask = table->size - 1;

	for (size_t at = (gap + 1) & mask; table->entries[at].value; at = (at + 1) & mask) {
		size_t home = table->entries[at].hash & mask;

		if (((at - home) & mask) >= ((at - gap) & mask)) {
			table->entries[gap] = table->entries[at];
			table->entries[at].value = NULL;
			gap = at;
		}
	}
}

void *hash_table_remove(struct hash_table *table, struct slice key)
{
	struct hash_entry *entry;
	void *value;

	if (table->used == 0)
		return NULL;
	entry = find(table, key, hash_bytes(key.data, key.len));
	value = entry->value;
	if (!value)
		return NULL;
	entry->value = NULL;
	table->used--;
	close_gap(table, (size_t)(entry - table->entries));
	return value;
}

const struct hash_entry *hash_table_next(const struct hash_table *table, size_t *at)
{
	while (*at < table->size) {
		const struct hash_entry *entry = &table->entries[(*at)++];

		if (entry->value)
			return entry;
	}
	return NULL;
}
