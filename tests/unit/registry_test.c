/* Promise: a snapshot says exactly what the puts and deletes before it said, for ever, and shares
 * what did not change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "registry/registry.h"

#define BACKENDS 24u
#define NAMES    40u
#define KEPT     8u

/* The naive model: what each backend (by number) offers. */
struct world {
	bool present[BACKENDS];
	bool is_ollama[BACKENDS];
	uint32_t generation[BACKENDS];
	uint64_t models[BACKENDS]; /* one bit a name */
};

/* Every fourth name is the ":latest" form of the one before it. */
static const char *name_of(unsigned name)
{
	static char names[NAMES][32];

	if (names[name][0] == '\0') {
		if (name % 4 == 1)
			snprintf(names[name], sizeof(names[name]), "model-%u:latest", name - 1);
		else
			snprintf(names[name], sizeof(names[name]), "model-%u", name);
	}
	return names[name];
}

/* Sorted by name in another order than by number. */
static void backend_name(char out[32], unsigned number)
{
	snprintf(out, 32, "b%02u", number * 7 % BACKENDS);
}

static struct registry_backend *make_backend(const struct world *world, unsigned number)
{
	struct registry_model models[NAMES] = {0};
	struct registry_backend facts = {.models = models};
	char name[32];

	backend_name(name, number);
	facts.id = 1000 + number;
	facts.name = name;
	facts.url = "http://127.0.0.1:1";
	facts.type = world->is_ollama[number] ? "ollama" : "vllm";
	facts.priority = world->generation[number];
	for (unsigned i = 0; i < NAMES; i++)
		if (world->models[number] >> i & 1)
			models[facts.model_count++] =
				(struct registry_model){.id = name_of(i), .tier = 3};
	return registry_backend_new(&facts);
}

/* Whether the naive world's backend answers to a name, and under which id. */
static const char *answers_to(const struct world *world, unsigned number, unsigned name)
{
	if (!world->present[number])
		return NULL;
	if (world->models[number] >> name & 1)
		return name_of(name);
	if (world->is_ollama[number] && name % 4 == 0 && (world->models[number] >> (name + 1) & 1))
		return name_of(name + 1);
	return NULL;
}

static void check_name(const struct registry *registry, const struct world *world, unsigned name)
{
	size_t count;
	const struct registry_offer *offers =
		registry_offers(registry, slice_of(name_of(name)), &count);
	size_t expected = 0;

	for (unsigned number = 0; number < BACKENDS; number++) {
		const char *id = answers_to(world, number, name);
		bool found = false;

		if (!id)
			continue;
		expected++;
		for (size_t i = 0; i < count; i++) {
			if (offers[i].backend->id != 1000 + number)
				continue;
			found = true;
			assert_string_equal(offers[i].model->id, id);
			assert_int_equal(offers[i].backend->priority, world->generation[number]);
		}
		assert_true(found);
	}
	assert_int_equal(count, expected);
	for (size_t i = 1; i < count; i++)
		assert_true(strcmp(offers[i - 1].backend->name, offers[i].backend->name) < 0);
}

static void check_backends(const struct registry *registry, const struct world *world)
{
	size_t expected = 0;

	for (unsigned number = 0; number < BACKENDS; number++) {
		char name[32];
		const struct registry_backend *by_id =
			registry_backend_by_id(registry, 1000 + number);
		const struct registry_backend *by_name;

		backend_name(name, number);
		by_name = registry_backend_by_name(registry, slice_of(name));
		assert_ptr_equal(by_id, by_name);
		assert_int_equal(by_id != NULL, world->present[number]);
		expected += world->present[number];
	}
	assert_int_equal(registry->backend_count, expected);
}

static void check_world(const struct registry *registry, const struct world *world)
{
	const struct registry_offer *offers;
	struct slice id;
	size_t at = 0;
	size_t walked = 0;
	size_t distinct = 0;
	size_t count;

	check_backends(registry, world);
	for (unsigned name = 0; name < NAMES; name++) {
		check_name(registry, world, name);
		for (unsigned number = 0; number < BACKENDS; number++) {
			if (world->present[number] && (world->models[number] >> name & 1)) {
				distinct++;
				break;
			}
		}
	}
	while (registry_next_model(registry, &at, &id, &offers, &count)) {
		size_t same;

		assert_ptr_equal(registry_offers(registry, id, &same), offers);
		assert_int_equal(same, count);
		walked++;
	}
	assert_int_equal(walked, distinct);
	assert_int_equal(registry->model_count, distinct);
}

