/* Promise: never an excluded backend, the same order for the same facts, and a reason for every
 * offer that is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "routing/routing.h"

#define BACKENDS_MAX 12u
#define NOW_MS       100000u

enum { Q = KNOWLEDGE_UNKNOWN, N = KNOWLEDGE_NO, Y = KNOWLEDGE_YES };

/* --- a small world --- */

struct setting {
	struct config config;
	struct registry *registry;
	struct backend_load loads[BACKENDS_MAX]; /* by backend id */
	struct random random;
	unsigned asked[BACKENDS_MAX]; /* how often load was called */
	uint64_t round_robin;
	struct arena arena;
	struct routing_decision decision;
};

static void setting_init(struct setting *setting)
{
	memset(setting, 0, sizeof(*setting));
	setting->config.routing.strategy = STRATEGY_SMART;
	setting->config.routing.weights.priority = 50;
	setting->config.routing.weights.load = 30;
	setting->config.routing.weights.latency = 20;
	setting->config.routing.unknown_capability = UNKNOWN_LAST_RESORT;
	setting->registry = registry_new_empty();
	random_seed(&setting->random, 1);
	arena_init(&setting->arena, 1 << 14);
	for (size_t i = 0; i < BACKENDS_MAX; i++)
		setting->loads[i].status = STATUS_HEALTHY;
}

static void setting_free(struct setting *setting)
{
	registry_unref(&setting->registry);
	arena_free(&setting->arena);
}

static void add_backend(struct setting *setting, const struct registry_backend *facts)
{
	struct registry_change *change = registry_change_new();
	struct registry *next;

	registry_change_put(change, registry_backend_new(facts));
	next = registry_apply(setting->registry, &change, 1, setting->registry->version + 1);
	registry_unref(&setting->registry);
	setting->registry = next;
}

/* A backend with one model and defaults; ids count from 0. */
static void add_simple(struct setting *setting, uint64_t id, const char *name, uint32_t priority,
	const struct registry_model *model)
{
	add_backend(setting, &(struct registry_backend){.id = id,
				     .name = name,
				     .type = "ollama",
				     .priority = priority,
				     .models = model,
				     .model_count = model ? 1 : 0});
}

static struct backend_load load_of(
	void *context, const struct registry_backend *backend, const struct registry_model *model)
{
	struct setting *setting = context;

	setting->asked[backend->id]++;
	return setting->loads[backend->id];
}

static const struct routing_decision *decide_after(struct setting *setting,
	struct request_facts *facts, const uint64_t *tried, size_t tried_count)
{
	struct routing_view view = {
		.config = &setting->config,
		.registry = setting->registry,
		.context = setting,
		.load = load_of,
		.now_ms = NOW_MS,
		.random = &setting->random,
		.round_robin = setting->round_robin,
	};

	routing_decide(&view, facts, tried, tried_count, &setting->arena, &setting->decision);
	return &setting->decision;
}

static const struct routing_decision *decide(struct setting *setting, struct request_facts *facts)
{
	return decide_after(setting, facts, NULL, 0);
}

/* As if the request's tokens had been counted. */
static void set_tokens(struct request_facts *facts, uint64_t tokens)
{
	facts->tokens_exact = true;
	facts->tokens_bound = (struct token_count){tokens, tokens};
}

static struct request_facts chat_with(const char *model)
{
	return (struct request_facts){.endpoint = ENDPOINT_CHAT, .model = slice_of(model)};
}

static void assert_chosen(const struct routing_decision *decision, const char *backend)
{
	assert_int_equal(decision->outcome, ROUTING_CHOSEN);
	assert_string_equal(decision->candidates[0].backend->name, backend);
}

static const struct registry_model plain = {.id = "m", .tier = 3};

/* --- health --- */

