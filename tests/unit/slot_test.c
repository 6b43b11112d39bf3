/* A slot knows which changes of its state there are, and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/slot.h"

static void only_these_changes_exist(void **state)
{
	/* From the row to the column: E S R D B F. */
	static const char *const table[SLOT_STATE_COUNT] = {
		[SLOT_EMPTY] = ".S....",
		[SLOT_STARTING] = "E.RDBF",
		[SLOT_READY] = "E..DBF",
		[SLOT_DRAINING] = "E...B.",
		[SLOT_BACKOFF] = "ES....",
		[SLOT_FAILED] = "E...B.",
	};

	for (int from = 0; from < SLOT_STATE_COUNT; from++)
		for (int to = 0; to < SLOT_STATE_COUNT; to++)
			if (slot_may_change((enum slot_state)from, (enum slot_state)to) !=
				(table[from][to] != '.'))
				fail_msg("%s -> %s", slot_state_names[from], slot_state_names[to]);
}

static void a_life_goes_through_them(void **state)
{
	static const enum slot_state life[] = {SLOT_STARTING, SLOT_READY, SLOT_BACKOFF,
		SLOT_STARTING, SLOT_FAILED, SLOT_BACKOFF, SLOT_STARTING, SLOT_READY, SLOT_DRAINING,
		SLOT_EMPTY};
	struct slot slot = {.role = ROLE_REQUEST, .number = 3, .generation = 12};

	for (size_t i = 0; i < sizeof(life) / sizeof(life[0]); i++) {
		slot_set_state(&slot, life[i]);
		assert_int_equal(slot.state, life[i]);
	}
	assert_string_equal(slot_name(&slot), "request[3] g12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_these_changes_exist),
		cmocka_unit_test(a_life_goes_through_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
