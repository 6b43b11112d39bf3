/* admin.c: the socket and its clients. */
#include "supervisor/admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/directory.h"
#include "base/fd.h"
#include "base/json_write.h"
#include "base/log.h"
#include "base/memory.h"
#include "supervisor/service.h"

enum client_state { CLIENT_FREE, CLIENT_READING, CLIENT_WAITING, CLIENT_WRITING };

struct admin_client {
	struct admin *admin;
	enum client_state state;
	int fd;
	uid_t uid;
	pid_t pid;
	ev_io io;
	ev_timer timer;
	char line[ADMIN_LINE_MAX + 1];
	size_t line_len;
	struct buffer out;
	bool answer_ended;
	enum admin_awaited awaits;
	uint32_t awaited_number;
};

struct admin {
	struct supervisor *supervisor;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd;
	ev_io accept;
	struct admin_client clients[ADMIN_CONNECTIONS_MAX];
};

struct supervisor *admin_supervisor(struct admin_client *client)
{
	return client->admin->supervisor;
}

/* --- one client --- */

static void close_client(struct admin_client *client)
{
	struct supervisor *supervisor = client->admin->supervisor;

	mailroom_forget(&supervisor->mailroom, client);
	ev_io_stop(supervisor->loop, &client->io);
	ev_timer_stop(supervisor->loop, &client->timer);
	fd_close(&client->fd);
	buffer_free(&client->out);
	client->state = CLIENT_FREE;
	/* There is room again. */
	ev_io_start(supervisor->loop, &client->admin->accept);
}

