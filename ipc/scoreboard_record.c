/* scoreboard_record.c: a request's record from FREE to OPEN to ENDED or FREE again.
 *
 * Owns the worker's private list of free records. Promises that a record is whole before it is
 * OPEN, holds nothing when it is FREE, and that there is one way to end it, whoever ends it. A
 * record that was settled comes back to the list by the ring, never by being looked for. */
#include "ipc/scoreboard_layout.h"

#include "base/fatal.h"
#include "base/memory.h"

/* --- the column and its free records
 * ------------------------------------------------------------------------------ */

void own_column_release(struct own_column *own)
{
	memory_free_at(&own->free);
	own->free_count = 0;
	own->costs = 0;
	own->column = COLUMN_NONE;
	own->header = &own->nowhere;
}

static void free_push(struct own_column *own, uint32_t index)
{
	own->free[own->free_count++] = index;
}

/* Records of the dead worker before us. A record that is FREE by a settlement after `reclaimed_to`
 * comes by the ring. The budget worker stores settled_to before FREE, so its last one may come
 * either way: hence one step back. */
static void free_list_build(struct scoreboard *scoreboard, struct column *shared)
{
	struct own_column *own = &scoreboard->own;
	uint32_t used = atomic_load(&shared->records_used);
	uint64_t settled_to = atomic_load(&shared->header.settled_to);

	own->free = memory_array(scoreboard->geometry.records_per_column, sizeof(*own->free));
	own->reclaimed_to = settled_to > 0 ? settled_to - 1 : 0;
	for (uint32_t i = used; i-- > 0;) {
		struct scoreboard_record *record = column_record(scoreboard, own->column, i);
		enum record_state state = record_state_of(record);

		invariant(state != RECORD_OPEN); /* the column was not buried */
		if (state == RECORD_FREE && record->end_number <= own->reclaimed_to)
			free_push(own, i);
		else
			own->costs++;
	}
}

void scoreboard_column_adopt(
	struct scoreboard *scoreboard, uint32_t column, int32_t pid, uint32_t generation)
{
	struct own_column *own = &scoreboard->own;
	struct column *shared;

	invariant(column < recovery_column(scoreboard));
	shared = &scoreboard->columns[column];
	own_column_release(own);
	own->column = column;
	own->header = &shared->header;
	free_list_build(scoreboard, shared);
	atomic_store(&own->header->generation, generation);
	atomic_store(&own->header->pid, pid);
}

/* Takes settled records back. One whose settlement is still between its two stores waits for the
 * next time; one that was opened again since (it was in the list we built) has another end number.
 */
static void reclaim(struct scoreboard *scoreboard)
{
	struct own_column *own = &scoreboard->own;
	uint64_t settled_to = atomic_load_explicit(&own->header->settled_to, memory_order_acquire);

	while (own->reclaimed_to < settled_to) {
		struct scoreboard_record *record =
			ring_record(scoreboard, own->column, own->reclaimed_to + 1);

		if (record->end_number == own->reclaimed_to + 1) {
			if (record_state_of(record) != RECORD_FREE)
				return;
			free_push(own,
				(uint32_t)(record - column_record(scoreboard, own->column, 0)));
			own->costs--;
		}
		own->reclaimed_to++;
	}
}

/* The last one freed, else the first that was never used: a quiet worker touches few. */
static struct scoreboard_record *free_pop(struct scoreboard *scoreboard)
{
	struct own_column *own = &scoreboard->own;
	struct column *shared = &scoreboard->columns[own->column];
	const struct records_head *head = (const void *)scoreboard->file;
	uint32_t used;

	if (own->free_count > 0)
		return column_record(scoreboard, own->column, own->free[--own->free_count]);
	invariant(own->column < head->columns_given); /* or the next start would not find it */
	used = atomic_load_explicit(&shared->records_used, memory_order_relaxed);
	if (used == scoreboard->geometry.records_per_column)
		return NULL;
	atomic_store_explicit(&shared->records_used, used + 1, memory_order_release);
	return column_record(scoreboard, own->column, used);
}

static bool costs_have_room(const struct scoreboard *scoreboard)
{
	uint32_t records = scoreboard->geometry.records_per_column;

	return scoreboard->own.costs < records - records / 4;
}

/* --- open
 * ---------------------------------------------------------------------------------------------------------
 */

static void taken_clear(struct scoreboard_record *record)
{
	for (size_t i = 0; i < SCOREBOARD_TAKEN_MAX; i++)
		record->taken[i] = (struct record_taken){.row = SCOREBOARD_ROW_NONE};
}

