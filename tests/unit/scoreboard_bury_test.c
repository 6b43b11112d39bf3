/* Burying a column ends its requests as if they had ended, waits for nobody, may be repeated. */
#include "tests/unit/scoreboard_fixture.h"

static struct bury_result bury(struct board *board)
{
	return scoreboard_column_bury(board->supervisor, BOARD_COLUMN, BOARD_NOW + 9);
}

static void test_open_records_are_ended(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *free_one = board_open(board, 0);
	struct scoreboard_record *costing = board_open(board, RECORD_COSTS | RECORD_SENT);
	struct bury_result result;

	scoreboard_row_define(board->worker, 0, ROW_CAPACITY, 4);
	scoreboard_take(board->worker, free_one, 0, 1);
	scoreboard_take(board->worker, costing, 0, 1);
	result = bury(board);
	assert_int_equal(result.ended, 2);
	assert_int_equal(result.to_settle, 1);
	assert_false(result.again);
	assert_int_equal(scoreboard_row_total(board->supervisor, 0), 0);
	assert_int_equal(record_state_of(free_one), RECORD_FREE);
	assert_int_equal(record_state_of(costing), RECORD_ENDED);
	assert_int_equal(
		costing->flags, RECORD_COSTS | RECORD_SENT | RECORD_DIED | RECORD_ESTIMATED);
	assert_int_equal(costing->ended_wall_us, BOARD_NOW + 9);
	result = bury(board);
	assert_int_equal(result.ended, 0);
	assert_int_equal(board_settle(board, BOARD_COLUMN), 1);
}

static void test_header_is_cleared_but_not_what_it_counted(void **state)
{
	struct board *board = *state;
	struct scoreboard_header *header = scoreboard_header(board->worker, BOARD_COLUMN);

	atomic_store(&header->ready, 1);
	atomic_store(&header->connections, 7);
	atomic_store(&header->registry_version, 7);
	atomic_store(&header->requests_total, 7);
	atomic_store(&header->tokens_seen, 7);
	bury(board);
	assert_int_equal(atomic_load(&header->pid) | (int)atomic_load(&header->ready) |
				 (int)atomic_load(&header->connections),
		0);
	assert_int_equal(atomic_load(&header->registry_version), 0);
	assert_int_equal(atomic_load(&header->requests_total), 7);
	assert_int_equal(atomic_load(&header->tokens_seen), 7);
}

static void test_busy_row_is_tried_again(void **state)
{
	struct board *board = *state;
	struct scoreboard *other = board_attach(board);
	struct scoreboard_record *record = board_open(board, RECORD_COSTS);
	struct bury_result result;

	scoreboard_column_adopt(other, 0, getpid(), 1);
	scoreboard_row_define(board->worker, 0, ROW_CAPACITY, 4);
	scoreboard_row_define(board->worker, 1, ROW_CAPACITY, 4);
	scoreboard_take(board->worker, record, 0, 1);
	scoreboard_take(board->worker, record, 1, 1);
	assert_true(row_lock(other, 0, false));
	result = bury(board);
	assert_true(result.again);
	assert_int_equal(result.ended, 0);
	assert_int_equal(record_state_of(record), RECORD_OPEN);
	assert_int_equal(scoreboard_row_total(other, 1), 0);
	row_unlock(other, 0);
	result = bury(board);
	assert_false(result.again);
	assert_int_equal(result.ended, 1);
	assert_int_equal(scoreboard_row_total(other, 0), 0);
	scoreboard_free(&other);
}

/* Each point at which the kill can come between a record's end and its publication. */
static void test_half_ended_record_is_published_once(void **state)
{
	struct board *board = *state;

	for (unsigned stores = 0; stores < 4; stores++) {
		struct scoreboard_record *record = board_open(board, RECORD_COSTS);
		struct scoreboard_header *header = board->worker->own.header;
		uint64_t number = atomic_load(&header->ended) + 1;
		uint32_t index = (uint32_t)(record - column_record(board->worker, BOARD_COLUMN, 0));

		if (stores > 0)
			record->end_number = number;
		if (stores > 1)
			atomic_store(ring_place(board->worker, BOARD_COLUMN, number), index);
		if (stores > 2)
			record_set_state(record, RECORD_ENDED);
		bury(board);
		assert_int_equal(atomic_load(&header->ended), number);
		assert_int_equal(record->end_number, number);
		assert_int_equal(bury(board).ended, 0);
		board_readopt(board);
		assert_int_equal(board_settle(board, BOARD_COLUMN), 1);
	}
}

static void test_successor_finds_the_column_free(void **state)
{
	struct board *board = *state;

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < BOARD_RECORDS; i++)
			board_open(board, 0);
		assert_int_equal(bury(board).ended, BOARD_RECORDS);
		board_readopt(board);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, board_setup, board_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_records_are_ended),
		TEST(test_header_is_cleared_but_not_what_it_counted),
		TEST(test_busy_row_is_tried_again),
		TEST(test_half_ended_record_is_published_once),
		TEST(test_successor_finds_the_column_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
