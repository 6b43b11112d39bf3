/* registry_cache.c: two hash tables of frames. */
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
	hash_table_init(&cache->puts);
	hash_table_init(&cache->deletes);
}

static void free_frames(struct hash_table *frames)
{
	const struct hash_entry *entry;
	size_t at = 0;

	while ((entry = hash_table_next(frames, &at))) {
		void *kept = entry->value;

		memory_free_at(&kept);
	}
	hash_table_free(frames);
}

void registry_cache_free(struct registry_cache *cache)
{
	free_frames(&cache->puts);
	free_frames(&cache->deletes);
	memory_free_at(&cache->end);
}

void registry_cache_forget_deleted(struct registry_cache *cache)
{
	free_frames(&cache->deletes);
	hash_table_init(&cache->deletes);
}

static struct slice object_key(const uint64_t *object)
{
	return slice_make((const char *)object, sizeof(*object));
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

static void forget(struct registry_cache *cache, uint64_t object)
{
	struct cached_frame *put = hash_table_remove(&cache->puts, object_key(&object));
	struct cached_frame *deleted = hash_table_remove(&cache->deletes, object_key(&object));

	if (put)
		cache->bytes -= put->len;
	memory_free_at(&put);
	memory_free_at(&deleted);
}

static bool keep_object(struct registry_cache *cache, const struct frame *frame)
{
	bool put = frame->header.type == MSG_BACKEND_PUT;
	struct cached_frame *kept;

	/* The table's key lives in the value: the old value leaves before the new one comes. */
	forget(cache, frame->header.object);
	if (cache->puts.used + cache->deletes.used >= REGISTRY_CACHE_FRAMES ||
		cache->bytes + frame->payload.len > REGISTRY_CACHE_BYTES)
		return false;
	kept = frame_copy(frame);
	hash_table_put(put ? &cache->puts : &cache->deletes, object_key(&kept->object), kept);
	cache->bytes += put ? kept->len : 0;
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

static bool send_all(const struct hash_table *frames, registry_cache_send *send, void *to)
{
	const struct hash_entry *entry;
	size_t at = 0;

	while ((entry = hash_table_next(frames, &at))) {
		const struct cached_frame *kept = entry->value;

		if (!send(to, &kept->header, slice_make(kept->payload, kept->len)))
			return false;
	}
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
	return send_all(&cache->puts, send, to) &&
	       (!with_deleted || send_all(&cache->deletes, send, to)) && send_end(cache, send, to);
}