static void write_out(struct admin_client *client)
{
	struct ev_loop *loop = client->admin->supervisor->loop;
	struct buffer *out = &client->out;
	ssize_t wrote = 0;

	while (buffer_len(out) > 0) {
		wrote = send(
			client->fd, buffer_data(out), buffer_len(out), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (wrote < 0)
			break;
		buffer_consume(out, (size_t)wrote);
	}
	if ((wrote < 0 && errno != EAGAIN && errno != EINTR) ||
		(buffer_len(out) == 0 && client->answer_ended)) {
		close_client(client);
		return;
	}
	/* Between two pieces there is nothing to write. */
	if (buffer_len(out) == 0)
		ev_io_stop(loop, &client->io);
	ev_timer_again(loop, &client->timer);
}

void admin_answer_piece(void *asker, int exit_code, struct slice text, bool more)
{
	struct admin_client *client = asker;
	struct ev_loop *loop = client->admin->supervisor->loop;

	if (client->state != CLIENT_WAITING && client->state != CLIENT_WRITING)
		return;
	if ((client->state == CLIENT_WAITING && !buffer_printf(&client->out, "%d\n", exit_code)) ||
		!buffer_append_slice(&client->out, text)) {
		log_warn(LOG_ADMIN, "an answer of over %u MiB that nobody reads was given up",
			ADMIN_ANSWER_MAX >> 20);
		close_client(client);
		return;
	}
	client->answer_ended = !more;
	client->awaits = ADMIN_NOTHING;
	client->state = CLIENT_WRITING;
	/* Sent from the loop: the asker may still be in the middle of something. */
	ev_io_stop(loop, &client->io);
	ev_io_set(&client->io, client->fd, EV_WRITE);
	ev_io_start(loop, &client->io);
	ev_timer_again(loop, &client->timer);
}

void admin_answer(struct admin_client *client, int exit_code, struct slice text)
{
	admin_answer_piece(client, exit_code, text, false);
}

void admin_answer_text(struct admin_client *client, int exit_code, const char *text)
{
	struct json_writer json;
	struct buffer document;

	if (exit_code != 0) {
		admin_answer(client, exit_code, slice_of(text));
		return;
	}
	buffer_init(&document, ADMIN_LINE_MAX * 8);
	json_write_init(&json, &document);
	json_object_open(&json);
	json_member_text(&json, "message", text);
	json_object_close(&json);
	admin_answer(client, 0, buffer_slice(&document));
	buffer_free(&document);
}

/* True when the line is whole. */
static bool take_input(struct admin_client *client)
{
	ssize_t got = recv(client->fd, client->line + client->line_len,
		ADMIN_LINE_MAX - client->line_len, MSG_DONTWAIT);
	char *end;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* The end of input ends the line too. */
	if (got == 0 && client->line_len > 0)
		return true;
	if (got <= 0) {
		close_client(client);
		return false;
	}
	client->line_len += (size_t)got;
	client->line[client->line_len] = '\0';
	end = memchr(client->line, '\n', client->line_len);
	if (end) {
		*end = '\0';
		return true;
	}
	if (client->line_len == ADMIN_LINE_MAX) {
		client->state = CLIENT_WAITING;
		admin_answer_text(client, 2, "the line is too long");
	}
	return false;
}

static void on_client(EV_P_ ev_io *watcher, int events)
{
	struct admin_client *client = watcher->data;

	if (client->state == CLIENT_WRITING) {
		write_out(client);
	} else if (take_input(client)) {
		client->state = CLIENT_WAITING;
		/* Nothing more is heard from it: it may have shut its side. */
		ev_io_stop(EV_A_ watcher);
		admin_command(client, client->line, client->uid, client->pid);
	}
}

static void on_timeout(EV_P_ ev_timer *watcher, int events)
{
	struct admin_client *client = watcher->data;

	if (client->awaits != ADMIN_NOTHING)
		ev_timer_again(EV_A_ watcher);
	else
		close_client(client);
}

/* --- the socket --- */

static struct admin_client *free_client(struct admin *admin)
{
	for (unsigned i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
		if (admin->clients[i].state == CLIENT_FREE)
			return &admin->clients[i];
	return NULL;
}

static void on_accept(EV_P_ ev_io *watcher, int events)
{
	struct admin *admin = watcher->data;
	struct admin_client *client = free_client(admin);
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);
	int fd;

	if (!client) {
		/* The kernel keeps further ones until one of ours leaves. */
		ev_io_stop(EV_A_ watcher);
		return;
	}
	fd = accept4(admin->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	*client = (struct admin_client){.admin = admin,
		.state = CLIENT_READING,
		.fd = fd,
		.uid = peer.uid,
		.pid = peer.pid};
	buffer_init(&client->out, ADMIN_ANSWER_MAX);
	ev_io_init(&client->io, on_client, fd, EV_READ);
	ev_init(&client->timer, on_timeout);
	client->timer.repeat = ADMIN_TIMEOUT_S;
	client->io.data = client->timer.data = client;
	ev_io_start(EV_A_ & client->io);
	ev_timer_again(EV_A_ & client->timer);
}

/* Removes a socket that nobody answers at. */
static bool make_room(const struct sockaddr_un *address, struct error *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool answered = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			errno == EAGAIN;
	int reason = errno;
	struct stat info;

	fd_close(&fd);
	if (answered)
		return error_set(err, "another nexus answers at %s; stop it, or set admin.socket",
			address->sun_path);
	if (reason == ECONNREFUSED && lstat(address->sun_path, &info) == 0 &&
		S_ISSOCK(info.st_mode))
		unlink(address->sun_path);
	return true;
}

static bool make_parent(const char *path, struct error *err)
{
	char parent[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return true;
	*slash = '\0';
	return directory_make(parent, 0755, err);
}

static bool open_socket(struct admin *admin, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t before;
	bool bound;

	memcpy(address.sun_path, admin->path, sizeof(address.sun_path));
	if (!make_parent(admin->path, err) || !make_room(&address, err))
		return false;
	admin->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	before = umask(0117);
	bound = admin->fd >= 0 &&
		bind(admin->fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	umask(before);
	if (bound && listen(admin->fd, ADMIN_CONNECTIONS_MAX) == 0)
		return true;
	error_set_errno(err, "cannot make the admin socket %s (admin.socket)", admin->path);
	if (!bound)
		fd_close(&admin->fd);
	return false;
}

struct admin *admin_new(struct supervisor *supervisor, struct error *err)
{
	struct admin *admin = memory_zalloc(sizeof(*admin));

	admin->supervisor = supervisor;
	admin->fd = -1;
	ev_init(&admin->accept, on_accept);
	if (!config_admin_socket(
		    supervisor->current.config, admin->path, sizeof(admin->path), err) ||
		!open_socket(admin, err)) {
		admin_free(&admin);
		return NULL;
	}
	ev_io_set(&admin->accept, admin->fd, EV_READ);
	admin->accept.data = admin;
	ev_io_start(supervisor->loop, &admin->accept);
	return admin;
}

void admin_free(struct admin **at)
{
	struct admin *admin = *at;

	if (!admin)
		return;
	for (unsigned i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
		if (admin->clients[i].state != CLIENT_FREE)
			close_client(&admin->clients[i]);
	ev_io_stop(admin->supervisor->loop, &admin->accept);
	if (admin->fd >= 0)
		unlink(admin->path);
	fd_close(&admin->fd);
	memory_free_at(at);
}

/* --- what is awaited --- */

void admin_await(struct admin_client *client, enum admin_awaited what, uint32_t number)
{
	client->awaits = what;
	client->awaited_number = number;
}

void admin_finished(
	struct admin *admin, enum admin_awaited what, uint32_t number, bool done, const char *text)
{
	for (unsigned i = 0; admin && i < ADMIN_CONNECTIONS_MAX; i++) {
		struct admin_client *client = &admin->clients[i];

		if (client->awaits == what && client->awaited_number <= number)
			admin_answer_text(client, done ? 0 : 1, text);
	}
}
