/* Frames arrive whole, in order and once; queues are bounded; no descriptor is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

static struct ev_loop *loop;

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

/* An ear on one end; returns the other end, raw. */
static int ear_start(struct ear *ear)
{
	int fds[2];

	make_pair(fds);
	*ear = (struct ear){0};
	buffer_init(&ear->heard, 64 << 20);
	ear->channel = channel_new(loop, fds[0], &ear_events, ear);
	return fds[1];
}

static void ears_start(struct ear *a, struct ear *b)
{
	int fds[2];

	make_pair(fds);
	*a = *b = (struct ear){0};
	buffer_init(&a->heard, 64 << 20);
	buffer_init(&b->heard, 64 << 20);
	a->channel = channel_new(loop, fds[0], &ear_events, a);
	b->channel = channel_new(loop, fds[1], &ear_events, b);
}

static void ear_stop(struct ear *ear)
{
	channel_free(&ear->channel);
	buffer_free(&ear->heard);
}

static void turn(unsigned times)
{
	while (times-- > 0)
		ev_run(loop, EVRUN_NOWAIT);
}

static const char *heard(struct ear *ear)
{
	return buffer_text(&ear->heard);
}

/* A frame's bytes, written by hand: the layout is a contract. */
static size_t raw_frame(unsigned char *out, unsigned type, unsigned fd_count, const char *payload)
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

static struct frame_header ordered(void)
{
	return (struct frame_header){.type = MSG_COMMAND, .protocol = FRAME_PROTOCOL};
}

static bool say(struct ear *ear, const char *text)
{
	struct frame_header header = ordered();

	return channel_send(ear->channel, &header, slice_of(text), NULL);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int memory_file(const char *content)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	return fd;
}

static void check_content(int fd, const char *content)
{
	char text[64] = "";

	assert_int_equal(pread(fd, text, sizeof(text) - 1, 0), strlen(content));
	assert_string_equal(text, content);
}

static unsigned open_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += is_open(fd);
	return count;
}

/* --- reading --- */

static void the_header_is_read_as_it_is_laid_out(void **state)
{
	unsigned char bytes[64];
	struct ear ear;
	int raw = ear_start(&ear);

	assert_int_equal(write(raw, bytes, raw_frame(bytes, MSG_OBSERVED, 0, "abc")), 39);
	turn(1);
	assert_int_equal(ear.frames, 1);
	assert_int_equal(ear.last.type, MSG_OBSERVED);
	assert_int_equal(ear.last.to.role, ROLE_REQUEST);
	assert_int_equal(ear.last.to.slot, 3);
	assert_int_equal(ear.last.from.role, ROLE_HEALTH);
	assert_int_equal(ear.last.from.slot, 1);
	assert_int_equal(ear.last.generation, 0x102);
	assert_int_equal(ear.last.request_id, 9);
	assert_true(ear.last.object == 0x0102030405060708);
	assert_int_equal(ear.last.version, 77);
	assert_string_equal(heard(&ear), "|abc");
	close(raw);
	ear_stop(&ear);
}

static void what_is_sent_is_laid_out_alike(void **state)
{
	struct frame_header header = {
		.type = MSG_OBSERVED,
		.protocol = FRAME_PROTOCOL,
		.to = {ROLE_REQUEST, 3},
		.from = {ROLE_HEALTH, 1},
		.generation = 0x102,
		.request_id = 9,
		.object = 0x0102030405060708,
		.version = 77,
	};
	unsigned char expected[64];
	unsigned char got[64];
	struct ear ear;
	int raw = ear_start(&ear);
	size_t size = raw_frame(expected, MSG_OBSERVED, 0, "abc");

	assert_true(channel_send(ear.channel, &header, SLICE_LITERAL("abc"), NULL));
	assert_int_equal(read(raw, got, sizeof(got)), size);
	assert_memory_equal(got, expected, size);
	close(raw);
	ear_stop(&ear);
}

static void bytes_may_be_cut_anywhere(void **state)
{
	unsigned char bytes[256];
	size_t size = raw_frame(bytes, MSG_COMMAND, 0, "one");

	size += raw_frame(bytes + size, MSG_COMMAND, 0, "");
	size += raw_frame(bytes + size, MSG_COMMAND, 0, "three");
	for (size_t cut = 0; cut <= size; cut++) {
		struct ear ear;
		int raw = ear_start(&ear);

		assert_int_equal(write(raw, bytes, cut), cut);
		turn(1);
		assert_int_equal(ear.frames, (cut >= 39) + (cut >= 75) + (cut >= size));
		assert_int_equal(write(raw, bytes + cut, size - cut), size - cut);
		turn(1);
		assert_string_equal(heard(&ear), "|one||three");
		assert_int_equal(ear.closed, 0);
		close(raw);
		ear_stop(&ear);
	}
}

