/* Promise: the others are told what changed and nothing else; numbers and knowledge survive a
 * restart of this worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "workers/health/catalogue.h"
#include "workers/health/publish.h"

#define TOLD_MAX 64u
#define COLUMN   1u /* of a request worker */
#define EPOCH    5u

struct told {
	enum message_type type;
	uint64_t object;
	uint64_t version;
	size_t model_count;
};

struct fixture {
	char dir[64];
	struct scoreboard *supervisor;
	struct scoreboard *scoreboard; /* attached, as a worker's */
	struct catalogue *catalogue;
	struct registry *registry; /* what a request worker would have made of what was told */
	struct registry_change *change;
	struct told told[TOLD_MAX];
	unsigned told_count;
	unsigned room; /* messages that may still be sent */
	unsigned probes_asked;
	unsigned left;
};

/* --- a request worker's side --- */

static void take_put(struct fixture *f, const struct msg_backend_put *put, uint64_t version)
{
	struct registry_model models[16] = {{0}};
	struct registry_backend facts = {
		.id = put->id,
		.name = put->name,
		.url = put->url,
		.type = put->type,
		.zone = put->zone,
		.tier = put->tier,
		.source = put->source,
		.priority = put->priority,
		.max_concurrency = put->max_concurrency,
		.row = put->row,
		.state = put->state,
		.disabled = put->disabled,
		.pass_authorization = put->pass_authorization,
		.models = models,
		.model_count = put->models_count,
		.version = version,
	};

	assert_in_range(put->models_count, 0, 16);
	for (size_t i = 0; i < put->models_count; i++)
		models[i] = (struct registry_model){
			.id = put->models[i].id,
			.name = put->models[i].name,
			.context_length = put->models[i].context_length,
			.max_output_tokens = put->models[i].max_output_tokens,
			.vision = put->models[i].vision,
			.tools = put->models[i].tools,
			.json_mode = put->models[i].json_mode,
			.embeddings = put->models[i].embeddings,
			.tier = put->models[i].tier,
			.loaded = put->models[i].loaded,
			.state = put->models[i].state,
		};
	registry_change_put(f->change, registry_backend_new(&facts));
}

static void take_end(struct fixture *f, const struct msg_registry_end *end)
{
	struct registry *old = f->registry;

	assert_int_equal(end->epoch, EPOCH);
	f->registry = registry_apply(old, &f->change, end->epoch, end->version);
	registry_unref(&old);
	f->change = registry_change_new();
}

static bool send(
	void *owner, enum message_type type, const void *message, uint64_t object, uint64_t version)
{
	struct fixture *f = owner;
	const struct msg_backend_put *put = message;

	if (f->room == 0)
		return false;
	f->room--;
	assert_in_range(f->told_count, 0, TOLD_MAX - 1);
	f->told[f->told_count++] = (struct told){
		type, object, version, type == MSG_BACKEND_PUT ? put->models_count : 0};
	if (type == MSG_BACKEND_PUT)
		take_put(f, put, version);
	else if (type == MSG_BACKEND_DELETE)
		registry_change_delete(f->change, ((const struct msg_backend_delete *)message)->id);
	else
		take_end(f, message);
	return true;
}

/* How many messages it took. */
static unsigned publish(struct fixture *f)
{
	unsigned before = f->told_count;

	f->room = TOLD_MAX;
	assert_true(catalogue_publish(f->catalogue, EPOCH, 100, send, f));
	return f->told_count - before;
}

static struct told last(const struct fixture *f, unsigned back)
{
	assert_in_range(back, 1, f->told_count);
	return f->told[f->told_count - back];
}

/* --- fixture --- */

static void count_probe(void *owner, struct backend_entry *entry)
{
	((struct fixture *)owner)->probes_asked++;
}

static void count_left(void *owner, struct backend_entry *entry)
{
	((struct fixture *)owner)->left++;
}

static const struct catalogue_events events = {.to_probe = count_probe, .leaving = count_left};

static void configure(struct fixture *f, const char *text)
{
	struct config_sources sources = {.read_environment = false};
	struct config_errors errors;
	struct config *config;
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/nexus.conf", f->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	sources.path = path;
	config_errors_init(&errors);
	config = config_load(&sources, &errors);
	if (!config)
		fail_msg("%s", errors.items[0].text);
	config_errors_free(&errors);
	catalogue_configure(f->catalogue, config, &events, f);
	config_unref(&config);
}

