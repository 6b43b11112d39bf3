/* driven_service.c: trivial roles, the service that runs them, and the test's hands on it. */
#include "tests/component/driven_service.h"

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

void driven_write(const struct driven_service *service, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", service->dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

void driven_configure(
	const struct driven_service *service, const char *more_server, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"server = { host = \"127.0.0.1\"; port = %u; max_concurrent_requests = 16; %s };\n"
		"discovery = { enabled = false; };\nlogging = { file = \"%s/log\"; };\n%s\n",
		service->port, more_server, service->dir, more);
	driven_write(service, "nexus.conf", text);
}

unsigned driven_port(void)
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

void driven_launch_as(struct driven_service *service, const char *how)
{
	service->pid = fork();
	if (service->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/proc/self/exe", "driven_service", "serve", service->dir, how, NULL);
		_exit(127);
	}
	assert_true(service->pid > 0);
}

void driven_launch(struct driven_service *service)
{
	driven_launch_as(service, NULL);
}

void driven_prepare(struct driven_service *service, const char *more_server)
{
	snprintf(service->dir, sizeof(service->dir), "/tmp/nexus-sup-XXXXXX");
	assert_non_null(mkdtemp(service->dir));
	service->port = driven_port();
	driven_configure(service, more_server, "");
}

int driven_connect_admin(const struct driven_service *service)
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

const char *driven_ask(const struct driven_service *service, const char *line)
{
	static char answer[1 << 20];
	size_t len = 0;
	ssize_t got;
	int fd = driven_connect_admin(service);

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

void driven_nap(void)
{
	struct timespec step = {.tv_nsec = 20000000};

	nanosleep(&step, NULL);
}

long driven_number(
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

pid_t driven_wait_for(const struct driven_service *service, const char *role, unsigned slot,
	const char *state, pid_t other, unsigned timeout_ms)
{
	uint64_t end = clock_monotonic_ms() + timeout_ms;
	long pid;

	do {
		pid = driven_number(driven_ask(service, "status"), role, slot, state, "pid");
		if (pid >= 0 && (pid_t)pid != other)
			return (pid_t)pid;
		driven_nap();
	} while (clock_monotonic_ms() < end);
	fail_msg("no %s[%u] that is %s after %u ms: %s", role, slot, state, timeout_ms,
		driven_ask(service, "status"));
	return -1;
}

int driven_wait_exit(struct driven_service *service, unsigned timeout_ms)
{
	uint64_t end = clock_monotonic_ms() + timeout_ms;
	int status;

	while (waitpid(service->pid, &status, WNOHANG) != service->pid) {
		if (clock_monotonic_ms() > end) {
			kill(service->pid, SIGKILL);
			waitpid(service->pid, &status, 0);
			fail_msg("the supervisor did not end within %u ms", timeout_ms);
		}
		driven_nap();
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void show_log(const struct driven_service *service)
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

bool driven_log_has(const struct driven_service *service, const char *text)
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

pid_t driven_start(struct driven_service *service, const char *more_server)
{
	pid_t pid;

	driven_prepare(service, more_server);
	driven_launch(service);
	pid = driven_wait_for(service, "request", 0, "ready", 0, 10000);
	while (!driven_log_has(service, "ready: serving on"))
		driven_nap();
	return pid;
}

void driven_clean(const struct driven_service *service)
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

void driven_stop(struct driven_service *service)
{
	kill(service->pid, SIGTERM);
	assert_int_equal(driven_wait_exit(service, 10000), 0);
	driven_clean(service);
}

void driven_assert_gone(pid_t pid)
{
	uint64_t end = clock_monotonic_ms() + 5000;

	while (kill(pid, 0) == 0 && clock_monotonic_ms() < end)
		driven_nap();
	assert_int_equal(kill(pid, 0), -1);
}

int driven_main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "worker") == 0)
		return run_worker(argv[2]);
	if (argc >= 3 && strcmp(argv[1], "serve") == 0)
		return run_service(argv + 2);
	if (argc == 2)
		cmocka_set_test_filter(argv[1]);
	return -1;
}
