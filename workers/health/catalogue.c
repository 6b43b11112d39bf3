/* catalogue.c: which backends there are, and the numbers they hold. */
#include "workers/health/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"
#include "base/log.h"
#include "base/memory.h"

static struct slice id_key(const uint64_t *id)
{
	return slice_make((const char *)id, sizeof(*id));
}

struct backend_entry *catalogue_find(const struct catalogue *catalogue, uint64_t id)
{
	return hash_table_get(&catalogue->by_id, id_key(&id));
}

/* --- entries --- */

static void catalogue_add(struct catalogue *catalogue, struct backend_entry *entry)
{
	catalogue->entries = memory_realloc(
		catalogue->entries, (catalogue->count + 1) * sizeof(struct backend_entry *));
	catalogue->entries[catalogue->count++] = entry;
	hash_table_put(&catalogue->by_id, id_key(&entry->id), entry);
}

static struct backend_entry *entry_new(const struct registry_backend *facts)
{
	struct backend_entry *entry = memory_zalloc(sizeof(*entry));

	entry->id = facts->id;
	entry->facts = registry_backend_new(facts);
	entry->memory = probe_memory_new();
	model_list_init(&entry->discovered);
	return entry;
}

static void entry_free(struct backend_entry *entry)
{
	registry_backend_unref(entry->facts);
	probe_memory_free(&entry->memory);
	model_list_free(&entry->discovered);
	memory_free_at(&entry->leaving);
	memory_free_at(&entry->last_error);
	memory_free_at(&entry->note);
	memory_free_at(&entry->version);
	memory_free_at(&entry);
}

/* --- the seed --- */

/* What an earlier health worker left in the scoreboard stays in force until a probe says otherwise.
 */
static void seed_state(struct catalogue *catalogue, struct backend_entry *entry)
{
	struct scoreboard_state *state =
		scoreboard_state(catalogue->scoreboard, entry->facts->state);
	uint64_t status = atomic_load_explicit(&state->status, memory_order_relaxed);

	backend_state_init(&entry->state, &catalogue->rules,
		status < STATUS_COUNT ? (enum backend_status)status : STATUS_UNKNOWN);
	entry->state.latency_us = atomic_load_explicit(&state->latency_us, memory_order_relaxed);
	entry->checked_wall_us =
		(int64_t)atomic_load_explicit(&state->last_check_wall_us, memory_order_relaxed);
}

static bool claim_numbers(struct catalogue *catalogue, const struct registry_backend *backend)
{
	if (!numbers_claim(&catalogue->rows, backend->row) ||
		!numbers_claim(&catalogue->states, backend->state))
		return false;
	for (size_t i = 0; i < backend->model_count; i++)
		if (!numbers_claim(&catalogue->states, backend->models[i].state))
			return false;
	return true;
}

static void seed_backend(struct catalogue *catalogue, const struct registry_backend *backend)
{
	struct backend_entry *entry;

	/* Numbers are only ever given out by this code: a clash is our own fault. */
	if (!claim_numbers(catalogue, backend))
		panic("backend \"%s\" of the replayed registry holds numbers twice or out of range",
			backend->name);
	entry = entry_new(backend);
	entry->is_told = true;
	model_list_from_registry(&entry->discovered, backend);
	scoreboard_row_define(
		catalogue->scoreboard, backend->row, ROW_CAPACITY, backend->max_concurrency);
	seed_state(catalogue, entry);
	catalogue_add(catalogue, entry);
}

static bool state_is_blank(const struct scoreboard_state *state)
{
	return atomic_load(&state->status) == 0 && atomic_load(&state->last_check_wall_us) == 0 &&
	       atomic_load(&state->rate_limited_until_ms) == 0 &&
	       atomic_load(&state->observed_failures) == 0;
}

/* Numbers that an earlier health worker had given up, or given out and not told: they rest like
 * those of our own. */
static void rest_leftovers(struct catalogue *catalogue)
{
	for (uint32_t row = catalogue->rows.first; row < catalogue->rows.end; row++) {
		if (scoreboard_row_kind(catalogue->scoreboard, row) == ROW_UNUSED ||
			!numbers_claim(&catalogue->rows, row))
			continue;
		scoreboard_row_remove(catalogue->scoreboard, row);
		numbers_rest(&catalogue->rows, row, catalogue->version);
	}
	for (uint32_t state = catalogue->states.first; state < catalogue->states.end; state++)
		if (!state_is_blank(scoreboard_state(catalogue->scoreboard, state)) &&
			numbers_claim(&catalogue->states, state))
			numbers_rest(&catalogue->states, state, catalogue->version);
}

