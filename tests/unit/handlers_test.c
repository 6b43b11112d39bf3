/* A message reaches its own handler, and only when its row allows who sends and who receives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "ipc/codec.h"
#include "ipc/handlers.h"

struct seen {
	unsigned commands;
	unsigned drains;
	char line[32];
	uint32_t request_id;
};

static void on_command(void *owner, const struct msg_command *message, const struct frame *frame)
{
	struct seen *seen = owner;

	seen->commands++;
	seen->request_id = frame->header.request_id;
	strncpy(seen->line, message->line, sizeof(seen->line) - 1);
}

static void on_drain(void *owner, const struct msg_drain *message, const struct frame *frame)
{
	struct seen *seen = owner;

	seen->drains += message->stopping ? 1 : 100;
}

static const struct message_handlers handlers = {.command = on_command, .drain = on_drain};

static const struct {
	const char *what;
	unsigned type;
	unsigned from;
	unsigned me;
	struct slice payload;
	const char *error;
} cases[] = {
	{"a drain", MSG_DRAIN, ROLE_SUPERVISOR, ROLE_HEALTH, SLICE_LITERAL("\x92\x05\xc3"), NULL},
	{"an unknown type", 200, ROLE_SUPERVISOR, ROLE_HEALTH, SLICE_LITERAL("\x90"),
		"message type 200 is not known"},
	{"type 0", 0, ROLE_SUPERVISOR, ROLE_HEALTH, SLICE_LITERAL("\x90"),
		"message type 0 is not known"},
	{"a wrong sender", MSG_DRAIN, ROLE_HEALTH, ROLE_HEALTH, SLICE_LITERAL("\x90"),
		"DRAIN may not go from health to health"},
	{"a sender of no role", MSG_DRAIN, 77, ROLE_HEALTH, SLICE_LITERAL("\x90"),
		"DRAIN may not go from nobody to health"},
	{"a wrong receiver", MSG_STOP_ACCEPT, ROLE_SUPERVISOR, ROLE_HEALTH, SLICE_LITERAL("\x90"),
		"STOP_ACCEPT may not go from supervisor to health"},
	{"no handler", MSG_BOOT, ROLE_SUPERVISOR, ROLE_HEALTH, SLICE_LITERAL("\x90"),
		"BOOT is not accepted here"},
	{"a bad payload", MSG_DRAIN, ROLE_SUPERVISOR, ROLE_HEALTH, SLICE_LITERAL("\x91\xc3"),
		"drain: deadline_ms: not an unsigned number"},
};

static void only_what_is_allowed_is_handled(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame frame = {.header.type = (uint16_t)cases[i].type,
			.header.from.role = (uint8_t)cases[i].from,
			.payload = cases[i].payload};
		struct error err = {""};
		struct seen seen = {0};
		bool done = message_dispatch(&handlers, &seen, cases[i].me, &frame, &err);

		if (done != !cases[i].error || (!done && strcmp(err.text, cases[i].error) != 0))
			fail_msg("%s: %s", cases[i].what, err.text);
		assert_int_equal(seen.drains, done);
	}
}

static void the_handler_gets_message_and_frame(void **state)
{
	struct msg_command command = {.line = "backends"};
	struct frame frame = {.header = {.type = MSG_COMMAND, .request_id = 5}};
	struct seen seen = {0};
	struct buffer payload;
	struct error err;

	buffer_init(&payload, 64);
	assert_true(codec_encode(&payload, message_row(MSG_COMMAND)->schema, &command));
	frame.payload = buffer_slice(&payload);
	assert_true(message_dispatch(&handlers, &seen, ROLE_BUDGET, &frame, &err));
	assert_int_equal(seen.commands, 1);
	assert_int_equal(seen.request_id, 5);
	assert_string_equal(seen.line, "backends");
	buffer_free(&payload);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_allowed_is_handled),
		cmocka_unit_test(the_handler_gets_message_and_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