static void a_frame_of_the_largest_size_passes(void **state)
{
	struct frame_header header = ordered();
	char *payload = calloc(1, FRAME_PAYLOAD_MAX);
	struct ear a, b;

	ears_start(&a, &b);
	for (int i = 0; i < 3; i++)
		assert_true(channel_send(
			a.channel, &header, slice_make(payload, FRAME_PAYLOAD_MAX), NULL));
	assert_true(say(&a, "x"));
	turn(200);
	assert_int_equal(b.frames, 4);
	assert_int_equal(buffer_len(&b.heard), 3 * (FRAME_PAYLOAD_MAX + 1) + 2);
	free(payload);
	ear_stop(&a);
	ear_stop(&b);
}

static const struct {
	const char *what;
	const char *reason;
	size_t at;
	unsigned char value;
} nonsense[] = {
	{"a frame shorter than its header", "a frame of 31 bytes", 3, 31},
	{"a frame over 1 MiB", "a frame of 16777256 bytes", 0, 1},
	{"another protocol", "a frame of protocol 2", 6, 2},
	{"too many descriptors", "a frame with 65 descriptors", 7, 65},
	{"descriptors that did not come", "1 descriptors of a frame did not come", 7, 1},
};

static void nonsense_ends_the_channel_after_what_was_right(void **state)
{
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		unsigned char bytes[256];
		size_t first = raw_frame(bytes, MSG_COMMAND, 0, "right");
		size_t size = first + raw_frame(bytes + first, MSG_COMMAND, 0, "nonsense");
		struct ear ear;
		int raw = ear_start(&ear);

		bytes[first + nonsense[i].at] = nonsense[i].value;
		size += raw_frame(bytes + size, MSG_COMMAND, 0, "never heard");
		assert_int_equal(write(raw, bytes, size), size);
		turn(3);
		assert_string_equal(heard(&ear), "|right");
		assert_int_equal(ear.closed, 1);
		assert_true(ear.violated);
		assert_string_equal(ear.reason, nonsense[i].reason);
		assert_false(say(&ear, "x"));
		close(raw);
		ear_stop(&ear);
	}
}

/* --- ends --- */

static void a_dead_peer_is_heard_to_its_end(void **state)
{
	struct ear a, b;

	ears_start(&a, &b);
	assert_true(say(&a, "last"));
	assert_true(say(&a, "words"));
	channel_free(&a.channel);
	turn(2);
	assert_string_equal(heard(&b), "|last|words");
	assert_int_equal(b.closed, 1);
	assert_false(b.violated);
	assert_string_equal(b.reason, "ended");
	turn(2);
	assert_int_equal(b.closed, 1);
	ear_stop(&a);
	ear_stop(&b);
}

static void a_dead_peer_with_unread_mail_is_heard_to_its_end(void **state)
{
	struct ear a, b;

	ears_start(&a, &b);
	assert_true(say(&a, "last words"));
	assert_true(say(&b, "not read any more"));
	channel_free(&a.channel);
	say(&b, "to nobody");
	assert_false(say(&b, "to nobody"));
	assert_int_equal(b.frames, 0);
	turn(2);
	assert_string_equal(heard(&b), "|last words");
	assert_int_equal(b.closed, 1);
	assert_false(b.violated);
	ear_stop(&a);
	ear_stop(&b);
}

static void half_a_frame_at_the_end_is_told(void **state)
{
	unsigned char bytes[64];
	struct ear ear;
	int raw = ear_start(&ear);

	assert_int_equal(write(raw, bytes, raw_frame(bytes, MSG_COMMAND, 0, "abc") - 1), 38);
	close(raw);
	turn(2);
	assert_int_equal(ear.frames, 0);
	assert_string_equal(ear.reason, "ended in the middle of a frame");
	ear_stop(&ear);
}

static void draining_delivers_all_and_leaves_the_end_to_the_loop(void **state)
{
	struct ear a, b;

	ears_start(&a, &b);
	channel_pause_reading(b.channel, true);
	for (int i = 0; i < 2000; i++)
		assert_true(say(&a, "x"));
	channel_flush(a.channel, 0);
	channel_drain_input(b.channel);
	channel_free(&a.channel);
	channel_drain_input(b.channel);
	assert_true(b.frames > 100);
	assert_int_equal(b.closed, 0);
	turn(2);
	assert_int_equal(b.closed, 0);
	channel_pause_reading(b.channel, false);
	turn(1);
	assert_int_equal(b.closed, 1);
	ear_stop(&a);
	ear_stop(&b);
}

