/* The supervisor keeps its promises to real processes: what dies comes back, what hangs is ended, a
 * bad configuration changes nothing, a good one reaches all, and nothing survives its end.
 *
 * One binary is everything: `supervisor_test [PATTERN]` runs the tests, `supervisor_test serve DIR
 * OVERRIDE...` is a service, and the supervisor runs it as `nexus worker ROLE`, where trivial roles
 * do what DIR/ROLE.does says. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fatal.h"
#include "base/fd.h"
#include "supervisor/supervisor.h"
#include "workers/worker.h"

/* --- trivial roles --- */

static char what_it_does[32];
static ev_timer soon;

static void read_what_it_does(const struct worker *worker)
{
	char path[4200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.does", worker->state_dir, role_names[worker->role]);
	file = fopen(path, "re");
	if (!file)
		return;
	if (!fgets(what_it_does, sizeof(what_it_does), file))
		what_it_does[0] = '\0';
	fclose(file);
}

static void on_soon(EV_P_ ev_timer *watcher, int events)
{
	panic("the fake was told to crash");
}

static bool fake_start(struct worker *worker, struct error *err)
{
	read_what_it_does(worker);
	if (strcmp(what_it_does, "refuse") == 0)
		return error_set(err, "the fake does not like its configuration");
	if (strcmp(what_it_does, "crash before ready") == 0)
		panic("the fake was told to crash early");
	if (strcmp(what_it_does, "crash when ready") == 0) {
		ev_timer_init(&soon, on_soon, 0.0, 0.0);
		ev_timer_start(worker->loop, &soon);
	}
	if (strcmp(what_it_does, "lock and stop") == 0) {
		atomic_store(&scoreboard_header(worker->scoreboard, worker->column)->locked_row, 7);
		raise(SIGSTOP);
	}
	return true;
}

static void fake_drain(struct worker *worker, uint64_t deadline_ms, bool stopping)
{
	read_what_it_does(worker);
	if (strcmp(what_it_does, "stay") != 0 &&
		(strcmp(what_it_does, "drain slowly") != 0 || stopping))
		worker_done(worker);
}

static bool fake_config(struct worker *worker, struct config *old, struct error *err)
{
	return true;
}

static void fake_command(struct worker *worker, uint32_t request_id, const char *line)
{
	static char text[600000];

	if (strcmp(line, "models") != 0) {
		snprintf(text, sizeof(text), "{\"line\":\"%s\"}", line);
		worker_answer(worker, request_id, 0, slice_of(text));
		return;
	}
	memset(text, 'm', sizeof(text));
	worker_answer(worker, request_id, 0, slice_make(text, sizeof(text)));
}

static int run_worker(const char *name)
{
	static struct worker_ops ops = {.start = fake_start,
		.on_drain = fake_drain,
		.on_config = fake_config,
		.on_command = fake_command};

	for (int role = 0; role < ROLE_COUNT; role++)
		if (strcmp(role_names[role], name) == 0) {
			ops.role = (enum role)role;
			worker_run(&ops);
		}
	return 1;
}

static int run_service(char **args)
{
	char config_path[512], state[512], socket_path[512], pid_file[512];
	const char *overrides[] = {state, socket_path, NULL};
	struct supervisor_options options = {
		.sources = {.path = config_path, .overrides = overrides}};
	struct config_errors errors;
	struct config *config;

	snprintf(config_path, sizeof(config_path), "%s/nexus.conf", args[0]);
	snprintf(state, sizeof(state), "server.state_dir=%s", args[0]);
	snprintf(socket_path, sizeof(socket_path), "admin.socket=%s/admin.sock", args[0]);
	snprintf(pid_file, sizeof(pid_file), "%s/pid", args[0]);
	options.pid_file = pid_file;
	options.daemonize = args[1] != NULL;
	config_errors_init(&errors);
	config = config_load(&options.sources, &errors);
	if (!config)
		fprintf(stderr, "%s\n", errors.count ? errors.items[0].text : "no configuration");
	config_errors_free(&errors);
	return config ? supervisor_serve(config, &options) : 78;
}

/* --- driving a service --- */

struct service {
	char dir[64];
	pid_t pid;
	unsigned port;
};

static void write_file(const struct service *service, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", service->dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void write_config(const struct service *service, const char *more_server, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"server = { host = \"127.0.0.1\"; port = %u; max_concurrent_requests = 16; %s };\n"
		"discovery = { enabled = false; };\nlogging = { file = \"%s/log\"; };\n%s\n",
		service->port, more_server, service->dir, more);
	write_file(service, "nexus.conf", text);
}

/* A port that was free a moment ago. */
static unsigned free_port(void)
{
	struct listen_probe {
		struct sockaddr_in address;
		socklen_t len;
	} probe = {.address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
		.len = sizeof(probe.address)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&probe.address, probe.len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&probe.address, &probe.len), 0);
	close(fd);
	return ntohs(probe.address.sin_port);
}

