/* health_json.c: writing what operators read. */
#include "config.h"
#include "workers/health/health_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_write.h"
#include "base/memory.h"

/* Requests, by backend, as the request workers count them. */
#define REQUESTS_COUNTER "nexus_requests_total{"
#define BACKEND_LABEL    "backend=\""

static const char *const observed_names[OBSERVED_COUNT] = {
	[OBSERVED_CONNECT_FAILED] = "connect_failed",
	[OBSERVED_CONNECTION_LOST] = "connection_lost",
	[OBSERVED_SERVER_ERROR] = "server_error",
	[OBSERVED_TIMEOUT] = "timeout",
	[OBSERVED_BAD_ANSWER] = "bad_answer",
	[OBSERVED_RATE_LIMITED] = "rate_limited",
	[OBSERVED_KEY_REFUSED] = "key_refused",
};

/* --- counts of requests --- */

/* The value of the label `backend`; empty when there is none. Label values of ours hold no quotes.
 */
static struct slice backend_label(struct slice labels)
{
	const char *at = memmem(labels.data, labels.len, BACKEND_LABEL, strlen(BACKEND_LABEL));
	const char *end;

	if (!at)
		return slice_make(labels.data, 0);
	at += strlen(BACKEND_LABEL);
	end = memchr(at, '"', (size_t)(labels.data + labels.len - at));
	return slice_make(at, end ? (size_t)(end - at) : 0);
}

/* Adds up all columns, by the backends' positions in the catalogue. To be freed. */
static uint64_t *count_requests(const struct catalogue *catalogue)
{
	uint32_t columns = scoreboard_geometry(catalogue->scoreboard)->columns;
	uint64_t *totals = memory_array(catalogue->count + 1, sizeof(*totals));
	struct hash_table by_name;
	struct slice labels;
	uint64_t value;

	hash_table_init(&by_name);
	for (size_t i = 0; i < catalogue->count; i++)
		hash_table_put(&by_name, slice_of(catalogue->entries[i]->facts->name), &totals[i]);
	for (uint32_t column = 0; column < columns; column++) {
		uint32_t at = 0;

		while (scoreboard_counter_next(
			catalogue->scoreboard, column, &at, &labels, &value)) {
			uint64_t *total = slice_starts_with(labels, REQUESTS_COUNTER)
						  ? hash_table_get(&by_name, backend_label(labels))
						  : NULL;

			if (total)
				*total += value;
		}
	}
	hash_table_free(&by_name);
	return totals;
}

/* --- models --- */

static void write_limit(struct json_writer *json, const char *name, uint32_t value)
{
	json_key(json, name);
	if (value > 0)
		json_uint(json, value);
	else
		json_nothing(json);
}

static void write_knowledge(struct json_writer *json, const char *name, uint8_t value)
{
	json_key(json, name);
	if (value == KNOWLEDGE_UNKNOWN)
		json_nothing(json);
	else
		json_bool(json, value == KNOWLEDGE_YES);
}

static void write_model_members(struct json_writer *json, const struct registry_model *model)
{
	json_member_text(json, "id", model->id);
	json_member_text(json, "name", model->name);
	write_limit(json, "context_length", model->context_length);
	write_limit(json, "max_output_tokens", model->max_output_tokens);
	write_knowledge(json, "supports_vision", model->vision);
	write_knowledge(json, "supports_tools", model->tools);
	write_knowledge(json, "supports_json_mode", model->json_mode);
	write_knowledge(json, "supports_embeddings", model->embeddings);
	json_member_bool(json, "loaded", model->loaded);
}

static void write_models(struct json_writer *json, const struct registry_backend *facts)
{
	json_key(json, "models");
	json_array_open(json);
	for (size_t i = 0; i < facts->model_count; i++) {
		json_object_open(json);
		write_model_members(json, &facts->models[i]);
		json_object_close(json);
	}
	json_array_close(json);
}

/* --- backends --- */

