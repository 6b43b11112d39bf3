/* command_match.c: words to a command, its options and its arguments. Pure. */
#include "command/command.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define CANDIDATES_MAX 64u

/* The word number `at` of "config init"; empty when there is none. */
static struct slice word_at(const char *words, size_t at)
{
	while (at > 0 && *words) {
		words += strcspn(words, " ");
		words += *words == ' ';
		at--;
	}
	return slice_make(words, strcspn(words, " "));
}

/* --- telling what is meant --- */

/* Lists names as "a, b or c". */
static void list_names(
	const char *dashes, const char *const *names, size_t count, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s%s",
			i == 0           ? ""
			: i + 1 == count ? " or "
					 : ", ",
			dashes, names[i]);
}

/* The name that `wanted` is or begins: 1 found, 0 none, 2 several. Names end with NULL; `matches`
 * gets the candidates. */
static int find_name(struct slice wanted, const char *const *names,
	const char *matches[CANDIDATES_MAX], size_t *count)
{
	*count = 0;
	for (size_t i = 0; names[i]; i++)
		if (slice_is(wanted, names[i])) {
			matches[0] = names[i];
			*count = 1;
			return 1;
		}
	for (size_t i = 0; names[i] && *count < CANDIDATES_MAX; i++)
		if (wanted.len > 0 && strncmp(names[i], wanted.data, wanted.len) == 0)
			matches[(*count)++] = names[i];
	return *count == 0 ? 0 : *count == 1 ? 1 : 2;
}

/* Resolves a name or says why not: `what` is "command" or "option", `dashes` what stands before it.
 */
static const char *resolve_name(struct slice wanted, const char *const *names, const char *what,
	const char *dashes, struct error *err)
{
	const char *matches[CANDIDATES_MAX];
	const char *nearest;
	char text[64];
	char list[256];
	size_t count;

	switch (find_name(wanted, names, matches, &count)) {
	case 1: return matches[0];
	case 2:
		list_names(dashes, matches, count, list, sizeof(list));
		error_set(err, "%s%.*s may be %s", dashes, SLICE_ARGS(wanted), list);
		return NULL;
	default: break;
	}
	snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(wanted));
	nearest = text_nearest(text, names);
	error_set(err, "there is no %s %s%s%s%s%s%s", what, dashes, text,
		nearest ? "; did you mean " : "", nearest ? dashes : "", nearest ? nearest : "",
		nearest ? "?" : "");
	return NULL;
}

/* --- commands --- */

/* The distinct words that may stand at `at` behind `prefix`, ends with NULL. The texts live in
 * `space`. */
static size_t next_words(const char *prefix, size_t at, const char *names[CANDIDATES_MAX],
	char space[CANDIDATES_MAX][24])
{
	size_t prefix_len = strlen(prefix);
	size_t count = 0;

	for (size_t i = 0; i < COMMAND_COUNT && count < CANDIDATES_MAX - 1; i++) {
		struct slice word = word_at(commands[i].words, at);

		if (strncmp(commands[i].words, prefix, prefix_len) != 0 || word.len == 0 ||
			(prefix_len > 0 && commands[i].words[prefix_len] != ' '))
			continue;
		if (count > 0 && slice_is(word, names[count - 1]))
			continue;
		snprintf(space[count], sizeof(space[0]), "%.*s", SLICE_ARGS(word));
		names[count] = space[count];
		count++;
	}
	names[count] = NULL;
	return count;
}

static const struct command *command_by_words(const char *words)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].words, words) == 0)
			return &commands[i];
	return NULL;
}

/* Takes as many words as name a command; *used says how many. */
static const struct command *match_words(int argc, char *const *argv, int *used, struct error *err)
{
	char space[CANDIDATES_MAX][24];
	const char *names[CANDIDATES_MAX];
	char path[64] = "";

	for (*used = 0;; (*used)++) {
		size_t len = strlen(path);
		const char *word;

		if (command_by_words(path))
			return command_by_words(path);
		size_t count = next_words(path, (size_t)*used, names, space);

		if (*used >= argc || argv[*used][0] == '-') {
			char list[256];

			list_names("", names, count, list, sizeof(list));
			error_set(err, "%s%swhat? %s", path, *path ? " " : "", list);
			return NULL;
		}
		word = resolve_name(slice_of(argv[*used]), names, "command", "", err);
		if (!word)
			return NULL;
		snprintf(path + len, sizeof(path) - len, "%s%s", len > 0 ? " " : "", word);
	}
}

