/* mailroom.c: stamping, forwarding, welcoming, commands. */
#include "supervisor/mailroom.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/handlers.h"
#include "supervisor/service.h"
#include "supervisor/slot_life.h"

static const struct peer ourselves = {ROLE_SUPERVISOR, 0};

static bool is_registry(unsigned type)
{
	return type == MSG_BACKEND_PUT || type == MSG_BACKEND_DELETE || type == MSG_REGISTRY_END;
}

bool mailroom_stamp(struct frame_header *header, struct peer sender, uint32_t generation)
{
	const struct message_row *row = message_row(header->type);

	if (!row || header->to.role >= ROLE_COUNT || !(row->from & ROLE_BIT(sender.role)) ||
		!(row->to & ROLE_BIT(header->to.role)))
		return false;
	header->from = sender;
	header->generation = generation;
	return true;
}

/* --- forwarding --- */

static void pass_on(struct slot *to, const struct frame *frame)
{
	struct frame_header header = frame->header;

	/* Who missed a part of the registry gets all of it again, and nothing in between. */
	if (!to->channel || to->channel_lost || (to->registry_behind && is_registry(header.type)))
		return;
	header.to = (struct peer){(uint8_t)to->role, to->number};
	if (channel_send(to->channel, &header, frame->payload, frame->fds))
		return;
	if (is_registry(header.type))
		to->registry_behind = true;
	log_debug(LOG_SUPERVISOR, "%s: its queue is full, %s not passed on", slot_name(to),
		message_row(header.type)->name);
}

static void forward(struct slot *from, const struct frame *frame)
{
	struct supervisor *supervisor = from->supervisor;
	struct peer to = frame->header.to;

	if (is_registry(frame->header.type) && !registry_cache_keep(&supervisor->registry, frame))
		log_error(LOG_SUPERVISOR, "the registry has more backends than we can keep; new "
					  "workers will not know some");
	if (to.slot != PEER_EVERY) {
		struct slot *slot = service_find(supervisor, to.role, to.slot);

		if (slot && slot_is_alive(slot))
			pass_on(slot, frame);
		return;
	}
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		if (slot_is_alive(slot) && slot->role == to.role && slot != from)
			pass_on(slot, frame);
	}
}

/* --- what is for us --- */

static void on_ready(void *owner, const struct msg_ready *message, const struct frame *frame)
{
	slot_ready(owner);
}

static void on_heartbeat(
	void *owner, const struct msg_heartbeat *message, const struct frame *frame)
{
	struct slot *slot = owner;

	slot->watch.heard_ms = clock_monotonic_ms();
	slot->loop_lag_us = message->loop_lag_us;
	slot->connections = message->connections;
	slot->in_flight = message->requests;
	slot->requests_total = message->requests_total;
	if (message->loop_lag_us > LIVENESS_LAG_WARN_US)
		log_warn(LOG_SUPERVISOR, "%s: its loop stood still for %u ms", slot_name(slot),
			message->loop_lag_us / 1000);
}

static void on_config_ack(
	void *owner, const struct msg_config_ack *message, const struct frame *frame)
{
	struct slot *slot = owner;

	if (message->refusal[0] != '\0')
		log_error(LOG_SUPERVISOR, "%s: refuses configuration %llu: %s", slot_name(slot),
			(unsigned long long)message->version, message->refusal);
	reload_acknowledged(slot, message->version, message->refusal);
}

static struct mailroom_command *find_command(struct mailroom *mailroom, uint32_t request_id)
{
	for (unsigned i = 0; i < MAILROOM_COMMANDS_MAX; i++)
		if (mailroom->commands[i].request_id == request_id)
			return &mailroom->commands[i];
	return NULL;
}

static void finish_command(struct mailroom_command *command, int exit_code, const char *text)
{
	struct mailroom_command done = *command;

	command->request_id = 0;
	done.answer(done.asker, exit_code, slice_of(text), false);
}

