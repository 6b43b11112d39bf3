/* The outbox shows each record in end order, once; a half-done settlement is finished. */
#include "tests/unit/scoreboard_fixture.h"

static struct scoreboard_record *next(struct board *board, uint64_t end_number)
{
	return scoreboard_outbox_next(board->supervisor, BOARD_COLUMN, end_number);
}

/* The two views have the record at different addresses. */
#define assert_shows(board, end_number, record)                                                    \
	assert_int_equal(next(board, end_number)->sequence, (record)->sequence)

static void test_records_come_in_end_order(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *first = board_open(board, RECORD_COSTS);
	struct scoreboard_record *second = board_open(board, RECORD_COSTS);

	assert_null(next(board, 1));
	scoreboard_record_end(board->worker, second, BOARD_NOW);
	scoreboard_record_end(board->worker, first, BOARD_NOW);
	assert_shows(board, 1, second);
	assert_shows(board, 2, first);
	assert_null(next(board, 3));
	assert_null(next(board, 0));
	scoreboard_settled(board->supervisor, next(board, 1));
	assert_null(next(board, 1));
	assert_shows(board, 2, first);
	scoreboard_settled(board->supervisor, next(board, 2));
	assert_null(next(board, 2));
	assert_int_equal(atomic_load(&board->worker->own.header->settled_to), 2);
}

static void test_ring_goes_round(void **state)
{
	struct board *board = *state;

	for (uint64_t n = 1; n <= 5 * BOARD_RECORDS; n++) {
		scoreboard_record_end(board->worker, board_open(board, RECORD_COSTS), BOARD_NOW);
		if (n % 3 == 0)
			assert_int_equal(board_settle(board, BOARD_COLUMN), 3);
	}
}

/* Before settled_to: shown again. After it: finished, not shown. */
static void test_killed_settlement(void **state)
{
	struct board *board = *state;
	struct scoreboard_header *header = board->worker->own.header;
	struct scoreboard_record *record = board_open(board, RECORD_COSTS);

	scoreboard_row_define(board->worker, 1, ROW_MONEY, 0);
	scoreboard_take(board->worker, record, 1, 7);
	scoreboard_record_end(board->worker, record, BOARD_NOW);
	scoreboard_give(board->supervisor, record, 1); /* its first step */
	assert_shows(board, 1, record);
	atomic_store(&header->settled_to, 1); /* its second */
	assert_null(next(board, 1));
	assert_null(next(board, 2));
	assert_int_equal(record_state_of(record), RECORD_FREE);
	assert_int_equal(scoreboard_row_total(board->worker, 1), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, board_setup, board_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_records_come_in_end_order),
		TEST(test_ring_goes_round),
		TEST(test_killed_settlement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
