/* config_structs.h: struct config and its parts, generated from config_keys.def and
 * config_lists.def; and the list of what was wrong. Included by config.h only. */
#ifndef NEXUS_CONFIG_CONFIG_STRUCTS_H
#define NEXUS_CONFIG_CONFIG_STRUCTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct config_strings {
	const char **items;
	size_t count;
};

/* A name and a number: entries of LEVELS (component, enum log_level) and SCORES (capability, 0 to
 * 10). */
struct config_pair {
	const char *name;
	int value;
};

struct config_pairs {
	struct config_pair *items;
	size_t count;
};

/* Where a value was given: a file and a line, or "NEXUS_PORT", or "command line". */
struct config_place {
	const char *source; /* NULL: nowhere, it is the default */
	unsigned line;      /* 0: the source has none */
};

/* The C type of each kind of key. */
typedef bool config_BOOL;
typedef uint32_t config_UINT;
typedef double config_DOUBLE;
typedef double config_SECONDS;
typedef uint64_t config_BYTES;
typedef const char *config_STRING;
typedef struct config_strings config_STRINGS;
typedef int config_ENUM;
typedef const char *config_SECRET;
typedef struct config_strings config_SECRETS;
typedef int config_TRISTATE;
typedef struct config_pairs config_LEVELS;
typedef struct config_pairs config_SCORES;

/* Entries of lists: struct config_alias, config_backend, ... */
#define ITEM(item)                                                                                 \
	struct item {                                                                              \
		struct config_place place;
#define MEMBER(item, key, kind, default_text, limits, help) config_##kind key;
#define MEMBER_LIST(item, key, singular, inner, help)                                              \
	struct inner *key;                                                                         \
	size_t singular##_count;
#define ITEM_END(item)                                                                             \
	}                                                                                          \
	;
#include "config/config_lists.def"

#define GROUP(path, name, help) struct config_##name {
#define GROUP_END(name)                                                                            \
	}                                                                                          \
	name;
#define KEY(section, key, kind, default_text, limits, reload, effect, help) config_##kind key;
#define LIST(section, key, singular, item, reload, effect, help)                                   \
	struct item *key;                                                                          \
	size_t singular##_count;
#define TOP_LIST(key, singular, item, reload, effect, help)                                        \
	LIST(top, key, singular, item, reload, effect, help)

struct config_secret;

struct config {
	uint64_t version; /* rises with each reload; 0 before the supervisor has set it */
	const char *path; /* the file it came from; "" when there was none */
#include "config/config_keys.def"
	/* private */
	uint32_t refs;
	struct arena arena;
	struct config_place *places;         /* one a row of config_keys.def, in order */
	const struct config_secret *secrets; /* where each secret came from, for config show */
};

/* One thing that is wrong, as one line: "nexus.conf:12: server.workers: 900 is over 64". */
struct config_problem {
	bool warning;
	const char *text;
};

#define CONFIG_PROBLEMS_MAX 100u

/* All that is wrong with a configuration. Errors refuse it, warnings do not. The texts never hold a
 * secret. */
struct config_errors {
	struct config_problem items[CONFIG_PROBLEMS_MAX];
	size_t count;       /* of items */
	size_t error_count; /* also those that found no place */
	size_t warning_count;
	struct arena arena;
};

#endif
