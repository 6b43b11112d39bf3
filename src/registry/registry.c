/* registry.c: snapshots, their backends, and how the next one is made.
 *
 * A snapshot owns one reference to each of its backends and shards. References are plain numbers: a
 * process touches its snapshots from one thread. */
#include "registry/registry.h"

#include <stdlib.h>

#include "base/fatal.h"
#include "base/memory.h"
#include "registry/registry_index.h"

const char *const zone_names[2] = {"restricted", "open"};
const char *const source_names[4] = {"static", "manual", "mdns", "probe"};
const char *const status_names[STATUS_COUNT] = {
	[STATUS_UNKNOWN] = "unknown",
	[STATUS_HEALTHY] = "healthy",
	[STATUS_UNHEALTHY] = "unhealthy",
	[STATUS_DRAINING] = "draining",
	[STATUS_WARMING] = "warming",
	[STATUS_BUSY] = "busy",
	[STATUS_RATE_LIMITED] = "rate_limited",
	[STATUS_DISABLED] = "disabled",
};

struct registry_id {
	uint64_t id;
	const struct registry_backend *backend;
};

struct change_item {
	uint64_t id;
	size_t sequence;
	struct registry_backend *backend; /* NULL: delete */
};

struct registry_change {
	struct change_item *items;
	size_t count;
	size_t size;
};

/* --- backends --- */

/* Sized so that a backend is one block, plus one for a long list of models. */
static size_t facts_size(const struct registry_backend *facts)
{
	size_t size = 256 + facts->model_count * sizeof(*facts->models);

	for (size_t i = 0; i < facts->model_count; i++)
		size += strlen(facts->models[i].id) + 32;
	return size;
}

static const char *copy_text(struct arena *arena, const char *text)
{
	return arena_strdup(arena, text ? text : "");
}

static void copy_models(struct registry_backend *backend, const struct registry_backend *facts)
{
	struct arena *arena = &backend->arena;
	struct registry_model *models =
		arena_alloc(arena, (facts->model_count + 1) * sizeof(*models));

	for (size_t i = 0; i < facts->model_count; i++) {
		const struct registry_model *from = &facts->models[i];

		models[i] = *from;
		models[i].id = copy_text(arena, from->id);
		models[i].name = models[i].id;
		if (from->name && strcmp(from->name, from->id) != 0)
			models[i].name = copy_text(arena, from->name);
	}
	backend->models = models;
}

struct registry_backend *registry_backend_new(const struct registry_backend *facts)
{
	struct registry_backend *backend = memory_alloc(sizeof(*backend));

	invariant(facts->model_count <= REGISTRY_MODELS_MAX);
	*backend = *facts;
	backend->refs = 1;
	arena_init(&backend->arena, facts_size(facts));
	backend->name = copy_text(&backend->arena, facts->name);
	backend->url = copy_text(&backend->arena, facts->url);
	backend->type = copy_text(&backend->arena, facts->type);
	copy_models(backend, facts);
	return backend;
}

struct registry_backend *registry_backend_ref(const struct registry_backend *backend)
{
	/* Immutable but for its count. */
	struct registry_backend *counted = (struct registry_backend *)(uintptr_t)backend;

	counted->refs++;
	return counted;
}

void registry_backend_unref(struct registry_backend *backend)
{
	invariant(backend->refs > 0);
	if (--backend->refs > 0)
		return;
	arena_free(&backend->arena);
	free(backend);
}

