/* What a run leaves in the record file is found once by the next, however often killed. */
#include "tests/unit/scoreboard_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct scoreboard_record *recovered(struct board *board, uint64_t end_number)
{
	return scoreboard_outbox_next(
		board->supervisor, scoreboard_recovery_column(board->supervisor), end_number);
}

static void test_new_file_is_private_and_empty(void **state)
{
	struct board *board = *state;
	unsigned dropped = 9;
	struct stat status;

	assert_int_equal(scoreboard_recovered(board->supervisor, &dropped), 0);
	assert_int_equal(dropped, 0);
	assert_int_equal(fstat(scoreboard_records_fd(board->supervisor), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_null(recovered(board, 1));
}

/* Columns given in any order; those that never were are not looked at. */
static void test_every_given_column_is_looked_at(void **state)
{
	static const uint32_t columns[] = {2, 0};
	struct board *board = *state;

	board_open(board, RECORD_COSTS);
	for (size_t i = 0; i < 2; i++) {
		assert_true(scoreboard_column_allocate(board->supervisor, columns[i], NULL));
		scoreboard_column_adopt(board->worker, columns[i], getpid(), 1);
		assert_non_null(
			scoreboard_record_open(board->worker, columns[i], RECORD_COSTS, BOARD_NOW));
	}
	board_stop(board);
	board_start(board);
	assert_int_equal(scoreboard_recovered(board->supervisor, NULL), 3);
}

static void test_column_is_backed_by_blocks(void **state)
{
	struct board *board = *state;
	struct error err = {""};
	struct stat status;

	assert_true(scoreboard_column_allocate(board->supervisor, BOARD_COLUMN, &err));
	assert_int_equal(fstat(scoreboard_records_fd(board->supervisor), &status), 0);
	assert_true(status.st_blocks * 512 >= (off_t)(BOARD_RECORDS * 1024));
	assert_false(scoreboard_column_allocate(board->supervisor, BOARD_COLUMNS - 1, &err));
	assert_false(scoreboard_column_allocate(board->supervisor, BOARD_COLUMNS, &err));
}

/* One record of each kind a kill of everything can leave. */
static void leave_records(struct board *board)
{
	struct scoreboard_record *open, *ended;

	scoreboard_row_define(board->worker, 2, ROW_CAPACITY, 10);
	scoreboard_row_define(board->worker, 3, ROW_MONEY, 0);
	board_open(board, 0);
	ended = board_open(board, RECORD_COSTS);
	open = board_open(board, RECORD_COSTS | RECORD_STREAM | RECORD_SENT);
	scoreboard_record_name(open, scope, SLICE_LITERAL("team"));
	open->tokens_completion = 17;
	assert_int_equal(scoreboard_take(board->worker, open, 2, 4), TAKE_DONE);
	assert_int_equal(scoreboard_take(board->worker, open, 3, 1234), TAKE_DONE);
	open->taken[5].amount = 99; /* a kill within a take: no row yet */
	scoreboard_record_end(board->worker, ended, BOARD_NOW);
}

static void check_open_one(const struct scoreboard_record *record)
{
	assert_int_equal(record->flags,
		RECORD_COSTS | RECORD_STREAM | RECORD_SENT | RECORD_DIED | RECORD_ESTIMATED);
	assert_int_equal(record->epoch, 77);
	assert_int_equal(record->column, BOARD_COLUMN);
	assert_int_equal(record->sequence, 3);
	assert_int_equal(record->tokens_completion, 17);
	assert_string_equal(record->scope, "team");
	assert_true(record->ended_wall_us > BOARD_NOW);
	assert_int_equal(record->taken[1].row, SCOREBOARD_ROW_EARLIER);
	assert_int_equal(record->taken[1].kind, ROW_MONEY);
	assert_int_equal(record->taken[1].amount, 1234);
	assert_int_equal(record->taken[5].amount, 0);
}

static void check_recovered(struct board *board)
{
	struct scoreboard_record *first = recovered(board, 1);
	struct scoreboard_record *second = recovered(board, 2);
	unsigned dropped = 9;

	assert_int_equal(scoreboard_recovered(board->supervisor, &dropped), 2);
	assert_int_equal(dropped, 0);
	assert_non_null(first);
	assert_int_equal(first->flags, RECORD_COSTS);
	assert_int_equal(first->sequence, 2);
	assert_non_null(second);
	check_open_one(second);
	assert_null(recovered(board, 3));
}

static void test_what_costs_is_recovered(void **state)
{
	struct board *board = *state;

	leave_records(board);
	board_stop(board);
	board->geometry.epoch = 78;
	board_start(board);
	check_recovered(board);
	assert_int_equal(board_settle(board, scoreboard_recovery_column(board->supervisor)), 2);
	board_stop(board);
	board_start(board);
	assert_int_equal(scoreboard_recovered(board->supervisor, NULL), 0);
}

/* Killed before it settled: the recovery column itself is carried over, into whatever shape comes
 * next. */
static void test_recovery_survives_starts_and_geometries(void **state)
{
	static const uint32_t shapes[][2] = {{4, 8}, {9, 2}, {2, 1}, {3, 300}};
	struct board *board = *state;

	leave_records(board);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		board_stop(board);
		board->geometry.columns = shapes[i][0];
		board->geometry.records_per_column = shapes[i][1];
		board->supervisor = scoreboard_create(board->dir, &board->geometry, NULL);
		assert_non_null(board->supervisor);
		check_recovered(board);
	}
	assert_int_equal(board_settle(board, scoreboard_recovery_column(board->supervisor)), 2);
}

/* More of them than a column of the new shape has records. */
static void test_recovery_has_room_for_all(void **state)
{
	struct board *board = *state;

	for (unsigned i = 0; i < 6; i++)
		board_open(board, RECORD_COSTS);
	board_stop(board);
	board->geometry.columns = 2;
	board->geometry.records_per_column = 1;
	board->supervisor = scoreboard_create(board->dir, &board->geometry, NULL);
	assert_non_null(board->supervisor);
	assert_int_equal(scoreboard_recovered(board->supervisor, NULL), 6);
	assert_int_equal(board_settle(board, 1), 6);
}

static void test_half_made_file_is_made_again(void **state)
{
	struct board *board = *state;
	char path[128];
	int fd;

	leave_records(board);
	board_stop(board);
	board_path(board, "records.new", path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	board_start(board);
	check_recovered(board);
	assert_int_equal(access(path, F_OK), -1);
}

/* Overwrites `size` bytes of the file that a dead run left. */
static void overwrite(struct board *board, off_t at, const void *bytes, size_t size)
{
	char path[128];
	int fd;

	board_path(board, "records", path);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, bytes, size, at), (ssize_t)size);
	close(fd);
}

