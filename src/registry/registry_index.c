/* registry_index.c: which backends offer a model.
 *
 * A change is turned into touches, one for each name of each backend that leaves or comes, sorted
 * like the entries; a touched shard is then the merge of its old entries with its touches.
 * Untouched entries are copied without looking at what they point to: that is what keeps a change
 * in a large registry cheap. */
#include "registry/registry_index.h"

#include <stdlib.h>

#include "base/hash_table.h"
#include "base/memory.h"

#define LATEST ":latest"

/* A name that a backend of the difference has: where an entry changes. */
struct touch {
	struct slice key;
	uint64_t hash;
	const struct registry_backend *backend;
	const struct registry_model *model;
	bool leaves; /* the backend, or this version of it */
};

struct touches {
	struct touch *items;
	size_t count;
};

static int compare_keys(uint64_t hash_a, struct slice a, uint64_t hash_b, struct slice b)
{
	if (hash_a != hash_b)
		return hash_a < hash_b ? -1 : 1;
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return memcmp(a.data, b.data, a.len);
}

static size_t shard_of(uint64_t hash)
{
	return hash >> 56;
}

/* --- touches --- */

static void add_touch(struct touches *touches, struct slice key,
	const struct registry_backend *backend, const struct registry_model *model, bool leaves)
{
	touches->items[touches->count++] = (struct touch){.key = key,
		.hash = hash_bytes(key.data, key.len),
		.backend = backend,
		.model = model,
		.leaves = leaves};
}

static void add_touches(
	struct touches *touches, const struct registry_backend *backend, bool leaves)
{
	bool has_tags = strcmp(backend->type, "ollama") == 0;

	for (size_t i = 0; i < backend->model_count; i++) {
		const struct registry_model *model = &backend->models[i];
		struct slice id = slice_of(model->id);

		add_touch(touches, id, backend, model, leaves);
		if (has_tags && id.len > strlen(LATEST) && slice_ends_with(id, LATEST))
			add_touch(touches, slice_make(id.data, id.len - strlen(LATEST)), backend,
				model, leaves);
	}
}

/* By key, then in the order of offers; of one backend what leaves before what comes; of two of its
 * models for the same key the one listed under just this name (the shorter id) first. */
static int compare_touches(const void *left, const void *right)
{
	const struct touch *a = left;
	const struct touch *b = right;
	int order = compare_keys(a->hash, a->key, b->hash, b->key);
	size_t a_len, b_len;

	if (order != 0)
		return order;
	order = registry_backend_compare(a->backend, b->backend);
	if (order != 0)
		return order;
	if (a->leaves != b->leaves)
		return a->leaves ? -1 : 1;
	a_len = strlen(a->model->id);
	b_len = strlen(b->model->id);
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return a->model < b->model ? -1 : a->model > b->model;
}

static struct touches collect_touches(const struct registry_difference *difference)
{
	struct touches touches = {0};
	size_t most = 0;

	for (size_t i = 0; i < difference->removed_count; i++)
		most += 2 * difference->removed[i]->model_count;
	for (size_t i = 0; i < difference->added_count; i++)
		most += 2 * difference->added[i]->model_count;
	touches.items = memory_array(most + 1, sizeof(*touches.items));
	for (size_t i = 0; i < difference->removed_count; i++)
		add_touches(&touches, difference->removed[i], true);
	for (size_t i = 0; i < difference->added_count; i++)
		add_touches(&touches, difference->added[i], false);
	qsort(touches.items, touches.count, sizeof(*touches.items), compare_touches);
	return touches;
}

/* How many touches from the first on have the same key. */
static size_t group_length(const struct touch *touches, size_t count)
{
	size_t len = 1;

	while (len < count && compare_keys(touches[0].hash, touches[0].key, touches[len].hash,
				      touches[len].key) == 0)
		len++;
	return len;
}

static size_t count_groups(const struct touch *touches, size_t count)
{
	size_t groups = 0;

	for (size_t at = 0; at < count; groups++)
		at += group_length(touches + at, count - at);
	return groups;
}

/* --- shards --- */

static struct registry_shard *shard_new(size_t entries_max, size_t offers_max)
{
	size_t entries_size = entries_max * sizeof(struct registry_entry);
	size_t offers_size = offers_max * sizeof(struct registry_offer);
	struct registry_shard *shard = memory_alloc(sizeof(*shard) + entries_size + offers_size);

	*shard = (struct registry_shard){.refs = 1};
	shard->entries = (struct registry_entry *)(shard + 1);
	shard->offers = (struct registry_offer *)(shard->entries + entries_max);
	return shard;
}

void registry_shard_unref(struct registry_shard *shard)
{
	if (shard && --shard->refs == 0)
		free(shard);
}

static void append_entry(struct registry_shard *shard, struct registry_entry entry)
{
	entry.first = (uint32_t)shard->offer_count;
	shard->entries[shard->entry_count++] = entry;
	shard->offer_count += entry.count;
	shard->exact_count += entry.exact_count > 0;
}

