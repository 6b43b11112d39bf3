/* config_load.c: nexus.conf to values. The only file that knows libconfig.
 *
 * Walks what libconfig has read and asks the tables what each name means; nothing in a file is
 * passed over in silence. */
#include "config/config_build.h"

#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define ENTRIES_MAX 4096
#define PATH_SIZE   256u

static void stand_at(struct config_build *build, config_setting_t *setting)
{
	config_source_place(build->source, config_setting_source_line(setting), &build->place);
}

static bool take_scalar(config_setting_t *setting, struct config_scalar *out)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_BOOL:
		*out = (struct config_scalar){
			.type = SCALAR_BOOL, .boolean = config_setting_get_bool(setting)};
		return true;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		*out = (struct config_scalar){
			.type = SCALAR_INT, .integer = config_setting_get_int64(setting)};
		return true;
	case CONFIG_TYPE_FLOAT:
		*out = (struct config_scalar){
			.type = SCALAR_FLOAT, .number = config_setting_get_float(setting)};
		return true;
	case CONFIG_TYPE_STRING:
		*out = (struct config_scalar){
			.type = SCALAR_TEXT, .text = config_setting_get_string(setting)};
		return true;
	default: return false;
	}
}

static bool wrong_shape(struct config_build *build, config_setting_t *setting, const char *wanted)
{
	const char *shape = config_setting_is_group(setting)       ? "a group"
			    : config_setting_is_aggregate(setting) ? "a list"
								   : "a single value";

	return config_problem_add(build, false, "%s stands where %s is expected", shape, wanted);
}

static bool read_strings(struct config_build *build, const struct config_key *key, void *base,
	config_setting_t *setting)
{
	int count = config_setting_length(setting);
	struct config_scalar *items;
	bool good = true;

	if (config_setting_is_group(setting))
		return wrong_shape(build, setting, "a list of texts");
	if (count > ENTRIES_MAX)
		return config_problem_add(build, false, "has more than %d entries", ENTRIES_MAX);
	items = memory_array((size_t)count + 1, sizeof(*items));
	for (int i = 0; good && i < count; i++) {
		config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);

		stand_at(build, item);
		good = take_scalar(item, &items[i]) || wrong_shape(build, item, "a text");
	}
	if (good)
		good = config_value_set_list(build, key, base, items, (size_t)count);
	memory_free_at(&items);
	return good;
}

static bool read_pairs(struct config_build *build, const struct config_key *key, void *base,
	config_setting_t *setting)
{
	const char *outer = build->path;
	int count = config_setting_length(setting);
	bool good = true;

	if (!config_setting_is_group(setting) || count > ENTRIES_MAX)
		return wrong_shape(build, setting, "a group of names");
	for (int i = 0; i < count; i++) {
		config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);
		const char *name = config_setting_name(item);
		struct config_scalar given;
		char path[PATH_SIZE];

		snprintf(path, sizeof(path), "%s.%s", outer, name);
		build->path = path;
		stand_at(build, item);
		if (!take_scalar(item, &given))
			good = wrong_shape(build, item, "a single value");
		else
			good &= config_value_add_pair(
				build, key, base, name, &given, (size_t)count);
		build->path = outer;
	}
	return good;
}

static bool read_list(struct config_build *build, const struct config_key *key, void *base,
	config_setting_t *setting);

static bool read_value(struct config_build *build, const struct config_key *key, void *base,
	config_setting_t *setting)
{
	struct config_scalar given;

	if (take_scalar(setting, &given))
		return config_value_set(build, key, base, &given);
	switch (key->kind) {
	case KIND_LIST: return read_list(build, key, base, setting);
	case KIND_STRINGS:
	case KIND_SECRETS: return read_strings(build, key, base, setting);
	case KIND_LEVELS:
	case KIND_SCORES: return read_pairs(build, key, base, setting);
	default: return wrong_shape(build, setting, "a single value");
	}
}

static void unknown_name(struct config_build *build, const char *section,
	const struct config_item *item, const char *name)
{
	char meant[128];

	config_key_suggest(section, item, name, meant, sizeof(meant));
	config_problem_add(build, false, "unknown key%s", meant);
}

