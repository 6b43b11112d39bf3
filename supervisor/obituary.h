/* obituary.h: what is said of a process that has ended: one line, composed purely, logged once, the
 * last ones kept for whoever asks. */
#ifndef NEXUS_SUPERVISOR_OBITUARY_H
#define NEXUS_SUPERVISOR_OBITUARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"
#include "ipc/role.h"

#define OBITUARY_MAX  640
#define OBITUARY_KEPT 20u

struct obituary {
	struct peer who;
	uint32_t generation;
	pid_t pid;
	uint64_t up_ms; /* since its start */
	bool was_ready;
	int wait_status;    /* of waitpid */
	unsigned in_flight; /* requests, when the worker was last heard or as its column showed */
	const char *cause;  /* why we ended it ourselves ("hung"), or NULL */
	struct slice last_words; /* untrusted bytes; may be empty */
};

struct obituaries {
	char lines[OBITUARY_KEPT][OBITUARY_MAX];
	unsigned count; /* of all time */
};

/* "request[1] g7 (pid 4711) died after 3m12s: signal 11 (Segmentation fault); 3 requests in flight;
 * last words: ..." */
void obituary_compose(const struct obituary *obituary, char line[OBITUARY_MAX]);
void obituary_keep(struct obituaries *kept, const char *line);
/* The i-th kept line, the newest first; NULL when there are not so many. */
const char *obituary_kept(const struct obituaries *kept, unsigned i);

#endif
