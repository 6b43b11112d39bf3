/* spawn.c: fork, clean, fexecve. Between fork and exec only system calls. */
#include "supervisor/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#define CHANNEL_FD 3
/* What a shell gives to a program that it cannot execute; told apart in no other way. */
#define EXIT_CANNOT_EXEC 126

int spawn_open_image(struct error *err)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		error_set_errno(err, "cannot open our own program (/proc/self/exe)");
	return fd;
}

static void reset_signals(void)
{
	/* A terminal's and an operator's signals to the whole group are for the supervisor. */
	static const int ignored[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGPIPE};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP)
			signal(i, SIG_DFL);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become_worker(int image_fd, const char *role, int channel_fd, pid_t parent)
{
	char *const argv[] = {(char *)"nexus", (char *)"worker", (char *)role, NULL};
	extern char **environ;
	int null_fd = open("/dev/null", O_RDONLY);

	reset_signals();
	if (null_fd >= 0)
		dup2(null_fd, STDIN_FILENO);
	/* The image's descriptor may stand in the way of number 3. */
	image_fd = fcntl(image_fd, F_DUPFD_CLOEXEC, CHANNEL_FD + 1);
	if (channel_fd == CHANNEL_FD)
		fcntl(channel_fd, F_SETFD, 0);
	else
		dup2(channel_fd, CHANNEL_FD);
	close_range(CHANNEL_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		fexecve(image_fd, argv, environ);
	_exit(EXIT_CANNOT_EXEC);
}

bool spawn_worker(int image_fd, enum role role, pid_t *pid, int *channel_fd, struct error *err)
{
	sigset_t all, before;
	pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return error_set_errno(
			err, "cannot make a channel for a %s worker", role_names[role]);
	/* No handler of ours may run in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	*pid = fork();
	if (*pid == 0)
		become_worker(image_fd, role_names[role], ends[1], parent);
	if (*pid < 0)
		error_set_errno(err, "cannot fork a %s worker", role_names[role]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	fd_close(&ends[1]);
	if (*pid < 0)
		fd_close(&ends[0]);
	*channel_fd = ends[0];
	return *pid > 0;
}
