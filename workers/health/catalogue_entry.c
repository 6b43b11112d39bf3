/* catalogue_entry.c: one backend: its facts, its state, what probes and traffic do to them. */
#include <string.h>

#include "base/buffer.h"
#include "base/fatal.h"
#include "base/log.h"
#include "base/memory.h"
#include "workers/health/catalogue.h"

void entry_set_error(struct backend_entry *entry, const char *text)
{
	memory_free_at(&entry->last_error);
	if (text)
		entry->last_error = memory_strdup(text);
}

const char *entry_api_key(const struct backend_entry *entry)
{
	const struct config_backend *configured = entry->configured;

	if (!configured)
		return "";
	if (configured->api_key[0] || configured->api_keys.count == 0)
		return configured->api_key;
	return configured->api_keys.items[0];
}

/* --- facts --- */

static void models_by_id(
	struct hash_table *table, const struct registry_model *models, size_t count)
{
	hash_table_init(table);
	for (size_t i = 0; i < count; i++)
		hash_table_put(table, slice_of(models[i].id), (void *)(uintptr_t)&models[i]);
}

static void add_leaving(struct backend_entry *entry, uint32_t state)
{
	entry->leaving = memory_realloc(
		entry->leaving, (entry->leaving_count + 1) * sizeof(*entry->leaving));
	entry->leaving[entry->leaving_count++] = state;
}

/* A model that stays keeps its number; one for which there is none is left out. */
static void number_models(
	struct catalogue *catalogue, struct backend_entry *entry, struct model_list *list)
{
	struct hash_table known;
	size_t kept = 0;

	models_by_id(&known, entry->facts->models, entry->facts->model_count);
	for (size_t i = 0; i < list->count; i++) {
		struct registry_model model = list->models[i];
		const struct registry_model *before = hash_table_remove(&known, slice_of(model.id));

		model.state = before ? before->state : numbers_take(&catalogue->states);
		if (model.state != NUMBER_NONE)
			list->models[kept++] = model;
	}
	list->left_out += list->count - kept;
	list->count = kept;
	for (size_t i = 0; i < entry->facts->model_count; i++)
		if (hash_table_get(&known, slice_of(entry->facts->models[i].id)))
			add_leaving(entry, entry->facts->models[i].state);
	hash_table_free(&known);
}

/* What the configuration says of the backend itself. */
static void fill_facts(const struct backend_entry *entry, struct registry_backend *facts)
{
	const struct config_backend *configured = entry->configured;

	*facts = *entry->facts;
	if (!configured)
		return;
	facts->name = configured->name;
	facts->type = configured->type;
	facts->is_cloud =
		entry->ops ? entry->ops->is_cloud : config_type_is_cloud(configured->type);
	facts->zone = (uint8_t)configured->zone;
	facts->tier = (uint8_t)configured->tier;
	facts->source = SOURCE_STATIC;
	facts->priority = configured->priority;
	facts->max_concurrency = configured->max_concurrency;
	facts->disabled = configured->disabled;
	facts->pass_authorization = configured->pass_authorization;
}

void entry_refresh(struct catalogue *catalogue, struct backend_entry *entry)
{
	struct registry_backend facts;
	struct registry_backend *next;
	struct model_list merged;

	fill_facts(entry, &facts);
	model_list_init(&merged);
	model_list_merge(&merged, &entry->discovered, entry->configured, facts.tier);
	number_models(catalogue, entry, &merged);
	if (merged.left_out > 0)
		log_error(LOG_HEALTH,
			"backend \"%s\": %zu of its models are left out: there is no room for them",
			facts.name, merged.left_out);
	facts.models = merged.models;
	facts.model_count = merged.count;
	next = registry_backend_new(&facts);
	model_list_free(&merged);
	if (facts_equal(entry->facts, next)) {
		registry_backend_unref(next);
		return;
	}
	scoreboard_row_set_limit(catalogue->scoreboard, next->row, next->max_concurrency);
	registry_backend_unref(entry->facts);
	entry->facts = next;
	entry->is_told = false;
	entry_show(catalogue, entry);
}

/* --- state --- */

static void show_status(struct catalogue *catalogue, uint32_t number, enum backend_status status)
{
	atomic_store_explicit(&scoreboard_state(catalogue->scoreboard, number)->status, status,
		memory_order_relaxed);
}

void entry_show(struct catalogue *catalogue, struct backend_entry *entry)
{
	const struct registry_backend *facts = entry->facts;
	struct scoreboard_state *state = scoreboard_state(catalogue->scoreboard, facts->state);

	atomic_store_explicit(&state->latency_us, entry->state.latency_us, memory_order_relaxed);
	atomic_store_explicit(
		&state->last_check_wall_us, (uint64_t)entry->checked_wall_us, memory_order_relaxed);
	show_status(catalogue, facts->state, entry->state.status);
	for (size_t i = 0; i < facts->model_count; i++)
		show_status(catalogue, facts->models[i].state, entry->state.status);
}

/* --- what a probe showed --- */

