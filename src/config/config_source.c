/* config_source.c: a file and all that it includes as one text for libconfig, and which line came
 * from where.
 *
 * libconfig 1.5 alone reads integers over 32 bits modulo 2^32, ends the whole process when an
 * included file is a directory, takes every include relative to one directory, and bounds no
 * nesting. So: includes are put in here, a large integer gets the L behind it that libconfig wants,
 * and the rest goes through byte for byte. Nothing else is judged here. */
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

#define FILE_BYTES_MAX (16u << 20)
#define TEXT_BYTES_MAX (64u << 20)
#define NESTING_MAX    32u
#define INCLUDE_DEPTH  8u

/* One file being read. */
struct scan {
	struct config_build *build; /* its place says where we are */
	struct config_source *source;
	const char *at;
	bool may_include;
	unsigned include_depth;
	unsigned nesting;
	bool line_start; /* nothing but blanks so far on this line */
	bool in_word;    /* the byte before belongs to a name or a number */
	bool minus;      /* the byte before is a minus sign */
};

static void scan_file(
	struct config_build *build, struct config_source *source, const char *path, unsigned depth);

static void emit(struct scan *scan, const char *text, size_t len)
{
	if (!buffer_append(&scan->source->text, text, len) && !scan->source->overflow) {
		scan->source->overflow = true;
		config_problem_add(scan->build, false, "the configuration is over %u MiB",
			TEXT_BYTES_MAX >> 20);
	}
	for (size_t i = 0; i < len; i++)
		scan->source->line += text[i] == '\n';
}

/* From here on, lines of the text are lines of the build's place. */
static void begin_segment(struct scan *scan)
{
	struct config_source *source = scan->source;
	struct config_segment *segment = arena_alloc(&scan->build->config->arena, sizeof(*segment));

	segment->place = scan->build->place;
	segment->first_line = source->line;
	segment->before = source->last;
	source->last = segment;
}

void config_source_place(
	const struct config_source *source, unsigned line, struct config_place *out)
{
	const struct config_segment *segment = source->last;

	while (segment && segment->first_line > line)
		segment = segment->before;
	*out = segment ? segment->place : (struct config_place){NULL, 0};
	if (segment)
		out->line += line - segment->first_line;
}

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

/* At the first digit of a number that no name precedes. True when libconfig needs an L behind it.
 */
static bool skip_number(struct scan *scan)
{
	bool hexadecimal = strncasecmp(scan->at, "0x", 2) == 0;
	const char *start = scan->at;
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(start, &end, hexadecimal ? 16 : 10);
	scan->at = end > start ? end : start + 1;
	if (*scan->at == 'L' || *scan->at == '.' || (*scan->at | 0x20) == 'e')
		return false;
	if (errno == ERANGE || value > INT64_MAX)
		config_problem_add(scan->build, false, "%.*s is too large a number",
			(int)(scan->at - start), start);
	return value > (hexadecimal ? (unsigned long long)INT32_MAX
				    : (unsigned long long)INT32_MAX + scan->minus);
}

/* The path of an included file: relative ones are relative to the file that includes them. */
static void include_path(
	const char *from, const char *name, size_t name_len, char *out, size_t size)
{
	const char *slash = from ? strrchr(from, '/') : NULL;

	snprintf(out, size, "%.*s%.*s", *name != '/' && slash ? (int)(slash - from) + 1 : 0,
		from ? from : "", (int)name_len, name);
}

/* At "@include"; puts that file here. */
static void scan_include(struct scan *scan)
{
	struct config_place here = scan->build->place;
	const char *name = scan->at + strlen("@include");
	char path[4096];

	name += strspn(name, " \t");
	if (*name != '"')
		return; /* libconfig says what is wrong */
	name++;
	scan->at = name + strcspn(name, "\"\n");
	include_path(here.source, name, (size_t)(scan->at - name), path, sizeof(path));
	scan->at += *scan->at == '"';
	if (!scan->may_include || scan->include_depth >= INCLUDE_DEPTH) {
		config_problem_add(scan->build, false, "%s",
			scan->may_include ? "files include each other too deeply"
					  : "@include has no place here");
		return;
	}
	emit(scan, "\n", 1);
	scan_file(scan->build, scan->source, path, scan->include_depth + 1);
	emit(scan, "\n", 1);
	scan->build->place = here;
	begin_segment(scan);
}

static void count_nesting(struct scan *scan, char byte)
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
	       byte == '_' || byte == '*' || byte == '.';
}

/* Passes over one thing: a comment, a string, a number, a byte. Returns whether an L belongs behind
 * it. */
static bool scan_one(struct scan *scan)
{
	char byte = *scan->at;
	bool in_word = scan->in_word;
	bool large = false;

	scan->line_start = scan->line_start && (byte == ' ' || byte == '\t');
	scan->in_word = is_word(byte);
	if (byte == '#' || strncmp(scan->at, "//", 2) == 0)
		skip_until(scan, "\n");
	else if (strncmp(scan->at, "/*", 2) == 0)
		skip_until(scan, "*/");
	else if (byte == '"')
		skip_string(scan);
	else if (byte >= '0' && byte <= '9' && !in_word)
		large = skip_number(scan);
	else {
		if (strchr("(){}[]", byte))
			count_nesting(scan, byte);
		step(scan);
	}
	scan->minus = byte == '-';
	return large;
}

static void scan_text(struct scan *scan, const char *text)
{
	size_t errors = scan->build->errors->error_count;

	scan->at = text;
	scan->line_start = true;
	begin_segment(scan);
	while (*scan->at && scan->build->errors->error_count == errors) {
		const char *start = scan->at;

		if (scan->line_start && strncmp(start, "@include", 8) == 0) {
			scan_include(scan);
			scan->line_start = false;
			continue;
		}
		bool large = scan_one(scan);

		emit(scan, start, (size_t)(scan->at - start));
		if (large)
			emit(scan, "L", 1);
	}
}

/* The file's bytes and a NUL, to be freed; NULL with errno set. */
static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = NULL;
	struct stat st = {0};
	size_t used = 0;
	ssize_t got = 1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX) {
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
	struct config_build *build, struct config_source *source, const char *path, unsigned depth)
{
	struct scan scan = {
		.build = build, .source = source, .may_include = true, .include_depth = depth};
	char *text = read_file(path);

	if (!text) {
		config_problem_add(build, false, "cannot read %s: %s", path, strerror(errno));
		return;
	}
	build->place = (struct config_place){arena_strdup(&build->config->arena, path), 1};
	scan_text(&scan, text);
	memory_free_at(&text);
}

static void source_begin(struct config_build *build, struct config_source *source)
{
	*source = (struct config_source){.line = 1};
	buffer_init(&source->text, TEXT_BYTES_MAX);
	build->place = (struct config_place){NULL, 0};
	build->path = NULL;
}

bool config_source_read_file(
	struct config_build *build, struct config_source *source, const char *path)
{
	size_t before = build->errors->error_count;

	source_begin(build, source);
	scan_file(build, source, path, 0);
	return build->errors->error_count == before;
}

bool config_source_read_text(
	struct config_build *build, struct config_source *source, const char *text)
{
	struct scan scan = {.build = build, .source = source};
	size_t before = build->errors->error_count;

	source_begin(build, source);
	build->place = (struct config_place){"configuration", 1};
	scan_text(&scan, text);
	return build->errors->error_count == before;
}

void config_source_free(struct config_source *source)
{
	buffer_free(&source->text);
}
