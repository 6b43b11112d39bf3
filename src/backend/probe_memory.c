/* probe_memory.c: a table of facts by digest. */
#include "backend/probe_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"
#include "base/memory.h"

struct probe_memory *probe_memory_new(void)
{
	struct probe_memory *memory = memory_zalloc(sizeof(*memory));

	hash_table_init(&memory->facts);
	return memory;
}

void probe_memory_free(struct probe_memory **held)
{
	struct probe_memory *memory = *held;
	const struct hash_entry *entry;
	size_t at = 0;

	*held = NULL;
	if (!memory)
		return;
	while ((entry = hash_table_next(&memory->facts, &at)))
		free(entry->value);
	hash_table_free(&memory->facts);
	free(memory);
}

struct model_facts *probe_memory_find(struct probe_memory *memory, const char *digest)
{
	struct model_facts *facts = hash_table_get(&memory->facts, slice_of(digest));

	if (facts)
		facts->round = memory->round;
	return facts;
}

struct model_facts *probe_memory_add(struct probe_memory *memory, const char *digest)
{
	struct model_facts *facts = probe_memory_find(memory, digest);

	if (facts)
		return facts;
	invariant(strlen(digest) < sizeof(facts->digest));
	facts = memory_zalloc(sizeof(*facts));
	strncpy(facts->digest, digest, sizeof(facts->digest) - 1);
	facts->round = memory->round;
	hash_table_put(&memory->facts, slice_of(facts->digest), facts);
	return facts;
}

/* The table is made anew, because it must not change while it is walked. */
void probe_memory_end_round(struct probe_memory *memory)
{
	struct hash_table kept;
	const struct hash_entry *entry;
	size_t at = 0;

	hash_table_init(&kept);
	while ((entry = hash_table_next(&memory->facts, &at))) {
		struct model_facts *facts = entry->value;

		if (facts->round == memory->round)
			hash_table_put(&kept, slice_of(facts->digest), facts);
		else
			free(facts);
	}
	hash_table_free(&memory->facts);
	memory->facts = kept;
	memory->round++;
}
