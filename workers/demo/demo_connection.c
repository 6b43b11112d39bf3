/* demo_connection.c: one client's connection: bytes in, requests cut out, bytes out, time-outs.
 *
 * Callbacks change the state and end in settle(), the only place that writes, waits for writing and
 * frees. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "http/http_head.h"
#include "workers/demo/demo_private.h"

#define READ_SIZE     16384u
#define IN_MAX        65536u
#define IDLE_S        75.
#define LINGER_S      2.
#define STALL_S       60.
#define STALL_LOOK_MS 50u

static const struct http_limits limits = {
	.request_line_bytes = 8192,
	.header_bytes = 8192,
	.head_bytes = 32768,
	.headers = 100,
	.body_bytes = DEMO_BODY_MAX,
};

static void set_timer(struct demo_connection *connection, ev_tstamp delay)
{
	ev_timer_stop(connection->server->loop, &connection->timer);
	ev_timer_set(&connection->timer, delay, 0.);
	ev_timer_start(connection->server->loop, &connection->timer);
}

void demo_connection_wait(struct demo_connection *connection, unsigned delay_ms)
{
	set_timer(connection, delay_ms / 1000.);
}

static void release_body(struct demo_connection *connection)
{
	connection->server->body_bytes -= buffer_len(&connection->body);
	buffer_free(&connection->body);
}

/* Harmless when none is under way. */
static void end_answer(struct demo_connection *connection)
{
	if (connection->state == DEMO_ANSWERING) {
		connection->server->request_count--;
		connection->state = DEMO_READING_HEAD;
	}
	memory_free_at(&connection->answer);
	buffer_free(&connection->whole);
	release_body(connection);
}

void demo_connection_free(struct demo_connection *connection)
{
	struct demo_server *server = connection->server;

	end_answer(connection);
	ev_io_stop(server->loop, &connection->reader);
	ev_io_stop(server->loop, &connection->writer);
	ev_timer_stop(server->loop, &connection->timer);
	fd_close(&connection->fd);
	buffer_free(&connection->in);
	buffer_free(&connection->out);
	demo_server_forget(server, connection);
	memory_free_at(&connection);
}

static void die(struct demo_connection *connection)
{
	end_answer(connection);
	connection->state = DEMO_DEAD;
}

/* Sends what can be sent now. */
static void flush(struct demo_connection *connection)
{
	while (buffer_len(&connection->out) > 0) {
		ssize_t sent = send(connection->fd, buffer_data(&connection->out),
			buffer_len(&connection->out), MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN)
			die(connection);
		if (sent < 0)
			return;
		buffer_consume(&connection->out, (size_t)sent);
		connection->progress = ev_now(connection->server->loop);
	}
	/* An idle connection keeps no memory. */
	if (connection->out.memory)
		buffer_free(&connection->out);
}

/* When all has been sent: our side is closed first, so that the peer reads to the end before the
 * socket goes. */
static void half_close(struct demo_connection *connection)
{
	if (connection->half_closed || buffer_len(&connection->out) > 0)
		return;
	shutdown(connection->fd, SHUT_WR);
	connection->half_closed = true;
	set_timer(connection, LINGER_S);
}

static void settle(struct demo_connection *connection)
{
	struct ev_loop *loop = connection->server->loop;

	if (connection->state != DEMO_DEAD)
		flush(connection);
	if (connection->state == DEMO_CLOSING)
		half_close(connection);
	if (connection->state == DEMO_DEAD) {
		demo_connection_free(connection);
		return;
	}
	if (buffer_len(&connection->out) > 0)
		ev_io_start(loop, &connection->writer);
	else
		ev_io_stop(loop, &connection->writer);
	/* What a client sends ahead is bounded; while its answer is under way, its going is seen
	 * until then. */
	if (buffer_len(&connection->in) < IN_MAX)
		ev_io_start(loop, &connection->reader);
	else
		ev_io_stop(loop, &connection->reader);
}

