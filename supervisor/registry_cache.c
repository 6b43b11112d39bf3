/* registry_cache.c: a hash table of frames. */
#include "supervisor/registry_cache.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "ipc/codec.h"

struct cached_frame {
	uint64_t object; /* the table's key points here */
	struct frame_header header;
	size_t len;
	char payload[];
};

void registry_cache_init(struct registry_cache *cache)
{
	*cache = (struct registry_cache){0};
	hash_table_init(&cache->frames);
}

void registry_cache_free(struct registry_cache *cache)
{
	const struct hash_entry *entry;
	size_t at = 0;

	while ((entry = hash_table_next(&cache->frames, &at))) {
		void *kept = entry->value;

		memory_free_at(&kept);
	}
	hash_table_free(&cache->frames);
	memory_free_at(&cache->end);
}

static struct slice object_key(const uint64_t *object)
{
	return slice_make((const char *)object, sizeof(*object));
}

static size_t frame_cost(const struct cached_frame *kept)
{
	return sizeof(*kept) + kept->len;
}

static struct cached_frame *frame_copy(const struct frame *frame)
{
	struct cached_frame *kept = memory_alloc(sizeof(*kept) + frame->payload.len);

	kept->object = frame->header.object;
	kept->header = frame->header;
	kept->header.fd_count = 0;
	kept->len = frame->payload.len;
	if (kept->len > 0)
		memcpy(kept->payload, frame->payload.data, kept->len);
	return kept;
}

static void forget(struct registry_cache *cache, struct cached_frame *kept)
{
	if (!kept)
		return;
	cache->bytes -= frame_cost(kept);
	cache->deleted -= kept->header.type == MSG_BACKEND_DELETE;
	memory_free_at(&kept);
}

static bool keep_object(struct registry_cache *cache, const struct frame *frame)
{
	uint64_t object = frame->header.object;
	struct cached_frame *kept;

	/* The table's key lives in the value: the old value leaves before the new one comes. */
	forget(cache, hash_table_remove(&cache->frames, object_key(&object)));
	if (cache->frames.used >= REGISTRY_CACHE_FRAMES ||
		cache->bytes + sizeof(*kept) + frame->payload.len > REGISTRY_CACHE_BYTES)
		return false;
	kept = frame_copy(frame);
	hash_table_put(&cache->frames, object_key(&kept->object), kept);
	cache->bytes += frame_cost(kept);
	cache->deleted += frame->header.type == MSG_BACKEND_DELETE;
	return true;
}

bool registry_cache_keep(struct registry_cache *cache, const struct frame *frame)
{
	if (frame->header.type != MSG_REGISTRY_END)
		return keep_object(cache, frame);
	memory_free_at(&cache->end);
	cache->end = frame_copy(frame);
	return true;
}

static bool send_end(const struct registry_cache *cache, registry_cache_send *send, void *to)
{
	struct frame_header header = {.type = MSG_REGISTRY_END, .protocol = FRAME_PROTOCOL};
	struct msg_registry_end none = {0};
	struct buffer payload;
	bool sent;

	if (cache->end)
		return send(
			to, &cache->end->header, slice_make(cache->end->payload, cache->end->len));
	buffer_init(&payload, 64);
	sent = codec_encode(&payload, message_row(MSG_REGISTRY_END)->schema, &none) &&
	       send(to, &header, buffer_slice(&payload));
	buffer_free(&payload);
	return sent;
}

bool registry_cache_replay(
	const struct registry_cache *cache, bool with_deleted, registry_cache_send *send, void *to)
{
	const struct hash_entry *entry;
	size_t at = 0;

	while ((entry = hash_table_next(&cache->frames, &at))) {
		const struct cached_frame *kept = entry->value;

		if (kept->header.type == MSG_BACKEND_DELETE && !with_deleted)
			continue;
		if (!send(to, &kept->header, slice_make(kept->payload, kept->len)))
			return false;
	}
	return send_end(cache, send, to);
}

static struct cached_frame *any_deleted(const struct registry_cache *cache)
{
	const struct hash_entry *entry;
	size_t at = 0;

	while ((entry = hash_table_next(&cache->frames, &at))) {
		struct cached_frame *kept = entry->value;

		if (kept->header.type == MSG_BACKEND_DELETE)
			return kept;
	}
	return NULL;
}

void registry_cache_forget_deleted(struct registry_cache *cache)
{
	while (cache->deleted > 0) {
		uint64_t object = any_deleted(cache)->object;

		forget(cache, hash_table_remove(&cache->frames, object_key(&object)));
	}
}
