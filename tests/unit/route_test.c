/* Promise: a path finds its handler however clients write it, and no other path does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "workers/request/route.h"

static void test_paths(void **state)
{
	static const struct {
		const char *path;
		const char *label; /* NULL: 404 */
		const char *rest;
	} rows[] = {
		{"/v1/chat/completions", "chat_completions", ""},
		{"/v1/chat/completions/", "chat_completions", ""},
		{"/chat/completions", "chat_completions", ""},
		{"/openai/v1/chat/completions", "chat_completions", ""},
		{"/openai/chat/completions", NULL, ""},
		{"/v1x/chat/completions", NULL, ""},
		{"/v1/v1/chat/completions", NULL, ""},
		{"/v1/chat/completions/x", NULL, ""},
		{"/v1/completions", "completions", ""},
		{"/v1/embeddings", "embeddings", ""},
		{"/v1/models", "models", ""},
		{"/v1/models/", "models", ""},
		{"/v1/models/org/name:7b", "model", "org/name:7b"},
		{"/v1/models/a%2Fb/", "model", "a%2Fb"},
		{"/health", "health", ""},
		{"/livez", "livez", ""},
		{"/readyz", "readyz", ""},
		{"/", NULL, ""},
		{"", NULL, ""},
		{"*", NULL, ""},
		{"/v1", NULL, ""},
		{"//v1/models", NULL, ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct slice rest = {NULL, 0};
		const struct route *route = route_find(slice_of(rows[i].path), &rest);

		if (!rows[i].label) {
			assert_null(route);
			continue;
		}
		assert_non_null(route);
		assert_string_equal(route->label, rows[i].label);
		assert_true(slice_is(rest, rows[i].rest));
	}
}

static void test_methods(void **state)
{
	struct slice rest;
	const struct route *chat = route_find(slice_of("/v1/chat/completions"), &rest);
	const struct route *models = route_find(slice_of("/v1/models"), &rest);

	assert_true(route_allows(chat, HTTP_METHOD_POST));
	assert_false(route_allows(chat, HTTP_METHOD_GET));
	assert_string_equal(route_allow_text(chat), "POST");
	assert_true(
		route_allows(models, HTTP_METHOD_GET) && route_allows(models, HTTP_METHOD_HEAD));
	assert_false(route_allows(models, HTTP_METHOD_OPTIONS));
	assert_string_equal(route_allow_text(models), "GET, HEAD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths), cmocka_unit_test(test_methods)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
