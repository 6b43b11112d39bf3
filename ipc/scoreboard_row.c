/* scoreboard_row.c: rows: limits that hold exactly, however many processes take and whichever of
 * them is killed.
 *
 * Under a row's lock there are a few stores and nothing else: no system call, no allocation, no
 * page of the record file that was not written just before. `changing` is stored first and cleared
 * last: who finds the owner dead counts that column's cell again from its records, then the total.
 */
#include "ipc/scoreboard_layout.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#include "base/fatal.h"

#define SPINS  64u
#define YIELDS 64u

struct row *row_at(const struct scoreboard *scoreboard, uint32_t row)
{
	invariant(row < scoreboard->geometry.rows);
	return (void *)(scoreboard->rows + (size_t)row * scoreboard->row_size);
}

/* --- the lock
 * -----------------------------------------------------------------------------------------------------
 */

static void row_init(struct row *row)
{
	pthread_mutexattr_t attributes;

	if (pthread_mutexattr_init(&attributes) != 0 ||
		pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) != 0 ||
		pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) != 0 ||
		pthread_mutex_init(&row->mutex, &attributes) != 0)
		panic("scoreboard: this system has no robust process-shared mutexes");
	pthread_mutexattr_destroy(&attributes);
	atomic_store(&row->ready, 1);
}

/* What a column's records hold of the row. Their places for this row change under its lock only,
 * which we have. */
static int64_t cell_count(const struct scoreboard *scoreboard, uint32_t column, uint32_t row)
{
	uint32_t used = atomic_load(&scoreboard->columns[column].records_used);
	int64_t sum = 0;

	for (uint32_t i = 0; i < used; i++) {
		const struct scoreboard_record *record = column_record(scoreboard, column, i);

		for (size_t j = 0; j < SCOREBOARD_TAKEN_MAX; j++)
			if (record->taken[j].row == row)
				sum += record->taken[j].amount;
	}
	return sum;
}

/* After an owner's death. Killed in here, the next one does it again. */
static void row_repair(struct scoreboard *scoreboard, struct row *row, uint32_t number)
{
	uint32_t changing = atomic_load(&row->changing);
	int64_t total = 0;

	if (changing == 0)
		return;
	invariant(changing <= scoreboard->geometry.columns);
	atomic_store(&row->cells[changing - 1], cell_count(scoreboard, changing - 1, number));
	store_order();
	for (uint32_t i = 0; i < scoreboard->geometry.columns; i++)
		total += atomic_load(&row->cells[i]);
	atomic_store(&row->total, total);
	store_order();
	atomic_store(&row->changing, 0);
}

/* The owner is in the middle of a few stores, or was preempted, or (rarely) is stopped and about to
 * be killed. */
static void lock_pause(unsigned tries)
{
	const struct timespec nap = {.tv_nsec = 100000};

	if (tries < SPINS)
		atomic_signal_fence(memory_order_seq_cst);
	else if (tries < SPINS + YIELDS)
		sched_yield();
	else
		nanosleep(&nap, NULL);
}

/* The header names the row before the lock is tried and until it has been left, so an owner is
 * always seen; one who waits tries again and again, each time with another count, so it is never
 * mistaken for an owner. */
static int lock_try(struct scoreboard *scoreboard, struct row *row, uint32_t number)
{
	struct scoreboard_header *header = scoreboard->own.header;
	uint32_t count = atomic_load_explicit(&header->lock_count, memory_order_relaxed);
	int result;

	atomic_store_explicit(&header->lock_count, count + 1, memory_order_relaxed);
	atomic_store_explicit(&header->locked_row, number + 1, memory_order_relaxed);
	store_order();
	result = pthread_mutex_trylock(&row->mutex);
	if (result == EBUSY)
		atomic_store_explicit(&header->locked_row, 0, memory_order_relaxed);
	return result;
}

bool row_lock(struct scoreboard *scoreboard, uint32_t number, bool wait)
{
	struct row *row = row_at(scoreboard, number);

	for (unsigned tries = 0;; tries++) {
		int result = lock_try(scoreboard, row, number);

		if (result == 0)
			return true;
		if (result == EOWNERDEAD) {
			row_repair(scoreboard, row, number);
			result = pthread_mutex_consistent(&row->mutex);
			invariant(result == 0);
			return true;
		}
		invariant(result == EBUSY);
		if (!wait)
			return false;
		lock_pause(tries);
	}
}

void row_unlock(struct scoreboard *scoreboard, uint32_t number)
{
	int result = pthread_mutex_unlock(&row_at(scoreboard, number)->mutex);

	invariant(result == 0);
	store_order();
	atomic_store_explicit(&scoreboard->own.header->locked_row, 0, memory_order_relaxed);
}

/* --- take and give
 * ------------------------------------------------------------------------------------------------
 */

/* Lets the file's page stall us now (it is written back at times), not under the lock. */
static void record_touch(struct scoreboard_record *record)
{
	uint32_t state = atomic_load_explicit(&record->state, memory_order_relaxed);

	atomic_store_explicit(&record->state, state, memory_order_relaxed);
}

/* Where the record notes the row: the place that has it, else a free one. */
static struct record_taken *taken_place(struct scoreboard_record *record, uint32_t row)
{
	struct record_taken *free_place = NULL;

