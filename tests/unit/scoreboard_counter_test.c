/* A counter is found by its name by whoever asks; a full table counts under "other". */
#include "tests/unit/scoreboard_fixture.h"

static _Atomic uint64_t *counter(struct board *board, const char *labels)
{
	return scoreboard_counter(board->worker, BOARD_COLUMN, slice_of(labels));
}

static bool sum_of(struct board *board, const char *labels, uint64_t *sum)
{
	struct slice name;
	uint64_t value;
	uint32_t at = 0;
	bool found = false;

	*sum = 0;
	while (scoreboard_counter_next(board->supervisor, BOARD_COLUMN, &at, &name, &value)) {
		if (!slice_is(name, labels))
			continue;
		*sum += value;
		found = true;
	}
	return found;
}

static void test_counter_is_kept_by_name(void **state)
{
	struct board *board = *state;
	_Atomic uint64_t *requests = counter(board, "requests{model=\"a\"}");
	uint64_t sum;

	scoreboard_count(requests, 2);
	scoreboard_count(requests, 3);
	assert_ptr_equal(counter(board, "requests{model=\"a\"}"), requests);
	assert_ptr_not_equal(counter(board, "requests{model=\"b\"}"), requests);
	assert_true(sum_of(board, "requests{model=\"a\"}", &sum));
	assert_int_equal(sum, 5);
	board_readopt(board);
	scoreboard_count(counter(board, "requests{model=\"a\"}"), 1);
	sum_of(board, "requests{model=\"a\"}", &sum);
	assert_int_equal(sum, 6);
}

static void test_full_table_counts_under_other(void **state)
{
	struct board *board = *state;
	_Atomic uint64_t *other;
	char name[32];
	uint64_t sum;

	for (unsigned i = 0; i < SCOREBOARD_SERIES + 50; i++) {
		snprintf(name, sizeof(name), "series %u", i);
		scoreboard_count(counter(board, name), 1);
	}
	assert_true(sum_of(board, "series 1022", &sum));
	assert_int_equal(sum, 1);
	assert_false(sum_of(board, "series 1023", &sum));
	assert_true(sum_of(board, "other", &sum));
	assert_int_equal(sum, 51);
	other = counter(board, "one more");
	assert_ptr_equal(counter(board, "other"), other);
}

static void test_too_long_a_name_counts_under_other(void **state)
{
	struct board *board = *state;
	char name[SCOREBOARD_LABELS_MAX + 2];

	memset(name, 'x', sizeof(name));
	name[SCOREBOARD_LABELS_MAX + 1] = '\0';
	assert_ptr_equal(counter(board, name), counter(board, "other"));
	name[SCOREBOARD_LABELS_MAX] = '\0';
	assert_ptr_not_equal(counter(board, name), counter(board, "other"));
	assert_ptr_equal(counter(board, ""), counter(board, "other"));
}

/* The index names a series, its worker was killed before it counted as used. */
static void test_half_made_series_is_given_to_another(void **state)
{
	struct board *board = *state;
	struct column *column = &board->worker->columns[BOARD_COLUMN];
	_Atomic uint64_t *first;
	uint64_t sum;

	counter(board, "half");
	atomic_store(&column->series_used, 0);
	board_readopt(board);
	first = counter(board, "whole");
	assert_ptr_not_equal(counter(board, "half"), first);
	scoreboard_count(counter(board, "half"), 4);
	assert_true(sum_of(board, "half", &sum));
	assert_int_equal(sum, 4);
	assert_int_equal(atomic_load(&column->series_used), 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, board_setup, board_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_counter_is_kept_by_name),
		TEST(test_full_table_counts_under_other),
		TEST(test_too_long_a_name_counts_under_other),
		TEST(test_half_made_series_is_given_to_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
