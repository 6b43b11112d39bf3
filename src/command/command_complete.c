/* command_complete.c: completion scripts for three shells, made from the table.
 *
 * Each script has the same knowledge: which words may follow which, and which options a command
 * has. Values of options that name a file are completed as files. */
#include "command/command.h"

#include <stdio.h>
#include <string.h>

static bool is_file(const struct option *option)
{
	return strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "PATH") == 0;
}

/* The first word of a command, and its second or "". */
static void split_words(const struct command *command, char first[24], const char **second)
{
	size_t len = strcspn(command->words, " ");

	snprintf(first, 24, "%.*s", (int)len, command->words);
	*second = command->words[len] ? command->words + len + 1 : "";
}

/* Whether this is the first row with its first word. */
static bool is_first(const struct command *command)
{
	char word[24];
	char before[24];
	const char *rest;

	split_words(command, word, &rest);
	if (command == commands)
		return true;
	split_words(command - 1, before, &rest);
	return strcmp(word, before) != 0;
}

static void put_first_words(struct buffer *out)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (is_first(&commands[i]))
			buffer_printf(out, "%s%.*s", i > 0 ? " " : "",
				(int)strcspn(commands[i].words, " "), commands[i].words);
}

/* The words that may follow a command, without a comma. */
static void put_arguments(const struct command *command, struct buffer *out)
{
	if (command->id == COMMAND_completions)
		buffer_append_text(out, " bash zsh fish");
	else if (command->id == COMMAND_worker_restart)
		buffer_append_text(out, " request health budget demo");
}

static void put_options(const struct command *command, struct buffer *out)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (option_belongs(option_row(id), command))
			buffer_printf(out, " --%s", option_row(id)->name);
	buffer_append_text(out, " --help");
	put_arguments(command, out);
}

/* case lines: what may be typed behind each command, for bash and zsh. */
static void put_cases(struct buffer *out)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		char first[24];
		const char *second;

		split_words(&commands[i], first, &second);
		if (*second && is_first(&commands[i])) {
			buffer_printf(out, "\t\"%s \") may=\"", first);
			for (size_t j = i; j < COMMAND_COUNT &&
					   strncmp(commands[j].words, first, strlen(first)) == 0;
				j++)
				buffer_printf(out, "%s%s", j > i ? " " : "",
					commands[j].words + strlen(first) + 1);
			buffer_append_text(out, "\" ;;\n");
		}
		buffer_printf(out, "\t\"%s %s\"%s) may=\"", first, second, *second ? "" : "*");
		put_options(&commands[i], out);
		buffer_printf(out, "\"%s ;;\n",
			strstr(commands[i].arguments, "FILE") ? " files=yes" : "");
	}
}

static void put_file_options(struct buffer *out)
{
	const char *bar = "";

	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option *option = option_row(id);
		bool seen = false;

		for (enum option_id before = 0; before < id; before++)
			seen |= strcmp(option_row(before)->name, option->name) == 0;
		if (!is_file(option) || seen)
			continue;
		buffer_printf(out, "%s--%s", bar, option->name);
		bar = "|";
		if (option->letter)
			buffer_printf(out, "|-%c", option->letter);
	}
}

static void put_bash(struct buffer *out)
{
	buffer_append_text(out,
		"# bash completion for nexus; made by `nexus completions bash`.\n"
		"_nexus()\n{\n\tlocal may=\"\" files=\"\" current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
		"\tcase \"${COMP_WORDS[COMP_CWORD-1]}\" in\n\t");
	put_file_options(out);
	buffer_append_text(out,
		") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n\tesac\n"
		"\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W \"");
	put_first_words(out);
	buffer_append_text(out,
		" --help --version\" -- \"$current\"))\n\t\treturn\n\tfi\n"
		"\tlocal second=\"${COMP_WORDS[2]}\"\n\t[ \"$COMP_CWORD\" -eq 2 ] && second=\"\"\n"
		"\tcase \"${COMP_WORDS[1]} $second\" in\n");
	put_cases(out);
	buffer_append_text(out,
		"\tesac\n\tCOMPREPLY=($(compgen -W \"$may\" -- \"$current\"))\n"
		"\t[ -n \"$files\" ] && COMPREPLY+=($(compgen -f -- \"$current\"))\n"
		"\treturn 0\n}\ncomplete -F _nexus nexus\n");
}

