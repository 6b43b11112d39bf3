/* What is encoded is decoded the same; anything else is refused by the name of its field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/random.h"
#include "ipc/channel.h"
#include "ipc/codec.h"
#include "message_values.h"

#define ROUNDS 40

static const struct schema *schema_of(enum message_type type)
{
	return message_row(type)->schema;
}

static bool decode(
	struct slice payload, const struct schema *schema, void *message, struct arena *arena)
{
	struct error err = {""};
	bool done = codec_decode(payload, schema, message, arena, &err);

	assert_int_equal(done, err.text[0] == '\0');
	return done;
}

static void check_round_trip(
	const struct schema *schema, enum values how, size_t list_max, struct random *random)
{
	struct arena arena;
	struct buffer bytes;
	void *sent;
	void *got;

	arena_init(&arena, 65536);
	buffer_init(&bytes, 4 * FRAME_MAX);
	sent = message_make(schema, how, list_max, random, &arena);
	got = arena_alloc(&arena, schema->size);
	memset(got, 0xa5, schema->size);
	assert_true(codec_encode(&bytes, schema, sent));
	assert_true(decode(buffer_slice(&bytes), schema, got, &arena));
	assert_true(message_equal(schema, sent, got));
	buffer_free(&bytes);
	arena_free(&arena);
}

static void every_message_survives_the_round_trip(void **state)
{
	struct random random;

	random_seed(&random, 1);
	for (unsigned type = 1; type < MSG_TYPE_MAX; type++) {
		check_round_trip(schema_of(type), VALUES_ZERO, 0, &random);
		check_round_trip(schema_of(type), VALUES_LARGEST, SIZE_MAX, &random);
		for (int i = 0; i < ROUNDS; i++)
			check_round_trip(schema_of(type), VALUES_RANDOM, 20, &random);
	}
}

/* The bytes go in at the end of their own block, so that a sanitizer sees any read behind them. */
static bool decode_copy(
	const char *data, size_t len, const struct schema *schema, struct arena *arena)
{
	char *copy = len > 0 ? malloc(len) : NULL;
	void *message = arena_alloc(arena, schema->size);
	bool done;

	if (len > 0)
		memcpy(copy, data, len);
	done = decode(slice_make(copy, len), schema, message, arena);
	free(copy);
	return done;
}

static void every_truncation_is_refused(void **state)
{
	struct random random;

	random_seed(&random, 2);
	for (unsigned type = 1; type < MSG_TYPE_MAX; type++) {
		struct arena arena;
		struct buffer bytes;
		void *message;

		arena_init(&arena, 65536);
		buffer_init(&bytes, FRAME_MAX);
		message = message_make(schema_of(type), VALUES_RANDOM, 3, &random, &arena);
		assert_true(codec_encode(&bytes, schema_of(type), message));
		for (size_t len = 0; len < buffer_len(&bytes); len += len < 600 ? 1 : 997)
			assert_false(
				decode_copy(buffer_data(&bytes), len, schema_of(type), &arena));
		assert_true(buffer_append_text(&bytes, "x"));
		assert_false(decode_copy(
			buffer_data(&bytes), buffer_len(&bytes), schema_of(type), &arena));
		buffer_free(&bytes);
		arena_free(&arena);
	}
}

