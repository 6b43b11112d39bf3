/* admin_commands.c: the words the admin socket knows. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "supervisor/admin.h"
#include "supervisor/process_table.h"
#include "supervisor/service.h"

#define DOCUMENT_MAX    (4u << 20)
#define EXIT_CODE_USAGE 2

/* The first words of a line, each cut at 31 bytes: no word of ours is longer. */
struct words {
	char items[5][32];
	int count;
};

/* --- what we answer ourselves --- */

static void answer_document(
	struct admin_client *client, bool (*write)(struct supervisor *, struct buffer *))
{
	struct buffer document;

	buffer_init(&document, DOCUMENT_MAX);
	if (write(admin_supervisor(client), &document))
		admin_answer(client, 0, buffer_slice(&document));
	else
		admin_answer_text(client, EXIT_CODE_FAILED, "the answer is too long");
	buffer_free(&document);
}

static void do_status(struct admin_client *client, const struct words *words)
{
	answer_document(client, admin_status_write);
}

static void do_reload(struct admin_client *client, const struct words *words)
{
	struct supervisor *supervisor = admin_supervisor(client);

	admin_await(client, ADMIN_RELOAD, supervisor->reload.begun + 1);
	reload_request(supervisor, "console");
}

static void do_shutdown(struct admin_client *client, const struct words *words)
{
	admin_answer_text(client, 0, "stopping");
	stop_begin(admin_supervisor(client), STOP_GRACEFUL, "shutdown by console");
}

static void on_respawned(struct supervisor *supervisor, const char *problem)
{
	admin_finished(supervisor->admin, ADMIN_RESPAWN, 0, !problem,
		problem ? problem : "restarted; the old workers finish what they have begun");
}

static void restart_workers(struct admin_client *client, enum role role, int number)
{
	struct supervisor *supervisor = admin_supervisor(client);
	struct respawn_order order = {.role = role,
		.number = number,
		.wanted = supervisor->wanted[role],
		.done = on_respawned};
	struct error err;

	if (supervisor->stop.how != STOP_NOT || !supervisor->serving ||
		supervisor->wanted[role] == 0) {
		admin_answer_text(client, EXIT_CODE_FAILED,
			supervisor->wanted[role] ? "the service is starting or stopping"
						 : "there is no such worker here");
		return;
	}
	if (supervisor->respawn.step == RESPAWN_IDLE)
		admin_await(client, ADMIN_RESPAWN, 0);
	if (!respawn_start(supervisor, &order, &err))
		admin_answer_text(client, EXIT_CODE_FAILED, err.text);
}

static void do_worker(struct admin_client *client, const struct words *words)
{
	const char *verb = words->count > 1 ? words->items[1] : "";
	enum role role = words->count > 2 ? process_role_by_name(words->items[2]) : ROLE_COUNT;
	uint64_t number = 0;

	if (strcmp(verb, "list") == 0 && words->count == 2)
		answer_document(client, admin_processes_write);
	else if (strcmp(verb, "restart") != 0 || words->count > 4)
		admin_answer_text(client, EXIT_CODE_USAGE,
			"usage: worker list, or worker restart ROLE [SLOT]");
	else if (role == ROLE_COUNT)
		admin_answer_text(
			client, EXIT_CODE_USAGE, "the roles are request, health, budget and demo");
	else if (words->count == 4 &&
		 !text_parse_u64(slice_of(words->items[3]), PEER_EVERY - 1, &number))
		admin_answer_text(client, EXIT_CODE_USAGE, "a slot is a number from 0");
	else
		restart_workers(client, role, words->count == 4 ? (int)number : RESPAWN_EVERY);
}

/* --- the table --- */

struct admin_word {
	const char *name;
	void (*run)(struct admin_client *client,
		const struct words *words); /* NULL: the health worker answers */
	bool changes; /* is logged with who asked; `worker list` is let through unlogged */
};

static const struct admin_word table[] = {
	{"status", do_status, false},
	{"backends", NULL, false},
	{"models", NULL, false},
	{"health", NULL, false},
	{"reload", do_reload, true},
	{"worker", do_worker, true},
	{"shutdown", do_shutdown, true},
};

static void ask_health(struct admin_client *client, const char *line)
{
	struct slot *slot = service_find(admin_supervisor(client), ROLE_HEALTH, 0);

	if (slot && slot->state == SLOT_READY)
		mailroom_command(slot, line, admin_answer_piece, client);
	else
		admin_answer_text(client, EXIT_CODE_FAILED,
			"the health worker is being restarted; ask again");
}

void admin_command(struct admin_client *client, const char *line, uid_t uid, pid_t pid)
{
	struct words words = {.count = 0};

	words.count = sscanf(line, "%31s %31s %31s %31s %31s", words.items[0], words.items[1],
		words.items[2], words.items[3], words.items[4]);
	for (size_t i = 0; words.count > 0 && i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(words.items[0], table[i].name) != 0)
			continue;
		if (table[i].changes && (words.count < 2 || strcmp(words.items[1], "list") != 0))
			log_info(
				LOG_ADMIN, "uid %u, pid %d: %.200s", (unsigned)uid, (int)pid, line);
		if (table[i].run)
			table[i].run(client, &words);
		else
			ask_health(client, line);
		return;
	}
	admin_answer_text(client, EXIT_CODE_USAGE,
		"no such command; there are status, backends, models, health, reload, worker and "
		"shutdown");
}