static void put_zsh(struct buffer *out)
{
	buffer_append_text(out,
		"#compdef nexus\n# zsh completion for nexus; made by `nexus completions zsh`.\n"
		"_nexus()\n{\n\tlocal may=\"\" files=\"\" first=\"${words[2]}\" "
		"second=\"${words[3]}\"\n"
		"\tcase \"${words[CURRENT-1]}\" in\n\t");
	put_file_options(out);
	buffer_append_text(
		out, ") _files; return ;;\n\tesac\n\tif (( CURRENT == 2 )); then\n\t\tcompadd -- ");
	put_first_words(out);
	buffer_append_text(out,
		" --help --version\n\t\treturn\n\tfi\n\t(( CURRENT == 3 )) && second=\"\"\n"
		"\tcase \"$first $second\" in\n");
	put_cases(out);
	buffer_append_text(out,
		"\tesac\n\tcompadd -- ${=may}\n\t[[ -n $files ]] && _files\n}\n"
		"# Autoloaded, this file is the function itself; sourced, it registers it.\n"
		"if [ \"$funcstack[1]\" = _nexus ]; then _nexus \"$@\"; else compdef _nexus nexus; "
		"fi\n");
}

static void put_fish_options(
	const struct command *command, const char *first, const char *second, struct buffer *out)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++) {
		const struct option *option = option_row(id);

		if (!option_belongs(option, command))
			continue;
		buffer_printf(out,
			"complete -c nexus -n '__fish_seen_subcommand_from %s%s%s' -l %s", first,
			*second ? "; and __fish_seen_subcommand_from " : "", second, option->name);
		if (option->letter)
			buffer_printf(out, " -s %c", option->letter);
		if (*option->argument)
			buffer_append_text(out, is_file(option) ? " -r -F" : " -x");
		buffer_printf(out, " -d '%s'\n", option->help);
	}
}

static void put_fish(struct buffer *out)
{
	buffer_append_text(out, "# fish completion for nexus; made by `nexus completions "
				"fish`.\ncomplete -c nexus -f\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		char first[24];
		const char *second;

		split_words(&commands[i], first, &second);
		if (is_first(&commands[i]))
			buffer_printf(out,
				"complete -c nexus -n __fish_use_subcommand -a %s -d '%s'\n", first,
				*second ? "" : commands[i].help);
		if (*second)
			buffer_printf(out,
				"complete -c nexus -n '__fish_seen_subcommand_from %s' -a %s -d "
				"'%s'\n",
				first, second, commands[i].help);
		put_fish_options(&commands[i], first, second, out);
	}
	buffer_append_text(out,
		"complete -c nexus -n '__fish_seen_subcommand_from completions' -a 'bash zsh "
		"fish'\n"
		"complete -c nexus -n '__fish_seen_subcommand_from check show' -F\n");
}

bool command_complete(const char *shell, struct buffer *out)
{
	if (strcmp(shell, "bash") == 0)
		put_bash(out);
	else if (strcmp(shell, "zsh") == 0)
		put_zsh(out);
	else if (strcmp(shell, "fish") == 0)
		put_fish(out);
	else
		return false;
	return true;
}

int command_completions(const struct command_call *call)
{
	struct buffer out;
	int code;

	buffer_init(&out, 1u << 18);
	if (!command_complete(call->arguments[0], &out))
		return command_fail(EXIT_USAGE,
			"completions are made for bash, zsh and fish, not %s", call->arguments[0]);
	code = command_print(&out);
	buffer_free(&out);
	return code;
}
