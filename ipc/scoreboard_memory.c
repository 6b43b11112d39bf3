/* scoreboard_memory.c: where everything stands in the two mappings, and one process's view of them.
 *
 * Owns the memfd's geometry. Promises that a view is either whole and of the expected layout or not
 * there at all. Never touches a page of a row, a record or a table: that is for their first use. */
#include "ipc/scoreboard_layout.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/fd.h"
#include "base/memory.h"

#define COLUMNS_MAX 65535u /* BOOT carries 16 bits */
#define RECORDS_MAX (1u << 20)
#define ROWS_MAX    (1u << 20)
#define STATES_MAX  (1u << 24)

static size_t round_up(size_t size, size_t unit)
{
	return (size + unit - 1) / unit * unit;
}

/* The next part's place, NULL in a memory that is not mapped yet: *at moves to the page after it.
 */
static void *part(char *memory, size_t *at, size_t size)
{
	size_t start = *at;

	*at = round_up(start + size, SCOREBOARD_PAGE);
	return memory ? memory + start : NULL;
}

/* Sets the view's pointers into the memfd, mapped or not; returns its size. */
static size_t lay_out(struct scoreboard *scoreboard)
{
	const struct scoreboard_geometry *geometry = &scoreboard->geometry;
	size_t columns = geometry->columns;
	size_t entries = (columns - 1) * geometry->records_per_column + scoreboard->recovered;
	char *memory = scoreboard->memory;
	size_t at = 0;

	scoreboard->row_size = round_up(sizeof(struct row) + columns * sizeof(_Atomic int64_t), 64);
	part(memory, &at, sizeof(struct memory_head));
	scoreboard->columns = part(memory, &at, columns * sizeof(struct column));
	scoreboard->rings = part(memory, &at, entries * sizeof(uint32_t));
	scoreboard->rows = part(memory, &at, geometry->rows * scoreboard->row_size);
	scoreboard->states = part(memory, &at, geometry->states * sizeof(struct scoreboard_state));
	scoreboard->series = part(memory, &at, columns * SCOREBOARD_SERIES * sizeof(struct series));
	scoreboard->series_index = part(memory, &at, columns * SERIES_INDEX * sizeof(uint16_t));
	return at;
}

static bool geometry_check(const struct scoreboard_geometry *geometry, struct error *err)
{
	if (geometry->columns < 2 || geometry->columns > COLUMNS_MAX)
		return error_set(err, "scoreboard: %u columns, but 2 to %u are possible",
			geometry->columns, COLUMNS_MAX);
	if (geometry->records_per_column < 1 || geometry->records_per_column > RECORDS_MAX)
		return error_set(err, "scoreboard: %u records a column, but 1 to %u are possible",
			geometry->records_per_column, RECORDS_MAX);
	if (geometry->rows < 1 || geometry->rows > ROWS_MAX || geometry->states > STATES_MAX)
		return error_set(err, "scoreboard: %u rows and %u states are not possible",
			geometry->rows, geometry->states);
	return true;
}

static struct scoreboard *view_new(void)
{
	struct scoreboard *scoreboard = memory_zalloc(sizeof(*scoreboard));

	scoreboard->memory_fd = -1;
	scoreboard->records_fd = -1;
	scoreboard->own.column = COLUMN_NONE;
	scoreboard->own.header = &scoreboard->own.nowhere;
	return scoreboard;
}

static char *map_shared(int fd, size_t size, const char *what, struct error *err)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED) {
		error_set_errno(err, "scoreboard: mapping %zu bytes of %s", size, what);
		return NULL;
	}
	return memory;
}

/* Maps both parts of a view whose geometry is known. */
static bool view_map(
	struct scoreboard *scoreboard, int memory_fd, int records_fd, struct error *err)
{
	scoreboard->memory_size = lay_out(scoreboard);
	scoreboard->file_size = records_file_size(&scoreboard->geometry, scoreboard->recovered);
	scoreboard->memory = map_shared(memory_fd, scoreboard->memory_size, "shared memory", err);
	if (!scoreboard->memory)
		return false;
	lay_out(scoreboard);
	scoreboard->file = map_shared(records_fd, scoreboard->file_size, "the record file", err);
	if (!scoreboard->file)
		return false;
	scoreboard->records = (void *)(scoreboard->file + RECORDS_FILE_HEAD);
	return true;
}

static int memory_make(size_t size, struct error *err)
{
	int fd = memfd_create("nexus-scoreboard", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0) {
		error_set_errno(err, "scoreboard: memfd_create");
		return -1;
	}
	if (ftruncate(fd, (off_t)size) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		error_set_errno(err, "scoreboard: making %zu bytes of shared memory", size);
		fd_close(&fd);
	}
	return fd;
}

