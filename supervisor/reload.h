/* reload.h: another configuration, whole or not at all.
 *
 * The file is loaded and checked; any error keeps the old one and is told with its place. LIVE keys
 * go to the running workers; RESPAWN keys are tried by a new generation first; UPGRADE keys keep
 * their old value and are listed as pending. A request for a reload during one makes exactly one
 * more. */
#ifndef NEXUS_SUPERVISOR_RELOAD_H
#define NEXUS_SUPERVISOR_RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define RELOAD_ACK_MS 30000u

struct supervisor;
struct slot;

struct reload {
	enum { RELOAD_IDLE, RELOAD_TRIAL, RELOAD_ACKS } step;
	bool wanted;          /* begins when nothing else is under way */
	uint32_t begun;       /* reloads so far */
	uint64_t deadline_ms; /* ACKS */
	struct config_change changes[CONFIG_CHANGES_MAX]; /* UPGRADE: waits for the next start */
	size_t change_count;
	char refusal[600]; /* the first worker's that did not take it; "" = none */
};

/* Reloads now, or once more after the one under way; either way it is number begun + 1, and
 * admin_finished is told how it went. */
void reload_request(struct supervisor *supervisor, const char *why);
/* A worker took, or refused, that version. */
void reload_acknowledged(struct slot *slot, uint64_t version, const char *refusal);
void reload_go_on(struct supervisor *supervisor);

#endif
