/* process_table.c: the rows. */
#include "supervisor/process_table.h"

#include <sched.h>
#include <string.h>

/* clang-format off */
const struct process_row process_table[ROLE_COUNT] = {
	[ROLE_BUDGET]  = { .slots = 1, .start_rank = 1, .swapped = true,
		.ready_timeout_s = 30, .hang_timeout_s = 30, .stop_timeout_s = 10,
		.doc = "the ledger, budgets, prices, metrics; may block in a commit" },
	[ROLE_DEMO]    = { .slots = 1, .start_rank = 2, .swapped = true, .demo_only = true,
		.ready_timeout_s = 10, .hang_timeout_s = 10, .stop_timeout_s = 2,
		.doc = "a model server for newcomers" },
	[ROLE_HEALTH]  = { .slots = 1, .start_rank = 3, .swapped = true,
		.ready_timeout_s = 10, .hang_timeout_s = 10, .stop_timeout_s = 5,
		.doc = "probes, discovery; proposes the registry" },
	[ROLE_REQUEST] = { .slots = 0, .start_rank = 4, .swapped = false,
		.ready_timeout_s = 10, .hang_timeout_s = 10, .stop_timeout_s = 10,
		.doc = "serves clients" },
};
/* clang-format on */

/* The single workers, the column of earlier runs, and some to spare. */
#define COLUMNS_BESIDE 8u
#define SINGLE_WORKERS 3u
#define GENERATIONS    4u
/* A slot's number is one byte on the wire, of which one value means every slot. */
#define WORKERS_MAX (PEER_EVERY - 1u)

static unsigned worker_count(const struct config *config)
{
	cpu_set_t cores;
	unsigned count = config->server.workers;

	if (count == 0)
		count = sched_getaffinity(0, sizeof(cores), &cores) == 0
				? (unsigned)CPU_COUNT(&cores)
				: 1;
	return count < WORKERS_MAX ? count : WORKERS_MAX;
}

unsigned process_count(enum role role, const struct config *config, bool demo)
{
	const struct process_row *row = &process_table[role];

	if (row->start_rank == 0 || (row->demo_only && !demo))
		return 0;
	return row->slots ? row->slots : worker_count(config);
}

unsigned process_columns(const struct config *config)
{
	return GENERATIONS * worker_count(config) + COLUMNS_BESIDE;
}

unsigned process_workers_max(unsigned slots)
{
	unsigned count = (slots - SINGLE_WORKERS) / 2;

	return count < WORKERS_MAX ? count : WORKERS_MAX;
}

enum role process_role_by_name(const char *name)
{
	for (int role = 0; role < ROLE_COUNT; role++)
		if (process_table[role].start_rank > 0 && strcmp(role_names[role], name) == 0)
			return (enum role)role;
	return ROLE_COUNT;
}
