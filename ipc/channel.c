/* channel.c: a channel's life and its reading side. The sending side is channel_send.c.
 *
 * Bytes are gathered in one reusable buffer and frames are delivered from it in place. An owner may
 * free the channel in any callback: the memory is kept until the last callback on the stack has
 * returned. */
#include "ipc/channel.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fatal.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "ipc/channel_private.h"

#define READ_CHUNK     65536u
#define READS_PER_TURN 8u                /* so that one talkative peer does not keep the loop */
#define INPUT_KEPT     (2u * READ_CHUNK) /* a larger buffer is given back when empty */
#define LENGTH_SIZE    sizeof(uint32_t)

/* --- the header --- */

static unsigned char *put(unsigned char *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = bytes; i-- > 0; value >>= 8)
		at[i] = (unsigned char)value;
	return at + bytes;
}

static uint64_t get(const unsigned char **at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | *(*at)++;
	return value;
}

void frame_header_write(
	unsigned char out[FRAME_HEADER_SIZE], const struct frame_header *header, size_t payload_len)
{
	unsigned char *at = put(out, FRAME_HEADER_SIZE - LENGTH_SIZE + payload_len, 4);

	at = put(at, header->type, 2);
	at = put(at, header->protocol, 1);
	at = put(at, header->fd_count, 1);
	at = put(at, header->to.role, 1);
	at = put(at, header->to.slot, 1);
	at = put(at, header->from.role, 1);
	at = put(at, header->from.slot, 1);
	at = put(at, header->generation, 4);
	at = put(at, header->request_id, 4);
	at = put(at, header->object, 8);
	at = put(at, header->version, 8);
	invariant(at == out + FRAME_HEADER_SIZE);
}

static uint32_t frame_header_read(const char *bytes, struct frame_header *header)
{
	const unsigned char *at = (const unsigned char *)bytes;
	uint32_t length = (uint32_t)get(&at, 4);

	header->type = (uint16_t)get(&at, 2);
	header->protocol = (uint8_t)get(&at, 1);
	header->fd_count = (uint8_t)get(&at, 1);
	header->to.role = (uint8_t)get(&at, 1);
	header->to.slot = (uint8_t)get(&at, 1);
	header->from.role = (uint8_t)get(&at, 1);
	header->from.slot = (uint8_t)get(&at, 1);
	header->generation = (uint32_t)get(&at, 4);
	header->request_id = (uint32_t)get(&at, 4);
	header->object = get(&at, 8);
	header->version = get(&at, 8);
	return length;
}

/* --- delivering --- */

/* Nothing after nonsense can be trusted. */
static bool violate(struct channel *channel, const char *format, unsigned long value)
{
	snprintf(channel->violation, sizeof(channel->violation), format, value);
	channel->ended = true;
	return false;
}

static void deliver(struct channel *channel, struct frame *frame)
{
	int fds[FRAME_FDS_MAX];
	unsigned count = frame->header.fd_count;

	memcpy(fds, channel->fds, count * sizeof(fds[0]));
	channel->fd_count -= count;
	memmove(channel->fds, channel->fds + count, channel->fd_count * sizeof(fds[0]));
	frame->fds = fds;
	channel->events->on_frame(channel->owner, channel, frame);
	for (unsigned i = 0; i < count; i++)
		fd_close(&fds[i]);
}

/* Takes the next whole frame off the input. False when there is none (yet), or nonsense. */
static bool next_frame(struct channel *channel, struct frame *frame, size_t *size)
{
	size_t have = buffer_len(&channel->in);
	uint32_t length;

	if (have < FRAME_HEADER_SIZE)
		return false;
	length = frame_header_read(buffer_data(&channel->in), &frame->header);
	if (length < FRAME_HEADER_SIZE - LENGTH_SIZE || length > FRAME_MAX - LENGTH_SIZE)
		return violate(channel, "a frame of %lu bytes", length);
	if (frame->header.protocol != FRAME_PROTOCOL)
		return violate(channel, "a frame of protocol %lu", frame->header.protocol);
	if (frame->header.fd_count > FRAME_FDS_MAX)
		return violate(channel, "a frame with %lu descriptors", frame->header.fd_count);
	*size = LENGTH_SIZE + length;
	if (have < *size)
		return false;
	if (frame->header.fd_count > channel->fd_count)
		return violate(
			channel, "%lu descriptors of a frame did not come", frame->header.fd_count);
	frame->payload = slice_make(
		buffer_data(&channel->in) + FRAME_HEADER_SIZE, *size - FRAME_HEADER_SIZE);
	return true;
}

/* False when the channel was freed meanwhile. */
static bool deliver_whole_frames(struct channel *channel, bool even_if_paused)
{
	struct frame frame;
	size_t size;

	while ((even_if_paused || !channel->paused) && next_frame(channel, &frame, &size)) {
		deliver(channel, &frame);
		if (channel->freed)
			return false;
		buffer_consume(&channel->in, size);
	}
	if (buffer_len(&channel->in) > 0)
		return true;
	if (channel->fd_count > 0)
		violate(channel, "%lu descriptors that no frame announced", channel->fd_count);
	if (channel->in.size > INPUT_KEPT)
		buffer_free(&channel->in);
	return true;
}

