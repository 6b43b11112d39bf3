/* spawn.h: from nothing to a process that runs our own image, with a clean slate and a channel on
 * descriptor 3. */
#ifndef NEXUS_SUPERVISOR_SPAWN_H
#define NEXUS_SUPERVISOR_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "ipc/role.h"

/* A descriptor of the image this process runs: what is exec'd from then on, whatever happens to the
 * file on disk. */
int spawn_open_image(struct error *err);
/* Starts `nexus worker ROLE`. *channel_fd gets our end of its channel. The child has no other
 * descriptor of ours than standard output and error, default signals (those that a terminal or an
 * operator sends to a whole group are ignored: the supervisor alone acts on them), and dies with
 * us. False with the reason when the system refuses. */
bool spawn_worker(int image_fd, enum role role, pid_t *pid, int *channel_fd, struct error *err);

#endif
