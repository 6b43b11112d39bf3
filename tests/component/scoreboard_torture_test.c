/* Whatever is killed, no limit is passed, nothing leaks, what costs is settled exactly once.
 *
 * Workers take, give, open and end as fast as they can, a settler plays the budget worker and its
 * ledger, and this process plays the supervisor: it kills one of them, buries it, checks every sum
 * and starts it again, thousands of times. Now and then everything is killed at once and the next
 * scoreboard is made from the record file. SCOREBOARD_TORTURE_SECONDS makes it longer. */
#include "tests/unit/scoreboard_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/random.h"

#define WORKERS      4u
#define SETTLER      WORKERS /* its column, and its place among the processes */
#define PROCESSES    (WORKERS + 1)
#define RECORDS      256u
#define ROWS         4u
#define ROW_OF_MONEY 3u
#define OPEN_MAX     4u
#define SEQUENCES    (1u << 22)
#define ROUND_MS     1500u
#define SECONDS      12u

static const int64_t limits[ROWS] = {6, 2, 0, 400};

/* What was seen, outside the scoreboard: the ledger's keys, and the workers' own word on what they
 * opened. */
struct referee {
	_Atomic uint64_t over;
	_Atomic uint64_t opened;
	_Atomic uint64_t full;
	_Atomic uint64_t repeated; /* keys that the ledger already had */
	_Atomic uint8_t has_opened[WORKERS][SEQUENCES / 8];
	_Atomic uint8_t has_settled[WORKERS][SEQUENCES / 8];
};

struct torture {
	struct board *board;
	struct referee *referee;
	pid_t self;
	pid_t pids[PROCESSES];
	struct random random;
	unsigned kills;
	unsigned settler_kills; /* of this round */
	unsigned again;
	unsigned starts;
	unsigned recovered;
};

/* No child outlives the test, however it ends. */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/* --- where kills come --- */

static struct random linger_random; /* of this process */

/* Between two stores of the scoreboard's own code, which this test compiles for itself: most of a
 * process's time passes here, so most kills come here. */
void scoreboard_linger(void)
{
	uint64_t end_ns;

	if (linger_random.state[0] == 0 || random_below(&linger_random, 64) != 0)
		return;
	end_ns = clock_monotonic_ns() + random_below(&linger_random, 20000);
	while (clock_monotonic_ns() < end_ns)
		;
}

static bool mark(_Atomic uint8_t *bits, uint64_t number)
{
	uint8_t bit = (uint8_t)(1u << (number % 8));

	return atomic_fetch_or(&bits[number / 8], bit) & bit;
}

/* --- the workers
 * --------------------------------------------------------------------------------------------------
 */

struct laborer {
	struct scoreboard *view;
	struct referee *referee;
	struct random random;
	uint32_t column;
	struct scoreboard_record *records[OPEN_MAX];
};

static void labor_take(struct laborer *laborer, struct scoreboard_record *record)
{
	uint32_t row = (uint32_t)random_below(&laborer->random, ROWS);
	int64_t amount = 1 + (int64_t)random_below(&laborer->random, row == ROW_OF_MONEY ? 40 : 2);

	if (scoreboard_take(laborer->view, record, row, amount) == TAKE_FULL)
		atomic_fetch_add(&laborer->referee->full, 1);
	if (limits[row] && scoreboard_row_total(laborer->view, row) > limits[row])
		atomic_fetch_add(&laborer->referee->over, 1);
}

/* One in eight costs, by its sequence: the referee knows which before it is opened. */
static void labor_open(struct laborer *laborer, struct scoreboard_record **place)
{
	uint64_t next = atomic_load(&laborer->view->columns[laborer->column].sequence) + 1;

	bool costs = next % 8 == 1;

	if (next >= SEQUENCES)
		return;
	*place = scoreboard_record_open(
		laborer->view, laborer->column, costs ? RECORD_COSTS : 0, BOARD_NOW);
	if (!*place)
		return;
	if (costs)
		mark(laborer->referee->has_opened[laborer->column], next);
	atomic_fetch_add(&laborer->referee->opened, 1);
	labor_take(laborer, *place);
}

static void labor_once(struct laborer *laborer)
{
	struct scoreboard_record **place =
		&laborer->records[random_below(&laborer->random, OPEN_MAX)];
	struct scoreboard_record *record = *place;

	if (!record) {
		labor_open(laborer, place);
		return;
	}
	switch (random_below(&laborer->random, 4)) {
	case 0: labor_take(laborer, record); break;
	case 1:
		scoreboard_give(
			laborer->view, record, (uint32_t)random_below(&laborer->random, ROWS - 1));
		break;
	default: scoreboard_record_end(laborer->view, record, BOARD_NOW); *place = NULL;
	}
}