static void on_answer(void *owner, const struct msg_answer *message, const struct frame *frame)
{
	struct slot *slot = owner;
	struct mailroom_command *command;

	if (frame->header.request_id == 0)
		return;
	command = find_command(&slot->supervisor->mailroom, frame->header.request_id);
	/* Late, after we answered for it. */
	if (!command || command->slot != slot || command->generation != slot->generation)
		return;
	if (message->more)
		command->answer(command->asker, message->exit_code, slice_of(message->text), true);
	else
		finish_command(command, message->exit_code, message->text);
}

static const struct message_handlers handlers = {
	.ready = on_ready,
	.heartbeat = on_heartbeat,
	.config_ack = on_config_ack,
	.answer = on_answer,
};

/* --- the channel's events --- */

static void on_frame(void *owner, struct channel *channel, const struct frame *frame)
{
	struct slot *slot = owner;
	const struct peer sender = {(uint8_t)slot->role, slot->number};
	struct frame stamped = *frame;
	struct error err;
	bool good = true;

	if (!mailroom_stamp(&stamped.header, sender, slot->generation))
		good = error_set(&err, "it may not send a message of type %u to where it goes",
			frame->header.type);
	else if (stamped.header.to.role == ROLE_SUPERVISOR)
		good = message_dispatch(&handlers, slot, ROLE_SUPERVISOR, &stamped, &err);
	else
		forward(slot, &stamped);
	if (good)
		return;
	log_error(LOG_SUPERVISOR, "%s: %s", slot_name(slot), err.text);
	slot_kill(slot, SIGKILL, "broke the protocol");
}

static void on_closed(void *owner, struct channel *channel, const char *reason)
{
	struct slot *slot = owner;

	slot->channel_lost = true;
	slot_channel_lost(slot);
	if (!channel_violated(channel))
		return;
	log_error(LOG_SUPERVISOR, "%s: %s", slot_name(slot), reason);
	slot_kill(slot, SIGKILL, "broke the protocol");
}

const struct channel_events mailroom_events = {.on_frame = on_frame, .on_closed = on_closed};

/* --- sending --- */

bool mailroom_send(struct slot *slot, enum message_type type, const void *message, const int *fds,
	uint8_t fd_count)
{
	struct frame_header header = {
		.to = {(uint8_t)slot->role, slot->number}, .from = ourselves, .fd_count = fd_count};

	return slot->channel && !slot->channel_lost &&
	       channel_send_message(slot->channel, type, header, message, fds);
}

static bool send_boot(struct slot *slot)
{
	struct supervisor *supervisor = slot->supervisor;
	const struct config_issue *issue = slot_issue(slot);
	int fds[7 + LISTEN_SOCKETS_MAX] = {
		scoreboard_memory_fd(supervisor->scoreboard),
		scoreboard_records_fd(supervisor->scoreboard),
		slot->role == ROLE_BUDGET ? supervisor->budget_doorbell : slot->doorbell,
		supervisor->budget_doorbell,
		supervisor->state_dir.lock_fd,
		supervisor->log_fd,
		slot->last_words_fd,
	};
	struct msg_boot boot = {
		.role = (uint8_t)slot->role,
		.slot = slot->number,
		.generation = slot->generation,
		.column = slot->column,
		.epoch = supervisor->epoch,
		.instance = supervisor->instance,
		.started_wall_us = supervisor->started_wall_us,
		.state_dir = supervisor->state_dir.path,
	};

	if (slot->role == ROLE_REQUEST)
		for (size_t i = 0; i < issue->listeners.count; i++)
			fds[7 + boot.listeners++] = issue->listeners.items[i].fd;
	if (slot->role == ROLE_DEMO)
		fds[7 + boot.listeners++] = supervisor->demo_fd;
	return mailroom_send(slot, MSG_BOOT, &boot, fds, (uint8_t)(7 + boot.listeners));
}

/* With the log's descriptor, which may be another one since the worker's BOOT. */
static bool send_config(struct slot *slot)
{
	const struct config_issue *issue = slot_issue(slot);
	const struct msg_config message = {.version = issue->config->version, .size = issue->size};
	const int fds[] = {issue->text_fd, slot->supervisor->log_fd};

	return mailroom_send(slot, MSG_CONFIG, &message, fds, 2);
}

