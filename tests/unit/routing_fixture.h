/* routing_fixture.h: a small world of backends for the tests of routing: a configuration, a
 * registry, loads by backend id, and the decision that the last `decide` came to. */
#ifndef NEXUS_TESTS_UNIT_ROUTING_FIXTURE_H
#define NEXUS_TESTS_UNIT_ROUTING_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/buffer.h"
#include "routing/routing.h"

#define BACKENDS_MAX 12u
#define NOW_MS       100000u

enum { Q = KNOWLEDGE_UNKNOWN, N = KNOWLEDGE_NO, Y = KNOWLEDGE_YES };

struct setting {
	struct config config;
	struct registry *registry;
	struct backend_load loads[BACKENDS_MAX]; /* by backend id */
	struct random random;
	unsigned asked[BACKENDS_MAX]; /* how often load was called */
	uint64_t round_robin;
	enum routing_substitutes substitutes;
	uint64_t session;
	size_t first_step;
	uint64_t longer_than;
	struct arena arena;
	struct routing_decision decision;
};

static inline void setting_init(struct setting *setting)
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

static inline void setting_free(struct setting *setting)
{
	registry_unref(&setting->registry);
	arena_free(&setting->arena);
}

static inline void add_backend(struct setting *setting, const struct registry_backend *facts)
{
	struct registry_change *change = registry_change_new();
	struct registry *next;

	registry_change_put(change, registry_backend_new(facts));
	next = registry_apply(setting->registry, &change, 1, setting->registry->version + 1);
	registry_unref(&setting->registry);
	setting->registry = next;
}

/* A backend with one model and defaults; ids count from 0. */
static inline void add_simple(struct setting *setting, uint64_t id, const char *name,
	uint32_t priority, const struct registry_model *model)
{
	add_backend(setting, &(struct registry_backend){.id = id,
				     .name = name,
				     .type = "ollama",
				     .priority = priority,
				     .models = model,
				     .model_count = model ? 1 : 0});
}

static inline struct backend_load load_of(
	void *context, const struct registry_backend *backend, const struct registry_model *model)
{
	struct setting *setting = context;

	setting->asked[backend->id]++;
	return setting->loads[backend->id];
}

static inline const struct routing_decision *decide_after(struct setting *setting,
	struct request_facts *facts, const struct routing_tried *tried, size_t tried_count)
{
	struct routing_ask ask = {
		.facts = facts,
		.substitutes = setting->substitutes,
		.session = setting->session,
		.tried = tried,
		.tried_count = tried_count,
		.first_step = setting->first_step,
		.longer_than = setting->longer_than,
	};
	struct routing_view view = {
		.config = &setting->config,
		.registry = setting->registry,
		.context = setting,
		.load = load_of,
		.now_ms = NOW_MS,
		.random = &setting->random,
		.round_robin = setting->round_robin,
	};

	routing_decide(&view, &ask, &setting->arena, &setting->decision);
	return &setting->decision;
}

static inline const struct routing_decision *decide(
	struct setting *setting, struct request_facts *facts)
{
	return decide_after(setting, facts, NULL, 0);
}

/* As if the request's tokens had been counted. */
static inline void set_tokens(struct request_facts *facts, uint64_t tokens)
{
	facts->tokens_exact = true;
	facts->tokens_bound = (struct token_count){tokens, tokens};
}

static inline struct request_facts chat_with(const char *model)
{
	return (struct request_facts){.endpoint = ENDPOINT_CHAT, .model = slice_of(model)};
}

static inline void assert_chosen(const struct routing_decision *decision, const char *backend)
{
	assert_int_equal(decision->outcome, ROUTING_CHOSEN);
	assert_string_equal(decision->candidates[0].backend->name, backend);
}

static const struct registry_model plain = {.id = "m", .tier = 3};

#endif