static _Noreturn void labor(struct torture *torture, uint32_t column)
{
	struct laborer laborer = {.referee = torture->referee, .column = column};

	random_seed(&laborer.random, random_u64());
	random_seed(&linger_random, random_u64());
	laborer.view = board_attach(torture->board);
	scoreboard_column_adopt(laborer.view, column, getpid(), 1);
	for (;;)
		labor_once(&laborer);
}

/* --- the settler
 * --------------------------------------------------------------------------------------------------
 */

/* The ledger's line, then the settlement: a kill between the two shows the record again. */
static unsigned settle_column(struct torture *torture, struct scoreboard *view, uint32_t column)
{
	struct scoreboard_header *header = scoreboard_header(view, column);
	struct scoreboard_record *record;
	unsigned settled = 0;

	while ((record = scoreboard_outbox_next(
			view, column, atomic_load(&header->settled_to) + 1)) != NULL) {
		if (mark(torture->referee->has_settled[record->column], record->sequence))
			atomic_fetch_add(&torture->referee->repeated, 1);
		scoreboard_settled(view, record);
		settled++;
	}
	return settled;
}

static _Noreturn void settle(struct torture *torture)
{
	struct scoreboard *view = board_attach(torture->board);

	scoreboard_column_adopt(view, SETTLER, getpid(), 1);
	random_seed(&linger_random, random_u64());
	for (;;) {
		unsigned settled = 0;

		for (uint32_t column = 0; column < WORKERS; column++)
			settled += settle_column(torture, view, column);
		if (settled == 0)
			usleep(50);
	}
}

/* --- the supervisor
 * -----------------------------------------------------------------------------------------------
 */

static void process_start(struct torture *torture, uint32_t process)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		die_with(torture->self);
		if (process == SETTLER)
			settle(torture);
		labor(torture, process);
	}
	torture->pids[process] = pid;
}

static void process_kill(struct torture *torture, uint32_t process)
{
	int status;

	kill(torture->pids[process], SIGKILL);
	assert_int_equal(waitpid(torture->pids[process], &status, 0), torture->pids[process]);
	/* Anything else is a broken invariant of its own. */
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	torture->pids[process] = 0;
	torture->kills++;
	torture->settler_kills += process == SETTLER;
}

static void bury(struct torture *torture, uint32_t column)
{
	while (scoreboard_column_bury(torture->board->supervisor, column, BOARD_NOW).again)
		torture->again++;
}

static int64_t held(const struct scoreboard *view, uint32_t column, uint32_t row)
{
	uint32_t used = atomic_load(&view->columns[column].records_used);
	int64_t sum = 0;

	for (uint32_t i = 0; i < used; i++)
		for (unsigned j = 0; j < SCOREBOARD_TAKEN_MAX; j++)
			if (column_record(view, column, i)->taken[j].row == row)
				sum += column_record(view, column, i)->taken[j].amount;
	return sum;
}

/* Under the row's lock, whoever else runs: cells are sums of records, the total is the sum of
 * cells, within the limit. */
static void check_row(struct scoreboard *view, uint32_t number)
{
	struct row *row = row_at(view, number);
	int64_t total = 0;

	row_lock(view, number, true);
	for (uint32_t column = 0; column < view->geometry.columns; column++) {
		assert_int_equal(row->cells[column], held(view, column, number));
		total += row->cells[column];
	}
	assert_int_equal(row->total, total);
	assert_true(total >= 0 && (limits[number] == 0 || total <= limits[number]));
	row_unlock(view, number);
}

static void check_rows(struct torture *torture)
{
	for (uint32_t row = 0; row < ROWS; row++)
		check_row(torture->board->supervisor, row);
	assert_int_equal(atomic_load(&torture->referee->over), 0);
}

/* Nothing of the buried worker is left but what waits to be settled. */
static void check_buried(struct torture *torture, uint32_t column)
{
	struct scoreboard *view = torture->board->supervisor;
	uint32_t used = atomic_load(&view->columns[column].records_used);

	for (uint32_t row = 0; row < ROWS; row++)
		if (row != ROW_OF_MONEY)
			assert_int_equal(row_at(view, row)->cells[column], 0);
	for (uint32_t i = 0; i < used; i++) {
		const struct scoreboard_record *record = column_record(view, column, i);

		assert_int_not_equal(record_state_of(record), RECORD_OPEN);
		if (record_state_of(record) == RECORD_ENDED)
			assert_true(record->flags & RECORD_COSTS);
	}
}

