/* supervisor.h: the one process that keeps the others alive.
 *
 * It starts the workers, restarts what dies, passes messages between them by header and holds what
 * must survive them: listening sockets, the configuration, the registry's last frames, the
 * scoreboard, the admin socket. It parses nothing from the network. What one worker does is never
 * its business. */
#ifndef NEXUS_SUPERVISOR_SUPERVISOR_H
#define NEXUS_SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>

#include "config/config.h"

struct supervisor_options {
	/* What the configuration was loaded from and a reload loads from again: the command line's
	 * own settings (--port,
	 * --no-discovery, --workers ...) stand in its overrides. Strings must outlive the call. */
	struct config_sources sources;
	const char *pid_file; /* written once we listen, removed at the end; NULL = none */
	bool daemonize; /* the caller's process ends when the service is ready (0) or has failed
			   (its code) */
	bool demo;      /* also run the demo model server, as backend "demo" */
};

/* Serves until told to stop; returns the process's exit code: 0 stopped as asked, 1 could not
 * start, 78 configuration. What went wrong has been logged. Takes over the caller's reference to
 * `config`. Relative paths keep their meaning: the working directory is not changed. */
int supervisor_serve(struct config *config, const struct supervisor_options *options);

#endif
