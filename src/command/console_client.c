/* console_client.c: finding the socket, one line out, an exit code and a document back. Blocking,
 * in a process of its own. */
#include "command/console_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "config/config.h"

#define ANSWER_SECONDS 120 /* a reload waits for its workers */
#define PATH_SIZE      4096u

/* The socket that the configuration names; a configuration with mistakes counts as none. */
static bool configured_socket(
	const struct command_call *call, char path[PATH_SIZE], struct error *err)
{
	struct config_sources sources = {
		.path = call->values[OPTION_console_config], .read_environment = true};
	struct config_errors errors;
	struct config *config;
	bool good;

	config_errors_init(&errors);
	config = config_load(&sources, &errors);
	if (!config) {
		config_errors_free(&errors);
		sources.path = "";
		config = config_load(&sources, &errors);
	}
	if (!config && errors.count > 0) {
		error_set(err, "%s", errors.items[0].text);
		config_errors_free(&errors);
		return false;
	}
	good = config_admin_socket(config, path, PATH_SIZE, err);
	config_unref(&config);
	config_errors_free(&errors);
	return good;
}

/* Connects; -1 with errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int reason = errno;

		fd_close(&fd);
		errno = reason;
	}
	return fd;
}

static bool nobody_there(int reason)
{
	return reason == ENOENT || reason == ECONNREFUSED || reason == ENOTDIR;
}

/* The connection, or an exit code below zero's place in *code. */
static int open_connection(const struct command_call *call, int *code, struct error *err)
{
	const char *given = call->values[OPTION_console_socket];
	char path[PATH_SIZE];
	int fd;

	*code = EXIT_FAILED;
	if (given)
		snprintf(path, sizeof(path), "%s", given);
	else if (!configured_socket(call, path, err))
		return -1;
	fd = connect_to(path);
	if (fd < 0 && !given && nobody_there(errno)) {
		/* An ordinary user asks a daemon of the system. */
		fd = connect_to(config_system_socket);
		if (fd < 0 && errno == EACCES)
			snprintf(path, sizeof(path), "%s", config_system_socket);
		else if (fd < 0)
			errno = ENOENT;
	}
	if (fd >= 0)
		return fd;
	if (nobody_there(errno)) {
		*code = EXIT_NOT_RUNNING;
		error_set(err, "not running: nobody answers at %s", path);
	} else {
		error_set_errno(err, "cannot talk to the gateway at %s", path);
	}
	return -1;
}

/* Reads to the end. */
static bool read_answer(int fd, struct buffer *answer, struct error *err)
{
	for (;;) {
		char *room = buffer_reserve(answer, 16384);
		ssize_t got;

		if (!room)
			return error_set(
				err, "the answer is over %u MiB", CONSOLE_ANSWER_MAX >> 20);
		got = recv(fd, room, 16384, 0);
		if (got == 0)
			return true;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return error_set(err, "no answer for %d s", ANSWER_SECONDS);
		if (got < 0)
			return error_set_errno(err, "reading the answer");
		buffer_commit(answer, (size_t)got);
	}
}

static bool send_line(int fd, const char *line, struct error *err)
{
	struct iovec parts[2] = {{(void *)line, strlen(line)}, {(void *)"\n", 1}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	/* A line is far shorter than a socket's buffer: it goes in one piece or not at all. */
	if (sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)(parts[0].iov_len + 1))
		return true;
	return error_set_errno(err, "sending the command");
}

/* Takes the first line, the exit code, from the answer. */
static bool take_code(struct buffer *answer, int *code, struct error *err)
{
	struct slice text = buffer_slice(answer);
	const char *end =
		text.len > 0 ? memchr(text.data, '\n', text.len < 8 ? text.len : 8) : NULL;
	uint64_t value;

	if (!end || !text_parse_u64(slice_make(text.data, (size_t)(end - text.data)), 255, &value))
		return error_set(err, "the connection ended without an answer");
	*code = (int)value;
	buffer_consume(answer, (size_t)(end - text.data) + 1);
	return true;
}

int console_ask(
	const struct command_call *call, const char *line, struct buffer *answer, struct error *err)
{
	int code;
	int fd = open_connection(call, &code, err);

	if (fd < 0)
		return code;
	if (!send_line(fd, line, err) || !read_answer(fd, answer, err) ||
		!take_code(answer, &code, err)) {
		buffer_clear(answer);
		code = EXIT_FAILED;
	}
	fd_close(&fd);
	return code;
}
