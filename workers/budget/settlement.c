/* settlement.c: totals per (scope, model, backend), in memory. Bounded: names come from clients. */
#include "workers/budget/settlement.h"

#include <stdio.h>
#include <string.h>

#include "base/hash_table.h"
#include "base/list.h"
#include "base/memory.h"

struct total {
	struct list node; /* in the order of their first record */
	struct slice key;
	char scope[64];
	char model[128];
	char backend[64];
	uint64_t requests;
	uint64_t estimated;
	uint64_t tokens_prompt;
	uint64_t tokens_completion;
};

struct settlement {
	struct hash_table by_name;
	struct list totals;
	size_t count;
};

struct settlement *settlement_new(void)
{
	struct settlement *settlement = memory_zalloc(sizeof(*settlement));

	hash_table_init(&settlement->by_name);
	list_init(&settlement->totals);
	return settlement;
}

static void total_free(struct total *total)
{
	list_remove(&total->node);
	memory_free_at(&total->key.data);
	memory_free_at(&total);
}

void settlement_free(struct settlement **settlement)
{
	if (!*settlement)
		return;
	while (!list_is_empty(&(*settlement)->totals))
		total_free(list_item((*settlement)->totals.next, struct total, node));
	hash_table_free(&(*settlement)->by_name);
	memory_free_at(settlement);
}

/* The names, each with its NUL, so that no two triples make one key. */
static struct slice key_make(char *place, const char *scope, const char *model, const char *backend)
{
	size_t len = 0;

	for (int i = 0; i < 3; i++) {
		const char *name = i == 0 ? scope : i == 1 ? model : backend;
		size_t size = strlen(name) + 1;

		memcpy(place + len, name, size);
		len += size;
	}
	return slice_make(place, len);
}

static struct total *total_new(struct settlement *settlement, struct slice key, const char *scope,
	const char *model, const char *backend)
{
	struct total *total = memory_zalloc(sizeof(*total));

	snprintf(total->scope, sizeof(total->scope), "%s", scope);
	snprintf(total->model, sizeof(total->model), "%s", model);
	snprintf(total->backend, sizeof(total->backend), "%s", backend);
	total->key = slice_make(memory_dup_slice(key), key.len);
	list_push_back(&settlement->totals, &total->node);
	hash_table_put(&settlement->by_name, total->key, total);
	settlement->count++;
	return total;
}

static struct total *total_find(
	struct settlement *settlement, const char *scope, const char *model, const char *backend)
{
	char place[64 + 128 + 64];
	struct slice key = key_make(place, scope, model, backend);
	struct total *total = hash_table_get(&settlement->by_name, key);

	if (total)
		return total;
	if (settlement->count < SETTLEMENT_TOTALS_MAX || strcmp(scope, "other") == 0)
		return total_new(settlement, key, scope, model, backend);
	return total_find(settlement, "other", "other", "other");
}

static void total_add(struct total *total, const struct scoreboard_record *record)
{
	total->requests++;
	total->estimated += (record->flags & RECORD_ESTIMATED) != 0;
	total->tokens_prompt += record->tokens_prompt;
	total->tokens_completion += record->tokens_completion;
}

bool settlement_apply(struct settlement *settlement, struct scoreboard_record *const *records,
	size_t count, struct error *err)
{
	(void)err;
	for (size_t i = 0; i < count; i++)
		total_add(total_find(settlement, records[i]->scope, records[i]->model,
				  records[i]->backend),
			records[i]);
	return true;
}

static void total_write(const struct total *total, struct json_writer *json)
{
	json_object_open(json);
	json_member_text(json, "scope", total->scope);
	json_member_text(json, "model", total->model);
	json_member_text(json, "backend", total->backend);
	json_member_uint(json, "requests", total->requests);
	json_member_uint(json, "estimated", total->estimated);
	json_member_uint(json, "tokens_prompt", total->tokens_prompt);
	json_member_uint(json, "tokens_completion", total->tokens_completion);
	json_object_close(json);
}

void settlement_write(const struct settlement *settlement, struct json_writer *json)
{
	json_array_open(json);
	list_each (node, &settlement->totals)
		total_write(list_item(node, struct total, node), json);
	json_array_close(json);
}
