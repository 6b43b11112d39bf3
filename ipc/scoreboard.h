/* scoreboard.h: what must be true now across workers, in shared memory.
 *
 * docs/decisions/scoreboard.md tells why it is so. In short: a worker's lane is a column; a request is a record in its
 * column, which is the truth about all that the request has taken and produced; a limit is a row, whose total is the sum
 * of its cells, one a column, each the sum of its column's records. A process may be killed between any two stores and
 * nothing leaks, nothing is counted twice, nothing needs a time-out. Only ipc/scoreboard*.c touch the bytes.
 *
 * Two mappings: records in a file of the state directory (they survive all but a power cut), everything else in a memfd,
 * new at each start. No function here makes a system call while it holds a row's lock; none allocates. */
#ifndef NEXUS_IPC_SCOREBOARD_H
#define NEXUS_IPC_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

/* --- geometry and life ------------------------------------------------------------------------------------------- */

#define SCOREBOARD_TAKEN_MAX 12u /* rows one request can hold: the service's, the backend's, 8 of money, 2 to spare */
#define SCOREBOARD_SERIES 1024u  /* counters a column */
#define SCOREBOARD_LABELS_MAX 240u
#define SCOREBOARD_ROW_NONE UINT32_MAX
#define SCOREBOARD_ROW_EARLIER (UINT32_MAX - 1) /* in a recovered record: held of a row of an earlier run */
#define SCOREBOARD_ROW_SERVICE 0u /* CAPACITY row of max_concurrent_requests */

struct scoreboard_geometry {
	uint32_t columns;            /* 4 x workers + 8; the last is the recovery column, no worker's */
	uint32_t records_per_column; /* max_concurrent_requests + 1024 */
	uint32_t rows;               /* numbers 0 .. rows-1 */
	uint32_t states;
	uint64_t epoch;              /* random, of this supervisor start */
};

struct scoreboard; /* one process's view: the two mappings */

/* Supervisor, at start, holding the state directory's lock: makes the memfd, opens or makes `records` in `state_dir`
 * (mode 0600). What an older record file still holds moves to the recovery column (see scoreboard_recovered); the new
 * file takes the older one's place, whole, by a rename. NULL with the reason on failure (disk full, foreign file, a
 * layout this release does not read). */
struct scoreboard *scoreboard_create(const char *state_dir, const struct scoreboard_geometry *geometry,
	struct error *err);
/* A worker, from BOOT's descriptors (kept by the caller; may be closed afterwards). */
struct scoreboard *scoreboard_attach(int memory_fd, int records_fd, struct error *err);
void scoreboard_free(struct scoreboard **scoreboard);
/* Of the creator, to be sent with BOOT; they stay the scoreboard's. -1 in a worker. */
int scoreboard_memory_fd(const struct scoreboard *scoreboard);
int scoreboard_records_fd(const struct scoreboard *scoreboard);
const struct scoreboard_geometry *scoreboard_geometry(const struct scoreboard *scoreboard);

/* --- columns ------------------------------------------------------------------------------------------------------ */

/* The last column: records of earlier runs, ENDED, waiting for the budget worker. Never given to a worker. */
uint32_t scoreboard_recovery_column(const struct scoreboard *scoreboard);
/* Supervisor, before a column's first use: backs its records with disk blocks (posix_fallocate: a hole on a full disk
 * would be a SIGBUS). Harmless when repeated; false for the recovery column. */
bool scoreboard_column_allocate(struct scoreboard *scoreboard, uint32_t column, struct error *err);

/* What a column shows of its worker. Written by the worker (the supervisor clears it after a death), read by all. */
struct scoreboard_header {
	_Atomic int32_t pid;
	_Atomic uint32_t generation;
	_Atomic uint32_t ready;           /* 1 while it accepts */
	_Atomic uint32_t connections;
	_Atomic uint32_t locked_row;      /* row number + 1 while it holds a row's lock, else 0 */
	_Atomic uint32_t lock_count;      /* rises with each lock: tells the same lock at two ticks from two locks */
	_Atomic uint64_t ended;           /* end number of the last record that went to the outbox */
	_Atomic uint64_t settled_to;      /* end number up to which the budget worker has settled */
	_Atomic uint64_t registry_version; /* the oldest version that any exchange of this worker still pins */
	_Atomic uint64_t requests_total;
	_Atomic uint64_t tokens_seen;
};
struct scoreboard_header *scoreboard_header(struct scoreboard *scoreboard, uint32_t column);

