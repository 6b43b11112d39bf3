/* state_dir.h: the directory of what must survive us, and its lock.
 *
 * The lock's descriptor is held by every process of the service: who gets it knows that the last of
 * an earlier service is gone, and may open what is kept there. */
#ifndef NEXUS_SUPERVISOR_STATE_DIR_H
#define NEXUS_SUPERVISOR_STATE_DIR_H

#include "base/directory.h"
#include "base/error.h"
#include "config/config.h"

#define STATE_DIR_MAX DIRECTORY_PATH_MAX

struct state_dir {
	char path[STATE_DIR_MAX];
	int lock_fd;
};

/* Makes the directory (0700) if need be and takes the lock, waiting a few seconds for the processes
 * of a service that has just died. False with the reason, naming the process that holds it. */
bool state_dir_open(struct state_dir *dir, const struct config *config, struct error *err);
void state_dir_close(struct state_dir *dir);

#endif
