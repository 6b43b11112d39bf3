/* client.c: a connection's life: reading, writing, leaving. */
#include "workers/request/client.h"

#include <errno.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/fd.h"
#include "base/memory.h"
#include "workers/request/client_request.h"
#include "workers/request/exchange.h"
#include "workers/request/listener.h"
#include "workers/request/request_worker.h"

#define READ_BYTES 16384u
/* While a request is open: enough to see a FIN behind pipelined input, not more. */
#define READ_AHEAD_MAX 65536u
#define LINGER_SECONDS 5.0
/* A client that sends a body which is refused by its announced size reads the answer only when it
 * has sent all. */
#define LINGER_BYTES (128u << 20)
/* An answer waits here as a whole; streams pause their upstream long before. */
#define OUT_MAX (96u << 20)

static void on_readable(struct ev_loop *loop, ev_io *io, int events);
static void on_writable(struct ev_loop *loop, ev_io *io, int events);

static bool peer_is_loopback(const struct sockaddr_storage *peer)
{
	const struct sockaddr_in6 *v6 = (const void *)peer;

	if (peer->ss_family == AF_INET)
		return (ntohl(((const struct sockaddr_in *)(const void *)peer)->sin_addr.s_addr) >>
			       24) == 127;
	if (peer->ss_family != AF_INET6)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
}

static void show_count(struct request_worker *worker)
{
	atomic_store_explicit(
		&scoreboard_header(worker->worker->scoreboard, worker->worker->column)->connections,
		worker->client_count, memory_order_relaxed);
}

struct client *client_new(
	struct request_worker *worker, int fd, const struct sockaddr_storage *peer)
{
	struct client *client = memory_zalloc(sizeof(*client));

	client->worker = worker;
	client->fd = fd;
	client->since = ev_now(worker->loop);
	client->is_loopback = peer_is_loopback(peer);
	buffer_init(&client->in, worker->limits.request_line_bytes + worker->limits.head_bytes +
					 REQUEST_SCRATCH_BYTES);
	buffer_init(&client->out, OUT_MAX);
	ev_io_init(&client->readable, on_readable, fd, EV_READ);
	ev_io_init(&client->writable, on_writable, fd, EV_WRITE);
	client->readable.data = client->writable.data = client;
	ev_io_start(worker->loop, &client->readable);
	list_push_back(&worker->clients, &client->node);
	worker->client_count++;
	show_count(worker);
	return client;
}

static void bury(void *object)
{
	struct client *client = object;

	buffer_free(&client->in);
	buffer_free(&client->out);
	memory_free_at(&client);
}

static void client_close(struct client *client)
{
	struct request_worker *worker = client->worker;

	if (client->state == CLIENT_CLOSED)
		return;
	client->state = CLIENT_CLOSED;
	ev_io_stop(worker->loop, &client->readable);
	ev_io_stop(worker->loop, &client->writable);
	fd_close(&client->fd);
	list_remove(&client->node);
	worker->client_count--;
	show_count(worker);
	request_worker_bury(worker, bury, client);
	listener_relieve(worker->listener);
	request_worker_check_drained(worker);
}

/* The other side left, or is made to. */
static void client_gone(struct client *client)
{
	struct exchange *exchange = client->exchange;

	client->exchange = NULL;
	client_close(client);
	if (exchange)
		exchange_client_gone(exchange);
}

/* Closing at once could make the kernel reset the connection and with it our answer: first our
 * side, then wait. */
static void linger(struct client *client)
{
	client->state = CLIENT_LINGERING;
	client->since = ev_now(client->worker->loop);
	client->linger_left = LINGER_BYTES;
	shutdown(client->fd, SHUT_WR);
	ev_io_start(client->worker->loop, &client->readable);
	buffer_free(&client->in);
	buffer_free(&client->out);
}

static void drop_lingering(struct client *client)
{
	ssize_t got = recv(client->fd, client->worker->scratch, REQUEST_SCRATCH_BYTES, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || (size_t)got >= client->linger_left)
		client_close(client);
	else
		client->linger_left -= (size_t)got;
}

static size_t read_size(struct client *client)
{
	size_t there = buffer_len(&client->in);

	if (client->state == CLIENT_BODY && !client->is_chunked) {
		size_t missing = client->head_len + client->content_length - there;

		return missing > READ_BYTES ? missing : READ_BYTES;
	}
	return READ_BYTES;
}

/* The first bytes of a request are read aside and copied, so that its buffer has the size of what
 * came: with thousands of streams open, a buffer of a full read's size for each would be most of
 * the memory there is. */
static ssize_t read_first(struct client *client)
{
	ssize_t got = recv(client->fd, client->worker->scratch, READ_BYTES, 0);

	if (got > 0)
		buffer_append(&client->in, client->worker->scratch, (size_t)got);
	return got;
}

static ssize_t read_more(struct client *client)
{
	size_t size = read_size(client);
	char *place = buffer_reserve(&client->in, size);
	ssize_t got;

	/* Full: its request must make progress first. */
	if (!place) {
		ev_io_stop(client->worker->loop, &client->readable);
		errno = EAGAIN;
		return -1;
	}
	got = recv(client->fd, place, size, 0);
	if (got > 0)
		buffer_commit(&client->in, (size_t)got);
	return got;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct client *client = io->data;
	bool first = buffer_len(&client->in) == 0;
	ssize_t got;

	if (client->state == CLIENT_LINGERING) {
		drop_lingering(client);
		return;
	}
	if (client->state == CLIENT_BUSY && buffer_len(&client->in) >= READ_AHEAD_MAX) {
		ev_io_stop(loop, &client->readable);
		return;
	}
	got = first ? read_first(client) : read_more(client);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		client_gone(client);
		return;
	}
	if (client->state == CLIENT_HEAD && first)
		client->since = ev_now(loop);
	client_advance(client);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	client_flush(io->data);
}

