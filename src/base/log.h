/* log.h: one line for each thing worth saying.
 *
 * A line has a time, a level, the process that speaks, a component and a text. Bytes that could
 * break a line or drive a terminal are escaped, whoever wrote them. Writing never blocks and never
 * fails a caller: a line that the descriptor does not take at once is dropped and counted. Keys,
 * authorisation and message content are never passed in here. */
#ifndef NEXUS_BASE_LOG_H
#define NEXUS_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_TRACE,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_COUNT
};

enum log_component {
	LOG_BASE,
	LOG_CONFIG,
	LOG_IPC,
	LOG_SUPERVISOR,
	LOG_WORKER,
	LOG_HTTP,
	LOG_ROUTING,
	LOG_UPSTREAM,
	LOG_HEALTH,
	LOG_BUDGET,
	LOG_ADMIN,
	LOG_COMPONENT_COUNT
};

enum log_format { LOG_FORMAT_PRETTY, LOG_FORMAT_JSON };

/* Where lines go (a descriptor the logger does not own) and how they look. Until this is called:
 * stderr, pretty, info. */
void log_set_output(int fd, enum log_format format);
void log_set_level(enum log_level level);
/* A component's own level; takes precedence over log_set_level until that is called again. */
void log_set_component_level(enum log_component component, enum log_level level);
/* Who speaks: "supervisor", "request[0] g3". Copied, cut at 31 bytes. */
void log_set_process(const char *name);
/* Lines dropped so far because the descriptor would have blocked or failed. */
uint64_t log_dropped(void);

/* The names used in the configuration; false when there is no such name. */
bool log_level_parse(const char *name, enum log_level *out);
bool log_component_parse(const char *name, enum log_component *out);
extern const char *const log_level_names[LOG_LEVEL_COUNT];
extern const char *const log_component_names[LOG_COMPONENT_COUNT];

bool log_is_enabled(enum log_component component, enum log_level level);
void log_write(enum log_component component, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_at(component, level, ...)                                                              \
	(log_is_enabled(component, level) ? log_write(component, level, __VA_ARGS__) : (void)0)
#define log_trace(component, ...) log_at(component, LOG_LEVEL_TRACE, __VA_ARGS__)
#define log_debug(component, ...) log_at(component, LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(component, ...)  log_at(component, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(component, ...)  log_at(component, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(component, ...) log_at(component, LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
