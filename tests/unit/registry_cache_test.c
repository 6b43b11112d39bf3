/* Of each backend the last word is kept and replayed, END last; who missed frames also hears what
 * was deleted. */
#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "ipc/codec.h"
#include "supervisor/registry_cache.h"

/* What a replay said: "put 1:a put 2:b end 5". */
struct heard {
	char text[512];
	unsigned room; /* frames that still fit */
};

static bool hear(void *to, const struct frame_header *header, struct slice payload)
{
	struct heard *heard = to;
	char *end = heard->text + strlen(heard->text);
	size_t size = sizeof(heard->text) - strlen(heard->text);

	if (heard->room-- == 0)
		return false;
	if (header->type == MSG_REGISTRY_END)
		snprintf(end, size, "end %llu", (unsigned long long)header->version);
	else
		snprintf(end, size, "%s %llu:%.*s ",
			header->type == MSG_BACKEND_PUT ? "put" : "delete",
			(unsigned long long)header->object, SLICE_ARGS(payload));
	return true;
}

static bool keep(struct registry_cache *cache, enum message_type type, uint64_t object,
	uint64_t version, const char *text)
{
	struct frame frame = {
		.header = {.type = (uint16_t)type, .object = object, .version = version},
		.payload = slice_of(text)};

	return registry_cache_keep(cache, &frame);
}

static void assert_replay(struct registry_cache *cache, bool with_deleted, const char *wanted)
{
	struct heard heard = {.room = 100};

	assert_true(registry_cache_replay(cache, with_deleted, hear, &heard));
	assert_string_equal(heard.text, wanted);
}

static void the_last_put_of_each_is_replayed(void **state)
{
	struct registry_cache cache;

	registry_cache_init(&cache);
	assert_true(keep(&cache, MSG_BACKEND_PUT, 1, 1, "a"));
	assert_true(keep(&cache, MSG_BACKEND_PUT, 1, 2, "b"));
	assert_true(keep(&cache, MSG_REGISTRY_END, 0, 2, "e"));
	assert_replay(&cache, false, "put 1:b end 2");
	assert_true(keep(&cache, MSG_REGISTRY_END, 0, 3, "e"));
	assert_replay(&cache, true, "put 1:b end 3");
	registry_cache_free(&cache);
}

static void what_is_deleted_is_told_only_to_who_missed_it(void **state)
{
	struct registry_cache cache;

	registry_cache_init(&cache);
	assert_true(keep(&cache, MSG_BACKEND_PUT, 1, 1, "a"));
	assert_true(keep(&cache, MSG_BACKEND_DELETE, 1, 2, ""));
	assert_true(keep(&cache, MSG_REGISTRY_END, 0, 2, "e"));
	assert_replay(&cache, false, "end 2");
	assert_replay(&cache, true, "delete 1: end 2");
	registry_cache_forget_deleted(&cache);
	assert_replay(&cache, true, "end 2");
	assert_int_equal(cache.bytes, 0);
	/* And it may come back. */
	assert_true(keep(&cache, MSG_BACKEND_PUT, 1, 3, "c"));
	assert_replay(&cache, true, "put 1:c end 2");
	registry_cache_free(&cache);
}

static bool see_empty_end(void *to, const struct frame_header *header, struct slice payload)
{
	struct msg_registry_end message;
	struct arena arena;
	struct error err;

	arena_init(&arena, 256);
	assert_int_equal(header->type, MSG_REGISTRY_END);
	assert_true(codec_decode(
		payload, message_row(MSG_REGISTRY_END)->schema, &message, &arena, &err));
	assert_int_equal(message.version, 0);
	arena_free(&arena);
	(*(unsigned *)to)++;
	return true;
}

static void an_empty_registry_still_ends(void **state)
{
	struct registry_cache cache;
	unsigned seen = 0;

	registry_cache_init(&cache);
	assert_true(registry_cache_replay(&cache, false, see_empty_end, &seen));
	assert_int_equal(seen, 1);
	registry_cache_free(&cache);
}

static void a_full_queue_stops_the_replay(void **state)
{
	struct registry_cache cache;
	struct heard heard = {.room = 2};

	registry_cache_init(&cache);
	for (uint64_t object = 1; object <= 3; object++)
		assert_true(keep(&cache, MSG_BACKEND_PUT, object, 1, "x"));
	assert_false(registry_cache_replay(&cache, false, hear, &heard));
	registry_cache_free(&cache);
}

static void there_is_a_bound(void **state)
{
	struct registry_cache cache;

	registry_cache_init(&cache);
	for (uint64_t object = 1; object <= REGISTRY_CACHE_FRAMES; object++)
		assert_true(keep(&cache, MSG_BACKEND_PUT, object, 1, "x"));
	assert_false(keep(&cache, MSG_BACKEND_PUT, REGISTRY_CACHE_FRAMES + 1, 1, "x"));
	assert_true(keep(&cache, MSG_BACKEND_PUT, 7, 2, "y"));
	registry_cache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_put_of_each_is_replayed),
		cmocka_unit_test(what_is_deleted_is_told_only_to_who_missed_it),
		cmocka_unit_test(an_empty_registry_still_ends),
		cmocka_unit_test(a_full_queue_stops_the_replay),
		cmocka_unit_test(there_is_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
