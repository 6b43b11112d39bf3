/* supervisor.c: putting the service together, its signals and its tick, and taking it apart. */
#include "config.h"

#include "supervisor/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/daemonize.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/net_listen.h"
#include "base/random.h"
#include "base/service_notify.h"
#include "supervisor/admin.h"
#include "supervisor/process_table.h"
#include "supervisor/service.h"
#include "supervisor/slot_life.h"
#include "supervisor/spawn.h"

/* Backends and their models, and later budgets, at the most. */
#define ROWS_MAX   8192u
#define STATES_MAX 65536u
/* Of max_concurrent_requests: records that wait to be settled stay beside those in flight. */
#define RECORDS_BESIDE 1024u
/* --daemon: the caller does not wait longer for the first READY. */
#define READY_WAIT_MS 60000u

/* --- signals --- */

static void reopen_log(struct supervisor *supervisor)
{
	struct error err;

	if (!service_open_log(supervisor, supervisor->current.config, &err)) {
		log_error(LOG_SUPERVISOR, "%s; logging goes on as before", err.text);
		return;
	}
	log_info(LOG_SUPERVISOR, "log reopened");
	mailroom_send_config(supervisor);
}

/* Then SIGWINCH only says that its window has another size. */
static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
	bool has = fd >= 0;

	fd_close(&fd);
	return has;
}

static void on_signal(EV_P_ ev_signal *watcher, int events)
{
	struct supervisor *supervisor = watcher->data;

	switch (watcher->signum) {
	case SIGCHLD: slots_reap(supervisor); break;
	case SIGHUP: reload_request(supervisor, "SIGHUP"); break;
	case SIGTERM: stop_begin(supervisor, STOP_GRACEFUL, "SIGTERM"); break;
	case SIGINT: stop_begin(supervisor, STOP_GRACEFUL, "SIGINT"); break;
	case SIGQUIT: stop_begin(supervisor, STOP_PATIENT, "SIGQUIT"); break;
	case SIGUSR1: reopen_log(supervisor); break;
	case SIGWINCH:
		if (!has_terminal())
			stop_toggle_accept(supervisor);
		break;
	}
}

static const int watched_signals[SUPERVISOR_SIGNALS] = {
	SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGWINCH};

static void watch_signals(struct supervisor *supervisor)
{
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SUPERVISOR_SIGNALS; i++) {
		ev_signal *watcher = &supervisor->signals[i];

		ev_signal_init(watcher, on_signal, watched_signals[i]);
		watcher->data = supervisor;
		ev_signal_start(supervisor->loop, watcher);
	}
}

/* --- the tick --- */

static void tell_late_daemon(struct supervisor *supervisor, uint64_t now_ms)
{
	if (supervisor->ready_pipe < 0 || now_ms - supervisor->started_ms < READY_WAIT_MS)
		return;
	log_error(LOG_SUPERVISOR,
		"not ready after %u s; the daemon (pid %d) goes on trying, its log says why",
		READY_WAIT_MS / 1000, (int)getpid());
	daemonize_tell(&supervisor->ready_pipe, EXIT_CODE_FAILED, true);
}

static void on_tick(EV_P_ ev_timer *watcher, int events)
{
	struct supervisor *supervisor = watcher->data;
	uint64_t now_ms = clock_monotonic_ms();

	liveness_tick(supervisor, now_ms);
	mailroom_catch_up(supervisor);
	tell_late_daemon(supervisor, now_ms);
	if (service_watchdog_ms() > 0)
		service_notify("WATCHDOG=1");
	service_go_on(supervisor);
}

static void start_tick(struct supervisor *supervisor)
{
	ev_timer_init(
		&supervisor->tick, on_tick, LIVENESS_TICK_MS / 1000.0, LIVENESS_TICK_MS / 1000.0);
	supervisor->tick.data = supervisor;
	/* After everything readable in the same turn: who has spoken is not judged silent. */
	ev_set_priority(&supervisor->tick, EV_MINPRI);
	ev_timer_start(supervisor->loop, &supervisor->tick);
}

/* --- putting together --- */

static bool open_demo(struct supervisor *supervisor, struct config *config, struct error *err)
{
	if (!supervisor->options->demo)
		return true;
	supervisor->demo_fd = net_listen_loopback(supervisor->demo_address, err);
	service_add_demo(supervisor, config);
	return supervisor->demo_fd >= 0;
}