	for (size_t i = 0; i < SCOREBOARD_TAKEN_MAX; i++) {
		struct record_taken *place = &record->taken[i];

		if (place->row == row)
			return place;
		if (!free_place && place->row == SCOREBOARD_ROW_NONE)
			free_place = place;
	}
	return free_place;
}

static void add(_Atomic int64_t *number, int64_t amount)
{
	int64_t value = atomic_load_explicit(number, memory_order_relaxed);

	atomic_store_explicit(number, value + amount, memory_order_relaxed);
}

/* Under the lock: the record first, then cell and total. Negative gives back. */
static void row_change(struct row *row, const struct scoreboard_record *record, int64_t amount)
{
	add(&row->cells[record->column], amount);
	store_order();
	add(&row->total, amount);
	store_order();
	atomic_store_explicit(&row->changing, 0, memory_order_relaxed);
}

static void row_change_begin(struct row *row, const struct scoreboard_record *record)
{
	atomic_store_explicit(&row->changing, record->column + 1, memory_order_relaxed);
	store_order();
}

static enum take_result take_locked(struct row *row, struct scoreboard_record *record,
	struct record_taken *place, uint32_t number, int64_t amount)
{
	enum row_kind kind = (enum row_kind)atomic_load(&row->kind);
	int64_t limit = atomic_load_explicit(&row->limit, memory_order_relaxed);
	int64_t total = atomic_load_explicit(&row->total, memory_order_relaxed);

	if (kind == ROW_UNUSED || atomic_load(&row->removed))
		return TAKE_REMOVED;
	if (limit != 0 && amount > limit - total)
		return TAKE_FULL;
	row_change_begin(row, record);
	place->kind = kind;
	place->amount += amount;
	store_order();
	place->row = number;
	store_order();
	row_change(row, record, amount);
	return TAKE_DONE;
}

enum take_result scoreboard_take(struct scoreboard *scoreboard, struct scoreboard_record *record,
	uint32_t number, int64_t amount)
{
	struct row *row = row_at(scoreboard, number);
	struct record_taken *place = taken_place(record, number);
	enum take_result result;

	invariant(amount > 0 && place);
	if (!atomic_load(&row->ready))
		return TAKE_REMOVED;
	record_touch(record);
	row_lock(scoreboard, number, true);
	result = take_locked(row, record, place, number, amount);
	row_unlock(scoreboard, number);
	return result;
}

bool row_give_place(struct scoreboard *scoreboard, struct scoreboard_record *record,
	struct record_taken *place, bool wait)
{
	uint32_t number = place->row;
	struct row *row = row_at(scoreboard, number);
	int64_t amount;

	record_touch(record);
	if (!row_lock(scoreboard, number, wait))
		return false;
	row_change_begin(row, record);
	amount = place->amount;
	place->row = SCOREBOARD_ROW_NONE;
	store_order();
	place->amount = 0;
	place->kind = 0;
	row_change(row, record, -amount);
	row_unlock(scoreboard, number);
	return true;
}

void scoreboard_give(
	struct scoreboard *scoreboard, struct scoreboard_record *record, uint32_t number)
{
	struct record_taken *place = taken_place(record, number);

	if (place && place->row == number && place_is_held(place))
		row_give_place(scoreboard, record, place, true);
}

/* --- making and removing
 * ------------------------------------------------------------------------------------------ */

void scoreboard_row_define(
	struct scoreboard *scoreboard, uint32_t number, enum row_kind kind, int64_t limit)
{
	struct row *row = row_at(scoreboard, number);

	invariant(kind != ROW_UNUSED && limit >= 0);
	if (!atomic_load(&row->ready))
		row_init(row);
	row_lock(scoreboard, number, true);
	atomic_store(&row->limit, limit);
	atomic_store(&row->removed, 0);
	atomic_store(&row->kind, (uint32_t)kind);
	row_unlock(scoreboard, number);
}

void scoreboard_row_set_limit(struct scoreboard *scoreboard, uint32_t number, int64_t limit)
{
	invariant(limit >= 0);
	atomic_store(&row_at(scoreboard, number)->limit, limit);
}

void scoreboard_row_remove(struct scoreboard *scoreboard, uint32_t number)
{
	atomic_store(&row_at(scoreboard, number)->removed, 1);
}

bool scoreboard_row_reuse(struct scoreboard *scoreboard, uint32_t number)
{
	struct row *row = row_at(scoreboard, number);
	bool empty;

	if (!atomic_load(&row->ready))
		return true;
	row_lock(scoreboard, number, true);
	empty = atomic_load(&row->removed) && atomic_load(&row->total) == 0;
	if (empty)
		atomic_store(&row->kind, ROW_UNUSED);
	row_unlock(scoreboard, number);
	return empty;
}

int64_t scoreboard_row_total(const struct scoreboard *scoreboard, uint32_t row)
{
	return atomic_load_explicit(&row_at(scoreboard, row)->total, memory_order_relaxed);
}

int64_t scoreboard_row_limit(const struct scoreboard *scoreboard, uint32_t row)
{
	return atomic_load_explicit(&row_at(scoreboard, row)->limit, memory_order_relaxed);
}

enum row_kind scoreboard_row_kind(const struct scoreboard *scoreboard, uint32_t row)
{
	return (enum row_kind)atomic_load_explicit(
		&row_at(scoreboard, row)->kind, memory_order_relaxed);
}