/* A worker takes its column as it stands (pid, generation set; the private free list built from FREE records). The
 * supervisor has buried the column's last worker (`again` false). One column a process. */
void scoreboard_column_adopt(struct scoreboard *scoreboard, uint32_t column, int32_t pid, uint32_t generation);

/* --- records ------------------------------------------------------------------------------------------------------ */

enum record_state { RECORD_FREE, RECORD_OPEN, RECORD_ENDED };

enum record_flag {
	RECORD_COSTS = 1 << 0,         /* may cost money or touches a budget: ends in the outbox */
	RECORD_STREAM = 1 << 1,
	RECORD_SENT = 1 << 2,          /* something went upstream: the attempt may be billed */
	RECORD_ANSWERED = 1 << 3,      /* a whole answer came back */
	RECORD_ESTIMATED = 1 << 4,     /* the numbers below are partly guessed */
	RECORD_CLIENT_GONE = 1 << 5,
	RECORD_DIED = 1 << 6,          /* ended by its worker's death */
	RECORD_FAILED = 1 << 7,
};

struct record_taken {
	uint32_t row; /* SCOREBOARD_ROW_NONE: free place */
	uint32_t kind; /* enum row_kind: a row number of an earlier run says nothing any more */
	int64_t amount;
};

/* 1,024 bytes; the layout is that of the file. Strings are NUL-terminated, cut if longer. The owner may write the
 * members marked (w) at any time while the record is OPEN; the rest is written by the functions below. */
struct scoreboard_record {
	_Atomic uint32_t state;
	uint16_t version;
	uint16_t attempts;          /* (w) */
	uint32_t flags;             /* (w) enum record_flag */
	uint32_t column;
	uint64_t epoch;             /* with column, sequence and attempt: the settlement's key */
	uint64_t sequence;
	uint64_t end_number;
	int64_t started_wall_us;
	int64_t ended_wall_us;
	uint64_t tokens_prompt;     /* (w) */
	uint64_t tokens_completion; /* (w) counted so far; the provider's figure when it came */
	uint64_t bytes_up;          /* (w) sent to the backend */
	uint64_t bytes_down;        /* (w) body bytes received from it */
	uint64_t backend_id;        /* (w) */
	uint64_t waiting;           /* the queue's place, later */
	struct record_taken taken[SCOREBOARD_TAKEN_MAX];
	char model[128];            /* (w) */
	char backend[64];           /* (w) */
	char request_id[64];        /* (w) */
	char scope[64];             /* (w) */
	char reserved[408];
};
_Static_assert(sizeof(struct scoreboard_record) == 1024, "the record file's layout");

/* Opens a FREE record of the worker's own column; NULL when all are in use or wait to be settled. With RECORD_COSTS
 * NULL also when such records, OPEN or waiting to be settled, fill their share of the column (three quarters: so that
 * requests that cost nothing go on; answer: ledger_unavailable). */
struct scoreboard_record *scoreboard_record_open(struct scoreboard *scoreboard, uint32_t column, uint32_t flags,
	int64_t wall_us);
/* An OPEN record turns out to cost (a fallback to a paid backend): sets RECORD_COSTS. False when their share is full. The
 * flag is never set or cleared in another way. */
bool scoreboard_record_costs(struct scoreboard *scoreboard, struct scoreboard_record *record);

/* Copies `text` into one of the record's names, cut to its size. */
#define scoreboard_record_name(record, member, text) \
	scoreboard_name_copy((record)->member, sizeof((record)->member), (text))
void scoreboard_name_copy(char *place, size_t size, struct slice text);

/* THE function that ends a record, however its request ended. Gives back everything it holds except, for a record
 * that COSTS, money; that one goes ENDED into the column's ring for the budget worker, any other becomes FREE at once.
 * Called by the owner, and by the supervisor for a dead worker's records. */
void scoreboard_record_end(struct scoreboard *scoreboard, struct scoreboard_record *record, int64_t wall_us);

/* --- rows --------------------------------------------------------------------------------------------------------- */

enum row_kind { ROW_UNUSED, ROW_CAPACITY, ROW_MONEY, ROW_BREAKER, ROW_RATE, ROW_RETRY };

enum take_result {
	TAKE_DONE,
	TAKE_FULL,    /* the limit leaves no room */
	TAKE_REMOVED, /* the row is being given up */
};

/* The number's one giver (health: backends; budget: money) makes a row. `limit` 0 = none, only counted. A row that is
 * already defined keeps what is held of it (the giver's next process says it again). */
