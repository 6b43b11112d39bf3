/* worker_config.c: taking a configuration, the first and every later one. The old one stays in
 * force until the new one is whole and the role has agreed. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "workers/worker_private.h"

#define CONFIG_SIZE_MAX (64u << 20)

/* The order of CONFIG's descriptors, as messages.def has it. */
enum config_fd { CONFIG_TEXT, CONFIG_LOG, CONFIG_FDS };

/* What is wrong first, as one sentence. */
static bool say_problem(const struct config_errors *errors, struct error *err)
{
	for (size_t i = 0; i < errors->count; i++)
		if (!errors->items[i].warning)
			return error_set(err, "%s", errors->items[i].text);
	return error_set(err, "the configuration cannot be read");
}

static struct config *read_text(struct slice text, uint64_t version, struct error *err)
{
	struct config_errors errors;
	struct config *config;

	config_errors_init(&errors);
	config = config_from_text(text, version, &errors);
	if (!config)
		say_problem(&errors, err);
	config_errors_free(&errors);
	return config;
}

static struct config *receive(const struct msg_config *message, int fd, struct error *err)
{
	struct config *config;
	struct stat file;
	void *text;

	if (message->size == 0 || message->size > CONFIG_SIZE_MAX || fstat(fd, &file) < 0 ||
		(uint64_t)file.st_size < message->size) {
		error_set(err, "a configuration of %llu bytes did not come whole",
			(unsigned long long)message->size);
		return NULL;
	}
	text = mmap(NULL, message->size, PROT_READ, MAP_SHARED, fd, 0);
	if (text == MAP_FAILED) {
		error_set_errno(err, "the configuration's memory cannot be mapped");
		return NULL;
	}
	config = read_text(slice_make(text, message->size), message->version, err);
	munmap(text, message->size);
	return config;
}

static void apply_logging(const struct worker *worker)
{
	const struct config *config = worker->config;
	enum log_component component;

	log_set_output(worker->private->log_fd, (enum log_format)config->logging.format);
	log_set_level((enum log_level)config->logging.level);
	for (size_t i = 0; i < config->logging.components.count; i++) {
		const struct config_pair *pair = &config->logging.components.items[i];

		if (log_component_parse(pair->name, &component))
			log_set_component_level(component, (enum log_level)pair->value);
	}
}

/* Another descriptor than BOOT's after the log file was turned over. Returns the old one, or -1. */
static int take_log(struct worker_private *private, const struct frame *frame)
{
	int old = private->log_fd;

	if (frame->header.fd_count <= CONFIG_LOG)
		return -1;
	private->log_fd = channel_take_fd(frame, CONFIG_LOG);
	return old;
}

/* Puts `config` (a reference of ours) in force. On refusal the old one stays. */
static bool adopt(struct worker *worker, struct config *config, struct error *err)
{
	struct config *old = worker->config;

	worker->config = config;
	if (worker->private->started && worker->ops->on_config &&
		!worker->ops->on_config(worker, old, err)) {
		worker->config = old;
		config_unref(&config);
		return false;
	}
	if (old)
		config_unref(&old);
	return true;
}

void worker_on_config(void *owner, const struct msg_config *message, const struct frame *frame)
{
	struct worker *worker = owner;
	struct msg_config_ack ack = {.version = message->version, .refusal = ""};
	struct error err = {""};
	struct config *config = NULL;
	bool first = !worker->config;
	int old_log = take_log(worker->private, frame);

	if (frame->header.fd_count > CONFIG_TEXT)
		config = receive(message, frame->fds[CONFIG_TEXT], &err);
	else
		error_set(&err, "a configuration came without its text");
	if (config && !adopt(worker, config, &err))
		config = NULL;
	if (!worker->config)
		worker_refuse(worker, &err);
	apply_logging(worker);
	fd_close(&old_log);
	if (first) {
		worker_start_if_complete(worker);
		return;
	}
	if (!config) {
		log_warn(LOG_WORKER, "configuration %llu refused: %s",
			(unsigned long long)message->version, err.text);
		ack.refusal = err.text;
	}
	worker_report(worker, MSG_CONFIG_ACK, 0, &ack);
}
