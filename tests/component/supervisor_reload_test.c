/* A bad configuration changes nothing, a good one reaches all, and workers are replaced without a
 * gap. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/component/driven_service.h"

static void keeps_the_old_configuration_when_the_new_is_wrong(void **state)
{
	struct driven_service service;
	pid_t pid = driven_start(&service, "workers = 1;");
	const char *answer;

	driven_configure(&service, "workers = 1; keepalive_timeout_seconds = \"never\";", "");
	answer = driven_ask(&service, "reload");
	assert_true(strncmp(answer, "1\n", 2) == 0);
	assert_non_null(strstr(answer, "nexus.conf:1"));
	assert_non_null(strstr(answer, "server.keepalive_timeout_seconds"));
	assert_non_null(strstr(driven_ask(&service, "status"), "\"version\":1}"));
	assert_int_equal(driven_wait_for(&service, "request", 0, "ready", 0, 1000), pid);
	driven_stop(&service);
}

static void sends_live_keys_to_those_who_run(void **state)
{
	struct driven_service service;
	pid_t pid = driven_start(&service, "workers = 1;");
	const char *answer;

	driven_configure(&service,
		"workers = 1; keepalive_timeout_seconds = 33; state_dir = \"/elsewhere\";", "");
	answer = driven_ask(&service, "reload");
	assert_true(strncmp(answer, "0\n", 2) == 0);
	assert_non_null(strstr(answer, "changed: server.keepalive_timeout_seconds"));
	assert_non_null(strstr(driven_ask(&service, "status"), "\"version\":2}"));
	assert_int_equal(driven_wait_for(&service, "request", 0, "ready", 0, 1000), pid);
	driven_stop(&service);
}

static void lists_keys_that_wait_for_the_next_start(void **state)
{
	struct driven_service service;
	const char *answer;

	driven_start(&service, "workers = 1;");
	driven_configure(&service, "workers = 60;", "queuing = { max_queue_size = 7; };");
	answer = driven_ask(&service, "reload");
	assert_true(strncmp(answer, "0\n", 2) == 0);
	assert_non_null(strstr(answer, "server.workers, queuing.max_queue_size"));
	assert_non_null(strstr(driven_ask(&service, "status"),
		"\"pending_upgrade_keys\":[\"server.workers\",\"queuing.max_queue_size\"]"));
	driven_stop(&service);
}

static void replaces_workers_only_when_the_new_are_ready(void **state)
{
	struct driven_service service;
	pid_t pid = driven_start(&service, "workers = 1;");
	unsigned old_port = service.port;
	const char *answer;

	service.port = driven_port();
	driven_configure(&service, "workers = 1;", "");
	driven_write(&service, "request.does", "crash before ready");
	answer = driven_ask(&service, "reload");
	assert_true(strncmp(answer, "1\n", 2) == 0);
	assert_non_null(strstr(answer, "the fake was told to crash early"));
	assert_int_equal(driven_wait_for(&service, "request", 0, "ready", 0, 1000), pid);
	driven_write(&service, "request.does", "");
	answer = driven_ask(&service, "reload");
	assert_true(strncmp(answer, "0\n", 2) == 0);
	assert_non_null(strstr(answer, "server.port"));
	driven_wait_for(&service, "request", 0, "ready", pid, 1000);
	driven_assert_gone(pid);
	assert_int_not_equal(old_port, service.port);
	driven_stop(&service);
}

static void starts_and_drains_only_the_difference(void **state)
{
	struct driven_service service;
	pid_t pid = driven_start(&service, "workers = 1;");
	pid_t second;

	driven_configure(&service, "workers = 3;", "");
	assert_true(strncmp(driven_ask(&service, "reload"), "0\n", 2) == 0);
	second = driven_wait_for(&service, "request", 1, "ready", 0, 1000);
	driven_wait_for(&service, "request", 2, "ready", 0, 1000);
	assert_int_equal(driven_wait_for(&service, "request", 0, "ready", 0, 1000), pid);
	driven_configure(&service, "workers = 1;", "");
	assert_true(strncmp(driven_ask(&service, "reload"), "0\n", 2) == 0);
	driven_assert_gone(second);
	assert_int_equal(driven_wait_for(&service, "request", 0, "ready", 0, 1000), pid);
	driven_stop(&service);
}

static void restarts_workers_when_asked(void **state)
{
	struct driven_service service;
	pid_t pid = driven_start(&service, "workers = 2;");
	pid_t health = driven_wait_for(&service, "health", 0, "ready", 0, 1000);

	assert_true(strncmp(driven_ask(&service, "worker restart request"), "0\n", 2) == 0);
	driven_wait_for(&service, "request", 0, "ready", pid, 1000);
	assert_true(strncmp(driven_ask(&service, "worker restart health"), "0\n", 2) == 0);
	driven_wait_for(&service, "health", 0, "ready", health, 1000);
	assert_true(strncmp(driven_ask(&service, "worker restart request 9"), "1\n", 2) == 0);
	assert_true(strncmp(driven_ask(&service, "worker restart nobody"), "2\n", 2) == 0);
	driven_stop(&service);
}

static void waits_when_three_generations_drain(void **state)
{
	struct driven_service service;

	driven_prepare(&service, "workers = 1;");
	driven_write(&service, "request.does", "drain slowly");
	driven_launch(&service);
	driven_wait_for(&service, "request", 0, "ready", 0, 10000);
	for (int i = 0; i < 3; i++)
		assert_true(strncmp(driven_ask(&service, "worker restart request"), "0\n", 2) == 0);
	{
		int fd = driven_connect_admin(&service);

		dprintf(fd, "worker restart request\n");
		driven_wait_for(&service, "request", 0, "draining", 0, 1000);
		while (!driven_log_has(&service, "the next generation waits for them"))
			driven_nap();
		kill(driven_wait_for(&service, "request", 0, "draining", 0, 1000), SIGKILL);
		{
			char answer[256];
			ssize_t got = read(fd, answer, sizeof(answer) - 1);

			assert_true(got > 2);
			assert_memory_equal(answer, "0\n", 2);
		}
		close(fd);
	}
	driven_stop(&service);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_old_configuration_when_the_new_is_wrong),
		cmocka_unit_test(sends_live_keys_to_those_who_run),
		cmocka_unit_test(lists_keys_that_wait_for_the_next_start),
		cmocka_unit_test(replaces_workers_only_when_the_new_are_ready),
		cmocka_unit_test(starts_and_drains_only_the_difference),
		cmocka_unit_test(restarts_workers_when_asked),
		cmocka_unit_test(waits_when_three_generations_drain),
	};
	int code = driven_main(argc, argv);

	if (code >= 0)
		return code;
	return cmocka_run_group_tests_name("supervisor reload", tests, NULL, NULL);
}