static void the_owner_may_free_it_in_any_callback(void **state)
{
	for (unsigned after = 1; after <= 3; after++) {
		struct ear a, b;

		ears_start(&a, &b);
		b.free_after = after;
		say(&a, "1");
		say(&a, "2");
		say(&a, "3");
		if (after == 2)
			channel_drain_input(b.channel);
		turn(2);
		assert_null(b.channel);
		assert_int_equal(b.frames, after);
		turn(2);
		assert_int_equal(a.closed, 1);
		ear_stop(&a);
		ear_stop(&b);
	}
}

static void the_owner_may_free_it_when_it_is_closed(void **state)
{
	struct ear a, b;

	ears_start(&a, &b);
	b.free_when_closed = true;
	channel_free(&a.channel);
	turn(2);
	assert_int_equal(b.closed, 1);
	assert_null(b.channel);
	ear_stop(&a);
	ear_stop(&b);
}

static void pausing_holds_whole_frames_back(void **state)
{
	struct ear a, b;

	ears_start(&a, &b);
	b.pause_after = 1;
	say(&a, "1");
	say(&a, "2");
	say(&a, "3");
	turn(3);
	assert_string_equal(heard(&b), "|1");
	channel_pause_reading(b.channel, false);
	turn(1);
	assert_string_equal(heard(&b), "|1|2|3");
	ear_stop(&a);
	ear_stop(&b);
}

/* --- sending --- */

/* Says until frames stay in the queue; returns how many left it. */
static unsigned fill_socket(struct ear *ear)
{
	unsigned said = 0;

	while (channel_queued(ear->channel) == 0) {
		assert_true(say(ear, "filler"));
		said++;
	}
	return said;
}

static bool beat(struct ear *ear, uint64_t object, uint8_t slot, const char *text)
{
	struct frame_header header = {.type = MSG_HEARTBEAT,
		.protocol = FRAME_PROTOCOL,
		.object = object,
		.to.slot = slot};

	return channel_send(ear->channel, &header, slice_of(text), NULL);
}

static void a_newer_latest_frame_takes_the_place_of_the_queued_one(void **state)
{
	struct ear a, b;
	unsigned queued;

	ears_start(&a, &b);
	fill_socket(&a);
	queued = channel_queued(a.channel);
	assert_true(beat(&a, 0, 0, "old"));
	assert_true(beat(&a, 7, 0, "other object"));
	assert_true(beat(&a, 0, 1, "other slot"));
	assert_true(say(&a, "ordered"));
	assert_true(beat(&a, 0, 0, "newer"));
	assert_true(beat(&a, 0, 0, "newest"));
	assert_int_equal(channel_queued(a.channel), queued + 4);
	turn(50);
	assert_int_equal(channel_queued(a.channel), 0);
	assert_non_null(strstr(heard(&b), "filler|newest|other object|other slot|ordered"));
	assert_null(strstr(heard(&b), "old"));
	ear_stop(&a);
	ear_stop(&b);
}

static void a_frame_already_on_its_way_is_not_replaced(void **state)
{
	struct frame_header header = {.type = MSG_HEARTBEAT, .protocol = FRAME_PROTOCOL};
	char *payload = calloc(1, FRAME_PAYLOAD_MAX);
	struct ear a, b;

	ears_start(&a, &b);
	assert_true(channel_send(a.channel, &header, slice_make(payload, FRAME_PAYLOAD_MAX), NULL));
	assert_int_equal(channel_queued(a.channel), 1);
	assert_true(beat(&a, 0, 0, "newer"));
	assert_true(beat(&a, 0, 0, "newest"));
	assert_int_equal(channel_queued(a.channel), 2);
	turn(50);
	assert_int_equal(b.frames, 2);
	assert_int_equal(b.closed, 0);
	assert_string_equal(heard(&b) + 1 + FRAME_PAYLOAD_MAX, "|newest");
	free(payload);
	ear_stop(&a);
	ear_stop(&b);
}

