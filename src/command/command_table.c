/* command_table.c: the rows of commands.def as data. */
#include "command/command.h"

#include <string.h>

const struct command commands[COMMAND_COUNT] = {
#define COMMAND(name, words, arguments, where, handler, help)                                      \
	[COMMAND_##name] = {COMMAND_##name, words, arguments, where, handler, help},
#define OPTION(command, name, letter, argument, help)
#include "command/commands.def"
};

/* Names as C spells them; option_row gives them their dashes. */
static struct option options[OPTION_COUNT] = {
#define COMMAND(name, words, arguments, where, handler, help)
#define OPTION(command, name, letter, argument, help)                                              \
	[OPTION_##command##_##name] = {COMMAND_##command, #name, letter, argument, help},
#include "command/commands.def"
};

const struct option *option_row(enum option_id id)
{
	struct option *option = &options[id];

	for (char *at = option->name; *at; at++)
		if (*at == '_')
			*at = '-';
	return option;
}

bool option_belongs(const struct option *option, const struct command *command)
{
	if (option->command == COMMAND_console)
		return command->where == CONSOLE;
	return option->command == command->id;
}
