/* Promise: another model is used only as the operator's chains or a flexible client allow, never a
 * lesser one, and a conversation keeps to its backend while that costs little. */
#include "tests/unit/routing_fixture.h"

#include <stdio.h>

/* a: m (tier 3), b: x (2), c: y (3), d: z (4) */
static const struct registry_model model_m = {.id = "m", .tier = 3};
static const struct registry_model model_x = {.id = "x", .tier = 2};
static const struct registry_model model_y = {.id = "y", .tier = 3};
static const struct registry_model model_z = {.id = "z", .tier = 4};
static const char *members[] = {"x", "y", "z"};
static struct config_fallback chain = {.model = "m", .chain = {members, 3}};

static void four_models(struct setting *setting)
{
	setting_init(setting);
	add_simple(setting, 0, "a", 50, &model_m);
	add_simple(setting, 1, "b", 50, &model_x);
	add_simple(setting, 2, "c", 50, &model_y);
	add_simple(setting, 3, "d", 50, &model_z);
	setting->config.routing.fallbacks = &chain;
	setting->config.routing.fallback_count = 1;
}

static void assert_used(const struct setting *setting, const char *model, size_t step)
{
	assert_int_equal(setting->decision.outcome, ROUTING_CHOSEN);
	assert_true(slice_is(setting->decision.model_used, model));
	assert_int_equal(setting->decision.step, step);
	assert_int_equal(
		setting->decision.reason, step ? REASON_FALLBACK : REASON_CAPABILITY_MATCH);
}

static void test_the_chain_in_order(void **state)
{
	struct request_facts facts = chat_with("m");
	struct setting setting;

	four_models(&setting);
	decide(&setting, &facts);
	assert_used(&setting, "m", 0);
	/* x is of a lower tier. */
	setting.loads[0].status = STATUS_UNHEALTHY;
	decide(&setting, &facts);
	assert_used(&setting, "y", 2);
	assert_int_equal(setting.decision.asked_lost, REJECTED_UNHEALTHY);
	assert_int_equal(setting.decision.candidate_count, 3);
	assert_int_equal(setting.decision.candidates[2].rejected, REJECTED_TIER);
	assert_int_equal(setting.decision.required_tier, 3);
	setting.loads[2].status = STATUS_WARMING;
	decide(&setting, &facts);
	assert_used(&setting, "z", 3);
	setting.loads[3].status = STATUS_UNHEALTHY;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.candidate_count, 4);
	setting_free(&setting);
}

static void test_busy_or_given_up(void **state)
{
	struct request_facts facts = chat_with("m");
	struct setting setting;

	four_models(&setting);
	add_backend(&setting, &(struct registry_backend){.id = 0,
				      .name = "a",
				      .type = "vllm",
				      .max_concurrency = 1,
				      .models = &model_m,
				      .model_count = 1});
	setting.loads[0].in_flight = 1;
	decide(&setting, &facts);
	assert_used(&setting, "y", 2);
	assert_int_equal(setting.decision.asked_lost, REJECTED_BUSY);
	/* Nobody else has room: the caller may wait. */
	setting.loads[2].status = setting.loads[3].status = STATUS_UNHEALTHY;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_BUSY);
	/* Its retries used up: the model asked for is not looked at again. */
	setting.loads[0].in_flight = 0;
	setting.loads[2].status = STATUS_HEALTHY;
	setting.first_step = 1;
	decide(&setting, &facts);
	assert_used(&setting, "y", 2);
	setting.first_step = 4;
	assert_int_not_equal(decide(&setting, &facts)->outcome, ROUTING_CHOSEN);
	setting_free(&setting);
}

static void test_chain_of_the_name_or_of_its_alias(void **state)
{
	static const char *own[] = {"z"};
	struct config_fallback chains[] = {chain, {.model = "nick", .chain = {own, 1}}};
	struct config_alias alias = {.name = "nick", .target = "m"};
	struct request_facts facts = chat_with("nick");
	struct setting setting;

	four_models(&setting);
	setting.config.routing.aliases = &alias;
	setting.config.routing.alias_count = 1;
	setting.loads[0].status = STATUS_UNHEALTHY;
	decide(&setting, &facts);
	assert_used(&setting, "y", 2);
	setting.config.routing.fallbacks = chains;
	setting.config.routing.fallback_count = 2;
	decide(&setting, &facts);
	assert_used(&setting, "z", 1);
	assert_true(slice_is(setting.decision.model_asked, "nick"));
	/* A member that is an alias, and one that leads back. */
	alias = (struct config_alias){.name = "z2", .target = "z"};
	own[0] = "z2";
	chains[1].model = "m";
	setting.config.routing.fallbacks = &chains[1];
	setting.config.routing.fallback_count = 1;
	facts = chat_with("m");
	decide(&setting, &facts);
	assert_used(&setting, "z", 1);
	alias.target = "m";
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.candidate_count, 1);
	own[0] = "z";
	setting_free(&setting);
}

