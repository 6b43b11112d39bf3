/* The supervisor keeps its promises to real processes: what dies comes back, what hangs is ended,
 * it stops as asked, and nothing survives its end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/component/driven_service.h"

static void starts_answers_and_stops(void **state)
{
	struct driven_service service;

	driven_start(&service, "workers = 2;");
	driven_wait_for(&service, "request", 1, "ready", 0, 5000);
	assert_non_null(strstr(driven_ask(&service, "status"), "\"path\":"));
	assert_true(strncmp(driven_ask(&service, "status"), "0\n{", 3) == 0);
	assert_true(strncmp(driven_ask(&service, "nonsense"), "2\n", 2) == 0);
	assert_string_equal(
		driven_ask(&service, "backends --json"), "0\n{\"line\":\"backends --json\"}");
	assert_int_equal(strlen(driven_ask(&service, "models")), 2 + 600000);
	assert_true(driven_log_has(&service, "ready: serving on http://127.0.0.1:"));
	driven_stop(&service);
}

static void restarts_at_once_what_was_ready(void **state)
{
	struct driven_service service;
	pid_t pid = driven_start(&service, "workers = 2;");
	pid_t other = driven_wait_for(&service, "request", 1, "ready", 0, 5000);

	kill(pid, SIGKILL);
	driven_wait_for(&service, "request", 0, "ready", pid, 2000);
	assert_int_equal(driven_wait_for(&service, "request", 1, "ready", 0, 1000), other);
	assert_true(driven_log_has(&service, "signal 9 (Killed)"));
	assert_non_null(strstr(driven_ask(&service, "status"), "request[0] g"));
	driven_stop(&service);
}

static void slows_down_a_crash_loop_and_keeps_serving(void **state)
{
	struct driven_service service;
	uint64_t end;
	long restarts;

	driven_prepare(&service, "workers = 1;");
	driven_write(&service, "health.does", "crash when ready");
	driven_launch(&service);
	driven_wait_for(&service, "request", 0, "ready", 0, 10000);
	end = clock_monotonic_ms() + 2500;
	while (clock_monotonic_ms() < end)
		driven_nap();
	restarts =
		driven_number(driven_ask(&service, "status"), "health", 0, "backoff", "restarts");
	if (restarts < 0)
		restarts = driven_number(
			driven_ask(&service, "status"), "health", 0, "ready", "restarts");
	if (restarts >= 0)
		assert_in_range(restarts, 3, 12);
	assert_true(driven_log_has(&service, "last words: the fake was told to crash"));
	driven_write(&service, "health.does", "");
	driven_wait_for(&service, "health", 0, "ready", 0, 5000);
	driven_stop(&service);
}

static void gives_up_at_first_boot_on_an_impossible_configuration(void **state)
{
	struct driven_service service;

	driven_prepare(&service, "workers = 1;");
	driven_write(&service, "health.does", "refuse");
	driven_launch(&service);
	assert_int_equal(driven_wait_exit(&service, 10000), 78);
	assert_true(driven_log_has(&service, "the fake does not like its configuration"));
	driven_clean(&service);
}

static void later_such_a_role_waits_for_a_reload(void **state)
{
	struct driven_service service;
	pid_t pid;

	driven_start(&service, "workers = 1;");
	pid = driven_wait_for(&service, "health", 0, "ready", 0, 1000);
	driven_write(&service, "health.does", "refuse");
	kill(pid, SIGKILL);
	driven_wait_for(&service, "health", 0, "failed", pid, 3000);
	assert_true(strncmp(driven_ask(&service, "backends"), "1\n", 2) == 0);
	driven_write(&service, "health.does", "");
	assert_true(strncmp(driven_ask(&service, "reload"), "0\n", 2) == 0);
	driven_wait_for(&service, "health", 0, "ready", pid, 3000);
	driven_stop(&service);
}

static void tries_again_what_never_got_ready(void **state)
{
	struct driven_service service;

	driven_prepare(&service, "workers = 2;");
	driven_write(&service, "request.does", "crash before ready");
	driven_launch(&service);
	driven_wait_for(&service, "request", 0, "backoff", -1, 5000);
	driven_write(&service, "request.does", "");
	driven_wait_for(&service, "request", 0, "ready", 0, 8000);
	driven_wait_for(&service, "request", 1, "ready", 0, 8000);
	driven_stop(&service);
}

static void ends_what_hangs(void **state)
{
	struct driven_service service;
	pid_t pid = driven_start(&service, "workers = 1;");

	kill(pid, SIGSTOP);
	driven_wait_for(&service, "request", 0, "ready", pid, 20000);
	assert_true(driven_log_has(&service, "hung"));
	driven_stop(&service);
}

static void ends_at_once_who_stops_with_a_lock(void **state)
{
	struct driven_service service;
	pid_t pid = driven_start(&service, "workers = 1;");

	driven_write(&service, "request.does", "lock and stop");
	kill(pid, SIGKILL);
	while (!driven_log_has(&service, "stopped while it held a lock"))
		driven_nap();
	driven_write(&service, "request.does", "");
	driven_wait_for(&service, "request", 0, "ready", pid, 8000);
	driven_stop(&service);
}

static void takes_all_with_it_and_can_be_started_again(void **state)
{
	struct driven_service service;
	pid_t request = driven_start(&service, "workers = 1;");
	pid_t health = driven_wait_for(&service, "health", 0, "ready", 0, 1000);
	pid_t budget = driven_wait_for(&service, "budget", 0, "ready", 0, 1000);

	kill(service.pid, SIGKILL);
	assert_int_equal(driven_wait_exit(&service, 1000), -SIGKILL);
	driven_launch(&service);
	driven_wait_for(&service, "request", 0, "ready", request, 10000);
	driven_assert_gone(request);
	driven_assert_gone(health);
	driven_assert_gone(budget);
	driven_stop(&service);
}

static void refuses_a_second_service_on_the_same_state(void **state)
{
	struct driven_service service, second;

	driven_start(&service, "workers = 1;");
	second = service;
	driven_launch(&second);
	assert_int_equal(driven_wait_exit(&second, 15000), 1);
	assert_true(driven_log_has(&service, "runs with the state directory"));
	assert_true(strncmp(driven_ask(&service, "status"), "0\n", 2) == 0);
	driven_stop(&service);
}

static void stops_by_console_and_reopens_its_log(void **state)
{
	struct driven_service service;
	char from[128], to[128];

	driven_start(&service, "workers = 1;");
	snprintf(from, sizeof(from), "%s/log", service.dir);
	snprintf(to, sizeof(to), "%s/log.1", service.dir);
	assert_int_equal(rename(from, to), 0);
	kill(service.pid, SIGUSR1);
	while (access(from, F_OK) < 0)
		driven_nap();
	assert_true(strncmp(driven_ask(&service, "shutdown"), "0\n", 2) == 0);
	assert_int_equal(driven_wait_exit(&service, 10000), 0);
	assert_true(driven_log_has(&service, "stopped"));
	driven_clean(&service);
}

static void becomes_a_daemon_when_it_serves(void **state)
{
	struct driven_service service;
	char path[128];
	FILE *file;
	int pid;

	driven_prepare(&service, "workers = 1;");
	driven_launch_as(&service, "daemon");
	assert_int_equal(driven_wait_exit(&service, 10000), 0);
	assert_true(strncmp(driven_ask(&service, "status"), "0\n", 2) == 0);
	snprintf(path, sizeof(path), "%s/pid", service.dir);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	/* What keeps it from serving is told to whoever starts it. */
	driven_launch_as(&service, "daemon");
	assert_int_equal(driven_wait_exit(&service, 15000), 1);
	assert_true(strncmp(driven_ask(&service, "status"), "0\n", 2) == 0);
	kill(pid, SIGTERM);
	driven_assert_gone(pid);
	assert_int_equal(access(path, F_OK), -1);
	driven_clean(&service);
}