static void test_status_decides(void **state)
{
	static const struct {
		enum backend_status status;
		uint64_t rate_limited_until_ms;
		enum rejection expected;
	} cases[] = {
		{STATUS_HEALTHY, 0, REJECTED_NOT},
		{STATUS_BUSY, 0, REJECTED_NOT},
		{STATUS_UNKNOWN, 0, REJECTED_UNKNOWN},
		{STATUS_UNHEALTHY, 0, REJECTED_UNHEALTHY},
		{STATUS_DRAINING, 0, REJECTED_DRAINING},
		{STATUS_WARMING, 0, REJECTED_WARMING},
		{STATUS_DISABLED, 0, REJECTED_DISABLED},
		{STATUS_HEALTHY, NOW_MS + 1, REJECTED_RATE_LIMITED},
		{STATUS_HEALTHY, NOW_MS, REJECTED_NOT},
		{STATUS_RATE_LIMITED, NOW_MS + 1, REJECTED_RATE_LIMITED},
		{STATUS_RATE_LIMITED, NOW_MS - 1, REJECTED_NOT},
		{STATUS_RATE_LIMITED, 0, REJECTED_RATE_LIMITED},
		{(enum backend_status)77, 0, REJECTED_UNKNOWN},
	};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	setting_init(&setting);
	add_simple(&setting, 0, "a", 50, &plain);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct routing_decision *decision;

		setting.loads[0].status = cases[i].status;
		setting.loads[0].rate_limited_until_ms = cases[i].rate_limited_until_ms;
		decision = decide(&setting, &facts);
		assert_int_equal(decision->candidates[0].rejected, cases[i].expected);
		assert_int_equal(decision->outcome,
			cases[i].expected == REJECTED_NOT ? ROUTING_CHOSEN : ROUTING_UNAVAILABLE);
		if (cases[i].expected != REJECTED_NOT)
			assert_string_equal(decision->candidates[0].stage, "health");
	}
	setting_free(&setting);
}

static void test_disabled_backend(void **state)
{
	struct request_facts facts = chat_with("m");
	struct setting setting;

	setting_init(&setting);
	add_backend(&setting, &(struct registry_backend){.name = "a",
				      .type = "vllm",
				      .disabled = true,
				      .models = &plain,
				      .model_count = 1});
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.candidates[0].rejected, REJECTED_DISABLED);
	setting_free(&setting);
}

static void test_tried_are_not_tried_again(void **state)
{
	struct request_facts facts = chat_with("m");
	const uint64_t tried[] = {0, 1};
	struct setting setting;

	setting_init(&setting);
	add_simple(&setting, 0, "a", 1, &plain);
	add_simple(&setting, 1, "b", 2, &plain);
	assert_chosen(decide(&setting, &facts), "a");
	assert_int_equal(setting.decision.reason, REASON_CAPABILITY_MATCH);
	assert_chosen(decide_after(&setting, &facts, tried, 1), "b");
	assert_int_equal(setting.decision.reason, REASON_FAILOVER);
	assert_int_equal(decide_after(&setting, &facts, tried, 2)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.candidates[0].rejected, REJECTED_TRIED);
	setting_free(&setting);
}

/* --- unknown models --- */

static void test_unknown_or_not_there_now(void **state)
{
	struct request_facts facts = chat_with("other");
	struct setting setting;

	setting_init(&setting);
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_NO_BACKENDS);
	/* Not probed yet: it may have it. */
	add_simple(&setting, 0, "a", 50, NULL);
	setting.loads[0].status = STATUS_UNKNOWN;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.candidates[0].rejected, REJECTED_UNKNOWN);
	/* Down since the start, and nothing known of any. */
	setting.loads[0].status = STATUS_UNHEALTHY;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	/* It says it has nothing. */
	setting.loads[0].status = STATUS_HEALTHY;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_MODEL_UNKNOWN);
	/* Another one has models, and this one is down: a wrong name stays a wrong name. */
	setting.loads[0].status = STATUS_UNHEALTHY;
	add_simple(&setting, 1, "b", 50, &plain);
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_MODEL_UNKNOWN);
	assert_int_equal(setting.decision.candidate_count, 0);
	/* But while this one is not probed yet, nobody knows. */
	setting.loads[0].status = STATUS_UNKNOWN;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.candidate_count, 1);
	/* Known, but down. */
	setting.loads[1].status = STATUS_UNHEALTHY;
	facts = chat_with("m");
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	setting_free(&setting);
}

/* --- capabilities --- */

