/* config_schema.c: the tables of keys, and looking names up in them. Facts stand in the .def files
 * only. */
#include "config/config_schema.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const strategy_names[] = {
	"smart", "round_robin", "priority_only", "random", "least_loaded", NULL};
static const char *const transparent_names[] = {"full", "minimal", "off", NULL};
static const char *const explain_names[] = {"off", "loopback", "all", NULL};
static const char *const cross_zone_names[] = {"block", "fresh_only", "allow", NULL};
static const char *const unknown_capability_names[] = {"last_resort", "refuse", NULL};
static const char *const hard_limit_action_names[] = {"local-only", "queue", "reject", NULL};
static const char *const unknown_price_names[] = {"refuse", "default", NULL};
static const char *const ledger_failure_names[] = {"closed", "open", NULL};
static const char *const period_names[] = {"daily", "weekly", "monthly", "yearly", "total", NULL};
static const char *const privacy_names[] = {"none", "restricted", NULL};
static const char *const zone_names[] = {"restricted", "open", NULL};
static const char *const scope_names[] = {"organization", "team", "user", "global", NULL};
static const char *const unit_names[] = {"usd", "tokens", NULL};
static const char *const alert_action_names[] = {
	"notify", "restrict-models", "require-approval", NULL};
static const char *const backend_type_names[] = {"ollama", "vllm", "llamacpp", "lmstudio", "exo",
	"openai", "anthropic", "google", "generic", "demo", NULL};
static const char *const level_names[] = {"trace", "debug", "info", "warn", "error", NULL};
static const char *const format_names[] = {"pretty", "json", NULL};

const char *const config_reload_names[3] = {"live", "respawn", "upgrade"};

/* What the columns of the .def files stand for. */
#define ANY           .max = 0
#define RANGE(lo, hi) .min = (lo), .max = (hi)
#define ONE_OF(names) .choices = names##_names
#define FORM(what)    .form = config_form_##what
#define REQUIRED      NULL
#define NOW           true
#define LATER         false

#define ITEM(entry) static const struct config_key entry##_keys[] = {
#define MEMBER(entry, key, kind_, default_, limits, help_)                                         \
	{.section = "",                                                                            \
		.path = #key,                                                                      \
		.name = #key,                                                                      \
		.kind = KIND_##kind_,                                                              \
		.offset = offsetof(struct entry, key),                                             \
		.default_text = default_,                                                          \
		limits,                                                                            \
		.help = help_},
#define MEMBER_LIST(entry, key, singular, inner, help_)                                            \
	{.section = "",                                                                            \
		.path = #key,                                                                      \
		.name = #key,                                                                      \
		.kind = KIND_LIST,                                                                 \
		.offset = offsetof(struct entry, key),                                             \
		.count_offset = offsetof(struct entry, singular##_count),                          \
		.default_text = "",                                                                \
		.item = &inner##_item,                                                             \
		.help = help_},
#define ITEM_END(entry)                                                                            \
	}                                                                                          \
	;                                                                                          \
	static const struct config_item entry##_item = {                                           \
		entry##_keys, COUNT(entry##_keys), sizeof(struct entry)};
#include "config/config_lists.def"

#define GROUP(path, name, help)
#define GROUP_END(name)
#define KEY(where, key, kind_, default_, limits, reload_, effect, help_)                           \
	{.section = #where,                                                                        \
		.path = #where "." #key,                                                           \
		.name = #key,                                                                      \
		.kind = KIND_##kind_,                                                              \
		.offset = offsetof(struct config, where.key),                                      \
		.default_text = default_,                                                          \
		limits,                                                                            \
		.reload = CONFIG_##reload_,                                                        \
		.in_effect = effect,                                                               \
		.help = help_},
#define LIST(where, key, singular, entry, reload_, effect, help_)                                  \
	{.section = #where,                                                                        \
		.path = #where "." #key,                                                           \
		.name = #key,                                                                      \
		.kind = KIND_LIST,                                                                 \
		.offset = offsetof(struct config, where.key),                                      \
		.count_offset = offsetof(struct config, where.singular##_count),                   \
		.default_text = "",                                                                \
		.item = &entry##_item,                                                             \
		.reload = CONFIG_##reload_,                                                        \
		.in_effect = effect,                                                               \
		.help = help_},
#define TOP_LIST(key, singular, entry, reload_, effect, help_)                                     \
	{.section = "",                                                                            \
		.path = #key,                                                                      \
		.name = #key,                                                                      \
		.kind = KIND_LIST,                                                                 \
		.offset = offsetof(struct config, key),                                            \
		.count_offset = offsetof(struct config, singular##_count),                         \
		.default_text = "",                                                                \
		.item = &entry##_item,                                                             \
		.reload = CONFIG_##reload_,                                                        \
		.in_effect = effect,                                                               \
		.help = help_},
const struct config_key config_keys[] = {
#include "config/config_keys.def"
};
const size_t config_key_count = COUNT(config_keys);

#define GROUP(path_, name, help_) {.path = #path_, .help = help_},
#define GROUP_END(name)
#define KEY(...)
#define LIST(...)
#define TOP_LIST(...)
const struct config_section config_sections[] = {
#include "config/config_keys.def"
};
const size_t config_section_count = COUNT(config_sections);

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0)
			return key;
	}
	return NULL;
}

const struct config_key *config_item_find(const struct config_item *item, const char *name)
{
	for (size_t i = 0; i < item->key_count; i++)
		if (strcmp(item->keys[i].name, name) == 0)
			return &item->keys[i];
	return NULL;
}

const struct config_section *config_section_find(const char *path)
{
	for (size_t i = 0; i < config_section_count; i++)
		if (strcmp(config_sections[i].path, path) == 0)
			return &config_sections[i];
	return NULL;
}

/* The last word of a section directly inside `section`, else NULL. */
static const char *section_child(const char *path, const char *section)
{
	size_t len = strlen(section);

	if (len == 0)
		return strchr(path, '.') ? NULL : path;
	if (strncmp(path, section, len) != 0 || path[len] != '.')
		return NULL;
	return path + len + 1;
}

#define NAMES_MAX 64u

/* All names that may stand in a section or an entry; ends with NULL. */
static void names_of(
	const char *section, const struct config_item *item, const char *names[NAMES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; item && i < item->key_count && count < NAMES_MAX - 1; i++)
		names[count++] = item->keys[i].name;
	for (size_t i = 0; !item && i < config_key_count && count < NAMES_MAX - 1; i++)
		if (strcmp(config_keys[i].section, section) == 0)
			names[count++] = config_keys[i].name;
	for (size_t i = 0; !item && i < config_section_count && count < NAMES_MAX - 1; i++) {
		const char *child = section_child(config_sections[i].path, section);

		if (child)
			names[count++] = child;
	}
	names[count] = NULL;
}

void config_key_suggest(const char *section, const struct config_item *item, const char *wanted,
	char *out, size_t size)
{
	const char *names[NAMES_MAX];
	const char *nearest;

	out[0] = '\0';
	names_of(section, item, names);
	nearest = text_nearest(wanted, names);
	if (nearest) {
		snprintf(
			out, size, "; did you mean %s%s%s?", section, *section ? "." : "", nearest);
		return;
	}
	/* A right name in the wrong place. */
	for (size_t i = 0; i < config_key_count; i++) {
		if (strcmp(config_keys[i].name, wanted) == 0) {
			snprintf(out, size, "; did you mean %s?", config_keys[i].path);
			return;
		}
	}
}