static void record_fill(struct scoreboard *scoreboard, struct scoreboard_record *record,
	uint32_t flags, int64_t wall_us)
{
	struct column *shared = &scoreboard->columns[scoreboard->own.column];
	uint64_t sequence = atomic_load_explicit(&shared->sequence, memory_order_relaxed) + 1;

	atomic_store_explicit(&shared->sequence, sequence, memory_order_relaxed);
	record->version = RECORD_VERSION;
	record->attempts = 0;
	record->flags = flags;
	record->column = scoreboard->own.column;
	record->epoch = scoreboard->geometry.epoch;
	record->sequence = sequence;
	record->end_number = 0;
	record->started_wall_us = wall_us;
	record->ended_wall_us = 0;
	record->tokens_prompt = record->tokens_completion = 0;
	record->bytes_up = record->bytes_down = 0;
	record->backend_id = 0;
	record->waiting = 0;
	record->model[0] = record->backend[0] = '\0';
	record->request_id[0] = record->scope[0] = '\0';
	taken_clear(record);
}

struct scoreboard_record *scoreboard_record_open(
	struct scoreboard *scoreboard, uint32_t column, uint32_t flags, int64_t wall_us)
{
	struct own_column *own = &scoreboard->own;
	struct scoreboard_record *record;

	invariant(column == own->column && column != COLUMN_NONE);
	reclaim(scoreboard);
	if ((flags & RECORD_COSTS) && !costs_have_room(scoreboard))
		return NULL;
	record = free_pop(scoreboard);
	if (!record)
		return NULL;
	if (flags & RECORD_COSTS)
		own->costs++;
	record_fill(scoreboard, record, flags, wall_us);
	store_order();
	record_set_state(record, RECORD_OPEN);
	return record;
}

bool scoreboard_record_costs(struct scoreboard *scoreboard, struct scoreboard_record *record)
{
	invariant(record_state_of(record) == RECORD_OPEN);
	if (record->flags & RECORD_COSTS)
		return true;
	reclaim(scoreboard);
	if (!costs_have_room(scoreboard))
		return false;
	scoreboard->own.costs++;
	record->flags |= RECORD_COSTS;
	return true;
}

void scoreboard_name_copy(char *place, size_t size, struct slice text)
{
	size_t len = text.len < size ? text.len : size - 1;

	if (len > 0)
		memcpy(place, text.data, len);
	place[len] = '\0';
}

/* --- end
 * ----------------------------------------------------------------------------------------------------------
 */

/* False when a row would have to be waited for; what could be given back has been. */
static bool record_give_all(
	struct scoreboard *scoreboard, struct scoreboard_record *record, bool wait)
{
	bool costs = record->flags & RECORD_COSTS;
	bool all = true;

	for (size_t i = 0; i < SCOREBOARD_TAKEN_MAX; i++) {
		struct record_taken *place = &record->taken[i];

		if (place_is_held(place) && !(costs && place->kind == ROW_MONEY))
			all &= row_give_place(scoreboard, record, place, wait);
	}
	return all;
}

/* Number, ring, ENDED, `ended`: killed before ENDED it is ended again, with the same number; killed
 * after, only `ended` is missing, and burying the column sees it. */
static void record_to_outbox(struct scoreboard *scoreboard, struct scoreboard_record *record)
{
	uint32_t column = record_column(scoreboard, record);
	struct scoreboard_header *header = &scoreboard->columns[column].header;
	uint64_t number = atomic_load_explicit(&header->ended, memory_order_relaxed) + 1;
	uint32_t index = (uint32_t)(record - column_record(scoreboard, column, 0));

	record->end_number = number;
	store_order();
	atomic_store_explicit(ring_place(scoreboard, column, number), index, memory_order_relaxed);
	store_order();
	record_set_state(record, RECORD_ENDED);
	store_order();
	atomic_store_explicit(&header->ended, number, memory_order_release);
}

bool record_end(
	struct scoreboard *scoreboard, struct scoreboard_record *record, int64_t wall_us, bool wait)
{
	struct own_column *own = &scoreboard->own;

	invariant(record_state_of(record) == RECORD_OPEN);
	if (!record_give_all(scoreboard, record, wait))
		return false;
	record->ended_wall_us = wall_us;
	if (record->flags & RECORD_COSTS) {
		record_to_outbox(scoreboard, record);
		return true;
	}
	record_set_state(record, RECORD_FREE);
	if (record->column == own->column)
		free_push(own, (uint32_t)(record - column_record(scoreboard, own->column, 0)));
	return true;
}

void scoreboard_record_end(
	struct scoreboard *scoreboard, struct scoreboard_record *record, int64_t wall_us)
{
	record_end(scoreboard, record, wall_us, true);
}
