/* fake_supervisor.h: runs one worker as the supervisor would, for component tests.
 *
 * The worker is a child of the test: either `worker_run(ops)` in a fork or the real program
 * executed. It has a real scoreboard in a temporary state directory, real listening sockets on
 * 127.0.0.1, and a channel whose every word the test says and hears. What goes wrong with the fake
 * itself aborts the test with a sentence. */
#ifndef NEXUS_TESTS_FAKE_SUPERVISOR_H
#define NEXUS_TESTS_FAKE_SUPERVISOR_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/list.h"
#include "config/config.h"
#include "ipc/channel.h"
#include "ipc/scoreboard.h"
#include "workers/worker.h"

#define FAKE_TIMEOUT_MS    10000u /* for what must come; generous, for slow machines */
#define FAKE_LISTENERS_MAX 4u

struct fake_options {
	enum role role;
	const struct worker_ops *ops; /* run in a fork; NULL: execute `program` */
	const char *program;          /* path of nexus, run as `nexus worker ROLE` */
	const char *config;           /* text of a configuration file; NULL = defaults */
	unsigned listeners;           /* at most FAKE_LISTENERS_MAX */
};

struct fake_supervisor {
	struct fake_options options;
	struct ev_loop *loop;
	struct channel *channel; /* NULL after the worker closed it */
	pid_t pid;               /* 0 after it was reaped */
	int status;              /* of waitpid, then */
	uint8_t slot;
	uint32_t generation;
	uint16_t column;
	uint64_t config_version;
	char state_dir[64];
	struct scoreboard *scoreboard;
	int own_doorbell;
	int budget_doorbell;
	int listeners[FAKE_LISTENERS_MAX];
	uint16_t ports[FAKE_LISTENERS_MAX]; /* of 127.0.0.1 */
	char *last_words;                   /* shared with the worker */
	/* private */
	int lock_fd;
	int last_words_fd;
	struct list heard;
	struct arena arena;
};

/* Everything a worker needs, said: fork, BOOT, CONFIG and a registry without backends. */
void fake_start(struct fake_supervisor *fake, const struct fake_options *options);
/* The same in steps. */
void fake_spawn(struct fake_supervisor *fake, const struct fake_options *options);
void fake_send_boot(struct fake_supervisor *fake);
/* `text` of a configuration file, read and checked as the real supervisor does; NULL = defaults. */
void fake_send_config(struct fake_supervisor *fake, const char *text);
/* Exactly these bytes, as they are. */
void fake_send_config_bytes(struct fake_supervisor *fake, struct slice bytes);
void fake_send_registry_end(struct fake_supervisor *fake, uint64_t version);
void fake_send(struct fake_supervisor *fake, enum message_type type, const void *message);
/* With the header's sender, object, version and request id as given. */
void fake_send_with(struct fake_supervisor *fake, enum message_type type,
	struct frame_header header, const void *message);
/* Bytes that are no frame. */
void fake_send_garbage(struct fake_supervisor *fake);

/* The first message of `type` not yet awaited, decoded; NULL when none comes in time. Valid until
 * the next await. */
const void *fake_await(struct fake_supervisor *fake, enum message_type type, unsigned timeout_ms);
/* The same with its header. */
const void *fake_await_frame(struct fake_supervisor *fake, enum message_type type,
	unsigned timeout_ms, struct frame_header *header);
/* Sends a COMMAND and gathers its whole answer; NULL when none comes. Valid until the next await.
 */
const char *fake_command(struct fake_supervisor *fake, const char *line, int *exit_code);
void fake_ring(struct fake_supervisor *fake);

void fake_close_channel(struct fake_supervisor *fake);
void fake_kill(struct fake_supervisor *fake, int signal);
/* Whether it ended in time; fake->status tells how. */
bool fake_await_exit(struct fake_supervisor *fake, unsigned timeout_ms);
/* Ends the worker if need be and removes everything. */
void fake_stop(struct fake_supervisor *fake);

#endif
