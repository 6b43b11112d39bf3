/* A death is told in one line that names who, how long, how and what it was doing; the last twenty
 * are kept. */
#include <signal.h>
#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/obituary.h"

#define EXITED(code) ((code) << 8)

static void each_death_has_its_line(void **state)
{
	static const struct {
		struct obituary obituary;
		const char *line;
	} cases[] = {
		{{.who = {ROLE_REQUEST, 1},
			 .generation = 7,
			 .pid = 4711,
			 .up_ms = 192000,
			 .was_ready = true,
			 .wait_status = SIGSEGV,
			 .in_flight = 3,
			 .last_words = SLICE_LITERAL("at\n\033[1m")},
			"request[1] g7 (pid 4711) died after 3m12s: signal 11 (Segmentation "
			"fault); 3 requests in flight;"
			" last words: at\\x0a\\x1b[1m"},
		{{.who = {ROLE_HEALTH, 0},
			 .generation = 2,
			 .pid = 5,
			 .up_ms = 42,
			 .wait_status = EXITED(78),
			 .last_words = SLICE_LITERAL("no such place")},
			"health[0] g2 (pid 5) died before it was ready, after 0.042s: exit 78; 0 "
			"requests in flight; last"
			" words: no such place"},
		{{.who = {ROLE_BUDGET, 0},
			 .generation = 1,
			 .pid = 6,
			 .up_ms = 7260000,
			 .was_ready = true,
			 .wait_status = SIGABRT,
			 .in_flight = 1,
			 .cause = "hung"},
			"budget[0] g1 (pid 6) died after 2h01m: hung, signal 6 (Aborted); 1 "
			"request in flight"},
	};
	char line[OBITUARY_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		obituary_compose(&cases[i].obituary, line);
		assert_string_equal(line, cases[i].line);
	}
}

static void long_last_words_are_cut(void **state)
{
	static char words[8192];
	struct obituary obituary = {.who = {ROLE_REQUEST, 0}, .last_words = {words, sizeof(words)}};
	char line[OBITUARY_MAX];

	memset(words, 'w', sizeof(words));
	obituary_compose(&obituary, line);
	assert_in_range(strlen(line), 200, OBITUARY_MAX - 1);
}

static void the_last_twenty_are_kept(void **state)
{
	static struct obituaries kept;
	char line[OBITUARY_MAX];

	assert_null(obituary_kept(&kept, 0));
	for (int i = 0; i < 27; i++) {
		snprintf(line, sizeof(line), "death %d", i);
		obituary_keep(&kept, line);
	}
	assert_string_equal(obituary_kept(&kept, 0), "death 26");
	assert_string_equal(obituary_kept(&kept, OBITUARY_KEPT - 1), "death 7");
	assert_null(obituary_kept(&kept, OBITUARY_KEPT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_death_has_its_line),
		cmocka_unit_test(long_last_words_are_cut),
		cmocka_unit_test(the_last_twenty_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