static void written(struct client *client)
{
	ev_io_stop(client->worker->loop, &client->writable);
	/* An idle stream keeps no buffer. */
	buffer_free(&client->out);
	if (client->closing && client->state != CLIENT_BUSY) {
		linger(client);
	} else if (client->exchange) {
		exchange_client_progress(client->exchange);
	} else {
		ev_io_start(client->worker->loop, &client->readable);
		client_advance(client);
	}
}

void client_flush(struct client *client)
{
	if (client->state == CLIENT_CLOSED || client->state == CLIENT_LINGERING)
		return;
	while (buffer_len(&client->out) > 0) {
		ssize_t sent = send(client->fd, buffer_data(&client->out), buffer_len(&client->out),
			MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			if (!ev_is_active(&client->writable))
				client->since = ev_now(client->worker->loop);
			ev_io_start(client->worker->loop, &client->writable);
			if (client->exchange)
				exchange_client_progress(client->exchange);
			return;
		}
		if (sent < 0) {
			client_gone(client);
			return;
		}
		client->since = ev_now(client->worker->loop);
		buffer_consume(&client->out, (size_t)sent);
	}
	written(client);
}

struct buffer client_take_request(struct client *client, struct slice *head, struct slice *body)
{
	struct buffer taken = client->in;
	size_t used = client->head_len + client->body_len;
	size_t behind = buffer_len(&taken) - used;

	*head = slice_make(buffer_data(&taken), client->head_len);
	*body = slice_make(buffer_data(&taken) + client->head_len, client->body_len);
	buffer_init(&client->in, client->worker->limits.request_line_bytes +
					 client->worker->limits.head_bytes + READ_AHEAD_MAX +
					 REQUEST_SCRATCH_BYTES);
	if (behind > 0)
		buffer_append(&client->in, body->data + body->len, behind);
	client->head_len = client->body_len = 0;
	return taken;
}

void client_finish(struct client *client)
{
	/* A route that answered at once left the request where it was. */
	if (client->head_len + client->body_len > 0)
		buffer_consume(&client->in, client->head_len + client->body_len);
	client->head_len = client->body_len = 0;
	client->exchange = NULL;
	client->route = NULL;
	client->state = CLIENT_HEAD;
	client->since = ev_now(client->worker->loop);
	if (buffer_len(&client->in) == 0)
		buffer_free(&client->in);
	if (!client->keep_alive)
		client->closing = true;
	if (!ev_is_active(&client->readable))
		ev_io_start(client->worker->loop, &client->readable);
	client_flush(client);
	client_advance(client);
}

bool client_is_idle(const struct client *client)
{
	return client->state == CLIENT_HEAD && buffer_len(&client->in) == 0 &&
	       buffer_len(&client->out) == 0;
}

static bool body_is_too_slow(
	const struct client *client, double now, const struct config_server *limits)
{
	double seconds = now - client->body_since;
	size_t received = buffer_len(&client->in) - client->head_len;

	return seconds > 10.0 &&
	       (double)received < seconds * (double)limits->min_body_bytes_per_second;
}

static void time_out_request(struct client *client, const char *what)
{
	if (client->state == CLIENT_HEAD)
		client_forget_request(client);
	client->closing = true;
	client_error(client, HTTP_ERROR_REQUEST_TIMEOUT, NULL, slice_make(NULL, 0), 0, "%s", what);
	client_flush(client);
}

static void sweep_receiving(struct client *client, double now, const struct config_server *limits)
{
	double waited = now - client->since;

	if (client->closing)
		return;
	if (client->state == CLIENT_BODY && body_is_too_slow(client, now, limits))
		time_out_request(
			client, "The body came too slowly (server.min_body_bytes_per_second).");
	else if (client->state == CLIENT_HEAD && buffer_len(&client->in) > 0 &&
		 waited > limits->header_timeout_seconds)
		time_out_request(
			client, "The head did not come in time (server.header_timeout_seconds).");
	else if (client_is_idle(client) &&
		 waited > (client->requests > 0 ? limits->keepalive_timeout_seconds
						: limits->header_timeout_seconds))
		client_close(client);
	else if (client_is_idle(client) && client->worker->draining && waited > 1.0)
		client_close(client);
}

/* The stop's deadline has passed; an answer that is on its way has a second more. */
static bool must_leave(const struct client *client, double now)
{
	double deadline = client->worker->drain_deadline;
	bool is_answered = buffer_len(&client->out) > 0 || client->state == CLIENT_LINGERING;

	return deadline > 0 && !client->exchange && now > deadline + (is_answered ? 1.0 : 0.0);
}

void client_sweep(struct client *client, double now)
{
	const struct config_server *limits = &client->worker->worker->config->server;

	if (must_leave(client, now))
		client_close(client);
	else if (buffer_len(&client->out) > 0 &&
		 now - client->since > limits->slow_client_timeout_seconds)
		client_gone(client);
	else if (client->state == CLIENT_LINGERING && now - client->since > LINGER_SECONDS)
		client_close(client);
	else if (client->state == CLIENT_HEAD || client->state == CLIENT_BODY)
		sweep_receiving(client, now, limits);
	else if (client->exchange)
		exchange_sweep(client->exchange, now);
}
