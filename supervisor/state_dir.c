/* state_dir.c: making it, locking it. Used at start only: it may wait. */
#include "supervisor/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/directory.h"
#include "base/fd.h"
#include "base/log.h"

/* Workers die with their supervisor; the kernel needs moments to end them all. */
#define LOCK_WAIT_MS 5000u
#define LOCK_STEP_MS 50u

static void read_holder(int fd, char holder[32])
{
	ssize_t len = pread(fd, holder, 31, 0);

	holder[len > 0 ? len : 0] = '\0';
	holder[strspn(holder, "0123456789")] = '\0';
}

static bool take_lock(struct state_dir *dir, struct error *err)
{
	struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
	char holder[32];

	for (unsigned waited = 0; flock(dir->lock_fd, LOCK_EX | LOCK_NB) < 0;
		waited += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(err, "cannot lock %s", dir->path);
		read_holder(dir->lock_fd, holder);
		if (waited == 0)
			log_info(LOG_SUPERVISOR, "waiting for %s: another nexus (pid %s) has it",
				dir->path, holder);
		if (waited >= LOCK_WAIT_MS)
			return error_set(err,
				"another nexus (pid %s) runs with the state directory %s; stop it, "
				"or set"
				" server.state_dir to another",
				holder, dir->path);
		nanosleep(&step, NULL);
	}
	return true;
}

/* Who has the lock, for whoever finds it taken. */
static bool sign_lock(struct state_dir *dir, struct error *err)
{
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	if (ftruncate(dir->lock_fd, 0) < 0 || pwrite(dir->lock_fd, pid, (size_t)len, 0) != len)
		return error_set_errno(err, "cannot write to %s/lock", dir->path);
	return true;
}

bool state_dir_open(struct state_dir *dir, const struct config *config, struct error *err)
{
	char lock[STATE_DIR_MAX + 8];

	dir->lock_fd = -1;
	if (!config_state_dir(config, dir->path, sizeof(dir->path), err))
		return false;
	if (!directory_make(dir->path, 0700, err))
		return error_prefix(err, "server.state_dir: ");
	snprintf(lock, sizeof(lock), "%s/lock", dir->path);
	dir->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (dir->lock_fd < 0)
		return error_set_errno(err, "cannot open %s", lock);
	if (take_lock(dir, err) && sign_lock(dir, err))
		return true;
	state_dir_close(dir);
	return false;
}

void state_dir_close(struct state_dir *dir)
{
	fd_close(&dir->lock_fd);
}
