/* registry_cache.h: the registry as it was last told, frame by frame, unread.
 *
 * Of each backend the last PUT is kept, and the last END; a DELETE removes. Replayed to a worker
 * that starts, they make the registry that the others have. For a worker that missed frames the
 * deletions since are kept too, until nobody needs them. Bounded by what a channel's queue can
 * take. */
#ifndef NEXUS_SUPERVISOR_REGISTRY_CACHE_H
#define NEXUS_SUPERVISOR_REGISTRY_CACHE_H

#include "base/hash_table.h"
#include "ipc/channel.h"

/* A replay must fit in one channel's queue, with BOOT, CONFIG and what follows. */
#define REGISTRY_CACHE_FRAMES (CHANNEL_QUEUE_FRAMES - 96u)
#define REGISTRY_CACHE_BYTES  (CHANNEL_QUEUE_BYTES - (4u << 20))

struct cached_frame;

struct registry_cache {
	struct hash_table puts;    /* by object */
	struct hash_table deletes; /* of objects that have no put */
	struct cached_frame *end;  /* NULL: none yet */
	size_t bytes;              /* of puts */
};

void registry_cache_init(struct registry_cache *cache);
void registry_cache_free(struct registry_cache *cache);
/* Keeps a BACKEND_PUT, BACKEND_DELETE or REGISTRY_END; any other type is not for us. False when the
 * cache is full: the frame was not kept. */
bool registry_cache_keep(struct registry_cache *cache, const struct frame *frame);
/* Hands each kept frame to `send`, END last (one of version 0 if there was none yet); stops and
 * returns false when `send` does. `with_deleted`: also the DELETEs, for a worker that has an older
 * registry. */
typedef bool registry_cache_send(void *to, const struct frame_header *header, struct slice payload);
bool registry_cache_replay(
	const struct registry_cache *cache, bool with_deleted, registry_cache_send *send, void *to);
/* No worker is behind: what was deleted need not be told again. */
void registry_cache_forget_deleted(struct registry_cache *cache);

#endif