static void test_unknown_model_with_a_chain(void **state)
{
	static const char *cheap[] = {"x"};
	struct config_fallback fallback = {.model = "gone", .chain = {cheap, 1}};
	struct request_facts facts = chat_with("gone");
	struct setting setting;

	four_models(&setting);
	setting.config.routing.fallbacks = &fallback;
	decide(&setting, &facts);
	assert_used(&setting, "x", 1);
	assert_int_equal(setting.decision.asked_lost, REJECTED_NOT);
	/* It exists, then: the chain is not served now. */
	setting.loads[1].status = STATUS_UNHEALTHY;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	setting.substitutes = SUBSTITUTES_NONE;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_MODEL_UNKNOWN);
	setting_free(&setting);
}

static void test_strict(void **state)
{
	struct config_alias alias = {.name = "nick", .target = "m"};
	struct request_facts facts = chat_with("nick");
	struct setting setting;

	four_models(&setting);
	setting.config.routing.aliases = &alias;
	setting.config.routing.alias_count = 1;
	setting.substitutes = SUBSTITUTES_NONE;
	decide(&setting, &facts);
	assert_used(&setting, "m", 0);
	setting.loads[0].status = STATUS_UNHEALTHY;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.candidate_count, 1);
	setting_free(&setting);
}

static void test_flexible(void **state)
{
	struct registry_model several[] = {
		{.id = "deaf", .tier = 3, .vision = N, .loaded = true},
		{.id = "maybe", .tier = 3, .loaded = true},
		{.id = "better", .tier = 4, .vision = Y},
		{.id = "cold", .tier = 3, .vision = Y},
		{.id = "warm", .tier = 3, .vision = Y, .loaded = true},
	};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	four_models(&setting);
	setting.config.routing.fallback_count = 0;
	setting.loads[0].status = STATUS_UNHEALTHY;
	setting.substitutes = SUBSTITUTES_SAME_TIER;
	decide(&setting, &facts);
	assert_used(&setting, "y", 1);
	assert_true(setting.decision.mixed_models);
	/* Of each backend the one that fits best. */
	add_backend(&setting, &(struct registry_backend){.id = 4,
				      .name = "e",
				      .type = "ollama",
				      .priority = 1,
				      .models = several,
				      .model_count = 5});
	facts.has_images = true;
	decide(&setting, &facts);
	assert_used(&setting, "warm", 1);
	assert_true(slice_is(
		routing_model_for(&setting.decision, &setting.decision.candidates[0]), "warm"));
	/* The chain goes first. */
	setting.config.routing.fallback_count = 1;
	facts.has_images = false;
	decide(&setting, &facts);
	assert_used(&setting, "y", 2);
	/* Of what nobody offers no tier is known. */
	facts = chat_with("gone");
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_MODEL_UNKNOWN);
	setting_free(&setting);
}

static void test_scores_must_be_reached(void **state)
{
	static struct config_pair wanted[] = {{"coding", 7}, {"reasoning", 5}};
	static struct config_pair given[] = {{"reasoning", 5}, {"coding", 7}};
	struct config_model models[] = {
		{.id = "m", .capabilities = {wanted, 2}},
		{.id = "y", .capabilities = {given, 2}},
	};
	struct config_backend backends[] = {
		{.name = "c", .models = &models[1], .model_count = 1},
		{.name = "a", .models = &models[0], .model_count = 1},
	};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	four_models(&setting);
	setting.config.backends = backends;
	setting.config.backend_count = 2;
	setting.loads[0].status = STATUS_UNHEALTHY;
	decide(&setting, &facts);
	assert_used(&setting, "y", 2);
	given[1].value = 6;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.candidates[2].rejected, REJECTED_SCORES);
	/* One that is not given is not reached; the model asked for need not reach its own. */
	models[1].capabilities.count = 1;
	given[0].value = 10;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	setting.substitutes = SUBSTITUTES_SAME_TIER;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	setting.loads[0].status = STATUS_HEALTHY;
	decide(&setting, &facts);
	assert_used(&setting, "m", 0);
	setting_free(&setting);
}

static void test_policy_tier(void **state)
{
	struct config_policy policy = {.model_pattern = "m", .min_tier = 4};
	struct request_facts facts = chat_with("m");
	struct setting setting;
	struct buffer out;

	four_models(&setting);
	setting.config.routing.policies = &policy;
	setting.config.routing.policy_count = 1;
	decide(&setting, &facts);
	assert_used(&setting, "z", 3);
	assert_int_equal(setting.decision.asked_lost, REJECTED_TIER);
	setting.substitutes = SUBSTITUTES_NONE;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	buffer_init(&out, 1 << 12);
	assert_true(routing_context_json(&setting.decision, &out));
	assert_string_equal(buffer_text(&out), "{\"required_tier\":4,\"available_backends\":[],"
					       "\"rejected\":[{\"backend\":\"a\",\"reason\":"
					       "\"tier-too-low\"}]}");
	buffer_free(&out);
	setting_free(&setting);
}