static void catalogue_restart(struct fixture *f)
{
	catalogue_free(&f->catalogue);
	f->catalogue = catalogue_new(f->scoreboard, f->registry);
}

static int setup(void **state)
{
	struct scoreboard_geometry geometry = {
		.columns = 4, .records_per_column = 8, .rows = 8, .states = 32, .epoch = 3};
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err = {""};

	snprintf(f->dir, sizeof(f->dir), "/tmp/nexus-catalogue-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->supervisor = scoreboard_create(f->dir, &geometry, &err);
	if (!f->supervisor || !scoreboard_column_allocate(f->supervisor, COLUMN, &err))
		fail_msg("%s", err.text);
	f->scoreboard = scoreboard_attach(
		scoreboard_memory_fd(f->supervisor), scoreboard_records_fd(f->supervisor), &err);
	scoreboard_column_adopt(f->scoreboard, COLUMN, getpid(), 1);
	f->registry = registry_new_empty();
	f->change = registry_change_new();
	f->catalogue = catalogue_new(f->scoreboard, f->registry);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	static const char *const left[] = {"nexus.conf", "records"};
	struct registry *old = f->registry;
	char path[128];

	catalogue_free(&f->catalogue);
	f->registry = registry_apply(old, &f->change, 0, UINT64_MAX);
	registry_unref(&old);
	registry_unref(&f->registry);
	scoreboard_free(&f->scoreboard);
	scoreboard_free(&f->supervisor);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, left[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static const struct registry_backend *told_backend(const struct fixture *f, const char *name)
{
	const struct registry_backend *backend =
		registry_backend_by_name(f->registry, slice_of(name));

	if (!backend)
		fail_msg("%s is not in the registry", name);
	return backend;
}

static struct backend_entry *entry_of(const struct fixture *f, const char *name)
{
	for (size_t i = 0; i < f->catalogue->count; i++)
		if (strcmp(f->catalogue->entries[i]->facts->name, name) == 0)
			return f->catalogue->entries[i];
	fail_msg("no entry %s", name);
	return NULL;
}

static uint64_t status_word(const struct fixture *f, uint32_t state)
{
	return atomic_load(&scoreboard_state(f->scoreboard, state)->status);
}

/* A probe's end: verdict and up to two models ("" = none). */
static void report(struct fixture *f, const char *name, enum probe_verdict verdict,
	const char *first, const char *second)
{
	struct probe_model models[2] = {
		{.id = first, .name = first, .context_length = 100, .loaded = true},
		{.id = second, .name = second, .context_length = 200}};
	struct probe_result result = {.verdict = verdict, .models = models};

	result.model_count = (first[0] != '\0') + (second[0] != '\0');
	error_set(&result.error, "connection refused");
	catalogue_report(f->catalogue, entry_of(f, name), &result, 2000, 1700000000000000);
}

#define TWO                                                                                        \
	"backends = ({name = \"a\"; url = \"http://127.0.0.1:1\"; type = \"vllm\"; "               \
	"max_concurrency = 2; "                                                                    \
	"models = ({id = \"m\"; context_length = 4096; vision = true;})},"                         \
	"{name = \"b\"; url = \"http://127.0.0.1:2/v1/\"; type = \"generic\"; tier = 2;});"
#define ONLY_B                                                                                     \
	"backends = ({name = \"b\"; url = \"http://127.0.0.1:2\"; type = \"generic\"; tier = "     \
	"2;});"

/* --- tests --- */

static void test_configured_is_known_at_once(void **state)
{
	struct fixture *f = *state;
	const struct registry_backend *a;
	const struct registry_backend *b;

	configure(f, TWO);
	assert_int_equal(f->probes_asked, 2);
	assert_int_equal(publish(f), 3);
	assert_int_equal(last(f, 1).type, MSG_REGISTRY_END);
	assert_int_equal(f->registry->version, 1);
	a = told_backend(f, "a");
	b = told_backend(f, "b");
	assert_int_equal(a->row, 1);
	assert_int_equal(b->row, 2);
	assert_int_not_equal(a->state, b->state);
	assert_int_equal(a->model_count, 1);
	assert_string_equal(a->models[0].id, "m");
	assert_int_equal(a->models[0].context_length, 4096);
	assert_int_equal(a->models[0].vision, KNOWLEDGE_YES);
	assert_int_equal(a->models[0].tools, KNOWLEDGE_UNKNOWN);
	assert_int_equal(a->models[0].tier, 3);
	assert_int_equal(b->model_count, 0);
	assert_string_equal(b->url, "http://127.0.0.1:2");
	assert_int_equal(status_word(f, a->state), STATUS_UNKNOWN);
	assert_int_equal(scoreboard_row_kind(f->scoreboard, 1), ROW_CAPACITY);
	assert_int_equal(scoreboard_row_limit(f->scoreboard, 1), 2);
	/* Nothing changed: nothing is said. */
	assert_int_equal(publish(f), 0);
}

static void test_only_what_changed_is_told(void **state)
{
	struct fixture *f = *state;
	uint32_t kept;

	configure(f, TWO);
	publish(f);
	report(f, "b", PROBE_HEALTHY, "x", "y");
	assert_int_equal(publish(f), 2);
	assert_int_equal(last(f, 2).type, MSG_BACKEND_PUT);
	assert_int_equal(last(f, 2).object, told_backend(f, "b")->id);
	assert_int_equal(last(f, 2).version, 2);
	assert_int_equal(last(f, 1).version, 2);
	assert_int_equal(told_backend(f, "b")->model_count, 2);
	assert_int_equal(told_backend(f, "b")->models[0].tier, 2);
	assert_int_equal(status_word(f, told_backend(f, "b")->state), STATUS_HEALTHY);
	assert_int_equal(status_word(f, told_backend(f, "b")->models[1].state), STATUS_HEALTHY);
	/* The same again, then a failure: the registry says nothing new, and the models stay. */
	report(f, "b", PROBE_HEALTHY, "x", "y");
	report(f, "b", PROBE_FAILED, "", "");
	assert_int_equal(publish(f), 0);
	kept = told_backend(f, "b")->models[1].state;
	/* A model goes, the other keeps its state. */
	report(f, "b", PROBE_HEALTHY, "y", "");
	assert_int_equal(publish(f), 2);
	assert_int_equal(told_backend(f, "b")->model_count, 1);
	assert_int_equal(told_backend(f, "b")->models[0].state, kept);
}

static void test_configuration_corrects_and_extends(void **state)
{
	struct fixture *f = *state;

	configure(f, TWO);
	report(f, "a", PROBE_HEALTHY, "other", "m:latest");
	publish(f);
	assert_int_equal(told_backend(f, "a")->model_count, 2);
	assert_string_equal(told_backend(f, "a")->models[1].id, "m:latest");
	assert_int_equal(told_backend(f, "a")->models[1].context_length, 4096);
	assert_int_equal(told_backend(f, "a")->models[0].context_length, 100);
	/* Without the correction the discovered value shows again, without a probe. */
	configure(
		f, "backends = ({name = \"a\"; url = \"http://127.0.0.1:1\"; type = \"vllm\";});");
	publish(f);
	assert_int_equal(told_backend(f, "a")->models[1].context_length, 200);
	assert_int_equal(told_backend(f, "a")->models[1].vision, KNOWLEDGE_UNKNOWN);
	assert_int_equal(scoreboard_row_limit(f->scoreboard, told_backend(f, "a")->row), 0);
}

static void test_statuses_are_shown(void **state)
{
	struct fixture *f = *state;
	uint32_t number;

	configure(f, TWO);
	publish(f);
	number = told_backend(f, "a")->state;
	report(f, "a", PROBE_FAILED, "", "");
	assert_int_equal(status_word(f, number), STATUS_UNHEALTHY);
	assert_string_equal(entry_of(f, "a")->last_error, "connection refused");
	report(f, "a", PROBE_WARMING, "", "");
	assert_int_equal(status_word(f, number), STATUS_WARMING);
	report(f, "a", PROBE_HEALTHY, "m", "");
	assert_int_equal(status_word(f, number), STATUS_HEALTHY);
	assert_null(entry_of(f, "a")->last_error);
	assert_int_equal(atomic_load(&scoreboard_state(f->scoreboard, number)->latency_us), 2000);
	assert_int_equal(atomic_load(&scoreboard_state(f->scoreboard, number)->last_check_wall_us),
		1700000000000000);
}

/* The request worker's exchanges pin `version`. */
static void acknowledge(struct fixture *f, uint64_t version)
{
	atomic_store(&scoreboard_header(f->scoreboard, COLUMN)->registry_version, version);
	catalogue_tidy(f->catalogue);
}

static void test_row_rests_until_nobody_sees_it(void **state)
{
	struct fixture *f = *state;
	struct scoreboard_record *record;

	configure(f, TWO);
	publish(f);
	acknowledge(f, 1);
	record = scoreboard_record_open(f->scoreboard, COLUMN, 0, 1);
	assert_int_equal(scoreboard_take(f->scoreboard, record, 1, 1), TAKE_DONE);
	configure(f, ONLY_B);
	assert_int_equal(f->left, 1);
	assert_int_equal(scoreboard_take(f->scoreboard, record, 1, 1), TAKE_REMOVED);
	assert_int_equal(publish(f), 2);
	assert_int_equal(last(f, 2).type, MSG_BACKEND_DELETE);
	/* Not acknowledged: the next backend gets another number. */
	configure(f, ONLY_B "");
	acknowledge(f, 1);
	configure(f, TWO);
	publish(f);
	assert_int_equal(told_backend(f, "a")->row, 3);
	/* Acknowledged, but something is held. */
	acknowledge(f, 3);
	assert_int_not_equal(scoreboard_row_kind(f->scoreboard, 1), ROW_UNUSED);
	scoreboard_give(f->scoreboard, record, 1);
	/* Nothing is held, but not acknowledged. */
	acknowledge(f, 1);
	assert_int_not_equal(scoreboard_row_kind(f->scoreboard, 1), ROW_UNUSED);
	acknowledge(f, 3);
	assert_int_equal(scoreboard_row_kind(f->scoreboard, 1), ROW_UNUSED);
	configure(f, ONLY_B);
	configure(f, TWO);
	publish(f);
	assert_int_equal(told_backend(f, "a")->row, 1);
}

static void test_a_restart_forgets_nothing(void **state)
{
	struct fixture *f = *state;
	uint32_t row;
	uint32_t number;

	configure(f, TWO);
	report(f, "a", PROBE_HEALTHY, "m", "z");
	report(f, "b", PROBE_FAILED, "", "");
	publish(f);
	row = told_backend(f, "b")->row;
	number = told_backend(f, "a")->models[1].state;
	f->probes_asked = 0;
	catalogue_restart(f);
	configure(f, TWO);
	assert_int_equal(f->probes_asked, 2);
	/* An END, to say who speaks now; nothing else. */
	assert_int_equal(publish(f), 1);
	assert_int_equal(f->registry->version, 2);
	assert_int_equal(told_backend(f, "b")->row, row);
	assert_int_equal(entry_of(f, "a")->state.status, STATUS_HEALTHY);
	assert_int_equal(entry_of(f, "b")->state.status, STATUS_UNHEALTHY);
	assert_int_equal(entry_of(f, "a")->facts->models[1].state, number);
	/* One failure does not take down what was healthy. */
	report(f, "a", PROBE_FAILED, "", "");
	assert_int_equal(entry_of(f, "a")->state.status, STATUS_HEALTHY);
	assert_int_equal(publish(f), 0);
}

static void test_a_restart_drops_what_is_gone_and_finds_leftovers(void **state)
{
	struct fixture *f = *state;

	configure(f, TWO);
	publish(f);
	acknowledge(f, 1);
	/* Given out, but the old worker died before it told anyone. */
	scoreboard_row_define(f->scoreboard, 5, ROW_CAPACITY, 1);
	catalogue_restart(f);
	configure(f, ONLY_B);
	assert_int_equal(f->left, 1);
	assert_int_equal(publish(f), 2);
	assert_int_equal(f->registry->backend_count, 1);
	acknowledge(f, 2);
	assert_int_equal(scoreboard_row_kind(f->scoreboard, 5), ROW_UNUSED);
	assert_int_equal(scoreboard_row_kind(f->scoreboard, 1), ROW_UNUSED);
	assert_int_equal(scoreboard_row_kind(f->scoreboard, 2), ROW_CAPACITY);
}

static void test_a_full_queue_only_delays(void **state)
{
	struct fixture *f = *state;

	configure(f, TWO);
	f->room = 1;
	assert_false(catalogue_publish(f->catalogue, EPOCH, 100, send, f));
	assert_int_equal(f->registry->version, 0);
	f->room = 1;
	assert_false(catalogue_publish(f->catalogue, EPOCH, 100, send, f));
	f->room = 1;
	assert_true(catalogue_publish(f->catalogue, EPOCH, 100, send, f));
	assert_int_equal(f->told_count, 3);
	assert_int_equal(f->registry->version, 1);
	assert_int_equal(f->registry->backend_count, 2);
}

static void test_many_are_told_in_portions(void **state)
{
	struct fixture *f = *state;

	configure(f, TWO);
	f->room = TOLD_MAX;
	assert_false(catalogue_publish(f->catalogue, EPOCH, 1, send, f));
	assert_int_equal(f->registry->backend_count, 1);
	assert_true(catalogue_publish(f->catalogue, EPOCH, 1, send, f));
	assert_int_equal(f->registry->backend_count, 2);
	assert_int_equal(f->registry->version, 2);
}

static void test_what_cannot_work_says_why(void **state)
{
	struct fixture *f = *state;

	configure(f,
		"backends = ({name = \"c\"; url = \"https://c.invalid\"; type = \"openai\";},"
		"{name = \"d\"; url = \"https://d.invalid\"; type = \"anthropic\";},"
		"{name = \"e\"; url = \"http://127.0.0.1:9\"; type = \"vllm\"; disabled = true;},"
		"{name = \"p\"; url = \"https://p.invalid\"; type = \"openai\"; pass_authorization "
		"= true;});");
	publish(f);
	assert_int_equal(entry_of(f, "c")->state.status, STATUS_UNHEALTHY);
	assert_non_null(strstr(entry_of(f, "c")->last_error, "api_key"));
	assert_false(backend_state_is_probed(&entry_of(f, "c")->state));
	assert_int_equal(entry_of(f, "d")->state.status, STATUS_UNHEALTHY);
	assert_non_null(strstr(entry_of(f, "d")->last_error, "anthropic"));
	assert_int_equal(entry_of(f, "e")->state.status, STATUS_DISABLED);
	assert_true(told_backend(f, "e")->disabled);
	assert_int_equal(status_word(f, told_backend(f, "e")->state), STATUS_DISABLED);
	/* Clients bring the keys: only they can tell. */
	assert_int_equal(entry_of(f, "p")->state.status, STATUS_HEALTHY);
	assert_int_equal(told_backend(f, "p")->zone, ZONE_OPEN);
	assert_int_equal(told_backend(f, "p")->priority, 100);
}

static void test_a_reload_probes_what_changed(void **state)
{
	struct fixture *f = *state;

	configure(f, TWO);
	f->probes_asked = 0;
	configure(f, TWO);
	assert_int_equal(f->probes_asked, 0);
	configure(f, "backends = ({name = \"a\"; url = \"http://127.0.0.1:1\"; type = \"vllm\"; "
		     "disabled = true;},"
		     "{name = \"bb\"; url = \"http://127.0.0.1:2\"; type = \"generic\"; priority = "
		     "9;});");
	/* A new name or priority is no reason. */
	assert_int_equal(f->probes_asked, 1);
	configure(f, TWO);
	assert_int_equal(f->probes_asked, 2);
	assert_int_equal(entry_of(f, "a")->state.status, STATUS_UNKNOWN);
	publish(f);
	assert_int_equal(f->registry->backend_count, 2);
}

static void observe(
	struct fixture *f, const char *model, enum observed what, uint32_t retry_ms, bool early)
{
	struct msg_observed observed = {.backend = entry_of(f, "a")->id,
		.model = model,
		.what = (uint8_t)what,
		.retry_after_ms = retry_ms};

	assert_int_equal(catalogue_observe(f->catalogue, &observed, 1000), early);
}

static void test_checks_can_be_switched_off(void **state)
{
	struct fixture *f = *state;

	configure(f, TWO);
	report(f, "a", PROBE_FAILED, "", "");
	configure(f, "health_check = { enabled = false; };" TWO);
	assert_int_equal(entry_of(f, "a")->state.status, STATUS_HEALTHY);
	assert_int_equal(status_word(f, entry_of(f, "b")->facts->state), STATUS_HEALTHY);
	for (int i = 0; i < 5; i++)
		report(f, "a", PROBE_FAILED, "", "");
	assert_int_equal(entry_of(f, "a")->state.status, STATUS_HEALTHY);
	/* On again: what was taken on trust is asked at once, and has its three chances. */
	f->probes_asked = 0;
	configure(f, TWO);
	assert_int_equal(f->probes_asked, 2);
	report(f, "a", PROBE_FAILED, "", "");
	assert_int_equal(entry_of(f, "a")->state.status, STATUS_HEALTHY);
	report(f, "a", PROBE_FAILED, "", "");
	report(f, "a", PROBE_FAILED, "", "");
	assert_int_equal(entry_of(f, "a")->state.status, STATUS_UNHEALTHY);
}

static uint64_t limited_until(const struct fixture *f, uint32_t state)
{
	return atomic_load(&scoreboard_state(f->scoreboard, state)->rate_limited_until_ms);
}

static void test_what_traffic_saw(void **state)
{
	struct fixture *f = *state;
	struct msg_observed unknown = {.backend = 1, .model = "", .what = OBSERVED_TIMEOUT};
	const struct registry_backend *a;

	configure(f, TWO);
	report(f, "a", PROBE_HEALTHY, "m", "n");
	publish(f);
	a = told_backend(f, "a");
	observe(f, "n", OBSERVED_RATE_LIMITED, 5000, false);
	assert_int_equal(limited_until(f, a->models[1].state), 6000);
	assert_int_equal(limited_until(f, a->models[0].state), 0);
	assert_int_equal(limited_until(f, a->state), 0);
	/* Another limit of the same model: the longer one counts. */
	observe(f, "n", OBSERVED_RATE_LIMITED, 100, false);
	assert_int_equal(limited_until(f, a->models[1].state), 6000);
	/* A day is not believed. */
	observe(f, "n", OBSERVED_RATE_LIMITED, 86400000, false);
	assert_int_equal(limited_until(f, a->models[1].state), 1000 + 15 * 60 * 1000);
	observe(f, "m", OBSERVED_CONNECT_FAILED, 0, true);
	observe(f, "m", OBSERVED_SERVER_ERROR, 0, false);
	assert_int_equal(
		atomic_load(&scoreboard_state(f->scoreboard, a->state)->observed_failures), 2);
	assert_int_equal(entry_of(f, "a")->observed[OBSERVED_RATE_LIMITED], 3);
	assert_int_equal(status_word(f, a->state), STATUS_HEALTHY);
	assert_false(catalogue_observe(f->catalogue, &unknown, 1000));
}

static void test_no_room_leaves_out_and_goes_on(void **state)
{
	struct fixture *f = *state;
	char text[2048] = "backends = (";

	for (int i = 0; i < 9; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			"%s{name = \"s%d\"; url = \"http://127.0.0.1:%d\"; type = \"vllm\";}",
			i ? "," : "", i, 100 + i);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), ");");
	configure(f, text);
	/* The scoreboard of this test has rows 1 to 7. */
	assert_int_equal(f->catalogue->count, 7);
	publish(f);
	assert_int_equal(f->registry->backend_count, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_configured_is_known_at_once),
		TEST(test_only_what_changed_is_told),
		TEST(test_configuration_corrects_and_extends),
		TEST(test_statuses_are_shown),
		TEST(test_row_rests_until_nobody_sees_it),
		TEST(test_a_restart_forgets_nothing),
		TEST(test_a_restart_drops_what_is_gone_and_finds_leftovers),
		TEST(test_a_full_queue_only_delays),
		TEST(test_many_are_told_in_portions),
		TEST(test_what_cannot_work_says_why),
		TEST(test_a_reload_probes_what_changed),
		TEST(test_checks_can_be_switched_off),
		TEST(test_what_traffic_saw),
		TEST(test_no_room_leaves_out_and_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