/* The recovered records become the recovery column's outbox, in the order of the file. */
static void recovered_publish(struct scoreboard *scoreboard)
{
	uint32_t last = recovery_column(scoreboard);
	struct column *column = &scoreboard->columns[last];

	for (uint32_t i = 0; i < scoreboard->recovered; i++)
		atomic_store_explicit(ring_place(scoreboard, last, i + 1), i, memory_order_relaxed);
	atomic_store(&column->records_used, scoreboard->recovered);
	atomic_store(&column->header.ended, scoreboard->recovered);
}

static void head_write(struct scoreboard *scoreboard)
{
	struct memory_head *head = (void *)scoreboard->memory;

	memcpy(head->magic, MEMORY_MAGIC, sizeof(head->magic));
	head->layout = SCOREBOARD_LAYOUT;
	head->recovered = scoreboard->recovered;
	head->geometry = scoreboard->geometry;
}

struct scoreboard *scoreboard_create(
	const char *state_dir, const struct scoreboard_geometry *geometry, struct error *err)
{
	struct scoreboard *scoreboard;

	if (!geometry_check(geometry, err))
		return NULL;
	scoreboard = view_new();
	scoreboard->geometry = *geometry;
	scoreboard->records_fd = records_file_create(
		state_dir, geometry, &scoreboard->recovered, &scoreboard->dropped, err);
	if (scoreboard->records_fd >= 0)
		scoreboard->memory_fd = memory_make(lay_out(scoreboard), err);
	if (scoreboard->records_fd < 0 || scoreboard->memory_fd < 0 ||
		!view_map(scoreboard, scoreboard->memory_fd, scoreboard->records_fd, err)) {
		scoreboard_free(&scoreboard);
		return NULL;
	}
	head_write(scoreboard);
	recovered_publish(scoreboard);
	return scoreboard;
}

static bool has_size(int fd, size_t size, const char *what, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_set_errno(err, "scoreboard: %s", what);
	if (status.st_size != (off_t)size)
		return error_set(err, "scoreboard: %s has %lld bytes, but %zu are expected", what,
			(long long)status.st_size, size);
	return true;
}

/* Reads and checks the memfd's head: a worker is of the same binary, so any difference is a mix-up
 * of descriptors. */
static bool head_read(struct scoreboard *scoreboard, int memory_fd, struct error *err)
{
	struct memory_head head;

	if (pread(memory_fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
		memcmp(head.magic, MEMORY_MAGIC, sizeof(head.magic)) != 0)
		return error_set(err, "scoreboard: that descriptor is no scoreboard");
	if (head.layout != SCOREBOARD_LAYOUT)
		return error_set(err, "scoreboard: layout %u, but this release has %u", head.layout,
			SCOREBOARD_LAYOUT);
	if (!geometry_check(&head.geometry, err))
		return false;
	scoreboard->geometry = head.geometry;
	scoreboard->recovered = head.recovered;
	return true;
}

struct scoreboard *scoreboard_attach(int memory_fd, int records_fd, struct error *err)
{
	struct scoreboard *scoreboard = view_new();

	if (!head_read(scoreboard, memory_fd, err) ||
		!has_size(memory_fd, lay_out(scoreboard), "the shared memory", err) ||
		!has_size(records_fd,
			records_file_size(&scoreboard->geometry, scoreboard->recovered),
			"the record file", err) ||
		!view_map(scoreboard, memory_fd, records_fd, err))
		scoreboard_free(&scoreboard);
	return scoreboard;
}

void scoreboard_free(struct scoreboard **scoreboard)
{
	struct scoreboard *view = *scoreboard;

	if (!view)
		return;
	if (view->memory)
		munmap(view->memory, view->memory_size);
	if (view->file)
		munmap(view->file, view->file_size);
	fd_close(&view->memory_fd);
	fd_close(&view->records_fd);
	own_column_release(&view->own);
	memory_free_at(scoreboard);
}

int scoreboard_memory_fd(const struct scoreboard *scoreboard)
{
	return scoreboard->memory_fd;
}

int scoreboard_records_fd(const struct scoreboard *scoreboard)
{
	return scoreboard->records_fd;
}

const struct scoreboard_geometry *scoreboard_geometry(const struct scoreboard *scoreboard)
{
	return &scoreboard->geometry;
}

uint32_t scoreboard_recovery_column(const struct scoreboard *scoreboard)
{
	return recovery_column(scoreboard);
}

unsigned scoreboard_recovered(const struct scoreboard *scoreboard, unsigned *dropped)
{
	if (dropped)
		*dropped = scoreboard->dropped;
	return scoreboard->recovered;
}

struct scoreboard_header *scoreboard_header(struct scoreboard *scoreboard, uint32_t column)
{
	invariant(column < scoreboard->geometry.columns);
	return &scoreboard->columns[column].header;
}

struct scoreboard_state *scoreboard_state(struct scoreboard *scoreboard, uint32_t state)
{
	invariant(state < scoreboard->geometry.states);
	return &scoreboard->states[state];
}
