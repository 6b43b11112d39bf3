/* Queues are bounded, the newest of the LATEST is what is sent, and no descriptor is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel_ear.h"

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
