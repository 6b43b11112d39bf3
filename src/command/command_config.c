/* command_config.c: writing, checking and showing configurations, without a daemon. */
#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "config/config.h"

#define TEXT_MAX (64u << 20)

/* Prints every problem as a line of its own; warnings are called so. */
static void print_problems(const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		char line[4096];

		text_escape(line, sizeof(line), slice_of(errors->items[i].text), TEXT_ESCAPE_LINE);
		fprintf(stderr, "%s%s\n", errors->items[i].warning ? "warning: " : "", line);
	}
	if (errors->count < errors->error_count + errors->warning_count)
		fprintf(stderr, "and %zu more\n",
			errors->error_count + errors->warning_count - errors->count);
}

static struct config *load(const char *path, struct config_errors *errors)
{
	struct config_sources sources = {.path = path, .read_environment = true};
	struct config *config;

	config_errors_init(errors);
	config = config_load(&sources, errors);
	print_problems(errors);
	return config;
}

/* --- init --- */

static bool write_file(const char *path, bool force, struct slice text, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0644);
	bool good;

	if (fd < 0 && errno == EEXIST)
		return error_set(err, "%s is there already; --force writes over it", path);
	if (fd < 0)
		return error_set_errno(err, "cannot write %s", path);
	good = fd_write_all(fd, text.data, text.len, err);
	fd_close(&fd);
	return good;
}

int command_config_init(const struct command_call *call)
{
	const char *path = call->values[OPTION_config_init_output];
	struct buffer text;
	struct error err;
	int code = EXIT_OK;

	if (!path)
		path = "nexus.conf";
	buffer_init(&text, TEXT_MAX);
	config_init_text(&text);
	if (strcmp(path, "-") == 0)
		code = command_print(&text);
	else if (!write_file(
			 path, call->values[OPTION_config_init_force], buffer_slice(&text), &err))
		code = command_fail(EXIT_FAILED, "%s", err.text);
	else
		printf("%s: written; every key stands there with its default\n", path);
	buffer_free(&text);
	return code;
}

/* --- check --- */

static void print_not_in_effect(const struct config *config)
{
	const char *names[CONFIG_CHANGES_MAX];
	size_t count = config_not_in_effect(config, names);

	if (count > 0)
		printf("known, but not yet in effect:\n");
	for (size_t i = 0; i < count; i++)
		printf("  %s\n", names[i]);
}

int command_config_check(const struct command_call *call)
{
	struct config_errors errors;
	struct config *config = load(call->arguments[0], &errors);
	int code = config ? EXIT_OK : EXIT_CONFIG;

	if (config) {
		printf("%s: good\n",
			*config->path ? config->path : "no configuration file, so the defaults");
		print_not_in_effect(config);
	} else {
		fprintf(stderr, "%zu error%s\n", errors.error_count,
			errors.error_count == 1 ? "" : "s");
	}
	config_errors_free(&errors);
	config_unref(&config);
	return code;
}

/* --- show --- */

int command_config_show(const struct command_call *call)
{
	struct config_errors errors;
	struct config *config = load(call->arguments[0], &errors);
	struct buffer text;
	int code = EXIT_CONFIG;

	config_errors_free(&errors);
	if (!config)
		return code;
	buffer_init(&text, TEXT_MAX);
	buffer_printf(
		&text, "# %s, with the environment\n", *config->path ? config->path : "no file");
	config_show(config,
		call->values[OPTION_config_show_changed] ? CONFIG_SHOW_CHANGED : CONFIG_SHOW_ALL,
		&text);
	code = command_print(&text);
	buffer_free(&text);
	config_unref(&config);
	return code;
}