static off_t record_at(uint32_t index)
{
	return (off_t)RECORDS_FILE_HEAD + (off_t)(BOARD_COLUMN * BOARD_RECORDS + index) * 1024;
}

static void test_out_of_bounds_records_are_dropped(void **state)
{
	static const struct {
		size_t at;
		size_t size;
		unsigned char fill;
	} cases[] = {
		{offsetof(struct scoreboard_record, state), 4, 0x7f},
		{offsetof(struct scoreboard_record, version), 2, 0x55},
		{offsetof(struct scoreboard_record, flags), 4, 0xff},
		{offsetof(struct scoreboard_record, sequence), 8, 0},
		{offsetof(struct scoreboard_record, started_wall_us), 8, 0xff},
		{offsetof(struct scoreboard_record, taken[11].amount), 8, 0xff},
		{offsetof(struct scoreboard_record, taken[0].amount), 8, 0x7f},
		{offsetof(struct scoreboard_record, model), 128, 'm'},
		{offsetof(struct scoreboard_record, scope), 64, 's'},
	};
	struct board *board = *state;
	unsigned dropped;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char bytes[128];

		memset(bytes, cases[i].fill, sizeof(bytes));
		board_open(board, RECORD_COSTS);
		board_open(board, RECORD_COSTS);
		board_stop(board);
		overwrite(board, record_at(0) + (off_t)cases[i].at, bytes, cases[i].size);
		board_start(board);
		assert_int_equal(scoreboard_recovered(board->supervisor, &dropped), 1);
		assert_int_equal(dropped, 1);
		board_settle(board, scoreboard_recovery_column(board->supervisor));
	}
}

static void test_another_boot_estimates(void **state)
{
	struct board *board = *state;

	scoreboard_record_end(board->worker, board_open(board, RECORD_COSTS), BOARD_NOW);
	board_stop(board);
	overwrite(board, offsetof(struct records_head, boot_id), "elsewhere", 10);
	board_start(board);
	assert_int_equal(recovered(board, 1)->flags, RECORD_COSTS | RECORD_ESTIMATED);
}

static void test_foreign_files_are_left_alone(void **state)
{
	static const struct {
		off_t at;
		const char *bytes;
		size_t size;
		const char *says;
	} cases[] = {
		{0, "PK\3\4....", 8, "not a record file"},
		{8, "\2\0\0\0", 4, "layout 2"},
		{12, "\1\0\0\0", 4, "layout"},
		{16, "\0\0\0\0", 4, "geometry"},
		{20, "\0\0\0\0", 4, "geometry"},
		{24, "\377\377\377\0", 4, "geometry"},
		{28, "\4\0\0\0", 4, "geometry"},
	};
	struct board *board = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {""};
		char path[128];

		board_stop(board);
		overwrite(board, cases[i].at, cases[i].bytes, cases[i].size);
		assert_null(scoreboard_create(board->dir, &board->geometry, &err));
		assert_non_null(strstr(err.text, cases[i].says));
		assert_non_null(strstr(err.text, board->dir));
		board_path(board, "records", path);
		assert_int_equal(unlink(path), 0);
		board_start(board);
	}
}

static void test_missing_directory_is_said(void **state)
{
	struct board *board = *state;
	struct error err = {""};

	assert_null(scoreboard_create("/nonexistent/state", &board->geometry, &err));
	assert_non_null(strstr(err.text, "/nonexistent/state"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, board_setup, board_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_new_file_is_private_and_empty),
		TEST(test_column_is_backed_by_blocks),
		TEST(test_every_given_column_is_looked_at),
		TEST(test_what_costs_is_recovered),
		TEST(test_recovery_survives_starts_and_geometries),
		TEST(test_recovery_has_room_for_all),
		TEST(test_half_made_file_is_made_again),
		TEST(test_out_of_bounds_records_are_dropped),
		TEST(test_another_boot_estimates),
		TEST(test_foreign_files_are_left_alone),
		TEST(test_missing_directory_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
