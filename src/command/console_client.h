/* console_client.h: one question to the running daemon over its admin socket. */
#ifndef NEXUS_COMMAND_CONSOLE_CLIENT_H
#define NEXUS_COMMAND_CONSOLE_CLIENT_H

#include "base/buffer.h"
#include "base/error.h"
#include "command/command.h"

#define CONSOLE_ANSWER_MAX ((32u << 20) + 64u)

/* Finds the socket (--socket, NEXUS_SOCKET, the configuration, the usual places), sends `line` and
 * reads the answer into `answer`, without its first line. Returns the exit code that the daemon
 * said; EXIT_NOT_RUNNING or EXIT_FAILED with `err` when there was no answer (then `answer` is
 * empty). The wait is bounded. */
int console_ask(const struct command_call *call, const char *line, struct buffer *answer,
	struct error *err);

#endif