static void test_a_longer_context(void **state)
{
	struct registry_model brief = {.id = "x", .tier = 3, .context_length = 100};
	struct registry_model wide = {.id = "y", .tier = 3, .context_length = 200};
	struct registry_model nobody_knows = {.id = "z", .tier = 3};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	four_models(&setting);
	add_simple(&setting, 1, "b", 50, &brief);
	add_simple(&setting, 2, "c", 50, &wide);
	add_simple(&setting, 3, "d", 50, &nobody_knows);
	setting.first_step = 1;
	setting.longer_than = 100;
	decide(&setting, &facts);
	assert_used(&setting, "y", 2);
	setting.longer_than = 200;
	assert_int_not_equal(decide(&setting, &facts)->outcome, ROUTING_CHOSEN);
	setting_free(&setting);
}

static void test_another_model_of_the_same_backend(void **state)
{
	static const struct registry_model both[] = {
		{.id = "m", .tier = 3}, {.id = "y", .tier = 3}};
	struct routing_tried tried = {.backend = 0, .model = SLICE_LITERAL("m")};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	setting_init(&setting);
	add_backend(
		&setting, &(struct registry_backend){
				  .name = "a", .type = "ollama", .models = both, .model_count = 2});
	setting.config.routing.fallbacks = &chain;
	setting.config.routing.fallback_count = 1;
	decide_after(&setting, &facts, &tried, 1);
	assert_used(&setting, "y", 2);
	tried.model.len = 0;
	assert_int_equal(decide_after(&setting, &facts, &tried, 1)->outcome, ROUTING_UNAVAILABLE);
	setting_free(&setting);
}

/* --- affinity --- */

static void equal_backends(struct setting *setting)
{
	setting_init(setting);
	setting->config.routing.affinity = true;
	for (uint64_t id = 0; id < 8; id++)
		add_simple(setting, id,
			(const char *[]){"a", "b", "c", "d", "e", "f", "g", "h"}[id], 50, &model_m);
}

static uint64_t chosen_for(struct setting *setting, uint64_t conversation)
{
	struct request_facts facts = chat_with("m");

	facts.conversation = conversation;
	decide(setting, &facts);
	return setting->decision.candidates[0].backend->id;
}

static void test_a_conversation_keeps_to_its_backend(void **state)
{
	unsigned counts[8] = {0};
	struct setting setting;

	equal_backends(&setting);
	for (uint64_t conversation = 1; conversation <= 400; conversation++) {
		uint64_t first = chosen_for(&setting, conversation);

		counts[first]++;
		assert_int_equal(setting.decision.reason,
			first == 0 ? REASON_CAPABILITY_MATCH : REASON_AFFINITY);
		/* Some load does not part them, a lot does, and then it comes back. */
		setting.loads[first].in_flight = 20;
		assert_int_equal(chosen_for(&setting, conversation), first);
		setting.loads[first].in_flight = 60;
		assert_int_not_equal(chosen_for(&setting, conversation), first);
		setting.loads[first].in_flight = 0;
		/* Another one's leaving moves nobody. */
		setting.loads[(first + 1) % 8].status = STATUS_UNHEALTHY;
		assert_int_equal(chosen_for(&setting, conversation), first);
		setting.loads[(first + 1) % 8].status = STATUS_HEALTHY;
	}
	for (int i = 0; i < 8; i++)
		assert_in_range(counts[i], 25, 80);
	setting_free(&setting);
}

static void test_affinity_is_a_hint(void **state)
{
	struct setting setting;

	equal_backends(&setting);
	assert_int_equal(chosen_for(&setting, 0), 0);
	setting.config.routing.affinity = false;
	for (uint64_t conversation = 1; conversation < 20; conversation++)
		assert_int_equal(chosen_for(&setting, conversation), 0);
	/* A session's name goes before the first messages. */
	setting.config.routing.affinity = true;
	setting.session = 7;
	for (uint64_t conversation = 1; conversation < 20; conversation++)
		assert_int_equal(chosen_for(&setting, conversation), chosen_for(&setting, 99));
	/* By priority it only decides between equals. */
	setting.config.routing.strategy = STRATEGY_PRIORITY_ONLY;
	add_simple(&setting, 5, "f", 49, &model_m);
	for (setting.session = 1; setting.session < 50; setting.session++)
		assert_int_equal(chosen_for(&setting, 1), 5);
	setting_free(&setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_chain_in_order),
		cmocka_unit_test(test_busy_or_given_up),
		cmocka_unit_test(test_chain_of_the_name_or_of_its_alias),
		cmocka_unit_test(test_unknown_model_with_a_chain),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_flexible),
		cmocka_unit_test(test_scores_must_be_reached),
		cmocka_unit_test(test_policy_tier),
		cmocka_unit_test(test_a_longer_context),
		cmocka_unit_test(test_another_model_of_the_same_backend),
		cmocka_unit_test(test_a_conversation_keeps_to_its_backend),
		cmocka_unit_test(test_affinity_is_a_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
