/* registry_index.h: the model index of a snapshot, private to the registry room.
 *
 * 256 shards by the hash of the name. A shard is one block: entries sorted by (hash, name), each
 * with its offers in the backends' name order. A shard never changes; a change of the registry
 * builds anew those that it touches and shares the rest. Shards hold no references: every snapshot
 * that has a shard also holds all backends the shard points to. */
#ifndef NEXUS_REGISTRY_REGISTRY_INDEX_H
#define NEXUS_REGISTRY_REGISTRY_INDEX_H

#include "registry/registry.h"

#define REGISTRY_SHARDS 256u

struct registry_entry {
	struct slice key; /* in the id of its first offer's model */
	uint64_t hash;
	uint32_t first;       /* of the shard's offers */
	uint16_t count;       /* of offers; never 0 */
	uint16_t exact_count; /* offers of models with just this id; the others have `id:latest` */
};

struct registry_shard {
	uint32_t refs;
	uint32_t exact_count;
	size_t entry_count;
	size_t offer_count;
	struct registry_entry *entries;
	struct registry_offer *offers;
};

/* What a change comes to: backends that leave (sorted by address) and come (sorted by name); one
 * that is replaced does both. */
struct registry_difference {
	const struct registry_backend **removed;
	size_t removed_count;
	struct registry_backend **added;
	size_t added_count;
};

/* The order of a snapshot: by name, then by id. */
int registry_backend_compare(const struct registry_backend *a, const struct registry_backend *b);
bool registry_difference_removes(
	const struct registry_difference *difference, const struct registry_backend *backend);

/* Fills `shards` (REGISTRY_SHARDS pointers) from `old` and the difference. */
void registry_index_apply(struct registry_shard *const *old,
	const struct registry_difference *difference, struct registry_shard **shards);
void registry_shard_unref(struct registry_shard *shard);
const struct registry_entry *registry_index_find(
	struct registry_shard *const *shards, struct slice key);

#endif
