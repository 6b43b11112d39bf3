/* scoreboard_layout.h: the bytes of the two mappings, known to ipc/scoreboard_*.c and their tests
 * alone.
 *
 * Every part starts on a page of its own and nothing is touched before it is used, so an idle
 * gateway pays for a few pages. A process is killed between two instructions, never within the
 * order of its stores: the order is kept against the compiler by store_order(), against other
 * processors by release and acquire where one reads without a lock. */
#ifndef NEXUS_IPC_SCOREBOARD_LAYOUT_H
#define NEXUS_IPC_SCOREBOARD_LAYOUT_H

#include <pthread.h>

#include "ipc/scoreboard.h"

#define SCOREBOARD_PAGE   4096u
#define SCOREBOARD_LAYOUT 1u /* of both mappings */
#define RECORD_VERSION    1u
#define COLUMN_NONE       UINT32_MAX
#define SERIES_INDEX      2048u /* slots, a power of two over SCOREBOARD_SERIES */
#define MEMORY_MAGIC      "NEXUSMEM"
#define RECORDS_MAGIC     "NEXUSREC"
#define RECORDS_FILE      "records"
#define BOOT_ID_MAX       40u

/* --- the memfd --- */

struct memory_head {
	char magic[8];
	uint32_t layout;
	uint32_t recovered; /* records of the recovery column */
	struct scoreboard_geometry geometry;
	_Atomic uint64_t turn; /* of round robin */
};

struct column {
	struct scoreboard_header header;
	_Atomic uint64_t sequence; /* the last one given to a record */
	_Atomic uint32_t
		records_used; /* records from this one on have never been opened: zero bytes */
	_Atomic uint32_t series_used;
	uint64_t spare[6];
};
_Static_assert(sizeof(struct column) == 128, "two cache lines a column");

struct row {
	pthread_mutex_t mutex; /* robust, process-shared; initialised when `ready` */
	_Atomic uint32_t ready;
	_Atomic uint32_t kind;
	_Atomic uint32_t removed;
	_Atomic uint32_t changing; /* column + 1 whose cell and records are being changed */
	_Atomic int64_t limit;
	_Atomic int64_t total;
	_Atomic int64_t cells[]; /* one a column */
};

struct series {
	_Atomic uint64_t value;
	uint32_t len;
	uint32_t hash;
	char labels[SCOREBOARD_LABELS_MAX];
};
_Static_assert(sizeof(struct series) == 256, "16 series a page");

/* --- the record file --- */

struct records_head {
	char magic[8];
	uint32_t layout;
	uint32_t record_size;
	uint32_t columns;
	uint32_t records_per_column;
	uint32_t recovered;     /* records of the last column, which has no others */
	uint32_t columns_given; /* columns from this one on have no records */
	uint64_t epoch;
	int64_t created_wall_us;
	char boot_id[BOOT_ID_MAX];
};

/* --- one process's view --- */

struct own_column {
	uint32_t column;
	struct scoreboard_header
		*header; /* where this process shows its locks; `nowhere` without a column */
	struct scoreboard_header nowhere;
	uint32_t *free; /* record numbers, the last freed on top */
	uint32_t free_count;
	uint32_t costs;        /* records that cost: OPEN, or ENDED and not yet taken back */
	uint64_t reclaimed_to; /* settled records up to this end number are in `free` again */
};

struct scoreboard {
	struct scoreboard_geometry geometry;
	uint32_t recovered;
	unsigned dropped;
	int memory_fd; /* of the creator; -1 in a worker */
	int records_fd;
	char *memory;
	size_t memory_size;
	char *file;
	size_t file_size;
	/* the parts */
	struct column *columns;
	_Atomic uint32_t *rings;
	char *rows;
	size_t row_size;
	struct scoreboard_state *states;
	struct series *series;
	_Atomic uint16_t *series_index;
	struct scoreboard_record *records;
	struct own_column own;
};

/* Keeps the stores before it before those after it, for whoever looks after a kill. The torture
 * test lingers in here, so that its kills come between two stores. */
