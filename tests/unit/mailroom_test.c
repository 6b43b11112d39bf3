/* Nobody speaks in another's name: what is passed on says who really sent it, and only what its row
 * allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/mailroom.h"

static void the_sender_is_stamped(void **state)
{
	struct frame_header header = {.type = MSG_OBSERVED,
		.to = {ROLE_HEALTH, 0},
		.from = {ROLE_HEALTH, 0},
		.generation = 99,
		.object = 5,
		.version = 6,
		.request_id = 7};

	assert_true(mailroom_stamp(&header, (struct peer){ROLE_REQUEST, 3}, 12));
	assert_int_equal(header.from.role, ROLE_REQUEST);
	assert_int_equal(header.from.slot, 3);
	assert_int_equal(header.generation, 12);
	assert_int_equal(header.object, 5);
	assert_int_equal(header.version, 6);
	assert_int_equal(header.request_id, 7);
}

static void only_what_the_row_allows_passes(void **state)
{
	static const struct {
		uint16_t type;
		uint8_t sender, to;
		bool allowed;
	} cases[] = {
		{MSG_BACKEND_PUT, ROLE_HEALTH, ROLE_REQUEST, true},
		{MSG_BACKEND_PUT, ROLE_REQUEST, ROLE_REQUEST, false},
		{MSG_BACKEND_PUT, ROLE_HEALTH, ROLE_BUDGET, false},
		{MSG_HEARTBEAT, ROLE_DEMO, ROLE_SUPERVISOR, true},
		{MSG_HEARTBEAT, ROLE_DEMO, ROLE_REQUEST, false},
		{MSG_BOOT, ROLE_BUDGET, ROLE_REQUEST, false},
		{MSG_DRAIN, ROLE_REQUEST, ROLE_REQUEST, false},
		{MSG_COMMAND, ROLE_REQUEST, ROLE_HEALTH, false},
		{MSG_OBSERVED, ROLE_REQUEST, ROLE_COUNT, false},
		{MSG_OBSERVED, ROLE_REQUEST, 200, false},
		{0, ROLE_REQUEST, ROLE_SUPERVISOR, false},
		{60000, ROLE_REQUEST, ROLE_SUPERVISOR, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame_header header = {.type = cases[i].type, .to = {cases[i].to, 0}};

		if (mailroom_stamp(&header, (struct peer){cases[i].sender, 0}, 1) !=
			cases[i].allowed)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sender_is_stamped),
		cmocka_unit_test(only_what_the_row_allows_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