/* --- options --- */

/* The option of a command by its letter, or OPTION_COUNT. */
static enum option_id option_by_letter(const struct command *command, char letter)
{
	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (option_row(id)->letter == letter && option_belongs(option_row(id), command))
			return id;
	return OPTION_COUNT;
}

static enum option_id option_by_name(
	const struct command *command, struct slice wanted, struct error *err)
{
	const char *names[OPTION_COUNT + 2];
	const char *name;
	size_t count = 0;

	for (enum option_id id = 0; id < OPTION_COUNT; id++)
		if (option_belongs(option_row(id), command))
			names[count++] = option_row(id)->name;
	names[count++] = "help";
	names[count] = NULL;
	name = resolve_name(wanted, names, "option", "--", err);
	for (enum option_id id = 0; name && id < OPTION_COUNT; id++)
		if (strcmp(option_row(id)->name, name) == 0 &&
			option_belongs(option_row(id), command))
			return id;
	return OPTION_COUNT;
}

/* What is being read. */
struct reading {
	int argc;
	char *const *argv;
	int at;
	struct command_call *call;
	struct error *err;
};

/* Stores an option's value: what was attached to it, else the next word. */
static bool take_value(struct reading *reading, enum option_id id, const char *attached)
{
	const struct option *option = option_row(id);

	if (!*option->argument) {
		reading->call->values[id] = "";
		return !attached || error_set(reading->err, "--%s takes no value", option->name);
	}
	if (!attached && reading->at + 1 < reading->argc)
		attached = reading->argv[++reading->at];
	if (!attached)
		return error_set(reading->err, "--%s needs a value: --%s %s", option->name,
			option->name, option->argument);
	reading->call->values[id] = attached;
	return true;
}

static bool read_long(struct reading *reading, const char *text)
{
	size_t len = strcspn(text, "=");
	enum option_id id;

	if (strcmp(text, "help") == 0)
		return reading->call->wants_help = true;
	id = option_by_name(reading->call->command, slice_make(text, len), reading->err);
	return id != OPTION_COUNT &&
	       take_value(reading, id, text[len] == '=' ? text + len + 1 : NULL);
}

/* One letter: -p 80, -p80. */
static bool read_letter(struct reading *reading, const char *text)
{
	enum option_id id = option_by_letter(reading->call->command, *text);

	if (strcmp(text, "h") == 0)
		return reading->call->wants_help = true;
	if (id == OPTION_COUNT)
		return error_set(reading->err, "there is no option -%c", *text);
	return take_value(reading, id, text[1] ? text + 1 : NULL);
}

static void count_arguments(const char *text, size_t *least, size_t *most)
{
	*least = *most = 0;
	for (size_t i = 0; word_at(text, i).len > 0; i++) {
		(*most)++;
		*least += *word_at(text, i).data != '[';
	}
}

static bool check_arguments(const struct command_call *call, struct error *err)
{
	const struct command *command = call->command;
	size_t least;
	size_t most;

	count_arguments(command->arguments, &least, &most);
	if (call->wants_help || (call->argument_count >= least && call->argument_count <= most))
		return true;
	if (call->argument_count > most)
		return error_set(err, "%s does not take %s", command->words, call->arguments[most]);
	return error_set(err, "%s needs %s", command->words, command->arguments);
}

bool command_match(int argc, char *const *argv, struct command_call *call, struct error *err)
{
	struct reading reading = {.argc = argc, .argv = argv, .call = call, .err = err};
	bool only_arguments = false;

	*call = (struct command_call){.command = match_words(argc, argv, &reading.at, err)};
	if (!call->command)
		return false;
	for (; reading.at < argc; reading.at++) {
		const char *word = argv[reading.at];
		bool good = true;

		if (only_arguments || word[0] != '-' || !word[1])
			if (call->argument_count == ARGUMENTS_MAX)
				good = error_set(err, "too many words");
			else
				call->arguments[call->argument_count++] = word;
		else if (strcmp(word, "--") == 0)
			only_arguments = true;
		else
			good = word[1] == '-' ? read_long(&reading, word + 2)
					      : read_letter(&reading, word + 1);
		if (!good)
			return false;
	}
	return check_arguments(call, err);
}