/* One { ... } of a list. */
static bool read_entry(struct config_build *build, const struct config_item *item, char *entry,
	config_setting_t *setting)
{
	const char *outer = build->path;
	int count = config_setting_length(setting);
	bool good = true;
	char path[PATH_SIZE];

	for (size_t i = 0; i < item->key_count; i++) {
		config_value_set_default(build, &item->keys[i], entry);
		if (!item->keys[i].default_text &&
			!config_setting_get_member(setting, item->keys[i].name)) {
			stand_at(build, setting);
			good = config_problem_add(
				build, false, "%s is missing", item->keys[i].name);
		}
	}
	for (int i = 0; i < count; i++) {
		config_setting_t *member = config_setting_get_elem(setting, (unsigned)i);
		const char *name = config_setting_name(member);
		const struct config_key *key = config_item_find(item, name);

		snprintf(path, sizeof(path), "%s.%s", outer, name);
		build->path = path;
		stand_at(build, member);
		if (key)
			good &= read_value(build, key, entry, member);
		else
			unknown_name(build, "", item, name);
		build->path = outer;
	}
	stand_at(build, setting);
	*(struct config_place *)(void *)entry = build->place;
	return good;
}

static bool read_list(struct config_build *build, const struct config_key *key, void *base,
	config_setting_t *setting)
{
	const struct config_item *item = key->item;
	const char *outer = build->path;
	int count = config_setting_length(setting);
	char *entries = arena_zalloc(&build->config->arena, (size_t)count * item->size + 1);
	bool good = true;

	if (config_setting_is_group(setting))
		return wrong_shape(build, setting, "a list of groups, ( { ... }, { ... } ),");
	if (count > ENTRIES_MAX)
		return config_problem_add(build, false, "has more than %d entries", ENTRIES_MAX);
	for (int i = 0; i < count; i++) {
		config_setting_t *entry = config_setting_get_elem(setting, (unsigned)i);
		char path[PATH_SIZE];

		snprintf(path, sizeof(path), "%s[%d]", outer, i);
		build->path = path;
		stand_at(build, entry);
		if (config_setting_is_group(entry))
			good &= read_entry(build, item, entries + (size_t)i * item->size, entry);
		else
			good = wrong_shape(build, entry, "a group");
		build->path = outer;
	}
	*(char **)config_value_at(key, base) = entries;
	*(size_t *)(void *)((char *)base + key->count_offset) = (size_t)count;
	return good;
}

static void read_section(struct config_build *build, config_setting_t *group, const char *section);

/* One name in a section: a key, a section inside it, or a mistake. */
static void read_name(struct config_build *build, config_setting_t *setting, const char *section,
	const char *path)
{
	const char *name = config_setting_name(setting);
	const struct config_key *key = config_key_find(section, name);

	if (key) {
		struct config_place place = build->place;

		if (read_value(build, key, build->config, setting))
			build->config->places[key - config_keys] = place;
	} else if (!config_section_find(path)) {
		unknown_name(build, section, NULL, name);
	} else if (!config_setting_is_group(setting)) {
		wrong_shape(build, setting, "a group, { ... },");
	} else {
		read_section(build, setting, path);
	}
}

static void read_section(struct config_build *build, config_setting_t *group, const char *section)
{
	int count = config_setting_length(group);

	for (int i = 0; i < count; i++) {
		config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		char path[PATH_SIZE];

		snprintf(path, sizeof(path), "%s%s%.100s", section, *section ? "." : "",
			config_setting_name(setting));
		build->path = path;
		stand_at(build, setting);
		read_name(build, setting, section, path);
		build->path = NULL;
	}
}

/* Gives the text to libconfig and walks what it made of it. */
static void read_source(
	struct config_build *build, const struct config_source *source, const char *text)
{
	config_t tree;

	config_init(&tree);
	build->source = source;
	build->path = NULL;
	if (config_read_string(&tree, text) == CONFIG_TRUE) {
		read_section(build, config_root_setting(&tree), "");
	} else {
		config_source_place(source, (unsigned)config_error_line(&tree), &build->place);
		config_problem_add(build, false, "%s", config_error_text(&tree));
	}
	config_destroy(&tree);
	build->source = NULL;
}

void config_read_file_into(struct config_build *build, const char *path)
{
	struct config_source source;

	if (config_source_read_file(build, &source, path))
		read_source(build, &source, buffer_text(&source.text));
	config_source_free(&source);
}

void config_read_text_into(struct config_build *build, const char *text)
{
	struct config_source source;

	if (config_source_read_text(build, &source, text))
		read_source(build, &source, buffer_text(&source.text));
	config_source_free(&source);
}