static void a_full_queue_refuses_ordered_frames_and_takes_newer_ones(void **state)
{
	struct ear a, b;
	unsigned said;

	ears_start(&a, &b);
	said = fill_socket(&a);
	assert_true(beat(&a, 0, 0, "old"));
	while (say(&a, "more"))
		said++;
	assert_int_equal(channel_queued(a.channel), CHANNEL_QUEUE_FRAMES);
	assert_false(say(&a, "more"));
	assert_false(beat(&a, 1, 0, "another"));
	assert_true(beat(&a, 0, 0, "newest"));
	turn(500);
	assert_int_equal(channel_queued(a.channel), 0);
	assert_int_equal(b.frames, said + 1);
	assert_true(say(&a, "again"));
	ear_stop(&a);
	ear_stop(&b);
}

static void the_queue_is_bounded_in_bytes(void **state)
{
	struct frame_header header = ordered();
	char *payload = calloc(1, FRAME_PAYLOAD_MAX);
	unsigned said = 0;
	struct ear a, b;

	ears_start(&a, &b);
	while (channel_send(a.channel, &header, slice_make(payload, FRAME_PAYLOAD_MAX), NULL))
		said++;
	assert_int_equal(said, CHANNEL_QUEUE_BYTES / FRAME_MAX);
	free(payload);
	ear_stop(&a);
	ear_stop(&b);
}

static void flushing_waits_no_longer_than_told(void **state)
{
	struct ear a, b;

	ears_start(&a, &b);
	assert_true(channel_flush(a.channel, 0));
	fill_socket(&a);
	assert_false(channel_flush(a.channel, 5));
	channel_drain_input(b.channel);
	assert_true(channel_flush(a.channel, 1000));
	channel_free(&b.channel);
	say(&a, "to nobody");
	assert_false(channel_flush(a.channel, 1000));
	ear_stop(&a);
	ear_stop(&b);
}

static void a_message_is_encoded_and_sent(void **state)
{
	struct msg_command command = {.line = "status"};
	struct frame_header header = {.request_id = 12};
	struct ear a, b;

	ears_start(&a, &b);
	assert_true(channel_send_message(a.channel, MSG_COMMAND, header, &command, NULL));
	turn(1);
	assert_string_equal(heard(&b), "|\x91\xa6status");
	assert_int_equal(b.last.type, MSG_COMMAND);
	assert_int_equal(b.last.protocol, FRAME_PROTOCOL);
	assert_int_equal(b.last.request_id, 12);
	ear_stop(&a);
	ear_stop(&b);
}

static void a_message_too_large_for_a_frame_is_not_sent(void **state)
{
	struct msg_model *models = calloc(4096, sizeof(*models));
	struct msg_backend_put put = {.models = models, .models_count = 4096};
	char name[129];
	struct ear a, b;

	memset(name, 'm', 128);
	name[128] = '\0';
	for (int i = 0; i < 4096; i++)
		models[i].id = models[i].name = name;
	ears_start(&a, &b);
	assert_false(channel_send_message(
		a.channel, MSG_BACKEND_PUT, (struct frame_header){0}, &put, NULL));
	assert_int_equal(channel_queued(a.channel), 0);
	free(models);
	ear_stop(&a);
	ear_stop(&b);
}

/* --- descriptors --- */

static void descriptors_travel_and_untaken_ones_are_closed(void **state)
{
	struct frame_header header = {
		.type = MSG_COMMAND, .protocol = FRAME_PROTOCOL, .fd_count = 2};
	int files[2] = {memory_file("first"), memory_file("second")};
	struct ear a, b;
	unsigned open;

	ears_start(&a, &b);
	open = open_descriptors();
	assert_true(channel_send(a.channel, &header, slice_of("1"), files));
	turn(1);
	assert_int_equal(b.fd_count, 2);
	assert_false(is_open(b.fds[0]));
	assert_int_equal(open_descriptors(), open);
	b.take_fds = true;
	assert_true(channel_send(a.channel, &header, slice_of("2"), files));
	turn(1);
	assert_int_equal(open_descriptors(), open + 2);
	check_content(b.fds[0], "first");
	check_content(b.fds[1], "second");
	assert_true(fcntl(b.fds[0], F_GETFD) & FD_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		close(files[i]);
		close(b.fds[i]);
	}
	ear_stop(&a);
	ear_stop(&b);
}