struct need {
	enum endpoint endpoint;
	bool images, tools, json_mode;
	uint64_t tokens, cap;
};

static void test_capabilities(void **state)
{
	/* One backend with these facts, one request: what is said of it. */
	static const struct {
		const char *what;
		struct registry_model model;
		struct need need;
		enum rejection expected;
	} cases[] = {
		{"plain chat", {.id = "m"}, {.tokens = 10}, REJECTED_NOT},
		{"no vision", {.id = "m", .vision = N}, {.images = true}, REJECTED_NO_VISION},
		{"no tools", {.id = "m", .tools = N}, {.tools = true}, REJECTED_NO_TOOLS},
		{"no JSON mode", {.id = "m", .json_mode = N}, {.json_mode = true},
			REJECTED_NO_JSON_MODE},
		{"all of it", {.id = "m", .vision = Y, .tools = Y, .json_mode = Y},
			{.images = true, .tools = true, .json_mode = true}, REJECTED_NOT},
		{"embedding model, chat", {.id = "m", .embeddings = Y}, {.tokens = 1},
			REJECTED_EMBEDDINGS_ONLY},
		{"embedding model, completion", {.id = "m", .embeddings = Y},
			{.endpoint = ENDPOINT_COMPLETION}, REJECTED_EMBEDDINGS_ONLY},
		{"embedding model", {.id = "m", .embeddings = Y}, {.endpoint = ENDPOINT_EMBEDDINGS},
			REJECTED_NOT},
		{"no embedding model", {.id = "m", .embeddings = N},
			{.endpoint = ENDPOINT_EMBEDDINGS}, REJECTED_NO_EMBEDDINGS},
		{"it fits", {.id = "m", .context_length = 100}, {.tokens = 60, .cap = 40},
			REJECTED_NOT},
		{"one too many", {.id = "m", .context_length = 100}, {.tokens = 60, .cap = 41},
			REJECTED_CONTEXT},
		{"context unknown", {.id = "m"}, {.tokens = 1u << 30}, REJECTED_NOT},
		{"an absurd cap", {.id = "m", .context_length = 100},
			{.tokens = 60, .cap = UINT64_MAX}, REJECTED_CONTEXT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct need *need = &cases[i].need;
		struct request_facts facts = chat_with("m");
		struct setting setting;

		setting_init(&setting);
		add_simple(&setting, 0, "a", 50, &cases[i].model);
		facts.endpoint = need->endpoint;
		facts.has_images = need->images;
		facts.has_tools = need->tools;
		facts.json_mode = need->json_mode;
		set_tokens(&facts, need->tokens);
		facts.output_cap = need->cap;
		decide(&setting, &facts);
		if (setting.decision.candidates[0].rejected != cases[i].expected)
			fail_msg("%s: %s", cases[i].what,
				rejection_names[setting.decision.candidates[0].rejected]);
		if (cases[i].expected == REJECTED_CONTEXT)
			assert_int_equal(setting.decision.outcome, ROUTING_TOO_LONG);
		setting_free(&setting);
	}
}

static void test_unknown_is_the_last_resort(void **state)
{
	struct registry_model unknown = {.id = "m"};
	struct registry_model able = {.id = "m", .vision = Y};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	setting_init(&setting);
	facts.has_images = true;
	add_simple(&setting, 0, "a", 1, &unknown);
	assert_chosen(decide(&setting, &facts), "a");
	assert_int_equal(setting.decision.reason, REASON_CAPABILITY_UNKNOWN);
	/* The known one wins, whatever the priorities; while it is down, the other is used. */
	add_simple(&setting, 1, "b", 99, &able);
	assert_chosen(decide(&setting, &facts), "b");
	assert_int_equal(setting.decision.chosen_count, 1);
	assert_int_equal(setting.decision.candidates[1].rejected, REJECTED_CAPABILITY_UNKNOWN);
	setting.loads[1].status = STATUS_UNHEALTHY;
	assert_chosen(decide(&setting, &facts), "a");
	/* Unless the operator wants none of it. */
	setting.config.routing.unknown_capability = UNKNOWN_REFUSE;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	/* What is not needed need not be known. */
	facts.has_images = false;
	assert_chosen(decide(&setting, &facts), "a");
	assert_int_equal(setting.decision.reason, REASON_CAPABILITY_MATCH);
	setting_free(&setting);
}

static void test_too_long(void **state)
{
	struct registry_model shorter = {.id = "m", .context_length = 2048};
	struct registry_model longer = {.id = "m", .context_length = 8192};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	setting_init(&setting);
	add_simple(&setting, 0, "a", 1, &shorter);
	add_simple(&setting, 1, "b", 2, &longer);
	set_tokens(&facts, 4000);
	facts.output_cap = 100;
	assert_chosen(decide(&setting, &facts), "b");
	set_tokens(&facts, 8100);
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_TOO_LONG);
	assert_int_equal(setting.decision.tokens_needed, 8200);
	assert_int_equal(setting.decision.context_longest, 8192);
	/* Where one that is down could take it, it is not the request's fault. */
	set_tokens(&facts, 4000);
	setting.loads[1].status = STATUS_UNHEALTHY;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	setting_free(&setting);
}