struct catalogue *catalogue_new(struct scoreboard *scoreboard, const struct registry *seed)
{
	const struct scoreboard_geometry *geometry = scoreboard_geometry(scoreboard);
	struct catalogue *catalogue = memory_zalloc(sizeof(*catalogue));
	uint32_t rows_end = CATALOGUE_ROW_FIRST + CATALOGUE_ROWS;

	invariant(geometry->rows > CATALOGUE_ROW_FIRST);
	catalogue->scoreboard = scoreboard;
	catalogue->version = seed->version;
	catalogue->end_owed = true;
	catalogue->rules.enabled = true;
	hash_table_init(&catalogue->by_id);
	numbers_init(&catalogue->rows, CATALOGUE_ROW_FIRST,
		rows_end < geometry->rows ? rows_end : geometry->rows);
	numbers_init(&catalogue->states, 0, geometry->states);
	for (size_t i = 0; i < seed->backend_count; i++)
		seed_backend(catalogue, seed->backends[i]);
	/* Looking touches pages that the first start need not have. */
	if (seed->version > 0)
		rest_leftovers(catalogue);
	return catalogue;
}

void catalogue_free(struct catalogue **catalogue)
{
	for (size_t i = 0; i < (*catalogue)->count; i++)
		entry_free((*catalogue)->entries[i]);
	for (size_t i = 0; i < (*catalogue)->departed_count; i++)
		memory_free_at(&(*catalogue)->departed[i].states);
	memory_free_at(&(*catalogue)->departed);
	memory_free_at(&(*catalogue)->entries);
	hash_table_free(&(*catalogue)->by_id);
	numbers_free(&(*catalogue)->rows);
	numbers_free(&(*catalogue)->states);
	config_unref(&(*catalogue)->config);
	memory_free_at(catalogue);
}

/* --- leaving --- */

static struct departed departed_of(const struct backend_entry *entry)
{
	const struct registry_backend *facts = entry->facts;
	struct departed departed = {.id = entry->id, .row = facts->row};

	departed.states =
		memory_array(1 + facts->model_count + entry->leaving_count, sizeof(uint32_t));
	departed.states[departed.state_count++] = facts->state;
	for (size_t i = 0; i < facts->model_count; i++)
		departed.states[departed.state_count++] = facts->models[i].state;
	for (size_t i = 0; i < entry->leaving_count; i++)
		departed.states[departed.state_count++] = entry->leaving[i];
	return departed;
}

static void entry_depart(struct catalogue *catalogue, struct backend_entry *entry)
{
	log_info(LOG_HEALTH, "backend \"%s\" (%s) is removed", entry->facts->name,
		entry->facts->url);
	scoreboard_row_remove(catalogue->scoreboard, entry->facts->row);
	entry->state.status = STATUS_DISABLED;
	entry_show(catalogue, entry);
	catalogue->departed = memory_realloc(catalogue->departed,
		(catalogue->departed_count + 1) * sizeof(*catalogue->departed));
	catalogue->departed[catalogue->departed_count++] = departed_of(entry);
	hash_table_remove(&catalogue->by_id, id_key(&entry->id));
	entry_free(entry);
}

/* --- configuration --- */

static bool lacks_key(const struct backend_entry *entry)
{
	return entry->ops->is_cloud && entry->ops->key_header && !entry_api_key(entry)[0];
}

/* Why it cannot work as configured; false when nothing speaks against it. */
static bool refusal_of(const struct backend_entry *entry, struct error *reason)
{
	const struct config_backend *configured = entry->configured;

	if (!entry->ops) {
		error_set(reason, "this release does not speak the protocol of type \"%s\" yet",
			configured->type);
		return true;
	}
	if (lacks_key(entry) && !configured->pass_authorization) {
		error_set(reason,
			"there is no API key: api_key (or api_key_env, api_keys) of backend \"%s\" "
			"is missing or empty",
			configured->name);
		return true;
	}
	return false;
}

static void fix(struct backend_entry *entry, enum backend_status status, const char *reason)
{
	if (!entry->state.fixed)
		log_info(LOG_HEALTH, "backend \"%s\" (%s) is %s: %s", entry->configured->name,
			entry->facts->url, status_names[status], reason);
	backend_state_fix(&entry->state, status);
	entry_set_error(entry, status == STATUS_HEALTHY ? NULL : reason);
}

