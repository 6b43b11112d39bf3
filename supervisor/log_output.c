/* log_output.c: opening by what logging.file says. */
#include "supervisor/log_output.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

static int open_syslog(struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		error_set_errno(err, "logging.file: cannot reach syslog at /dev/log");
		fd_close(&fd);
	}
	return fd;
}

static int open_file(const char *path, struct error *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0)
		error_set_errno(err, "logging.file: cannot open %s", path);
	return fd;
}

static bool open_place(struct log_output *output, const char *file, struct error *err)
{
	output->is_stderr = file[0] == '\0';
	if (output->is_stderr)
		output->fd = STDERR_FILENO;
	else
		output->fd = strcmp(file, "syslog") == 0 ? open_syslog(err) : open_file(file, err);
	return output->fd >= 0;
}

static void apply_levels(const struct config *config)
{
	enum log_component component;

	log_set_level((enum log_level)config->logging.level);
	for (size_t i = 0; i < config->logging.components.count; i++)
		if (log_component_parse(config->logging.components.items[i].name, &component))
			log_set_component_level(component,
				(enum log_level)config->logging.components.items[i].value);
}

bool log_output_apply(struct log_output *output, const struct config *config, struct error *err)
{
	struct log_output before = *output;

	apply_levels(config);
	if (!open_place(output, config->logging.file, err)) {
		*output = before;
		return false;
	}
	log_set_output(output->fd, (enum log_format)config->logging.format);
	if (!before.is_stderr)
		fd_close(&before.fd);
	return true;
}
