/* config_issue.h: a configuration as it is handed to workers: its canonical text in a sealed memfd,
 * and the listening sockets it names. The supervisor has the one in force and, during a reload, the
 * one on trial. */
#ifndef NEXUS_SUPERVISOR_CONFIG_ISSUE_H
#define NEXUS_SUPERVISOR_CONFIG_ISSUE_H

#include "base/error.h"
#include "config/config.h"
#include "supervisor/listen_sockets.h"

struct config_issue {
	struct config *config; /* a reference; NULL: there is no such issue */
	int text_fd;
	uint64_t size;
	struct listen_sockets listeners;
};

/* Takes over the reference to `config`, also on failure, and gives it `version`. Sockets for
 * addresses that `before` (may be NULL) has too are the same sockets. */
bool config_issue_make(struct config_issue *issue, struct config *config, uint64_t version,
	const struct config_issue *before, struct error *err);
/* Closes what it holds; harmless when there is none. */
void config_issue_drop(struct config_issue *issue);

#endif
