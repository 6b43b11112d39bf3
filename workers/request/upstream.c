/* upstream.c: the life of a connection: opening -> idle <-> carrying a request -> closed. */
#include "workers/request/upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/fatal.h"
#include "base/fd.h"
#include "base/memory.h"
#include "workers/request/pool.h"
#include "workers/request/request_worker.h"

/* Reads of one turn of the loop on one connection, so that one fast server cannot starve the rest.
 */
#define READS_PER_TURN 4
#define STALE_SECONDS  1.0
/* Connections being opened to one backend at a time: a handle in the making holds some 30 KB, and a
 * backend that swallows connections must not fill the machine with them. Opening takes well under a
 * millisecond where it works. */
#define OPENINGS_PER_TARGET 64u

static void on_opened(void *owner, const struct opened *opened);

static void start_opening(struct upstream *upstream)
{
	struct pool_target *target = upstream->target;

	target->opening_count++;
	upstream->opening = opener_start(upstream->worker->opener,
		&(struct opener_target){
			.url = target->origin,
			.ca_file = target->ca_file,
			.timeout_seconds =
				upstream->worker->worker->config->server.connect_timeout_seconds,
			.restricted_by =
				upstream->is_restricted ? upstream->worker->worker->config : NULL,
		},
		on_opened, upstream);
}

/* An opening has ended, somehow: the next in line may begin. */
static void opening_ended(struct upstream *upstream)
{
	struct pool_target *target = upstream->target;
	struct list *next;

	upstream->opening = NULL;
	target->opening_count--;
	next = list_pop_front(&target->waiting);
	if (next)
		start_opening(list_item(next, struct upstream, node));
}

static void bury(void *object)
{
	struct upstream *upstream = object;

	http_response_free(&upstream->response);
	memory_free_at(&upstream);
}

/* The memory goes at the end of the loop's turn: callbacks further up the stack may still look at
 * it. */
static void upstream_close(struct upstream *upstream)
{
	struct ev_loop *loop = upstream->worker->loop;

	if (upstream->dead)
		return;
	upstream->dead = true;
	upstream->target->in_use--;
	ev_io_stop(loop, &upstream->readable);
	ev_io_stop(loop, &upstream->writable);
	list_remove(&upstream->node);
	if (upstream->opening) {
		opening_cancel(&upstream->opening);
		opening_ended(upstream);
	}
	if (upstream->tls) {
		tls_stream_close(&upstream->tls);
		upstream->fd = -1;
	}
	fd_close(&upstream->fd);
	upstream->events = NULL;
	request_worker_bury(upstream->worker, bury, upstream);
}

static void fail(
	struct upstream *upstream, enum upstream_failure failure, const struct error *error)
{
	const struct upstream_events *events = upstream->events;
	void *owner = upstream->owner;

	upstream_close(upstream);
	events->on_failed(owner, failure, error);
}

/* A kept connection that breaks right after a request was put on it had been closed before; one
 * that breaks later had the request under way, and sending it again silently could do the work, and
 * the bill, twice. */
static bool was_stale(const struct upstream *upstream)
{
	return upstream->requests > 1 &&
	       ev_now(upstream->worker->loop) - upstream->sent_at < STALE_SECONDS;
}

/* The connection ended or broke while a request was on it. */
static void lose(struct upstream *upstream, const char *how)
{
	bool unheard = !http_response_has_started(upstream->response);
	struct error error;

	error_set(
		&error, "%s %s", how, unheard ? "before answering" : "in the middle of its answer");
	fail(upstream, unheard && was_stale(upstream) ? UPSTREAM_STALE : UPSTREAM_LOST, &error);
}

static void complete(struct upstream *upstream)
{
	const struct upstream_events *events = upstream->events;
	void *owner = upstream->owner;
	bool keep = http_response_keep_alive(upstream->response) && upstream_is_sent(upstream) &&
		    !upstream->paused;

	upstream->events = NULL;
	if (keep)
		pool_put_idle(upstream);
	events->on_complete(owner);
	/* The owner may read the response's headers until here. */
	if (keep)
		http_response_reset(upstream->response);
	else
		upstream_close(upstream);
}