static bool replay_frame(void *to, const struct frame_header *kept, struct slice payload)
{
	struct slot *slot = to;
	struct frame_header header = *kept;

	header.from = ourselves;
	header.to = (struct peer){(uint8_t)slot->role, slot->number};
	header.generation = 0;
	return channel_send(slot->channel, &header, payload, NULL);
}

static bool takes_registry(const struct slot *slot)
{
	return (message_row(MSG_REGISTRY_END)->to & ROLE_BIT(slot->role)) != 0;
}

bool mailroom_welcome(struct slot *slot)
{
	slot->registry_behind = false;
	slot->config_acked = slot_issue(slot)->config->version;
	return send_boot(slot) && send_config(slot) &&
	       (!takes_registry(slot) || registry_cache_replay(&slot->supervisor->registry, false,
						 replay_frame, slot));
}

void mailroom_send_config(struct supervisor *supervisor)
{
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		/* One that drains may be gone already, its death not yet known. */
		if (slot_is_alive(slot) && !slot->trial && !send_config(slot) &&
			slot->state == SLOT_READY)
			log_warn(LOG_SUPERVISOR,
				"%s: does not read; it keeps its old configuration",
				slot_name(slot));
	}
}

/* --- deaths and commands --- */

void mailroom_announce_death(struct slot *dead)
{
	struct supervisor *supervisor = dead->supervisor;
	const struct msg_peer_gone gone = {.role = (uint8_t)dead->role,
		.slot = dead->number,
		.column = dead->column,
		.generation = dead->generation};

	for (unsigned i = 0; i < MAILROOM_COMMANDS_MAX; i++) {
		struct mailroom_command *command = &supervisor->mailroom.commands[i];

		if (command->request_id != 0 && command->slot == dead &&
			command->generation == dead->generation)
			finish_command(command, 1,
				"the worker that was asked died before it answered; ask again");
	}
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		/* To whom does not read, nothing is left to say: liveness ends it. */
		if (slot != dead && slot_is_alive(slot))
			mailroom_send(slot, MSG_PEER_GONE, &gone, NULL, 0);
	}
}

void mailroom_command(struct slot *slot, const char *line, mailroom_answer *answer, void *asker)
{
	struct mailroom *mailroom = &slot->supervisor->mailroom;
	struct mailroom_command *command = find_command(mailroom, 0);
	const struct msg_command message = {.line = line};
	struct frame_header header = {.to = {(uint8_t)slot->role, slot->number}, .from = ourselves};

	if (++mailroom->last_request_id == 0)
		mailroom->last_request_id = 1;
	header.request_id = mailroom->last_request_id;
	if (!slot->channel || slot->channel_lost) {
		answer(asker, 1, slice_of("the worker to ask is being restarted; ask again"),
			false);
		return;
	}
	if (!command || !channel_send_message(slot->channel, MSG_COMMAND, header, &message, NULL)) {
		answer(asker, 1, slice_of("the worker to ask is too busy to listen; ask again"),
			false);
		return;
	}
	*command = (struct mailroom_command){.request_id = header.request_id,
		.slot = slot,
		.generation = slot->generation,
		.answer = answer,
		.asker = asker};
}

void mailroom_forget(struct mailroom *mailroom, const void *asker)
{
	for (unsigned i = 0; i < MAILROOM_COMMANDS_MAX; i++)
		if (mailroom->commands[i].asker == asker)
			mailroom->commands[i].request_id = 0;
}

void mailroom_catch_up(struct supervisor *supervisor)
{
	bool any_behind = false;

	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		if (!slot_is_alive(slot) || !slot->registry_behind || slot->channel_lost)
			continue;
		if (channel_queued(slot->channel) == 0)
			slot->registry_behind = !registry_cache_replay(
				&supervisor->registry, true, replay_frame, slot);
		any_behind |= slot->registry_behind;
	}
	if (!any_behind)
		registry_cache_forget_deleted(&supervisor->registry);
}