static void close_softly(struct demo_connection *connection)
{
	end_answer(connection);
	buffer_free(&connection->in);
	connection->state = DEMO_CLOSING;
	set_timer(connection, STALL_S);
}

static void refuse_and_close(
	struct demo_connection *connection, enum http_error_id id, const char *sentence)
{
	connection->keep_alive = false;
	demo_route_refuse(connection, id, NULL, sentence, NULL);
	close_softly(connection);
}

/* --- requests --- */

static void next_request(struct demo_connection *connection)
{
	end_answer(connection);
	if (!connection->keep_alive || connection->server->draining) {
		close_softly(connection);
		return;
	}
	connection->state = DEMO_READING_HEAD;
	connection->searched = 0;
	set_timer(connection, IDLE_S);
}

static void begin(struct demo_connection *connection)
{
	connection->state = DEMO_ANSWERING;
	connection->server->request_count++;
	connection->server->request_total++;
	connection->progress = ev_now(connection->server->loop);
	ev_timer_stop(connection->server->loop, &connection->timer);
	demo_route_begin(connection);
	release_body(connection);
	if (!ev_is_active(&connection->timer))
		next_request(connection);
}

static void note_request(struct demo_connection *connection, const struct http_request *request)
{
	connection->keep_alive = request->keep_alive && !connection->server->draining;
	connection->may_chunk = request->version_minor == 1;
	connection->body_chunked = request->chunked;
	connection->body_left = request->content_length;
	http_chunked_init(&connection->chunked);
}

/* A whole head at the front of `in`. */
static void take_head(struct demo_connection *connection, size_t len)
{
	struct slice head = slice_make(buffer_data(&connection->in), len);
	struct http_request request;
	struct http_verdict verdict;

	if (!http_request_parse(&request, head, &limits, &verdict)) {
		refuse_and_close(
			connection, http_error_of_status(verdict.status), verdict.error.text);
		return;
	}
	note_request(connection, &request);
	/* An unread body behind an error is not worth reading. */
	connection->keep_alive &= !request.has_body;
	if (!demo_route_find(connection, &request)) {
		buffer_consume(&connection->in, len);
		next_request(connection);
		return;
	}
	connection->keep_alive = request.keep_alive && !connection->server->draining;
	if (request.expects_continue)
		buffer_append_text(&connection->out, "HTTP/1.1 100 Continue\r\n\r\n");
	buffer_consume(&connection->in, len);
	if (request.has_body)
		connection->state = DEMO_READING_BODY;
	else
		begin(connection);
}

static bool read_head(struct demo_connection *connection)
{
	struct http_verdict verdict;
	size_t len = http_head_length(
		buffer_slice(&connection->in), &connection->searched, &limits, &verdict);

	if (verdict.status != 0)
		refuse_and_close(
			connection, http_error_of_status(verdict.status), verdict.error.text);
	else if (len > 0)
		take_head(connection, len);
	return verdict.status == 0 && len > 0;
}

static bool keep_body(struct demo_connection *connection, struct slice piece)
{
	struct demo_server *server = connection->server;

	if (piece.len > DEMO_BODIES_MAX - server->body_bytes) {
		refuse_and_close(
			connection, HTTP_ERROR_BUSY, "Too many large requests are being read.");
		return false;
	}
	if (!buffer_append_slice(&connection->body, piece)) {
		refuse_and_close(
			connection, HTTP_ERROR_BODY_TOO_LARGE, "The body is larger than 8 MiB.");
		return false;
	}
	server->body_bytes += piece.len;
	return true;
}

static bool read_sized_body(struct demo_connection *connection)
{
	struct slice in = buffer_slice(&connection->in);

	if (in.len > connection->body_left)
		in.len = (size_t)connection->body_left;
	if (!keep_body(connection, in))
		return false;
	connection->body_left -= in.len;
	buffer_consume(&connection->in, in.len);
	if (connection->body_left > 0)
		return false;
	begin(connection);
	return true;
}

