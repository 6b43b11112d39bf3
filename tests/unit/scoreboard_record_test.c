/* A record is whole when OPEN, empty when FREE, ended one way, and comes back exactly once. */
#include "tests/unit/scoreboard_fixture.h"

static void test_open_record_is_whole(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *record = board_open(board, RECORD_STREAM);

	assert_int_equal(record_state_of(record), RECORD_OPEN);
	assert_int_equal(record->version, RECORD_VERSION);
	assert_int_equal(record->flags, RECORD_STREAM);
	assert_int_equal(record->column, BOARD_COLUMN);
	assert_int_equal(record->epoch, 77);
	assert_int_equal(record->sequence, 1);
	assert_int_equal(record->started_wall_us, BOARD_NOW);
	for (size_t i = 0; i < SCOREBOARD_TAKEN_MAX; i++)
		assert_int_equal(record->taken[i].row, SCOREBOARD_ROW_NONE);
}

static void test_nothing_of_the_last_request_remains(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *record = board_open(board, RECORD_SENT);
	struct scoreboard_record *again;

	record->tokens_prompt = record->tokens_completion = record->bytes_up = 5;
	record->bytes_down = record->backend_id = record->waiting = 5;
	record->attempts = 5;
	scoreboard_record_name(record, model, SLICE_LITERAL("m"));
	scoreboard_record_name(record, backend, SLICE_LITERAL("b"));
	scoreboard_record_name(record, request_id, SLICE_LITERAL("r"));
	scoreboard_record_name(record, scope, SLICE_LITERAL("s"));
	scoreboard_record_end(board->worker, record, BOARD_NOW);
	again = board_open(board, 0);
	assert_ptr_equal(again, record);
	assert_int_equal(again->sequence, 2);
	assert_int_equal(again->flags | again->attempts, 0);
	assert_int_equal(again->tokens_prompt | again->tokens_completion | again->bytes_up |
				 again->bytes_down | again->backend_id | again->waiting,
		0);
	assert_int_equal(
		again->model[0] | again->backend[0] | again->request_id[0] | again->scope[0], 0);
}

static void test_names_are_cut(void **state)
{
	char place[4] = "xxx";

	(void)state;
	scoreboard_name_copy(place, sizeof(place), SLICE_LITERAL("abcdef"));
	assert_string_equal(place, "abc");
	scoreboard_name_copy(place, sizeof(place), SLICE_LITERAL("ab"));
	assert_string_equal(place, "ab");
	scoreboard_name_copy(place, sizeof(place), slice_make(NULL, 0));
	assert_string_equal(place, "");
}

static void test_column_of_records_is_bounded(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *records[BOARD_RECORDS];

	for (unsigned i = 0; i < BOARD_RECORDS; i++)
		records[i] = board_open(board, 0);
	assert_null(scoreboard_record_open(board->worker, BOARD_COLUMN, 0, BOARD_NOW));
	scoreboard_record_end(board->worker, records[3], BOARD_NOW);
	assert_ptr_equal(board_open(board, 0), records[3]);
	assert_null(scoreboard_record_open(board->worker, BOARD_COLUMN, 0, BOARD_NOW));
}

/* Three quarters may cost, OPEN or waiting to be settled; what costs nothing goes on. */
static void test_backlog_leaves_room_for_the_rest(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *free_one;

	for (unsigned i = 0; i < 6; i++) {
		struct scoreboard_record *record = board_open(board, RECORD_COSTS);

		if (i % 2)
			scoreboard_record_end(board->worker, record, BOARD_NOW);
	}
	assert_null(scoreboard_record_open(board->worker, BOARD_COLUMN, RECORD_COSTS, BOARD_NOW));
	free_one = board_open(board, 0);
	assert_false(scoreboard_record_costs(board->worker, free_one));
	assert_false(free_one->flags & RECORD_COSTS);
	assert_int_equal(board_settle(board, BOARD_COLUMN), 3);
	assert_true(scoreboard_record_costs(board->worker, free_one));
	assert_true(scoreboard_record_costs(board->worker, free_one));
	assert_int_equal(board->worker->own.costs, 4);
	board_open(board, RECORD_COSTS);
	board_open(board, RECORD_COSTS);
	assert_null(scoreboard_record_open(board->worker, BOARD_COLUMN, RECORD_COSTS, BOARD_NOW));
}

static void test_free_record_costs_no_outbox(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *record = board_open(board, 0);

	scoreboard_record_end(board->worker, record, BOARD_NOW);
	assert_int_equal(record_state_of(record), RECORD_FREE);
	assert_int_equal(atomic_load(&board->worker->own.header->ended), 0);
}

