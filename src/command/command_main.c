/* command_main.c: from argv to a handler, and how results leave the program. */
#include "config.h"

#include "command/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

int command_fail(int code, const char *format, ...)
{
	char text[4096];
	char line[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_escape(line, sizeof(line), slice_of(text), TEXT_ESCAPE_LINE);
	fprintf(stderr, "nexus: %s\n", line);
	return code;
}

int command_print(struct buffer *out)
{
	struct error err;

	fflush(stdout);
	if (fd_write_all(STDOUT_FILENO, buffer_data(out), buffer_len(out), &err))
		return EXIT_OK;
	return command_fail(EXIT_FAILED, "%s", err.text);
}

static int print_help(const struct command *command)
{
	struct buffer out;
	int code;

	buffer_init(&out, 65536);
	if (command)
		command_help_one(command, &out);
	else
		command_help_all(&out);
	code = command_print(&out);
	buffer_free(&out);
	return code;
}

static bool is_option(const char *word, const char *name, const char *letter)
{
	return word && (strcmp(word, name) == 0 || strcmp(word, letter) == 0);
}

int command_main(int argc, char **argv, const struct command_program *program)
{
	struct command_call call;
	struct error err;

	if (is_option(argv[1], "--version", "-V")) {
		printf("nexus %s\n", PACKAGE_VERSION);
		return EXIT_OK;
	}
	if (is_option(argv[1], "--help", "-h"))
		return print_help(NULL);
	if (argc < 2) {
		print_help(NULL);
		return EXIT_USAGE;
	}
	if (!command_match(argc - 1, argv + 1, &call, &err))
		return command_fail(EXIT_USAGE, "%s", err.text);
	if (call.wants_help)
		return print_help(call.command);
	call.program = program;
	return call.command->run(&call);
}