static void write_metadata(struct json_writer *json, const struct backend_entry *entry)
{
	json_key(json, "metadata");
	json_object_open(json);
	json_member_text(json, "version", entry->version);
	write_limit(json, "slots", entry->slots);
	json_member_text(json, "note", entry->note);
	json_member_uint(json, "probes", entry->probes);
	json_member_uint(json, "probes_failed", entry->probes_failed);
	json_key(json, "observed");
	json_object_open(json);
	for (unsigned what = 1; what < OBSERVED_COUNT; what++)
		json_member_uint(json, observed_names[what], entry->observed[what]);
	json_object_close(json);
	json_object_close(json);
}

static void write_time(struct json_writer *json, const char *name, int64_t wall_us)
{
	char text[CLOCK_TEXT_SIZE];

	json_key(json, name);
	if (wall_us == 0) {
		json_nothing(json);
		return;
	}
	clock_format(wall_us, text);
	json_text(json, text);
}

static void write_latency(struct json_writer *json, uint64_t latency_us)
{
	json_key(json, "avg_latency_ms");
	if (latency_us > 0)
		json_double(json, (double)latency_us / 1000.0);
	else
		json_nothing(json);
}

static void write_backend(struct json_writer *json, const struct catalogue *catalogue,
	const struct backend_entry *entry, uint64_t total_requests)
{
	const struct registry_backend *facts = entry->facts;
	char id[20];

	snprintf(id, sizeof(id), "%016llx", (unsigned long long)entry->id);
	json_object_open(json);
	json_member_text(json, "id", id);
	json_member_text(json, "name", facts->name);
	json_member_text(json, "url", facts->url);
	json_member_text(json, "backend_type", facts->type);
	json_member_text(json, "status", status_names[entry->state.status]);
	write_time(json, "last_health_check", entry->checked_wall_us);
	json_member_text(json, "last_error", entry->last_error);
	write_models(json, facts);
	json_member_uint(json, "priority", facts->priority);
	json_member_text(json, "zone", zone_names[facts->zone == ZONE_OPEN]);
	json_member_uint(json, "tier", facts->tier);
	json_member_uint(json, "max_concurrency", facts->max_concurrency);
	json_key(json, "pending_requests");
	json_int(json, scoreboard_row_total(catalogue->scoreboard, facts->row));
	json_member_uint(json, "total_requests", total_requests);
	write_latency(json, entry->state.latency_us);
	json_member_text(json, "discovery_source", source_names[facts->source]);
	write_metadata(json, entry);
	json_object_close(json);
}

bool health_json_backends(const struct catalogue *catalogue, struct buffer *out)
{
	uint64_t *totals = count_requests(catalogue);
	struct json_writer json;

	json_write_init(&json, out);
	json_object_open(&json);
	json_key(&json, "backends");
	json_array_open(&json);
	for (size_t i = 0; i < catalogue->count; i++)
		write_backend(&json, catalogue, catalogue->entries[i], totals[i]);
	json_array_close(&json);
	json_object_close(&json);
	memory_free_at(&totals);
	return !json.overflow;
}

/* --- all models --- */

/* One backend's offer; sorted by model, then by backend. */
struct offer {
	const struct registry_model *model;
	const struct registry_backend *backend;
};

static int compare_offers(const void *left, const void *right)
{
	const struct offer *a = left;
	const struct offer *b = right;
	int order = strcmp(a->model->id, b->model->id);

	return order != 0 ? order : strcmp(a->backend->name, b->backend->name);
}

static struct offer *sorted_offers(const struct catalogue *catalogue, size_t *count)
{
	struct offer *offers;
	size_t total = 0;

	for (size_t i = 0; i < catalogue->count; i++)
		total += catalogue->entries[i]->facts->model_count;
	offers = memory_array(total + 1, sizeof(*offers));
	*count = 0;
	for (size_t i = 0; i < catalogue->count; i++) {
		const struct registry_backend *facts = catalogue->entries[i]->facts;

		for (size_t j = 0; j < facts->model_count; j++)
			offers[(*count)++] = (struct offer){&facts->models[j], facts};
	}
	qsort(offers, total, sizeof(*offers), compare_offers);
	return offers;
}

/* What the best of several backends offers. */
static struct registry_model best_of(const struct offer *offers, size_t count)
{
	struct registry_model best = *offers[0].model;

