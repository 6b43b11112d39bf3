/* admin.h: the socket through which the running service is operated.
 *
 * A UNIX socket, 0660. A client sends one line, gets `exit code, newline, answer`, and the end: a
 * JSON document when the code is 0, else one sentence. Connections, lines and answers are bounded
 * and nothing here ever waits. Changes are logged with the uid and pid that asked. */
#ifndef NEXUS_SUPERVISOR_ADMIN_H
#define NEXUS_SUPERVISOR_ADMIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

#define ADMIN_CONNECTIONS_MAX 16u
#define ADMIN_LINE_MAX        4096u
#define ADMIN_ANSWER_MAX      (32u << 20)
#define ADMIN_TIMEOUT_S                                                                            \
	60.0 /* of silence on either side; a reload or respawn may take as long as it needs */

struct supervisor;
struct admin;
struct admin_client;

/* Listens where the configuration says. NULL with the reason. */
struct admin *admin_new(struct supervisor *supervisor, struct error *err);
/* Closes all and removes the socket; *admin may be NULL. */
void admin_free(struct admin **admin);

/* A whole answer. */
void admin_answer(struct admin_client *client, int exit_code, struct slice text);
/* {"message":"..."} for 0, the sentence itself otherwise. */
void admin_answer_text(struct admin_client *client, int exit_code, const char *text);
/* A piece of one. */
void admin_answer_piece(void *client, int exit_code, struct slice text, bool more);
/* The client is answered when reload (or respawn) `number` has ended. */
enum admin_awaited { ADMIN_NOTHING, ADMIN_RELOAD, ADMIN_RESPAWN };
void admin_await(struct admin_client *client, enum admin_awaited what, uint32_t number);
struct supervisor *admin_supervisor(struct admin_client *client);

/* It has ended so. `admin` may be NULL. */
void admin_finished(
	struct admin *admin, enum admin_awaited what, uint32_t number, bool done, const char *text);

/* admin_commands.c: answers the line, now or later. */
void admin_command(struct admin_client *client, const char *line, uid_t uid, pid_t pid);

/* admin_status.c: what we know of ourselves. False when it does not fit in `out`.
 * {"version","pid","uptime_seconds","config":{...},"processes":[...],"columns":[...],"pending_upgrade_keys":[...],
 * "crashes":[{"line"}]} */
bool admin_status_write(struct supervisor *supervisor, struct buffer *out);
/* {"processes":[...]} */
bool admin_processes_write(struct supervisor *supervisor, struct buffer *out);

#endif
