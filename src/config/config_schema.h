/* config_schema.h: the tables made from config_keys.def and config_lists.def; private to this room,
 * documents and tests. */
#ifndef NEXUS_CONFIG_CONFIG_SCHEMA_H
#define NEXUS_CONFIG_CONFIG_SCHEMA_H

#include "config/config.h"

enum config_kind {
	KIND_BOOL,
	KIND_UINT,
	KIND_DOUBLE,
	KIND_SECONDS,
	KIND_BYTES,
	KIND_STRING,
	KIND_STRINGS,
	KIND_ENUM,
	KIND_SECRET,
	KIND_SECRETS,
	KIND_TRISTATE,
	KIND_LEVELS,
	KIND_SCORES,
	KIND_LIST,
};

/* Absent values while a configuration is being built; config_finish replaces those that have a
 * default by type. */
#define CONFIG_ABSENT_UINT   UINT32_MAX
#define CONFIG_ABSENT_ENUM   (-1)
#define CONFIG_ABSENT_DOUBLE (-1.0)

struct config_item;

struct config_key {
	const char *section; /* "server", "health_check.breaker", "" (top level and list entries) */
	const char *name;
	const char *path; /* "server.port"; of a list entry's member: its name */
	enum config_kind kind;
	size_t offset;                                     /* in struct config, or in the entry */
	size_t count_offset;                               /* of a LIST */
	const char *default_text;                          /* NULL: required (list entries) */
	double min, max;                                   /* max 0: no bounds */
	const char *const *choices;                        /* ends with NULL */
	bool (*form)(const char *text, struct error *err); /* of a STRING, or of each of STRINGS */
	const struct config_item *item;                    /* of a LIST */
	enum config_reload reload;
	bool in_effect;
	const char *help;
};

/* A kind of list entry. */
struct config_item {
	const struct config_key *keys;
	size_t key_count;
	size_t size;
};

struct config_section {
	const char *path; /* "server", "health_check.breaker" */
	const char *help;
};

/* A variable of the environment that stands for a key. */
struct config_variable {
	const char *variable;
	const char *section;
	const char *name;
};

extern const struct config_variable config_variables[]; /* config.c */
extern const size_t config_variable_count;
extern const struct config_key config_keys[];
extern const size_t config_key_count;
extern const struct config_section
	config_sections[]; /* in the order of the file, outer before inner */
extern const size_t config_section_count;

/* The row of a key, or NULL. */
const struct config_key *config_key_find(const char *section, const char *name);
const struct config_key *config_item_find(const struct config_item *item, const char *name);
const struct config_section *config_section_find(const char *path);
/* What an unknown name was meant to be, as a sentence's end ("; did you mean server.port?"), or "".
 */
void config_key_suggest(const char *section, const struct config_item *item, const char *wanted,
	char *out, size_t size);

/* Where a row's value lies. */
static inline void *config_value_at(const struct config_key *key, const void *base)
{
	return (char *)base + key->offset;
}

/* Forms of strings: whether `text` is one; `err` says what is wrong with it. Empty text is never
 * asked about. */
bool config_form_host(const char *text, struct error *err);
bool config_form_host_name(const char *text, struct error *err);
bool config_form_origin(const char *text, struct error *err);
bool config_form_account(const char *text, struct error *err);
bool config_form_path(const char *text, struct error *err);
bool config_form_log_file(const char *text, struct error *err);
bool config_form_service_type(const char *text, struct error *err);
bool config_form_probe_host(const char *text, struct error *err);
bool config_form_pattern(const char *text, struct error *err);
bool config_form_network(const char *text, struct error *err);
bool config_form_header(const char *text, struct error *err);
bool config_form_timezone(const char *text, struct error *err);
bool config_form_model(const char *text, struct error *err);
bool config_form_name(const char *text, struct error *err);
bool config_form_url(const char *text, struct error *err);
bool config_form_variable(const char *text, struct error *err);
bool config_form_date(const char *text, struct error *err);

#endif
