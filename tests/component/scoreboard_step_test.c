/* Whatever instruction of the scoreboard a process is killed after, all sums are right again.
 *
 * A child does one thing, traced instruction by instruction, and is killed after some number of
 * them; then the supervisor's and the budget worker's part is done and everything counted. Each
 * step is two switches of process, so the kills are spread; SCOREBOARD_STEP_KILLS=100000 tries
 * every instruction. Skipped where tracing is not allowed. */
#include "tests/unit/scoreboard_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "base/random.h"

#define SERVICE 0u
#define MONEY   1u
#define FRESH   2u
#define SETTLER 0u /* its column */
#define STEPS   100000u
#define KILLS   40u /* of each deed */

/* What the child says of itself, outside the scoreboard. */
struct progress {
	bool opened;
	bool done;
};

struct deed {
	const char *name;
	uint32_t column;
	void (*prepare)(struct board *board);
	void (*act)(struct scoreboard *view, volatile struct progress *progress);
	void (*check)(struct board *board, const struct progress *progress);
};

/* --- checks shared by all
 * ----------------------------------------------------------------------------------------- */

static void check_row(struct board *board, uint32_t number)
{
	struct scoreboard *view = board->supervisor;
	struct row *row = row_at(view, number);
	int64_t total = 0;

	assert_true(row_lock(view, number, false));
	for (uint32_t column = 0; column < BOARD_COLUMNS; column++) {
		int64_t cell = 0;

		for (uint32_t i = 0; i < column_capacity(view, column) * SCOREBOARD_TAKEN_MAX;
			i++) {
			const struct scoreboard_record *record =
				column_record(view, column, i / SCOREBOARD_TAKEN_MAX);
			const struct record_taken *place = &record->taken[i % SCOREBOARD_TAKEN_MAX];

			cell += place->row == number ? place->amount : 0;
		}
		assert_int_equal(row->cells[column], cell);
		total += cell;
	}
	assert_int_equal(row->total, total);
	row_unlock(view, number);
}

/* The column's next worker can open every record, each once, and dies with them. */
static void check_successor(struct board *board)
{
	struct scoreboard *view = board_attach(board);
	unsigned count = 0;

	scoreboard_column_adopt(view, BOARD_COLUMN, getpid(), 2);
	while (scoreboard_record_open(view, BOARD_COLUMN, 0, BOARD_NOW))
		count++;
	assert_int_equal(count, BOARD_RECORDS);
	scoreboard_free(&view);
	assert_int_equal(
		scoreboard_column_bury(board->supervisor, BOARD_COLUMN, BOARD_NOW).ended, count);
}

static void check_all_settled(struct board *board)
{
	struct scoreboard_header *header = scoreboard_header(board->supervisor, BOARD_COLUMN);

	assert_int_equal(atomic_load(&header->settled_to), atomic_load(&header->ended));
	for (uint32_t i = 0; i < BOARD_RECORDS; i++)
		assert_int_equal(record_state_of(column_record(board->supervisor, BOARD_COLUMN, i)),
			RECORD_FREE);
	for (uint32_t row = SERVICE; row <= MONEY; row++) {
		check_row(board, row);
		assert_int_equal(scoreboard_row_total(board->supervisor, row), 0);
	}
	check_successor(board);
}

/* --- a request
 * ----------------------------------------------------------------------------------------------------
 */

static void nothing(struct board *board)
{
	(void)board;
}

static void request(struct scoreboard *view, volatile struct progress *progress)
{
	struct scoreboard_record *record =
		scoreboard_record_open(view, BOARD_COLUMN, RECORD_COSTS, BOARD_NOW);

	progress->opened = true;
	scoreboard_take(view, record, SERVICE, 1);
	scoreboard_take(view, record, MONEY, 30);
	scoreboard_give(view, record, SERVICE);
	scoreboard_take(view, record, SERVICE, 2);
	scoreboard_record_end(view, record, BOARD_NOW);
}

static void check_request(struct board *board, const struct progress *progress)
{
	unsigned settled;

	assert_false(scoreboard_column_bury(board->supervisor, BOARD_COLUMN, BOARD_NOW).again);
	check_row(board, SERVICE);
	check_row(board, MONEY);
	assert_int_equal(scoreboard_row_total(board->supervisor, SERVICE), 0);
	settled = board_settle(board, BOARD_COLUMN);
	assert_true(settled == 1 || (settled == 0 && !progress->opened));
	check_all_settled(board);
}

/* --- a settlement
 * -------------------------------------------------------------------------------------------------
 */

static void end_one(struct board *board)
{
	struct scoreboard *view = board_attach(board);
	volatile struct progress ignored;

	scoreboard_column_adopt(view, BOARD_COLUMN, getpid(), 1);
	request(view, &ignored);
	scoreboard_free(&view);
	scoreboard_column_bury(board->supervisor, BOARD_COLUMN, BOARD_NOW);
}

static void settlement(struct scoreboard *view, volatile struct progress *progress)
{
	struct scoreboard_header *header = scoreboard_header(view, BOARD_COLUMN);

	(void)progress;
	scoreboard_settled(view,
		scoreboard_outbox_next(view, BOARD_COLUMN, atomic_load(&header->settled_to) + 1));
}

