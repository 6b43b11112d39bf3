/* fake_supervisor.c: one worker and all it is given. */
#include "tests/fake/fake_supervisor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fatal.h"
#include "base/fd.h"
#include "base/memory.h"
#include "ipc/codec.h"

#define LAST_WORDS_SIZE 4096u
#define STEP_MS         20u
#define ANSWER_MAX      (8u << 20)

struct heard_frame {
	struct list node;
	struct frame_header header;
	struct slice payload; /* ours */
};

#define must(condition) ((condition) ? (void)0 : panic("fake supervisor: %s: %m", #condition))

/* --- the channel --- */

static void on_frame(void *owner, struct channel *channel, const struct frame *frame)
{
	struct fake_supervisor *fake = owner;
	struct heard_frame *heard = memory_zalloc(sizeof(*heard));

	heard->header = frame->header;
	heard->payload = slice_make(memory_dup_slice(frame->payload), frame->payload.len);
	list_push_back(&fake->heard, &heard->node);
}

static void on_closed(void *owner, struct channel *channel, const char *reason)
{
	struct fake_supervisor *fake = owner;

	if (channel_violated(channel))
		panic("the worker sent nonsense: %s", reason);
	channel_free(&fake->channel);
}

static void heard_free(struct heard_frame *heard)
{
	list_remove(&heard->node);
	free((char *)(uintptr_t)heard->payload.data);
	free(heard);
}

/* --- what a worker is given --- */

