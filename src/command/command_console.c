/* command_console.c: the commands that ask the running daemon. */
#include "command/command.h"

#include <stdio.h>
#include <string.h>

#include "command/console_client.h"
#include "command/report.h"
#include "command/text_table.h"

typedef bool (*reporter)(struct slice answer, const struct report_style *style, struct buffer *out,
	struct error *err);

#define LINE_MAX_BYTES 1024u

/* The command's own words and arguments; options are for this side. */
static bool make_line(const struct command_call *call, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "%s", call->command->words);

	for (size_t i = 0; i < call->argument_count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, " %s", call->arguments[i]);
	return used < size && !strpbrk(out, "\n\r");
}

/* What the daemon says went wrong: one sentence or a list of them, a line each. */
static int show_refusal(int code, struct buffer *answer)
{
	char *text = (char *)buffer_text(answer);
	char *line;

	while ((line = strsep(&text, "\n")))
		if (*line)
			command_fail(code, "%s", line);
	return code;
}

static int ask(const struct command_call *call, reporter report, bool json, const char *filter)
{
	struct report_style style = {
		.json = json, .width = text_table_terminal_width(), .filter = filter};
	struct buffer answer;
	struct buffer out;
	struct error err = {""};
	char line[LINE_MAX_BYTES];
	int code;

	if (!make_line(call, line, sizeof(line)))
		return command_fail(EXIT_USAGE, "that is no line");
	buffer_init(&answer, CONSOLE_ANSWER_MAX);
	buffer_init(&out, 4 * CONSOLE_ANSWER_MAX);
	code = console_ask(call, line, &answer, &err);
	if (code != EXIT_OK && buffer_len(&answer) > 0)
		show_refusal(code, &answer);
	else if (code != EXIT_OK)
		command_fail(code, "%s", *err.text ? err.text : "refused without a reason");
	else if (report(buffer_slice(&answer), &style, &out, &err))
		code = command_print(&out);
	else
		code = command_fail(EXIT_FAILED, "%s", err.text);
	buffer_free(&answer);
	buffer_free(&out);
	return code;
}

int command_backends(const struct command_call *call)
{
	return ask(call, report_backends, call->values[OPTION_backends_json],
		call->values[OPTION_backends_status]);
}

int command_models(const struct command_call *call)
{
	return ask(call, report_models, call->values[OPTION_models_json],
		call->values[OPTION_models_backend]);
}

int command_health(const struct command_call *call)
{
	return ask(call, report_health, call->values[OPTION_health_json], NULL);
}

int command_status(const struct command_call *call)
{
	return ask(call, report_status, call->values[OPTION_status_json], NULL);
}

int command_worker_list(const struct command_call *call)
{
	return ask(call, report_workers, call->values[OPTION_worker_list_json], NULL);
}

int command_ask(const struct command_call *call)
{
	return ask(call, report_message, false, NULL);
}