static ssize_t receive(struct upstream *upstream, char *place, size_t size)
{
	if (upstream->tls)
		return tls_stream_recv(upstream->tls, place, size);
	return recv(upstream->fd, place, size, 0);
}

static void finish(struct upstream *upstream)
{
	struct error error;

	if (http_response_has_started(upstream->response) &&
		http_response_finish(upstream->response, &error))
		complete(upstream);
	else
		lose(upstream, "closed the connection");
}

/* One read; true when another may bring more at once. */
static bool read_once(struct upstream *upstream)
{
	struct request_worker *worker = upstream->worker;
	ssize_t got = receive(upstream, worker->scratch, REQUEST_SCRATCH_BYTES);
	struct error error = {{0}};

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (!upstream->events) {
		/* Idle: TLS tickets are absorbed by the read above, anything else means that it is
		 * of no more use. */
		list_remove(&upstream->node);
		upstream_close_idle(upstream);
		return false;
	}
	if (got < 0)
		lose(upstream, strerror(errno));
	else if (got == 0)
		finish(upstream);
	else if (!http_response_feed(
			 upstream->response, slice_make(worker->scratch, (size_t)got), &error)) {
		if (upstream->events)
			fail(upstream, UPSTREAM_BAD_ANSWER, &error);
	} else if (upstream->events && http_response_is_complete(upstream->response))
		complete(upstream);
	else if (upstream->events)
		return upstream->tls || (size_t)got == REQUEST_SCRATCH_BYTES;
	return false;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct upstream *upstream = io->data;

	for (int i = 0; i < READS_PER_TURN; i++)
		if (!read_once(upstream) || upstream->paused)
			break;
	if (!upstream->dead && upstream->events)
		upstream->events->on_read(upstream->owner);
}

static ssize_t send_pieces(struct upstream *upstream)
{
	struct iovec *piece = &upstream->pieces[upstream->piece_at];
	struct msghdr message = {
		.msg_iov = piece,
		.msg_iovlen = upstream->piece_count - upstream->piece_at,
	};

	if (upstream->tls)
		return tls_stream_send(upstream->tls, piece->iov_base, piece->iov_len);
	return sendmsg(upstream->fd, &message, MSG_NOSIGNAL);
}

static void advance_pieces(struct upstream *upstream, size_t sent)
{
	upstream->sent_bytes += sent;
	while (upstream->piece_at < upstream->piece_count) {
		struct iovec *piece = &upstream->pieces[upstream->piece_at];

		if (sent < piece->iov_len) {
			piece->iov_base = (char *)piece->iov_base + sent;
			piece->iov_len -= sent;
			return;
		}
		sent -= piece->iov_len;
		upstream->piece_at++;
	}
}

/* Sends what the socket takes. True unless the connection broke; a server may answer (and even
 * close) before it has read all, so a broken pipe is left for the reader to judge. */
static void push(struct upstream *upstream)
{
	struct ev_loop *loop = upstream->worker->loop;

	while (!upstream_is_sent(upstream)) {
		ssize_t sent = send_pieces(upstream);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			ev_io_start(loop, &upstream->writable);
			return;
		}
		if (sent < 0)
			break;
		advance_pieces(upstream, (size_t)sent);
	}
	ev_io_stop(loop, &upstream->writable);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	push(io->data);
}

static void connected(struct upstream *upstream, const struct opened *opened)
{
	struct ev_loop *loop = upstream->worker->loop;

	upstream->fd = opened->fd;
	upstream->tls = opened->tls;
	ev_io_init(&upstream->readable, on_readable, upstream->fd, EV_READ);
	ev_io_init(&upstream->writable, on_writable, upstream->fd, EV_WRITE);
	upstream->readable.data = upstream->writable.data = upstream;
	if (!upstream->paused)
		ev_io_start(loop, &upstream->readable);
	push(upstream);
}