#ifdef SCOREBOARD_LINGER
void scoreboard_linger(void);
#endif
static inline void store_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
#ifdef SCOREBOARD_LINGER
	scoreboard_linger();
#endif
}

static inline uint32_t recovery_column(const struct scoreboard *scoreboard)
{
	return scoreboard->geometry.columns - 1;
}

/* How many records a column has: the recovery column exactly those that were found. */
static inline uint32_t column_capacity(const struct scoreboard *scoreboard, uint32_t column)
{
	return column == recovery_column(scoreboard) ? scoreboard->recovered
						     : scoreboard->geometry.records_per_column;
}

static inline struct scoreboard_record *column_record(
	const struct scoreboard *scoreboard, uint32_t column, uint32_t index)
{
	return scoreboard->records + (size_t)column * scoreboard->geometry.records_per_column +
	       index;
}

/* A place that counts in a row of this run. */
static inline bool place_is_held(const struct record_taken *place)
{
	return place->amount > 0 && place->row < SCOREBOARD_ROW_EARLIER;
}

/* Where a record stands. Not its member `column`, which is part of its key and, once recovered, of
 * an older run. */
static inline uint32_t record_column(
	const struct scoreboard *scoreboard, const struct scoreboard_record *record)
{
	size_t number = (size_t)(record - scoreboard->records);
	size_t column = number / scoreboard->geometry.records_per_column;

	return column < recovery_column(scoreboard) ? (uint32_t)column
						    : recovery_column(scoreboard);
}

/* The ring's place for an end number: the number of the record that got it. Only for columns that
 * have records. */
static inline _Atomic uint32_t *ring_place(
	const struct scoreboard *scoreboard, uint32_t column, uint64_t end_number)
{
	return scoreboard->rings + (size_t)column * scoreboard->geometry.records_per_column +
	       end_number % column_capacity(scoreboard, column);
}

static inline struct scoreboard_record *ring_record(
	const struct scoreboard *scoreboard, uint32_t column, uint64_t end_number)
{
	uint32_t index = atomic_load_explicit(
		ring_place(scoreboard, column, end_number), memory_order_relaxed);

	return column_record(scoreboard, column, index);
}

static inline enum record_state record_state_of(const struct scoreboard_record *record)
{
	return (enum record_state)atomic_load_explicit(&record->state, memory_order_acquire);
}

static inline void record_set_state(struct scoreboard_record *record, enum record_state state)
{
	atomic_store_explicit(&record->state, (uint32_t)state, memory_order_release);
}

struct row *row_at(const struct scoreboard *scoreboard, uint32_t row);

/* --- between the files of the scoreboard --- */

/* scoreboard_file.c: makes the new record file, with what the older one left in its recovery
 * column, and puts it in the older one's place. Returns its descriptor, or -1; *recovered and
 * *dropped count. */
int records_file_create(const char *state_dir, const struct scoreboard_geometry *geometry,
	uint32_t *recovered, unsigned *dropped, struct error *err);
size_t records_file_size(const struct scoreboard_geometry *geometry, uint32_t recovered);
/* Before the first record of the file. */
#define RECORDS_FILE_HEAD SCOREBOARD_PAGE

/* scoreboard_row.c: false when `wait` is not and another process has the lock. A dead owner's row
 * is repaired. */
bool row_lock(struct scoreboard *scoreboard, uint32_t row, bool wait);
void row_unlock(struct scoreboard *scoreboard, uint32_t row);
/* Gives back what one place of a record holds; false only when it would have to wait. */
bool row_give_place(struct scoreboard *scoreboard, struct scoreboard_record *record,
	struct record_taken *place, bool wait);

/* scoreboard_record.c: scoreboard_record_end that may refuse to wait: false with the record still
 * OPEN. */
bool record_end(struct scoreboard *scoreboard, struct scoreboard_record *record, int64_t wall_us,
	bool wait);
void own_column_release(struct own_column *own);

#endif