static bool open_scoreboard(struct supervisor *supervisor, struct error *err)
{
	const struct config *config = supervisor->current.config;
	struct scoreboard_geometry geometry = {
		.columns = process_columns(config),
		.records_per_column = config->server.max_concurrent_requests + RECORDS_BESIDE,
		.rows = ROWS_MAX,
		.states = STATES_MAX,
		.epoch = supervisor->epoch,
	};
	unsigned kept, dropped;

	supervisor->scoreboard = scoreboard_create(supervisor->state_dir.path, &geometry, err);
	if (!supervisor->scoreboard)
		return false;
	scoreboard_row_define(supervisor->scoreboard, SCOREBOARD_ROW_SERVICE, ROW_CAPACITY,
		config->server.max_concurrent_requests);
	kept = scoreboard_recovered(supervisor->scoreboard, &dropped);
	if (kept > 0)
		log_warn(LOG_SUPERVISOR, "%u requests of an earlier run are still to be settled",
			kept);
	if (dropped > 0)
		log_error(LOG_SUPERVISOR,
			"%u records of an earlier run made no sense and were dropped", dropped);
	/* The last column is for records of earlier runs. */
	return service_make_slots(supervisor, geometry.columns - 1, err);
}

static bool open_all(struct supervisor *supervisor, struct config *config, struct error *err)
{
	const char *pid_file = supervisor->options->pid_file;

	fd_raise_limit();
	supervisor->image_fd = spawn_open_image(err);
	if (supervisor->image_fd < 0 || !service_open_log(supervisor, config, err) ||
		!state_dir_open(&supervisor->state_dir, config, err) ||
		!open_demo(supervisor, config, err)) {
		config_unref(&config);
		return false;
	}
	if (!config_issue_make(&supervisor->current, config, 1, NULL, err) ||
		!open_scoreboard(supervisor, err))
		return false;
	supervisor->admin = admin_new(supervisor, err);
	return supervisor->admin && (!pid_file || pid_file_write(pid_file, err));
}

static void init(struct supervisor *supervisor, const struct supervisor_options *options)
{
	*supervisor = (struct supervisor){
		.options = options,
		.image_fd = -1,
		.epoch = random_u64() | 1,
		.instance = random_u64() | 1,
		.started_wall_us = clock_wall_us(),
		.started_ms = clock_monotonic_ms(),
		.demo_fd = -1,
		.state_dir = {.lock_fd = -1},
		.log_fd = -1,
		.budget_doorbell = -1,
		.ready_pipe = -1,
		.exit_code = EXIT_CODE_OK,
	};
	registry_cache_init(&supervisor->registry);
}

/* --- taking apart --- */

/* After an orderly stop there are none; after a failed start those that came up have nothing to
 * lose. */
static void kill_all(struct supervisor *supervisor)
{
	for (unsigned i = 0; i < supervisor->slot_count; i++) {
		struct slot *slot = &supervisor->slots[i];

		if (!slot_is_alive(slot))
			continue;
		kill(slot->pid, SIGKILL);
		waitpid(slot->pid, NULL, 0);
		channel_free(&slot->channel);
	}
}

static void close_all(struct supervisor *supervisor)
{
	kill_all(supervisor);
	if (supervisor->admin && supervisor->options->pid_file)
		unlink(supervisor->options->pid_file);
	admin_free(&supervisor->admin);
	service_free_slots(supervisor);
	registry_cache_free(&supervisor->registry);
	scoreboard_free(&supervisor->scoreboard);
	config_issue_drop(&supervisor->proposed);
	config_issue_drop(&supervisor->current);
	fd_close(&supervisor->demo_fd);
	fd_close(&supervisor->image_fd);
	state_dir_close(&supervisor->state_dir);
	if (supervisor->loop)
		ev_loop_destroy(supervisor->loop);
}

static void run(struct supervisor *supervisor)
{
	for (int role = 0; role < ROLE_COUNT; role++)
		supervisor->wanted[role] = process_count(
			(enum role)role, supervisor->current.config, supervisor->options->demo);
	watch_signals(supervisor);
	start_tick(supervisor);
	log_info(LOG_SUPERVISOR, "nexus " PACKAGE_VERSION " starts, pid %d, state in %s",
		(int)getpid(), supervisor->state_dir.path);
	service_go_on(supervisor);
	if (!supervisor->ended)
		ev_run(supervisor->loop, 0);
}

int supervisor_serve(struct config *config, const struct supervisor_options *options)
{
	static struct supervisor supervisor;
	struct error err = {0};

	init(&supervisor, options);
	log_set_process("supervisor");
	if (options->daemonize && (supervisor.ready_pipe = daemonize(&err)) < 0) {
		log_error(LOG_SUPERVISOR, "%s", err.text);
		config_unref(&config);
		return EXIT_CODE_FAILED;
	}
	supervisor.loop = ev_loop_new(EVFLAG_AUTO);
	if (open_all(&supervisor, config, &err)) {
		run(&supervisor);
	} else {
		service_say_failure(&supervisor, err.text);
		supervisor.exit_code = EXIT_CODE_FAILED;
	}
	close_all(&supervisor);
	daemonize_tell(&supervisor.ready_pipe, supervisor.exit_code, true);
	return supervisor.exit_code;
}
