/* config_build.h: what the parts of this room share while a configuration is being made. Private to
 * the room. */
#ifndef NEXUS_CONFIG_CONFIG_BUILD_H
#define NEXUS_CONFIG_CONFIG_BUILD_H

#include "config/config_schema.h"

/* A secret's value and the reference that gave it; found again by the value's address. */
struct config_secret {
	const char *value;
	const char *reference;
	const struct config_secret *next;
};

struct config_source;

/* One configuration in the making, and where its reader stands. */
struct config_build {
	struct config *config;
	struct config_errors *errors;
	bool canonical; /* text of config_to_text: secrets stand in clear */
	struct config_place place;
	const char *path;                   /* the key being read, as people write it */
	const struct config_source *source; /* what is being read; NULL: not a text */
};

/* A value as it was given, before its key says what it means. */
enum config_scalar_type { SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT, SCALAR_TEXT };
struct config_scalar {
	enum config_scalar_type type;
	bool boolean;
	int64_t integer;
	double number;
	const char *text;
};

/* --- config_errors.c --- */
/* Adds "source:line: path: text" for where the build stands; an error unless `warning`. Returns
 * false. */
bool config_problem_add(struct config_build *build, bool warning, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with nothing before the text. */
bool config_problem_add_bare(struct config_errors *errors, bool warning, const char *text);

/* --- config_value.c: one value --- */
/* Stores what was given in the row's member of `base`. On trouble adds a problem and returns false.
 */
bool config_value_set(struct config_build *build, const struct config_key *key, void *base,
	const struct config_scalar *given);
/* The same for a list of scalars (STRINGS, SECRETS). */
bool config_value_set_list(struct config_build *build, const struct config_key *key, void *base,
	const struct config_scalar *given, size_t count);
/* Adds one name = value of LEVELS or SCORES. `room` is the number of pairs that will come at most.
 */
bool config_value_add_pair(struct config_build *build, const struct config_key *key, void *base,
	const char *name, const struct config_scalar *given, size_t room);
/* A value as a word of the command line or the environment: lists are separated by commas. */
bool config_value_set_text(
	struct config_build *build, const struct config_key *key, void *base, const char *text);
/* The row's default. */
void config_value_set_default(struct config_build *build, const struct config_key *key, void *base);
/* Copies a value (not of LIST, LEVELS or SCORES) and the texts it points to. */
void config_value_copy(
	struct arena *arena, const struct config_key *key, void *to, const void *from);
bool config_value_equal(const struct config_key *key, const void *a, const void *b);

/* --- config_units.c: numbers with units --- */
/* "30", "1.5": digits and one point. */
bool config_parse_number(const char *text, double *out);
/* "500ms", "30s", "2m", "1h", "7d" or a plain number of seconds. */
bool config_parse_seconds(const char *text, double *out);
/* "512B", "8KiB", "32MiB", "1GiB", "64KB" (1000s) or a plain number of bytes. */
bool config_parse_bytes(const char *text, double *out);
/* The shortest form that reads back as the same number, e.g. "32MiB", "1500". */
void config_format_bytes(uint64_t bytes, char *out, size_t size);
void config_format_number(double number, char *out, size_t size);

/* --- config_secret.c --- */
/* Resolves env:NAME or file:/path. A missing one is a warning and ""; NULL after an error. */
const char *config_secret_resolve(struct config_build *build, const char *reference);
/* The reference that gave `value`, or NULL. */
const char *config_secret_reference(const struct config *config, const char *value);

/* --- config_source.c --- */
/* A run of lines that came from one place. */
struct config_segment {
	struct config_place place;
	unsigned first_line; /* of the text */
	const struct config_segment *before;
};

/* The text that libconfig reads, includes put in. */
struct config_source {
	struct buffer text;
	unsigned line; /* at its end */
	bool overflow;
	const struct config_segment *last;
};

/* Fills `source`, also when it returns false after adding problems; to be freed. */
bool config_source_read_file(
	struct config_build *build, struct config_source *source, const char *path);
bool config_source_read_text(
	struct config_build *build, struct config_source *source, const char *text);
void config_source_free(struct config_source *source);
/* Where a line of the text came from. */
void config_source_place(
	const struct config_source *source, unsigned line, struct config_place *out);

/* --- config_load.c: libconfig --- */
/* Reads a file, or canonical text, into build->config. Problems go to build->errors. */
void config_read_file_into(struct config_build *build, const char *path);
void config_read_text_into(struct config_build *build, const char *text);

/* --- config_check.c --- */
/* Fills in what depends on other values (defaults by type, api_key_env), then checks the rules
 * between keys. */
void config_finish(struct config_build *build);
void config_finish_backend(struct config_build *build, struct config_backend *backend);
void config_check(struct config_build *build);

/* --- config_check_routing.c --- */
void config_check_routing(struct config_build *build);

#endif
