/* channel_private.h: what channel.c (life, reading) and channel_send.c (the queue, writing) share;
 * nobody else. */
#ifndef NEXUS_IPC_CHANNEL_PRIVATE_H
#define NEXUS_IPC_CHANNEL_PRIVATE_H

#include <ev.h>

#include "base/buffer.h"
#include "base/list.h"
#include "ipc/channel.h"

/* Descriptors that came but whose frame is not whole yet: at most those of the frame being read and
 * of the next one, because one recvmsg() never reads past a piece that carries descriptors. */
#define CHANNEL_FDS_PENDING (2 * FRAME_FDS_MAX)

struct channel {
	struct ev_loop *loop;
	int fd;
	const struct channel_events *events;
	void *owner;

	struct ev_io reader;
	struct buffer in;
	int fds[CHANNEL_FDS_PENDING];
	unsigned fd_count;
	bool paused;
	bool ended;          /* nothing more will be read */
	bool announced;      /* on_closed has been called */
	char violation[160]; /* "" = the peer kept to the rules */
	unsigned delivering; /* callbacks of ours on the stack */
	bool freed;          /* by such a callback: the memory goes when the last one returns */

	struct ev_io writer;
	struct list queue; /* struct outgoing */
	unsigned queued_frames;
	size_t queued_bytes;
	bool broken; /* the peer takes no more; the reader finds out why */
};

/* A frame's fields as bytes, with its length before them. */
void frame_header_write(unsigned char out[FRAME_HEADER_SIZE], const struct frame_header *header,
	size_t payload_len);

void channel_sending_start(struct channel *channel);
void channel_sending_stop(struct channel *channel);

#endif
