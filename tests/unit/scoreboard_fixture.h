/* scoreboard_fixture.h: a small scoreboard in a directory of its own, seen by a supervisor and by
 * one worker. */
#ifndef NEXUS_TESTS_SCOREBOARD_FIXTURE_H
#define NEXUS_TESTS_SCOREBOARD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "ipc/scoreboard_layout.h"

#define BOARD_COLUMNS 4u
#define BOARD_RECORDS 8u
#define BOARD_ROWS    6u
#define BOARD_COLUMN  1u /* the worker's */
#define BOARD_NOW     1700000000000000

struct board {
	char dir[64];
	struct scoreboard_geometry geometry;
	struct scoreboard *supervisor;
	struct scoreboard *worker;
};

static inline struct scoreboard *board_attach(struct board *board)
{
	struct error err = {""};
	struct scoreboard *view = scoreboard_attach(scoreboard_memory_fd(board->supervisor),
		scoreboard_records_fd(board->supervisor), &err);

	if (!view)
		fail_msg("%s", err.text);
	return view;
}

/* A supervisor's start on the directory, with one worker that has its column. */
static inline void board_start(struct board *board)
{
	struct error err = {""};

	board->supervisor = scoreboard_create(board->dir, &board->geometry, &err);
	if (!board->supervisor ||
		!scoreboard_column_allocate(board->supervisor, BOARD_COLUMN, &err))
		fail_msg("%s", err.text);
	board->worker = board_attach(board);
	scoreboard_column_adopt(board->worker, BOARD_COLUMN, getpid(), 1);
}

/* All processes gone at once; the file stays. */
static inline void board_stop(struct board *board)
{
	scoreboard_free(&board->worker);
	scoreboard_free(&board->supervisor);
}

static inline struct board *board_new(void)
{
	struct board *board = calloc(1, sizeof(*board));

	snprintf(board->dir, sizeof(board->dir), "/tmp/nexus-scoreboard-XXXXXX");
	assert_non_null(mkdtemp(board->dir));
	board->geometry = (struct scoreboard_geometry){
		.columns = BOARD_COLUMNS,
		.records_per_column = BOARD_RECORDS,
		.rows = BOARD_ROWS,
		.states = 3,
		.epoch = 77,
	};
	return board;
}

static inline int board_setup(void **state)
{
	struct board *board = board_new();

	board_start(board);
	*state = board;
	return 0;
}

static inline void board_path(const struct board *board, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", board->dir, name);
}

static inline int board_teardown(void **state)
{
	struct board *board = *state;
	char path[128];

	board_stop(board);
	board_path(board, "records", path);
	unlink(path);
	board_path(board, "records.new", path);
	unlink(path);
	rmdir(board->dir);
	free(board);
	return 0;
}

static inline struct scoreboard_record *board_open(struct board *board, uint32_t flags)
{
	struct scoreboard_record *record =
		scoreboard_record_open(board->worker, BOARD_COLUMN, flags, BOARD_NOW);

	assert_non_null(record);
	return record;
}

/* A worker's death and its successor, in the worker's view. */
static inline void board_readopt(struct board *board)
{
	scoreboard_free(&board->worker);
	board->worker = board_attach(board);
	scoreboard_column_adopt(board->worker, BOARD_COLUMN, getpid(), 2);
}

/* The budget worker's turn: settles all that is in the column's outbox. */
static inline unsigned board_settle(struct board *board, uint32_t column)
{
	struct scoreboard_header *header = scoreboard_header(board->supervisor, column);
	struct scoreboard_record *record;
	unsigned settled = 0;

	while ((record = scoreboard_outbox_next(
			board->supervisor, column, atomic_load(&header->settled_to) + 1)) != NULL) {
		scoreboard_settled(board->supervisor, record);
		settled++;
	}
	return settled;
}

#endif
