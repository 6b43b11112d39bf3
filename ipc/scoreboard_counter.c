/* scoreboard_counter.c: a column's counters, by name.
 *
 * Labels are written before the series counts as used, and are never changed after: a reader needs
 * no lock. The series stand densely in the order they were made; a small index finds them. A
 * counter outlives the worker that made it. */
#include "ipc/scoreboard_layout.h"

#include "base/fatal.h"

#define OTHER "other"

/* FNV-1a: a name's hash must be the same in every process of the run. */
static uint32_t labels_hash(struct slice labels)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < labels.len; i++)
		hash = (hash ^ (unsigned char)labels.data[i]) * 16777619u;
	return hash;
}

static struct series *series_at(
	const struct scoreboard *scoreboard, uint32_t column, uint32_t number)
{
	return scoreboard->series + (size_t)column * SCOREBOARD_SERIES + number;
}

static bool series_is(const struct series *series, uint32_t hash, struct slice labels)
{
	return series->hash == hash && series->len == labels.len &&
	       memcmp(series->labels, labels.data, labels.len) == 0;
}

/* The index slot of `labels`, or the free one where it belongs. A slot may name a series that its
 * worker did not live to finish: the number was then given to another, so it matches nothing. */
static _Atomic uint16_t *index_find(const struct scoreboard *scoreboard, uint32_t column,
	uint32_t hash, struct slice labels, struct series **found)
{
	_Atomic uint16_t *index = scoreboard->series_index + (size_t)column * SERIES_INDEX;
	uint32_t used = atomic_load(&scoreboard->columns[column].series_used);

	for (uint32_t i = 0; i < SERIES_INDEX; i++) {
		_Atomic uint16_t *slot = &index[(hash + i) % SERIES_INDEX];
		uint16_t number = atomic_load_explicit(slot, memory_order_relaxed);

		*found = NULL;
		if (number == 0)
			return slot;
		if (number > used)
			continue;
		*found = series_at(scoreboard, column, number - 1u);
		if (series_is(*found, hash, labels))
			return slot;
	}
	*found = NULL;
	return NULL;
}

static struct series *series_make(struct scoreboard *scoreboard, uint32_t column,
	_Atomic uint16_t *slot, uint32_t hash, struct slice labels)
{
	_Atomic uint32_t *used = &scoreboard->columns[column].series_used;
	uint32_t number = atomic_load(used);
	struct series *series = series_at(scoreboard, column, number);

	memcpy(series->labels, labels.data, labels.len);
	series->len = (uint32_t)labels.len;
	series->hash = hash;
	store_order();
	atomic_store_explicit(slot, (uint16_t)(number + 1), memory_order_relaxed);
	store_order();
	atomic_store_explicit(used, number + 1, memory_order_release);
	return series;
}

/* The last place is kept for "other". */
static _Atomic uint64_t *counter_of(
	struct scoreboard *scoreboard, uint32_t column, struct slice labels, uint32_t places)
{
	uint32_t hash = labels_hash(labels);
	struct series *series;
	_Atomic uint16_t *slot = index_find(scoreboard, column, hash, labels, &series);

	if (series)
		return &series->value;
	if (!slot || atomic_load(&scoreboard->columns[column].series_used) >= places)
		return NULL;
	return &series_make(scoreboard, column, slot, hash, labels)->value;
}

_Atomic uint64_t *scoreboard_counter(
	struct scoreboard *scoreboard, uint32_t column, struct slice labels)
{
	_Atomic uint64_t *counter = NULL;

	invariant(column < scoreboard->geometry.columns);
	if (labels.len > 0 && labels.len <= SCOREBOARD_LABELS_MAX)
		counter = counter_of(scoreboard, column, labels, SCOREBOARD_SERIES - 1);
	if (!counter)
		counter = counter_of(scoreboard, column, SLICE_LITERAL(OTHER), SCOREBOARD_SERIES);
	invariant(counter);
	return counter;
}

bool scoreboard_counter_next(struct scoreboard *scoreboard, uint32_t column, uint32_t *at,
	struct slice *labels, uint64_t *value)
{
	const struct series *series;

	invariant(column < scoreboard->geometry.columns);
	if (*at >= atomic_load_explicit(
			   &scoreboard->columns[column].series_used, memory_order_acquire))
		return false;
	series = series_at(scoreboard, column, (*at)++);
	*labels = slice_make(series->labels, series->len);
	*value = atomic_load_explicit(&series->value, memory_order_relaxed);
	return true;
}

uint64_t scoreboard_turn(struct scoreboard *scoreboard)
{
	struct memory_head *head = (void *)scoreboard->memory;

	return atomic_fetch_add_explicit(&head->turn, 1, memory_order_relaxed);
}