static void each_queued_frame_keeps_its_own_descriptors(void **state)
{
	struct ear a, b;
	unsigned before;

	ears_start(&a, &b);
	before = open_descriptors();
	b.take_fds = true;
	fill_socket(&a);
	for (unsigned i = 0; i < 100; i++) {
		struct frame_header header = {
			.type = MSG_COMMAND, .protocol = FRAME_PROTOCOL, .fd_count = i % 3 ? 1 : 0};
		char text[16];
		int file;

		snprintf(text, sizeof(text), "%u", i);
		file = memory_file(text);
		assert_true(channel_send(a.channel, &header, slice_of(text), &file));
		close(file);
	}
	/* Frame by frame, so that what each brings can be compared with what it says. */
	for (int i = 0; i < 100000 && channel_queued(a.channel) + b.closed > 0; i++) {
		b.pause_after = b.frames + 1;
		channel_pause_reading(b.channel, false);
		turn(1);
		if (b.fd_count == 1) {
			const char *said = strrchr(heard(&b), '|') + 1;

			check_content(b.fds[0], said);
			close(b.fds[0]);
			b.fd_count = 0;
		}
		buffer_clear(&b.heard);
	}
	b.pause_after = 0;
	b.take_fds = false;
	channel_pause_reading(b.channel, false);
	turn(10);
	assert_int_equal(b.closed, 0);
	assert_int_equal(open_descriptors(), before);
	ear_stop(&a);
	ear_stop(&b);
}

static void nothing_stays_open_when_a_channel_is_freed(void **state)
{
	struct frame_header header = {
		.type = MSG_COMMAND, .protocol = FRAME_PROTOCOL, .fd_count = 1};
	unsigned before = open_descriptors();
	int file = memory_file("x");
	struct ear a, b;

	ears_start(&a, &b);
	fill_socket(&a);
	for (int i = 0; i < 10; i++)
		assert_true(channel_send(a.channel, &header, slice_of("x"), &file));
	b.free_after = 1;
	turn(3);
	ear_stop(&a);
	ear_stop(&b);
	close(file);
	assert_int_equal(open_descriptors(), before);
}

static void descriptors_nobody_announced_do_not_pile_up(void **state)
{
	unsigned char bytes[64];
	size_t size = raw_frame(bytes, MSG_COMMAND, 0, "x");
	struct ear ear;
	int raw = ear_start(&ear);
	unsigned before = open_descriptors();
	int file = memory_file("x");

	for (int i = 0; i < 400; i++) {
		struct iovec piece = {bytes, size};
		union {
			char bytes[CMSG_SPACE(sizeof(int))];
			struct cmsghdr aligned;
		} control = {{0}};
		struct msghdr message = {.msg_iov = &piece,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control.bytes)};

		control.aligned.cmsg_level = SOL_SOCKET;
		control.aligned.cmsg_type = SCM_RIGHTS;
		control.aligned.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.aligned), &file, sizeof(int));
		sendmsg(raw, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		turn(1);
	}
	assert_true(ear.closed);
	assert_true(ear.violated);
	ear_stop(&ear);
	assert_int_equal(open_descriptors(), before);
	close(file);
	close(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_is_read_as_it_is_laid_out),
		cmocka_unit_test(what_is_sent_is_laid_out_alike),
		cmocka_unit_test(bytes_may_be_cut_anywhere),
		cmocka_unit_test(a_frame_of_the_largest_size_passes),
		cmocka_unit_test(nonsense_ends_the_channel_after_what_was_right),
		cmocka_unit_test(a_dead_peer_is_heard_to_its_end),
		cmocka_unit_test(a_dead_peer_with_unread_mail_is_heard_to_its_end),
		cmocka_unit_test(half_a_frame_at_the_end_is_told),
		cmocka_unit_test(draining_delivers_all_and_leaves_the_end_to_the_loop),
		cmocka_unit_test(the_owner_may_free_it_in_any_callback),
		cmocka_unit_test(the_owner_may_free_it_when_it_is_closed),
		cmocka_unit_test(pausing_holds_whole_frames_back),
		cmocka_unit_test(a_newer_latest_frame_takes_the_place_of_the_queued_one),
		cmocka_unit_test(a_frame_already_on_its_way_is_not_replaced),
		cmocka_unit_test(a_full_queue_refuses_ordered_frames_and_takes_newer_ones),
		cmocka_unit_test(the_queue_is_bounded_in_bytes),
		cmocka_unit_test(flushing_waits_no_longer_than_told),
		cmocka_unit_test(a_message_is_encoded_and_sent),
		cmocka_unit_test(a_message_too_large_for_a_frame_is_not_sent),
		cmocka_unit_test(descriptors_travel_and_untaken_ones_are_closed),
		cmocka_unit_test(each_queued_frame_keeps_its_own_descriptors),
		cmocka_unit_test(nothing_stays_open_when_a_channel_is_freed),
		cmocka_unit_test(descriptors_nobody_announced_do_not_pile_up),
	};
	int failed;

	loop = ev_loop_new(EVFLAG_AUTO);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	ev_loop_destroy(loop);
	return failed;
}