/* --- reading --- */

/* One that finds no place is closed; the peer has then sent more than any frame may announce. */
static bool keep_descriptor(struct channel *channel, int fd)
{
	if (channel->fd_count == CHANNEL_FDS_PENDING) {
		fd_close(&fd);
		return false;
	}
	channel->fds[channel->fd_count++] = fd;
	return true;
}

static bool take_descriptors(struct channel *channel, struct msghdr *message)
{
	bool fit = (message->msg_flags & MSG_CTRUNC) == 0;
	struct cmsghdr *part;

	for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		unsigned count = (unsigned)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (unsigned i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			fit = keep_descriptor(channel, fd) && fit;
		}
	}
	return fit ||
	       violate(channel, "more descriptors than we can take, %lu held", channel->fd_count);
}

/* One recvmsg. False when there is nothing more for now, or for ever. */
static bool read_some(struct channel *channel)
{
	char *place = buffer_reserve(&channel->in, READ_CHUNK);
	struct iovec piece = {.iov_base = place, .iov_len = READ_CHUNK};
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FRAME_FDS_MAX)];
		struct cmsghdr aligned;
	} control;
	struct msghdr message = {.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t got = recvmsg(channel->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (got < 0 && errno == EINTR)
		return true;
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (got <= 0) {
		channel->ended = true;
		return false;
	}
	buffer_commit(&channel->in, (size_t)got);
	return take_descriptors(channel, &message);
}

/* Reads and delivers until nothing is there, `turns` pieces were read or the end is reached. False
 * when freed. */
static bool read_and_deliver(struct channel *channel, unsigned turns, bool even_if_paused)
{
	bool more = true;

	if (!deliver_whole_frames(channel, even_if_paused))
		return false;
	while (more && turns-- > 0 && !channel->ended && (even_if_paused || !channel->paused)) {
		more = read_some(channel);
		if (!deliver_whole_frames(channel, even_if_paused))
			return false;
	}
	return true;
}

static void announce_end(struct channel *channel)
{
	const char *reason = channel->violation;

	ev_io_stop(channel->loop, &channel->reader);
	channel_sending_stop(channel);
	channel->announced = true;
	if (!channel_violated(channel))
		reason = buffer_len(&channel->in) > 0 ? "ended in the middle of a frame" : "ended";
	channel->events->on_closed(channel->owner, channel, reason);
}

/* The memory a callback may still be looking at. */
static void destroy(struct channel *channel)
{
	buffer_free(&channel->in);
	free(channel);
}

static void enter_callbacks(struct channel *channel)
{
	channel->delivering++;
}

static void leave_callbacks(struct channel *channel)
{
	if (--channel->delivering == 0 && channel->freed)
		destroy(channel);
}

static void on_readable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
	struct channel *channel = watcher->data;

	enter_callbacks(channel);
	if (read_and_deliver(channel, READS_PER_TURN, false) && channel->ended &&
		!channel->announced && !channel->paused)
		announce_end(channel);
	leave_callbacks(channel);
}

/* --- life --- */

struct channel *channel_new(
	struct ev_loop *loop, int fd, const struct channel_events *events, void *owner)
{
	struct channel *channel = memory_zalloc(sizeof(*channel));
	struct error err;

	if (!fd_set_nonblocking(fd, &err) || !fd_set_cloexec(fd, true, &err))
		panic("channel: %s", err.text);
	channel->loop = loop;
	channel->fd = fd;
	channel->events = events;
	channel->owner = owner;
	buffer_init(&channel->in, FRAME_MAX + READ_CHUNK);
	ev_io_init(&channel->reader, on_readable, fd, EV_READ);
	channel->reader.data = channel;
	ev_io_start(loop, &channel->reader);
	channel_sending_start(channel);
	return channel;
}

void channel_free(struct channel **place)
{
	struct channel *channel = *place;

	*place = NULL;
	if (!channel || channel->freed)
		return;
	ev_io_stop(channel->loop, &channel->reader);
	channel_sending_stop(channel);
	for (unsigned i = 0; i < channel->fd_count; i++)
		fd_close(&channel->fds[i]);
	fd_close(&channel->fd);
	channel->freed = true;
	if (channel->delivering == 0)
		destroy(channel);
}

void channel_drain_input(struct channel *channel)
{
	invariant(channel->delivering == 0);
	enter_callbacks(channel);
	read_and_deliver(channel, UINT_MAX, true);
	leave_callbacks(channel);
}

bool channel_violated(const struct channel *channel)
{
	return channel->violation[0] != '\0';
}

int channel_take_fd(const struct frame *frame, unsigned index)
{
	int fd;

	invariant(index < frame->header.fd_count);
	fd = frame->fds[index];
	frame->fds[index] = -1;
	return fd;
}

void channel_pause_reading(struct channel *channel, bool paused)
{
	if (channel->paused == paused || channel->announced)
		return;
	channel->paused = paused;
	if (paused) {
		ev_io_stop(channel->loop, &channel->reader);
		return;
	}
	ev_io_start(channel->loop, &channel->reader);
	/* Whole frames may wait in the buffer while the socket has nothing to tell. */
	ev_feed_event(channel->loop, &channel->reader, EV_READ);
}
