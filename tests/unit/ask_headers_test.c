/* Promise: who asks for exactly one model, or allows others, is understood or told; never guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/http_request.h"
#include "workers/request/ask_headers.h"

static bool read(const char *strict, const char *flexible, struct ask_headers *out)
{
	struct http_request head = {.header_count = 0};
	struct error error;

	if (strict)
		head.headers[head.header_count++] = (struct http_header){SLICE_LITERAL("x-nexus-strict"), slice_of(strict)};
	if (flexible)
		head.headers[head.header_count++] = (struct http_header){SLICE_LITERAL("X-Nexus-Flexible"), slice_of(flexible)};
	return ask_headers_read(&head, out, &error);
}

static void test_substitutes(void **state)
{
	static const struct {
		const char *strict;
		const char *flexible;
		int expected; /* -1: refused */
	} rows[] = {
		{NULL, NULL, SUBSTITUTES_CHAIN},
		{"true", NULL, SUBSTITUTES_NONE},
		{"True", "false", SUBSTITUTES_NONE},
		{NULL, "true", SUBSTITUTES_SAME_TIER},
		{"false", "TRUE", SUBSTITUTES_SAME_TIER},
		{"false", "false", SUBSTITUTES_CHAIN},
		{"true", "true", -1},
		{"yes", NULL, -1},
		{"", NULL, -1},
		{NULL, "1", -1},
		{"true ", NULL, -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ask_headers asked;

		assert_int_equal(read(rows[i].strict, rows[i].flexible, &asked), rows[i].expected >= 0);
		if (rows[i].expected >= 0)
			assert_int_equal(asked.substitutes, rows[i].expected);
	}
}

static uint64_t session_of(const char *name, const char *value)
{
	struct http_request head = {.headers = {{slice_of(name), slice_of(value)}}, .header_count = 1};
	struct ask_headers asked;
	struct error error;

	assert_true(ask_headers_read(&head, &asked, &error));
	return asked.session;
}

static void test_sessions(void **state)
{
	assert_int_equal(session_of("X-Other", "a"), 0);
	assert_int_equal(session_of("X-Nexus-Session", ""), 0);
	assert_int_not_equal(session_of("X-Nexus-Session", "a"), 0);
	assert_int_not_equal(session_of("X-Nexus-Session", "a"), session_of("X-Nexus-Session", "bcd"));
	assert_int_equal(session_of("X-Nexus-Session", "a"), session_of("x-claude-code-session-id", "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_substitutes), cmocka_unit_test(test_sessions)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
