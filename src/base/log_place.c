/* log_place.c: opening by name. */
#include "base/log_place.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

static int open_syslog(struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		error_set_errno(err, "cannot reach syslog at /dev/log");
		fd_close(&fd);
	}
	return fd;
}

int log_place_open(const char *place, struct error *err)
{
	int fd;

	if (strcmp(place, "syslog") == 0)
		return open_syslog(err);
	if (place[0] == '\0')
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	else
		fd = open(place, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		error_set_errno(
			err, "cannot open %s for the log", place[0] ? place : "standard error");
	return fd;
}