static void change_world(struct world *world, struct registry_change *change, struct random *random)
{
	unsigned number = (unsigned)random_below(random, BACKENDS);

	if (random_below(random, 4) == 0) {
		world->present[number] = false;
		registry_change_delete(change, 1000 + number);
		return;
	}
	world->present[number] = true;
	world->is_ollama[number] = random_below(random, 2);
	world->generation[number]++;
	world->models[number] = random_next(random) & random_next(random) & ((1ull << NAMES) - 1);
	registry_change_put(change, make_backend(world, number));
}

/* Random changes against the naive world, with older snapshots kept and checked again later. */
static void test_random_changes(void **state)
{
	struct registry *registry = registry_new_empty();
	struct registry *kept[KEPT] = {0};
	struct world kept_worlds[KEPT];
	struct world world = {0};
	struct random random;

	random_seed(&random, 20261121);
	for (unsigned round = 0; round < 600; round++) {
		struct registry_change *change = registry_change_new();
		unsigned changes = (unsigned)random_below(&random, round % 50 == 0 ? 40 : 4);
		unsigned keep = (unsigned)random_below(&random, KEPT);
		struct registry *next;

		for (unsigned i = 0; i < changes; i++)
			change_world(&world, change, &random);
		next = registry_apply(registry, &change, 7, round + 1);
		assert_null(change);
		assert_int_equal(next->version, round + 1);
		check_world(next, &world);
		if (kept[keep])
			check_world(kept[keep], &kept_worlds[keep]);
		registry_unref(&kept[keep]);
		kept[keep] = registry_ref(next);
		kept_worlds[keep] = world;
		registry_unref(&registry);
		registry = next;
	}
	for (unsigned i = 0; i < KEPT; i++)
		registry_unref(&kept[i]);
	registry_unref(&registry);
}

static struct registry_backend *simple_backend(
	uint64_t id, const char *name, const char *type, const char *const *ids, size_t count)
{
	struct registry_model models[8] = {0};
	struct registry_backend facts = {.id = id, .name = name, .type = type, .models = models};

	for (size_t i = 0; i < count; i++)
		models[i].id = ids[i];
	facts.model_count = count;
	return registry_backend_new(&facts);
}

static struct registry *registry_of(struct registry_backend *const *backends, size_t count)
{
	struct registry *empty = registry_new_empty();
	struct registry_change *change = registry_change_new();
	struct registry *registry;

	for (size_t i = 0; i < count; i++)
		registry_change_put(change, backends[i]);
	registry = registry_apply(empty, &change, 1, 1);
	registry_unref(&empty);
	return registry;
}

static void test_short_name_is_for_ollama_only(void **state)
{
	struct registry_backend *backends[] = {
		simple_backend(1, "a", "vllm", (const char *[]){"x:latest"}, 1),
		simple_backend(2, "b", "ollama", (const char *[]){"y:latest"}, 1),
		simple_backend(3, "c", "ollama", (const char *[]){":latest"}, 1),
	};
	struct registry *registry = registry_of(backends, 3);
	size_t count;

	assert_null(registry_offers(registry, SLICE_LITERAL("x"), &count));
	assert_int_equal(count, 0);
	assert_non_null(registry_offers(registry, SLICE_LITERAL("y"), &count));
	assert_int_equal(count, 1);
	assert_null(registry_offers(registry, SLICE_LITERAL(""), &count));
	assert_int_equal(registry->model_count, 3);
	registry_unref(&registry);
}

/* A server that lists a model twice, or both forms of a name, is offered once and by the exact id.
 */
static void test_one_offer_a_backend(void **state)
{
	struct registry_backend *backends[] = {
		simple_backend(1, "a", "ollama", (const char *[]){"x:latest", "x", "x", "z"}, 4),
	};
	struct registry *registry = registry_of(backends, 1);
	size_t count;
	const struct registry_offer *offers = registry_offers(registry, SLICE_LITERAL("x"), &count);

	assert_int_equal(count, 1);
	assert_string_equal(offers[0].model->id, "x");
	assert_int_equal(registry->model_count, 3);
	registry_unref(&registry);
}