void scoreboard_row_define(struct scoreboard *scoreboard, uint32_t row, enum row_kind kind, int64_t limit);
void scoreboard_row_set_limit(struct scoreboard *scoreboard, uint32_t row, int64_t limit);
/* Takes begin to fail; what is held stays until given back. */
void scoreboard_row_remove(struct scoreboard *scoreboard, uint32_t row);
/* A removed row whose total is zero becomes UNUSED; false while something is held. The caller has checked that every
 * live worker has acknowledged a version without it. */
bool scoreboard_row_reuse(struct scoreboard *scoreboard, uint32_t row);
/* A hint, read without the lock. */
int64_t scoreboard_row_total(const struct scoreboard *scoreboard, uint32_t row);
int64_t scoreboard_row_limit(const struct scoreboard *scoreboard, uint32_t row);
enum row_kind scoreboard_row_kind(const struct scoreboard *scoreboard, uint32_t row);

/* Takes `amount` (> 0) of a CAPACITY row for the record, exactly: never one too many, never refused while there is room.
 * Taking again of a row adds to what the record holds of it. */
enum take_result scoreboard_take(struct scoreboard *scoreboard, struct scoreboard_record *record, uint32_t row,
	int64_t amount);
/* Gives back what the record holds of the row; nothing when it holds none. */
void scoreboard_give(struct scoreboard *scoreboard, struct scoreboard_record *record, uint32_t row);

/* --- deaths and starts (supervisor) ------------------------------------------------------------------------------- */

struct bury_result {
	unsigned ended;   /* OPEN records ended */
	unsigned to_settle; /* of these, how many went to the outbox */
	bool again;       /* a row's lock was held by someone alive: call again at the next turn */
};
/* After a worker's death, its process reaped: ends each OPEN record of the column (DIED), recovers the row it had locked
 * and clears its header (what it counted stays). Never waits for a lock. Idempotent; the column is given out again when
 * `again` is false. */
struct bury_result scoreboard_column_bury(struct scoreboard *scoreboard, uint32_t column, int64_t wall_us);

/* What scoreboard_create found in an earlier run's file: OPEN and ENDED records that cost money were kept, ENDED in the
 * recovery column with their own key (flagged DIED | ESTIMATED where open, ESTIMATED where of another boot); the rest was
 * freed. Out-of-bounds records were dropped: *dropped (may be NULL), for the caller to log. Returns how many were kept. */
unsigned scoreboard_recovered(const struct scoreboard *scoreboard, unsigned *dropped);

/* --- the outbox (budget worker) ----------------------------------------------------------------------------------- */

/* The column's ENDED record with this end number, NULL when there is none yet. A walk begins at settled_to + 1. */
struct scoreboard_record *scoreboard_outbox_next(struct scoreboard *scoreboard, uint32_t column, uint64_t end_number);
/* After its commit, in end order, one process only: lowers what money the record still holds, stores settled_to, frees
 * the record. A kill before it is done shows the record again to the next budget worker (the key tells). */
void scoreboard_settled(struct scoreboard *scoreboard, struct scoreboard_record *record);

/* --- states (written by the health worker alone) ------------------------------------------------------------------ */

struct scoreboard_state {
	_Atomic uint64_t status;             /* enum backend_status of registry.h */
	_Atomic uint64_t latency_us;         /* EWMA */
	_Atomic uint64_t rate_limited_until_ms; /* CLOCK_MONOTONIC */
	_Atomic uint64_t last_check_wall_us;
	_Atomic uint64_t engine_waiting;     /* the server's own queue, when known */
	_Atomic uint64_t observed_failures;  /* what traffic saw */
	_Atomic uint64_t quality_permille;   /* later; 1000 = full */
	_Atomic uint64_t spare;
};
struct scoreboard_state *scoreboard_state(struct scoreboard *scoreboard, uint32_t state);

/* A number that rises by one at each call, over all workers: whose turn it is in a round robin. */
uint64_t scoreboard_turn(struct scoreboard *scoreboard);

/* --- counters ----------------------------------------------------------------------------------------------------- */

/* The calling worker's counter for `labels` (e.g. `nexus_requests_total{model="a"}`), found or made in its column;
 * add with plain stores of its only writer. When the table is full: the one named "other". Keep the pointer. */
_Atomic uint64_t *scoreboard_counter(struct scoreboard *scoreboard, uint32_t column, struct slice labels);
static inline void scoreboard_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}
/* Walks a column's counters; false at the end. Start with *at = 0. */
bool scoreboard_counter_next(struct scoreboard *scoreboard, uint32_t column, uint32_t *at, struct slice *labels,
	uint64_t *value);

#endif
