/* respawn.h: new workers beside the old, and only when all of them are READY do the old ones drain.
 *
 * If one of the new does not become READY, they leave, the old go on and the reason is told. No
 * connection is refused and no stream is cut. Roles that are never two at a time are swapped
 * instead: the old one finishes, then the new one starts in its place. One respawn at a time; one
 * that finds too many generations draining waits. */
#ifndef NEXUS_SUPERVISOR_RESPAWN_H
#define NEXUS_SUPERVISOR_RESPAWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ipc/role.h"

#define RESPAWN_DRAINING_MAX 3u /* generations */
#define RESPAWN_EVERY        (-1)

struct supervisor;

/* How it ended: `problem` NULL when well. Called before the old ones drain. */
typedef void respawn_done(struct supervisor *supervisor, const char *problem);

struct respawn_order {
	enum role role;
	int number;      /* one slot, or RESPAWN_EVERY */
	bool keep_old;   /* only the difference to `wanted` is started or drained */
	unsigned wanted; /* workers of the role from then on */
	respawn_done *done;
};

struct respawn {
	enum { RESPAWN_IDLE, RESPAWN_WAITING, RESPAWN_TRIAL, RESPAWN_SWAP } step;
	struct respawn_order order;
	bool failed;
	char problem[256];
	uint32_t swapped_generation; /* SWAP: of the worker that leaves */
};

/* False when one is under way or there is no such worker. */
bool respawn_start(
	struct supervisor *supervisor, const struct respawn_order *order, struct error *err);
/* A worker on trial has died. */
void respawn_failed(struct supervisor *supervisor, const char *why);
void respawn_go_on(struct supervisor *supervisor);

#endif
