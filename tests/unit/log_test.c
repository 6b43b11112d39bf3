/* Each record is one line, whatever its text holds; levels are obeyed; writing never blocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/json_scan.h"
#include "base/log.h"

static int pipe_fds[2];

static int open_pipe(void **state)
{
	return pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC);
}

static int close_pipe(void **state)
{
	log_set_output(STDERR_FILENO, LOG_FORMAT_PRETTY);
	log_set_level(LOG_LEVEL_INFO);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return 0;
}

/* What was written since the last time; "" when nothing was. */
static const char *written(void)
{
	static char text[65536];
	ssize_t got = read(pipe_fds[0], text, sizeof(text) - 1);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

static const char evil[] = "a\nb\r\x1b[31m \"q\\\" \xff \xc2\x9b end";

static void check_one_line(const char *line)
{
	size_t len = strlen(line);

	assert_true(len > 0);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	for (size_t i = 0; i + 1 < len; i++)
		assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
}

static void test_pretty(void **state)
{
	const char *line;

	log_set_output(pipe_fds[1], LOG_FORMAT_PRETTY);
	log_set_process("request[0] g3");
	log_warn(LOG_HTTP, "saw %s", evil);
	line = written();
	check_one_line(line);
	/* 2026-11-21T10:38:20.000001Z and a space. */
	assert_int_equal(line[19], '.');
	assert_int_equal(line[26], 'Z');
	assert_string_equal(line + 27, " WARN  request[0] g3 http: saw a\\x0ab\\x0d\\x1b[31m \"q\\\" \\xff \\x9b end\n");
}

static void test_json(void **state)
{
	static const char *const keys[] = {"timestamp", "level", "process", "component", "message"};
	static const char *const values[] = {NULL, "error", "request[0] g3", "routing", NULL};
	struct json_string string;
	struct json_string key;
	struct json_reader json;
	const char *line;

	log_set_output(pipe_fds[1], LOG_FORMAT_JSON);
	log_error(LOG_ROUTING, "saw %s", evil);
	line = written();
	check_one_line(line);
	json_reader_init(&json, slice_of(line), 1);
	assert_true(json_enter_object(&json));
	for (size_t i = 0; i < 5; i++) {
		assert_true(json_next_member(&json, &key) && json_string_is(key, keys[i]));
		assert_true(json_read_string(&json, &string));
		assert_true(!values[i] || json_string_is(string, values[i]));
	}
	assert_true(json_string_is(string, "saw a\nb\r\x1b[31m \"q\\\" \xef\xbf\xbd \xc2\x9b end"));
	assert_false(json_next_member(&json, &key));
	assert_true(json_finish(&json));
}

static void test_long_text_is_cut_to_one_line(void **state)
{
	static const char *const fills[] = {"x", "\n", "\"", "\xff", "\xe4\xb8\xad"};

	for (int format = LOG_FORMAT_PRETTY; format <= LOG_FORMAT_JSON; format++) {
		for (size_t f = 0; f < sizeof(fills) / sizeof(fills[0]); f++) {
			char text[5000] = "";
			size_t used = 0;

			while (used + 4 < sizeof(text))
				used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", fills[f]);
			log_set_output(pipe_fds[1], (enum log_format)format);
			log_info(LOG_BASE, "%s", text);
			check_one_line(written());
		}
	}
}

static void test_levels(void **state)
{
	log_set_output(pipe_fds[1], LOG_FORMAT_PRETTY);
	log_set_level(LOG_LEVEL_WARN);
	log_info(LOG_IPC, "no");
	assert_string_equal(written(), "");
	log_set_component_level(LOG_IPC, LOG_LEVEL_TRACE);
	log_trace(LOG_IPC, "yes");
	assert_non_null(strstr(written(), "TRACE"));
	log_info(LOG_HTTP, "no");
	assert_string_equal(written(), "");
	log_set_level(LOG_LEVEL_ERROR);
	assert_false(log_is_enabled(LOG_IPC, LOG_LEVEL_WARN));
	assert_true(log_is_enabled(LOG_IPC, LOG_LEVEL_ERROR));
}

static void test_names(void **state)
{
	for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
		enum log_level level;

		assert_true(log_level_parse(log_level_names[i], &level) && level == (enum log_level)i);
	}
	for (int i = 0; i < LOG_COMPONENT_COUNT; i++) {
		enum log_component component;

		assert_true(log_component_parse(log_component_names[i], &component) && component == (enum log_component)i);
	}
	assert_false(log_level_parse("loud", &(enum log_level){0}));
	assert_false(log_component_parse("", &(enum log_component){0}));
}

static void test_a_full_pipe_drops_and_counts(void **state)
{
	uint64_t before = log_dropped();
	int lines = 0;

	log_set_output(pipe_fds[1], LOG_FORMAT_PRETTY);
	while (log_dropped() == before && lines++ < 100000)
		log_error(LOG_BASE, "%0200d", 1);
	assert_true(log_dropped() == before + 1);
	/* Once it is read, lines go out again. */
	while (*written())
		continue;
	log_error(LOG_BASE, "again");
	assert_non_null(strstr(written(), "again"));
	assert_true(log_dropped() == before + 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pretty, open_pipe, close_pipe),
		cmocka_unit_test_setup_teardown(test_json, open_pipe, close_pipe),
		cmocka_unit_test_setup_teardown(test_long_text_is_cut_to_one_line, open_pipe, close_pipe),
		cmocka_unit_test_setup_teardown(test_levels, open_pipe, close_pipe),
		cmocka_unit_test_setup_teardown(test_names, open_pipe, close_pipe),
		cmocka_unit_test_setup_teardown(test_a_full_pipe_drops_and_counts, open_pipe, close_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
