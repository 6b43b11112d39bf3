/* A process sees the whole scoreboard or is told why not, and pays only for what it uses. */
#include "tests/unit/scoreboard_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static void test_worker_sees_what_the_supervisor_made(void **state)
{
	struct board *board = *state;
	const struct scoreboard_geometry *geometry = scoreboard_geometry(board->worker);
	struct scoreboard_header *header = scoreboard_header(board->supervisor, BOARD_COLUMN);

	assert_memory_equal(geometry, &board->geometry, sizeof(*geometry));
	assert_int_equal(atomic_load(&header->pid), getpid());
	assert_int_equal(atomic_load(&header->generation), 1);
	assert_int_equal(scoreboard_recovery_column(board->worker), BOARD_COLUMNS - 1);
	assert_int_equal(scoreboard_memory_fd(board->worker), -1);
	assert_int_equal(scoreboard_records_fd(board->worker), -1);
	atomic_store(&scoreboard_state(board->supervisor, 2)->latency_us, 42);
	assert_int_equal(atomic_load(&scoreboard_state(board->worker, 2)->latency_us), 42);
}

static void test_descriptors_may_be_closed_after_attach(void **state)
{
	struct board *board = *state;
	int memory_fd = dup(scoreboard_memory_fd(board->supervisor));
	int records_fd = dup(scoreboard_records_fd(board->supervisor));
	struct scoreboard *view = scoreboard_attach(memory_fd, records_fd, NULL);

	assert_non_null(view);
	close(memory_fd);
	close(records_fd);
	assert_int_equal(scoreboard_geometry(view)->rows, BOARD_ROWS);
	scoreboard_free(&view);
	assert_null(view);
	scoreboard_free(&view);
}

static void test_impossible_geometry_is_refused(void **state)
{
	static const struct scoreboard_geometry cases[] = {
		{.columns = 1, .records_per_column = 8, .rows = 4},
		{.columns = 65536, .records_per_column = 8, .rows = 4},
		{.columns = 4, .records_per_column = 0, .rows = 4},
		{.columns = 4, .records_per_column = 1u << 21, .rows = 4},
		{.columns = 4, .records_per_column = 8, .rows = 0},
		{.columns = 4, .records_per_column = 8, .rows = 4, .states = UINT32_MAX},
	};
	struct board *board = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {""};

		assert_null(scoreboard_create(board->dir, &cases[i], &err));
		assert_string_not_equal(err.text, "");
	}
}

static void test_wrong_descriptors_are_refused(void **state)
{
	struct board *board = *state;
	int memory_fd = scoreboard_memory_fd(board->supervisor);
	int records_fd = scoreboard_records_fd(board->supervisor);
	int empty = memfd_create("empty", MFD_CLOEXEC);
	struct error err = {""};

	assert_null(scoreboard_attach(empty, records_fd, &err));
	assert_non_null(strstr(err.text, "no scoreboard"));
	assert_null(scoreboard_attach(records_fd, memory_fd, &err));
	assert_null(scoreboard_attach(memory_fd, empty, &err));
	assert_non_null(strstr(err.text, "record file has 0 bytes"));
	assert_null(scoreboard_attach(-1, -1, &err));
	close(empty);
}

static void test_shared_memory_cannot_shrink(void **state)
{
	struct board *board = *state;

	assert_int_equal(ftruncate(scoreboard_memory_fd(board->supervisor), 4096), -1);
}

static unsigned long long memory_used(const struct board *board)
{
	struct stat status;

	assert_int_equal(fstat(scoreboard_memory_fd(board->supervisor), &status), 0);
	return (unsigned long long)status.st_blocks * 512;
}

/* 4,096 rows and 16 columns of 2,048 records are 6 MB of addresses and must stay that. */
static void test_what_is_not_used_costs_nothing(void **state)
{
	struct board *board = board_new();
	void *box = board;

	(void)state;
	board->geometry.columns = 16;
	board->geometry.records_per_column = 2048;
	board->geometry.rows = 4096;
	board->geometry.states = 4096;
	board_start(board);
	scoreboard_row_define(board->worker, SCOREBOARD_ROW_SERVICE, ROW_CAPACITY, 100);
	scoreboard_record_end(board->worker, board_open(board, RECORD_COSTS), BOARD_NOW);
	scoreboard_counter(board->worker, BOARD_COLUMN, SLICE_LITERAL("nexus_requests_total"));
	assert_true(memory_used(board) <= 12 * 4096);
	assert_int_equal(atomic_load(&board->worker->columns[BOARD_COLUMN].records_used), 1);
	board_teardown(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_worker_sees_what_the_supervisor_made, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(
			test_descriptors_may_be_closed_after_attach, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(
			test_impossible_geometry_is_refused, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(
			test_wrong_descriptors_are_refused, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(
			test_shared_memory_cannot_shrink, board_setup, board_teardown),
		cmocka_unit_test(test_what_is_not_used_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
