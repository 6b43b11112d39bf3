/* probe_memory.h: facts about models that need not be asked for again; private to the backend room.
 *
 * Kept by digest, the name of a model's content: what was true of it stays true. Bounded: what a
 * round does not use is forgotten at its end, and a round has at most REGISTRY_MODELS_MAX models.
 */
#ifndef NEXUS_BACKEND_PROBE_MEMORY_H
#define NEXUS_BACKEND_PROBE_MEMORY_H

#include "backend/backend.h"
#include "base/hash_table.h"

struct model_facts {
	uint32_t context_length;
	uint8_t vision, tools, json_mode, embeddings;
	uint64_t round; /* in which it was last used */
	char digest[PROBE_NAME_MAX + 1];
};

struct probe_memory {
	struct hash_table facts; /* by digest; owned */
	uint64_t round;
	size_t asked_at; /* where in the list the next round goes on asking */
};

/* NULL when nothing is known of it; otherwise it counts as used. */
struct model_facts *probe_memory_find(struct probe_memory *memory, const char *digest);
/* A new, empty entry, or the one that is there. */
struct model_facts *probe_memory_add(struct probe_memory *memory, const char *digest);
/* Ends a round: forgets what was not used in it. */
void probe_memory_end_round(struct probe_memory *memory);

#endif