static void on_opened(void *owner, const struct opened *opened)
{
	struct upstream *upstream = owner;

	opening_ended(upstream);
	if (opened->fd >= 0)
		connected(upstream, opened);
	else
		fail(upstream,
			opened->timed_out ? UPSTREAM_CONNECT_TIMEOUT : UPSTREAM_CONNECT_FAILED,
			&opened->error);
}

/* The parser's owner is the upstream; what it finds goes to the user of the attempt. */
static bool parser_head(void *owner)
{
	struct upstream *upstream = owner;

	return upstream->events && upstream->events->on_head(upstream->owner);
}

static bool parser_body(void *owner, struct slice piece)
{
	struct upstream *upstream = owner;

	return upstream->events && upstream->events->on_body(upstream->owner, piece);
}

static void parser_complete(void *owner)
{
	/* Acted on after the feed, when the whole of the read is known. */
}

static const struct http_response_events parser_events = {
	.on_head = parser_head,
	.on_body = parser_body,
	.on_complete = parser_complete,
};

static struct upstream *upstream_new(struct pool_target *target)
{
	struct upstream *upstream = memory_zalloc(sizeof(*upstream));
	struct request_worker *worker = target->pool->worker;

	list_init(&upstream->node);
	upstream->target = target;
	upstream->is_restricted = target->is_restricted;
	upstream->worker = worker;
	upstream->fd = -1;
	upstream->response = http_response_new(&parser_events, upstream);
	target->in_use++;
	if (target->opening_count < OPENINGS_PER_TARGET)
		start_opening(upstream);
	else
		list_push_back(&target->waiting, &upstream->node);
	return upstream;
}

/* A connection from a time when the backend was in the open zone was never judged: it does not
 * serve the restricted. */
static struct upstream *take_idle(struct pool_target *target)
{
	struct upstream *upstream;

	while ((upstream = pool_take_idle(target)) != NULL && target->is_restricted &&
		!upstream->is_restricted)
		upstream_close(upstream);
	return upstream;
}

struct upstream *upstream_acquire(struct pool_target *target, bool fresh_only,
	const struct upstream_events *events, void *owner)
{
	struct upstream *upstream = fresh_only ? NULL : take_idle(target);

	if (!upstream)
		upstream = upstream_new(target);
	upstream->events = events;
	upstream->owner = owner;
	upstream->requests++;
	upstream->piece_count = upstream->piece_at = 0;
	upstream->sent_bytes = 0;
	return upstream;
}

void upstream_send(struct upstream *upstream, const struct iovec *pieces, unsigned count)
{
	invariant(count <= UPSTREAM_PIECES_MAX && upstream->piece_count == 0);
	memcpy(upstream->pieces, pieces, count * sizeof(*pieces));
	upstream->piece_count = count;
	upstream->sent_at = ev_now(upstream->worker->loop);
	if (upstream->fd >= 0)
		push(upstream);
}

void upstream_abort(struct upstream **upstream)
{
	upstream_close(*upstream);
	*upstream = NULL;
}

void upstream_pause(struct upstream *upstream, bool paused)
{
	if (upstream->paused == paused)
		return;
	upstream->paused = paused;
	if (upstream->fd < 0)
		return;
	if (paused)
		ev_io_stop(upstream->worker->loop, &upstream->readable);
	else
		ev_io_start(upstream->worker->loop, &upstream->readable);
}

const struct http_response_parser *upstream_response(const struct upstream *upstream)
{
	return upstream->response;
}

bool upstream_is_connected(const struct upstream *upstream)
{
	return upstream->fd >= 0;
}

bool upstream_is_sent(const struct upstream *upstream)
{
	return upstream->piece_count > 0 && upstream->piece_at == upstream->piece_count;
}

void upstream_close_idle(struct upstream *upstream)
{
	upstream->target->idle_count--;
	upstream->target->pool->idle_count--;
	upstream_close(upstream);
}