/* --- capacity --- */

/* By its bytes it may be too long, by its longest input it is not; where the bytes fit, nobody
 * estimates. */
static void test_estimates_only_what_may_be_too_long(void **state)
{
	static const char body[] = "{\"model\":\"m\",\"input\":[\"a few ordinary words of text\","
				   "\"some words more, but none of them is long at all\"]}";
	struct registry_model wide = {.id = "m", .context_length = 60};
	struct registry_model narrow = {.id = "m", .context_length = 40};
	struct inspect_problem problem;
	struct request_facts facts;
	struct setting setting;

	setting_init(&setting);
	assert_true(inspect_request(
		ENDPOINT_EMBEDDINGS, SLICE_LITERAL(body), 8, &setting.arena, &facts, &problem));
	add_simple(&setting, 0, "a", 1, &wide);
	assert_chosen(decide(&setting, &facts), "a");
	assert_false(facts.tokens_known);
	add_simple(&setting, 1, "b", 2, &narrow);
	assert_int_equal(decide(&setting, &facts)->chosen_count, 2);
	assert_true(facts.tokens_known);
	assert_true(facts.tokens_bound.longest > 40 && facts.tokens.longest <= 40);
	/* One context holds one input, and the answer. */
	facts.output_cap = 40 - facts.tokens.longest;
	assert_int_equal(decide(&setting, &facts)->chosen_count, 2);
	facts.output_cap++;
	assert_int_equal(decide(&setting, &facts)->chosen_count, 1);
	setting_free(&setting);
}

static void test_capacity(void **state)
{
	struct registry_backend limited = {.name = "a",
		.type = "vllm",
		.priority = 10,
		.max_concurrency = 4,
		.models = &plain,
		.model_count = 1};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	setting_init(&setting);
	add_backend(&setting, &limited);
	setting.loads[0].in_flight = 3;
	assert_chosen(decide(&setting, &facts), "a");
	setting.loads[0].in_flight = 4;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_BUSY);
	add_simple(&setting, 1, "b", 90, &plain);
	for (int strategy = STRATEGY_SMART; strategy <= STRATEGY_LEAST_LOADED; strategy++) {
		setting.config.routing.strategy = strategy;
		assert_chosen(decide(&setting, &facts), "b");
		assert_int_equal(setting.decision.reason, REASON_CAPACITY_OVERFLOW);
		assert_int_equal(setting.decision.candidates[1].rejected, REJECTED_BUSY);
	}
	/* A full one that would not have been preferred is no reason. */
	setting.config.routing.strategy = STRATEGY_SMART;
	setting.loads[0].latency_us = 1000000;
	limited.priority = 100;
	add_backend(&setting, &limited);
	assert_chosen(decide(&setting, &facts), "b");
	assert_int_equal(setting.decision.reason, REASON_CAPABILITY_MATCH);
	setting_free(&setting);
}

/* --- strategies --- */

