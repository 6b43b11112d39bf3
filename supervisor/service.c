/* service.c: the slots as a whole, the start rank by rank, and the one place from which everything
 * goes on. */
#include "supervisor/service.h"

#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/daemonize.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/log_place.h"
#include "base/memory.h"
#include "base/service_notify.h"
#include "supervisor/process_table.h"
#include "supervisor/slot_life.h"

/* --- slots --- */

static bool make_slot(struct supervisor *supervisor, unsigned column, struct error *err)
{
	struct slot *slot = &supervisor->slots[column];
	void *memory;

	slot->supervisor = supervisor;
	slot->column = (uint16_t)column;
	slot->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	slot->last_words_fd = memfd_create("nexus-last-words", MFD_CLOEXEC);
	if (slot->doorbell < 0 || slot->last_words_fd < 0 ||
		ftruncate(slot->last_words_fd, LAST_WORDS_SIZE) < 0)
		return error_set_errno(err, "descriptors for worker %u", column);
	memory = mmap(
		NULL, LAST_WORDS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, slot->last_words_fd, 0);
	if (memory == MAP_FAILED)
		return error_set_errno(err, "mapping last words");
	slot->last_words = memory;
	return true;
}

bool service_make_slots(struct supervisor *supervisor, unsigned count, struct error *err)
{
	supervisor->slots = memory_array(count, sizeof(*supervisor->slots));
	supervisor->slot_count = count;
	for (unsigned i = 0; i < count; i++)
		supervisor->slots[i].doorbell = supervisor->slots[i].last_words_fd = -1;
	supervisor->budget_doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (supervisor->budget_doorbell < 0)
		return error_set_errno(err, "eventfd");
	for (unsigned i = 0; i < count; i++)
		if (!make_slot(supervisor, i, err))
			return false;
	return true;
}

void service_free_slots(struct supervisor *supervisor)
{
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		fd_close(&slot->doorbell);
		fd_close(&slot->last_words_fd);
		if (slot->last_words)
			munmap(slot->last_words, LAST_WORDS_SIZE);
	}
	fd_close(&supervisor->budget_doorbell);
	memory_free_at(&supervisor->slots);
	supervisor->slot_count = 0;
}

struct slot *service_find(struct supervisor *supervisor, enum role role, unsigned number)
{
	struct slot *found = NULL;

	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		if (slot->state != SLOT_EMPTY && slot->state != SLOT_DRAINING && !slot->trial &&
			slot->role == role && slot->number == number &&
			(!found || slot->generation > found->generation))
			found = slot;
	}
	return found;
}

struct slot *service_free_slot(struct supervisor *supervisor)
{
	for (unsigned i = 0; i < supervisor->slot_count; i++)
		if (supervisor->slots[i].state == SLOT_EMPTY && slot_bury(&supervisor->slots[i]))
			return &supervisor->slots[i];
	return NULL;
}

/* --- the log --- */

bool service_open_log(struct supervisor *supervisor, const struct config *config, struct error *err)
{
	enum log_component component;
	int fd = log_place_open(config->logging.file, err);

	if (fd < 0)
		return error_prefix(err, "logging.file: ");
	log_set_output(fd, (enum log_format)config->logging.format);
	log_set_level((enum log_level)config->logging.level);
	for (size_t i = 0; i < config->logging.components.count; i++) {
		const struct config_pair *pair = &config->logging.components.items[i];

		if (log_component_parse(pair->name, &component))
			log_set_component_level(component, (enum log_level)pair->value);
	}
	fd_close(&supervisor->log_fd);
	supervisor->log_fd = fd;
	supervisor->log_is_elsewhere = config->logging.file[0] != '\0';
	return true;
}

/* --- the demo's backend --- */

void service_add_demo(const struct supervisor *supervisor, struct config *config)
{
	char url[NET_ADDRESS_TEXT_SIZE + 8];

	if (supervisor->demo_fd < 0)
		return;
	snprintf(url, sizeof(url), "http://%s", supervisor->demo_address);
	config_add_backend(config, "demo", "demo", url);
}

/* --- the start --- */

/* True when all workers of the rank are READY; starts those that have not been started. */
static bool rank_is_ready(struct supervisor *supervisor, unsigned rank)
{
	bool ready = true;

	for (int role = 0; role < ROLE_COUNT; role++) {
		if (process_table[role].start_rank != rank)
			continue;
		for (unsigned number = 0; number < supervisor->wanted[role]; number++) {
			struct slot *slot = service_find(supervisor, (enum role)role, number);

			if (!slot)
				slot_begin(service_free_slot(supervisor), (enum role)role,
					(uint8_t)number, false);
			ready &= slot && slot->state == SLOT_READY;
		}
	}
	return ready;
}

static void say_ready(struct supervisor *supervisor)
{
	const struct listen_sockets *listeners = &supervisor->current.listeners;

	supervisor->serving = true;
	for (size_t i = 0; i < listeners->count; i++)
		log_info(
			LOG_SUPERVISOR, "ready: serving on http://%s", listeners->items[i].address);
	service_notify("READY=1\nSTATUS=serving");
	daemonize_tell(&supervisor->ready_pipe, EXIT_CODE_OK, !supervisor->log_is_elsewhere);
}

static void start_go_on(struct supervisor *supervisor)
{
	if (supervisor->serving)
		return;
	for (unsigned rank = 1; rank <= PROCESS_RANK_MAX; rank++)
		if (!rank_is_ready(supervisor, rank))
			return;
	say_ready(supervisor);
}

/* --- going on --- */

void service_say_failure(struct supervisor *supervisor, const char *why)
{
	log_error(LOG_SUPERVISOR, "%s", why);
	if (supervisor->log_is_elsewhere)
		dprintf(STDERR_FILENO, "nexus: %s\n", why);
}

void service_end(struct supervisor *supervisor, int exit_code)
{
	supervisor->exit_code = exit_code;
	supervisor->ended = true;
	ev_break(supervisor->loop, EVBREAK_ALL);
}

void service_go_on(struct supervisor *supervisor)
{
	supervisor->go_on_again = true;
	if (supervisor->going_on)
		return;
	supervisor->going_on = true;
	while (supervisor->go_on_again && !supervisor->ended) {
		supervisor->go_on_again = false;
		if (supervisor->stop.how != STOP_NOT) {
			stop_go_on(supervisor);
			continue;
		}
		start_go_on(supervisor);
		respawn_go_on(supervisor);
		reload_go_on(supervisor);
	}
	supervisor->going_on = false;
}
