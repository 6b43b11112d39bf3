/* daemonize.c: two forks and a pipe. Called before anything else is opened. */
#include "base/daemonize.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static _Noreturn void wait_for_daemon(int ready_fd)
{
	unsigned char code = 1;
	ssize_t got;

	do
		got = read(ready_fd, &code, 1);
	while (got < 0 && errno == EINTR);
	_exit(got == 1 ? code : 1);
}

int daemonize(struct error *err)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		error_set_errno(err, "cannot become a daemon: pipe");
		return -1;
	}
	child = fork();
	if (child < 0) {
		error_set_errno(err, "cannot become a daemon: fork");
		return -1;
	}
	if (child > 0) {
		fd_close(&ends[1]);
		waitpid(child, NULL, 0);
		wait_for_daemon(ends[0]);
	}
	setsid();
	/* No longer a session's leader: it cannot get a terminal again. If this fails, nobody tells
	 * and the caller gets 1. */
	if (fork() != 0)
		_exit(1);
	fd_close(&ends[0]);
	return ends[1];
}

static void let_terminal_go(bool keep_stderr)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	if (!keep_stderr)
		dup2(fd, STDERR_FILENO);
	fd_close(&fd);
}

void daemonize_tell(int *ready_fd, int exit_code, bool keep_stderr)
{
	unsigned char code = (unsigned char)exit_code;

	if (*ready_fd < 0)
		return;
	if (exit_code == 0)
		let_terminal_go(keep_stderr);
	/* If the caller has gone meanwhile, there is nobody to tell. */
	(void)!write(*ready_fd, &code, 1);
	fd_close(ready_fd);
}

bool pid_file_write(const char *path, struct error *err)
{
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool written;

	if (fd < 0)
		return error_set_errno(err, "cannot write the pid file %s", path);
	written = fd_write_all(fd, pid, (size_t)len, err);
	fd_close(&fd);
	return written || error_prefix(err, "pid file %s: ", path);
}
