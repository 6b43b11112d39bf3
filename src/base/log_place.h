/* log_place.h: a descriptor for log_set_output: standard error, a file, or syslog's socket. */
#ifndef NEXUS_BASE_LOG_PLACE_H
#define NEXUS_BASE_LOG_PLACE_H

#include "base/error.h"

/* `place` is "" for standard error (another descriptor of it), "syslog", or a path, which is made
 * 0640 if need be and appended to. The caller closes the descriptor; -1 with the reason. */
int log_place_open(const char *place, struct error *err);

#endif
