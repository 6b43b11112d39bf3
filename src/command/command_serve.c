/* command_serve.c: nexus serve: the command line becomes overrides of the configuration, then the
 * supervisor takes over. */
#include "command/command.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "config/config.h"
#include "supervisor/supervisor.h"

/* Options that stand for a key; a flag gives `value`. */
static const struct {
	enum option_id option;
	const char *key;
	const char *value;
} settings[] = {
	{OPTION_serve_port, "server.port", NULL},
	{OPTION_serve_host, "server.host", NULL},
	{OPTION_serve_workers, "server.workers", NULL},
	{OPTION_serve_log_level, "logging.level", NULL},
	{OPTION_serve_no_discovery, "discovery.enabled", "false"},
};
#define SETTINGS_COUNT (sizeof(settings) / sizeof(settings[0]))

/* They must outlive the service: a reload applies them again. */
static char override_texts[SETTINGS_COUNT][512];
static const char *overrides[SETTINGS_COUNT + 1];

static bool make_overrides(const struct command_call *call)
{
	size_t count = 0;

	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		const char *given = call->values[settings[i].option];
		int len;

		if (!given)
			continue;
		len = snprintf(override_texts[count], sizeof(override_texts[0]), "%s=%s",
			settings[i].key, settings[i].value ? settings[i].value : given);
		if (len < 0 || (size_t)len >= sizeof(override_texts[0]))
			return false;
		overrides[count] = override_texts[count];
		count++;
	}
	overrides[count] = NULL;
	return true;
}

/* A mistake of the command line alone is one of usage. */
static int refuse(const struct config_errors *errors)
{
	int code = EXIT_USAGE;

	for (size_t i = 0; i < errors->count; i++) {
		if (errors->items[i].warning)
			continue;
		if (strncmp(errors->items[i].text, "command line: ", 14) != 0)
			code = EXIT_CONFIG;
		command_fail(code, "%s", errors->items[i].text);
	}
	return code;
}

/* What was asked for and will not happen, in one line. */
static void tell_not_in_effect(const struct config *config)
{
	const char *names[CONFIG_CHANGES_MAX];
	size_t count = config_not_in_effect(config, names);
	struct buffer list;

	buffer_init(&list, 16384);
	for (size_t i = 0; i < count; i++)
		buffer_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	if (count > 0)
		log_warn(LOG_CONFIG, "set, but not yet in effect in this release: %s",
			buffer_text(&list));
	buffer_free(&list);
}

int command_serve(const struct command_call *call)
{
	struct supervisor_options options = {
		.sources =
			{
				.path = call->values[OPTION_serve_config],
				.overrides = overrides,
				.read_environment = true,
			},
		.pid_file = call->values[OPTION_serve_pid_file],
		.daemonize = call->values[OPTION_serve_daemon],
		.demo = call->values[OPTION_serve_demo],
	};
	struct config_errors errors;
	struct config *config;
	int code;

	if (!make_overrides(call))
		return command_fail(EXIT_USAGE, "a value is too long");
	config_errors_init(&errors);
	config = config_load(&options.sources, &errors);
	for (size_t i = 0; config && i < errors.count; i++)
		log_warn(LOG_CONFIG, "%s", errors.items[i].text);
	if (config)
		tell_not_in_effect(config);
	code = config ? EXIT_OK : refuse(&errors);
	config_errors_free(&errors);
	return config ? call->program->serve(config, &options) : code;
}
