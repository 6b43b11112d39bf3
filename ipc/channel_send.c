/* channel_send.c: the sending side of a channel: a bounded queue, written in batches, never
 * waiting. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/fatal.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "ipc/channel_private.h"
#include "ipc/codec.h"

#define BATCH_FRAMES 64u

struct outgoing {
	struct list node;
	struct frame_header header;
	int *fds;    /* header.fd_count of them, ours; NULL when there are none or they are sent */
	size_t size; /* of bytes */
	size_t written;
	unsigned char bytes[];
};

/* --- the queue --- */

static void outgoing_free(struct outgoing *frame)
{
	if (frame->fds)
		for (unsigned i = 0; i < frame->header.fd_count; i++)
			fd_close(&frame->fds[i]);
	free(frame->fds);
	free(frame);
}

/* NULL when the process is out of descriptors. */
static struct outgoing *outgoing_new(
	const struct frame_header *header, struct slice payload, const int *fds)
{
	struct outgoing *frame = memory_zalloc(sizeof(*frame) + FRAME_HEADER_SIZE + payload.len);

	list_init(&frame->node);
	frame->header = *header;
	frame->size = FRAME_HEADER_SIZE + payload.len;
	frame_header_write(frame->bytes, header, payload.len);
	if (payload.len > 0)
		memcpy(frame->bytes + FRAME_HEADER_SIZE, payload.data, payload.len);
	if (header->fd_count == 0)
		return frame;
	frame->fds = memory_array(header->fd_count, sizeof(int));
	memset(frame->fds, 0xff, header->fd_count * sizeof(int));
	for (unsigned i = 0; i < header->fd_count; i++) {
		frame->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (frame->fds[i] < 0) {
			log_error(LOG_IPC, "a descriptor could not be duplicated: %s",
				strerror(errno));
			outgoing_free(frame);
			return NULL;
		}
	}
	return frame;
}

static void unqueue(struct channel *channel, struct outgoing *frame)
{
	list_remove(&frame->node);
	channel->queued_frames--;
	channel->queued_bytes -= frame->size;
	outgoing_free(frame);
}

static bool is_same_peer(struct peer a, struct peer b)
{
	return a.role == b.role && a.slot == b.slot;
}

/* The queued frame, no byte of it written, that a newer one makes pointless. */
static struct outgoing *find_outdated(struct channel *channel, const struct frame_header *newer)
{
	const struct message_row *row = message_row(newer->type);

	if (!row || row->delivery != DELIVERY_LATEST)
		return NULL;
	list_each (node, &channel->queue) {
		struct outgoing *frame = list_item(node, struct outgoing, node);

		if (frame->written == 0 && frame->header.type == newer->type &&
			frame->header.object == newer->object &&
			is_same_peer(frame->header.to, newer->to) &&
			is_same_peer(frame->header.from, newer->from))
			return frame;
	}
	return NULL;
}

/* --- writing --- */

/* Gathers frames for one sendmsg. Descriptors travel with its first byte, so a frame that has some
 * must be the first. */
static struct outgoing *gather(struct channel *channel, struct iovec *pieces, size_t *count)
{
	struct outgoing *first = list_item(channel->queue.next, struct outgoing, node);

	*count = 0;
	list_each (node, &channel->queue) {
		struct outgoing *frame = list_item(node, struct outgoing, node);

		if (*count == BATCH_FRAMES || (*count > 0 && frame->fds))
			break;
		pieces[(*count)++] =
			(struct iovec){frame->bytes + frame->written, frame->size - frame->written};
	}
	return first;
}

static void attach_descriptors(struct msghdr *message, void *control, const struct outgoing *frame)
{
	size_t size = frame->header.fd_count * sizeof(int);
	struct cmsghdr *part;

	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(size);
	memset(control, 0, CMSG_SPACE(size));
	part = CMSG_FIRSTHDR(message);
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(part), frame->fds, size);
}

static void sent(struct channel *channel, size_t bytes)
{
	while (bytes > 0) {
		struct outgoing *frame = list_item(channel->queue.next, struct outgoing, node);
		size_t part =
			frame->size - frame->written < bytes ? frame->size - frame->written : bytes;

		frame->written += part;
		bytes -= part;
		if (frame->fds) {
			for (unsigned i = 0; i < frame->header.fd_count; i++)
				fd_close(&frame->fds[i]);
			memory_free_at(&frame->fds);
		}
		if (frame->written == frame->size)
			unqueue(channel, frame);
	}
}

