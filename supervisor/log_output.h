/* log_output.h: where the log goes and how much of it: stderr, a file, or syslog's socket. The
 * descriptor opened here is every process's; after a reopening the workers get the new one with
 * their configuration. */
#ifndef NEXUS_SUPERVISOR_LOG_OUTPUT_H
#define NEXUS_SUPERVISOR_LOG_OUTPUT_H

#include "base/error.h"
#include "config/config.h"

struct log_output {
	int fd;         /* where lines go */
	bool is_stderr; /* then it is not ours to close */
};

/* Takes the levels, the format and the place of `config`. False when the place cannot be opened;
 * all is as before. */
bool log_output_apply(struct log_output *output, const struct config *config, struct error *err);

#endif
