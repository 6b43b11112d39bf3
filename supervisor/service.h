/* service.h: what the files of this room share: the supervisor's own state, and the few steps that
 * concern all of it. Whatever happened to a slot, service_go_on looks at the world as it is and
 * takes the next step of what is under way (start, respawn, reload, stop); so no step depends on
 * the order in which things happened. */
#ifndef NEXUS_SUPERVISOR_SERVICE_H
#define NEXUS_SUPERVISOR_SERVICE_H

#include <ev.h>

#include "ipc/scoreboard.h"
#include "supervisor/config_issue.h"
#include "supervisor/mailroom.h"
#include "supervisor/obituary.h"
#include "supervisor/registry_cache.h"
#include "supervisor/reload.h"
#include "supervisor/respawn.h"
#include "supervisor/slot.h"
#include "supervisor/state_dir.h"
#include "supervisor/stop.h"
#include "supervisor/supervisor.h"

/* Exit codes of serve; a worker's 78 has the same meaning. */
#define EXIT_CODE_OK     0
#define EXIT_CODE_FAILED 1
#define EXIT_CODE_CONFIG 78 /* EX_CONFIG of sysexits.h */

#define SUPERVISOR_SIGNALS 7

struct admin;

struct supervisor {
	struct ev_loop *loop;
	const struct supervisor_options *options;
	int image_fd;   /* our own program, whatever is on disk by now */
	uint64_t epoch; /* of this start */
	uint64_t instance;
	int64_t started_wall_us;
	uint64_t started_ms;

	struct config_issue current;
	struct config_issue proposed; /* during a reload */
	int demo_fd;                  /* the demo server's socket; -1 without --demo */
	char demo_address[NET_ADDRESS_TEXT_SIZE];
	struct state_dir state_dir;
	struct scoreboard *scoreboard;
	int log_fd;
	bool log_is_elsewhere; /* not on standard error */

	struct slot *slots; /* one a column */
	unsigned slot_count;
	int budget_doorbell; /* eventfd: there is something to settle */
	unsigned wanted[ROLE_COUNT];
	uint32_t last_generation;
	struct obituaries obituaries;
	struct registry_cache registry;
	struct mailroom mailroom;

	bool serving; /* all roles have been READY once */
	bool stop_accept;
	bool ended; /* the loop is left at this turn */
	int exit_code;
	bool going_on, go_on_again; /* of service_go_on, which does not nest */
	int ready_pipe;             /* --daemon: where the waiting parent listens; -1 otherwise */
	struct respawn respawn;
	struct reload reload;
	struct stop stop;
	struct admin *admin;
	uint64_t last_tick_ms;
	ev_timer tick;
	ev_signal signals[SUPERVISOR_SIGNALS];
};

/* Slots, eventfds, last words: for `count` columns. */
bool service_make_slots(struct supervisor *supervisor, unsigned count, struct error *err);
void service_free_slots(struct supervisor *supervisor);
/* The next step of whatever is under way. Called after every change of a slot. */
void service_go_on(struct supervisor *supervisor);
/* Says why nothing came of it, also to the terminal when the log is elsewhere. */
void service_say_failure(struct supervisor *supervisor, const char *why);
/* Ends the loop; serve returns `exit_code`. */
void service_end(struct supervisor *supervisor, int exit_code);
/* The slot that answers to the address: the newest that is not draining, or NULL. */
struct slot *service_find(struct supervisor *supervisor, enum role role, unsigned number);
/* An EMPTY slot whose last worker is buried; NULL when there is none. */
struct slot *service_free_slot(struct supervisor *supervisor);
/* Opens the place that `config` names (again, when its file was moved) and logs there, at its
 * levels. On failure all is as before. */
bool service_open_log(
	struct supervisor *supervisor, const struct config *config, struct error *err);
/* With --demo: names the demo's address to a configuration that is not yet in force. */
void service_add_demo(const struct supervisor *supervisor, struct config *config);

#endif