/* What the configuration alone decides about its state. */
static void judge(struct catalogue *catalogue, struct backend_entry *entry)
{
	struct error reason;

	backend_state_disable(&entry->state, &catalogue->rules, entry->configured->disabled);
	if (entry->configured->disabled) {
		entry->state.fixed = false;
		entry_set_error(entry, NULL);
	} else if (refusal_of(entry, &reason)) {
		fix(entry, STATUS_UNHEALTHY, reason.text);
	} else if (lacks_key(entry)) {
		fix(entry, STATUS_HEALTHY, "only its clients have keys, so it is not probed");
	} else if (entry->state.fixed) {
		backend_state_init(&entry->state, &catalogue->rules, STATUS_UNKNOWN);
		entry_set_error(entry, NULL);
	}
}

static bool strings_equal(struct config_strings a, struct config_strings b)
{
	if (a.count != b.count)
		return false;
	for (size_t i = 0; i < a.count; i++)
		if (strcmp(a.items[i], b.items[i]) != 0)
			return false;
	return true;
}

/* Whether a probe would be sent and read as before. */
static bool is_probed_alike(const struct config_backend *a, const struct config_backend *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->api_key, b->api_key) == 0 &&
	       strings_equal(a->api_keys, b->api_keys) && strcmp(a->ca_file, b->ca_file) == 0 &&
	       a->disabled == b->disabled;
}

static void entry_configure(struct catalogue *catalogue, struct backend_entry *entry,
	const struct config_backend *configured, const struct catalogue_events *events, void *owner)
{
	const struct config_backend *was = entry->configured;
	bool is_to_probe = !was || !is_probed_alike(was, configured);

	entry->is_kept = true;
	entry->configured = configured;
	entry->ops = backend_ops_by_name(configured->type);
	judge(catalogue, entry);
	entry_refresh(catalogue, entry);
	entry_show(catalogue, entry);
	if (is_to_probe)
		events->to_probe(owner, entry);
}

/* Both ways to write an OpenAI-compatible server's address mean the same server: the prefix is the
 * type's. */
static char *address_of(const struct config_backend *configured)
{
	const struct backend_ops *ops = backend_ops_by_name(configured->type);
	struct slice url = slice_of(configured->url);

	while (url.len > 0 && url.data[url.len - 1] == '/')
		url.len--;
	if (ops && ops->api_prefix && ops->api_prefix[0] && slice_ends_with(url, ops->api_prefix))
		url.len -= strlen(ops->api_prefix);
	return memory_dup_slice(url);
}

/* NULL when the scoreboard has no number left. */
static struct backend_entry *entry_create(struct catalogue *catalogue, uint64_t id, const char *url,
	const struct config_backend *configured)
{
	struct registry_backend facts = {
		.id = id, .name = configured->name, .url = url, .type = configured->type};
	struct backend_entry *entry;

	catalogue_tidy(catalogue);
	facts.row = numbers_take(&catalogue->rows);
	facts.state = facts.row == NUMBER_NONE ? NUMBER_NONE : numbers_take(&catalogue->states);
	if (facts.state == NUMBER_NONE || catalogue->count == REGISTRY_BACKENDS_MAX) {
		log_error(LOG_HEALTH,
			"backend \"%s\" (%s) is left out: there is no room for more backends",
			configured->name, url);
		if (facts.row != NUMBER_NONE)
			numbers_rest(&catalogue->rows, facts.row, 0);
		if (facts.state != NUMBER_NONE)
			numbers_rest(&catalogue->states, facts.state, 0);
		return NULL;
	}
	scoreboard_row_define(
		catalogue->scoreboard, facts.row, ROW_CAPACITY, configured->max_concurrency);
	entry = entry_new(&facts);
	backend_state_init(&entry->state, &catalogue->rules, STATUS_UNKNOWN);
	catalogue_add(catalogue, entry);
	return entry;
}

