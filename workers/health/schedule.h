/* schedule.h: which backend is probed when.
 *
 * One timer a backend; what is new, changed or seen failing is asked at once. Knows when the first
 * round is over. */
#ifndef NEXUS_HEALTH_SCHEDULE_H
#define NEXUS_HEALTH_SCHEDULE_H

#include "base/random.h"
#include "workers/health/catalogue.h"
#include "workers/health/probe.h"

struct schedule {
	struct ev_loop *loop;
	struct catalogue *catalogue;
	struct prober *prober;
	struct random random;
	bool stopping; /* no new probes */
	/* A probe has ended and is in the catalogue. */
	void (*on_report)(void *owner);
	void *owner;
};

void schedule_init(struct schedule *schedule, struct ev_loop *loop, struct catalogue *catalogue,
	void (*on_report)(void *owner), void *owner);
/* Ends every probe without a report. */
void schedule_free(struct schedule *schedule);

/* Probes the backend now; one that is being probed is asked again when that has ended. */
void schedule_now(struct schedule *schedule, struct backend_entry *entry);
/* The same, but at most once a second. */
void schedule_soon(struct schedule *schedule, struct backend_entry *entry);
/* Forgets the backend: no timer, no probe. */
void schedule_drop(struct schedule *schedule, struct backend_entry *entry);
/* No further probes; those that only wait are ended, those that run may finish. */
void schedule_stop(struct schedule *schedule);

/* Every backend that is probed at all has been since this worker started. */
bool schedule_first_round_is_over(const struct schedule *schedule);

#endif
