/* log.c: composing a line on the stack and writing it with one write(2), so that lines of several
 * processes on one descriptor never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LOG_TEXT_MAX 1024
/* Every byte may become four ("\x1b"), or six in JSON ("\u001b"); the rest of the line is short. */
#define LOG_LINE_MAX (LOG_TEXT_MAX * 6 + 256)

const char *const log_level_names[LOG_LEVEL_COUNT] = {"trace", "debug", "info", "warn", "error"};
const char *const log_component_names[LOG_COMPONENT_COUNT] = {
	[LOG_BASE] = "base",
	[LOG_CONFIG] = "config",
	[LOG_IPC] = "ipc",
	[LOG_SUPERVISOR] = "supervisor",
	[LOG_WORKER] = "worker",
	[LOG_HTTP] = "http",
	[LOG_ROUTING] = "routing",
	[LOG_UPSTREAM] = "upstream",
	[LOG_HEALTH] = "health",
	[LOG_BUDGET] = "budget",
	[LOG_ADMIN] = "admin",
};

static struct {
	int fd;
	enum log_format format;
	enum log_level levels[LOG_COMPONENT_COUNT];
	char process[32];
	uint64_t dropped;
} logger = {
	.fd = STDERR_FILENO,
	.levels = {[0 ... LOG_COMPONENT_COUNT - 1] = LOG_LEVEL_INFO},
	.process = "nexus",
};

void log_set_output(int fd, enum log_format format)
{
	logger.fd = fd;
	logger.format = format;
}

void log_set_level(enum log_level level)
{
	for (int i = 0; i < LOG_COMPONENT_COUNT; i++)
		logger.levels[i] = level;
}

void log_set_component_level(enum log_component component, enum log_level level)
{
	logger.levels[component] = level;
}

void log_set_process(const char *name)
{
	snprintf(logger.process, sizeof(logger.process), "%s", name);
}

uint64_t log_dropped(void)
{
	return logger.dropped;
}

static int name_index(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

bool log_level_parse(const char *name, enum log_level *out)
{
	int index = name_index(log_level_names, LOG_LEVEL_COUNT, name);

	if (index >= 0)
		*out = (enum log_level)index;
	return index >= 0;
}

bool log_component_parse(const char *name, enum log_component *out)
{
	int index = name_index(log_component_names, LOG_COMPONENT_COUNT, name);

	if (index >= 0)
		*out = (enum log_component)index;
	return index >= 0;
}

bool log_is_enabled(enum log_component component, enum log_level level)
{
	return level >= logger.levels[component];
}

static size_t compose(char line[LOG_LINE_MAX], enum log_component component, enum log_level level,
	struct slice text)
{
	static const char *const pretty_levels[LOG_LEVEL_COUNT] = {
		"TRACE", "DEBUG", "INFO ", "WARN ", "ERROR"};
	char when[CLOCK_TEXT_SIZE];
	bool json = logger.format == LOG_FORMAT_JSON;
	int used;

	clock_format(clock_wall_us(), when);
	if (json)
		used = snprintf(line, LOG_LINE_MAX,
			"{\"timestamp\":\"%s\",\"level\":\"%s\",\"process\":\"%s\",\"component\":"
			"\"%s\",\"message\":\"",
			when, log_level_names[level], logger.process,
			log_component_names[component]);
	else
		used = snprintf(line, LOG_LINE_MAX, "%s %s %s %s: ", when, pretty_levels[level],
			logger.process, log_component_names[component]);
	used += (int)text_escape(line + used, LOG_LINE_MAX - (size_t)used - 4, text,
		json ? TEXT_ESCAPE_JSON : TEXT_ESCAPE_LINE);
	if (json)
		used += snprintf(line + used, 3, "\"}");
	line[used++] = '\n';
	return (size_t)used;
}

void log_write(enum log_component component, enum log_level level, const char *format, ...)
{
	char text[LOG_TEXT_MAX];
	char line[LOG_LINE_MAX];
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	len = compose(line, component, level, slice_of(text));
	if (write(logger.fd, line, len) != (ssize_t)len)
		logger.dropped++;
}