static bool read_chunked_body(struct demo_connection *connection)
{
	struct slice in = buffer_slice(&connection->in);
	enum http_chunked_state state;
	struct slice piece;

	while ((state = http_chunked_feed(&connection->chunked, &in, &piece)) == HTTP_CHUNKED_DATA)
		if (!keep_body(connection, piece))
			return false;
	buffer_consume(&connection->in, buffer_len(&connection->in) - in.len);
	if (state == HTTP_CHUNKED_BAD)
		refuse_and_close(connection, HTTP_ERROR_BAD_REQUEST, connection->chunked.problem);
	if (state != HTTP_CHUNKED_DONE)
		return false;
	begin(connection);
	return true;
}

/* Goes on as far as the bytes reach, through several requests if they are there. */
static void advance(struct demo_connection *connection)
{
	bool more = true;

	while (more && buffer_len(&connection->in) > 0) {
		switch (connection->state) {
		case DEMO_READING_HEAD: more = read_head(connection); break;
		case DEMO_READING_BODY:
			more = connection->body_chunked ? read_chunked_body(connection)
							: read_sized_body(connection);
			break;
		default: more = false; break;
		}
	}
	if (buffer_len(&connection->in) == 0)
		buffer_free(&connection->in);
}

/* --- events --- */

static void on_readable(struct ev_loop *loop, ev_io *reader, int events)
{
	struct demo_connection *connection = reader->data;
	char *place = buffer_reserve(&connection->in, READ_SIZE);
	ssize_t got = recv(connection->fd, place, READ_SIZE, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (buffer_len(&connection->in) == 0)
			buffer_free(&connection->in);
		return;
	}
	/* A client that closes its side is gone, whatever is under way for it. */
	if (got <= 0) {
		die(connection);
	} else if (connection->state != DEMO_CLOSING) {
		buffer_commit(&connection->in, (size_t)got);
		if (connection->state != DEMO_ANSWERING)
			set_timer(connection, IDLE_S);
		advance(connection);
	}
	settle(connection);
}

static void on_writable(struct ev_loop *loop, ev_io *writer, int events)
{
	settle(writer->data);
}

/* The next token is due; or the client takes none. */
static void on_due(struct demo_connection *connection)
{
	if (buffer_len(&connection->out) > DEMO_OUT_HIGH) {
		if (ev_now(connection->server->loop) - connection->progress > STALL_S)
			die(connection);
		else
			demo_connection_wait(connection, STALL_LOOK_MS);
		return;
	}
	if (demo_route_go_on(connection))
		return;
	next_request(connection);
	advance(connection);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct demo_connection *connection = timer->data;

	if (connection->state == DEMO_ANSWERING)
		on_due(connection);
	else
		die(connection);
	settle(connection);
}

void demo_connection_open(struct demo_server *server, int fd)
{
	struct demo_connection *connection = memory_zalloc(sizeof(*connection));

	connection->server = server;
	connection->fd = fd;
	buffer_init(&connection->in, IN_MAX + READ_SIZE);
	buffer_init(&connection->body, DEMO_BODY_MAX);
	buffer_init(&connection->out, DEMO_OUT_MAX + DEMO_OUT_HIGH);
	buffer_init(&connection->whole, DEMO_OUT_MAX);
	ev_io_init(&connection->reader, on_readable, fd, EV_READ);
	ev_io_init(&connection->writer, on_writable, fd, EV_WRITE);
	ev_timer_init(&connection->timer, on_timer, IDLE_S, 0.);
	connection->reader.data = connection->writer.data = connection->timer.data = connection;
	list_push_back(&server->connections, &connection->node);
	server->connection_count++;
	ev_io_start(server->loop, &connection->reader);
	ev_timer_start(server->loop, &connection->timer);
}

void demo_connection_drain(struct demo_connection *connection)
{
	if (connection->state == DEMO_READING_HEAD && buffer_len(&connection->in) == 0)
		demo_connection_free(connection);
}