static void test_smart_score(void **state)
{
	/* (100 - priority) 50 + (100 - in flight) 30 + (100 - ms / 10) 20 */
	static const struct {
		uint32_t priority;
		struct backend_load load;
		double expected;
	} cases[] = {
		{1, {.status = STATUS_HEALTHY}, 99 * 50 + 100 * 30 + 100 * 20},
		{50, {.status = STATUS_HEALTHY, .in_flight = 10}, 50 * 50 + 90 * 30 + 100 * 20},
		{50, {.status = STATUS_HEALTHY, .in_flight = 10, .engine_waiting = 5},
			50 * 50 + 85 * 30 + 100 * 20},
		{50, {.status = STATUS_HEALTHY, .in_flight = 500}, 50 * 50 + 0 + 100 * 20},
		{50, {.status = STATUS_HEALTHY, .latency_us = 250000},
			50 * 50 + 100 * 30 + 75 * 20},
		{50, {.status = STATUS_HEALTHY, .latency_us = 60000000}, 50 * 50 + 100 * 30 + 0},
		{200, {.status = STATUS_HEALTHY}, -100 * 50 + 100 * 30 + 100 * 20},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request_facts facts = chat_with("m");
		struct setting setting;

		setting_init(&setting);
		add_simple(&setting, 0, "a", cases[i].priority, &plain);
		setting.loads[0] = cases[i].load;
		decide(&setting, &facts);
		assert_true(setting.decision.candidates[0].score == cases[i].expected);
		setting_free(&setting);
	}
}

static void three_backends(struct setting *setting)
{
	setting_init(setting);
	add_simple(setting, 2, "c", 30, &plain);
	add_simple(setting, 0, "a", 50, &plain);
	add_simple(setting, 1, "b", 30, &plain);
}

static void test_ties_go_by_name(void **state)
{
	struct request_facts facts = chat_with("m");
	struct setting setting;

	three_backends(&setting);
	for (int round = 0; round < 2; round++) {
		setting.config.routing.strategy = round ? STRATEGY_PRIORITY_ONLY : STRATEGY_SMART;
		decide(&setting, &facts);
		assert_string_equal(setting.decision.candidates[0].backend->name, "b");
		assert_string_equal(setting.decision.candidates[1].backend->name, "c");
		assert_string_equal(setting.decision.candidates[2].backend->name, "a");
	}
	setting.loads[1].in_flight = 90;
	setting.config.routing.strategy = STRATEGY_PRIORITY_ONLY;
	assert_chosen(decide(&setting, &facts), "b");
	setting_free(&setting);
}

static void test_round_robin(void **state)
{
	static const char *const turns[] = {"a", "b", "c", "a", "b", "c", "a"};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	three_backends(&setting);
	setting.config.routing.strategy = STRATEGY_ROUND_ROBIN;
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		setting.round_robin = i;
		assert_chosen(decide(&setting, &facts), turns[i]);
	}
	/* Those behind it follow, so that a failover goes on in turn. */
	setting.round_robin = 1;
	decide(&setting, &facts);
	assert_string_equal(setting.decision.candidates[1].backend->name, "c");
	assert_string_equal(setting.decision.candidates[2].backend->name, "a");
	setting_free(&setting);
}

/* How often each of three was chosen in many decisions. */
static void count_choices(struct setting *setting, unsigned counts[3])
{
	struct request_facts facts = chat_with("m");

	memset(counts, 0, 3 * sizeof(*counts));
	for (unsigned i = 0; i < 3000; i++) {
		decide(setting, &facts);
		counts[setting->decision.candidates[0].backend->id]++;
		arena_free(&setting->arena);
		arena_init(&setting->arena, 1 << 14);
	}
}

static void test_random(void **state)
{
	struct setting setting;
	unsigned counts[3];

	three_backends(&setting);
	setting.config.routing.strategy = STRATEGY_RANDOM;
	count_choices(&setting, counts);
	for (int i = 0; i < 3; i++)
		assert_in_range(counts[i], 850, 1150);
	setting_free(&setting);
}

/* Of two random choices the less loaded: the most loaded is only taken when both choices fall on
 * it. */
