/* process_table.h: all processes on one screen. A role is a row; nothing else in this room knows
 * roles by name, except where a role is special by its meaning (the health worker's registry, the
 * budget worker's doorbell). */
#ifndef NEXUS_SUPERVISOR_PROCESS_TABLE_H
#define NEXUS_SUPERVISOR_PROCESS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "ipc/role.h"

struct process_row {
	uint8_t slots;      /* 0: as many as server.workers says */
	uint8_t start_rank; /* started from 1 upwards, each when the one before is READY; stopped in
			       reverse; 0: never */
	bool swapped;       /* never two at a time: the old one leaves before the new one starts */
	bool demo_only;
	uint16_t ready_timeout_s;
	uint16_t hang_timeout_s;
	uint16_t stop_timeout_s; /* to leave after a DRAIN that has no other deadline of the
				    service's stop */
	const char *doc;
};

extern const struct process_row process_table[ROLE_COUNT];
#define PROCESS_RANK_MAX 4u

/* How many workers of the role this configuration wants. */
unsigned process_count(enum role role, const struct config *config, bool demo);
/* Columns for this configuration: each worker, up to three draining generations, and room for the
 * single ones. */
unsigned process_columns(const struct config *config);
/* The most request workers that so many slots serve, such that a whole new generation still fits
 * beside them. */
unsigned process_workers_max(unsigned slots);
/* The role of that name; ROLE_COUNT when there is none among the workers. */
enum role process_role_by_name(const char *name);

#endif