static void check_settlement(struct board *board, const struct progress *progress)
{
	unsigned shown;

	scoreboard_column_bury(board->supervisor, SETTLER, BOARD_NOW);
	shown = board_settle(board, BOARD_COLUMN);
	assert_true(shown == 0 || (shown == 1 && !progress->done));
	check_all_settled(board);
}

/* --- a row's making
 * -----------------------------------------------------------------------------------------------
 */

static void forget_row(struct board *board)
{
	memset(row_at(board->supervisor, FRESH), 0, sizeof(struct row));
}

static void definition(struct scoreboard *view, volatile struct progress *progress)
{
	(void)progress;
	scoreboard_row_define(view, FRESH, ROW_CAPACITY, 1);
}

/* Before its giver's successor says it again, the row is there or not; after that it is. */
static void check_definition(struct board *board, const struct progress *progress)
{
	struct scoreboard *view = board_attach(board);
	struct scoreboard_record *record;
	enum take_result result;

	scoreboard_column_bury(board->supervisor, SETTLER, BOARD_NOW);
	scoreboard_column_adopt(view, BOARD_COLUMN, getpid(), 1);
	record = scoreboard_record_open(view, BOARD_COLUMN, 0, BOARD_NOW);
	result = scoreboard_take(view, record, FRESH, 1);
	assert_true(result == TAKE_DONE || (result == TAKE_REMOVED && !progress->done));
	scoreboard_give(view, record, FRESH);
	scoreboard_row_define(view, FRESH, ROW_CAPACITY, 1);
	assert_int_equal(scoreboard_take(view, record, FRESH, 1), TAKE_DONE);
	assert_int_equal(scoreboard_take(view, record, FRESH, 1), TAKE_FULL);
	scoreboard_free(&view);
	scoreboard_column_bury(board->supervisor, BOARD_COLUMN, BOARD_NOW);
	check_row(board, FRESH);
}

/* --- stepping
 * -----------------------------------------------------------------------------------------------------
 */

static _Noreturn void child(
	struct board *board, const struct deed *deed, volatile struct progress *progress)
{
	struct scoreboard *view = board_attach(board);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	scoreboard_column_adopt(view, deed->column, getpid(), 1);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(1);
	raise(SIGSTOP);
	deed->act(view, progress);
	progress->done = true;
	raise(SIGSTOP);
	_exit(0);
}

/* Lets the child go `steps` instructions far, or until it has done all; returns how far it went. */
static unsigned step(pid_t pid, unsigned steps)
{
	int status;

	for (unsigned i = 0; i < steps; i++) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGSTOP)
			return i;
		assert_int_equal(WSTOPSIG(status), SIGTRAP);
	}
	return steps;
}

static pid_t child_start(
	struct board *board, const struct deed *deed, volatile struct progress *progress)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(board, deed, progress);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSTOPPED(status) ? pid : 0;
}

static void child_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* One life of the child, `steps` instructions long; returns how many there were to do. */
static unsigned kill_after(
	struct board *board, const struct deed *deed, struct progress *progress, unsigned steps)
{
	pid_t pid;

	*progress = (struct progress){0};
	deed->prepare(board);
	pid = child_start(board, deed, progress);
	if (pid == 0)
		skip();
	steps = step(pid, steps);
	child_kill(pid);
	deed->check(board, progress);
	return steps;
}

static unsigned kills_wanted(void)
{
	const char *text = getenv("SCOREBOARD_STEP_KILLS");

	return text ? (unsigned)strtoul(text, NULL, 10) : KILLS;
}

/* Kills spread over the deed, each at a random place within its share; as many as there are
 * instructions: at each. */
static void step_through(struct board *board, const struct deed *deed, struct progress *progress)
{
	unsigned all = kill_after(board, deed, progress, STEPS);
	unsigned kills = kills_wanted() < all ? kills_wanted() : all;
	struct random random;

	assert_true(all > 0 && all < STEPS);
	random_seed(&random, random_u64());
	for (unsigned i = 0; i < kills; i++) {
		unsigned from = (unsigned)((uint64_t)all * i / kills);
		unsigned to = (unsigned)((uint64_t)all * (i + 1) / kills);

		kill_after(
			board, deed, progress, from + (unsigned)random_below(&random, to - from));
	}
	print_message("%s: %u instructions, killed after %u of them\n", deed->name, all, kills);
}

static void test_any_instruction_may_be_the_last(void **state)
{
	static const struct deed deeds[] = {
		{"request", BOARD_COLUMN, nothing, request, check_request},
		{"settlement", SETTLER, end_one, settlement, check_settlement},
		{"definition", SETTLER, forget_row, definition, check_definition},
	};
	struct board *board = *state;
	struct progress *progress = mmap(
		NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(progress, MAP_FAILED);
	assert_true(scoreboard_column_allocate(board->supervisor, SETTLER, NULL));
	scoreboard_free(&board->worker);
	scoreboard_row_define(board->supervisor, SERVICE, ROW_CAPACITY, 9);
	scoreboard_row_define(board->supervisor, MONEY, ROW_MONEY, 100);
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		step_through(board, &deeds[i], progress);
	munmap(progress, sizeof(*progress));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_any_instruction_may_be_the_last, board_setup, board_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
