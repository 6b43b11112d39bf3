/* A limit holds exactly, a dead owner's row is counted again, and an owner is always seen. */
#include "tests/unit/scoreboard_fixture.h"

#include <errno.h>
#include <sys/wait.h>

static enum take_result take(
	struct board *board, struct scoreboard_record *record, uint32_t row, int64_t amount)
{
	return scoreboard_take(board->worker, record, row, amount);
}

static void test_limit_is_exact(void **state)
{
	static const struct {
		int64_t limit;
		int64_t amount;
		unsigned fit;
	} cases[] = {{3, 1, 3}, {10, 4, 2}, {1, 1, 1}, {5, 6, 0}, {INT64_MAX, INT64_MAX, 1}};
	struct board *board = *state;

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scoreboard_record *record = board_open(board, 0);

		scoreboard_row_define(board->worker, i, ROW_CAPACITY, cases[i].limit);
		for (unsigned n = 0; n < cases[i].fit; n++)
			assert_int_equal(take(board, record, i, cases[i].amount), TAKE_DONE);
		assert_int_equal(take(board, record, i, cases[i].amount), TAKE_FULL);
		assert_int_equal(scoreboard_row_total(board->worker, i),
			(int64_t)cases[i].fit * cases[i].amount);
		scoreboard_give(board->worker, record, i);
		assert_int_equal(scoreboard_row_total(board->worker, i), 0);
		scoreboard_record_end(board->worker, record, BOARD_NOW);
	}
}

static void test_no_limit_only_counts(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *record = board_open(board, 0);

	scoreboard_row_define(board->worker, 0, ROW_CAPACITY, 0);
	assert_int_equal(take(board, record, 0, 1000000), TAKE_DONE);
	assert_int_equal(take(board, record, 0, 1), TAKE_DONE);
	assert_int_equal(scoreboard_row_total(board->worker, 0), 1000001);
}

static void test_record_notes_what_it_holds(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *record = board_open(board, 0);

	scoreboard_row_define(board->worker, 2, ROW_CAPACITY, 9);
	scoreboard_row_define(board->worker, 3, ROW_MONEY, 9);
	take(board, record, 2, 4);
	take(board, record, 3, 5);
	take(board, record, 2, 1);
	assert_int_equal(record->taken[0].row, 2);
	assert_int_equal(record->taken[0].kind, ROW_CAPACITY);
	assert_int_equal(record->taken[0].amount, 5);
	assert_int_equal(record->taken[1].kind, ROW_MONEY);
	scoreboard_give(board->worker, record, 2);
	assert_int_equal(record->taken[0].row, SCOREBOARD_ROW_NONE);
	assert_int_equal(record->taken[0].amount, 0);
	scoreboard_give(board->worker, record, 2);
	assert_int_equal(scoreboard_row_total(board->worker, 2), 0);
	assert_int_equal(scoreboard_row_total(board->worker, 3), 5);
}

static void test_life_of_a_row_number(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *record = board_open(board, 0);

	assert_int_equal(take(board, record, 4, 1), TAKE_REMOVED);
	assert_true(scoreboard_row_reuse(board->worker, 4));
	scoreboard_row_define(board->worker, 4, ROW_CAPACITY, 2);
	assert_int_equal(scoreboard_row_kind(board->worker, 4), ROW_CAPACITY);
	assert_int_equal(take(board, record, 4, 1), TAKE_DONE);
	scoreboard_row_define(board->worker, 4, ROW_CAPACITY, 3); /* its giver's successor */
	assert_int_equal(scoreboard_row_total(board->worker, 4), 1);
	assert_false(scoreboard_row_reuse(board->worker, 4));
	scoreboard_row_remove(board->worker, 4);
	assert_int_equal(take(board, record, 4, 1), TAKE_REMOVED);
	assert_false(scoreboard_row_reuse(board->worker, 4));
	scoreboard_give(board->worker, record, 4);
	assert_true(scoreboard_row_reuse(board->worker, 4));
	assert_int_equal(scoreboard_row_kind(board->worker, 4), ROW_UNUSED);
	assert_int_equal(take(board, record, 4, 1), TAKE_REMOVED);
	scoreboard_row_define(board->worker, 4, ROW_MONEY, 1);
	assert_int_equal(take(board, record, 4, 1), TAKE_DONE);
}