static const struct {
	const char *what;
	enum message_type type;
	struct slice bytes;
	const char *error; /* a part of it; NULL = decoded */
} payloads[] = {
	{"missing fields are zero", MSG_HEARTBEAT, SLICE_LITERAL("\x91\x07"), NULL},
	{"no field at all", MSG_HEARTBEAT, SLICE_LITERAL("\x90"), NULL},
	{"further fields are ignored", MSG_CONFIG,
		SLICE_LITERAL("\x94\x01\x02\x93\xc0\x81\x01\x02\xc3\xa1x"), NULL},
	{"widths do not matter", MSG_CONFIG, SLICE_LITERAL("\x92\xcf\0\0\0\0\0\0\0\x01\xcd\0\x02"),
		NULL},
	{"a signed form of a small number", MSG_CONFIG, SLICE_LITERAL("\x92\xd0\x01\x02"), NULL},
	{"nothing", MSG_CONFIG, SLICE_LITERAL(""), "not one whole msgpack value"},
	{"a second value", MSG_CONFIG, SLICE_LITERAL("\x90\x90"), "not one whole msgpack value"},
	{"an unused head", MSG_CONFIG, SLICE_LITERAL("\x91\xc1"), "not one whole msgpack value"},
	{"a claim of 4 billion values", MSG_CONFIG, SLICE_LITERAL("\xdd\xff\xff\xff\xff\x01"),
		"not one whole msgpack value"},
	{"a claim of 4 billion pairs", MSG_CONFIG, SLICE_LITERAL("\xdf\xff\xff\xff\xff\x01"),
		"not one whole msgpack value"},
	{"a claim of 4 billion bytes", MSG_CONFIG, SLICE_LITERAL("\x91\xdb\xff\xff\xff\xff\x01"),
		"not one whole msgpack value"},
	{"a head cut off", MSG_CONFIG, SLICE_LITERAL("\x91\xdb\xff\xff"),
		"not one whole msgpack value"},
	{"a map", MSG_CONFIG, SLICE_LITERAL("\x81\x01\x02"), "config: not a record"},
	{"a number", MSG_CONFIG, SLICE_LITERAL("\x07"), "config: not a record"},
	{"nil for a number", MSG_CONFIG, SLICE_LITERAL("\x91\xc0"),
		"config: version: not an unsigned number"},
	{"a negative number", MSG_CONFIG, SLICE_LITERAL("\x92\x01\xff"),
		"config: size: not an unsigned number"},
	{"too large for 8 bits", MSG_BOOT, SLICE_LITERAL("\x91\xcd\x01\x00"),
		"boot: role: 256 is over 255"},
	{"too large for 16 bits", MSG_BOOT, SLICE_LITERAL("\x94\0\0\0\xce\0\x01\0\0"),
		"boot: column: 65536 is over 65535"},
	{"too large for 63 bits", MSG_BOOT,
		SLICE_LITERAL("\x97\0\0\0\0\0\0\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
		"boot: started_wall_us: not a signed number"},
	{"a number for a truth value", MSG_STOP_ACCEPT, SLICE_LITERAL("\x91\x01"),
		"stop_accept: on: not a truth value"},
	{"bytes for a string", MSG_COMMAND, SLICE_LITERAL("\x91\xc4\x01x"),
		"command: line: not a string"},
	{"a NUL in a string", MSG_COMMAND, SLICE_LITERAL("\x91\xa3x\0y"),
		"command: line: a NUL byte"},
	{"a string for a list", MSG_BACKEND_PUT,
		SLICE_LITERAL("\x9e\0\xa0\xa0\xa0\0\0\0\0\0\0\0\xc2\xc2\xa1x"),
		"backend_put: models: not a list"},
	{"a number in a list of records", MSG_BACKEND_PUT,
		SLICE_LITERAL("\x9e\0\xa0\xa0\xa0\0\0\0\0\0\0\0\xc2\xc2\x92\x90\x05"),
		"backend_put: models: entry 1: not a record"},
	{"a wrong field deep inside", MSG_BACKEND_PUT,
		SLICE_LITERAL("\x9e\0\xa0\xa0\xa0\0\0\0\0\0\0\0\xc2\xc2\x91\x91\x05"),
		"backend_put: models: entry 0: id: not a string"},
};

static void foreign_payloads_are_taken_or_refused_by_name(void **state)
{
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		const struct schema *schema = schema_of(payloads[i].type);
		struct error err = {""};
		struct arena arena;
		bool done;

		arena_init(&arena, 4096);
		done = codec_decode(
			payloads[i].bytes, schema, arena_alloc(&arena, schema->size), &arena, &err);
		if (done != !payloads[i].error || (!done && !strstr(err.text, payloads[i].error)))
			fail_msg("%s: %s", payloads[i].what, done ? "decoded" : err.text);
		arena_free(&arena);
	}
}

