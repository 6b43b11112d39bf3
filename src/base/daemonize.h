/* daemonize.h: a daemon's manners. Into the background, without leaving the caller in doubt: its
 * process waits until we serve or have failed. */
#ifndef NEXUS_BASE_DAEMONIZE_H
#define NEXUS_BASE_DAEMONIZE_H

#include <stdbool.h>

#include "base/error.h"

/* Forks twice. Returns, in the daemon only, the descriptor to be given to daemonize_tell; -1 when
 * forking fails. The caller's process waits, and exits with what it is told, or with 1 when the
 * daemon dies before. */
int daemonize(struct error *err);
/* Tells the waiting process how it went; on success the terminal is let go. Harmless with -1, and
 * the second time. */
void daemonize_tell(int *ready_fd, int exit_code, bool keep_stderr);

/* "123\n", replacing what is there. */
bool pid_file_write(const char *path, struct error *err);

#endif