static void configure_backend(struct catalogue *catalogue, const struct config_backend *configured,
	const struct catalogue_events *events, void *owner)
{
	char *url = address_of(configured);
	uint64_t id = hash_stable(url, strlen(url));
	struct backend_entry *entry = catalogue_find(catalogue, id);

	if (entry && entry->is_kept)
		log_error(LOG_HEALTH, "backend \"%s\" is left out: \"%s\" has the same address, %s",
			configured->name, entry->facts->name, url);
	else if (!entry)
		entry = entry_create(catalogue, id, url, configured);
	if (entry && !entry->is_kept)
		entry_configure(catalogue, entry, configured, events, owner);
	memory_free_at(&url);
}

static void drop_unkept(
	struct catalogue *catalogue, const struct catalogue_events *events, void *owner)
{
	size_t kept = 0;

	for (size_t i = 0; i < catalogue->count; i++) {
		struct backend_entry *entry = catalogue->entries[i];

		if (entry->is_kept) {
			catalogue->entries[kept++] = entry;
			continue;
		}
		events->leaving(owner, entry);
		entry_depart(catalogue, entry);
	}
	catalogue->count = kept;
}

static struct state_rules rules_of(const struct config *config)
{
	return (struct state_rules){
		.enabled = config->health_check.enabled,
		.interval_ms = (uint32_t)(config->health_check.interval_seconds * 1000.0),
		.unhealthy_interval_ms =
			(uint32_t)(config->health_check.unhealthy_interval_seconds * 1000.0),
		.timeout_ms = (uint32_t)(config->health_check.timeout_seconds * 1000.0),
		.failure_threshold = config->health_check.failure_threshold,
		.recovery_threshold = config->health_check.recovery_threshold,
	};
}

/* Checks switched off: all are taken for healthy; switched on: they must show it. */
static void switch_checks(
	struct catalogue *catalogue, const struct catalogue_events *events, void *owner)
{
	for (size_t i = 0; i < catalogue->count; i++) {
		struct backend_entry *entry = catalogue->entries[i];

		if (!backend_state_is_probed(&entry->state))
			continue;
		backend_state_init(&entry->state, &catalogue->rules, STATUS_HEALTHY);
		entry_show(catalogue, entry);
		events->to_probe(owner, entry);
	}
}

void catalogue_configure(struct catalogue *catalogue, struct config *config,
	const struct catalogue_events *events, void *owner)
{
	struct config *old = catalogue->config;
	bool was_enabled = catalogue->rules.enabled;

	catalogue->rules = rules_of(config);
	for (size_t i = 0; i < catalogue->count; i++)
		catalogue->entries[i]->is_kept = false;
	for (size_t i = 0; i < config->backend_count; i++)
		configure_backend(catalogue, &config->backends[i], events, owner);
	drop_unkept(catalogue, events, owner);
	if (was_enabled != catalogue->rules.enabled)
		switch_checks(catalogue, events, owner);
	catalogue->config = config_ref(config);
	config_unref(&old);
}

/* --- numbers --- */

/* The oldest registry that a live worker may still look at; one that is just starting shows 0. */
static uint64_t acknowledged(struct catalogue *catalogue)
{
	uint32_t columns = scoreboard_geometry(catalogue->scoreboard)->columns;
	uint64_t oldest = catalogue->version;

	for (uint32_t column = 0; column < columns; column++) {
		struct scoreboard_header *header = scoreboard_header(catalogue->scoreboard, column);
		uint64_t version = atomic_load(&header->registry_version);

		if (atomic_load(&header->pid) != 0 && version < oldest)
			oldest = version;
	}
	return oldest;
}

static bool row_may_free(void *owner, uint32_t row)
{
	struct catalogue *catalogue = owner;

	return scoreboard_row_kind(catalogue->scoreboard, row) == ROW_UNUSED ||
	       scoreboard_row_reuse(catalogue->scoreboard, row);
}

static bool state_may_free(void *owner, uint32_t number)
{
	struct catalogue *catalogue = owner;
	struct scoreboard_state *state = scoreboard_state(catalogue->scoreboard, number);

	atomic_store(&state->status, 0);
	atomic_store(&state->latency_us, 0);
	atomic_store(&state->rate_limited_until_ms, 0);
	atomic_store(&state->last_check_wall_us, 0);
	atomic_store(&state->engine_waiting, 0);
	atomic_store(&state->observed_failures, 0);
	return true;
}

void catalogue_tidy(struct catalogue *catalogue)
{
	uint64_t version = acknowledged(catalogue);

	numbers_wake(&catalogue->rows, version, row_may_free, catalogue);
	numbers_wake(&catalogue->states, version, state_may_free, catalogue);
}
