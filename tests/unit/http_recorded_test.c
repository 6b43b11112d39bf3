/* Promise: what real servers answered is read whole and unchanged, event by event, however its bytes were split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "http/http_head.h"
#include "http/http_response.h"
#include "http/sse.h"

struct reader {
	struct http_response_parser *parser;
	struct sse_parser sse;
	struct buffer body;
	struct buffer relayed; /* the events' own bytes, one behind the other */
	bool streams;
	bool complete;
	bool done; /* data: [DONE] was seen */
	unsigned events;
};

static bool saw_head(void *owner)
{
	struct reader *reader = owner;
	struct slice type = http_response_header(reader->parser, "content-type");

	reader->streams = slice_starts_with(type, "text/event-stream");
	return http_response_status(reader->parser) < 600;
}

static bool saw_body(void *owner, struct slice piece)
{
	struct reader *reader = owner;
	struct sse_event event;

	buffer_append_slice(&reader->body, piece);
	while (reader->streams && sse_feed(&reader->sse, &piece, &event) == SSE_EVENT) {
		buffer_append_slice(&reader->relayed, event.raw);
		reader->done |= slice_is(event.data, "[DONE]");
		reader->events++;
	}
	return true;
}

static void saw_end(void *owner)
{
	((struct reader *)owner)->complete = true;
}

/* The recordings hold bodies without their chunk framing: puts it back, in uneven chunks. */
static void frame(struct slice recorded, struct slice body, struct buffer *out)
{
	size_t mark;

	buffer_append(out, recorded.data, (size_t)(body.data - recorded.data));
	if (!memmem(recorded.data, recorded.len - body.len, "chunked", 7)) {
		buffer_append_slice(out, body);
		return;
	}
	for (size_t at = 0, len = 1; at < body.len; at += len, len = len * 7 % 311) {
		if (len > body.len - at)
			len = body.len - at;
		http_chunk_open(out, &mark);
		buffer_append(out, body.data + at, len);
		http_chunk_close(out, mark);
	}
	http_chunk_last(out);
}

static void read_in_steps(struct slice text, struct slice body, size_t step)
{
	static const struct http_response_events events = {saw_head, saw_body, saw_end};
	struct reader reader = {.complete = false};
	struct error err = {""};

	reader.parser = http_response_new(&events, &reader);
	sse_init(&reader.sse, 1 << 20);
	buffer_init(&reader.body, 1 << 20);
	buffer_init(&reader.relayed, 1 << 20);
	for (size_t at = 0; at < text.len; at += step) {
		struct slice piece = slice_make(text.data + at, text.len - at < step ? text.len - at : step);

		assert_true(http_response_feed(reader.parser, piece, &err));
	}
	assert_true(reader.complete);
	assert_true(slice_equal(buffer_slice(&reader.body), body));
	if (reader.streams) {
		assert_true(reader.events > 2);
		assert_true(slice_equal(buffer_slice(&reader.relayed), body));
		assert_int_equal(sse_leftover(&reader.sse).len, 0);
	}
	http_response_free(&reader.parser);
	sse_free(&reader.sse);
	buffer_free(&reader.body);
	buffer_free(&reader.relayed);
}

static void read_recording(const char *name)
{
	static const size_t steps[] = {1, 2, 3, 7, 64, 1000, 1 << 20};
	char path[4096];
	struct buffer recorded;
	struct buffer text;
	struct slice body;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", RECORDED_DIR, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	buffer_init(&recorded, 1 << 20);
	buffer_init(&text, 1 << 21);
	buffer_commit(&recorded, fread(buffer_reserve(&recorded, 1 << 20), 1, 1 << 20, file));
	fclose(file);
	body.data = memmem(buffer_data(&recorded), buffer_len(&recorded), "\r\n\r\n", 4);
	assert_non_null(body.data);
	body.data += 4;
	body.len = (size_t)(buffer_data(&recorded) + buffer_len(&recorded) - body.data);
	frame(buffer_slice(&recorded), body, &text);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		read_in_steps(buffer_slice(&text), body, steps[i]);
	buffer_free(&recorded);
	buffer_free(&text);
}

static void every_recording_is_read(void **state)
{
	DIR *dir = opendir(RECORDED_DIR);
	const struct dirent *entry;
	unsigned read = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (!strstr(entry->d_name, ".http"))
			continue;
		print_message("%s\n", entry->d_name);
		read_recording(entry->d_name);
		read++;
	}
	closedir(dir);
	assert_true(read > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_recording_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
