/* Promise: whatever the world of backends and the request, never an excluded backend, the same
 * order for the same facts, and a reason for every offer that is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/routing_fixture.h"

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
	const struct routing_tried *tried, size_t tried_count)
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
		struct routing_tried tried = {.backend = random_below(&random, 2 * BACKENDS_MAX)};
		struct setting setting;
		size_t offers;

		generate_world(&setting, &random);
		decide_after(&setting, &facts, &tried, 1);
		check_decision(&setting, &facts, tried.backend);
		check_nothing_wasted(&setting, &facts, tried.backend);
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_properties)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
