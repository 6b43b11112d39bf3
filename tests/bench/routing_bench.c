/* routing_bench.c: what a routing decision and a change of the registry cost. Prints; asserts
 * nothing. */
#include <stdio.h>
#include <time.h>

#include "routing/routing.h"

#define NAME_SIZE 48

/* CPU time of this thread: what others do on the machine is not our cost. */
static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* How the models of the backends are named. */
enum naming { NAMES_SAME, NAMES_DISTINCT };

static struct registry_backend *make_backend(
	unsigned number, unsigned model_count, enum naming naming)
{
	static char names[REGISTRY_MODELS_MAX][NAME_SIZE];
	static struct registry_model models[REGISTRY_MODELS_MAX];
	struct registry_backend facts = {.id = number + 1, .type = "ollama", .models = models};
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "backend-%04u", number);
	facts.name = name;
	facts.zone = number % 3 == 0 ? ZONE_OPEN : ZONE_RESTRICTED;
	facts.url = "http://192.168.100.100:11434";
	facts.priority = number % 7 * 10;
	facts.model_count = model_count;
	for (unsigned i = 0; i < model_count; i++) {
		snprintf(names[i], NAME_SIZE, "model-%u-%u:latest",
			naming == NAMES_SAME ? 0 : number, i);
		models[i] = (struct registry_model){
			.id = names[i], .context_length = 8192, .tools = KNOWLEDGE_YES, .tier = 3};
	}
	return registry_backend_new(&facts);
}

static struct registry *make_registry(unsigned backends, unsigned models, enum naming naming)
{
	struct registry *empty = registry_new_empty();
	struct registry_change *change = registry_change_new();
	struct registry *registry;

	for (unsigned i = 0; i < backends; i++)
		registry_change_put(change, make_backend(i, models, naming));
	registry = registry_apply(empty, &change, 1, 1);
	registry_unref(&empty);
	return registry;
}

static void bench_apply(unsigned backends, unsigned models, enum naming naming)
{
	uint64_t start = cpu_ns();
	struct registry *registry = make_registry(backends, models, naming);
	uint64_t built = cpu_ns() - start;
	unsigned rounds = 400;
	uint64_t spent = 0;
	uint64_t worst = 0;

	for (unsigned i = 0; i < rounds; i++) {
		struct registry_change *change = registry_change_new();
		struct registry_backend *backend = make_backend(i * 37 % backends, models, naming);
		struct registry *next;
		uint64_t took;

		start = cpu_ns();
		registry_change_put(change, backend);
		next = registry_apply(registry, &change, 1, i + 2);
		registry_unref(&registry);
		took = cpu_ns() - start;
		spent += took;
		worst = took > worst ? took : worst;
		registry = next;
	}
	printf("registry %4u x %u, %-8s names: apply one backend %7.1f us (worst %.1f), all at "
	       "once %.1f ms\n",
		backends, models, naming == NAMES_SAME ? "same" : "distinct",
		(double)spent / rounds / 1000, (double)worst / 1000, (double)built / 1e6);
	registry_unref(&registry);
}

static struct backend_load load_of(
	void *context, const struct registry_backend *backend, const struct registry_model *model)
{
	return (struct backend_load){.status = STATUS_HEALTHY,
		.in_flight = (int64_t)(backend->id % 9),
		.latency_us = backend->id * 1000 % 300000};
}

static void bench_decide(
	unsigned backends, unsigned models, enum naming naming, int strategy, const char *name)
{
	struct registry *registry = make_registry(backends, models, naming);
	struct config config = {0};
	struct random random;
	struct routing_view view = {
		.config = &config, .registry = registry, .load = load_of, .random = &random};
	struct request_facts facts = {.model = SLICE_LITERAL("model-0-7"),
		.has_tools = true,
		.conversation = 77,
		.tokens_bound = {900, 900}};
	struct routing_ask ask = {.facts = &facts};
	unsigned rounds = 20000;
	size_t candidates = 0;
	uint64_t start;

	config.routing.strategy = strategy;
	config.routing.affinity = true;
	config.routing.cross_zone = CROSS_ZONE_ALLOW; /* all of them stay in */
	config.routing.weights.priority = 50;
	config.routing.weights.load = 30;
	config.routing.weights.latency = 20;
	random_seed(&random, 1);
	start = cpu_ns();
	for (unsigned i = 0; i < rounds; i++) {
		static char memory[64 << 10];
		struct routing_decision decision;
		struct arena arena;

		arena_init_in(&arena, 16 << 10, memory, sizeof(memory));
		view.round_robin = i;
		routing_decide(&view, &ask, &arena, &decision);
		candidates += decision.candidate_count;
		arena_free(&arena);
	}
	printf("decision %4u x %u, %-13s %4zu candidates: %7.2f us\n", backends, models, name,
		candidates / rounds, (double)(cpu_ns() - start) / rounds / 1000);
	registry_unref(&registry);
}