static void gives_requests_their_time_and_no_more(void **state)
{
	struct driven_service service;
	uint64_t begun;

	driven_prepare(&service, "workers = 1; stop_timeout_seconds = 1;");
	driven_write(&service, "request.does", "stay");
	driven_launch(&service);
	driven_wait_for(&service, "request", 0, "ready", 0, 10000);
	begun = clock_monotonic_ms();
	kill(service.pid, SIGTERM);
	assert_int_equal(driven_wait_exit(&service, 10000), 0);
	assert_true(clock_monotonic_ms() - begun >= 1000);
	assert_true(driven_log_has(&service, "did not leave in time"));
	driven_clean(&service);
}

static void a_second_signal_ends_it_at_once(void **state)
{
	struct driven_service service;
	uint64_t begun = clock_monotonic_ms();

	driven_prepare(&service, "workers = 1; stop_timeout_seconds = 3600;");
	driven_write(&service, "request.does", "stay");
	driven_launch(&service);
	driven_wait_for(&service, "request", 0, "ready", 0, 10000);
	kill(service.pid, SIGTERM);
	driven_wait_for(&service, "request", 0, "draining", 0, 3000);
	kill(service.pid, SIGINT);
	assert_int_equal(driven_wait_exit(&service, 10000), 0);
	assert_true(clock_monotonic_ms() - begun < 60000);
	driven_clean(&service);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_answers_and_stops),
		cmocka_unit_test(restarts_at_once_what_was_ready),
		cmocka_unit_test(slows_down_a_crash_loop_and_keeps_serving),
		cmocka_unit_test(gives_up_at_first_boot_on_an_impossible_configuration),
		cmocka_unit_test(later_such_a_role_waits_for_a_reload),
		cmocka_unit_test(tries_again_what_never_got_ready),
		cmocka_unit_test(ends_what_hangs),
		cmocka_unit_test(ends_at_once_who_stops_with_a_lock),
		cmocka_unit_test(takes_all_with_it_and_can_be_started_again),
		cmocka_unit_test(refuses_a_second_service_on_the_same_state),
		cmocka_unit_test(stops_by_console_and_reopens_its_log),
		cmocka_unit_test(becomes_a_daemon_when_it_serves),
		cmocka_unit_test(gives_requests_their_time_and_no_more),
		cmocka_unit_test(a_second_signal_ends_it_at_once),
	};
	int code = driven_main(argc, argv);

	if (code >= 0)
		return code;
	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
