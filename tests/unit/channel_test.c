/* Frames arrive whole, in order and once, however their bytes are cut and whoever dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "channel_ear.h"

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
	};
	int failed;

	loop = ev_loop_new(EVFLAG_AUTO);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	ev_loop_destroy(loop);
	return failed;
}
