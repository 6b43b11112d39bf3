/* Promise: a request that must stay in the restricted zone stays there, whatever else fails; one
 * that belongs there leaves only as routing.cross_zone says. */
#include "tests/unit/routing_fixture.h"

static const struct registry_model model_m = {.id = "m", .tier = 3};
static const struct registry_model model_x = {.id = "x", .tier = 3};

static void add_zoned(struct setting *setting, uint64_t id, const char *name,
	enum backend_zone zone, const struct registry_model *model)
{
	add_backend(setting, &(struct registry_backend){.id = id,
				     .name = name,
				     .type = "ollama",
				     .zone = (uint8_t)zone,
				     .models = model,
				     .model_count = model ? 1 : 0});
}

/* The model at home and in the open. */
static void two_zones(struct setting *setting)
{
	setting_init(setting);
	add_zoned(setting, 0, "home", ZONE_RESTRICTED, &model_m);
	add_zoned(setting, 1, "cloud", ZONE_OPEN, &model_m);
}

static void test_home_first_and_only(void **state)
{
	struct request_facts facts = chat_with("m");
	const struct routing_tried tried = {.backend = 0};
	struct setting setting;

	two_zones(&setting);
	assert_chosen(decide(&setting, &facts), "home");
	assert_int_equal(setting.decision.chosen_count, 1);
	assert_int_equal(setting.decision.reason, REASON_PRIVACY_REQUIREMENT);
	assert_int_equal(setting.decision.candidates[1].rejected, REJECTED_CROSS_ZONE);
	assert_string_equal(setting.decision.candidates[1].stage, "privacy");
	/* Down, busy or failed: it does not leave. */
	setting.loads[0].status = STATUS_UNHEALTHY;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.zone_bar, ZONE_BAR_CROSS_ZONE);
	setting.loads[0].status = STATUS_HEALTHY;
	assert_int_equal(decide_after(&setting, &facts, &tried, 1)->outcome, ROUTING_UNAVAILABLE);
	setting_free(&setting);
}

static void test_cross_zone(void **state)
{
	static const struct {
		int cross_zone;
		bool has_history;
		bool leaves;
	} cases[] = {
		{CROSS_ZONE_BLOCK, false, false},
		{CROSS_ZONE_BLOCK, true, false},
		{CROSS_ZONE_FRESH_ONLY, false, true},
		{CROSS_ZONE_FRESH_ONLY, true, false},
		{CROSS_ZONE_ALLOW, false, true},
		{CROSS_ZONE_ALLOW, true, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request_facts facts = chat_with("m");
		struct setting setting;

		two_zones(&setting);
		setting.config.routing.cross_zone = cases[i].cross_zone;
		setting.loads[0].status = STATUS_UNHEALTHY;
		facts.has_history = cases[i].has_history;
		decide(&setting, &facts);
		assert_int_equal(setting.decision.outcome,
			cases[i].leaves ? ROUTING_CHOSEN : ROUTING_UNAVAILABLE);
		setting_free(&setting);
	}
}

static void test_what_only_the_open_zone_offers(void **state)
{
	struct request_facts facts = chat_with("x");
	struct setting setting;

	two_zones(&setting);
	add_zoned(&setting, 2, "other", ZONE_OPEN, &model_x);
	assert_chosen(decide(&setting, &facts), "other");
	assert_int_equal(setting.decision.reason, REASON_CAPABILITY_MATCH);
	/* A home that has not been asked yet what it has may have it. */
	add_zoned(&setting, 3, "new", ZONE_RESTRICTED, NULL);
	setting.loads[3].status = STATUS_UNKNOWN;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	setting.config.routing.cross_zone = CROSS_ZONE_ALLOW;
	assert_chosen(decide(&setting, &facts), "other");
	/* Asked in vain, it is no reason to wait. */
	setting.config.routing.cross_zone = CROSS_ZONE_BLOCK;
	setting.loads[3].status = STATUS_UNHEALTHY;
	assert_chosen(decide(&setting, &facts), "other");
	setting_free(&setting);
}

static void test_a_policy_is_absolute(void **state)
{
	struct config_policy policies[] = {
		{.model_pattern = "free-*", .privacy = PRIVACY_NONE, .min_tier = 1},
		{.model_pattern = "*m", .privacy = PRIVACY_RESTRICTED, .min_tier = 1},
	};
	struct config_alias alias = {.name = "hr-m", .target = "x"};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	two_zones(&setting);
	add_zoned(&setting, 2, "other", ZONE_OPEN, &model_x);
	setting.config.routing.policies = policies;
	setting.config.routing.policy_count = 2;
	setting.config.routing.cross_zone = CROSS_ZONE_ALLOW;
	assert_chosen(decide(&setting, &facts), "home");
	assert_int_equal(setting.decision.reason, REASON_PRIVACY_REQUIREMENT);
	assert_int_equal(setting.decision.candidates[1].rejected, REJECTED_PRIVACY);
	setting.loads[0].status = STATUS_UNHEALTHY;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.zone_bar, ZONE_BAR_POLICY);
	assert_string_equal(setting.decision.policy, "*m");
	/* The name asked for binds, whatever its alias comes to. */
	setting.config.routing.aliases = &alias;
	setting.config.routing.alias_count = 1;
	facts = chat_with("hr-m");
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	/* And so does the name that it comes to. */
	alias.name = "free-1";
	alias.target = "m";
	facts = chat_with("free-1");
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	/* The first match wins. */
	alias.target = "x";
	assert_chosen(decide(&setting, &facts), "other");
	setting_free(&setting);
}

