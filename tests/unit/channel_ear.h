/* channel_ear.h: one side of a channel that notes all it hears. For tests only. */
#ifndef NEXUS_TESTS_CHANNEL_EAR_H
#define NEXUS_TESTS_CHANNEL_EAR_H

#include <stdbool.h>

#include "base/buffer.h"
#include "ipc/channel.h"

/* What one side has heard. */
struct ear {
	struct channel *channel;
	unsigned frames;
	unsigned closed;
	bool violated;
	char reason[200];
	struct buffer heard; /* the payloads, each behind a '|' */
	struct frame_header last;
	int fds[FRAME_FDS_MAX];
	unsigned fd_count;
	bool take_fds;
	unsigned free_after; /* frames; 0 = not */
	bool free_when_closed;
	unsigned pause_after;
};

extern struct ev_loop *loop;

/* An ear on one end; returns the other end, raw. */
int ear_start(struct ear *ear);
void ears_start(struct ear *a, struct ear *b);
void ear_stop(struct ear *ear);
/* Turns of the loop, without waiting. */
void turn(unsigned times);
/* The payloads so far. */
const char *heard(struct ear *ear);
/* Writes a frame's bytes by hand: the layout is a contract. Returns its size. */
size_t raw_frame(unsigned char *out, unsigned type, unsigned fd_count, const char *payload);
/* The header of an ORDERED message. */
struct frame_header ordered(void);
bool say(struct ear *ear, const char *text);
bool is_open(int fd);
int memory_file(const char *content);
void check_content(int fd, const char *content);
unsigned open_descriptors(void);
/* Says until frames stay in the queue; returns how many it said. */
unsigned fill_socket(struct ear *ear);

#endif
