/* scoreboard_file.c: the record file: making it, and carrying over what the one before it still
 * holds.
 *
 * Promises that at every moment one whole file has the name: the new one is complete, recovered
 * records and all, and on disk before it takes the older one's place, so a supervisor killed here,
 * however often, loses no record and settles none twice. The older file is read with pread, never
 * through a mapping, and believed in nothing that it says. */
#include "ipc/scoreboard_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/memory.h"

#define NEW_FILE      RECORDS_FILE ".new"
#define READ_RECORDS  64u
#define AMOUNT_MAX    (INT64_C(1) << 62)
#define RECORD_FLAGS  0xffu /* all that enum record_flag knows */
#define RECOVERED_MAX (1u << 22)

/* An older file, and the new one that takes over from it. */
struct carry {
	int old_fd;
	struct records_head old;
	bool same_boot;
	int new_fd;
	const struct scoreboard_geometry *geometry;
	int64_t now_us;
	uint32_t kept;
	unsigned dropped;
};

static size_t records_size(uint32_t columns, uint32_t records_per_column, uint32_t recovered)
{
	return ((size_t)(columns - 1) * records_per_column + recovered) *
	       sizeof(struct scoreboard_record);
}

size_t records_file_size(const struct scoreboard_geometry *geometry, uint32_t recovered)
{
	return RECORDS_FILE_HEAD +
	       records_size(geometry->columns, geometry->records_per_column, recovered);
}

/* The kernel's name for this boot, "" where it has none. */
static void boot_id_read(char boot_id[BOOT_ID_MAX])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, boot_id, BOOT_ID_MAX - 1);

	boot_id[got < 0 ? 0 : got] = '\0';
	boot_id[strcspn(boot_id, "\n")] = '\0';
	fd_close(&fd);
}

/* --- what is worth keeping
 * ---------------------------------------------------------------------------------------- */

static bool name_is_whole(const char *name, size_t size)
{
	return memchr(name, '\0', size) != NULL;
}

static bool taken_is_sane(const struct scoreboard_record *record)
{
	for (size_t i = 0; i < SCOREBOARD_TAKEN_MAX; i++)
		if (record->taken[i].amount < 0 || record->taken[i].amount > AMOUNT_MAX)
			return false;
	return true;
}

static bool record_is_sane(const struct scoreboard_record *record)
{
	return record->version == RECORD_VERSION && (record->flags & ~RECORD_FLAGS) == 0 &&
	       record->sequence != 0 && record->started_wall_us >= 0 && taken_is_sane(record) &&
	       name_is_whole(record->model, sizeof(record->model)) &&
	       name_is_whole(record->backend, sizeof(record->backend)) &&
	       name_is_whole(record->request_id, sizeof(record->request_id)) &&
	       name_is_whole(record->scope, sizeof(record->scope));
}

/* A place without a row may show an amount that a kill kept from being taken. */
static void taken_carry(struct record_taken *place)
{
	if (place->row == SCOREBOARD_ROW_NONE || place->amount == 0)
		*place = (struct record_taken){.row = SCOREBOARD_ROW_NONE};
	else
		place->row = SCOREBOARD_ROW_EARLIER;
}

/* The record as it goes into the recovery column. Row numbers of an earlier run mean nothing now;
 * amounts and kinds stay for the settlement. */
static void record_carry(const struct carry *carry, struct scoreboard_record *record)
{
	if (record_state_of(record) == RECORD_OPEN) {
		record->flags |= RECORD_DIED | RECORD_ESTIMATED;
		record->ended_wall_us = carry->now_us;
	}
	if (!carry->same_boot)
		record->flags |= RECORD_ESTIMATED;
	for (size_t i = 0; i < SCOREBOARD_TAKEN_MAX; i++)
		taken_carry(&record->taken[i]);
	record->waiting = 0;
	record->end_number = (uint64_t)carry->kept + 1;
	record_set_state(record, RECORD_ENDED);
}

static bool record_keep(struct carry *carry, struct scoreboard_record *record, struct error *err)
{
	off_t at = (off_t)records_file_size(carry->geometry, carry->kept);

	record_carry(carry, record);
	if (pwrite(carry->new_fd, record, sizeof(*record), at) != (ssize_t)sizeof(*record))
		return error_set_errno(err, "writing a record to carry over");
	carry->kept++;
	return true;
}

static bool record_consider(
	struct carry *carry, struct scoreboard_record *record, struct error *err)
{
	uint32_t state = atomic_load(&record->state);

	if (state == RECORD_FREE)
		return true;
	if (state > RECORD_ENDED || !record_is_sane(record) || carry->kept == RECOVERED_MAX) {
		carry->dropped++;
		return true;
	}
	if (!(record->flags & RECORD_COSTS))
		return true;
	return record_keep(carry, record, err);
}

/* --- the older file
 * -----------------------------------------------------------------------------------------------
 */

static bool old_head_check(struct carry *carry, struct error *err)
{
	const struct records_head *old = &carry->old;
	struct stat status;

	if (fstat(carry->old_fd, &status) < 0)
		return error_set_errno(err, "looking at it");
	if (pread(carry->old_fd, &carry->old, sizeof(carry->old), 0) !=
			(ssize_t)sizeof(carry->old) ||
		memcmp(old->magic, RECORDS_MAGIC, sizeof(old->magic)) != 0)
		return error_set(err, "not a record file of Nexus; move it away");
	if (old->layout != SCOREBOARD_LAYOUT ||
		old->record_size != sizeof(struct scoreboard_record))
		return error_set(err,
			"layout %u, but this release reads %u; start the release that wrote it and "
			"stop it in order, so that it settles what the file holds",
			old->layout, SCOREBOARD_LAYOUT);
	if (old->columns < 2 || old->records_per_column < 1 || old->columns_given >= old->columns ||
		status.st_size != (off_t)(RECORDS_FILE_HEAD + records_size(old->columns,
								      old->records_per_column,
								      old->recovered)))
		return error_set(err, "its size does not fit its geometry; move it away");
	return true;
}