static void test_least_loaded(void **state)
{
	struct setting setting;
	unsigned counts[3];

	three_backends(&setting);
	setting.config.routing.strategy = STRATEGY_LEAST_LOADED;
	setting.loads[0].in_flight = 9;
	setting.loads[1].engine_waiting = 4;
	count_choices(&setting, counts);
	assert_in_range(counts[0], 233, 433);
	assert_in_range(counts[1], 850, 1150);
	assert_in_range(counts[2], 1480, 1850);
	setting_free(&setting);
}

/* --- aliases --- */

static void test_aliases(void **state)
{
	struct config_alias aliases[] = {
		{.name = "one", .target = "m"},
		{.name = "two", .target = "one"},
		{.name = "three", .target = "two"},
		{.name = "four", .target = "three"},
		{.name = "m", .target = "other"},
		{.name = "loop", .target = "loop"},
	};
	static const struct {
		const char *asked;
		size_t depth;
		const char *used;
		enum routing_outcome outcome;
	} cases[] = {
		{"m", 0, "m", ROUTING_CHOSEN},
		{"one", 1, "m", ROUTING_CHOSEN},
		{"two", 2, "m", ROUTING_CHOSEN},
		{"three", 3, "m", ROUTING_CHOSEN},
		{"four", 3, "one", ROUTING_MODEL_UNKNOWN},
		{"loop", 3, "loop", ROUTING_MODEL_UNKNOWN},
		{"none", 0, "none", ROUTING_MODEL_UNKNOWN},
		{"", 0, "", ROUTING_MODEL_UNKNOWN},
	};
	struct setting setting;

	setting_init(&setting);
	setting.config.routing.aliases = aliases;
	setting.config.routing.alias_count = sizeof(aliases) / sizeof(aliases[0]);
	add_simple(&setting, 0, "a", 50, &plain);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request_facts facts = chat_with(cases[i].asked);

		decide(&setting, &facts);
		assert_int_equal(setting.decision.outcome, cases[i].outcome);
		assert_int_equal(setting.decision.alias_depth, cases[i].depth);
		assert_true(slice_is(setting.decision.model_asked, cases[i].asked));
		assert_true(slice_is(setting.decision.alias_chain[0], cases[i].asked));
		assert_true(slice_is(setting.decision.model_used, cases[i].used));
	}
	/* A model wins over its alias also while it is down. */
	setting.loads[0].status = STATUS_UNHEALTHY;
	assert_int_equal(
		decide(&setting, &(struct request_facts){.model = SLICE_LITERAL("m")})->outcome,
		ROUTING_UNAVAILABLE);
	setting_free(&setting);
}

/* --- the record of reasons --- */

static void test_context_json(void **state)
{
	struct request_facts facts = chat_with("m");
	struct setting setting;
	struct buffer out;

	three_backends(&setting);
	setting.loads[0].status = STATUS_UNHEALTHY;
	setting.loads[2].status = STATUS_WARMING;
	decide(&setting, &facts);
	buffer_init(&out, 1 << 16);
	assert_true(routing_context_json(&setting.decision, &out));
	assert_string_equal(buffer_text(&out), "{\"available_backends\":[\"b\"],\"rejected\":[{"
					       "\"backend\":\"a\",\"reason\":\"unhealthy\"},"
					       "{\"backend\":\"c\",\"reason\":\"warming\"}]}");
	buffer_free(&out);
	/* Without room nothing is left behind. */
	buffer_init(&out, 60);
	buffer_append_text(&out, "before");
	assert_false(routing_context_json(&setting.decision, &out));
	assert_string_equal(buffer_text(&out), "before");
	buffer_free(&out);
	setting_free(&setting);
}

static void test_every_reason_has_a_name(void **state)
{
	for (int i = 0; i < REJECTED_COUNT; i++)
		assert_non_null(rejection_names[i]);
	for (int i = 0; i < REASON_COUNT; i++)
		assert_non_null(reason_names[i]);
}

/* --- properties over generated worlds --- */

static uint8_t any_knowledge(struct random *random)
{
	return (uint8_t)random_below(random, 3);
}