static enum state_outcome outcome_of(enum probe_verdict verdict)
{
	switch (verdict) {
	case PROBE_HEALTHY: return OUTCOME_SUCCESS;
	case PROBE_WARMING: return OUTCOME_WARMING;
	case PROBE_FAILED: break;
	}
	return OUTCOME_FAILURE;
}

static void log_transition(const struct backend_entry *entry, enum backend_status was)
{
	const struct registry_backend *facts = entry->facts;
	const char *now = status_names[entry->state.status];

	if (entry->last_error)
		log_info(LOG_HEALTH, "backend \"%s\" (%s) is %s, was %s: %s", facts->name,
			facts->url, now, status_names[was], entry->last_error);
	else
		log_info(LOG_HEALTH,
			"backend \"%s\" (%s) is %s, was %s: it answers in %.1f ms and has %zu "
			"model%s",
			facts->name, facts->url, now, status_names[was],
			(double)entry->state.latency_us / 1000.0, facts->model_count,
			facts->model_count == 1 ? "" : "s");
}

/* Said once, not at every probe. */
static void take_note(struct backend_entry *entry, const char *note)
{
	if (note && (!entry->note || strcmp(entry->note, note) != 0))
		log_info(LOG_HEALTH, "backend \"%s\": %s", entry->facts->name, note);
	memory_free_at(&entry->note);
	if (note)
		entry->note = memory_strdup(note);
}

static void take_answer(
	struct catalogue *catalogue, struct backend_entry *entry, const struct probe_result *result)
{
	struct scoreboard_state *state =
		scoreboard_state(catalogue->scoreboard, entry->facts->state);

	model_list_from_probe(&entry->discovered, result);
	atomic_store_explicit(&state->engine_waiting,
		result->has_engine_waiting ? result->engine_waiting : 0, memory_order_relaxed);
	memory_free_at(&entry->version);
	if (result->version)
		entry->version = memory_strdup(result->version);
	entry->slots = result->slots;
	take_note(entry, result->note);
}

void catalogue_report(struct catalogue *catalogue, struct backend_entry *entry,
	const struct probe_result *result, uint64_t latency_us, int64_t wall_us)
{
	enum state_outcome outcome = outcome_of(result->verdict);
	enum backend_status was = entry->state.status;
	bool has_changed;

	if (!backend_state_is_probed(&entry->state))
		return;
	entry->probes++;
	entry->probes_failed += outcome == OUTCOME_FAILURE;
	entry->checked_wall_us = wall_us;
	entry->is_reported = true;
	entry_set_error(entry, outcome == OUTCOME_SUCCESS ? NULL : result->error.text);
	if (outcome == OUTCOME_SUCCESS)
		take_answer(catalogue, entry, result);
	has_changed = backend_state_result(&entry->state, &catalogue->rules, outcome, latency_us);
	if (outcome == OUTCOME_SUCCESS)
		entry_refresh(catalogue, entry);
	entry_show(catalogue, entry);
	if (has_changed)
		log_transition(entry, was);
	else if (entry->last_error)
		log_debug(LOG_HEALTH, "backend \"%s\": %s", entry->facts->name, entry->last_error);
}

/* --- what traffic saw --- */

static uint32_t state_of_model(const struct registry_backend *facts, const char *name)
{
	for (size_t i = 0; name[0] && i < facts->model_count; i++)
		if (model_is_called(facts->models[i].id, name))
			return facts->models[i].state;
	return facts->state;
}

/* Never shorter than what was said before: several limits may be in force. */
static void limit_rate(struct catalogue *catalogue, const struct backend_entry *entry,
	const struct msg_observed *observed, uint64_t now_ms)
{
	uint32_t number = state_of_model(entry->facts, observed->model);
	struct scoreboard_state *state = scoreboard_state(catalogue->scoreboard, number);
	uint64_t wait_ms = observed->retry_after_ms < RATE_LIMIT_MAX_MS ? observed->retry_after_ms
									: RATE_LIMIT_MAX_MS;
	uint64_t before = atomic_load_explicit(&state->rate_limited_until_ms, memory_order_relaxed);

	if (wait_ms > 0 && now_ms + wait_ms > before)
		atomic_store_explicit(
			&state->rate_limited_until_ms, now_ms + wait_ms, memory_order_relaxed);
}

bool catalogue_observe(
	struct catalogue *catalogue, const struct msg_observed *observed, uint64_t now_ms)
{
	struct backend_entry *entry = catalogue_find(catalogue, observed->backend);
	struct scoreboard_state *state;

	if (!entry || observed->what == 0 || observed->what >= OBSERVED_COUNT)
		return false;
	entry->observed[observed->what]++;
	if (observed->what == OBSERVED_RATE_LIMITED) {
		limit_rate(catalogue, entry, observed, now_ms);
		return false;
	}
	state = scoreboard_state(catalogue->scoreboard, entry->facts->state);
	atomic_store_explicit(&state->observed_failures,
		atomic_load_explicit(&state->observed_failures, memory_order_relaxed) + 1,
		memory_order_relaxed);
	return observed->what == OBSERVED_CONNECT_FAILED ||
	       observed->what == OBSERVED_CONNECTION_LOST || observed->what == OBSERVED_KEY_REFUSED;
}
