/* command.h: the words of the shell, matched against one table.
 *
 * Commands and their options stand in commands.def. A command runs in this process or asks the
 * running daemon through its admin socket and shows the answer. Results go to standard output, what
 * went wrong to standard error. */
#ifndef NEXUS_COMMAND_COMMAND_H
#define NEXUS_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_RUNNING = 3,
	EXIT_CONFIG = 78, /* EX_CONFIG of sysexits.h */
};

enum command_id {
#define COMMAND(name, words, arguments, where, handler, help) COMMAND_##name,
#define OPTION(command, name, letter, argument, help)
#include "command/commands.def"
	COMMAND_COUNT,
	COMMAND_console /* stands for every CONSOLE command in option rows */
};

enum option_id {
#define COMMAND(name, words, arguments, where, handler, help)
#define OPTION(command, name, letter, argument, help) OPTION_##command##_##name,
#include "command/commands.def"
	OPTION_COUNT
};

enum command_where { LOCAL, CONSOLE };

struct config;
struct supervisor_options;

/* What the program can do that this room does not know how to. */
struct command_program {
	int (*serve)(struct config *config, const struct supervisor_options *options);
};

#define ARGUMENTS_MAX 4u

/* A command line that has been understood. */
struct command_call {
	const struct command *command;
	const struct command_program *program;
	const char *values[OPTION_COUNT]; /* NULL = not given; "" for a flag */
	const char *arguments[ARGUMENTS_MAX];
	size_t argument_count;
	bool wants_help;
};

struct command {
	enum command_id id;
	const char *words;     /* "config init" */
	const char *arguments; /* "ROLE [SLOT]" */
	enum command_where where;
	int (*run)(const struct command_call *call); /* returns an exit code */
	const char *help;
};

struct option {
	enum command_id command;
	char name[20]; /* as it is typed, without the dashes */
	char letter;
	const char *argument;
	const char *help;
};

extern const struct command commands[COMMAND_COUNT];

/* The option's row; the first call spells the names. */
const struct option *option_row(enum option_id id);
/* Whether an option may be given to a command. */
bool option_belongs(const struct option *option, const struct command *command);

/* Understands the words behind the program's name. False: `err` says what is not understood. Unique
 * prefixes of words and long options are enough. `argc` may be 0. */
bool command_match(int argc, char *const *argv, struct command_call *call, struct error *err);

/* What `nexus --help` and `nexus help COMMAND` print. */
bool command_help_all(struct buffer *out);
bool command_help_one(const struct command *command, struct buffer *out);
/* A completion script; false when the shell is not known. */
bool command_complete(const char *shell, struct buffer *out);

/* The whole program: runs what argv says and returns the exit code. */
int command_main(int argc, char **argv, const struct command_program *program);

/* Prints "nexus: ..." on standard error and returns `code`. Bytes that could drive a terminal are
 * escaped. */
int command_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes a buffer to standard output; the exit code. */
int command_print(struct buffer *out);

/* The handlers. */
#define COMMAND(name, words, arguments, where, handler, help)                                      \
	int handler(const struct command_call *call);
#define OPTION(command, name, letter, argument, help)
#include "command/commands.def"

#endif
