/* fd.c: the few things done to descriptors whatever they are. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool set_flag(int fd, int get, int set, int flag, bool on, struct error *err)
{
	int flags = fcntl(fd, get);
	int wanted = on ? flags | flag : flags & ~flag;

	if (flags < 0 || (wanted != flags && fcntl(fd, set, wanted) < 0))
		return error_set_errno(err, "fcntl on descriptor %d", fd);
	return true;
}

bool fd_set_nonblocking(int fd, struct error *err)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, true, err);
}

bool fd_set_cloexec(int fd, bool on, struct error *err)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on, err);
}

unsigned long fd_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	return (unsigned long)limit.rlim_cur;
}

bool fd_write_all(int fd, const void *data, size_t len, struct error *err)
{
	const char *at = data;

	while (len > 0) {
		ssize_t wrote = write(fd, at, len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return error_set_errno(err, "write");
		at += wrote;
		len -= (size_t)wrote;
	}
	return true;
}

int fd_sealed_memory(const char *name, struct slice content, struct error *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0) {
		error_set_errno(err, "memory for %s", name);
	} else if (!fd_write_all(fd, content.data, content.len, err)) {
		fd_close(&fd);
	} else if (fcntl(fd, F_ADD_SEALS,
			   F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
		error_set_errno(err, "sealing %s", name);
		fd_close(&fd);
	}
	return fd;
}