/* The peer takes nothing any more. What it said before is still to be read, so only the reader
 * announces the end. */
static void give_up(struct channel *channel)
{
	log_debug(LOG_IPC, "the peer takes no more frames: %s", strerror(errno));
	channel_sending_stop(channel);
}

/* One sendmsg. False when the socket is full or the peer gone. */
static bool write_some(struct channel *channel)
{
	struct iovec pieces[BATCH_FRAMES];
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FRAME_FDS_MAX)];
		struct cmsghdr aligned;
	} control;
	struct msghdr message = {.msg_iov = pieces};
	struct outgoing *first = gather(channel, pieces, &message.msg_iovlen);
	ssize_t bytes;

	if (first->fds)
		attach_descriptors(&message, control.bytes, first);
	do
		bytes = sendmsg(channel->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (bytes < 0 && errno == EINTR);
	if (bytes >= 0) {
		sent(channel, (size_t)bytes);
		return true;
	}
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		give_up(channel);
	return false;
}

static void write_queued(struct channel *channel)
{
	while (!list_is_empty(&channel->queue) && write_some(channel))
		;
	if (list_is_empty(&channel->queue))
		ev_io_stop(channel->loop, &channel->writer);
	else
		ev_io_start(channel->loop, &channel->writer);
}

static void on_writable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
	write_queued(watcher->data);
}

void channel_sending_start(struct channel *channel)
{
	list_init(&channel->queue);
	ev_io_init(&channel->writer, on_writable, channel->fd, EV_WRITE);
	channel->writer.data = channel;
}

void channel_sending_stop(struct channel *channel)
{
	ev_io_stop(channel->loop, &channel->writer);
	channel->broken = true;
	while (!list_is_empty(&channel->queue))
		unqueue(channel, list_item(channel->queue.next, struct outgoing, node));
}

/* --- what owners call --- */

static bool has_room(const struct channel *channel, size_t size)
{
	return channel->queued_frames < CHANNEL_QUEUE_FRAMES &&
	       channel->queued_bytes + size <= CHANNEL_QUEUE_BYTES;
}

bool channel_send(struct channel *channel, const struct frame_header *header, struct slice payload,
	const int *fds)
{
	struct outgoing *outdated;
	struct outgoing *frame;

	invariant(payload.len <= FRAME_PAYLOAD_MAX && header->fd_count <= FRAME_FDS_MAX);
	if (channel->broken)
		return false;
	outdated = find_outdated(channel, header);
	if (!outdated && !has_room(channel, FRAME_HEADER_SIZE + payload.len))
		return false;
	frame = outgoing_new(header, payload, fds);
	if (!frame)
		return false;
	/* The newer one takes the older one's place, so that it is not late for what was queued
	 * after it. */
	list_push_back(outdated ? &outdated->node : &channel->queue, &frame->node);
	channel->queued_frames++;
	channel->queued_bytes += frame->size;
	if (outdated)
		unqueue(channel, outdated);
	if (!ev_is_active(&channel->writer))
		write_queued(channel);
	return !channel->broken;
}

bool channel_send_message(struct channel *channel, enum message_type type,
	struct frame_header header, const void *message, const int *fds)
{
	const struct message_row *row = message_row(type);
	struct buffer payload;
	bool queued = false;

	invariant(row);
	header.type = (uint16_t)type;
	header.protocol = FRAME_PROTOCOL;
	buffer_init(&payload, FRAME_PAYLOAD_MAX);
	if (codec_encode(&payload, row->schema, message))
		queued = channel_send(channel, &header, buffer_slice(&payload), fds);
	else
		log_error(LOG_IPC, "%s of object %016llx is too large for a frame, not sent",
			row->name, (unsigned long long)header.object);
	buffer_free(&payload);
	return queued;
}

unsigned channel_queued(const struct channel *channel)
{
	return channel->queued_frames;
}

bool channel_flush(struct channel *channel, unsigned timeout_ms)
{
	uint64_t deadline = clock_monotonic_ms() + timeout_ms;

	for (;;) {
		struct pollfd wait = {.fd = channel->fd, .events = POLLOUT};
		uint64_t now = clock_monotonic_ms();

		write_queued(channel);
		if (list_is_empty(&channel->queue))
			return !channel->broken;
		if (now >= deadline)
			return false;
		poll(&wait, 1, (int)(deadline - now));
	}
}
