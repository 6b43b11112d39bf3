/* stop.h: the end of the service, rank by rank in the reverse order of the start, so that the
 * ledger gets everything. */
#ifndef NEXUS_SUPERVISOR_STOP_H
#define NEXUS_SUPERVISOR_STOP_H

#include <stdbool.h>
#include <stdint.h>

struct supervisor;
struct slot;

enum stop_how {
	STOP_NOT,
	STOP_PATIENT,  /* each request has its own time (SIGQUIT) */
	STOP_GRACEFUL, /* requests have server.stop_timeout_seconds (SIGTERM, SIGINT, shutdown) */
	STOP_NOW,      /* nobody is waited for but the budget worker, shortly */
};

struct stop {
	enum stop_how how;
	uint64_t deadline_ms; /* GRACEFUL: when requests are ended */
	unsigned rank_told;   /* the lowest rank that has been told to leave; 0: none yet */
};

/* Begins, or makes a stop that is under way more urgent: a second GRACEFUL means NOW. Never less
 * urgent. */
void stop_begin(struct supervisor *supervisor, enum stop_how how, const char *why);
/* The next rank, when the one before has left. */
void stop_go_on(struct supervisor *supervisor);

/* Stops or resumes accepting, in all request workers (SIGWINCH). */
void stop_toggle_accept(struct supervisor *supervisor);
/* Tells a worker whether to accept. */
void stop_tell_accept(struct slot *slot);

#endif
