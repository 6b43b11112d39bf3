/* mailroom.h: who may say what to whom, and how it gets there.
 *
 * Every worker speaks only to us. What is for another is stamped with who sent it and passed on by
 * its header, unread; what is for us is handled. A command is always answered: by the worker, or by
 * us when it is busy or gone. */
#ifndef NEXUS_SUPERVISOR_MAILROOM_H
#define NEXUS_SUPERVISOR_MAILROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "ipc/channel.h"
#include "ipc/message.h"

#define MAILROOM_COMMANDS_MAX 32u

struct slot;
struct supervisor;

/* A piece of an answer. `more`: another follows. */
typedef void mailroom_answer(void *asker, int exit_code, struct slice text, bool more);

struct mailroom_command {
	uint32_t request_id; /* 0: free place */
	struct slot *slot;
	uint32_t generation;
	mailroom_answer *answer;
	void *asker;
};

struct mailroom {
	struct mailroom_command commands[MAILROOM_COMMANDS_MAX];
	uint32_t last_request_id;
};

/* Pure: the header as it may be passed on, or handled. False when `sender` may not say this, or not
 * to that role. */
bool mailroom_stamp(struct frame_header *header, struct peer sender, uint32_t generation);

extern const struct channel_events mailroom_events; /* owner: the slot */

/* BOOT, CONFIG and the registry, for a worker that has just been made. False when its channel is
 * already full or lost. */
bool mailroom_welcome(struct slot *slot);
bool mailroom_send(struct slot *slot, enum message_type type, const void *message, const int *fds,
	uint8_t fd_count);
/* The configuration in force, and the log's descriptor, to every worker but those on trial. */
void mailroom_send_config(struct supervisor *supervisor);
/* A worker is dead and read to its end: commands to it are answered, all others are told. */
void mailroom_announce_death(struct slot *slot);
/* Asks; `answer` is called at least once, later or from within. */
void mailroom_command(struct slot *slot, const char *line, mailroom_answer *answer, void *asker);
/* The asker is gone: what is answered to it is dropped. */
void mailroom_forget(struct mailroom *mailroom, const void *asker);
/* Replays the registry to those who missed a part of it, once they read again. */
void mailroom_catch_up(struct supervisor *supervisor);

#endif
