/* config_scan.c: one look at the bytes of a file and of what it includes, before libconfig reads
 * them.
 *
 * It catches what libconfig 1.5 would do silently or worse: integers over 32 bits without an L
 * behind them are read modulo 2^32; an included directory makes its scanner end the whole process;
 * nesting has no bound. It judges nothing else. */
#include "config/config_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#define FILE_MAX      (16u << 20)
#define NESTING_MAX   32u
#define INCLUDE_DEPTH 8u

struct scan {
	struct config_build *build;
	const char *at;
	const char *directory; /* of the outermost file; NULL: nothing may be included */
	unsigned nesting;
	unsigned include_depth;
	bool line_start; /* nothing but blanks so far on this line */
	bool in_word;    /* the byte before belongs to a name or a number */
};

static void scan_file(
	struct config_build *build, const char *path, const char *directory, unsigned depth);

/* Moves on by one byte, counting lines. */
static void step(struct scan *scan)
{
	if (*scan->at++ == '\n') {
		scan->build->place.line++;
		scan->line_start = true;
	}
}

static void skip_until(struct scan *scan, const char *end)
{
	size_t len = strlen(end);

	while (*scan->at && strncmp(scan->at, end, len) != 0)
		step(scan);
	if (*scan->at && *end != '\n')
		scan->at += len;
}

/* At the opening quote; ends behind the closing one. */
static void skip_string(struct scan *scan)
{
	for (scan->at++; *scan->at && *scan->at != '"'; step(scan))
		if (*scan->at == '\\' && scan->at[1])
			step(scan);
	if (*scan->at)
		scan->at++;
}

/* Whether an integer without a suffix is one that libconfig reads as it stands. */
static bool integer_is_safe(const char *digits)
{
	long long value;

	errno = 0;
	value = strtoll(digits, NULL, 0);
	return errno == 0 && value >= INT32_MIN && value <= INT32_MAX;
}

/* At the first digit of a number that no name precedes. */
static void scan_number(struct scan *scan)
{
	size_t len = strspn(scan->at, "0123456789abcdefABCDEFxX");
	char digits[40];
	bool plain = strspn(scan->at, "0123456789") == len || strncasecmp(scan->at, "0x", 2) == 0;

	if (plain && !strchr(".LeE", scan->at[len] ? scan->at[len] : '.')) {
		snprintf(digits, sizeof(digits), "%.*s", (int)(len < 39 ? len : 39), scan->at);
		if (!integer_is_safe(digits))
			config_problem_add(scan->build, false,
				"%s is too large to be read as it stands; write %sL, or use a unit",
				digits, digits);
	}
	scan->at += len;
}

/* At "@include"; reads the name and looks into that file. */
static void scan_include(struct scan *scan)
{
	struct config_place here = scan->build->place;
	char name[1024];
	char path[4096];
	size_t len;

	scan->at += strlen("@include");
	scan->at += strspn(scan->at, " \t");
	if (*scan->at != '"')
		return; /* libconfig says what is wrong */
	len = strcspn(scan->at + 1, "\"\n");
	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1),
		scan->at + 1);
	skip_string(scan);
	if (!scan->directory || scan->include_depth >= INCLUDE_DEPTH) {
		config_problem_add(scan->build, false, "%s",
			scan->directory ? "files include each other too deeply"
					: "@include has no place here");
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", scan->directory, name);
	scan_file(scan->build, path, scan->directory, scan->include_depth + 1);
	scan->build->place = here;
}

static void scan_nesting(struct scan *scan, char byte)
{
	if (strchr("({[", byte)) {
		if (++scan->nesting == NESTING_MAX)
			config_problem_add(
				scan->build, false, "nested more than %u deep", NESTING_MAX - 1);
	} else if (scan->nesting > 0) {
		scan->nesting--;
	}
}

static bool is_word(char byte)
{
	return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
	       byte == '_' || byte == '-' || byte == '*' || byte == '.';
}

static void scan_one(struct scan *scan)
{
	char byte = *scan->at;
	bool at_start = scan->line_start;
	bool in_word = scan->in_word;

	scan->line_start = at_start && (byte == ' ' || byte == '\t');
	scan->in_word = is_word(byte) && byte != '-';
	if (byte == '#' || strncmp(scan->at, "//", 2) == 0)
		skip_until(scan, "\n");
	else if (strncmp(scan->at, "/*", 2) == 0)
		skip_until(scan, "*/");
	else if (byte == '"')
		skip_string(scan);
	else if (at_start && strncmp(scan->at, "@include", 8) == 0)
		scan_include(scan);
	else if (byte >= '0' && byte <= '9' && !in_word)
		scan_number(scan);
	else {
		if (byte && strchr("(){}[]", byte))
			scan_nesting(scan, byte);
		step(scan);
	}
}

static void scan_text(
	struct config_build *build, const char *text, const char *directory, unsigned depth)
{
	struct scan scan = {.build = build,
		.at = text,
		.directory = directory,
		.include_depth = depth,
		.line_start = true};

	while (*scan.at && build->errors->error_count < CONFIG_PROBLEMS_MAX)
		scan_one(&scan);
}

/* The file's bytes and a NUL, to be freed; NULL with errno set. */
static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = NULL;
	struct stat st;
	size_t used = 0;
	ssize_t got = 1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		fd_close(&fd);
		return NULL;
	}
	text = memory_alloc((size_t)st.st_size + 1);
	while (got > 0 && used < (size_t)st.st_size) {
		got = read(fd, text + used, (size_t)st.st_size - used);
		used += got > 0 ? (size_t)got : 0;
	}
	text[used] = '\0';
	fd_close(&fd);
	return text;
}

static void scan_file(
	struct config_build *build, const char *path, const char *directory, unsigned depth)
{
	char *text = read_file(path);

	if (!text) {
		config_problem_add(build, false, "cannot read %s: %s", path, strerror(errno));
		return;
	}
	build->place = (struct config_place){arena_strdup(&build->config->arena, path), 1};
	scan_text(build, text, directory, depth);
	memory_free_at(&text);
}

bool config_scan_file(struct config_build *build, const char *path, const char *directory)
{
	size_t before = build->errors->error_count;

	build->place = (struct config_place){NULL, 0};
	scan_file(build, path, directory, 0);
	return build->errors->error_count == before;
}

bool config_scan_text(struct config_build *build, const char *text)
{
	size_t before = build->errors->error_count;

	build->place = (struct config_place){NULL, 1};
	scan_text(build, text, NULL, 0);
	return build->errors->error_count == before;
}