static void test_costing_record_goes_to_the_outbox(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *record = board_open(board, RECORD_COSTS);

	scoreboard_record_end(board->worker, record, BOARD_NOW + 5);
	assert_int_equal(record_state_of(record), RECORD_ENDED);
	assert_int_equal(record->end_number, 1);
	assert_int_equal(record->ended_wall_us, BOARD_NOW + 5);
	assert_int_equal(atomic_load(&board->worker->own.header->ended), 1);
}

/* All but money is given back at the end; money stays held until it is settled. */
static void test_end_gives_back_all_but_money(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *record = board_open(board, RECORD_COSTS);

	scoreboard_row_define(board->worker, 0, ROW_CAPACITY, 4);
	scoreboard_row_define(board->worker, 1, ROW_MONEY, 0);
	assert_int_equal(scoreboard_take(board->worker, record, 0, 1), TAKE_DONE);
	assert_int_equal(scoreboard_take(board->worker, record, 1, 500), TAKE_DONE);
	scoreboard_record_end(board->worker, record, BOARD_NOW);
	assert_int_equal(scoreboard_row_total(board->worker, 0), 0);
	assert_int_equal(scoreboard_row_total(board->worker, 1), 500);
	assert_int_equal(board_settle(board, BOARD_COLUMN), 1);
	assert_int_equal(scoreboard_row_total(board->worker, 1), 0);
}

/* Opens all that can be opened, each once; returns how many. */
static unsigned open_all(struct board *board)
{
	unsigned seen = 0;
	unsigned count = 0;
	struct scoreboard_record *record;

	while ((record = scoreboard_record_open(board->worker, BOARD_COLUMN, 0, BOARD_NOW)) !=
		NULL) {
		unsigned bit = 1u << (record - column_record(board->worker, BOARD_COLUMN, 0));

		assert_false(seen & bit);
		seen |= bit;
		count++;
	}
	return count;
}

static void test_settled_records_come_back_once(void **state)
{
	struct board *board = *state;

	for (unsigned round = 0; round < 20; round++)
		for (unsigned i = 0; i < 3; i++) {
			scoreboard_record_end(
				board->worker, board_open(board, RECORD_COSTS), BOARD_NOW);
			if (i)
				board_settle(board, BOARD_COLUMN);
		}
	assert_int_equal(open_all(board), BOARD_RECORDS);
}

/* The successor takes what is FREE, and the ring brings what is settled later, before and between
 * its two stores. */
static void test_successor_gets_each_record_once(void **state)
{
	struct board *board = *state;
	struct scoreboard_header *header = scoreboard_header(board->supervisor, BOARD_COLUMN);

	for (unsigned settled = 0; settled < 5; settled++) {
		for (unsigned i = 0; i < 5; i++)
			scoreboard_record_end(
				board->worker, board_open(board, RECORD_COSTS), BOARD_NOW);
		for (unsigned i = 0; i < settled; i++)
			scoreboard_settled(board->supervisor,
				scoreboard_outbox_next(board->supervisor, BOARD_COLUMN,
					atomic_load(&header->settled_to) + 1));
		board_readopt(board);
		assert_int_equal(board_settle(board, BOARD_COLUMN), 5 - settled);
		assert_int_equal(open_all(board), BOARD_RECORDS);
		assert_int_equal(board->worker->own.costs, 0);
		scoreboard_column_bury(board->supervisor, BOARD_COLUMN, BOARD_NOW);
		board_readopt(board);
	}
}

static void test_record_settled_but_not_yet_free_waits(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *record = board_open(board, RECORD_COSTS);

	scoreboard_record_end(board->worker, record, BOARD_NOW);
	atomic_store(&board->worker->own.header->settled_to, 1); /* FREE comes next */
	assert_ptr_not_equal(board_open(board, 0), record);
	board_settle(board, BOARD_COLUMN); /* the budget worker's successor */
	assert_int_equal(record_state_of(record), RECORD_FREE);
	assert_ptr_equal(board_open(board, 0), record);
}

/* The worker's successor comes between the two stores of a settlement. */
static void test_successor_gets_what_is_being_settled(void **state)
{
	struct board *board = *state;

	scoreboard_record_end(board->worker, board_open(board, RECORD_COSTS), BOARD_NOW);
	atomic_store(&board->worker->own.header->settled_to, 1);
	board_readopt(board);
	board_settle(board, BOARD_COLUMN);
	assert_int_equal(open_all(board), BOARD_RECORDS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, board_setup, board_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_record_is_whole),
		TEST(test_nothing_of_the_last_request_remains),
		TEST(test_names_are_cut),
		TEST(test_column_of_records_is_bounded),
		TEST(test_backlog_leaves_room_for_the_rest),
		TEST(test_free_record_costs_no_outbox),
		TEST(test_costing_record_goes_to_the_outbox),
		TEST(test_end_gives_back_all_but_money),
		TEST(test_settled_records_come_back_once),
		TEST(test_successor_gets_each_record_once),
		TEST(test_record_settled_but_not_yet_free_waits),
		TEST(test_successor_gets_what_is_being_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
