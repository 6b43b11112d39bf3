/* scoreboard_bury.c: what the supervisor does after a worker's death.
 *
 * Every request of the dead worker ends here as it would have ended there, by the same function.
 * Never waits: a row that someone alive has locked is tried again at the supervisor's next turn. */
#include "ipc/scoreboard_layout.h"

#include "base/fatal.h"

/* Killed between ENDED and `ended`: the record has the next number, only its publication is
 * missing. At most one has. */
static bool outbox_publish(const struct scoreboard_record *record, struct scoreboard_header *header)
{
	uint64_t ended = atomic_load(&header->ended);

	if (record_state_of(record) != RECORD_ENDED || record->end_number != ended + 1)
		return false;
	atomic_store_explicit(&header->ended, ended + 1, memory_order_release);
	return true;
}

static void outbox_complete(struct scoreboard *scoreboard, uint32_t column)
{
	struct column *shared = &scoreboard->columns[column];
	uint32_t used = atomic_load(&shared->records_used);

	for (uint32_t i = 0; i < used; i++)
		if (outbox_publish(column_record(scoreboard, column, i), &shared->header))
			return;
}

/* Whoever takes the row next would repair it too; done here, its total is right again before anyone
 * asks. */
static void locked_row_recover(struct scoreboard *scoreboard, struct scoreboard_header *header)
{
	uint32_t locked = atomic_load(&header->locked_row);

	if (locked == 0 || locked > scoreboard->geometry.rows)
		return;
	if (!atomic_load(&row_at(scoreboard, locked - 1)->ready))
		return;
	/* Busy: somebody alive has it, and repaired it in taking it. */
	if (row_lock(scoreboard, locked - 1, false))
		row_unlock(scoreboard, locked - 1);
}

static void header_clear(struct scoreboard_header *header)
{
	atomic_store(&header->ready, 0);
	atomic_store(&header->connections, 0);
	atomic_store(&header->locked_row, 0);
	atomic_store(&header->registry_version, 0);
	atomic_store(&header->pid, 0);
}

static void record_bury(struct scoreboard *scoreboard, struct scoreboard_record *record,
	int64_t wall_us, struct bury_result *result)
{
	bool costs = record->flags & RECORD_COSTS;

	record->flags |= RECORD_DIED | (costs ? RECORD_ESTIMATED : 0);
	if (!record_end(scoreboard, record, wall_us, false)) {
		result->again = true;
		return;
	}
	result->ended++;
	result->to_settle += costs;
}

struct bury_result scoreboard_column_bury(
	struct scoreboard *scoreboard, uint32_t column, int64_t wall_us)
{
	struct bury_result result = {0};
	struct column *shared;
	uint32_t used;

	invariant(column < recovery_column(scoreboard) && column != scoreboard->own.column);
	shared = &scoreboard->columns[column];
	used = atomic_load(&shared->records_used);
	locked_row_recover(scoreboard, &shared->header);
	outbox_complete(scoreboard, column);
	for (uint32_t i = 0; i < used; i++) {
		struct scoreboard_record *record = column_record(scoreboard, column, i);

		if (record_state_of(record) == RECORD_OPEN)
			record_bury(scoreboard, record, wall_us, &result);
	}
	header_clear(&shared->header);
	return result;
}