static void kill_one(struct torture *torture)
{
	uint32_t process = (uint32_t)random_below(&torture->random, PROCESSES);

	usleep((useconds_t)random_below(&torture->random, 3000));
	process_kill(torture, process);
	bury(torture, process);
	check_rows(torture);
	check_buried(torture, process);
	process_start(torture, process);
}

/* --- rounds
 * -------------------------------------------------------------------------------------------------------
 */

static void scoreboard_start(struct torture *torture)
{
	struct error err = {""};
	struct board *board = torture->board;

	board->geometry.epoch++;
	board->supervisor = scoreboard_create(board->dir, &board->geometry, &err);
	if (!board->supervisor)
		fail_msg("%s", err.text);
	for (uint32_t column = 0; column < PROCESSES; column++)
		assert_true(scoreboard_column_allocate(board->supervisor, column, &err));
	for (uint32_t row = 0; row < ROWS; row++)
		scoreboard_row_define(board->supervisor, row,
			row == ROW_OF_MONEY ? ROW_MONEY : ROW_CAPACITY, limits[row]);
	torture->starts++;
}

static void round_start(struct torture *torture)
{
	memset(torture->referee->has_opened, 0, sizeof(torture->referee->has_opened));
	memset(torture->referee->has_settled, 0, sizeof(torture->referee->has_settled));
	atomic_store(&torture->referee->repeated, 0);
	torture->settler_kills = 0;
	for (uint32_t process = 0; process < PROCESSES; process++)
		process_start(torture, process);
}

static unsigned bits(uint8_t byte)
{
	return (unsigned)__builtin_popcount(byte);
}

/* All that a worker had opened is in the ledger; what it did not live to tell of is a kill's worth
 * at most. */
static void check_ledger(struct torture *torture, unsigned kills)
{
	const struct referee *referee = torture->referee;
	unsigned untold = 0;

	for (uint32_t column = 0; column < WORKERS; column++)
		for (uint32_t i = 0; i < SEQUENCES / 8; i++) {
			uint8_t opened = atomic_load(&referee->has_opened[column][i]);
			uint8_t settled = atomic_load(&referee->has_settled[column][i]);

			assert_int_equal(opened & ~settled, 0);
			untold += bits((uint8_t)(settled & ~opened));
		}
	assert_true(untold <= kills);
	assert_true(atomic_load(&referee->repeated) <= torture->settler_kills);
}

/* The workers die and are buried; the settler finishes; nothing is held and every record is free.
 */
static void end_in_order(struct torture *torture)
{
	struct scoreboard *view = torture->board->supervisor;

	for (uint32_t process = 0; process < PROCESSES; process++) {
		process_kill(torture, process);
		bury(torture, process);
	}
	for (uint32_t column = 0; column < WORKERS; column++) {
		settle_column(torture, view, column);
		assert_int_equal(atomic_load(&scoreboard_header(view, column)->settled_to),
			atomic_load(&scoreboard_header(view, column)->ended));
		for (uint32_t i = 0; i < RECORDS; i++)
			assert_int_equal(
				record_state_of(column_record(view, column, i)), RECORD_FREE);
	}
	check_rows(torture);
	for (uint32_t row = 0; row < ROWS; row++)
		assert_int_equal(scoreboard_row_total(view, row), 0);
	scoreboard_free(&torture->board->supervisor);
	scoreboard_start(torture);
	assert_int_equal(scoreboard_recovered(torture->board->supervisor, NULL), 0);
}

/* All are killed, the supervisor with them, and it again before anything is settled; the file
 * remains. */
static void end_at_once(struct torture *torture)
{
	unsigned dropped;
	unsigned found;

	for (uint32_t process = PROCESSES; process-- > 0;)
		process_kill(torture, process);
	scoreboard_free(&torture->board->supervisor);
	scoreboard_start(torture);
	found = scoreboard_recovered(torture->board->supervisor, &dropped);
	assert_int_equal(dropped, 0);
	scoreboard_free(&torture->board->supervisor);
	scoreboard_start(torture);
	assert_int_equal(scoreboard_recovered(torture->board->supervisor, &dropped), found);
	assert_int_equal(settle_column(torture, torture->board->supervisor,
				 scoreboard_recovery_column(torture->board->supervisor)),
		found);
	torture->recovered += found;
}

