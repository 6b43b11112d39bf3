/* One line goes out and one answer comes back, whatever the other side does; no daemon is told apart from a broken one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "command/console_client.h"

static char directory[] = "/tmp/nexus-console-test-XXXXXX";
static char path[64];

static int listen_at(const char *where)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, where, sizeof(address.sun_path) - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* A daemon for one question, in a process of its own: expects `line`, says `answer` in two pieces. */
static pid_t daemon_once(int fd, const char *line, const char *answer)
{
	pid_t pid = fork();
	char heard[256];
	size_t half = strlen(answer) / 2;
	ssize_t len;
	int client;

	if (pid != 0)
		return pid;
	alarm(10);
	client = accept(fd, NULL, NULL);
	len = read(client, heard, sizeof(heard) - 1);
	heard[len > 0 ? len : 0] = '\0';
	if (write(client, answer, half) < 0 || write(client, answer + half, strlen(answer) - half) < 0)
		_exit(2);
	_exit(strcmp(heard, line) == 0 ? 0 : 1);
}

static int ask(const char *line, struct buffer *answer, struct error *err)
{
	struct command_call call = {.command = &commands[COMMAND_status]};

	call.values[OPTION_console_socket] = path;
	buffer_init(answer, CONSOLE_ANSWER_MAX);
	return console_ask(&call, line, answer, err);
}

static const struct {
	const char *answer;
	int code;
	const char *text;    /* of the answer */
	const char *problem; /* or why there is none */
} cases[] = {
	{"0\n{\"a\":1}\n", 0, "{\"a\":1}\n", NULL},
	{"78\nnexus.conf:1: bad\nnexus.conf:2: bad\n", 78, "nexus.conf:1: bad\nnexus.conf:2: bad\n", NULL},
	{"0\n", 0, "", NULL},
	{"", 1, "", "the connection ended without an answer"},
	{"0", 1, "", "the connection ended without an answer"},
	{"hello\n", 1, "", "the connection ended without an answer"},
	{"999\nx", 1, "", "the connection ended without an answer"},
};

static void test_answers(void **state)
{
	int fd = listen_at(path);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t pid = daemon_once(fd, "status\n", cases[i].answer);
		struct error err = {""};
		struct buffer answer;
		int status;

		assert_int_equal(ask("status", &answer, &err), cases[i].code);
		assert_string_equal(buffer_text(&answer), cases[i].text);
		assert_string_equal(err.text, cases[i].problem ? cases[i].problem : "");
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		buffer_free(&answer);
	}
	fd_close(&fd);
	unlink(path);
}

static void test_nobody(void **state)
{
	struct buffer answer;
	struct error err;
	char expected[128];
	int fd;

	snprintf(expected, sizeof(expected), "not running: nobody answers at %s", path);
	assert_int_equal(ask("status", &answer, &err), EXIT_NOT_RUNNING);
	assert_string_equal(err.text, expected);
	fd = listen_at(path);
	fd_close(&fd); /* the socket's name is left, as after a kill -9 */
	assert_int_equal(ask("status", &answer, &err), EXIT_NOT_RUNNING);
	assert_string_equal(err.text, expected);
	unlink(path);
	buffer_free(&answer);
}

/* Without --socket the environment and the configuration say where. */
static void test_configured(void **state)
{
	struct command_call call = {.command = &commands[COMMAND_status]};
	struct buffer answer;
	struct error err;
	pid_t pid;
	int status;
	int fd = listen_at(path);

	setenv("NEXUS_SOCKET", path, 1);
	buffer_init(&answer, CONSOLE_ANSWER_MAX);
	pid = daemon_once(fd, "health\n", "0\n{}");
	assert_int_equal(console_ask(&call, "health", &answer, &err), 0);
	assert_string_equal(buffer_text(&answer), "{}");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	unsetenv("NEXUS_SOCKET");
	buffer_free(&answer);
	fd_close(&fd);
	unlink(path);
}

static int make_directory(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/s", directory);
	return 0;
}

static int remove_directory(void **state)
{
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_configured),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