static void test_latest_is_one_name(void **state)
{
	static const char *const patterns[] = {"s", "s:latest", "s*"};
	static const char *const names[] = {"s", "s:latest"};
	struct registry_model latest = {.id = "s:latest", .tier = 3};

	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 2; j++) {
			struct config_policy policy = {.model_pattern = patterns[i],
				.privacy = PRIVACY_RESTRICTED,
				.min_tier = 1};
			struct request_facts facts = chat_with(names[j]);
			struct setting setting;

			setting_init(&setting);
			add_zoned(&setting, 0, "cloud", ZONE_OPEN, &latest);
			setting.config.routing.policies = &policy;
			setting.config.routing.policy_count = 1;
			assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
			setting_free(&setting);
		}
}

static void test_a_chain_does_not_lead_out(void **state)
{
	const char *members[] = {"x"};
	struct config_fallback fallback = {.model = "m", .chain = {members, 1}};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	two_zones(&setting);
	add_zoned(&setting, 2, "other", ZONE_OPEN, &model_x);
	setting.config.routing.fallbacks = &fallback;
	setting.config.routing.fallback_count = 1;
	setting.loads[0].status = STATUS_UNHEALTHY;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	assert_int_equal(setting.decision.candidate_count, 3);
	setting.substitutes = SUBSTITUTES_SAME_TIER;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
	setting.config.routing.cross_zone = CROSS_ZONE_ALLOW;
	assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_CHOSEN);
	setting_free(&setting);
}

/* The policy of a model's own name holds for whoever comes to it. */
static void test_a_substitutes_own_policy(void **state)
{
	struct config_policy policy = {
		.model_pattern = "x", .privacy = PRIVACY_RESTRICTED, .min_tier = 1};
	const char *members[] = {"x"};
	struct config_fallback fallback = {.model = "m", .chain = {members, 1}};
	struct request_facts facts = chat_with("m");

	for (int flexible = 0; flexible < 2; flexible++) {
		struct setting setting;

		setting_init(&setting);
		add_zoned(&setting, 0, "gone", ZONE_OPEN, &model_m);
		add_zoned(&setting, 1, "cloud", ZONE_OPEN, &model_x);
		setting.loads[0].status = STATUS_UNHEALTHY;
		setting.config.routing.policies = &policy;
		setting.config.routing.policy_count = 1;
		setting.config.routing.fallbacks = &fallback;
		setting.config.routing.fallback_count = !flexible;
		setting.substitutes = flexible ? SUBSTITUTES_SAME_TIER : SUBSTITUTES_CHAIN;
		assert_int_equal(decide(&setting, &facts)->outcome, ROUTING_UNAVAILABLE);
		add_zoned(&setting, 2, "home", ZONE_RESTRICTED, &model_x);
		assert_chosen(decide(&setting, &facts), "home");
		setting_free(&setting);
	}
}

static void test_coming_home(void **state)
{
	const char *members[] = {"m"};
	struct config_fallback fallback = {.model = "x", .chain = {members, 1}};
	struct request_facts facts = chat_with("x");
	struct setting setting;

	two_zones(&setting);
	add_zoned(&setting, 2, "other", ZONE_OPEN, &model_x);
	setting.config.routing.fallbacks = &fallback;
	setting.config.routing.fallback_count = 1;
	setting.loads[2].status = STATUS_UNHEALTHY;
	setting.loads[1].status = STATUS_UNHEALTHY;
	facts.has_history = true;
	assert_chosen(decide(&setting, &facts), "home");
	assert_int_equal(setting.decision.reason, REASON_FALLBACK);
	assert_true(slice_is(setting.decision.model_used, "m"));
	setting_free(&setting);
}

/* What the zone leaves out is no better choice: it must not push out the last resort. */
static void test_the_last_resort_at_home(void **state)
{
	struct registry_model able = {.id = "m", .tier = 3, .vision = Y};
	struct request_facts facts = chat_with("m");
	struct setting setting;

	setting_init(&setting);
	add_zoned(&setting, 0, "home", ZONE_RESTRICTED, &model_m);
	add_zoned(&setting, 1, "cloud", ZONE_OPEN, &able);
	facts.has_images = true;
	assert_chosen(decide(&setting, &facts), "home");
	setting_free(&setting);
}

static void test_the_503_says_so(void **state)
{
	struct request_facts facts = chat_with("m");
	struct setting setting;
	struct buffer out;

	two_zones(&setting);
	setting.loads[0].status = STATUS_UNHEALTHY;
	decide(&setting, &facts);
	buffer_init(&out, 1 << 12);
	assert_true(routing_context_json(&setting.decision, &out));
	assert_string_equal(buffer_text(&out),
		"{\"required_zone\":\"restricted\",\"available_backends\":[],\"rejected\":["
		"{\"backend\":\"cloud\",\"reason\":\"cross-zone\"},"
		"{\"backend\":\"home\",\"reason\":\"unhealthy\"}]}");
	buffer_free(&out);
	setting_free(&setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_home_first_and_only),
		cmocka_unit_test(test_cross_zone),
		cmocka_unit_test(test_what_only_the_open_zone_offers),
		cmocka_unit_test(test_a_policy_is_absolute),
		cmocka_unit_test(test_latest_is_one_name),
		cmocka_unit_test(test_a_chain_does_not_lead_out),
		cmocka_unit_test(test_a_substitutes_own_policy),
		cmocka_unit_test(test_coming_home),
		cmocka_unit_test(test_the_last_resort_at_home),
		cmocka_unit_test(test_the_503_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