static void launch_as(struct service *service, const char *how)
{
	service->pid = fork();
	if (service->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/proc/self/exe", "supervisor_test", "serve", service->dir, how, NULL);
		_exit(127);
	}
	assert_true(service->pid > 0);
}

static void launch(struct service *service)
{
	launch_as(service, NULL);
}

static void prepare(struct service *service, const char *more_server)
{
	snprintf(service->dir, sizeof(service->dir), "/tmp/nexus-sup-XXXXXX");
	assert_non_null(mkdtemp(service->dir));
	service->port = free_port();
	write_config(service, more_server, "");
}

static int connect_admin(const struct service *service)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 40};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/admin.sock", service->dir);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fd_close(&fd);
	return fd;
}

/* The whole answer, with its exit code line; "" when nobody answers. Valid until the next call. */
static const char *ask(const struct service *service, const char *line)
{
	static char answer[1 << 20];
	size_t len = 0;
	ssize_t got;
	int fd = connect_admin(service);

	answer[0] = '\0';
	if (fd < 0)
		return answer;
	dprintf(fd, "%s\n", line);
	while ((got = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)got;
	answer[len] = '\0';
	close(fd);
	return answer;
}

static void nap(void)
{
	struct timespec step = {.tv_nsec = 20000000};

	nanosleep(&step, NULL);
}

/* The value of a number of a process, as status shows it; -1 when there is no such process. */
static long process_number(
	const char *status, const char *role, unsigned slot, const char *state, const char *name)
{
	char start[64], key[32], wanted[32];
	const char *at = status, *end;

	snprintf(start, sizeof(start), "{\"role\":\"%s\",\"slot\":%u,", role, slot);
	snprintf(key, sizeof(key), "\"%s\":", name);
	snprintf(wanted, sizeof(wanted), "\"state\":\"%s\"", state);
	while ((at = strstr(at, start))) {
		const char *found = strstr(at, key), *has_state = strstr(at, wanted);

		end = strchr(at, '}');
		if (found && found < end && has_state && has_state < end)
			return strtol(found + strlen(key), NULL, 10);
		at++;
	}
	return -1;
}

/* Waits for a process in that state, whose pid is not `other`; returns its pid. */
static pid_t wait_for(const struct service *service, const char *role, unsigned slot,
	const char *state, pid_t other, unsigned timeout_ms)
{
	uint64_t end = clock_monotonic_ms() + timeout_ms;
	long pid;

	do {
		pid = process_number(ask(service, "status"), role, slot, state, "pid");
		if (pid >= 0 && (pid_t)pid != other)
			return (pid_t)pid;
		nap();
	} while (clock_monotonic_ms() < end);
	fail_msg("no %s[%u] that is %s after %u ms: %s", role, slot, state, timeout_ms,
		ask(service, "status"));
	return -1;
}

static int wait_exit(struct service *service, unsigned timeout_ms)
{
	uint64_t end = clock_monotonic_ms() + timeout_ms;
	int status;

	while (waitpid(service->pid, &status, WNOHANG) != service->pid) {
		if (clock_monotonic_ms() > end) {
			kill(service->pid, SIGKILL);
			waitpid(service->pid, &status, 0);
			fail_msg("the supervisor did not end within %u ms", timeout_ms);
		}
		nap();
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void show_log(const struct service *service)
{
	char command[128];
	FILE *file;
	int c;

	snprintf(command, sizeof(command), "%s/log", service->dir);
	file = fopen(command, "re");
	while (file && (c = getc(file)) != EOF)
		putchar(c);
	if (file)
		fclose(file);
}

static bool log_has(const struct service *service, const char *text)
{
	static char log[1 << 20];
	char path[128];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/log", service->dir);
	file = fopen(path, "re");
	assert_non_null(file);
	len = fread(log, 1, sizeof(log) - 1, file);
	log[len] = '\0';
	fclose(file);
	return strstr(log, text) != NULL;
}

static pid_t start(struct service *service, const char *more_server)
{
	pid_t pid;

	prepare(service, more_server);
	launch(service);
	pid = wait_for(service, "request", 0, "ready", 0, 10000);
	while (!log_has(service, "ready: serving on"))
		nap();
	return pid;
}

static void clean(const struct service *service)
{
	static const char *const names[] = {"nexus.conf", "log", "lock", "records", "request.does",
		"health.does", "budget.does", "admin.sock", "log.1", "pid"};
	char path[128];

	if (getenv("SHOW_LOG"))
		show_log(service);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", service->dir, names[i]);
		unlink(path);
	}
	rmdir(service->dir);
}

static void stop(struct service *service)
{
	kill(service->pid, SIGTERM);
	assert_int_equal(wait_exit(service, 10000), 0);
	clean(service);
}

static void assert_gone(pid_t pid)
{
	uint64_t end = clock_monotonic_ms() + 5000;

	while (kill(pid, 0) == 0 && clock_monotonic_ms() < end)
		nap();
	assert_int_equal(kill(pid, 0), -1);
}

/* --- the promises --- */

static void starts_answers_and_stops(void **state)
{
	struct service service;

	start(&service, "workers = 2;");
	wait_for(&service, "request", 1, "ready", 0, 5000);
	assert_non_null(strstr(ask(&service, "status"), "\"path\":"));
	assert_true(strncmp(ask(&service, "status"), "0\n{", 3) == 0);
	assert_true(strncmp(ask(&service, "nonsense"), "2\n", 2) == 0);
	assert_string_equal(ask(&service, "backends --json"), "0\n{\"line\":\"backends --json\"}");
	assert_int_equal(strlen(ask(&service, "models")), 2 + 600000);
	assert_true(log_has(&service, "ready: serving on http://127.0.0.1:"));
	stop(&service);
}

static void restarts_at_once_what_was_ready(void **state)
{
	struct service service;
	pid_t pid = start(&service, "workers = 2;");
	pid_t other = wait_for(&service, "request", 1, "ready", 0, 5000);

	kill(pid, SIGKILL);
	wait_for(&service, "request", 0, "ready", pid, 2000);
	assert_int_equal(wait_for(&service, "request", 1, "ready", 0, 1000), other);
	assert_true(log_has(&service, "signal 9 (Killed)"));
	assert_non_null(strstr(ask(&service, "status"), "request[0] g"));
	stop(&service);
}

static void slows_down_a_crash_loop_and_keeps_serving(void **state)
{
	struct service service;
	uint64_t end;
	long restarts;

	prepare(&service, "workers = 1;");
	write_file(&service, "health.does", "crash when ready");
	launch(&service);
	wait_for(&service, "request", 0, "ready", 0, 10000);
	end = clock_monotonic_ms() + 2500;
	while (clock_monotonic_ms() < end)
		nap();
	restarts = process_number(ask(&service, "status"), "health", 0, "backoff", "restarts");
	if (restarts < 0)
		restarts =
			process_number(ask(&service, "status"), "health", 0, "ready", "restarts");
	if (restarts >= 0)
		assert_in_range(restarts, 3, 12);
	assert_true(log_has(&service, "last words: the fake was told to crash"));
	write_file(&service, "health.does", "");
	wait_for(&service, "health", 0, "ready", 0, 5000);
	stop(&service);
}

static void gives_up_at_first_boot_on_an_impossible_configuration(void **state)
{
	struct service service;

	prepare(&service, "workers = 1;");
	write_file(&service, "health.does", "refuse");
	launch(&service);
	assert_int_equal(wait_exit(&service, 10000), 78);
	assert_true(log_has(&service, "the fake does not like its configuration"));
	clean(&service);
}

static void later_such_a_role_waits_for_a_reload(void **state)
{
	struct service service;
	pid_t pid;

	start(&service, "workers = 1;");
	pid = wait_for(&service, "health", 0, "ready", 0, 1000);
	write_file(&service, "health.does", "refuse");
	kill(pid, SIGKILL);
	wait_for(&service, "health", 0, "failed", pid, 3000);
	assert_true(strncmp(ask(&service, "backends"), "1\n", 2) == 0);
	write_file(&service, "health.does", "");
	assert_true(strncmp(ask(&service, "reload"), "0\n", 2) == 0);
	wait_for(&service, "health", 0, "ready", pid, 3000);
	stop(&service);
}

static void tries_again_what_never_got_ready(void **state)
{
	struct service service;

	prepare(&service, "workers = 2;");
	write_file(&service, "request.does", "crash before ready");
	launch(&service);
	wait_for(&service, "request", 0, "backoff", -1, 5000);
	write_file(&service, "request.does", "");
	wait_for(&service, "request", 0, "ready", 0, 8000);
	wait_for(&service, "request", 1, "ready", 0, 8000);
	stop(&service);
}

static void ends_what_hangs(void **state)
{
	struct service service;
	pid_t pid = start(&service, "workers = 1;");

	kill(pid, SIGSTOP);
	wait_for(&service, "request", 0, "ready", pid, 20000);
	assert_true(log_has(&service, "hung"));
	stop(&service);
}

static void ends_at_once_who_stops_with_a_lock(void **state)
{
	struct service service;
	pid_t pid = start(&service, "workers = 1;");

	write_file(&service, "request.does", "lock and stop");
	kill(pid, SIGKILL);
	while (!log_has(&service, "stopped while it held a lock"))
		nap();
	write_file(&service, "request.does", "");
	wait_for(&service, "request", 0, "ready", pid, 8000);
	stop(&service);
}

static void takes_all_with_it_and_can_be_started_again(void **state)
{
	struct service service;
	pid_t request = start(&service, "workers = 1;");
	pid_t health = wait_for(&service, "health", 0, "ready", 0, 1000);
	pid_t budget = wait_for(&service, "budget", 0, "ready", 0, 1000);

	kill(service.pid, SIGKILL);
	assert_int_equal(wait_exit(&service, 1000), -SIGKILL);
	launch(&service);
	wait_for(&service, "request", 0, "ready", request, 10000);
	assert_gone(request);
	assert_gone(health);
	assert_gone(budget);
	stop(&service);
}

static void keeps_the_old_configuration_when_the_new_is_wrong(void **state)
{
	struct service service;
	pid_t pid = start(&service, "workers = 1;");
	const char *answer;

	write_config(&service, "workers = 1; keepalive_timeout_seconds = \"never\";", "");
	answer = ask(&service, "reload");
	assert_true(strncmp(answer, "1\n", 2) == 0);
	assert_non_null(strstr(answer, "nexus.conf:1"));
	assert_non_null(strstr(answer, "server.keepalive_timeout_seconds"));
	assert_non_null(strstr(ask(&service, "status"), "\"version\":1}"));
	assert_int_equal(wait_for(&service, "request", 0, "ready", 0, 1000), pid);
	stop(&service);
}

static void sends_live_keys_to_those_who_run(void **state)
{
	struct service service;
	pid_t pid = start(&service, "workers = 1;");
	const char *answer;

	write_config(&service,
		"workers = 1; keepalive_timeout_seconds = 33; state_dir = \"/elsewhere\";", "");
	answer = ask(&service, "reload");
	assert_true(strncmp(answer, "0\n", 2) == 0);
	assert_non_null(strstr(answer, "changed: server.keepalive_timeout_seconds"));
	assert_non_null(strstr(ask(&service, "status"), "\"version\":2}"));
	assert_int_equal(wait_for(&service, "request", 0, "ready", 0, 1000), pid);
	stop(&service);
}

static void lists_keys_that_wait_for_the_next_start(void **state)
{
	struct service service;
	const char *answer;

	start(&service, "workers = 1;");
	write_config(&service, "workers = 60;", "queuing = { max_queue_size = 7; };");
	answer = ask(&service, "reload");
	assert_true(strncmp(answer, "0\n", 2) == 0);
	assert_non_null(strstr(answer, "server.workers, queuing.max_queue_size"));
	assert_non_null(strstr(ask(&service, "status"),
		"\"pending_upgrade_keys\":[\"server.workers\",\"queuing.max_queue_size\"]"));
	stop(&service);
}

static void replaces_workers_only_when_the_new_are_ready(void **state)
{
	struct service service;
	pid_t pid = start(&service, "workers = 1;");
	unsigned old_port = service.port;
	const char *answer;

	service.port = free_port();
	write_config(&service, "workers = 1;", "");
	write_file(&service, "request.does", "crash before ready");
	answer = ask(&service, "reload");
	assert_true(strncmp(answer, "1\n", 2) == 0);
	assert_non_null(strstr(answer, "the fake was told to crash early"));
	assert_int_equal(wait_for(&service, "request", 0, "ready", 0, 1000), pid);
	write_file(&service, "request.does", "");
	answer = ask(&service, "reload");
	assert_true(strncmp(answer, "0\n", 2) == 0);
	assert_non_null(strstr(answer, "server.port"));
	wait_for(&service, "request", 0, "ready", pid, 1000);
	assert_gone(pid);
	assert_int_not_equal(old_port, service.port);
	stop(&service);
}

static void starts_and_drains_only_the_difference(void **state)
{
	struct service service;
	pid_t pid = start(&service, "workers = 1;");
	pid_t second;

	write_config(&service, "workers = 3;", "");
	assert_true(strncmp(ask(&service, "reload"), "0\n", 2) == 0);
	second = wait_for(&service, "request", 1, "ready", 0, 1000);
	wait_for(&service, "request", 2, "ready", 0, 1000);
	assert_int_equal(wait_for(&service, "request", 0, "ready", 0, 1000), pid);
	write_config(&service, "workers = 1;", "");
	assert_true(strncmp(ask(&service, "reload"), "0\n", 2) == 0);
	assert_gone(second);
	assert_int_equal(wait_for(&service, "request", 0, "ready", 0, 1000), pid);
	stop(&service);
}

static void restarts_workers_when_asked(void **state)
{
	struct service service;
	pid_t pid = start(&service, "workers = 2;");
	pid_t health = wait_for(&service, "health", 0, "ready", 0, 1000);

	assert_true(strncmp(ask(&service, "worker restart request"), "0\n", 2) == 0);
	wait_for(&service, "request", 0, "ready", pid, 1000);
	assert_true(strncmp(ask(&service, "worker restart health"), "0\n", 2) == 0);
	wait_for(&service, "health", 0, "ready", health, 1000);
	assert_true(strncmp(ask(&service, "worker restart request 9"), "1\n", 2) == 0);
	assert_true(strncmp(ask(&service, "worker restart nobody"), "2\n", 2) == 0);
	stop(&service);
}

static void waits_when_three_generations_drain(void **state)
{
	struct service service;

	prepare(&service, "workers = 1;");
	write_file(&service, "request.does", "drain slowly");
	launch(&service);
	wait_for(&service, "request", 0, "ready", 0, 10000);
	for (int i = 0; i < 3; i++)
		assert_true(strncmp(ask(&service, "worker restart request"), "0\n", 2) == 0);
	{
		int fd = connect_admin(&service);

		dprintf(fd, "worker restart request\n");
		wait_for(&service, "request", 0, "draining", 0, 1000);
		while (!log_has(&service, "the next generation waits for them"))
			nap();
		kill(wait_for(&service, "request", 0, "draining", 0, 1000), SIGKILL);
		{
			char answer[256];
			ssize_t got = read(fd, answer, sizeof(answer) - 1);

			assert_true(got > 2);
			assert_memory_equal(answer, "0\n", 2);
		}
		close(fd);
	}
	stop(&service);
}

static void refuses_a_second_service_on_the_same_state(void **state)
{
	struct service service, second;

	start(&service, "workers = 1;");
	second = service;
	launch(&second);
	assert_int_equal(wait_exit(&second, 15000), 1);
	assert_true(log_has(&service, "runs with the state directory"));
	assert_true(strncmp(ask(&service, "status"), "0\n", 2) == 0);
	stop(&service);
}

static void stops_by_console_and_reopens_its_log(void **state)
{
	struct service service;
	char from[128], to[128];

	start(&service, "workers = 1;");
	snprintf(from, sizeof(from), "%s/log", service.dir);
	snprintf(to, sizeof(to), "%s/log.1", service.dir);
	assert_int_equal(rename(from, to), 0);
	kill(service.pid, SIGUSR1);
	while (access(from, F_OK) < 0)
		nap();
	assert_true(strncmp(ask(&service, "shutdown"), "0\n", 2) == 0);
	assert_int_equal(wait_exit(&service, 10000), 0);
	assert_true(log_has(&service, "stopped"));
	clean(&service);
}

static void becomes_a_daemon_when_it_serves(void **state)
{
	struct service service;
	char path[128];
	FILE *file;
	int pid;

	prepare(&service, "workers = 1;");
	launch_as(&service, "daemon");
	assert_int_equal(wait_exit(&service, 10000), 0);
	assert_true(strncmp(ask(&service, "status"), "0\n", 2) == 0);
	snprintf(path, sizeof(path), "%s/pid", service.dir);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	/* What keeps it from serving is told to whoever starts it. */
	launch_as(&service, "daemon");
	assert_int_equal(wait_exit(&service, 15000), 1);
	assert_true(strncmp(ask(&service, "status"), "0\n", 2) == 0);
	kill(pid, SIGTERM);
	assert_gone(pid);
	assert_int_equal(access(path, F_OK), -1);
	clean(&service);
}

static void gives_requests_their_time_and_no_more(void **state)
{
	struct service service;
	uint64_t begun;

	prepare(&service, "workers = 1; stop_timeout_seconds = 1;");
	write_file(&service, "request.does", "stay");
	launch(&service);
	wait_for(&service, "request", 0, "ready", 0, 10000);
	begun = clock_monotonic_ms();
	kill(service.pid, SIGTERM);
	assert_int_equal(wait_exit(&service, 10000), 0);
	assert_true(clock_monotonic_ms() - begun >= 1000);
	assert_true(log_has(&service, "did not leave in time"));
	clean(&service);
}

static void a_second_signal_ends_it_at_once(void **state)
{
	struct service service;
	uint64_t begun = clock_monotonic_ms();

	prepare(&service, "workers = 1; stop_timeout_seconds = 3600;");
	write_file(&service, "request.does", "stay");
	launch(&service);
	wait_for(&service, "request", 0, "ready", 0, 10000);
	kill(service.pid, SIGTERM);
	wait_for(&service, "request", 0, "draining", 0, 3000);
	kill(service.pid, SIGINT);
	assert_int_equal(wait_exit(&service, 10000), 0);
	assert_true(clock_monotonic_ms() - begun < 60000);
	clean(&service);
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
		cmocka_unit_test(keeps_the_old_configuration_when_the_new_is_wrong),
		cmocka_unit_test(sends_live_keys_to_those_who_run),
		cmocka_unit_test(lists_keys_that_wait_for_the_next_start),
		cmocka_unit_test(replaces_workers_only_when_the_new_are_ready),
		cmocka_unit_test(starts_and_drains_only_the_difference),
		cmocka_unit_test(restarts_workers_when_asked),
		cmocka_unit_test(waits_when_three_generations_drain),
		cmocka_unit_test(refuses_a_second_service_on_the_same_state),
		cmocka_unit_test(stops_by_console_and_reopens_its_log),
		cmocka_unit_test(becomes_a_daemon_when_it_serves),
		cmocka_unit_test(gives_requests_their_time_and_no_more),
		cmocka_unit_test(a_second_signal_ends_it_at_once),
	};

	if (argc >= 3 && strcmp(argv[1], "worker") == 0)
		return run_worker(argv[2]);
	if (argc >= 3 && strcmp(argv[1], "serve") == 0)
		return run_service(argv + 2);
	if (argc == 2)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
