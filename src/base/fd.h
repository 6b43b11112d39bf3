/* fd.h: file descriptors with one owner each. */
#ifndef NEXUS_BASE_FD_H
#define NEXUS_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"

/* Closes *fd unless it is -1, and sets it to -1. */
void fd_close(int *fd);
bool fd_set_nonblocking(int fd, struct error *err);
/* Clears or sets FD_CLOEXEC. */
bool fd_set_cloexec(int fd, bool on, struct error *err);
/* Raises RLIMIT_NOFILE's soft limit to the hard one and returns what is in force. */
unsigned long fd_raise_limit(void);
/* Writes all of it to a blocking descriptor, retrying on EINTR. */
bool fd_write_all(int fd, const void *data, size_t len, struct error *err);

/* Memory that holds `content` and can never change, for whoever gets the descriptor. The caller
 * closes it; -1 with the reason. */
int fd_sealed_memory(const char *name, struct slice content, struct error *err);

#endif
