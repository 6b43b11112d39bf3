/* slot_life.h: a slot's worker from birth to death, and what comes next. The mechanism alone: when
 * to replace, reload or stop is decided elsewhere (respawn, reload, stop), and this file calls none
 * of them but through service_go_on. */
#ifndef NEXUS_SUPERVISOR_SLOT_LIFE_H
#define NEXUS_SUPERVISOR_SLOT_LIFE_H

#include "supervisor/slot.h"

struct config_issue;

/* Gives an EMPTY slot an address and starts its worker. `trial`: it runs the proposed configuration
 * if there is one, and its death is the respawn's failure, not a reason to try again. */
void slot_begin(struct slot *slot, enum role role, uint8_t number, bool trial);
/* The configuration its next worker is given. */
struct config_issue *slot_issue(const struct slot *slot);
/* It said READY. */
void slot_ready(struct slot *slot);
/* DRAIN, and SIGKILL `kill_after_ms` later if it is still there (0: never). deadline_ms as in the
 * message. */
void slot_drain(struct slot *slot, uint64_t deadline_ms, uint64_t kill_after_ms, bool stopping);
/* SIGABRT first: a core and last words; liveness follows with SIGKILL. */
void slot_abort(struct slot *slot, const char *cause);
void slot_kill(struct slot *slot, int signal, const char *cause);
/* SIGKILL to one that is not needed and has nothing to lose; logged as an ordinary end. */
void slot_dismiss(struct slot *slot);
/* Its channel ended while it has not been reaped: it is leaving, or is made to. */
void slot_channel_lost(struct slot *slot);
/* There is no process: nothing is tried here any more. */
void slot_leave(struct slot *slot);
/* FAILED or waiting in BACKOFF: is tried now. */
void slot_retry(struct slot *slot);
/* Ends what the dead worker's column still holds; false while a lock is held elsewhere: call again
 * later. */
bool slot_bury(struct slot *slot);
/* Reaps every child that has ended. */
void slots_reap(struct supervisor *supervisor);

#endif
