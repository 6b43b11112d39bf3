/* Promise: never an excluded backend, the same order for the same facts, and a reason for every
 * offer that is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/routing_fixture.h"

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
	const struct routing_tried tried[] = {{.backend = 0}, {.backend = 1}};
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
