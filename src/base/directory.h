/* directory.h: making a directory of our own. */
#ifndef NEXUS_BASE_DIRECTORY_H
#define NEXUS_BASE_DIRECTORY_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

#define DIRECTORY_PATH_MAX 4096u

/* Makes `path` with `mode`, and what is missing above it with 0755. True when it is there and we
 * may read and write in it, whoever made it. */
bool directory_make(const char *path, mode_t mode, struct error *err);

#endif