static int listen_somewhere(uint16_t *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	must(fd >= 0);
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(listen(fd, 64) == 0);
	must(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void make_state_dir(struct fake_supervisor *fake)
{
	char path[sizeof(fake->state_dir) + 8];

	snprintf(fake->state_dir, sizeof(fake->state_dir), "/tmp/nexus-test-XXXXXX");
	must(mkdtemp(fake->state_dir));
	snprintf(path, sizeof(path), "%s/lock", fake->state_dir);
	fake->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(fake->lock_fd >= 0);
}

static void make_scoreboard(struct fake_supervisor *fake)
{
	const struct scoreboard_geometry geometry = {.columns = 12,
		.records_per_column = 256,
		.rows = 512,
		.states = 512,
		.epoch = 0x5eed};
	struct error err;

	fake->scoreboard = scoreboard_create(fake->state_dir, &geometry, &err);
	if (!fake->scoreboard || !scoreboard_column_allocate(fake->scoreboard, fake->column, &err))
		panic("fake supervisor: %s", err.text);
}

static void make_shared_things(struct fake_supervisor *fake)
{
	fake->own_doorbell = eventfd(0, EFD_CLOEXEC);
	fake->budget_doorbell = eventfd(0, EFD_CLOEXEC);
	must(fake->own_doorbell >= 0 && fake->budget_doorbell >= 0);
	fake->last_words_fd = memfd_create("last words", MFD_CLOEXEC);
	must(fake->last_words_fd >= 0 && ftruncate(fake->last_words_fd, LAST_WORDS_SIZE) == 0);
	fake->last_words = mmap(
		NULL, LAST_WORDS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fake->last_words_fd, 0);
	must(fake->last_words != MAP_FAILED);
	for (unsigned i = 0; i < fake->options.listeners; i++)
		fake->listeners[i] = listen_somewhere(&fake->ports[i]);
}

/* --- starting --- */

/* Set in the worker's process only. It inherits the test's memory, which it neither knows nor
 * frees; a leak checker asks here. */
static bool is_worker;
int __lsan_is_turned_off(void) __attribute__((visibility("default")));
int __lsan_is_turned_off(void)
{
	return is_worker;
}

static _Noreturn void become_worker(const struct fake_options *options, int channel_fd)
{
	const struct rlimit none = {0, 0};

	/* Many of them abort on purpose. */
	setrlimit(RLIMIT_CORE, &none);
	is_worker = true;
	/* With the flag cleared, also where it is number 3 already. */
	channel_fd = fcntl(channel_fd, F_DUPFD, WORKER_CHANNEL_FD + 1);
	must(channel_fd >= 0 && dup2(channel_fd, WORKER_CHANNEL_FD) >= 0);
	must(close_range(WORKER_CHANNEL_FD + 1, ~0u, 0) == 0);
	if (options->ops)
		worker_run(options->ops);
	execl(options->program, "nexus", "worker", role_names[options->role], (char *)NULL);
	panic("fake supervisor: cannot execute %s: %m", options->program);
}

void fake_spawn(struct fake_supervisor *fake, const struct fake_options *options)
{
	static const struct channel_events events = {.on_frame = on_frame, .on_closed = on_closed};
	int ends[2];

	*fake = (struct fake_supervisor){
		.options = *options, .slot = 2, .generation = 7, .column = 5};
	must(options->listeners <= FAKE_LISTENERS_MAX);
	list_init(&fake->heard);
	arena_init(&fake->arena, 65536);
	make_state_dir(fake);
	make_scoreboard(fake);
	make_shared_things(fake);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	fflush(NULL);
	fake->pid = fork();
	must(fake->pid >= 0);
	if (fake->pid == 0)
		become_worker(options, ends[1]);
	close(ends[1]);
	fake->loop = ev_loop_new(EVFLAG_AUTO);
	fake->channel = channel_new(fake->loop, ends[0], &events, fake);
}

void fake_start(struct fake_supervisor *fake, const struct fake_options *options)
{
	fake_spawn(fake, options);
	fake_send_boot(fake);
	fake_send_config(fake, options->config);
	if (message_row(MSG_REGISTRY_END)->to & ROLE_BIT(options->role))
		fake_send_registry_end(fake, 0);
}

/* --- saying --- */

static void say(struct fake_supervisor *fake, enum message_type type, struct frame_header header,
	const void *message, const int *fds)
{
	header.to = (struct peer){(uint8_t)fake->options.role, fake->slot};
	must(fake->channel);
	must(channel_send_message(fake->channel, type, header, message, fds));
	must(channel_flush(fake->channel, FAKE_TIMEOUT_MS));
}

void fake_send_with(struct fake_supervisor *fake, enum message_type type,
	struct frame_header header, const void *message)
{
	say(fake, type, header, message, NULL);
}

void fake_send(struct fake_supervisor *fake, enum message_type type, const void *message)
{
	fake_send_with(fake, type, (struct frame_header){.from.role = ROLE_SUPERVISOR}, message);
}

void fake_send_boot(struct fake_supervisor *fake)
{
	int fds[7 + FAKE_LISTENERS_MAX] = {scoreboard_memory_fd(fake->scoreboard),
		scoreboard_records_fd(fake->scoreboard), fake->own_doorbell, fake->budget_doorbell,
		fake->lock_fd, STDERR_FILENO, fake->last_words_fd};
	struct msg_boot boot = {
		.role = (uint8_t)fake->options.role,
		.slot = fake->slot,
		.generation = fake->generation,
		.column = fake->column,
		.epoch = 0x5eed,
		.instance = 0x1d,
		.started_wall_us = clock_wall_us(),
		.listeners = (uint16_t)fake->options.listeners,
		.state_dir = fake->state_dir,
	};
	unsigned count = 7 + fake->options.listeners;

	memcpy(fds + 7, fake->listeners, fake->options.listeners * sizeof(int));
	say(fake, MSG_BOOT, (struct frame_header){.fd_count = (uint8_t)count}, &boot, fds);
}

void fake_send_config_bytes(struct fake_supervisor *fake, struct slice bytes)
{
	struct msg_config message = {.version = ++fake->config_version, .size = bytes.len};
	int fds[2] = {memfd_create("config", MFD_CLOEXEC), STDERR_FILENO};

	must(fds[0] >= 0 && write(fds[0], bytes.data, bytes.len) == (ssize_t)bytes.len);
	say(fake, MSG_CONFIG, (struct frame_header){.fd_count = 2}, &message, fds);
	close(fds[0]);
}

/* Loads `text` as a file, so that a test writes what an operator would. */
static struct config *load(struct fake_supervisor *fake, const char *text)
{
	char path[sizeof(fake->state_dir) + 16];
	const struct config_sources sources = {.path = path};
	struct config_errors errors;
	struct config *config;
	struct error err;
	int fd;

	snprintf(path, sizeof(path), "%s/nexus.conf", fake->state_dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && fd_write_all(fd, text, strlen(text), &err));
	close(fd);
	config_errors_init(&errors);
	config = config_load(&sources, &errors);
	if (!config)
		panic("fake supervisor: %s",
			errors.count > 0 ? errors.items[0].text : "no configuration");
	config_errors_free(&errors);
	return config;
}

void fake_send_config(struct fake_supervisor *fake, const char *text)
{
	struct config *config = load(fake, text ? text : "");
	struct buffer bytes;

	buffer_init(&bytes, 16u << 20);
	must(config_to_text(config, &bytes));
	fake_send_config_bytes(fake, buffer_slice(&bytes));
	buffer_free(&bytes);
	config_unref(&config);
}

void fake_send_registry_end(struct fake_supervisor *fake, uint64_t version)
{
	struct msg_registry_end end = {.epoch = 1, .version = version};

	fake_send_with(fake, MSG_REGISTRY_END,
		(struct frame_header){.from.role = ROLE_SUPERVISOR, .version = version}, &end);
}

void fake_send_garbage(struct fake_supervisor *fake)
{
	static const char garbage[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	struct frame_header header = {.type = MSG_COMMAND, .protocol = 99};

	must(channel_send(fake->channel, &header, SLICE_LITERAL(garbage), NULL));
}

void fake_ring(struct fake_supervisor *fake)
{
	const uint64_t one = 1;

	must(write(fake->own_doorbell, &one, sizeof(one)) == sizeof(one));
}

/* --- hearing --- */

static void on_step(struct ev_loop *loop, struct ev_timer *timer, int events)
{
}

/* Lets the loop turn once, at most `timeout_ms` long. */
static void turn(struct fake_supervisor *fake, unsigned timeout_ms)
{
	struct ev_timer timer;

	ev_now_update(fake->loop);
	ev_timer_init(&timer, on_step, timeout_ms / 1000.0, 0.0);
	ev_timer_start(fake->loop, &timer);
	ev_run(fake->loop, EVRUN_ONCE);
	ev_timer_stop(fake->loop, &timer);
}

static struct heard_frame *find_heard(struct fake_supervisor *fake, enum message_type type)
{
	list_each (node, &fake->heard) {
		struct heard_frame *heard = list_item(node, struct heard_frame, node);

		if (heard->header.type == type)
			return heard;
	}
	return NULL;
}

static const void *decode(struct fake_supervisor *fake, struct heard_frame *heard)
{
	const struct schema *schema = message_row(heard->header.type)->schema;
	struct error err;
	void *message;

	arena_free(&fake->arena);
	message = arena_alloc(&fake->arena, schema->size);
	if (!codec_decode(heard->payload, schema, message, &fake->arena, &err))
		panic("the worker sent nonsense: %s", err.text);
	return message;
}

const void *fake_await_frame(struct fake_supervisor *fake, enum message_type type,
	unsigned timeout_ms, struct frame_header *header)
{
	uint64_t deadline = clock_monotonic_ms() + timeout_ms;
	struct heard_frame *heard = find_heard(fake, type);
	const void *message;

	while (!heard && fake->channel && clock_monotonic_ms() < deadline) {
		turn(fake, STEP_MS);
		heard = find_heard(fake, type);
	}
	if (!heard)
		return NULL;
	*header = heard->header;
	message = decode(fake, heard);
	heard_free(heard);
	return message;
}

const void *fake_await(struct fake_supervisor *fake, enum message_type type, unsigned timeout_ms)
{
	struct frame_header header;

	return fake_await_frame(fake, type, timeout_ms, &header);
}

const char *fake_command(struct fake_supervisor *fake, const char *line, int *exit_code)
{
	static uint32_t last_request_id;
	struct frame_header header = {
		.from.role = ROLE_SUPERVISOR, .request_id = ++last_request_id};
	const struct msg_command command = {.line = line};
	const struct msg_answer *answer;
	struct frame_header heard;
	struct buffer text;
	char *copy;

	fake_send_with(fake, MSG_COMMAND, header, &command);
	buffer_init(&text, ANSWER_MAX);
	do {
		answer = fake_await_frame(fake, MSG_ANSWER, FAKE_TIMEOUT_MS, &heard);
		if (!answer) {
			buffer_free(&text);
			return NULL;
		}
		must(heard.request_id == header.request_id);
		must(buffer_append_text(&text, answer->text));
		*exit_code = answer->exit_code;
	} while (answer->more);
	copy = arena_dup_slice(&fake->arena, buffer_slice(&text));
	buffer_free(&text);
	return copy;
}

/* --- ends --- */

void fake_close_channel(struct fake_supervisor *fake)
{
	channel_free(&fake->channel);
}

void fake_kill(struct fake_supervisor *fake, int signal)
{
	if (fake->pid > 0)
		kill(fake->pid, signal);
}

bool fake_await_exit(struct fake_supervisor *fake, unsigned timeout_ms)
{
	uint64_t deadline = clock_monotonic_ms() + timeout_ms;

	while (fake->pid > 0 && waitpid(fake->pid, &fake->status, WNOHANG) == 0) {
		if (clock_monotonic_ms() >= deadline)
			return false;
		turn(fake, STEP_MS / 4);
	}
	fake->pid = 0;
	return true;
}

static int remove_one(const char *path, const struct stat *file, int kind, struct FTW *where)
{
	return remove(path);
}

void fake_stop(struct fake_supervisor *fake)
{
	fake_kill(fake, SIGKILL);
	must(fake_await_exit(fake, FAKE_TIMEOUT_MS));
	channel_free(&fake->channel);
	while (!list_is_empty(&fake->heard))
		heard_free(list_item(fake->heard.next, struct heard_frame, node));
	ev_loop_destroy(fake->loop);
	scoreboard_free(&fake->scoreboard);
	for (unsigned i = 0; i < fake->options.listeners; i++)
		fd_close(&fake->listeners[i]);
	munmap(fake->last_words, LAST_WORDS_SIZE);
	fd_close(&fake->last_words_fd);
	fd_close(&fake->own_doorbell);
	fd_close(&fake->budget_doorbell);
	fd_close(&fake->lock_fd);
	arena_free(&fake->arena);
	nftw(fake->state_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
