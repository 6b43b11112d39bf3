/* config_errors.c: collecting all that is wrong in one run, each as one line with its place. */
#include "config/config_build.h"

#include <stdarg.h>
#include <stdio.h>

void config_errors_init(struct config_errors *errors)
{
	errors->count = 0;
	errors->error_count = 0;
	errors->warning_count = 0;
	arena_init(&errors->arena, 2048);
}

void config_errors_free(struct config_errors *errors)
{
	arena_free(&errors->arena);
	config_errors_init(errors);
}

bool config_problem_add_bare(struct config_errors *errors, bool warning, const char *text)
{
	if (warning)
		errors->warning_count++;
	else
		errors->error_count++;
	if (errors->count < CONFIG_PROBLEMS_MAX) {
		struct config_problem *problem = &errors->items[errors->count++];

		problem->warning = warning;
		problem->text = arena_strdup(&errors->arena, text);
	}
	return false;
}

bool config_problem_add(struct config_build *build, bool warning, const char *format, ...)
{
	const struct config_place *place = &build->place;
	char what[1024];
	char line[2048];
	char number[16] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (place->line > 0)
		snprintf(number, sizeof(number), ":%u", place->line);
	snprintf(line, sizeof(line), "%s%s%s%s%s%s", place->source ? place->source : "", number,
		place->source ? ": " : "", build->path ? build->path : "", build->path ? ": " : "",
		what);
	return config_problem_add_bare(build->errors, warning, line);
}