static void test_limit_may_change(void **state)
{
	struct board *board = *state;
	struct scoreboard_record *record = board_open(board, 0);

	scoreboard_row_define(board->worker, 0, ROW_CAPACITY, 2);
	take(board, record, 0, 2);
	scoreboard_row_set_limit(board->worker, 0, 1);
	assert_int_equal(scoreboard_row_limit(board->supervisor, 0), 1);
	assert_int_equal(take(board, record, 0, 1), TAKE_FULL);
	assert_int_equal(scoreboard_row_total(board->worker, 0), 2);
	scoreboard_row_set_limit(board->worker, 0, 3);
	assert_int_equal(take(board, record, 0, 1), TAKE_DONE);
}

/* --- owners that die
 * ---------------------------------------------------------------------------------------------- */

/* What the dead owner had stored: any prefix of a take or a give, in its order. */
struct death {
	const char *when;
	int64_t noted; /* in the record */
	int64_t cell;  /* added to the cell */
	int64_t total; /* added to the total */
	bool changing;
	int64_t held; /* what is right then */
};

static void die_holding(
	struct board *board, struct scoreboard_record *record, const struct death *death)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct row *row = row_at(board->worker, 0);

		row_lock(board->worker, 0, true);
		atomic_store(&row->changing, death->changing ? BOARD_COLUMN + 1 : 0);
		record->taken[0].amount = death->noted;
		atomic_fetch_add(&row->cells[BOARD_COLUMN], death->cell);
		atomic_fetch_add(&row->total, death->total);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_dead_owners_row_is_counted_again(void **state)
{
	static const struct death deaths[] = {
		{"locked only", 3, 0, 0, false, 3},
		{"take: changing", 3, 0, 0, true, 3},
		{"take: noted", 4, 0, 0, true, 4},
		{"take: cell", 4, 1, 0, true, 4},
		{"take: total", 4, 1, 1, true, 4},
		{"take: done", 4, 1, 1, false, 4},
		{"give: noted", 0, 0, 0, true, 0},
		{"give: cell", 0, -3, 0, true, 0},
		{"give: total", 0, -3, -3, true, 0},
	};
	struct board *board = *state;

	for (size_t i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		struct scoreboard_record *record = board_open(board, 0);
		struct scoreboard_record *other = board_open(board, 0);

		scoreboard_row_define(board->worker, 0, ROW_CAPACITY, 10);
		take(board, record, 0, 3);
		die_holding(board, record, &deaths[i]);
		assert_int_equal(take(board, other, 0, 5), TAKE_DONE);
		if (scoreboard_row_total(board->worker, 0) != deaths[i].held + 5)
			fail_msg("%s: total %ld", deaths[i].when,
				(long)scoreboard_row_total(board->worker, 0));
		assert_int_equal(row_at(board->worker, 0)->changing, 0);
		scoreboard_record_end(board->worker, other, BOARD_NOW);
		scoreboard_record_end(board->worker, record, BOARD_NOW);
		assert_int_equal(scoreboard_row_total(board->worker, 0), 0);
	}
}

/* --- owners that are seen
 * ----------------------------------------------------------------------------------------- */

static void test_owner_shows_its_lock(void **state)
{
	struct board *board = *state;
	struct scoreboard_header *header = scoreboard_header(board->supervisor, BOARD_COLUMN);
	uint32_t count;

	scoreboard_row_define(board->worker, 3, ROW_CAPACITY, 1);
	assert_int_equal(atomic_load(&header->locked_row), 0);
	count = atomic_load(&header->lock_count);
	assert_true(row_lock(board->worker, 3, false));
	assert_int_equal(atomic_load(&header->locked_row), 4);
	assert_int_equal(atomic_load(&header->lock_count), count + 1);
	assert_false(row_lock(board->supervisor, 3, false));
	assert_int_equal(atomic_load(&header->locked_row), 4);
	row_unlock(board->worker, 3);
	assert_int_equal(atomic_load(&header->locked_row), 0);
	assert_true(row_lock(board->supervisor, 3, false));
	row_unlock(board->supervisor, 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, board_setup, board_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_limit_is_exact),
		TEST(test_no_limit_only_counts),
		TEST(test_record_notes_what_it_holds),
		TEST(test_life_of_a_row_number),
		TEST(test_limit_may_change),
		TEST(test_dead_owners_row_is_counted_again),
		TEST(test_owner_shows_its_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
