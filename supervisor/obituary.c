/* obituary.c: composing the line. */
#include "supervisor/obituary.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"

struct line {
	char *text;
	size_t used;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
	size_t room = OBITUARY_MAX - line->used;
	va_list args;
	int wrote;

	va_start(args, format);
	wrote = vsnprintf(line->text + line->used, room, format, args);
	va_end(args);
	line->used += (size_t)wrote < room ? (size_t)wrote : room - 1;
}

static void add_duration(struct line *line, uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (s < 60)
		add(line, "%llu.%03llus", (unsigned long long)s, (unsigned long long)(ms % 1000));
	else if (s < 3600)
		add(line, "%llum%02llus", (unsigned long long)(s / 60),
			(unsigned long long)(s % 60));
	else
		add(line, "%lluh%02llum", (unsigned long long)(s / 3600),
			(unsigned long long)(s / 60 % 60));
}

static void add_status(struct line *line, int status)
{
	if (WIFSIGNALED(status))
		add(line, "signal %d (%s)%s", WTERMSIG(status), strsignal(WTERMSIG(status)),
			WCOREDUMP(status) ? ", core dumped" : "");
	else
		add(line, "exit %d", WEXITSTATUS(status));
}

void obituary_compose(const struct obituary *obituary, char text[OBITUARY_MAX])
{
	struct line line = {text, 0};
	char words[OBITUARY_MAX / 2];

	add(&line, "%s[%u] g%u (pid %d) %s after ", role_names[obituary->who.role],
		obituary->who.slot, obituary->generation, (int)obituary->pid,
		obituary->was_ready ? "died" : "died before it was ready,");
	add_duration(&line, obituary->up_ms);
	add(&line, ": ");
	if (obituary->cause)
		add(&line, "%s, ", obituary->cause);
	add_status(&line, obituary->wait_status);
	add(&line, "; %u request%s in flight", obituary->in_flight,
		obituary->in_flight == 1 ? "" : "s");
	if (text_escape(words, sizeof(words), obituary->last_words, TEXT_ESCAPE_LINE) > 0)
		add(&line, "; last words: %s", words);
}

void obituary_keep(struct obituaries *kept, const char *line)
{
	snprintf(kept->lines[kept->count++ % OBITUARY_KEPT], OBITUARY_MAX, "%s", line);
}

const char *obituary_kept(const struct obituaries *kept, unsigned i)
{
	if (i >= kept->count || i >= OBITUARY_KEPT)
		return NULL;
	return kept->lines[(kept->count - 1 - i) % OBITUARY_KEPT];
}
