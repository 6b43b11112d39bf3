/* catalogue.h: the health worker's own view of all backends: what is configured, what probes and
 * traffic have shown.
 *
 * It alone gives out the row and state numbers of backends, writes their states in the scoreboard
 * and decides what the registry says. It sends nothing by itself: publish.h tells the others what
 * changed. It has no loop and no clock. */
#ifndef NEXUS_HEALTH_CATALOGUE_H
#define NEXUS_HEALTH_CATALOGUE_H

#include <ev.h>

#include "backend/backend.h"
#include "base/hash_table.h"
#include "config/config.h"
#include "ipc/message.h"
#include "ipc/scoreboard.h"
#include "registry/registry.h"
#include "workers/health/backend_state.h"
#include "workers/health/model_list.h"
#include "workers/health/numbers.h"

/* Rows 1 to CATALOGUE_ROWS are the backends'; twice as many as backends, since given-up rows rest a
 * while. */
#define CATALOGUE_ROW_FIRST 1u
#define CATALOGUE_ROWS      (2 * REGISTRY_BACKENDS_MAX)
#define RATE_LIMIT_MAX_MS   (15u * 60u * 1000u)

struct backend_entry {
	uint64_t id;
	struct registry_backend *facts; /* what the registry says, or will at the next publishing */
	bool is_told;                   /* the others know `facts` */
	bool is_kept;                   /* by the configuration being applied */
	bool is_reported;               /* probed since this worker started */
	uint32_t *leaving;              /* states of models that are gone, not yet told */
	size_t leaving_count;
	const struct config_backend
		*configured; /* of the catalogue's configuration; NULL: only known from the seed */
	const struct backend_ops *ops; /* NULL: this release does not speak the type */
	struct model_list discovered;
	struct backend_state state;
	struct probe_memory *memory;
	int64_t checked_wall_us; /* 0 = never */
	char *last_error;        /* NULL = none */
	char *note;              /* what is odd about the server, or NULL */
	char *version;           /* of the server; NULL = unknown */
	uint32_t slots;          /* requests the server says it serves at once; 0 = unknown */
	uint64_t probes;
	uint64_t probes_failed;
	uint64_t observed[OBSERVED_COUNT];

	/* the schedule's (schedule.c) */
	struct probe *probe; /* NULL: none is running */
	bool is_probe_stale; /* it was started under older settings */
	ev_timer timer;
	uint64_t started_ms; /* when the last probe was started; 0 = never */
};

/* A backend that is gone; the others are still to be told. */
struct departed {
	uint64_t id;
	uint32_t row;
	uint32_t *states;
	size_t state_count;
};

struct catalogue {
	struct scoreboard *scoreboard;
	struct config *config; /* a reference */
	struct state_rules rules;
	struct backend_entry **entries;
	size_t count;
	struct hash_table by_id;
	struct departed *departed;
	size_t departed_count;
	struct numbers rows;
	struct numbers states;
	uint64_t version; /* of the last registry that was ended */
	bool end_owed;    /* something was told since */
};

/* What follows from a new configuration. */
struct catalogue_events {
	/* Is new, or changed so that what was known may be wrong: to be probed at once. */
	void (*to_probe)(void *owner, struct backend_entry *entry);
	/* Is about to be freed: stop its timer and probe. */
	void (*leaving)(void *owner, struct backend_entry *entry);
};

/* `seed` is the registry as the supervisor replayed it: its backends keep rows, states, models and
 * status. */
struct catalogue *catalogue_new(struct scoreboard *scoreboard, const struct registry *seed);
/* Every entry's probe has been ended by the owner. */
void catalogue_free(struct catalogue **catalogue);

/* Takes over a configuration (and a reference to it): adds, changes, removes. */
void catalogue_configure(struct catalogue *catalogue, struct config *config,
	const struct catalogue_events *events, void *owner);

struct backend_entry *catalogue_find(const struct catalogue *catalogue, uint64_t id);

/* A probe of the entry has ended. */
void catalogue_report(struct catalogue *catalogue, struct backend_entry *entry,
	const struct probe_result *result, uint64_t latency_us, int64_t wall_us);
/* Traffic saw something. True when an early probe would tell more. */
bool catalogue_observe(
	struct catalogue *catalogue, const struct msg_observed *observed, uint64_t now_ms);

/* Lets numbers be used again that no live worker can see any more. */
void catalogue_tidy(struct catalogue *catalogue);

/* --- between the files of the catalogue --- */

/* Makes the entry's facts new from what is discovered and configured; they are to be told if they
 * differ. */
void entry_refresh(struct catalogue *catalogue, struct backend_entry *entry);
/* Writes the entry's state to the scoreboard. */
void entry_show(struct catalogue *catalogue, struct backend_entry *entry);
void entry_set_error(struct backend_entry *entry, const char *text);
/* The key that goes with requests; "" when there is none. */
const char *entry_api_key(const struct backend_entry *entry);

#endif