/* What a substitute costs more than the model asked for: the chain under policies, and any model of
 * the tier, of which each backend has 50. */
static void bench_substitutes(
	unsigned backends, unsigned models, enum routing_substitutes substitutes, const char *name)
{
	static const char *chain[] = {"model-0-8", "model-0-9", "model-0-10"};
	struct config_fallback fallback = {.model = "model-0-7", .chain = {chain, 3}};
	struct config_policy policies[] = {
		{.model_pattern = "hr-*", .privacy = PRIVACY_RESTRICTED, .min_tier = 1},
		{.model_pattern = "*-secret", .privacy = PRIVACY_RESTRICTED, .min_tier = 1},
		{.model_pattern = "model-*", .min_tier = 2},
	};
	struct registry *registry = make_registry(backends, models, NAMES_SAME);
	struct config config = {0};
	struct random random;
	struct routing_view view = {
		.config = &config, .registry = registry, .load = load_of, .random = &random};
	struct request_facts facts = {.model = SLICE_LITERAL("model-0-7"),
		.has_tools = true,
		.conversation = 77,
		.tokens_bound = {900, 900}};
	struct routing_ask ask = {.facts = &facts, .substitutes = substitutes, .first_step = 1};
	unsigned rounds = 4000;
	size_t candidates = 0;
	uint64_t start;

	config.routing.weights.priority = 50;
	config.routing.affinity = true;
	config.routing.fallbacks = &fallback;
	config.routing.fallback_count = 1;
	config.routing.policies = policies;
	config.routing.policy_count = 3;
	ask.first_step = substitutes == SUBSTITUTES_SAME_TIER ? 4 : 1;
	start = cpu_ns();
	for (unsigned i = 0; i < rounds; i++) {
		static char memory[64 << 10];
		struct routing_decision decision;
		struct arena arena;

		arena_init_in(&arena, 16 << 10, memory, sizeof(memory));
		routing_decide(&view, &ask, &arena, &decision);
		candidates += decision.candidate_count;
		arena_free(&arena);
	}
	printf("decision %4u x %u, %-13s %4zu candidates: %7.2f us\n", backends, models, name,
		candidates / rounds, (double)(cpu_ns() - start) / rounds / 1000);
	registry_unref(&registry);
}

static void bench_nearest(unsigned backends, unsigned models)
{
	struct registry *registry = make_registry(backends, models, NAMES_DISTINCT);
	const char *found[5];
	unsigned rounds = 200;
	size_t count = 0;
	uint64_t start = cpu_ns();

	for (unsigned i = 0; i < rounds; i++)
		count = registry_nearest_models(registry, SLICE_LITERAL("modle-77-7"), found, 5);
	printf("nearest  %4u x %u: %.1f us, %zu found\n", backends, models,
		(double)(cpu_ns() - start) / rounds / 1000, count);
	registry_unref(&registry);
}

int main(void)
{
	static const char *const strategies[] = {
		"smart", "round_robin", "priority_only", "random", "least_loaded"};

	bench_apply(1000, 50, NAMES_DISTINCT);
	bench_apply(1000, 50, NAMES_SAME);
	bench_apply(100, 50, NAMES_SAME);
	for (int i = 0; i < 5; i++)
		bench_decide(100, 50, NAMES_SAME, i, strategies[i]);
	bench_decide(100, 50, NAMES_DISTINCT, STRATEGY_SMART, "smart");
	bench_decide(1000, 50, NAMES_SAME, STRATEGY_SMART, "smart");
	bench_substitutes(100, 50, SUBSTITUTES_CHAIN, "fallback");
	bench_substitutes(100, 50, SUBSTITUTES_SAME_TIER, "flexible");
	bench_nearest(1000, 50);
	return 0;
}
