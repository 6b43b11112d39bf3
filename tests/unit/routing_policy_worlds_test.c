/* Promise: whatever the world, its policies, aliases and chains: a restricted request never meets
 * an open backend, a strict one never another model, a substitute is never a lesser one, and each
 * backend that is left out has a reason. */
#include "tests/unit/routing_fixture.h"

#include <stdio.h>

#include "base/text.h"

#define ROUNDS 6000

static const char *const names[] = {"m", "n", "o", "p"};
static const char *const asked_names[] = {"m", "n", "o", "p", "nick", "nick2", "none"};
static const char *const patterns[] = {"m", "n*", "nick*", "?", "*", "zzz"};

struct world {
	struct setting setting;
	struct config_policy policies[3];
	struct config_alias aliases[2];
	struct config_fallback fallbacks[2];
	const char *members[2][3];
	struct request_facts facts;
	struct routing_tried tried[2];
};

static const char *any_name(struct random *random)
{
	return names[random_below(random, 4)];
}

static void generate_rules(struct world *world, struct random *random)
{
	struct config *config = &world->setting.config;

	config->routing.strategy = (int)random_below(random, STRATEGY_LEAST_LOADED + 1);
	config->routing.cross_zone = (int)random_below(random, 3);
	config->routing.affinity = random_below(random, 2);
	config->routing.policies = world->policies;
	config->routing.policy_count = random_below(random, 4);
	for (size_t i = 0; i < 3; i++)
		world->policies[i] =
			(struct config_policy){.model_pattern = patterns[random_below(random, 6)],
				.privacy = (int)random_below(random, 2),
				.min_tier = (uint32_t)(1 + random_below(random, 3))};
	world->aliases[0] = (struct config_alias){.name = "nick", .target = any_name(random)};
	world->aliases[1] = (struct config_alias){.name = "nick2", .target = "nick"};
	config->routing.aliases = world->aliases;
	config->routing.alias_count = 2;
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 3; j++)
			world->members[i][j] = asked_names[random_below(random, 7)];
		world->fallbacks[i] =
			(struct config_fallback){.model = asked_names[random_below(random, 7)],
				.chain = {world->members[i], 1 + random_below(random, 3)}};
	}
	config->routing.fallbacks = world->fallbacks;
	config->routing.fallback_count = random_below(random, 3);
}

static void generate_backends(struct world *world, struct random *random)
{
	unsigned count = (unsigned)random_below(random, BACKENDS_MAX + 1);

	for (unsigned id = 0; id < count; id++) {
		char name[16];
		struct registry_model models[4];
		size_t model_count = 0;

		for (size_t i = 0; i < 4; i++)
			if (random_below(random, 3) == 0)
				models[model_count++] = (struct registry_model){.id = names[i],
					.tier = (uint8_t)(1 + random_below(random, 4)),
					.tools = (uint8_t)random_below(random, 3),
					.loaded = random_below(random, 2)};
		snprintf(name, sizeof(name), "b%02u", (unsigned)(id * 5 % BACKENDS_MAX));
		add_backend(&world->setting,
			&(struct registry_backend){.id = id,
				.name = name,
				.type = "ollama",
				.zone = (uint8_t)random_below(random, 2),
				.priority = (uint32_t)random_below(random, 3) * 40,
				.max_concurrency = (uint32_t)random_below(random, 3),
				.models = models,
				.model_count = model_count});
		world->setting.loads[id].in_flight = (int64_t)random_below(random, 3);
		if (random_below(random, 3) == 0)
			world->setting.loads[id].status =
				(enum backend_status)random_below(random, STATUS_COUNT);
	}
}

static void generate(struct world *world, struct random *random)
{
	memset(world, 0, sizeof(*world));
	setting_init(&world->setting);
	generate_rules(world, random);
	generate_backends(world, random);
	world->setting.substitutes = (enum routing_substitutes)random_below(random, 3);
	world->facts = chat_with(asked_names[random_below(random, 7)]);
	world->facts.has_tools = random_below(random, 2);
	world->facts.has_history = random_below(random, 2);
	world->facts.conversation = random_next(random);
	world->tried[0] = (struct routing_tried){.backend = random_below(random, 30)};
	world->tried[1] = (struct routing_tried){
		.backend = random_below(random, 30), .model = slice_of(any_name(random))};
}

/* --- the rules, said again in other words --- */

static const struct config_policy *policy_for(const struct world *world, const char *name)
{
	for (size_t i = 0; i < world->setting.config.routing.policy_count; i++)
		if (text_glob(slice_of(world->policies[i].model_pattern), slice_of(name)))
			return &world->policies[i];
	return NULL;
}

static bool is_restricted(const struct world *world, const char *name)
{
	const struct config_policy *policy = policy_for(world, name);

	return policy && policy->privacy == PRIVACY_RESTRICTED;
}

static bool somebody_has(const struct world *world, const char *model, int zone)
{
	size_t count;
	const struct registry_offer *offers =
		registry_offers(world->setting.registry, slice_of(model), &count);

	for (size_t i = 0; i < count; i++)
		if (zone < 0 || offers[i].backend->zone == zone)
			return true;
	return false;
}

