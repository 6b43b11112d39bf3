/* worker_boot.c: what a process is before it hears a word, and what BOOT brings it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/fd.h"
#include "base/log.h"
#include "workers/worker_private.h"

/* The order of BOOT's descriptors, as messages.def has it. */
enum boot_fd {
	BOOT_MEMORY,
	BOOT_RECORDS,
	BOOT_OWN_DOORBELL,
	BOOT_BUDGET_DOORBELL,
	BOOT_LOCK,
	BOOT_LOG,
	BOOT_LAST_WORDS,
	BOOT_LISTENERS
};

#define LAST_WORDS_MAX 65536

/* --- before the first message --- */

static void ignore_signals(void)
{
	/* A terminal and an operator mean the supervisor, which tells us by DRAIN. */
	static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE};
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void worker_settle_process(void)
{
	pid_t parent = getppid();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It may have died before the bond was made; its death is then ours already. */
	if (getppid() != parent)
		exit(EXIT_SUCCESS);
	ignore_signals();
	fd_raise_limit();
}

/* --- BOOT --- */

static void name_process(const struct worker *worker)
{
	char title[16]; /* all the kernel keeps */
	char speaker[32];

	snprintf(title, sizeof(title), "nexus:%s%u", role_names[worker->role], worker->slot);
	prctl(PR_SET_NAME, title);
	snprintf(speaker, sizeof(speaker), "%s[%u] g%u", role_names[worker->role], worker->slot,
		worker->generation);
	log_set_process(speaker);
}

/* Maps what outlives us. Without it we die as well, only more silently. */
static void map_last_words(struct worker_private *private, int fd)
{
	struct stat file;
	void *memory;

	if (fstat(fd, &file) == 0 && file.st_size > 0 && file.st_size <= LAST_WORDS_MAX) {
		memory =
			mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (memory != MAP_FAILED) {
			private->last_words = memory;
			private->last_words_size = (size_t)file.st_size;
			panic_set_last_words(memory, private->last_words_size);
		}
	}
	fd_close(&fd);
	if (!private->last_words)
		log_warn(LOG_WORKER, "no memory for our last words came with BOOT");
}

static void attach_scoreboard(struct worker *worker, const struct frame *frame)
{
	int memory_fd = channel_take_fd(frame, BOOT_MEMORY);
	int records_fd = channel_take_fd(frame, BOOT_RECORDS);
	struct error err;

	worker->scoreboard = scoreboard_attach(memory_fd, records_fd, &err);
	fd_close(&memory_fd);
	fd_close(&records_fd);
	if (!worker->scoreboard)
		panic("cannot use the scoreboard that came with BOOT: %s", err.text);
	if (worker->column >= scoreboard_geometry(worker->scoreboard)->columns)
		panic("BOOT gives us column %u, the scoreboard has %u", worker->column,
			scoreboard_geometry(worker->scoreboard)->columns);
	scoreboard_column_adopt(worker->scoreboard, worker->column, getpid(), worker->generation);
	worker_show_registry_version(worker);
}

static void take_descriptors(struct worker *worker, const struct frame *frame)
{
	struct worker_private *private = worker->private;
	struct error err;

	private->log_fd = channel_take_fd(frame, BOOT_LOG);
	/* The configuration will say how; until then as a person reads it. */
	log_set_output(private->log_fd, LOG_FORMAT_PRETTY);
	map_last_words(private, channel_take_fd(frame, BOOT_LAST_WORDS));
	private->lock_fd = channel_take_fd(frame, BOOT_LOCK);
	worker->own_doorbell = channel_take_fd(frame, BOOT_OWN_DOORBELL);
	worker->budget_doorbell = channel_take_fd(frame, BOOT_BUDGET_DOORBELL);
	if (!fd_set_nonblocking(worker->own_doorbell, &err) ||
		!fd_set_nonblocking(worker->budget_doorbell, &err))
		panic("a doorbell that came with BOOT: %s", err.text);
	for (size_t i = 0; i < worker->listener_count; i++)
		worker->listeners[i] = channel_take_fd(frame, BOOT_LISTENERS + (unsigned)i);
}

void worker_on_boot(void *owner, const struct msg_boot *boot, const struct frame *frame)
{
	struct worker *worker = owner;

	if (boot->role != worker->ops->role)
		panic("BOOT is for role %u, we are %s", boot->role, role_names[worker->ops->role]);
	if (boot->listeners > WORKER_LISTENERS_MAX ||
		frame->header.fd_count != BOOT_LISTENERS + boot->listeners)
		panic("BOOT has %u descriptors and %u listeners", frame->header.fd_count,
			boot->listeners);
	worker->slot = boot->slot;
	worker->generation = boot->generation;
	worker->column = boot->column;
	worker->epoch = boot->epoch;
	worker->instance = boot->instance;
	worker->started_wall_us = boot->started_wall_us;
	worker->listener_count = boot->listeners;
	snprintf(worker->state_dir, sizeof(worker->state_dir), "%s", boot->state_dir);
	name_process(worker);
	take_descriptors(worker, frame);
	attach_scoreboard(worker, frame);
	worker->private->booted = true;
	worker_pulse_start(worker);
}