/* True also when there is no older file: *found tells. */
static bool old_open(struct carry *carry, int dir_fd, bool *found, struct error *err)
{
	char boot_id[BOOT_ID_MAX];

	*found = false;
	carry->old_fd = openat(dir_fd, RECORDS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (carry->old_fd < 0)
		return errno == ENOENT ? true : error_set_errno(err, "opening it");
	if (!old_head_check(carry, err))
		return false;
	boot_id_read(boot_id);
	carry->same_boot =
		boot_id[0] != '\0' && strncmp(boot_id, carry->old.boot_id, BOOT_ID_MAX) == 0;
	*found = true;
	return true;
}

/* `count` records from number `first` of the older file. */
static bool old_read_range(struct carry *carry, size_t first, size_t count, struct error *err)
{
	struct scoreboard_record *records = memory_array(READ_RECORDS, sizeof(*records));
	off_t at = (off_t)(RECORDS_FILE_HEAD + first * sizeof(*records));
	bool good = true;

	while (good && count > 0) {
		size_t some = count < READ_RECORDS ? count : READ_RECORDS;
		ssize_t got = pread(carry->old_fd, records, some * sizeof(*records), at);

		if (got != (ssize_t)(some * sizeof(*records)))
			good = error_set_errno(err, "reading it");
		for (size_t i = 0; good && i < some; i++)
			good = record_consider(carry, &records[i], err);
		at += (off_t)(some * sizeof(*records));
		count -= some;
	}
	memory_free_at(&records);
	return good;
}

/* The columns that were given to workers, and the recovery column; what lies between are holes. */
static bool old_read(struct carry *carry, struct error *err)
{
	size_t column = carry->old.records_per_column;

	return old_read_range(carry, 0, carry->old.columns_given * column, err) &&
	       old_read_range(carry, (carry->old.columns - 1) * column, carry->old.recovered, err);
}

/* --- the new file
 * -------------------------------------------------------------------------------------------------
 */

/* Its size, then its head, then all of it on disk: only now may it have the name. */
static bool new_finish(struct carry *carry, int dir_fd, struct error *err)
{
	const struct scoreboard_geometry *geometry = carry->geometry;
	struct records_head head = {
		.magic = RECORDS_MAGIC,
		.layout = SCOREBOARD_LAYOUT,
		.record_size = sizeof(struct scoreboard_record),
		.columns = geometry->columns,
		.records_per_column = geometry->records_per_column,
		.recovered = carry->kept,
		.epoch = geometry->epoch,
		.created_wall_us = carry->now_us,
	};

	boot_id_read(head.boot_id);
	if (ftruncate(carry->new_fd, (off_t)records_file_size(geometry, carry->kept)) < 0 ||
		pwrite(carry->new_fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
		fsync(carry->new_fd) < 0)
		return error_set_errno(err, "writing " NEW_FILE);
	if (renameat(dir_fd, NEW_FILE, dir_fd, RECORDS_FILE) < 0 || fsync(dir_fd) < 0)
		return error_set_errno(err, "putting the new file in its place");
	return true;
}

static bool new_open(struct carry *carry, int dir_fd, struct error *err)
{
	/* What an earlier, interrupted start left. */
	if (unlinkat(dir_fd, NEW_FILE, 0) < 0 && errno != ENOENT)
		return error_set_errno(err, "removing " NEW_FILE);
	carry->new_fd =
		openat(dir_fd, NEW_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (carry->new_fd < 0)
		return error_set_errno(err, "making " NEW_FILE);
	return true;
}

int records_file_create(const char *state_dir, const struct scoreboard_geometry *geometry,
	uint32_t *recovered, unsigned *dropped, struct error *err)
{
	int dir_fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct carry carry = {.old_fd = -1, .new_fd = -1, .geometry = geometry};
	bool found = false;

	carry.now_us = clock_wall_us();
	if (dir_fd < 0)
		error_set_errno(err, "opening the directory");
	if (dir_fd < 0 || !old_open(&carry, dir_fd, &found, err) ||
		!new_open(&carry, dir_fd, err) || (found && !old_read(&carry, err)) ||
		!new_finish(&carry, dir_fd, err)) {
		error_prefix(err, "record file %s/" RECORDS_FILE ": ", state_dir);
		fd_close(&carry.new_fd);
	}
	fd_close(&carry.old_fd);
	fd_close(&dir_fd);
	*recovered = carry.kept;
	*dropped = carry.dropped;
	return carry.new_fd;
}

bool scoreboard_column_allocate(struct scoreboard *scoreboard, uint32_t column, struct error *err)
{
	size_t size =
		(size_t)scoreboard->geometry.records_per_column * sizeof(struct scoreboard_record);
	struct records_head *head = (void *)scoreboard->file;
	int failed;

	if (column >= recovery_column(scoreboard))
		return error_set(err, "scoreboard: column %u is not for workers", column);
	if (head->columns_given <= column)
		head->columns_given = column + 1;
	do {
		failed = posix_fallocate(scoreboard->records_fd,
			(off_t)(RECORDS_FILE_HEAD + column * size), (off_t)size);
	} while (failed == EINTR);
	errno = failed;
	if (failed)
		return error_set_errno(err,
			"scoreboard: allocating %zu KiB of the record file for column %u",
			size / 1024, column);
	return true;
}