static void torture_round(struct torture *torture, bool in_order)
{
	uint64_t end_ms = clock_monotonic_ms() + ROUND_MS;
	unsigned before = torture->kills;

	round_start(torture);
	while (clock_monotonic_ms() < end_ms)
		kill_one(torture);
	if (in_order)
		end_in_order(torture);
	else
		end_at_once(torture);
	check_ledger(torture, torture->kills - before);
}

static unsigned long seconds(void)
{
	const char *text = getenv("SCOREBOARD_TORTURE_SECONDS");

	return text ? strtoul(text, NULL, 10) : SECONDS;
}

static void test_kills_break_nothing(void **state)
{
	struct torture torture = {.board = *state, .self = getpid()};
	uint64_t end_ms = clock_monotonic_ms() + seconds() * 1000;

	torture.referee = mmap(NULL, sizeof(*torture.referee), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(torture.referee, MAP_FAILED);
	random_seed(&torture.random, random_u64());
	scoreboard_start(&torture);
	for (unsigned i = 0; clock_monotonic_ms() < end_ms; i++)
		torture_round(&torture, i % 2);
	print_message("%u kills, %u starts, %u records recovered, %u busy rows met in burying, "
		      "%llu records opened, %llu takes refused\n",
		torture.kills, torture.starts, torture.recovered, torture.again,
		(unsigned long long)atomic_load(&torture.referee->opened),
		(unsigned long long)atomic_load(&torture.referee->full));
	munmap(torture.referee, sizeof(*torture.referee));
}

static int torture_setup(void **state)
{
	struct board *board = board_new();

	board->geometry.columns = PROCESSES + 1;
	board->geometry.records_per_column = RECORDS;
	*state = board;
	return 0;
}

/* --- a stopped owner
 * ---------------------------------------------------------------------------------------------- */

static pid_t stopped_owner(struct board *board)
{
	pid_t self = getpid();
	pid_t pid = fork();

	if (pid == 0) {
		struct scoreboard *view = board_attach(board);

		die_with(self);
		scoreboard_column_adopt(view, 0, getpid(), 1);
		row_lock(view, 2, true);
		raise(SIGSTOP);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	return pid;
}

static pid_t waiting_taker(struct board *board)
{
	pid_t self = getpid();
	pid_t pid = fork();

	if (pid == 0) {
		struct scoreboard *view = board_attach(board);
		struct scoreboard_record *record;

		die_with(self);
		scoreboard_column_adopt(view, 2, getpid(), 1);
		record = scoreboard_record_open(view, 2, 0, BOARD_NOW);
		_exit(scoreboard_take(view, record, 2, 1) != TAKE_DONE);
	}
	return pid;
}

static void await_count_over(struct scoreboard_header *header, uint32_t count)
{
	uint64_t end_ms = clock_monotonic_ms() + 10000;

	while (atomic_load(&header->lock_count) <= count && clock_monotonic_ms() < end_ms)
		usleep(1000);
	assert_true(atomic_load(&header->lock_count) > count);
}

/* What the supervisor looks at, at two ticks: the owner shows the same lock, who waits for it does
 * not. */
static void test_stopped_owner_is_told_from_who_waits(void **state)
{
	struct board *board = *state;
	struct scoreboard_header *owner = scoreboard_header(board->supervisor, 0);
	struct scoreboard_header *waiter = scoreboard_header(board->supervisor, 2);
	uint32_t owner_count, waiter_count;
	pid_t owner_pid, waiter_pid;
	int status;

	assert_true(scoreboard_column_allocate(board->supervisor, 2, NULL));
	scoreboard_row_define(board->worker, 2, ROW_CAPACITY, 1);
	owner_pid = stopped_owner(board);
	waiter_pid = waiting_taker(board);
	await_count_over(waiter, 1);
	owner_count = atomic_load(&owner->lock_count);
	waiter_count = atomic_load(&waiter->lock_count);
	assert_int_equal(atomic_load(&owner->locked_row), 3);
	await_count_over(waiter, waiter_count);
	assert_int_equal(atomic_load(&owner->locked_row), 3);
	assert_int_equal(atomic_load(&owner->lock_count), owner_count);
	assert_false(row_lock(board->supervisor, 2, false));
	kill(owner_pid, SIGKILL);
	waitpid(owner_pid, NULL, 0);
	assert_false(scoreboard_column_bury(board->supervisor, 0, BOARD_NOW).again);
	assert_int_equal(waitpid(waiter_pid, &status, 0), waiter_pid);
	assert_int_equal(status, 0);
	assert_int_equal(scoreboard_row_total(board->supervisor, 2), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_stopped_owner_is_told_from_who_waits, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(
			test_kills_break_nothing, torture_setup, board_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
