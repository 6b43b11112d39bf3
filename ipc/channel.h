/* channel.h: frames over one UNIX stream socketpair, on libev.
 *
 * A channel owns its descriptor. Sending never blocks: frames queue, bounded; a LATEST frame
 * replaces the queued older one of the same type and object; when an ORDERED frame finds the queue
 * full the send fails and the owner decides (the peer is stuck: a liveness problem, not memory
 * growth). Frames are delivered whole, in order, one callback each, never from within a send.
 * Descriptors travel with a frame by SCM_RIGHTS and belong to the receiver of the callback, who
 * must take or close each (channel_take_fd). */
#ifndef NEXUS_IPC_CHANNEL_H
#define NEXUS_IPC_CHANNEL_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "ipc/message.h"

#define FRAME_MAX            (1u << 20) /* header and payload */
#define FRAME_HEADER_SIZE    36u
#define FRAME_PAYLOAD_MAX    (FRAME_MAX - FRAME_HEADER_SIZE)
#define FRAME_PROTOCOL       1u
#define FRAME_FDS_MAX        64u
#define CHANNEL_QUEUE_FRAMES 4096u
#define CHANNEL_QUEUE_BYTES  (64u << 20)

/* On the wire: 36 bytes, big-endian: a u32 length that counts what follows it, then these fields in
 * this order. */
struct frame_header {
	uint16_t type;
	uint8_t protocol;
	uint8_t fd_count;
	struct peer to;
	struct peer from;    /* stamped by the supervisor on what it forwards */
	uint32_t generation; /* of the sender; stamped likewise */
	uint32_t request_id; /* COMMAND and ANSWER */
	uint64_t object;     /* what the frame is about: a backend's id; 0 otherwise */
	uint64_t version;    /* registry version, where it has one */
};

struct frame {
	struct frame_header header;
	struct slice payload; /* valid during the callback */
	int *fds;             /* header.fd_count of them */
};

struct channel;
struct channel_events {
	void (*on_frame)(void *owner, struct channel *channel, const struct frame *frame);
	/* The peer is gone or spoke nonsense (`reason`; channel_violated tells which). Everything
	 * it said before has been delivered. Called once, from the loop only. The owner frees the
	 * channel, now or later. */
	void (*on_closed)(void *owner, struct channel *channel, const char *reason);
};

/* Takes over `fd` (made non-blocking, close-on-exec). */
struct channel *channel_new(
	struct ev_loop *loop, int fd, const struct channel_events *events, void *owner);
/* Closes it and forgets what is queued; frees *channel (which may be NULL) and sets it to NULL.
 * Allowed in a callback. */
void channel_free(struct channel **channel);

/* Queues a copy and flushes what the socket takes. `header->fd_count` descriptors are duplicated:
 * the caller keeps its own. A LATEST frame takes the place of the queued one of the same type,
 * object, sender and receiver. The payload is at most FRAME_PAYLOAD_MAX bytes. False when the queue
 * is full, the channel is closed or we are out of descriptors; nothing was queued then. */
bool channel_send(struct channel *channel, const struct frame_header *header, struct slice payload,
	const int *fds);
/* Encodes `message` of `type` and sends it with the given header fields (type, protocol are filled
 * in). False also when it is too large for a frame, which is logged. */
bool channel_send_message(struct channel *channel, enum message_type type,
	struct frame_header header, const void *message, const int *fds);
/* Reads until the peer's end and delivers it all, without waiting: a dead worker's last frames.
 * Pausing does not count here. Does not call on_closed: that comes from the loop, unless the
 * channel is freed before. A callback may free the channel meanwhile, but not drain it again. */
void channel_drain_input(struct channel *channel);
/* In on_closed: whether the peer broke the rules of frames, rather than ended. */
bool channel_violated(const struct channel *channel);
/* Writes queued frames, waiting at most `timeout_ms`: last frames before an exit. Blocking; not for
 * loops. True when nothing is left. */
bool channel_flush(struct channel *channel, unsigned timeout_ms);
/* Takes over one received descriptor of a frame: returns it and marks it taken; untaken ones are
 * closed after the callback. */
int channel_take_fd(const struct frame *frame, unsigned index);
/* Frames queued and not yet written, for back-pressure and status. */
unsigned channel_queued(const struct channel *channel);
/* Back-pressure: while paused nothing is read nor delivered, and the peer's end is not noticed. */
void channel_pause_reading(struct channel *channel, bool paused);

#endif