	for (size_t i = 1; i < count; i++) {
		const struct registry_model *other = offers[i].model;

		if (other->context_length > best.context_length)
			best.context_length = other->context_length;
		if (other->max_output_tokens > best.max_output_tokens)
			best.max_output_tokens = other->max_output_tokens;
		/* UNKNOWN < NO < YES */
		best.vision = other->vision > best.vision ? other->vision : best.vision;
		best.tools = other->tools > best.tools ? other->tools : best.tools;
		best.json_mode =
			other->json_mode > best.json_mode ? other->json_mode : best.json_mode;
		best.embeddings =
			other->embeddings > best.embeddings ? other->embeddings : best.embeddings;
		best.loaded |= other->loaded;
	}
	return best;
}

static void write_offered_model(struct json_writer *json, const struct offer *offers, size_t count)
{
	struct registry_model best = best_of(offers, count);

	json_object_open(json);
	write_model_members(json, &best);
	json_key(json, "backends");
	json_array_open(json);
	for (size_t i = 0; i < count; i++)
		json_text(json, offers[i].backend->name);
	json_array_close(json);
	json_object_close(json);
}

static size_t same_model(const struct offer *offers, size_t count)
{
	size_t same = 1;

	while (same < count && strcmp(offers[same].model->id, offers[0].model->id) == 0)
		same++;
	return same;
}

bool health_json_models(const struct catalogue *catalogue, struct buffer *out)
{
	struct json_writer json;
	size_t count;
	struct offer *offers = sorted_offers(catalogue, &count);

	json_write_init(&json, out);
	json_object_open(&json);
	json_key(&json, "models");
	json_array_open(&json);
	for (size_t i = 0; i < count;) {
		size_t same = same_model(&offers[i], count - i);

		write_offered_model(&json, &offers[i], same);
		i += same;
	}
	json_array_close(&json);
	json_object_close(&json);
	memory_free_at(&offers);
	return !json.overflow;
}

/* --- the whole --- */

static bool serves(const struct backend_entry *entry)
{
	return entry->state.status == STATUS_HEALTHY || entry->state.status == STATUS_BUSY;
}

/* Distinct models of backends that serve. */
static size_t count_models(const struct catalogue *catalogue)
{
	struct hash_table seen;
	size_t count;

	hash_table_init(&seen);
	for (size_t i = 0; i < catalogue->count; i++) {
		struct backend_entry *entry = catalogue->entries[i];

		for (size_t j = 0; serves(entry) && j < entry->facts->model_count; j++)
			hash_table_put(&seen, slice_of(entry->facts->models[j].id), entry);
	}
	count = seen.used;
	hash_table_free(&seen);
	return count;
}

static void write_counts(struct json_writer *json, unsigned enabled, unsigned healthy)
{
	json_key(json, "backends");
	json_object_open(json);
	json_member_uint(json, "total", enabled);
	json_member_uint(json, "healthy", healthy);
	json_member_uint(json, "unhealthy", enabled - healthy);
	json_object_close(json);
}

bool health_json_health(const struct catalogue *catalogue, int64_t started_wall_us,
	int64_t now_wall_us, struct buffer *out)
{
	struct json_writer json;
	unsigned enabled = 0;
	unsigned healthy = 0;

	for (size_t i = 0; i < catalogue->count; i++) {
		enabled += catalogue->entries[i]->state.status != STATUS_DISABLED;
		healthy += serves(catalogue->entries[i]);
	}
	json_write_init(&json, out);
	json_object_open(&json);
	json_member_text(&json, "status",
		healthy == 0        ? "unhealthy"
		: healthy < enabled ? "degraded"
				    : "healthy");
	json_member_text(&json, "version", PACKAGE_VERSION);
	json_member_uint(&json, "uptime_seconds",
		now_wall_us > started_wall_us ? (uint64_t)(now_wall_us - started_wall_us) / 1000000u
					      : 0);
	write_counts(&json, enabled, healthy);
	json_key(&json, "models");
	json_object_open(&json);
	json_member_uint(&json, "total", count_models(catalogue));
	json_object_close(&json);
	json_object_close(&json);
	return !json.overflow;
}
