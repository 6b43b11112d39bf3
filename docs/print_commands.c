/* print_commands.c: prints docs/reference/commands.md from the rows of commands.def. Not installed.
 */
#include <stdio.h>

#include "command/command.h"

static void print_command(const struct command *command)
{
	bool any = false;

	printf("\n### nexus %s%s%s\n\n", command->words, *command->arguments ? " " : "",
		command->arguments);
	printf("%c%s.\n", command->help[0] & ~0x20, command->help + 1);
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option *option = option_row(id);

		if (!option_belongs(option, command))
			continue;
		printf("%s", any ? "" : "\n| option | |\n|---|---|\n");
		any = true;
		printf("| `");
		if (option->letter)
			printf("-%c`, `", option->letter);
		printf("--%s%s%s` | %s |\n", option->name, *option->argument ? " " : "",
			option->argument, option->help);
	}
}

static void print_all(const char *title, enum command_where where)
{
	printf("\n## %s\n", title);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (commands[i].where == where)
			print_command(&commands[i]);
}

int main(void)
{
	printf("# Commands\n\nMade from `src/command/commands.def`; `make reference` makes it "
	       "again.\n\n"
	       "Words and long options may be cut to any beginning that can mean one thing only. "
	       "Exit codes: 0 done, 1 failed,\n"
	       "2 usage, 3 the gateway is not running, 78 configuration.\n");
	print_all("Here", LOCAL);
	print_all("At the running gateway", CONSOLE);
	return 0;
}
