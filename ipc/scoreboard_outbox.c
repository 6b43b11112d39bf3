/* scoreboard_outbox.c: ENDED records, in end order, for the budget worker.
 *
 * The order of the stores is settled_to, then FREE: once settled_to names it, a record is never
 * shown again; until it is FREE, its worker does not use it. */
#include "ipc/scoreboard_layout.h"

#include "base/fatal.h"

/* Killed between the two stores, the last budget worker left one record settled but not FREE. */
static void settlement_complete(struct scoreboard *scoreboard, uint32_t column)
{
	uint64_t settled_to = atomic_load(&scoreboard->columns[column].header.settled_to);
	struct scoreboard_record *record;

	if (settled_to == 0)
		return;
	record = ring_record(scoreboard, column, settled_to);
	if (record_state_of(record) == RECORD_ENDED && record->end_number == settled_to)
		record_set_state(record, RECORD_FREE);
}

struct scoreboard_record *scoreboard_outbox_next(
	struct scoreboard *scoreboard, uint32_t column, uint64_t end_number)
{
	struct scoreboard_header *header = scoreboard_header(scoreboard, column);
	struct scoreboard_record *record;

	settlement_complete(scoreboard, column);
	if (end_number <= atomic_load(&header->settled_to) ||
		end_number > atomic_load_explicit(&header->ended, memory_order_acquire))
		return NULL;
	record = ring_record(scoreboard, column, end_number);
	invariant(record->end_number == end_number && record_state_of(record) == RECORD_ENDED);
	return record;
}

void scoreboard_settled(struct scoreboard *scoreboard, struct scoreboard_record *record)
{
	uint32_t column = record_column(scoreboard, record);
	struct scoreboard_header *header = &scoreboard->columns[column].header;

	invariant(record_state_of(record) == RECORD_ENDED);
	invariant(record->end_number == atomic_load(&header->settled_to) + 1);
	for (size_t i = 0; i < SCOREBOARD_TAKEN_MAX; i++)
		if (place_is_held(&record->taken[i]))
			row_give_place(scoreboard, record, &record->taken[i], true);
	store_order();
	atomic_store_explicit(&header->settled_to, record->end_number, memory_order_release);
	store_order();
	record_set_state(record, RECORD_FREE);
}