static void missing_and_further_fields_leave_the_others_right(void **state)
{
	struct msg_config_ack ack;
	struct msg_config config;
	struct arena arena;

	arena_init(&arena, 4096);
	assert_true(decode(SLICE_LITERAL("\x91\x09"), schema_of(MSG_CONFIG_ACK), &ack, &arena));
	assert_int_equal(ack.version, 9);
	assert_string_equal(ack.refusal, "");
	assert_true(
		decode(SLICE_LITERAL("\x93\x05\x06\x07"), schema_of(MSG_CONFIG), &config, &arena));
	assert_int_equal(config.version, 5);
	assert_int_equal(config.size, 6);
	arena_free(&arena);
}

/* A payload of one field of `head` and `count` fillers. */
static bool decode_filled(const char *head, size_t head_len, size_t count, char filler,
	const struct schema *schema, struct error *err)
{
	struct buffer bytes;
	struct arena arena;
	char *place;
	bool done;

	arena_init(&arena, 4096);
	buffer_init(&bytes, FRAME_MAX);
	assert_true(buffer_append(&bytes, head, head_len));
	place = buffer_reserve(&bytes, count);
	memset(place, filler, count);
	buffer_commit(&bytes, count);
	done = codec_decode(
		buffer_slice(&bytes), schema, arena_alloc(&arena, schema->size), &arena, err);
	buffer_free(&bytes);
	arena_free(&arena);
	return done;
}

static void bounds_are_kept_to_the_entry(void **state)
{
	const struct schema *command = schema_of(MSG_COMMAND);
	const struct schema *put = schema_of(MSG_BACKEND_PUT);
	struct error err;

	assert_true(decode_filled("\x91\xda\x10\x00", 4, 4096, 'x', command, &err));
	assert_false(decode_filled("\x91\xda\x10\x01", 4, 4097, 'x', command, &err));
	assert_string_equal(err.text, "command: line: 4097 bytes, at most 4096 allowed");
#define BEFORE_MODELS "\x9e\0\xa0\xa0\xa0\0\0\0\0\0\0\0\xc2\xc2"
	assert_true(decode_filled(BEFORE_MODELS "\xdc\x10\x00", 17, 4096, '\x90', put, &err));
	assert_false(decode_filled(BEFORE_MODELS "\xdc\x10\x01", 17, 4097, '\x90', put, &err));
	assert_string_equal(err.text, "backend_put: models: 4097 entries, at most 4096 allowed");
}

static void nesting_is_bounded(void **state)
{
	struct error err;

	assert_false(decode_filled("\x90", 0, 50000, '\x91', schema_of(MSG_CONFIG), &err));
	for (size_t depth = 30; depth < 40; depth++) {
		char bytes[64];

		memset(bytes, 0x91, depth);
		bytes[0] = '\x93';
		bytes[1] = bytes[2] = 1;
		decode_filled(bytes, depth, 1, 1, schema_of(MSG_CONFIG), &err);
	}
}

static void a_full_buffer_is_told(void **state)
{
	struct msg_command command = {.line = "status"};
	struct buffer bytes;

	for (size_t max = 0; max < 8; max++) {
		buffer_init(&bytes, max);
		assert_false(codec_encode(&bytes, schema_of(MSG_COMMAND), &command));
		buffer_free(&bytes);
	}
	buffer_init(&bytes, 8);
	assert_true(codec_encode(&bytes, schema_of(MSG_COMMAND), &command));
	assert_true(slice_equal(buffer_slice(&bytes), SLICE_LITERAL("\x91\xa6status")));
	buffer_free(&bytes);
}

static void no_text_is_the_empty_text(void **state)
{
	struct msg_command command = {.line = NULL};
	struct buffer bytes;

	buffer_init(&bytes, 16);
	assert_true(codec_encode(&bytes, schema_of(MSG_COMMAND), &command));
	assert_true(slice_equal(buffer_slice(&bytes), SLICE_LITERAL("\x91\xa0")));
	buffer_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_survives_the_round_trip),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(foreign_payloads_are_taken_or_refused_by_name),
		cmocka_unit_test(missing_and_further_fields_leave_the_others_right),
		cmocka_unit_test(bounds_are_kept_to_the_entry),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(a_full_buffer_is_told),
		cmocka_unit_test(no_text_is_the_empty_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