static void generate_world(struct setting *setting, struct random *random)
{
	unsigned count = (unsigned)random_below(random, BACKENDS_MAX + 1);

	setting_init(setting);
	setting->config.routing.strategy = (int)random_below(random, STRATEGY_LEAST_LOADED + 1);
	setting->config.routing.unknown_capability =
		random_below(random, 4) ? UNKNOWN_LAST_RESORT : UNKNOWN_REFUSE;
	setting->round_robin = random_next(random);
	for (unsigned id = 0; id < count; id++) {
		char name[16];
		struct registry_model model = {
			.id = random_below(random, 5) ? "m" : "m:latest",
			.context_length = (uint32_t)random_below(random, 4) * 1000,
			.vision = any_knowledge(random),
			.tools = any_knowledge(random),
			.json_mode = any_knowledge(random),
			.embeddings = any_knowledge(random),
		};
		struct registry_backend facts = {
			.id = id,
			.name = name,
			.type = random_below(random, 2) ? "ollama" : "vllm",
			.priority = (uint32_t)random_below(random, 3) * 50,
			.max_concurrency = (uint32_t)random_below(random, 3),
			.disabled = random_below(random, 8) == 0,
			.models = &model,
			.model_count = random_below(random, 6) > 0,
		};

		snprintf(name, sizeof(name), "b%02u", (unsigned)(id * 5 % BACKENDS_MAX));
		add_backend(setting, &facts);
		setting->loads[id] = (struct backend_load){
			.status = random_below(random, 3)
					  ? STATUS_HEALTHY
					  : (enum backend_status)random_below(random, STATUS_COUNT),
			.in_flight = (int64_t)random_below(random, 3),
			.engine_waiting = random_below(random, 2),
			.latency_us = random_below(random, 2000000),
			.rate_limited_until_ms =
				random_below(random, 6) ? 0 : NOW_MS - 2 + random_below(random, 5),
		};
	}
}

static struct request_facts generate_request(struct random *random)
{
	uint64_t longest = random_below(random, 2500);
	uint64_t prompt = longest + random_below(random, 2) * 1000;

	return (struct request_facts){
		.endpoint = (enum endpoint)random_below(random, ENDPOINT_COUNT),
		.model = SLICE_LITERAL("m"),
		.has_images = random_below(random, 3) == 0,
		.has_tools = random_below(random, 3) == 0,
		.json_mode = random_below(random, 3) == 0,
		.tokens_known = true,
		.tokens = {prompt, longest},
		.tokens_bound = {2 * prompt, longest + random_below(random, 2) * longest},
		.output_cap = random_below(random, 2) * 500,
	};
}

/* Said again in other words: what a candidate may never be and still be chosen. */
static bool may_serve(const struct setting *setting, const struct request_facts *facts,
	const struct routing_candidate *candidate, uint64_t tried)
{
	const struct registry_model *model = candidate->model;
	const struct backend_load *load = &setting->loads[candidate->backend->id];
	uint64_t needed = facts->tokens.longest + facts->output_cap;

	if (candidate->backend->disabled || candidate->backend->id == tried)
		return false;
	if (load->rate_limited_until_ms > NOW_MS)
		return false;
	if (load->status != STATUS_HEALTHY && load->status != STATUS_BUSY &&
		!(load->status == STATUS_RATE_LIMITED && load->rate_limited_until_ms > 0))
		return false;
	if ((facts->has_images && model->vision == N) || (facts->has_tools && model->tools == N) ||
		(facts->json_mode && model->json_mode == N))
		return false;
	if (facts->endpoint == ENDPOINT_EMBEDDINGS ? model->embeddings == N
						   : model->embeddings == Y)
		return false;
	if (model->context_length > 0 && needed > model->context_length)
		return false;
	return candidate->backend->max_concurrency == 0 ||
	       load->in_flight < candidate->backend->max_concurrency;
}

static bool is_uncertain(const struct request_facts *facts, const struct registry_model *model)
{
	return (facts->has_images && model->vision == Q) ||
	       (facts->has_tools && model->tools == Q) ||
	       (facts->json_mode && model->json_mode == Q) ||
	       (facts->endpoint == ENDPOINT_EMBEDDINGS && model->embeddings == Q);
}

/* Chosen ones may serve and agree about being certain; others have a reason and a stage; each offer
 * stands once. */
