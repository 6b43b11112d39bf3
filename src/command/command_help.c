/* command_help.c: help and completions, made from the table. */
#include "config.h"

#include "command/command.h"

#include <stdio.h>
#include <string.h>

static bool put_command_line(const struct command *command, struct buffer *out)
{
	char usage[64];

	snprintf(usage, sizeof(usage), "%s%s%s", command->words, *command->arguments ? " " : "",
		command->arguments);
	return buffer_printf(out, "  %-28s %s\n", usage, command->help);
}

bool command_help_all(struct buffer *out)
{
	bool good = buffer_append_text(out,
		"Nexus " PACKAGE_VERSION ": one address for every model a team may use.\n\n"
		"Usage: nexus COMMAND [OPTIONS]\n\nHere:\n");

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (commands[i].where == LOCAL)
			good = good && put_command_line(&commands[i], out);
	good = good && buffer_append_text(out, "\nAt the running gateway:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (commands[i].where == CONSOLE)
			good = good && put_command_line(&commands[i], out);
	return good &&
	       buffer_append_text(out,
		       "\nnexus help COMMAND tells a command's options; nexus --version the "
		       "version.\n"
		       "Exit codes: 0 done, 1 failed, 2 usage, 3 not running, 78 configuration.\n");
}

static bool put_option(const struct option *option, struct buffer *out)
{
	char usage[64];
	char letter[8] = "    ";

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(usage, sizeof(usage), "%s--%s%s%s", letter, option->name,
		*option->argument ? " " : "", option->argument);
	return buffer_printf(out, "  %-28s %s\n", usage, option->help);
}

bool command_help_one(const struct command *command, struct buffer *out)
{
	bool good = buffer_printf(out, "nexus %s%s%s [OPTIONS]: %s.\n\n", command->words,
		*command->arguments ? " " : "", command->arguments, command->help);

	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (option_belongs(option_row(id), command))
			good = good && put_option(option_row(id), out);
	return good && buffer_append_text(out, "  -h, --help                   this text\n");
}

int command_help(const struct command_call *call)
{
	struct command_call asked;
	struct buffer out;
	struct error err;
	int code;

	buffer_init(&out, 65536);
	if (call->argument_count == 0) {
		command_help_all(&out);
	} else {
		char *words[ARGUMENTS_MAX + 1];
		int count = 0;

		for (size_t i = 0; i < call->argument_count; i++)
			words[count++] = (char *)call->arguments[i];
		words[count++] = (char *)"--help";
		if (!command_match(count, words, &asked, &err))
			return command_fail(EXIT_USAGE, "%s", err.text);
		command_help_one(asked.command, &out);
	}
	code = command_print(&out);
	buffer_free(&out);
	return code;
}