/* No backend offers "nick" or "nick2". */
static const char *real_name(const struct world *world, const char *name)
{
	return strncmp(name, "nick", 4) == 0 ? world->aliases[0].target : name;
}

static bool is_name_restricted(const struct world *world, const char *name)
{
	if (is_restricted(world, name) || is_restricted(world, real_name(world, name)))
		return true;
	return strcmp(name, "nick2") == 0 && is_restricted(world, "nick");
}

static uint8_t lowest_tier(const struct world *world, const char *model)
{
	uint8_t lowest = 0;
	size_t count;
	const struct registry_offer *offers =
		registry_offers(world->setting.registry, slice_of(model), &count);

	for (size_t i = 0; i < count; i++)
		if (lowest == 0 || offers[i].model->tier < lowest)
			lowest = offers[i].model->tier;
	return lowest;
}

static void check_zone(
	const struct world *world, const char *asked, const struct routing_candidate *candidate)
{
	int cross_zone = world->setting.config.routing.cross_zone;

	if (candidate->backend->zone == ZONE_RESTRICTED)
		return;
	assert_false(is_name_restricted(world, asked));
	assert_false(is_restricted(world, candidate->model->id));
	if (somebody_has(world, real_name(world, asked), ZONE_RESTRICTED)) {
		assert_int_not_equal(cross_zone, CROSS_ZONE_BLOCK);
		if (cross_zone == CROSS_ZONE_FRESH_ONLY)
			assert_false(world->facts.has_history);
	}
}

static void check_model(
	const struct world *world, const char *asked, const struct routing_candidate *candidate)
{
	const struct config_policy *policy = policy_for(world, asked);
	const struct config_policy *own = policy_for(world, candidate->model->id);
	bool same = strcmp(candidate->model->id, real_name(world, asked)) == 0;

	assert_int_equal(world->setting.decision.step == 0, same);
	if (policy)
		assert_true(candidate->model->tier >= policy->min_tier);
	if (own)
		assert_true(candidate->model->tier >= own->min_tier);
	if (same)
		return;
	assert_int_not_equal(world->setting.substitutes, SUBSTITUTES_NONE);
	assert_true(candidate->model->tier >= lowest_tier(world, real_name(world, asked)));
	if (world->setting.decision.mixed_models) {
		assert_int_equal(world->setting.substitutes, SUBSTITUTES_SAME_TIER);
		assert_int_equal(
			candidate->model->tier, lowest_tier(world, real_name(world, asked)));
	}
}

static void check_able(const struct world *world, const struct routing_candidate *candidate)
{
	enum backend_status status = world->setting.loads[candidate->backend->id].status;

	assert_true(status == STATUS_HEALTHY || status == STATUS_BUSY);
	assert_false(world->facts.has_tools && candidate->model->tools == N);
	assert_int_not_equal(candidate->backend->id, world->tried[0].backend);
	if (candidate->backend->id == world->tried[1].backend)
		assert_false(slice_is(world->tried[1].model, candidate->model->id));
	assert_true(candidate->backend->max_concurrency == 0 ||
		    world->setting.loads[candidate->backend->id].in_flight <
			    candidate->backend->max_concurrency);
}

static void check(const struct world *world)
{
	const struct routing_decision *decision = &world->setting.decision;
	const char *asked = world->facts.model.data;

	assert_int_equal(decision->outcome == ROUTING_CHOSEN, decision->chosen_count > 0);
	for (size_t i = 0; i < decision->candidate_count; i++) {
		const struct routing_candidate *candidate = &decision->candidates[i];

		if (i >= decision->chosen_count) {
			assert_in_range(candidate->rejected, REJECTED_NOT + 1, REJECTED_COUNT - 1);
			assert_non_null(candidate->stage);
			continue;
		}
		assert_int_equal(candidate->rejected, REJECTED_NOT);
		check_zone(world, asked, candidate);
		check_model(world, asked, candidate);
		check_able(world, candidate);
	}
	/* Each offer of the model asked for stands in the record, used or not. */
	if (decision->chosen_count == 0 && somebody_has(world, real_name(world, asked), -1)) {
		size_t offers;

		registry_offers(
			world->setting.registry, slice_of(real_name(world, asked)), &offers);
		assert_true(decision->candidate_count >= offers);
		if (is_name_restricted(world, asked))
			assert_int_equal(decision->zone_bar, ZONE_BAR_POLICY);
	}
}

static void test_properties(void **state)
{
	unsigned chosen = 0, substituted = 0, mixed = 0, barred = 0;
	struct random random;

	random_seed(&random, 20261121);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct world world;

		generate(&world, &random);
		decide_after(&world.setting, &world.facts, world.tried, 2);
		check(&world);
		chosen += world.setting.decision.outcome == ROUTING_CHOSEN;
		substituted += world.setting.decision.step > 0;
		mixed += world.setting.decision.mixed_models;
		barred += world.setting.decision.zone_bar != ZONE_BAR_NONE;
		setting_free(&world.setting);
	}
	/* The worlds are such that all of it happens. */
	assert_in_range(chosen, ROUNDS / 4, ROUNDS);
	assert_in_range(substituted, ROUNDS / 50, ROUNDS);
	assert_in_range(mixed, ROUNDS / 200, ROUNDS);
	assert_in_range(barred, ROUNDS / 10, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_properties)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