static void check_decision(
	const struct setting *setting, const struct request_facts *facts, uint64_t tried)
{
	const struct routing_decision *decision = &setting->decision;
	unsigned seen[BACKENDS_MAX] = {0};
	size_t offers;

	registry_offers(setting->registry, SLICE_LITERAL("m"), &offers);
	if (offers > 0)
		assert_int_equal(decision->candidate_count, offers);
	assert_int_equal(decision->outcome == ROUTING_CHOSEN, decision->chosen_count > 0);
	for (size_t i = 0; i < decision->candidate_count; i++) {
		const struct routing_candidate *candidate = &decision->candidates[i];

		assert_int_equal(++seen[candidate->backend->id], 1);
		if (i >= decision->chosen_count) {
			assert_in_range(candidate->rejected, REJECTED_NOT + 1, REJECTED_COUNT - 1);
			assert_non_null(candidate->stage);
			continue;
		}
		assert_int_equal(candidate->rejected, REJECTED_NOT);
		assert_true(may_serve(setting, facts, candidate, tried));
		assert_int_equal(
			candidate->capability_unknown, is_uncertain(facts, candidate->model));
		assert_int_equal(
			candidate->capability_unknown, decision->candidates[0].capability_unknown);
		if (setting->config.routing.unknown_capability == UNKNOWN_REFUSE)
			assert_false(candidate->capability_unknown);
		if (i > 1 || (i == 1 && setting->config.routing.strategy != STRATEGY_LEAST_LOADED))
			assert_true(decision->candidates[i - 1].score >= candidate->score);
	}
}

/* A candidate that may serve is left out only because a better known one is there, or only known
 * ones are wanted. */
static void check_nothing_wasted(
	const struct setting *setting, const struct request_facts *facts, uint64_t tried)
{
	const struct routing_decision *decision = &setting->decision;

	for (size_t i = decision->chosen_count; i < decision->candidate_count; i++) {
		const struct routing_candidate *candidate = &decision->candidates[i];

		if (!candidate->model || !may_serve(setting, facts, candidate, tried))
			continue;
		assert_int_equal(candidate->rejected, REJECTED_CAPABILITY_UNKNOWN);
		assert_true(is_uncertain(facts, candidate->model));
	}
}

static void check_stable(struct setting *setting, struct request_facts *facts,
	const uint64_t *tried, size_t tried_count)
{
	struct routing_decision first;

	random_seed(&setting->random, 5);
	decide_after(setting, facts, tried, tried_count);
	first = setting->decision;
	random_seed(&setting->random, 5);
	decide_after(setting, facts, tried, tried_count);
	assert_int_equal(first.outcome, setting->decision.outcome);
	for (size_t i = 0; i < first.candidate_count; i++)
		assert_ptr_equal(
			first.candidates[i].backend, setting->decision.candidates[i].backend);
}

static void test_properties(void **state)
{
	struct random random;

	random_seed(&random, 20261121);
	for (unsigned round = 0; round < 4000; round++) {
		struct request_facts facts = generate_request(&random);
		uint64_t tried = random_below(&random, 2 * BACKENDS_MAX);
		struct setting setting;
		size_t offers;

		generate_world(&setting, &random);
		decide_after(&setting, &facts, &tried, 1);
		check_decision(&setting, &facts, tried);
		check_nothing_wasted(&setting, &facts, tried);
		registry_offers(setting.registry, SLICE_LITERAL("m"), &offers);
		if (offers > 0)
			for (unsigned id = 0; id < BACKENDS_MAX; id++)
				assert_in_range(setting.asked[id], 0, 1);
		check_stable(&setting, &facts, &tried, 1);
		setting_free(&setting);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_decides),
		cmocka_unit_test(test_disabled_backend),
		cmocka_unit_test(test_tried_are_not_tried_again),
		cmocka_unit_test(test_unknown_or_not_there_now),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_unknown_is_the_last_resort),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_estimates_only_what_may_be_too_long),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_smart_score),
		cmocka_unit_test(test_ties_go_by_name),
		cmocka_unit_test(test_round_robin),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_least_loaded),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_context_json),
		cmocka_unit_test(test_every_reason_has_a_name),
		cmocka_unit_test(test_properties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
