/* channel_ear.c: what the tests of channels have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "channel_ear.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct ev_loop *loop;

static void hear_frame(void *owner, struct channel *channel, const struct frame *frame)
{
	struct ear *ear = owner;

	ear->frames++;
	ear->last = frame->header;
	ear->fd_count = frame->header.fd_count;
	memcpy(ear->fds, frame->fds, frame->header.fd_count * sizeof(int));
	if (ear->take_fds)
		for (unsigned i = 0; i < frame->header.fd_count; i++)
			ear->fds[i] = channel_take_fd(frame, i);
	if (ear->frames == ear->free_after)
		channel_free(&ear->channel);
	if (ear->frames == ear->pause_after)
		channel_pause_reading(channel, true);
	buffer_append_text(&ear->heard, "|");
	buffer_append_slice(&ear->heard, frame->payload);
}

static void hear_close(void *owner, struct channel *channel, const char *reason)
{
	struct ear *ear = owner;

	ear->closed++;
	ear->violated = channel_violated(channel);
	snprintf(ear->reason, sizeof(ear->reason), "%s", reason);
	if (ear->free_when_closed)
		channel_free(&ear->channel);
}

static const struct channel_events ear_events = {.on_frame = hear_frame, .on_closed = hear_close};

static void make_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

int ear_start(struct ear *ear)
{
	int fds[2];

	make_pair(fds);
	*ear = (struct ear){0};
	buffer_init(&ear->heard, 64 << 20);
	ear->channel = channel_new(loop, fds[0], &ear_events, ear);
	return fds[1];
}

void ears_start(struct ear *a, struct ear *b)
{
	int fds[2];

	make_pair(fds);
	*a = *b = (struct ear){0};
	buffer_init(&a->heard, 64 << 20);
	buffer_init(&b->heard, 64 << 20);
	a->channel = channel_new(loop, fds[0], &ear_events, a);
	b->channel = channel_new(loop, fds[1], &ear_events, b);
}

void ear_stop(struct ear *ear)
{
	channel_free(&ear->channel);
	buffer_free(&ear->heard);
}

void turn(unsigned times)
{
	while (times-- > 0)
		ev_run(loop, EVRUN_NOWAIT);
}

const char *heard(struct ear *ear)
{
	return buffer_text(&ear->heard);
}

size_t raw_frame(unsigned char *out, unsigned type, unsigned fd_count, const char *payload)
{
	size_t len = strlen(payload);
	unsigned char header[FRAME_HEADER_SIZE] = {
		0,
		0,
		0,
		(unsigned char)(32 + len),
		0,
		(unsigned char)type,
		FRAME_PROTOCOL,
		(unsigned char)fd_count,
		ROLE_REQUEST,
		3,
		ROLE_HEALTH,
		1,
		0,
		0,
		1,
		2,
		0,
		0,
		0,
		9,
		1,
		2,
		3,
		4,
		5,
		6,
		7,
		8,
		0,
		0,
		0,
		0,
		0,
		0,
		0,
		77,
	};

	memcpy(out, header, sizeof(header));
	memcpy(out + sizeof(header), payload, len);
	return sizeof(header) + len;
}

struct frame_header ordered(void)
{
	return (struct frame_header){.type = MSG_COMMAND, .protocol = FRAME_PROTOCOL};
}

bool say(struct ear *ear, const char *text)
{
	struct frame_header header = ordered();

	return channel_send(ear->channel, &header, slice_of(text), NULL);
}

bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

int memory_file(const char *content)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	return fd;
}

void check_content(int fd, const char *content)
{
	char text[64] = "";

	assert_int_equal(pread(fd, text, sizeof(text) - 1, 0), strlen(content));
	assert_string_equal(text, content);
}

unsigned open_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += is_open(fd);
	return count;
}
unsigned fill_socket(struct ear *ear)
{
	unsigned said = 0;

	while (channel_queued(ear->channel) == 0) {
		assert_true(say(ear, "filler"));
		said++;
	}
	return said;
}
