/* What ends in any column is settled once: on a ring, a death, a start, an end, or unasked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/fake/fake_supervisor.h"

#define COLUMN 3u /* of the request worker that this test plays */

static const struct fake_options budget = {.role = ROLE_BUDGET, .ops = &budget_worker_ops};

static void adopt(struct fake_supervisor *fake)
{
	assert_true(scoreboard_column_allocate(fake->scoreboard, COLUMN, NULL));
	scoreboard_column_adopt(fake->scoreboard, COLUMN, getpid(), 1);
}

/* Requests that cost and end. */
static void serve(struct fake_supervisor *fake, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct scoreboard_record *record = scoreboard_record_open(
			fake->scoreboard, COLUMN, RECORD_COSTS, clock_wall_us());

		assert_non_null(record);
		record->tokens_prompt = 7;
		scoreboard_record_name(record, scope, SLICE_LITERAL("team"));
		scoreboard_record_name(record, model, SLICE_LITERAL("big"));
		scoreboard_record_name(record, backend, SLICE_LITERAL("cloud"));
		scoreboard_record_end(fake->scoreboard, record, clock_wall_us());
	}
}

static void ring(struct fake_supervisor *fake)
{
	const uint64_t one = 1;

	assert_int_equal(write(fake->budget_doorbell, &one, sizeof(one)), sizeof(one));
}

static uint64_t settled_to(struct fake_supervisor *fake)
{
	return atomic_load(&scoreboard_header(fake->scoreboard, COLUMN)->settled_to);
}

static void await_settled(struct fake_supervisor *fake, uint64_t number)
{
	uint64_t deadline_ms = clock_monotonic_ms() + FAKE_TIMEOUT_MS;

	while (settled_to(fake) < number && clock_monotonic_ms() < deadline_ms)
		usleep(1000);
	assert_int_equal(settled_to(fake), number);
}

static void assert_answer(struct fake_supervisor *fake, const char *line, const char *expected)
{
	int exit_code = -1;
	const char *answer = fake_command(fake, line, &exit_code);

	assert_non_null(answer);
	assert_string_equal(answer, expected);
	assert_int_equal(exit_code, 0);
}

static void start(struct fake_supervisor *fake)
{
	fake_start(fake, &budget);
	assert_non_null(fake_await(fake, MSG_READY, FAKE_TIMEOUT_MS));
	adopt(fake);
}

static void test_rung_it_settles(void **state)
{
	struct fake_supervisor fake;

	start(&fake);
	assert_answer(&fake, "outbox", "{\"settled\":0,\"waiting\":0,\"columns\":[]}");
	for (unsigned round = 1; round <= 5; round++) {
		serve(&fake, 100);
		ring(&fake);
		await_settled(&fake, round * 100);
	}
	assert_answer(&fake, "outbox",
		"{\"settled\":500,\"waiting\":0,\"columns\":["
		"{\"column\":3,\"ended\":500,\"settled_to\":500}]}");
	assert_answer(&fake, "usage",
		"[{\"scope\":\"team\",\"model\":\"big\",\"backend\":\"cloud\",\"requests\":500,"
		"\"estimated\":0,\"tokens_prompt\":3500,\"tokens_completion\":0}]");
	fake_stop(&fake);
}

/* A ring that was lost costs a second, no more. */
static void test_not_rung_it_settles_too(void **state)
{
	struct fake_supervisor fake;

	start(&fake);
	serve(&fake, 3);
	await_settled(&fake, 3);
	fake_stop(&fake);
}

static void test_after_a_death_it_settles(void **state)
{
	const struct msg_peer_gone gone = {.role = ROLE_REQUEST, .column = 2, .generation = 1};
	struct fake_supervisor fake;
	struct scoreboard *dead;
	struct bury_result result;

	start(&fake);
	dead = scoreboard_attach(scoreboard_memory_fd(fake.scoreboard),
		scoreboard_records_fd(fake.scoreboard), NULL);
	assert_non_null(dead);
	assert_true(scoreboard_column_allocate(fake.scoreboard, 2, NULL));
	scoreboard_column_adopt(dead, 2, 1, 1);
	assert_non_null(scoreboard_record_open(dead, 2, RECORD_COSTS, clock_wall_us()));
	scoreboard_free(&dead);
	result = scoreboard_column_bury(fake.scoreboard, 2, clock_wall_us());
	assert_int_equal(result.to_settle, 1);
	fake_send(&fake, MSG_PEER_GONE, &gone);
	assert_answer(&fake, "outbox",
		"{\"settled\":1,\"waiting\":0,\"columns\":["
		"{\"column\":2,\"ended\":1,\"settled_to\":1}]}");
	fake_stop(&fake);
}

static void test_what_it_finds_at_its_start_is_settled(void **state)
{
	struct fake_supervisor fake;

	fake_spawn(&fake, &budget);
	adopt(&fake);
	serve(&fake, 150);
	fake_send_boot(&fake);
	fake_send_config(&fake, NULL);
	assert_non_null(fake_await(&fake, MSG_READY, FAKE_TIMEOUT_MS));
	await_settled(&fake, 150);
	fake_stop(&fake);
}

static void test_draining_it_leaves_nothing(void **state)
{
	const struct msg_drain drain = {.deadline_ms = 1000, .stopping = true};
	struct fake_supervisor fake;

	start(&fake);
	serve(&fake, 150);
	fake_send(&fake, MSG_DRAIN, &drain);
	assert_true(fake_await_exit(&fake, FAKE_TIMEOUT_MS));
	assert_true(WIFEXITED(fake.status) && WEXITSTATUS(fake.status) == 0);
	assert_int_equal(settled_to(&fake), 150);
	fake_stop(&fake);
}

static void test_unknown_command_is_answered(void **state)
{
	struct fake_supervisor fake;
	int exit_code = 0;

	start(&fake);
	assert_non_null(strstr(fake_command(&fake, "spend", &exit_code), "outbox, usage"));
	assert_int_equal(exit_code, 2);
	fake_stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rung_it_settles),
		cmocka_unit_test(test_not_rung_it_settles_too),
		cmocka_unit_test(test_after_a_death_it_settles),
		cmocka_unit_test(test_what_it_finds_at_its_start_is_settled),
		cmocka_unit_test(test_draining_it_leaves_nothing),
		cmocka_unit_test(test_unknown_command_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