int registry_backend_compare(const struct registry_backend *a, const struct registry_backend *b)
{
	int order = strcmp(a->name, b->name);

	return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

/* --- changes --- */

struct registry_change *registry_change_new(void)
{
	return memory_zalloc(sizeof(struct registry_change));
}

static void change_add(
	struct registry_change *change, uint64_t id, struct registry_backend *backend)
{
	if (change->count == change->size) {
		change->size = change->size ? change->size * 2 : 8;
		change->items =
			memory_realloc(change->items, change->size * sizeof(*change->items));
	}
	change->items[change->count] = (struct change_item){id, change->count, backend};
	change->count++;
}

void registry_change_put(struct registry_change *change, struct registry_backend *backend)
{
	change_add(change, backend->id, backend);
}

void registry_change_delete(struct registry_change *change, uint64_t id)
{
	change_add(change, id, NULL);
}

static int compare_items(const void *left, const void *right)
{
	const struct change_item *a = left;
	const struct change_item *b = right;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->sequence < b->sequence ? -1 : 1;
}

/* Leaves the last word about each id, sorted by id. */
static void settle_change(struct registry_change *change)
{
	size_t kept = 0;

	if (change->count > 0)
		qsort(change->items, change->count, sizeof(*change->items), compare_items);
	for (size_t i = 0; i < change->count; i++) {
		struct change_item *item = &change->items[i];

		if (i + 1 < change->count && change->items[i + 1].id == item->id) {
			if (item->backend)
				registry_backend_unref(item->backend);
			continue;
		}
		change->items[kept++] = *item;
	}
	change->count = kept;
}

/* --- the difference a change makes --- */

static int compare_addresses(const void *left, const void *right)
{
	const struct registry_backend *const *a = left;
	const struct registry_backend *const *b = right;

	return (*a > *b) - (*a < *b);
}

static int compare_added(const void *left, const void *right)
{
	struct registry_backend *const *a = left;
	struct registry_backend *const *b = right;

	return registry_backend_compare(*a, *b);
}

bool registry_difference_removes(
	const struct registry_difference *difference, const struct registry_backend *backend)
{
	if (difference->removed_count <= 1)
		return difference->removed_count == 1 && difference->removed[0] == backend;
	return bsearch(&backend, difference->removed, difference->removed_count, sizeof(backend),
		       compare_addresses) != NULL;
}

static struct registry_difference make_difference(
	const struct registry *old, const struct registry_change *change)
{
	struct registry_difference difference = {
		.removed = memory_array(change->count + 1, sizeof(void *)),
		.added = memory_array(change->count + 1, sizeof(void *)),
	};

	for (size_t i = 0; i < change->count; i++) {
		const struct change_item *item = &change->items[i];
		const struct registry_backend *before = registry_backend_by_id(old, item->id);

		if (before)
			difference.removed[difference.removed_count++] = before;
		if (item->backend)
			difference.added[difference.added_count++] = item->backend;
	}
	qsort(difference.removed, difference.removed_count, sizeof(void *), compare_addresses);
	qsort(difference.added, difference.added_count, sizeof(void *), compare_added);
	return difference;
}

/* --- snapshots --- */

static struct registry *snapshot_new(size_t backend_count)
{
	struct registry *registry = memory_zalloc(sizeof(*registry));

	registry->refs = 1;
	registry->backend_count = backend_count;
	registry->backends = memory_array(backend_count + 1, sizeof(*registry->backends));
	registry->by_id = memory_array(backend_count + 1, sizeof(*registry->by_id));
	registry->shards = memory_array(REGISTRY_SHARDS, sizeof(*registry->shards));
	return registry;
}

struct registry *registry_new_empty(void)
{
	return snapshot_new(0);
}

struct registry *registry_ref(struct registry *registry)
{
	registry->refs++;
	return registry;
}

void registry_unref(struct registry **held)
{
	struct registry *registry = *held;

	*held = NULL;
	if (!registry || --registry->refs > 0)
		return;
	for (size_t i = 0; i < REGISTRY_SHARDS; i++)
		registry_shard_unref(registry->shards[i]);
	for (size_t i = 0; i < registry->backend_count; i++)
		registry_backend_unref((struct registry_backend *)registry->backends[i]);
	free(registry->shards);
	free((void *)registry->backends);
	free((void *)registry->by_id);
	free(registry);
}

static size_t name_lower_bound(
	const struct registry *registry, const struct registry_backend *backend)
{
	size_t low = 0;
	size_t high = registry->backend_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (registry_backend_compare(registry->backends[middle], backend) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t copy_staying(const struct registry *old, size_t from, size_t to,
	const struct registry_difference *difference, const struct registry_backend **out)
{
	size_t kept = 0;

	for (size_t i = from; i < to; i++) {
		const struct registry_backend *backend = old->backends[i];

		if (registry_difference_removes(difference, backend))
			continue;
		((struct registry_backend *)backend)->refs++;
		out[kept++] = backend;
	}
	return kept;
}

static void merge_backends(struct registry *next, const struct registry *old,
	const struct registry_difference *difference)
{
	const struct registry_backend **out = (const struct registry_backend **)next->backends;
	size_t from = 0;
	size_t count = 0;

	for (size_t i = 0; i < difference->added_count; i++) {
		size_t to = name_lower_bound(old, difference->added[i]);

		count += copy_staying(old, from, to, difference, out + count);
		out[count++] = difference->added[i];
		from = to;
	}
	count += copy_staying(old, from, old->backend_count, difference, out + count);
	invariant(count == next->backend_count);
}

/* Both the old index and the change are sorted by id. */
static void merge_ids(
	struct registry *next, const struct registry *old, const struct registry_change *change)
{
	struct registry_id *out = (struct registry_id *)next->by_id;
	size_t from = 0;

	for (size_t i = 0; i < change->count; i++) {
		const struct change_item *item = &change->items[i];

		while (from < old->backend_count && old->by_id[from].id < item->id)
			*out++ = old->by_id[from++];
		if (from < old->backend_count && old->by_id[from].id == item->id)
			from++;
		if (item->backend)
			*out++ = (struct registry_id){item->id, item->backend};
	}
	while (from < old->backend_count)
		*out++ = old->by_id[from++];
}

static struct registry *make_next(struct registry *old, const struct registry_change *change)
{
	struct registry_difference difference = make_difference(old, change);
	size_t count = old->backend_count - difference.removed_count + difference.added_count;
	struct registry *next;

	invariant(count <= REGISTRY_BACKENDS_MAX);
	next = snapshot_new(count);
	merge_backends(next, old, &difference);
	merge_ids(next, old, change);
	registry_index_apply(old->shards, &difference, next->shards);
	for (size_t i = 0; i < REGISTRY_SHARDS; i++)
		next->model_count += next->shards[i] ? next->shards[i]->exact_count : 0;
	free((void *)difference.removed);
	free(difference.added);
	return next;
}

struct registry *registry_apply(
	struct registry *old, struct registry_change **change, uint64_t epoch, uint64_t version)
{
	struct registry *next;

	settle_change(*change);
	for (size_t i = 0; i < (*change)->count; i++) {
		struct registry_backend *backend = (*change)->items[i].backend;

		if (backend && backend->version == 0)
			backend->version = version;
	}
	next = make_next(old, *change);
	next->epoch = epoch;
	next->version = version;
	free((*change)->items);
	memory_free_at(change);
	return next;
}

/* --- looking up --- */

const struct registry_offer *registry_offers(
	const struct registry *registry, struct slice model, size_t *count)
{
	const struct registry_entry *entry = registry_index_find(registry->shards, model);

	*count = entry ? entry->count : 0;
	return entry ? registry->shards[entry->hash >> 56]->offers + entry->first : NULL;
}

const struct registry_backend *registry_backend_by_name(
	const struct registry *registry, struct slice name)
{
	size_t low = 0;
	size_t high = registry->backend_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *other = registry->backends[middle]->name;
		int order = name.len > 0 ? strncmp(other, name.data, name.len) : 0;

		if (order == 0 && other[name.len] != '\0')
			order = 1;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < registry->backend_count && slice_is(name, registry->backends[low]->name))
		return registry->backends[low];
	return NULL;
}

const struct registry_backend *registry_backend_by_id(const struct registry *registry, uint64_t id)
{
	size_t low = 0;
	size_t high = registry->backend_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (registry->by_id[middle].id == id)
			return registry->by_id[middle].backend;
		if (registry->by_id[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* `at` holds the shard in its upper half, the entry in its lower. */
bool registry_next_model(const struct registry *registry, size_t *at, struct slice *model,
	const struct registry_offer **offers, size_t *count)
{
	size_t shard_at = *at >> 32;
	size_t entry_at = *at & 0xffffffffu;

	for (; shard_at < REGISTRY_SHARDS; shard_at++, entry_at = 0) {
		const struct registry_shard *shard = registry->shards[shard_at];

		for (; shard && entry_at < shard->entry_count; entry_at++) {
			const struct registry_entry *entry = &shard->entries[entry_at];

			if (entry->exact_count == 0)
				continue;
			*model = entry->key;
			*offers = shard->offers + entry->first;
			*count = entry->count;
			*at = shard_at << 32 | (entry_at + 1);
			return true;
		}
	}
	*at = (size_t)REGISTRY_SHARDS << 32;
	return false;
}