static void test_unchanged_is_shared(void **state)
{
	struct registry_backend *backends[] = {
		simple_backend(1, "a", "vllm", (const char *[]){"m1"}, 1),
		simple_backend(2, "b", "vllm", (const char *[]){"m2"}, 1),
	};
	struct registry *first = registry_of(backends, 2);
	struct registry_change *change = registry_change_new();
	struct registry *second;
	size_t count;

	registry_change_put(change, simple_backend(2, "b", "vllm", (const char *[]){"m3"}, 1));
	second = registry_apply(first, &change, 1, 2);
	assert_ptr_equal(registry_backend_by_id(first, 1), registry_backend_by_id(second, 1));
	assert_ptr_not_equal(registry_backend_by_id(first, 2), registry_backend_by_id(second, 2));
	assert_int_equal(registry_backend_by_id(second, 1)->version, 1);
	assert_int_equal(registry_backend_by_id(second, 2)->version, 2);
	registry_unref(&first);
	assert_non_null(registry_offers(second, SLICE_LITERAL("m1"), &count));
	assert_null(registry_offers(second, SLICE_LITERAL("m2"), &count));
	assert_non_null(registry_offers(second, SLICE_LITERAL("m3"), &count));
	registry_unref(&second);
}

/* In one change, the last word about a backend counts. */
static void test_last_word_counts(void **state)
{
	struct registry *empty = registry_new_empty();
	struct registry_change *change = registry_change_new();
	struct registry *registry;
	size_t count;

	registry_change_put(change, simple_backend(1, "a", "vllm", (const char *[]){"old"}, 1));
	registry_change_put(change, simple_backend(2, "b", "vllm", (const char *[]){"gone"}, 1));
	registry_change_delete(change, 2);
	registry_change_delete(change, 3);
	registry_change_put(change, simple_backend(1, "a", "vllm", (const char *[]){"new"}, 1));
	registry = registry_apply(empty, &change, 1, 1);
	assert_int_equal(registry->backend_count, 1);
	assert_null(registry_offers(registry, SLICE_LITERAL("old"), &count));
	assert_null(registry_offers(registry, SLICE_LITERAL("gone"), &count));
	assert_non_null(registry_offers(registry, SLICE_LITERAL("new"), &count));
	registry_unref(&empty);
	registry_unref(&registry);
}

static void test_nearest(void **state)
{
	static const struct {
		const char *wanted;
		const char *nearest; /* NULL: none */
	} cases[] = {
		{"lama3:70b", "llama3:70b"},
		{"LLAMA3:70B", "llama3:70b"},
		{"llama3", "llama3:70b"},
		{"mistral-large", "mistral-larg"},
		{"gema", "gemma:latest"},
		{"gpt-4o", NULL},
		{"", NULL},
	};
	struct registry_backend *backends[] = {
		simple_backend(1, "a", "ollama",
			(const char *[]){"llama3:70b", "qwen2:72b", "mistral-larg", "gemma:latest"},
			4),
	};
	struct registry *registry = registry_of(backends, 1);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *found[3] = {0};
		size_t count =
			registry_nearest_models(registry, slice_of(cases[i].wanted), found, 3);

		assert_int_equal(count > 0, cases[i].nearest != NULL);
		if (count > 0)
			assert_string_equal(found[0], cases[i].nearest);
	}
	registry_unref(&registry);
}

static void test_missing_texts(void **state)
{
	struct registry_model models[] = {{.id = "m"}};
	struct registry_backend facts = {.id = 9, .models = models, .model_count = 1};
	struct registry_backend *backend = registry_backend_new(&facts);

	assert_string_equal(backend->name, "");
	assert_string_equal(backend->type, "");
	assert_string_equal(backend->models[0].name, "m");
	registry_backend_unref(backend);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_changes),
		cmocka_unit_test(test_short_name_is_for_ollama_only),
		cmocka_unit_test(test_one_offer_a_backend),
		cmocka_unit_test(test_unchanged_is_shared),
		cmocka_unit_test(test_last_word_counts),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_missing_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
