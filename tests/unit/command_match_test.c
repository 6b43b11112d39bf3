/* Words are understood when they can mean one thing only, and a mistake is answered with what was probably meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "command/command.h"

#define WORDS_MAX 12

/* Splits at blanks; the text must live on. */
static int split(char *text, char *words[WORDS_MAX])
{
	int count = 0;

	for (char *word; (word = strsep(&text, " ")) && count < WORDS_MAX;)
		if (*word)
			words[count++] = word;
	return count;
}

static bool match(const char *line, struct command_call *call, struct error *err)
{
	static char copy[256];
	char *words[WORDS_MAX];

	strncpy(copy, line, sizeof(copy) - 1);
	return command_match(split(copy, words), words, call, err);
}

static const struct {
	const char *line;
	enum command_id id;
} understood[] = {
	{"serve", COMMAND_serve},
	{"ser", COMMAND_serve},
	{"status --json", COMMAND_status},
	{"config init", COMMAND_config_init},
	{"conf in", COMMAND_config_init},
	{"config show --changed", COMMAND_config_show},
	{"worker restart request 1", COMMAND_worker_restart},
	{"w r health", COMMAND_worker_restart},
	{"w l", COMMAND_worker_list},
	{"help", COMMAND_help},
	{"help config init", COMMAND_help},
	{"worker restart --help", COMMAND_worker_restart},
	{"completions bash", COMMAND_completions},
};

static const struct {
	const char *line;
	const char *problem;
} refused[] = {
	{"", "what? serve, backends, models, health, status, reload, worker, shutdown, config, completions or help"},
	{"--json", "what? serve, backends, models, health, status, reload, worker, shutdown, config, completions or help"},
	{"sttus", "there is no command sttus; did you mean status?"},
	{"zzzzzzzz", "there is no command zzzzzzzz"},
	{"s", "s may be serve, status or shutdown"},
	{"config", "config what? init, check or show"},
	{"config chek", "there is no command chek; did you mean check?"},
	{"worker --json", "worker what? list or restart"},
	{"status --jason", "there is no option --jason; did you mean --json?"},
	{"status --changed", "there is no option --changed"},
	{"serve -x", "there is no option -x"},
	{"serve --p 1", "--p may be --port or --pid-file"},
	{"serve --port", "--port needs a value: --port PORT"},
	{"serve --demo=yes", "--demo takes no value"},
	{"serve now", "serve does not take now"},
	{"worker restart", "worker restart needs ROLE [SLOT]"},
	{"worker restart request 0 1", "worker restart does not take 1"},
	{"completions a b c d e", "too many words"},
};

static void test_understood(void **state)
{
	for (size_t i = 0; i < sizeof(understood) / sizeof(understood[0]); i++) {
		struct command_call call;
		struct error err;

		if (!match(understood[i].line, &call, &err))
			fail_msg("%s: %s", understood[i].line, err.text);
		assert_int_equal(call.command->id, understood[i].id);
	}
}

static void test_refused(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct command_call call;
		struct error err;

		assert_false(match(refused[i].line, &call, &err));
		assert_string_equal(err.text, refused[i].problem);
	}
}

static void test_values(void **state)
{
	struct command_call call;
	struct error err;

	assert_true(match("serve -p 80 --host=::1 --log-l debug --no-d -c/x --workers -1", &call, &err));
	assert_string_equal(call.values[OPTION_serve_port], "80");
	assert_string_equal(call.values[OPTION_serve_host], "::1");
	assert_string_equal(call.values[OPTION_serve_log_level], "debug");
	assert_string_equal(call.values[OPTION_serve_no_discovery], "");
	assert_string_equal(call.values[OPTION_serve_config], "/x");
	assert_string_equal(call.values[OPTION_serve_workers], "-1");
	assert_null(call.values[OPTION_serve_demo]);
	assert_true(match("config check -- -odd-name", &call, &err));
	assert_int_equal(call.argument_count, 1);
	assert_string_equal(call.arguments[0], "-odd-name");
	assert_true(match("worker --socket /s restart request", &call, &err) == false);
	assert_true(match("worker restart --socket /s request 2", &call, &err));
	assert_string_equal(call.values[OPTION_console_socket], "/s");
	assert_string_equal(call.arguments[1], "2");
}

/* Every command explains itself, and its every option. */
static void test_help(void **state)
{
	struct buffer out;

	buffer_init(&out, 65536);
	assert_true(command_help_all(&out));
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		assert_non_null(strstr(buffer_text(&out), commands[i].words));
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		buffer_clear(&out);
		assert_true(command_help_one(&commands[i], &out));
		assert_non_null(strstr(buffer_text(&out), commands[i].help));
		for (enum option_id id = 0; id < OPTION_COUNT; id++)
			if (option_belongs(option_row(id), &commands[i]))
				assert_non_null(strstr(buffer_text(&out), option_row(id)->name));
	}
	buffer_free(&out);
}

/* No two rows can be mistaken for one another. */
static void test_table_is_sound(void **state)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(commands[i].words, commands[j].words);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		for (enum option_id a = 0; a < OPTION_COUNT; a++)
			for (enum option_id b = 0; b < a; b++) {
				if (!option_belongs(option_row(a), &commands[i]) || !option_belongs(option_row(b), &commands[i]))
					continue;
				assert_string_not_equal(option_row(a)->name, option_row(b)->name);
				assert_true(option_row(a)->letter == 0 || option_row(a)->letter != option_row(b)->letter);
			}
}

static void test_completions(void **state)
{
	static const char *const shells[] = {"bash", "zsh", "fish"};
	struct buffer out;

	buffer_init(&out, 1u << 18);
	for (size_t i = 0; i < 3; i++) {
		buffer_clear(&out);
		assert_true(command_complete(shells[i], &out));
		for (enum option_id id = 0; id < OPTION_COUNT; id++)
			assert_non_null(strstr(buffer_text(&out), option_row(id)->name));
		for (size_t j = 0; j < COMMAND_COUNT; j++) {
			const char *last = strrchr(commands[j].words, ' ');

			assert_non_null(strstr(buffer_text(&out), last ? last + 1 : commands[j].words));
		}
	}
	assert_false(command_complete("tcsh", &out));
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_understood),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_table_is_sound),
		cmocka_unit_test(test_completions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