static void copy_entry(struct registry_shard *shard, const struct registry_shard *old,
	const struct registry_entry *entry)
{
	memcpy(shard->offers + shard->offer_count, old->offers + entry->first,
		entry->count * sizeof(*old->offers));
	append_entry(shard, *entry);
}

/* The first of `count` offers whose backend does not come before `backend`. */
static size_t lower_bound(
	const struct registry_offer *offers, size_t count, const struct registry_backend *backend)
{
	size_t low = 0;

	while (low < count) {
		size_t middle = low + (count - low) / 2;

		if (registry_backend_compare(offers[middle].backend, backend) < 0)
			low = middle + 1;
		else
			count = middle;
	}
	return low;
}

/* A merge of an entry's old offers with a group of touches. */
struct merge {
	const struct registry_offer *old; /* what is left of them */
	size_t old_count;
	struct registry_offer *to;
	size_t count;
	size_t exact_count; /* offers whose model has just this name as its id */
};

static void merge_old(struct merge *merge, size_t count)
{
	memcpy(merge->to + merge->count, merge->old, count * sizeof(*merge->to));
	merge->count += count;
	merge->old += count;
	merge->old_count -= count;
}

static bool is_exact(const struct registry_offer *offer, struct slice key)
{
	return strlen(offer->model->id) == key.len;
}

static void merge_touch(struct merge *merge, const struct touch *touch)
{
	struct registry_offer offer = {touch->backend, touch->model};

	merge_old(merge, lower_bound(merge->old, merge->old_count, touch->backend));
	if (touch->leaves) {
		/* A name that the backend listed twice was offered once. */
		if (merge->old_count == 0 || merge->old->backend != touch->backend)
			return;
		merge->exact_count -= is_exact(merge->old, touch->key);
		merge->old++;
		merge->old_count--;
		return;
	}
	if (merge->count > 0 && merge->to[merge->count - 1].backend == touch->backend)
		return;
	merge->exact_count += is_exact(&offer, touch->key);
	merge->to[merge->count++] = offer;
}

/* Appends the entry of a group of touches, unless no offer is left. `entry` is the old one, or
 * NULL. */
static void change_entry(struct registry_shard *shard, const struct registry_shard *old,
	const struct registry_entry *entry, const struct touch *group, size_t group_len)
{
	struct merge merge = {.old = shard->offers, .to = shard->offers + shard->offer_count};
	struct registry_entry changed = {.hash = group->hash};

	if (entry) {
		merge.old = old->offers + entry->first;
		merge.old_count = entry->count;
		merge.exact_count = entry->exact_count;
	}
	for (size_t i = 0; i < group_len; i++)
		merge_touch(&merge, &group[i]);
	merge_old(&merge, merge.old_count);
	if (merge.count == 0)
		return;
	changed.count = (uint16_t)merge.count;
	changed.exact_count = (uint16_t)merge.exact_count;
	/* The key must be in memory of a backend that stays. */
	changed.key = slice_make(merge.to[0].model->id, group->key.len);
	append_entry(shard, changed);
}

static struct registry_shard *rebuild_shard(
	const struct registry_shard *old, const struct touch *touches, size_t count)
{
	static const struct registry_shard nothing;
	const struct registry_shard *from = old ? old : &nothing;
	struct registry_shard *shard = shard_new(
		from->entry_count + count_groups(touches, count), from->offer_count + count);
	size_t at = 0;

	while (count > 0) {
		size_t group_len = group_length(touches, count);
		const struct registry_entry *entry = NULL;
		int order = -1;

		for (; at < from->entry_count; at++) {
			order = compare_keys(from->entries[at].hash, from->entries[at].key,
				touches->hash, touches->key);
			if (order >= 0)
				break;
			copy_entry(shard, from, &from->entries[at]);
		}
		if (order == 0)
			entry = &from->entries[at++];
		change_entry(shard, from, entry, touches, group_len);
		touches += group_len;
		count -= group_len;
	}
	for (; at < from->entry_count; at++)
		copy_entry(shard, from, &from->entries[at]);
	if (shard->entry_count > 0)
		return shard;
	registry_shard_unref(shard);
	return NULL;
}

void registry_index_apply(struct registry_shard *const *old,
	const struct registry_difference *difference, struct registry_shard **shards)
{
	struct touches touches = collect_touches(difference);
	size_t at = 0;

	for (size_t i = 0; i < REGISTRY_SHARDS; i++) {
		size_t first = at;

		while (at < touches.count && shard_of(touches.items[at].hash) == i)
			at++;
		if (at > first) {
			shards[i] = rebuild_shard(old[i], touches.items + first, at - first);
			continue;
		}
		shards[i] = old[i];
		if (shards[i])
			shards[i]->refs++;
	}
	free(touches.items);
}

const struct registry_entry *registry_index_find(
	struct registry_shard *const *shards, struct slice key)
{
	uint64_t hash = hash_bytes(key.data, key.len);
	const struct registry_shard *shard = shards[shard_of(hash)];
	size_t low = 0;
	size_t high = shard ? shard->entry_count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct registry_entry *entry = &shard->entries[middle];
		int order = compare_keys(entry->hash, entry->key, hash, key);

		if (order == 0)
			return entry;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
